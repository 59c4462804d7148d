"""Which customers are independent draws, and who in one run is who in another. (part)."""

from typing import NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample


class CustomerPairing(NamedTuple):
    """Two runs of the same customers, of whom some may have come in one run only.

    Attributes
    ----------
    baseline, alternative : ClusterSample
        Of the baseline and of the alternative.
    combined : ClusterSample
        All roots of either.
    arrival_positions : pair of ndarray of int64, or None
        Where the arrivals of each run stand among the arrivals of both; None: they are the same.
    """

    baseline: ClusterSample
    alternative: ClusterSample
    combined: ClusterSample
    arrival_positions: tuple[Array, Array] | None

    @classmethod
    def match_by_key(cls, baseline: ClusterSample, alternative: ClusterSample) -> "CustomerPairing":
        """Who is who, by key.

        Parameters
        ----------
        baseline, alternative : ClusterSample
            With the same number of initial customers.
        """
        assert baseline.n_initial == alternative.n_initial
        ours, theirs = _arrival_keys(baseline), _arrival_keys(alternative)
        if np.array_equal(ours, theirs):
            return cls(baseline, alternative, ClusterSample(baseline.n_roots, baseline.n_initial), None)
        union, where = np.unique(np.concatenate([ours, theirs]), return_inverse=True)
        return cls(
            baseline,
            alternative,
            ClusterSample(baseline.n_initial + len(union), baseline.n_initial),
            (where[: len(ours)], where[len(ours) :]),
        )

    def difference_by_root(self, baseline_values: Array, alternative_values: Array) -> Array:
        """After - before for each root of either run; who did not come moves nothing.

        Parameters
        ----------
        baseline_values, alternative_values : ndarray of float64, shape (n_roots,)
            By root of each run.
        """
        if self.arrival_positions is None:
            return alternative_values - baseline_values
        moved, given = np.zeros(self.combined.n_roots), self.combined.n_initial
        moved[:given] = alternative_values[:given] - baseline_values[:given]
        moved[given + self.arrival_positions[1]] += alternative_values[given:]
        moved[given + self.arrival_positions[0]] -= baseline_values[given:]
        return moved

    @property
    def has_same_customers(self) -> bool:
        """Whether the customers of both runs are the same ones in the same order."""
        before, after = self.baseline, self.alternative
        if before.customer_keys is None and after.customer_keys is None:
            return before.n_roots == after.n_roots
        return np.array_equal(_customer_keys(before), _customer_keys(after))

    @property
    def customer_keys(self) -> Array:
        """Keys of the customers of either run: those of the baseline as they are numbered there, then the others by key."""
        if self.has_same_customers:
            return _customer_keys(self.baseline)
        ours, theirs = _customer_keys(self.baseline), _customer_keys(self.alternative)
        return np.concatenate([ours, np.setdiff1d(theirs, ours)])

    def difference_by_customer(self, baseline_values: Array, alternative_values: Array) -> Array:
        """After - before for each of `customers`; 0 on the side where one did not come.

        Parameters
        ----------
        baseline_values, alternative_values : ndarray of float64, shape (n_customers,)
            By customer of each run.
        """
        if self.has_same_customers:
            return np.asarray(alternative_values - baseline_values)
        keys, ours = self.customer_keys, len(baseline_values)
        order = np.argsort(keys, kind="stable")
        at = order[np.searchsorted(keys, _customer_keys(self.alternative), sorter=order)]
        moved = np.zeros(len(keys))
        moved[at] = alternative_values
        moved[:ours] -= baseline_values
        return moved


def _arrival_keys(sample: ClusterSample) -> Array:
    """Keys of the arrivals."""
    return _customer_keys(sample)[sample.n_initial : sample.n_roots]


def _customer_keys(sample: ClusterSample) -> Array:
    return np.arange(sample.n_roots, dtype=np.uint64) if sample.customer_keys is None else sample.customer_keys
