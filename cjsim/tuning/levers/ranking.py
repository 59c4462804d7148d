"""The result of `levers`: a ranking with a text table, files and a journal entry."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.json_records import write_json
from cjsim.manifest import Manifest
from cjsim.metrics.number_format import named_unit
from cjsim.output_folder import FolderResult
from cjsim.scenario.value_numbers import ValueNumber, number_of
from cjsim.table_files import write_csv
from cjsim.tuning.levers.ranking_data import LeverEffect, RankingData
from cjsim.tuning.levers.ranking_table import ranking_table
from cjsim.tuning.levers.tornado import TORNADO_FIGURE

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class LeverRanking(RankingData, FolderResult):
    """Lever moves of a scenario, sorted by the size of their effect on a metric.

    `save` writes `levers.csv`, `levers.json`, `tornado.png` and `manifest.json`, and `sobol.csv` if there are Sobol indices.
    """

    def _facts(self) -> str:
        return f"{self.metric} of {self.scenario}: {len(self.levers)} moves, {self.customers:,} customers, seed {self.seed}"

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, full: bool = False) -> str:
        """Return the ranking as text tables, including the largest effects per unit of cost.

        Parameters
        ----------
        full : bool
            Whether to include moves without a significant effect.

        Returns
        -------
        str
            Paragraphs separated by blank lines.
        """
        return ranking_table(self, full=full)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per move, largest effect first.

        `from` and `to` are values as in files; `from_number`, `to_number` and `value_unit` give them as numbers (durations in days, times
        of day in hours). `unit` is the unit of the effect; cost and profit are in money.
        """
        import pandas as pd

        return pd.DataFrame([_lever_row(lever, self.unit) for lever in self.levers])

    def _write_files(self, folder: Path) -> None:
        import pandas as pd

        write_csv(self.to_pandas(), folder / "levers.csv")
        write_json(folder / "levers.json", self.to_json())
        if self.sobol_indices is not None:
            write_csv(pd.DataFrame([index.row() for index in self.sobol_indices.indices]), folder / "sobol.csv")
        TORNADO_FIGURE.save(self, folder)
        self._manifest().write(folder)

    def _manifest(self) -> Manifest:
        largest = self.levers[0]
        return Manifest(
            kind="levers",
            name=self.scenario,
            hypothesis=f"Which lever moves {self.metric} most?",
            scenario=self.scenario,
            metric=self.metric,
            verdict="",
            effect=largest.metric_effect.effect,
            low=largest.metric_effect.low,
            high=largest.metric_effect.high,
            unit=named_unit(self.unit, self.currency),
            customers=self.customers,
            seed=self.seed,
            digest=self.digest,
            seconds=self.seconds,
            details={
                "first": largest.move.title,
                "from": largest.move.before,
                "to": largest.move.after,
                "holds": largest.is_significant_after_holm,
            },
        )


def _lever_row(lever: LeverEffect, unit: str) -> dict[str, Any]:
    """Return one row of the table, with the values of the lever also as numbers."""
    before, after = number_of(lever.move.before), number_of(lever.move.after)
    if before is None or after is None or before.unit != after.unit:
        before = after = ValueNumber(math.nan, "")
    return lever.row() | {"from_number": before.number, "to_number": after.number, "value_unit": before.unit, "unit": unit}
