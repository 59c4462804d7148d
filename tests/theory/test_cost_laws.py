"""Fixed costs against the closed form of their present value; desks: utilisation of M/M/c, and the share of requests out of hours.

Error rates: see statistical_checks.py. Utilisations of independent seeds are compared by a t test.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statistical_checks import assert_plausible, simulate_small

YEARLY = 0.25
FORCE = math.log1p(YEARLY) / 365.0


def test_platform_cost_is_an_annuity_paid_in_advance() -> None:
    # Months begin on January 5, February 5, and so on: 31, 28, 31, ... days apart. December 5 to 31 is 26 of 31 days.
    starts = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
    paid = np.array([300.0] * 11 + [300.0 * 26 / 31])
    run = simulate_small({}, customers=4, policy={"costs": {"platform_per_month": 300}}, horizon="360d", discount_rate=YEARLY)
    assert run.metrics["platform_cost"].value == pytest.approx(paid.sum() / 4, rel=1e-12)
    assert run.metrics["clv"].value == pytest.approx(-(paid * np.exp(-FORCE * starts)).sum() / 4, rel=1e-12)
    assert run.metrics["profit"].value == pytest.approx(-paid.sum(), rel=1e-12)


def test_a_constant_month_makes_it_a_geometric_series() -> None:
    # 12 payments at equal intervals have the present value a (1 - v^12) / (1 - v) with v = (1 + r)^(-1/12).
    # The months of the calendar begin up to 2 days earlier or later.
    run = simulate_small({}, customers=1, policy={"costs": {"platform_per_month": 100}}, horizon="365d", discount_rate=YEARLY)
    v = (1 + YEARLY) ** (-1 / 12)
    assert run.metrics["platform_cost"].value == pytest.approx(1200, rel=1e-12)
    assert -run.metrics["clv"].value == pytest.approx(100 * (1 - v**12) / (1 - v), rel=2e-3)


def test_payments_before_the_entry_are_not_discounted() -> None:
    costs = {"platform_per_month": 300, "setup": 40}
    run = simulate_small({}, customers=2, policy={"costs": costs}, horizon="59d", discount_rate=YEARLY, entry={"over": "40d"})
    entered = run.outcomes.customers["entered"]
    second = 300 * np.exp(-FORCE * np.maximum(31 - entered, 0))
    assert run.metrics["clv"].value == pytest.approx(-(340 + second.mean()) / 2, rel=1e-12)


def callers(staffing: dict[str, Any], *, service: dict[str, Any], seed: int, horizon: str, rate: float) -> Any:
    """New customers at a daily rate, each of whom asks once, at entry, and waits without limit."""
    journey = {
        "acquisition": {"word": {"baseline": rate}},
        "stages": {"new": {}, "done": {}},
        "starts_in": "new",
        "desks": {"help": {"service": service}},
        "events": {"call": {"in": ["new"], "wait": {"fixed": "0s"}, "effects": [{"ask": "help"}, {"go": "done"}]}},
    }
    return simulate_small(journey, customers=0, policy={"desks": {"help": staffing}}, horizon=horizon, seed=seed)


def test_utilisation_of_an_mmc_desk_is_the_offered_load_per_agent() -> None:
    # rho = lambda / (c mu) = 30 * 0.05 / 4. Conversations that are open at the horizon take about 1.5 * 0.05 of 160 agent-days.
    found, shared = [], []
    for seed in range(8):
        terms: Any = {"service": {"exponential": "72min"}, "seed": seed, "horizon": "40d", "rate": 30.0}
        found.append(callers({"agents": 4}, **terms).metrics["utilisation[help]"].value)
        if seed < 2:
            shared.append(callers({"agents": 4, "shared": 0.5}, **terms).metrics["utilisation"].value)
    assert shared == pytest.approx([2 * one for one in found[:2]])
    assert_plausible(float(stats.ttest_1samp(found, 30 * 0.05 / 4).pvalue))


def test_requests_out_of_hours_are_the_share_of_the_week_without_staff() -> None:
    # Requests come at a constant rate for 8 weeks. The desk is open for 40 of 168 hours.
    journey = {
        "desks": {"help": {"service": {"fixed": "1s"}, "patience": {"fixed": "1s"}}},
        "events": {"call": {"in": "anywhere", "wait": {"exponential": "2d"}, "effects": [{"ask": "help"}]}},
    }
    week = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    desk = {"shifts": [{"agents": 1000, "from": "09:00", "to": "17:00", "weekdays": week}]}
    run = simulate_small(journey, customers=200, policy={"desks": {"help": desk}}, horizon="56d")
    of = run.outcomes.desks[:, 0]
    asked, outside = int(of["asks"].sum()), int(of["out_of_hours"].sum())
    assert run.metrics["out_of_hours"].value == outside / asked
    assert run.metrics["abandonment"].value == 0  # in hours, an agent is always free
    assert of["outside_abandoned"].sum() == of["outside_closed"].sum() >= outside - 5  # but for requests at the horizon
    assert_plausible(float(stats.binomtest(outside, asked, 1 - 40 / 168).pvalue))
