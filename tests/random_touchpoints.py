"""Random touchpoints: channels of every kind, messages, offers, desks, acquisition."""

from dice import SILENT, Data, Dice, Names
from random_effects import DELAYS, LIFTS, TOUCHED, effects, without

PROFILES = ("office", "waking")
KINDS = ("push", "push", "push", "pull", "paid", "human")
SERVICES: tuple[Data, ...] = (
    {"exponential": "90min"},
    {"fixed": "4h"},
    {"lognormal": {"median": "2h", "sigma": 0.5}},
    {"gamma": {"mean": "5h", "shape": 3}},
)


def channel(dice: Dice, names: Names) -> Data:
    """A channel; few openings outlive its lifetime, so that any rate below 0.7 is possible."""
    made: Data = {"consent": dice.one((1.0, 0.8)), "open_delay": dice.one(DELAYS), "kind": dice.one(KINDS)}
    if made["kind"] == "human":
        made |= {"desk": dice.one(names.desks)} if names.desks else {"kind": "push"}
    if made["kind"] == "pull":
        made["visits"] = dice.some(names.seen_events, least=1, most=2)
    dice.maybe(
        made,
        40,
        cost=lambda: 0.02,
        click_cost=lambda: 0.4,
        click_delay=lambda: dice.one(DELAYS),
        activity=lambda: dice.one(PROFILES),
        lifetime=lambda: "5d",
        affinity=lambda: "taste",
        fatigue=lambda: 0.3,
        annoyance=lambda: 0.3,
        satisfaction=lambda: 1.5,
        pressure=lambda: dice.one((2.5, 0)),
        delivery_gain=lambda: dice.one((-0.1, 0.05)),
    )
    return made


def message(dice: Dice, names: Names) -> Data:
    """A message that is read often, and left now and then."""
    made: Data = {"channel": dice.one(names.channels), "open_rate": dice.one((0.6, 0.3))}
    dice.maybe(
        made,
        50,
        click_rate=lambda: dice.one((0.5, 0.9)),
        unsubscribe_rate=lambda: dice.one((0.05, 0.01)),
        complaint_rate=lambda: dice.one((0.05, 0.01)),
        cost=lambda: 0.3,
        topic=lambda: dice.one(("personal", *names.interests)) if names.interests else None,
        lift=lambda: {touch: dice.by_name(names.events, LIFTS, least=1) for touch in dice.some(TOUCHED, least=1)},
        effects=lambda: {touch: without(effects(dice, names, SILENT, 1), "purchase") for touch in dice.some(TOUCHED, least=1)},
    )
    if made.get("topic"):
        made["relevance"] = dice.one((1.5, -1.0, 0))
    return made


def offer(dice: Dice) -> Data:
    """An offer that some take."""
    made: Data = {"valid": dice.one(("6d", "36h")), "redeems": dice.one((1.0, 0.6)), **dice.one(({"discount": 0.1}, {"amount": 5}))}
    dice.maybe(made, 40, uses=lambda: 3, at_least=lambda: 8)
    return made


def desk(dice: Dice, names: Names) -> Data:
    """A desk where answers take hours."""
    made: Data = {"service": dice.one(SERVICES), "patience": dice.one(("endless", *DELAYS[1:]))}

    def reply() -> list[Data]:
        return without(effects(dice, names, (), 1), "purchase", "ask")

    made["effects"] = {kind: reply() for kind in dice.some(("in_time", "late", "unanswered"))}
    return made


def acquisition(dice: Dice, names: Names, name: str) -> Data:
    """A channel by which a customer comes every week or so; by the first one, without spend as well."""
    made: Data = {"baseline": 0.1 if name == names.arriving[0] else 0}
    dice.maybe(
        made,
        60,
        hill=lambda: {"at_most": 0.3, "half": 20, "slope": dice.one((1, 2.5))},
        adstock=lambda: 0.6,
        personas=lambda: {names.personas[-1]: 1},
    )
    return made
