"""Lint warnings about conditions that always or never hold, by the values that their names can take."""

from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.simulation.documents import Scenario
from cjsim.validate.warnings.condition_lint import condition_warnings, constant_conditions

JOURNEY: dict[str, Any] = {
    "stages": {"here": {}, "there": {}, "nowhere": {}},
    "events": {
        "buy": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"purchase": {"value": 9}}, {"score": {"heat": 1}}]},
        "move": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"go": "there"}]},
        "nod": {},
    },
    "attributes": {"region": {"north": 0.5, "south": 0.5}},
    "scores": {"heat": {}, "cold": {}},
    "traits": {"share": {"beta": {"alpha": 1, "beta": 1}}},
    "channels": {"mail": {}, "text": {"consent": 0}, "push": {"consent": 0.5}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}, "ping": {"channel": "push", "open_rate": 0.5}},
    "offers": {"ten": {"amount": 10, "valid": "9d"}},
}


def world(condition: str, **policy: Any) -> Scenario:
    """A flow with a condition."""
    flow = {"on": {"event": "buy"}, "if": condition, "steps": [{"send": "hello"}, {"tag": "greeted"}, {"untag": "lost"}]}
    return small_scenario(journey=JOURNEY, policy={"flows": {"greet": flow}, **policy})


def truth(condition: str, **policy: Any) -> bool | None:
    """Whether a condition of a flow always holds, never holds (False) or may do either (None)."""
    found = constant_conditions(world(condition, **policy))
    return next(iter(found.values()), None)


@pytest.mark.parametrize(
    "condition",
    [
        "count(nod) == 0",
        "purchases >= 0",
        "days_since(nod) > 7",
        "weekday < 7",
        "hour < 24",
        "days_since_entry <= 30",
        "not tagged(lost)",
        "consent(mail)",
        "not consent(text)",
        "score(cold) == 0",
        "score(heat) >= 0",
        "stage != nowhere",
        "not has_offer(ten)",
        "sent(ping) == 0",
        "clicks(push) == 0",
        "clicked(hello) == 0",
        "not held_out",
        "referrals == 0",
        "count(nod) + count(buy) >= 0",
        "purchases > 3 or hour >= 0",
    ],
)
def test_a_condition_that_always_holds_is_found(condition: str) -> None:
    assert truth(condition) is True


@pytest.mark.parametrize(
    "condition",
    [
        "count(nod) > 0",
        "purchases < 0",
        "days_since_entry > 40",
        "tagged(lost)",
        "not consent(mail)",
        "visited(nowhere) > 0",
        "redeemed(ten) >= 1",
        "opened(ping) > 1",
        "held_out",
        "purchases > 3 and hour > 24",
        "count(nod) * 2 > 1",
    ],
)
def test_a_condition_that_never_holds_is_found(condition: str) -> None:
    assert truth(condition) is False


@pytest.mark.parametrize(
    "condition",
    [
        "count(buy) == 0",
        "purchases > 3",
        "days_since(buy) > 7",
        "weekday < 6",
        "days_since_entry < 20",
        "tagged(greeted)",
        "consent(push)",
        "score(heat) > 3",
        "stage == there",
        "region == north",
        "sent(hello) > 2",
        "purchases / contacts > 1",
        "purchases - contacts > 1",
        "days_since(nod) - days_since(buy) > 1",
    ],
)
def test_a_condition_that_may_hold_is_not_reported(condition: str) -> None:
    assert truth(condition) is None


def test_a_holdout_decides_held_out() -> None:
    assert truth("held_out", guardrails={"holdout": 0.5}) is None


def test_a_condition_of_an_event_is_found() -> None:
    events = JOURNEY["events"] | {"buy": JOURNEY["events"]["buy"] | {"when": "share > 1"}}
    found = list(condition_warnings(small_scenario(journey=JOURNEY | {"events": events})))
    assert [warning.split(": ")[0] for warning in found] == ["journey.events.buy.when"]


def test_a_condition_of_an_event_within_the_range_of_a_trait_is_not_reported() -> None:
    events = JOURNEY["events"] | {"buy": JOURNEY["events"]["buy"] | {"when": "share > 0.5"}}
    assert list(condition_warnings(small_scenario(journey=JOURNEY | {"events": events}))) == []


def test_the_warning_states_the_condition_the_reason_and_the_consequence() -> None:
    assert list(condition_warnings(world("count(nod) > 0"))) == [
        "policy.flows.greet.if: 'count(nod) > 0' never holds, by the values its names can take, so the flow never starts. "
        "Correct it, or remove it."
    ]


def test_a_branch_whose_condition_always_holds_names_the_branch_that_never_runs() -> None:
    step = {"branch": {"if": "purchases >= 0", "then": [{"send": "hello"}], "else": [{"send": "ping"}]}}
    flows = {"greet": {"on": {"event": "buy"}, "steps": [step]}}
    [found] = condition_warnings(small_scenario(journey=JOURNEY, policy={"flows": flows}))
    assert found.startswith("policy.flows.greet.steps[0].branch.if: ") and "'else' never runs" in found
