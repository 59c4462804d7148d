"""Checks shared by many other checks: names exist, shares sum to 1, traits are never negative."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

from cjsim.errors import unknown_name_parts
from cjsim.scenario.kinds.registers import DeclaredEvent, DeclaredTrait
from cjsim.yaml.paths import Fault, KeyPath

SHARE_SUM_TOLERANCE = 1e-6  # absolute
MAX_NAMES = 32_000  # the log stores codes as 16-bit integers


def unknown_name_faults(path: KeyPath, name: str | None, names: Iterable[str], kind: str) -> Iterator[Fault]:
    """Yield a fault if the name does not exist. An optional name may be None."""
    if name is not None and name not in (choices := list(names)):
        yield Fault(path, *unknown_name_parts(name, choices, kind))


def unknown_key_faults(path: KeyPath, keys: Iterable[str], names: Iterable[str], kind: str) -> Iterator[Fault]:
    """Yield a fault for each key that is not an existing name."""
    choices = list(names)
    for key in keys:
        yield from (fault._replace(at=(*path, key)) for fault in unknown_name_faults(path, key, choices, kind))


def sum_faults(path: KeyPath, shares: Mapping[str, float]) -> Iterator[Fault]:
    """Yield a fault if shares do not sum to 1."""
    total = math.fsum(shares.values())
    if abs(total - 1) > SHARE_SUM_TOLERANCE:
        yield Fault(path, "must have shares that sum to 1", f"{total:.9g}", "Adjust the shares.")


def weight_faults(path: KeyPath, weights: Mapping[str, float]) -> Iterator[Fault]:
    """Yield a fault if weights are given but none is above 0."""
    if weights and not any(weights.values()):
        yield Fault(path, "must have a weight above 0", "weights of 0", "Give one of them a weight.")


def duplicate_faults(path: KeyPath, names: Iterable[str]) -> Iterator[Fault]:
    """Yield a fault for each duplicate name."""
    listed = list(names)
    for name in {name for name in listed if listed.count(name) > 1}:
        yield Fault(path, "must not contain duplicates", f"'{name}' twice", "Remove one of the two.")


def unknown_item_faults(path: KeyPath, items: Iterable[str], names: Iterable[str], kind: str) -> Iterator[Fault]:
    """Yield a fault for each item of a list that is not an existing name."""
    choices = list(names)
    for index, name in enumerate(items):
        yield from unknown_name_faults((*path, index), name, choices, kind)


def too_many_faults(path: KeyPath, names: Collection[str], at_most: int = MAX_NAMES) -> Iterator[Fault]:
    """Yield a fault if there are more names than available codes."""
    if len(names) > at_most:
        yield Fault(path, f"must have at most {at_most} names", f"{len(names)}", "Remove or merge some.")


def trait_faults(path: KeyPath, reference: str, traits: Mapping[str, DeclaredTrait]) -> Iterator[Fault]:
    """Yield a fault if a trait used as a factor or a weight does not exist or can be negative."""
    form, name = "", reference.replace(" ", "").replace("\t", "")
    if name[:2] in ("1/", "1-"):
        form, name = name[:2], name[2:]
    if name not in traits:
        yield from unknown_name_faults(path, name, traits, "trait")
        return
    low, high = traits[name].support()
    if low < 0 or (form == "1-" and high > 1) or (form == "1/" and low == high == 0):
        must = f"must be a trait for which {form or ''}{name} is never negative"
        remedy = "Use a gamma, lognormal, beta (for 1-x), uniform or fixed distribution."
        yield Fault(path, must, f"a trait with values from {low:g} to {high:g}", remedy)


def observed_faults(path: KeyPath, event: str, events: Mapping[str, DeclaredEvent]) -> Iterator[Fault]:
    """Yield a fault if the event does not exist or the firm does not observe it."""
    yield from unknown_name_faults(path, event, events, "event")
    if event in events and not events[event].observed:
        remedy = "Use another event, or remove its 'observed: false'."
        yield Fault(path, "must be an event that the firm observes", f"'{event}', which is hidden", remedy)
