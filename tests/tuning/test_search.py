"""The search: reproducible results, batches, incumbents, repeated points, and the input to samplers."""

import contextlib
import json
import math
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import optuna
import pytest
from fake_search import FakeEvaluator, load_test_study, run_search, trials_to_json

import cjsim as cj
from cjsim.errors import InputError
from cjsim.progress import NoProgress
from cjsim.tuning.batch_sampler import optuna_distributions
from cjsim.tuning.search import best_values_text, search, select_incumbents
from cjsim.tuning.storage import TrialStore
from cjsim.tuning.trial import ObjectiveGain, Trial
from cjsim.tuning.trial_executors import InProcessExecutor, MultiProcessExecutor

SEVERAL_OBJECTIVES = [{"metric": "clv"}, {"metric": "cost", "direction": "minimize"}]


def trial(index: int, *values: float, customers: int = 150, excess: float = -1.0) -> Trial:
    return Trial(
        index, {}, {"x": index}, customers, customers, tuple(ObjectiveGain(value, value, value, value) for value in values), {"c": excess}
    )


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "nsga3", "cma", "qmc", "random"])
def test_a_seed_gives_the_same_search(sampler: str) -> None:
    changes: dict[str, Any] = {"sampler": sampler, "trials": 20, **({"constraints": []} if sampler == "cma" else {})}
    if sampler == "cma":
        changes["free"] = {"policy.flows.remind.steps[0].wait": {"low": "1h", "high": "5d"}, "policy.guardrails.caps[0].at_most": [1, 6]}
        changes["free"]["policy.guardrails.caps[0].at_most"] = {"low": 0, "high": 6}
    first = run_search(load_test_study(**changes))
    assert [one.index for one in first] == list(range(20))
    assert trials_to_json(run_search(load_test_study(**changes))) == trials_to_json(first)
    assert run_search(load_test_study(**changes, seed=8))[0].point != first[0].point


def test_tpe_finds_the_optimum_of_a_quadratic() -> None:
    tpe, random = (max(one.gains[0].value for one in run_search(load_test_study(trials=100, sampler=name))) for name in ("tpe", "random"))
    assert tpe > random  # deterministic: the seed of the study
    assert tpe > -0.05


def test_more_trials_extend_a_shorter_search() -> None:
    # 10 is not a multiple of the batch size. The last batch is incomplete, and is completed when there are more trials.
    few, many = run_search(load_test_study(trials=10)), run_search(load_test_study(trials=24))
    assert trials_to_json(few) == trials_to_json(many[:10])


def test_incumbents_are_fixed_at_the_start_of_a_batch() -> None:
    study = load_test_study(trials=16)
    evaluator = FakeEvaluator(study)
    trials = run_search(study, evaluator=evaluator)
    for start in range(0, 16, study.batch):
        expected = [one.index for one in select_incumbents(study, trials[:start])]
        assert all(evaluator.incumbents[index] == expected for index in range(start, start + study.batch) if index in evaluator.incumbents)
    assert evaluator.incumbents[0] == []
    assert evaluator.incumbents[15] != []


def test_repeated_choice_is_not_simulated_again() -> None:
    study = load_test_study(trials=40, free={"policy.guardrails.caps[0].at_most": {"low": 0, "high": 2}}, mixes={})
    evaluator = FakeEvaluator(study)
    trials = run_search(study, evaluator=evaluator)
    assert len(trials) == 40
    assert len(evaluator.evaluated) == 3
    assert {json.dumps(one.params): one.gains for one in trials if one.simulated_customers}.keys() == {
        json.dumps(one.params) for one in trials
    }
    assert sum(one.simulated_customers > 0 for one in trials) == 3


def test_repeated_choice_without_pairing_is_simulated_again() -> None:
    free = {"policy.guardrails.caps[0].at_most": {"low": 0, "high": 2}}
    study = load_test_study(trials=12, free=free, mixes={}, pairing=False, racing=False)
    evaluator = FakeEvaluator(study)
    run_search(study, evaluator=evaluator)
    assert evaluator.evaluated == list(range(12))


def test_single_objective_incumbent_is_the_best_complete_feasible_trial() -> None:
    tried = [trial(0, 1.0), trial(1, 3.0, customers=9), trial(2, 2.0), trial(3, 1.9), trial(4, 9.0, excess=0.1), trial(5, math.nan)]
    assert [one.index for one in select_incumbents(load_test_study(), tried)] == [2]
    assert select_incumbents(load_test_study(), tried[4:5]) == []


def test_multi_objective_incumbents_are_eight_front_trials() -> None:
    study = load_test_study(objectives=SEVERAL_OBJECTIVES)
    tried = [trial(i, float(i), float(i)) for i in range(20)] + [trial(20, 5.0, 6.0)]
    incumbents = select_incumbents(study, tried)
    assert len(incumbents) == 8
    assert {0, 19} <= {one.index for one in incumbents}
    assert 20 not in {one.index for one in incumbents}


def test_undefined_values_do_not_stop_a_search() -> None:
    class Undefined(FakeEvaluator):
        def evaluate(self, index: int, point: Any, *, incumbents: Any) -> Trial:
            found = super().evaluate(index, point, incumbents=incumbents)
            nothing = tuple(ObjectiveGain(math.nan, math.nan, math.nan, math.nan) for _ in found.gains)
            return replace(found, gains=nothing, excess={"c": math.inf}) if index % 3 == 0 else found

    study = load_test_study(trials=24)
    trials = run_search(study, evaluator=Undefined(study))
    assert math.isnan(trials[3].gains[0].value)
    assert len(trials) == 24


def test_best_so_far_is_formatted() -> None:
    study = load_test_study(objectives=SEVERAL_OBJECTIVES)
    assert best_values_text(study, [trial(0, 3.0, 2.0, excess=1.0)]) == "no feasible trial yet"
    assert best_values_text(study, [trial(0, 3.0, 2.0), trial(1, 1.0, 0.5)]) == "clv 3 (+3), cost 0.5 (+0.5)"


def test_optuna_distributions_match_the_coordinates() -> None:
    found = optuna_distributions(load_test_study().space)
    free = {axis.coordinate.name: axis.coordinate for axis in load_test_study().space.axes}
    wait = found["policy.flows.remind.steps[0].wait"]
    assert (wait.low, wait.high, wait.log) == (1 / 24, 5.0, True)
    assert found["policy.guardrails.caps[0].per"].choices == (0, 1, 2)
    assert (found["policy.guardrails.caps[0].at_most"].low, found["policy.guardrails.caps[0].at_most"].high) == (0, 6)
    assert (found["policy.flows.remind.again_after"].low, found["policy.flows.remind.again_after"].high) == (0, 6)
    assert set(found) == {*free, "messages[0]"}


@pytest.mark.parametrize(
    ("free", "reached"),
    [
        ({"low": "1h", "high": "6h", "step": "1h"}, ["1h", "2h", "3h", "4h", "5h", "6h"]),
        ({"low": "1d", "high": "6d", "step": "2d"}, ["1d", "3d", "5d"]),
    ],
)
def test_stepped_values_cover_the_range(free: dict[str, str], reached: list[str]) -> None:
    path = "policy.flows.remind.again_after"
    trials = run_search(load_test_study(trials=60, free={path: free}, mixes={}, sampler="random"))
    assert sorted({one.params[path] for one in trials}) == reached


def test_missing_torch_gives_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"sampler: must be supported by .*, got 'gp', which requires the package torch\. Install"):
        run_search(load_test_study(sampler="gp"))


@pytest.mark.parametrize("changes", [{"sampler": "gp"}, {}])
def test_missing_torch_is_reported_before_the_first_simulation(monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("cjsim.tuning.optimize.Evaluator", lambda *_, **__: pytest.fail("a simulation started"))
    with pytest.raises(InputError, match=r"requires the package torch\. Install it \(pip install 'cjsim\[gp\]'\), or use 'tpe'\."):
        cj.optimize(load_test_study(**changes), storage="memory", sampler=None if changes else "gp")


def test_optuna_logging_is_silenced_and_restored(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = optuna.logging.get_verbosity()
    run_search(load_test_study(trials=8), tmp_path / "a.journal")
    output = capfd.readouterr()
    assert (output.out, output.err, optuna.logging.get_verbosity()) == ("", "", before)


def test_workers_give_the_same_trials_and_a_crash_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, notes = load_test_study(trials=12), list[str]()
    alone = trials_to_json(run_search(study))
    kill_file = tmp_path / "kill_file"
    kill_file.touch()
    monkeypatch.setenv("FAKE_KILL_FILE", str(kill_file))  # the first trial kills its own process
    with contextlib.closing(MultiProcessExecutor(study, FakeEvaluator, count=1, threads=1, report=notes.append)) as executor:
        trials = search(study, TrialStore(study, storage="memory"), executor, NoProgress())
    assert trials_to_json(trials) == alone
    assert len(notes) == 1
    assert notes[0].startswith("cjsim: a worker process crashed")


def raise_error(study: Any, threads: int) -> Any:
    raise RuntimeError("never evaluator")


@pytest.mark.slow
def test_repeated_worker_crashes_end_the_search() -> None:
    study = load_test_study(trials=4)
    with (
        pytest.raises(InputError, match=r"workers: must not crash, got 3 crashes in a row\."),
        contextlib.closing(MultiProcessExecutor(study, raise_error, count=1, threads=1, report=lambda text: None)) as executor,
    ):
        search(study, TrialStore(study, storage="memory"), executor, NoProgress())


def test_progress_advances_with_every_trial() -> None:
    class RecordingProgress(NoProgress):
        moves: list[int] = []
        labels: list[str] = []

        def advance(self, n: int) -> None:
            self.moves.append(n)

        def label(self, text: str) -> None:
            self.labels.append(text)

    study, progress = (
        load_test_study(trials=20, free={"policy.guardrails.caps[0].at_most": {"low": 0, "high": 2}}, mixes={}),
        RecordingProgress(),
    )
    search(study, TrialStore(study, storage="memory"), InProcessExecutor(FakeEvaluator(study)), progress)
    assert sum(progress.moves) == 20
    best = [float(text.split("clv ")[1].split(" ")[0]) for text in progress.labels]
    assert all(a <= b for a, b in pairwise(best))
