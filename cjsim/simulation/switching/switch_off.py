"""The touchpoints of a scenario, and the scenario with one of them switched off."""

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple, get_args

from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.scenario.kinds.steps import SendStep, Step
from cjsim.scenario.policy import Broadcast, Flow
from cjsim.scenario.traversal import NEVER_CONDITION, iterate_steps, policy_steps
from cjsim.simulation.documents import Scenario

TouchpointKind = Literal["channel", "flow", "broadcast", "message"]
TOUCHPOINT_KINDS: tuple[TouchpointKind, ...] = get_args(TouchpointKind)


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
    - All sends on a channel are refused, and its transactional messages are not sent; flows continue.
    - Creative work that is no longer used costs nothing, unless the touchpoint is switched on later.

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
    condition = NEVER_CONDITION if until_day is None else f"day >= {until_day}"
    policy, name = scenario.policy, touchpoint.name
    values: dict[str, Any]
    if touchpoint.kind == "channel":
        for one, message in scenario.journey.messages.items():  # a blackout does not stop transactional messages
            if message.channel == name and message.transactional:
                scenario = switch_off(scenario, Touchpoint("message", one), until_day=until_day)
        values = {"policy.guardrails.blackouts": _blackouts(scenario, name, until_day)}
        return scenario.with_values(values | (_without_creative(scenario, name) if until_day is None else {}))
    if touchpoint.kind == "flow":
        return scenario.with_values({f"policy.flows.{name}.if": both_conditions(policy.flows[name].condition, condition)})
    if touchpoint.kind == "broadcast":
        return scenario.with_values({f"policy.broadcasts.{name}.if": both_conditions(policy.broadcasts[name].condition, condition)})
    values = {
        f"policy.broadcasts.{key}.if": both_conditions(broadcast.condition, condition)
        for key, broadcast in policy.broadcasts.items()
        if broadcast.send == name
    }
    if scenario.existing is not None and until_day is not None:
        condition = f"(day < 0 or {condition})"
    past = scenario.past_policy.to_dict() if scenario.existing is not None else {}
    for key, flow in policy.flows.items():
        steps = conditional_steps(flow, lambda step: isinstance(step, SendStep) and step.send == name, condition)
        if steps is not None:
            values[f"policy.flows.{key}.steps"] = steps
            if past and scenario.past_policy.flows.get(key) == flow:
                past["flows"][key]["steps"] = steps  # the condition holds in the past; flows with one definition go on at the switch
    return scenario.with_values(values | ({"existing.policy": past} if past else {}))


def plain_record(record: Flow | Broadcast) -> dict[str, Any]:
    """Return a flow or a broadcast as in a file."""
    return record.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def conditional_steps(flow: Flow, is_chosen: Callable[[Step], bool], condition: str) -> list[Any] | None:
    """Return the steps of a flow as in a file, with some of them made conditional.

    Positions and labels stay the same, so jumps and random numbers do, too.

    Parameters
    ----------
    flow : Flow
        The flow.
    is_chosen : callable
        Returns whether a step depends on the condition. Only for steps without branches.
    condition : str
        The condition.

    Returns
    -------
    list or None
        None if no step is chosen.
    """
    steps: list[Any] = plain_record(flow)["steps"]
    chosen = [path for path, step in iterate_steps(flow.steps, ()) if is_chosen(step)]
    for *path, index in chosen:
        siblings: Any = steps
        for key in path:
            siblings = siblings[key]
        label = {key: value for key, value in siblings[index].items() if key == "label"}
        step = {key: value for key, value in siblings[index].items() if key != "label"}
        siblings[index] = {"branch": {"if": condition, "then": [step]}} | label
    return steps if chosen else None


def both_conditions(condition: str | None, other: str) -> str:
    """Return a condition that holds if both do; `None` always holds."""
    return other if condition is None else f"({condition}) and {other}"


def _without_creative(scenario: Scenario, channel: str) -> dict[str, Any]:
    """Return values that remove the creative costs of the messages on a channel."""
    messages = scenario.journey.messages
    kept = {name: cost for name, cost in scenario.policy.costs.creative.messages.items() if messages[name].channel != channel}
    return {} if kept == dict(scenario.policy.costs.creative.messages) else {"policy.costs.creative.messages": kept}


def _blackouts(scenario: Scenario, channel: str, until_day: int | None) -> list[dict[str, Any]]:
    """Return the blackouts of a policy, plus one for a channel."""
    days = math.ceil(scenario.simulated_days) + 1 if until_day is None else until_day
    last = scenario.start + timedelta(days=days - 1)
    kept = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in scenario.policy.guardrails.blackouts]
    return [*kept, {"channels": [channel], "from": f"{scenario.start}", "to": f"{last}", "then": "refuse", "time_zone": "firm"}]
