"""Cohorts: customers with their keys, entry times, acquisition channels and costs, before anything else is drawn for them.

All random numbers of a customer depend only on the seed and the customer's key. Keys of different origins never collide. The key of
initial customer n is n (below 2**62). The key of the n-th arrival of a channel has bit 62 set, then the 32 bits of the channel's
stream, then 30 bits of n. The key of a referred customer has bit 63 set, then 4 bits of its generation, then a hash of the key
of the customer who invited it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cjsim.kernels.world import Array

ARRIVED = 1 << 62
ORDINAL_BITS = 30  # bits of an arrival's key for its number


@dataclass(frozen=True, eq=False)
class Cohort:
    """Customers in the order of their numbers."""

    key: NDArray[np.uint64]  # (n,)
    entered: NDArray[np.float64]  # (n,), days
    channel: NDArray[np.int32]  # (n,), acquisition channel; -1 none
    cost: NDArray[np.float64]  # (n,), money, acquisition cost
    first: int  # number of the first customer

    def __len__(self) -> int:
        return len(self.key)

    def subset(self, first: int, count: int) -> "Cohort":
        """Consecutive customers of the cohort.

        Parameters
        ----------
        first, count : int
            Position of the first, from 0, and how many.

        Returns
        -------
        Cohort
        """
        selected = slice(first, first + count)
        return Cohort(self.key[selected], self.entered[selected], self.channel[selected], self.cost[selected], self.first + first)

    def with_first_number(self, first: int) -> "Cohort":
        """The same customers, numbered from `first` on.

        Parameters
        ----------
        first : int
            Number of the first customer.

        Returns
        -------
        Cohort
        """
        return replace(self, first=first)


def referred_cohort(referrals: Array, first: int) -> Cohort:
    """A generation of referred customers.

    Parameters
    ----------
    referrals : ndarray of REFERRAL, shape (n,)
        Ordered by parent, then invitation.
    first : int
        Number of the first customer.

    Returns
    -------
    Cohort
        Their acquisition cost is 0.
    """
    no_cost = np.zeros(len(referrals))
    return Cohort(referrals["key"].copy(), referrals["time"].copy(), referrals["acquisition_channel"].copy(), no_cost, first)


def are_initial(key: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which customers are initial: they come from the scenario's `customers` and `entry`.

    Parameters
    ----------
    key : ndarray of uint64, shape (n_customers,)
        Customer keys.

    Returns
    -------
    ndarray of bool, shape (n_customers,)
    """
    return np.asarray(key < np.uint64(ARRIVED))
