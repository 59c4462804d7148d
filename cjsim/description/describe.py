"""Describes a journey, a policy or a scenario in words, except touchpoints and policies."""

from collections.abc import Iterator

from cjsim.description.policy_text import policy_lines
from cjsim.description.touchpoint_text import touchpoint_lines
from cjsim.scenario.journey import Event, JourneySpec, Persona
from cjsim.scenario.kinds.effects import effects_phrase
from cjsim.scenario.phrases import duration_phrase, format_percent, join_names, mix_phrase, name_with_title
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec


def describe(record: ScenarioSpec | JourneySpec | PolicySpec) -> str:
    """Describe a record in words, one fact a line.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The record to describe.

    Returns
    -------
    str
        Lines, indented below what they belong to.
    """
    if isinstance(record, ScenarioSpec):
        lines = [*_scenario_lines(record), "", *_journey_lines(record.journey), "", *policy_lines(record.policy)]
    else:
        lines = list(_journey_lines(record) if isinstance(record, JourneySpec) else policy_lines(record))
    return "\n".join(lines)


def _scenario_lines(scenario: ScenarioSpec) -> Iterator[str]:
    if scenario.entry.file is not None:
        entry = "entering as a file says"
    else:
        entry = f"entering evenly over {duration_phrase(scenario.entry.over)}" if scenario.entry.over else "entering on day 0"
    more = " and those who come by acquisition" if scenario.journey.acquisition else ""
    customers = f"{scenario.customers:,} customers {entry}{more}"
    yield f"Scenario {name_with_title(scenario.name, scenario.title)}: {customers}, {duration_phrase(scenario.horizon)}"
    yield f"from {scenario.start}, seed {scenario.seed}, money discounted at {format_percent(scenario.discount_rate)} a year."


def _journey_lines(journey: JourneySpec) -> Iterator[str]:
    yield f"Journey {name_with_title(journey.name, journey.title)}: starts in {journey.starts_in}."
    yield from _decay_lines(journey)
    yield "Personas, which the firm does not see:"
    for name, persona in journey.personas.items():
        yield f"  {name_with_title(name, persona.title)}, {format_percent(persona.share)}: {join_names(_persona_phrases(persona))}"
    if journey.traits:
        yield "Traits, which the firm does not see:"
        yield from (f"  {name}: {law.phrase()}" for name, law in journey.traits.items())
    if journey.interests:
        yield f"Interests, which the firm does not see: {mix_phrase(journey.interests)}."
    if journey.attributes:
        yield "Attributes, which the firm sees:"
        for name, levels in journey.attributes.items():
            yield f"  {name}: {join_names(f'{level} {format_percent(share)}' for level, share in levels.items())}"
    yield from _stage_lines(journey)
    yield from touchpoint_lines(journey)


def _stage_lines(journey: JourneySpec) -> Iterator[str]:
    """Stages with their events, then events that can happen anywhere, then events that only happen when fired."""
    lifted = _lifted_events(journey)
    yield "Stages, and what happens there:"
    for name, stage in journey.stages.items():
        facts = [fact for fact, holds in (("counts as retained", stage.retained), ("hidden from the firm", not stage.observed)) if holds]
        yield f"  {name_with_title(name, stage.title)}" + (f": {join_names(facts)}" if facts else "")
        stage_events = {event: body for event, body in journey.events.items() if body.stages != "anywhere" and name in body.stages}
        yield from (
            (f"    {_event_line(event, body, lifted=event in lifted)}" for event, body in stage_events.items())
            if stage_events
            else ["    nothing of its own"]
        )
    anywhere = {name: event for name, event in journey.events.items() if event.stages == "anywhere"}
    if anywhere:
        yield "Anywhere:"
        yield from (f"    {_event_line(name, event, lifted=name in lifted)}" for name, event in anywhere.items())
    fired = {name: event for name, event in journey.events.items() if event.stages == ()}
    if fired:
        yield "Only when fired:"
        yield from (f"    {name}{effects_phrase(event.effects)}" for name, event in fired.items())


def _decay_lines(journey: JourneySpec) -> Iterator[str]:
    """How fast satisfaction, contact pressure and scores decay."""
    satisfaction, pressure = journey.satisfaction.half_life, journey.pressure.half_life
    if satisfaction is not None:
        yield f"Satisfaction comes half the way back to rest in {duration_phrase(satisfaction)}."
    if journey.channels:
        yield f"The pressure of contacts {f'halves in {duration_phrase(pressure)}' if pressure is not None else 'never fades'}."
    if journey.preferred_contacts is not None:
        yield f"As many contacts a week as '{journey.preferred_contacts}' says tire nobody."
    if journey.scores:
        decay_phrases = {
            name: f" (halves in {duration_phrase(score.half_life)})" if score.half_life else "" for name, score in journey.scores.items()
        }
        yield f"Scores: {join_names(f'{name}{phrase}' for name, phrase in decay_phrases.items())}."


def _persona_phrases(persona: Persona) -> Iterator[str]:
    """What distinguishes a persona."""
    if persona.starts_in:
        yield f"starts in {persona.starts_in}"
    yield f"rests at satisfaction {persona.satisfaction:g}"
    yield from (f"{event} x {factor:g}" for event, factor in persona.speed.items())
    yield from (f"lifts of {event} x {factor:g}" for event, factor in persona.responds.items())
    yield from (f"each contact lifts {event} by {gain:+g}" for event, gain in persona.contact_lift.items())
    yield from (f"taste for {channel} {shift:+g}" for channel, shift in persona.affinity.items())
    yield from (f"{format_percent(share)} consent to {channel}" for channel, share in persona.consent.items())
    if persona.interests:
        yield f"interested in {mix_phrase(persona.interests)}"


def _event_line(name: str, event: Event, *, lifted: bool) -> str:
    wait = "only when fired" if event.wait == "never" else event.wait.phrase()
    facts = [f"faster with {join_names(event.speed)}"] if event.speed else []
    facts += [f"in the time of '{event.activity}'"] if event.activity else []
    facts += [f"lifts of it halve in {duration_phrase(event.half_life)}"] if lifted else []
    facts += [f"while {event.when}"] if event.when else []
    facts += ["hidden from the firm"] if not event.observed else []
    return f"{name_with_title(name, event.title)} {wait}{''.join(f', {fact}' for fact in facts)}{effects_phrase(event.effects)}"


def _lifted_events(journey: JourneySpec) -> set[str]:
    """Events whose rate messages or contacts change."""
    gains = [gains for message in journey.messages.values() for _, gains in message.lift]
    return {event for lifts in [*gains, *(persona.contact_lift for persona in journey.personas.values())] for event in lifts}
