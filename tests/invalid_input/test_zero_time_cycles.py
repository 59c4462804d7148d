"""Clocks with a wait of 0 are accepted if something can end the loop, and rejected if the loop is endless."""

from typing import Any

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate
from cjsim.validate import cycles

TINY = (ROOT / "tests" / "worlds" / "tiny.yaml").read_text(encoding="utf-8")

# Loops that something can end. No scenario that can be simulated is rejected.
ENDING_CASES = {
    "a tag of its own": "when: not tagged(vip), effects: [{tag: vip}]",
    "a tag removed in a branch": "when: tagged(vip), effects: [{choose: [{weight: 1, effects: [{untag: vip}]}, {weight: 1}]}]",
    "its own count": "when: count(becomes) < 2",
    "its own purchase": "when: purchases < 3, effects: [{purchase: {value: 1}}]",
    "its own opt-out": "when: consent(email), effects: [{opt_out: email}]",
    "a score of an event that it fires": "when: score(done) < 1, effects: [{fire: then}]",
    "an event that it fires leads away": "effects: [{choose: [{weight: 1, effects: [{fire: go}]}, {weight: 1}]}]",
    "a branch leads away": "effects: [{choose: [{weight: 1, effects: [{go: gone}]}, {weight: 1}]}]",
    "a concurrent event": "when: score(beside) < 1",
    "a step of a flow": "when: not tagged(greeted)",
    "a message": "when: contacts < 1",
    "its own request": "when: asks(help) < 1, effects: [{ask: help}]",
    "its own invitation": "when: referrals < 1, effects: [{refer: {joins: 1}}]",
    "an offer taken at its own purchase": "when: redeemed(tenth) < 1, effects: [{purchase: {value: 1}}]",
}


ENDLESS_CASES = {
    "a condition on something else": "when: purchases >= 0, effects: [{tag: vip}]",
    "a tag that nothing removes": "when: not tagged(other), effects: [{choose: [{weight: 1, effects: [{tag: vip}]}]}]",
    "no branch leads away": "effects: [{choose: [{weight: 1, effects: [{fire: then}]}, {weight: 1, effects: [{satisfy: 0.1}]}]}]",
    "requests that nothing makes": "when: asks(help) < 1, effects: [{satisfy: 0.1}]",
    "only waits of 0": "when: stage == active, wait: {empirical: {values: [0s, 0s]}}",
}


def zero_wait_scenario(becomes: str) -> dict[str, Any]:
    """The tiny scenario with additional events, one of which has a wait of 0."""
    wait = "" if "wait:" in becomes else "wait: {fixed: 0s}, "
    events = f"""    becomes: {{in: [active], {wait}{becomes}}}
    beside: {{in: [active], wait: {{fixed: 0s}}, when: count(beside) < 3, effects: [{{score: {{beside: 1}}}}]}}
    then: {{effects: [{{score: {{done: 1}}}}]}}
    go: {{effects: [{{go: gone}}]}}
    set: {{effects: [{{tag: other}}]}}
"""
    text = TINY.replace("    leave:\n", f"{events}    leave:\n").replace("  stages:\n", "  scores: {done: {}, beside: {}}\n  stages:\n")
    text = text.replace("- send: hello", "- send: hello\n        - tag: greeted")
    data: dict[str, Any] = YAML(typ="safe").load(text)
    data["journey"] |= {"desks": {"help": {"service": {"fixed": "1h"}}}, "offers": {"tenth": {"discount": 0.1, "valid": "9d"}}}
    data["policy"]["desks"] = {"help": {"agents": 1}}
    return data


@pytest.mark.parametrize("ending", list(ENDING_CASES))
def test_zero_wait_that_can_end_is_accepted(ending: str) -> None:
    assert "becomes" in Scenario.from_dict(zero_wait_scenario(ENDING_CASES[ending])).journey.events


@pytest.mark.parametrize("endless", list(ENDLESS_CASES))
def test_endless_zero_wait_is_rejected(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zero_wait_scenario(ENDLESS_CASES[endless])
    with pytest.raises(InputError, match=r"journey\.events\.becomes\.wait: must not repeat endlessly in zero time"):
        Scenario.from_dict(data)
    monkeypatch.setattr(cycles, "_zero_time_loop_faults", lambda journey, policy: ())
    with pytest.raises(InputError, match="must not loop without advancing time"):
        simulate(Scenario.from_dict(data), customers=2, engine="readable")


@pytest.mark.parametrize(
    ("channel", "at_once"),
    [
        ({}, True),
        ({"kind": "paid"}, True),
        ({"kind": "human", "desk": "help"}, False),
        ({"kind": "pull", "visits": ["purchase"]}, False),
        ({"kind": "pull", "visits": ["beside"]}, True),
    ],
)
def test_flow_restarted_by_its_own_instant_message_is_rejected(channel: dict[str, Any], at_once: bool) -> None:
    data = zero_wait_scenario("when: count(becomes) < 1")
    data["journey"]["channels"]["email"] = channel
    data["journey"]["messages"]["hello"]["effects"] = {"delivered": [{"fire": "beside"}]}
    data["policy"]["flows"]["greet"]["on"] = {"event": "beside"}
    if at_once:
        with pytest.raises(InputError, match=r"policy\.flows\.greet\.on: must not be started again immediately by its own effects"):
            Scenario.from_dict(data)
    else:
        assert Scenario.from_dict(data).policy.flows["greet"].on.event == "beside"


def loop_of(wait: dict[str, Any]) -> dict[str, Any]:
    """A scenario with a flow that repeats this step."""
    journey = {"name": "j", "starts_in": "here", "stages": {"here": {}}, "events": {"look": {"in": "anywhere", "wait": {"fixed": "1d"}}}}
    flow = {"on": {"stage": "here"}, "steps": [{"label": "again", **wait}, {"jump": "again"}]}
    return {"name": "s", "journey": journey, "policy": {"name": "p", "flows": {"f": flow}}, "start": "2026-01-05", "horizon": "30d"}


def test_a_loop_through_a_wait_that_an_earlier_event_ends_is_rejected() -> None:
    step = {"wait_for": {"event": "look", "at_most": "1d", "since": "flow_start"}}
    with pytest.raises(InputError, match=r"must not lead back to itself without waiting.* a 'wait_for' with 'since' can end immediately"):
        Scenario.from_dict(loop_of(step))


def test_a_loop_that_repeats_only_after_the_longest_wait_is_accepted() -> None:
    step = {"wait_for": {"event": "look", "at_most": "1d", "since": "flow_start", "then": [{"stop": True}]}}
    Scenario.from_dict(loop_of(step))
