"""The S-learner: a single outcome model, with the arm among its features."""

from typing import Any

import numpy as np
import pandas as pd

from cjsim.errors import InputError, format_error
from cjsim.uplift.learners.base_learners import FloatArray, fit_base_learner, numeric_encoder, predict_mean
from cjsim.uplift.learners.meta_learner import MetaLearner
from cjsim.uplift.learners.training_rows import IntArray, TrainingRows


class SLearner(MetaLearner):
    """tau_a(x) = mu(x, a) - mu(x, 0), with a single model mu of the outcome (Künzel and others 2019).

    A linear model without interactions gives all rows the same effect on the model's scale (log-odds for a logistic model), so its ranking
    by effect is only a ranking by outcome. Trees find interactions on their own.

    Parameters
    ----------
    outcome_model : str or estimator
        "linear", "trees", or a scikit-learn regressor or classifier.
    interactions : bool
        Whether the model also receives the product of each feature and each treatment indicator. Features are then encoded as numbers.
    seed : int
        Seed of a default model.

    References
    ----------
    Künzel, Sekhon, Bickel, Yu (2019), Metalearners for estimating heterogeneous treatment effects, PNAS 116(10), 4156-4165.
    """

    def __init__(self, outcome_model: Any = "linear", *, interactions: bool = True, seed: int = 0) -> None:
        self.outcome_model = outcome_model
        self.interactions = interactions
        self.seed = seed

    def _fit(self, rows: TrainingRows) -> None:
        if self.interactions:
            self.encoder_ = numeric_encoder().fit(rows.X)
        self.model_ = fit_base_learner(self.outcome_model, self._design(rows.X, rows.treatment), rows.y, seed=self.seed)

    def _predict(self, X: Any) -> FloatArray:
        means = [predict_mean(self.model_, self._design(X, np.full(len(X), arm))) for arm in range(self.n_arms_)]
        return np.column_stack([mean - means[0] for mean in means[1:]])

    def _design(self, X: pd.DataFrame, treatment: IntArray) -> pd.DataFrame:
        """Features, treatment indicators and their products."""
        indicators = {f"treatment_{arm}": (treatment == arm).astype(np.float64) for arm in range(1, self.n_arms_)}
        if self.interactions:
            encoded = self.encoder_.transform(X)
            blocks = [encoded, *(np.column_stack([treated, encoded * treated[:, None]]) for treated in indicators.values())]
            return pd.DataFrame(np.hstack(blocks)).add_prefix("z")
        if taken := sorted(set(indicators) & set(X.columns)):
            raise InputError(format_error("features", "must not have the name of a treatment indicator", taken[0], "Rename the column."))
        return X.assign(**indicators)
