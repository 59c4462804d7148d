"""The data of a lever ranking: the effect of each move, and what was run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cjsim.json_records import plain_values
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.tuning.levers.moves import Move
from cjsim.tuning.levers.sobol_indices import SobolIndices


class LeverEffect(NamedTuple):
    """The effect of moving one lever one way.

    Attributes
    ----------
    move : Move
        The change.
    metric_effect : PairedDifference
        Effect on the metric, paired with the baseline.
    cost_effect : PairedDifference
        Effect on the metric `cost`, money per customer.
    has_unreliable_interval : bool
        Whether so few customers make up the effect that its interval covers the truth less often than stated.
    changes_any_customer : bool
        Whether any outcome of any customer differs.
    p_value : float
        Two-sided p-value of no effect, for this move alone; 1 if no customer differs.
    is_significant_after_holm : bool
        Whether the effect differs from 0 when all moves are tested together.
    """

    move: Move
    metric_effect: PairedDifference
    cost_effect: PairedDifference
    has_unreliable_interval: bool
    changes_any_customer: bool
    p_value: float
    is_significant_after_holm: bool

    @property
    def effect_per_cost(self) -> float:
        """Effect per unit of additional cost (below 0: the move saves money); nan if the cost does not differ significantly."""
        return self.metric_effect.effect / self.cost_effect.effect if self.cost_effect.is_significant else math.nan

    def row(self) -> dict[str, Any]:
        """The columns of `levers.csv`, by name."""
        move, effect, cost = self.move, self.metric_effect, self.cost_effect
        columns = {"path": move.path, "title": move.title, "from": move.before, "to": move.after}
        columns |= {"effect": effect.effect, "low": effect.low, "high": effect.high, "p": self.p_value}
        columns |= {"holds": self.is_significant_after_holm, "rough": self.has_unreliable_interval}
        columns |= {"cost": cost.effect, "cost_low": cost.low, "cost_high": cost.high, "effect_per_cost": self.effect_per_cost}
        return columns | {"touches": self.changes_any_customer}


@dataclass(frozen=True)
class RankingData:
    """All moves of a scenario's levers, sorted by the size of their effect on a metric.

    Attributes
    ----------
    scenario, metric : str
        Names.
    unit, title : str
        Unit and title of the metric.
    has_selected_denominator : bool
        Whether the metric is a ratio among customers whom the policy may have selected.
    baseline : float
        The metric under the scenario as it is.
    customers, seed : int
        Number of initial customers, and the seed of the runs.
    has_shared_resources : bool
        Whether customers share desks or budgets, which the intervals ignore.
    levers : tuple of LeverEffect
        Largest effect first, then undefined effects, then moves that change no customer.
    refusal_reasons : Mapping of str to str
        Why moves were skipped, by path and value.
    digest : str
        Hash of the request.
    seconds : float
        Wall time.
    sobol_indices : SobolIndices, optional
        Indices of some of the levers (`add_sobol_indices`).
    """

    scenario: str
    metric: str
    unit: str
    title: str
    has_selected_denominator: bool
    baseline: float
    customers: int
    seed: int
    has_shared_resources: bool
    levers: tuple[LeverEffect, ...]
    refusal_reasons: Mapping[str, str]
    digest: str
    seconds: float
    sobol_indices: SobolIndices | None = None

    def __len__(self) -> int:
        return len(self.levers)

    def by_effect_per_cost(self) -> list[LeverEffect]:
        """Significant levers that change the cost, by the size of their effect per unit of cost; empty if the metric is the cost."""
        if self.metric == "cost":
            return []
        candidates = [lever for lever in self.levers if lever.is_significant_after_holm and not math.isnan(lever.effect_per_cost)]
        return sorted(candidates, key=lambda lever: -abs(lever.effect_per_cost))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        further = {} if self.sobol_indices is None else {"sobol": self.sobol_indices.to_json()}
        names = ("scenario", "metric", "unit", "baseline", "customers", "seed")
        levers = [lever.row() | {"set": lever.move.values} for lever in self.levers]
        content = {name: getattr(self, name) for name in names} | {"levers": levers, "refused": self.refusal_reasons}
        return plain_values(further | content)
