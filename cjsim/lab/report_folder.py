"""Where an experiment's report stands, and what is in it.

A run is named by what it rests on (`identity`): the same experiment, scenarios, seeds and version are the same run, and are not run again.

Lives here: the folder's name, its files, what is read back from it. Does not live here: how it appears whole (publish.py), the page
(page.py), the index over all of them (journal.py).
"""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from cjsim.errors import InputError, format_error
from cjsim.lab.checkpoints import Checkpoints
from cjsim.lab.effect_figures import effects_data, effects_figure
from cjsim.lab.experiment import Experiment
from cjsim.lab.findings import Findings
from cjsim.lab.report_page import effects_csv, render_report_page
from cjsim.lab.run_experiment import experiment_digest
from cjsim.manifest import Manifest
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import to_json_value

_RUN_NAME_DIGITS = 12  # of the identity, in the folder's name
RESULT_FILE, EXPERIMENT_FILE, FIGURE_FILE = "result.json", "experiment.yaml", "effects.png"
BEST_SCENARIO_FILE = "best.yaml"  # of a study: its winner (tuning/optimum.py)


def run_folder(experiment: Experiment, reports: Path) -> Path:
    """The folder of a run, there or not: REPORTS/NAME/RUN.

    Parameters
    ----------
    experiment : Experiment
        As it will be run.
    reports : Path
        The folder of all reports.
    """
    return reports / experiment.name / experiment_digest(experiment)[:_RUN_NAME_DIGITS]


@contextlib.contextmanager
def open_checkpoints(folder: Path) -> Iterator[Checkpoints]:
    """Pieces of a run under way, in a file beside its folder: gone when the block ends well, there for the next try when it does not.

    Parameters
    ----------
    folder : Path
        As `run_folder` gives it.

    Yields
    ------
    Checkpoints
        With those of an earlier try.

    Raises
    ------
    InputError
        If nothing can be written there: better said before the work than after it.
    """
    file = folder.with_name(f".{folder.name}.pieces")
    made = [one for one in file.absolute().parents if not one.exists()]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        got = f"'{folder.parent.parent}' ({error.strerror or error})"
        raise InputError(format_error("--reports", "must be a folder that can be written", got, "Name another folder.")) from error
    pieces = Checkpoints(file)
    try:
        yield pieces
        pieces.delete_file()
    finally:
        if not len(pieces):
            pieces.delete_file()
        for one in made:
            with contextlib.suppress(OSError):  # not empty: it holds the report, or pieces
                one.rmdir()


def load_findings(folder: Path) -> Findings | None:
    """The findings in a folder, None if there is no complete run in it.

    Parameters
    ----------
    folder : Path
        As `run_folder` gives it.
    """
    try:
        Manifest.read(folder)
        return Findings.from_json(json.loads((folder / RESULT_FILE).read_text(encoding="utf-8")))
    except (InputError, OSError, ValueError, KeyError, TypeError):
        return None


def write_report(experiment: Experiment, findings: Findings, folder: Path, *, run_name: str, seconds: float) -> None:
    """Write `report.md`, `result.json`, `table.csv`, `effects.csv`, `effects.png`, `experiment.yaml`, and `manifest.json` last.

    Parameters
    ----------
    experiment : Experiment
        What was asked.
    findings : Findings
        What came of it.
    folder : Path
        An existing folder, such as a draft of `folder_for`.
    run_name : str
        Name of the run.
    seconds : float
        Wall time that it took.
    """
    effects_figure(findings, folder / FIGURE_FILE)
    effects_data(findings).to_csv(folder / "effects.csv", index=False, float_format="%.6g", lineterminator="\n")
    texts = {
        "report.md": render_report_page(experiment, experiment.arms(), findings, run_name=run_name, figure=FIGURE_FILE),
        "table.csv": effects_csv(findings),
        RESULT_FILE: json.dumps(findings.to_json(), indent=1, allow_nan=False, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    _make_self_contained(experiment, folder).save(folder / EXPERIMENT_FILE)
    _build_manifest(experiment, findings, seconds).write(folder)


def _build_manifest(experiment: Experiment, findings: Findings, seconds: float) -> Manifest:
    effect, low, high = (to_json_value(part) for part in findings.effect)
    verdicts = {line.name: line.verdict for line in findings.arm_results}
    return Manifest(
        kind="experiment",
        name=experiment.name,
        hypothesis=experiment.hypothesis,
        scenario=experiment.scenario.name,
        metric=experiment.metric,
        verdict=findings.verdict,
        effect=effect,
        low=low,
        high=high,
        unit=findings.unit,
        customers=findings.customers,
        seed=findings.seed,
        digest=experiment_digest(experiment),
        seconds=round(seconds, 1),
        details={"variant": findings.decisive_arm.name, "replications": findings.replications, "verdicts": verdicts},
    )


def _make_self_contained(experiment: Experiment, folder: Path) -> Experiment:
    """The experiment with its entry file beside it."""
    if experiment.scenario.entry.file is None:
        return experiment
    beside = folder / "entry.csv"
    shutil.copyfile(experiment.scenario.entry.file, beside)

    def moved(scenario: Scenario) -> Scenario:
        return scenario.model_copy(update={"entry": scenario.entry.model_copy(update={"file": str(beside.absolute())})})

    variants = {
        name: one if one.scenario is None else one.model_copy(update={"scenario": moved(one.scenario)})
        for name, one in experiment.variants.items()
    }
    return experiment.model_copy(update={"scenario": moved(experiment.scenario), "variants": variants})
