"""The touchpoints of a scenario, and the scenario with one of them switched off."""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple, get_args

from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.scenario.kinds.steps import SendStep
from cjsim.scenario.policy import Broadcast, Flow
from cjsim.scenario.traversal import policy_steps
from cjsim.simulation.documents import Scenario

TouchpointKind = Literal["channel", "flow", "broadcast", "message"]
TOUCHPOINT_KINDS: tuple[TouchpointKind, ...] = get_args(TouchpointKind)
_NEVER_CONDITION = "day < 0"


class Touchpoint(NamedTuple):
    """A channel, flow, broadcast or message that the policy uses."""

    kind: TouchpointKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def list_touchpoints(scenario: Scenario, *, only: Sequence[str] = ()) -> list[Touchpoint]:
    """Return the touchpoints that a policy uses, by kind: channels, flows, broadcasts, messages.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    only : sequence of str
        Kinds, such as 'channel', or touchpoints, such as 'flow cart'; all by default.

    Returns
    -------
    list of Touchpoint

    Raises
    ------
    InputError
        If `only` names an unknown kind or touchpoint, or the policy sends no message.
    """
    policy, journey = scenario.policy, scenario.journey
    sent = {step.send for _, step in policy_steps(policy) if isinstance(step, SendStep)} | {one.send for one in policy.broadcasts.values()}
    if not sent:
        remedy = "Add a flow or a broadcast to the policy."
        raise InputError(format_error("policy", "must send at least one message, to have touchpoints", "no sends", remedy))
    messages = [name for name in journey.messages if name in sent]
    used = {journey.messages[name].channel for name in messages}
    names: dict[TouchpointKind, Sequence[str]] = {
        "channel": [name for name in journey.channels if name in used],
        "flow": list(policy.flows),
        "broadcast": list(policy.broadcasts),
        "message": messages,
    }
    found = [Touchpoint(kind, name) for kind in TOUCHPOINT_KINDS for name in names[kind]]
    choices = [*TOUCHPOINT_KINDS, *map(str, found)]
    for word in only:
        if word not in choices:
            raise InputError(format_error("only", *unknown_name_parts(word, choices, "touchpoint")))
    return [one for one in found if not only or one.kind in only or str(one) in only]


def switch_off(scenario: Scenario, touchpoint: Touchpoint, *, until_day: int | None = None) -> Scenario:
    """Return a scenario without one touchpoint. Everything else in the policy stays the same.

    - A flow does not start, and a broadcast is not sent.
    - A message is not sent; the flows that send it continue with the next step.
    - A channel is blacked out, so that all its sends are refused; flows continue.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    touchpoint : Touchpoint
        What to switch off.
    until_day : int, optional
        Day on which it is switched on, at least 1, counted from the start. By default, it stays off.

    Returns
    -------
    Scenario
    """
    condition = _NEVER_CONDITION if until_day is None else f"day >= {until_day}"
    policy, name = scenario.policy, touchpoint.name
    if touchpoint.kind == "channel":
        return scenario.with_values({"policy.guardrails.blackouts": _blackouts(scenario, name, until_day)})
    if touchpoint.kind == "flow":
        return scenario.with_values({f"policy.flows.{name}.if": _both(policy.flows[name].condition, condition)})
    if touchpoint.kind == "broadcast":
        return scenario.with_values({f"policy.broadcasts.{name}.if": _both(policy.broadcasts[name].condition, condition)})
    values: dict[str, Any] = {
        f"policy.broadcasts.{key}.if": _both(broadcast.condition, condition)
        for key, broadcast in policy.broadcasts.items()
        if broadcast.send == name
    }
    for key, flow in policy.flows.items():
        steps = _plain(flow)["steps"]
        conditional = _conditional_sends(steps, name, condition)
        if conditional != steps:
            values[f"policy.flows.{key}.steps"] = conditional
    return scenario.with_values(values)


def _plain(record: Flow | Broadcast) -> dict[str, Any]:
    return record.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _both(condition: str | None, other: str) -> str:
    return other if condition is None else f"({condition}) and {other}"


def _conditional_sends(plain: Any, message: str, condition: str) -> Any:
    """Return steps in which sends of a message depend on a condition. Labels are kept, so that jumps to them still work."""
    if isinstance(plain, list):
        return [_conditional_sends(one, message, condition) for one in plain]
    if not isinstance(plain, dict):
        return plain
    if plain.get("send") == message:
        label = {key: plain[key] for key in ("label",) if key in plain}
        return {"branch": {"if": condition, "then": [{"send": message}]}} | label
    return {key: _conditional_sends(value, message, condition) for key, value in plain.items()}


def _blackouts(scenario: Scenario, channel: str, until_day: int | None) -> list[dict[str, Any]]:
    """Return the blackouts of a policy, plus one for a channel."""
    days = math.ceil(scenario.horizon) + 1 if until_day is None else until_day
    last = scenario.start + timedelta(days=days - 1)
    kept = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in scenario.policy.guardrails.blackouts]
    return [*kept, {"channels": [channel], "from": f"{scenario.start}", "to": f"{last}", "then": "refuse"}]
