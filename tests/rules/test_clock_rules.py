"""Clocks: when an event is due under speeds, satisfaction, lifts, conditions and activity. Times have closed forms."""

import math
from typing import Any

import pytest
from rule_worlds import EVERY_DAY, event_after, rows_of, send_at, times
from scipy.optimize import brentq

NEAR = 1e-9


def buy_times(journey: dict[str, Any], policy: dict[str, Any] | None = None, **settings: Any) -> list[float]:
    return times(rows_of(journey, policy, **settings), "buy")


def buying(wait: str = "10d", **event: Any) -> dict[str, Any]:
    return {"in": "anywhere", "wait": {"fixed": wait}, **event}


def persona(**fields: Any) -> dict[str, Any]:
    return {"customer": {"share": 1, **fields}}


def test_a_clock_at_speed_one_rings_after_its_wait_and_starts_again() -> None:
    assert buy_times({"events": {"buy": buying("8d")}}) == [8.0, 16.0, 24.0]


@pytest.mark.parametrize(("satisfaction", "weight"), [(1.0, 2.0), (0.0, 2.0), (1.0, -2.0), (0.75, 1.0), (0.5, 3.0), (1.0, 0.0)])
def test_satisfaction_above_a_half_speeds_up_a_clock_of_positive_weight(satisfaction: float, weight: float) -> None:
    journey = {"personas": persona(satisfaction=satisfaction), "events": {"buy": buying("4d", satisfaction=weight)}}
    first = 4.0 * math.exp(-weight * (satisfaction - 0.5))
    assert buy_times(journey, horizon="20d")[:1] == pytest.approx([first], rel=1e-12)


def test_the_speed_of_a_persona_divides_the_wait() -> None:
    assert buy_times({"personas": persona(speed={"buy": 2.0}), "events": {"buy": buying("8d")}}, horizon="10d") == [4.0, 8.0]


def test_traits_multiply_the_speed() -> None:
    journey = {"traits": {"a": {"fixed": 2.0}, "b": {"fixed": 1.5}}, "events": {"buy": buying("6d", speed=["a", "b"])}}
    assert buy_times(journey, horizon="5d") == [2.0, 4.0]


def test_a_trait_of_zero_stops_the_clock() -> None:
    assert buy_times({"traits": {"a": {"fixed": 0.0}}, "events": {"buy": buying("6d", speed=["a"])}}) == []


def test_a_persona_speed_of_zero_stops_the_clock() -> None:
    assert buy_times({"personas": persona(speed={"buy": 0.0}), "events": {"buy": buying("6d")}}) == []


@pytest.mark.parametrize(("gain", "after"), [(1.0, 1.0), (0.5, 0.75), (-1.0, 0.0), (-0.5, 0.25)])
def test_a_running_clock_follows_satisfaction_when_an_effect_moves_it(gain: float, after: float) -> None:
    events = {"please": event_after("2d", {"satisfy": gain}, when="count(please) == 0"), "buy": buying("4d", satisfaction=1.0)}
    assert buy_times({"events": events}, horizon="6d")[0] == pytest.approx(2 + 2 * math.exp(-(after - 0.5)), abs=NEAR)


def test_satisfaction_moves_by_a_share_of_what_is_left_above_or_below() -> None:
    # 0.5 + 0.4 * 0.5 = 0.7 at day 2; 0.7 - 0.25 * 0.7 = 0.525 at day 3: one satisfied day, then the rest.
    journey = {
        "events": {
            "please": event_after("2d", {"satisfy": 0.4}, **{"in": ["here"]}),
            "annoy": event_after("3d", {"satisfy": -0.25}, {"go": "there"}, **{"in": ["here"]}),
            "buy": buying("8d", satisfaction=1.0),
        },
        "stages": {"here": {}, "there": {}},
    }
    left = 8 - 2 - math.exp(0.2)
    assert buy_times(journey)[0] == pytest.approx(3 + left / math.exp(0.025), abs=NEAR)


def test_running_clocks_do_not_follow_a_move_of_satisfaction_below_a_hundredth() -> None:
    journey = {
        "events": {
            "please": event_after("2d", {"satisfy": 0.018}, when="count(please) == 0"),
            "buy": buying("10d", satisfaction=5.0),
        }
    }
    first, second = buy_times(journey, horizon="29d")
    assert first == 10.0  # 0.5 -> 0.509
    assert second - first == pytest.approx(10 * math.exp(-5 * 0.009), abs=NEAR)  # the next start asks satisfaction again


def test_small_moves_of_satisfaction_add_up_until_clocks_follow() -> None:
    # 0.5 -> 0.509 at day 2, below the step, so clocks do not follow; -> 0.517838 at day 4: they follow.
    journey = {
        "events": {"please": event_after("2d", {"satisfy": 0.018}), "buy": buying("5d", satisfaction=5.0)},
    }
    after = 0.509 + 0.018 * 0.491
    assert buy_times(journey, horizon="5d") == pytest.approx([4 + math.exp(-5 * (after - 0.5))], abs=NEAR)


@pytest.mark.parametrize(("half_life", "hours"), [("1d", 72), ("6h", 36)])
def test_satisfaction_returns_to_rest_by_its_half_life(half_life: str, hours: int) -> None:
    # At day 1 satisfaction is 1; the clock that starts two half-lives later sees 0.5 + 0.5 / 4.
    journey = {
        "satisfaction": {"half_life": half_life},
        "stages": {"here": {}, "there": {}},
        "events": {
            "please": event_after("1d", {"satisfy": 1.0}, when="count(please) == 0", **{"in": ["here"]}),
            "move": event_after(f"{hours}h", {"go": "there"}, **{"in": ["here"]}),
            "buy": {"in": ["there"], "wait": {"fixed": "4d"}, "satisfaction": 2.0},
        },
    }
    assert buy_times(journey)[0] == pytest.approx(hours / 24 + 4 * math.exp(-2 * 0.125), abs=NEAR)


def test_without_a_half_life_satisfaction_stays() -> None:
    journey = {
        "stages": {"here": {}, "there": {}},
        "events": {
            "please": event_after("1d", {"satisfy": 1.0}, when="count(please) == 0"),
            "move": event_after("20d", {"go": "there"}, **{"in": ["here"]}),
            "buy": {"in": ["there"], "wait": {"fixed": "4d"}, "satisfaction": 2.0},
        },
    }
    assert buy_times(journey)[0] == pytest.approx(20 + 4 * math.exp(-1.0), abs=NEAR)


def test_two_clocks_of_different_weights_follow_satisfaction_each_by_its_own() -> None:
    journey = {
        "events": {
            "please": event_after("2d", {"satisfy": 1.0}, when="count(please) == 0"),
            "a": buying("6d", satisfaction=1.0),
            "b": buying("6d", satisfaction=-1.0),
            "c": buying("6d"),
        }
    }
    rows = rows_of(journey, horizon="9d")
    found = [times(rows, name)[0] for name in "abc"]
    assert found == pytest.approx([2 + 4 * math.exp(-0.5), 2 + 4 * math.exp(0.5), 6], abs=NEAR)


def test_clocks_of_equal_times_ring_as_declared() -> None:
    events = {name: buying("2d") for name in ("e", "d", "c", "b", "a")}
    rows = rows_of({"events": events}, horizon="3d")
    assert [row.event for row in rows[1:]] == ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize("count", range(1, 10))
def test_the_earliest_clock_rings_first_wherever_it_is_declared(count: int) -> None:
    events = {f"e{number}": buying(f"{count + number}d") for number in reversed(range(count))}
    rows = rows_of({"events": events}, horizon=f"{2 * count}d")
    assert [(row.event, row.time) for row in rows[1:]] == [(f"e{number}", float(count + number)) for number in range(count)]


def test_a_clock_holds_still_while_its_when_is_false() -> None:
    # Runs over [0, 2) and from 5 on: the 4 days of running end at day 7.
    journey = {
        "events": {
            "off": event_after("2d", {"tag": "shut"}, when="count(off) == 0"),
            "on": event_after("5d", {"untag": "shut"}, when="count(on) == 0"),
            "buy": buying("4d", when="not tagged(shut)"),
        }
    }
    assert buy_times(journey, horizon="8d") == [7.0]


def test_a_clock_that_starts_with_a_false_when_waits_for_it() -> None:
    journey = {"events": {"on": event_after("5d", {"tag": "open"}, when="count(on) == 0"), "buy": buying("4d", when="tagged(open)")}}
    assert buy_times(journey, horizon="10d") == [9.0]


def test_a_when_that_begins_to_hold_asks_satisfaction() -> None:
    journey = {
        "events": {
            "please": event_after("2d", {"satisfy": 1.0}, when="count(please) == 0"),
            "on": event_after("5d", {"tag": "open"}, when="count(on) == 0"),
            "buy": buying("4d", when="tagged(open)", satisfaction=2.0),
        }
    }
    assert buy_times(journey, horizon="8d")[0] == pytest.approx(5 + 4 * math.exp(-1.0), abs=NEAR)


def lifted(gains: dict[str, float], wait: str = "10d", half_life: str = "3d", **more: Any) -> list[float]:
    """Times of `buy` under messages at moments, each of which lifts it by a gain."""
    journey = {
        "channels": {"mail": {}},
        "messages": {
            f"m{n}": {"channel": "mail", "open_rate": 0.01, "lift": {"delivered": {"buy": gain}}} for n, gain in enumerate(gains.values())
        },
        "events": {"buy": buying(wait, half_life=half_life)},
        **more,
    }
    casts: dict[str, Any] = {}
    for n, moment in enumerate(gains):
        casts |= {f"b{n}": send_at(moment, message=f"m{n}")["cast_0"]}
    return buy_times(journey, {"broadcasts": casts})


def due_after_lift(at: float, lift: float, wait: float, half_life: float) -> float:
    """When a clock that is lifted at a time has run through its wait."""
    tau = half_life / math.log(2.0)
    return at + brentq(lambda t: t + lift * tau * -math.expm1(-t / tau) - (wait - at), 0.0, 1000.0, xtol=1e-13)


@pytest.mark.parametrize("gain", [0.5, 1.0, 3.0, 40.0, 900.0, 1e-3, -0.4, -0.9, -1.0])
def test_a_lift_runs_the_clock_faster_and_fades_by_its_half_life(gain: float) -> None:
    assert lifted({"2026-01-07 00:00": gain})[0] == pytest.approx(due_after_lift(2.0, gain, 10.0, 3.0), abs=1e-7)


def test_a_lift_before_the_clock_starts_is_felt_when_it_does() -> None:
    journey = {
        "channels": {"mail": {}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.01, "lift": {"delivered": {"buy": 2.0}}}},
        "stages": {"here": {}, "there": {}},
        "events": {
            "move": event_after("4d", {"go": "there"}, **{"in": ["here"]}),
            "buy": {"in": ["there"], "wait": {"fixed": "10d"}, "half_life": "2d"},
        },
    }
    # Two half-lives after day 0 the lift is a quarter.
    expected = due_after_lift(4.0, 0.5, 14.0, 2.0)
    assert buy_times(journey, {"broadcasts": send_at("2026-01-05 00:00")})[0] == pytest.approx(expected, abs=1e-7)


def test_lifts_add_up() -> None:
    both = lifted({"2026-01-07 00:00": 0.5, "2026-01-07 00:01": 0.75})[0]
    assert both == pytest.approx(due_after_lift(2.0, 1.25, 10.0, 3.0), abs=1e-3)


def test_a_second_lift_counts_from_what_is_left_of_the_first() -> None:
    # 1 at day 2; a half-life later 0.5 is left, and 0.5 is added.
    tau = 3.0 / math.log(2.0)
    left = 10.0 - 2.0 - (3.0 + tau * 0.5)
    expected = due_after_lift(5.0, 1.0, 5.0 + left, 3.0)
    assert lifted({"2026-01-07 00:00": 1.0, "2026-01-10 00:00": 0.5})[0] == pytest.approx(expected, abs=1e-7)


def test_a_lift_that_has_faded_leaves_its_gain_behind() -> None:
    assert lifted({"2026-01-05 00:00": 1.0}, wait="29d", half_life="12h")[0] == pytest.approx(due_after_lift(0.0, 1.0, 29.0, 0.5), abs=1e-7)


def test_negative_lifts_stop_the_clock_at_most() -> None:
    assert lifted({"2026-01-07 00:00": -0.8, "2026-01-07 00:01": -0.8})[0] == pytest.approx(due_after_lift(2.0, -1.0, 10.0, 3.0), abs=1e-2)


def test_a_persona_responds_to_lifts_by_its_factor() -> None:
    found = lifted({"2026-01-07 00:00": 0.5}, personas=persona(responds={"buy": 3.0}))
    assert found[0] == pytest.approx(due_after_lift(2.0, 1.5, 10.0, 3.0), abs=1e-7)


def test_any_contact_lifts_what_the_persona_says() -> None:
    found = lifted({"2026-01-07 00:00": 0.0}, personas=persona(contact_lift={"buy": 1.5}))
    assert found[0] == pytest.approx(due_after_lift(2.0, 1.5, 10.0, 3.0), abs=1e-7)


def test_lifts_of_openings_and_clicks_count_from_the_reaction() -> None:
    for moment, at in (("opened", 3.0), ("clicked", 4.0)):
        journey = {
            "personas": persona(affinity={"mail": 20.0}),
            "channels": {"mail": {"open_delay": {"fixed": "1d"}, "click_delay": {"fixed": "1d"}}},
            "messages": {"hello": {"channel": "mail", "open_rate": 0.5, "click_rate": 0.999999999, "lift": {moment: {"buy": 2.0}}}},
            "events": {"buy": buying("10d")},
        }
        found = buy_times(journey, {"broadcasts": send_at("2026-01-07 00:00")})
        assert found[0] == pytest.approx(due_after_lift(at, 2.0, 10.0, 3.0), abs=1e-7)


def test_activity_time_runs_only_in_active_hours() -> None:
    # All activity of a day is in the hour from 18:00: so a wait of 1.5 days ends at 18:30 on the second day.
    # The second wait ends when 3 days of activity have passed; activity resumes only at 18:00 on the fourth day.
    profile = {"evening": {"hours": [0.0] * 18 + [1.0] + [0.0] * 5}}
    found = buy_times({"activity": profile, "events": {"buy": buying("36h", activity="evening")}}, horizon="5d")
    assert found[:2] == pytest.approx([1 + 18.5 / 24, 3 + 18 / 24], abs=NEAR)


def test_activity_time_is_linear_within_an_hour() -> None:
    # 3/4 of the activity in the first half of the day: 18 h by noon, at a rate of 1.5; then at 0.5.
    profile = {"early": {"hours": [3.0] * 12 + [1.0] * 12}}
    found = buy_times({"activity": profile, "events": {"buy": buying("10h", activity="early")}}, horizon="1d")
    assert found == pytest.approx([(10 / 1.5) / 24, (12 + (20 - 18) / 0.5) / 24], abs=NEAR)


def test_weekdays_weigh_activity() -> None:
    # Mondays and Tuesdays only, 3.5 each: a wait of 5 days is over in the second day.
    profile = {"early": {"weekdays": [1, 1, 0, 0, 0, 0, 0]}}
    assert buy_times({"activity": profile, "events": {"buy": buying("5d", activity="early")}}, horizon="7d")[0] == pytest.approx(
        5 / 3.5, abs=NEAR
    )


def test_a_clock_shift_moves_activity_later() -> None:
    profile = {"evening": {"hours": [0.0] * 18 + [1.0] + [0.0] * 5}}
    journey = {
        "activity": profile,
        "traits": {"late": {"fixed": 3.0}},
        "clock_shift": "late",
        "events": {"buy": buying("12h", activity="evening")},
    }
    assert buy_times(journey, horizon="1d")[0] == pytest.approx(21.5 / 24, abs=NEAR)


def test_lifts_fade_in_activity_time() -> None:
    # Activity 2 in the first half of each day, none in the second: at noon a day of activity time has passed.
    profile = {"early": {"hours": [1.0] * 12 + [0.0] * 12}}
    journey = {
        "channels": {"mail": {}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.01, "lift": {"delivered": {"buy": 2.0}}}},
        "activity": profile,
        "events": {"buy": buying("5d", activity="early", half_life="1d")},
    }
    found = buy_times(journey, {"broadcasts": send_at("2026-01-06 00:00")})[0]
    a = due_after_lift(1.0, 2.0, 5.0, 1.0)
    day = math.floor(a)
    assert found == pytest.approx(day + (a - day) / 2, abs=1e-7)


def test_a_condition_on_a_schedule_of_every_day_changes_nothing() -> None:
    casts = {"b": {"schedule": {"weekdays": EVERY_DAY, "at": "12:00"}, "send": "hello", "if": "day < 0"}}
    journey = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}, "events": {"buy": buying("7d")}}
    assert buy_times(journey, {"broadcasts": casts}) == [7.0, 14.0, 21.0, 28.0]


def test_each_empirical_wait_takes_its_own_values() -> None:
    first = {"in": "anywhere", "wait": {"empirical": {"values": ["1h", "2h", "3h"]}}, "when": "count(first) < 1"}
    second = {"in": "anywhere", "wait": {"empirical": {"values": ["7h", "11h"]}}, "when": "count(second) < 1"}
    rows = rows_of({"events": {"first": first, "second": second}}, customers=40)
    assert {round(24 * time) for time in times(rows, "first")} == {1, 2, 3}
    assert {round(24 * time) for time in times(rows, "second")} == {7, 11}
