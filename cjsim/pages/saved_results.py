"""Results of any kind, loaded from their folders."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from cjsim.errors import InputError, format_error
from cjsim.json_records import read_json
from cjsim.output_folder import COMPARISON_FILE, MANIFEST_FILE, require_intact_files
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run

FINDING_FILES = {
    "levers.json": "levers",
    "assumptions.json": "assumptions",
    "responses.json": "responses",
    "attribution.json": "attribution",
    "optimum.json": "study",
    "result.json": "experiment",
}


class SavedFinding(NamedTuple):
    """A finding as its JSON file states it."""

    kind: str
    content: dict[str, Any]


class LoadedResult(NamedTuple):
    """A result, the name of its scenario or baseline, and the name of its folder."""

    name: str
    folder: str
    content: Run | Comparison | SavedFinding


def load_result(source: Run | Comparison | str | Path) -> LoadedResult:
    """Load a saved result.

    Parameters
    ----------
    source : Run, Comparison, str or Path
        A result, or the folder of a saved one.

    Returns
    -------
    LoadedResult

    Raises
    ------
    InputError
        If the folder does not exist, or does not hold a complete result that pages can show.
    """
    if isinstance(source, Run):
        return LoadedResult(source.scenario, source.scenario, source)
    if isinstance(source, Comparison):
        return LoadedResult(source.baseline, source.baseline, source)
    folder = Path(source)
    try:
        names = set(os.listdir(folder))  # noqa: PTH208, a set of names
    except (OSError, ValueError) as error:
        got = "a path that does not exist" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or str(error)
        must, remedy = "must be the folder of a saved result", "Name the --out folder of cjsim simulate or cjsim compare."
        raise InputError(format_error(str(source), must, got.lower(), remedy)) from error
    if COMPARISON_FILE in names:
        comparison = Comparison.load(folder)
        return LoadedResult(comparison.baseline, folder.resolve().name, comparison)
    for file, kind in FINDING_FILES.items():
        if file in names:
            return LoadedResult(folder.resolve().name, folder.resolve().name, _load_finding(folder, file, kind))
    if MANIFEST_FILE in names:
        run = Run.load(folder)
        return LoadedResult(run.scenario, folder.resolve().name, run)
    must, got = "must be the folder of a saved result", f"a folder without {MANIFEST_FILE}, {COMPARISON_FILE} or the file of a finding"
    raise InputError(format_error(str(source), must, got, "Name the --out folder of cjsim simulate or cjsim compare."))


def _load_finding(folder: Path, file: str, kind: str) -> SavedFinding:
    """Read a finding, and check the files that its manifest lists if it has one."""
    if (folder / MANIFEST_FILE).is_file():
        require_intact_files(folder, read_json(folder / MANIFEST_FILE, kind))
    content = read_json(folder / file, kind)
    if kind == "study":
        content |= {"history": _best_so_far(folder / "trials.csv")}
    return SavedFinding(kind, content)


def _best_so_far(file: Path) -> list[float]:
    """Return the best effect on the first objective after each trial; empty if the table has no effects."""
    import pandas as pd

    if not file.is_file():
        return []
    effects = pd.read_csv(file).filter(like=" effect (")
    return [] if effects.empty else effects.iloc[:, 0].fillna(float("-inf")).cummax().tolist()
