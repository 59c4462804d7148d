"""Pairing of customers between two runs by key."""

from typing import NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample


class CustomerPairing(NamedTuple):
    """The paired samples of two runs with the same initial customers. Arrivals and referred customers may occur in only one of the runs.

    Attributes
    ----------
    baseline, alternative : ClusterSample
        Samples of the two runs.
    combined : ClusterSample
        Union of the roots of both runs.
    arrival_positions : pair of ndarray of int64, or None
        Positions of each run's arrivals in the union of arrivals; None if both runs have the same arrivals.
    """

    baseline: ClusterSample
    alternative: ClusterSample
    combined: ClusterSample
    arrival_positions: tuple[Array, Array] | None

    @classmethod
    def match_by_key(cls, baseline: ClusterSample, alternative: ClusterSample) -> "CustomerPairing":
        """Pair the customers of two runs by key.

        Parameters
        ----------
        baseline, alternative : ClusterSample
            Samples with the same number of initial customers.

        Returns
        -------
        CustomerPairing
        """
        assert baseline.n_initial == alternative.n_initial
        baseline_keys, alternative_keys = _arrival_keys(baseline), _arrival_keys(alternative)
        if np.array_equal(baseline_keys, alternative_keys):
            return cls(baseline, alternative, ClusterSample(baseline.n_roots, baseline.n_initial), None)
        union, positions = np.unique(np.concatenate([baseline_keys, alternative_keys]), return_inverse=True)
        combined, count = ClusterSample(baseline.n_initial + len(union), baseline.n_initial), len(baseline_keys)
        return cls(baseline, alternative, combined, (positions[:count], positions[count:]))

    def difference_by_root(self, baseline_values: Array, alternative_values: Array) -> Array:
        """Return alternative - baseline for each root of either run. A root that is missing from a run has the value 0 in it.

        Parameters
        ----------
        baseline_values, alternative_values : ndarray of float64, shape (n_roots,)
            Values per root of each run.

        Returns
        -------
        ndarray of float64, shape (combined.n_roots,)
        """
        if self.arrival_positions is None:
            return alternative_values - baseline_values
        difference, n_initial = np.zeros(self.combined.n_roots), self.combined.n_initial
        difference[:n_initial] = alternative_values[:n_initial] - baseline_values[:n_initial]
        difference[n_initial + self.arrival_positions[1]] += alternative_values[n_initial:]
        difference[n_initial + self.arrival_positions[0]] -= baseline_values[n_initial:]
        return difference

    @property
    def has_same_customers(self) -> bool:
        """Whether both runs have the same customers in the same order."""
        if self.baseline.customer_keys is None and self.alternative.customer_keys is None:
            return self.baseline.n_roots == self.alternative.n_roots
        return np.array_equal(_customer_keys(self.baseline), _customer_keys(self.alternative))

    @property
    def customer_keys(self) -> Array:
        """Keys of the customers of either run, ndarray of uint64: first those of the baseline, then the others in ascending order."""
        if self.has_same_customers:
            return _customer_keys(self.baseline)
        baseline_keys, alternative_keys = _customer_keys(self.baseline), _customer_keys(self.alternative)
        return np.concatenate([baseline_keys, np.setdiff1d(alternative_keys, baseline_keys)])

    def difference_by_customer(self, baseline_values: Array, alternative_values: Array) -> Array:
        """Return alternative - baseline for each customer of either run. A customer who is missing from a run has the value 0 in it.

        Parameters
        ----------
        baseline_values, alternative_values : ndarray of float64, shape (n_customers,)
            Values per customer of each run.

        Returns
        -------
        ndarray of float64
            In the order of `customer_keys`.
        """
        if self.has_same_customers:
            return np.asarray(alternative_values - baseline_values)
        keys = self.customer_keys
        order = np.argsort(keys, kind="stable")
        positions = order[np.searchsorted(keys, _customer_keys(self.alternative), sorter=order)]
        difference = np.zeros(len(keys))
        difference[positions] = alternative_values
        difference[: len(baseline_values)] -= baseline_values
        return difference


def _arrival_keys(sample: ClusterSample) -> Array:
    """Return the keys of the arrivals."""
    return _customer_keys(sample)[sample.n_initial : sample.n_roots]


def _customer_keys(sample: ClusterSample) -> Array:
    return np.arange(sample.n_roots, dtype=np.uint64) if sample.customer_keys is None else sample.customer_keys
