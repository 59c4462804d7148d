"""Heterogeneity tests of one arm against the control, with each learner of a plan, and their conclusions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cjsim.json_records import ComparableRecord
from cjsim.readout.learning_plan import LearningPlan
from cjsim.uplift.heterogeneity import HeterogeneityTest, heterogeneity_test
from cjsim.uplift.interval_estimates import LEVEL
from cjsim.uplift.learners.base_learners import fit_base_learner, predict_mean
from cjsim.uplift.rank_effects import RankEffect, rank_effect
from cjsim.uplift.row_arrays import Floats, Ints
from cjsim.uplift.trials.dataset import Trial

_SMALL_SHARE = 0.5  # of the average effect: heterogeneity is small unless the spread between groups is shown to exceed it (assumed)


@dataclass(frozen=True)
class ArmHeterogeneity(ComparableRecord):
    """Heterogeneity tests of one arm against the control.

    Attributes
    ----------
    arm : str
        Label of the arm.
    test : HeterogeneityTest
        The test with the deciding learner.
    p_adjusted : float
        P-value of `test`, adjusted for the number of arms (Holm).
    others : tuple of HeterogeneityTest
        Tests with the other learners, for comparison.
    rate : RankEffect
        Rank-weighted average treatment effect (AUTOC) of the deciding learner, fitted on one half and tested on the other.
    """

    arm: str
    test: HeterogeneityTest
    p_adjusted: float
    others: tuple[HeterogeneityTest, ...]
    rate: RankEffect

    @property
    def is_proven(self) -> bool:
        """Whether the test with the deciding learner is significant after correction for the number of arms."""
        return self.p_adjusted <= 1 - LEVEL

    @property
    def is_small(self) -> bool:
        """Whether the spread between the groups is not shown to exceed half of the average effect."""
        return not self.test.spread.low > _SMALL_SHARE * abs(self.test.average_effect.estimate)

    @property
    def every_group_gains(self) -> bool:
        """Whether the interval of each group is above 0."""
        return min(group.effect.low for group in self.test.groups) > 0


@dataclass(frozen=True, eq=False)
class _PairRows:
    """Rows of the control and one arm; the arm is coded 1."""

    trial: Trial
    y: Floats
    treatment: Ints
    propensity: Floats


def arm_heterogeneity(
    trial: Trial, outcome: str, arm: int, plan: LearningPlan, *, propensity: Floats, scores: Floats, advance: Callable[[str], None]
) -> ArmHeterogeneity:
    """Test whether the effect of an arm differs between customers.

    Parameters
    ----------
    trial : Trial
        Rows with a known outcome.
    outcome : str
        Name of the outcome.
    arm : int
        Position of the arm.
    plan : LearningPlan
        Learners and folds.
    propensity, scores : ndarray of float64, shape (n, n_arms)
        Probability of each arm, and doubly robust scores.
    advance : callable
        Called with a label after each step.

    Returns
    -------
    ArmHeterogeneity
        `p_adjusted` equals `p`; the caller corrects it for the number of arms.
    """
    is_pair = (trial.treatment == 0) | (trial.treatment == arm)
    pair = trial.rows(is_pair)
    of_pair = propensity[is_pair][:, [0, arm]]
    rows = _PairRows(
        pair, pair.outcomes[outcome].values, (pair.treatment == arm).astype(np.int64), of_pair / of_pair.sum(axis=1, keepdims=True)
    )
    tests = []
    for learner in plan.learners:
        fit_predict = _fit_predict(rows, plan, learner)
        tests.append(
            heterogeneity_test(
                rows.y,
                rows.treatment,
                fit_predict,
                propensity=rows.propensity,
                clusters=pair.clusters,
                learner=learner,
                plan=plan.split,
            )
        )
        advance(f"heterogeneity of '{trial.arms[arm]}', learner {learner}")
    effect_scores = (scores[:, arm] - scores[:, 0])[is_pair]
    return ArmHeterogeneity(trial.arms[arm], tests[0], tests[0].p, tuple(tests[1:]), _rate(rows, plan, effect_scores))


def _fit_predict(rows: _PairRows, plan: LearningPlan, name: str) -> Callable[[Ints, Ints], tuple[Floats, Floats]]:
    """Return a function that fits a learner on some rows, and predicts the control outcome and the effect for other rows."""
    features, clusters = rows.trial.features, rows.trial.clusters

    def _fitted(train: Ints, test: Ints) -> tuple[Floats, Floats]:
        controls = train[rows.treatment[train] == 0]
        baseline = fit_base_learner("linear", features.iloc[controls], rows.y[controls], seed=plan.seed)
        learner = plan.new_learner(name).fit(
            features.iloc[train],
            rows.y[train],
            rows.treatment[train],
            propensity=rows.propensity[train],
            clusters=None if clusters is None else clusters[train],
        )
        held_out = features.iloc[test]
        return predict_mean(baseline, held_out), learner.predict(held_out)

    return _fitted


def _rate(rows: _PairRows, plan: LearningPlan, effect_scores: Floats) -> RankEffect:
    clusters = rows.trial.clusters
    rng = np.random.default_rng(plan.seed)
    unit = np.arange(len(rows.y)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    half = rng.permutation(np.arange(int(unit.max()) + 1) % 2)[unit]
    train, test = np.flatnonzero(half == 0), np.flatnonzero(half == 1)
    _, predicted = _fit_predict(rows, plan, plan.learners[0])(train, test)
    return rank_effect(
        effect_scores[test], predicted, clusters=None if clusters is None else clusters[test], draws=plan.draws, seed=plan.seed
    )
