"""Multiple testing of effects with Holm's step-down procedure (1979, Scandinavian Journal of Statistics 6, 65-70).

The procedure limits the probability of at least one false rejection (the familywise error rate), regardless of how the effects depend on
each other.
"""

import math
from collections.abc import Sequence

from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.paired_differences import PairedDifference

FAMILYWISE_ERROR_RATE = 0.05


def p_value(effect: PairedDifference) -> float:
    """Return the two-sided p-value for the null hypothesis of no effect; 1 if the effect is 0, a rounding error, or undefined.

    Parameters
    ----------
    effect : PairedDifference
        Effect with its normal 95 % interval.

    Returns
    -------
    float
        In [0, 1].
    """
    return 1.0 if effect.is_zero else interval_p_value(effect.effect, effect.low, effect.high)


def interval_p_value(value: float, low: float, high: float) -> float:
    """Return the two-sided p-value for the null hypothesis that a quantity is 0; 1 if its estimate is 0 or undefined.

    Parameters
    ----------
    value, low, high : float
        Estimate with its normal 95 % interval.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> round(interval_p_value(1.96, 0.0, 3.92), 3), interval_p_value(1.0, float("nan"), float("nan"))
    (0.05, 1.0)
    """
    error = (high - low) / (2 * NORMAL_QUANTILE_95)
    if math.isnan(error) or value == 0:
        return 1.0
    return math.erfc(abs(value) / error / math.sqrt(2)) if error else 0.0


def holm(p_values: Sequence[float], error_rate: float = FAMILYWISE_ERROR_RATE) -> list[bool]:
    """Return which hypotheses Holm's procedure rejects.

    Parameters
    ----------
    p_values : sequence of float
        Unadjusted p-value of each hypothesis, in [0, 1].
    error_rate : float
        Familywise error rate, the largest acceptable probability of at least one false rejection, in (0, 1).

    Returns
    -------
    list of bool
        One entry per hypothesis.

    Examples
    --------
    >>> holm([0.04, 0.001, 0.02])
    [True, True, True]
    >>> holm([0.04, 0.001, 0.03])
    [False, True, False]
    """
    rejected = [False] * len(p_values)
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[i] > error_rate / (len(p_values) - rank):
            break
        rejected[i] = True
    return rejected
