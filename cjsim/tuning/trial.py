"""The record of a finished trial: its point, number of customers, and results."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from cjsim.json_records import JsonRecord, Number
from cjsim.tuning.objectives import Objective


class ObjectiveGain(NamedTuple):
    """Result of a trial in one objective. `effect` is value - baseline, with its 95 % interval.

    `value` is nan if the metric is undefined under this policy. The other fields are nan if it is undefined under this policy or the
    baseline.
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
        Index from 0, independent of the number of workers.
    point : Mapping of str to float
        Value of each coordinate of the search space.
    params : Mapping of str to Any
        Corresponding values in the scenario, keyed by path.
    customers : int
        Number of customers on which the results are based. Smaller than in the study if the trial was pruned.
    simulated_customers : int
        Number of customers simulated for the trial, excluding the baseline; 0 for a repeated point.
    gains : tuple of ObjectiveGain
        One per objective. `value` is the baseline value on all customers plus `effect`, which makes pruned and complete trials comparable.
    excess : Mapping of str to float
        Excess of the metric over its bound, keyed by constraint: 0 or less if satisfied, infinite if the metric is undefined.
    refusal_reason : str
        Why the scenario is invalid with these values; empty if it is valid. An invalid scenario is not simulated, and all metrics are
        undefined.
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
        """Return the values of the objectives. Undefined values are replaced with the worst possible value, plus or minus infinity.

        Parameters
        ----------
        objectives : Sequence of Objective
            Objectives of the study.
        """
        pairs = zip(objectives, self.gains, strict=True)
        return tuple(-one.sign * math.inf if math.isnan(gain.value) else gain.value for one, gain in pairs)


def params_key(params: Mapping[str, Any]) -> str:
    """Return a string that is the same for equal values of the search space.

    Parameters
    ----------
    params : Mapping of str to Any
        Values by path.

    Returns
    -------
    str
    """
    return json.dumps(params, sort_keys=True, default=str)
