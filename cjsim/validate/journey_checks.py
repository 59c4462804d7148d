"""Checks within a journey, except touchpoints: names, personas, activity, events and effects."""

import keyword
from collections.abc import Iterator
from datetime import date, timedelta

from cjsim.kernels.codes import MAX_CHANNELS, N_TOUCH_CODES, ConditionOp, TouchCode
from cjsim.scenario.condition_names import (
    ACQUIRED_BY,
    CALLS,
    LATENT_WORDS,
    NO_ACQUISITION_CHANNEL,
    RESERVED,
    TIME_DEPENDENT_OPS,
    WORDS,
    ConditionError,
    ConditionNames,
)
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.effects import Effect, Refer
from cjsim.scenario.journey import Activity, JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.touchpoints import PERSONAL
from cjsim.validate.names import (
    MAX_NAMES,
    duplicate_faults,
    sum_faults,
    too_many_faults,
    trait_faults,
    unknown_key_faults,
    unknown_name_faults,
    weight_faults,
)
from cjsim.yaml.paths import Fault, KeyPath

MAX_REFERRALS_PER_EFFECT = 5.0  # friends who join on average; above this the population explodes within a few generations
_COUNTED = ("stages", "events", "messages", "scores", "traits", "attributes", "personas", "interests", "offers", "desks", "acquisition")
LOG_NAMES = frozenset(touch.name.lower() for touch in TouchCode)


def reserved_name_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of names with a reserved meaning, and of too many names."""
    taken: dict[str, str] = {}
    for group, kind in (("traits", "trait"), ("attributes", "attribute"), ("personas", "persona")):
        for name in getattr(journey, group):
            if name in RESERVED or keyword.iskeyword(name):
                yield Fault((group, name), "must have a name that is no word of the condition language", f"'{name}'", "Rename it.")
            elif name in taken:
                yield Fault((group, name), f"must have a name that no {taken[name]} has", f"'{name}'", f"Rename this {kind}.")
            taken.setdefault(name, kind)
    for name in journey.events:
        if name in LOG_NAMES:
            yield Fault(("events", name), "must have a name that is no touchpoint's in the log", f"'{name}'", "Rename the event.")
    if "all" in journey.channels:
        yield Fault(("channels", "all"), "must have a name other than 'all', which opt_out takes for every channel", "'all'", "Rename it.")
    if PERSONAL in journey.interests:
        must = f"must have a name other than '{PERSONAL}', which as a topic means what the firm takes a customer's interest to be"
        yield Fault(("interests", PERSONAL), must, f"'{PERSONAL}'", "Rename it.")
    if NO_ACQUISITION_CHANNEL in journey.acquisition:
        none = NO_ACQUISITION_CHANNEL
        must = f"must have a name other than '{none}', which as a level of {ACQUIRED_BY} means that no channel brought the customer"
        yield Fault(("acquisition", none), must, f"'{none}'", "Rename it.")
    for name in journey.desks.keys() & journey.offers.keys():
        yield Fault(("offers", name), "must have a name that no desk has", f"'{name}'", "Rename one: the log names its sources.")
    yield from too_many_faults(("channels",), journey.channels, MAX_CHANNELS)
    for group in _COUNTED:
        yield from too_many_faults((group,), getattr(journey, group), MAX_NAMES - N_TOUCH_CODES)
    for name, levels in journey.attributes.items():
        yield from too_many_faults(("attributes", name), levels)


def persona_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of personas, and of the traits and interests that the journey names."""
    if journey.clock_shift is not None:
        yield from unknown_name_faults(("clock_shift",), journey.clock_shift, journey.traits, "trait")
    if journey.preferred_contacts is not None:
        yield from trait_faults(("preferred_contacts",), journey.preferred_contacts, journey)
    yield from weight_faults(("interests",), journey.interests)
    yield from sum_faults(("personas",), {name: persona.share for name, persona in journey.personas.items()})
    for name, persona in journey.personas.items():
        path = ("personas", name)
        if persona.starts_in is not None:
            yield from unknown_name_faults((*path, "starts_in"), persona.starts_in, journey.stages, "stage")
        for key in ("speed", "responds", "contact_lift"):
            yield from unknown_key_faults((*path, key), getattr(persona, key), journey.events, "event")
        for key in ("affinity", "consent"):
            yield from unknown_key_faults((*path, key), getattr(persona, key), journey.channels, "channel")
        yield from unknown_key_faults((*path, "interests"), persona.interests, journey.interests, "interest")
        yield from weight_faults((*path, "interests"), persona.interests)


def activity_faults(path: KeyPath, activity: Activity) -> Iterator[Fault]:
    """Yield faults of days that do not exist, and of a year without activity."""
    leap_year = [f"{date(2024, 1, 1) + timedelta(days=n):%m-%d}" for n in range(366)]
    for name, season in activity.seasons.items():
        for key, day in (("from", season.first), ("to", season.last)):
            if day not in leap_year:
                yield Fault((*path, "seasons", name, key), "must be a day of the year such as '11-24'", f"'{day}'", "Write month-day.")
    shut = [season for season in activity.seasons.values() if season.times == 0]
    if shut and all(any(_in_season(day, season.first, season.last) for season in shut) for day in leap_year):
        yield Fault((*path, "seasons"), "must leave a day of the year with activity", "'times: 0' for every day", "Shorten a season.")


def _in_season(day: str, first: str, last: str) -> bool:
    return first <= day <= last if first <= last else day >= first or day <= last


def event_faults(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[Fault]:
    """Yield faults of the stages, traits, profiles and conditions of events."""
    names = ConditionNames.from_documents(journey, policy, latent=True)
    for name, event in journey.events.items():
        path = ("events", name)
        if event.stages != "anywhere":
            for index, stage in enumerate(event.stages):
                yield from unknown_name_faults((*path, "in", index), stage, journey.stages, "stage")
            yield from duplicate_faults((*path, "in"), event.stages)
        for index, ref in enumerate(event.speed):
            yield from trait_faults((*path, "speed", index), ref, journey)
        if event.activity is not None:
            yield from unknown_name_faults((*path, "activity"), event.activity, journey.activity, "activity profile")
        if event.when is not None:
            yield from _when_faults((*path, "when"), event.when, names, journey)


def _when_faults(path: KeyPath, text: str, names: ConditionNames, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of a `when`. It may use only what changes when something happens, as it is evaluated only then."""
    try:
        program = parse_condition(text, names)
    except ConditionError as error:
        yield Fault(path, error.must, error.got, error.remedy)
        return
    decaying_scores = {code for code, score in enumerate(journey.scores.values()) if score.half_life is not None}
    words = {op: word for word, op in [*((word, op) for word, (op, _) in CALLS.items()), *WORDS.items(), *LATENT_WORDS.items()]}
    for op, arg, _ in program:
        if op in TIME_DEPENDENT_OPS or (op is ConditionOp.SCORE and arg in decaying_scores):
            got = f"'{words[op]}'" if op in TIME_DEPENDENT_OPS else f"the score '{list(journey.scores)[arg]}', which has a half-life"
            remedy = "Use tags, counts, stages, attributes, consent, or scores without a half-life."
            yield Fault(path, "must name only what changes when something happens to the customer", got, remedy)
            return


def effect_faults(path: KeyPath, effect: Effect, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of one effect: unknown names, and effects that are not allowed at this path."""
    if effect.go is not None:
        yield from unknown_name_faults((*path, "go"), effect.go, journey.stages, "stage")
    if effect.fire is not None:
        yield from unknown_name_faults((*path, "fire"), effect.fire, journey.events, "event")
    if effect.opt_out is not None and effect.opt_out != "all":
        yield from unknown_name_faults((*path, "opt_out"), effect.opt_out, [*journey.channels, "all"], "channel")
    yield from unknown_key_faults((*path, "score"), effect.score or (), journey.scores, "score")
    if effect.offer is not None:
        yield from unknown_name_faults((*path, "offer"), effect.offer, journey.offers, "offer")
    if effect.ask is not None:
        yield from unknown_name_faults((*path, "ask", "desk"), effect.ask.desk, journey.desks, "desk")
    if effect.refer is not None:
        yield from _refer_faults((*path, "refer"), effect.refer, journey)
    if effect.purchase is not None:
        yield from _purchase_place_faults(path, journey)
    for index, ref in enumerate(effect.purchase.times if effect.purchase is not None else ()):
        yield from trait_faults((*path, "purchase", "times", index), ref, journey)
    for index, branch in enumerate(effect.choose or ()):
        if isinstance(branch.weight, str):
            yield from trait_faults((*path, "choose", index, "weight"), branch.weight, journey)
    if effect.choose is not None and not any(branch.weight for branch in effect.choose):
        yield Fault((*path, "choose"), "must have a weight above 0", "weights of 0", "Give one branch a weight.")


def _refer_faults(path: KeyPath, refer: Refer, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of a referral: an unknown acquisition channel, and so many friends that the population explodes."""
    if refer.by is not None:
        yield from unknown_name_faults((*path, "by"), refer.by, journey.acquisition, "acquisition channel")
    if (friends := refer.invites * refer.joins) > MAX_REFERRALS_PER_EFFECT:
        must = f"must bring at most {MAX_REFERRALS_PER_EFFECT:g} friends on average (invites * joins), or the population explodes"
        yield Fault(path, must, f"{friends:g}", "Lower 'invites' or 'joins'.")


def _purchase_place_faults(path: KeyPath, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of a purchase that has no log row: outside events, or in an event that the firm does not observe."""
    kind, name = str(path[0]), str(path[1])
    if kind != "events":
        owner = kind.removesuffix("s")
        remedy = f"Let the {owner} 'fire' an event that has the purchase."
        yield Fault((*path, "purchase"), "must be an effect of an event, whose row in the log tells the money", f"one of a {owner}", remedy)
    elif not journey.events[name].observed:
        remedy = "Let it 'fire' an observed event that has the purchase, or remove 'observed: false'."
        yield Fault((*path, "purchase"), "must be an effect of an event that the firm sees", f"one of '{name}', which is hidden", remedy)
