"""Many effects asked at once: which of them are still clear of 0.

Lives here: Holm's rule (1979, Scandinavian Journal of Statistics 6, 65-70), whose chance of even one wrong refusal is at most that of the
family, however the effects hang together. Does not live here: effects (metrics/estimate.py).
"""

import math
from collections.abc import Sequence

from cjsim.metrics.estimate import Effect, Z

FAMILY = 0.05


def p_value(found: Effect) -> float:
    """The two-sided chance of an effect of this size or larger, were there none; 1 where it is 0 or undefined.

    Parameters
    ----------
    found : Effect
        With its normal interval.
    """
    error = (found.high - found.low) / (2 * Z)
    if math.isnan(error) or found.effect == 0:
        return 1.0
    return math.erfc(abs(found.effect) / error / math.sqrt(2)) if error else 0.0


def holm(ps: Sequence[float], family: float = FAMILY) -> list[bool]:
    """Which of many hypotheses are refused by Holm's step-down rule.

    Parameters
    ----------
    ps : sequence of float
        The chance of each alone, in [0, 1].
    family : float
        The chance of even one wrong refusal, in (0, 1).

    Examples
    --------
    >>> holm([0.04, 0.001, 0.02])
    [True, True, True]
    >>> holm([0.04, 0.001, 0.03])
    [False, True, False]
    """
    refused = [False] * len(ps)
    for rank, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        if ps[i] > family / (len(ps) - rank):
            break
        refused[i] = True
    return refused
