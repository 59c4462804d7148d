"""Lint warnings and notes about prices, discounts and costs whose size the modeled customers do not respond to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from cjsim.scenario.search_space import Free, Mix
from cjsim.yaml.paths import KeyPath, parse_path, path_text

# Values of a journey that affect only money: customers respond to receiving a message or an offer, not to these amounts.
_MONEY_KEYS = frozenset({"discount", "amount", "cost", "click_cost", "margin", "value"})


def free_value_warnings(free: Mapping[str, Free], mixes: Mapping[str, Mix], journey: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each free value of the journey whose size does not affect what customers do.

    Parameters
    ----------
    free : Mapping of str to Free
        Free values by key path.
    mixes : Mapping of str to Mix
        Mixes by name.
    journey : Mapping
        Plain data of the journey, whose events may respond to prices by their `demand`.

    Yields
    ------
    str
    """
    listed = [(f"free.{name}", path) for name, one in free.items() for path in (name, *one.also)]
    listed += [(f"mixes.{name}", path) for name, mix in mixes.items() for path in mix.of]
    for place, path in listed:
        steps = parse_path(path) or ()
        keys = [key for key in steps if isinstance(key, str)]
        if keys[:1] == ["journey"] and any(key in _MONEY_KEYS for key in keys[3:]) and not _is_answered(steps, journey):
            what = "the size of an offer" if keys[1] == "offers" else "this value"
            yield (
                f"{place}: in the model, customers do not respond to {what}, so the search moves it to its most profitable bound. "
                f"{_remedy(steps)}"
            )


def _remedy(path: KeyPath) -> str:
    """What to do about a free value whose size does not affect customers."""
    if not _is_size(path):
        return "Compare scenarios whose lifts or 'redeems' change with it, or fix its value."
    response = "'demand'" if path[1] == "offers" else "'demand' with a 'reference_price'"
    return f"Give an event {response}, or fix the value."


def notes_on_differing_sizes(documents: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return a note for each price or discount that differs from its value in the first scenario.

    Parameters
    ----------
    documents : Sequence of Mapping
        Plain data of scenarios, the baseline first.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> journeys = [{"journey": {"offers": {"ten": {"discount": share}}}} for share in (0.1, 0.2)]
    >>> notes_on_differing_sizes(journeys)
    ('assumed: customers do not respond to the size of journey.offers.ten.discount',)
    """
    first, noted = documents[0], []
    for other in documents[1:]:
        paths = (path_text(path) for path in _differing_sizes(first, other, ()))
        # A difference needs a note unless customers respond to it in both scenarios.
        noted += [path for path in paths if notes_on_sizes([path], first["journey"]) or notes_on_sizes([path], other["journey"])]
    return notes_on_sizes(noted, {})


def notes_on_sizes(paths: Iterable[str], journey: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one note for each distinct path that is the size of a price or a discount to which customers do not respond.

    Parameters
    ----------
    paths : iterable of str
        Paths of a scenario.
    journey : Mapping
        Plain data of the journey, whose events may respond to prices by their `demand`.

    Returns
    -------
    tuple of str
    """
    parsed = {path: parse_path(path) or () for path in paths}
    sizes = (path for path, keys in parsed.items() if _is_size(keys) and not _is_answered(keys, journey))
    return tuple(f"assumed: customers do not respond to the size of {path}" for path in sizes)


def _is_answered(path: KeyPath, journey: Mapping[str, Any]) -> bool:
    """Whether the `demand` of an event responds to a discount, or to the value of a purchase relative to its reference price."""
    demands = {name: event["demand"] for name, event in journey.get("events", {}).items() if event.get("demand")}
    if not _is_size(path):
        return False
    if path[1] == "offers":
        return bool(demands)
    return any(
        demand.get("reference_price") is not None and path[1:3] == ("events", demand.get("purchase") or name)
        for name, demand in demands.items()
    )


def _is_size(path: KeyPath) -> bool:
    """Whether a path is the discount of an offer, or the value of a purchase or a parameter of its distribution."""
    is_offer = path[:2] == ("journey", "offers") and path[3:] in (("discount",), ("amount",))
    return is_offer or (path[:1] == ("journey",) and ("purchase", "value") in pairwise(path))


def _differing_sizes(one: Any, other: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the paths of prices and discounts that differ. Lists of different lengths are not compared."""
    if one == other:
        return
    if _is_size(path):
        yield path
    elif isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys((*one, *other)):
            if (key in one and key in other) or _is_size((*path, key)):
                yield from _differing_sizes(one.get(key), other.get(key), (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from _differing_sizes(*pair, (*path, i))
