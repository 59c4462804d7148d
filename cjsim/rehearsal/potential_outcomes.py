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
    triggered : ndarray of bool, shape (n_customers,), or None
        Whether the customer reached the point at which the policies differ. None if all customers did.

    Raises
    ------
    InputError
        If the metric is a total or has allocated costs, the arrays differ in length, or a customer who did not reach the trigger has
        different outcomes under the two policies.
    """

    base: RatioTerms
    alternative: RatioTerms
    covariate: Array | None = None
    clusters: Array | None = None
    triggered: Array | None = None

    def __post_init__(self) -> None:
        for terms in (self.base, self.alternative):
            if terms.is_total or terms.allocated_cost is not None:
                got = "a total" if terms.is_total else "a metric with allocated costs"
                remedy = "Choose a mean per customer, such as 'clv'."
                raise InputError(format_error("metric", "must be a mean or a ratio over the customers of a test", got, remedy))
        arrays = (self.base.denominator, *self.alternative[:2], self.covariate, self.clusters, self.triggered)
        shapes = {np.shape(array) for array in arrays if array is not None} | {np.shape(self.base.numerator)}
        if len(shapes) > 1 or len(next(iter(shapes))) != 1:
            must = "must be arrays of one value per customer"
            raise InputError(format_error("potential outcomes", must, f"the shapes {sorted(shapes)}", "Pass arrays of equal length."))
        if self.triggered is not None:
            self._require_equal_outcomes_without_trigger(self.triggered)

    def _require_equal_outcomes_without_trigger(self, triggered: Array) -> None:
        differs = (self.base.numerator != self.alternative.numerator) | (self.base.denominator != self.alternative.denominator)
        if (share := float(np.mean(differs & ~triggered))) > 0:
            must = "must be reached by every customer whose outcomes differ between the policies"
            raise InputError(
                format_error("trigger", must, f"{100 * share:.2f} % of customers who did not reach it", "Choose an earlier event.")
            )

    def __len__(self) -> int:
        return len(self.base.numerator)

    @property
    def truth(self) -> PairedDifference:
        """The metric under both policies and the true effect, with its paired 95 % interval over clusters."""
        return paired_difference(self.base, self.alternative, _pairing_of(self.clusters))

    @property
    def trigger_share(self) -> float:
        """Share of customers who reached the trigger."""
        return 1.0 if self.triggered is None else float(np.mean(self.triggered))

    def triggered_only(self) -> "PotentialOutcomes":
        """Return the customers who reached the trigger.

        For a mean per customer, the effect on all customers is the effect on these customers times `trigger_share`.

        Returns
        -------
        PotentialOutcomes

        Raises
        ------
        InputError
            If no customer reached the trigger.
        """
        chosen = self.triggered
        if chosen is None:
            return self
        if not chosen.any():
            raise InputError(format_error("trigger", "must be reached by some customers", "none", "Choose another event."))
        base, alternative = (
            terms._replace(numerator=terms.numerator[chosen], denominator=terms.denominator[chosen])
            for terms in (self.base, self.alternative)
        )
        covariate = None if self.covariate is None else self.covariate[chosen]
        clusters = None if self.clusters is None else np.unique(self.clusters[chosen], return_inverse=True)[1]
        return PotentialOutcomes(base, alternative, covariate, clusters)


def _pairing_of(clusters: Array | None) -> CustomerPairing | None:
    """Return the pairing of customers by row, with their clusters as roots."""
    if clusters is None:
        return None
    n_clusters = int(clusters.max()) + 1
    sample = ClusterSample(n_clusters, n_clusters, clusters)
    return CustomerPairing(sample, sample, ClusterSample(n_clusters, n_clusters), None)
