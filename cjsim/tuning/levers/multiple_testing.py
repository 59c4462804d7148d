"""Tests of many effects at once by Holm's step-down procedure (1979, Scandinavian Journal of Statistics 6, 65-70).

The probability of even one false rejection is at most the familywise error rate, whatever the dependence between the effects.
"""

import math
from collections.abc import Sequence

from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.paired_differences import PairedDifference

FAMILYWISE_ERROR_RATE = 0.05


def p_value(effect: PairedDifference) -> float:
    """The two-sided p-value of no effect; 1 if the effect is 0 or undefined.

    Parameters
    ----------
    effect : PairedDifference
        The effect with its normal interval.

    Returns
    -------
    float
        In [0, 1].
    """
    error = (effect.high - effect.low) / (2 * NORMAL_QUANTILE_95)
    if math.isnan(error) or effect.effect == 0:
        return 1.0
    return math.erfc(abs(effect.effect) / error / math.sqrt(2)) if error else 0.0


def holm(p_values: Sequence[float], error_rate: float = FAMILYWISE_ERROR_RATE) -> list[bool]:
    """Which hypotheses Holm's procedure rejects.

    Parameters
    ----------
    p_values : sequence of float
        The p-value of each hypothesis alone, in [0, 1].
    error_rate : float
        Familywise error rate: the probability of even one false rejection, in (0, 1).

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
