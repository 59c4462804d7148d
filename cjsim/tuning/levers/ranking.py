"""The result of `levers`: a ranking with its table in text, its files and its journal entry."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from cjsim.manifest import Manifest
from cjsim.output_folder import folder_to_write
from cjsim.simulation.run import to_json_value
from cjsim.tuning.levers.ranking_data import LEVER_COLUMNS, RankingData
from cjsim.tuning.levers.ranking_table import ranking_table
from cjsim.tuning.levers.tornado import tornado_figure


@dataclass(frozen=True)
class LeverRanking(RankingData):
    """All moves of a scenario's levers, sorted by the size of their effect on a metric; attributes as in `RankingData`."""

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, full: bool = False) -> str:
        """The ranking as a table in text, with the levers that have the largest effect per unit of cost.

        Parameters
        ----------
        full : bool
            Whether to list all moves, also those without a significant effect.

        Returns
        -------
        str
            Paragraphs, separated by empty lines.
        """
        return ranking_table(self, full=full)

    def save(self, folder: str | Path) -> Path:
        """Write `levers.csv`, `levers.json`, `tornado.png`, `sobol.csv` if there are indices, and, last, `manifest.json`.

        Parameters
        ----------
        folder : str or Path
            Created if it does not exist.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        with folder_to_write(folder) as target:
            with (target / "levers.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(LEVER_COLUMNS)
                writer.writerows([lever.to_json()[name] for name in LEVER_COLUMNS] for lever in self.levers)
            (target / "levers.json").write_text(json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
            if self.sobol_indices is not None:
                self.sobol_indices.write_csv(target / "sobol.csv")
            tornado_figure(self, target / "tornado.png")
            self._manifest().write(target)
        return target

    def _manifest(self) -> Manifest:
        largest = self.levers[0]
        return Manifest(
            kind="levers",
            name=self.scenario,
            hypothesis=f"Which lever moves {self.metric} most?",
            scenario=self.scenario,
            metric=self.metric,
            verdict="",
            effect=to_json_value(largest.metric_effect.effect),
            low=to_json_value(largest.metric_effect.low),
            high=to_json_value(largest.metric_effect.high),
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
