"""Prices, offers and deadlines that change the speed of clocks, sways of branches, and waits that disappoint: exact times and values."""

import math
from typing import Any

import pytest
from rule_worlds import event_after, rows_of, times
from small_scenarios import small_scenario

from cjsim.simulation.simulate import simulate

HALF_OFF = {"deal": {"discount": 0.5, "valid": "2d"}}
START = event_after("0s", {"offer": "deal"}, when="count(start) < 1")


def buys(*, offers: Any = HALF_OFF, start: Any = START, more: Any = None, value: Any = 10, **event: Any) -> list[float]:
    """Times at which a customer buys, with a fixed wait of 10 days at speed 1."""
    effects = [{"purchase": {"value": value}}]
    journey = {
        "offers": offers,
        "events": {"start": start, "buy": {"in": "anywhere", "wait": {"fixed": "10d"}, "effects": effects, **event}},
    }
    journey["events"] |= more or {}
    return times(rows_of(journey), "buy")


def test_clock_runs_faster_while_the_customer_holds_an_offer() -> None:
    # 2 days at twice the speed, then 6 days; then speed 1 again.
    assert buys(demand={"elasticity": 1}) == pytest.approx([8, 18, 28])


@pytest.mark.parametrize(("elasticity", "speed"), [(0, 1), (0.5, math.sqrt(2)), (2, 4)])
def test_speed_is_the_price_to_the_power_of_minus_the_elasticity(elasticity: float, speed: float) -> None:
    assert buys(demand={"elasticity": elasticity})[0] == pytest.approx(10 - 2 * (speed - 1))


def test_elasticity_may_be_a_trait() -> None:
    journey = {"traits": {"keen": {"fixed": 2.0}}, "offers": HALF_OFF}
    buy = {"in": "anywhere", "wait": {"fixed": "10d"}, "demand": {"elasticity": "keen"}, "effects": [{"purchase": {"value": 10}}]}
    assert times(rows_of({**journey, "events": {"start": START, "buy": buy}}), "buy")[0] == pytest.approx(4)


def test_price_counts_as_at_least_a_tenth() -> None:
    free = {"deal": {"discount": 1, "valid": "2h"}}
    assert buys(offers=free, demand={"elasticity": 1})[0] == pytest.approx(10 - 9 / 12)


def test_redemption_ends_the_effect_of_a_single_use() -> None:
    long = {"deal": {"discount": 0.5, "valid": "30d"}}
    assert buys(offers=long, demand={"elasticity": 1}) == pytest.approx([5, 15, 25])
    assert buys(offers={"deal": {**long["deal"], "uses": 2}}, demand={"elasticity": 1}) == pytest.approx([5, 10, 20])


def test_the_largest_known_discount_counts() -> None:
    offers = {"deal": {"discount": 0.5, "valid": "2d"}, "small": {"discount": 0.1, "valid": "20d"}}
    start = event_after("0s", {"offer": "deal"}, {"offer": "small"}, when="count(start) < 1")
    # 2 days at speed 2, then speed 1 / 0.9 for the remaining 6.
    assert buys(offers=offers, start=start, demand={"elasticity": 1})[0] == pytest.approx(2 + 6 * 0.9)


@pytest.mark.parametrize(("value", "at_least", "saved"), [(10, 0, 0.5), (20, 0, 0.25), (10, 12, 0)])
def test_an_amount_counts_as_a_share_of_the_mean_value(value: float, at_least: float, saved: float) -> None:
    offers = {"deal": {"amount": 5, "valid": "2d", "at_least": at_least}}
    assert buys(offers=offers, value=value, demand={"elasticity": 1})[0] == pytest.approx(10 - 2 * (1 / (1 - saved) - 1))


def test_traits_that_multiply_the_value_count_for_amounts() -> None:
    effects = [{"purchase": {"value": 5, "times": ["size"]}}]
    buy = {"in": "anywhere", "wait": {"fixed": "10d"}, "demand": {"elasticity": 1}, "effects": effects}
    offers = {"deal": {"amount": 5, "valid": "2d"}}
    rows = rows_of({"traits": {"size": {"fixed": 4.0}}, "offers": offers, "events": {"start": START, "buy": buy}})
    assert times(rows, "buy")[0] == pytest.approx(10 - 2 * (1 / 0.75 - 1))


def test_price_above_the_reference_slows_the_clock() -> None:
    assert buys(start=event_after(None), demand={"elasticity": 1, "reference_price": 8}) == pytest.approx([12.5, 25])
    assert buys(start=event_after(None), demand={"elasticity": 1, "reference_price": 10}) == pytest.approx([10, 20])


def test_clock_may_respond_to_the_price_of_another_event() -> None:
    look = {"in": "anywhere", "wait": {"fixed": "10d"}, "demand": {"elasticity": 1, "purchase": "buy"}}
    journey = {"offers": HALF_OFF, "events": {"start": START, "buy": event_after(None, {"purchase": {"value": 3}}), "look": look}}
    assert times(rows_of(journey), "look")[0] == pytest.approx(8)


def test_announced_offer_counts_only_from_its_announcement() -> None:
    tell = {"tell": event_after("1d", {"announce": "deal"}, when="count(tell) < 1")}
    assert buys(demand={"elasticity": 1}, more=tell)[0] == pytest.approx(9)


def test_announcement_without_the_offer_teaches_nothing() -> None:
    tell = {"tell": event_after("0s", {"announce": "deal"}, when="count(tell) < 1")}
    start = event_after("1d", {"offer": "deal"}, when="count(start) < 1")
    assert buys(demand={"elasticity": 1}, start=start, more=tell)[0] == pytest.approx(10)


def test_renewed_offer_stays_known_and_a_new_one_must_be_announced_again() -> None:
    tell = {"tell": event_after("12h", {"announce": "deal"}, when="count(tell) < 1")}
    again = event_after("1d", {"offer": "deal"}, when="count(start) < 2")  # at days 1 and 2, valid until day 4, known from day 1.5 on
    tell["tell"]["wait"] = {"fixed": "36h"}
    assert buys(demand={"elasticity": 1}, start=again, more=tell)[0] == pytest.approx(10 - 2.5)
    late = event_after("5d", {"offer": "deal"}, when="count(start) < 2")  # at days 5 and 10: the second is not announced
    tell["tell"]["wait"] = {"fixed": "5d"}
    assert buys(demand={"elasticity": 1}, start=late, more=tell)[0] == pytest.approx(8)


@pytest.mark.parametrize(("times_", "bought"), [(3, 10 - 2), (0, 11), (1, 10)])
def test_urgency_applies_in_the_last_days_of_an_offer(times_: float, bought: float) -> None:
    urgency = [{"offer": "deal", "last": "1d", "times": times_}]
    assert buys(urgency=urgency)[0] == pytest.approx(bought)


def test_urgency_before_a_deadline_ends_with_it() -> None:
    trial = {"trial_ends": event_after("6d", when="count(trial_ends) < 1")}
    urgency = [{"event": "trial_ends", "last": "2d", "times": 2.5}]
    assert buys(start=event_after(None), urgency=urgency, more=trial)[0] == pytest.approx(10 - 2 * 1.5)


def test_deadline_that_does_not_run_hurries_nobody() -> None:
    trial = {"trial_ends": event_after("6d", when="tagged(on_trial)"), "never": event_after(None, {"tag": "on_trial"})}
    urgency = [{"event": "trial_ends", "last": "2d", "times": 2.5}]
    assert buys(start=event_after(None), urgency=urgency, more=trial)[0] == pytest.approx(10)


def test_factors_multiply() -> None:
    urgency = [{"offer": "deal", "last": "1d", "times": 2}, {"offer": "deal", "last": "12h", "times": 3}]
    # Speeds 2, 4 and 12 for 1, 0.5 and 0.5 days.
    assert buys(demand={"elasticity": 1}, urgency=urgency)[0] == pytest.approx(2 - (2 + 2 + 6 - 10) / 12)


SURE = 50.0  # log odds so large that a branch is certain


def picks(*sways: dict[str, Any], **event: Any) -> list[str]:
    """Branches that a customer draws every day; `sways` are effects of an event at day 1.5."""
    branches = [
        {"name": "left", "weight": 1, "effects": [{"fire": "left"}]},
        {"name": "right", "weight": 1e-9, "effects": [{"fire": "right"}]},
    ]
    events = {
        "pick": {"in": "anywhere", "wait": {"fixed": "1d"}, "effects": [{"choose": branches}], **event},
        "touch": event_after("36h", *sways, when="count(touch) < 1"),
        **{name: event_after(None) for name in ("left", "right")},
    }
    return [row.event for row in rows_of({"events": events}, horizon="6d") if row.event in ("left", "right")]


def test_sway_changes_the_branch_and_decays() -> None:
    # 50 at day 1.5, halved every 12 hours: 25 at day 2, 6 at day 3; ln(1e9) is 21.
    assert picks({"sway": {"pick": {"right": SURE}}}, half_life="12h") == ["left", "right", "left", "left", "left"]


def test_sways_of_two_touches_add_up_and_may_cancel() -> None:
    assert picks({"sway": {"pick": {"right": SURE}}}, {"sway": {"pick": {"right": -SURE}}}) == ["left"] * 5


def test_negative_sway_avoids_a_branch() -> None:
    assert picks({"sway": {"pick": {"left": -SURE}}}, half_life="365d") == ["left"] + ["right"] * 4


def test_persona_responds_to_sways() -> None:
    branches = [{"name": "left", "weight": 1, "effects": [{"fire": "left"}]}, {"weight": 1}]
    events = {
        "pick": {"in": "anywhere", "wait": {"fixed": "1d"}, "effects": [{"choose": branches}]},
        "touch": event_after("0s", {"sway": {"pick": {"left": SURE}}}, when="count(touch) < 1"),
        "left": event_after(None),
    }
    seen = {
        responds: len(times(rows_of({"personas": {"customer": {"share": 1, "responds": {"pick": responds}}}, "events": events}), "left"))
        for responds in (0, 1)
    }
    assert seen[0] < 29 and seen[1] > seen[0]


def test_sway_of_a_message_acts_like_the_effect() -> None:
    journey = {
        "personas": {"customer": {"share": 1, "affinity": {"mail": 20.0}}},
        "channels": {"mail": {}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5, "sway": {"opened": {"pick": {"right": SURE}}}}},
        "events": {
            "pick": {
                "in": "anywhere",
                "wait": {"fixed": "1d"},
                "half_life": "365d",
                "effects": [{"choose": [{"weight": 1}, {"name": "right", "weight": 1e-9, "effects": [{"fire": "right"}]}]}],
            },
            "right": event_after(None),
        },
    }
    policy = {"broadcasts": {"cast": {"schedule": {"dates": ["2026-01-07"], "at": "12:00"}, "send": "hello"}}}
    assert times(rows_of(journey, policy, horizon="5d"), "right") == [3.0, 4.0]


MINUTE = 1 / 1440


def satisfaction_after_waiting(waiting: dict[str, Any] | None, *, customers: int = 4, **staff: Any) -> list[float]:
    """Satisfaction of customers who ask at once and wait 0, 10, 20, ... minutes for a single agent."""
    journey = {
        "desks": {"help": {"service": {"fixed": "10min"}, **({"waiting": waiting} if waiting else {}), **staff.pop("desk", {})}},
        "events": {"call": {"in": "anywhere", "wait": {"fixed": "0s"}, "when": "count(call) < 1", "effects": [{"ask": "help"}]}},
    }
    scenario = small_scenario(journey=journey, policy={"desks": {"help": {"agents": 1, **staff}}})
    return [float(s) for s in simulate(scenario, customers=customers, threads=1).outcomes.customers["satisfaction"]]


def losses(*found: float) -> Any:
    """Satisfaction after these losses, as float32."""
    return pytest.approx([0.5 * math.exp(-loss) for loss in found], rel=1e-6)


def test_waiting_beyond_the_expected_wait_disappoints() -> None:
    assert satisfaction_after_waiting({"expected": "10min", "loss": 0.3}) == losses(0, 0, 0.3, 0.6)


def test_desk_without_waiting_disappoints_nobody() -> None:
    assert satisfaction_after_waiting(None, sla="1min") == losses(0, 0, 0, 0)


def test_promise_that_is_longer_than_expected_disappoints_all_who_ask() -> None:
    assert satisfaction_after_waiting({"expected": "10min", "loss": 0.3}, sla="40min") == losses(0.9, 0.9, 0.9, 0.9)


def test_broken_promise_disappoints_more() -> None:
    waiting = {"expected": "10min", "loss": 0.3, "broken_promise": 2}
    assert satisfaction_after_waiting(waiting, sla="10min") == losses(0, 0, 0.6, 1.2)
    assert satisfaction_after_waiting(waiting, sla="5min") == losses(0, 0.3, 0.9, 1.5)


def test_internal_target_is_no_promise() -> None:
    assert satisfaction_after_waiting({"expected": "10min", "loss": 0.3}, sla="5min", promised=False) == losses(0, 0, 0.3, 0.6)


def test_kept_promise_beyond_the_expected_wait_has_the_effects_of_a_late_reply() -> None:
    desk = {"effects": {"in_time": [{"satisfy": 0.5}], "late": [{"satisfy": -0.5}]}}
    found = satisfaction_after_waiting({"expected": "10min", "loss": 0}, sla="30min", desk=desk)
    assert found == pytest.approx([0.75, 0.75, 0.25, 0.25])
    assert satisfaction_after_waiting(None, sla="30min", desk=desk) == pytest.approx([0.75] * 4)


def test_impatient_customers_are_disappointed_by_the_wait_until_they_give_up() -> None:
    desk = {"patience": {"fixed": "25min"}}
    assert satisfaction_after_waiting({"expected": "10min", "loss": 0.3}, desk=desk) == losses(0, 0, 0.3, 0.45)
