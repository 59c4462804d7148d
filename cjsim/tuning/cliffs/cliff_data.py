"""The data of a ranking of moves between stages."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from cjsim.metrics.number_format import estimate_decimals, format_value
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.validate.transitions import Transition


class Share(NamedTuple):
    """Share of the customers who make a move at least once, with its 95 % interval and the number of customers."""

    value: float
    low: float
    high: float
    n: int


class PersonaValue(NamedTuple):
    """What a move contributes to the metric of the customers of a persona, and their number."""

    metric_value: PairedDifference
    n: int


class TransitionValue(NamedTuple):
    """Contribution of one move: the scenario with it, compared with the scenario in which it is blocked.

    Attributes
    ----------
    transition : Transition
        The move.
    is_to_retained : bool
        Whether the stage that it leads to counts as retained.
    metric_value : PairedDifference
        What it adds to the metric; negative for a loss.
    share : Share or None
        Share of the customers who make it; None if customers share desks or budgets, because a blocked move then affects others, too.
    personas : Mapping of str to PersonaValue
        Contribution by persona; empty if the journey has only one.
    has_unreliable_interval : bool
        Whether the value stems from so few customers that its interval has less than nominal coverage.
    p_value : float
        Unadjusted two-sided p-value for the null hypothesis that the move adds nothing to the metric.
    is_significant_after_holm : bool
        Whether its value is significant after Holm's correction for all moves.
    """

    transition: Transition
    is_to_retained: bool
    metric_value: PairedDifference
    share: Share | None
    personas: Mapping[str, PersonaValue]
    has_unreliable_interval: bool
    p_value: float
    is_significant_after_holm: bool

    def rank_key(self, better: str) -> tuple[bool, bool, float]:
        """Return the key that sorts moves: those to stages that do not count as retained first, the largest loss first in each group."""
        effect = self.metric_value.effect
        return self.is_to_retained, math.isnan(effect), -effect if better == "lower" else effect

    def is_loss(self, better: str) -> bool:
        """Return whether the move clearly worsens the metric, after Holm's correction. If no direction is better, a decrease counts."""
        effect = self.metric_value.effect
        return self.is_significant_after_holm and (effect > 0 if better == "lower" else effect < 0)

    def most_affected(self) -> str:
        """Return the persona whose value is the most extreme in the direction of the move's value; '' if none is clearly so.

        It is clear if its interval lies beyond those of all other personas.
        """
        values = {name: one.metric_value for name, one in self.personas.items() if not math.isnan(one.metric_value.effect)}
        if len(values) < 2 or math.isnan(self.metric_value.effect) or self.metric_value.is_identical:
            return ""
        if self.metric_value.effect < 0:
            name = min(values, key=lambda one: values[one].high)
            return name if all(values[name].high < other.low for one, other in values.items() if one != name) else ""
        name = max(values, key=lambda one: values[one].low)
        return name if all(values[name].low > other.high for one, other in values.items() if one != name) else ""

    def share_text(self) -> str:
        """Return the share as text; '' if there is none."""
        return "" if self.share is None else format_value(self.share.value, SHARE_UNIT, estimate_decimals(SHARE_UNIT, self.share[:3]))

    def rows(self) -> list[dict[str, Any]]:
        """Return rows of `cliffs.csv` by column name: all customers, then each persona."""
        move = {"from": self.transition.origin, "to": self.transition.target, "to_retained": self.is_to_retained}
        share = self.share or Share(math.nan, math.nan, math.nan, 0)
        shares = {"share": share.value, "share_low": share.low, "share_high": share.high, "share_n": share.n}
        facts = {"p_value": self.p_value, "holds": self.is_significant_after_holm}
        rows = [move | {"persona": ""} | _value_columns(self.metric_value) | shares | facts]
        return rows + [move | {"persona": name} | _value_columns(one.metric_value) | {"n": one.n} for name, one in self.personas.items()]


@dataclass(frozen=True, repr=False)
class CliffData:
    """Contribution of each move between stages, the largest loss first.

    Attributes
    ----------
    scenario, metric, unit : str
        Name of the scenario, name of the metric, and unit of the metric.
    better : {'higher', 'lower', 'neither'}
        Which values of the metric a firm prefers.
    baseline : float
        Value of the metric with all moves.
    customers, seed : int
        Number of initial customers and seed of the runs.
    has_shared_resources : bool
        Whether customers share desks or budgets, so that intervals are too narrow.
    transitions : tuple of TransitionValue
        The moves that customers make: first those to stages that do not count as retained, then the others; in each group, the largest loss
        first.
    failed : Mapping of str to str
        Moves that could not be blocked, such as 'here -> there', with the error.
    seconds : float
        Wall time, in seconds.
    currency : str or None
        Currency of all amounts, if the scenario names one.
    notes : tuple of str
        A note if the number of customers differs from the scenario's, and the firm's other customers and costs do not.
    """

    scenario: str
    metric: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    baseline: float
    customers: int
    seed: int
    has_shared_resources: bool
    transitions: tuple[TransitionValue, ...]
    failed: Mapping[str, str]
    seconds: float
    currency: str | None = None
    notes: tuple[str, ...] = ()


def _value_columns(difference: PairedDifference) -> dict[str, float]:
    return {"value": difference.effect, "value_low": difference.low, "value_high": difference.high}
