"""The search: batch after batch, each chosen in the light of all batches before.

Lives here: the program that asks and tells (the same numbers for any number of workers, processes and interruptions), who does what
of it, and rivals. Does not live here: what a trial is worth (evaluate.py), where results are kept (storage.py), processes (workers.py).
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
_POLL_SECONDS = 0.2  # seconds between looks at what other processes have done
_TAKEOVER_SECONDS, _TAKEOVER_FACTOR = (
    30.0,
    3.0,
)  # seconds, and multiples of our own slowest trial, until a trial is taken from a process that is elsewhere
_RELATIVE_TOLERANCE = 1e-9  # relative: two machines may differ in the last bits of a logarithm


class TrialExecutor(Protocol):
    """Whoever evaluates trials."""

    @property
    def size(self) -> int:
        """How many trials can be under way at once."""

    def submit(self, task: TrialTask) -> None:
        """Begin a trial."""

    def next_result(self) -> Trial:
        """Wait for a trial that was begun, and hand it over."""


class BatchSampler:
    """What is tried next, as a function of the study and of what came of the batches before."""

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
        """The points of a batch.

        Parameters
        ----------
        count : int
            How many.
        """
        with silence_optuna():
            self._pending_trials = [self._optuna_study.ask(self._distributions) for _ in range(count)]
        return [point_from_params(self._space, trial.params) for trial in self._pending_trials]

    def tell(self, trials: Sequence[Trial]) -> None:
        """What came of the batch that was asked for.

        Parameters
        ----------
        trials : Sequence of Trial
            In the order of the points.
        """
        with silence_optuna():
            for asked, trial in zip(self._pending_trials, trials, strict=True):
                for name, beyond in trial.excess.items():  # infinite where the metric is undefined
                    asked.set_constraint(name, beyond)
                self._optuna_study.tell(asked, self._objective_values(trial))

    def _objective_values(self, trial: Trial) -> list[float]:
        """What is told of a trial; of an undefined objective, the worst value so far."""
        told = []
        for i, (objective, gain) in enumerate(zip(self._study.objectives, trial.gains, strict=True)):
            worst, value = self._worst_values[i], gain.value
            if math.isfinite(value):
                self._worst_values[i] = value if math.isnan(worst) else objective.sign * min(objective.sign * value, objective.sign * worst)
            else:
                value = 0.0 if math.isnan(worst) else worst
            told.append(value)
        return told


def select_incumbents(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    """Whom the next trials must not surely lose against: the best that keep the constraints and lived with all customers.

    Parameters
    ----------
    study : Study
        Whose objectives they are.
    trials : Sequence of Trial
        Of whole batches.
    """
    able = [trial for trial in trials if trial.is_feasible and trial.simulated_customers]  # a choice that came again is there already
    most = max((trial.customers for trial in able), default=0)
    able = [trial for trial in able if trial.customers == most]
    if not able:
        return []
    heights = np.array([Goals.from_study(study).scores(trial.gains) for trial in able])
    best = pareto_front(heights)
    return [able[best[row]] for row in select_by_crowding(heights[best], MAX_INCUMBENTS)]


def search(study: Study, store: TrialStore, executor: TrialExecutor, progress: Progress) -> list[Trial]:
    """All trials of a study, those that are known looked up and the others evaluated.

    Parameters
    ----------
    study : Study
        What to search.
    store : TrialStore
        Where results are kept.
    executor : TrialExecutor
        Who evaluates.
    progress : Progress
        Is told how far the search is.

    Raises
    ------
    InputError
        If a kept result is of another choice than this program makes, or the scenario refuses a choice.
    """
    program, division, trials = BatchSampler(study), _TrialScheduler(study, store, executor, progress), list[Trial]()
    progress.start(study.trials, study.name)
    try:
        while len(trials) < study.trials:
            points = program.ask(min(study.batch, study.trials - len(trials)))
            rivals = tuple(select_incumbents(study, trials))
            tasks = [TrialTask(len(trials) + i, point, rivals) for i, point in enumerate(points)]
            batch = division.results(tasks)
            program.tell(batch)
            trials += batch
            progress.label(f"{study.name}: {best_values_text(study, trials)}")
    finally:
        progress.finish()
    return trials


def best_values_text(study: Study, trials: Sequence[Trial]) -> str:
    """The best values so far in words, such as 'clv 21.3 (+0.8)', or that no trial keeps the constraints.

    Parameters
    ----------
    study : Study
        Whose objectives they are.
    trials : Sequence of Trial
        So far.
    """
    able = [trial for trial in trials if trial.is_feasible]
    if not able:
        return "no trial keeps the constraints yet"
    said = []
    for i, objective in enumerate(study.objectives):
        best = max(able, key=lambda trial: objective.sign * trial.gains[i].value)
        said.append(f"{objective.metric} {best.gains[i].value:.4g} ({best.gains[i].effect:+.3g})")
    return ", ".join(said)


class _TrialScheduler:
    """Who does what of a batch: what is known is looked up, what other processes do is waited for, the rest is done here."""

    def __init__(self, study: Study, store: TrialStore, executor: TrialExecutor, progress: Progress) -> None:
        self._space, self._pairing = study.space, study.pairing
        self._store, self._executor, self._progress = store, executor, progress
        self._results_by_choice: dict[str, Trial] = {}  # by choice
        self._slowest_seconds = 0.0  # seconds

    def results(self, tasks: Sequence[TrialTask]) -> list[Trial]:
        """The trials of a batch, in the order of the tasks. A choice that was tried before costs nothing: its result is known."""
        choices = {task.index: self._choice_key(task) for task in tasks}
        new: dict[str, TrialTask] = {}
        for task in tasks:
            if choices[task.index] not in self._results_by_choice:
                new.setdefault(choices[task.index], task)
        evaluated = self._evaluate_new(list(new.values()))
        self._results_by_choice |= {choice: evaluated[task.index] for choice, task in new.items()}
        return [evaluated.get(task.index) or self._repeat(task, self._results_by_choice[choices[task.index]]) for task in tasks]

    def _choice_key(self, task: TrialTask) -> str:
        """What tells choices apart; without pairing each trial has its own customers, and none is known from another."""
        return json.dumps([self._space.values(task.point), None if self._pairing else task.index], sort_keys=True, default=str)

    def _repeat(self, task: TrialTask, trial: Trial) -> Trial:
        self._progress.advance(1)
        return self._store.add(replace(trial, index=task.index, point=task.point, simulated_customers=0))

    def _evaluate_new(self, tasks: Sequence[TrialTask]) -> dict[int, Trial]:
        """Results of choices that were not tried before, by index."""
        found: dict[int, Trial] = {}
        pending = {task.index: task for task in tasks}
        under_way: dict[int, float] = {}  # since when, by index
        idle_since = time.monotonic()
        while pending:
            self._store.sync()
            for index in [index for index in pending if index not in under_way]:
                if (trial := self._stored_result(pending[index])) is not None:
                    self._finish(trial, found, pending)
            waited = time.monotonic() - idle_since
            if len(under_way) < self._executor.size and (task := self._next_task(pending, under_way, waited)) is not None:
                under_way[task.index] = time.monotonic()
                self._store.claim(under_way)
                self._executor.submit(task)
            elif under_way:
                trial = self._executor.next_result()
                idle_since = time.monotonic()
                self._slowest_seconds = max(self._slowest_seconds, idle_since - under_way.pop(trial.index))
                self._finish(self._store.add(trial), found, pending)
            elif pending:
                time.sleep(_POLL_SECONDS)
        return found

    def _finish(self, trial: Trial, found: dict[int, Trial], pending: dict[int, TrialTask]) -> None:
        found[trial.index] = trial
        del pending[trial.index]
        self._progress.advance(1)

    def _next_task(self, pending: Mapping[int, TrialTask], under_way: Mapping[int, float], waited: float) -> TrialTask | None:
        """What nobody has begun; once we have waited long for others, what nobody has finished."""
        idle = [index for index in pending if index not in under_way]
        others = self._store.claimed_elsewhere() if idle else frozenset()
        free = [index for index in idle if index not in others]
        if not free and not under_way and waited > _TAKEOVER_SECONDS + _TAKEOVER_FACTOR * self._slowest_seconds:
            free = idle
        return pending[free[0]] if free else None

    def _stored_result(self, task: TrialTask) -> Trial | None:
        """The kept result of a task."""
        trial = self._store.get(task.index)
        if trial is None:
            return None
        for path, value in self._space.values(task.point).items():
            kept = trial.params.get(path)
            if not _values_match(kept, value):
                must = f"must hold trial {task.index} as this version of cjsim and Optuna would choose it, {path} = {short_repr(value)}"
                remedy = "Go on with the versions with which it began, or give the study another name."
                raise InputError(format_error(self._store.location, must, short_repr(kept), remedy))
        return trial


def _values_match(kept: Any, value: Any) -> bool:
    if isinstance(kept, float) and isinstance(value, float):
        return math.isclose(kept, value, rel_tol=_RELATIVE_TOLERANCE)
    return bool(kept == value)
