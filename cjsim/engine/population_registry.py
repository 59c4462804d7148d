"""The population registry: keys, acquisition channels and referrers of all customers in a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.cohorts import EXISTING, Cohort
from cjsim.kernels.world import Array

IntArray64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PopulationRegistry:
    """The customers of a run, ordered by number: initial and existing customers, arrivals, then each generation of referred customers.

    The keys of initial customers are consecutive, so the registry stores only the first key and the number of initial customers. The same
    holds for existing customers.

    Attributes
    ----------
    n_initial : int
        Number of initial customers.
    later_keys : ndarray of uint64, shape (n_later,)
        Keys of arrivals and referred customers.
    later_channels : ndarray of int32, shape (n_later,)
        Acquisition channels of arrivals and referred customers; -1 for none.
    later_parents : ndarray of int64, shape (n_later,)
        Customer numbers of the referrers; -1 for arrivals.
    first_key : int
        Key of the first initial customer.
    initial_keys : ndarray of uint64, shape (n_initial,), or None
        Keys of the initial customers, if they are not consecutive.
    n_existing : int
        Number of existing customers, who entered before day 0, excluding customers whom they referred.
    """

    n_initial: int
    later_keys: NDArray[np.uint64]
    later_channels: NDArray[np.int32]
    later_parents: IntArray64
    first_key: int = 0
    initial_keys: NDArray[np.uint64] | None = None
    n_existing: int = 0

    @classmethod
    def of(
        cls,
        n_initial: int,
        arrivals: Cohort,
        referrals: Sequence[Array],
        *,
        first_key: int = 0,
        initial_keys: NDArray[np.uint64] | None = None,
        n_existing: int = 0,
    ) -> "PopulationRegistry":
        """Register initial customers, arrivals and referred customers.

        Parameters
        ----------
        n_initial : int
            Number of initial customers.
        arrivals : Cohort
            Customers who arrived through acquisition channels.
        referrals : Sequence of ndarray of REFERRAL
            Generations of referred customers, with the customer numbers of their referrers.
        first_key : int
            Key of the first initial customer.
        initial_keys : ndarray of uint64, shape (n_initial,), optional
            Keys of the initial customers, if they are not consecutive.
        n_existing : int
            Number of existing customers.

        Returns
        -------
        PopulationRegistry
        """
        return cls(
            n_initial,
            np.concatenate([arrivals.key, *(generation["key"] for generation in referrals)]),
            np.concatenate([arrivals.channel, *(generation["acquisition_channel"] for generation in referrals)]),
            np.concatenate([np.full(len(arrivals), -1, np.int64), *(generation["parent"] for generation in referrals)]),
            first_key,
            initial_keys,
            n_existing,
        )

    @classmethod
    def initial_only(cls, n_initial: int) -> "PopulationRegistry":
        """Register initial customers only.

        Parameters
        ----------
        n_initial : int
            Number of initial customers.

        Returns
        -------
        PopulationRegistry
        """
        return cls(n_initial, np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return self.n_fixed + len(self.later_keys)

    @property
    def n_fixed(self) -> int:
        """Number of initial and existing customers, which the scenario fixes."""
        return self.n_initial + self.n_existing

    @property
    def n_arrived(self) -> int:
        """Number of customers who arrived through acquisition channels, excluding referred customers."""
        return int(np.count_nonzero(self.later_parents < 0))

    @property
    def keys(self) -> NDArray[np.uint64]:
        """Customer keys, shape (n_customers,). A customer has the same key in every run with the same seed."""
        initial = self.initial_keys
        if initial is None:
            initial = np.arange(self.first_key, self.first_key + self.n_initial, dtype=np.uint64)
        existing = np.uint64(EXISTING) + np.arange(self.n_existing, dtype=np.uint64)
        return np.concatenate([initial, existing, self.later_keys])

    @property
    def channels(self) -> NDArray[np.int32]:
        """Acquisition channels, shape (n_customers,); -1 for none."""
        return np.concatenate([np.full(self.n_fixed, -1, np.int32), self.later_channels])

    @property
    def parents(self) -> IntArray64:
        """Customer numbers of the referrers, shape (n_customers,); -1 for customers who were not referred."""
        return np.concatenate([np.full(self.n_fixed, -1, np.int64), self.later_parents])

    @cached_property
    def roots(self) -> IntArray64:
        """Customer number of the initial customer or arrival from whom each customer descends, shape (n_customers,).

        A customer who was not referred is their own root. Customers with different roots are independent, except through shared desks
        and budgets.
        """
        parents, roots = self.parents, np.arange(len(self))
        is_referred = parents >= 0
        roots[is_referred] = parents[is_referred]
        while not np.array_equal(higher := roots[roots], roots):
            roots = higher
        return roots
