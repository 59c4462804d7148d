"""Personalized policies as targeting rules: the selected learner is fitted to all rows, and the rule treats customers above the cutoff."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cjsim.errors import InputError, format_error, quote_choices, short_repr
from cjsim.readout.assignment_probabilities import assignment_probabilities
from cjsim.readout.learning_plan import LearningPlan
from cjsim.uplift.row_arrays import Floats
from cjsim.uplift.treatment_rules import BEST_SHARE, GAIN_ABOVE_COST, best_cut
from cjsim.uplift.trials.dataset import Trial

if TYPE_CHECKING:
    from cjsim.uplift.targeting.rule_tables import TargetingRule

_LARGEST = float(np.finfo(np.float64).max)  # JSON has no infinity


@dataclass(frozen=True, eq=False)
class PolicyBasis:
    """Predictions, scores and settings from which the personalized policies of an outcome are derived.

    Attributes
    ----------
    trial : Trial
        Rows with a known outcome.
    outcome : str
        Name of the outcome.
    plan : LearningPlan
        Learners and folds.
    learner : str
        Name of the selected learner.
    predicted, scores : ndarray of float64, shape (n, n_arms - 1)
        Effect of each arm relative to the control, in the unit of the outcome: predicted by copies of the selected learner that have not
        seen the row, and as doubly robust scores.
    value, max_share : float
        Value of one unit of the outcome, and largest share of customers to treat.
    extra_costs : tuple of float
        Cost per customer of each arm other than the control, minus the cost of the control.
    """

    trial: Trial
    outcome: str
    plan: LearningPlan
    learner: str
    predicted: Floats
    scores: Floats
    value: float
    max_share: float
    extra_costs: tuple[float, ...]

    def rule(self, policy: str, *, distill_depth: int | None = None) -> "TargetingRule":
        """Export a policy for one arm.

        The score is the predicted gain before costs: `value` times the predicted effect. For the policy 'gain above cost', the threshold is
        the cost; for 'best share', it is the policy's cutoff plus the cost.

        Parameters
        ----------
        policy : str
            Name of the policy.
        distill_depth : int, optional
            As in `export_rule`.

        Returns
        -------
        TargetingRule

        Raises
        ------
        InputError
            If the policy does not treat some customers with one arm, or the learner cannot be exported.
        """
        from cjsim.uplift.targeting.rule_export import export_rule

        arm = self._arm_of(policy)
        threshold = min(max(self._cut(policy, arm) + self.extra_costs[arm - 1], -_LARGEST), _LARGEST)
        rows = self.trial
        learner = self.plan.new_learner(self.learner).fit(
            rows.features,
            rows.outcomes[self.outcome].values,
            rows.treatment,
            propensity=assignment_probabilities(rows),
            clusters=rows.clusters,
        )
        if distill_depth is not None:
            if not self.value > 0:
                remedy = "Omit 'distill_depth'."
                raise InputError(format_error("value", "must be above 0 to distill a rule", short_repr(self.value), remedy))
            return export_rule(learner, rows.features, threshold=threshold / self.value, arm=arm, distill_depth=distill_depth)
        rule = export_rule(learner, rows.features, arm=arm)
        return replace(rule, terms=tuple(replace(term, weight=self.value * term.weight) for term in rule.terms), threshold=threshold)

    def _cut(self, policy: str, arm: int) -> float:
        """Return the predicted gain after costs above which the policy treats a customer."""
        if policy.startswith(GAIN_ABOVE_COST):
            return 0.0
        cost = self.extra_costs[arm - 1]
        gains, scores = (self.value * effects[:, arm - 1] - cost for effects in (self.predicted, self.scores))
        return best_cut(gains, scores, self.max_share)

    def _arm_of(self, policy: str) -> int:
        """Return the position of the arm that a policy assigns."""
        kind, _, arm = policy.partition(": ")
        if arm in self.trial.arms[1:] and kind.startswith((GAIN_ABOVE_COST, BEST_SHARE)):
            return self.trial.arms.index(arm)
        examples = [f"{GAIN_ABOVE_COST}: {arm}" for arm in self.trial.arms[1:]]
        must = f"must treat some customers with one arm, such as {quote_choices(examples)}"
        raise InputError(format_error("policy", must, short_repr(policy), "Export a rule for each arm, and combine them in a policy."))
