"""Ratios of sums over customers, the form of every metric, and the influence of each customer on a ratio.

A metric is R = sum(y) / sum(x) over customers. A mean per customer has x = 1. A total has the denominator 1. A root is an initial customer
or an arrival, together with all descendants by referral. To first order, a root changes the estimate by its influence g = sum(y - R x) /
sum(x), where the sum of y - R x is over the root's customers; for a total, g = sum(y). This is the delta method for cluster samples
(Cochran 1977, sections 6.4 and 9A.2). Roots are independent. The number of initial customers is fixed, so their contribution to the
variance is computed from deviations from their mean influence. The number of arrivals is Poisson distributed, so their contribution to
var(R) is the sum of g^2: the variance of a compound Poisson sum is its rate times the second moment. Acquisition spend is fixed before any
customer arrives, so it is part of the sums but has no influence. Intervals cover Monte Carlo error, but not uncertainty in the parameters
of the journey.

References
----------
Cochran, W. G. (1977). Sampling Techniques, 3rd ed. Wiley.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from cjsim.argument_types import check_fields
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample

SHARE_UNIT = "share"
CUSTOMERS_WHO_ENTERED = "customers who entered"  # the denominator of a mean per customer
_FLOAT64_ZERO = np.float64(0)  # makes np.where return float64


class RatioTerms(NamedTuple):
    """Numerators and denominators of a ratio, per customer.

    Attributes
    ----------
    numerator : ndarray of float64, shape (n_customers,)
        y in the formulas of this module.
    denominator : ndarray of float64 or bool, shape (n_customers,)
        x in the formulas of this module.
    allocated_cost : ndarray of float64, shape (n_customers,), or None
        Acquisition spend and wages allocated to each customer, in currency units. Not included in `numerator` or `denominator`.
    numerator_cost_weight, denominator_cost_weight : float
        Factors by which the sum of `allocated_cost` is multiplied before it is added to the sums of numerators and denominators.
    is_total : bool
        Whether the denominator of the ratio is 1. `denominator` then only indicates which customers count.
    weight : float
        Factor by which a total was scaled up from a sample to the whole firm.
    """

    numerator: Array
    denominator: Array
    allocated_cost: Array | None = None
    numerator_cost_weight: float = 0.0
    denominator_cost_weight: float = 0.0
    is_total: bool = False
    weight: float = 1.0

    def as_total(self, weight: float = 1.0) -> "RatioTerms":
        """Return the terms of a total over the whole firm, scaled up from the simulated customers.

        Parameters
        ----------
        weight : float
            Number of customers of the firm per simulated customer.

        Returns
        -------
        RatioTerms
        """
        if weight == 1:
            return self._replace(is_total=True)
        cost_weight = self.numerator_cost_weight * weight
        return self._replace(numerator=self.numerator * weight, numerator_cost_weight=cost_weight, is_total=True, weight=weight)

    def restricted_to(self, is_chosen: Array) -> "RatioTerms":
        """Return the terms, set to 0 for all customers who are not selected.

        Allocated costs become part of numerators and denominators, because the selection determines how much of them remains.

        Parameters
        ----------
        is_chosen : ndarray of bool, shape (n_customers,)
            Selected customers.

        Returns
        -------
        RatioTerms
        """
        denominator = self.denominator
        if self.allocated_cost is not None and self.denominator_cost_weight != 0:
            denominator = denominator + self.denominator_cost_weight * self.allocated_cost
        return self._replace(
            numerator=np.where(is_chosen, self.numerator_with_cost, _FLOAT64_ZERO),
            denominator=np.where(is_chosen, denominator, denominator.dtype.type(0)),
            allocated_cost=None,
        )

    def subset(self, is_chosen: Array) -> "RatioTerms":
        """Return the terms of the selected customers only.

        Parameters
        ----------
        is_chosen : ndarray of bool, shape (n_customers,)
            Selected customers.

        Returns
        -------
        RatioTerms
            Arrays of shape (n_selected,).
        """
        allocated_cost = None if self.allocated_cost is None else self.allocated_cost[is_chosen]
        return self._replace(numerator=self.numerator[is_chosen], denominator=self.denominator[is_chosen], allocated_cost=allocated_cost)

    @property
    def numerator_with_cost(self) -> Array:
        """Numerators including weighted allocated costs; float64, shape (n_customers,)."""
        return self.numerator if self.allocated_cost is None else self.numerator + self.numerator_cost_weight * self.allocated_cost

    @property
    def denominator_sum(self) -> float:
        """The denominator of the ratio."""
        if self.is_total:
            return 1.0
        return float(self.denominator.sum()) + self._weighted_cost(self.denominator_cost_weight)

    @property
    def numerator_sum(self) -> float:
        """The numerator of the ratio."""
        return float(self.numerator.sum()) + self._weighted_cost(self.numerator_cost_weight)

    def _weighted_cost(self, weight: float) -> float:
        """Return the sum of allocated costs times a weight; 0 without allocated costs."""
        return 0.0 if self.allocated_cost is None else weight * float(self.allocated_cost.sum())


@dataclass(frozen=True)
class MetricDefinition:
    """The definition of one metric.

    Attributes
    ----------
    name : str
        Name in JSON, tables and files, such as 'open_rate' or 'open_rate[email]'.
    unit : str
        'share' (a fraction of the denominator, in [0, 1]), 'money', 'days', 'ratio', or the name of the items counted.
    title : str
        Description for tables that states the quantity and its denominator.
    terms : callable
        Returns the `RatioTerms` of a `Run`, usually by `mean_per_customer` or `ratio_of_sums` of its arrays by customer:
        `run.outcomes.customers[NAME]` (`run.outcomes.customers.dtype.names` lists the names, such as 'revenue', 'purchases', 'contacts'
        and 'opens'), `run.outcomes.moments`, `dwell`, `touch_counts` and `desks` (columns in the order of `run.codebook.moments`, `stages`,
        `channels` and `desks`), and `run.entered`.
    is_detail : bool
        Whether short tables omit the metric.
    has_selected_denominator : bool
        Whether the policy affects who is in the denominator, such as converters or openers. The customer mix then differs between policies.
    is_total : bool
        Whether the metric is a sum over all customers. A sum is more informative than the mean only if the number of customers varies.
    better : {'higher', 'lower', 'neither'}
        Which values a firm prefers, other things being equal.
    denominator : str
        What the denominator sums, in words; a total has no denominator.
    """

    name: str
    unit: str
    title: str
    terms: Callable[[RunRecord], RatioTerms]
    is_detail: bool = False
    has_selected_denominator: bool = False
    is_total: bool = False
    better: Literal["higher", "lower", "neither"] = "neither"
    denominator: str = CUSTOMERS_WHO_ENTERED

    def __post_init__(self) -> None:
        check_fields(self, ("is_detail", "has_selected_denominator", "is_total", "better"))

    @property
    def full_title(self) -> str:
        """The title, with the denominator added unless it is the customers who entered or the title already states it."""
        if self.is_total:
            return f"{self.title} (a total)"
        is_said = self.denominator == CUSTOMERS_WHO_ENTERED or self.title.endswith(f"divided by {self.denominator}")
        return self.title if is_said else f"{self.title} (divided by {self.denominator})"


def mean_per_customer(run: RunRecord, values: Array) -> RatioTerms:
    """Return the terms of a mean over the customers who entered.

    Parameters
    ----------
    run : RunRecord
        The run.
    values : ndarray, shape (n_customers,)
        Values to average; not modified.

    Returns
    -------
    RatioTerms

    Raises
    ------
    InputError
        If there is not one value per customer.
    """
    entered = run.entered
    return RatioTerms(np.where(entered, _one_per_customer(run, "value", values), _FLOAT64_ZERO), entered)


def ratio_of_sums(run: RunRecord, numerator: Array, denominator: Array) -> RatioTerms:
    """Return the terms of a ratio over the customers who entered.

    Parameters
    ----------
    run : RunRecord
        The run.
    numerator : ndarray, shape (n_customers,)
        Numerators; 0 where the denominator is 0. Not modified.
    denominator : ndarray, shape (n_customers,)
        Denominators. Not modified.

    Returns
    -------
    RatioTerms

    Raises
    ------
    InputError
        If there is not one numerator and one denominator per customer.
    """
    entered = run.entered
    numerator, denominator = _one_per_customer(run, "numerator", numerator), _one_per_customer(run, "denominator", denominator)
    return RatioTerms(
        np.where(entered, numerator, _FLOAT64_ZERO),
        denominator & entered if denominator.dtype == bool else np.where(entered, denominator, 0),
    )


def mean_of_outcome(field: str) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for the mean of an OUTCOME field over the customers who entered.

    Parameters
    ----------
    field : str
        Name of the field. The function raises an InputError if there is no such field.

    Returns
    -------
    callable
        A function for `MetricDefinition.terms`.
    """
    return partial(_mean_of_field, field)


def total_over_customers(terms: Callable[[RunRecord], RatioTerms]) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for a sum over customers, given the terms function for their mean.

    Parameters
    ----------
    terms : callable
        Terms function of a mean per customer.

    Returns
    -------
    callable
        A function for `MetricDefinition.terms`.
    """
    return partial(_as_total, terms)


def _one_per_customer(run: RunRecord, noun: str, values: Array) -> Array:
    """Return the values as an array, or raise if their shape is not (n_customers,). A single number stands for all customers."""
    found, n_customers = np.asarray(values), run.entered.size
    if found.shape not in ((n_customers,), ()):
        must, remedy = f"must have one {noun} per customer, shape ({n_customers},)", "Compute it from the arrays of run.outcomes."
        raise InputError(format_error("terms of a metric", must, f"shape {found.shape}", remedy))
    return found


# Unlike lambdas, `partial` objects that wrap these functions can be passed to worker processes.
def _mean_of_field(field: str, run: RunRecord) -> RatioTerms:
    customers = run.outcomes.customers
    fields = customers.dtype.names or ()
    if field not in fields:
        raise InputError(format_error("mean_of_outcome", *unknown_name_parts(field, fields, "outcome")))
    return mean_per_customer(run, customers[field])


def _as_total(terms: Callable[[RunRecord], RatioTerms], run: RunRecord) -> RatioTerms:
    return terms(run).as_total(run.weight)


def sum_terms_by_root(terms: RatioTerms, sample: ClusterSample) -> RatioTerms:
    """Sum the terms of a ratio by root, that is, over each initial customer or arrival and all descendants by referral.

    Parameters
    ----------
    terms : RatioTerms
        Terms per customer.
    sample : ClusterSample
        The roots of the customers.

    Returns
    -------
    RatioTerms
        Arrays of shape (n_roots,), in the order of `sample.roots_only`. The arrays are not copied if every customer is a root.
    """
    allocated_cost = None if terms.allocated_cost is None else sample.sum_by_root(terms.allocated_cost)
    return terms._replace(
        numerator=sample.sum_by_root(terms.numerator), denominator=sample.sum_by_root(terms.denominator), allocated_cost=allocated_cost
    )


def ratio(terms: RatioTerms) -> float:
    """Return the value of a ratio, including allocated costs.

    Parameters
    ----------
    terms : RatioTerms
        Terms per customer.

    Returns
    -------
    float
        nan if the denominator is 0.

    Examples
    --------
    >>> ratio(RatioTerms(np.array([1.0, 2.0]), np.array([True, True])))
    1.5
    >>> ratio(RatioTerms(np.array([1.0, 2.0]), np.array([True, True]), is_total=True))
    3.0
    """
    denominator = terms.denominator_sum
    return terms.numerator_sum / denominator if denominator else math.nan


def influence(terms: RatioTerms) -> Array:
    """Return the influence of each customer on a ratio: (y - R x) / sum(x), or y for a total.

    Parameters
    ----------
    terms : RatioTerms
        Terms per customer.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        nan if the ratio is undefined.
    """
    if terms.is_total:
        return np.array(terms.numerator, np.float64)
    values = np.multiply(terms.denominator, -ratio(terms), dtype=np.float64)
    values += terms.numerator
    values /= terms.denominator_sum or math.nan
    return values
