"""Lint: warnings about what looks like a mistake in a journey, a policy or a scenario that can be simulated."""

from collections.abc import Iterator

from cjsim.scenario.fields import duration_text, hour_text
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.policy import PolicySpec, QuietHours, Schedule, Step, WaitUntil
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import iterate_steps, journey_effects, nested_steps, policy_steps
from cjsim.validate.reachability import Reachable, effects_of, find_reachable
from cjsim.validate.touchpoint_lint import touchpoint_warnings
from cjsim.yaml.paths import KeyPath, path_text

STEPS_WITHOUT_EFFECT = frozenset({"wait", "wait_until", "wait_for", "branch", "split", "jump", "stop"})


def lint_warnings(record: ScenarioSpec | JourneySpec | PolicySpec) -> list[str]:
    """What looks like a mistake, one sentence each.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        A policy alone gets fewer checks, as its journey is not known.

    Returns
    -------
    list of str
        Empty if nothing looks like a mistake.
    """
    if isinstance(record, ScenarioSpec):
        warnings = [
            *_journey_warnings(record.journey, record.policy, "journey."),
            *_flow_warnings(record.policy, "policy."),
            *_send_warnings(record),
            *touchpoint_warnings(record),
        ]
        if record.entry.over > record.horizon:
            warnings.append("entry.over: some customers enter after the horizon and are never seen.")
        return warnings
    return list(_journey_warnings(record, None, "") if isinstance(record, JourneySpec) else _flow_warnings(record, ""))


def _journey_warnings(journey: JourneySpec, policy: PolicySpec | None, prefix: str) -> Iterator[str]:
    # A journey is used with many policies: messages that this policy does not send are no mistake of the journey.
    reachable = find_reachable(journey, None)
    for name in journey.stages:
        if name not in reachable.stages:
            yield f"{prefix}stages.{name}: no customer ever comes here. Let an event 'go' here, or remove it."
    for name, event in journey.events.items():
        if name not in reachable.events:
            yield f"{prefix}events.{name}: can never happen: {_why_unreachable(event, reachable)}, and nothing that happens fires it."
    last = list(journey.stages)[-1]
    for name in journey.stages:
        if name in reachable.stages and name != last and not _can_leave(journey, name, reachable):
            yield f"{prefix}stages.{name}: cannot be left, though it is not the last stage."
    for path, effect in journey_effects(journey):
        if effect.untag is not None and policy is not None and effect.untag not in _assigned_tags(journey, policy):
            yield f"{prefix}{path[0]}.{path[1]}: takes off the tag '{effect.untag}', which nothing puts on."


def _why_unreachable(event: Event, reachable: Reachable) -> str:
    """Why an event never happens."""
    if event.wait == "never":
        return "its wait is 'never'"
    if event.stages == ():
        return "it is in no stage"
    if event.stages != "anywhere" and reachable.stages.isdisjoint(event.stages):
        return "none of its stages is ever entered"
    return "its clock never runs"


def _assigned_tags(journey: JourneySpec, policy: PolicySpec) -> set[str]:
    tags = {effect.tag for _, effect in journey_effects(journey)} | {step.tag for _, step in policy_steps(policy)}
    return {tag for tag in tags if tag is not None}


def _can_leave(journey: JourneySpec, stage: str, reachable: Reachable) -> bool:
    """Whether an event in this stage, a fired event, a message or a desk leads to another stage."""
    events = {name for name in reachable.events if journey.events[name].stages in ("anywhere", ()) or stage in journey.events[name].stages}
    size = -1
    while size != (size := len(events)):
        events |= {effect.fire for effect in list(effects_of(journey, events)) if effect.fire is not None}
    return any(effect.go not in (None, stage) for effect in effects_of(journey, events, reachable.messages, reachable.desks))


def _flow_warnings(policy: PolicySpec, prefix: str) -> Iterator[str]:
    for name, flow in policy.flows.items():
        path = f"{prefix}flows.{name}"
        if all(step.kind in STEPS_WITHOUT_EFFECT for _, step in iterate_steps(flow.steps, ())):
            yield f"{path}: does nothing."
        if flow.holdout == 1:
            yield f"{path}.holdout: is 1, so that everyone is held out."
        yield from (
            f"{prefix}{step_path} can never be reached: it stands after a stop or a jump."
            for step_path in _unreachable_steps(flow.steps, f"flows.{name}.steps")
        )
    yield from (f"{prefix}guardrails.quiet_hours: {warning}" for warning in _quiet_all_day(policy.guardrails.quiet_hours))
    for group in ("caps", "budgets"):
        for index, rule in enumerate(getattr(policy.guardrails, group)):
            if rule.at_most == 0:
                channels = ", ".join(rule.channels) or "any channel"
                yield f"{prefix}guardrails.{group}[{index}]: is 0, so that nothing is ever sent by {channels}."
    yield from (f"{prefix}{warning}" for warning in (*_holdout_warnings(policy), *_unused_best_hour(policy)))


def _unused_best_hour(policy: PolicySpec) -> Iterator[str]:
    """Yield warnings of settings of a best hour that is off."""
    # Not a fault: a search that turns `best_hour` off leaves these settings in place.
    for path, step in policy_steps(policy):
        until = step.wait_until
        if until is not None and not until.best_hour:
            for name in ("typical", "learn_from"):
                if getattr(until, name) != WaitUntil.model_fields[name].default:
                    yield f"{path_text(path)}.wait_until.{name}: has no effect without 'best_hour'."


def _holdout_warnings(policy: PolicySpec) -> Iterator[str]:
    """Yield warnings of the holdout, and of personalization that never applies."""
    rules = policy.guardrails
    if rules.holdout == 1:
        yield "guardrails.holdout: is 1, so that everyone is held out."
    if rules.spared and rules.holdout == 0:
        yield "guardrails.spared: has no effect, as there is no holdout."
    for index, level in enumerate(policy.personalisation[:-1]):
        if level.condition is None:
            yield f"personalisation[{index + 1}] never applies: the one before it has no condition."
            return


def _quiet_all_day(rules: tuple[QuietHours, ...]) -> Iterator[str]:
    """Yield warnings of channels whose quiet hours cover the whole day. If an hour is open, the end of some rule is open."""
    common = [rule for rule in rules if not rule.channels]
    for channel in dict.fromkeys(["", *(name for rule in rules for name in rule.channels)]):
        own = [*common, *(rule for rule in rules if channel in rule.channels)]
        if own and all(any(_is_quiet(rule.end, other) for other in own) for rule in own):
            yield f"cover the whole day, so that nothing is ever sent by {channel or 'any channel'}."
            if not channel:
                return


def _unreachable_steps(steps: tuple[Step, ...], path: str) -> Iterator[str]:
    """Yield the paths of steps after a stop or a jump that no jump can reach."""
    ended = False
    for index, step in enumerate(steps):
        step_path: KeyPath = (index,)
        has_label = any(inner.label is not None for _, inner in iterate_steps((step,), ()))
        if ended and not has_label:
            yield f"{path}[{index}]"
            return
        ended = step.stop is not None or step.jump is not None
        for nested_path, nested in nested_steps(step, step_path):
            suffix = "".join(f".{key}" if isinstance(key, str) else f"[{key}]" for key in nested_path)
            yield from _unreachable_steps(nested, f"{path}{suffix}")


def _send_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings of a policy under its journey."""
    journey, policy = scenario.journey, scenario.policy
    reachable = find_reachable(journey, policy)
    for name in policy.flows:
        if name not in reachable.flows:
            yield f"policy.flows.{name}.on: what it waits for can never happen, so that the flow never starts."
    yield from _dates_outside(scenario)
    for name, broadcast in policy.broadcasts.items():
        channel = journey.messages[broadcast.send].channel
        for rule in policy.guardrails.quiet_hours:
            if (not rule.channels or channel in rule.channels) and _is_quiet(broadcast.schedule.at, rule):
                yield (
                    f"policy.broadcasts.{name}.schedule.at: {hour_text(broadcast.schedule.at)} is within quiet hours: "
                    f"it always waits until {hour_text(rule.end)}."
                )


def _dates_outside(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings of broadcasts and flows whose dates are all outside the simulated time."""
    policy = scenario.policy
    for name, broadcast in policy.broadcasts.items():
        if _is_outside(broadcast.schedule, scenario):
            yield f"policy.broadcasts.{name}.schedule.dates: {_outside_text(scenario)}, so that it never goes out."
    for name, flow in policy.flows.items():
        schedule = flow.on.dates()
        if schedule is not None and _is_outside(schedule, scenario):
            key = "date" if flow.on.date is not None else "schedule.dates"
            yield f"policy.flows.{name}.on.{key}: {_outside_text(scenario)}, so that the flow never starts."


def _is_outside(schedule: Schedule, scenario: ScenarioSpec) -> bool:
    dates, at = schedule.dates, schedule.at / 24
    return bool(dates) and not any(0 <= (day - scenario.start).days + at < scenario.horizon for day in dates)


def _outside_text(scenario: ScenarioSpec) -> str:
    return f"none lies within the simulated time, {duration_text(scenario.horizon)} from {scenario.start}"


def _is_quiet(hour: float, rule: QuietHours) -> bool:
    hour, start, end = hour % 24, rule.start % 24, rule.end % 24
    return start <= hour < end if start < end else hour >= start or hour < end
