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

from cjsim.engine.run import Progress
from cjsim.errors import InputError, complaint, shown
from cjsim.tuning.goals import Goals, front, spread
from cjsim.tuning.samplers import distributions_of, numbers_of, quiet, sampler_of
from cjsim.tuning.storage import Ledger
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial
from cjsim.tuning.workers import Task

MOST_RIVALS = 8
_POLL = 0.2  # seconds between looks at what other processes have done
_PATIENCE, _SLOWEST = 30.0, 3.0  # seconds, and multiples of our own slowest trial, until a trial is taken from a process that is elsewhere
_SAME = 1e-9  # relative: two machines may differ in the last bits of a logarithm


class Team(Protocol):
    """Whoever evaluates trials."""

    @property
    def size(self) -> int:
        """How many trials can be under way at once."""

    def start(self, task: Task) -> None:
        """Begin a trial."""

    def finished(self) -> Trial:
        """Wait for a trial that was begun, and hand it over."""


class Program:
    """What is tried next, as a function of the study and of what came of the batches before."""

    def __init__(self, study: Study) -> None:
        import optuna

        self._study = study
        self._space = study.space
        self._distributions = distributions_of(self._space)
        self._worst = [math.nan] * len(study.objectives)
        with quiet():
            directions = [one.direction for one in study.objectives]
            self._sampled = optuna.create_study(sampler=sampler_of(study), directions=directions)

    def ask(self, count: int) -> list[dict[str, float]]:
        """The points of a batch.

        Parameters
        ----------
        count : int
            How many.
        """
        with quiet():
            self._asked = [self._sampled.ask(self._distributions) for _ in range(count)]
        return [numbers_of(self._space, trial.params) for trial in self._asked]

    def tell(self, trials: Sequence[Trial]) -> None:
        """What came of the batch that was asked for.

        Parameters
        ----------
        trials : Sequence of Trial
            In the order of the points.
        """
        with quiet():
            for asked, trial in zip(self._asked, trials, strict=True):
                for name, beyond in trial.excess.items():  # infinite where the metric is undefined
                    asked.set_constraint(name, beyond)
                self._sampled.tell(asked, self._values(trial))

    def _values(self, trial: Trial) -> list[float]:
        """What is told of a trial; of an undefined objective, the worst value so far."""
        told = []
        for i, (objective, gain) in enumerate(zip(self._study.objectives, trial.gains, strict=True)):
            worst, value = self._worst[i], gain.value
            if math.isfinite(value):
                self._worst[i] = value if math.isnan(worst) else objective.sign * min(objective.sign * value, objective.sign * worst)
            else:
                value = 0.0 if math.isnan(worst) else worst
            told.append(value)
        return told


def rivals_of(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    """Whom the next trials must not surely lose against: the best that keep the constraints and lived with all customers.

    Parameters
    ----------
    study : Study
        Whose objectives they are.
    trials : Sequence of Trial
        Of whole batches.
    """
    able = [trial for trial in trials if trial.is_feasible and trial.simulated]  # a choice that came again is there already
    most = max((trial.customers for trial in able), default=0)
    able = [trial for trial in able if trial.customers == most]
    if not able:
        return []
    heights = np.array([Goals.of(study).heights(trial.gains) for trial in able])
    best = front(heights)
    return [able[best[row]] for row in spread(heights[best], MOST_RIVALS)]


def search(study: Study, ledger: Ledger, team: Team, told: Progress) -> list[Trial]:
    """All trials of a study, those that are known looked up and the others evaluated.

    Parameters
    ----------
    study : Study
        What to search.
    ledger : Ledger
        Where results are kept.
    team : Team
        Who evaluates.
    told : Progress
        Is told how far the search is.

    Raises
    ------
    InputError
        If a kept result is of another choice than this program makes, or the scenario refuses a choice.
    """
    program, division, trials = Program(study), _Division(study, ledger, team, told), list[Trial]()
    told.start(study.trials, study.name)
    try:
        while len(trials) < study.trials:
            points = program.ask(min(study.batch, study.trials - len(trials)))
            rivals = tuple(rivals_of(study, trials))
            tasks = [Task(len(trials) + i, point, rivals) for i, point in enumerate(points)]
            batch = division.results(tasks)
            program.tell(batch)
            trials += batch
            told.label(f"{study.name}: {best_so_far(study, trials)}")
    finally:
        told.finish()
    return trials


def best_so_far(study: Study, trials: Sequence[Trial]) -> str:
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


class _Division:
    """Who does what of a batch: what is known is looked up, what other processes do is waited for, the rest is done here."""

    def __init__(self, study: Study, ledger: Ledger, team: Team, told: Progress) -> None:
        self._space, self._pairing = study.space, study.pairing
        self._ledger, self._team, self._told = ledger, team, told
        self._first: dict[str, Trial] = {}  # by choice
        self._slowest = 0.0  # seconds

    def results(self, tasks: Sequence[Task]) -> list[Trial]:
        """The trials of a batch, in the order of the tasks. A choice that was tried before costs nothing: its result is known."""
        choices = {task.index: self._choice(task) for task in tasks}
        new: dict[str, Task] = {}
        for task in tasks:
            if choices[task.index] not in self._first:
                new.setdefault(choices[task.index], task)
        evaluated = self._evaluated(list(new.values()))
        self._first |= {choice: evaluated[task.index] for choice, task in new.items()}
        return [evaluated.get(task.index) or self._again(task, self._first[choices[task.index]]) for task in tasks]

    def _choice(self, task: Task) -> str:
        """What tells choices apart; without pairing each trial has its own customers, and none is known from another."""
        return json.dumps([self._space.values(task.point), None if self._pairing else task.index], sort_keys=True, default=str)

    def _again(self, task: Task, trial: Trial) -> Trial:
        self._told.advance(1)
        return self._ledger.add(replace(trial, index=task.index, point=task.point, simulated=0))

    def _evaluated(self, tasks: Sequence[Task]) -> dict[int, Trial]:
        """Results of choices that were not tried before, by index."""
        found: dict[int, Trial] = {}
        pending = {task.index: task for task in tasks}
        under_way: dict[int, float] = {}  # since when, by index
        idle_since = time.monotonic()
        while pending:
            self._ledger.sync()
            for index in [index for index in pending if index not in under_way]:
                if (trial := self._known(pending[index])) is not None:
                    self._finish(trial, found, pending)
            waited = time.monotonic() - idle_since
            if len(under_way) < self._team.size and (task := self._next(pending, under_way, waited)) is not None:
                under_way[task.index] = time.monotonic()
                self._ledger.claim(under_way)
                self._team.start(task)
            elif under_way:
                trial = self._team.finished()
                idle_since = time.monotonic()
                self._slowest = max(self._slowest, idle_since - under_way.pop(trial.index))
                self._finish(self._ledger.add(trial), found, pending)
            elif pending:
                time.sleep(_POLL)
        return found

    def _finish(self, trial: Trial, found: dict[int, Trial], pending: dict[int, Task]) -> None:
        found[trial.index] = trial
        del pending[trial.index]
        self._told.advance(1)

    def _next(self, pending: Mapping[int, Task], under_way: Mapping[int, float], waited: float) -> Task | None:
        """What nobody has begun; once we have waited long for others, what nobody has finished."""
        idle = [index for index in pending if index not in under_way]
        others = self._ledger.claimed() if idle else frozenset()
        free = [index for index in idle if index not in others]
        if not free and not under_way and waited > _PATIENCE + _SLOWEST * self._slowest:
            free = idle
        return pending[free[0]] if free else None

    def _known(self, task: Task) -> Trial | None:
        """The kept result of a task."""
        trial = self._ledger.get(task.index)
        if trial is None:
            return None
        for path, value in self._space.values(task.point).items():
            kept = trial.params.get(path)
            if not _is_same(kept, value):
                must = f"must hold trial {task.index} as this version of cjsim and Optuna would choose it, {path} = {shown(value)}"
                remedy = "Go on with the versions with which it began, or give the study another name."
                raise InputError(complaint(self._ledger.place, must, shown(kept), remedy))
        return trial


def _is_same(kept: Any, value: Any) -> bool:
    if isinstance(kept, float) and isinstance(value, float):
        return math.isclose(kept, value, rel_tol=_SAME)
    return bool(kept == value)
