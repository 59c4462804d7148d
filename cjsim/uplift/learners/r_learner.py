"""The R-learner: residuals of the outcome on residuals of the treatment."""

from typing import Any, NamedTuple

import numpy as np

from cjsim.uplift.learners.base_learners import FloatArray, fit_base_learner
from cjsim.uplift.learners.meta_learner import EffectModelLearner
from cjsim.uplift.learners.nuisances import Nuisances
from cjsim.uplift.learners.training_rows import IntArray, TrainingRows

_MARGIN = 1e-6


class Residuals(NamedTuple):
    """Residuals of the rows of an arm and of the control.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Indices of the rows.
    outcome : ndarray of float64, shape (m,)
        y - m(x), where m(x) = e(x) mu_a(x) + (1 - e(x)) mu_0(x).
    treatment : ndarray of float64, shape (m,)
        1{treatment = a} - e(x), where e(x) is the probability of arm a among arm a and the control. e(x) is kept between 1e-6 and
        1 - 1e-6, so that no residual is 0.
    """

    rows: IntArray
    outcome: FloatArray
    treatment: FloatArray


def residuals_of_arm(y: FloatArray, treatment: IntArray, nuisances: Nuisances, arm: int) -> Residuals:
    """Return residuals of the outcome and of the treatment among the rows of an arm and of the control (Robinson 1988).

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcomes.
    treatment : ndarray of int64, shape (n,)
        Index of the arm.
    nuisances : Nuisances
        Cross-fitted outcomes and propensities of the same rows.
    arm : int
        Arm to compare with the control, at least 1.

    Returns
    -------
    Residuals
    """
    rows = np.flatnonzero((treatment == 0) | (treatment == arm))
    shares, means = nuisances.propensity[rows], nuisances.outcome[rows]
    share = np.clip(shares[:, arm] / (shares[:, 0] + shares[:, arm]), _MARGIN, 1 - _MARGIN)
    mean = share * means[:, arm] + (1 - share) * means[:, 0]
    return Residuals(rows, y[rows] - mean, (treatment[rows] == arm) - share)


class RLearner(EffectModelLearner):
    """tau_a minimizes the mean of ((y - m(x)) - (1{treatment = a} - e(x)) tau_a(x))^2 (Nie and Wager 2021, equation 4).

    Each arm is compared with the control, on the rows of both. m and e are cross-fitted. m(x) combines the outcome models of the two arms.
    The effect model is fitted to the ratio of the residuals, weighted by the squared residual of the treatment.

    Parameters
    ----------
    outcome_model : str or estimator
        "linear", "trees", or a scikit-learn regressor or classifier.
    effect_model : str or regressor
        "linear", "trees", or a scikit-learn regressor whose `fit` takes `sample_weight`.
    propensity_model : str or classifier
        "linear", "trees", or a scikit-learn classifier.
    folds : int, optional
        Number of folds. Defaults to `default_folds`.
    seed : int
        Seed of the folds and of the default models.

    References
    ----------
    Nie, Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects, Biometrika 108(2), 299-319.
    """

    def __init__(
        self,
        outcome_model: Any = "linear",
        effect_model: Any = "linear",
        *,
        propensity_model: Any = "linear",
        folds: int | None = None,
        seed: int = 0,
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.folds = folds
        self.seed = seed

    def _fit(self, rows: TrainingRows) -> None:
        nuisances = self._cross_fitted(rows)
        self.effect_models_ = []
        for arm in range(1, rows.n_arms):
            of_arm = residuals_of_arm(rows.y, rows.treatment, nuisances, arm)
            target, weight = of_arm.outcome / of_arm.treatment, of_arm.treatment**2
            X = rows.X.iloc[of_arm.rows]
            self.effect_models_.append(fit_base_learner(self.effect_model, X, target, seed=self.seed, sample_weight=weight))
