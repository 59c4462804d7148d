"""Sample sizes for detecting a change in a metric: in a simulation, which is paired, and in a real A/B test, which is not.

References
----------
Guenther, W. C. (1981). Sample size formulas for normal theory t tests. The American Statistician, 35(4), 243-244.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.ratios import RatioTerms, influence, ratio
from cjsim.simulation.run import Run

_POWER_QUANTILE = NORMAL_QUANTILE_95 + 0.8416  # 80 % power, 5 % two-sided
_FEWEST_DIFFERING = 30  # customers; with fewer, the variance between customers is not known
_LARGEST_FACTOR = 2.0  # between an estimated number of customers and the bounds of its interval


class NeededCustomers(NamedTuple):
    """An estimated number of customers, or of replications, with its 95 % interval.

    All are nan if there are too few simulated customers or replications, or their values are too unequal, to estimate them.
    """

    value: float
    low: float
    high: float


class DetectableChange(NamedTuple):
    """Sample sizes for detecting a relative change in a metric with 80 % power at the two-sided 5 % level.

    Attributes
    ----------
    metric : str
        Name of the metric.
    change : float
        Relative change, such as 0.01.
    size : float
        The change in the unit of the metric.
    simulated : NeededCustomers
        Simulated customers, paired as in the comparison; nan if the comparison has several replications.
    per_group : NeededCustomers
        Customers in each of the two groups of a real test, from the closed form that `rehearse` uses.
    customers : int
        Number of simulated customers from which both are estimated.
    replications : NeededCustomers or None
        Replications of this firm, paired as in the comparison, if the comparison has several. The interval then depends on the number of
        replications, not on the number of customers in each.
    """

    metric: str
    change: float
    size: float
    simulated: NeededCustomers
    per_group: NeededCustomers
    customers: int
    replications: NeededCustomers | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            **{name: getattr(self, name) for name in ("metric", "change", "size", "customers")},
            "simulated": self.simulated._asdict(),
            "per_group": self.per_group._asdict(),
            **({} if self.replications is None else {"replications": self.replications._asdict()}),
        }

    def for_replications(self, differences: Array, baseline: float) -> "DetectableChange":
        """Return a copy with the number of replications in place of the number of simulated customers.

        With s^2 the variance of the paired difference between replications and d the change, (1.96 + 0.84)^2 s^2 / d^2 + 1.96^2 / 2
        replications are needed for Student's interval (Guenther 1981). The interval of this number reflects the sampling error of s^2,
        which has a chi-squared distribution.

        Parameters
        ----------
        differences : ndarray of float64, shape (n_replications,)
            The paired difference in each replication.
        baseline : float
            Mean of the metric under the baseline over replications.
        """
        from scipy.special import chdtri

        size, unknown = self.change * abs(baseline), NeededCustomers(math.nan, math.nan, math.nan)
        values = differences[~np.isnan(differences)]
        needed, degrees = unknown, len(values) - 1
        if degrees > 0 and size > 0 and (variance := float(values.var(ddof=1))) > 0:
            sums = degrees * variance / np.array([degrees, chdtri(degrees, 0.025), chdtri(degrees, 0.975)])
            numbers = (_POWER_QUANTILE / size) ** 2 * sums + NORMAL_QUANTILE_95**2 / 2
            needed = NeededCustomers(*(max(float(one), 2.0) for one in numbers))
        rescaled = NeededCustomers(*(one * (self.size / size) ** 2 if size else math.nan for one in self.per_group))
        return self._replace(size=size, simulated=unknown, per_group=rescaled, replications=needed)


def detectable_change(runs: tuple[Run, Run], terms: tuple[RatioTerms, RatioTerms], *, metric: str, change: float) -> DetectableChange:
    """Estimate how many customers are needed to detect a change, from the variances in two runs.

    With v the variance of an estimate from n customers and d the change, n v (1.96 + 0.84)^2 / d^2 customers are needed. For simulated
    customers, v is the variance of the paired difference; for each group of a real test, it is the sum of the variances in the two runs.
    The intervals treat d as known and reflect the relative sampling error of v; for a real test, this error is estimated from the baseline.

    Parameters
    ----------
    runs : tuple of Run
        The baseline and an alternative on the same customers.
    terms : tuple of RatioTerms
        Terms of the metric in both runs.
    metric : str
        Name of the metric.
    change : float
        Relative change, above 0.

    Returns
    -------
    DetectableChange
    """
    pairing = CustomerPairing.match_by_key(*(ClusterSample.from_run(run) for run in runs))
    samples = pairing.baseline, pairing.alternative
    by_root = [sample.sum_by_root(influence(one)) for sample, one in zip(samples, terms, strict=True)]
    size, n_customers = change * abs(ratio(terms[0])), runs[0].provenance.customers
    scale = n_customers * (_POWER_QUANTILE / size) ** 2 if size else math.nan
    difference = pairing.difference_by_root(*by_root)
    unpaired = sum(sample.variance(values) for sample, values in zip(samples, by_root, strict=True))
    return DetectableChange(
        metric,
        change,
        size,
        _needed(scale * pairing.combined.variance(difference), difference),
        _needed(scale * unpaired, by_root[0]),
        n_customers,
    )


def _needed(value: float, values_by_root: Array) -> NeededCustomers:
    """Return the number with its interval. The relative variance of a variance is (kurtosis - 1) / n."""
    unknown = NeededCustomers(math.nan, math.nan, math.nan)
    deviations = values_by_root - np.mean(values_by_root)
    variance = float(np.mean(deviations**2))
    n_differing = np.count_nonzero(~np.isclose(values_by_root, np.median(values_by_root), rtol=1e-9, atol=1e-9 * math.sqrt(variance)))
    if not (math.isfinite(value) and variance > 0 and n_differing >= _FEWEST_DIFFERING):
        return unknown
    kurtosis = float(np.mean(deviations**4)) / variance**2
    factor = math.exp(NORMAL_QUANTILE_95 * math.sqrt(max(kurtosis - 1, 0.0) / len(deviations)))
    return NeededCustomers(value, value / factor, value * factor) if factor <= _LARGEST_FACTOR else unknown
