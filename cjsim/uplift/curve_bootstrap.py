"""Bootstrap bands of uplift and Qini curves, and paired differences between learners.

Rows (or clusters) get independent Poisson(1) weights, the same ones for every learner, so that differences between learners are paired.
Each ranking is sorted once; a draw costs a few weighted sums. Predictions are held fixed: the intervals hold for these rankings on
new rows, not for refitted learners.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.json_records import JsonRecord
from cjsim.uplift.curve_scores import (
    PERFECT_UNDEFINED,
    TOP_SHARE,
    CurveAreas,
    curve_areas,
    is_binary,
    perfect_areas_of_cells,
    uplift_at,
)
from cjsim.uplift.curves import RankedSums, qini_values, rank_order, ranked_sums, uplift_values
from cjsim.uplift.interval_estimates import LEVEL, IntervalEstimate, holm_adjusted, normal_estimate
from cjsim.uplift.row_arrays import Floats, Ints, check_rows, check_two_arms

DRAWS = 200
BAND_SHARES = np.linspace(0.0, 1.0, 101)
_MAX_POINTS = 10_000  # per curve in each draw; with 1,000,000 rows, this changes standard errors by at most 0.2 %
_SCORES = ("qini", "qini_area", "auuc", "auuc_area", "uplift_at_top")


@dataclass(frozen=True, eq=False)
class CurveBand:
    """Curves of one learner at shares 0, .01, ..., 1, with pointwise intervals; in the unit of the outcome, as in `curves`.

    Each array has shape (101,).
    """

    share: Floats
    uplift: Floats
    uplift_low: Floats
    uplift_high: Floats
    qini: Floats
    qini_low: Floats
    qini_high: Floats


@dataclass(frozen=True, eq=False)
class RankedLearner:
    """Scores of one learner with intervals, and the bands of its curves. The fields are those of `CurveScores`."""

    learner: str
    qini: IntervalEstimate
    qini_area: IntervalEstimate
    auuc: IntervalEstimate
    auuc_area: IntervalEstimate
    uplift_at_top: IntervalEstimate
    band: CurveBand


@dataclass(frozen=True)
class LearnerDifference(JsonRecord):
    """A score of `first` minus that of `second`, on the same draws."""

    first: str
    second: str
    score: str
    difference: IntervalEstimate
    p: float
    p_holm: float  # adjusted for all pairs

    @property
    def is_clear(self) -> bool:
        """Whether the difference is significant at the 5 % level after Holm's correction for all pairs."""
        return self.p_holm <= 1.0 - LEVEL


@dataclass(frozen=True, eq=False)
class CurveBootstrap:
    """Learners in the order given, and the differences between all pairs."""

    learners: tuple[RankedLearner, ...]
    differences: tuple[LearnerDifference, ...]
    draws: int
    seed: int

    @property
    def statement(self) -> str:
        """What the differences show, in one sentence."""
        clear = [row for row in self.differences if row.is_clear]
        if not clear:
            return "No learner is better than another: no difference is significant after Holm's correction."
        pairs = [(row.first, row.second) if row.difference.estimate > 0 else (row.second, row.first) for row in clear]
        return "; ".join(f"{better} is better than {worse}" for better, worse in pairs) + " (after Holm's correction for all pairs)."


def bootstrap_curves(
    y: Floats,
    treatment: Ints,
    predictions: Mapping[str, Floats],
    *,
    weights: Floats | None = None,
    clusters: Ints | None = None,
    draws: int = DRAWS,
    seed: int,
) -> CurveBootstrap:
    """Bootstrap the curves of several learners on the same rows.

    Intervals are estimate +/- 1.96 sd of the draws: 200 draws determine the standard deviation to within 5 %, but not the tails that
    percentile intervals and Holm's correction need.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcome.
    treatment : ndarray of int64, shape (n,)
        0 for the control, 1 for the treated arm.
    predictions : mapping of str to ndarray of float64, shape (n,)
        Predicted uplift by learner, from models that have not seen these rows.
    weights : ndarray of float64, shape (n,), or None
        Inverse of the probability of the row's own arm; None if it is constant within each arm.
    clusters : ndarray of int64, shape (n,), or None
        Cluster of each row. Clusters are resampled as a whole; None resamples rows.
    draws : int
        Number of bootstrap draws, at least 2.
    seed : int
        Seed of the draws.

    Returns
    -------
    CurveBootstrap
        Differences are in `qini` if the outcome is binary, and in `qini_area` otherwise.

    Raises
    ------
    InputError
        If the arrays do not match, contain nan, or do not have exactly the arms 0 and 1.
    """
    check_rows({"y": y, "treatment": treatment, **predictions, "weights": weights, "clusters": clusters})
    check_two_arms(treatment)
    cell = 2 * treatment + y.astype(np.int64) if is_binary(y) else None
    perfect = _perfect(cell, None, weights)
    estimates = [_outcome_of(ranked_sums(y, treatment, values, weights=weights), perfect) for values in predictions.values()]
    rankings = [_Ranking.of(y, treatment, values, weights) for values in predictions.values()]
    drawn: list[list[_Outcome]] = [[] for _ in rankings]
    for counts in _poisson_counts(len(y), clusters, draws, seed):
        perfect = _perfect(cell, counts, weights)
        for ranking, outcomes in zip(rankings, drawn, strict=True):
            outcomes.append(_outcome_of(ranking.sums(counts), perfect))
    learners = tuple(
        _ranked_learner(name, estimate, outcomes) for name, estimate, outcomes in zip(predictions, estimates, drawn, strict=True)
    )
    score = "qini" if cell is not None else "qini_area"
    by_learner = {name: np.array([row.scores[_SCORES.index(score)] for row in rows]) for name, rows in zip(predictions, drawn, strict=True)}
    return CurveBootstrap(learners, _differences(learners, by_learner, score), draws, seed)


class _Outcome(NamedTuple):
    """Scores, shape (5,), and curves, shape (2, 101), of one draw."""

    scores: Floats
    curves: Floats


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Weights and outcomes of the rows of each arm, in descending order of predictions, and the first position of each block of rows."""

    order: Ints
    starts: Ints
    treated: Floats
    treated_outcome: Floats
    control: Floats
    control_outcome: Floats

    @classmethod
    def of(cls, y: Floats, treatment: Ints, predicted: Floats, weights: Floats | None) -> "_Ranking":
        order, last = rank_order(predicted)
        ends = last[np.linspace(0, len(last) - 1, min(len(last), _MAX_POINTS)).astype(np.int64)]
        treated, outcome = treatment[order].astype(np.float64), y[order]
        control = 1.0 - treated
        if weights is not None:
            treated, control = treated * weights[order], control * weights[order]
        return cls(order, np.append(0, ends[:-1] + 1), treated, treated * outcome, control, control * outcome)

    def sums(self, counts: NDArray[np.uint8]) -> RankedSums:
        """Cumulative sums at the ends of the blocks if each row occurs `counts` times."""
        weight = counts[self.order].astype(np.float64)
        columns = (weight, *(weight * values for values in (self.treated, self.treated_outcome, self.control, self.control_outcome)))
        return RankedSums(*(np.append(0.0, np.cumsum(np.add.reduceat(column, self.starts))) for column in columns))


def _poisson_counts(n: int, clusters: Ints | None, draws: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Number of times that each row occurs in each draw, shape (n,): Poisson(1), with probabilities in multiples of 2^-16 for speed."""
    from scipy.stats import poisson

    rng = np.random.default_rng(seed)
    quantiles = np.searchsorted(poisson.cdf(np.arange(12), 1.0), (np.arange(2**16) + 0.5) / 2**16).astype(np.uint8)
    unit = None if clusters is None else np.unique(clusters, return_inverse=True)[1]
    n_units = n if unit is None else int(unit.max()) + 1
    for _ in range(draws):
        drawn = quantiles[rng.integers(0, 2**16, n_units, dtype=np.uint16)]
        yield drawn if unit is None else drawn[unit]


def _perfect(cell: Ints | None, counts: NDArray[np.uint8] | None, weights: Floats | None) -> CurveAreas:
    if cell is None:
        return PERFECT_UNDEFINED
    rows = np.bincount(cell, weights=counts, minlength=4).astype(np.float64)
    if weights is None:
        return perfect_areas_of_cells(rows, rows)
    weighted = np.bincount(cell, weights=weights if counts is None else weights * counts, minlength=4)
    return perfect_areas_of_cells(rows, np.asarray(weighted, dtype=np.float64))


def _outcome_of(sums: RankedSums, perfect: CurveAreas) -> _Outcome:
    areas = curve_areas(sums)
    normalized = (areas.qini / perfect.qini if perfect.qini else np.nan, areas.uplift / perfect.uplift if perfect.uplift else np.nan)
    grid = sums.at(BAND_SHARES * sums.rows[-1])
    scores = np.array([normalized[0], areas.qini, normalized[1], areas.uplift, uplift_at(sums, TOP_SHARE)])
    return _Outcome(scores, np.array([uplift_values(grid), qini_values(grid)]))


def _ranked_learner(name: str, estimate: _Outcome, drawn: list[_Outcome]) -> RankedLearner:
    errors = np.std([row.scores for row in drawn], axis=0, ddof=1)
    scores = {
        score: normal_estimate(float(value), float(error)) for score, value, error in zip(_SCORES, estimate.scores, errors, strict=True)
    }
    half = normal_estimate(0.0, 1.0).high * np.std([row.curves for row in drawn], axis=0, ddof=1)
    low, high = estimate.curves - half, estimate.curves + half
    band = CurveBand(BAND_SHARES, estimate.curves[0], low[0], high[0], estimate.curves[1], low[1], high[1])
    return RankedLearner(learner=name, band=band, **scores)


def _differences(learners: tuple[RankedLearner, ...], drawn: Mapping[str, Floats], score: str) -> tuple[LearnerDifference, ...]:
    pairs = list(combinations(learners, 2))
    found = [
        normal_estimate(
            getattr(first, score).estimate - getattr(second, score).estimate,
            float(np.std(drawn[first.learner] - drawn[second.learner], ddof=1)),
        )
        for first, second in pairs
    ]
    p_values = [row.p_not_zero for row in found]
    return tuple(
        LearnerDifference(first.learner, second.learner, score, row, p, adjusted)
        for (first, second), row, p, adjusted in zip(pairs, found, p_values, holm_adjusted(p_values), strict=True)
    )
