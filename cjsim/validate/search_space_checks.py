"""Checks of free values and mixes: paths, bounds, steps, and validity of their values in the scenario."""

from collections.abc import Iterable, Mapping

from cjsim.errors import short_repr
from cjsim.scenario.search_space import STEP_DESCRIPTIONS, Free, Mix, axis_of, bounds_as_numbers, mix_coordinates, takes_integers_only
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import Fault, location_of, parse_path
from cjsim.yaml.tree import Node, to_tree


def space_faults(free: Mapping[str, Free], mixes: Mapping[str, Mix]) -> Iterable[Fault]:
    """Yield the faults in free values that do not depend on the scenario: invalid paths, reversed bounds, duplicate paths.

    Parameters
    ----------
    free : Mapping of str to Free
        Free values by key path.
    mixes : Mapping of str to Mix
        Mixes by name.

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
                yield Fault(("mixes", name, part), "must be a whole number, because all parts are", short_repr(amount), "Round it.")


def check_values(free: Mapping[str, Free], mixes: Mapping[str, Mix], scenario: ScenarioSpec, root: Node) -> None:
    """Raise an error if a bound, a choice, or an extreme allocation of a mix is invalid at its path.

    Parameters
    ----------
    free, mixes : Mapping
        Free values by key path and mixes by name, both valid (see `space_faults`).
    scenario : ScenarioSpec
        The scenario that the paths refer to.
    root : Node
        The tree that contains `free` and `mixes`. It provides the locations for error messages.

    Raises
    ------
    InputError
        If the scenario rejects a value. The message gives the location of the free value.
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
        yield Fault(where, "must be a path such as policy.guardrails.caps[0].at_most", short_repr(path), "Separate the keys with dots.")
        return
    for other, owner in seen.items():
        if all(
            key == other_key for key, other_key in zip(keys, parse_path(other) or (), strict=False)
        ):  # same path, or one contains the other
            yield Fault(where, "must not set a value twice", short_repr(path), f"'{owner}' already sets '{other}'. Remove one of the two.")
    seen[path] = ".".join(where)


def _bound_faults(where: tuple[str, str], value: Free) -> Iterable[Fault]:
    if value.choices is not None:
        return
    kind, low, high, step = bounds_as_numbers(value)
    got = f"low {short_repr(value.low)}, high {short_repr(value.high)}"
    if kind is None:
        must = "must have bounds of one kind: numbers, durations or times of day"
        yield Fault(where, must, got, "Write both in the format of the value.")
        return
    if not low < high:
        yield Fault((*where, "low"), "must be below 'high'", got, "Swap the bounds.")
    elif step is not None and not 0 < step <= high - low:
        must = f"must be {STEP_DESCRIPTIONS[kind]} above 0 and at most 'high' minus 'low'"
        yield Fault((*where, "step"), must, short_repr(value.step), "Choose another step.")
    elif value.log and low <= 0:
        yield Fault((*where, "low"), "must be above 0 if 'log' is true", short_repr(value.low), "Raise it, or remove 'log'.")
