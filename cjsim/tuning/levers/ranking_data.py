"""The data of a lever ranking: the effect of each move and the settings of the runs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from cjsim.json_records import ComparableRecord, plain_values
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.tuning.levers.moves import Move
from cjsim.tuning.levers.sobol_indices import SobolIndices

_NEGLIGIBLE = 1e-6  # relative to the metric


def is_negligible(effect: PairedDifference) -> bool:
    """Return whether an effect is below a millionth of the metric, for example because a payment is discounted for a few more seconds."""
    return max(abs(effect.effect), abs(effect.low), abs(effect.high)) <= _NEGLIGIBLE * max(abs(effect.baseline), abs(effect.value))


class LeverEffect(NamedTuple):
    """Effect of one lever move.

    Attributes
    ----------
    move : Move
        The move.
    metric_effect : PairedDifference
        Effect on the metric, paired with the baseline.
    cost_effect : PairedDifference
        Effect on the metric `cost`, in currency units per customer.
    profit_effect : PairedDifference
        Effect on the metric `profit`, in currency units over all customers.
    has_unreliable_interval : bool
        Whether the effect stems from so few customers that its interval has less than nominal coverage.
    changes_any_customer : bool
        Whether any outcome of any customer differs.
    p_value : float
        Unadjusted two-sided p-value for the null hypothesis of no effect; 1 if no customer differs.
    is_significant_after_holm : bool
        Whether the effect is significant after Holm's correction for all moves.
    """

    move: Move
    metric_effect: PairedDifference
    cost_effect: PairedDifference
    profit_effect: PairedDifference
    has_unreliable_interval: bool
    changes_any_customer: bool
    p_value: float
    is_significant_after_holm: bool

    @property
    def effect_per_cost(self) -> float:
        """Effect on the metric per unit of additional cost; nan if the cost does not rise significantly."""
        rises = self.cost_effect.is_significant and self.cost_effect.effect > 0
        return self.metric_effect.effect / self.cost_effect.effect if rises else math.nan

    @property
    def changes_any_amount(self) -> bool:
        """Whether the metric, the cost or the profit changes by more than a millionth."""
        return self.changes_any_customer and not all(is_negligible(one) for one in self[1:4])

    def row(self) -> dict[str, Any]:
        """Return one row of `levers.csv`, by column name."""
        move, effect, cost = self.move, self.metric_effect, self.cost_effect
        columns = {"path": move.path, "title": move.title, "from": move.before, "to": move.after}
        columns |= {"effect": effect.effect, "low": effect.low, "high": effect.high, "p": self.p_value}
        columns |= {"holds": self.is_significant_after_holm, "rough": self.has_unreliable_interval}
        columns |= {"cost": cost.effect, "cost_low": cost.low, "cost_high": cost.high, "effect_per_cost": self.effect_per_cost}
        profit = self.profit_effect
        columns |= {"profit": profit.effect, "profit_low": profit.low, "profit_high": profit.high}
        return columns | {"touches": self.changes_any_customer}


@dataclass(frozen=True, repr=False)
class RankingData(ComparableRecord):
    """Lever moves of a scenario, sorted by the size of their effect on a metric.

    Attributes
    ----------
    scenario, metric : str
        Names of the scenario and the metric.
    unit, title : str
        Unit and title of the metric.
    has_selected_denominator : bool
        Whether the metric is a ratio over customers whose selection may depend on the policy.
    better : {'higher', 'lower', 'neither'}
        Which values of the metric a firm prefers.
    has_new_customers : bool
        Whether customers can be acquired or referred, so that a mean per customer may fall while profit rises.
    baseline : float
        Value of the metric under the baseline.
    customers, seed : int
        Number of initial customers, and the seed of the runs.
    has_shared_resources : bool
        Whether customers share desks or budgets. The intervals ignore the resulting dependence.
    levers : tuple of LeverEffect
        Effects, largest first; then undefined effects, then moves that change no customer.
    refusal_reasons : Mapping of str to str
        Reasons for skipped moves, by path and value.
    digest : str
        Digest of the request.
    seconds : float
        Wall time in seconds.
    sobol_indices : SobolIndices, optional
        Sobol indices of selected levers, from `add_sobol_indices`.
    currency : str, optional
        Currency of the scenario.
    assumptions : tuple of str
        Notes on changed prices and discounts whose size customers do not respond to.
    notes : tuple of str
        A note if the number of customers differs from the scenario's, and the firm's other customers and costs do not.
    """

    scenario: str
    metric: str
    unit: str
    title: str
    has_selected_denominator: bool
    better: Literal["higher", "lower", "neither"]
    has_new_customers: bool
    baseline: float
    customers: int
    seed: int
    has_shared_resources: bool
    levers: tuple[LeverEffect, ...]
    refusal_reasons: Mapping[str, str]
    digest: str
    seconds: float
    sobol_indices: SobolIndices | None = None
    currency: str | None = None
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.levers)

    def by_effect_per_cost(self) -> list[LeverEffect]:
        """Return significant moves that improve the metric and change the cost; empty if the metric is `cost`.

        Moves with an unreliable interval, and moves that clearly lower the profit from all customers, are left out. Moves that also save
        cost come first, then those with the largest effect per unit of cost.
        """
        if self.metric == "cost":
            return []
        sign = -1 if self.better == "lower" else 1
        candidates = [
            lever
            for lever in self.levers
            if lever.is_significant_after_holm and sign * lever.metric_effect.effect > 0 and lever.cost_effect.is_significant
            if not lever.has_unreliable_interval and not (lever.profit_effect.is_significant and lever.profit_effect.effect < 0)
        ]
        return sorted(candidates, key=lambda one: (one.cost_effect.effect > 0, -abs(one.metric_effect.effect / one.cost_effect.effect)))

    def growing_moves(self) -> list[LeverEffect]:
        """Return moves that clearly lower the mean per customer, but clearly raise the profit from all customers."""
        if not self.has_new_customers or self.better != "higher" or self.metric == "profit":
            return []
        falls = [lever for lever in self.levers if lever.metric_effect.is_significant and lever.metric_effect.effect < 0]
        return [lever for lever in falls if lever.profit_effect.is_significant and lever.profit_effect.effect > 0]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null."""
        further: dict[str, Any] = {} if self.sobol_indices is None else {"sobol": self.sobol_indices.to_json()}
        names = ("scenario", "metric", "unit", "baseline", "customers", "seed")
        further |= {"currency": self.currency} if self.currency else {}
        levers = [lever.row() | {"set": lever.move.values} for lever in self.levers]
        content = {name: getattr(self, name) for name in names} | {"levers": levers, "refused": self.refusal_reasons}
        noted = {name: list(texts) for name in ("assumptions", "notes") if (texts := getattr(self, name))}
        return plain_values(further | content | noted)
