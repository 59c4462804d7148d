"""The result of `cliffs`: what each move between stages contributes, as a table, a figure and files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.json_records import plain_values, write_json
from cjsim.metrics.number_format import estimate_decimals, format_interval, format_value, named_unit, unit_in_text
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.table_files import write_csv
from cjsim.tuning.cliffs.cliff_data import CliffData, TransitionValue
from cjsim.tuning.cliffs.cliff_figure import CLIFF_FIGURE

if TYPE_CHECKING:
    import pandas as pd

CLIFFS_FILE = "cliffs.json"


@dataclass(frozen=True, repr=False)
class CliffRanking(CliffData, FolderResult):
    """Contribution of each move between stages, the largest loss first.

    `save` writes `cliffs.csv`, `cliffs.png` and `cliffs.json`. The attributes are those of `CliffData`.
    """

    _marker = CLIFFS_FILE

    def _facts(self) -> str:
        return f"{self.metric} of {self.scenario}: {len(self.transitions)} moves, {self.customers:,} customers, seed {self.seed}"

    def _answer(self) -> str:
        losses = [one for one in self.transitions if one.is_loss(self.better)]
        if not losses:
            return f"No move between stages clearly worsens {self.metric}."
        worst = losses[0]
        share = format_value(worst.share.value, SHARE_UNIT, estimate_decimals(SHARE_UNIT, worst.share[:3]))
        value, interval = self._cells(worst.metric_value)
        persona = worst.most_affected(self.better)
        most = f" Customers of the persona {persona} lose most." if persona else ""
        return (
            f"The largest loss of {self.metric} is at the move {worst.transition}, which {share} of the customers make: {value} {interval} "
            f"over all customers, compared with the same customers if it is blocked.{most}"
        )

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
        has_personas = any(one.personas for one in self.transitions)
        header = ("move", "customers", metric, "95 % interval", "", *(["most affected persona"] if has_personas and not full else []))
        rows = [row[: len(header)] for one in self.transitions for row in self._rows(one, full=full)]
        parts = [wrap_lines(self._answer()), align_columns(header, rows), wrap_lines(self._caption())]
        return "\n\n".join(parts)

    def _rows(self, one: TransitionValue, *, full: bool) -> list[tuple[str, ...]]:
        stars = "**" if one.is_significant_after_holm else "*" if one.metric_value.is_significant else ""
        share = format_value(one.share.value, SHARE_UNIT, estimate_decimals(SHARE_UNIT, one.share[:3]))
        mark = stars + ("~" if one.has_unreliable_interval else "")
        rows: list[tuple[str, ...]] = [(str(one.transition), share, *self._cells(one.metric_value), mark, one.most_affected(self.better))]
        if full:
            rows += [(f"  {name}", "", *self._cells(each.metric_value), "", "") for name, each in one.personas.items()]
        return rows

    def _cells(self, difference: PairedDifference) -> tuple[str, str]:
        """Format a difference and its interval."""
        if difference.is_identical:
            return "0", "identical"
        decimals = estimate_decimals(self.unit, difference[2:5])
        interval = format_interval(difference.low, difference.high, self.unit, decimals, is_difference=True, is_beside_value=True)
        return format_value(difference.effect, self.unit, decimals, is_difference=True), interval

    def _caption(self) -> str:
        shares = " Customers share desks or budgets; intervals treat them as independent." if self.has_shared_resources else ""
        blocked = f"These moves cannot be blocked, because an event would repeat without end: {', '.join(self.endless)}."
        return "\n".join(
            [
                f"{self.metric} with the move, minus {self.metric} with the move blocked, over all customers.",
                f"{self.customers:,} customers, seed {self.seed}, paired on the same customers.{shares}",
                "customers: the share who make the move at least once.",
                f"* the 95 % interval excludes 0. ** significant after Holm's correction for {len(self.transitions)} moves.",
                "~ only a few customers account for the value, so the interval may be too narrow. Simulate more customers.",
                "Customers whose move is blocked stay in their stage, so the values of different moves need not add up.",
                *([blocked] if self.endless else []),
                *self.notes,
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null."""
        facts = {"scenario": self.scenario, "metric": self.metric, "unit": named_unit(self.unit, self.currency), "baseline": self.baseline}
        origin = {"customers": self.customers, "seed": self.seed, "seconds": self.seconds}
        noted = {name: list(lines) for name, lines in (("endless", self.endless), ("notes", self.notes)) if lines}
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
