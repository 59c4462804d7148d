"""Ratios of sums over customers, their intervals, and their differences between runs on the same customers. (part)."""

import math
from typing import NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.ratios import RatioTerms, influence, ratio

_ROUNDING_VARIANCE_RATIO = 1e-20  # a variance this much smaller than another is rounding


class PairedDifference(NamedTuple):
    """A metric under two policies on the same customers; nan where undefined.

    `effect` is value - baseline, with its paired 95 % interval. `variance_ratio` is the variance of the unpaired difference over
    that of the paired one: nan where no customer differs.
    """

    baseline: float
    value: float
    effect: float
    low: float
    high: float
    variance_ratio: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def paired_difference(
    baseline_terms: RatioTerms, alternative_terms: RatioTerms, pairing: CustomerPairing | None = None
) -> PairedDifference:
    """The difference of a ratio between two runs of the same customers.

    Parameters
    ----------
    baseline_terms, alternative_terms : RatioTerms
        Of the baseline and the alternative.
    pairing : CustomerPairing, optional
        Who is who; if not given, row i of both is the same customer, and everybody is alone.

    Returns
    -------
    PairedDifference
        Exactly 0 with a width of 0 where no customer differs.
    """
    baseline, value = ratio(baseline_terms), ratio(alternative_terms)
    if math.isnan(baseline) or math.isnan(value):
        return PairedDifference(baseline, value, math.nan, math.nan, math.nan, math.nan)
    of = pairing or CustomerPairing.match_by_key(
        ClusterSample.of_independent_customers(len(baseline_terms.numerator)),
        ClusterSample.of_independent_customers(len(alternative_terms.numerator)),
    )
    difference = of.alternative.sum_by_root(influence(alternative_terms))
    apart = of.alternative.variance(difference)
    moved = of.baseline.sum_by_root(influence(baseline_terms))
    apart += of.baseline.variance(moved)
    together = of.combined.variance(of.difference_by_root(moved, difference))
    if together < _ROUNDING_VARIANCE_RATIO * apart:
        together = 0.0
    effect, half = value - baseline, NORMAL_QUANTILE_95 * math.sqrt(together)
    return PairedDifference(baseline, value, effect, effect - half, effect + half, apart / together if together else math.nan)


def customer_contributions(baseline_terms: RatioTerms, alternative_terms: RatioTerms, pairing: CustomerPairing | None = None) -> Array:
    """What each customer adds to the effect: their mean is the effect (of a total, their sum).

    For a mean over customers who are the same in both runs, and for a total, it is the customer's own difference, y_after - y_before, with
    what was spent on it; for any other ratio, the effect and how each customer moves it.

    Parameters
    ----------
    baseline_terms, alternative_terms : RatioTerms
        As in `paired`.
    pairing : CustomerPairing, optional
        As in `paired`.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        Customers in the order of `Pairing.customers`; by row where no pairing is given.
    """
    of = pairing or CustomerPairing.match_by_key(
        ClusterSample.of_independent_customers(len(baseline_terms.numerator)),
        ClusterSample.of_independent_customers(len(alternative_terms.numerator)),
    )
    is_mean = (
        baseline_terms.denominator.all()
        and alternative_terms.denominator.all()
        and baseline_terms.denominator.dtype == alternative_terms.denominator.dtype == np.dtype(bool)
    )
    if baseline_terms.is_total or (is_mean and of.has_same_customers):
        return of.difference_by_customer(baseline_terms.numerator_with_cost, alternative_terms.numerator_with_cost)
    moved = of.difference_by_customer(influence(baseline_terms), influence(alternative_terms))
    moved *= len(moved)
    moved += ratio(alternative_terms) - ratio(baseline_terms) - (moved.mean() if len(moved) else 0.0)
    return moved
