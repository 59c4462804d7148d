"""Dates stored as numbers: Excel serial dates, seconds or smaller units since 1970, and numbers such as 20240131."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
DayArray = NDArray[np.datetime64]
_EXCEL_EPOCH, _EXCEL_1904_EPOCH = "1899-12-30", "1904-01-01"  # for serial numbers from 61: Excel has a 29 February 1900
_SECONDS_PER_DAY = 86_400.0


class DateNumber(NamedTuple):
    """A kind of number that represents days.

    Attributes
    ----------
    title : str
        What the numbers count, for messages.
    low, high : float
        Numbers from `low` to below `high` are read as this kind if the user does not name one.
    """

    title: str
    low: float
    high: float


KINDS = {
    "excel": DateNumber("Excel serial dates (1900 date system)", 1e4, 1e5),
    "excel-1904": DateNumber("Excel serial dates (1904 date system)", 1e4, 1e5),
    "digits": DateNumber("dates written as YYYYMMDD", 1e7, 1e8),
    "unix-s": DateNumber("seconds since 1970 (UTC)", 1e8, 1e10),
    "unix-ms": DateNumber("milliseconds since 1970 (UTC)", 1e11, 1e13),
    "digits-time": DateNumber("dates and times written as YYYYMMDDhhmmss", 1e13, 1e14),
    "unix-us": DateNumber("microseconds since 1970 (UTC)", 1e14, 1e16),
    "unix-ns": DateNumber("nanoseconds since 1970 (UTC)", 1e17, 1e19),
}
_PER_SECOND = {"unix-s": 1.0, "unix-ms": 1e3, "unix-us": 1e6, "unix-ns": 1e9}


def detect_kind(numbers: FloatArray, *, is_1904: bool) -> str | None:
    """Return the kind of most numbers; None if none of them is of a known kind.

    Parameters
    ----------
    numbers : ndarray of float64
        The numbers.
    is_1904 : bool
        Whether the workbook counts days from 1904.

    Examples
    --------
    >>> detect_kind(np.array([45_000.0, 45_001.5]), is_1904=False), detect_kind(np.array([1.7e9]), is_1904=False)
    ('excel', 'unix-s')
    """
    counts = {name: int(np.sum((numbers >= kind.low) & (numbers < kind.high))) for name, kind in KINDS.items() if name != "excel-1904"}
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        return None
    return "excel-1904" if best == "excel" and is_1904 else best


def number_days(numbers: FloatArray, kind: str) -> DayArray:
    """Return the days that numbers represent; NaT where they represent none.

    Parameters
    ----------
    numbers : ndarray of float64
        The numbers.
    kind : str
        Key of `KINDS`.

    Returns
    -------
    ndarray of datetime64[D]
        Zero seconds are read as 1970-01-01, because logs use 0 for a missing time.

    Examples
    --------
    >>> number_days(np.array([20240131.0, 20240231.0]), "digits").astype(str).tolist()
    ['2024-01-31', 'NaT']
    """
    low, high = KINDS[kind].low, KINDS[kind].high
    valid = (numbers >= low) & (numbers < high)
    whole = np.where(valid, numbers, low)
    if kind in _PER_SECOND:
        valid |= numbers == 0
        counted = np.floor(np.where(valid, numbers, 0.0) / _PER_SECOND[kind] / _SECONDS_PER_DAY).astype(np.int64)
        days = np.datetime64("1970-01-01") + counted
    elif kind.startswith("excel"):
        days = np.datetime64(_EXCEL_1904_EPOCH if kind == "excel-1904" else _EXCEL_EPOCH) + np.floor(whole).astype(np.int64)
    else:
        digits = np.floor(whole / (1e6 if kind == "digits-time" else 1.0)).astype(np.int64)
        days = calendar_days(digits // 10_000, digits // 100 % 100, digits % 100)
        valid &= np.mod(whole, 1.0) == 0
    return np.where(valid, days, np.datetime64("NaT", "D"))


def calendar_days(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> DayArray:
    """Return the days of the Gregorian calendar from their parts; NaT where there is no such day.

    Parameters
    ----------
    year, month, day : ndarray of int64
        Parts of the dates.

    Examples
    --------
    >>> calendar_days(np.array([2024, 2023]), np.array([2, 2]), np.array([29, 29])).astype(str).tolist()
    ['2024-02-29', 'NaT']
    """
    is_month = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12)
    months = np.where(is_month, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (np.clip(day, 1, 31) - 1)
    valid = is_month & (day >= 1) & (day <= 31) & (days.astype("datetime64[M]") == months)
    return np.where(valid, days, np.datetime64("NaT", "D"))
