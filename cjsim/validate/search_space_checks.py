"""Free values: which values of a scenario may be chosen, between which bounds, and the space that they span. (part)."""

from collections.abc import Iterable, Mapping

from cjsim.errors import short_repr
from cjsim.scenario.search_space import _STEPS, Free, Mix, _axis, _bounds_as_numbers, _mix_coordinates, _takes_integers_only
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import Fault, location_of, parse_path
from cjsim.yaml.tree import Node, to_tree


def space_faults(free: Mapping[str, Free], mixes: Mapping[str, Mix]) -> Iterable[Fault]:
    """What is wrong with free values as such: no paths, bounds the wrong way round, paths set twice.

    Parameters
    ----------
    free : Mapping of str to Free
        By path.
    mixes : Mapping of str to Mix
        By name.
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
            if amount != round(amount) and all(map(_takes_integers_only, mix.of)):
                yield Fault(("mixes", name, part), "must be a whole number, as its parts are", short_repr(amount), "Round it.")


def check_values(free: Mapping[str, Free], mixes: Mapping[str, Mix], scenario: ScenarioSpec, root: Node) -> None:
    """Refuse what cannot stand at its path: bounds, choices, a mix of which one part gets all.

    Parameters
    ----------
    free, mixes : Mapping
        Without faults of their own (`space_faults`).
    scenario : ScenarioSpec
        Whose paths they are.
    root : Node
        The tree in which `free` and `mixes` were written: where a message points.

    Raises
    ------
    InputError
        The message is the scenario's own, about the value, at the place where it was written.
    """
    for path, value in free.items():
        axis = _axis(path, value)
        tried = axis.choices or (axis.value(axis.coordinate.low), axis.value(axis.coordinate.high))
        place = location_of(root, ("free", path))
        for one in tried:
            scenario.with_values({name: to_tree(one, place) for name in axis.paths})
    for name, mix in mixes.items():
        place = location_of(root, ("mixes", name))
        blend = _mix_coordinates(name, mix)
        for most in range(len(mix.of)):
            parts = blend.values([float(i == most) for i in range(len(mix.of) - 1)])
            scenario.with_values({path: to_tree(one, place) for path, one in zip(mix.of, parts, strict=True)})


def _duplicate_path_faults(where: tuple[str, str], path: str, seen: dict[str, str]) -> Iterable[Fault]:
    keys = parse_path(path)
    if keys is None:
        yield Fault(where, "must be a path such as policy.guardrails.caps[0].at_most", short_repr(path), "Separate keys by dots.")
        return
    for other, place in seen.items():
        if all(mine == its for mine, its in zip(keys, parse_path(other) or (), strict=False)):  # the same, or one within the other
            yield Fault(where, "must not set what is set elsewhere", short_repr(path), f"'{other}' is free in '{place}' already.")
    seen[path] = ".".join(where)


def _bound_faults(where: tuple[str, str], value: Free) -> Iterable[Fault]:
    if value.choices is not None:
        return
    (kind, numbers), said = _bounds_as_numbers(value), f"low {short_repr(value.low)}, high {short_repr(value.high)}"
    if kind is None:
        must = "must have bounds of one kind: numbers, durations or times of day"
        yield Fault(where, must, said, "Write both as the value is written.")
        return
    low, high, step = numbers
    if not low < high:
        yield Fault((*where, "low"), "must be below 'high'", said, "Exchange the bounds.")
    elif step is not None and not 0 < step <= high - low:
        must = f"must be {_STEPS[kind]} above 0 and at most from 'low' to 'high'"
        yield Fault((*where, "step"), must, short_repr(value.step), "Give such a step.")
    elif value.log and low <= 0:
        yield Fault((*where, "low"), "must be above 0 beside 'log'", short_repr(value.low), "Raise it, or leave out 'log'.")
