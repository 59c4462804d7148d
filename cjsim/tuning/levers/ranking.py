"""The result of `levers`: a ranking with a text table, files and a journal entry."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cjsim.json_records import plain_values, write_json
from cjsim.manifest import Manifest
from cjsim.output_folder import FolderResult
from cjsim.tuning.levers.ranking_data import RankingData
from cjsim.tuning.levers.ranking_table import ranking_table
from cjsim.tuning.levers.tornado import TORNADO_FIGURE


@dataclass(frozen=True)
class LeverRanking(RankingData, FolderResult):
    """Lever moves of a scenario, sorted by the size of their effect on a metric.

    `save` writes `levers.csv`, `levers.json`, `tornado.png` and `manifest.json`, and `sobol.csv` if there are Sobol indices.
    """

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

    def _write_files(self, folder: Path) -> None:
        _write_csv(folder / "levers.csv", [lever.row() for lever in self.levers])
        write_json(folder / "levers.json", self.to_json())
        if self.sobol_indices is not None:
            _write_csv(folder / "sobol.csv", [index.row() for index in self.sobol_indices.indices])
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
            unit=self.unit,
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


def _write_csv(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(plain_values(row) for row in rows)
