"""Samplers: descriptors, user-provided samplers for `optimize`, and the contract that all samplers satisfy."""

import random
import re
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import ROOT
from fake_search import FakeEvaluator, load_test_study, run_search, trials_to_json
from optuna.samplers import BaseSampler, CmaEsSampler, GridSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler

from cjsim.errors import InputError
from cjsim.scenario.json_schema import file_schema
from cjsim.testing import check_sampler
from cjsim.tuning.batch_sampler import study_with_sampler
from cjsim.tuning.optimize import optimize
from cjsim.tuning.samplers import SAMPLERS, SearchProblem, make_sampler
from cjsim.tuning.study import Study
from cjsim.tuning.study_description import describe_study

PROBLEM = SearchProblem(seed=1, batch=4, n_coordinates=5, n_objectives=1, has_constraints=True, has_choices=True)
NUMBERS = {"policy.flows.remind.steps[0].wait": {"low": "1h", "high": "5d"}, "policy.guardrails.caps[0].at_most": {"low": 0, "high": 6}}
NEEDS_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")
NAMES = [pytest.param(name, marks=(NEEDS_TORCH, pytest.mark.slow) if kind.package else ()) for name, kind in SAMPLERS.items()]
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def study_for(name: str, **changes: Any) -> Study:
    """The test study with a sampler, within the limitations of CMA-ES."""
    return load_test_study(sampler=name, free=NUMBERS, constraints=[], **changes)


def test_editors_offer_the_name_of_every_sampler() -> None:
    assert file_schema(Study)["properties"]["sampler"]["enum"] == list(SAMPLERS)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_makes_its_sampler(name: str) -> None:
    study = study_for(name)
    assert type(make_sampler(study.sampler, study.search_problem)) is getattr(optuna.samplers, SAMPLERS[name].class_name)


def test_descriptions_have_the_phrase_of_every_sampler() -> None:
    assert all(f"Trials are chosen {kind.phrase} in batches" in describe_study(study_for(name)) for name, kind in SAMPLERS.items())


def test_no_other_source_file_names_a_sampler() -> None:
    pattern = re.compile("|".join(f"[\"']{name}[\"']" for name in SAMPLERS if name != Study.model_fields["sampler"].default))
    files = (path for path in (ROOT / "cjsim").rglob("*.py") if path.name != "samplers.py")
    assert [str(path) for path in files if pattern.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_sampler_keeps_the_contract(name: str) -> None:
    check_sampler(lambda: make_sampler(name, PROBLEM), several_objectives=name != "cma")


class UpperBoundSampler(RandomSampler):
    """Always chooses the upper bound of a number, plus an excess."""

    excess = 0

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        if hasattr(param_distribution, "high"):
            return param_distribution.high + self.excess
        return super().sample_independent(study, trial, param_name, param_distribution)


class OutOfBoundsSampler(UpperBoundSampler):
    excess = 1


class GlobalRandomSampler(RandomSampler):
    """Seeds the global generator in the first trial only, so its points depend on other code in the process."""

    def before_trial(self, study: Any, trial: Any) -> None:
        if trial.number == 0:
            random.seed(1)

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        if isinstance(param_distribution, optuna.distributions.FloatDistribution):
            return random.uniform(param_distribution.low, param_distribution.high)
        return super().sample_independent(study, trial, param_name, param_distribution)


class FailingSampler(RandomSampler):
    """Fails when a trial has an undefined metric."""

    def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
        if any(value == float("inf") for value in trial.constraints.values()):
            raise ArithmeticError("infinite constraint")


class LockedSampler(RandomSampler):
    """Holds an attribute that cannot be copied."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (TPESampler, "must choose the same points when a search restarts"),
        (lambda: RandomSampler(seed=random.randrange(2**31)), "must choose the same points in a second search"),
        (lambda: OutOfBoundsSampler(seed=1), "OutOfBoundsSampler, which raised ValueError: The value 1.5 of parameter"),
        (lambda: GlobalRandomSampler(seed=1), "must choose the same points with any number of workers"),
        (lambda: FailingSampler(seed=1), "undefined metrics: sampler: .*, which raised ArithmeticError: infinite constraint"),
        (lambda: CmaEsSampler(seed=1), "two objectives: sampler: .*CmaEsSampler cannot be used"),
        (LockedSampler, "must be copyable with copy.deepcopy"),
        (lambda: "tpe", "must be an Optuna sampler or the name of one"),
    ],
)
def test_a_broken_sampler_fails_the_contract(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_sampler(make)


def test_a_sampler_that_starts_otherwise_on_resuming_fails_the_contract() -> None:
    made: list[BaseSampler] = []

    def make_seeded() -> BaseSampler:
        made.append(RandomSampler(seed=1))
        return made[-1]

    check_sampler(make_seeded)
    seeds = iter([1] * (len(made) - 1) + [2])  # the last search is the one that resumes
    with pytest.raises(
        AssertionError, match=r"resuming: .* must hold the point that the RandomSampler passed to optimize chooses for trial 0"
    ):
        check_sampler(lambda: RandomSampler(seed=next(seeds)))


def test_passed_sampler_chooses_the_points() -> None:
    study = load_test_study(trials=8)
    found = optimize(study, sampler=UpperBoundSampler(seed=1), storage="memory")
    assert {trial.params["policy.guardrails.caps[0].at_most"] for trial in found.trials} == {6}


def test_sampler_can_be_passed_by_name() -> None:
    study = load_test_study(trials=8)
    found = optimize(study, sampler="random", storage="memory")
    assert found.to_json() == optimize(study.with_values({"sampler": "random"}), storage="memory").to_json()
    assert found.study.sampler == "random"


def test_result_names_the_class_of_the_sampler_that_was_passed() -> None:
    study = load_test_study(trials=4)
    found = optimize(study, sampler=CmaEsSampler(seed=1), storage="memory")
    assert (found.study.sampler, study.sampler) == ("CmaEsSampler", "tpe")
    assert found._manifest().digest != study.digest()
    assert "by CmaEsSampler" in describe_study(found.study)


def test_passed_sampler_is_left_as_it_is() -> None:
    sampler = TPESampler(seed=1)
    study = study_with_sampler(load_test_study(trials=40), sampler)
    first = trials_to_json(run_search(study, sampler=sampler))
    assert trials_to_json(run_search(study, sampler=sampler)) == first


def test_passed_sampler_gives_the_same_result_with_several_workers(tmp_path: Path) -> None:
    study = load_test_study(trials=8)
    alone = optimize(study, sampler=NSGAIISampler(seed=1), storage="memory")
    several = optimize(study, sampler=NSGAIISampler(seed=1), storage=tmp_path / "a.journal", workers=2)
    assert several.to_json() == alone.to_json()


def test_study_with_a_passed_sampler_resumes(tmp_path: Path) -> None:
    journal, study = tmp_path / "a.journal", study_with_sampler(load_test_study(trials=40), TPESampler(seed=1))
    few = study.model_copy(update={"trials": 30})
    run_search(few, journal, sampler=TPESampler(seed=1))
    evaluator = FakeEvaluator(study)
    trials = run_search(study, journal, evaluator=evaluator, sampler=TPESampler(seed=1))
    assert min(evaluator.evaluated) >= 30
    assert trials_to_json(trials) == trials_to_json(run_search(study, sampler=TPESampler(seed=1)))


def test_another_seed_of_the_sampler_is_refused_on_resuming(tmp_path: Path) -> None:
    study = load_test_study(trials=4)
    optimize(study, sampler=TPESampler(seed=1), storage=tmp_path / "a.journal")
    message = (
        r"a\.journal: must hold the point that the TPESampler passed to optimize chooses for trial 0, .*, got .*\. "
        "Pass it with the seed and options that started the study, or rename the study"
    )
    with pytest.raises(InputError, match=message):
        optimize(study, sampler=TPESampler(seed=2), storage=tmp_path / "a.journal")


@pytest.mark.parametrize(
    ("began", "other", "change"),
    [
        (TPESampler(seed=1), NSGAIISampler(seed=1), "sampler: 'TPESampler' -> 'NSGAIISampler'"),
        (TPESampler(seed=1), None, "sampler: 'TPESampler' -> not set"),
        (None, TPESampler(seed=1), "sampler: not set -> 'TPESampler'"),
    ],
)
def test_another_sampler_is_refused_on_resuming(began: Any, other: Any, change: str, tmp_path: Path) -> None:
    study = load_test_study(trials=4)
    optimize(study, sampler=began, storage=tmp_path / "a.journal")
    with pytest.raises(
        InputError, match=rf"a\.journal: must hold the current version of study 'reminders'.* got a different version \({change}\)"
    ):
        optimize(study, sampler=other, storage=tmp_path / "a.journal")


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (CmaEsSampler(), r"sampler: must choose the same points .*, got a CmaEsSampler that does not\. Set a seed: CmaEsSampler"),
        (QMCSampler, r"sampler: must be an Optuna sampler or the name of one, got <class .*QMCSampler'>\. Pass one such as"),
        ("tpa", r"sampler: must be 'tpe', .*, got 'tpa'\. Did you mean 'tpe'\?"),
        (OutOfBoundsSampler(seed=1), r"sampler: must choose points within the bounds .*, got OutOfBoundsSampler, which raised ValueError"),
        (GridSampler({"x": [1]}, seed=1), r"got GridSampler, which raised ValueError: The parameter name, .*, is not found"),
    ],
)
def test_unusable_sampler_is_rejected(sampler: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        optimize(load_test_study(trials=4), sampler=sampler, storage="memory")


def test_study_of_a_result_needs_its_sampler_again() -> None:
    found = optimize(load_test_study(trials=4), sampler=TPESampler(seed=1), storage="memory")
    with pytest.raises(InputError, match=r"sampler: must be one of 'tpe', .* got 'TPESampler'\. Pass the sampler to optimize again"):
        optimize(found.study, storage="memory")


def test_study_of_a_result_is_searched_again_with_its_sampler() -> None:
    found = optimize(load_test_study(trials=4), sampler=TPESampler(seed=1), storage="memory")
    again = optimize(found.study, sampler=TPESampler(seed=1), storage="memory")
    assert [trial.params for trial in again.trials] == [trial.params for trial in found.trials]


def test_study_of_a_result_is_checked_except_for_its_sampler() -> None:
    found = optimize(load_test_study(trials=4), sampler=TPESampler(seed=1), storage="memory")
    with pytest.raises(InputError, match="trials: must be"):
        optimize(found.study.model_copy(update={"trials": 0}), sampler=TPESampler(seed=1), storage="memory")


def test_grid_can_be_searched_to_its_end() -> None:
    cap, values = "policy.guardrails.caps[0].at_most", list(range(7))
    study = load_test_study(trials=7, free={cap: {"low": 0, "high": 6}}, mixes={})
    trials = run_search(study, sampler=GridSampler({cap: values}, seed=1))
    assert sorted(trial.params[cap] for trial in trials) == values
