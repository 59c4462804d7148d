"""A journey, a policy or a scenario in words: what moves a customer from where to where, and what the firm does.

Lives here: the words of scenarios and journeys, but for touchpoints. Does not live here: touchpoints (describe_touchpoints.py), policies
(describe_policy.py), phrases (phrases.py), what looks like a mistake (mistakes.py), numbers (tables.py).
"""

from collections.abc import Iterator

from cjsim.model.describe_policy import policy_lines
from cjsim.model.describe_touchpoints import touchpoint_lines
from cjsim.model.journey import Event, Journey, Persona
from cjsim.model.phrases import delay, listed, mix, named, percent, span, then
from cjsim.model.policy import Policy
from cjsim.model.scenario import Scenario
from cjsim.model.vocabulary import TraitLaw


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
        lines = [*_scenario(record), "", *_journey(record.journey), "", *policy_lines(record.policy)]
    else:
        lines = list(_journey(record) if isinstance(record, Journey) else policy_lines(record))
    return "\n".join(lines)


def _scenario(scenario: Scenario) -> Iterator[str]:
    if scenario.entry.file is not None:
        entry = "entering as a file says"
    else:
        entry = f"entering evenly over {span(scenario.entry.over)}" if scenario.entry.over else "entering on day 0"
    more = " and those who come by acquisition" if scenario.journey.acquisition else ""
    yield f"Scenario {named(scenario.name, scenario.title)}: {scenario.customers:,} customers {entry}{more}, {span(scenario.horizon)}"
    yield f"from {scenario.start}, seed {scenario.seed}, money discounted at {percent(scenario.discount_rate)} a year."


def _journey(journey: Journey) -> Iterator[str]:
    yield f"Journey {named(journey.name, journey.title)}: starts in {journey.starts_in}."
    yield from _memories(journey)
    yield "Personas, which the firm does not see:"
    for name, persona in journey.personas.items():
        yield f"  {named(name, persona.title)}, {percent(persona.share)}: {listed(_persona(persona))}"
    if journey.traits:
        yield "Traits, which the firm does not see:"
        yield from (f"  {name}: {_trait(law)}" for name, law in journey.traits.items())
    if journey.interests:
        yield f"Interests, which the firm does not see: {mix(journey.interests)}."
    if journey.attributes:
        yield "Attributes, which the firm sees:"
        for name, levels in journey.attributes.items():
            yield f"  {name}: {listed(f'{level} {percent(share)}' for level, share in levels.items())}"
    lifted = _lifted(journey)
    yield "Stages, and what happens there:"
    for name, stage in journey.stages.items():
        facts = [word for word, holds in (("counts as retained", stage.retained), ("hidden from the firm", not stage.observed)) if holds]
        yield f"  {named(name, stage.title)}" + (f": {listed(facts)}" if facts else "")
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
        yield from (f"    {name}{then(event.effects)}" for name, event in fired.items())
    yield from touchpoint_lines(journey)


def _memories(journey: Journey) -> Iterator[str]:
    """How fast moods and scores fade."""
    rests, presses = journey.satisfaction.half_life, journey.pressure.half_life
    if rests is not None:
        yield f"Satisfaction comes half the way back to rest in {span(rests)}."
    if journey.channels:
        yield f"The pressure of contacts {f'halves in {span(presses)}' if presses is not None else 'never fades'}."
    if journey.preferred_contacts is not None:
        yield f"As many contacts a week as '{journey.preferred_contacts}' says tire nobody."
    if journey.scores:
        fades = {name: f" (halves in {span(score.half_life)})" if score.half_life else "" for name, score in journey.scores.items()}
        yield f"Scores: {listed(f'{name}{fade}' for name, fade in fades.items())}."


def _persona(persona: Persona) -> Iterator[str]:
    """What sets a persona apart."""
    if persona.starts_in:
        yield f"starts in {persona.starts_in}"
    yield f"rests at satisfaction {persona.satisfaction:g}"
    yield from (f"{event} x {factor:g}" for event, factor in persona.speed.items())
    yield from (f"lifts of {event} x {factor:g}" for event, factor in persona.responds.items())
    yield from (f"each contact lifts {event} by {gain:+g}" for event, gain in persona.contact_lift.items())
    yield from (f"taste for {channel} {shift:+g}" for channel, shift in persona.affinity.items())
    yield from (f"{percent(share)} consent to {channel}" for channel, share in persona.consent.items())
    if persona.interests:
        yield f"interested in {mix(persona.interests)}"


def _trait(law: TraitLaw) -> str:
    body = law.body
    return f"always {body:g}" if law.fixed is not None else f"{law.kind} ({listed(f'{key} {value:g}' for key, value in body)})"


def _event(name: str, event: Event, *, lifted: bool) -> str:
    wait = "only when fired" if event.wait == "never" else delay(event.wait)
    facts = [f"faster with {listed(event.speed)}"] if event.speed else []
    facts += [f"in the time of '{event.activity}'"] if event.activity else []
    facts += [f"lifts of it halve in {span(event.half_life)}"] if lifted else []
    facts += [f"while {event.when}"] if event.when else []
    facts += ["hidden from the firm"] if not event.observed else []
    return f"{named(name, event.title)} {wait}{''.join(f', {fact}' for fact in facts)}{then(event.effects)}"


def _lifted(journey: Journey) -> set[str]:
    """Events that messages or contacts make likelier or rarer."""
    gains = [gains for message in journey.messages.values() for _, gains in message.lift]
    return {event for lifts in [*gains, *(persona.contact_lift for persona in journey.personas.values())] for event in lifts}
