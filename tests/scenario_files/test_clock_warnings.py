"""Lint warnings about event clocks: settings of events without one, and fixed waits that restart or pause."""

from typing import Any

import pytest
from in_memory_simulation import simulate_in_memory
from small_scenarios import small_scenario

from cjsim.simulation.documents import Journey
from cjsim.validate.clock_lint import clock_warnings
from cjsim.validate.lint import lint_warnings

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


def moving(stages: list[str] | str, wait: dict[str, str], **more: Any) -> dict[str, Any]:
    """An event in two stages, and moves between them."""
    return {
        "month_ends": {"in": stages, "wait": wait, **more},
        "pauses": {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"go": "there"}]},
    }


def test_a_fixed_wait_in_two_stages_warns_of_moves_between_them() -> None:
    [found] = warned(events=moving(["here", "there"], {"fixed": "30d"}))
    assert found.startswith(
        "events.month_ends.wait: the fixed wait of 30d starts again at each move between its stages (from 'here' to 'there'"
    )


@pytest.mark.parametrize(
    ("stages", "wait"),
    [(["here"], {"fixed": "30d"}), ("anywhere", {"fixed": "30d"}), (["here", "there"], {"exponential": "30d"})],
)
def test_one_stage_or_a_random_wait_does_not_warn(stages: Any, wait: dict[str, str]) -> None:
    assert warned(events=moving(stages, wait)) == []


def test_a_move_by_the_event_itself_does_not_warn() -> None:
    events = {"month_ends": {"in": ["here", "there"], "wait": {"fixed": "30d"}, "effects": [{"go": "there"}]}}
    assert warned(events=events) == []


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


def billed(**event: Any) -> dict[str, Any]:
    """A bill that runs on in two stages, which customers can leave and enter again."""
    return {
        "month_ends": {"wait": {"fixed": "30d"}, **event},
        "recommends": {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"go": "there"}]},
        "leaves": {"in": ["here", "there"], "wait": {"exponential": "9d"}, "effects": [{"go": "gone"}]},
        "returns": {"in": ["gone"], "wait": {"exponential": "9d"}, "effects": [{"go": "here"}]},
    }


STAGES = {"here": {}, "there": {}, "gone": {}}


def test_the_remedy_for_a_restarting_wait_is_one_stage_with_a_tag() -> None:
    [found] = warned(stages=STAGES, events=billed(**{"in": ["here", "there"]}))
    assert "Keep one stage, 'here', with a tag in place of 'there': 'tag: there' for 'go: there', 'untag: there' where" in found


def with_a_tag() -> dict[str, Any]:
    """The bill of `billed` as the remedy says: one stage, and a tag in place of the other."""
    events = billed(**{"in": ["here"]})
    recommends = events["recommends"] | {"when": "not tagged(there)", "effects": [{"tag": "there"}]}
    leaves = events["leaves"] | {"in": ["here"], "effects": [{"untag": "there"}, {"go": "gone"}]}
    return events | {"recommends": recommends, "leaves": leaves}


def test_a_journey_changed_as_the_remedy_says_has_no_more_warnings() -> None:
    stages = {name: body for name, body in STAGES.items() if name != "there"}
    assert warned(stages=stages, events=with_a_tag()) == []


def test_a_journey_changed_as_the_remedy_says_bills_no_sooner_than_a_wait_after_a_return() -> None:
    journey = {"stages": {name: body for name, body in STAGES.items() if name != "there"}, "events": with_a_tag()}
    rows = simulate_in_memory(small_scenario(journey=journey, customers=200, horizon="200d")).log_rows()
    returned: dict[int, float] = {}
    gaps = []
    for row in rows:
        if row.event == "returns":
            returned[row.customer] = row.time
        elif row.event == "month_ends" and row.customer in returned:
            gaps.append(row.time - returned[row.customer])
    assert gaps
    assert min(gaps) >= 30 - 1e-6


def test_a_pause_by_several_stages_advises_one_stage_with_a_tag() -> None:
    [found] = warned(stages=STAGES, events=billed(**{"in": "anywhere", "when": "stage in [here, there]"}))
    assert "To start it again after each pause, use a single stage ('in') and replace the others with tags." in found


def test_a_pause_warns_of_a_bill_soon_after_a_return() -> None:
    [found] = warned(stages=STAGES, events=billed(**{"in": "anywhere", "when": "stage in [here, there]"}))
    assert "a customer who has just paid to return can soon be billed again" in found


def test_a_pause_by_one_stage_advises_to_use_the_stage() -> None:
    [found] = warned(stages=STAGES, events=billed(**{"in": "anywhere", "when": "stage == here"}))
    assert "use a stage ('in') instead of 'when'" in found
