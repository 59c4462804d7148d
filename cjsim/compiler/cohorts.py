"""Cohorts: keys, entry times, acquisition channels and costs of customers, before their other properties are drawn.

All random numbers of a customer depend only on the seed and the key of the customer. Keys of different origins never collide. The key of
initial customer n is n (below 2**61). The key of existing customer n is n with bit 61 set. The key of the n-th arrival of a channel
consists of bit 62, the 32 bits of the channel's random stream, and 30 bits for n. The key of a referred customer consists of bit 63, 4 bits
for the generation, and a hash of the referrer's key.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cjsim.kernels.world import Array

ARRIVED = 1 << 62
EXISTING = 1 << 61
ORDINAL_BITS = 30  # bits of an arrival's key that hold its number


@dataclass(frozen=True, eq=False)
class Cohort:
    """Consecutively numbered customers."""

    key: NDArray[np.uint64]  # (n,)
    entered: NDArray[np.float64]  # (n,), days
    channel: NDArray[np.int32]  # (n,), code of the acquisition channel, or -1
    cost: NDArray[np.float64]  # (n,), acquisition cost in currency units
    first: int  # number of the first customer

    def __len__(self) -> int:
        return len(self.key)

    def subset(self, first: int, count: int) -> "Cohort":
        """Return consecutive customers of the cohort.

        Parameters
        ----------
        first, count : int
            Position of the first customer in the cohort (from 0), and number of customers.

        Returns
        -------
        Cohort
        """
        selected = slice(first, first + count)
        return Cohort(self.key[selected], self.entered[selected], self.channel[selected], self.cost[selected], self.first + first)

    def with_first_number(self, first: int) -> "Cohort":
        """Return the same customers, numbered from `first` on.

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
    """Build the cohort of a generation of referred customers.

    Parameters
    ----------
    referrals : ndarray of REFERRAL, shape (n,)
        Referrals, ordered by referrer and then by invitation.
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
    """Return which customers are initial customers, i.e. come from the scenario's `customers` and `entry`.

    Parameters
    ----------
    key : ndarray of uint64, shape (n_customers,)
        Customer keys.

    Returns
    -------
    ndarray of bool, shape (n_customers,)
    """
    return np.asarray(key < np.uint64(EXISTING))
