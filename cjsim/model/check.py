"""What must hold across a journey, a policy and a scenario: names that must exist, shares that must sum to 1, what a policy may see.

Lives here: checks of names, shares and conditions. Does not live here: checks of one value (vocabulary.py), what goes round in
circles (circles.py).
"""

import keyword
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path as File
from typing import TYPE_CHECKING

from cjsim.errors import unknown_name
from cjsim.model.circles import flow_faults, instant_faults
from cjsim.model.codes import TOUCHES, Op, Touch
from cjsim.model.conditions import parse, parse_syntax
from cjsim.model.language import CALLS, DRIFTING, LATENT_WORDS, RESERVED, WORDS, ConditionError, Names
from cjsim.model.paths import Fault
from cjsim.model.survival import survival_share
from cjsim.model.walk import Path, journey_effects, policy_conditions, policy_steps

if TYPE_CHECKING:
    from cjsim.model.journey import Activity, Journey
    from cjsim.model.policy import Policy, Spend
    from cjsim.model.reactions import Effect
    from cjsim.model.scenario import Scenario
    from cjsim.model.touchpoints import Acquisition, Channel, Message
    from cjsim.model.vocabulary import TraitLaw

TOLERANCE = 1e-6  # of a sum of shares
MAX_CHANNELS = 64  # channels are bits of an unsigned 64-bit mask
MAX_NAMES = 32_000  # codes in the log are 16-bit integers
LOG_NAMES = frozenset(touch.name.lower() for touch in Touch)


def journey_faults(journey: "Journey", policy: "Policy | None" = None) -> Iterator[Fault]:
    """What is wrong across the parts of a journey.

    Parameters
    ----------
    journey : Journey
        What is checked.
    policy : Policy, optional
        What it is lived under: if not given, conditions may ask for any tag.
    """
    yield from _name_faults(journey)
    yield from _known(("starts_in",), journey.starts_in, journey.stages, "stage")
    if journey.clock_shift is not None:
        yield from _known(("clock_shift",), journey.clock_shift, journey.traits, "trait")
    yield from _persona_faults(journey)
    for name, levels in journey.attributes.items():
        yield from _sum_faults(("attributes", name), levels)
    for name, activity in journey.activity.items():
        yield from _activity_faults(("activity", name), activity)
    yield from _event_faults(journey, policy)
    yield from _channel_faults(journey)
    for path, effect in journey_effects(journey):
        yield from _effect_faults(path, effect, journey)
    for name, moment in journey.moments.items():
        yield from _moment_faults(("moments", name, "event"), moment.event, journey)
    yield from instant_faults(journey, None)


def policy_faults(policy: "Policy") -> Iterator[Fault]:
    """What is wrong across the parts of a policy, whatever the journey."""
    for name in policy.flows.keys() & policy.broadcasts.keys():
        yield Fault(("broadcasts", name), "must have a name that no flow has", f"'{name}'", "Rename one: the log names its sources.")
    for name, flow in policy.flows.items():
        yield from flow_faults(flow, ("flows", name))
    for path, step in policy_steps(policy):
        if step.split is not None:
            yield from _sum_faults((*path, "split"), {name: arm.share for name, arm in step.split.items()})
    for name, broadcast in policy.broadcasts.items():
        path = ("broadcasts", name, "schedule")
        yield from _once((*path, "weekdays"), broadcast.schedule.weekdays)
        yield from _once((*path, "dates"), [f"{day}" for day in broadcast.schedule.dates])
    yield from _too_many(("flows",), [*policy.flows, *policy.broadcasts])
    for path, text in policy_conditions(policy):
        try:
            parse_syntax(text)
        except ConditionError as error:
            yield Fault(path, error.must, error.got, error.remedy)


def scenario_faults(scenario: "Scenario") -> Iterator[Fault]:
    """What is wrong across a journey, a policy and the population."""
    journey, policy = scenario.journey, scenario.policy
    inner = [fault.under("journey") for fault in journey_faults(journey, policy)]
    syntax = [fault.under("policy") for fault in policy_faults(policy)]
    broken = {fault.path for fault in syntax}
    yield from inner
    yield from syntax
    yield from (fault.under("policy") for fault in _policy_names(policy, journey) if ("policy", *fault.path) not in broken)
    if not inner and not syntax:
        yield from instant_faults(journey, policy)
    if scenario.customers == 0 and not any(_brings(way, policy.acquisition.get(name)) for name, way in journey.acquisition.items()):
        remedy = "Give a number of customers, or a channel of 'acquisition' a 'baseline' or spend."
        yield Fault(("customers",), "must be at least 1 where no acquisition brings any", "0", remedy)
    if scenario.entry.file is not None:
        if not File(scenario.entry.file).is_file():
            yield Fault(
                ("entry", "file"), "must be a file that exists", f"'{scenario.entry.file}'", "Name it relative to the scenario's file."
            )
        if scenario.entry.over:
            yield Fault(("entry",), "must have either 'over' or 'file'", "both", "Remove one.")


def _brings(way: "Acquisition", spend: "Spend | None") -> bool:
    """Whether customers come by this way at all."""
    paid = spend is not None and any((spend.per_day, *(period.per_day for period in spend.periods)))
    return way.baseline > 0 or (paid and way.hill is not None and way.hill.at_most > 0)


def _known(path: Path, name: str, names: Iterable[str], thing: str) -> Iterator[Fault]:
    """A fault if there is no such name."""
    if name not in (choices := list(names)):
        yield Fault(path, *unknown_name(name, choices, thing))


def _known_keys(path: Path, keys: Iterable[str], names: Iterable[str], thing: str) -> Iterator[Fault]:
    """A fault for each key that names nothing."""
    choices = list(names)
    for key in keys:
        yield from (fault._replace(at=(*path, key)) for fault in _known(path, key, choices, thing))


def _sum_faults(path: Path, shares: Mapping[str, float]) -> Iterator[Fault]:
    total = math.fsum(shares.values())
    if abs(total - 1) > TOLERANCE:
        yield Fault(path, "must have shares that sum to 1", f"{total:.9g}", "Change a share.")


def _once(path: Path, names: Iterable[str]) -> Iterator[Fault]:
    given = list(names)
    for name in {name for name in given if given.count(name) > 1}:
        yield Fault(path, "must name each thing once", f"'{name}' twice", "Remove one of the two.")


def _too_many(path: Path, names: Collection[str], at_most: int = MAX_NAMES) -> Iterator[Fault]:
    if len(names) > at_most:
        yield Fault(path, f"must have at most {at_most} names", f"{len(names)}", "Merge some.")


def _name_faults(journey: "Journey") -> Iterator[Fault]:
    """Names that mean something else, or too many."""
    taken: dict[str, str] = {}
    for group, thing in (("traits", "trait"), ("attributes", "attribute"), ("personas", "persona")):
        for name in getattr(journey, group):
            if name in RESERVED or keyword.iskeyword(name):
                yield Fault((group, name), "must have a name that is no word of the condition language", f"'{name}'", "Rename it.")
            elif name in taken:
                yield Fault((group, name), f"must have a name that no {taken[name]} has", f"'{name}'", f"Rename this {thing}.")
            taken.setdefault(name, thing)
    for name in journey.events:
        if name in LOG_NAMES:
            yield Fault(("events", name), "must have a name that is no touchpoint's in the log", f"'{name}'", "Rename the event.")
    if "all" in journey.channels:
        yield Fault(("channels", "all"), "must have a name other than 'all', which opt_out takes for every channel", "'all'", "Rename it.")
    yield from _too_many(("channels",), journey.channels, MAX_CHANNELS)
    for group in ("stages", "events", "messages", "scores", "traits", "attributes", "personas"):
        yield from _too_many((group,), getattr(journey, group), MAX_NAMES - TOUCHES)
    for name, levels in journey.attributes.items():
        yield from _too_many(("attributes", name), levels)


def _persona_faults(journey: "Journey") -> Iterator[Fault]:
    yield from _sum_faults(("personas",), {name: persona.share for name, persona in journey.personas.items()})
    for name, persona in journey.personas.items():
        path = ("personas", name)
        if persona.starts_in is not None:
            yield from _known((*path, "starts_in"), persona.starts_in, journey.stages, "stage")
        for key in ("speed", "responds", "contact_lift"):
            yield from _known_keys((*path, key), getattr(persona, key), journey.events, "event")
        for key in ("affinity", "consent"):
            yield from _known_keys((*path, key), getattr(persona, key), journey.channels, "channel")


def _activity_faults(path: Path, activity: "Activity") -> Iterator[Fault]:
    """Days that do not exist, and a year without activity."""
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


def _event_faults(journey: "Journey", policy: "Policy | None") -> Iterator[Fault]:
    names = Names.of(journey, policy, latent=True)
    for name, event in journey.events.items():
        path = ("events", name)
        if event.stages != "anywhere":
            for index, stage in enumerate(event.stages):
                yield from _known((*path, "in", index), stage, journey.stages, "stage")
            yield from _once((*path, "in"), event.stages)
        for index, ref in enumerate(event.speed):
            yield from _trait_faults((*path, "speed", index), ref, journey)
        if event.activity is not None:
            yield from _known((*path, "activity"), event.activity, journey.activity, "activity profile")
        if event.when is not None:
            yield from _when_faults((*path, "when"), event.when, names, journey)


def _when_faults(path: Path, text: str, names: Names, journey: "Journey") -> Iterator[Fault]:
    """`when` may name only what changes as something happens: a clock is not watched in between."""
    try:
        program = parse(text, names)
    except ConditionError as error:
        yield Fault(path, error.must, error.got, error.remedy)
        return
    fading = {code for code, score in enumerate(journey.scores.values()) if score.half_life is not None}
    words = {op: word for word, op in [*((word, op) for word, (op, _) in CALLS.items()), *WORDS.items(), *LATENT_WORDS.items()]}
    for op, arg, _ in program:
        if op in DRIFTING or (op is Op.SCORE and arg in fading):
            got = f"'{words[op]}'" if op in DRIFTING else f"the score '{list(journey.scores)[arg]}', which has a half-life"
            remedy = "Use tags, counts, stages, attributes, consent, or scores without a half-life."
            yield Fault(path, "must name only what changes when something happens to the customer", got, remedy)
            return


def _trait_faults(path: Path, ref: str, journey: "Journey") -> Iterator[Fault]:
    """A trait that is a factor or a weight must exist and never be negative."""
    form, name = "", ref.replace(" ", "").replace("\t", "")
    if name[:2] in ("1/", "1-"):
        form, name = name[:2], name[2:]
    if name not in journey.traits:
        yield from _known(path, name, journey.traits, "trait")
        return
    low, high = _support(journey.traits[name])
    if low < 0 or (form == "1-" and high > 1) or (form == "1/" and low == high == 0):
        must = f"must be a trait for which {form or ''}{name} is never negative"
        yield Fault(path, must, f"a trait from {low:g} to {high:g}", "Use a gamma, lognormal, beta (for 1-x), uniform or fixed trait.")


def _support(law: "TraitLaw") -> tuple[float, float]:
    """Where the values of a trait lie."""
    if law.fixed is not None:
        return law.fixed, law.fixed
    if law.uniform is not None:
        return law.uniform.low, law.uniform.high
    if law.normal is not None:
        return (-math.inf, math.inf) if law.normal.sd > 0 else (law.normal.mean, law.normal.mean)
    return 0.0, 1.0 if law.beta is not None else math.inf


def _channel_faults(journey: "Journey") -> Iterator[Fault]:
    for name, channel in journey.channels.items():
        if channel.activity is not None:
            yield from _known(("channels", name, "activity"), channel.activity, journey.activity, "activity profile")
        if channel.affinity is not None:
            yield from _known(("channels", name, "affinity"), channel.affinity, journey.traits, "trait")
    for name, message in journey.messages.items():
        yield from _known(("messages", name, "channel"), message.channel, journey.channels, "channel")
        if message.channel in journey.channels:
            yield from _rate_faults(("messages", name), message, journey.channels[message.channel])
        for key in ("delivered", "opened", "clicked"):
            yield from _known_keys(("messages", name, "lift", key), getattr(message.lift, key), journey.events, "event")


def _rate_faults(path: Path, message: "Message", channel: "Channel") -> Iterator[Fault]:
    """Rates that cannot be, as too many readers come after the message's lifetime."""
    survival = survival_share(channel.open_delay, channel.lifetime) if channel.lifetime is not None else 1.0
    for key in ("open_rate", "unsubscribe_rate", "complaint_rate"):
        if (rate := getattr(message, key)) >= survival:
            must = f"must be below {survival:.4g}, the share of readings that open_delay and lifetime of '{message.channel}' let survive"
            yield Fault((*path, key), must, f"{rate:g}", "Give the channel a longer lifetime or a shorter open_delay, or lower the rate.")


def _effect_faults(path: Path, effect: "Effect", journey: "Journey") -> Iterator[Fault]:
    if effect.go is not None:
        yield from _known((*path, "go"), effect.go, journey.stages, "stage")
    if effect.fire is not None:
        yield from _known((*path, "fire"), effect.fire, journey.events, "event")
    if effect.opt_out is not None and effect.opt_out != "all":
        yield from _known((*path, "opt_out"), effect.opt_out, [*journey.channels, "all"], "channel")
    yield from _known_keys((*path, "score"), effect.score or (), journey.scores, "score")
    if effect.purchase is not None:
        yield from _money_faults(path, journey)
    for index, ref in enumerate(effect.purchase.times if effect.purchase is not None else ()):
        yield from _trait_faults((*path, "purchase", "times", index), ref, journey)
    for index, branch in enumerate(effect.choose or ()):
        if isinstance(branch.weight, str):
            yield from _trait_faults((*path, "choose", index, "weight"), branch.weight, journey)
    if effect.choose is not None and not any(branch.weight for branch in effect.choose):
        yield Fault((*path, "choose"), "must have a weight above 0", "weights of 0", "Give one branch a weight.")


def _money_faults(path: Path, journey: "Journey") -> Iterator[Fault]:
    """Money has a row in the log, which is that of an event that the firm sees."""
    kind, name = str(path[0]), str(path[1])
    if kind == "messages":
        remedy = "Let the message 'fire' an event that has the purchase."
        yield Fault((*path, "purchase"), "must be an effect of an event, whose row in the log tells the money", "one of a message", remedy)
    elif not journey.events[name].observed:
        remedy = "Let it 'fire' an observed event that has the purchase, or remove 'observed: false'."
        yield Fault((*path, "purchase"), "must be an effect of an event that the firm sees", f"one of '{name}', which is hidden", remedy)


def _moment_faults(path: Path, event: str, journey: "Journey") -> Iterator[Fault]:
    """The customers' table tells moments: it holds what the firm could know."""
    yield from _known(path, event, journey.events, "event")
    if event in journey.events and not journey.events[event].observed:
        remedy = "Name another, or remove its 'observed: false'."
        yield Fault(path, "must be an event that the firm sees", f"'{event}', which is hidden", remedy)


def _policy_names(policy: "Policy", journey: "Journey") -> Iterator[Fault]:
    """Names of the journey that a policy uses, and what it may see."""
    names = Names.of(journey, policy, latent=False)
    for name, flow in policy.flows.items():
        path: Path = ("flows", name)
        if flow.on.event is not None:
            yield from _seen((*path, "on", "event"), flow.on.event, names, "event")
        if flow.on.stage is not None:
            yield from _seen((*path, "on", "stage"), flow.on.stage, names, "stage")
        for index, event in enumerate(flow.on.of or ()):
            yield from _seen((*path, "on", "of", index), event, names, "event")
        for index, event in enumerate(flow.exit_on):
            yield from _seen((*path, "exit_on", index), event, names, "event")
    for here, step in policy_steps(policy):
        if step.send is not None:
            yield from _known((*here, "send"), step.send, journey.messages, "message")
        if step.wait_for is not None:
            yield from _seen((*here, "wait_for", "event"), step.wait_for.event, names, "event")
        yield from _known_keys((*here, "score"), step.score or (), journey.scores, "score")
    for name, broadcast in policy.broadcasts.items():
        yield from _known(("broadcasts", name, "send"), broadcast.send, journey.messages, "message")
    for group in ("quiet_hours", "gaps", "caps"):
        for number, rule in enumerate(getattr(policy.guardrails, group)):
            for index, channel in enumerate(rule.channels):
                yield from _known(("guardrails", group, number, "channels", index), channel, journey.channels, "channel")
    for place, text in policy_conditions(policy):
        try:
            parse(text, names)
        except ConditionError as error:
            yield Fault(place, error.must, error.got, error.remedy)


def _seen(path: Path, name: str, names: Names, thing: str) -> Iterator[Fault]:
    """A fault if there is no such stage or event, or the firm cannot observe it."""
    try:
        names.code(thing, name)
    except ConditionError as error:
        yield Fault(path, error.must, error.got, error.remedy)
