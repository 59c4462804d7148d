"""One trial of a study: what was chosen, on how many customers it was tried, and what came of it.

Lives here: the record, and its form in a storage. Does not live here: how it is evaluated (evaluate.py), who chooses (search.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cjsim.simulation.run import to_json_value
from cjsim.tuning.study import Objective


class ObjectiveGain(NamedTuple):
    """A metric of a trial beside the baseline's: `effect` is the paired difference, value - baseline, with its 95 % interval.

    nan where undefined: `value` under this policy, the others under this one or the baseline.
    """

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
    simulated_customers : int
        How many lives it took in all, the baseline's not counted.
    gains : tuple of ObjectiveGain
        One for each objective. `value` is the baseline's value on all customers plus `effect`, so that trials that were given up
        early stand on the same footing as the others.
    excess : Mapping of str to float
        By constraint: how far beyond its bound the metric is; 0 or less where it is kept, infinite where the metric is undefined.
    refusal_reason : str
        Why the scenario cannot be with these values: then nobody lived, and all is undefined. Empty where it can.
    """

    index: int
    point: Mapping[str, float]
    params: Mapping[str, Any]
    customers: int
    simulated_customers: int
    gains: tuple[ObjectiveGain, ...]
    excess: Mapping[str, float]
    refusal_reason: str = ""

    @property
    def is_feasible(self) -> bool:
        """Whether all constraints are kept and all objectives defined."""
        return all(beyond <= 0 for beyond in self.excess.values()) and not any(math.isnan(gain.value) for gain in self.gains)

    def objective_values(self, objectives: Sequence[Objective]) -> tuple[float, ...]:
        """What each objective is worth; the worst there is (infinite) where it is undefined.

        Parameters
        ----------
        objectives : Sequence of Objective
            Of the study.
        """
        pairs = zip(objectives, self.gains, strict=True)
        return tuple(-one.sign * math.inf if math.isnan(gain.value) else gain.value for one, gain in pairs)

    def to_json(self) -> dict[str, Any]:
        """Plain values, which `from_json` reads; null for what is not a finite number."""
        return {
            "index": self.index,
            "point": dict(self.point),
            "params": dict(self.params),
            "customers": self.customers,
            "simulated": self.simulated_customers,
            "gains": [[to_json_value(value) for value in gain] for gain in self.gains],
            "excess": {name: to_json_value(beyond) for name, beyond in self.excess.items()},
            "refused": self.refusal_reason,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trial":
        """A trial from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            What `to_json` gave.
        """
        gains = tuple(ObjectiveGain(*(math.nan if value is None else value for value in gain)) for gain in data["gains"])
        excess = {name: math.inf if beyond is None else beyond for name, beyond in data["excess"].items()}
        lives = data["customers"], data["simulated"]
        return cls(data["index"], data["point"], data["params"], *lives, gains, excess, data["refused"])
