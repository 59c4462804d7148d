"""The DR-learner: a regression of doubly robust scores on the features."""

from typing import Any

import numpy as np

from cjsim.uplift.learners.base_learners import fit_base_learner
from cjsim.uplift.learners.meta_learner import EffectModelLearner
from cjsim.uplift.learners.nuisances import MIN_PROPENSITY, augmented_scores
from cjsim.uplift.learners.training_rows import TrainingRows


class DRLearner(EffectModelLearner):
    """tau_a(x) is a regression of the score of arm a minus the score of the control on x (Kennedy 2023, algorithm 1).

    The scores are those of `augmented_scores`, cross-fitted.

    Parameters
    ----------
    outcome_model : str or estimator
        "linear", "trees", or a scikit-learn regressor or classifier.
    effect_model : str or regressor
        "linear", "trees", or a scikit-learn regressor.
    propensity_model : str or classifier
        "linear", "trees", or a scikit-learn classifier.
    min_propensity : float
        Lower bound of an estimated propensity in the denominator of a score, from 0 to 1. Known propensities are not clipped.
    folds : int, optional
        Number of folds. Defaults to `default_folds`.
    seed : int
        Seed of the folds and of the default models.

    Attributes
    ----------
    clipped_share_ : float
        Share of training rows whose estimated propensity of their own arm is below `min_propensity`.

    References
    ----------
    Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects, Electronic Journal of Statistics 17(2),
    3008-3049.
    """

    def __init__(
        self,
        outcome_model: Any = "linear",
        effect_model: Any = "linear",
        *,
        propensity_model: Any = "linear",
        min_propensity: float = MIN_PROPENSITY,
        folds: int | None = None,
        seed: int = 0,
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.min_propensity = min_propensity
        self.folds = folds
        self.seed = seed

    def _fit(self, rows: TrainingRows) -> None:
        nuisances = self._cross_fitted(rows)
        own = nuisances.propensity[np.arange(len(rows.y)), rows.treatment]
        self.clipped_share_ = 0.0 if nuisances.is_propensity_known else float((own < self.min_propensity).mean())
        scores = augmented_scores(rows.y, rows.treatment, nuisances, min_propensity=self.min_propensity)
        effects = (scores[:, arm] - scores[:, 0] for arm in range(1, rows.n_arms))
        self.effect_models_ = [fit_base_learner(self.effect_model, rows.X, effect, seed=self.seed) for effect in effects]
