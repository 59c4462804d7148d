"""Iterates over the effects, steps and conditions of a journey and a policy, each with its key path."""

from collections.abc import Iterator

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.effects import Effect
from cjsim.scenario.kinds.steps import Step
from cjsim.scenario.policy import PolicySpec
from cjsim.yaml.paths import KeyPath

NEVER_CONDITION = "day < 0"  # switches off a flow, a broadcast or a branch


def iterate_effects(effects: tuple[Effect, ...], path: KeyPath) -> Iterator[tuple[KeyPath, Effect]]:
    """Iterate over effects and the effects in their branches, in order."""
    for index, effect in enumerate(effects):
        effect_path = (*path, index)
        yield effect_path, effect
        for inner_path, inner in effect.inner():
            yield from iterate_effects(inner, (*effect_path, *inner_path))


def journey_effects(journey: JourneySpec) -> Iterator[tuple[KeyPath, Effect]]:
    """Iterate over all effects of a journey: those of events, then messages, then desks."""
    for name, event in journey.events.items():
        yield from iterate_effects(event.effects, ("events", name, "effects"))
    for name, message in journey.messages.items():
        for touch, effects in message.effects:
            yield from iterate_effects(effects, ("messages", name, "effects", touch))
    for name, desk in journey.desks.items():
        for reply, effects in desk.effects:
            yield from iterate_effects(effects, ("desks", name, "effects", reply))


def iterate_steps(steps: tuple[Step, ...], path: KeyPath) -> Iterator[tuple[KeyPath, Step]]:
    """Iterate over steps and the steps in their branches, in order."""
    for index, step in enumerate(steps):
        step_path = (*path, index)
        yield step_path, step
        for branch in step.branches():
            yield from iterate_steps(branch.steps, (*step_path, *branch.keys))


def policy_steps(policy: PolicySpec) -> Iterator[tuple[KeyPath, Step]]:
    """Iterate over the steps of all flows."""
    for name, flow in policy.flows.items():
        yield from iterate_steps(flow.steps, ("flows", name, "steps"))


def policy_conditions(policy: PolicySpec) -> Iterator[tuple[KeyPath, str]]:
    """Iterate over the text of all conditions of a policy."""
    conditions: list[tuple[KeyPath, str | None]] = [
        *((("flows", name, "if"), flow.condition) for name, flow in policy.flows.items()),
        *(((*path, step.key, "if"), step.condition()) for path, step in policy_steps(policy)),
        *((("broadcasts", name, "if"), broadcast.condition) for name, broadcast in policy.broadcasts.items()),
        (("guardrails", "exit"), policy.guardrails.exit),
        *((("personalisation", index, "if"), level.condition) for index, level in enumerate(policy.personalisation)),
    ]
    yield from ((path, condition) for path, condition in conditions if condition is not None)


def is_switched_off(condition: str | None) -> bool:
    """Return whether a condition switches off what it guards, because it is `day < 0`, alone or as the last term of `and`."""
    return condition is not None and (condition == NEVER_CONDITION or condition.endswith(f" and {NEVER_CONDITION}"))


def active_flows(policy: PolicySpec) -> list[str]:
    """Return the names of the flows that are not switched off."""
    return [name for name, flow in policy.flows.items() if not is_switched_off(flow.condition)]


def active_messages(policy: PolicySpec) -> list[str]:
    """Return the names of the messages sent by flows and broadcasts that are not switched off."""
    sent = [name for flow in active_flows(policy) for name in _active_sends(policy.flows[flow].steps)]
    sent += [one.send for one in policy.broadcasts.values() if not is_switched_off(one.condition)]
    return list(dict.fromkeys(sent))


def _active_sends(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        yield from (name for kind, name in step.leads_to() if kind == "message")
        branches = list(step.branches())
        for branch in branches[1:] if is_switched_off(step.condition()) else branches:
            yield from _active_sends(branch.steps)


def tag_codes(journey: JourneySpec, policy: PolicySpec | None) -> dict[str, int]:
    """Assign codes to the tags that effects and steps set or remove, in the order of first use."""
    changes = [effect.leads_to() for _, effect in journey_effects(journey)]
    changes += [step.leads_to() for _, step in policy_steps(policy)] if policy is not None else []
    tags = dict.fromkeys(name for named in changes for kind, name in named if kind == "tag")
    return {tag: code for code, tag in enumerate(tags)}
