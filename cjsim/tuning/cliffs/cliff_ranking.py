"""The result of `cliffs`: what each move between stages contributes, as a table, a figure and files."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cjsim.json_records import plain_values, write_json
from cjsim.metrics.number_format import named_unit, unit_in_text
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.table_files import write_csv
from cjsim.tuning.cliffs.cliff_data import CliffData, TransitionValue
from cjsim.tuning.cliffs.cliff_figure import CLIFF_FIGURE
from cjsim.tuning.levers.effect_cells import effect_cells, effect_mark

if TYPE_CHECKING:
    import pandas as pd

CLIFFS_FILE = "cliffs.json"
_GROUPS = ((False, "Moves to stages that do not count as retained:"), (True, "Moves to stages that count as retained:"))


class _Change(NamedTuple):
    """Words for a change of a metric that the firm does not want."""

    noun: str
    verb: str


_CHANGES = {"higher": _Change("loss", "worsens"), "lower": _Change("increase", "worsens"), "neither": _Change("decrease", "lowers")}


@dataclass(frozen=True, repr=False)
class CliffRanking(CliffData, FolderResult):
    """Contribution of each move between stages, the largest loss first.

    `save` writes `cliffs.csv`, `cliffs.png` and `cliffs.json`. The attributes are those of `CliffData`.
    """

    _marker = CLIFFS_FILE

    def _facts(self) -> str:
        return f"{self.metric} of {self.scenario}: {len(self.transitions)} moves, {self.customers:,} customers, seed {self.seed}"

    def _answer(self) -> str:
        if not self.transitions:
            return "No move between stages could be blocked."
        losses = [one for one in self.transitions if one.is_loss(self.better) and not one.is_to_retained]
        if not losses:
            other = " to a stage that does not count as retained" if any(one.is_to_retained for one in self.transitions) else ""
            return f"No move{other} clearly {_CHANGES[self.better].verb} {self.metric}."
        worst = losses[0]
        made = "" if worst.share is None else f", which {worst.share_text()} of the customers make"
        value = " ".join(effect_cells(worst.metric_value, self.unit))
        text = (
            f"The largest {_CHANGES[self.better].noun} of {self.metric} is at the move {worst.transition}{made}: "
            f"{value} on average over all customers, movers or not, compared with the same customers when the move is blocked."
        )
        if persona := worst.most_affected():
            text += f" It is largest for the persona {persona}: {' '.join(effect_cells(worst.personas[persona].metric_value, self.unit))}."
        return text

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, full: bool = False) -> str:
        """Return the ranking as a text table.

        Parameters
        ----------
        full : bool
            Whether to show each persona.
        """
        amount = unit_in_text(self.unit, self.currency)
        metric = f"{self.metric}{f' ({amount})' if amount else ''}"
        has_shares, has_personas = not self.has_shared_resources, any(one.most_affected() for one in self.transitions)
        header = ["move", "customers", metric, "95 % interval", "", "most affected persona"]
        shown = [index for index in range(len(header)) if (index != 1 or has_shares) and (index != 5 or (has_personas and not full))]
        tables = []
        for is_to_retained, title in _GROUPS:
            group = [one for one in self.transitions if one.is_to_retained == is_to_retained]
            rows = [[row[index] for index in shown] for one in group for row in self._rows(one, full=full)]
            table = align_columns([header[index] for index in shown], rows)
            tables += [f"{title}\n\n{table}" if any(one.is_to_retained for one in self.transitions) else table] if rows else []
        return "\n\n".join([wrap_lines(self._answer()), *tables, wrap_lines(self._caption())])

    def _rows(self, one: TransitionValue, *, full: bool) -> list[tuple[str, ...]]:
        mark = effect_mark(one.metric_value, holds=one.is_significant_after_holm, is_unreliable=one.has_unreliable_interval)
        rows: list[tuple[str, ...]] = [
            (str(one.transition), one.share_text(), *effect_cells(one.metric_value, self.unit), mark, one.most_affected())
        ]
        if full:
            rows += [(f"  {name}", "", *effect_cells(each.metric_value, self.unit), "", "") for name, each in one.personas.items()]
        return rows

    def _caption(self) -> str:
        shared = " Customers share desks or budgets; intervals treat them as independent." if self.has_shared_resources else ""
        legend = {
            "customers: the share who make the move at least once.": not self.has_shared_resources,
            "Customers whose move to a retained stage is blocked may go on buying in their stage, so read these values with care.": any(
                one.is_to_retained for one in self.transitions
            ),
            "-: the metric is undefined if the move is blocked.": any(math.isnan(one.metric_value.effect) for one in self.transitions),
            "most affected persona: its interval lies beyond those of all others.": any(one.most_affected() for one in self.transitions),
            "~ only a few customers account for the value, so the interval may be too narrow. Simulate more customers.": any(
                one.has_unreliable_interval for one in self.transitions
            ),
        }
        return "\n".join(
            [
                f"{self.metric} with the move, minus {self.metric} with the move blocked, each computed over all customers.",
                f"{self.customers:,} customers, seed {self.seed}, paired on the same customers.{shared}",
                f"* the 95 % interval excludes 0. ** significant after Holm's correction for {len(self.transitions)} moves.",
                *(line for line, is_needed in legend.items() if is_needed),
                "Customers whose move is blocked stay in their stage, so the values of different moves need not add up.",
                *(f"{move} could not be blocked: {reason}" for move, reason in self.failed.items()),
                *self.notes,
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null."""
        facts = {"scenario": self.scenario, "metric": self.metric, "unit": named_unit(self.unit, self.currency), "baseline": self.baseline}
        origin = {"customers": self.customers, "seed": self.seed, "seconds": self.seconds}
        noted = ({"failed": dict(self.failed)} if self.failed else {}) | ({"notes": list(self.notes)} if self.notes else {})
        rows = []
        for one in self.transitions:
            total, *personas = one.rows()
            rows.append({key: value for key, value in total.items() if key != "persona"} | {"personas": personas})
        return plain_values(facts | origin | noted | {"answer": self._answer(), "transitions": rows})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per move and persona (empty for all customers), the largest loss first. `unit` is that of `value`."""
        import pandas as pd

        return pd.DataFrame([row | {"unit": self.unit} for one in self.transitions for row in one.rows()])

    def _write_files(self, folder: Path) -> None:
        write_csv(self.to_pandas(), folder / "cliffs.csv")
        CLIFF_FIGURE.save(self, folder)
        write_json(folder / CLIFFS_FILE, self.to_json())
