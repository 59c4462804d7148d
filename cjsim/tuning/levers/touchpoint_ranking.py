"""The result of `touchpoint_values`: the contribution of each touchpoint, as a table and as files."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cjsim.json_records import plain_values, write_json
from cjsim.metrics.number_format import MONEY_UNIT, estimate_decimals, format_value, named_unit, unit_in_text
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.table_files import write_csv
from cjsim.tuning.levers.effect_cells import effect_cells, effect_mark

if TYPE_CHECKING:
    import pandas as pd

TOUCHPOINTS_FILE = "touchpoints.json"


class TouchpointValue(NamedTuple):
    """Contribution of one touchpoint: the scenario with it, compared with the scenario without it.

    Attributes
    ----------
    kind, name : str
        'flow', 'broadcast', 'channel' or 'message', and its name.
    metric_value : PairedDifference
        What it adds to the metric.
    cost, profit : PairedDifference
        What it adds to the cost (money per customer) and to the profit (money from all customers).
    has_unreliable_interval : bool
        Whether the value stems from so few customers that its interval has less than nominal coverage.
    p_value : float
        Unadjusted two-sided p-value for the null hypothesis that it adds nothing to the metric.
    is_significant_after_holm : bool
        Whether its value is significant after Holm's correction for all touchpoints.
    """

    kind: str
    name: str
    metric_value: PairedDifference
    cost: PairedDifference
    profit: PairedDifference
    has_unreliable_interval: bool
    p_value: float
    is_significant_after_holm: bool

    @property
    def loses_money(self) -> bool:
        """Whether the profit is clearly higher without it."""
        return self.profit.is_significant and self.profit.effect < 0

    def rank_key(self, better: str) -> tuple[bool, float]:
        """Return the key that sorts touchpoints by value, most valuable first and undefined values last."""
        effect = self.metric_value.effect
        return math.isnan(effect), effect if better == "lower" else -effect

    def row(self) -> dict[str, Any]:
        """Return one row of `touchpoints.csv`, by column name."""
        named = {"value": self.metric_value, "cost": self.cost, "profit": self.profit}
        ends = {f"{name}{end}": getattr(one, at) for name, one in named.items() for end, at in _ENDS}
        facts = {"p_value": self.p_value, "holds": self.is_significant_after_holm, "loses_money": self.loses_money}
        return {"kind": self.kind, "name": self.name, **ends, **facts}


_ENDS = (("", "effect"), ("_low", "low"), ("_high", "high"))


@dataclass(frozen=True, repr=False)
class TouchpointRanking(FolderResult):
    """Contribution of each flow, broadcast and channel, most valuable first.

    `save` writes `touchpoints.csv` and `touchpoints.json`.

    Attributes
    ----------
    scenario, metric, unit : str
        Name of the scenario, name of the metric, and unit of the metric.
    better : {'higher', 'lower', 'neither'}
        Which values of the metric a firm prefers.
    baseline : float
        Value of the metric with all touchpoints.
    customers, seed : int
        Number of initial customers and seed of the runs.
    has_shared_resources : bool
        Whether customers share desks or budgets, so that intervals are too narrow.
    touchpoints : tuple of TouchpointValue
        The touchpoints, most valuable first.
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
    touchpoints: tuple[TouchpointValue, ...]
    seconds: float
    currency: str | None = None
    notes: tuple[str, ...] = ()
    _marker = TOUCHPOINTS_FILE

    def _facts(self) -> str:
        return f"{self.metric} of {self.scenario}: {len(self.touchpoints)} touchpoints, {self.customers:,} customers, seed {self.seed}"

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, full: bool = False) -> str:
        """Return the ranking as a text table.

        Parameters
        ----------
        full : bool
            Whether to show touchpoints that change nothing; they are named below the table otherwise.
        """
        idle = [one for one in self.touchpoints if _is_idle(one)]
        shown = [one for one in self.touchpoints if full or one not in idle]
        amount = unit_in_text(self.unit, self.currency)
        metric = f"{self.metric}{f' ({amount})' if amount else ''}"
        header = ("touchpoint", metric, "95 % interval", "", "profit", "95 % interval", "cost", "")
        rows = [self._row(one) for one in shown]
        parts = [
            wrap_lines(f"Contribution of each touchpoint of {self.scenario}: switched on, compared with switched off."),
            align_columns(header, rows) if rows else "No touchpoint changes anything.",
            *([] if full or not idle else [wrap_lines(f"These change nothing: {', '.join(f'{one.kind} {one.name}' for one in idle)}.")]),
            wrap_lines(self._caption()),
        ]
        return "\n\n".join(parts)

    def _row(self, one: TouchpointValue) -> tuple[str, ...]:
        cost = format_value(one.cost.effect, MONEY_UNIT, estimate_decimals(MONEY_UNIT, one.cost[2:5]), is_difference=True)
        return (
            f"{one.kind} {one.name}",
            *effect_cells(one.metric_value, self.unit),
            effect_mark(one.metric_value, holds=one.is_significant_after_holm, is_unreliable=one.has_unreliable_interval),
            *effect_cells(one.profit, MONEY_UNIT),
            cost,
            "loses money" if one.loses_money else "",
        )

    def _caption(self) -> str:
        shares = " Customers share desks or budgets; intervals treat them as independent." if self.has_shared_resources else ""
        return "\n".join(
            [
                f"{self.customers:,} customers, seed {self.seed}, paired on the same customers.{shares} Cost is per customer.",
                f"* the 95 % interval excludes 0. ** significant after Holm's correction for {len(self.touchpoints)} touchpoints.",
                "~ only a few customers account for the value, so the interval may be too narrow. Simulate more customers.",
                "loses money: the interval of the profit is below 0. It is not corrected for the number of touchpoints.",
                "Touchpoints can substitute for or reinforce one another, so their values need not add up.",
                *self.notes,
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null."""
        facts = {"scenario": self.scenario, "metric": self.metric, "unit": named_unit(self.unit, self.currency), "baseline": self.baseline}
        origin = {"customers": self.customers, "seed": self.seed, "seconds": self.seconds}
        noted = {"notes": list(self.notes)} if self.notes else {}
        return plain_values(facts | origin | noted | {"touchpoints": [one.row() for one in self.touchpoints]})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per touchpoint, most valuable first. `unit` is that of `value`; cost and profit are in money."""
        import pandas as pd

        return pd.DataFrame([one.row() | {"unit": self.unit} for one in self.touchpoints])

    def _write_files(self, folder: Path) -> None:
        write_csv(self.to_pandas(), folder / "touchpoints.csv")
        write_json(folder / TOUCHPOINTS_FILE, self.to_json())


def _is_idle(one: TouchpointValue) -> bool:
    return all(difference.is_identical for difference in (one.metric_value, one.cost, one.profit))
