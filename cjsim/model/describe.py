"""A journey, a policy or a scenario in words: what moves a customer from where to where, and what the firm does.

Lives here: the words. Does not live here: what looks like a mistake (mistakes.py), checks (check.py), numbers (tables.py).
"""

import math
from collections.abc import Iterable, Iterator
from itertools import accumulate

from cjsim.model.journey import Event, Journey, Persona
from cjsim.model.policy import Broadcast, Flow, On, Policy, Step
from cjsim.model.reactions import Effect
from cjsim.model.scenario import Scenario
from cjsim.model.touchpoints import Message
from cjsim.model.vocabulary import AmountLaw, EmpiricalAmount, EmpiricalWait, TraitLaw, WaitLaw, duration_text, hour_text

_UNITS = ((1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute"), (1 / 86_400, "second"))


def describe(record: Scenario | Journey | Policy) -> str:
    """What a record says, in words, a fact a line.

    Parameters
    ----------
    record : Scenario, Journey or Policy
        What is told.

    Returns
    -------
    str
        Lines, indented by what they belong to.
    """
    if isinstance(record, Scenario):
        lines = [*_scenario(record), "", *_journey(record.journey), "", *_policy(record.policy)]
    else:
        lines = list(_journey(record) if isinstance(record, Journey) else _policy(record))
    return "\n".join(lines)


def mean_wait(law: WaitLaw) -> float:
    """The mean of a wait at speed 1.

    Returns
    -------
    float
        Days; infinite where the mean is beyond floating point.
    """
    if law.weibull is not None:
        try:
            return law.weibull.scale * math.gamma(1 + 1 / law.weibull.shape)
        except OverflowError:
            return math.inf
    if law.lognormal is not None:
        return law.lognormal.median * math.exp(law.lognormal.sigma**2 / 2)
    if law.empirical is not None:
        return _mean(law.empirical)
    return law.fixed if law.fixed is not None else float(law.body.mean)


def median_wait(law: WaitLaw) -> float:
    """The median of a wait at speed 1.

    Returns
    -------
    float
        Days; of an empirical wait the least value that half of the weight does not exceed.
    """
    if law.exponential is not None:
        return law.exponential.mean * math.log(2)
    if law.weibull is not None:
        return float(law.weibull.scale * math.log(2) ** (1 / law.weibull.shape))
    if law.lognormal is not None:
        return law.lognormal.median
    if law.gamma is not None:
        from scipy.special import gammaincinv

        return float(law.gamma.mean / law.gamma.shape * gammaincinv(law.gamma.shape, 0.5))
    if law.empirical is not None:
        values = law.empirical.values
        pairs = sorted(zip(values, law.empirical.weights or (1.0,) * len(values), strict=True))
        sums = accumulate(weight for _, weight in pairs)
        half = math.fsum(weight for _, weight in pairs) / 2
        return next((value for (value, _), reached in zip(pairs, sums, strict=True) if reached >= half), pairs[-1][0])
    return float(law.body)


def _mean(law: EmpiricalWait | EmpiricalAmount) -> float:
    weights = law.weights or (1.0,) * len(law.values)
    return math.fsum(value * weight for value, weight in zip(law.values, weights, strict=True)) / math.fsum(weights)


def _mean_amount(law: AmountLaw) -> float:
    if law.fixed is not None:
        return law.fixed
    if law.lognormal is not None:
        return law.lognormal.median * math.exp(law.lognormal.sigma**2 / 2)
    if law.uniform is not None:
        return (law.uniform.low + law.uniform.high) / 2
    return _mean(law.empirical) if law.empirical is not None else float(law.body.mean)


def _number(value: float) -> str:
    """Three digits that count, thousands apart."""
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e15 else f"{value:.3g}"


def _span(days: float) -> str:
    """Days in words, rounded."""
    if math.isinf(days):
        return "for ever"
    size, word = next((unit for unit in _UNITS if days >= unit[0] * 0.995), _UNITS[-1])
    count = _number(days / size)
    return f"{count} {word if count == '1' else f'{word}s'}"


def _after(days: float) -> str:
    return f"after {_span(days)}" if days else "at once"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _named(name: str, title: str) -> str:
    return f"{name} ({title})" if title else name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _scenario(scenario: Scenario) -> Iterator[str]:
    if scenario.entry.file is not None:
        entry = "entering as a file says"
    else:
        entry = f"entering evenly over {_span(scenario.entry.over)}" if scenario.entry.over else "entering on day 0"
    yield f"Scenario {_named(scenario.name, scenario.title)}: {scenario.customers:,} customers {entry}, {_span(scenario.horizon)}"
    yield f"from {scenario.start}, seed {scenario.seed}, money discounted at {_percent(scenario.discount_rate)} a year."


def _journey(journey: Journey) -> Iterator[str]:
    yield f"Journey {_named(journey.name, journey.title)}: starts in {journey.starts_in}."
    yield from _memories(journey)
    yield "Personas, which the firm does not see:"
    for name, persona in journey.personas.items():
        yield f"  {_named(name, persona.title)}, {_percent(persona.share)}: {_listed(_persona(persona))}"
    if journey.traits:
        yield "Traits, which the firm does not see:"
        yield from (f"  {name}: {_trait(law)}" for name, law in journey.traits.items())
    if journey.attributes:
        yield "Attributes, which the firm sees:"
        for name, levels in journey.attributes.items():
            yield f"  {name}: {_listed(f'{level} {_percent(share)}' for level, share in levels.items())}"
    lifted = _lifted(journey)
    yield "Stages, and what happens there:"
    for name, stage in journey.stages.items():
        facts = [word for word, holds in (("counts as retained", stage.retained), ("hidden from the firm", not stage.observed)) if holds]
        yield f"  {_named(name, stage.title)}" + (f": {_listed(facts)}" if facts else "")
        here = {event: body for event, body in journey.events.items() if body.stages != "anywhere" and name in body.stages}
        yield from (
            (f"    {_event(event, body, lifted=event in lifted)}" for event, body in here.items()) if here else ["    nothing of its own"]
        )
    anywhere = {name: event for name, event in journey.events.items() if event.stages == "anywhere"}
    if anywhere:
        yield "Anywhere:"
        yield from (f"    {_event(name, event, lifted=name in lifted)}" for name, event in anywhere.items())
    fired = {name: event for name, event in journey.events.items() if event.stages == ()}
    if fired:
        yield "Only when fired:"
        yield from (f"    {name}{_then(event.effects)}" for name, event in fired.items())
    yield from _touchpoints(journey)


def _memories(journey: Journey) -> Iterator[str]:
    """How fast moods and scores fade."""
    rests, presses = journey.satisfaction.half_life, journey.pressure.half_life
    if rests is not None:
        yield f"Satisfaction comes half the way back to rest in {_span(rests)}."
    if journey.channels:
        yield f"The pressure of contacts {f'halves in {_span(presses)}' if presses is not None else 'never fades'}."
    if journey.scores:
        fades = {name: f" (halves in {_span(score.half_life)})" if score.half_life else "" for name, score in journey.scores.items()}
        yield f"Scores: {_listed(f'{name}{fade}' for name, fade in fades.items())}."


def _persona(persona: Persona) -> Iterator[str]:
    """What sets a persona apart."""
    if persona.starts_in:
        yield f"starts in {persona.starts_in}"
    yield f"rests at satisfaction {persona.satisfaction:g}"
    yield from (f"{event} x {factor:g}" for event, factor in persona.speed.items())
    yield from (f"lifts of {event} x {factor:g}" for event, factor in persona.responds.items())
    yield from (f"each contact lifts {event} by {gain:+g}" for event, gain in persona.contact_lift.items())
    yield from (f"taste for {channel} {shift:+g}" for channel, shift in persona.affinity.items())
    yield from (f"{_percent(share)} consent to {channel}" for channel, share in persona.consent.items())


def _touchpoints(journey: Journey) -> Iterator[str]:
    if journey.channels:
        yield "Channels:"
    for name, channel in journey.channels.items():
        cost = f", {_number(channel.cost)} a message" if channel.cost else ""
        lifetime = f", worth opening for about {_span(channel.lifetime)}" if channel.lifetime else ""
        delay = median_wait(channel.open_delay)
        opened = f", half of those who open do so within {_span(delay)}" if delay else ", opened at once"
        yield f"  {_named(name, channel.title)}: {_percent(channel.consent)} consent{cost}{opened}{lifetime}"
    if journey.messages:
        yield "Messages:"
    yield from (f"  {_message(name, message)}" for name, message in journey.messages.items())


def _message(name: str, message: Message) -> str:
    rates = [f"{_percent(message.open_rate)} open it", f"{_percent(message.click_rate)} of these click"]
    rates += [f"{_percent(message.unsubscribe_rate)} unsubscribe"] if message.unsubscribe_rate else []
    rates += [f"{_percent(message.complaint_rate)} complain"] if message.complaint_rate else []
    lifts = [
        f"{event} x {1 + gain:g} when {when}"
        for when in ("delivered", "opened", "clicked")
        for event, gain in getattr(message.lift, when).items()
    ]
    effects = [
        f"{when}{_then(getattr(message.effects, when))}" for when in ("delivered", "opened", "clicked") if getattr(message.effects, when)
    ]
    return f"{_named(name, message.title)} by {message.channel}: {_listed([*rates, *lifts, *effects])}"


def _trait(law: TraitLaw) -> str:
    body = law.body
    return f"always {body:g}" if law.fixed is not None else f"{law.kind} ({_listed(f'{key} {value:g}' for key, value in body)})"


def _event(name: str, event: Event, *, lifted: bool) -> str:
    if event.wait == "never":
        wait = "only when fired"
    elif event.wait.fixed is not None:
        wait = _after(event.wait.fixed)
    else:
        wait = f"after {_span(mean_wait(event.wait))} on average ({event.wait.kind})"
    facts = [f"faster with {_listed(event.speed)}"] if event.speed else []
    facts += [f"in the time of '{event.activity}'"] if event.activity else []
    facts += [f"lifts of it halve in {_span(event.half_life)}"] if lifted else []
    facts += [f"while {event.when}"] if event.when else []
    facts += ["hidden from the firm"] if not event.observed else []
    return f"{_named(name, event.title)} {wait}{''.join(f', {fact}' for fact in facts)}{_then(event.effects)}"


def _lifted(journey: Journey) -> set[str]:
    """Events that messages or contacts make likelier or rarer."""
    gains = [gains for message in journey.messages.values() for _, gains in message.lift]
    return {event for lifts in [*gains, *(persona.contact_lift for persona in journey.personas.values())] for event in lifts}


def _then(effects: tuple[Effect, ...]) -> str:
    return f": {_listed(_effect(effect) for effect in effects)}" if effects else ""


def _effect(effect: Effect) -> str:
    if effect.purchase is not None:
        times = f" times {' times '.join(effect.purchase.times)}" if effect.purchase.times else ""
        return f"buys for {_number(_mean_amount(effect.purchase.value))} on average{times}, {_percent(effect.purchase.margin)} of it margin"
    if effect.choose is not None:
        ways = [f"{branch.weight} to {_listed(_effect(inner) for inner in branch.effects) or 'nothing'}" for branch in effect.choose]
        return f"one of [{'; '.join(ways)}]"
    if effect.score is not None:
        return _listed(f"score {name} {gain:+g}" for name, gain in effect.score.items())
    words = {
        "go": "goes to",
        "tag": "is tagged",
        "untag": "is no longer tagged",
        "fire": "fires",
        "satisfy": "satisfaction",
        "opt_out": "opts out of",
    }
    body = f"{effect.body:+g}" if effect.satisfy is not None else effect.body
    return f"{words[effect.kind]} {body}"


def _policy(policy: Policy) -> Iterator[str]:
    yield f"Policy {_named(policy.name, policy.title)}:"
    for name, flow in policy.flows.items():
        yield f"  Flow {_named(name, flow.title)}{_flow_terms(flow)}:"
        yield from (f"    {line}" for line in _steps(flow.steps))
    for name, broadcast in policy.broadcasts.items():
        yield f"  Broadcast {_named(name, broadcast.title)}: {_broadcast(broadcast)}"
    yield from _guardrails(policy)


def _flow_terms(flow: Flow) -> str:
    terms = [f" {_trigger(flow.on)}"]
    terms += [f"if {flow.condition}"] if flow.condition else []
    terms += [
        {"never": "once", 0.0: ""}.get(
            flow.again_after, f"again after {_span(float(flow.again_after))}" if flow.again_after != "never" else ""
        )
    ]
    terms += [f"until {_listed(flow.exit_on)}"] if flow.exit_on else []
    terms += [f"not for a holdout of {_percent(flow.holdout)}"] if flow.holdout else []
    terms += [f"priority {flow.priority}"] if flow.priority else []
    return ", ".join(term for term in terms if term)


def _trigger(on: On) -> str:
    if on.inactivity is not None:
        return f"after {_span(on.inactivity)} without {_listed(on.of) if on.of else 'anything'}"
    return f"at each {on.event}" if on.event is not None else f"on entering {on.stage}"


def _steps(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        label = f"{step.label}: " if step.label else ""
        yield f"{label}{_step(step)}"
        if step.wait_for is not None:
            yield from _ways({"then": step.wait_for.then, "else": step.wait_for.otherwise})
        elif step.branch is not None:
            yield from _ways({"then": step.branch.then, "else": step.branch.otherwise})
        elif step.split is not None:
            yield from _ways({f"{name}, {_percent(arm.share)}": arm.steps for name, arm in step.split.items()})


def _ways(ways: dict[str, tuple[Step, ...]]) -> Iterator[str]:
    for name, steps in ways.items():
        if not steps and name in ("then", "else"):
            continue
        yield f"  {name}:" if steps else f"  {name}: nothing"
        yield from (f"    {line}" for line in _steps(steps))


def _step(step: Step) -> str:
    if step.wait is not None:
        return f"wait {_span(step.wait)}"
    if step.wait_for is not None:
        return f"wait for {step.wait_for.event}, at most {_span(step.wait_for.at_most)}"
    if step.branch is not None:
        return f"if {step.branch.condition}"
    if step.split is not None:
        return "split at random"
    if step.score is not None:
        return _listed(f"score {name} {gain:+g}" for name, gain in step.score.items())
    return "stop" if step.stop else f"{step.kind} {step.body}" if step.jump is None else f"jump to {step.jump}"


def _broadcast(broadcast: Broadcast) -> str:
    schedule = broadcast.schedule
    weeks = "every week" if schedule.every_weeks == 1 else f"every {schedule.every_weeks} weeks"
    when = f"{_listed(schedule.weekdays)} {weeks}" if schedule.weekdays else _listed(str(day) for day in schedule.dates)
    condition = f" to those with {broadcast.condition}" if broadcast.condition else " to all"
    holdout = f", but a holdout of {_percent(broadcast.holdout)}" if broadcast.holdout else ""
    return f"{broadcast.send}, {when} at {hour_text(schedule.at)},{condition}{holdout}"


def _guardrails(policy: Policy) -> Iterator[str]:
    rules = policy.guardrails
    lines = [f"never when {rules.exit}"] if rules.exit else []
    lines += [f"not from {hour_text(rule.start)} to {hour_text(rule.end)}{_on(rule.channels)}" for rule in rules.quiet_hours]
    lines += [f"at least {_span(rule.at_least)} apart{_on(rule.channels)}" for rule in rules.gaps]
    lines += [f"at most {rule.at_most} in {duration_text(rule.per)}{_on(rule.channels)}" for rule in rules.caps]
    yield "  Guardrails of every send:"
    yield from (f"    {line}" for line in ["only with consent", *lines])


def _on(channels: tuple[str, ...]) -> str:
    return f" by {_listed(channels)}" if channels else ""
