"""Cross-fitted nuisance functions: expected outcome under each arm, probability of each arm, and doubly robust scores.

References
----------
Robins, Rotnitzky, Zhao (1994), Estimation of regression coefficients when some regressors are not always observed, JASA 89, 846-866.
Chernozhukov and others (2018), Double/debiased machine learning, Econometrics Journal 21, C1-C68.
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from cjsim.uplift.learners.base_learners import FloatArray, default_base_learner, fit_base_learner, one_thread, predict_mean
from cjsim.uplift.learners.folds import assign_folds
from cjsim.uplift.learners.training_rows import IntArray, TrainingRows, check_rows

MIN_PROPENSITY = 0.01


class Nuisances(NamedTuple):
    """Nuisance functions, estimated for each row by models that were not fitted to the row's fold.

    Attributes
    ----------
    outcome : ndarray of float64, shape (n, n_arms)
        Expected outcome under each arm.
    propensity : ndarray of float64, shape (n, n_arms)
        Probability of each arm, either given or estimated.
    is_propensity_known : bool
        Whether `propensity` was given.
    fold : ndarray of int64, shape (n,)
        Fold of each row.
    """

    outcome: FloatArray
    propensity: FloatArray
    is_propensity_known: bool
    fold: IntArray


def cross_fit_nuisances(
    X: Any,
    y: FloatArray,
    treatment: IntArray,
    *,
    propensity: Any,
    outcome_model: Any = "linear",
    folds: int,
    seed: int,
    clusters: IntArray | None = None,
) -> Nuisances:
    """Estimate the expected outcome under each arm, and the probability of each arm unless it is known, by cross-fitting.

    A copy of `outcome_model` is fitted for each fold and arm, to the rows of this arm outside the fold.

    Parameters
    ----------
    X : DataFrame or array-like, shape (n, n_features)
        Features.
    y : ndarray of float64, shape (n,)
        Outcomes.
    treatment : ndarray of int64, shape (n,)
        Index of the arm; 0 is the control.
    propensity : ndarray of float64 of shape (n, n_arms), or str or classifier
        Known probability of each arm, or the model that estimates it ("linear", "trees", or a scikit-learn classifier).
    outcome_model : str or estimator
        "linear", "trees", or a scikit-learn regressor or classifier.
    folds : int
        Number of folds, at least 2.
    seed : int
        Seed of the folds and of the default models.
    clusters : ndarray of int64, shape (n,), optional
        Code of the cluster. The rows of a cluster share a fold.

    Returns
    -------
    Nuisances

    Raises
    ------
    InputError
        If the rows are invalid (see `check_rows`), or an arm is too small for the folds.
    """
    is_known = not (isinstance(propensity, str) or hasattr(propensity, "fit"))
    rows = check_rows(X, y, treatment, propensity=propensity if is_known else None, clusters=clusters)
    fold = assign_folds(rows.treatment, folds=folds, seed=seed, clusters=rows.clusters)
    outcome = np.empty((len(rows.y), rows.n_arms))
    shares = np.empty_like(outcome) if rows.propensity is None else rows.propensity
    for one in range(folds):
        train, test = rows.take(fold != one), rows.X.iloc[np.flatnonzero(fold == one)]
        for arm, model in enumerate(fit_arm_outcomes(outcome_model, train, seed)):
            outcome[fold == one, arm] = predict_mean(model, test)
        if not is_known:
            shares[fold == one] = predict_propensity(fit_propensity(propensity, train, seed), test)
    return Nuisances(outcome, shares, is_known, fold)


def fit_arm_outcomes(outcome_model: Any, rows: TrainingRows, seed: int) -> list[Any]:
    """Fit a copy of the outcome model to the rows of each arm.

    Parameters
    ----------
    outcome_model : str or estimator
        "linear", "trees", or a scikit-learn regressor or classifier.
    rows : TrainingRows
        Rows of all arms.
    seed : int
        Seed of the default models.

    Returns
    -------
    list of estimator
        Fitted models, one for each arm.
    """
    by_arm = (rows.take(rows.treatment == arm) for arm in range(rows.n_arms))
    return [fit_base_learner(outcome_model, of_arm.X, of_arm.y, seed=seed) for of_arm in by_arm]


def fit_propensity(model: Any, rows: TrainingRows, seed: int) -> Any:
    """Fit a copy of the classifier that predicts the arm.

    Parameters
    ----------
    model : str or classifier
        "linear", "trees", or a scikit-learn classifier.
    rows : TrainingRows
        Rows of all arms.
    seed : int
        Seed of a default model.

    Returns
    -------
    classifier
        A fitted model; the columns of `predict_proba` are the arms.
    """
    default = isinstance(model, str)
    unfitted = default_base_learner(model, is_binary=True, n_rows=len(rows.y), seed=seed) if default else clone(model)
    with one_thread():
        return unfitted.fit(rows.X, rows.treatment)


def predict_propensity(model: Any, X: Any) -> FloatArray:
    """Predict the probability of each arm.

    Parameters
    ----------
    model : classifier
        A model returned by `fit_propensity`.
    X : DataFrame, shape (n, n_features)
        Features.

    Returns
    -------
    ndarray of float64, shape (n, n_arms)
    """
    with one_thread():
        return np.asarray(model.predict_proba(X), dtype=np.float64)


def augmented_scores(y: FloatArray, treatment: IntArray, nuisances: Nuisances, *, min_propensity: float = MIN_PROPENSITY) -> FloatArray:
    """Return doubly robust (augmented inverse-propensity-weighted) scores of each arm.

    score[i, a] = outcome[i, a] + 1{treatment[i] = a} (y[i] - outcome[i, a]) / propensity[i, a].

    The mean over i is an unbiased estimate of E[Y(a)] if the propensity is known. It is consistent if the propensity model or the outcome
    model is.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcomes.
    treatment : ndarray of int64, shape (n,)
        Index of the arm.
    nuisances : Nuisances
        Cross-fitted outcomes and propensities of the same rows.
    min_propensity : float
        Lower bound of an estimated propensity in the denominator, from 0 to 1. It limits the weight of a row, and biases the scores of the
        rows where it binds. Known propensities are not clipped.

    Returns
    -------
    ndarray of float64, shape (n, n_arms)
    """
    row = np.arange(len(y))
    scores = nuisances.outcome.copy()
    lowest = 0.0 if nuisances.is_propensity_known else min_propensity
    own_propensity = np.maximum(nuisances.propensity[row, treatment], lowest)
    scores[row, treatment] += (y - nuisances.outcome[row, treatment]) / own_propensity
    return scores
