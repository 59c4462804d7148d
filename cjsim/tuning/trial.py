"""The record of a finished trial: its choice, its number of customers, and its results."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cjsim.simulation.run import to_json_value
from cjsim.tuning.objectives import Objective


class ObjectiveGain(NamedTuple):
    """An objective of a trial: `effect` is value - baseline, with its 95 % interval.

    `value` is nan if the metric is undefined under this policy, the others if it is undefined under this policy or the baseline.
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
        A number for each coordinate of the search space.
    params : Mapping of str to Any
        The corresponding values of the scenario, by path.
    customers : int
        Number of customers that the results are based on: fewer than those of the study if the trial was pruned.
    simulated_customers : int
        Number of customers simulated for the trial, without the baseline; 0 for a repeated choice.
    gains : tuple of ObjectiveGain
        One per objective. `value` is the baseline's value on all customers plus `effect`, so that pruned and complete trials are
        comparable.
    excess : Mapping of str to float
        Excess of the metric over the bound, by constraint: 0 or less if satisfied, infinite if the metric is undefined.
    refusal_reason : str
        Why the scenario is invalid with these values: then nothing is simulated, and all metrics are undefined. Empty if it is valid.
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
        """Whether all constraints are satisfied and all objectives defined."""
        return all(excess <= 0 for excess in self.excess.values()) and not any(math.isnan(gain.value) for gain in self.gains)

    def objective_values(self, objectives: Sequence[Objective]) -> tuple[float, ...]:
        """Values of the objectives; the worst possible (infinite) if undefined.

        Parameters
        ----------
        objectives : Sequence of Objective
            Objectives of the study.
        """
        pairs = zip(objectives, self.gains, strict=True)
        return tuple(-one.sign * math.inf if math.isnan(gain.value) else gain.value for one, gain in pairs)

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads; null for numbers that are not finite."""
        return {
            "index": self.index,
            "point": dict(self.point),
            "params": dict(self.params),
            "customers": self.customers,
            "simulated": self.simulated_customers,
            "gains": [[to_json_value(value) for value in gain] for gain in self.gains],
            "excess": {name: to_json_value(excess) for name, excess in self.excess.items()},
            "refused": self.refusal_reason,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trial":
        """A trial from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            Values that `to_json` returned.
        """
        gains = tuple(ObjectiveGain(*(math.nan if value is None else value for value in gain)) for gain in data["gains"])
        excess = {name: math.inf if value is None else value for name, value in data["excess"].items()}
        counts = data["customers"], data["simulated"]
        return cls(data["index"], data["point"], data["params"], *counts, gains, excess, data["refused"])
