"""The customers of a run as a cluster sample.

The outcomes of a referred customer depend on the referrer. The independent sampling units are therefore the *roots*: initial customers,
whose number is fixed, and arrivals, whose number is Poisson distributed, each together with all descendants by referral. A root has the
same key in every run with the same seed.
"""

import math
from typing import NamedTuple

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array


class ClusterSample(NamedTuple):
    """The independent sampling units of a run.

    Attributes
    ----------
    n_roots : int
        Number of roots. Roots are the first customers of the run.
    n_initial : int
        Number of initial and existing customers. They are the first roots; the remaining roots are arrivals.
    root_of_customer : ndarray of int64, shape (n_customers,), or None
        Root of each customer; None if every customer is a root.
    customer_keys : ndarray of uint64, shape (n_customers,), or None
        Customer keys; None if the keys equal the row numbers.
    """

    n_roots: int
    n_initial: int
    root_of_customer: Array | None = None
    customer_keys: Array | None = None

    @classmethod
    def of_independent_customers(cls, n_customers: int) -> "ClusterSample":
        """Create a sample of initial customers without referrals.

        Parameters
        ----------
        n_customers : int
            Number of customers.

        Returns
        -------
        ClusterSample
        """
        return cls(n_customers, n_customers)

    @classmethod
    def from_run(cls, run: RunRecord) -> "ClusterSample":
        """Create the sample of a run.

        Parameters
        ----------
        run : RunRecord
            The run.

        Returns
        -------
        ClusterSample
        """
        registry = run.registry
        if len(registry) == registry.n_initial and registry.initial_keys is None:
            return cls.of_independent_customers(len(registry))
        n_roots = registry.n_fixed + registry.n_arrived
        return cls(n_roots, registry.n_fixed, run.roots if n_roots < len(registry) else None, run.keys)

    def subset(self, is_chosen: Array) -> "ClusterSample":
        """Return the sample of some of the customers.

        Parameters
        ----------
        is_chosen : ndarray of bool, shape (n_customers,)
            Selected customers.

        Returns
        -------
        ClusterSample
            Its roots are the roots of the selected customers, whether or not the roots themselves are selected.
        """
        if self.root_of_customer is None:
            return ClusterSample(int(np.count_nonzero(is_chosen)), int(np.count_nonzero(is_chosen[: self.n_initial])))
        roots, root_of_customer = np.unique(self.root_of_customer[is_chosen], return_inverse=True)
        return ClusterSample(len(roots), int(np.count_nonzero(roots < self.n_initial)), root_of_customer)

    @property
    def roots_only(self) -> "ClusterSample":
        """The same sample with one row per root, for values that are summed by root."""
        return ClusterSample(self.n_roots, self.n_initial, None, None if self.customer_keys is None else self.customer_keys[: self.n_roots])

    def sum_by_root(self, values: Array) -> Array:
        """Sum values over each root and its descendants.

        Parameters
        ----------
        values : ndarray of float64, shape (n_customers,)
            Values of each customer. Returned unchanged if every customer is a root.

        Returns
        -------
        ndarray of float64, shape (n_roots,)
        """
        return values if self.root_of_customer is None else np.bincount(self.root_of_customer, weights=values, minlength=self.n_roots)

    def variance(self, influence_by_root: Array) -> float:
        """Return the variance of an estimate.

        Parameters
        ----------
        influence_by_root : ndarray of float64, shape (n_roots,)
            Influence g of each root on the estimate, computed by `influence` and summed by `sum_by_root`.

        Returns
        -------
        float
            m / (m - 1) sum((g - mean g)^2) over the m initial customers plus sum(g^2) over the arrivals; nan for fewer than two roots.
        """
        if self.n_roots < 2:
            return math.nan
        initial, arrived = influence_by_root[: self.n_initial], influence_by_root[self.n_initial :]
        total = float(np.square(arrived).sum())
        if len(initial) > 1:
            total += float(np.square(initial - initial.mean()).sum()) * len(initial) / (len(initial) - 1)
        return total

    def covariance(self, influence_by_root: Array, other_influence_by_root: Array) -> float:
        """Return the covariance of two estimates, computed in the same way as `variance`.

        Parameters
        ----------
        influence_by_root, other_influence_by_root : ndarray of float64, shape (n_roots,)
            Influence of each root on the estimates.

        Returns
        -------
        float
            nan for fewer than two roots.
        """
        if self.n_roots < 2:
            return math.nan
        initial, others = influence_by_root[: self.n_initial], other_influence_by_root[: self.n_initial]
        total = float(np.dot(influence_by_root[self.n_initial :], other_influence_by_root[self.n_initial :]))
        if len(initial) > 1:
            total += float(np.dot(initial - initial.mean(), others - others.mean())) * len(initial) / (len(initial) - 1)
        return total
