"""Random effects and distributions."""

from typing import Any

from chooser import SCORES, TAGS, Chooser, ScenarioData, ScenarioNames

WAIT_DISTRIBUTIONS: tuple[ScenarioData, ...] = (
    {"exponential": "1d"},
    {"exponential": {"mean": "4d"}},
    {"gamma": {"mean": "3d", "shape": 2.5}},
    {"weibull": {"scale": "4d", "shape": 0.7}},
    {"lognormal": {"median": "2d", "sigma": 1.0}},
    {"fixed": "1d"},
    {"fixed": "36h"},
    {"empirical": {"values": ["12h", "2d", "7d"], "weights": [1, 2, 1]}},
)
DELAY_DISTRIBUTIONS: tuple[ScenarioData, ...] = (
    {"fixed": "0s"},
    {"exponential": "1h"},
    {"lognormal": {"median": "3h", "sigma": 1.5}},
    {"weibull": {"scale": "2h", "shape": 0.8}},
    {"gamma": {"mean": "4h", "shape": 0.6}},
    {"empirical": {"values": ["0s", "12h", "1d"]}},
)
AMOUNT_DISTRIBUTIONS: tuple[Any, ...] = (
    10,
    {"fixed": 2.5},
    {"exponential": {"mean": 20}},
    {"gamma": {"mean": 40, "shape": 2}},
    {"lognormal": {"median": 15, "sigma": 0.6}},
    {"uniform": {"low": 1, "high": 4}},
    {"empirical": {"values": [2, 3, 5], "weights": [1, 2, 1]}},
)
EFFECT_KINDS = (
    "tag",
    "go",
    "purchase",
    "satisfy",
    "untag",
    "score",
    "choose",
    "choose",
    "fire",
    "purchase",
    "opt_in",
    "opt_out",
    "offer",
    "ask",
)
HALF_LIVES = ("2d", "6h", "20d")
SATISFACTION_GAINS = (0.05, -0.1, -0.4, 0.3)
RATE_LIFTS = (0.3, -0.4, -1.0, 2.0, 12.0)
SCORE_POINTS = (2.0, 0.5, -1.0)
WEIGHTS = (1, 0.3, 3, "fickle", "1-fickle", "1/purse")
TOUCHES_WITH_EFFECTS = ("delivered", "opened", "clicked")


def random_effect_list(chooser: Chooser, names: ScenarioNames, fireable_events: tuple[str, ...], depth: int = 2) -> list[ScenarioData]:
    """Up to three effects; `fires`: the events that may be fired."""
    kinds = chooser.list_of(lambda: chooser.choice(EFFECT_KINDS), max_size=3 if depth == 2 else 2)
    can = {"choose": depth > 0, "fire": bool(fireable_events), "offer": bool(names.offers), "ask": bool(names.desks)}
    return [random_effect(chooser, names, kind, fireable_events, depth) for kind in kinds if can.get(kind, True)]


def random_effect(chooser: Chooser, names: ScenarioNames, kind: str, fireable_events: tuple[str, ...], depth: int) -> ScenarioData:
    """One effect of a kind."""
    if kind == "purchase":
        bought: ScenarioData = {"value": chooser.choice(AMOUNT_DISTRIBUTIONS), "times": chooser.subset(("half", "purse"))}
        chooser.add_optional(bought, 50, margin=lambda: chooser.choice((0.4, -0.2)))
        return {"purchase": bought}
    if kind == "ask":
        return {"ask": chooser.choice((names.desks[0], {"desk": names.desks[-1], "priority": chooser.integer(-1, 2)}))}
    if kind == "choose":
        return {"choose": chooser.list_of(lambda: random_branch(chooser, names, fireable_events, depth - 1), min_size=1)}
    if kind == "score":
        return {"score": chooser.mapping(SCORES, SCORE_POINTS, min_size=1)}
    choices: dict[str, tuple[Any, ...]] = {
        "go": names.stages,
        "satisfy": SATISFACTION_GAINS,
        "tag": TAGS,
        "untag": TAGS,
        "fire": fireable_events,
    }
    choices |= {**dict.fromkeys(("opt_in", "opt_out"), (*names.channels, "all")), "offer": names.offers}
    return {kind: chooser.choice(choices[kind])}


def random_branch(chooser: Chooser, names: ScenarioNames, fireable_events: tuple[str, ...], depth: int) -> ScenarioData:
    """One outcome of `choose`."""
    return {
        "weight": chooser.choice(WEIGHTS),
        "bend": chooser.choice((0, 2, -3)),
        "effects": random_effect_list(chooser, names, fireable_events, depth),
    }


def without_kinds(original: list[ScenarioData], *kinds: str) -> list[ScenarioData]:
    """These effects without some kinds: only observed events may purchase, and a desk contacted by its own effects would never be idle."""
    chosen = [
        {"choose": [way | {"effects": without_kinds(way["effects"], *kinds)} for way in part["choose"]]} if "choose" in part else part
        for part in original
    ]
    return [part for part in chosen if not part.keys() & {*kinds}]
