"""What a policy change earns relative to what it costs: incremental ROI, and the break-even cost per contact.

With the changes in margin M, cost C and contacts K from the baseline, over the same customers:

    incremental ROI = M / C - 1,    break-even cost per contact = M / K

Both are ratios of paired differences, with Fieller's confidence sets. The incremental ROI is reported only if the cost rises significantly:
if C is negative or its sign is unclear, a larger ratio is not better. Amounts are not discounted.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.fieller import FiellerSet, fieller_set
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, paired_difference
from cjsim.metrics.ratios import RatioTerms, influence
from cjsim.metrics.replicated_estimates import combine_differences, student_quantile


class IncrementalReturn(NamedTuple):
    """What a policy change earns and costs.

    Attributes
    ----------
    margin, cost, contacts : PairedDifference
        Changes in margin and cost (money) and in contacts: per customer if both policies have the same number of customers, otherwise
        totals over all customers.
    is_per_customer : bool
        Whether the changes are per customer.
    return_on_cost : FiellerSet
        M / C - 1, whatever the sign of C. `incremental_roi` is this set if the cost rises significantly.
    break_even_cost : FiellerSet
        M / K: the cost per contact, in money, at which the change in contacts would exactly pay for itself.
    """

    margin: PairedDifference
    cost: PairedDifference
    contacts: PairedDifference
    is_per_customer: bool
    return_on_cost: FiellerSet
    break_even_cost: FiellerSet

    @property
    def incremental_roi(self) -> FiellerSet | None:
        """Change in margin per change in cost, minus 1; None unless the cost rises significantly."""
        return self.return_on_cost if self.cost.is_significant and self.cost.effect > 0 else None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers are nan."""
        roi = self.incremental_roi
        return {
            "incremental_roi": None if roi is None else roi._asdict(),
            "break_even_cost_per_contact": self.break_even_cost._asdict(),
            **{name: getattr(self, name)._asdict() for name in ("margin", "cost", "contacts")},
            "per": "customer" if self.is_per_customer else "all customers",
        }


def incremental_return(baseline: RunRecord, alternative: RunRecord) -> IncrementalReturn:
    """Estimate what an alternative earns and costs, compared with a baseline on the same customers.

    Parameters
    ----------
    baseline, alternative : RunRecord
        Runs of the same customers.

    Returns
    -------
    IncrementalReturn
    """
    samples = [ClusterSample.from_run(run) for run in (baseline, alternative)]
    pairing = CustomerPairing.match_by_key(*samples)
    totals = {name: (_total(baseline, name), _total(alternative, name)) for name in ("margin", "cost", "contacts")}
    counts = [int(run.entered.sum()) for run in (baseline, alternative)]
    is_per_customer = counts[0] == counts[1] > 0
    scale = 1 / (counts[0] * baseline.weight) if is_per_customer else 1.0  # totals cover the whole firm
    changes = {name: _scaled(paired_difference(before, after, pairing), scale) for name, (before, after) in totals.items()}
    roots = {name: _change_by_root(before, after, pairing) for name, (before, after) in totals.items()}

    def _ratio_to(name: str) -> FiellerSet:
        is_same, square = changes[name].is_identical, scale * scale
        return fieller_set(
            changes["margin"].effect,
            0.0 if is_same else changes[name].effect,
            numerator_variance=square * pairing.combined.variance(roots["margin"]),
            denominator_variance=0.0 if is_same else square * pairing.combined.variance(roots[name]),
            covariance=0.0 if is_same else square * pairing.combined.covariance(roots["margin"], roots[name]),
            quantile=NORMAL_QUANTILE_95,
        )

    return IncrementalReturn(
        **changes, is_per_customer=is_per_customer, return_on_cost=_ratio_to("cost").shifted(-1.0), break_even_cost=_ratio_to("contacts")
    )


def replicated_return(pairs: Sequence[tuple[RunRecord, RunRecord]]) -> IncrementalReturn:
    """Estimate what an alternative earns and costs from replications, with intervals from the spread between them.

    Parameters
    ----------
    pairs : sequence of pair of RunRecord
        The runs under the baseline and under the alternative, by replication; at least two, with independent seeds.

    Returns
    -------
    IncrementalReturn
        Changes are means over replications, with Student's intervals.
    """
    ones = [incremental_return(*pair) for pair in pairs]
    is_per_customer = all(one.is_per_customer for one in ones)
    scales = [
        1.0 if is_per_customer or not one.is_per_customer else float(before.entered.sum()) * before.weight
        for one, (before, _) in zip(ones, pairs, strict=True)
    ]
    values = {
        name: [(scale * getattr(one, name).baseline, scale * getattr(one, name).value) for scale, one in zip(scales, ones, strict=True)]
        for name in ("margin", "cost", "contacts")
    }
    changes = {name: combine_differences(*zip(*pairs_of_name, strict=True)).difference for name, pairs_of_name in values.items()}
    by_replication = {name: np.array([after - before for before, after in found]) for name, found in values.items()}

    def _ratio_to(name: str) -> FiellerSet:
        covariances = np.cov(by_replication["margin"], by_replication[name]) / len(pairs)
        return fieller_set(
            changes["margin"].effect,
            changes[name].effect,
            numerator_variance=float(covariances[0, 0]),
            denominator_variance=float(covariances[1, 1]),
            covariance=float(covariances[0, 1]),
            quantile=student_quantile(len(pairs)),
        )

    return IncrementalReturn(
        **changes, is_per_customer=is_per_customer, return_on_cost=_ratio_to("cost").shifted(-1.0), break_even_cost=_ratio_to("contacts")
    )


def _total(run: RunRecord, metric: str) -> RatioTerms:
    return find_metric_definition(run, metric).terms(run).as_total(run.weight)


def _change_by_root(baseline: RatioTerms, alternative: RatioTerms, pairing: CustomerPairing) -> Array:
    """Return the contribution of each root to the change of a total; float64, shape (n_roots,)."""
    before, after = (
        sample.sum_by_root(influence(terms)) for sample, terms in ((pairing.baseline, baseline), (pairing.alternative, alternative))
    )
    return pairing.difference_by_root(before, after)


def _scaled(difference: PairedDifference, scale: float) -> PairedDifference:
    values = {name: scale * getattr(difference, name) for name in ("baseline", "value", "effect", "low", "high")}
    return difference._replace(**values)
