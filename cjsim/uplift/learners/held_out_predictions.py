"""Predictions of effects for rows that the learner has not seen."""

from typing import Any

import numpy as np
from sklearn.base import clone

from cjsim.uplift.learners.base_learners import FloatArray
from cjsim.uplift.learners.training_rows import IntArray, TrainingRows


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
