"""Outcomes of the same customers under BASE and under ALTERNATIVE, from which rehearsals of a test are drawn."""

from dataclasses import dataclass

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, paired_difference
from cjsim.metrics.ratios import RatioTerms


@dataclass(frozen=True, eq=False)
class PotentialOutcomes:
    """Terms of one metric, per customer, under both policies.

    Attributes
    ----------
    base, alternative : RatioTerms
        Numerators and denominators of the metric under each policy. Row i is the same customer in both.
    covariate : ndarray of float64, shape (n_customers,), or None
        A value that is known before the test, for CUPED.
    clusters : ndarray of int64, shape (n_customers,), or None
        Cluster of each customer, from 0. Clusters are independent and are assigned as a whole. None if customers are independent.
    enrollment_days : ndarray of float64, shape (n_customers,), or None
        When each customer enrolls, in days since the test opened; None if unknown.

    Raises
    ------
    InputError
        If the metric is a total or has allocated costs, or the arrays differ in length.
    """

    base: RatioTerms
    alternative: RatioTerms
    covariate: Array | None = None
    clusters: Array | None = None
    enrollment_days: Array | None = None

    def __post_init__(self) -> None:
        for terms in (self.base, self.alternative):
            if terms.is_total or terms.allocated_cost is not None:
                got = "a total" if terms.is_total else "a metric with allocated costs"
                remedy = "Choose a mean per customer, such as 'clv'."
                raise InputError(format_error("metric", "must be a mean or a ratio over the customers of a test", got, remedy))
        arrays = (self.base.denominator, *self.alternative[:2], self.covariate, self.clusters, self.enrollment_days)
        shapes = {np.shape(array) for array in arrays if array is not None} | {np.shape(self.base.numerator)}
        if len(shapes) > 1 or len(next(iter(shapes))) != 1:
            must = "must be arrays of one value per customer"
            raise InputError(format_error("potential outcomes", must, f"the shapes {sorted(shapes)}", "Pass arrays of equal length."))

    def __len__(self) -> int:
        return len(self.base.numerator)

    @property
    def truth(self) -> PairedDifference:
        """The metric under both policies and the true effect, with its paired 95 % interval over clusters."""
        return paired_difference(self.base, self.alternative, _pairing_of(self.clusters))


def _pairing_of(clusters: Array | None) -> CustomerPairing | None:
    """Return the pairing of customers by row, with their clusters as roots."""
    if clusters is None:
        return None
    n_clusters = int(clusters.max()) + 1
    sample = ClusterSample(n_clusters, n_clusters, clusters)
    return CustomerPairing(sample, sample, ClusterSample(n_clusters, n_clusters), None)
