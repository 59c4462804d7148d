"""95 % confidence intervals of metrics: Wilson score intervals for shares, normal intervals for all other metrics.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the American Statistical
Association, 22(158), 209-212.
"""

import math
from typing import NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.ratios import SHARE_UNIT, RatioTerms, influence, ratio

NORMAL_QUANTILE_95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution
_COCHRAN_FACTOR = 25  # Cochran 1977, section 2.15
_ROUNDING_VARIANCE = 1e-20  # share of the mean square below which a variance is rounding error


class MetricEstimate(NamedTuple):
    """Estimate of a metric: value, 95 % interval, number `n` of customers in the denominator, and unit. nan where undefined."""

    value: float
    low: float
    high: float
    n: int
    unit: str


def estimate_metric(terms: RatioTerms, unit: str, sample: ClusterSample | None = None) -> MetricEstimate:
    """Estimate a ratio with its 95 % interval.

    A share gets the Wilson score interval (Wilson 1927) with the effective sample size R (1 - R) / var(R). With one trial per customer,
    this is the number of customers. It is smaller if the trials of a customer and their descendants are correlated. If all trials succeed
    or all fail, the number of customers is used. The interval lies within [0, 1] and has positive width even if no event was observed. Any
    other metric gets the normal interval.

    Parameters
    ----------
    terms : RatioTerms
        Numerators and denominators per customer.
    unit : str
        Unit of the metric.
    sample : ClusterSample, optional
        Dependence between customers. Defaults to a fixed number of independent customers.

    Returns
    -------
    MetricEstimate
        `n` is the number of customers with a denominator above 0.
    """
    value, n = ratio(terms), _customers_in_denominator(terms)
    if math.isnan(value):
        return MetricEstimate(value, math.nan, math.nan, n, unit)
    sample = sample or ClusterSample.of_independent_customers(len(terms.numerator))
    variance = sample.variance(sample.sum_by_root(influence(terms)))
    if unit == SHARE_UNIT and not terms.is_total:
        return MetricEstimate(value, *wilson_interval(value, n, variance * (sample.n_roots - 1) / sample.n_roots), n, unit)
    half = NORMAL_QUANTILE_95 * math.sqrt(variance)
    return MetricEstimate(value, value - half, value + half, n, unit)


def _customers_in_denominator(terms: RatioTerms) -> int:
    """Return the number of customers with a denominator above 0."""
    denominators = terms.denominator
    if terms.allocated_cost is not None and terms.denominator_cost_weight != 0:
        denominators = denominators + terms.denominator_cost_weight * terms.allocated_cost
    return int(np.count_nonzero(denominators))


def wilson_interval(share: float, n: int, share_variance: float) -> tuple[float, float]:
    """Return the Wilson score interval of a share.

    Parameters
    ----------
    share : float
        The share, in [0, 1].
    n : int
        Number of customers, which is the effective sample size if the share is 0 or 1.
    share_variance : float
        Variance of the share, with divisor n_roots instead of n_roots - 1; nan if unknown.

    Returns
    -------
    tuple of float
        Low and high end.
    """
    trials = float(n)
    if 0 < share < 1 and not math.isnan(share_variance):
        if share_variance == 0:
            return share, share
        trials = share * (1 - share) / share_variance
    z = NORMAL_QUANTILE_95
    center = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    divisor = 1 + z * z / trials
    return (center - half) / divisor if share > 0 else 0.0, (center + half) / divisor if share < 1 else 1.0


def is_too_skewed(contributions: Array) -> bool:
    """Return whether a sample is too skewed for a normal interval of its mean: n is below 25 times the squared skewness.

    In larger samples, a 95 % interval misses the true mean at most 6 % of the time (Cochran 1977, Sampling Techniques, section 2.15).

    Parameters
    ----------
    contributions : ndarray of float64, shape (n,)
        Contribution of each customer to the effect.

    Examples
    --------
    >>> is_too_skewed(np.array([0.0] * 999 + [1.0])), is_too_skewed(np.array([0.0, 1.0] * 500))
    (True, False)
    """
    centered = contributions - contributions.mean()
    variance = float(np.square(centered).mean())
    if variance <= _ROUNDING_VARIANCE * float(np.square(contributions).mean()):
        return False
    skewness = float((centered**3).mean()) / variance**1.5
    return bool(len(contributions) < _COCHRAN_FACTOR * skewness * skewness)
