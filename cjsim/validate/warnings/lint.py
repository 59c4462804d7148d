"""Lint: warnings about likely mistakes in valid journeys, policies and scenarios."""

import re
from collections.abc import Iterator
from datetime import timedelta

from cjsim.scenario.fields import hour_text, readable_duration
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.effects import FireEffect, GoEffect, TagEffect, UntagEffect
from cjsim.scenario.kinds.flow_triggers import Reachable, ScheduleTrigger
from cjsim.scenario.kinds.local_time_waits import WaitUntilTerms
from cjsim.scenario.kinds.steps import Step, TagStep, WaitUntilStep
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import iterate_steps, journey_effects, policy_conditions, policy_steps
from cjsim.validate.cost_checks import cost_warnings
from cjsim.validate.reachability import effects_of, find_reachable
from cjsim.validate.transitions import Transition, list_transitions
from cjsim.validate.warnings.accepted_warnings import sort_accepted
from cjsim.validate.warnings.clock_lint import clock_warnings
from cjsim.validate.warnings.condition_lint import condition_warnings
from cjsim.validate.warnings.merge_lint import merge_warnings
from cjsim.validate.warnings.rate_lint import rate_warnings
from cjsim.validate.warnings.reaction_lint import promise_warnings, reaction_warnings
from cjsim.validate.warnings.source_lint import source_warnings
from cjsim.validate.warnings.time_zone_lint import time_zone_warnings
from cjsim.validate.warnings.touchpoint_lint import touchpoint_warnings
from cjsim.validate.warnings.unused_lint import past_scenario, unused_trait_warnings, unused_warnings, without_parts_of_past
from cjsim.yaml.paths import path_text

_RULE_NAME = re.compile(r"""\b(?:rule|gain)\s*\(\s*["']?(\w+)""")


def lint_warnings(record: ScenarioSpec | JourneySpec | PolicySpec) -> list[str]:
    """Return the warnings about likely mistakes that the record does not accept (`accept_warnings`).

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The record to check. A policy without its journey undergoes fewer checks.

    Returns
    -------
    list of str
        Warnings, each starting with a path. Empty if there are none.
    """
    return sort_accepted(record, all_lint_warnings(record)).reported


def all_lint_warnings(record: ScenarioSpec | JourneySpec | PolicySpec) -> list[str]:
    """Return all warnings about likely mistakes, including accepted ones: what happens, why, and what to do.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The record to check.

    Returns
    -------
    list of str
        Warnings, each starting with a path.
    """
    if isinstance(record, ScenarioSpec):
        warnings = [
            *_journey_warnings(record.journey, record.policy, "journey."),
            *_flow_warnings(record.policy, "policy."),
            *_send_warnings(record),
            *cost_warnings(record),
            *touchpoint_warnings(record),
            *promise_warnings(record.journey, record.policy),
            *unused_warnings(record),
            *condition_warnings(record),
            *time_zone_warnings(record),
        ]
        if record.entry.over > record.horizon:
            warnings.append(
                "entry.over: some customers enter after the horizon and are not simulated. Shorten it, or lengthen the horizon."
            )
        return [*without_parts_of_past(record, warnings), *_past_warnings(record), *merge_warnings(record), *source_warnings(record)]
    if isinstance(record, JourneySpec):
        return [*_journey_warnings(record, None, ""), *merge_warnings(record), *source_warnings(record)]
    return [*_flow_warnings(record, ""), *source_warnings(record)]


def _past_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings about a policy that was in force only before day 0."""
    if not scenario.switches_policy:
        return
    before = past_scenario(scenario)
    found = (*_flow_warnings(before.policy, "policy."), *_send_warnings(before), *cost_warnings(before), *touchpoint_warnings(before))
    yield from (f"existing.{warning}" for warning in found if warning.startswith("policy."))


def _journey_warnings(journey: JourneySpec, policy: PolicySpec | None, prefix: str) -> Iterator[str]:
    # A journey is shared by many policies, so messages that this policy does not send are not a mistake in the journey.
    reachable = find_reachable(journey, None)
    for name in journey.stages:
        if name not in reachable.stages:
            yield f"{prefix}stages.{name}: no customer ever enters this stage. Add an event that goes to it, or remove the stage."
    for name, event in journey.events.items():
        if name not in reachable.events:
            yield (
                f"{prefix}events.{name}: never happens, because {_why_unreachable(event, reachable)} and no effect fires it. "
                "Change this, or remove the event."
            )
    moves = set(list_transitions(journey))
    for name, stage in journey.stages.items():
        for other in stage.blocked:
            if Transition(name, other) not in moves:
                yield (
                    f"{prefix}stages.{name}.blocked: no effect moves customers from '{name}' to '{other}', so this blocks nothing. "
                    "Correct the stage, or remove it."
                )
    last = list(journey.stages)[-1]
    for name in journey.stages:
        if name in reachable.stages and name != last and not _can_leave(journey, name, reachable):
            yield (
                f"{prefix}stages.{name}: customers cannot leave this stage, although it is not the last one. "
                "Add an event that goes to another stage, or declare this stage last."
            )
    for path, effect in journey_effects(journey):
        if isinstance(effect, UntagEffect) and policy is not None and effect.untag not in _assigned_tags(journey, policy):
            yield (
                f"{prefix}{path[0]}.{path[1]}: removes the tag '{effect.untag}', which is never set, so this has no effect. "
                "Correct the tag, or remove the effect."
            )
    yield from clock_warnings(journey, policy, prefix)
    yield from reaction_warnings(journey, prefix)
    yield from unused_trait_warnings(journey, prefix)
    yield from rate_warnings(journey, prefix)


def _why_unreachable(event: Event, reachable: Reachable) -> str:
    """The reason why an event never happens by itself."""
    if event.wait == "never":
        return "its wait is 'never'"
    if event.stages == ():
        return "it belongs to no stage"
    if event.stages != "anywhere" and reachable.stages.isdisjoint(event.stages):
        return "no customer enters its stages"
    return "its speed is 0 for every persona"


def _assigned_tags(journey: JourneySpec, policy: PolicySpec) -> set[str]:
    tags = {effect.tag for _, effect in journey_effects(journey) if isinstance(effect, TagEffect)}
    return tags | {step.tag for _, step in policy_steps(policy) if isinstance(step, TagStep)}


def _can_leave(journey: JourneySpec, stage: str, reachable: Reachable) -> bool:
    """Whether an event in this stage, a fired event, a message or a desk can move customers to another stage."""
    events = {name for name in reachable.events if journey.events[name].stages in ("anywhere", ()) or stage in journey.events[name].stages}
    size = -1
    while size != (size := len(events)):
        events |= {effect.fire for effect in list(effects_of(journey, events)) if isinstance(effect, FireEffect)}
    effects = effects_of(journey, events, reachable.messages, reachable.desks)
    return any(isinstance(effect, GoEffect) and effect.go != stage for effect in effects)


def _flow_warnings(policy: PolicySpec, prefix: str) -> Iterator[str]:
    for name, flow in policy.flows.items():
        path = f"{prefix}flows.{name}"
        if not any(step.changes_something for _, step in iterate_steps(flow.steps, ())):
            yield f"{path}: none of its steps does anything. Add a step such as 'send', or remove the flow."
        if flow.holdout == 1:
            yield f"{path}.holdout: is 1, so the flow sends nothing to anyone. Use a share below 1."
        yield from (
            f"{prefix}{step_path}: never runs, because it follows a 'stop' or 'jump'. Remove it, or jump to its 'label'."
            for step_path in _unreachable_steps(flow.steps, f"flows.{name}.steps")
        )
    guardrail_warnings = policy.guardrails.warnings()
    yield from (
        f"{prefix}{warning}"
        for warning in (*guardrail_warnings, *_unused_levels(policy), *_unused_best_hour(policy), *_unused_rules(policy))
    )


def _unused_rules(policy: PolicySpec) -> Iterator[str]:
    used = {name for _, text in policy_conditions(policy) for name in _RULE_NAME.findall(text)}
    for name in policy.rules.keys() - used:
        yield f"rules.{name}: no condition uses it, so it treats nobody. Write 'rule({name})' in a condition, or remove the rule."


def _unused_best_hour(policy: PolicySpec) -> Iterator[str]:
    """Yield warnings about best-hour settings without `best_hour`."""
    # A warning, not a fault: a search that turns `best_hour` off keeps these settings.
    for path, step in policy_steps(policy):
        if isinstance(step, WaitUntilStep) and not step.wait_until.best_hour:
            for name in ("typical", "learn_from"):
                if getattr(step.wait_until, name) != WaitUntilTerms.model_fields[name].default:
                    yield f"{path_text(path)}.wait_until.{name}: has no effect without 'best_hour'. Set it, or remove '{name}'."


def _unused_levels(policy: PolicySpec) -> Iterator[str]:
    """Yield a warning if a personalization entry never applies."""
    for index, level in enumerate(policy.personalisation[:-1]):
        if level.condition is None:
            yield (
                f"personalisation[{index + 1}]: never applies, because the entry before it has no condition. "
                "Move the entry without a condition to the end."
            )
            return


def _unreachable_steps(steps: tuple[Step, ...], path: str) -> Iterator[str]:
    """Yield the paths of steps that follow a `stop` or a `jump` and that no `jump` can reach."""
    ended = False
    for index, step in enumerate(steps):
        has_label = any(inner.label is not None for _, inner in iterate_steps((step,), ()))
        if ended and not has_label:
            yield f"{path}[{index}]"
            return
        ended = step.ends
        for branch in step.branches():
            yield from _unreachable_steps(branch.steps, f"{path}[{index}].{'.'.join(branch.keys)}")


def _send_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings about a policy in combination with its journey."""
    journey, policy = scenario.journey, scenario.policy
    reachable = find_reachable(journey, policy)
    for name in policy.flows:
        if name not in reachable.flows:
            yield f"policy.flows.{name}.on: the trigger never happens, so the flow never starts. Correct the trigger, or remove the flow."
    yield from _dates_outside(scenario)
    used = [channel for channel in journey.channels if channel in reachable.channels]
    found = policy.guardrails.scenario_warnings(start=scenario.start, horizon_days=scenario.simulated_days, channels=used)
    yield from (f"policy.{warning}" for warning in found)
    for name, broadcast in policy.broadcasts.items():
        channel = journey.messages[broadcast.send].channel
        for rule in policy.guardrails.quiet_hours:
            is_same_clock = scenario.journey.time_zones is None or rule.time_zone == broadcast.schedule.time_zone
            if is_same_clock and rule.applies_to(channel) and rule.blocks(broadcast.schedule.at):
                yield (
                    f"policy.broadcasts.{name}.schedule.at: {hour_text(broadcast.schedule.at)} is within quiet hours, "
                    f"so every send is deferred to {hour_text(rule.end)}. Choose another time, or change the quiet hours."
                )


def _dates_outside(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings about broadcasts and flows whose dates are all outside the simulated period."""
    policy = scenario.policy
    in_force = 0.0 if scenario.switches_policy else scenario.begins
    start, days = scenario.start + timedelta(days=in_force), scenario.simulated_days - in_force
    outside = f"no date is within the simulated period ({readable_duration(days)} from {start})"
    for name, broadcast in policy.broadcasts.items():
        if not broadcast.schedule.is_within(start=start, horizon_days=days):
            yield f"policy.broadcasts.{name}.schedule.dates: {outside}, so the broadcast is never sent. Change the dates or the horizon."
    for name, flow in policy.flows.items():
        schedule = flow.on.dates()
        if schedule is not None and not schedule.is_within(start=start, horizon_days=days):
            key = "schedule.dates" if isinstance(flow.on, ScheduleTrigger) else flow.on.key
            yield f"policy.flows.{name}.on.{key}: {outside}, so the flow never starts. Change the dates or the horizon."
