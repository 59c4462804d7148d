"""Which customers are independent draws, and who in one run is who in another.

Lives here: roots, their number, and pairing by key. Does not live here: what is estimated from them (estimate.py).

A referred customer is there because of who referred it: the independent draws are the *roots*, that is initial customers, whose number is
given, and arrivals, whose number is Poisson; each with all who descend from it. The same root in two runs has the same key.
"""

import math
from typing import NamedTuple

import numpy as np

from cjsim.engine.result import Run
from cjsim.model.world import Records


class Sample(NamedTuple):
    """The independent draws that a run is made of.

    Attributes
    ----------
    roots : int
        How many; they are the first customers of the run.
    given : int
        The first of these: initial customers, as many as were wished for. The others are arrivals.
    root : ndarray of int64, shape (n_customers,), or None
        The root of each customer; None: each is its own.
    keys : ndarray of uint64, shape (n_customers,), or None
        Of all customers; None: the number of the row.
    """

    roots: int
    given: int
    root: Records | None = None
    keys: Records | None = None

    @classmethod
    def alone(cls, customers: int) -> "Sample":
        """A given number of customers, each on its own.

        Parameters
        ----------
        customers : int
            How many.
        """
        return cls(customers, customers)

    @classmethod
    def of(cls, run: Run) -> "Sample":
        """The draws of a run.

        Parameters
        ----------
        run : Run
            The run.
        """
        census = run.census
        if len(census) == census.initial:
            return cls.alone(len(census))
        roots = census.initial + census.arrived
        return cls(roots, census.initial, run.roots if roots < len(census) else None, run.keys)

    @property
    def of_roots(self) -> "Sample":
        """The same draws where each is one row: what was summed by root goes with it."""
        return Sample(self.roots, self.given, None, None if self.keys is None else self.keys[: self.roots])

    def by_root(self, values: Records) -> Records:
        """Sums over each root and its descendants.

        Parameters
        ----------
        values : ndarray of float64, shape (n_customers,)
            Handed back as they are where everybody is a root.

        Returns
        -------
        ndarray of float64, shape (n_roots,)
        """
        return values if self.root is None else np.bincount(self.root, weights=values, minlength=self.roots)

    def variance(self, moved: Records) -> float:
        """Variance of an estimate that moves so with each root; nan for fewer than two roots.

        Parameters
        ----------
        moved : ndarray of float64, shape (n_roots,)
            As `by_root` gives it.

        Returns
        -------
        float64
            With m given roots and k arrivals m / (m - 1) sum((g - mean g)^2) + sum(g^2).
        """
        if self.roots < 2:
            return math.nan
        given, arrived = moved[: self.given], moved[self.given :]
        total = float(np.square(arrived).sum())
        if len(given) > 1:
            total += float(np.square(given - given.mean()).sum()) * len(given) / (len(given) - 1)
        return total


class Pairing(NamedTuple):
    """Two runs of the same customers, of whom some may have come in one run only.

    Attributes
    ----------
    before, after : Sample
        Of the baseline and of the alternative.
    both : Sample
        All roots of either.
    places : pair of ndarray of int64, or None
        Where the arrivals of each run stand among the arrivals of both; None: they are the same.
    """

    before: Sample
    after: Sample
    both: Sample
    places: tuple[Records, Records] | None

    @classmethod
    def of(cls, before: Sample, after: Sample) -> "Pairing":
        """Who is who, by key.

        Parameters
        ----------
        before, after : Sample
            With the same number of initial customers.
        """
        assert before.given == after.given
        ours, theirs = _arrivals(before), _arrivals(after)
        if np.array_equal(ours, theirs):
            return cls(before, after, Sample(before.roots, before.given), None)
        union, where = np.unique(np.concatenate([ours, theirs]), return_inverse=True)
        return cls(before, after, Sample(before.given + len(union), before.given), (where[: len(ours)], where[len(ours) :]))

    def difference(self, before: Records, after: Records) -> Records:
        """After - before for each root of either run; who did not come moves nothing.

        Parameters
        ----------
        before, after : ndarray of float64, shape (n_roots,)
            By root of each run.
        """
        if self.places is None:
            return after - before
        moved, given = np.zeros(self.both.roots), self.both.given
        moved[:given] = after[:given] - before[:given]
        moved[given + self.places[1]] += after[given:]
        moved[given + self.places[0]] -= before[given:]
        return moved

    @property
    def is_same(self) -> bool:
        """Whether the customers of both runs are the same ones in the same order."""
        before, after = self.before, self.after
        if before.keys is None and after.keys is None:
            return before.roots == after.roots
        return np.array_equal(_keys(before), _keys(after))

    @property
    def customers(self) -> Records:
        """Keys of the customers of either run: those of the baseline as they are numbered there, then the others by key."""
        if self.is_same:
            return _keys(self.before)
        ours, theirs = _keys(self.before), _keys(self.after)
        return np.concatenate([ours, np.setdiff1d(theirs, ours)])

    def own_difference(self, before: Records, after: Records) -> Records:
        """After - before for each of `customers`; 0 on the side where one did not come.

        Parameters
        ----------
        before, after : ndarray of float64, shape (n_customers,)
            By customer of each run.
        """
        if self.is_same:
            return np.asarray(after - before)
        keys, ours = self.customers, len(before)
        order = np.argsort(keys, kind="stable")
        at = order[np.searchsorted(keys, _keys(self.after), sorter=order)]
        moved = np.zeros(len(keys))
        moved[at] = after
        moved[:ours] -= before
        return moved


def _arrivals(sample: Sample) -> Records:
    """Keys of the arrivals."""
    return _keys(sample)[sample.given : sample.roots]


def _keys(sample: Sample) -> Records:
    return np.arange(sample.roots, dtype=np.uint64) if sample.keys is None else sample.keys
