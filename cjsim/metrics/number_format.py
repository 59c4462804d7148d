"""Metrics and comparisons as tables in text.

Lives here: how numbers are written. Does not live here: the numbers (estimate.py, catalog.py, compare.py).
"""

import math
from collections.abc import Sequence

from cjsim.metrics.ratios import SHARE_UNIT

SCORE_UNIT = "0 to 1"
_DECIMALS_BY_UNIT = {"days": 1, "customers": 0, SCORE_UNIT: 3}  # of a unit; 2 of any other


def format_value(value: float, unit: str, decimals: int, *, is_difference: bool = False) -> str:
    """A value as tables show it: shares in per cent, a dash where undefined.

    Parameters
    ----------
    value : float
        In its unit.
    unit : str
        Of the metric.
    decimals : int
        As `decimals_of` gives them.
    is_difference : bool
        With a plus for gains; differences of shares are in percentage points.

    Examples
    --------
    >>> format_value(0.1234, "share", 2), format_value(0.0123, "share", 2, is_difference=True)
    ('12.34 %', '+1.23 pp')
    >>> format_value(1234.56, "money", 2), format_value(math.nan, "days", 1)
    ('1,234.56', '-')
    """
    if math.isnan(value):
        return "-"
    rounded = round(100 * value if unit == SHARE_UNIT else value, decimals) + 0.0  # no minus before zero
    text = f"{rounded:{'+' if is_difference and rounded else ''},.{decimals}f}"
    return f"{text} {'pp' if is_difference else '%'}" if unit == SHARE_UNIT else text


def decimal_places(unit: str, values: Sequence[float]) -> int:
    """Decimals for values that stand in one row: the unit's own, more where the largest would have fewer than two digits.

    Parameters
    ----------
    unit : str
        Of the metric.
    values : sequence of float
        In the unit; nan counts nothing.

    Examples
    --------
    >>> decimal_places("money", [1234.5, 0.01]), decimal_places("money", [0.0412, math.nan]), decimal_places("share", [0.3, 0.0002])
    (2, 3, 2)
    """
    own = _DECIMALS_BY_UNIT.get(unit, 2)
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0) * (100 if unit == SHARE_UNIT else 1)
    return own if largest == 0 else min(6, max(own, 1 - math.floor(math.log10(largest))))


def format_interval(low: float, high: float, unit: str, decimals: int, *, is_difference: bool = False) -> str:
    """An interval as tables show it.

    Parameters
    ----------
    low, high : float
        In the unit.
    unit : str
        Of the metric.
    decimals : int
        As `decimals_of` gives them.
    is_difference : bool
        Of a difference.
    """
    return (
        ""
        if math.isnan(low)
        else f"[{format_value(low, unit, decimals, is_difference=is_difference)}, {format_value(high, unit, decimals, is_difference=is_difference)}]"
    )
