"""The T-learner: an outcome model for each arm."""

from typing import Any

import numpy as np

from cjsim.uplift.learners.base_learners import FloatArray, predict_mean
from cjsim.uplift.learners.meta_learner import MetaLearner
from cjsim.uplift.learners.nuisances import fit_arm_outcomes
from cjsim.uplift.learners.training_rows import TrainingRows


class TLearner(MetaLearner):
    """tau_a(x) = mu_a(x) - mu_0(x), with an outcome model for each arm (Künzel and others 2019).

    Parameters
    ----------
    outcome_model : str or estimator
        "linear", "trees", or a scikit-learn regressor or classifier.
    seed : int
        Seed of the default models.

    References
    ----------
    Künzel, Sekhon, Bickel, Yu (2019), Metalearners for estimating heterogeneous treatment effects, PNAS 116(10), 4156-4165.
    """

    def __init__(self, outcome_model: Any = "linear", *, seed: int = 0) -> None:
        self.outcome_model = outcome_model
        self.seed = seed

    def _fit(self, rows: TrainingRows) -> None:
        self.outcome_models_ = fit_arm_outcomes(self.outcome_model, rows, self.seed)

    def _predict(self, X: Any) -> FloatArray:
        means = [predict_mean(model, X) for model in self.outcome_models_]
        return np.column_stack([mean - means[0] for mean in means[1:]])
