"""Cohorts: customers by what sets them apart before anything is drawn for them.

Lives here: the noun, and whose key is which. Does not live here: when initial customers enter and who anybody is (population.py), when
arrivals come (arrivals.py), who refers whom (the rules).

A customer's key is all that its random numbers depend on beside the seed, and says whence it came, so that no two are ever mixed up:
that of the initial customer n is n (below 2**62); that of the n-th arrival of a channel has bit 62 set, then the 32 bits of
the channel's stream, then the 30 of n; that of a referred one has bit 63 set, then 4 bits of its
generation, then a hash of who invited it (referrals.py).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cjsim.kernels.world import Array

ARRIVED = 1 << 62
ORDINAL_BITS = 30  # of an arrival's key


@dataclass(frozen=True, eq=False)
class Cohort:
    """Customers in the order of their numbers."""

    key: NDArray[np.uint64]  # (n,)
    entered: NDArray[np.float64]  # (n,), days
    channel: NDArray[np.int32]  # (n,), acquisition channel; -1 none
    cost: NDArray[np.float64]  # (n,), money that acquiring each took
    first: int  # number of the first

    def __len__(self) -> int:
        return len(self.key)

    def subset(self, first: int, count: int) -> "Cohort":
        """Some of them.

        Parameters
        ----------
        first, count : int
            Which, from 0.
        """
        part = slice(first, first + count)
        return Cohort(self.key[part], self.entered[part], self.channel[part], self.cost[part], self.first + first)

    def with_first_number(self, first: int) -> "Cohort":
        """The same customers with other numbers.

        Parameters
        ----------
        first : int
            Of the first.
        """
        return replace(self, first=first)


def referred_cohort(births: Array, first: int) -> Cohort:
    """A generation of referred customers.

    Parameters
    ----------
    births : ndarray of BIRTH, shape (n,)
        By parent, then invitation.
    first : int
        Number of the first.
    """
    return Cohort(births["key"].copy(), births["time"].copy(), births["acquisition_channel"].copy(), np.zeros(len(births)), first)


def are_initial(key: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which customers are there from the beginning, as the scenario's `customers` and `entry` say.

    Parameters
    ----------
    key : ndarray of uint64, shape (n_customers,)
        Customer keys.

    Returns
    -------
    ndarray of bool, shape (n_customers,)
    """
    return np.asarray(key < np.uint64(ARRIVED))
