"""Predictions of effects for rows that the learner has not seen."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from cjsim.uplift.learners.base_learners import FloatArray
from cjsim.uplift.learners.folds import assign_folds
from cjsim.uplift.learners.training_rows import IntArray, TrainingRows, check_rows


def cross_fitted_predictions(
    learner: Any,
    X: Any,
    y: FloatArray,
    treatment: IntArray,
    *,
    folds: int,
    seed: int,
    propensity: ArrayLike | None = None,
    clusters: IntArray | None = None,
) -> FloatArray:
    """Predict the effects for each row with a copy of the learner fitted to the other folds.

    The folds are those of `assign_folds` with the same arguments.

    Parameters
    ----------
    learner : MetaLearner
        Learner with `fit(X, y, treatment, propensity=, clusters=)` and `predict(X)`. It is not changed.
    X : DataFrame or array-like, shape (n, n_features)
        Features.
    y : ndarray of float64, shape (n,)
        Outcomes.
    treatment : ndarray of int64, shape (n,)
        Index of the arm; 0 is the control.
    folds : int
        Number of folds, at least 2.
    seed : int
        Seed of the folds.
    propensity : array-like, shape (n, n_arms), optional
        Known probability of each arm.
    clusters : ndarray of int64, shape (n,), optional
        Code of the cluster. The rows of a cluster share a fold.

    Returns
    -------
    ndarray of float64, shape (n,) for two arms, else (n, n_arms - 1)

    Raises
    ------
    InputError
        If the rows are invalid (see `check_rows`), or an arm is too small for the folds.
    """
    rows = check_rows(X, y, treatment, propensity=propensity, clusters=clusters)
    return predict_held_out(learner, rows, assign_folds(rows.treatment, folds=folds, seed=seed, clusters=rows.clusters))


def predict_held_out(learner: Any, rows: TrainingRows, fold: IntArray) -> FloatArray:
    """Predict the effects for each row with a copy of the learner fitted to the other folds.

    Parameters
    ----------
    learner : MetaLearner
        It is not changed.
    rows : TrainingRows
        Rows of the trial.
    fold : ndarray of int64, shape (n,)
        Fold of each row.

    Returns
    -------
    ndarray of float64, shape (n,) for two arms, else (n, n_arms - 1)
    """
    effects = np.empty((len(fold), rows.n_arms - 1))
    for one in np.unique(fold):
        train, test = rows.take(fold != one), np.flatnonzero(fold == one)
        fitted = clone(learner).fit(train.X, train.y, train.treatment, propensity=train.propensity, clusters=train.clusters)
        effects[test] = fitted.predict(rows.X.iloc[test]).reshape(len(test), -1)
    return effects[:, 0] if rows.n_arms == 2 else effects
