"""Warnings about winning values at the bounds of their search."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from cjsim.scenario.phrases import format_number
from cjsim.scenario.search_space import Free, Mix, axis_of, bounds_as_numbers
from cjsim.tuning.study import Study

MAX_DISTANCE = 0.02  # from a bound, as a share of the range (on a log scale, of its logarithm)


def bound_warnings(study: Study, params: Mapping[str, Any]) -> list[str]:
    """Return a warning for each winning value that is close to a bound (at a distance of at most 2 % of the range).

    Better values may lie beyond the bound.

    Parameters
    ----------
    study : Study
        The study.
    params : Mapping of str to Any
        The winning values by path.

    Returns
    -------
    list of str
        Warnings, each starting with a path. Choices have no bounds.
    """
    found = [warning for path, free in study.free.items() if path in params for warning in _free_warnings(path, free, params[path])]
    return found + [warning for mix in study.mixes.values() for warning in _mix_warnings(mix, params)]


def _free_warnings(path: str, free: Free, value: Any) -> Iterator[str]:
    if free.choices is not None:
        return
    coordinate = axis_of(path, free).coordinate
    low, high, at = coordinate.at(0.0), coordinate.at(1.0), bounds_as_numbers(Free(low=value, high=value)).low
    position = _position(low, high, at, is_log=coordinate.log)
    for name, bound, distance in (("lower", free.low, position), ("upper", free.high, 1 - position)):
        if distance <= MAX_DISTANCE:
            yield (
                f"{path}: the best value ({_text(value)}) is at the {name} bound of the search ({_text(bound)}), so better values may lie "
                f"beyond it. {'Lower' if name == 'lower' else 'Raise'} the bound, if such values are possible, and search again."
            )


def _position(low: float, high: float, at: float, *, is_log: bool) -> float:
    """Return the position of a value between its bounds: 0 at the lower, 1 at the upper, and 0.5 if both are equal."""
    if is_log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return (at - low) / (high - low) if high > low else 0.5


def _mix_warnings(mix: Mix, params: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each part of a mix that gets its minimum, unless that is 0."""
    divisible = mix.total - mix.at_least * len(mix.of)
    for path in mix.of:
        if mix.at_least and path in params and params[path] - mix.at_least <= MAX_DISTANCE * divisible:
            yield (
                f"{path}: the best amount ({_text(params[path])}) is at the minimum of its mix ({_text(mix.at_least)}), so less may be "
                "better. Lower 'at_least', and search again."
            )


def _text(value: Any) -> str:
    return format_number(value) if isinstance(value, float) else str(value)
