"""The search of a study in batches, in which the points of a batch depend on the results of all previous batches.

The trials do not depend on the number of workers, processes or interruptions.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from cjsim.errors import InputError, format_error, short_repr
from cjsim.progress import Progress, progress_task
from cjsim.tuning.batch_sampler import BatchSampler
from cjsim.tuning.goals import Goals
from cjsim.tuning.samplers import SAMPLERS
from cjsim.tuning.storage import TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial
from cjsim.tuning.trial_executors import TrialTask

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

MAX_INCUMBENTS = 8
_POLL_SECONDS = 0.2  # interval between checks for results of other processes
# A trial claimed by another process is taken over after this many seconds plus this multiple of our slowest trial's duration.
_TAKEOVER_SECONDS, _TAKEOVER_FACTOR = 30.0, 3.0
_RELATIVE_TOLERANCE = 1e-9  # two machines may differ in the last bits of a logarithm


class TrialExecutor(Protocol):
    """Evaluates submitted trials."""

    @property
    def size(self) -> int:
        """Maximum number of trials that run at the same time."""

    def submit(self, task: TrialTask) -> None:
        """Start a trial."""

    def next_result(self) -> Trial:
        """Wait for a submitted trial and return it."""


def select_incumbents(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    """Return the incumbents: the complete, feasible, nondominated trials against which later trials are compared for pruning.

    Parameters
    ----------
    study : Study
        The study.
    trials : Sequence of Trial
        Trials of complete batches.

    Returns
    -------
    list of Trial
        At most MAX_INCUMBENTS.
    """
    candidates = [trial for trial in trials if trial.is_feasible and trial.simulated_customers]  # without repeated points
    size = max((trial.customers for trial in candidates), default=0)
    candidates = [trial for trial in candidates if trial.customers == size]
    return Goals.from_study(study).front(candidates, MAX_INCUMBENTS)


def search(
    study: Study, store: TrialStore, executor: TrialExecutor, progress: Progress, *, sampler: "BaseSampler | None" = None
) -> list[Trial]:
    """Return all trials of a study, loading stored results and evaluating the rest.

    Parameters
    ----------
    study : Study
        The study.
    store : TrialStore
        Stored results.
    executor : TrialExecutor
        Evaluates trials.
    progress : Progress
        Receives progress updates, counted in trials.
    sampler : optuna.samplers.BaseSampler, optional
        As in `BatchSampler`. The study must hold its class name.

    Returns
    -------
    list of Trial
        Sorted by index.

    Raises
    ------
    InputError
        If the point of a stored trial differs from the one the sampler chooses, the sampler fails, or the baseline cannot be simulated.
    """
    batch_sampler, scheduler, trials = BatchSampler(study, sampler), _TrialScheduler(study, store, executor, progress), list[Trial]()
    with progress_task(progress, study.trials, study.name):
        while len(trials) < study.trials:
            points = batch_sampler.ask(min(study.batch, study.trials - len(trials)))
            incumbents = tuple(select_incumbents(study, trials))
            tasks = [TrialTask(len(trials) + i, point, incumbents) for i, point in enumerate(points)]
            batch = scheduler.results(tasks)
            trials += batch
            if len(trials) < study.trials:  # an exhaustive sampler may reject the last results
                batch_sampler.tell(batch)
            progress.label(f"{study.name}: {best_values_text(study, trials)}")
    return trials


def best_values_text(study: Study, trials: Sequence[Trial]) -> str:
    """Return the best values so far as text, such as 'clv 21.3 (+0.8)', or a note that no trial is feasible.

    Parameters
    ----------
    study : Study
        The study.
    trials : Sequence of Trial
        Trials so far.
    """
    feasible = [trial for trial in trials if trial.is_feasible]
    if not feasible:
        return "no feasible trial yet"
    parts = []
    for i, objective in enumerate(study.objectives):
        best = max(feasible, key=lambda trial: objective.sign * trial.gains[i].value)
        parts.append(f"{objective.metric} {best.gains[i].value:.4g} ({best.gains[i].effect:+.3g})")
    return ", ".join(parts)


class _TrialScheduler:
    """Obtains the results of a batch by loading stored results, waiting for other processes, and submitting the rest to the executor."""

    def __init__(self, study: Study, store: TrialStore, executor: TrialExecutor, progress: Progress) -> None:
        self._space, self._pairing, self._sampler_name = study.space, study.pairing, study.sampler
        self._store, self._executor, self._progress = store, executor, progress
        self._results_by_choice: dict[str, Trial] = {}
        self._slowest_seconds = 0.0  # duration of our slowest trial

    def results(self, tasks: Sequence[TrialTask]) -> list[Trial]:
        """Return the trials of a batch in task order. A repeated point is not simulated again."""
        choices = {task.index: self._point_key(task) for task in tasks}
        new: dict[str, TrialTask] = {}
        for task in tasks:
            if choices[task.index] not in self._results_by_choice:
                new.setdefault(choices[task.index], task)
        evaluated = self._evaluate_new(list(new.values()))
        self._results_by_choice |= {choice: evaluated[task.index] for choice, task in new.items()}
        return [evaluated.get(task.index) or self._repeat(task, self._results_by_choice[choices[task.index]]) for task in tasks]

    def _point_key(self, task: TrialTask) -> str:
        """Return a key that is equal for equal points. Without pairing, each trial has its own customers and a unique key."""
        return json.dumps([self._space.values(task.point), None if self._pairing else task.index], sort_keys=True, default=str)

    def _repeat(self, task: TrialTask, trial: Trial) -> Trial:
        self._progress.advance(1)
        return self._store.add(replace(trial, index=task.index, point=task.point, simulated_customers=0))

    def _evaluate_new(self, tasks: Sequence[TrialTask]) -> dict[int, Trial]:
        """Return the results of new points, keyed by trial index."""
        results: dict[int, Trial] = {}
        pending = {task.index: task for task in tasks}
        running: dict[int, float] = {}  # start times, keyed by trial index
        idle_since = time.monotonic()
        while pending:
            self._store.sync()
            for index in [index for index in pending if index not in running]:
                if (trial := self._stored_result(pending[index])) is not None:
                    self._finish(trial, results, pending)
            waited = time.monotonic() - idle_since
            if len(running) < self._executor.size and (task := self._next_task(pending, running, waited)) is not None:
                running[task.index] = time.monotonic()
                self._store.claim(running)
                self._executor.submit(task)
            elif running:
                trial = self._executor.next_result()
                idle_since = time.monotonic()
                self._slowest_seconds = max(self._slowest_seconds, idle_since - running.pop(trial.index))
                self._finish(self._store.add(trial), results, pending)
            elif pending:
                time.sleep(_POLL_SECONDS)
        return results

    def _finish(self, trial: Trial, results: dict[int, Trial], pending: dict[int, TrialTask]) -> None:
        results[trial.index] = trial
        del pending[trial.index]
        self._progress.advance(1)

    def _next_task(self, pending: Mapping[int, TrialTask], running: Mapping[int, float], waited: float) -> TrialTask | None:
        """Return a task that no process has started, or after a long wait, a task that another process has not finished."""
        idle = [index for index in pending if index not in running]
        claimed = self._store.claimed_elsewhere() if idle else frozenset()
        free = [index for index in idle if index not in claimed]
        if not free and not running and waited > _TAKEOVER_SECONDS + _TAKEOVER_FACTOR * self._slowest_seconds:
            free = idle
        return pending[free[0]] if free else None

    def _stored_result(self, task: TrialTask) -> Trial | None:
        """Return the stored result of a task, or None. Raise if it belongs to another point."""
        trial = self._store.get(task.index)
        if trial is None:
            return None
        for path, value in self._space.values(task.point).items():
            stored = trial.params.get(path)
            if not _values_match(stored, value):
                raise InputError(self._different_point_error(task.index, path, value, stored))
        return trial

    def _different_point_error(self, index: int, path: str, value: Any, stored: Any) -> str:
        """Return the error for a stored trial whose point differs from the one the sampler chooses."""
        if self._sampler_name in SAMPLERS:
            chooser, remedy = ("this version of cjsim and Optuna", "Use the versions that started the study, or rename the study.")
        else:
            chooser = f"the {self._sampler_name} passed to optimize"
            remedy = "Pass it with the seed and options that started the study, or rename the study."
        must = f"must hold the point that {chooser} chooses for trial {index}, {path} = {short_repr(value)}"
        return format_error(self._store.location, must, short_repr(stored), remedy)


def _values_match(stored: Any, value: Any) -> bool:
    are_floats = isinstance(stored, float) and isinstance(value, float)
    return math.isclose(stored, value, rel_tol=_RELATIVE_TOLERANCE) if are_floats else bool(stored == value)
