"""`accept_warnings`: which warnings an entry accepts, and entries that accept none."""

import json
from typing import Any

import pytest
from conftest import ROOT
from small_scenarios import small_scenario
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.simulation.documents import Journey, Scenario
from cjsim.validate.warnings.accepted_warnings import sort_accepted, unused_entry_warnings
from cjsim.validate.warnings.lint import all_lint_warnings, lint_warnings

REASON = "kept for later"
SPARE: dict[str, Any] = {"channels": {"mail": {}}, "messages": {"spare": {"channel": "mail", "open_rate": 0.5}}}


def world(entries: dict[str, str], *, journey: dict[str, Any] | None = None) -> Scenario:
    """A scenario with a message that is never sent."""
    return small_scenario(journey=SPARE | (journey or {}), accept_warnings=entries)


def test_a_message_that_is_never_sent_is_reported() -> None:
    assert len(lint_warnings(world({}))) == 1


@pytest.mark.parametrize("path", ["journey.messages.spare", "journey.messages", "journey"])
def test_an_entry_accepts_what_lies_below_its_path(path: str) -> None:
    assert lint_warnings(world({path: REASON})) == []


@pytest.mark.parametrize("path", ["journey.messages.spa", "journey.messages.spare_two", "journey.offers"])
def test_an_entry_for_another_path_accepts_nothing(path: str) -> None:
    assert len(lint_warnings(world({path: REASON}))) == 1


def test_an_accepted_warning_has_the_reason() -> None:
    one = world({"journey.messages.spare": REASON})
    assert [accepted.reason for accepted in sort_accepted(one, all_lint_warnings(one)).accepted] == [REASON]


def test_a_journey_accepts_warnings_of_its_scenario() -> None:
    assert lint_warnings(world({}, journey={"accept_warnings": {"messages.spare": REASON}})) == []


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_entry_needs_a_reason(reason: str) -> None:
    with pytest.raises(InputError, match="accept_warnings"):
        Scenario.from_dict(world({}).to_dict() | {"accept_warnings": {"journey.messages.spare": reason}})


def test_an_entry_of_a_scenario_that_accepts_nothing_is_reported() -> None:
    one = world({"journey.offers.ten": REASON})
    [found] = unused_entry_warnings(one, all_lint_warnings(one))
    assert found.startswith("accept_warnings: the entry 'journey.offers.ten' accepts nothing")


def test_an_entry_of_a_scenario_that_accepts_a_warning_is_not_reported() -> None:
    one = world({"journey.messages.spare": REASON})
    assert unused_entry_warnings(one, all_lint_warnings(one)) == []


def unused_in_journey(path: str) -> list[str]:
    parts = {"name": "j", "starts_in": "here", "stages": {"here": {}}, "events": {"nod": {"in": ["here"], "wait": {"fixed": "1d"}}}}
    journey = Journey.model_validate(parts | SPARE | {"accept_warnings": {path: REASON}})
    return unused_entry_warnings(journey, all_lint_warnings(journey))


def test_an_entry_of_a_journey_that_policies_decide_is_not_reported() -> None:
    assert unused_in_journey("messages.spare") == []


@pytest.mark.parametrize("path", ["messages.other", "events.nod.wait"])
def test_an_entry_of_a_journey_that_can_accept_nothing_is_reported(path: str) -> None:
    assert len(unused_in_journey(path)) == 1


def test_accepted_warnings_are_no_part_of_the_identity() -> None:
    assert world({"journey": REASON}, journey={"accept_warnings": {"messages": REASON}}).identity() == world({}).identity()


def test_an_event_named_accept_warnings_is_part_of_the_identity() -> None:
    assert world({}, journey={"events": {"accept_warnings": {"title": "x"}}}).identity() != world({}).identity()


def test_accepted_warnings_survive_saving_and_loading(tmp_path: Any) -> None:
    one = world({"journey.messages.spare": REASON})
    one.save(tmp_path / "one.yaml")
    assert Scenario.load(tmp_path / "one.yaml") == one


TINY = str(ROOT / "tests" / "worlds" / "tiny.yaml")
CAP = "policy.guardrails.caps=[{at_most: 0, per: 1d}]"


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", TINY, "--static", "--set", CAP, *arguments])


def test_check_counts_accepted_warnings() -> None:
    assert (
        invoke("--set", f"accept_warnings={{policy.guardrails: {REASON}}}").stdout
        == f"{TINY}: valid scenario, 1 accepted warning not shown\n"
    )


def test_check_does_not_print_accepted_warnings() -> None:
    assert invoke("--set", f"accept_warnings={{policy.guardrails: {REASON}}}").stderr == ""


def test_check_lists_accepted_warnings_with_reasons_in_json() -> None:
    found = json.loads(invoke("--set", f"accept_warnings={{policy.guardrails: {REASON}}}", "--json").stdout)
    assert [one["reason"] for one in found["accepted"]] == [REASON]
