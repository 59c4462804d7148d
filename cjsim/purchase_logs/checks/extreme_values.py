"""Tests for a few values that are far above all others, with a bound on the rate of false alarms.

References
----------
Rényi (1953), Acta Mathematica Hungarica 4: the normalized spacings of an exponential sample are independent and identically distributed.
Pisarenko, Sornette (2012), European Physical Journal Special Topics 205: the test of the largest values, including those of a Pareto tail.
Wheatley, Sornette (2015), Swiss Finance Institute Research Paper 15-28: inward testing of several values, which avoids masking.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_PARETO_LEVEL, _EXPONENTIAL_LEVEL = 0.001, 0.0001  # nominal rates of false alarms over all tested numbers of values
_MIN_COUNTS = 100  # with fewer, differences between customers dominate the largest counts, whose tail is not yet exponential
_MIN_TAIL, _MAX_TAIL = 6, 50
_MIN_MEAN_SPACING = 0.01  # equal values have no spacing


class ExtremeValueRule(NamedTuple):
    """Criteria for extreme values.

    Attributes
    ----------
    at_most : int
        Largest number of extreme values.
    min_ratio : float
        Minimum ratio between the smallest extreme value and the largest other value.
    min_share : float
        Minimum share of the extreme values in the sum of all values, from 0 to 1.
    are_counts : bool
        Whether values are counts, whose tail is exponential (like that of gamma-Poisson counts). Otherwise, they may have a Pareto tail.
    """

    at_most: int
    min_ratio: float
    min_share: float
    are_counts: bool


EXTREME_AMOUNTS = ExtremeValueRule(at_most=10, min_ratio=10.0, min_share=0.01, are_counts=False)
EXTREME_COUNTS = ExtremeValueRule(at_most=3, min_ratio=3.0, min_share=0.02, are_counts=True)


def count_extreme_values(values: NDArray[np.float64], rule: ExtremeValueRule) -> int:
    """Return how many of the largest values are far above all others.

    In a sample with an exponential tail, the normalized spacings i (X(i) - X(i+1)) of the largest values are independent and have the same
    mean; with a Pareto tail, this holds for their logarithms. For the largest r values, the r-th spacing divided by the mean of the next k
    is compared with the F distribution with 2 and 2k degrees of freedom, from the largest r to 1. Values that may have a Pareto tail, and
    fewer than 100 counts, are compared on the logarithmic scale: a sample with a Pareto tail or a lighter one gives a false alarm with a
    probability of at most 0.1 %. Counts are compared on their own scale at a level of 0.01 %, because the tail of unequal gamma-Poisson
    counts becomes exponential slowly: with shapes from 0.1 to 1 and 100 to 2,000 customers, at most 0.3 % of samples gave a false alarm
    (5,000 samples each).

    Parameters
    ----------
    values : ndarray of float64, shape (n_values,)
        Values; those that are not positive are ignored.
    rule : ExtremeValueRule
        Criteria for extreme values.

    Returns
    -------
    int
        Number of extreme values, 0 to `rule.at_most`. Always 0 for fewer than 8 values.

    Examples
    --------
    >>> values = np.random.default_rng(1).gamma(2.0, 15.0, 1000)
    >>> count_extreme_values(values, EXTREME_AMOUNTS), count_extreme_values(np.append(values, 9e8), EXTREME_AMOUNTS)
    (0, 1)
    """
    positive = values[values > 0]
    tail = min(max(len(positive) // 10, 10), _MAX_TAIL, max(len(positive) // 2, _MIN_TAIL))
    n_tested = min(rule.at_most, len(positive) // 4, len(positive) - tail - 1)
    if n_tested < 1:
        return 0
    n_top = n_tested + tail + 1
    top = np.sort(np.partition(positive, len(positive) - n_top)[-n_top:])[::-1]
    position = _spread_equal_counts(top) if rule.are_counts else top
    has_exponential_tail = rule.are_counts and len(positive) >= _MIN_COUNTS
    level = _EXPONENTIAL_LEVEL if has_exponential_tail else _PARETO_LEVEL
    if not has_exponential_tail:
        position = np.log(position)
    spacings = np.arange(1, n_top) * (position[:-1] - position[1:])
    total = float(positive.sum())
    for r in range(n_tested, 0, -1):
        mean = max(float(spacings[r : r + tail].mean()), _MIN_MEAN_SPACING)
        p_value = (1 + spacings[r - 1] / (tail * mean)) ** -tail  # survival function of F with 2 and 2k degrees of freedom
        is_far = top[r - 1] >= rule.min_ratio * top[r] and top[:r].sum() >= rule.min_share * total
        if is_far and p_value < level / rule.at_most:
            return r
    return 0


def _spread_equal_counts(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread equal values of a descending array evenly over a range of 1 around them, as if they had been rounded."""
    _, group, size = np.unique(-ordered, return_inverse=True, return_counts=True)
    position = np.arange(len(ordered)) - (np.cumsum(size) - size)[group]
    return np.asarray(ordered + 0.5 - (position + 0.5) / size[group])
