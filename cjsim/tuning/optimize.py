"""`optimize`: search for the best values in a study, and confirm the winner on fresh customers."""

import os
import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.progress import NoProgress, Progress
from cjsim.simulation.argument_checks import checked_integer
from cjsim.simulation.kernel_compilation import compile_kernels, kernels_of_runs
from cjsim.simulation.simulate import MAX_THREADS
from cjsim.tuning.batch_sampler import study_with_sampler
from cjsim.tuning.confirm import confirm
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.results.optimum import Optimum
from cjsim.tuning.samplers import SAMPLERS, require_installed_sampler
from cjsim.tuning.search import search
from cjsim.tuning.storage import IN_MEMORY, TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial_executors import MAX_WORKERS, InProcessExecutor, MultiProcessExecutor
from cjsim.yaml.document import as_document

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@checked_arguments
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
    """Search for the best values in a study, and confirm the winner on fresh customers.

    The result depends only on the study, not on workers, threads or interruptions. Every finished trial is stored. After an interruption,
    including `kill -9`, the same call resumes the search. Several simultaneous calls share the work.

    Parameters
    ----------
    study : Study, str or path
        The study, the path of its file, or its name in the library, such as 'frequency'.
    trials, seed : int, optional
        Override the number of trials and the seed of the study.
    sampler : optuna.samplers.BaseSampler or str, optional
        Overrides the sampler of the study: a name from study files, or any Optuna sampler. Set a seed, because resuming restarts the
        sampler. The sampler is copied and not modified. It must support ask and tell, and sees results one batch at a time. Limitations
        of Optuna samplers apply; CMA-ES, for example, ignores constraints.
    storage : str or path, optional
        A journal file (default: `runs/studies/NAME-SEED.journal`), an Optuna storage URL such as `sqlite:///studies.db`, or 'memory' to
        store nothing.
    workers : int
        Number of processes that evaluate trials.
    threads : int, optional
        Number of threads per process. Defaults to the number of cores for one process, and to 1 for several processes.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), counted in trials, then in customers.

    Returns
    -------
    Optimum

    Raises
    ------
    InputError
        If the study is invalid, the scenario is invalid in every trial, or the sampler has no seed or fails. This error is also raised if
        the storage cannot be reached, holds a different study with this name and seed, or holds the same study with another sampler.
    KeyboardInterrupt
        If the search is interrupted. The message states how many trials are complete.
    """
    started = time.perf_counter()
    progress = progress or NoProgress()
    study = _load_study(study, {"trials": trials, "seed": seed, "sampler": sampler if isinstance(sampler, str) else None})
    given_sampler = None if isinstance(sampler, str) else sampler
    if given_sampler is not None:
        study = study_with_sampler(study, given_sampler)
    require_installed_sampler(study.sampler)
    workers = checked_integer("workers", workers, 1, MAX_WORKERS)
    threads = None if threads is None else checked_integer("threads", threads, 1, MAX_THREADS)
    evaluator = Evaluator(study, threads=threads if workers == 1 else None)
    store = TrialStore(study, storage=storage)
    compile_kernels(kernels_of_runs(is_shared=study.scenario.has_shared_resources), progress)
    if len(store):
        progress.note(f"cjsim: loaded {min(len(store), study.trials):,} of {study.trials:,} trials from {store.location}.")
    baseline = evaluator.baseline
    try:
        executor: InProcessExecutor | MultiProcessExecutor = InProcessExecutor(evaluator)
        if workers > 1:
            executor = MultiProcessExecutor(study, Evaluator, count=workers, threads=threads or 1, report=progress.note)
        with closing(executor):
            searched = search(study, store, executor, progress, sampler=given_sampler)
    except KeyboardInterrupt:
        kept = "they are not stored" if store.location == IN_MEMORY else f"run the same command to resume from {store.location}"
        raise KeyboardInterrupt(f"Interrupted: {len(store):,} of {study.trials:,} trials are complete; {kept}.") from None
    if all(trial.refusal_reason for trial in searched):
        got = f"{len(searched):,} invalid trials, the first with the error '{searched[0].refusal_reason.rstrip('.')}'"
        raise InputError(format_error(study.name, "must have free values that are valid in the scenario", got, "Correct the free values."))
    confirmation = confirm(study, evaluator, searched, progress=progress)
    return Optimum(study, tuple(searched), confirmation, baseline, store.location, time.perf_counter() - started)


def _load_study(study: Study | str | os.PathLike[str], changes: Mapping[str, Any]) -> Study:
    """Return a valid study with some settings overridden."""
    values = {path: value for path, value in changes.items() if value is not None}
    if isinstance(study, str | os.PathLike):
        return Study.load(study, set=values)
    study = as_document(study, Study, argument="study")
    if study.sampler in SAMPLERS or "sampler" in values:
        return study.with_values(values) if values else study.checked()
    # The study of a result holds the class name of a sampler that was passed to `optimize`. Everything else is checked.
    named = study.model_copy(update={"sampler": Study.model_fields["sampler"].default})
    return (named.with_values(values) if values else named.checked()).model_copy(update={"sampler": study.sampler})
