"""Assignment probabilities: given by the user, equal to the shares of the arms, or estimated from the features."""

from typing import NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.uplift.learners.folds import assign_folds, default_folds
from cjsim.uplift.learners.nuisances import fit_propensity
from cjsim.uplift.learners.training_rows import check_rows
from cjsim.uplift.row_arrays import Floats
from cjsim.uplift.trials.dataset import Trial

LOWEST = 0.01  # lower bound for estimated propensities


class EstimatedAssignment(NamedTuple):
    """A trial with estimated propensities.

    Attributes
    ----------
    trial : Trial
        The trial with the propensities.
    clipped_share : float
        Share of rows whose propensity was below `LOWEST` and was raised to it.
    folds : int
        Folds of the cross-fit.
    """

    trial: Trial
    clipped_share: float
    folds: int


def estimate_assignment(trial: Trial, *, seed: int) -> EstimatedAssignment:
    """Estimate the probability of each arm from the features by cross-fitted logistic regression.

    Parameters
    ----------
    trial : Trial
        Observational data.
    seed : int
        Seed of the folds.

    Returns
    -------
    EstimatedAssignment

    Raises
    ------
    InputError
        If the trial has no features, or an arm is too small for the folds.
    """
    if not len(trial.features.columns):
        must, remedy = "must be estimated from features", "Name columns that were measured before assignment."
        raise InputError(format_error("propensity", must, "no features", remedy))
    folds = default_folds(len(trial))
    rows = check_rows(trial.features, np.zeros(len(trial)), trial.treatment, clusters=trial.clusters)
    fold = assign_folds(rows.treatment, folds=folds, seed=seed, clusters=rows.clusters)
    found = np.empty((len(trial), len(trial.arms)))
    for one in range(folds):
        model = fit_propensity("linear", rows.take(fold != one), seed)
        found[fold == one] = model.predict_proba(rows.X.iloc[np.flatnonzero(fold == one)])
    clipped = np.maximum(found, LOWEST)
    share = float((found < LOWEST).any(axis=1).mean())
    return EstimatedAssignment(trial.with_propensity(clipped / clipped.sum(axis=1, keepdims=True)), share, folds)


def assignment_probabilities(trial: Trial) -> Floats:
    """Return the probability of each arm in each row: the trial's propensities or, without them, the observed shares of the arms.

    Parameters
    ----------
    trial : Trial
        Rows with a known outcome.

    Returns
    -------
    ndarray of float64, shape (n, n_arms)
    """
    if trial.propensity is not None:
        return trial.propensity
    shares = np.array(trial.arm_sizes, dtype=np.float64) / len(trial)
    return np.broadcast_to(shares, (len(trial), len(shares)))
