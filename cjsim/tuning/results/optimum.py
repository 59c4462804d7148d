"""The result of `optimize`: a search result with a summary, files and a journal entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError
from cjsim.json_records import write_json
from cjsim.manifest import Manifest
from cjsim.metrics.number_format import named_unit
from cjsim.output_folder import FolderResult, folder_to_write
from cjsim.simulation.documents import Scenario
from cjsim.table_files import write_csv
from cjsim.tuning.results.optimum_summary import summarize_optimum, verdict_text
from cjsim.tuning.results.search_figure import SEARCH_FIGURE
from cjsim.tuning.results.search_result import SearchResult
from cjsim.tuning.study import Study
from cjsim.yaml.document import relative_path
from cjsim.yaml.tree import to_yaml

_OUTCOMES = {"gain": "gain", "none": "no gain", "infeasible": "no feasible trial"}


@dataclass(frozen=True, eq=False, repr=False)
class Optimum(SearchResult, FolderResult):
    """Result of a study."""

    def _facts(self) -> str:
        return f"{self.study.name}: {len(self.trials):,} trials, {_OUTCOMES[self.confirmation.verdict]}"

    def _answer(self) -> str:
        return verdict_text(self)

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, is_saved: bool = False) -> str:
        """Return the result as text and tables.

        Parameters
        ----------
        is_saved : bool
            Whether the result was written to a folder.

        Returns
        -------
        str
        """
        return summarize_optimum(self, is_saved=is_saved)

    @checked_arguments
    def save(self, folder: str | Path, *, final_folder: str | Path | None = None) -> Path:
        """Write `optimum.json`, `trials.csv`, `best.yaml`, `search.png` and, last, `manifest.json`.

        `best.yaml` is a scenario file that other commands accept. It extends the scenario file of the study with the winning values, or
        contains the complete scenario if the study has no separate scenario file. Existing files with these names are replaced. Only the
        command line requires `--force` for this.

        Parameters
        ----------
        folder : str or Path
            Destination folder. It is created if it does not exist.
        final_folder : str or Path, optional
            Final location of the folder if it is moved later. The path in `best.yaml` is relative to it.

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
            write_json(target / "optimum.json", self.to_json())
            write_csv(self.to_pandas(), target / "trials.csv")
            self._save_best_scenario(target / "best.yaml", Path(final_folder or folder))
            SEARCH_FIGURE.save(self, target)
            self._manifest().write(target)
        return Path(folder)

    def _manifest(self) -> Manifest:
        """Return the journal entry for this study."""
        objective, found = self.study.objectives[0], self.confirmation
        gain = found.gains.get(objective.metric)
        question = f"Which values give the {'largest' if objective.sign > 0 else 'smallest'} {objective.metric}?"
        return Manifest(
            kind="study",
            name=self.study.name,
            hypothesis=self.study.title or question,
            scenario=self.study.scenario.name,
            metric=objective.metric,
            verdict=found.verdict,
            effect=None if gain is None else gain.effect,
            low=None if gain is None else gain.low,
            high=None if gain is None else gain.high,
            unit=named_unit(self.baseline[objective.metric].unit, self.study.scenario.currency),
            customers=found.customers or self.study.customers_per_trial,
            seed=self.study.seed,
            digest=self.study.digest(),
            seconds=round(self.seconds, 3),
            details={"params": dict(found.trial.params), "trials": len(self.trials), "simulated": self.simulated_customers},
        )

    def _save_best_scenario(self, path: Path, final_folder: Path) -> None:
        """Write a scenario that extends the scenario file, or the complete scenario if the extension would not reproduce it."""
        best = self.best
        file = _scenario_file(self.study)
        if file is None or not _is_reproduced_by(file, best.params, best.scenario):
            best.scenario.save(path)
            return
        content = {"extends": relative_path(file, final_folder.absolute()), "set": dict(best.params)}
        path.write_text(
            f"# Winner of study {self.study.name}, seed {self.study.seed}. Verdict: {best.verdict}.\n{to_yaml(content)}", encoding="utf-8"
        )


def _scenario_file(study: Study) -> Path | None:
    """Return the scenario file of a study, or None if the study has no separate file."""
    node = study.source().child("scenario")
    file = Path(node.location.rsplit(":", 1)[0]) if node is not None else None
    return file.absolute() if file is not None and file.is_file() else None


def _is_reproduced_by(file: Path, params: Mapping[str, Any], scenario: Scenario) -> bool:
    """Return whether loading a file with these values gives this scenario. It does not if the study itself changes other values."""
    try:
        return Scenario.load(file, set=params).digest() == scenario.digest()
    except InputError:
        return False
