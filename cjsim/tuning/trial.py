"""The record of a finished trial: its choice, its number of customers, and its results."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from cjsim.json_records import JsonRecord, Number
from cjsim.tuning.objectives import Objective


class ObjectiveGain(NamedTuple):
    """An objective of a trial: `effect` is value - baseline, with its 95 % interval.

    `value` is nan if the metric is undefined under this policy, the others if it is undefined under this policy or the baseline.
    """

    value: Number
    effect: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class Trial(JsonRecord):
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
    simulated_customers: Annotated[int, Field(alias="simulated")]
    gains: tuple[ObjectiveGain, ...]
    excess: Mapping[str, Annotated[float, BeforeValidator(lambda value: math.inf if value is None else value)]]
    refusal_reason: Annotated[str, Field(alias="refused")] = ""

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
