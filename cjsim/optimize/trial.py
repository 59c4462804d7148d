"""One trial of a study: what was chosen, on how many customers it was tried, and what came of it.

Lives here: the record, and its form in a storage. Does not live here: how it is evaluated (evaluate.py), who chooses (search.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Gain(NamedTuple):
    """A metric of a trial beside the baseline's: `effect` is the paired difference, value - baseline, with its 95 % interval."""

    value: float
    effect: float
    low: float
    high: float


@dataclass(frozen=True)
class Trial:
    """A finished trial.

    Attributes
    ----------
    index : int
        From 0; the same for any number of workers.
    point : Mapping of str to float
        A number for each coordinate of the space.
    params : Mapping of str to Any
        What that is in the scenario: values by path.
    customers : int
        On how many the numbers rest: fewer than the study's where the trial was given up.
    simulated : int
        How many lives it took in all, the baseline's not counted.
    gains : tuple of Gain
        One for each objective. `value` is the baseline's value on all customers plus `effect`, so that trials that were given up
        early stand on the same footing as the others.
    excess : Mapping of str to float
        By constraint: how far beyond its bound the metric is; 0 or less where it is kept.
    """

    index: int
    point: Mapping[str, float]
    params: Mapping[str, Any]
    customers: int
    simulated: int
    gains: tuple[Gain, ...]
    excess: Mapping[str, float]

    @property
    def is_feasible(self) -> bool:
        """Whether all constraints are kept."""
        return all(beyond <= 0 for beyond in self.excess.values())

    def to_json(self) -> dict[str, Any]:
        """Plain values, which `from_json` reads."""
        return {
            "index": self.index,
            "point": dict(self.point),
            "params": dict(self.params),
            "customers": self.customers,
            "simulated": self.simulated,
            "gains": [list(gain) for gain in self.gains],
            "excess": dict(self.excess),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trial":
        """A trial from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            What `to_json` gave.
        """
        gains = tuple(Gain(*gain) for gain in data["gains"])
        return cls(data["index"], data["point"], data["params"], data["customers"], data["simulated"], gains, data["excess"])
