"""Dates that are far from the other dates of a log: mistyped years, and placeholders for a missing date."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.purchase_logs.date_numbers import DayArray

MIN_GAP_DAYS = 3 * 365  # assumed: purchases of one log are not interrupted for three years
SPANS_PER_GAP = 2  # assumed: nor for twice the length of the rest of the log
MAX_SHARE = 0.005  # assumed: of rows with mistyped dates; a larger share is part of the log
MIN_PAUSE_DAYS, MIN_ROWS_BEFORE_PAUSE = 60, 50  # a gap in which at least 50 rows would be expected at the previous rate
_MIN_OTHERS = 5  # rows that a single row must be far from
# Dates that programs write for a missing date: the first or the last date of their calendar. A time zone may shift them by a day.
PLACEHOLDER_DAYS = np.array(
    (
        *("0001-01-01", "1000-01-01", "1601-01-01", "1752-12-31", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1900-01-02"),
        *("1901-01-01", "1904-01-01", "1969-12-31", "1970-01-01", "1970-01-02", "1980-01-01", "2038-01-19", "2079-06-06", "2099-12-31"),
        *("2100-01-01", "2999-12-31", "3000-12-31", "9999-12-30", "9999-12-31"),
    ),
    dtype="datetime64[D]",
)


class IsolatedDates(NamedTuple):
    """Rows whose dates are far from all others, as masks of shape (n_rows,).

    Attributes
    ----------
    omitted : ndarray of bool
        Rows to omit: few, dated in the future, or with a placeholder date.
    kept : ndarray of bool
        Rows that are too many to be mistakes.
    """

    omitted: NDArray[np.bool_]
    kept: NDArray[np.bool_]


def isolated_dates(day: DayArray, *, today: np.datetime64) -> IsolatedDates:
    """Find rows whose dates are far from all others.

    Gaps of more than three years divide the log into periods. The main period is the one with the most rows; it is extended across every
    gap of at most twice its length. Rows outside it are isolated. They are omitted if they make up at most 0.5 % of the rows (or if there
    is only one and at least five others), and also, if they are at most half of the rows, when their dates are in the future or are
    placeholders such as 1900-01-01 and 1970-01-01. The current date does not matter for logs without isolated rows.

    Parameters
    ----------
    day : ndarray of datetime64[D], shape (n_rows,)
        Dates of the rows, at least one.
    today : datetime64[D]
        Current date.

    Returns
    -------
    IsolatedDates
    """
    dates, count = np.unique(day, return_counts=True)
    numbers = dates.astype(np.int64)
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - MIN_GAP_DAYS - 1) > MIN_GAP_DAYS)
    if len(starts) == 1:
        nothing = np.zeros(len(day), dtype=np.bool_)
        return IsolatedDates(nothing, nothing)
    first, last = _main_period(numbers, starts, np.add.reduceat(count, starts))
    outside = (day < dates[first]) | (day > dates[last])
    n_outside, n_rows = int(outside.sum()), len(day)
    is_few = n_outside <= MAX_SHARE * n_rows or (n_outside == 1 and n_rows > _MIN_OTHERS)
    is_impossible = (day > today + np.timedelta64(1, "D")) | np.isin(day, PLACEHOLDER_DAYS)  # tomorrow has begun in other time zones
    omitted = outside & (is_few | (is_impossible & (2 * n_outside <= n_rows)))
    return IsolatedDates(omitted, outside & ~omitted)


def _main_period(numbers: NDArray[np.int64], starts: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[int, int]:
    """Return the positions of the first and last date of the main period."""
    ends = np.append(starts[1:], len(numbers)) - 1
    low = high = int(np.argmax(rows))
    while True:
        reach = SPANS_PER_GAP * (numbers[ends[high]] - numbers[starts[low]])
        if low > 0 and numbers[starts[low]] - numbers[ends[low - 1]] <= reach:
            low -= 1
        elif high + 1 < len(starts) and numbers[starts[high + 1]] - numbers[ends[high]] <= reach:
            high += 1
        else:
            return int(starts[low]), int(ends[high])


def rows_beyond_pause(day: DayArray) -> NDArray[np.bool_]:
    """Find a few rows at the end or the start of a log that a gap separates from busy days, such as rows whose year is off by one.

    The rows are at most 0.5 % of all rows (or a single row), and the gap has at least 60 days. The period of the same length on the other
    side of the gap has at least 50 rows.

    Parameters
    ----------
    day : ndarray of datetime64[D], shape (n_rows,)
        Dates of the rows, at least one.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
    """
    dates, count = np.unique(day, return_counts=True)
    numbers = dates.astype(np.int64)
    last = _last_date_before_pause(numbers, count)
    first = -_last_date_before_pause(-numbers[::-1], count[::-1])
    number = day.astype(np.int64)
    return np.asarray((number > last) | (number < first))


def _last_date_before_pause(numbers: NDArray[np.int64], count: NDArray[np.int64]) -> int:
    """Return the last date before a gap that few rows follow; the last date if there is no such gap."""
    total = np.cumsum(count)
    gaps = np.diff(numbers)
    n_after = total[-1] - total[:-1]
    few = (n_after <= max(1.0, MAX_SHARE * total[-1])) & (gaps >= MIN_PAUSE_DAYS)
    for position in np.flatnonzero(few).tolist():
        start = int(np.searchsorted(numbers, numbers[position] - gaps[position]))
        if total[position] - (total[start - 1] if start else 0) >= MIN_ROWS_BEFORE_PAUSE:
            return int(numbers[position])
    return int(numbers[-1])
