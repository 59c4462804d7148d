"""Checks of a journey apart from touchpoints and effects: names, personas, activity and events."""

import keyword
from collections.abc import Iterator
from datetime import date, timedelta

from cjsim.errors import short_repr
from cjsim.kernels.codes import MAX_CHANNELS, N_TOUCH_CODES, ConditionOp, RestartFlag, TouchCode
from cjsim.scenario.condition_names import ACQUIRED_BY, NO_ACQUISITION_CHANNEL, RESERVED, TIME_DEPENDENT_OPS, ConditionError, ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.journey import Activity, Event, JourneySpec
from cjsim.scenario.kinds.calendar_waits import CalendarWait
from cjsim.scenario.kinds.effects import ALL_CHANNELS
from cjsim.scenario.name_checks import (
    MAX_NAMES,
    duplicate_faults,
    sum_faults,
    too_many_faults,
    trait_faults,
    unknown_item_faults,
    unknown_key_faults,
    unknown_name_faults,
    weight_faults,
)
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.touchpoints import PERSONAL
from cjsim.yaml.paths import Fault, KeyPath

_COUNTED = ("stages", "events", "messages", "scores", "traits", "attributes", "personas", "interests", "offers", "desks", "acquisition")
_NAMES_WITH_A_MEANING = (
    ("channels", ALL_CHANNELS, "opt-outs and opt-ins use for every channel"),
    ("interests", PERSONAL, "as a topic means the interest that the firm assumes"),
    ("acquisition", NO_ACQUISITION_CHANNEL, f"as a level of {ACQUIRED_BY} means no acquisition channel"),
)
LOG_NAMES = frozenset(touch.name.lower() for touch in TouchCode)


def reserved_name_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults for reserved names, name clashes, and too many names."""
    taken: dict[str, str] = {}
    for group, kind in (("traits", "trait"), ("attributes", "attribute"), ("personas", "persona")):
        for name in getattr(journey, group):
            if name in RESERVED or keyword.iskeyword(name):
                yield Fault((group, name), "must not be a reserved word of the condition language", f"'{name}'", "Rename it.")
            elif name in taken:
                yield Fault((group, name), f"must have a name different from every {taken[name]}", f"'{name}'", f"Rename this {kind}.")
            taken.setdefault(name, kind)
    for name in journey.events:
        if name in LOG_NAMES:
            yield Fault(("events", name), "must not have a name that the event log reserves", f"'{name}'", "Rename the event.")
    for group, name, meaning in _NAMES_WITH_A_MEANING:
        if name in getattr(journey, group):
            yield Fault((group, name), f"must have a name other than '{name}', which {meaning}", f"'{name}'", "Rename it.")
    for name in journey.desks.keys() & journey.offers.keys():
        remedy = "Rename one, because the event log identifies both by name."
        yield Fault(("offers", name), "must have a name different from every desk", f"'{name}'", remedy)
    yield from too_many_faults(("channels",), journey.channels, MAX_CHANNELS)
    for group in _COUNTED:
        yield from too_many_faults((group,), getattr(journey, group), MAX_NAMES - N_TOUCH_CODES)
    for name, levels in journey.attributes.items():
        yield from too_many_faults(("attributes", name), levels)


def persona_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults in personas, and in the traits and interests that the journey refers to."""
    yield from unknown_name_faults(("clock_shift",), journey.clock_shift, journey.traits, "trait")
    if journey.preferred_contacts is not None:
        yield from trait_faults(("preferred_contacts",), journey.preferred_contacts, journey.traits)
    yield from weight_faults(("interests",), journey.interests)
    yield from sum_faults(("personas",), {name: persona.share for name, persona in journey.personas.items()})
    for name, persona in journey.personas.items():
        path = ("personas", name)
        yield from unknown_name_faults((*path, "starts_in"), persona.starts_in, journey.stages, "stage")
        for key in ("speed", "responds", "contact_lift"):
            yield from unknown_key_faults((*path, key), getattr(persona, key), journey.events, "event")
        for key in ("affinity", "consent"):
            yield from unknown_key_faults((*path, key), getattr(persona, key), journey.channels, "channel")
        yield from unknown_key_faults((*path, "interests"), persona.interests, journey.interests, "interest")
        yield from weight_faults((*path, "interests"), persona.interests)


def activity_faults(path: KeyPath, activity: Activity) -> Iterator[Fault]:
    """Yield a fault for each invalid season date, and one if the seasons leave no day with activity."""
    leap_year = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]
    names = {f"{day:%m-%d}" for day in leap_year}
    for name, season in activity.seasons.items():
        for key, day in (("from", season.first), ("to", season.last)):
            if day not in names:
                yield Fault((*path, "seasons", name, key), "must be a day of the year such as '11-24'", f"'{day}'", "Write it as MM-DD.")
    shut = [season for season in activity.seasons.values() if season.times == 0]
    if shut and all(any(season.contains(day) for season in shut) for day in leap_year):
        remedy = "Shorten a season."
        yield Fault((*path, "seasons"), "must leave at least one day of the year with activity", "'times: 0' on every day", remedy)


def event_faults(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[Fault]:
    """Yield faults in the stages, traits, profiles and conditions of events."""
    names = ConditionNames.from_documents(journey, policy, latent=True)
    for name, event in journey.events.items():
        path = ("events", name)
        if event.stages != "anywhere":
            yield from unknown_item_faults((*path, "in"), event.stages, journey.stages, "stage")
            yield from duplicate_faults((*path, "in"), event.stages)
        for index, ref in enumerate(event.speed):
            yield from trait_faults((*path, "speed", index), ref, journey.traits)
        yield from unknown_name_faults((*path, "activity"), event.activity, journey.activity, "activity profile")
        yield from _calendar_faults(path, event)
        if event.restart_flags & RestartFlag.WHEN and event.when is None:
            remedy = f"Add a 'when', or {'write move' if event.restart == 'both' else 'remove restart'}."
            yield Fault((*path, "restart"), "must be 'move' without a 'when'", f"'{event.restart}'", remedy)
        if event.when is not None:
            yield from _when_faults((*path, "when"), event.when, names, journey)


def _calendar_faults(path: KeyPath, event: Event) -> Iterator[Fault]:
    """Yield a fault for each setting that would change the speed or the start of a clock with a calendar wait."""
    if event.wait == "never" or event.wait.key != CalendarWait.key:
        return
    for key in ("speed", "satisfaction", "demand", "urgency", "activity", "restart"):
        value = getattr(event, key)
        if value != Event.model_fields[key].default:
            remedy = f"Remove '{key}', because the calendar alone decides when the event happens."
            yield Fault((*path, key), "must not be set for an event with a calendar wait", short_repr(value), remedy)


def time_zone_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults in the time zones of customers: an unknown attribute, or levels that the attribute does not have."""
    if journey.time_zones is None:
        return
    name = journey.time_zones.attribute
    yield from unknown_name_faults(("time_zones", "attribute"), name, journey.attributes, "attribute")
    if name in journey.attributes:
        yield from unknown_key_faults(("time_zones", "zones"), journey.time_zones.zones, journey.attributes[name], "level")


def _when_faults(path: KeyPath, text: str, names: ConditionNames, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults in a `when` condition. It is evaluated only when something happens, so it must not depend on time."""
    try:
        program = parse_condition(text, names)
    except ConditionError as error:
        yield Fault(path, error.must, error.got, error.remedy)
        return
    decaying_scores = {code for code, score in enumerate(journey.scores.values()) if score.half_life is not None}
    for op, arg, _ in program:
        word = TIME_DEPENDENT_OPS.get(op)
        if word is not None or (op is ConditionOp.SCORE and arg in decaying_scores):
            got = f"'{word}'" if word is not None else f"the score '{list(journey.scores)[arg]}', which has a half-life"
            remedy = "Use tags, counts, stages, attributes, consent, or scores without a half-life."
            yield Fault(path, "must use only values that change when something happens to the customer", got, remedy)
            return
