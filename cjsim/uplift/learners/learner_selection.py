"""Selection among learners by R-loss or DR-loss on held-out rows.

References
----------
Nie, Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects, Biometrika 108(2), 299-319 (R-loss).
Saito, Yasui (2020), Counterfactual cross-validation, ICML (loss against doubly robust scores).
Schuler, Baiocchi, Tibshirani, Shah (2018), A comparison of methods for model selection when estimating individual treatment effects.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr
from cjsim.uplift.learners.base_learners import FloatArray
from cjsim.uplift.learners.nuisances import Nuisances, augmented_scores
from cjsim.uplift.learners.r_learner import residuals_of_arm
from cjsim.uplift.learners.training_rows import IntArray

CONSTANT_EFFECT = "constant effect"
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class LearnerLoss:
    """Loss of a learner on held-out rows.

    Attributes
    ----------
    learner : str
        Name of the learner.
    loss : float
        Mean loss, in squared units of the outcome.
    difference : float
        Mean paired difference from the loss of a constant effect; below 0 if the learner is better.
    low, high : float
        95 % interval of the difference.
    """

    learner: str
    loss: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class LearnerSelection:
    """Losses of learners, and the learner with the lowest loss.

    Attributes
    ----------
    loss : str
        "dr" or "r".
    n : int
        Number of held-out rows.
    losses : tuple of LearnerLoss
        In the order of the candidates; the constant effect comes last.
    chosen : str
        Name of the learner with the lowest loss; "constant effect" if no learner has a lower loss.
    is_clear : bool
        Whether the interval of the difference between the chosen learner and a constant effect excludes 0.
    chosen_by_fold : tuple of str
        For each fold of the nuisances, the learner with the lowest loss on the rows outside it. This removes most of the optimism from the
        value of its predictions on the rows of the fold, but not all: the losses on the other folds come from models that were trained on
        data including this fold.
    """

    loss: str
    n: int
    losses: tuple[LearnerLoss, ...]
    chosen: str
    is_clear: bool
    chosen_by_fold: tuple[str, ...]


def compare_losses(
    predictions: Mapping[str, FloatArray],
    y: FloatArray,
    treatment: IntArray,
    *,
    nuisances: Nuisances,
    loss: Literal["dr", "r"] = "dr",
    clusters: IntArray | None = None,
) -> LearnerSelection:
    """Compare learners by the loss of their predictions for rows that they have not seen.

    With several arms, the losses of the arms are added.

    - "dr": (score_a - score_0 - tau_a)^2, with the scores of `augmented_scores`.
    - "r": ((y - m) - (1{treatment = a} - e) tau_a)^2 over the rows of arm a and the control, with the residuals of `residuals_of_arm`.

    The constant effect of a fold minimizes the loss on the other folds.

    Parameters
    ----------
    predictions : mapping of str to ndarray of float64, shape (n,) for two arms, else (n, n_arms - 1)
        Predicted effects by learner, each row predicted by a model fitted to the other folds of `nuisances`.
    y : ndarray of float64, shape (n,)
        Outcomes.
    treatment : ndarray of int64, shape (n,)
        Index of the arm; 0 is the control.
    nuisances : Nuisances
        Cross-fitted nuisance functions of the same rows.
    loss : str
        "dr" or "r".
    clusters : ndarray of int64, shape (n,), optional
        Code of the cluster. Intervals then treat clusters as the independent units.

    Returns
    -------
    LearnerSelection

    Raises
    ------
    InputError
        If `loss` is unknown, or a learner is named "constant effect".
    """
    if loss not in ("dr", "r"):
        raise InputError(format_error("loss", "must be 'dr' or 'r'", short_repr(loss)))
    if CONSTANT_EFFECT in predictions:
        raise InputError(format_error("candidates", "must not contain the name of the constant effect", CONSTANT_EFFECT, "Rename it."))
    target, weight = _pseudo_outcomes(y, treatment, nuisances, loss)
    constant = np.empty_like(target)
    for one in np.unique(nuisances.fold):
        outside = nuisances.fold != one
        constant[~outside] = (weight[outside] * target[outside]).sum(axis=0) / weight[outside].sum(axis=0)
    losses = {
        name: (weight * (target - effect.reshape(target.shape)) ** 2).sum(axis=1)
        for name, effect in {**predictions, CONSTANT_EFFECT: constant}.items()
    }
    found = tuple(_learner_loss(name, of_rows, losses[CONSTANT_EFFECT], clusters) for name, of_rows in losses.items())
    best = min(reversed(found), key=lambda one: one.loss)
    by_fold = tuple(_lowest_loss(losses, nuisances.fold != one) for one in np.unique(nuisances.fold))
    return LearnerSelection(loss, len(y), found, best.learner, best.high < 0, by_fold)


def _lowest_loss(losses: Mapping[str, FloatArray], rows: BoolArray) -> str:
    """Return the learner with the lowest mean loss on some rows. A constant effect is preferred to a learner that is no better."""
    return min(reversed(list(losses)), key=lambda name: float(losses[name][rows].mean()))


def predictions_of_chosen(
    predictions: Mapping[str, FloatArray], selection: LearnerSelection, fold: IntArray, *, otherwise: str
) -> FloatArray:
    """Return, for each fold, the predictions of the learner that was chosen by its losses on the other folds.

    This removes most of the optimism from the value of a policy that follows them, but not all: the losses on the other folds come from
    models that were trained on data including this fold.

    Parameters
    ----------
    predictions : mapping of str to ndarray of float64, shape (n,) or (n, n_arms - 1)
        Predicted effects by learner, as for `compare_losses`.
    selection : LearnerSelection
        The result of `compare_losses`.
    fold : ndarray of int64, shape (n,)
        Fold of each row.
    otherwise : str
        Learner for folds in which a constant effect is chosen.

    Returns
    -------
    ndarray of float64, shape (n,) or (n, n_arms - 1)
    """
    found = np.empty_like(predictions[otherwise])
    for one, chosen in zip(np.unique(fold), selection.chosen_by_fold, strict=True):
        found[fold == one] = predictions[otherwise if chosen == CONSTANT_EFFECT else chosen][fold == one]
    return found


def _pseudo_outcomes(y: FloatArray, treatment: IntArray, nuisances: Nuisances, loss: str) -> tuple[FloatArray, FloatArray]:
    """Target and weight of each row and arm, shape (n, n_arms - 1), such that a loss is weight (target - effect)^2."""
    if loss == "dr":
        scores = augmented_scores(y, treatment, nuisances)
        target = scores[:, 1:] - scores[:, :1]
        return target, np.ones_like(target)
    target, weight = np.zeros((2, len(y), nuisances.outcome.shape[1] - 1))
    for column in range(target.shape[1]):
        of_arm = residuals_of_arm(y, treatment, nuisances, column + 1)
        target[of_arm.rows, column] = of_arm.outcome / of_arm.treatment
        weight[of_arm.rows, column] = of_arm.treatment**2
    return target, weight


def _learner_loss(name: str, of_rows: FloatArray, of_constant: FloatArray, clusters: IntArray | None) -> LearnerLoss:
    differences = of_rows - of_constant
    mean = float(differences.mean())
    codes = np.arange(len(differences)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sums = np.bincount(codes, weights=differences - mean)
    error = math.sqrt(float(sums @ sums) * len(sums) / (len(sums) - 1)) / len(differences)
    margin = NormalDist().inv_cdf(0.975) * error
    return LearnerLoss(name, float(of_rows.mean()), mean, mean - margin, mean + margin)
