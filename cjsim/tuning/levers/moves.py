"""The levers of a scenario, with one step up and one step down for each.

Policy values are decisions of the firm. Durations are halved and doubled. Times of day move by two hours within the day, integers below 15
by 1, larger integers by 10 %, shares by 0.1, and all other numbers by 20 %. Switches are flipped. Flows and broadcasts get the highest or
the lowest priority, or are switched off. Steps that customers can notice (`send`, `offer`, `ask`) are removed.

Journey values are assumptions. They move by 20 %, except integers, which move as in policies.

Shares that sum to 1 are rescaled proportionally. Fields that are missing from the file are not levers, except for `every_weeks`, `holdout`
and `best_hour`, whose defaults are decisions too. Durations and numbers equal to 0 are not levers, because their step would be 0.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from cjsim.scenario.fields import hour_text, parse_duration, parse_hour
from cjsim.scenario.kinds.steps import Step
from cjsim.scenario.traversal import NEVER_CONDITION, iterate_steps, policy_steps
from cjsim.simulation.documents import Scenario
from cjsim.tuning.levers.titles import MAX_PRIORITY, lever_title
from cjsim.yaml.paths import KeyPath, existing_node, path_text
from cjsim.yaml.tree import Node, to_tree

MoveKind = Literal["duration", "hour", "whole", "share", "number", "switch", "rank", "onoff", "step", "scenario"]

ALWAYS_CONDITION = "day >= 0"
_MOVABLE_DEFAULTS = ("every_weeks", "holdout", "best_hour")
# Attributes and activity hours are facts about customers. Moments and stages define metrics.
_FIXED_JOURNEY_PARTS = ("activity", "attributes", "moments", "stages")
_HOUR_STEP, _SHARE_STEP, _RELATIVE_STEP = 2.0, 0.1, 0.2
_RELATIVE_STEP_FROM = 15  # integers of at least this value move by 10 %
_NUMERIC_TYPES = (bool, int, float)
_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))  # seconds


class Move(NamedTuple):
    """A change to one lever in one direction.

    Attributes
    ----------
    path : str
        Path of the lever, or the name of another scenario.
    title : str
        Title of the lever.
    kind : str
        Kind of value.
    before, after : Any
        Values in file notation.
    values : Mapping of str to Any
        Values by path that make this move, as `with_values` and `--set` accept them.
    direction : int
        1 for up, -1 for down, 0 if the values have no order.
    """

    path: str
    title: str
    kind: MoveKind
    before: Any
    after: Any
    values: Mapping[str, Any]
    direction: int = 0


class Leaf(NamedTuple):
    """A number, duration (days), time of day (hours), share or Boolean in a record."""

    path: KeyPath
    kind: MoveKind
    value: float
    low: float
    high: float
    has_open_bounds: bool  # whether the bounds themselves are excluded
    is_written: bool  # whether the file contains it


def list_moves(scenario: Scenario, *, journey: bool = False) -> list[Move]:
    """Return all moves of all levers, in the order of the file. Moves are not validated.

    Parameters
    ----------
    scenario : Scenario
        Scenario with the levers.
    journey : bool
        Whether to include the levers of the journey.
    """
    root = scenario.source()
    moves = [*_policy_moves(scenario, root), *_structural_moves(scenario)]
    if journey:
        for leaf in iterate_leaves(scenario.journey, ("journey",)):
            if leaf.path[1] not in _FIXED_JOURNEY_PARTS and leaf.is_written and leaf.kind not in ("switch", "rank"):
                moves += _leaf_moves(leaf, _journey_targets(leaf), scenario, root)
    return moves


def iterate_leaves(record: BaseModel, path: KeyPath) -> Iterator[Leaf]:
    """Iterate over the leaves of a record and its nested records, in field order. Lists of plain numbers are skipped.

    Parameters
    ----------
    record : BaseModel
        A journey, a policy, or part of one.
    path : KeyPath
        Path of the record.
    """
    hints = _type_hints(type(record))
    for name, field in type(record).model_fields.items():
        value, where = getattr(record, name), (*path, field.alias or name)
        yield from _leaves_in_value(value, hints[name], where, is_written=name in record.model_fields_set)


def _policy_moves(scenario: Scenario, root: Node) -> Iterator[Move]:
    policy = scenario.policy
    for leaf in iterate_leaves(policy, ("policy",)):
        name = leaf.path[-1]
        if leaf.path[1] == "costs":  # prices, not decisions
            continue
        if not leaf.is_written and name not in _MOVABLE_DEFAULTS:
            continue
        if name == "holdout" and leaf.path[1] != "guardrails" and leaf.value == 0:
            continue  # such a flow or broadcast has a move that switches it off
        if name == "every_weeks" and model_value_at(policy, leaf.path[1:-1]).dates:  # the record of `every_weeks` is a schedule
            continue
        if leaf.kind == "rank" and len(policy.flows) + len(policy.broadcasts) < 2:
            continue
        yield from _leaf_moves(leaf, _policy_targets(leaf), scenario, root)


def _structural_moves(scenario: Scenario) -> Iterator[Move]:
    """Yield moves that switch off flows and broadcasts, and moves that remove steps."""
    policy, root = scenario.policy, to_tree(scenario, "levers")
    actors: dict[str, Mapping[str, Any]] = {"flows": policy.flows, "broadcasts": policy.broadcasts}
    for group, named in actors.items():
        for name in named:
            path: KeyPath = ("policy", group, name)
            yield Move(path_text(path), lever_title(scenario, path), "onoff", "on", "off", {path_text((*path, "if")): NEVER_CONDITION})
    for here, step in policy_steps(policy):
        siblings = existing_node(root, ("policy", *here[:-1])).plain()
        if not step.is_noticed or _is_only_noticed_step(policy.flows[str(here[1])].steps, step):
            continue
        path, rest = ("policy", *here), [one for i, one in enumerate(siblings) if i != here[-1]]
        yield Move(path_text(path), lever_title(scenario, path), "step", step.lever_phrase(), "left out", {path_text(path[:-1]): rest})


def _is_only_noticed_step(steps: tuple[Step, ...], step: Step) -> bool:
    """Return whether a step is the only one in its flow that customers can notice. Removing it is equivalent to switching off the flow."""
    noticed = [one for _, one in iterate_steps(steps, ()) if one.is_noticed]
    return len(noticed) == 1 and noticed[0] is step


def _leaf_moves(leaf: Leaf, targets: list[float], scenario: Scenario, root: Node) -> Iterator[Move]:
    """Yield a move to each target that still differs from the current value after clamping to the bounds."""
    before = _file_value(leaf.kind, leaf.value)
    for target in targets:
        after = _file_value(leaf.kind, _clamp(leaf, target))
        if after != before:
            is_mixture = leaf.path[-1] == "share"  # one of several shares that sum to 1
            values = _rebalanced_shares(leaf, float(after), scenario) if is_mixture else {leaf.path: after}
            if values:
                settable = {
                    name: one for path, value in values.items() for name, one in _settable_values(scenario, root, path, value).items()
                }
                direction = 0 if leaf.kind == "switch" else 1 if target > leaf.value else -1
                yield Move(path_text(leaf.path), lever_title(scenario, leaf.path), leaf.kind, before, after, settable, direction)


def _policy_targets(leaf: Leaf) -> list[float]:
    """Return the target values of a policy lever."""
    value = leaf.value
    if leaf.kind == "switch":
        return [1.0 - value]
    if leaf.kind == "rank":
        return [-MAX_PRIORITY, MAX_PRIORITY]
    if leaf.kind == "duration":
        return [value / 2, value * 2] if value else []
    if leaf.kind == "whole":
        return _whole_number_targets(value)
    step = {"hour": _HOUR_STEP, "share": _SHARE_STEP}.get(leaf.kind, _RELATIVE_STEP * value)
    return [value - step, value + step]


def _journey_targets(leaf: Leaf) -> list[float]:
    """Return the target values of a journey lever."""
    if leaf.kind == "whole":
        return _whole_number_targets(leaf.value)
    return [(1 - _RELATIVE_STEP) * leaf.value, (1 + _RELATIVE_STEP) * leaf.value]


def _whole_number_targets(value: float) -> list[float]:
    step = 1 if value < _RELATIVE_STEP_FROM else round(value / 10)
    return [value - step, value + step]


def _clamp(leaf: Leaf, target: float) -> float:
    """Clamp a target to the bounds. If the bound is excluded, go halfway to it."""
    if leaf.low < target < leaf.high or (not leaf.has_open_bounds and leaf.low <= target <= leaf.high):
        return target
    bound = leaf.low if target <= leaf.low else leaf.high
    return (leaf.value + bound) / 2 if leaf.has_open_bounds else bound


def _file_value(kind: MoveKind, value: float) -> Any:
    """Convert a value to file notation."""
    if kind == "duration":
        seconds = round(value * 86_400)
        seconds = seconds if seconds < 7_200 else 60 * round(seconds / 60)
        if seconds > 2 * 86_400 and seconds % 86_400:
            return f"{round(seconds / 86_400, 2):g}d"
        unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
        return f"{seconds // size}{unit}"
    if kind == "hour":
        return hour_text(value)
    if kind == "switch":
        return bool(value)
    return round(value) if kind in ("whole", "rank") else float(f"{value:.10g}")


def _rebalanced_shares(leaf: Leaf, share: float, scenario: Scenario) -> dict[KeyPath, float]:
    """Return a new share and its proportionally rescaled siblings; empty if the siblings are all 0."""
    above, name = leaf.path[:-2], leaf.path[-2]
    named: Mapping[str, Any] = model_value_at(scenario, above)
    others = math.fsum(one.share for key, one in named.items() if key != name)
    if others == 0:
        return {}
    shares = {key: share if key == name else one.share * (1 - share) / others for key, one in named.items()}
    return {(*above, key, "share"): float(f"{one:.12g}") for key, one in shares.items()}


def _settable_values(scenario: Scenario, root: Node, path: KeyPath, value: Any) -> dict[str, Any]:
    """Return values by path that set `value` at `path`. Records in short form are replaced as a whole."""
    node: Node | None = root
    for depth, key in enumerate(path):
        child = None if node is None else node.child(key)
        short = node is not None and not isinstance(node.value, (dict, list))
        if short or (child is None and any(isinstance(one, int) for one in path[depth:])):
            full = to_tree(model_value_at(scenario, path[:depth]), "levers").plain()
            _set_plain_value(full, path[depth:], value)
            return {path_text(path[:depth]): full}
        node = child
    return {path_text(path): value}


def _set_plain_value(data: Any, path: KeyPath, value: Any) -> None:
    """Set a value at a path in plain data, in place."""
    for i, key in enumerate(path[:-1]):
        data = data[key] if isinstance(key, int) else data.setdefault(key, [] if isinstance(path[i + 1], int) else {})
    data[path[-1]] = value


def model_value_at(record: Any, path: KeyPath) -> Any:
    """Return the value at a path through nested records.

    Parameters
    ----------
    record : record
        The record at the root.
    path : KeyPath
        Keys as in a file, below the record.

    Returns
    -------
    Any
    """
    for key in path:
        if isinstance(record, BaseModel):
            names = {field.alias or name: name for name, field in type(record).model_fields.items()}
            record = getattr(record, names[str(key)])
        else:
            record = record[key]
    return record


@cache
def _type_hints(model: type[BaseModel]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


def _leaves_in_value(value: Any, annotation: Any, path: KeyPath, *, is_written: bool) -> Iterator[Leaf]:
    if isinstance(value, BaseModel):
        yield from iterate_leaves(value, path)
    elif isinstance(value, Mapping):
        item_type = next(get_args(one)[1] for one in _union_members(annotation) if get_origin(one) is dict)
        for key, item in value.items():
            yield from _leaves_in_value(item, item_type, (*path, key), is_written=is_written)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            if isinstance(item, BaseModel):
                yield from iterate_leaves(item, (*path, index))
    elif isinstance(value, (bool, int, float)):
        for member in _union_members(annotation):
            if _bare_type(member) in _NUMERIC_TYPES:
                yield _make_leaf(member, value, path, is_written=is_written)
                return


def _union_members(annotation: Any) -> list[Any]:
    """Return the types allowed by an annotation, each with its constraints."""
    if get_origin(annotation) is Annotated and _bare_type(annotation) not in _NUMERIC_TYPES:
        return _union_members(get_args(annotation)[0])
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return [member for one in get_args(annotation) for member in _union_members(one)]
    return [annotation]


def _bare_type(member: Any) -> Any:
    return get_args(member)[0] if get_origin(member) is Annotated else member


def _make_leaf(member: Any, value: float, path: KeyPath, *, is_written: bool) -> Leaf:
    constraints = [one for part in get_args(member)[1:] for one in (part.metadata if isinstance(part, FieldInfo) else [part])]
    parsers = {one.func for one in constraints if isinstance(one, BeforeValidator)}
    bounds = {name: getattr(one, name) for one in constraints for name in ("ge", "gt", "le", "lt") if hasattr(one, name)}
    low, high = bounds.get("ge", bounds.get("gt", -math.inf)), bounds.get("le", bounds.get("lt", math.inf))
    is_open = "gt" in bounds or "lt" in bounds
    kind: MoveKind = "number"
    if parse_duration in parsers:
        kind, low = "duration", 1 / 86_400
    elif parse_hour in parsers:
        kind, low, high = "hour", 0.0, 24.0
    elif _bare_type(member) is bool:
        kind, low, high = "switch", 0.0, 1.0
    elif _bare_type(member) is int:
        kind = "rank" if (low, high) == (-MAX_PRIORITY, MAX_PRIORITY) else "whole"
    elif (low, high) == (0, 1):
        kind = "share"
    return Leaf(path, kind, float(value), low, high, is_open, is_written)
