"""Customers with equal histories share one row, so the cost of a calculation depends on the number of distinct histories."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.calibration.maximum_likelihood import FloatArray


class DistinctRows(NamedTuple):
    """Distinct rows of several columns.

    Attributes
    ----------
    columns : tuple of ndarray of float64, shape (n_distinct,)
        Values of each column, sorted by the first, then by the second, and so on.
    weight : ndarray of float64, shape (n_distinct,)
        Number of original rows.
    row_index : ndarray of int64, shape (n,)
        Distinct row of each original row.
    """

    columns: tuple[FloatArray, ...]
    weight: FloatArray
    row_index: NDArray[np.int64]


def distinct_rows(*columns: FloatArray) -> DistinctRows:
    """Return the distinct rows of columns, in O(n log n) time. `numpy.unique` along an axis takes ten times as long.

    Parameters
    ----------
    *columns : ndarray of float64, shape (n,)
        Columns with at least one row.

    Returns
    -------
    DistinctRows

    Examples
    --------
    >>> rows = distinct_rows(np.array([2.0, 1.0, 2.0]), np.array([5.0, 5.0, 5.0]))
    >>> [column.tolist() for column in rows.columns], rows.weight.tolist(), rows.row_index.tolist()
    ([[1.0, 2.0], [5.0, 5.0]], [1.0, 2.0], [1, 0, 1])
    """
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    is_new = np.concatenate([[True], np.any([column[1:] != column[:-1] for column in ordered], axis=0)])
    index = np.empty(len(order), dtype=np.int64)
    index[order] = np.cumsum(is_new) - 1
    return DistinctRows(tuple(column[is_new] for column in ordered), np.bincount(index).astype(np.float64), index)
