"""Paired differences of a metric between two runs on the same customers, with 95 % intervals.

The influence of each root on the metric (`cjsim.metrics.ratios`) in one run is subtracted from its influence in the other run before the
variance is computed. Variation that both runs share cancels out.
"""

import math
from typing import NamedTuple

from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.ratios import RatioTerms, influence, ratio

_ROUNDING_ERROR = 1e-12  # of a difference, relative to the values
_ROUNDING_VARIANCE_RATIO = 1e-20  # a smaller ratio of the paired to the unpaired variance is a rounding error


class PairedDifference(NamedTuple):
    """A metric under two policies on the same customers. Undefined values are nan.

    Attributes
    ----------
    baseline, value : float
        The metric under the baseline and under the alternative.
    effect : float
        value - baseline.
    low, high : float
        Ends of the paired 95 % interval of the effect.
    variance_ratio : float
        Variance of the unpaired difference divided by the variance of the paired difference; nan if no customer differs.
    """

    baseline: float
    value: float
    effect: float
    low: float
    high: float
    variance_ratio: float

    def reversed(self) -> "PairedDifference":
        """Return the effect in the other direction: that of `baseline` instead of `value`."""
        return PairedDifference(self.value, self.baseline, 0.0 - self.effect, 0.0 - self.high, 0.0 - self.low, self.variance_ratio)

    @property
    def is_zero(self) -> bool:
        """Whether the effect is 0 or only a rounding error."""
        return abs(self.effect) <= self._rounding_error

    @property
    def is_identical(self) -> bool:
        """Whether no customer differs, up to rounding errors."""
        return max(abs(self.effect), abs(self.low), abs(self.high)) <= self._rounding_error

    @property
    def _rounding_error(self) -> float:
        return _ROUNDING_ERROR * max(abs(self.baseline), abs(self.value))

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes 0, and the effect is more than a rounding error."""
        return (self.low > 0 or self.high < 0) and not self.is_zero

    @property
    def relative(self) -> float:
        """The effect divided by the absolute value of the baseline; nan if that is 0."""
        return self.effect / abs(self.baseline) if self.baseline else math.nan


def paired_difference(
    baseline_terms: RatioTerms, alternative_terms: RatioTerms, pairing: CustomerPairing | None = None
) -> PairedDifference:
    """Estimate the difference in a ratio between two runs on the same customers.

    Parameters
    ----------
    baseline_terms, alternative_terms : RatioTerms
        Terms of the two runs.
    pairing : CustomerPairing, optional
        Pairing of the customers. By default, row i is the same customer in both runs, and customers are independent.

    Returns
    -------
    PairedDifference
        If no customer differs, the effect is exactly 0 and its interval has width 0.
    """
    baseline, value = ratio(baseline_terms), ratio(alternative_terms)
    if math.isnan(baseline) or math.isnan(value):
        return PairedDifference(baseline, value, math.nan, math.nan, math.nan, math.nan)
    if pairing is None:
        samples = (ClusterSample.of_independent_customers(len(terms.numerator)) for terms in (baseline_terms, alternative_terms))
        pairing = CustomerPairing.match_by_key(*samples)
    alternative_influence = pairing.alternative.sum_by_root(influence(alternative_terms))
    unpaired_variance = pairing.alternative.variance(alternative_influence)
    baseline_influence = pairing.baseline.sum_by_root(influence(baseline_terms))
    unpaired_variance += pairing.baseline.variance(baseline_influence)
    paired_variance = pairing.combined.variance(pairing.difference_by_root(baseline_influence, alternative_influence))
    if paired_variance < _ROUNDING_VARIANCE_RATIO * unpaired_variance:
        paired_variance = 0.0
    effect, half = value - baseline, NORMAL_QUANTILE_95 * math.sqrt(paired_variance)
    variance_ratio = unpaired_variance / paired_variance if paired_variance else math.nan
    return PairedDifference(baseline, value, effect, effect - half, effect + half, variance_ratio)


def customer_contributions(baseline_terms: RatioTerms, alternative_terms: RatioTerms, pairing: CustomerPairing) -> Array:
    """Return the contribution of each customer to an effect. The effect is the mean of the contributions, or their sum for a total.

    For a total, and for a mean over the same customers in both runs, the contribution is the difference in the customer's numerators,
    including allocated costs. For any other ratio, it is the effect plus n times the difference in the customer's influences.

    Parameters
    ----------
    baseline_terms, alternative_terms : RatioTerms
        Terms of the two runs.
    pairing : CustomerPairing
        Pairing of the customers.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        In the order of `CustomerPairing.customer_keys`.
    """
    denominators = baseline_terms.denominator, alternative_terms.denominator
    is_mean = all(one.dtype == bool and one.all() for one in denominators)
    if baseline_terms.is_total or (is_mean and pairing.has_same_customers):
        return pairing.difference_by_customer(baseline_terms.numerator_with_cost, alternative_terms.numerator_with_cost)
    contributions = pairing.difference_by_customer(influence(baseline_terms), influence(alternative_terms))
    contributions *= len(contributions)
    contributions += ratio(alternative_terms) - ratio(baseline_terms) - (contributions.mean() if len(contributions) else 0.0)
    return contributions
