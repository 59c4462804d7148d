"""Clocks at moves between stages and at conditions: when they continue, when they restart, and at what speed. Times have closed forms."""

import math
from typing import Any

import pytest
from in_memory_simulation import first_difference, simulate_in_memory
from rule_worlds import event_after, rows_of, send_at, times
from small_scenarios import small_scenario

from cjsim.simulation.simulate import ENGINES

NEAR = 1e-9
BOTH = ["here", "there"]
STAGES: dict[str, Any] = {"here": {}, "there": {}, "outside": {}}


def buying(wait: dict[str, Any] | None = None, stages: list[str] | str = BOTH, **event: Any) -> dict[str, Any]:
    return {"in": stages, "wait": wait or {"fixed": "5d"}, **event}


def move(origin: str, target: str, after: str = "2d", *effects: dict[str, Any]) -> dict[str, Any]:
    return event_after(after, *effects, {"go": target}, **{"in": [origin]})


def buys(events: dict[str, Any], policy: dict[str, Any] | None = None, **settings: Any) -> list[float]:
    """Times of `buy` in 20 days."""
    parts = {key: settings.pop(key) for key in ("personas", "satisfaction", "activity", "channels", "messages") if key in settings}
    journey = {"stages": STAGES, "events": events, **parts}
    return times(rows_of(journey, policy, **{"horizon": "20d", **settings}), "buy")


BACK_AND_FORTH = {"away": move("here", "there"), "back": move("there", "here")}
ONE_RETURN = {"away": move("here", "outside", "4d"), "back": move("outside", "here", "1d")}
# The tag is set on [0, 2), [5, 6) and from 9 on.
TAGGED = {
    f"{change}_{day}": event_after(f"{day}d", {change: "open"}, when=f"count({change}_{day}) == 0")
    for change, day in (("untag", 2), ("tag", 5), ("untag", 6), ("tag", 9))
} | {"begin": event_after("0s", {"tag": "open"}, when="count(begin) == 0")}
DRAWN = {"weibull": {"scale": "3d", "shape": 0.8}}


def test_a_clock_continues_when_the_customer_moves_among_its_stages() -> None:
    assert buys(BACK_AND_FORTH | {"buy": buying()}) == [5.0, 10.0, 15.0]


def test_a_clock_continues_when_its_own_stage_is_entered_again() -> None:
    assert buys({"again": event_after("2d", {"go": "here"}), "buy": buying(stages=["here"])}) == [5.0, 10.0, 15.0]


def test_a_clock_that_leaves_its_stages_starts_anew_on_return() -> None:
    assert buys(ONE_RETURN | {"buy": buying({"fixed": "3d"}, ["here"])}, horizon="14d") == [3.0, 8.0, 13.0]


def test_a_return_at_the_same_moment_starts_the_clock_anew() -> None:
    events = {"out_and_in": event_after("2d", {"go": "outside"}, {"go": "here"}, when="count(out_and_in) == 0"), "buy": buying()}
    assert buys(events, horizon="9d") == [7.0]


@pytest.mark.parametrize("restart", ["move", "both"])
def test_restart_at_moves_starts_the_clock_anew_at_each_move(restart: str) -> None:
    moves = {"away": move("here", "there", "4d"), "back": move("there", "here", "7d")}
    assert buys(moves | {"buy": buying(restart=restart, when="purchases == 0")}, horizon="19d") == [9.0]


def test_restart_at_moves_includes_entering_the_same_stage_again() -> None:
    assert buys({"again": event_after("4d", {"go": "here"}), "buy": buying({"fixed": "3d"}, ["here"], restart="move")}, horizon="12d") == [
        3.0,
        7.0,
        11.0,
    ]


def test_restart_at_moves_of_an_event_anywhere_includes_every_move() -> None:
    assert buys(ONE_RETURN | {"buy": buying({"fixed": "3d"}, "anywhere", restart="move")}, horizon="14d") == [3.0, 8.0, 13.0]


def test_an_event_anywhere_is_an_event_in_all_stages() -> None:
    moves = {"away": move("here", "there", "2d", {"satisfy": 0.6}), "on": move("there", "outside", "3d"), "back": move("outside", "here")}
    found = [
        buys(moves | {"buy": buying(DRAWN, stages, satisfaction=3.0, **more)}, satisfaction={"half_life": "2d"}, customers=20)
        for more in ({}, {"restart": "move"})
        for stages in ("anywhere", list(STAGES))
    ]
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert len(found[0]) > 20
    assert found[0] != found[2]


@pytest.mark.parametrize("stages", [BOTH, "anywhere"])
def test_the_speed_is_set_anew_at_a_move(stages: list[str] | str) -> None:
    # Satisfied at day 1: speed exp(1). At day 4, after 3 half-lives, satisfaction is 0.5 + 0.5 / 8, and the move sets the speed anew.
    events = {
        "please": event_after("1d", {"satisfy": 1.0}, when="count(please) == 0"),
        "away": move("here", "there", "4d"),
        "buy": buying({"fixed": "12d"}, stages, satisfaction=2.0),
    }
    left = 12.0 - 1.0 - 3.0 * math.exp(1.0)
    assert buys(events, satisfaction={"half_life": "1d"})[0] == pytest.approx(4.0 + left / math.exp(2.0 / 16.0), abs=NEAR)


def test_without_a_move_the_speed_stays() -> None:
    events = {
        "please": event_after("1d", {"satisfy": 1.0}, when="count(please) == 0"),
        "buy": buying({"fixed": "12d"}, satisfaction=2.0),
    }
    assert buys(events, satisfaction={"half_life": "1d"})[0] == pytest.approx(1.0 + 11.0 / math.exp(1.0), abs=NEAR)


def test_a_clock_that_is_due_at_the_moment_of_a_move_still_rings() -> None:
    assert buys({"away": move("here", "there", "5d"), "buy": buying()}, horizon="6d") == [5.0]


def test_a_clock_that_restarts_at_moves_does_not_ring_if_the_move_comes_first() -> None:
    assert buys({"away": move("here", "there", "5d"), "buy": buying(restart="move")}, horizon="6d") == []


def test_a_paused_clock_keeps_what_is_left_at_a_move() -> None:
    # Runs over [0, 2), moves at 3, runs again over [5, 6) and from 9 on.
    events = TAGGED | {"away": move("here", "there", "3d"), "buy": buying(when="tagged(open)")}
    assert buys(events, horizon="12d") == pytest.approx([11.0], abs=NEAR)


def test_the_lift_decays_across_moves() -> None:
    mail = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.01, "lift": {"delivered": {"buy": 3.0}}}}}
    found = [
        buys({**moves, "buy": buying({"fixed": "9d"}, half_life="2d")}, {"broadcasts": send_at("2026-01-06 00:00")}, **mail)
        for moves in ({}, BACK_AND_FORTH)
    ]
    assert len(found[0]) == 3
    assert found[1] == pytest.approx(found[0], abs=NEAR)


def test_activity_time_runs_across_moves() -> None:
    profile = {"evening": {"hours": [0.0] * 18 + [1.0] + [0.0] * 5}}
    found = [buys({**moves, "buy": buying({"fixed": "36h"}, activity="evening")}, activity=profile) for moves in ({}, BACK_AND_FORTH)]
    assert found[0][0] == pytest.approx(1 + 18.5 / 24, abs=NEAR)
    assert found[1] == found[0]


@pytest.mark.parametrize("restart", [None, "move"])
def test_a_clock_continues_after_a_pause(restart: str | None) -> None:
    # Runs over [0, 2), [5, 6) and from 9 on.
    assert buys(TAGGED | {"buy": buying(when="tagged(open)", restart=restart)}, horizon="12d") == pytest.approx([11.0], abs=NEAR)


@pytest.mark.parametrize("restart", ["when", "both"])
def test_restart_at_conditions_starts_the_clock_anew_after_each_pause(restart: str) -> None:
    assert buys(TAGGED | {"buy": buying(when="tagged(open)", restart=restart)}, horizon="15d") == [14.0]


def test_restart_at_conditions_does_not_restart_at_moves() -> None:
    assert buys(TAGGED | {"away": move("here", "there", "10d"), "buy": buying(when="tagged(open)", restart="when")}) == [14.0, 19.0]


def test_restart_at_both_restarts_at_moves_and_after_pauses() -> None:
    assert buys(TAGGED | {"away": move("here", "there", "10d"), "buy": buying(when="tagged(open)", restart="both")}) == [15.0]


def test_a_clock_whose_condition_begins_to_hold_for_the_first_time_does_not_restart() -> None:
    late = {"begin": event_after("3d", {"tag": "open"}, when="count(begin) == 0")}
    found = [
        buys(late | {"buy": buying(DRAWN, when="tagged(open)", restart=restart)}, customers=20)
        for restart in (None, "when", "both", "move")
    ]
    assert len(found[0]) > 20
    assert found[1:] == [found[0]] * 3


def test_a_condition_that_ceases_and_begins_to_hold_at_the_same_moment_does_not_restart_the_clock() -> None:
    blink = {
        "blink": event_after("2d", {"untag": "open"}, {"tag": "open"}),
        "begin": event_after("0s", {"tag": "open"}, when="count(begin) == 0"),
    }
    assert buys(blink | {"buy": buying(when="tagged(open)", restart="when")}, horizon="11d") == [5.0, 10.0]


def test_a_pause_by_its_own_event_starts_the_clock_only_once() -> None:
    # After the event, the clock starts again; the next beginning of the condition is the first for that start.
    on = {"on": event_after("4d", {"tag": "open"})}
    found = [
        buys(on | {"buy": buying(DRAWN, when="tagged(open)", restart=restart, effects=[{"untag": "open"}])}, customers=20)
        for restart in (None, "when")
    ]
    assert len(found[0]) > 20
    assert found[0] == found[1]


def gaps_of(events: dict[str, Any]) -> list[float]:
    found = buys(events, horizon="30d")
    return [round(later - earlier, 6) for earlier, later in zip([0.0, *found], found, strict=False)]


def test_a_move_that_the_clock_survives_draws_no_new_wait() -> None:
    plain = gaps_of({"buy": buying(DRAWN)})
    assert len(plain) > 5
    assert gaps_of(BACK_AND_FORTH | {"buy": buying(DRAWN)}) == plain


def test_a_move_by_the_event_itself_starts_its_clock_once() -> None:
    plain = gaps_of({"buy": buying(DRAWN)})
    for restart in (None, "move"):
        for target in BOTH:
            assert gaps_of({"buy": buying(DRAWN, effects=[{"go": target}], restart=restart)}) == plain


def test_an_event_that_is_fired_starts_its_clock_again() -> None:
    assert buys({"call": event_after("3d", {"fire": "buy"}, when="count(call) == 0"), "buy": buying()}, horizon="14d") == [3.0, 8.0, 13.0]


def test_restart_without_moves_and_pauses_changes_nothing() -> None:
    found = [
        buys({"buy": buying(DRAWN, when="purchases == 0", restart=restart)}, customers=20) for restart in (None, "move", "when", "both")
    ]
    assert len(found[0]) > 20
    assert found[1:] == [found[0]] * 3


@pytest.mark.parametrize("restart", [None, "move", "when", "both"])
def test_engines_agree_on_moves_and_pauses(restart: str | None) -> None:
    events = {
        **{f"to_{to}": {"in": list(STAGES), "wait": {"exponential": "4d"}, "effects": [{"go": to}, {"satisfy": -0.2}]} for to in STAGES},
        "on": {"in": "anywhere", "wait": {"exponential": "3d"}, "effects": [{"tag": "open"}, {"satisfy": 0.3}]},
        "off": {"in": "anywhere", "wait": {"exponential": "3d"}, "effects": [{"untag": "open"}]},
        "buy": buying(DRAWN, when="tagged(open) or stage == there", restart=restart, satisfaction=2.0),
        "think": buying(DRAWN, stages="anywhere", restart="move" if restart else None, satisfaction=-2.0),
    }
    world = small_scenario(journey={"stages": STAGES, "events": events, "satisfaction": {"half_life": "5d"}}, customers=20)
    fast, plain = (simulate_in_memory(world, engine) for engine in ENGINES)
    assert len(fast.rows) > 500
    assert first_difference(fast, plain) == ""
