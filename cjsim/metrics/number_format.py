"""Text formats for metric values, differences and intervals."""

import math
from collections.abc import Sequence

from cjsim.metrics.ratios import SHARE_UNIT

SCORE_UNIT = "0 to 1"
_LARGEST_WITH_CENTS, _MOST_DECIMALS = 10_000, 6
_DECIMALS_BY_UNIT = {"days": 1, "customers": 0, SCORE_UNIT: 3}  # 2 for other units


def format_value(value: float, unit: str, decimals: int, *, is_difference: bool = False) -> str:
    """Format a value. Shares are shown as percentages, and undefined values as a dash.

    Parameters
    ----------
    value : float
        Value in the unit of the metric.
    unit : str
        Unit of the metric.
    decimals : int
        Number of decimals; see `decimal_places`.
    is_difference : bool
        Whether the value is a difference. Differences have a sign, and differences of shares are in percentage points.

    Returns
    -------
    str

    Examples
    --------
    >>> format_value(0.1234, "share", 2), format_value(0.0123, "share", 2, is_difference=True)
    ('12.34 %', '+1.23 pp')
    >>> format_value(1234.56, "money", 2), format_value(math.nan, "days", 1)
    ('1,234.56', '-')
    """
    if math.isnan(value):
        return "-"
    rounded = round(100 * value if unit == SHARE_UNIT else value, decimals) + 0.0  # avoids -0
    decimals = 0 if rounded == 0 and decimals == _MOST_DECIMALS else decimals  # no row of zeros
    text = f"{rounded:{'+' if is_difference and rounded else ''},.{decimals}f}"
    return f"{text} {'pp' if is_difference else '%'}" if unit == SHARE_UNIT else text


def decimal_places(unit: str, values: Sequence[float]) -> int:
    """Return the number of decimals for the values in a row: the unit's default, or more if two digits of the largest value need them.

    Parameters
    ----------
    unit : str
        Unit of the metric.
    values : sequence of float
        Values in the unit of the metric; nan is ignored.

    Returns
    -------
    int
        From 0 to 6.

    Examples
    --------
    >>> decimal_places("money", [12345.6, 0.01]), decimal_places("money", [0.0412, math.nan]), decimal_places("share", [0.3, 0.0002])
    (0, 3, 2)
    """
    unit_decimals = _DECIMALS_BY_UNIT.get(unit, 2)
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0) * (100 if unit == SHARE_UNIT else 1)
    if unit == "money" and largest >= _LARGEST_WITH_CENTS:
        return 0
    return unit_decimals if largest == 0 else min(_MOST_DECIMALS, max(unit_decimals, 1 - math.floor(math.log10(largest))))


def format_relative(value: float) -> str:
    """Format a relative change with two digits.

    Examples
    --------
    >>> format_relative(0.0574), format_relative(-0.273), format_relative(1.5), format_relative(0.00012)
    ('+5.7 %', '-27 %', '+150 %', '+0.012 %')
    """
    percent = 100 * value
    decimals = 0 if percent == 0 else max(1 - math.floor(math.log10(abs(percent))), 0)
    return f"{percent:+,.{min(decimals, 6)}f} %"


def format_interval(low: float, high: float, unit: str, decimals: int, *, is_difference: bool = False) -> str:
    """Format an interval. An undefined interval gives an empty string.

    Parameters
    ----------
    low, high : float
        Ends of the interval in the unit of the metric.
    unit : str
        Unit of the metric.
    decimals : int
        Number of decimals; see `decimal_places`.
    is_difference : bool
        Whether the interval is that of a difference.

    Returns
    -------
    str
    """
    if math.isnan(low):
        return ""
    ends = (format_value(end, unit, decimals, is_difference=is_difference) for end in (low, high))
    return f"[{', '.join(ends)}]"
