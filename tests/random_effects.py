"""Random effects, and the distributions that journeys draw from."""

from typing import Any

from dice import SCORES, TAGS, Data, Dice, Names

WAITS: tuple[Data, ...] = (
    {"exponential": "1d"},
    {"exponential": {"mean": "4d"}},
    {"gamma": {"mean": "3d", "shape": 2.5}},
    {"weibull": {"scale": "4d", "shape": 0.7}},
    {"lognormal": {"median": "2d", "sigma": 1.0}},
    {"fixed": "1d"},
    {"fixed": "36h"},
    {"empirical": {"values": ["12h", "2d", "7d"], "weights": [1, 2, 1]}},
)
DELAYS: tuple[Data, ...] = (
    {"fixed": "0s"},
    {"exponential": "1h"},
    {"lognormal": {"median": "3h", "sigma": 1.5}},
    {"weibull": {"scale": "2h", "shape": 0.8}},
    {"gamma": {"mean": "4h", "shape": 0.6}},
    {"empirical": {"values": ["0s", "12h", "1d"]}},
)
AMOUNTS: tuple[Any, ...] = (
    10,
    {"fixed": 2.5},
    {"exponential": {"mean": 20}},
    {"gamma": {"mean": 40, "shape": 2}},
    {"lognormal": {"median": 15, "sigma": 0.6}},
    {"uniform": {"low": 1, "high": 4}},
    {"empirical": {"values": [2, 3, 5], "weights": [1, 2, 1]}},
)
KINDS = ("tag", "go", "purchase", "satisfy", "untag", "score", "choose", "choose", "fire", "purchase", "go", "opt_out", "offer", "ask")
HALF_LIVES = ("2d", "6h", "20d")
GAINS = (0.05, -0.1, -0.4, 0.3)
LIFTS = (0.3, -0.4, -1.0, 2.0, 12.0)
POINTS = (2.0, 0.5, -1.0)
WEIGHTS = (1, 0.3, 3, "fickle", "1-fickle", "1/purse")
TOUCHED = ("delivered", "opened", "clicked")


def effects(dice: Dice, names: Names, fires: tuple[str, ...], depth: int = 2) -> list[Data]:
    """Up to three effects; `fires`: the events that may be fired."""
    kinds = dice.many(lambda: dice.one(KINDS), most=3 if depth == 2 else 2)
    can = {"choose": depth > 0, "fire": bool(fires), "offer": bool(names.offers), "ask": bool(names.desks)}
    return [effect(dice, names, kind, fires, depth) for kind in kinds if can.get(kind, True)]


def effect(dice: Dice, names: Names, kind: str, fires: tuple[str, ...], depth: int) -> Data:
    """One effect of a kind."""
    if kind == "purchase":
        bought: Data = {"value": dice.one(AMOUNTS), "times": dice.some(("half", "purse"))}
        dice.maybe(bought, 50, margin=lambda: dice.one((0.4, -0.2)))
        return {"purchase": bought}
    if kind == "ask":
        return {"ask": dice.one((names.desks[0], {"desk": names.desks[-1], "priority": dice.whole(-1, 2)}))}
    if kind == "choose":
        return {"choose": dice.many(lambda: branch(dice, names, fires, depth - 1), least=1)}
    if kind == "score":
        return {"score": dice.by_name(SCORES, POINTS, least=1)}
    choices: dict[str, tuple[Any, ...]] = {"go": names.stages, "satisfy": GAINS, "tag": TAGS, "untag": TAGS, "fire": fires}
    choices |= {"opt_out": (*names.channels, "all"), "offer": names.offers}
    return {kind: dice.one(choices[kind])}


def branch(dice: Dice, names: Names, fires: tuple[str, ...], depth: int) -> Data:
    """One outcome of `choose`."""
    return {"weight": dice.one(WEIGHTS), "bend": dice.one((0, 2, -3)), "effects": effects(dice, names, fires, depth)}


def without(made: list[Data], *kinds: str) -> list[Data]:
    """These effects but for some kinds: purchases are for what the firm sees, and a desk asked by its own effects never rests."""
    chosen = [
        {"choose": [way | {"effects": without(way["effects"], *kinds)} for way in part["choose"]]} if "choose" in part else part
        for part in made
    ]
    return [part for part in chosen if not part.keys() & {*kinds}]
