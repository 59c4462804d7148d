"""Lint warnings about event clocks: settings of events without one, restarts without effect, and fixed waits that pause."""

from typing import Any

import pytest
from in_memory_simulation import simulate_in_memory
from small_scenarios import small_scenario

from cjsim.simulation.documents import Journey
from cjsim.validate.warnings.clock_lint import clock_warnings
from cjsim.validate.warnings.lint import lint_warnings

BOX = {
    "box_due": {"in": ["here"], "wait": {"fixed": "7d"}, "effects": [{"fire": "skips"}]},
    "skips": {},
}


def warned(**journey: Any) -> list[str]:
    """Warnings about the clocks of a journey alone."""
    parts = {"name": "j", "starts_in": "here", "stages": {"here": {}, "there": {}}, **journey}
    return list(clock_warnings(Journey.model_validate(parts), None, ""))


def paths(warnings: list[str]) -> list[str]:
    return [warning.split(": ")[0] for warning in warnings]


def test_a_speed_of_an_event_without_a_clock_warns() -> None:
    found = warned(events=BOX, personas={"busy": {"share": 1, "speed": {"skips": 0.8}}})
    assert paths(found) == ["personas.busy.speed.skips"]


def test_a_speed_of_an_event_with_a_clock_does_not_warn() -> None:
    assert warned(events=BOX, personas={"busy": {"share": 1, "speed": {"box_due": 0.8}}}) == []


def test_a_neutral_speed_does_not_warn() -> None:
    assert warned(events=BOX, personas={"busy": {"share": 1, "speed": {"skips": 1}}}) == []


@pytest.mark.parametrize(("event", "expected"), [("skips", ["messages.menu.lift.clicked.skips"]), ("box_due", [])])
def test_only_a_lift_of_an_event_without_a_clock_warns(event: str, expected: list[str]) -> None:
    message = {"channel": "mail", "open_rate": 0.5, "lift": {"clicked": {event: -0.5}}}
    assert paths(warned(events=BOX, channels={"mail": {}}, messages={"menu": message})) == expected


def test_the_warning_names_the_event_that_fires() -> None:
    [found] = warned(events=BOX, personas={"busy": {"share": 1, "speed": {"skips": 0.8}}})
    assert "Move the speed to an event with a clock (box_due fires it)" in found


@pytest.mark.parametrize("key", ["responds", "contact_lift"])
def test_a_response_of_an_event_without_a_clock_warns(key: str) -> None:
    assert paths(warned(events=BOX, personas={"busy": {"share": 1, key: {"skips": 0.5}}})) == [f"personas.busy.{key}.skips"]


@pytest.mark.parametrize(("key", "value"), [("satisfaction", 2), ("half_life", "9d"), ("when", "count(box_due) > 3")])
def test_a_clock_setting_of_an_event_without_a_clock_warns(key: str, value: Any) -> None:
    assert paths(warned(events=BOX | {"skips": {key: value}})) == [f"events.skips.{key}"]


def test_an_event_with_a_wait_but_no_stage_has_no_clock() -> None:
    assert paths(warned(events=BOX | {"skips": {"wait": {"fixed": "1d"}, "satisfaction": 1}})) == ["events.skips.satisfaction"]


def moving(wait: dict[str, Any], stages: list[str] | str = "anywhere", **more: Any) -> list[str]:
    """Warnings about an event, in a journey in which customers move from one stage to another and return."""
    events = {
        "month_ends": {"in": stages, "wait": wait, **more},
        "leaves": {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"go": "there"}]},
        "returns": {"in": ["there"], "wait": {"exponential": "9d"}, "effects": [{"go": "here"}]},
    }
    return warned(events=events)


MONTH = {"fixed": "30d"}


def test_a_fixed_wait_in_several_stages_does_not_warn() -> None:
    assert moving(MONTH, ["here", "there"]) == []


@pytest.mark.parametrize("stages", [["here", "there"], "anywhere"])
def test_a_restart_at_moves_among_the_stages_of_an_event_does_not_warn(stages: Any) -> None:
    assert moving(MONTH, stages, restart="move") == []


def test_a_restart_at_moves_of_an_event_in_one_stage_warns() -> None:
    [found] = moving(MONTH, ["here"], restart="move")
    assert found == (
        "events.month_ends.restart: makes no difference, because no customer moves among its stages while its clock runs. Remove it."
    )


def test_a_restart_at_moves_does_not_warn_if_the_stage_can_be_entered_again() -> None:
    again = {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"go": "here"}]}
    assert warned(events={"month_ends": {"in": ["here"], "wait": MONTH, "restart": "move"}, "again": again}) == []


def test_a_restart_at_moves_by_the_event_itself_warns() -> None:
    event = {"in": ["here", "there"], "wait": MONTH, "restart": "move", "effects": [{"go": "there"}]}
    assert paths(warned(events={"month_ends": event})) == ["events.month_ends.restart"]


@pytest.mark.parametrize("restart", ["move", "when", "both"])
def test_a_restart_of_an_exponential_wait_warns(restart: str) -> None:
    [found] = moving({"exponential": "30d"}, restart=restart, when="stage == here")
    assert "makes no difference, because an exponential wait is memoryless" in found


def test_a_restart_of_an_event_without_a_clock_warns() -> None:
    assert paths(warned(events=BOX | {"skips": {"restart": "move"}})) == ["events.skips.restart"]


def in_scenario(**event: Any) -> list[str]:
    """Warnings about the clock of an event in a scenario whose policy does nothing."""
    journey = {
        "events": {"month_ends": {"in": "anywhere", "wait": MONTH, **event}, "looks": {"in": "anywhere", "wait": {"exponential": "9d"}}}
    }
    world = small_scenario(journey=journey)
    return list(clock_warnings(world.journey, world.policy, ""))


def test_a_restart_at_a_condition_that_never_holds_again_warns() -> None:
    [found] = in_scenario(when="count(looks) >= 1", restart="when")
    assert found.startswith("events.month_ends.restart: makes no difference, because 'count(looks) >= 1' never holds again")


def paused(untagging: str) -> dict[str, Any]:
    """An event whose fixed wait runs while a tag is set, and the event that removes the tag."""
    events: dict[str, Any] = {
        "pays": {"in": "anywhere", "wait": {"exponential": "9d"}, "effects": [{"tag": "paying"}]},
        "month_ends": {"in": "anywhere", "wait": {"fixed": "30d"}, "when": "tagged(paying)"},
        "cancels": {"in": "anywhere", "wait": {"exponential": "90d"}},
    }
    return events | {untagging: events[untagging] | {"effects": [{"untag": "paying"}]}}


def test_a_fixed_wait_that_another_event_pauses_warns() -> None:
    assert paths(warned(events=paused("cancels"))) == ["events.month_ends.when"]


def test_a_fixed_wait_that_only_its_own_event_pauses_does_not_warn() -> None:
    assert warned(events=paused("month_ends")) == []


def test_a_fixed_wait_that_begins_once_does_not_warn() -> None:
    events = {"month_ends": {"in": "anywhere", "wait": {"fixed": "30d"}, "when": "count(pays) >= 1"}, "pays": {"in": "anywhere"}}
    assert warned(events=events | {"pays": {"in": "anywhere", "wait": {"exponential": "9d"}}}) == []


def test_a_random_wait_that_another_event_pauses_does_not_warn() -> None:
    events = paused("cancels")
    assert warned(events=events | {"month_ends": events["month_ends"] | {"wait": {"exponential": "30d"}}}) == []


def test_warnings_of_a_scenario_have_the_path_of_the_journey() -> None:
    world = small_scenario(journey={"events": BOX, "personas": {"busy": {"share": 1, "speed": {"skips": 0.8}}}})
    assert paths(lint_warnings(world)) == ["journey.personas.busy.speed.skips"]


@pytest.mark.parametrize("restart", ["when", "both"])
def test_a_fixed_wait_that_restarts_after_a_pause_does_not_warn(restart: str) -> None:
    events = paused("cancels")
    assert warned(events=events | {"month_ends": events["month_ends"] | {"restart": restart}}) == []


@pytest.mark.parametrize(("restart", "advised"), [(None, "when"), ("move", "both")])
def test_the_remedy_for_a_pause_is_a_restart(restart: str | None, advised: str) -> None:
    [found] = moving(MONTH, when="stage == here", restart=restart)
    assert found.startswith("events.month_ends.when: pauses the fixed wait of 30d and later continues it")
    assert f"add 'restart: {advised}'" in found
    assert moving(MONTH, when="stage == here", restart=advised) == []


def first_bills_after_returns(**event: Any) -> list[float]:
    """Days from each return to the first bill after it, for customers who leave and return and are billed only in one stage."""
    events = {
        "month_ends": {"in": "anywhere", "wait": MONTH, **event},
        "leaves": {"in": ["here"], "wait": {"exponential": "40d"}, "effects": [{"go": "there"}]},
        "returns": {"in": ["there"], "wait": {"exponential": "9d"}, "effects": [{"go": "here"}]},
    }
    journey = {"stages": {"here": {}, "there": {}}, "events": events}
    returned: dict[int, float] = {}
    found = []
    for row in simulate_in_memory(small_scenario(journey=journey, customers=100, horizon="200d")).log_rows():
        if row.event == "returns":
            returned[row.customer] = row.time
        elif row.event == "month_ends" and row.customer in returned:
            found.append(row.time - returned.pop(row.customer))
    return found


def test_a_journey_changed_as_the_remedy_says_bills_a_whole_month_after_a_return() -> None:
    assert min(first_bills_after_returns(when="stage == here")) < 29
    found = first_bills_after_returns(when="stage == here", restart="when")
    assert len(found) > 50
    assert found == pytest.approx([30.0] * len(found), abs=1e-9)
