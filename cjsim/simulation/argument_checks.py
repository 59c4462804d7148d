"""Checks of numbers that users pass as arguments."""

import math
import operator
from numbers import Real

from cjsim.errors import InputError, format_error, short_repr


def checked_integer(name: str, value: int, low: int, high: int) -> int:
    """Return a whole number as int. numpy integers are accepted; bool is not.

    Parameters
    ----------
    name : str
        Name of the argument, for the error message.
    value : int
        The number.
    low, high : int
        Smallest and largest allowed value.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If the value is not a whole number in this range.
    """
    try:
        whole = low - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = low - 1
    if not low <= whole <= high:
        raise InputError(format_error(name, f"must be a whole number from {low:,} to {high:,}", repr(value), "Use a number in this range."))
    return whole


def checked_days(name: str, days: float) -> float:
    """Return a positive, finite number of days as float. numpy numbers are accepted; bool is not.

    Parameters
    ----------
    name : str
        Name of the argument, for the error message.
    days : float
        The number.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the value is not a finite number above 0.
    """
    if isinstance(days, bool) or not isinstance(days, Real) or not 0 < days < math.inf:
        raise InputError(format_error(name, "must be a number of days above 0", short_repr(days), "Use a number such as 14."))
    return float(days)


def checked_share(name: str, share: float) -> float | None:
    """Return a share above 0 as float, or None for a share of 1. numpy numbers are accepted; bool is not.

    Parameters
    ----------
    name : str
        Name of the argument, for the error message.
    share : float
        The share.

    Returns
    -------
    float or None

    Raises
    ------
    InputError
        If the value is not above 0 and at most 1.
    """
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share <= 1:
        raise InputError(format_error(name, "must be a share above 0 and at most 1", short_repr(share), "Use a share such as 0.1."))
    return None if share == 1 else float(share)
