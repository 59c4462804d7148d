"""What can be learned about one outcome: heterogeneity, learners, curves, groups and policies."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cjsim.readout.assignment_probabilities import assignment_probabilities
from cjsim.readout.heterogeneity_by_arm import ArmHeterogeneity, arm_heterogeneity
from cjsim.readout.learning_plan import LearningPlan
from cjsim.readout.policy_rules import PolicyBasis
from cjsim.readout.readout_settings import ReadoutSettings
from cjsim.uplift.curve_bootstrap import CurveBootstrap, bootstrap_curves
from cjsim.uplift.effect_groups import Calibration, GroupEffect, calibration, harmed_groups
from cjsim.uplift.interval_estimates import holm_adjusted
from cjsim.uplift.learners.held_out_predictions import predict_held_out
from cjsim.uplift.learners.learner_selection import CONSTANT_EFFECT, LearnerSelection, compare_losses, predictions_of_chosen
from cjsim.uplift.learners.nuisances import Nuisances, augmented_scores, cross_fit_nuisances
from cjsim.uplift.learners.training_rows import check_rows
from cjsim.uplift.policy_value import PolicyComparison, PolicyValue, policy_values
from cjsim.uplift.row_arrays import Floats, Ints
from cjsim.uplift.trials.dataset import Trial

NOBODY = "nobody"


@dataclass(frozen=True, eq=False)
class ArmRanking:
    """Rankings of customers by the predicted effect of one arm.

    Attributes
    ----------
    arm : str
        Label of the arm.
    curves : CurveBootstrap
        Curves and scores of each learner, and their paired differences.
    groups : Calibration
        Observed effect by group of effect predicted by the selected learner.
    harmed : tuple of GroupEffect
        Groups that are proven to be harmed; empty unless heterogeneity is proven.
    """

    arm: str
    curves: CurveBootstrap
    groups: Calibration
    harmed: tuple[GroupEffect, ...]


@dataclass(frozen=True, eq=False)
class LearnedOutcome:
    """What can be learned about one outcome.

    Attributes
    ----------
    plan : LearningPlan
        Learners, folds and draws.
    heterogeneity : tuple of ArmHeterogeneity
        One per treated arm.
    selection : LearnerSelection
        Losses of the learners, and the learner with the lowest loss.
    ranked_by : str
        The learner that a rule uses: the selected one, or the first of the plan if none beats a constant effect. To reduce optimism in the
        values of groups and policies, the learner of each fold is selected by its losses on the other folds.
    rankings : tuple of ArmRanking
        One per treated arm.
    policies : PolicyComparison
        Values of policies.
    proposed : str or None
        The personalized policy to use; None unless heterogeneity is proven and the policy's gain over every constant policy is clear.
    basis : PolicyBasis
        Predictions and scores from which the personalized policies are derived; exports them as targeting rules.
    """

    plan: LearningPlan
    heterogeneity: tuple[ArmHeterogeneity, ...]
    selection: LearnerSelection
    ranked_by: str
    rankings: tuple[ArmRanking, ...]
    policies: PolicyComparison
    proposed: str | None
    basis: PolicyBasis

    @property
    def ranked_by_fold(self) -> str:
        """Learners whose predictions are used for groups and policies, such as 'DR' or 'DR (4 of 5 folds) and T (1 of 5 folds)'."""
        chosen, total = self.folds_by_learner, len(self.selection.chosen_by_fold)
        *others, last = (f"{name} ({count} of {total} folds)" for name, count in chosen.items())
        return next(iter(chosen)) if len(chosen) == 1 else f"{', '.join(others)} and {last}"

    @property
    def folds_by_learner(self) -> dict[str, int]:
        """Number of folds in which groups and policies use each learner, largest first."""
        chosen = Counter(self.plan.learners[0] if name == CONSTANT_EFFECT else name for name in self.selection.chosen_by_fold)
        return dict(chosen.most_common())

    def policy(self, rule: str) -> PolicyValue:
        """Return the value of a policy."""
        return next(one for one in self.policies.policies if one.rule == rule)


def learn_outcome(
    trial: Trial, outcome: str, plan: LearningPlan, settings: ReadoutSettings, *, advance: Callable[[str], None]
) -> LearnedOutcome:
    """Learn which customers gain, and which policy to use.

    Parameters
    ----------
    trial : Trial
        Rows with a known outcome. The trial's propensities are used if it has any.
    outcome : str
        Name of the outcome.
    plan : LearningPlan
        Learners, folds and draws.
    settings : ReadoutSettings
        Value, costs and budget.
    advance : callable
        Called with a label after each step.

    Returns
    -------
    LearnedOutcome
    """
    y = trial.outcomes[outcome].values
    propensity = assignment_probabilities(trial)
    nuisances = outcome_nuisances(trial, outcome, plan.folds, plan.seed)
    scores = augmented_scores(y, trial.treatment, nuisances)
    advance("doubly robust scores")
    arms = range(1, len(trial.arms))
    tests = [arm_heterogeneity(trial, outcome, arm, plan, propensity=propensity, scores=scores, advance=advance) for arm in arms]
    adjusted = holm_adjusted([one.test.p for one in tests])
    heterogeneity = tuple(replace(one, p_adjusted=p) for one, p in zip(tests, adjusted, strict=True))
    predictions = _held_out_predictions(trial, y, plan, nuisances, advance)
    selection = compare_losses(predictions, y, trial.treatment, nuisances=nuisances, clusters=trial.clusters)
    ranked_by = plan.learners[0] if selection.chosen == CONSTANT_EFFECT else selection.chosen
    of_chosen = predictions_of_chosen(predictions, selection, nuisances.fold, otherwise=plan.learners[0])
    predicted = of_chosen.reshape(len(y), -1)
    rankings = []
    for arm in arms:
        curves = _curves(trial, y, arm, predictions, plan)
        found = calibration(scores[:, arm] - scores[:, 0], predicted[:, arm - 1], groups=plan.split.groups, clusters=trial.clusters)
        harmed = harmed_groups(found.groups) if heterogeneity[arm - 1].is_proven else ()
        rankings.append(ArmRanking(trial.arms[arm], curves, found, harmed))
        advance(f"curves of '{trial.arms[arm]}'")
    value, costs, max_share = settings.value_of(outcome), settings.costs_of(trial.arms), settings.max_share
    policies = policy_values(
        scores,
        predicted,
        arms=trial.arms,
        value=value,
        costs=costs,
        max_share=max_share,
        clusters=trial.clusters,
        seed=plan.seed,
    )
    is_proven = any(one.is_proven for one in heterogeneity)
    proposed = next((one.rule for one in policies.policies if one.rule == policies.best and one.is_clear), None) if is_proven else None
    extra_costs = tuple(cost - costs[0] for cost in costs[1:])
    of_ranked_by = predictions[ranked_by].reshape(len(y), -1)  # the rule uses one learner for all folds
    basis = PolicyBasis(trial, outcome, plan, ranked_by, of_ranked_by, scores[:, 1:] - scores[:, :1], value, max_share, extra_costs)
    return LearnedOutcome(plan, heterogeneity, selection, ranked_by, tuple(rankings), policies, proposed, basis)


def outcome_nuisances(trial: Trial, outcome: str, folds: int, seed: int) -> Nuisances:
    """Cross-fit the models of an outcome, with the probabilities from `assignment_probabilities`.

    Parameters
    ----------
    trial : Trial
        Rows with a known outcome.
    outcome : str
        Name of the outcome.
    folds : int
        Number of folds.
    seed : int
        Seed of the folds.
    """
    return cross_fit_nuisances(
        trial.features,
        trial.outcomes[outcome].values,
        trial.treatment,
        propensity=assignment_probabilities(trial),
        folds=folds,
        seed=seed,
        clusters=trial.clusters,
    )


def _held_out_predictions(
    trial: Trial, y: Floats, plan: LearningPlan, nuisances: Nuisances, advance: Callable[[str], None]
) -> dict[str, Floats]:
    rows = check_rows(trial.features, y, trial.treatment, propensity=nuisances.propensity, clusters=trial.clusters)
    found = {}
    for name in plan.learners:
        found[name] = predict_held_out(plan.new_learner(name), rows, nuisances.fold)
        advance(f"learner {name}")
    return found


def _curves(trial: Trial, y: Floats, arm: int, predictions: dict[str, Floats], plan: LearningPlan) -> CurveBootstrap:
    """Bootstrap the curves of an arm on its rows and those of the control."""
    rows = np.flatnonzero((trial.treatment == 0) | (trial.treatment == arm))
    own: Ints = trial.treatment[rows]
    weights = None if trial.propensity is None else 1 / trial.propensity[rows, own]
    return bootstrap_curves(
        y[rows],
        (own == arm).astype(np.int64),
        {name: values.reshape(len(y), -1)[rows, arm - 1] for name, values in predictions.items()},
        weights=weights,
        clusters=None if trial.clusters is None else trial.clusters[rows],
        draws=plan.draws,
        seed=plan.seed,
    )
