"""Sobol indices of a function of k levers, and their estimators.

Levers vary independently and uniformly on the unit cube. Let A and B be matrices of points, and AB_i the matrix A with column i replaced by
column i of B (Saltelli et al. 2010, Computer Physics Communications 181, 259-270, table 2, b and f):

    first_i = mean(f(B) (f(AB_i) - f(A))) / V        share of the variance V due to lever i alone
    total_i = mean((f(A) - f(AB_i))^2) / (2 V)       share due to lever i and its interactions (Jansen 1999)

The points are one randomly shifted Sobol sequence in 2 k dimensions. The 95 % intervals are percentiles of 999 bootstrap samples of the
points.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.json_records import ComparableRecord, plain_values

FloatArray = NDArray[np.float64]
_BOOTSTRAP_RESAMPLES = 999


class VarianceShare(NamedTuple):
    """A share of the variance with its 95 % interval; nan if the function is constant."""

    value: float
    low: float
    high: float


class LeverIndices(NamedTuple):
    """Sobol indices of one lever that varies from `low` to `high`."""

    path: str
    title: str
    low: Any
    high: Any
    first_order: VarianceShare
    total_order: VarianceShare

    def row(self) -> dict[str, Any]:
        """Return one row of `sobol.csv`, by column name."""
        shares = {"first": self.first_order, "total": self.total_order}
        columns = {"path": self.path, "title": self.title, "from": self.low, "to": self.high}
        return columns | {f"{name}{end}": x for name, share in shares.items() for end, x in zip(("", "_low", "_high"), share, strict=True)}


@dataclass(frozen=True)
class SobolIndices(ComparableRecord):
    """Sobol indices of several levers.

    Attributes
    ----------
    points : int
        Number of points in each matrix.
    simulations : int
        Number of simulations. Points with equal values are simulated once.
    standard_deviation : float
        Standard deviation of the metric over the ranges of all levers, in the unit of the metric.
    indices : tuple of LeverIndices
        Sorted by total index, largest first.
    """

    points: int
    simulations: int
    standard_deviation: float
    indices: tuple[LeverIndices, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null."""
        content = {"points": self.points, "simulations": self.simulations, "deviation": self.standard_deviation}
        return plain_values(content | {"levers": [index.row() for index in self.indices]})


def evaluate_saltelli_points(function: Callable[[FloatArray], float], dimensions: int, points: int, *, seed: int) -> FloatArray:
    """Evaluate a function at the points of A, B and each AB_i.

    Parameters
    ----------
    function : callable
        Function of a point of the unit cube, an ndarray of float64, shape (dimensions,).
    dimensions : int
        Number of dimensions, from 1 to 10,000.
    points : int
        Number of points, a power of 2.
    seed : int
        Seed of the random shift.

    Returns
    -------
    ndarray of float64, shape (2 + dimensions, points)
        Rows: A, B, AB_0, AB_1, ...
    """
    from scipy.stats.qmc import Sobol

    sequence = Sobol(2 * dimensions, scramble=False).random(points)
    shifted = (sequence + np.random.default_rng(seed).random(2 * dimensions)) % 1.0
    a, b = shifted[:, :dimensions], shifted[:, dimensions:]
    mixed = [np.where(np.arange(dimensions) == i, b, a) for i in range(dimensions)]
    return np.array([[function(row) for row in matrix] for matrix in (a, b, *mixed)])


def estimate_indices(table: FloatArray, *, seed: int) -> tuple[list[VarianceShare], list[VarianceShare]]:
    """Estimate first-order and total indices with their intervals.

    Parameters
    ----------
    table : ndarray of float64, shape (2 + dimensions, points)
        Function values, as returned by `evaluate_saltelli_points`.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    first_order, total_order : list of VarianceShare
        One entry per dimension.
    """
    from scipy.stats import sobol_indices

    points = table.shape[1]
    resampled = np.random.default_rng(seed).integers(points, size=(_BOOTSTRAP_RESAMPLES, points))
    values = table[:, np.vstack([np.arange(points), resampled])]
    found = sobol_indices(func={"f_A": values[0], "f_B": values[1], "f_AB": values[2:]}, n=points)
    varies = np.ptp(values[:2], axis=(0, 2))[:, None] > 0  # scipy returns 0 for a constant
    first_order, total_order = (np.where(varies, indices, math.nan) for indices in (found.first_order, found.total_order))
    return _with_intervals(first_order), _with_intervals(total_order)


def _with_intervals(indices: FloatArray) -> list[VarianceShare]:
    """Combine the indices in the first row with percentiles of the bootstrap samples in the other rows."""
    return [VarianceShare(float(column[0]), *np.quantile(column[1:], (0.025, 0.975)).tolist()) for column in indices.T]
