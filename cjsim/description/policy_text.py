"""Describes a policy in words: flows, broadcasts, guardrails, staffing, spend and personalization."""

from collections.abc import Iterator

from cjsim.description.phrases import desk_phrase, duration_phrase, format_number, format_percent, join_names, name_with_title, score_phrase
from cjsim.scenario.fields import duration_text, hour_text
from cjsim.scenario.policy import Broadcast, Flow, On, PolicySpec, Schedule, Shift, Spend, Staffing, Step, WaitUntil


def policy_lines(policy: PolicySpec) -> Iterator[str]:
    """Describe a policy in words, one fact a line.

    Parameters
    ----------
    policy : PolicySpec
        The policy to describe.

    Yields
    ------
    str
        Lines, indented below what they belong to.
    """
    yield f"Policy {name_with_title(policy.name, policy.title)}:"
    for name, flow in policy.flows.items():
        yield f"  Flow {name_with_title(name, flow.title)}{_flow_terms_phrase(flow)}:"
        yield from (f"    {line}" for line in _step_lines(flow.steps))
    for name, broadcast in policy.broadcasts.items():
        yield f"  Broadcast {name_with_title(name, broadcast.title)}: {_broadcast_phrase(broadcast)}"
    yield "  Guardrails of every send:"
    yield from (f"    {line}" for line in ["only with consent", *_guardrail_lines(policy)])
    yield from (f"  Desk {name}: {join_names(_staffing_phrases(staffing))}" for name, staffing in policy.desks.items())
    yield from (f"  Spend on {name}: {join_names(_spend_phrases(spend))}" for name, spend in policy.acquisition.items())
    for level in policy.personalisation:
        whose = f" of those with {level.condition}" if level.condition else ""
        yield f"  Takes the interest{whose} for what it is in {format_percent(level.accuracy)} of sends"


def _flow_terms_phrase(flow: Flow) -> str:
    terms = [f" {_trigger_phrase(flow.on)}"]
    terms += [f"if {flow.condition}"] if flow.condition else []
    if flow.again_after:
        terms.append("once" if flow.again_after == "never" else f"again after {duration_phrase(flow.again_after)}")
    terms += [f"until {join_names(flow.exit_on)}"] if flow.exit_on else []
    terms += [f"not for a holdout of {format_percent(flow.holdout)}"] if flow.holdout else []
    terms += [f"priority {flow.priority}"] if flow.priority else []
    return ", ".join(terms)


def _trigger_phrase(on: On) -> str:
    if on.inactivity is not None:
        return f"after {duration_phrase(on.inactivity)} without {join_names(on.of) if on.of else 'anything'}"
    if on.schedule is not None:
        return f"on {_schedule_phrase(on.schedule)}"
    if on.date is not None:
        return f"on {on.date} at {hour_text(on.at or 0.0)}"
    if on.score is not None:
        return f"as score {on.score} rises above {on.above:g}" if on.above is not None else f"as score {on.score} falls to {on.below:g}"
    if on.unopened is not None:
        return f"at a message{_channels_phrase(on.channels)} after {on.unopened} that were not opened"
    return f"at each {on.event}" if on.event is not None else f"on entering {on.stage}"


def _schedule_phrase(schedule: Schedule) -> str:
    weeks = "every week" if schedule.every_weeks == 1 else f"every {schedule.every_weeks} weeks"
    when = f"{join_names(schedule.weekdays)} {weeks}" if schedule.weekdays else join_names(str(day) for day in schedule.dates)
    return f"{when} at {hour_text(schedule.at)}"


def _step_lines(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        label = f"{step.label}: " if step.label else ""
        yield f"{label}{_step_phrase(step)}"
        if step.wait_for is not None:
            yield from _branch_lines({"then": step.wait_for.then, "else": step.wait_for.otherwise})
        elif step.branch is not None:
            yield from _branch_lines({"then": step.branch.then, "else": step.branch.otherwise})
        elif step.split is not None:
            yield from _branch_lines({f"{name}, {format_percent(arm.share)}": arm.steps for name, arm in step.split.items()})


def _branch_lines(branches: dict[str, tuple[Step, ...]]) -> Iterator[str]:
    for name, steps in branches.items():
        if not steps and name in ("then", "else"):
            continue
        yield f"  {name}:" if steps else f"  {name}: nothing"
        yield from (f"    {line}" for line in _step_lines(steps))


def _step_phrase(step: Step) -> str:
    if step.wait is not None:
        return f"wait {duration_phrase(step.wait)}"
    if step.wait_until is not None:
        return _wait_until_phrase(step.wait_until)
    if step.wait_for is not None:
        return f"wait for {step.wait_for.event}, at most {duration_phrase(step.wait_for.at_most)}"
    if step.branch is not None:
        return f"if {step.branch.condition}"
    if step.split is not None:
        return "split at random" if step.experiment is None else f"split by experiment {step.experiment}"
    if step.score is not None:
        return score_phrase(step.score)
    if step.ask is not None:
        return f"ask {desk_phrase(step.ask.desk, step.ask.priority)}"
    return "stop" if step.stop else f"{step.kind} {step.body}" if step.jump is None else f"jump to {step.jump}"


def _wait_until_phrase(until: WaitUntil) -> str:
    days = f" on {join_names(until.weekdays)}" if until.weekdays else ""
    if until.best_hour:
        known = f"{hour_text(until.at)} until {until.learn_from} are known"
        typical = hour_text(until.at if until.typical is None else until.typical)
        return f"wait until the customer's best hour{days} ({known}, then as much later as it is seen later than {typical})"
    return f"wait until {hour_text(until.at)}{days}"


def _broadcast_phrase(broadcast: Broadcast) -> str:
    condition = f" to those with {broadcast.condition}" if broadcast.condition else " to all"
    holdout = f", but a holdout of {format_percent(broadcast.holdout)}" if broadcast.holdout else ""
    return f"{broadcast.send}, {_schedule_phrase(broadcast.schedule)},{condition}{holdout}"


def _guardrail_lines(policy: PolicySpec) -> Iterator[str]:
    rules = policy.guardrails
    if rules.holdout:
        spared = f", but for {join_names(rules.spared)}" if rules.spared else ""
        yield f"not to a holdout of {format_percent(rules.holdout)}{spared}"
    if rules.exit:
        yield f"never when {rules.exit}"
    yield from (f"not from {hour_text(rule.start)} to {hour_text(rule.end)}{_channels_phrase(rule.channels)}" for rule in rules.quiet_hours)
    yield from (f"at least {duration_phrase(rule.at_least)} apart{_channels_phrase(rule.channels)}" for rule in rules.gaps)
    yield from (f"at most {rule.at_most} in {duration_text(rule.per)}{_channels_phrase(rule.channels)}" for rule in rules.caps)
    yield from (
        f"at most {rule.at_most:,} to all customers in {duration_text(rule.per)}{_channels_phrase(rule.channels)}" for rule in rules.budgets
    )


def _staffing_phrases(staffing: Staffing) -> Iterator[str]:
    """The shifts, the promised time, escalation and costs of a desk."""
    yield from (_shift_phrase(shift) for shift in staffing.shifts)
    yield from [f"an answer within {duration_phrase(staffing.sla)} promised"] if staffing.sla is not None else []
    yield from (
        [f"passed on to {staffing.escalate.to} after {duration_phrase(staffing.escalate.after)}"] if staffing.escalate is not None else []
    )
    yield from [f"{format_number(staffing.cost_per_minute)} a minute of conversation"] if staffing.cost_per_minute else []
    yield from [f"{staffing.owner} answers for it"] if staffing.owner else []


def _shift_phrase(shift: Shift) -> str:
    hours = "" if (shift.start, shift.end) == (0, 24) else f" from {hour_text(shift.start)} to {hour_text(shift.end)}"
    days = [*shift.weekdays, *(str(day) for day in shift.dates)]
    always = " round the clock" if not hours and not days else ""
    wage = f", {format_number(shift.wage_per_hour)} an hour{' each' if shift.agents != 1 else ''}" if shift.wage_per_hour else ""
    return f"{shift.agents:,} {'person' if shift.agents == 1 else 'people'}{always}{hours}{f' on {join_names(days)}' if days else ''}{wage}"


def _spend_phrases(spend: Spend) -> Iterator[str]:
    """Spend per day, and the periods with other amounts."""
    yield f"{format_number(spend.per_day)} a day"
    yield from (f"{format_number(period.per_day)} a day from {period.first} to {period.last}" for period in spend.periods)


def _channels_phrase(channels: tuple[str, ...]) -> str:
    return f" by {join_names(channels)}" if channels else ""
