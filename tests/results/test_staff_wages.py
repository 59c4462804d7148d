"""Staff wages of a desk: comparison with manual values and integration, inclusion in metrics, and no effect on interval widths."""

import math
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate
from small_scenarios import small_scenario

from cjsim.compiler.wages import WageTerms, desk_wages
from cjsim.scenario.policy import Shift, Staffing
from cjsim.scenario.rosters import Roster, crews_of, roster_of
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate

DAYS, YEARLY = 30.0, 0.25
DISCOUNT_RATE_PER_DAY = math.log1p(YEARLY) / 365  # interest per day
BUYS = {"buy": {"in": ["here"], "wait": {"exponential": "6d"}, "effects": [{"purchase": {"value": 10, "margin": 0.5}}]}}
JOURNEY: dict[str, Any] = {"desks": {"help": {"service": {"fixed": "20min"}}, "sales": {"service": {"fixed": "1h"}}}, "events": BUYS}
ROUND_THE_CLOCK = {"agents": 2, "wage_per_hour": 15.0}
NIGHTS = {"shifts": [{"agents": 1, "from": "22:00", "to": "06:00", "wage_per_hour": 25}, {"agents": 3, "to": "01:00", "wage_per_hour": 5}]}


def roster(shifts: Sequence[Shift]) -> Roster:
    """The agents over time."""
    return roster_of(crews_of(shifts, start=date(2026, 1, 5), horizon_days=DAYS), horizon_days=DAYS)


def simulate_with_staff(desks: dict[str, Any], **settings: Any) -> Run:
    """50 customers who never contact a desk."""
    journey = JOURNEY | settings.pop("journey", {})
    settings = {"customers": 50, "discount_rate": YEARLY} | settings
    return simulate(small_scenario(journey=journey, policy={"desks": desks, **settings.pop("policy", {})}, **settings))


def test_staff_are_paid_for_shifts_within_the_horizon() -> None:
    run = simulate_with_staff({"help": ROUND_THE_CLOCK, "sales": NIGHTS}, horizon="30d")
    # The night shift before day 0 contributes 6 hours. The last night shift is paid only for the 2 hours until the horizon.
    assert run.wages["help"].paid == pytest.approx(30 * 24 * 2 * 15)
    assert run.wages["sales"].paid == pytest.approx(30 * 8 * 25 + 30 * 1 * 3 * 5)


def test_staff_are_paid_only_on_their_days() -> None:
    shift = {"agents": 4, "from": "09:00", "to": "17:00", "wage_per_hour": 20}
    days = [{"weekdays": ["monday", "friday"]}, {"dates": ["2026-01-10", "2027-01-01"]}]
    run = simulate_with_staff(
        {"help": {"shifts": [shift | day for day in days]}}, horizon="11d"
    )  # starts on a Monday and includes two Mondays, one Friday, one date
    assert run.wages["help"].paid == pytest.approx(4 * 8 * 20 * (3 + 1))
    assert run.wages["sales"][:2] == (0, 0)


def test_staff_cost_is_zero_without_wages() -> None:
    run = simulate_with_staff({"help": {"agents": 1000}, "sales": {"shifts": [{"agents": 0, "wage_per_hour": 9}]}})
    assert run.metrics["staff_cost"].value == run.metrics["cost"].value == 0
    assert run.metrics["clv"].value == run.outcomes.customers["clv"].mean()


@pytest.mark.parametrize("entered", [0.0, 0.01, 4.3, 11.9, 29.99])
def test_wages_after_entry_are_discounted_and_earlier_wages_are_not(entered: float) -> None:
    staffing = Staffing.model_validate(NIGHTS)
    paid = [(shift.wage_per_hour * 24, roster([shift])) for shift in staffing.shifts]

    def per_day(t: float) -> float:
        hour = t % 1 * 24
        return 24 * (25 * (hour >= 22 or hour < 6) + 15 * (hour < 1))

    edges = sorted({entered, *(day + hour / 24 for day in range(30) for hour in (0, 1, 6, 22)), DAYS})
    expected = sum(
        integrate.quad(lambda t: per_day(t) * math.exp(-DISCOUNT_RATE_PER_DAY * max(t - entered, 0)), a, b)[0] for a, b in pairwise(edges)
    )
    assert desk_wages(paid, WageTerms(DAYS, DAYS, DISCOUNT_RATE_PER_DAY), entered=np.array([entered])).worth == pytest.approx(
        expected, rel=1e-9
    )


def test_discounted_wages_are_averaged_over_entered_customers() -> None:
    paid = [
        (
            240.0,
            roster_of(
                crews_of(Staffing.model_validate({"agents": 1}).shifts, start=date(2026, 1, 5), horizon_days=DAYS), horizon_days=DAYS
            ),
        )
    ]
    entered = np.array([0.0, 10.0, DAYS, 99.0])
    later = 240 * (10 + -math.expm1(-DISCOUNT_RATE_PER_DAY * 20) / DISCOUNT_RATE_PER_DAY)
    first = 240 * -math.expm1(-DISCOUNT_RATE_PER_DAY * DAYS) / DISCOUNT_RATE_PER_DAY
    assert desk_wages(paid, WageTerms(DAYS, DAYS, DISCOUNT_RATE_PER_DAY), entered=entered).worth == pytest.approx(
        (first + later) / 2, rel=1e-12
    )
    assert desk_wages(paid, WageTerms(DAYS, DAYS, 0.0), entered=entered).worth == pytest.approx(240 * DAYS, rel=1e-12)


def test_cost_profit_and_clv_include_wages() -> None:
    desks = {"help": ROUND_THE_CLOCK, "sales": NIGHTS}
    run, free = simulate_with_staff(desks), simulate_with_staff({"help": {"agents": 2}})
    of, found, before = run.outcomes.customers, run.metrics, free.metrics
    paid = {desk: wages.paid for desk, wages in run.wages.items()}
    total, margin = sum(paid.values()), of["margin"].sum()
    assert found["staff_cost"].value == pytest.approx(total / 50)
    assert found["staff_cost[sales]"].value == pytest.approx(paid["sales"] / 50)
    assert found["cost"].value == pytest.approx(total / 50)
    assert found["profit"].value == pytest.approx(margin - total)
    lost = sum(wages.worth for wages in run.wages.values())
    assert found["clv"].value == pytest.approx(before["clv"].value - lost / 50)
    assert found["total_clv"].value == pytest.approx(before["total_clv"].value - lost)
    assert 0.99 * total < lost < total


def test_wages_do_not_widen_intervals_of_a_fixed_population() -> None:
    paid, free = simulate_with_staff({"help": ROUND_THE_CLOCK}).metrics, simulate_with_staff({"help": {"agents": 2}}).metrics
    for metric in ("clv", "profit", "total_clv"):
        assert paid[metric].high - paid[metric].low == pytest.approx(free[metric].high - free[metric].low)
    assert paid["staff_cost"].low == paid["staff_cost"].high


def test_wages_are_shared_by_all_entered_customers() -> None:
    journey = {"acquisition": {"ads": {"hill": {"at_most": 5, "half": 10}}, "idle": {}}}
    spends = {"acquisition": {"ads": 10, "idle": 1}}
    run = simulate_with_staff({"help": ROUND_THE_CLOCK}, journey=journey, policy=spends, entry={"over": "40d"})
    entered = run.entered.sum()
    assert 50 < entered < len(run)
    assert run.metrics["staff_cost"].value == pytest.approx(30 * 24 * 30 / entered)
    assert run.metrics["cost"].value == pytest.approx((30 * 24 * 30 + 330) / entered)
    assert run.metrics["profit"].value == pytest.approx(run.outcomes.customers["margin"].sum() - 30 * 24 * 30 - 330)
    worth = run.wages["help"].worth + 330
    own = run.outcomes.customers["clv"].sum() + run.outcomes.customers["cost"].sum()  # margins alone: all costs are booked at entries
    assert run.metrics["total_clv"].value == pytest.approx(own - worth)


def test_changing_unused_shifts_changes_only_wages() -> None:
    less, more = ({"desks": {"help": {"agents": n, "wage_per_hour": 10}}} for n in (1, 2))
    two = {name: small_scenario(journey=JOURNEY, policy=policy, customers=50) for name, policy in {"less": less, "more": more}.items()}
    pair = compare(two, seed=3)
    found = pair.alternatives["more"]
    assert found["profit"].effect == pytest.approx(-30 * 24 * 10)
    assert found["profit"].low == found["profit"].high == found["profit"].effect
    assert found["staff_cost[help]"].effect == pytest.approx(30 * 24 * 10 / 50)
    assert pair.effects("more", "profit")["effect"].tolist() == pytest.approx([-30 * 24 * 10 / 50] * 50)
    assert Comparison.of({"a": pair.runs["more"], "b": pair.runs["more"]}).alternatives["b"]["clv"][2:5] == (0, 0, 0)


def test_wages_round_trip_to_disk(tmp_path: Path) -> None:
    run = simulate_with_staff({"help": ROUND_THE_CLOCK, "sales": NIGHTS})
    again = Run.load(run.save(tmp_path))
    assert again.wages == run.wages and list(again.wages) == ["help", "sales"]
    assert again.to_json()["metrics"]["staff_cost[sales]"] == run.to_json()["metrics"]["staff_cost[sales]"]
