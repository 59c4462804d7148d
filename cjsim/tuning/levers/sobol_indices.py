"""Sobol indices of a function of several levers, with the estimators that compute them.

Levers vary independently and uniformly on the unit cube. With matrices A and B of points, and AB_i as A except for column i, which comes
from B (Saltelli et al. 2010, Computer Physics Communications 181, 259-270, table 2, b and f):

    first_i = mean(f(B) (f(AB_i) - f(A))) / V        the share of the variance V that lever i explains alone
    total_i = mean((f(A) - f(AB_i))^2) / (2 V)       the share that involves it (Jansen 1999)

The points belong to one Sobol sequence in 2 k dimensions, shifted at random. The 95 % intervals are percentiles of 999 bootstrap samples
of the points.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.json_records import plain_values

FloatArray = NDArray[np.float64]
_BOOTSTRAP_RESAMPLES = 999


class VarianceShare(NamedTuple):
    """A share of the variance with its 95 % interval; nan if nothing varies."""

    value: float
    low: float
    high: float


class LeverIndices(NamedTuple):
    """The indices of one lever, which varied from `low` to `high`."""

    path: str
    title: str
    low: Any
    high: Any
    first_order: VarianceShare
    total_order: VarianceShare

    def row(self) -> dict[str, Any]:
        """The columns of `sobol.csv`, by name."""
        shares = {"first": self.first_order, "total": self.total_order}
        columns = {"path": self.path, "title": self.title, "from": self.low, "to": self.high}
        return columns | {f"{name}{end}": x for name, share in shares.items() for end, x in zip(("", "_low", "_high"), share, strict=True)}


@dataclass(frozen=True)
class SobolIndices:
    """Indices of several levers.

    Attributes
    ----------
    points : int
        Number of points of each matrix.
    simulations : int
        Number of simulations; points that map to the same values are simulated once.
    standard_deviation : float
        Standard deviation of the metric over the span of all levers, in the unit of the metric.
    indices : tuple of LeverIndices
        Sorted by total index, largest first.
    """

    points: int
    simulations: int
    standard_deviation: float
    indices: tuple[LeverIndices, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        content = {"points": self.points, "simulations": self.simulations, "deviation": self.standard_deviation}
        return plain_values(content | {"levers": [index.row() for index in self.indices]})


def evaluate_saltelli_points(function: Callable[[FloatArray], float], dimensions: int, points: int, *, seed: int) -> FloatArray:
    """Evaluate a function at the points of A, of B, and of each AB_i.

    Parameters
    ----------
    function : callable
        Takes a point of the unit cube, float64, shape (dimensions,).
    dimensions : int
        From 1 to 10,000.
    points : int
        A power of 2.
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
    """First-order and total indices with their intervals.

    Parameters
    ----------
    table : ndarray of float64, shape (2 + dimensions, points)
        Values of the function, as `evaluate_saltelli_points` returns them.
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
    varies = np.ptp(values[:2], axis=(0, 2))[:, None] > 0  # scipy gives 0 for a constant
    first_order, total_order = (np.where(varies, indices, math.nan) for indices in (found.first_order, found.total_order))
    return _with_intervals(first_order), _with_intervals(total_order)


def _with_intervals(indices: FloatArray) -> list[VarianceShare]:
    """The indices in the first row, with percentiles of those of bootstrap samples in the other rows."""
    return [VarianceShare(float(column[0]), *np.quantile(column[1:], (0.025, 0.975)).tolist()) for column in indices.T]
