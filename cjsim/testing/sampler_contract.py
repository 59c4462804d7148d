"""The contract for Optuna samplers used in `optimize`, checked on small problems without simulation."""

import contextlib
import math
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
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

# Numbers of trials for problems with one free value and with all of them: enough for samplers with generations or a long startup phase.
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
    """An evaluator without simulation. The first objective is quadratic, with its optimum at 0.37 of the range of every coordinate.

    Constraints are satisfied around the optimum.

    Parameters
    ----------
    study : Study
        Study to evaluate.
    """

    def __init__(self, study: Study) -> None:
        self.study, self.space = study, study.space

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        """Evaluate a point.

        Parameters
        ----------
        index : int
            Index of the trial.
        point : Mapping of str to float
            Value of each coordinate.
        incumbents : Sequence of Trial
            Each incumbent adds one simulated customer, so that a wrong set of incumbents is detected.
        """
        offsets = [(point[one.name] - one.low) / (one.high - one.low) - 0.37 for one in self.space.coordinates]
        values = [-sum(x * x for x in offsets), sum(offsets)]
        gains = tuple(ObjectiveGain(value, value, value - 0.1, value + 0.1) for value in values[: len(self.study.objectives)])
        excess = {one.name: -0.4 - values[0] for one in self.study.constraints}
        customers = self.study.customers_per_trial
        return Trial(index, dict(point), self.space.values(point), customers, customers + len(incumbents), gains, excess)


class _OftenUndefined(QuadraticEvaluator):
    """An evaluator for which every third trial has undefined metrics."""

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        trial = super().evaluate(index, point, incumbents=incumbents)
        if index % 3:
            return trial
        gains = tuple(ObjectiveGain(*[math.nan] * 4) for _ in trial.gains)
        return replace(trial, gains=gains, excess=dict.fromkeys(trial.excess, math.inf))


class _Interrupted(QuadraticEvaluator):
    """An evaluator that is interrupted in the middle of a batch."""

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        if index == _INTERRUPTED_AT:
            raise KeyboardInterrupt
        return super().evaluate(index, point, incumbents=incumbents)


class _ReverseExecutor:
    """An executor that finishes trials in reverse order and uses the global random number generator, as other code may."""

    size = 3

    def __init__(self, evaluator: QuadraticEvaluator) -> None:
        self._evaluator = evaluator
        self._tasks: list[TrialTask] = []

    def submit(self, task: TrialTask) -> None:
        self._tasks.append(task)

    def next_result(self) -> Trial:
        random.random()
        np.random.random()  # noqa: NPY002, uses the global generator on purpose
        task = self._tasks.pop()
        return self._evaluator.evaluate(task.index, task.point, incumbents=task.incumbents)


class _Problem(NamedTuple):
    """A problem to search: title, study settings, and evaluator."""

    title: str
    settings: Mapping[str, Any]
    make_evaluator: Callable[[Study], QuadraticEvaluator] = QuadraticEvaluator


def check_sampler(make_sampler: "Callable[[], BaseSampler]", *, several_objectives: bool = True) -> None:
    """Check that an Optuna sampler works with `optimize`.

    The sampler runs in the search of `optimize` on small problems without simulation: real numbers on linear and logarithmic scales,
    stepped numbers, integers, choices, mixes, all of these with a constraint, undefined metrics, and two objectives. The quality of the
    optima is not checked.

    Parameters
    ----------
    make_sampler : callable
        Returns a new Optuna sampler, with the same seed on every call.
    several_objectives : bool
        Whether the sampler supports several objectives.

    Raises
    ------
    AssertionError
        If the sampler cannot be copied, raises an error, or chooses a point outside the bounds, or if it does not choose the same points
        in a second search, with several workers, or after resuming an interrupted search.

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
        _require_same(points, again, problem.title, "must choose the same points in a second search, which requires a seed")
        executor = _ReverseExecutor(problem.make_evaluator(study))
        parallel = _searched_points(problem.title, make_sampler, study, executor)
        _require_same(points, parallel, problem.title, "must choose the same points with any number of workers")
    _check_resuming(make_sampler)


def _check_resuming(make_sampler: "Callable[[], BaseSampler]") -> None:
    """Check that an interrupted and resumed search chooses the same points as an uninterrupted one."""
    title, study = "resuming", Study.from_dict({**_study_data(), "free": _FREE, "trials": _MANY_TRIALS})
    points = _searched_points(title, make_sampler, study, QuadraticEvaluator(study))
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "sampler.journal")
        with contextlib.suppress(KeyboardInterrupt):
            _searched_points(title, make_sampler, study, _Interrupted(study), storage=journal)
        resumed = _searched_points(title, make_sampler, study, QuadraticEvaluator(study), storage=journal)
    _require_same(points, resumed, title, "must choose the same points after resuming an interrupted search")


def _searched_points(
    title: str,
    make_sampler: "Callable[[], BaseSampler]",
    study: Study,
    worker: QuadraticEvaluator | TrialExecutor,
    *,
    storage: str = IN_MEMORY,
) -> "list[Point]":
    """Return the points of a search."""
    executor = InProcessExecutor(worker) if isinstance(worker, QuadraticEvaluator) else worker
    try:
        sampler = make_sampler()
        searched = study_with_sampler(study, sampler)
        trials = search(searched, TrialStore(searched, storage=storage), executor, NoProgress(), sampler=sampler)
    except InputError as error:
        raise AssertionError(f"{title}: {error}") from error
    return [dict(trial.point) for trial in trials]


def _require_same(points: "list[Point]", others: "list[Point]", title: str, must: str) -> None:
    for index, (point, other) in enumerate(zip(points, others, strict=True)):
        if point != other:
            raise AssertionError(f"{title}: {must}, got {other} instead of {point} for trial {index}.")


def _study_data() -> dict[str, Any]:
    """Return a study whose scenario has a free value of every kind."""
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
