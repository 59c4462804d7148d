"""Ratios of sums over customers, their intervals, and their differences between runs on the same customers.

Lives here: the arithmetic, once, for every metric. Does not live here: any metric (value.py, retention.py, journey.py, contacts.py,
desks.py, acquisition.py), which customers are independent of which (sample.py).

A metric is R = sum(y) / sum(x) over customers; a mean per customer has x = 1, a total has the denominator 1. To first order the estimate
moves with a root - an initial customer or an arrival, with all whom it led to by referrals - by g = sum(y - R x) / sum(x) over these
customers (for a total, sum(y)): the delta method for cluster samples (Cochran 1977, Sampling Techniques, sections 6.4 and 9A.2). Roots
are independent. The number of initial customers is given, so that they move R by what sets each apart from their mean; that of arrivals
is Poisson, so that var(R) has the sum of their g**2, as the variance of a compound Poisson sum is its rate times the second moment. What
is spent on acquisition is decided before anyone comes: it is in the sums, and moves with nobody. Intervals cover the Monte Carlo error,
not that of the journey.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample

SHARE_UNIT = "share"
_FLOAT64_ZERO = np.float64(0)  # turns what stands beside it into float64


class RatioTerms(NamedTuple):
    """Numerators and denominators of a ratio, one a customer; `x` may be bool.

    `spent`, money on acquiring each customer, is in neither: `above` and `below` times its sum are added to the sums. `summed`: the
    denominator of the ratio is 1, and `x` only says who counts.
    """

    numerator: Array
    denominator: Array
    allocated_cost: Array | None = None
    numerator_cost_weight: float = 0.0
    denominator_cost_weight: float = 0.0
    is_total: bool = False

    def restricted_to(self, is_chosen: Array) -> "RatioTerms":
        """Those of some customers (bool, shape (n_customers,)), with nothing for the others."""
        spent = None if self.allocated_cost is None else np.where(is_chosen, self.allocated_cost, _FLOAT64_ZERO)
        return self._replace(
            numerator=np.where(is_chosen, self.numerator, _FLOAT64_ZERO),
            denominator=np.where(is_chosen, self.denominator, self.denominator.dtype.type(0)),
            allocated_cost=spent,
        )

    @property
    def numerator_with_cost(self) -> Array:
        """The numerators with what was spent on each customer."""
        return self.numerator if self.allocated_cost is None else self.numerator + self.numerator_cost_weight * self.allocated_cost

    @property
    def denominator_sum(self) -> float:
        """The denominator of the ratio."""
        if self.is_total:
            return 1.0
        return float(self.denominator.sum()) + (
            self.denominator_cost_weight * float(self.allocated_cost.sum()) if self.allocated_cost is not None else 0.0
        )


@dataclass(frozen=True)
class MetricDefinition:
    """One metric: all that is said of it anywhere.

    Attributes
    ----------
    name : str
        As in JSON and tables.
    unit : str
        'share' (of what the denominator counts, in [0, 1]), 'money', 'days', 'ratio', or what is counted.
    title : str
        What it is, in words.
    terms : callable
        The numerators and denominators of a run.
    is_detail : bool
        Left out of short tables.
    has_selected_denominator : bool
        Its denominator counts those whom a policy may have brought there (converters, openers): under another policy they are others.
    is_total : bool
        Over all customers: it says something of its own only where their number is not given.
    """

    name: str
    unit: str
    title: str
    terms: Callable[[RunRecord], RatioTerms]
    is_detail: bool = False
    has_selected_denominator: bool = False
    is_total: bool = False


def mean_per_customer(run: RunRecord, values: Array) -> RatioTerms:
    """A mean over the customers who entered.

    Parameters
    ----------
    run : RunRecord
        The run.
    values : ndarray, shape (n_customers,)
        What is averaged; not changed.
    """
    entered = run.entered
    return RatioTerms(np.where(entered, values, _FLOAT64_ZERO), entered)


def ratio_of_sums(run: RunRecord, numerator: Array, denominator: Array) -> RatioTerms:
    """A ratio over the customers who entered.

    Parameters
    ----------
    run : RunRecord
        The run.
    numerator, denominator : ndarray, shape (n_customers,)
        Numerators, which are 0 where the denominator is; denominators. Not changed.
    """
    entered = run.entered
    return RatioTerms(
        np.where(entered, numerator, _FLOAT64_ZERO),
        denominator & entered if denominator.dtype == bool else np.where(entered, denominator, 0),
    )


def mean_of_outcome(field: str) -> Callable[[RunRecord], RatioTerms]:
    """The mean of a field of OUTCOME over the customers who entered.

    Parameters
    ----------
    field : str
        Its name.
    """
    return lambda run: mean_per_customer(run, run.outcomes.customers[field])


def total_over_customers(terms: Callable[[RunRecord], RatioTerms]) -> Callable[[RunRecord], RatioTerms]:
    """The sum over customers whose mean these terms give.

    Parameters
    ----------
    terms : callable
        Of a mean per customer.
    """
    return lambda run: terms(run)._replace(is_total=True)


def sum_terms_by_root(terms: RatioTerms, sample: ClusterSample) -> RatioTerms:
    """The same ratio from sums by root: each initial customer or arrival with all whom it led to.

    Parameters
    ----------
    terms : RatioTerms
        By customer.
    sample : ClusterSample
        Who descends from whom.

    Returns
    -------
    RatioTerms
        Arrays of shape (n_roots,), in the order of `Sample.of_roots`; as they are where everybody is a root.
    """
    spent = None if terms.allocated_cost is None else sample.sum_by_root(terms.allocated_cost)
    return terms._replace(
        numerator=sample.sum_by_root(terms.numerator), denominator=sample.sum_by_root(terms.denominator), allocated_cost=spent
    )


def ratio(terms: RatioTerms) -> float:
    """sum(y) / sum(x), with what was spent; nan where the denominator is 0.

    Examples
    --------
    >>> ratio(RatioTerms(np.array([1.0, 2.0]), np.array([True, True])))
    1.5
    >>> ratio(RatioTerms(np.array([1.0, 2.0]), np.array([True, True]), is_total=True))
    3.0
    """
    over = terms.denominator_sum
    above = float(terms.numerator.sum()) + (
        terms.numerator_cost_weight * float(terms.allocated_cost.sum()) if terms.allocated_cost is not None else 0.0
    )
    return above / over if over else math.nan


def influence(terms: RatioTerms) -> Array:
    """How the ratio moves with each customer: (y - R x) / sum(x); of a total, y.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        nan where the ratio is undefined.
    """
    if terms.is_total:
        return np.array(terms.numerator, np.float64)
    moved = np.multiply(terms.denominator, -ratio(terms), dtype=np.float64)
    moved += terms.numerator
    moved /= terms.denominator_sum or math.nan
    return moved
