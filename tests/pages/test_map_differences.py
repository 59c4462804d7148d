"""The future state marks exactly what differs between two policies."""

from pathlib import Path
from typing import Any

import pytest

import cjsim as cj
from cjsim.pages.maps.stage_counts import Touchpoint
from cjsim.pages.maps.touchpoint_differences import BROADCASTS, FLOWS, scenario_differences, touchpoints_of


@pytest.fixture(scope="module")
def shop() -> cj.Scenario:
    return cj.Scenario.load("shop")


def with_policy(scenario: cj.Scenario, **parts: Any) -> cj.Scenario:
    """The scenario with some parts of its policy replaced."""
    data = scenario.to_dict()
    data["policy"] |= {"costs": {}, **parts}  # costs name flows
    return cj.Scenario.from_dict(data)


def test_equal_scenarios_have_no_differences(shop: cj.Scenario) -> None:
    found = scenario_differences(shop, shop)
    assert set(found.touchpoints.values()) | set(found.desks.values()) <= {None}
    assert (found.other, found.journey) == ((), ())


def test_titles_are_no_differences(shop: cj.Scenario) -> None:
    flows = shop.to_dict()["policy"]["flows"]
    retitled = with_policy(shop, flows={name: {**flow, "title": "Another title"} for name, flow in flows.items()})
    assert set(scenario_differences(shop, retitled).touchpoints.values()) == {None}


def test_messages_of_a_removed_flow_are_dropped(shop: cj.Scenario) -> None:
    flows = dict(shop.to_dict()["policy"]["flows"])
    del flows["welcome"]
    found = scenario_differences(shop, with_policy(shop, flows=flows)).touchpoints
    dropped = {one.message for one, mark in found.items() if mark == "dropped"}
    assert dropped == {"welcome_1", "welcome_2", "welcome_3"}
    assert {mark for one, mark in found.items() if one.message not in dropped} == {None}


def test_messages_of_an_added_flow_are_new(shop: cj.Scenario) -> None:
    sent = {one.message for one in touchpoints_of(shop.policy)}
    unused = next(name for name in shop.journey.messages if name not in sent)
    flows = {**shop.to_dict()["policy"]["flows"], "extra": {"on": {"stage": "lapsed"}, "steps": [{"send": unused}]}}
    found = scenario_differences(shop, with_policy(shop, flows=flows)).touchpoints
    assert {one: mark for one, mark in found.items() if mark} == {Touchpoint(FLOWS, unused): "new"}


def test_messages_of_a_flow_that_differs_are_changed(shop: cj.Scenario) -> None:
    changed = shop.with_values({"policy.flows.welcome.again_after": "30d"})
    found = scenario_differences(shop, changed).touchpoints
    assert {one.message for one, mark in found.items() if mark == "changed"} == {"welcome_1", "welcome_2", "welcome_3"}


def test_a_broadcast_that_differs_is_changed(shop: cj.Scenario) -> None:
    [name] = [name for name, one in shop.policy.broadcasts.items() if one.send == "newsletter"]
    changed = shop.with_values({f"policy.broadcasts.{name}.holdout": 0.5})
    found = scenario_differences(shop, changed).touchpoints
    assert {one: mark for one, mark in found.items() if mark} == {Touchpoint(BROADCASTS, "newsletter"): "changed"}


def test_guardrails_are_named(shop: cj.Scenario) -> None:
    changed = shop.with_values({"policy.guardrails.caps": []})
    assert scenario_differences(shop, changed).other == ("Guardrails: caps, gaps and quiet hours",)


def test_parts_of_the_journey_are_named(shop: cj.Scenario) -> None:
    changed = shop.with_values({"journey.messages.newsletter.open_rate": 0.5})
    found = scenario_differences(shop, changed)
    assert found.journey == ("Messages: Newsletter",)
    assert {one.message for one, mark in found.touchpoints.items() if mark} == {"newsletter"}


def test_marks_on_the_map_are_the_differences_of_the_policies(run_folders: list[Path]) -> None:
    drawn = cj.journey_map(run_folders[0], kind="future", against=run_folders[1], level="touchpoint")
    before, after = cj.Scenario.load("shop"), cj.Scenario.load("shop_better")
    expected = scenario_differences(before, after).touchpoints
    [view] = drawn.page.views
    cards = [entry for lane in view.lanes for cell in lane.cells for entry in cell if entry.kind == "card"]
    marks = {(entry.lines[0].text, entry.mark) for entry in cards}
    titles = {message: one.title for message, one in after.journey.messages.items()}
    reached = {text for text, _ in marks}
    assert marks == {
        (titles[one.message], mark) for one, mark in expected.items() if one.source == FLOWS and titles[one.message] in reached
    }
    had, has = touchpoints_of(before.policy), touchpoints_of(after.policy)
    assert {one for one, mark in expected.items() if mark == "new"} == set(has) - set(had)
    assert {one for one, mark in expected.items() if mark == "dropped"} == set(had) - set(has)


def test_marks_are_written(run_folders: list[Path]) -> None:
    drawn = cj.journey_map(run_folders[0], kind="future", against=run_folders[1])
    for text in ("+ New", "~ Changed"):
        assert text in drawn.html and text in drawn.svg and text in drawn.mermaid
