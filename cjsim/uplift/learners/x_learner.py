"""The X-learner: effects imputed from the outcome model of the other arm."""

from typing import Any

import numpy as np

from cjsim.uplift.learners.base_learners import FloatArray, fit_base_learner, predict_mean
from cjsim.uplift.learners.meta_learner import MetaLearner
from cjsim.uplift.learners.nuisances import fit_arm_outcomes, fit_propensity, predict_propensity
from cjsim.uplift.learners.training_rows import TrainingRows


class XLearner(MetaLearner):
    """tau_a(x) = e(x) tau_a0(x) + (1 - e(x)) tau_a1(x) (Künzel and others 2019, equations 8 to 10).

    tau_a1 is fitted to y - mu_0(x) over the rows of arm a, tau_a0 to mu_a(x) - y over the controls. e(x) is the probability of arm a among
    arm a and the control. If a known propensity varies between rows, it is modeled, because `predict` does not receive it.

    Parameters
    ----------
    outcome_model : str or estimator
        "linear", "trees", or a scikit-learn regressor or classifier.
    effect_model : str or regressor
        "linear", "trees", or a scikit-learn regressor.
    propensity_model : str or classifier
        "linear", "trees", or a scikit-learn classifier.
    seed : int
        Seed of the default models.

    References
    ----------
    Künzel, Sekhon, Bickel, Yu (2019), Metalearners for estimating heterogeneous treatment effects, PNAS 116(10), 4156-4165.
    """

    def __init__(
        self, outcome_model: Any = "linear", effect_model: Any = "linear", *, propensity_model: Any = "linear", seed: int = 0
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.seed = seed

    def _fit(self, rows: TrainingRows) -> None:
        models = fit_arm_outcomes(self.outcome_model, rows, self.seed)
        by_arm = [rows.take(rows.treatment == arm) for arm in range(rows.n_arms)]
        control = by_arm[0]
        self.effect_models_ = []
        for treated, model in zip(by_arm[1:], models[1:], strict=True):
            among_controls = predict_mean(model, control.X) - control.y
            among_treated = treated.y - predict_mean(models[0], treated.X)
            self.effect_models_.append(
                (
                    fit_base_learner(self.effect_model, control.X, among_controls, seed=self.seed),
                    fit_base_learner(self.effect_model, treated.X, among_treated, seed=self.seed),
                )
            )
        is_constant = rows.propensity is not None and not np.ptp(rows.propensity, axis=0).any()
        self.propensity_ = rows.propensity[0] if rows.propensity is not None and is_constant else None
        self.propensity_model_ = None if is_constant else fit_propensity(self.propensity_model, rows, self.seed)

    def _predict(self, X: Any) -> FloatArray:
        shares: Any = self.propensity_ if self.propensity_model_ is None else predict_propensity(self.propensity_model_, X).T
        effects = []
        for arm, (among_controls, among_treated) in enumerate(self.effect_models_, start=1):
            weight = shares[arm] / (shares[0] + shares[arm])
            effects.append(weight * predict_mean(among_controls, X) + (1 - weight) * predict_mean(among_treated, X))
        return np.column_stack(effects)
