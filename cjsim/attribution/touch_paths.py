"""`Paths`: the touches that preceded conversions, and the touches that no conversion followed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, eq=False)
class Paths:
    """Sequences of touches, each with the conversions that it led to. Use `from_sequences` to build one by hand.

    Attributes
    ----------
    touchpoints : tuple of str
        Names by code, such as channels. Touchpoints without a touch are allowed; no rule gives them credit.
    touches : ndarray of int64, shape (n_touches,)
        Codes of the touches of all paths, one path after another, in chronological order.
    offsets : ndarray of int64, shape (n_paths + 1,)
        Path i has the touches `offsets[i]` to `offsets[i + 1] - 1`. A path without touches is a conversion that nothing preceded.
    conversions, value : ndarray of float64, shape (n_paths,)
        Number of conversions of each path, and their total value in money.
    nulls : ndarray of float64, shape (n_paths,)
        How often the path was observed without a conversion.
    days_before : ndarray of float64, shape (n_touches,), or None
        Days from each touch to the conversion, at least 0; None if times are unknown.
    owners : ndarray of int64, shape (n_paths,), or None
        Customer of each path; None if unknown.
    """

    touchpoints: tuple[str, ...]
    touches: IntArray
    offsets: IntArray
    conversions: FloatArray
    value: FloatArray
    nulls: FloatArray
    days_before: FloatArray | None = None
    owners: IntArray | None = None

    @classmethod
    def from_sequences(
        cls,
        sequences: Sequence[Sequence[str]],
        *,
        conversions: Sequence[float],
        value: Sequence[float] | None = None,
        nulls: Sequence[float] | None = None,
        days_before: Sequence[Sequence[float]] | None = None,
    ) -> "Paths":
        """Build paths from lists of names.

        Parameters
        ----------
        sequences : sequence of sequence of str
            Touchpoints of each path, in chronological order.
        conversions : sequence of float
            Number of conversions of each path.
        value : sequence of float, optional
            Total value of the conversions of each path, in money; the number of conversions by default.
        nulls : sequence of float, optional
            How often each path was observed without a conversion; 0 by default.
        days_before : sequence of sequence of float, optional
            Days from each touch to the conversion.

        Returns
        -------
        Paths
            Its touchpoints are sorted by name.

        Examples
        --------
        >>> paths = Paths.from_sequences([["ad", "email"], ["ad"]], conversions=[2, 0], nulls=[0, 5])
        >>> paths.touchpoints, paths.touches.tolist(), paths.offsets.tolist()
        (('ad', 'email'), [0, 1, 0], [0, 2, 3])
        """
        names = sorted({name for sequence in sequences for name in sequence})
        code = {name: i for i, name in enumerate(names)}
        n = len(sequences)
        days = None if days_before is None else np.array([day for path in days_before for day in path], np.float64)
        return cls(
            touchpoints=tuple(names),
            touches=np.array([code[name] for sequence in sequences for name in sequence], np.int64),
            offsets=np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences])]).astype(np.int64),
            conversions=np.array(conversions, np.float64),
            value=np.array(conversions if value is None else value, np.float64),
            nulls=np.zeros(n) if nulls is None else np.array(nulls, np.float64),
            days_before=days,
        )

    def __len__(self) -> int:
        return len(self.conversions)

    @property
    def lengths(self) -> IntArray:
        """Number of touches of each path; int64, shape (n_paths,)."""
        return np.diff(self.offsets)

    @property
    def path_of_touch(self) -> IntArray:
        """Index of the path of each touch; int64, shape (n_touches,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Whether each path has at least one touch; bool, shape (n_paths,)."""
        return np.asarray(self.lengths > 0)

    def select(self, chosen: NDArray[np.bool_]) -> "Paths":
        """Return some of the paths.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_paths,)
            Which paths to keep.

        Returns
        -------
        Paths
            With the same touchpoints.
        """
        keeps_touch = np.repeat(chosen, self.lengths)
        return Paths(
            touchpoints=self.touchpoints,
            touches=self.touches[keeps_touch],
            offsets=np.concatenate([[0], np.cumsum(self.lengths[chosen])]).astype(np.int64),
            conversions=self.conversions[chosen],
            value=self.value[chosen],
            nulls=self.nulls[chosen],
            days_before=None if self.days_before is None else self.days_before[keeps_touch],
            owners=None if self.owners is None else self.owners[chosen],
        )


def sums_by_code(codes: IntArray, weights: FloatArray, count: int) -> FloatArray:
    """Return the sum of the weights of each code; float64, shape (count,)."""
    return np.bincount(codes, weights, minlength=count).astype(np.float64, copy=False)
