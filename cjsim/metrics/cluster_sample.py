"""Which customers are independent draws, and who in one run is who in another.

Lives here: roots, their number, and pairing by key. Does not live here: what is estimated from them (estimate.py).

A referred customer is there because of who referred it: the independent draws are the *roots*, that is initial customers, whose number is
given, and arrivals, whose number is Poisson; each with all who descend from it. The same root in two runs has the same key.
"""

import math
from typing import NamedTuple

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array


class ClusterSample(NamedTuple):
    """The independent draws that a run is made of.

    Attributes
    ----------
    n_roots : int
        How many; they are the first customers of the run.
    n_initial : int
        The first of these: initial customers, as many as were wished for. The others are arrivals.
    root_of_customer : ndarray of int64, shape (n_customers,), or None
        The root of each customer; None: each is its own.
    customer_keys : ndarray of uint64, shape (n_customers,), or None
        Of all customers; None: the number of the row.
    """

    n_roots: int
    n_initial: int
    root_of_customer: Array | None = None
    customer_keys: Array | None = None

    @classmethod
    def of_independent_customers(cls, n_customers: int) -> "ClusterSample":
        """A given number of customers, each on its own.

        Parameters
        ----------
        n_customers : int
            How many.
        """
        return cls(n_customers, n_customers)

    @classmethod
    def from_run(cls, run: RunRecord) -> "ClusterSample":
        """The draws of a run.

        Parameters
        ----------
        run : RunRecord
            The run.
        """
        census = run.registry
        if len(census) == census.initial:
            return cls.of_independent_customers(len(census))
        roots = census.initial + census.arrived
        return cls(roots, census.initial, run.roots if roots < len(census) else None, run.keys)

    @property
    def roots_only(self) -> "ClusterSample":
        """The same draws where each is one row: what was summed by root goes with it."""
        return ClusterSample(self.n_roots, self.n_initial, None, None if self.customer_keys is None else self.customer_keys[: self.n_roots])

    def sum_by_root(self, values: Array) -> Array:
        """Sums over each root and its descendants.

        Parameters
        ----------
        values : ndarray of float64, shape (n_customers,)
            Handed back as they are where everybody is a root.

        Returns
        -------
        ndarray of float64, shape (n_roots,)
        """
        return values if self.root_of_customer is None else np.bincount(self.root_of_customer, weights=values, minlength=self.n_roots)

    def variance(self, influence_by_root: Array) -> float:
        """Variance of an estimate that moves so with each root; nan for fewer than two roots.

        Parameters
        ----------
        influence_by_root : ndarray of float64, shape (n_roots,)
            As `by_root` gives it.

        Returns
        -------
        float64
            With m given roots and k arrivals m / (m - 1) sum((g - mean g)^2) + sum(g^2).
        """
        if self.n_roots < 2:
            return math.nan
        given, arrived = influence_by_root[: self.n_initial], influence_by_root[self.n_initial :]
        total = float(np.square(arrived).sum())
        if len(given) > 1:
            total += float(np.square(given - given.mean()).sum()) * len(given) / (len(given) - 1)
        return total
