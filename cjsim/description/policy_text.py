"""Describes policies in plain English: flows, broadcasts, guardrails, staffing, spend and personalization."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from cjsim.scenario.cost_terms import Costs
from cjsim.scenario.fields import hour_text
from cjsim.scenario.kinds.steps import Step
from cjsim.scenario.phrases import duration_phrase, format_number, format_percent, join_items, join_names, name_with_title
from cjsim.scenario.policy import Broadcast, Flow, PolicySpec, RuleUse, Shift, Spend, Staffing


def policy_lines(policy: PolicySpec) -> Iterator[str]:
    """Describe a policy in plain English.

    Parameters
    ----------
    policy : PolicySpec
        The policy to describe.

    Yields
    ------
    str
        One line per item. Details are indented below their item.
    """
    yield f"Policy {name_with_title(policy.name, policy.title)}:"
    for name, flow in policy.flows.items():
        yield f"  Flow {name_with_title(name, flow.title)}{_flow_terms_phrase(flow)}:"
        yield from (f"    {line}" for line in _step_lines(flow.steps))
    for name, broadcast in policy.broadcasts.items():
        yield f"  Broadcast {name_with_title(name, broadcast.title)}: {_broadcast_phrase(broadcast)}"
    yield from (f"  Rule {name_with_title(name, rule.title)}: {_rule_phrase(rule)}" for name, rule in policy.rules.items())
    yield "  Guardrails for every send:"
    yield from (f"    {phrase}" for phrase in policy.guardrails.phrases())
    yield from (f"  Desk {name}: {join_names(_staffing_phrases(staffing))}" for name, staffing in policy.desks.items())
    yield from _cost_lines(policy.costs)
    yield from (f"  Spend on {name}: {join_names(_spend_phrases(spend))}" for name, spend in policy.acquisition.items())
    for index, level in enumerate(policy.personalisation):
        audience = f"customers where {level.condition}" if level.condition else "all other customers" if index else "all customers"
        yield f"  Personalization for {audience}: the interest is known in {format_percent(level.accuracy)} of sends"


def _step_lines(steps: Iterable[Step]) -> Iterator[str]:
    """Describe steps, one per line. Steps in branches are indented."""
    for step in steps:
        yield f"{step.label}: {step.phrase()}" if step.label else step.phrase()
        for branch in step.branches():
            if branch.steps or branch.is_shown_empty:
                yield f"  {branch.phrase}:" if branch.steps else f"  {branch.phrase}: nothing"
                yield from (f"    {line}" for line in _step_lines(branch.steps))


def _flow_terms_phrase(flow: Flow) -> str:
    terms = [f" {flow.on.phrase()}"]
    terms += [f"if {flow.condition}"] if flow.condition else []
    if flow.again_after:
        terms.append("once per customer" if flow.again_after == "never" else f"at most once every {duration_phrase(flow.again_after)}")
    terms += [f"exits on {' or '.join(flow.exit_on)}"] if flow.exit_on else []
    terms += [f"holdout {format_percent(flow.holdout)}"] if flow.holdout else []
    terms += [f"priority {flow.priority}"] if flow.priority else []
    return ", ".join(terms)


def _broadcast_phrase(broadcast: Broadcast) -> str:
    audience = f"customers where {broadcast.condition}" if broadcast.condition else "all customers"
    holdout = f", holdout {format_percent(broadcast.holdout)}" if broadcast.holdout else ""
    priority = f", priority {broadcast.priority}" if broadcast.priority else ""
    return f"send {broadcast.send} {broadcast.schedule.phrase()} to {audience}{holdout}{priority}"


def _rule_phrase(rule: RuleUse) -> str:
    level = "the threshold in its file" if rule.above is None else format_number(rule.above)
    return f"treat customers whose predicted gain is above {level} ({Path(rule.file).name})"


def _staffing_phrases(staffing: Staffing) -> Iterator[str]:
    """Describe the shifts, the promised response time, the escalation, the costs and the owner of a desk."""
    yield from (_shift_phrase(shift) for shift in staffing.shifts)
    if staffing.sla is not None:
        internal = "" if staffing.promised else ", not promised to customers"
        yield f"service-level target: answer within {duration_phrase(staffing.sla)}{internal}"
    yield from (
        [f"escalates to {staffing.escalate.to} after {duration_phrase(staffing.escalate.after)}"] if staffing.escalate is not None else []
    )
    yield from [f"the firm pays for {format_percent(staffing.shared)} of the agents' time"] if staffing.shared < 1 else []
    yield from [f"{format_number(staffing.cost_per_minute)} per minute of conversation"] if staffing.cost_per_minute else []
    yield from [f"owner: {staffing.owner}"] if staffing.owner else []


def _shift_phrase(shift: Shift) -> str:
    hours = "" if (shift.start, shift.end) == (0, 24) else f" from {hour_text(shift.start)} to {hour_text(shift.end)}"
    days = [*(day.capitalize() for day in shift.weekdays), *(str(day) for day in shift.dates)]
    always = " around the clock" if not hours and not days else ""
    wage = f" at {format_number(shift.wage_per_hour)} per hour{' each' if shift.agents != 1 else ''}" if shift.wage_per_hour else ""
    return f"{shift.agents:,} {'agent' if shift.agents == 1 else 'agents'}{always}{hours}{f' on {join_items(days)}' if days else ''}{wage}"


def _cost_lines(costs: Costs) -> Iterator[str]:
    """Describe what the firm pays for its platform, contacts, creative work and setup."""
    terms = [f"{format_number(costs.platform_per_month)} per month for the platform"] if costs.platform_per_month else []
    terms += [f"{format_number(costs.setup)} once for its setup"] if costs.setup else []
    terms += [f"{format_number(price)} per contact by {channel}" for channel, price in costs.per_contact.items()]
    terms += [f"{format_number(cost)} once for flow {flow}" for flow, cost in costs.creative.flows.items() if cost]
    terms += [f"{format_number(cost)} once for message {name}" for name, cost in costs.creative.messages.items() if cost]
    if terms:
        yield f"  Costs: {join_names(terms)}"


def _spend_phrases(spend: Spend) -> Iterator[str]:
    """Describe the spend per day, and the periods with a different amount."""
    yield f"{format_number(spend.per_day)} per day"
    yield from (f"{format_number(period.per_day)} per day from {period.first} to {period.last}" for period in spend.periods)
