"""Observed effects by group of predicted effects: gain by group, calibration, and groups with proven harm.

The observed effect of a group is the mean of doubly robust scores. A trial can identify effects only for groups: whether a single customer
would have acted without treatment is never observed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.json_records import JsonRecord, Number
from cjsim.uplift.interval_estimates import LEVEL, IntervalEstimate, cluster_sums, holm_adjusted, mean_estimate, normal_estimate
from cjsim.uplift.row_arrays import Floats, Ints, check_rows


@dataclass(frozen=True)
class GroupEffect(JsonRecord):
    """A group of rows with similar predictions, their mean prediction, and their observed effect; in the unit of the outcome."""

    group: int  # 1 has the largest predictions
    n: int
    predicted: Number
    effect: IntervalEstimate


@dataclass(frozen=True)
class Calibration(JsonRecord):
    """Predicted against observed effects.

    A slope of 1 means that predictions vary as much as the effects do, a smaller slope that they exaggerate differences, and 0 that they
    carry no information about the effects.
    """

    groups: tuple[GroupEffect, ...]
    slope: IntervalEstimate
    average_effect: IntervalEstimate
    average_predicted: float


def predicted_groups(predicted: Floats, groups: int) -> Ints:
    """Divide rows into groups of about equal size by their predictions.

    Rows with equal predictions stay together, so there may be fewer groups than requested.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n,)
    groups : int
        Number of groups, at least 1; 10 for deciles.

    Returns
    -------
    ndarray of int64, shape (n,)
        0 for the group with the largest predictions; numbered without gaps.

    Raises
    ------
    InputError
        If `groups` is less than 1.

    Examples
    --------
    >>> predicted_groups(np.array([0.1, 0.4, 0.2, 0.3]), 2)
    array([1, 0, 1, 0])
    """
    if groups < 1:
        raise InputError(format_error("groups", "must be at least 1", str(groups), "Use 5 or 10."))
    _, index, counts = np.unique(-predicted, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2.0  # mean rank of each distinct prediction
    by_value = np.minimum((middle * groups / len(predicted)).astype(np.int64), groups - 1)
    return np.unique(by_value, return_inverse=True)[1][index].astype(np.int64)


def effects_by_group(
    effect_scores: Floats, predicted: Floats, *, groups: int = 10, clusters: Ints | None = None, level: float = LEVEL
) -> tuple[GroupEffect, ...]:
    """Estimate the effect in each group of predicted effect.

    Parameters
    ----------
    effect_scores : ndarray of float64, shape (n,)
        Doubly robust scores of the effect, in the unit of the outcome: scores[:, a] - scores[:, 0].
    predicted : ndarray of float64, shape (n,)
        Predicted effect, from a model that has not seen these rows.
    groups : int
        Number of groups; see `predicted_groups`.
    clusters : ndarray of int64, shape (n,), or None
        Cluster of each row, for the standard errors.
    level : float
        Coverage of each interval, in (0, 1).

    Returns
    -------
    tuple of GroupEffect
        From the largest predictions to the smallest.

    Raises
    ------
    InputError
        If the arrays do not match or contain nan, or `groups` is less than 1.
    """
    check_rows({"effect_scores": effect_scores, "predicted": predicted, "clusters": clusters})
    member = predicted_groups(predicted, groups)
    found = []
    for group in range(int(member.max()) + 1):
        rows = member == group
        effect = mean_estimate(effect_scores[rows], None if clusters is None else clusters[rows], level)
        found.append(GroupEffect(group + 1, int(rows.sum()), float(predicted[rows].mean()), effect))
    return tuple(found)


def calibration(
    effect_scores: Floats, predicted: Floats, *, groups: int = 10, clusters: Ints | None = None, level: float = LEVEL
) -> Calibration:
    """Compare predicted with observed effects, by group and by the slope of the scores on the predictions.

    The slope is that of the least-squares line, with heteroscedasticity- or cluster-robust standard errors.

    Parameters
    ----------
    effect_scores, predicted, groups, clusters, level
        As in `effects_by_group`.

    Returns
    -------
    Calibration
        The slope is nan if all predictions are equal.

    Raises
    ------
    InputError
        As in `effects_by_group`.

    References
    ----------
    Chernozhukov, Demirer, Duflo, Fernandez-Val (2025), Econometrica 93(4), section 3: the slope on scores instead of outcomes.
    """
    by_group = effects_by_group(effect_scores, predicted, groups=groups, clusters=clusters, level=level)
    deviation = predicted - predicted.mean()
    spread = float(deviation @ deviation)
    slope = normal_estimate(np.nan, np.nan, level)
    if np.ptp(predicted) > 0.0:
        value = float(deviation @ effect_scores) / spread
        terms = deviation * (effect_scores - effect_scores.mean() - value * deviation)
        sums = terms if clusters is None else cluster_sums(terms, clusters)
        slope = normal_estimate(value, float(np.sqrt(sums @ sums * len(sums) / (len(sums) - 1.0))) / spread, level)
    return Calibration(by_group, slope, mean_estimate(effect_scores, clusters, level), float(predicted.mean()))


def harmed_groups(groups: Sequence[GroupEffect], *, level: float = LEVEL) -> tuple[GroupEffect, ...]:
    """Return the groups whose effect is proven to be below 0, for a do-not-contact list.

    The groups must have been defined before looking at outcomes. Each test is one-sided, with Holm's correction over all groups: if no
    group is harmed, the probability of returning any is at most 1 - level.

    Parameters
    ----------
    groups : sequence of GroupEffect
        All groups, from `effects_by_group`.
    level : float
        1 - familywise error rate, in (0, 1).

    Returns
    -------
    tuple of GroupEffect
        Usually empty.
    """
    adjusted = holm_adjusted([group.effect.p_below_zero for group in groups])
    return tuple(group for group, p in zip(groups, adjusted, strict=True) if p <= 1.0 - level)
