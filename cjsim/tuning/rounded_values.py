"""Rounds the winning values to convenient ones, such as 13d 18h 28min to 14d."""

import math
from collections.abc import Mapping
from typing import Any

from cjsim.scenario.fields import hour_text, parse_duration, parse_hour
from cjsim.scenario.search_space import Axis, axis_of
from cjsim.tuning.study import Study

# Durations of at least this many days are rounded to a multiple of this many units. Shorter durations keep their seconds.
_DURATION_UNITS = ((2.0, 1, "d"), (2 / 24, 1, "h"), (0.5 / 24, 15, "min"), (2 / 1440, 1, "min"))
_MINUTES = 15  # for times of day
_SHARE_STEP, _NARROW_SHARE_STEP, _NARROW = 0.01, 0.001, 0.1
_STEPS_PER_RANGE = 100  # for other numbers: at least this many steps between the bounds


def rounded_values(study: Study, params: Mapping[str, Any]) -> dict[str, Any]:
    """Round the values of a study that have no step: shares to 1 percentage point, durations to days, hours or quarter hours, and so on.

    Parameters
    ----------
    study : Study
        The study. Whole numbers, choices, values with a `step` and parts of mixes are not rounded.
    params : Mapping of str to Any
        Values by path.

    Returns
    -------
    dict of str to Any
        All values by path, within their bounds.
    """
    found = dict(params)
    for path, free in study.free.items():
        if free.choices is None and free.step is None and path in params:
            rounded = _rounded(axis_of(path, free), params[path])
            found |= {one: rounded for one in (path, *free.also) if one in params}
    return found


def _rounded(axis: Axis, value: Any) -> Any:
    """Return the rounded value, or the value as written if rounding changes nothing or would leave the bounds."""
    low, high = axis.coordinate.low, axis.coordinate.high
    if axis.kind == "duration":
        text = _rounded_duration(value)
        days = parse_duration(text)
        return text if low <= days <= high and not math.isclose(days, parse_duration(value)) else value
    if axis.kind == "hour":
        minutes = _MINUTES * round(parse_hour(value) * 60 / _MINUTES)
        return hour_text(minutes / 60) if low <= minutes <= high else value
    if axis.kind == "real":
        step = _number_step(low, high)
        number = float(f"{round(value / step) * step:.12g}")
        return number if low <= number <= high else value
    return value


def _rounded_duration(text: str) -> str:
    days = parse_duration(text)
    for least, count, unit in _DURATION_UNITS:
        if days >= least:
            return f"{count * round(days / (count * parse_duration(f'1{unit}')))}{unit}"
    return text


def _number_step(low: float, high: float) -> float:
    """Return the rounding step: 0.01 or 0.001 for shares, otherwise a power of ten that divides the range into at least 100 steps."""
    if low >= 0 and high <= 1:
        return _SHARE_STEP if high - low >= _NARROW else _NARROW_SHARE_STEP
    return float(10.0 ** math.floor(math.log10((high - low) / _STEPS_PER_RANGE)))
