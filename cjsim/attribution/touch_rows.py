"""Paths from rows with a customer and a time: the touches within a look-back window before each conversion."""

from typing import NamedTuple

import numpy as np

from cjsim.attribution.touch_paths import SECONDS_PER_DAY, FloatArray, IntArray, Paths

_MICROSECONDS_PER_DAY = 1_000_000 * SECONDS_PER_DAY


class TouchRows(NamedTuple):
    """Touches and conversions, one row each. A row may be both; the touch then precedes the conversion.

    Attributes
    ----------
    touchpoints : tuple of str
        Names of the touchpoints by code.
    customers : ndarray of int64, shape (n_rows,)
        Customers.
    times : ndarray of int64, shape (n_rows,)
        Microseconds since any fixed time.
    codes : ndarray of int64, shape (n_rows,)
        Touchpoint of the touch; -1 for a row without a touch.
    conversions, value : ndarray of float64, shape (n_rows,)
        Number of conversions and their value; 0 for a row without a conversion.
    """

    touchpoints: tuple[str, ...]
    customers: IntArray
    times: IntArray
    codes: IntArray
    conversions: FloatArray
    value: FloatArray


def paths_from_rows(rows: TouchRows, *, window_days: float) -> Paths:
    """Return one path per conversion, and one per run of touches that ends without a conversion.

    The path of a conversion contains all touches of the customer within the window before it, including those that an earlier conversion
    also counts, as in the reports of ad platforms. Touches that no conversion followed within the window form null paths, one for each
    customer and each interval between conversions.

    Parameters
    ----------
    rows : TouchRows
        Touches and conversions in any order. Rows of the same customer and time keep their order.
    window_days : float
        Length of the look-back window, in days; may be infinite.

    Returns
    -------
    Paths
        Paths of conversions, then null paths, whose `days_before` are 0.

    Examples
    --------
    >>> import numpy as np
    >>> day = 86_400_000_000
    >>> rows = TouchRows(
    ...     ("ad", "email"), np.zeros(3, int), np.array([0, 3, 4]) * day, np.array([0, 1, -1]), np.array([0.0, 0, 1]), np.array([0.0, 0, 9])
    ... )
    >>> paths = paths_from_rows(rows, window_days=2)
    >>> paths.touches.tolist(), paths.offsets.tolist(), paths.conversions.tolist(), paths.nulls.tolist()
    ([1, 0], [0, 1, 2], [1.0, 0.0], [0.0, 1.0])
    """
    order = np.lexsort((np.arange(len(rows.times)), rows.times, rows.customers))
    customers, times, codes = rows.customers[order], rows.times[order], rows.codes[order]
    conversions, value = rows.conversions[order], rows.value[order]
    touch_at, converts_at = np.flatnonzero(codes >= 0), np.flatnonzero(conversions > 0)
    first, stop = _windows(customers, times, touch_at, converts_at, window_days)
    length = stop - first
    starts = np.cumsum(length) - length
    position = np.arange(length.sum()) - np.repeat(starts - first, length)  # touches of each conversion, by index in `touch_at`
    days = (np.repeat(times[converts_at], length) - times[touch_at[position]]) / _MICROSECONDS_PER_DAY
    covered = np.cumsum(np.bincount(first, minlength=len(touch_at) + 1) - np.bincount(stop, minlength=len(touch_at) + 1))[:-1] > 0
    left = touch_at[~covered]
    n_before = np.searchsorted(converts_at, left)  # conversions of all customers before the touch
    is_new = np.ones(len(left), bool)
    is_new[1:] = (np.diff(n_before) > 0) | (np.diff(customers[left]) != 0)
    null_starts = np.flatnonzero(is_new)
    lengths = np.concatenate([length, np.diff(np.append(null_starts, len(left)))])
    n_converting, n_null = len(converts_at), len(null_starts)
    return Paths(
        touchpoints=rows.touchpoints,
        touches=np.concatenate([codes[touch_at[position]], codes[left]]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        conversions=np.concatenate([conversions[converts_at], np.zeros(n_null)]),
        value=np.concatenate([value[converts_at], np.zeros(n_null)]),
        nulls=np.concatenate([np.zeros(n_converting), np.ones(n_null)]),
        days_before=np.concatenate([days, np.zeros(len(left))]),
        owners=np.concatenate([customers[converts_at], customers[left[null_starts]]]),
    )


def _windows(
    customers: IntArray, times: IntArray, touch_at: IntArray, converts_at: IntArray, window_days: float
) -> tuple[IntArray, IntArray]:
    """Return the range of touches in the window of each conversion, as indices in `touch_at`."""
    _, customer_rank = np.unique(customers, return_inverse=True)
    distinct, time_rank = np.unique(times, return_inverse=True)
    key = customer_rank * (len(distinct) + 1) + time_rank
    begin = times[converts_at].astype(np.float64) - window_days * _MICROSECONDS_PER_DAY
    begin_rank = np.searchsorted(distinct, begin, side="left")
    first = np.searchsorted(key[touch_at], customer_rank[converts_at] * (len(distinct) + 1) + begin_rank, side="left")
    stop = np.searchsorted(touch_at, converts_at, side="right")
    return first.astype(np.int64), np.maximum(first, stop).astype(np.int64)
