"""Who gains and who loses: which groups differ in an effect, with Holm's correction for all pairs of groups."""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.multiple_testing import holm
from cjsim.simulation.segments.policy_differences import PolicyDifference


class GroupGains(NamedTuple):
    """Which groups gain most and least, where groups differ clearly.

    Attributes
    ----------
    most, least : str or None
        Groups with the largest and the smallest effect among those that differ clearly from another group; None if no two groups do.
    n_pairs : int
        Number of pairs of groups that were tested.
    """

    most: str | None
    least: str | None
    n_pairs: int


def find_gains(effects: Mapping[str, PolicyDifference], *, is_lower_better: bool = False) -> GroupGains:
    """Compare the effects of all pairs of groups, with Holm's correction at a familywise error rate of 5 %.

    Groups consist of different customers, so in a single run their effects are independent. With several replications, the difference
    between two effects is tested with Student's t-test on its values by replication.

    Parameters
    ----------
    effects : Mapping of str to PolicyDifference
        The effect in each group. Groups with an undefined interval are left out.
    is_lower_better : bool
        Whether a negative effect is a gain.

    Returns
    -------
    GroupGains
    """
    defined = {name: one for name, one in effects.items() if not math.isnan(one.difference.low)}
    pairs = list(itertools.combinations(defined, 2))
    rejected = holm([difference_p_value(defined[one], defined[other]) for one, other in pairs])
    differing = dict.fromkeys(name for pair, is_clear in zip(pairs, rejected, strict=True) if is_clear for name in pair)
    ranked = sorted(differing, key=lambda name: defined[name].difference.effect, reverse=not is_lower_better)
    return GroupGains(ranked[0], ranked[-1], len(pairs)) if ranked else GroupGains(None, None, len(pairs))


def difference_p_value(one: PolicyDifference, other: PolicyDifference) -> float:
    """Return the two-sided p-value for the null hypothesis that the effect is the same in two groups.

    Parameters
    ----------
    one, other : PolicyDifference
        The effect in each group.

    Returns
    -------
    float
        In [0, 1].
    """
    if len(one.by_replication):
        return _student_p_value(one, other)
    difference = one.difference.effect - other.difference.effect
    errors = ((each.difference.high - each.difference.low) / (2 * NORMAL_QUANTILE_95) for each in (one, other))
    error = math.hypot(*errors)
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return math.erfc(abs(difference) / error / math.sqrt(2))


def _student_p_value(one: PolicyDifference, other: PolicyDifference) -> float:
    from scipy.special import stdtr

    values = one.by_replication - other.by_replication
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return 1.0
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    if error == 0:
        return 1.0 if values[0] == 0 else 0.0
    return float(2 * stdtr(len(values) - 1, -abs(float(values.mean())) / error))
