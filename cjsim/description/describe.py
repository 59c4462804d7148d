"""Describes scenarios and journeys in plain English; `policy_text` and `touchpoint_text` describe the rest."""

from collections.abc import Iterator

from cjsim.description.activity_text import activity_lines, time_zone_lines
from cjsim.description.policy_text import policy_lines
from cjsim.description.source_text import source_lines
from cjsim.description.touchpoint_text import touchpoint_lines
from cjsim.scenario.journey import Event, JourneySpec, Moment, Persona
from cjsim.scenario.kinds.effects import effects_phrase
from cjsim.scenario.phrases import (
    duration_phrase,
    format_number,
    format_percent,
    join_names,
    mix_phrase,
    name_with_title,
    ordinal,
    span_phrase,
)
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec

_RESTART_PHRASES = {
    "move": "restarts at each move among its stages",
    "when": "restarts whenever this condition holds again",
    "both": "restarts at each move among its stages and whenever this condition holds again",
}


def describe(record: ScenarioSpec | JourneySpec | PolicySpec) -> str:
    """Describe a scenario, a journey or a policy in plain English.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The record to describe.

    Returns
    -------
    str
        One line per item. Details are indented below their item.
    """
    if isinstance(record, ScenarioSpec):
        lines = [*_scenario_lines(record), "", *_journey_lines(record.journey), "", *policy_lines(record.policy)]
    else:
        lines = list(_journey_lines(record) if isinstance(record, JourneySpec) else policy_lines(record))
    sources = list(source_lines(record))
    return "\n".join([*lines, *([""] if sources and isinstance(record, ScenarioSpec) else []), *sources])


def _scenario_lines(scenario: ScenarioSpec) -> Iterator[str]:
    if scenario.entry.file is not None:
        entry = "enter at the times in a file"
    else:
        entry = f"enter evenly over {duration_phrase(scenario.entry.over)}" if scenario.entry.over else "enter on day 0"
    more = ", and more arrive through acquisition channels" if scenario.journey.acquisition else ""
    customers = "1 customer" if scenario.customers == 1 else f"{scenario.customers:,} customers"
    yield f"Scenario {name_with_title(scenario.name, scenario.title)}: {customers} {entry}{more}."
    if (existing := scenario.existing) is not None:
        policy = f"policy {scenario.past_policy.name}" if scenario.switches_policy else "the same policy"
        years = "year" if existing.years == 1 else f"{format_number(existing.years)} years"
        yield f"{existing.customers:,} more entered evenly in the {years} before, and were under {policy} until day 0."
    period = f"{duration_phrase(scenario.horizon)} from {scenario.start}"
    yield f"Simulates {period} with seed {scenario.seed}. The discount rate is {format_percent(scenario.discount_rate)} per year."
    if scenario.time_zone is not None:
        yield f"Day 0 begins at midnight in {scenario.time_zone}, the time zone of the firm."
    if scenario.currency is not None:
        yield f"All amounts of money are in {scenario.currency}."
    if scenario.simulated_days > scenario.horizon:
        yield f"CLV counts over {span_phrase(scenario.simulated_days)}; all other metrics stop after {duration_phrase(scenario.horizon)}."


def _journey_lines(journey: JourneySpec) -> Iterator[str]:
    yield f"Journey {name_with_title(journey.name, journey.title)}: customers start in stage {journey.starts_in}."
    yield from _decay_lines(journey)
    yield "Personas (hidden from the firm):"
    for name, persona in journey.personas.items():
        yield f"  {name_with_title(name, persona.title)}, {format_percent(persona.share)}: {join_names(_persona_phrases(persona))}"
        yield from (f"    {line}" for line in _motive_lines(persona))
    if journey.traits:
        yield "Traits (hidden from the firm):"
        yield from (f"  {name}: {law.phrase()}" for name, law in journey.traits.items())
    if journey.interests:
        yield f"Interests (hidden from the firm): {mix_phrase(journey.interests)}."
    if journey.attributes:
        yield "Attributes (known to the firm):"
        for name, levels in journey.attributes.items():
            yield f"  {name}: {join_names(f'{level} {format_percent(share)}' for level, share in levels.items())}"
    yield from time_zone_lines(journey)
    yield from activity_lines(journey)
    yield from _stage_lines(journey)
    if journey.moments:
        moments = (f"{name} is the {_moment_phrase(moment)}" for name, moment in journey.moments.items())
        yield f"Moments: {join_names(moments)}."
    yield from touchpoint_lines(journey)


def _stage_lines(journey: JourneySpec) -> Iterator[str]:
    """Describe stages with their events, then events that occur in any stage, then events that occur only when fired."""
    lifted = _lifted_events(journey)
    yield "Stages and their events:"
    for name, stage in journey.stages.items():
        facts = [f"customers ask '{stage.question}'"] if stage.question else []
        facts += [fact for fact, holds in (("counts as retained", stage.retained), ("hidden from the firm", not stage.observed)) if holds]
        facts += [f"moves to {join_names(stage.blocked)} are blocked"] if stage.blocked else []
        yield f"  {name_with_title(name, stage.title)}" + (f": {join_names(facts)}" if facts else "")
        here = ((event, body) for event, body in journey.events.items() if body.stages != "anywhere" and name in body.stages)
        lines = [f"    {_event_line(event, body, lifted=event in lifted)}" for event, body in here]
        yield from lines or ["    no events of its own"]
    anywhere = {name: event for name, event in journey.events.items() if event.stages == "anywhere"}
    if anywhere:
        yield "In any stage:"
        yield from (f"    {_event_line(name, event, lifted=name in lifted)}" for name, event in anywhere.items())
    fired = {name: event for name, event in journey.events.items() if event.stages == ()}
    if fired:
        yield "Only when fired by an effect:"
        for name, event in fired.items():
            facts = _event_facts(name, event, lifted=name in lifted)
            yield f"    {name_with_title(name, event.title)}{''.join(f', {fact}' for fact in facts)}{effects_phrase(event.effects)}"


def _decay_lines(journey: JourneySpec) -> Iterator[str]:
    """Describe the decay of satisfaction, contact pressure and scores."""
    satisfaction, pressure = journey.satisfaction.half_life, journey.pressure.half_life
    if satisfaction is not None:
        yield f"Satisfaction returns to its resting level with a half-life of {duration_phrase(satisfaction)}."
    if journey.channels:
        yield f"Contact pressure {f'has a half-life of {duration_phrase(pressure)}' if pressure is not None else 'does not decay'}."
    if journey.preferred_contacts is not None:
        yield f"Only contacts beyond a customer's preferred weekly number (trait '{journey.preferred_contacts}') count toward fatigue."
    if journey.scores:
        decay_phrases = {
            name: f" (half-life of {duration_phrase(score.half_life)})" if score.half_life else "" for name, score in journey.scores.items()
        }
        yield f"Scores: {join_names(f'{name}{phrase}' for name, phrase in decay_phrases.items())}."


def _persona_phrases(persona: Persona) -> Iterator[str]:
    """Describe what distinguishes a persona."""
    if persona.starts_in:
        yield f"starts in {persona.starts_in}"
    yield f"resting satisfaction {persona.satisfaction:g}"
    yield from (f"{event} rate x {factor:g}" for event, factor in persona.speed.items())
    yield from (f"message lift on {event} x {factor:g}" for event, factor in persona.responds.items())
    yield from (_contact_lift_phrase(event, gain) for event, gain in persona.contact_lift.items())
    yield from (f"affinity for {channel} {shift:+g}" for channel, shift in persona.affinity.items())
    yield from (f"{format_percent(share)} consent for {channel}" for channel, share in persona.consent.items())
    if persona.interests:
        yield f"interested in {mix_phrase(persona.interests)}"


def _motive_lines(persona: Persona) -> Iterator[str]:
    """Describe what customers of a persona want, and what keeps them from it."""
    yield from [f"goal: {persona.goal}"] if persona.goal else []
    for label, texts in (("blockers", persona.blockers), ("signs of success", persona.success_markers), ("detours", persona.detours)):
        yield from [f"{label}: {'; '.join(texts)}"] if texts else []


def _moment_phrase(moment: Moment) -> str:
    duties = [f"owned by {moment.owner}"] if moment.owner else []
    duties += [f"measured by {moment.metric}"] if moment.metric is not None else []
    return f"{ordinal(moment.nth)} occurrence of {moment.event}{f' ({join_names(duties)})' if duties else ''}"


def _contact_lift_phrase(event: str, gain: float) -> str:
    return (
        f"each contact subtracts {-gain:g} from the lift on {event}" if gain < 0 else f"each contact adds {gain:g} to the lift on {event}"
    )


def _event_line(name: str, event: Event, *, lifted: bool) -> str:
    wait = "only when fired" if event.wait == "never" else event.wait.phrase()
    facts = _event_facts(name, event, lifted=lifted)
    return f"{name_with_title(name, event.title)} {wait}{''.join(f', {fact}' for fact in facts)}{effects_phrase(event.effects)}"


def _event_facts(name: str, event: Event, *, lifted: bool) -> list[str]:
    """Describe the clock of an event, except for its wait."""
    facts = [f"rate scaled by {' and '.join(event.speed)}"] if event.speed else []
    facts += [f"rate x exp({event.satisfaction:g} (satisfaction - 0.5))"] if event.satisfaction else []
    facts += [event.demand.phrase(name)] if event.demand is not None else []
    facts += [urgency.phrase() for urgency in event.urgency]
    facts += [f"timed by the activity profile '{event.activity}'"] if event.activity else []
    has_half_life = lifted or event.half_life != Event.model_fields["half_life"].default
    facts += [f"lift half-life {duration_phrase(event.half_life)}"] if has_half_life else []
    facts += [f"only while {event.when}"] if event.when else []
    facts += [_RESTART_PHRASES[event.restart]] if event.restart is not None else []
    return facts + (["hidden from the firm"] if not event.observed else [])


def _lifted_events(journey: JourneySpec) -> set[str]:
    """Return the events whose rates messages or contacts change."""
    gains = [gains for message in journey.messages.values() for _, gains in message.lift]
    return {event for lifts in [*gains, *(persona.contact_lift for persona in journey.personas.values())] for event in lifts}
