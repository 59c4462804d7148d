"""Who was there: keys, acquisition channels and descent of all customers of a run.

Lives here: the record. Does not live here: what became of them (frames.py), who they are (model/population.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.cohorts import Cohort
from cjsim.kernels.world import Array

IntArray64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PopulationRegistry:
    """The customers of a run in the order of their numbers: the initial ones, arrivals, then generations of referred ones.

    Initial customers take no memory: all that is kept of them is how many there are, and the key of the first.
    """

    initial: int
    later_key: NDArray[np.uint64]  # (n_later,)
    later_by: NDArray[np.int32]  # (n_later,), acquisition channel; -1 none
    later_parent: IntArray64  # (n_later,), number of who referred; -1 an arrival
    first: int = 0

    @classmethod
    def of(cls, initial: int, arrivals: Cohort, births: Sequence[Array], *, first: int = 0) -> "PopulationRegistry":
        """Who was there.

        Parameters
        ----------
        initial : int
            How many at first.
        arrivals : Cohort
            Of acquisition channels.
        births : Sequence of ndarray of BIRTH
            Generations of referred customers, with the numbers of their parents.
        first : int
            Key of the first initial customer.
        """
        return cls(
            initial,
            np.concatenate([arrivals.key, *(generation["key"] for generation in births)]),
            np.concatenate([arrivals.channel, *(generation["acquisition_channel"] for generation in births)]),
            np.concatenate([np.full(len(arrivals), -1, np.int64), *(generation["parent"] for generation in births)]),
            first,
        )

    @classmethod
    def initial_only(cls, count: int) -> "PopulationRegistry":
        """Customers who were all there at first.

        Parameters
        ----------
        count : int
            How many.
        """
        return cls(count, np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return self.initial + len(self.later_key)

    @property
    def arrived(self) -> int:
        """How many came by acquisition channels, not counting who was referred."""
        return int(np.count_nonzero(self.later_parent < 0))

    @property
    def keys(self) -> NDArray[np.uint64]:
        """Customer keys: the same person has the same one in every run with the same seed."""
        return np.concatenate([np.arange(self.first, self.first + self.initial, dtype=np.uint64), self.later_key])

    @property
    def channels(self) -> NDArray[np.int32]:
        """Acquisition channels; -1 none."""
        return np.concatenate([np.full(self.initial, -1, np.int32), self.later_by])

    @property
    def parents(self) -> IntArray64:
        """Numbers of those who referred each; -1 nobody did."""
        return np.concatenate([np.full(self.initial, -1, np.int64), self.later_parent])

    @cached_property
    def roots(self) -> IntArray64:
        """Number of the initial customer or arrival that each descends from: itself, if nobody referred it.

        Customers of different roots are independent of one another, but for what they share at desks and in budgets.
        """
        parents, roots = self.parents, np.arange(len(self))
        referred = parents >= 0
        roots[referred] = parents[referred]
        while not np.array_equal(higher := roots[roots], roots):
            roots = higher
        return roots
