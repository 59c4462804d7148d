"""Estimates with normal intervals, means with cluster-robust errors, and Holm's correction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from cjsim.json_records import JsonRecord, Number
from cjsim.uplift.row_arrays import Floats, Ints

LEVEL = 0.95


@dataclass(frozen=True)
class IntervalEstimate(JsonRecord):
    """An estimate, its standard error, and its interval, all in the unit of the estimate."""

    estimate: Number
    error: Number
    low: Number
    high: Number

    @property
    def p_not_zero(self) -> float:
        """Two-sided p-value of the hypothesis that the true value is 0."""
        return 2.0 * normal_tail(abs(_z(self.estimate, self.error)))

    @property
    def p_above_zero(self) -> float:
        """One-sided p-value of the hypothesis that the true value is at most 0. Small if the estimate is clearly positive."""
        return normal_tail(_z(self.estimate, self.error))

    @property
    def p_below_zero(self) -> float:
        """One-sided p-value of the hypothesis that the true value is at least 0. Small if the estimate is clearly negative."""
        return normal_tail(-_z(self.estimate, self.error))


def normal_estimate(estimate: float, error: float, level: float = LEVEL) -> IntervalEstimate:
    """Return the normal interval, estimate +/- z error.

    Parameters
    ----------
    estimate : float
    error : float
        Standard error, at least 0.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    IntervalEstimate

    Examples
    --------
    >>> round(normal_estimate(1.0, 0.5).high, 3)
    1.98
    """
    half = NormalDist().inv_cdf((1.0 + level) / 2.0) * error
    return IntervalEstimate(float(estimate), float(error), float(estimate - half), float(estimate + half))


def mean_estimate(values: Floats, clusters: Ints | None = None, level: float = LEVEL) -> IntervalEstimate:
    """Estimate a mean. The standard error is sd / sqrt(n), or sqrt(G / (G - 1) sum_g r_g^2) / n for the sums r_g of residuals by cluster.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    clusters : ndarray of int64, shape (n,), or None
        Cluster of each row. None if rows are independent.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    IntervalEstimate
        The standard error is nan with fewer than two rows or clusters.

    References
    ----------
    Liang, Zeger (1986), Biometrika 73(1), 13-22.
    """
    mean = float(np.mean(values))
    residuals = values - mean
    sums = residuals if clusters is None else cluster_sums(residuals, clusters)
    n_sums = len(sums)
    error = math.sqrt(n_sums / (n_sums - 1.0) * float(sums @ sums)) / len(values) if n_sums > 1 else math.nan
    return normal_estimate(mean, error, level)


def cluster_sums(values: Floats, clusters: Ints) -> Floats:
    """Sum values by cluster.

    Parameters
    ----------
    values : ndarray of float64, shape (n,) or (n, k)
    clusters : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n_clusters,) or (n_clusters, k)
        Clusters without rows are left out.
    """
    _, index = np.unique(clusters, return_inverse=True)
    if values.ndim == 1:
        return np.asarray(np.bincount(index, weights=values), dtype=np.float64)
    return np.column_stack([np.bincount(index, weights=column) for column in values.T])


def normal_tail(z: float) -> float:
    """P(Z > z) of a standard normal Z; 1 if z is nan, so that an undefined statistic is never significant."""
    return 1.0 if math.isnan(z) else 0.5 * math.erfc(z / math.sqrt(2.0))


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple comparisons with Holm's step-down procedure.

    Parameters
    ----------
    p_values : sequence of float
        In [0, 1].

    Returns
    -------
    list of float
        In the order given. Rejecting the hypotheses with values up to alpha bounds the familywise error rate by alpha.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.

    Examples
    --------
    >>> holm_adjusted([0.04, 0.001, 0.03])
    [0.06, 0.003, 0.06]
    """
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def _z(estimate: float, error: float) -> float:
    if error > 0.0:
        return estimate / error
    return math.nan if estimate == 0.0 or math.isnan(error) else math.copysign(math.inf, estimate)
