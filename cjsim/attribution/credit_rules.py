"""`Rule`, the interface of attribution rules, and the rules that weight the touches of each path: first, last, linear, time decay."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from cjsim.attribution.touch_paths import FloatArray, Paths, sums_by_code
from cjsim.errors import InputError, format_error


class Credits(NamedTuple):
    """Credit of each touchpoint.

    Attributes
    ----------
    touchpoints : tuple of str
        Names of the touchpoints.
    conversions, value : ndarray of float64, shape (n_touchpoints,)
        Credited conversions, and credited value in money. They sum to the totals of all paths with a touch.
    conversions_error : ndarray of float64, shape (n_touchpoints,), or None
        Standard error of `conversions` from sampling; None if the credit is exact.
    """

    touchpoints: tuple[str, ...]
    conversions: FloatArray
    value: FloatArray
    conversions_error: FloatArray | None = None


class Rule(ABC):
    """An attribution rule: splits the conversions of paths, and their value, among touchpoints."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def credits(self, paths: Paths) -> Credits:
        """Return the credit of each touchpoint. Conversions that no touch preceded are not credited.

        Parameters
        ----------
        paths : Paths
            The paths.

        Returns
        -------
        Credits
            In the order of `paths.touchpoints`.

        Raises
        ------
        InputError
            If the rule needs times and the paths have none.
        """


class TouchWeightRule(Rule):
    """A rule that gives each touch of a path a weight. The weights of a path sum to 1."""

    @abstractmethod
    def weights(self, paths: Paths) -> FloatArray:
        """Return the weight of each touch.

        Parameters
        ----------
        paths : Paths
            The paths.

        Returns
        -------
        ndarray of float64, shape (n_touches,)
            In [0, 1]; they sum to 1 in each path.
        """

    def credits(self, paths: Paths) -> Credits:
        """Return the weighted sums over touches."""
        weights, path, n = self.weights(paths), paths.path_of_touch, len(paths.touchpoints)
        sums = [sums_by_code(paths.touches, weights * total[path], n) for total in (paths.conversions, paths.value)]
        return Credits(paths.touchpoints, sums[0], sums[1])


class FirstTouch(TouchWeightRule):
    """The first touch of a path gets all its credit."""

    name, title = "first", "first touch"

    def weights(self, paths: Paths) -> FloatArray:
        """Return 1 for the first touch of each path, else 0."""
        return _indicator(paths, paths.offsets[:-1][paths.touched])


class LastTouch(TouchWeightRule):
    """The last touch of a path gets all its credit."""

    name, title = "last", "last touch"

    def weights(self, paths: Paths) -> FloatArray:
        """Return 1 for the last touch of each path, else 0."""
        return _indicator(paths, paths.offsets[1:][paths.touched] - 1)


class Linear(TouchWeightRule):
    """All touches of a path get the same credit."""

    name, title = "linear", "linear"

    def weights(self, paths: Paths) -> FloatArray:
        """Return 1 / (number of touches of the path)."""
        return 1.0 / np.repeat(paths.lengths, paths.lengths)


@dataclass(frozen=True)
class TimeDecay(TouchWeightRule):
    """The weight of a touch halves with every `half_life_days` before the conversion.

    Attributes
    ----------
    half_life_days : float
        Days, above 0.
    """

    half_life_days: float = 7.0
    name, title = "time_decay", "time decay"

    def __post_init__(self) -> None:
        if not self.half_life_days > 0:
            raise InputError(format_error("half_life_days", "must be above 0", f"{self.half_life_days:g}", "Use a value such as 7."))

    def weights(self, paths: Paths) -> FloatArray:
        """Return 2^(-days / half-life), divided by the sum over the path."""
        if paths.days_before is None:
            remedy = "Use paths with times, or another rule."
            raise InputError(format_error("time decay", "must be applied to paths with times", "paths without times", remedy))
        path, n = paths.path_of_touch, len(paths)
        latest = np.full(n, np.inf)
        np.minimum.at(latest, path, paths.days_before)
        raw = np.exp2((latest[path] - paths.days_before) / self.half_life_days)  # relative to the last touch, which avoids underflow
        return np.asarray(raw / np.bincount(path, raw, minlength=n)[path])


def _indicator(paths: Paths, positions: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
    """Return 1 at these touches, else 0."""
    weights = np.zeros(len(paths.touches))
    weights[positions] = 1.0
    return weights
