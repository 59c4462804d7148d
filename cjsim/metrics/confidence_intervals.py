"""Metrics with their 95 % confidence intervals."""

import math
from typing import NamedTuple

import numpy as np

from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.ratios import SHARE_UNIT, RatioTerms, influence, ratio

NORMAL_QUANTILE_95 = 1.959963984540054  # the normal quantile of a 95 % interval


class MetricEstimate(NamedTuple):
    """A number with its 95 % interval, the number of customers it rests on, and its unit; nan where undefined."""

    value: float
    low: float
    high: float
    n: int
    unit: str


def estimate_metric(terms: RatioTerms, unit: str, sample: ClusterSample | None = None) -> MetricEstimate:
    """The ratio with its 95 % interval.

    Parameters
    ----------
    terms : RatioTerms
        Numerators and denominators.
    unit : str
        A share has Wilson's interval (Wilson 1927) at the effective sample size R (1 - R) / var(R), which for one trial a customer is
        the number of customers and shrinks where trials of a customer or its friends go together; where all or none succeed, at the
        number of customers. It stays in [0, 1] and has a width where nothing was seen. Everything else has the normal interval.
    sample : ClusterSample, optional
        Who goes together; if not given, everybody is alone, and their number is given.

    Returns
    -------
    MetricEstimate
        `n` counts the customers with a denominator above 0.
    """
    value, n = ratio(terms), _customers_in_denominator(terms)
    if math.isnan(value):
        return MetricEstimate(value, math.nan, math.nan, n, unit)
    of = sample or ClusterSample.of_independent_customers(len(terms.numerator))
    variance = of.variance(of.sum_by_root(influence(terms)))
    if unit == SHARE_UNIT and not terms.is_total:
        return MetricEstimate(value, *_wilson_interval(value, n, variance * (of.n_roots - 1) / of.n_roots), n, unit)
    half = NORMAL_QUANTILE_95 * math.sqrt(variance)
    return MetricEstimate(value, value - half, value + half, n, unit)


def _customers_in_denominator(terms: RatioTerms) -> int:
    """Customers with a denominator above 0."""
    counts = (
        terms.denominator
        if terms.allocated_cost is None or terms.denominator_cost_weight == 0
        else terms.denominator + terms.denominator_cost_weight * terms.allocated_cost
    )
    return int(np.count_nonzero(counts))


def _wilson_interval(share: float, n: int, share_variance: float) -> tuple[float, float]:
    """Wilson's interval; `variance` is that of the share as if the sample were the population."""
    trials = float(n)
    if 0 < share < 1 and not math.isnan(share_variance):
        if share_variance == 0:
            return share, share
        trials = share * (1 - share) / share_variance
    center = share + NORMAL_QUANTILE_95 * NORMAL_QUANTILE_95 / (2 * trials)
    half = NORMAL_QUANTILE_95 * math.sqrt(share * (1 - share) / trials + NORMAL_QUANTILE_95 * NORMAL_QUANTILE_95 / (4 * trials * trials))
    below = 1 + NORMAL_QUANTILE_95 * NORMAL_QUANTILE_95 / trials
    return (center - half) / below if share > 0 else 0.0, (center + half) / below if share < 1 else 1.0
