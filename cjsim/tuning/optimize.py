"""The verb `optimize`: searches a study for the best values and confirms the winner on fresh customers."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.engine.event_loop import simulate_customers
from cjsim.errors import InputError, format_error
from cjsim.progress import NoProgress, Progress
from cjsim.simulation.simulate import MAX_THREADS, note_compilation
from cjsim.tuning.batch_sampler import study_with_sampler
from cjsim.tuning.confirm import confirm
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.results.optimum import Optimum
from cjsim.tuning.search import search
from cjsim.tuning.storage import IN_MEMORY, TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial
from cjsim.tuning.trial_executors import MAX_WORKERS, open_executor

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def optimize(
    study: Study | str | os.PathLike[str],
    *,
    trials: int | None = None,
    seed: int | None = None,
    sampler: "BaseSampler | str | None" = None,
    storage: str | os.PathLike[str] | None = None,
    workers: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Optimum:
    """Search a study for the best values, and confirm the winner on fresh customers.

    The result depends on the study only, not on workers, threads or interruptions. Every finished trial is stored: the same call resumes
    after an interruption, also after `kill -9`, and several calls at the same time share the work.

    Parameters
    ----------
    study : Study or path
        The study, or its file.
    trials, seed : int, optional
        Replace those of the study.
    sampler : optuna.samplers.BaseSampler or str, optional
        Replaces that of the study: a name that study files accept, or any sampler of Optuna. Give it a seed, as the search starts it again
        on resuming. It is copied, and not changed. It must work with Optuna's ask and tell. It sees the results of whole batches, and
        may ignore what Optuna's samplers ignore (CMA-ES: constraints).
    storage : str or path, optional
        A journal file (default: `runs/studies/NAME-SEED.journal`), a URL that Optuna accepts, such as `sqlite:///studies.db`, or 'memory'
        to store nothing.
    workers : int
        Number of processes that evaluate trials.
    threads : int, optional
        Number of threads of each process; by default all cores for one process, one for each of several.
    progress : Progress, optional
        Receives the progress of the work, in trials, then in customers.

    Returns
    -------
    Optimum

    Raises
    ------
    InputError
        If the study is invalid, the scenario is invalid for every choice, the sampler has no seed or fails, the storage cannot be
        reached, or it holds a different study of this name and seed, or the same with another sampler.
    KeyboardInterrupt
        If the search is interrupted; the message says how many trials are done.
    """
    started = time.perf_counter()
    progress = progress or NoProgress()
    study = _load_study(study, {"trials": trials, "seed": seed, "sampler": sampler if isinstance(sampler, str) else None})
    given_sampler = None if isinstance(sampler, str) else sampler
    if given_sampler is not None:
        study = study_with_sampler(study, given_sampler)
    workers = _checked_count("workers", workers, MAX_WORKERS)
    threads = None if threads is None else _checked_count("threads", threads, MAX_THREADS)
    evaluator = Evaluator(study, threads=threads if workers == 1 else None)
    store = TrialStore(study, storage=storage)
    note_compilation(progress, [simulate_customers])
    if len(store):
        progress.note(f"cjsim: {min(len(store), study.trials):,} of {study.trials:,} trials are in {store.location}.")
    baseline = evaluator.baseline
    searched = _run_search(study, store, evaluator, sampler=given_sampler, progress=progress, workers=workers, threads=threads)
    if all(trial.refusal_reason for trial in searched):
        got = f"{len(searched):,} that are refused, the first as {searched[0].refusal_reason.rstrip('.')}"
        raise InputError(format_error(study.name, "must have choices that the scenario can be with", got, "Correct the free values."))
    confirmation = confirm(study, evaluator, searched, progress=progress)
    return Optimum(study, tuple(searched), confirmation, baseline, store.location, time.perf_counter() - started)


def _run_search(
    study: Study,
    store: TrialStore,
    evaluator: Evaluator,
    *,
    sampler: "BaseSampler | None",
    progress: Progress,
    workers: int,
    threads: int | None,
) -> list[Trial]:
    """All trials. An interruption reports how many trials are done."""
    try:
        with open_executor(
            study, evaluator, make_evaluator=_make_evaluator, workers=workers, threads=threads or 1, report=progress.note
        ) as executor:
            return search(study, store, executor, progress, sampler=sampler)
    except KeyboardInterrupt:
        kept = "none is kept" if store.location == IN_MEMORY else f"they are in {store.location}, and the same command goes on"
        raise KeyboardInterrupt(f"Interrupted: {len(store):,} of {study.trials:,} trials are done; {kept}.") from None


def _make_evaluator(study: Study, threads: int) -> Evaluator:
    return Evaluator(study, threads=threads)


def _load_study(study: Study | str | os.PathLike[str], changes: Mapping[str, Any]) -> Study:
    """A valid study with some values replaced."""
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
