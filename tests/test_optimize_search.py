"""The search: the same numbers however it is run, batches, rivals, choices that come again, what samplers are given."""

import contextlib
import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import optuna
import pytest
from made_search import Made, as_text, searched, study_of

from cjsim.engine.run import Silent
from cjsim.errors import InputError
from cjsim.tuning.samplers import distributions_of, sampler_of
from cjsim.tuning.search import best_so_far, rivals_of, search
from cjsim.tuning.storage import Ledger
from cjsim.tuning.trial import Gain, Trial
from cjsim.tuning.workers import Alone, Processes

SEVERAL = [{"metric": "clv"}, {"metric": "cost", "direction": "minimize"}]


def trial(index: int, *values: float, customers: int = 150, beyond: float = -1.0) -> Trial:
    return Trial(index, {}, {"x": index}, customers, customers, tuple(Gain(value, value, value, value) for value in values), {"c": beyond})


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "nsga3", "cma", "qmc", "random"])
def test_a_seed_gives_the_same_search(sampler: str) -> None:
    changes: dict[str, Any] = {"sampler": sampler, "trials": 20, **({"constraints": []} if sampler == "cma" else {})}
    if sampler == "cma":
        changes["free"] = {"policy.flows.remind.steps[0].wait": {"low": "1h", "high": "5d"}, "policy.guardrails.caps[0].at_most": [1, 6]}
        changes["free"]["policy.guardrails.caps[0].at_most"] = {"low": 0, "high": 6}
    first = searched(study_of(**changes))
    assert [one.index for one in first] == list(range(20))
    assert as_text(searched(study_of(**changes))) == as_text(first)
    assert searched(study_of(**changes, seed=8))[0].point != first[0].point


def test_tpe_finds_the_bottom_of_a_bowl() -> None:
    tpe, blind = (max(one.gains[0].value for one in searched(study_of(trials=100, sampler=name))) for name in ("tpe", "random"))
    assert tpe > blind  # deterministic: the seed of the study
    assert tpe > -0.05


def test_more_trials_go_on_where_fewer_ended() -> None:
    # 10 is no multiple of the batch: its last batch is cut short, and comes whole when there are more.
    few, many = searched(study_of(trials=10)), searched(study_of(trials=24))
    assert as_text(few) == as_text(many[:10])


def test_rivals_are_known_when_the_batch_begins() -> None:
    study = study_of(trials=16)
    made = Made(study)
    trials = searched(study, evaluator=made)
    for start in range(0, 16, study.batch):
        expected = [one.index for one in rivals_of(study, trials[:start])]
        assert all(made.rivals[index] == expected for index in range(start, start + study.batch) if index in made.rivals)
    assert made.rivals[0] == []
    assert made.rivals[15] != []


def test_a_choice_that_comes_again_costs_nothing() -> None:
    study = study_of(trials=40, free={"policy.guardrails.caps[0].at_most": {"low": 0, "high": 2}}, mixes={})
    made = Made(study)
    trials = searched(study, evaluator=made)
    assert len(trials) == 40
    assert len(made.evaluated) == 3
    assert {json.dumps(one.params): one.gains for one in trials if one.simulated}.keys() == {json.dumps(one.params) for one in trials}
    assert sum(one.simulated > 0 for one in trials) == 3


def test_a_choice_that_comes_again_without_pairing_is_tried_again() -> None:
    free = {"policy.guardrails.caps[0].at_most": {"low": 0, "high": 2}}
    study = study_of(trials=12, free=free, mixes={}, pairing=False, racing=False)
    made = Made(study)
    searched(study, evaluator=made)
    assert made.evaluated == list(range(12))


def test_rivals_of_one_objective_are_the_best_that_is_feasible_on_all_customers() -> None:
    tried = [trial(0, 1.0), trial(1, 3.0, customers=9), trial(2, 2.0), trial(3, 1.9), trial(4, 9.0, beyond=0.1), trial(5, math.nan)]
    assert [one.index for one in rivals_of(study_of(), tried)] == [2]
    assert rivals_of(study_of(), tried[4:5]) == []


def test_rivals_of_several_objectives_are_eight_of_the_front() -> None:
    study = study_of(objectives=SEVERAL)
    tried = [trial(i, float(i), float(i)) for i in range(20)] + [trial(20, 5.0, 6.0)]
    rivals = rivals_of(study, tried)
    assert len(rivals) == 8
    assert {0, 19} <= {one.index for one in rivals}
    assert 20 not in {one.index for one in rivals}


def test_undefined_values_do_not_stop_a_search() -> None:
    class Undefined(Made):
        def evaluate(self, index: int, point: Any, *, rivals: Any) -> Trial:
            found = super().evaluate(index, point, rivals=rivals)
            nothing = tuple(Gain(math.nan, math.nan, math.nan, math.nan) for _ in found.gains)
            return replace(found, gains=nothing, excess={"c": math.inf}) if index % 3 == 0 else found

    study = study_of(trials=24)
    trials = searched(study, evaluator=Undefined(study))
    assert math.isnan(trials[3].gains[0].value)
    assert len(trials) == 24


def test_best_so_far_is_told() -> None:
    study = study_of(objectives=SEVERAL)
    assert best_so_far(study, [trial(0, 3.0, 2.0, beyond=1.0)]) == "no trial keeps the constraints yet"
    assert best_so_far(study, [trial(0, 3.0, 2.0), trial(1, 1.0, 0.5)]) == "clv 3 (+3), cost 0.5 (+0.5)"


def test_distributions_are_the_coordinates() -> None:
    found = distributions_of(study_of().space)
    free = {axis.coordinate.name: axis.coordinate for axis in study_of().space.axes}
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
def test_every_step_is_reached_and_none_beyond_the_bound(free: dict[str, str], reached: list[str]) -> None:
    path = "policy.flows.remind.again_after"
    trials = searched(study_of(trials=60, free={path: free}, mixes={}, sampler="random"))
    assert sorted({one.params[path] for one in trials}) == reached


def test_missing_torch_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.tuning.samplers.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"sampler: must be one that is installed, got 'gp', which needs torch\. Install"):
        sampler_of(study_of(sampler="gp"))


def test_optuna_is_silent_and_speaks_again_afterwards(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = optuna.logging.get_verbosity()
    searched(study_of(trials=8), tmp_path / "a.journal")
    told = capfd.readouterr()
    assert (told.out, told.err, optuna.logging.get_verbosity()) == ("", "", before)


def test_workers_give_the_same_and_one_that_dies_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, notes = study_of(trials=12), list[str]()
    alone = as_text(searched(study))
    fuse = tmp_path / "fuse"
    fuse.touch()
    monkeypatch.setenv("MADE_FUSE", str(fuse))  # the first trial kills the process in which it runs
    with contextlib.closing(Processes(study, Made, count=1, threads=1, note=notes.append)) as team:
        trials = search(study, Ledger(study, storage="memory"), team, Silent())
    assert as_text(trials) == alone
    assert len(notes) == 1
    assert notes[0].startswith("cjsim: a worker process died")


def dies(study: Any, threads: int) -> Any:
    raise RuntimeError("never made")


@pytest.mark.slow
def test_workers_that_die_again_and_again_end_the_search() -> None:
    study = study_of(trials=4)
    with (
        pytest.raises(InputError, match=r"--workers: must be processes that live, got 3 that died in a row\."),
        contextlib.closing(Processes(study, dies, count=1, threads=1, note=lambda text: None)) as team,
    ):
        search(study, Ledger(study, storage="memory"), team, Silent())


def test_progress_moves_by_every_trial() -> None:
    class Told(Silent):
        moves: list[int] = []
        labels: list[str] = []

        def advance(self, n: int) -> None:
            self.moves.append(n)

        def label(self, text: str) -> None:
            self.labels.append(text)

    study, told = study_of(trials=20, free={"policy.guardrails.caps[0].at_most": {"low": 0, "high": 2}}, mixes={}), Told()
    search(study, Ledger(study, storage="memory"), Alone(Made(study)), told)
    assert sum(told.moves) == 20
    best = [float(text.split("clv ")[1].split(" ")[0]) for text in told.labels]
    assert all(a <= b for a, b in pairwise(best))
