"""Sobol indices: how much of a metric's variance over the span of several levers is due to each, alone and with all others.

Lives here: the estimators, and their use on levers. Does not live here: single moves (levers.py).

Levers vary independently and uniformly between their steps (durations by ratio, whole numbers and switches with equal chances). With
matrices A and B of points, and AB_i as A but for column i, which is B's (Saltelli et al. 2010, Computer Physics Communications 181,
259-270, table 2, b and f):

    first_i = mean(f(B) (f(AB_i) - f(A))) / V        the share of the variance V that lever i explains alone
    total_i = mean((f(A) - f(AB_i))^2) / (2 V)       the share that involves it (Jansen 1999)

Points are of one Sobol sequence in 2 k dimensions, shifted at random. All points live with the same customers, so that f is a function of
the levers alone; intervals (95 %, percentiles of 999 bootstrap samples of the points) are about the points, not about the customers.
"""

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error
from cjsim.scenario.fields import parse_duration, parse_hour
from cjsim.scenario.search_space import Free, Space
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import to_json_value
from cjsim.tuning.levers.moves import ALWAYS_CONDITION, NEVER_CONDITION, Move, condition_at
from cjsim.tuning.levers.paired_runner import PairedRunner
from cjsim.yaml.tree import to_tree

if TYPE_CHECKING:
    from cjsim.progress import Progress
    from cjsim.tuning.levers.ranking import LeverRanking

FloatArray = NDArray[np.float64]
MAX_SOBOL_LEVERS = 6  # levers, if it is not said which
_BOOTSTRAP_RESAMPLES = 999
_MIN_POINTS = 16  # points
_SPANNABLE_KINDS = ("duration", "hour", "whole", "share", "number", "switch", "rank", "onoff")
_PARSERS: Mapping[str, Callable[[Any], float]] = {"duration": parse_duration, "hour": parse_hour}


class VarianceShare(NamedTuple):
    """A share of the variance with its 95 % interval; nan where nothing varies."""

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
        flat = {f"{name}{end}": to_json_value(x) for name, of in shares.items() for end, x in zip(("", "_low", "_high"), of, strict=True)}
        return {"path": self.path, "title": self.title, "from": self.low, "to": self.high, **flat}


@dataclass(frozen=True)
class SobolIndices:
    """Indices of several levers.

    Attributes
    ----------
    points : int
        Of each matrix.
    simulations : int
        How many it took; points that fall on the same values are simulated once.
    standard_deviation : float
        Standard deviation of the metric over the span of all levers, in its unit.
    indices : tuple of LeverIndices
        Largest total first.
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


def add_sobol_indices(
    ranking: "LeverRanking",
    scenario: Scenario,
    *,
    points: int = 64,
    max_levers: int | None = MAX_SOBOL_LEVERS,
    threads: int | None = None,
    progress: "Progress | None" = None,
) -> "LeverRanking":
    """The ranking with Sobol indices of its levers, over the span between their steps.

    Parameters
    ----------
    ranking : LeverRanking
        The ranking: of its metric, on its customers.
    scenario : Scenario
        Whose levers they are.
    points : int
        A power of 2, at least 16: from fewer the intervals say nothing; it takes `points` * (levers + 2) simulations at most.
    max_levers : int, optional
        So many levers, the largest of those that hold; None: all that touch anybody. Steps that are left out, shares that sum to 1 and
        other scenarios have no span.
    threads : int, optional
        All cores if not given.
    progress : Progress, optional
        Is told how far the work is.

    Raises
    ------
    InputError
        If no lever is left, `points` is no such number, or the scenario is wrong where several levers are moved.
    """
    if points < _MIN_POINTS or points & (points - 1):
        raise InputError(
            format_error("--sobol", f"must be a power of 2, at least {_MIN_POINTS}", f"{points}", "Give such a number, for example 64.")
        )
    spans = _lever_spans(ranking, scenario, max_levers)
    if not spans:
        got, remedy = "none that holds and has a span", "Ask for more customers, or name levers with --only."
        raise InputError(format_error("--sobol", "must have levers whose effect holds", got, remedy))
    space = Space.from_settings({span.path: span.free for span in spans}, {})
    plain = Scenario.from_tree(to_tree(scenario, "levers"))  # in the long form every path can be set by itself
    bench = PairedRunner(plain, ranking.metric, customers=ranking.customers, seed=ranking.seed, threads=threads, progress=progress)
    values: dict[str, float] = {}

    def _metric_at(unit: FloatArray) -> float:
        chosen = space.values(space.at(unit.tolist()))
        key = json.dumps(chosen, sort_keys=True)
        if key not in values:
            values[key] = bench.metric_of(plain.with_values(chosen, location="--sobol"))
        bench.progress.advance(1)
        return values[key]

    bench.progress.start(points * (len(spans) + 2), f"Sobol indices of {ranking.scenario}")
    try:
        table = evaluate_saltelli_points(_metric_at, len(spans), points, seed=ranking.seed)
    finally:
        bench.progress.finish()
    firsts, totals = estimate_indices(table, seed=ranking.seed)
    indices = [
        LeverIndices(span.lever, span.title, *span.ends, first, total) for span, first, total in zip(spans, firsts, totals, strict=True)
    ]
    ordered = tuple(sorted(indices, key=lambda index: -index.total_order.value))
    deviation = float(np.concatenate([table[0], table[1]]).std())
    digest = sha256(f"{ranking.digest}:sobol:{points}:{max_levers}".encode()).hexdigest()
    return replace(ranking, sobol_indices=SobolIndices(points, len(values), deviation, ordered), digest=digest)


def evaluate_saltelli_points(function: Callable[[FloatArray], float], dimensions: int, points: int, *, seed: int) -> FloatArray:
    """A function at the points of A, of B, and of each AB_i.

    Parameters
    ----------
    function : callable
        Of a point of the unit cube, shape (dimensions,).
    dimensions : int
        At least 1, at most 10,000.
    points : int
        A power of 2.
    seed : int
        Of the shift.

    Returns
    -------
    ndarray of float64, shape (2 + dimensions, points)
        Rows: A, B, AB_0, AB_1, ...
    """
    from scipy.stats.qmc import Sobol as Sequence

    drawn = Sequence(2 * dimensions, scramble=False).random(points)
    both = (drawn + np.random.default_rng(seed).random(2 * dimensions)) % 1.0
    a, b = both[:, :dimensions], both[:, dimensions:]
    mixed = [np.where(np.arange(dimensions) == i, b, a) for i in range(dimensions)]
    return np.array([[function(row) for row in matrix] for matrix in (a, b, *mixed)])


def estimate_indices(table: FloatArray, *, seed: int) -> tuple[list[VarianceShare], list[VarianceShare]]:
    """First-order and total indices with their intervals.

    Parameters
    ----------
    table : ndarray of float64, shape (2 + dimensions, points)
        As `saltelli` gives it.
    seed : int
        Of the bootstrap.

    Returns
    -------
    list of Share, list of Share
        By dimension.
    """
    draws = np.random.default_rng(seed).integers(table.shape[1], size=(_BOOTSTRAP_RESAMPLES, table.shape[1]))
    told = _point_estimates(table[:, None, :])
    resampled = _point_estimates(table[:, draws])
    return tuple(  # type: ignore[return-value]
        [VarianceShare(float(x[0]), *map(float, np.quantile(of, (0.025, 0.975)))) for x, of in zip(value, among, strict=True)]
        for value, among in zip(told, resampled, strict=True)
    )


def _point_estimates(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """First-order and total indices, shape (dimensions, samples), of tables of shape (2 + dimensions, samples, points)."""
    centered = table - table[:2].mean(axis=(0, 2), keepdims=True)
    a, b, mixed = centered[0], centered[1], centered[2:]
    variance = np.square(centered[:2]).mean(axis=(0, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        first = (b * (mixed - a)).mean(axis=2) / variance
        total = np.square(a - mixed).mean(axis=2) / (2 * variance)
    return np.where(variance > 0, first, math.nan), np.where(variance > 0, total, math.nan)


class _LeverSpan(NamedTuple):
    """A lever between its steps: `path` is what is set."""

    lever: str
    title: str
    path: str
    free: Free
    ends: tuple[Any, Any]


def _lever_spans(ranking: "LeverRanking", scenario: Scenario, max_levers: int | None) -> list[_LeverSpan]:
    """The levers that are asked for, each from its lowest to its highest step."""
    by_path: dict[str, list[Move]] = {}
    for lever in ranking.levers:
        move = lever.move
        asked = lever.changes_any_customer if max_levers is None else lever.is_significant_after_holm
        if asked and move.kind in _SPANNABLE_KINDS and not move.path.endswith(".share") and len(by_path) < (max_levers or math.inf):
            by_path.setdefault(move.path, [])
    for lever in ranking.levers:
        if lever.move.path in by_path:
            by_path[lever.move.path].append(lever.move)
    return [_make_span(path, moves, scenario) for path, moves in by_path.items()]


def _make_span(path: str, moves: Sequence[Move], scenario: Scenario) -> _LeverSpan:
    first = moves[0]
    values = [first.before, *(move.after for move in moves)]
    if first.kind == "onoff":
        is_on = condition_at(scenario, path) or ALWAYS_CONDITION
        return _LeverSpan(path, first.title, f"{path}.if", Free(choices=(is_on, NEVER_CONDITION)), ("on", "off"))
    if first.kind in ("switch", "rank"):
        return _LeverSpan(path, first.title, path, Free(choices=tuple(values)), (first.before, first.after))
    read = _PARSERS.get(first.kind, float)
    low, high = min(values, key=read), max(values, key=read)
    return _LeverSpan(path, first.title, path, Free(low=low, high=high, log=first.kind == "duration"), (low, high))
