"""The report folder of an experiment: naming it, writing its files, and loading findings from it.

A run is named after `experiment_digest`. Repeating an experiment with the same scenarios, seeds and version therefore reuses the saved run.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from cjsim.errors import InputError, format_error
from cjsim.input_files.json_file import read_json_object
from cjsim.input_files.regular_file import read_text
from cjsim.json_records import write_json
from cjsim.lab.checkpoints import Checkpoints
from cjsim.lab.effect_figures import EFFECTS_FIGURE, ExperimentOutcome, effects_data
from cjsim.lab.experiment import Experiment
from cjsim.lab.findings import Findings
from cjsim.lab.report_page import effects_table, render_report_page
from cjsim.lab.run_experiment import experiment_digest
from cjsim.manifest import Manifest, require_intact_result
from cjsim.output_folder import MANIFEST_FILE, empty_folders_removed
from cjsim.simulation.documents import Scenario
from cjsim.table_files import write_csv

_RUN_NAME_DIGITS = 12  # of the digest
RESULT_FILE, EXPERIMENT_FILE, _REPORT_FILE = "result.json", "experiment.yaml", "report.md"
BEST_SCENARIO_FILE = "best.yaml"  # winner of a study, written by `Optimum.save`


def run_folder(experiment: Experiment, reports: Path) -> Path:
    """Return the folder of a run, REPORTS/NAME/RUN. It need not exist.

    Parameters
    ----------
    experiment : Experiment
        The experiment with all options applied.
    reports : Path
        Report folder.
    """
    return reports / experiment.name / experiment_digest(experiment)[:_RUN_NAME_DIGITS]


@contextlib.contextmanager
def open_checkpoints(folder: Path) -> Iterator[Checkpoints]:
    """Open the checkpoints of a run. Their file is beside the run folder; it is deleted if the block succeeds, and kept otherwise.

    Parameters
    ----------
    folder : Path
        The return value of `run_folder`.

    Yields
    ------
    Checkpoints
        Includes checkpoints from an earlier attempt.

    Raises
    ------
    InputError
        If the folder is not writable. Raised before any work is done.
    """
    file = _checkpoint_file(folder)
    with empty_folders_removed(file.parent):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        except OSError as error:
            got = f"'{folder.parent.parent}' ({error.strerror or error})"
            raise InputError(format_error("reports", "must be a writable folder", got, "Choose another folder.")) from error
        checkpoints = Checkpoints(file)
        try:
            yield checkpoints
            checkpoints.delete_file()
        finally:
            if not len(checkpoints):
                checkpoints.delete_file()


def delete_used_checkpoints(folder: Path) -> None:
    """Delete the checkpoint file of an interrupted process if it is older than the finished run or has no complete checkpoint.

    A newer file belongs to an interrupted repetition, which the same command resumes.

    Parameters
    ----------
    folder : Path
        The return value of `run_folder`, with a finished run.
    """
    file = _checkpoint_file(folder)
    with contextlib.suppress(OSError):
        is_older = file.stat().st_mtime_ns <= (folder / MANIFEST_FILE).stat().st_mtime_ns
        if is_older or not len(Checkpoints(file)):
            file.unlink()


def _checkpoint_file(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.pieces")


def load_findings(folder: Path) -> Findings | None:
    """Load the findings in a folder. Return None if the run is incomplete or its result file has changed since it was saved.

    Parameters
    ----------
    folder : Path
        The return value of `run_folder`.
    """
    try:
        require_intact_result(folder, only=(RESULT_FILE,))
        findings = Findings.from_json(read_json_object(folder / RESULT_FILE))
    except ValueError:  # InputError, or a value of the wrong type
        return None
    return findings if 0 <= findings.decides < len(findings.arm_results) else None


def is_report_current(experiment: Experiment, findings: Findings, folder: Path) -> bool:
    """Return whether the report in a folder shows the current titles and hypothesis of the experiment.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    findings : Findings
        Findings in the folder.
    folder : Path
        The return value of `run_folder`.
    """
    try:
        text = read_text(folder / _REPORT_FILE)
    except InputError:
        return False
    return text == render_report_page(experiment, findings, run_name=folder.name)


def write_report(experiment: Experiment, findings: Findings, folder: Path, *, run_name: str, seconds: float) -> None:
    """Write `report.md`, `result.json`, `table.csv`, `effects.csv`, `effects.png` and `experiment.yaml`, then `manifest.json`.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    findings : Findings
        Findings of the experiment.
    folder : Path
        Existing folder, such as the draft of `atomic_output_folder`.
    run_name : str
        Name of the run.
    seconds : float
        Wall time of the run.
    """
    EFFECTS_FIGURE.save(ExperimentOutcome(experiment, findings), folder)
    for name, table in (("effects.csv", effects_data(findings)), ("table.csv", effects_table(findings))):
        write_csv(table, folder / name, float_format="%.6g")
    (folder / _REPORT_FILE).write_text(render_report_page(experiment, findings, run_name=run_name), encoding="utf-8")
    write_json(folder / RESULT_FILE, findings.to_json())
    _make_self_contained(experiment, folder).save(folder / EXPERIMENT_FILE)
    _build_manifest(experiment, findings, seconds).write(folder)


def _build_manifest(experiment: Experiment, findings: Findings, seconds: float) -> Manifest:
    verdicts = {result.name: result.verdict for result in findings.arm_results}
    return Manifest(
        kind="experiment",
        name=experiment.name,
        hypothesis=experiment.hypothesis,
        scenario=experiment.scenario.name,
        metric=experiment.metric,
        verdict=findings.verdict,
        **findings.effect._asdict(),
        unit=findings.unit,
        customers=findings.customers,
        seed=findings.seed,
        digest=experiment_digest(experiment),
        seconds=round(seconds, 1),
        details={"variant": findings.decisive_arm.name, "replications": findings.replications, "verdicts": verdicts},
    )


def _make_self_contained(experiment: Experiment, folder: Path) -> Experiment:
    """Copy the entry file into the folder, and return an experiment that refers to the copy."""
    if experiment.scenario.entry.file is None:
        return experiment
    copied = folder / "entry.csv"
    shutil.copyfile(experiment.scenario.entry.file, copied)

    def with_copied_entry(scenario: Scenario) -> Scenario:
        return scenario.model_copy(update={"entry": scenario.entry.model_copy(update={"file": str(copied.absolute())})})

    variants = {
        name: variant if variant.scenario is None else variant.model_copy(update={"scenario": with_copied_entry(variant.scenario)})
        for name, variant in experiment.variants.items()
    }
    return experiment.model_copy(update={"scenario": with_copied_entry(experiment.scenario), "variants": variants})
