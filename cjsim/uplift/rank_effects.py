"""Rank-weighted average treatment effects (RATE), which tell whether a ranking separates larger from smaller gains.

Let TOC(q) be the mean effect among the share q with the largest predictions minus the mean effect over all rows. AUTOC, the integral of
TOC(q), emphasizes a small share with large effects; QINI, the integral of q TOC(q), suits effects that vary over many customers. Both are 0
for a ranking without information.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.json_records import JsonRecord
from cjsim.uplift.curves import rank_order
from cjsim.uplift.interval_estimates import LEVEL, IntervalEstimate, normal_estimate
from cjsim.uplift.row_arrays import Floats, Ints, check_rows

Weighting = Literal["autoc", "qini"]


@dataclass(frozen=True)
class RankEffect(JsonRecord):
    """A rank-weighted average treatment effect, in the unit of the outcome, and the two-sided p-value of the hypothesis that it is 0."""

    weighting: Weighting
    effect: IntervalEstimate
    p: float
    draws: int


def rank_effect(
    effect_scores: Floats,
    predicted: Floats,
    *,
    weighting: Weighting = "autoc",
    clusters: Ints | None = None,
    draws: int = 200,
    seed: int,
) -> RankEffect:
    """Estimate a rank-weighted average treatment effect, with a standard error from half-sample draws.

    Rows with equal predictions are treated as if in random order: each takes the mean score of its tie.

    Parameters
    ----------
    effect_scores : ndarray of float64, shape (n,)
        Doubly robust scores of the effect, in the unit of the outcome.
    predicted : ndarray of float64, shape (n,)
        Predicted effect, or any priority, from a model that was fitted without these rows and without other test rows. Predictions
        pooled over the folds of a cross-fit make the test reject too often; see `heterogeneity_test` with "sequential".
    weighting : "autoc" or "qini"
    clusters : ndarray of int64, shape (n,), or None
        Cluster of each row. Clusters are drawn as a whole.
    draws : int
        Number of draws of half of the rows without replacement, at least 2.
    seed : int
        Seed of the draws.

    Returns
    -------
    RankEffect

    Raises
    ------
    InputError
        If the arrays do not match or contain nan, there are fewer than 4 rows or clusters, or the weighting is unknown.

    References
    ----------
    Yadlowsky, Fleming, Shah, Brunskill, Wager (2025), Journal of the American Statistical Association 120(549), 38-51, section 3.
    """
    check_rows({"effect_scores": effect_scores, "predicted": predicted, "clusters": clusters})
    if weighting not in ("autoc", "qini"):
        raise InputError(format_error("weighting", "must be 'autoc' or 'qini'", repr(weighting)))
    order, _ = rank_order(predicted)
    scores, ranks = effect_scores[order], predicted[order]
    unit = None if clusters is None else np.unique(clusters, return_inverse=True)[1][order]
    n_units = len(order) if unit is None else int(unit.max()) + 1
    if n_units < 4:
        raise InputError(format_error("effect_scores", "must have at least 4 rows or clusters", str(n_units), "Use a larger trial."))
    rng = np.random.default_rng(seed)
    half = np.arange(n_units) < n_units // 2
    drawn = np.empty(draws)
    for draw in range(draws):
        chosen = rng.permutation(half)
        rows = chosen if unit is None else chosen[unit]
        drawn[draw] = _rank_weighted_mean(scores[rows], ranks[rows], weighting)
    estimate = _rank_weighted_mean(scores, ranks, weighting)
    # A half drawn without replacement varies around the full sample as the full sample varies around the truth.
    error = float(np.sqrt(np.mean((drawn - estimate) ** 2)))
    effect = normal_estimate(estimate, error, LEVEL)
    return RankEffect(weighting, effect, effect.p_not_zero, draws)


def _rank_weighted_mean(scores: Floats, predicted: Floats, weighting: Weighting) -> float:
    """AUTOC or QINI of scores that are sorted by descending predictions."""
    n = len(scores)
    starts = np.append(0, np.flatnonzero(np.diff(predicted)) + 1)
    if len(starts) < n:
        sizes = np.diff(np.append(starts, n))
        scores = np.repeat(np.add.reduceat(scores, starts) / sizes, sizes)
    totals, rank = np.cumsum(scores), np.arange(1.0, n + 1.0)
    excess = totals / rank - totals[-1] / n
    return float(np.mean(excess) if weighting == "autoc" else np.mean(excess * rank / n))
