"""Checks of free values and mixes: paths, bounds, steps, and whether their values are valid in the scenario."""

from collections.abc import Iterable, Mapping

from cjsim.errors import short_repr
from cjsim.scenario.search_space import STEP_DESCRIPTIONS, Free, Mix, axis_of, bounds_as_numbers, mix_coordinates, takes_integers_only
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import Fault, location_of, parse_path
from cjsim.yaml.tree import Node, to_tree


def space_faults(free: Mapping[str, Free], mixes: Mapping[str, Mix]) -> Iterable[Fault]:
    """Yield what is wrong with free values on their own: invalid paths, reversed bounds, paths set twice.

    Parameters
    ----------
    free : Mapping of str to Free
        By path.
    mixes : Mapping of str to Mix
        By name.

    Yields
    ------
    Fault
    """
    seen: dict[str, str] = {}
    for path, value in free.items():
        for name in (path, *value.also):
            yield from _duplicate_path_faults(("free", path), name, seen)
        yield from _bound_faults(("free", path), value)
    for name, mix in mixes.items():
        for path in mix.of:
            yield from _duplicate_path_faults(("mixes", name), path, seen)
        for part, amount in (("total", mix.total), ("at_least", mix.at_least)):
            if amount != round(amount) and all(map(takes_integers_only, mix.of)):
                yield Fault(("mixes", name, part), "must be a whole number, as its parts are", short_repr(amount), "Round it.")


def check_values(free: Mapping[str, Free], mixes: Mapping[str, Mix], scenario: ScenarioSpec, root: Node) -> None:
    """Raise if a value is invalid at its path: a bound, a choice, or a mix whose whole total goes to one part.

    Parameters
    ----------
    free, mixes : Mapping
        Free of faults (`space_faults`).
    scenario : ScenarioSpec
        The scenario that the paths refer to.
    root : Node
        The tree that contains `free` and `mixes`; error messages take locations from it.

    Raises
    ------
    InputError
        The error of the scenario about the value, with the location of the free value.
    """
    for path, value in free.items():
        axis = axis_of(path, value)
        candidates = axis.choices or (axis.value(axis.coordinate.low), axis.value(axis.coordinate.high))
        location = location_of(root, ("free", path))
        for candidate in candidates:
            scenario.with_values({name: to_tree(candidate, location) for name in axis.paths})
    for name, mix in mixes.items():
        location = location_of(root, ("mixes", name))
        coordinates = mix_coordinates(name, mix)
        for favored in range(len(mix.of)):
            amounts = coordinates.values([float(i == favored) for i in range(len(mix.of) - 1)])
            scenario.with_values({path: to_tree(amount, location) for path, amount in zip(mix.of, amounts, strict=True)})


def _duplicate_path_faults(where: tuple[str, str], path: str, seen: dict[str, str]) -> Iterable[Fault]:
    keys = parse_path(path)
    if keys is None:
        yield Fault(where, "must be a path such as policy.guardrails.caps[0].at_most", short_repr(path), "Separate keys by dots.")
        return
    for other, owner in seen.items():
        if all(
            key == other_key for key, other_key in zip(keys, parse_path(other) or (), strict=False)
        ):  # the same path, or one inside the other
            yield Fault(where, "must not set what is set elsewhere", short_repr(path), f"'{other}' is free in '{owner}' already.")
    seen[path] = ".".join(where)


def _bound_faults(where: tuple[str, str], value: Free) -> Iterable[Fault]:
    if value.choices is not None:
        return
    kind, low, high, step = bounds_as_numbers(value)
    got = f"low {short_repr(value.low)}, high {short_repr(value.high)}"
    if kind is None:
        must = "must have bounds of one kind: numbers, durations or times of day"
        yield Fault(where, must, got, "Write both as the value is written.")
        return
    if not low < high:
        yield Fault((*where, "low"), "must be below 'high'", got, "Exchange the bounds.")
    elif step is not None and not 0 < step <= high - low:
        must = f"must be {STEP_DESCRIPTIONS[kind]} above 0 and at most from 'low' to 'high'"
        yield Fault((*where, "step"), must, short_repr(value.step), "Give such a step.")
    elif value.log and low <= 0:
        yield Fault((*where, "low"), "must be above 0 beside 'log'", short_repr(value.low), "Raise it, or leave out 'log'.")
