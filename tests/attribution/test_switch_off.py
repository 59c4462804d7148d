"""Switching a touchpoint off leaves everything else as it is."""

from typing import Any

import pytest

import cjsim as cj
from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.simulation.switching.switch_off import Touchpoint, list_touchpoints, switch_off

JOURNEY: dict[str, Any] = {
    "name": "j",
    "starts_in": "here",
    "stages": {"here": {}},
    "channels": {"mail": {"cost": 0.1}, "text": {"cost": 0.5}, "idle": {}},
    "events": {"order": {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"purchase": {"value": 10}}]}},
    "messages": {
        "news": {"channel": "mail", "open_rate": 0.5, "lift": {"opened": {"order": 1.0}}},
        "thanks": {"channel": "mail", "open_rate": 0.5},
        "ping": {"channel": "text", "open_rate": 0.9},
        "unused": {"channel": "idle", "open_rate": 0.5},
    },
}
POLICY: dict[str, Any] = {
    "name": "p",
    "flows": {
        "after": {
            "on": {"event": "order"},
            "if": "purchases > 1",
            "steps": [
                {"send": "thanks", "label": "again"},
                {"wait": "2d"},
                {"split": {"a": {"share": 0.5, "steps": [{"send": "ping"}]}, "b": {"share": 0.5}}},
                {"branch": {"if": "contacts < 30", "then": [{"jump": "again"}]}},
            ],
        }
    },
    "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "news"}},
    "guardrails": {"blackouts": [{"dates": ["2026-01-20"]}]},
}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    document = {"name": "s", "start": "2026-01-05", "horizon": "56d", "customers": 300, "journey": JOURNEY, "policy": POLICY}
    return Scenario.from_dict(document)


def sent(scenario: Scenario, tmp_path: Any, event: str = "delivered", after_day: int = 0) -> dict[str, int]:
    """Deliveries by message, from a day on."""
    log = cj.simulate(scenario, seed=3, log=tmp_path / "log.parquet").log
    assert log is not None
    where = f"event = '{event}' and time >= timestamp '2026-01-05' + interval {after_day} day"
    rows = log.query(f"select message, count(*) as n from log where {where} group by message")
    return dict(zip(rows["message"], rows["n"], strict=True))


def test_touchpoints_are_those_that_the_policy_uses(scenario: Scenario) -> None:
    names = [str(one) for one in list_touchpoints(scenario)]
    assert names == [
        *("channel mail", "channel text", "flow after", "broadcast weekly"),
        *("message news", "message thanks", "message ping"),
    ]


def test_only_selects_kinds_and_touchpoints(scenario: Scenario) -> None:
    found = list_touchpoints(scenario, only=["broadcast", "message ping"])
    assert found == [Touchpoint("broadcast", "weekly"), Touchpoint("message", "ping")]


def test_unknown_touchpoint_is_an_error_with_a_suggestion(scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"only: must be one of .*, got 'mesage ping'. Did you mean 'message ping'\?"):
        list_touchpoints(scenario, only=["mesage ping"])


@pytest.mark.parametrize(
    ("touchpoint", "stopped"),
    [
        (Touchpoint("channel", "mail"), ("news", "thanks")),
        (Touchpoint("channel", "text"), ("ping",)),
        (Touchpoint("flow", "after"), ("ping", "thanks")),
        (Touchpoint("broadcast", "weekly"), ("news",)),
        (Touchpoint("message", "news"), ("news",)),
        (Touchpoint("message", "thanks"), ("thanks",)),
        (Touchpoint("message", "ping"), ("ping",)),
    ],
    ids=str,
)
def test_switched_off_touchpoint_delivers_nothing(
    scenario: Scenario, touchpoint: Touchpoint, stopped: tuple[str, ...], tmp_path: Any
) -> None:
    assert set(sent(switch_off(scenario, touchpoint), tmp_path)) == {"news", "thanks", "ping"} - set(stopped)


def test_random_choices_stay_the_same_without_a_message(scenario: Scenario, tmp_path: Any) -> None:
    # 'thanks' changes nothing but the number of contacts, and without a blackout no send delays the flow.
    plain = scenario.with_values({"policy.flows.after.steps[3].branch.if": "day < 30", "policy.guardrails.blackouts": []})
    assert sent(switch_off(plain, Touchpoint("message", "thanks")), tmp_path)["ping"] == sent(plain, tmp_path)["ping"]


@pytest.mark.parametrize("touchpoint", [Touchpoint("channel", "mail"), Touchpoint("broadcast", "weekly"), Touchpoint("message", "news")])
def test_introduced_touchpoint_is_off_until_the_day(scenario: Scenario, touchpoint: Touchpoint, tmp_path: Any) -> None:
    introduced = switch_off(scenario, touchpoint, until_day=28)
    found = sent(introduced, tmp_path)["news"]
    assert 0 < found == sent(introduced, tmp_path, after_day=28)["news"]


def test_existing_blackout_stays(scenario: Scenario) -> None:
    rules = switch_off(scenario, Touchpoint("channel", "mail")).policy.guardrails.blackouts
    assert rules[0] == scenario.policy.guardrails.blackouts[0]


def test_policy_without_sends_is_refused(scenario: Scenario) -> None:
    silent = scenario.with_values({"policy": {"name": "none"}})
    with pytest.raises(InputError, match="policy: must send at least one message, to have touchpoints, got no sends"):
        list_touchpoints(silent)
