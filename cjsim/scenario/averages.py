"""Means and medians of waits and amounts, for descriptions and checks."""

import math
from itertools import accumulate

from cjsim.scenario.distributions import AmountLaw, EmpiricalAmount, EmpiricalWait, WaitLaw


def mean_wait(law: WaitLaw) -> float:
    """The mean of a wait at speed 1.

    Returns
    -------
    float
        Days; infinite where the mean is beyond floating point.
    """
    if law.weibull is not None:
        try:
            return law.weibull.scale * math.gamma(1 + 1 / law.weibull.shape)
        except OverflowError:
            return math.inf
    if law.lognormal is not None:
        return law.lognormal.median * math.exp(law.lognormal.sigma**2 / 2)
    if law.empirical is not None:
        return _mean(law.empirical)
    return law.fixed if law.fixed is not None else float(law.body.mean)


def median_wait(law: WaitLaw) -> float:
    """The median of a wait at speed 1.

    Returns
    -------
    float
        Days. For an empirical wait: the smallest value at which the cumulative weight reaches one half.
    """
    if law.exponential is not None:
        return law.exponential.mean * math.log(2)
    if law.weibull is not None:
        return float(law.weibull.scale * math.log(2) ** (1 / law.weibull.shape))
    if law.lognormal is not None:
        return law.lognormal.median
    if law.gamma is not None:
        from scipy.special import gammaincinv

        return float(law.gamma.mean / law.gamma.shape * gammaincinv(law.gamma.shape, 0.5))
    if law.empirical is not None:
        values = law.empirical.values
        pairs = sorted(zip(values, law.empirical.weights or (1.0,) * len(values), strict=True))
        cumulative = accumulate(weight for _, weight in pairs)
        half = math.fsum(weight for _, weight in pairs) / 2
        return next((value for (value, _), reached in zip(pairs, cumulative, strict=True) if reached >= half), pairs[-1][0])
    return float(law.body)


def _mean(law: EmpiricalWait | EmpiricalAmount) -> float:
    weights = law.weights or (1.0,) * len(law.values)
    return math.fsum(value * weight for value, weight in zip(law.values, weights, strict=True)) / math.fsum(weights)


def mean_amount(law: AmountLaw) -> float:
    """The mean of an amount, money."""
    if law.fixed is not None:
        return law.fixed
    if law.lognormal is not None:
        return law.lognormal.median * math.exp(law.lognormal.sigma**2 / 2)
    if law.uniform is not None:
        return (law.uniform.low + law.uniform.high) / 2
    return _mean(law.empirical) if law.empirical is not None else float(law.body.mean)
