"""The search of a study in batches: the points of a batch depend on the results of all previous batches.

The trials are the same for any number of workers, processes and interruptions.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from cjsim.errors import InputError, format_error, short_repr
from cjsim.progress import Progress
from cjsim.tuning.goals import Goals, pareto_front, select_by_crowding
from cjsim.tuning.samplers import make_sampler, optuna_distributions, point_from_params, silence_optuna
from cjsim.tuning.storage import TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial
from cjsim.tuning.trial_executors import TrialTask

MAX_INCUMBENTS = 8
_POLL_SECONDS = 0.2  # interval of checks for results of other processes
# A trial claimed by another process is taken over after so many seconds plus so many times the duration of our slowest trial.
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


class BatchSampler:
    """Chooses the points of each batch, as a function of the study and of the results of previous batches.

    Parameters
    ----------
    study : Study
        The study.
    """

    def __init__(self, study: Study) -> None:
        import optuna

        self._study = study
        self._space = study.space
        self._distributions = optuna_distributions(self._space)
        self._worst_values = [math.nan] * len(study.objectives)
        with silence_optuna():
            directions = [one.direction for one in study.objectives]
            self._optuna_study = optuna.create_study(sampler=make_sampler(study), directions=directions)

    def ask(self, count: int) -> list[dict[str, float]]:
        """The points of the next batch.

        Parameters
        ----------
        count : int
            Number of points.

        Returns
        -------
        list of dict of str to float
            A number for each coordinate.
        """
        with silence_optuna():
            self._pending_trials = [self._optuna_study.ask(self._distributions) for _ in range(count)]
        return [point_from_params(self._space, trial.params) for trial in self._pending_trials]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Record the results of the batch that was asked for.

        Parameters
        ----------
        trials : Sequence of Trial
            In the order of the points.
        """
        with silence_optuna():
            for pending, trial in zip(self._pending_trials, trials, strict=True):
                for name, excess in trial.excess.items():  # infinite if the metric is undefined
                    pending.set_constraint(name, excess)
                self._optuna_study.tell(pending, self._objective_values(trial))

    def _objective_values(self, trial: Trial) -> list[float]:
        """The objectives of a trial; for an undefined one, the worst value so far."""
        values = []
        for i, (objective, gain) in enumerate(zip(self._study.objectives, trial.gains, strict=True)):
            worst, value = self._worst_values[i], gain.value
            if math.isfinite(value):
                self._worst_values[i] = value if math.isnan(worst) else objective.sign * min(objective.sign * value, objective.sign * worst)
            else:
                value = 0.0 if math.isnan(worst) else worst
            values.append(value)
        return values


def select_incumbents(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    """The trials against which the next ones are pruned: complete, feasible and not dominated.

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
    candidates = [trial for trial in trials if trial.is_feasible and trial.simulated_customers]  # without repeated choices
    size = max((trial.customers for trial in candidates), default=0)
    candidates = [trial for trial in candidates if trial.customers == size]
    if not candidates:
        return []
    goals = Goals.from_study(study)
    scores = np.array([goals.scores(trial.gains) for trial in candidates])
    front = pareto_front(scores)
    return [candidates[front[row]] for row in select_by_crowding(scores[front], MAX_INCUMBENTS)]


def search(study: Study, store: TrialStore, executor: TrialExecutor, progress: Progress) -> list[Trial]:
    """All trials of a study; stored results are loaded, the others evaluated.

    Parameters
    ----------
    study : Study
        The study.
    store : TrialStore
        Stored results.
    executor : TrialExecutor
        Evaluates trials.
    progress : Progress
        Receives the progress of the work, in trials.

    Returns
    -------
    list of Trial
        By index.

    Raises
    ------
    InputError
        If a stored result belongs to another choice than the sampler makes, or the baseline cannot be simulated.
    """
    sampler, scheduler, trials = BatchSampler(study), _TrialScheduler(study, store, executor, progress), list[Trial]()
    progress.start(study.trials, study.name)
    try:
        while len(trials) < study.trials:
            points = sampler.ask(min(study.batch, study.trials - len(trials)))
            incumbents = tuple(select_incumbents(study, trials))
            tasks = [TrialTask(len(trials) + i, point, incumbents) for i, point in enumerate(points)]
            batch = scheduler.results(tasks)
            sampler.tell(batch)
            trials += batch
            progress.label(f"{study.name}: {best_values_text(study, trials)}")
    finally:
        progress.finish()
    return trials


def best_values_text(study: Study, trials: Sequence[Trial]) -> str:
    """The best values so far as text, such as 'clv 21.3 (+0.8)', or that no trial is feasible.

    Parameters
    ----------
    study : Study
        The study.
    trials : Sequence of Trial
        Trials so far.
    """
    feasible = [trial for trial in trials if trial.is_feasible]
    if not feasible:
        return "no trial keeps the constraints yet"
    parts = []
    for i, objective in enumerate(study.objectives):
        best = max(feasible, key=lambda trial: objective.sign * trial.gains[i].value)
        parts.append(f"{objective.metric} {best.gains[i].value:.4g} ({best.gains[i].effect:+.3g})")
    return ", ".join(parts)


class _TrialScheduler:
    """Obtains the results of a batch: loads stored ones, waits for other processes, and submits the rest to the executor."""

    def __init__(self, study: Study, store: TrialStore, executor: TrialExecutor, progress: Progress) -> None:
        self._space, self._pairing = study.space, study.pairing
        self._store, self._executor, self._progress = store, executor, progress
        self._results_by_choice: dict[str, Trial] = {}
        self._slowest_seconds = 0.0  # duration of our slowest trial

    def results(self, tasks: Sequence[TrialTask]) -> list[Trial]:
        """The trials of a batch, in the order of the tasks. A repeated choice is not simulated again."""
        choices = {task.index: self._choice_key(task) for task in tasks}
        new: dict[str, TrialTask] = {}
        for task in tasks:
            if choices[task.index] not in self._results_by_choice:
                new.setdefault(choices[task.index], task)
        evaluated = self._evaluate_new(list(new.values()))
        self._results_by_choice |= {choice: evaluated[task.index] for choice, task in new.items()}
        return [evaluated.get(task.index) or self._repeat(task, self._results_by_choice[choices[task.index]]) for task in tasks]

    def _choice_key(self, task: TrialTask) -> str:
        """A key that is equal for equal choices. Without pairing each trial has its own customers, and no choice is a repetition."""
        return json.dumps([self._space.values(task.point), None if self._pairing else task.index], sort_keys=True, default=str)

    def _repeat(self, task: TrialTask, trial: Trial) -> Trial:
        self._progress.advance(1)
        return self._store.add(replace(trial, index=task.index, point=task.point, simulated_customers=0))

    def _evaluate_new(self, tasks: Sequence[TrialTask]) -> dict[int, Trial]:
        """Results of new choices, by index."""
        results: dict[int, Trial] = {}
        pending = {task.index: task for task in tasks}
        running: dict[int, float] = {}  # start times, by index
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
        """A task that no process has started; after a long wait, one that another process has not finished."""
        idle = [index for index in pending if index not in running]
        claimed = self._store.claimed_elsewhere() if idle else frozenset()
        free = [index for index in idle if index not in claimed]
        if not free and not running and waited > _TAKEOVER_SECONDS + _TAKEOVER_FACTOR * self._slowest_seconds:
            free = idle
        return pending[free[0]] if free else None

    def _stored_result(self, task: TrialTask) -> Trial | None:
        """The stored result of a task."""
        trial = self._store.get(task.index)
        if trial is None:
            return None
        for path, value in self._space.values(task.point).items():
            stored = trial.params.get(path)
            if not _values_match(stored, value):
                must = f"must hold trial {task.index} as this version of cjsim and Optuna would choose it, {path} = {short_repr(value)}"
                remedy = "Go on with the versions with which it began, or give the study another name."
                raise InputError(format_error(self._store.location, must, short_repr(stored), remedy))
        return trial


def _values_match(stored: Any, value: Any) -> bool:
    if isinstance(stored, float) and isinstance(value, float):
        return math.isclose(stored, value, rel_tol=_RELATIVE_TOLERANCE)
    return bool(stored == value)
