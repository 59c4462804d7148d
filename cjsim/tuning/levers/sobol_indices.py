"""Sobol indices of a function of several levers, with the estimators that compute them.

Levers vary independently and uniformly on the unit cube. With matrices A and B of points, and AB_i as A except for column i, which comes
from B (Saltelli et al. 2010, Computer Physics Communications 181, 259-270, table 2, b and f):

    first_i = mean(f(B) (f(AB_i) - f(A))) / V        the share of the variance V that lever i explains alone
    total_i = mean((f(A) - f(AB_i))^2) / (2 V)       the share that involves it (Jansen 1999)

The points belong to one Sobol sequence in 2 k dimensions, shifted at random. The 95 % intervals are percentiles of 999 bootstrap samples
of the points.
"""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.simulation.run import to_json_value

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

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        shares = {"first": self.first_order, "total": self.total_order}
        flat = {
            f"{name}{end}": to_json_value(x) for name, share in shares.items() for end, x in zip(("", "_low", "_high"), share, strict=True)
        }
        return {"path": self.path, "title": self.title, "from": self.low, "to": self.high, **flat}


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
        """Plain values for JSON."""
        return {
            "points": self.points,
            "simulations": self.simulations,
            "deviation": to_json_value(self.standard_deviation),
            "levers": [index.to_json() for index in self.indices],
        }

    def write_csv(self, path: Path) -> None:
        """Write the indices as CSV.

        Parameters
        ----------
        path : Path
            The file.
        """
        rows = [index.to_json() for index in self.indices]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


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
    draws = np.random.default_rng(seed).integers(table.shape[1], size=(_BOOTSTRAP_RESAMPLES, table.shape[1]))
    first_order, total_order = (
        _with_intervals(estimates, resampled)
        for estimates, resampled in zip(_point_estimates(table[:, None, :]), _point_estimates(table[:, draws]), strict=True)
    )
    return first_order, total_order


def _with_intervals(estimates: FloatArray, resampled: FloatArray) -> list[VarianceShare]:
    """Estimates of shape (dimensions, 1) with percentiles of the resampled ones, shape (dimensions, resamples)."""
    return [
        VarianceShare(float(estimate[0]), *map(float, np.quantile(samples, (0.025, 0.975))))
        for estimate, samples in zip(estimates, resampled, strict=True)
    ]


def _point_estimates(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """First-order and total indices, shape (dimensions, samples), of tables of shape (2 + dimensions, samples, points)."""
    centered = table - table[:2].mean(axis=(0, 2), keepdims=True)
    a, b, mixed = centered[0], centered[1], centered[2:]
    variance = np.square(centered[:2]).mean(axis=(0, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        first = (b * (mixed - a)).mean(axis=2) / variance
        total = np.square(a - mixed).mean(axis=2) / (2 * variance)
    return np.where(variance > 0, first, math.nan), np.where(variance > 0, total, math.nan)
