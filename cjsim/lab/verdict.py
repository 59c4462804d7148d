"""From intervals to a verdict: supported, refuted, undecided.

Lives here: the rule. Does not live here: intervals (sums.py), words (page.py).

A claim that a metric rises by at least d >= 0 is *supported* if the interval of the effect lies at or beyond d (above 0 for d = 0),
*refuted* if it lies wholly short of d (at or below 0 for d = 0), else *undecided*; of a metric that falls, the mirror image. With an
interval that misses the truth 5 % of the time, half of it on either side, a claim that is wrong is supported at most 2.5 % of the time,
and so is one that is right refuted.

A claim about any or all of k variants asks all of them at once: each interval then has the confidence 1 - (1 - c) / k, so that all k hold
together with confidence c (Bonferroni; whether any effect at all is there, Holm's method decides in the same way, by its first step).
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from cjsim.lab.moments import IntervalEstimate

ExperimentVerdict = Literal["supported", "refuted", "undecided"]
EXPERIMENT_VERDICTS: tuple[ExperimentVerdict, ...] = ("supported", "refuted", "undecided")


def bonferroni_critical_value(confidence: float, n_intervals: int) -> float:
    """Standard errors to either side of intervals that hold together.

    Parameters
    ----------
    confidence : float
        In (0, 1), of all of them.
    n_intervals : int
        How many.

    Examples
    --------
    >>> round(bonferroni_critical_value(0.95, 1), 3), round(bonferroni_critical_value(0.95, 10), 3)
    (1.96, 2.807)
    """
    return NormalDist().inv_cdf(1 - (1 - confidence) / (2 * n_intervals))


def judge_effect(interval: IntervalEstimate, *, sign: int, size: float) -> ExperimentVerdict:
    """What an interval says of a claim about one effect.

    Parameters
    ----------
    interval : IntervalEstimate
        Of the effect; nan: undecided.
    sign : {1, -1}
        Of the claim: rises or falls.
    size : float
        How large the effect is claimed to be at least, 0 or more.

    Examples
    --------
    >>> judge_effect(IntervalEstimate(0.09, 0.07, 0.11), sign=1, size=0.05), judge_effect(IntervalEstimate(0.0, 0.0, 0.0), sign=1, size=0)
    ('supported', 'refuted')
    """
    if math.isnan(interval.low) or math.isnan(interval.high):
        return "undecided"
    near, far = (interval.low, interval.high) if sign > 0 else (-interval.high, -interval.low)
    if size == 0:
        return "supported" if near > 0 else "refuted" if far <= 0 else "undecided"
    return "supported" if near >= size else "refuted" if far < size else "undecided"


def judge_claim(intervals: Sequence[IntervalEstimate], *, sign: int, size: float, is_about_all: bool) -> tuple[int, ExperimentVerdict]:
    """What intervals that hold together say of a claim about any or all of their effects, and which of them says it.

    Parameters
    ----------
    intervals : sequence of IntervalEstimate
        At least one.
    sign : {1, -1}
        Of the claim.
    size : float
        As for one effect.
    is_about_all : bool
        Whether all effects are claimed rather than any.

    Returns
    -------
    tuple of int and str
        The place of the effect that decides: of any, the one nearest to support (by its verdict, then by the near end of its interval); of
        all, the one farthest from it. The verdict of the claim is its verdict.

    Examples
    --------
    >>> both = [IntervalEstimate(0.1, 0.05, 0.15), IntervalEstimate(0.0, -0.05, 0.05)]
    >>> judge_claim(both, sign=1, size=0, every=False), judge_claim(both, sign=1, size=0, every=True)
    ((0, 'supported'), (1, 'undecided'))
    """
    order = [_support_sort_key(one, sign=sign, size=size) for one in intervals]
    chosen = order.index((min if is_about_all else max)(order))
    return chosen, judge_effect(intervals[chosen], sign=sign, size=size)


_VERDICT_RANKS = {"supported": 2, "undecided": 1, "refuted": 0}


def _support_sort_key(interval: IntervalEstimate, *, sign: int, size: float) -> tuple[int, float, float]:
    """How near an effect is to support: its verdict, the near end of its interval, itself; the least of these where it is undefined."""
    rank, near = _VERDICT_RANKS[judge_effect(interval, sign=sign, size=size)], interval.low if sign > 0 else -interval.high
    return (rank, -math.inf, -math.inf) if math.isnan(near) else (rank, near, sign * interval.effect)
