"""The verb `optimize`: a study in, the best values out, confirmed on fresh customers.

Lives here: the order of things. Does not live here: the search (search.py), where it is kept (storage.py), the last word (confirm.py).
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError, format_error
from cjsim.kernel import is_compiled_before
from cjsim.progress import NoProgress, Progress
from cjsim.simulation.simulate import MAX_THREADS
from cjsim.tuning.confirm import confirm
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.results.optimum import Optimum
from cjsim.tuning.search import search
from cjsim.tuning.storage import IN_MEMORY, TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial_executors import MAX_WORKERS, open_executor

if TYPE_CHECKING:
    from cjsim.tuning.trial import Trial


def optimize(
    study: Study | str | os.PathLike[str],
    *,
    trials: int | None = None,
    seed: int | None = None,
    storage: str | os.PathLike[str] | None = None,
    workers: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Optimum:
    """Search a study for the best values, and confirm the winner on fresh customers.

    What comes out is a function of the study alone: not of workers, threads, or of how often the search was ended and begun again. Every
    finished trial is kept; the same call goes on where it ended, also after a `kill -9`, and several at once share the work.

    Parameters
    ----------
    study : Study or path
        The study, or its file.
    trials : int, optional
        Instead of the study's.
    seed : int, optional
        Instead of the study's.
    storage : str or path, optional
        A journal file (`runs/studies/NAME-SEED.journal` if not given), a URL that Optuna takes, such as `sqlite:///studies.db`, or
        'memory': nothing is kept.
    workers : int
        Processes that evaluate trials.
    threads : int, optional
        Of each process; if not given, all cores for one process, one for each of several.
    progress : Progress, optional
        Is told how far it is.

    Raises
    ------
    InputError
        If something in the study is wrong, the scenario refuses every choice, the storage cannot be reached, or it holds a study of this
        name and seed that was another.
    KeyboardInterrupt
        If it is interrupted; it says what was done.
    """
    started = time.perf_counter()
    made = _load_study(study, {"trials": trials, "seed": seed})
    workers = _checked_count("workers", workers, MAX_WORKERS)
    threads = None if threads is None else _checked_count("threads", threads, MAX_THREADS)
    told = progress or NoProgress()
    evaluator = Evaluator(made, threads=threads if workers == 1 else None)
    ledger = TrialStore(made, storage=storage)
    if not is_compiled_before():
        told.note("cjsim: compiling the rules for this machine, once (about a minute) ...")
    if len(ledger):
        told.note(f"cjsim: {min(len(ledger), made.trials):,} of {made.trials:,} trials are in {ledger.location}.")
    baseline = evaluator.baseline
    found = _run_search(made, ledger, evaluator, progress=told, workers=workers, threads=threads)
    if all(trial.refusal_reason for trial in found):
        got = f"{len(found):,} that are refused, the first as {found[0].refusal_reason.rstrip('.')}"
        raise InputError(format_error(made.name, "must have choices that the scenario can be with", got, "Correct the free values."))
    confirmed = confirm(made, evaluator, found, progress=told)
    return Optimum(made, tuple(found), confirmed, baseline, ledger.location, time.perf_counter() - started)


def _run_search(
    study: Study, store: TrialStore, evaluator: Evaluator, *, progress: Progress, workers: int, threads: int | None
) -> "list[Trial]":
    """All trials; if they are interrupted, how many there are."""
    try:
        with open_executor(
            study, evaluator, make_evaluator=_make_evaluator, workers=workers, threads=threads or 1, report=progress.note
        ) as team:
            return search(study, store, team, progress)
    except KeyboardInterrupt:
        kept = "none is kept" if store.location == IN_MEMORY else f"they are in {store.location}, and the same command goes on"
        raise KeyboardInterrupt(f"Interrupted: {len(store):,} of {study.trials:,} trials are done; {kept}.") from None


def _make_evaluator(study: Study, threads: int) -> Evaluator:
    return Evaluator(study, threads=threads)


def _load_study(study: Study | str | os.PathLike[str], changes: Mapping[str, Any]) -> Study:
    """A checked study with values set otherwise."""
    values = {path: value for path, value in changes.items() if value is not None}
    if isinstance(study, (str, os.PathLike)):
        return Study.load(Path(study), set=values)
    if not isinstance(study, Study):
        raise InputError(
            format_error("study", "must be a Study or the name of its file", type(study).__name__, "Load one with Study.load(FILE).")
        )
    return study.with_values(values) if values else study.checked()


def _checked_count(name: str, value: int, maximum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= maximum:
        raise InputError(format_error(name, f"must be a whole number from 1 to {maximum:,}", repr(value), "Give such a number."))
    return value
