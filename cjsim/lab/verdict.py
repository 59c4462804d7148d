"""The decision rule that turns confidence intervals into a verdict: supported, refuted or undecided.

A claim that a metric rises by at least d >= 0 is *supported* if the entire interval of the effect is at or above d (above 0 for d = 0).
It is *refuted* if the entire interval is below d (at or below 0 for d = 0), and otherwise *undecided*. The rule for a falling metric is
symmetric. A 95 % interval misses the true effect 5 % of the time, split evenly between the two sides. Hence a false claim is supported at
most 2.5 % of the time, and a true claim is refuted at most 2.5 % of the time.

A claim about any or all of k variants is tested jointly: each interval has confidence 1 - (1 - c) / k, which gives all k intervals a joint
confidence of at least c (Bonferroni). For a claim about any variant with d = 0, the first step of Holm's method gives the same decision.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from cjsim.lab.moments import IntervalEstimate

ExperimentVerdict = Literal["supported", "refuted", "undecided"]
EXPERIMENT_VERDICTS: tuple[ExperimentVerdict, ...] = ("supported", "refuted", "undecided")


def bonferroni_critical_value(confidence: float, n_intervals: int) -> float:
    """Return the half-width in standard errors of `n_intervals` intervals with joint confidence `confidence`.

    Parameters
    ----------
    confidence : float
        Joint confidence of all intervals, in (0, 1).
    n_intervals : int
        Number of intervals, at least 1.

    Returns
    -------
    float
        Critical value of the standard normal distribution.

    Examples
    --------
    >>> round(bonferroni_critical_value(0.95, 1), 3), round(bonferroni_critical_value(0.95, 10), 3)
    (1.96, 2.807)
    """
    return NormalDist().inv_cdf(1 - (1 - confidence) / (2 * n_intervals))


def judge_effect(interval: IntervalEstimate, *, sign: int, size: float) -> ExperimentVerdict:
    """Return the verdict on a claim about one effect.

    Parameters
    ----------
    interval : IntervalEstimate
        Interval of the effect. If a bound is nan, the verdict is 'undecided'.
    sign : {1, -1}
        1 for a claimed rise, -1 for a claimed fall.
    size : float
        Claimed minimum size of the effect, at least 0, in the unit of the interval.

    Returns
    -------
    {'supported', 'refuted', 'undecided'}

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
    """Return the verdict on a claim about any or all of several effects, with the index of the decisive effect.

    Parameters
    ----------
    intervals : sequence of IntervalEstimate
        Simultaneous intervals, at least one.
    sign : {1, -1}
        1 for a claimed rise, -1 for a claimed fall.
    size : float
        As in `judge_effect`.
    is_about_all : bool
        True for a claim about all effects, False for a claim about any of them.

    Returns
    -------
    tuple of int and str
        Index of the decisive effect, and its verdict, which is also the verdict on the claim. For a claim about any effect, the
        effect closest to support is decisive (by verdict, then by the near bound of its interval). For a claim about all effects, the
        effect farthest from support is decisive.

    Examples
    --------
    >>> both = [IntervalEstimate(0.1, 0.05, 0.15), IntervalEstimate(0.0, -0.05, 0.05)]
    >>> judge_claim(both, sign=1, size=0, is_about_all=False), judge_claim(both, sign=1, size=0, is_about_all=True)
    ((0, 'supported'), (1, 'undecided'))
    """
    keys = [_support_sort_key(interval, sign=sign, size=size) for interval in intervals]
    decisive = keys.index((min if is_about_all else max)(keys))
    return decisive, judge_effect(intervals[decisive], sign=sign, size=size)


_VERDICT_RANKS = {"supported": 2, "undecided": 1, "refuted": 0}


def _support_sort_key(interval: IntervalEstimate, *, sign: int, size: float) -> tuple[int, float, float]:
    """Return a sort key by support: the verdict, the near bound of the interval, the effect. Undefined effects sort first."""
    rank, near = _VERDICT_RANKS[judge_effect(interval, sign=sign, size=size)], interval.low if sign > 0 else -interval.high
    return (rank, -math.inf, -math.inf) if math.isnan(near) else (rank, near, sign * interval.effect)
