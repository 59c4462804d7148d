"""Test whether the effect of a treatment differs between customers, with any learner.

Two methods are provided. Both test the slope of the best linear predictor, one-sided: larger predictions must go with larger effects.

- "sequential" (the default): rows are divided into folds. For each fold but the first, the learner is fitted on all folds before it. The
  partial sums of the z values of these folds form a martingale, so sum / sqrt(folds - 1) is standard normal without heterogeneity (Luedtke
  and van der Laan 2016; Wager 2024). The false-alarm rate is alpha, and most rows are used for testing. The result depends on a single
  random division.
- "splits": the learner is fitted on a random half and tested on the other, many times. The p-value is twice the median, and intervals are
  medians of intervals at level 1 - alpha / 2 (Chernozhukov and others 2025). The result does not depend on a single division. The cost is
  power: without heterogeneity, its false-alarm rate is far below alpha. `experiments/uplift_heterogeneity.py` compares the two.

Do not pool the folds of an ordinary cross-fit instead: their training rows are the test rows of other folds, and the pooled test rejects
too often.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error
from cjsim.json_records import JsonRecord, Number
from cjsim.uplift.best_linear_predictor import HeldOutRows, best_linear_predictor, sorted_group_effects
from cjsim.uplift.effect_groups import GroupEffect
from cjsim.uplift.interval_estimates import LEVEL, IntervalEstimate, normal_estimate, normal_tail
from cjsim.uplift.row_arrays import Floats, Ints, check_rows, check_two_arms, treated_probability

FitPredict = Callable[[Ints, Ints], tuple[Floats, Floats]]


@dataclass(frozen=True)
class SplitPlan:
    """How rows are divided for the test."""

    method: Literal["sequential", "splits"] = "sequential"
    count: int = 5  # number of folds, at least 2; or of random halves, at least 1 (20 or more are usual)
    groups: int = 5  # groups of predicted effect, at least 2
    seed: int = 1

    def __post_init__(self) -> None:
        least = {"sequential": 2, "splits": 1}
        if self.method not in least:
            raise InputError(format_error("method", "must be 'sequential' or 'splits'", repr(self.method)))
        if self.count < least[self.method]:
            raise InputError(format_error("count", f"must be at least {least[self.method]}", str(self.count), "Use more splits."))
        if self.groups < 2:
            raise InputError(format_error("groups", "must be at least 2", str(self.groups), "Use 5."))


@dataclass(frozen=True)
class HeterogeneityTest(JsonRecord):
    """Whether effects differ between customers. Effects are in the unit of the outcome."""

    learner: str
    method: str
    splits: int  # folds, or random halves
    p: float
    average_effect: IntervalEstimate
    slope: IntervalEstimate  # of the effect on the predicted effect; unitless
    groups: tuple[GroupEffect, ...]  # from the largest predictions to the smallest
    spread: IntervalEstimate  # effect of the first group minus that of the last
    false_alarm_rate: Number = 1.0 - LEVEL

    @property
    def is_proven(self) -> bool:
        """Whether the effect is shown to differ between customers."""
        return self.p <= self.false_alarm_rate


def heterogeneity_test(
    y: Floats,
    treatment: Ints,
    fit_predict: FitPredict,
    *,
    propensity: Floats | tuple[float, float],
    clusters: Ints | None = None,
    learner: str,
    plan: SplitPlan | None = None,
) -> HeterogeneityTest:
    """Test whether the effect differs between customers in a randomized trial, with predictions for rows that the learner has not seen.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcome.
    treatment : ndarray of int64, shape (n,)
        0 for the control, 1 for the treated arm.
    fit_predict : callable
        Takes the rows to fit on and those to predict, both ndarrays of int64; returns two ndarrays of float64, shape (n_predicted,): the
        predicted outcome without treatment (any proxy for the outcome; it only reduces noise), and the predicted effect.
    propensity : ndarray of float64, shape (n, 2), or a pair of floats
        Known probabilities of the control and the treated arm.
    clusters : ndarray of int64, shape (n,), or None
        Cluster of each row. Clusters are never split, and standard errors account for them.
    learner : str
        Name of the learner in the result.
    plan : SplitPlan or None
        Method and number of splits; None for the sequential method with 5 folds.

    Returns
    -------
    HeterogeneityTest

    Raises
    ------
    InputError
        If the arrays do not match, contain nan, or do not have exactly the arms 0 and 1, if a probability is not between 0 and 1, if
        there are fewer than 10 rows or clusters for each group and split, or if predictions are not finite.

    References
    ----------
    Chernozhukov, Demirer, Duflo, Fernandez-Val (2025), Econometrica 93(4), 1121-1164; Wager (2024), arXiv 2405.05534; Luedtke,
    van der Laan (2016), Annals of Statistics 44(2), 713-742.
    """
    plan = plan or SplitPlan()
    check_rows({"y": y, "treatment": treatment, "clusters": clusters})
    check_two_arms(treatment)
    probability = treated_probability(propensity, len(y))
    rng = np.random.default_rng(plan.seed)
    findings = []
    for train, test in _divisions(treatment, clusters, plan, rng):
        baseline, predicted = fit_predict(train, test)
        check_rows({"rows to predict": test, "predicted outcome": baseline, "predicted effect": predicted})
        rows = HeldOutRows(y[test], treatment[test], probability[test], baseline, predicted, None if clusters is None else clusters[test])
        findings.append(_findings_of(rows, plan, rng))
    combine = _medians if plan.method == "splits" else _means
    p, average, slope, groups, spread = combine(findings)
    return HeterogeneityTest(learner, plan.method, plan.count, p, average, slope, groups, spread)


@dataclass(frozen=True)
class _Findings:
    """Estimates on the test rows of one division."""

    average: IntervalEstimate
    slope: IntervalEstimate
    groups: tuple[GroupEffect, ...]
    spread: IntervalEstimate


_Combined = tuple[float, IntervalEstimate, IntervalEstimate, tuple[GroupEffect, ...], IntervalEstimate]


def _divisions(treatment: Ints, clusters: Ints | None, plan: SplitPlan, rng: np.random.Generator) -> Iterator[tuple[Ints, Ints]]:
    """Rows to fit on and rows to test on. Without clusters, both arms are divided in the same proportion."""
    unit = np.arange(len(treatment)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    stratum = treatment if clusters is None else np.zeros(int(unit.max()) + 1, dtype=np.int64)
    parts = 2 if plan.method == "splits" else plan.count
    if np.bincount(stratum).min() < (least := 10 * parts * plan.groups):
        what = "rows in each arm" if clusters is None else "clusters"
        must, got = f"must have at least {least} {what}", str(np.bincount(stratum).min())
        raise InputError(format_error("the trial", must, got, "Use fewer splits or groups, or a larger trial."))
    if plan.method == "splits":
        for _ in range(plan.count):
            fold = _random_folds(stratum, 2, rng)[unit]
            yield np.flatnonzero(fold == 0), np.flatnonzero(fold == 1)
        return
    fold = _random_folds(stratum, parts, rng)[unit]
    for k in range(1, parts):
        yield np.flatnonzero(fold < k), np.flatnonzero(fold == k)


def _random_folds(stratum: Ints, parts: int, rng: np.random.Generator) -> Ints:
    """Random fold of each unit, shape (n_units,), of equal sizes within each stratum."""
    fold = np.empty(len(stratum), dtype=np.int64)
    for value in np.unique(stratum):
        rows = np.flatnonzero(stratum == value)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % parts
    return fold


def _findings_of(rows: HeldOutRows, plan: SplitPlan, rng: np.random.Generator) -> _Findings:
    level = (1.0 + LEVEL) / 2.0 if plan.method == "splits" else LEVEL
    n = len(rows.y)
    group = np.empty(n, dtype=np.int64)
    group[np.lexsort((rng.random(n), -rows.predicted))] = np.arange(n) * plan.groups // n  # ties in random order: no group is empty
    return _Findings(*best_linear_predictor(rows, level=level), *sorted_group_effects(rows, group, level=level))


def _medians(findings: list[_Findings]) -> _Combined:
    """Twice the median p-value, and medians of estimates, errors and limits over random halves."""
    p = min(1.0, 2.0 * float(np.median([one.slope.p_above_zero for one in findings])))
    return p, *_combine_estimates(findings, _median_estimate)


def _means(findings: list[_Findings]) -> _Combined:
    """The p-value of the sum of z values, and means of estimates over folds, whose errors are uncorrelated."""
    z = [one.slope.estimate / one.slope.error if one.slope.error > 0.0 else 0.0 for one in findings]
    return normal_tail(float(np.sum(z)) / float(np.sqrt(len(z)))), *_combine_estimates(findings, _mean_estimate)


def _combine_estimates(
    findings: list[_Findings], combine: Callable[[list[IntervalEstimate]], IntervalEstimate]
) -> tuple[IntervalEstimate, IntervalEstimate, tuple[GroupEffect, ...], IntervalEstimate]:
    def _group_of(members: tuple[GroupEffect, ...]) -> GroupEffect:
        sizes, predicted = [one.n for one in members], [one.predicted for one in members]
        return GroupEffect(members[0].group, int(np.median(sizes)), float(np.median(predicted)), combine([one.effect for one in members]))

    groups = tuple(_group_of(members) for members in zip(*(one.groups for one in findings), strict=True))
    average, slope, spread = (combine([getattr(one, name) for one in findings]) for name in ("average", "slope", "spread"))
    return average, slope, groups, spread


def _median_estimate(estimates: list[IntervalEstimate]) -> IntervalEstimate:
    columns: NDArray[np.float64] = np.array([(one.estimate, one.error, one.low, one.high) for one in estimates])
    return IntervalEstimate(*np.median(columns, axis=0).tolist())


def _mean_estimate(estimates: list[IntervalEstimate]) -> IntervalEstimate:
    errors = np.array([one.error for one in estimates])
    mean = float(np.mean([one.estimate for one in estimates]))
    return normal_estimate(mean, float(np.sqrt(errors @ errors)) / len(estimates), LEVEL)
