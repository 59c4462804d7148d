"""Results of any kind, loaded from their folders."""

import os
from pathlib import Path
from typing import NamedTuple

from cjsim.errors import InputError, format_error
from cjsim.output_folder import COMPARISON_FILE, MANIFEST_FILE
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run


class LoadedResult(NamedTuple):
    """A result, the name of its scenario or baseline, and the name of its folder."""

    name: str
    folder: str
    content: Run | Comparison


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
    if MANIFEST_FILE in names:
        run = Run.load(folder)
        return LoadedResult(run.scenario, folder.resolve().name, run)
    must, got = "must be the folder of a saved run or comparison", f"a folder without {MANIFEST_FILE} or {COMPARISON_FILE}"
    raise InputError(format_error(str(source), must, got, "Name the --out folder of cjsim simulate or cjsim compare."))
