"""Formatting of effects, values and intervals in a readout."""

import math

from cjsim.metrics.number_format import decimal_places, format_value

SHARE, MONEY, PLAIN = "share", "money", "outcome"
_MAX_DECIMALS = 4


def unit_of(kind: str) -> str:
    """Return the unit of a kind of outcome: shares for binary outcomes, otherwise the unit of the column."""
    return SHARE if kind == "binary" else PLAIN


def format_estimate(estimate: float, low: float, high: float, unit: str, *, is_difference: bool = True) -> str:
    """Format an estimate and its interval, rounded to two significant digits of the interval's half-width.

    Parameters
    ----------
    estimate, low, high : float
        Estimate and interval, in the unit.
    unit : str
        Unit of the value.
    is_difference : bool
        Whether the value is a difference, which is shown with its sign.

    Returns
    -------
    str

    Examples
    --------
    >>> format_estimate(0.0766, 0.0699, 0.0832, "share")
    '+7.66 pp [+6.99, +8.32]'
    >>> format_estimate(0.77, 0.486, 1.054, "outcome", is_difference=False)
    '0.77 [0.49, 1.05]'
    """
    half = (high - low) / 2
    decimals = min(_MAX_DECIMALS, decimal_places(unit, [half if math.isfinite(half) else estimate]))
    ends = (_bare(end, unit, decimals, is_difference=is_difference) for end in (low, high))
    return f"{format_value(estimate, unit, decimals, is_difference=is_difference)} [{', '.join(ends)}]"


def _bare(value: float, unit: str, decimals: int, *, is_difference: bool) -> str:
    """Format a value without its unit."""
    if math.isinf(value):
        return "no limit"
    return format_value(value, unit, decimals, is_difference=is_difference).removesuffix(" pp").removesuffix(" %")


def format_relative(value: float, low: float, high: float) -> str:
    """Format a relative effect as a percentage of the mean, with its interval.

    Parameters
    ----------
    value, low, high : float
        Ratio and its Fieller interval.

    Returns
    -------
    str

    Examples
    --------
    >>> format_relative(0.7214, 0.64, 0.81), format_relative(0.5, -0.1, float("inf"))
    ('+72 % [+64, +81]', '+50 % [-10, no limit]')
    """
    if math.isnan(value):
        return "-"
    ends = ("no limit" if math.isinf(end) else f"{100 * end:+.0f}" for end in (low, high))
    return f"{100 * value:+.0f} % [{', '.join(ends)}]"
