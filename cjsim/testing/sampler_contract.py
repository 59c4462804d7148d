"""The contract of samplers: what `optimize` promises with a sampler of Optuna, checked on small problems that simulate nothing."""

import contextlib
import math
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.errors import InputError
from cjsim.progress import NoProgress
from cjsim.tuning.batch_sampler import study_with_sampler
from cjsim.tuning.search import TrialExecutor, search
from cjsim.tuning.storage import IN_MEMORY, TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain, Trial
from cjsim.tuning.trial_executors import InProcessExecutor, TrialTask

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    Point = dict[str, float]

# Trials of the problems with one value and with all of them: enough for samplers that start to model late, or from generations.
_FEW_TRIALS, _MANY_TRIALS, _BATCH = 16, 40, 4
_INTERRUPTED_AT = 30  # within a batch
_SHARES = tuple(f"policy.flows.remind.steps[0].split.{name}.share" for name in ("some", "more", "rest"))
_FREE: Mapping[str, Any] = MappingProxyType(
    {
        "policy.flows.remind.holdout": {"low": 0.0, "high": 0.5},
        "journey.events.visit.wait.exponential": {"low": "1h", "high": "20d", "log": True},
        "policy.flows.remind.again_after": {"low": "1d", "high": "7d", "step": "1d"},
        "policy.guardrails.caps[0].at_most": {"low": 0, "high": 6},
        "policy.guardrails.caps[0].per": ["1d", "7d", "14d"],
    }
)
_TWO_OBJECTIVES = ("clv", {"metric": "cost", "direction": "minimize"})


class QuadraticEvaluator:
    """An evaluator that simulates nothing: the first objective is a quadratic, best at 0.37 of the range of every coordinate.

    Constraints hold around that point.

    Parameters
    ----------
    study : Study
        The study.
    """

    def __init__(self, study: Study) -> None:
        self.study, self.space = study, study.space

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        """Evaluate one choice.

        Parameters
        ----------
        index : int
            Index of the trial.
        point : Mapping of str to float
            A number for each coordinate.
        incumbents : Sequence of Trial
            Each adds a simulated customer, so that a wrong set of them shows.
        """
        offsets = [(point[one.name] - one.low) / (one.high - one.low) - 0.37 for one in self.space.coordinates]
        values = [-sum(x * x for x in offsets), sum(offsets)]
        gains = tuple(ObjectiveGain(value, value, value - 0.1, value + 0.1) for value in values[: len(self.study.objectives)])
        excess = {one.name: -0.4 - values[0] for one in self.study.constraints}
        customers = self.study.customers_per_trial
        return Trial(index, dict(point), self.space.values(point), customers, customers + len(incumbents), gains, excess)


class _OftenUndefined(QuadraticEvaluator):
    """Every third trial has undefined metrics."""

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        trial = super().evaluate(index, point, incumbents=incumbents)
        if index % 3:
            return trial
        gains = tuple(ObjectiveGain(*[math.nan] * 4) for _ in trial.gains)
        return replace(trial, gains=gains, excess=dict.fromkeys(trial.excess, math.inf))


class _Interrupted(QuadraticEvaluator):
    """Is interrupted in the middle of a batch."""

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        if index == _INTERRUPTED_AT:
            raise KeyboardInterrupt
        return super().evaluate(index, point, incumbents=incumbents)


class _ReverseExecutor:
    """Finishes running trials in reverse order, and draws from global random numbers, as other work in the process may."""

    size = 3

    def __init__(self, evaluator: QuadraticEvaluator) -> None:
        self._evaluator = evaluator
        self._tasks: list[TrialTask] = []

    def submit(self, task: TrialTask) -> None:
        self._tasks.append(task)

    def next_result(self) -> Trial:
        random.random()
        np.random.random()  # noqa: NPY002, the global generator is meant
        task = self._tasks.pop()
        return self._evaluator.evaluate(task.index, task.point, incumbents=task.incumbents)


class _Problem(NamedTuple):
    """A problem of the contract: its title, the values of its study, and its evaluator."""

    title: str
    settings: Mapping[str, Any]
    make_evaluator: Callable[[Study], QuadraticEvaluator] = QuadraticEvaluator


def check_sampler(make_sampler: "Callable[[], BaseSampler]", *, several_objectives: bool = True) -> None:
    """Check that a sampler works with `optimize`.

    It is run by the search of `optimize` on small problems that simulate nothing: real numbers, real numbers by ratio, steps, whole
    numbers, choices, mixes, all of them with a constraint, undefined metrics, and two objectives. Its quality is not judged.

    Parameters
    ----------
    make_sampler : callable
        Makes a sampler of Optuna, with the same seed at each call.
    several_objectives : bool
        False for a sampler that takes one objective only.

    Raises
    ------
    AssertionError
        If a sampler cannot be copied, raises an error, or chooses a point outside the bounds; if it does not choose the same points in a
        second search, with several workers, or when a search resumes after an interruption.

    Examples
    --------
    >>> import optuna
    >>> from cjsim.testing import check_sampler
    >>> check_sampler(lambda: optuna.samplers.RandomSampler(seed=1))
    """
    mixes = {"messages": {"total": 1, "of": _SHARES}}
    every_kind = {"free": _FREE, "mixes": mixes, "trials": _MANY_TRIALS}
    problems = [_Problem(path, {"free": {path: free}}) for path, free in _FREE.items()]
    problems.append(_Problem("a mix", {"mixes": mixes}))
    limited = {**every_kind, "constraints": [{"metric": "contacts", "at_most": 8}]}
    problems += [_Problem("undefined metrics", limited, _OftenUndefined), _Problem("a constraint", limited)]
    if several_objectives:
        problems.append(_Problem("two objectives", {**every_kind, "objectives": _TWO_OBJECTIVES}))
    for problem in problems:
        study = Study.from_dict({**_study_data(), **problem.settings})
        points = _searched_points(problem.title, make_sampler, study, problem.make_evaluator(study))
        again = _searched_points(problem.title, make_sampler, study, problem.make_evaluator(study))
        _require_same(points, again, problem.title, "must choose the same points in a second search (give it a seed)")
        executor = _ReverseExecutor(problem.make_evaluator(study))
        parallel = _searched_points(problem.title, make_sampler, study, executor)
        _require_same(points, parallel, problem.title, "must choose the same points with any number of workers")
    _check_resuming(make_sampler)


def _check_resuming(make_sampler: "Callable[[], BaseSampler]") -> None:
    """Check that a search that is interrupted and run again chooses the points of one that is not."""
    title, study = "resuming", Study.from_dict({**_study_data(), "free": _FREE, "trials": _MANY_TRIALS})
    points = _searched_points(title, make_sampler, study, QuadraticEvaluator(study))
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "sampler.journal")
        with contextlib.suppress(KeyboardInterrupt):
            _searched_points(title, make_sampler, study, _Interrupted(study), storage=journal)
        resumed = _searched_points(title, make_sampler, study, QuadraticEvaluator(study), storage=journal)
    _require_same(points, resumed, title, "must choose the same points when a search resumes after an interruption")


def _searched_points(
    title: str,
    make_sampler: "Callable[[], BaseSampler]",
    study: Study,
    worker: QuadraticEvaluator | TrialExecutor,
    *,
    storage: str = IN_MEMORY,
) -> "list[Point]":
    """The points of a search."""
    executor = InProcessExecutor(worker) if isinstance(worker, QuadraticEvaluator) else worker
    with _broken_contracts(title):
        sampler = make_sampler()
        searched = study_with_sampler(study, sampler)
        trials = search(searched, TrialStore(searched, storage=storage), executor, NoProgress(), sampler=sampler)
    return [dict(trial.point) for trial in trials]


@contextlib.contextmanager
def _broken_contracts(title: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise AssertionError(f"{title}: {error}") from error


def _require_same(points: "list[Point]", others: "list[Point]", title: str, must: str) -> None:
    for index, (point, other) in enumerate(zip(points, others, strict=True)):
        if point != other:
            raise AssertionError(f"{title}: {must}, got {other} instead of {point} in trial {index}.")


def _study_data() -> dict[str, Any]:
    """A study whose scenario has a value of every kind."""
    split = {name: {"share": share, "steps": [{"send": "hello"}]} for name, share in (("some", 0.2), ("more", 0.3), ("rest", 0.5))}
    journey = {
        "name": "checked",
        "starts_in": "here",
        "stages": {"here": {"retained": True}},
        "events": {"visit": {"in": ["here"], "wait": {"exponential": "10d"}}},
        "channels": {"mail": {"cost": 0.05}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
    }
    policy = {
        "name": "checked",
        "flows": {"remind": {"on": {"event": "visit"}, "again_after": "3d", "holdout": 0.1, "steps": [{"split": split}]}},
        "guardrails": {"caps": [{"at_most": 3, "per": "7d"}]},
    }
    scenario = {"name": "checked", "start": "2026-01-05", "horizon": "60d", "customers": 10, "journey": journey, "policy": policy}
    return {"name": "checked", "scenario": scenario, "trials": _FEW_TRIALS, "batch": _BATCH, "objectives": ["clv"]}
