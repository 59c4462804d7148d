"""The base class of the meta-learners."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from cjsim.uplift.learners.base_learners import FloatArray, predict_mean
from cjsim.uplift.learners.folds import default_folds
from cjsim.uplift.learners.nuisances import Nuisances, cross_fit_nuisances
from cjsim.uplift.learners.training_rows import TrainingRows, as_frame, check_rows


class MetaLearner(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A learner that estimates effects from the rows of a trial, built from scikit-learn regressors and classifiers.

    Subclasses implement `_fit` and `_predict`. If the learner is the last step of a `Pipeline`, named "uplift", call
    `fit(X, y, uplift__treatment=...)`, or enable metadata routing and call `set_fit_request(treatment=True)`.

    Attributes
    ----------
    n_arms_ : int
        Number of arms in the training data, including the control.
    n_features_in_ : int
        Number of features.
    """

    def fit(
        self, X: Any, y: ArrayLike, treatment: ArrayLike, *, propensity: ArrayLike | None = None, clusters: ArrayLike | None = None
    ) -> Self:
        """Fit the learner.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n, n_features)
            Features, known before the treatment.
        y : array-like, shape (n,)
            Outcomes: 0 and 1, counts, or any numbers.
        treatment : array-like of int, shape (n,)
            Index of the arm; 0 is the control.
        propensity : array-like, shape (n, n_arms), optional
            Known probability of each arm. Otherwise, learners that need it estimate it.
        clusters : array-like of int, shape (n,), optional
            Code of the cluster. The rows of a cluster share a fold where the learner cross-fits.

        Returns
        -------
        Self

        Raises
        ------
        InputError
            If the rows are invalid (see `check_rows`), or an arm is too small for the folds.
        """
        rows = check_rows(X, y, treatment, propensity=propensity, clusters=clusters)
        self.n_arms_, self.n_features_in_ = rows.n_arms, rows.X.shape[1]
        self._fit(rows)
        return self

    def predict(self, X: Any) -> FloatArray:
        """Predict the effect of each arm for each row: the expected outcome under the arm minus that under the control.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n, n_features)
            Features.

        Returns
        -------
        ndarray of float64, shape (n,) for two arms, else (n, n_arms - 1)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the learner has not been fitted.
        """
        check_is_fitted(self, "n_arms_")
        effects = self._predict(as_frame(X))
        return effects[:, 0] if self.n_arms_ == 2 else effects

    @abstractmethod
    def _fit(self, rows: TrainingRows) -> None:
        """Fit to checked rows."""

    @abstractmethod
    def _predict(self, X: Any) -> FloatArray:
        """Predict effects, shape (n, n_arms - 1)."""


class EffectModelLearner(MetaLearner):
    """A learner that cross-fits nuisance functions, and fits a model of the effect for each treated arm.

    Subclasses have the parameters `outcome_model`, `propensity_model`, `folds` and `seed`, and `_fit` sets `effect_models_`.
    """

    outcome_model: Any
    propensity_model: Any
    folds: int | None
    seed: int
    effect_models_: list[Any]

    def _cross_fitted(self, rows: TrainingRows) -> Nuisances:
        """Cross-fit the nuisance functions."""
        return cross_fit_nuisances(
            rows.X,
            rows.y,
            rows.treatment,
            propensity=self.propensity_model if rows.propensity is None else rows.propensity,
            outcome_model=self.outcome_model,
            folds=self.folds or default_folds(len(rows.y)),
            seed=self.seed,
            clusters=rows.clusters,
        )

    def _predict(self, X: Any) -> FloatArray:
        return np.column_stack([predict_mean(model, X) for model in self.effect_models_])
