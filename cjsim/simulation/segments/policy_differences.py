"""Differences of all metrics between the runs of two policies, over all customers or over the customers of a group."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, paired_difference
from cjsim.metrics.ratios import MetricDefinition, RatioTerms, ratio
from cjsim.metrics.replicated_estimates import PredictionInterval, combine_differences
from cjsim.simulation.run import Run

Members = tuple[Array, Array]  # who belongs to a group: under the baseline and under the alternative, bool, shape (n_customers,) each


class PolicyDifference(NamedTuple):
    """The difference of one metric.

    Attributes
    ----------
    difference : PairedDifference
        The difference with its interval.
    prediction : PredictionInterval or None
        With several replications, the prediction interval for one run of the firm.
    by_replication : ndarray of float64, shape (n_replications,)
        The difference in each replication; empty for a single run.
    """

    difference: PairedDifference
    prediction: PredictionInterval | None = None
    by_replication: Array = np.zeros(0)


def policy_differences(
    baseline: Run, other: Run, *, members: Sequence[Members | None] | None = None, metrics: Sequence[str] | None = None
) -> dict[str, PolicyDifference]:
    """Return the paired difference of every metric that both runs have.

    Parameters
    ----------
    baseline, other : Run
        Runs with the same seeds.
    members : sequence of pair of ndarray, or of None, optional
        The customers of a group in each replication; all customers by default.
    metrics : sequence of str, optional
        Names of metrics; all by default.

    Returns
    -------
    dict of str to PolicyDifference
    """
    before, after = all_metric_definitions(baseline.codebook), all_metric_definitions(other.codebook)
    shared = [name for name in before if name in after and (metrics is None or name in metrics)]
    pairs = list(zip(baseline.replications, other.replications, strict=True))
    chosen: Sequence[Members | None] = [None] * len(pairs) if members is None else members
    if len(pairs) == 1:
        pairing = CustomerPairing.match_by_key(ClusterSample.from_run(baseline), ClusterSample.from_run(other))
        terms = {name: _terms(before[name], after[name], pairs[0], chosen[0]) for name in shared}
        return {name: PolicyDifference(paired_difference(*pair, pairing)) for name, pair in terms.items()}
    return {name: _replicated(before[name], after[name], pairs, chosen) for name in shared}


def split_differences(
    found: Mapping[str, PolicyDifference],
) -> tuple[dict[str, PairedDifference], dict[str, PredictionInterval]]:
    """Return the differences and the prediction intervals by metric.

    Parameters
    ----------
    found : Mapping of str to PolicyDifference
        Return value of `policy_differences`.
    """
    predictions = {name: one.prediction for name, one in found.items() if one.prediction is not None}
    return {name: one.difference for name, one in found.items()}, predictions


def _terms(
    before: MetricDefinition, after: MetricDefinition, runs: tuple[Run, Run], members: Members | None
) -> tuple[RatioTerms, RatioTerms]:
    one, other = before.terms(runs[0]), after.terms(runs[1])
    return (one, other) if members is None else (one.restricted_to(members[0]), other.restricted_to(members[1]))


def _replicated(
    before: MetricDefinition, after: MetricDefinition, pairs: Sequence[tuple[Run, Run]], members: Sequence[Members | None]
) -> PolicyDifference:
    values = np.array([[ratio(one) for one in _terms(before, after, *pair)] for pair in zip(pairs, members, strict=True)])
    combined = combine_differences(values[:, 0].tolist(), values[:, 1].tolist())
    return PolicyDifference(combined.difference, combined.prediction, values[:, 1] - values[:, 0])
