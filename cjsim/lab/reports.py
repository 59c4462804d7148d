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

from cjsim.engine.result import jsonable
from cjsim.errors import InputError, complaint
from cjsim.lab.experiment import Experiment
from cjsim.lab.figure import effects_data, effects_figure
from cjsim.lab.findings import Findings
from cjsim.lab.page import page, table
from cjsim.lab.pieces import Pieces
from cjsim.lab.trying import identity
from cjsim.manifest import Manifest
from cjsim.model.scenario import Scenario

_DIGITS = 12  # of the identity, in the folder's name
RESULT, COPY, FIGURE = "result.json", "experiment.yaml", "effects.png"
BEST = "best.yaml"  # of a study: its winner (tuning/optimum.py)


def run_folder(asked: Experiment, reports: Path) -> Path:
    """The folder of a run, there or not: REPORTS/NAME/RUN.

    Parameters
    ----------
    asked : Experiment
        As it will be run.
    reports : Path
        The folder of all reports.
    """
    return reports / asked.name / identity(asked)[:_DIGITS]


@contextlib.contextmanager
def pieces_beside(folder: Path) -> Iterator[Pieces]:
    """Pieces of a run under way, in a file beside its folder: gone when the block ends well, there for the next try when it does not.

    Parameters
    ----------
    folder : Path
        As `run_folder` gives it.

    Yields
    ------
    Pieces
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
        raise InputError(complaint("--reports", "must be a folder that can be written", got, "Name another folder.")) from error
    pieces = Pieces(file)
    try:
        yield pieces
        pieces.drop()
    finally:
        if not len(pieces):
            pieces.drop()
        for one in made:
            with contextlib.suppress(OSError):  # not empty: it holds the report, or pieces
                one.rmdir()


def recorded(folder: Path) -> Findings | None:
    """The findings in a folder, None if there is no complete run in it.

    Parameters
    ----------
    folder : Path
        As `run_folder` gives it.
    """
    try:
        Manifest.read(folder)
        return Findings.from_json(json.loads((folder / RESULT).read_text(encoding="utf-8")))
    except (InputError, OSError, ValueError, KeyError, TypeError):
        return None


def write_report(asked: Experiment, found: Findings, folder: Path, *, run: str, seconds: float) -> None:
    """Write `report.md`, `result.json`, `table.csv`, `effects.csv`, `effects.png`, `experiment.yaml`, and `manifest.json` last.

    Parameters
    ----------
    asked : Experiment
        What was asked.
    found : Findings
        What came of it.
    folder : Path
        An existing folder, such as a draft of `folder_for`.
    run : str
        Name of the run.
    seconds : float
        Wall time that it took.
    """
    effects_figure(found, folder / FIGURE)
    effects_data(found).to_csv(folder / "effects.csv", index=False, float_format="%.6g", lineterminator="\n")
    texts = {
        "report.md": page(asked, asked.arms(), found, run=run, figure=FIGURE),
        "table.csv": table(found),
        RESULT: json.dumps(found.to_json(), indent=1, allow_nan=False, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    _self_contained(asked, folder).save(folder / COPY)
    _manifest(asked, found, seconds).write(folder)


def _manifest(asked: Experiment, found: Findings, seconds: float) -> Manifest:
    effect, low, high = (jsonable(part) for part in found.effect)
    verdicts = {line.name: line.verdict for line in found.lines}
    return Manifest(
        kind="experiment",
        name=asked.name,
        hypothesis=asked.hypothesis,
        scenario=asked.scenario.name,
        metric=asked.metric,
        verdict=found.verdict,
        effect=effect,
        low=low,
        high=high,
        unit=found.unit,
        customers=found.customers,
        seed=found.seed,
        digest=identity(asked),
        seconds=round(seconds, 1),
        details={"variant": found.decisive.name, "replications": found.replications, "verdicts": verdicts},
    )


def _self_contained(asked: Experiment, folder: Path) -> Experiment:
    """The experiment with its entry file beside it."""
    if asked.scenario.entry.file is None:
        return asked
    beside = folder / "entry.csv"
    shutil.copyfile(asked.scenario.entry.file, beside)

    def moved(scenario: Scenario) -> Scenario:
        return scenario.model_copy(update={"entry": scenario.entry.model_copy(update={"file": str(beside.absolute())})})

    variants = {
        name: one if one.scenario is None else one.model_copy(update={"scenario": moved(one.scenario)})
        for name, one in asked.variants.items()
    }
    return asked.model_copy(update={"scenario": moved(asked.scenario), "variants": variants})
