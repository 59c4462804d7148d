"""Many effects asked at once: which of them are still clear of 0.

Lives here: Holm's rule (1979, Scandinavian Journal of Statistics 6, 65-70), whose chance of even one wrong refusal is at most that of the
family, however the effects hang together. Does not live here: effects (metrics/estimate.py).
"""

import math
from collections.abc import Sequence

from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.paired_differences import PairedDifference

FAMILYWISE_ERROR_RATE = 0.05


def p_value(effect: PairedDifference) -> float:
    """The two-sided chance of an effect of this size or larger, were there none; 1 where it is 0 or undefined.

    Parameters
    ----------
    effect : PairedDifference
        With its normal interval.
    """
    error = (effect.high - effect.low) / (2 * NORMAL_QUANTILE_95)
    if math.isnan(error) or effect.effect == 0:
        return 1.0
    return math.erfc(abs(effect.effect) / error / math.sqrt(2)) if error else 0.0


def holm(p_values: Sequence[float], error_rate: float = FAMILYWISE_ERROR_RATE) -> list[bool]:
    """Which of many hypotheses are refused by Holm's step-down rule.

    Parameters
    ----------
    p_values : sequence of float
        The chance of each alone, in [0, 1].
    error_rate : float
        The chance of even one wrong refusal, in (0, 1).

    Examples
    --------
    >>> holm([0.04, 0.001, 0.02])
    [True, True, True]
    >>> holm([0.04, 0.001, 0.03])
    [False, True, False]
    """
    refused = [False] * len(p_values)
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[i] > error_rate / (len(p_values) - rank):
            break
        refused[i] = True
    return refused
