"""A policy in words: flows, broadcasts, guardrails, the staff of desks, spend, and what the firm knows of interests.

Lives here: the words. Does not live here: the journey's (describe.py, describe_touchpoints.py).
"""

from collections.abc import Iterator

from cjsim.model.phrases import asked, listed, named, number, percent, scored, span
from cjsim.model.policy import Broadcast, Flow, On, Policy, Schedule, Shift, Spend, Staffing, Step, WaitUntil
from cjsim.model.vocabulary import duration_text, hour_text


def policy_lines(policy: Policy) -> Iterator[str]:
    """What a policy says, a fact a line.

    Parameters
    ----------
    policy : Policy
        What is told.
    """
    yield f"Policy {named(policy.name, policy.title)}:"
    for name, flow in policy.flows.items():
        yield f"  Flow {named(name, flow.title)}{_flow_terms(flow)}:"
        yield from (f"    {line}" for line in _steps(flow.steps))
    for name, broadcast in policy.broadcasts.items():
        yield f"  Broadcast {named(name, broadcast.title)}: {_broadcast(broadcast)}"
    yield "  Guardrails of every send:"
    yield from (f"    {line}" for line in ["only with consent", *_guardrails(policy)])
    yield from (f"  Desk {name}: {listed(_staffing(staffing))}" for name, staffing in policy.desks.items())
    yield from (f"  Spend on {name}: {listed(_spend(spend))}" for name, spend in policy.acquisition.items())
    for level in policy.personalisation:
        whose = f" of those with {level.condition}" if level.condition else ""
        yield f"  Takes the interest{whose} for what it is in {percent(level.accuracy)} of sends"


def _flow_terms(flow: Flow) -> str:
    terms = [f" {_trigger(flow.on)}"]
    terms += [f"if {flow.condition}"] if flow.condition else []
    if flow.again_after:
        terms.append("once" if flow.again_after == "never" else f"again after {span(flow.again_after)}")
    terms += [f"until {listed(flow.exit_on)}"] if flow.exit_on else []
    terms += [f"not for a holdout of {percent(flow.holdout)}"] if flow.holdout else []
    terms += [f"priority {flow.priority}"] if flow.priority else []
    return ", ".join(terms)


def _trigger(on: On) -> str:
    if on.inactivity is not None:
        return f"after {span(on.inactivity)} without {listed(on.of) if on.of else 'anything'}"
    if on.schedule is not None:
        return f"on {_schedule(on.schedule)}"
    if on.date is not None:
        return f"on {on.date} at {hour_text(on.at or 0.0)}"
    if on.score is not None:
        return f"as score {on.score} rises above {on.above:g}" if on.above is not None else f"as score {on.score} falls to {on.below:g}"
    if on.unopened is not None:
        return f"at a message{_by(on.channels)} after {on.unopened} that were not opened"
    return f"at each {on.event}" if on.event is not None else f"on entering {on.stage}"


def _schedule(schedule: Schedule) -> str:
    weeks = "every week" if schedule.every_weeks == 1 else f"every {schedule.every_weeks} weeks"
    when = f"{listed(schedule.weekdays)} {weeks}" if schedule.weekdays else listed(str(day) for day in schedule.dates)
    return f"{when} at {hour_text(schedule.at)}"


def _steps(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        label = f"{step.label}: " if step.label else ""
        yield f"{label}{_step(step)}"
        if step.wait_for is not None:
            yield from _ways({"then": step.wait_for.then, "else": step.wait_for.otherwise})
        elif step.branch is not None:
            yield from _ways({"then": step.branch.then, "else": step.branch.otherwise})
        elif step.split is not None:
            yield from _ways({f"{name}, {percent(arm.share)}": arm.steps for name, arm in step.split.items()})


def _ways(ways: dict[str, tuple[Step, ...]]) -> Iterator[str]:
    for name, steps in ways.items():
        if not steps and name in ("then", "else"):
            continue
        yield f"  {name}:" if steps else f"  {name}: nothing"
        yield from (f"    {line}" for line in _steps(steps))


def _step(step: Step) -> str:
    if step.wait is not None:
        return f"wait {span(step.wait)}"
    if step.wait_until is not None:
        return _until(step.wait_until)
    if step.wait_for is not None:
        return f"wait for {step.wait_for.event}, at most {span(step.wait_for.at_most)}"
    if step.branch is not None:
        return f"if {step.branch.condition}"
    if step.split is not None:
        return "split at random" if step.experiment is None else f"split by experiment {step.experiment}"
    if step.score is not None:
        return scored(step.score)
    if step.ask is not None:
        return f"ask {asked(step.ask.desk, step.ask.priority)}"
    return "stop" if step.stop else f"{step.kind} {step.body}" if step.jump is None else f"jump to {step.jump}"


def _until(until: WaitUntil) -> str:
    days = f" on {listed(until.weekdays)}" if until.weekdays else ""
    if until.best_hour:
        known = f"{hour_text(until.at)} until {until.learn_from} are known"
        typical = hour_text(until.at if until.typical is None else until.typical)
        return f"wait until the customer's best hour{days} ({known}, then as much later as it is seen later than {typical})"
    return f"wait until {hour_text(until.at)}{days}"


def _broadcast(broadcast: Broadcast) -> str:
    condition = f" to those with {broadcast.condition}" if broadcast.condition else " to all"
    holdout = f", but a holdout of {percent(broadcast.holdout)}" if broadcast.holdout else ""
    return f"{broadcast.send}, {_schedule(broadcast.schedule)},{condition}{holdout}"


def _guardrails(policy: Policy) -> Iterator[str]:
    rules = policy.guardrails
    if rules.holdout:
        spared = f", but for {listed(rules.spared)}" if rules.spared else ""
        yield f"not to a holdout of {percent(rules.holdout)}{spared}"
    if rules.exit:
        yield f"never when {rules.exit}"
    yield from (f"not from {hour_text(rule.start)} to {hour_text(rule.end)}{_by(rule.channels)}" for rule in rules.quiet_hours)
    yield from (f"at least {span(rule.at_least)} apart{_by(rule.channels)}" for rule in rules.gaps)
    yield from (f"at most {rule.at_most} in {duration_text(rule.per)}{_by(rule.channels)}" for rule in rules.caps)
    yield from (f"at most {rule.at_most:,} to all customers in {duration_text(rule.per)}{_by(rule.channels)}" for rule in rules.budgets)


def _staffing(staffing: Staffing) -> Iterator[str]:
    """Who is there when, and what is promised."""
    yield from (_shift(shift) for shift in staffing.shifts)
    yield from [f"an answer within {span(staffing.sla)} promised"] if staffing.sla is not None else []
    yield from [f"passed on to {staffing.escalate.to} after {span(staffing.escalate.after)}"] if staffing.escalate is not None else []
    yield from [f"{number(staffing.cost_per_minute)} a minute of conversation"] if staffing.cost_per_minute else []
    yield from [f"{staffing.owner} answers for it"] if staffing.owner else []


def _shift(shift: Shift) -> str:
    hours = "" if (shift.start, shift.end) == (0, 24) else f" from {hour_text(shift.start)} to {hour_text(shift.end)}"
    days = [*shift.weekdays, *(str(day) for day in shift.dates)]
    always = " round the clock" if not hours and not days else ""
    wage = f", {number(shift.wage_per_hour)} an hour{' each' if shift.agents != 1 else ''}" if shift.wage_per_hour else ""
    return f"{shift.agents:,} {'person' if shift.agents == 1 else 'people'}{always}{hours}{f' on {listed(days)}' if days else ''}{wage}"


def _spend(spend: Spend) -> Iterator[str]:
    """Money a day, and when it is another sum."""
    yield f"{number(spend.per_day)} a day"
    yield from (f"{number(period.per_day)} a day from {period.first} to {period.last}" for period in spend.periods)


def _by(channels: tuple[str, ...]) -> str:
    return f" by {listed(channels)}" if channels else ""
