"""Metrics of groups of customers, and unpaired differences between groups with 95 % intervals.

Unlike the runs of a comparison, the groups are different customers, so the intervals are for two independent samples: Newcombe's method 10
for shares, Welch's interval for all other metrics. Customers who share a root but are in different groups are treated as independent.

References
----------
Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions. Statistics in Medicine, 17(8), 873-890.
Welch, B. L. (1947). The generalization of Student's problem when several different population variances are involved. Biometrika, 34(1/2),
28-35.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, influence


class GroupEstimate(NamedTuple):
    """A metric of one group, with the quantities needed for an unpaired difference.

    Attributes
    ----------
    metric : MetricEstimate
        Value, interval and number of customers.
    variance : float
        Variance of the value; nan where undefined.
    n_units : int
        Number of independent units behind the value: the number of roots or of customers in the denominator, whichever is smaller.
    """

    metric: MetricEstimate
    variance: float
    n_units: int


class GroupDifference(NamedTuple):
    """Difference of a metric between two groups (`effect`), with its unpaired 95 % interval. nan where undefined."""

    effect: float
    low: float
    high: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def estimate_by_group(run: RunRecord, definition: MetricDefinition, groups: Sequence[Array]) -> list[GroupEstimate]:
    """Estimate a metric for each group of customers.

    Parameters
    ----------
    run : RunRecord
        The run.
    definition : MetricDefinition
        The metric.
    groups : sequence of ndarray of bool, shape (n_customers,)
        The customers of each group. Costs that customers share, such as wages, are allocated over all customers of the run.

    Returns
    -------
    list of GroupEstimate
    """
    terms, sample = definition.terms(run), ClusterSample.from_run(run)
    estimates = []
    for is_chosen in groups:
        of_group, group_sample = terms.subset(is_chosen), sample.subset(is_chosen)
        metric = estimate_metric(of_group, definition.unit, group_sample)
        is_defined = not math.isnan(metric.value)
        variance = group_sample.variance(group_sample.sum_by_root(influence(of_group))) if is_defined else math.nan
        estimates.append(GroupEstimate(metric, variance, min(group_sample.n_roots, metric.n)))
    return estimates


def group_difference(one: GroupEstimate, other: GroupEstimate) -> GroupDifference:
    """Estimate the difference `other` - `one`.

    Parameters
    ----------
    one, other : GroupEstimate
        The same metric in two groups.

    Returns
    -------
    GroupDifference
    """
    from scipy.special import stdtrit

    effect = other.metric.value - one.metric.value
    if math.isnan(effect) or min(one.n_units, other.n_units) < 2:
        return GroupDifference(effect, math.nan, math.nan)
    if one.metric.unit == SHARE_UNIT:
        low = math.hypot(other.metric.value - other.metric.low, one.metric.high - one.metric.value)
        high = math.hypot(other.metric.high - other.metric.value, one.metric.value - one.metric.low)
        return GroupDifference(effect, effect - low, effect + high)
    variance = one.variance + other.variance
    if variance == 0:
        return GroupDifference(effect, effect, effect)
    freedom = variance**2 / sum(group.variance**2 / (group.n_units - 1) for group in (one, other))
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(variance)
    return GroupDifference(effect, effect - half, effect + half)
