"""Storage of studies: no trial is lost when a process is killed, several processes share a study, and changed studies are rejected."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import ROOT
from fake_search import FakeEvaluator, load_test_study, run_search, trials_to_json

from cjsim.errors import InputError
from cjsim.tuning.journal_file import JournalFile
from cjsim.tuning.storage import TrialStore, default_storage, study_identity
from cjsim.tuning.study import Study


def indices(storage: str | Path) -> list[int]:
    """Indices of the trials in a storage, as Optuna reads them."""
    where = str(storage)
    kept: Any = where if "://" in where else optuna.storages.JournalStorage(JournalFile(where))
    return [one.user_attrs["index"] for one in optuna.load_study(study_name="reminders-7", storage=kept).trials]


def run_script(*arguments: object, seconds: float = 0.004) -> str:
    script = str(ROOT / "tests" / "support" / "fake_search.py")
    environment = {**os.environ, "FAKE_DELAY_SECONDS": str(seconds), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    done = subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True, env=environment, check=True)
    return done.stdout


@pytest.mark.parametrize("url", ["{}/a.journal", "sqlite:///{}/a.db"])
def test_stored_trials_are_not_evaluated_again(url: str, tmp_path: Path) -> None:
    study, storage = load_test_study(trials=6), url.format(tmp_path)
    first, again = FakeEvaluator(study), FakeEvaluator(study)
    trials = run_search(study, storage, evaluator=first)
    assert trials_to_json(run_search(study, storage, evaluator=again)) == trials_to_json(trials) == trials_to_json(run_search(study))
    assert len(first.evaluated) > 0
    assert again.evaluated == []
    assert sorted(indices(storage)) == list(range(6))


def test_last_step_of_a_fine_grid_is_stored_exactly(tmp_path: Path) -> None:
    share = "policy.flows.remind.holdout"
    free = {share: {"low": 0.0, "high": 0.3, "step": 0.1}}  # 3 * 0.1 is not 0.3
    study = load_test_study(trials=12, free=free)
    shares = {trial.params[share] for trial in run_search(study, tmp_path / "a.journal")}
    assert 0.3 in shares and shares <= {0.0, 0.1, 0.2, 0.3}


@pytest.mark.parametrize(("kills", "trials"), [(5, 24), pytest.param(40, 80, marks=pytest.mark.slow)])
def test_random_kills_lose_no_trials(kills: int, trials: int, tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    assert run_script("killed", journal, kills, trials) == trials_to_json(run_search(load_test_study(trials=trials)))
    assert sorted(indices(journal)) == list(range(trials))


@pytest.mark.parametrize("name", ["a.journal", pytest.param("a.db", marks=pytest.mark.slow)])
def test_two_processes_share_the_trials(name: str, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/a.db" if name == "a.db" else str(tmp_path / name)
    run_script("parallel", storage, 2, 16, seconds=0.04)
    outputs = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    alone = trials_to_json(run_search(load_test_study(trials=16)))
    assert [text for text, _ in outputs] == [alone, alone]
    shares = [set(evaluated) for _, evaluated in outputs]
    assert min(map(len, shares)) >= 1  # the split depends on the load of the machine
    assert set().union(*shares) == set(range(16))
    assert sum(map(len, shares)) <= 16 + 6  # two processes may evaluate the same trial, which is rare and harmless
    assert sorted(set(indices(storage))) == list(range(16))


def test_truncated_journal_is_repaired(tmp_path: Path) -> None:
    study, journal = load_test_study(trials=8), tmp_path / "a.journal"
    expected = trials_to_json(run_search(study, journal))
    whole = journal.read_bytes()
    for cut in [1, 2, 60, *range(100, 2500, 331)]:
        journal.write_bytes(whole[:-cut])
        assert trials_to_json(run_search(study, journal)) == expected
        assert journal.read_bytes().endswith(b"\n")
        assert sorted(indices(journal)) == list(range(8))


def test_partial_line_is_repaired_at_the_next_append(tmp_path: Path) -> None:
    file = JournalFile(str(tmp_path / "a.journal"))
    file.append_logs([{"op_code": 1}])
    with (tmp_path / "a.journal").open("ab") as other:
        other.write(b'{"op_code": 2, "half": "' + b"x" * 100_000)
    file.append_logs([{"op_code": 3}])
    assert list(file.read_logs(0)) == [{"op_code": 1}, {"op_code": 3}]
    assert (tmp_path / "a.journal").read_bytes() == b'{"op_code":1}\n{"op_code":3}\n'


def test_claims_of_a_dead_process_expire(tmp_path: Path) -> None:
    study, journal = load_test_study(), str(tmp_path / "a.journal")
    gone, other = TrialStore(study, storage=journal), TrialStore(study, storage=journal)
    other._process_name = other._process_name.replace(f":{os.getpid()}:", f":{os.getppid()}:")
    gone._process_name = gone._process_name.replace(f":{os.getpid()}:", ":4194300:")
    gone.claim([1, 2])
    other.claim([3])
    TrialStore(study, storage=journal).claim([4])  # as an earlier process with our process id would
    assert TrialStore(study, storage=journal).claimed_elsewhere() == {3}
    other.claim([])
    assert TrialStore(study, storage=journal).claimed_elsewhere() == set()


def test_trials_claimed_by_another_process_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, journal = load_test_study(trials=4), str(tmp_path / "a.journal")
    other = TrialStore(study, storage=journal)
    other._process_name = "elsewhere:1:x"
    other.claim([0, 1])
    monkeypatch.setattr("cjsim.tuning.search._TAKEOVER_SECONDS", 0.0)
    monkeypatch.setattr("cjsim.tuning.search._POLL_SECONDS", 0.01)
    evaluator = FakeEvaluator(study)
    run_search(study, journal, evaluator=evaluator)
    assert evaluator.evaluated == [2, 3, 0, 1]  # trials claimed elsewhere come last


def test_first_of_two_results_is_kept(tmp_path: Path) -> None:
    study, journal = load_test_study(trials=4), str(tmp_path / "a.journal")
    one, two = TrialStore(study, storage=journal), TrialStore(study, storage=journal)
    trial = FakeEvaluator(study).evaluate(0, study.space.at([0.5] * 5), incumbents=[])
    assert one.add(trial) == trial
    assert two.add(FakeEvaluator(study).evaluate(0, study.space.at([0.1] * 5), incumbents=[])) == trial
    assert indices(journal) == [0]


@pytest.mark.parametrize(
    ("path", "value", "change"),
    [
        ("customers", 151, "customers: 150 -> 151"),
        ("batch", 5, "batch: 4 -> 5"),
        ("sampler", "random", "sampler: not set -> 'random'"),
        ("scenario.policy.flows.remind.steps[0].wait", "3d", "scenario.policy.flows.remind.steps[0].wait: '2d' -> '3d'"),
        ("free", {"policy.guardrails.caps[0].at_most": [1, 2]}, "free.policy.guardrails.caps[0].at_most.low: 0 -> not set"),
    ],
)
def test_a_changed_study_is_rejected(path: str, value: Any, change: str, tmp_path: Path) -> None:
    journal = str(tmp_path / "a.journal")
    TrialStore(load_test_study(), storage=journal)
    with pytest.raises(
        InputError, match=r"a\.journal: must hold the current version of study 'reminders' with seed 7, got a different"
    ) as error:
        TrialStore(load_test_study(**{path: value}), storage=journal)
    assert change in str(error.value)


@pytest.mark.parametrize(
    ("path", "value"), [("trials", 99), ("confirm", {"finalists": 9}), ("title", "other"), ("scenario.journey.stages.gone.title", "Away")]
)
def test_settings_that_do_not_affect_trials_may_change(path: str, value: Any, tmp_path: Path) -> None:
    journal = str(tmp_path / "a.journal")
    run_search(load_test_study(trials=4), journal)
    assert TrialStore(load_test_study(**{path: value}), storage=journal).get(3) is not None


def test_files_are_identified_by_content(tmp_path: Path) -> None:
    text = "entered\n2025-01-07\n2025-01-08\n"
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(text)
    a, b = (load_test_study(**{"scenario.entry": {"file": str(tmp_path / f"{name}.csv")}}) for name in ("a", "b"))
    assert study_identity(a) == study_identity(b)
    (tmp_path / "b.csv").write_text(text + "2025-01-09\n")
    assert study_identity(a) != study_identity(b)


def test_results_for_different_parameters_are_rejected(tmp_path: Path) -> None:
    study, journal = load_test_study(trials=4), tmp_path / "a.journal"
    store = TrialStore(study, storage=str(journal))
    store.add(FakeEvaluator(study).evaluate(0, study.space.at([0.5] * 5), incumbents=[]))
    with pytest.raises(
        InputError, match=r"must hold the point that this version of cjsim and Optuna chooses for trial 0, policy.* = .*, got '.*'\."
    ):
        run_search(study, journal)


@pytest.mark.parametrize(
    "storage",
    [
        "sqlite:////nowhere/at/all/x.db",
        "postgresql+psycopg2://nobody:secret@127.0.0.1:1/none",
        "nonsense://x",
        "mysql+nothing://x",
        "/proc/nowhere/x.journal",
    ],
)
def test_unreachable_storage_is_rejected(storage: str) -> None:
    with pytest.raises(InputError, match=r"must be a reachable storage, got .*[Cc]orrect `storage`") as error:
        TrialStore(load_test_study(), storage=storage)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_file_that_is_not_a_journal_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: shop\nother: 1")
    with pytest.raises(InputError, match=r"a\.yaml: must be an intact journal or database of studies, got "):
        TrialStore(load_test_study(), storage=str(file))
    assert file.read_text() == "name: shop\nother: 1"


def test_foreign_optuna_study_is_rejected(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    other = optuna.create_study(storage=url, study_name="reminders-7", direction="maximize")
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(InputError, match=r"must hold cjsim studies, got a study 'reminders-7' from another program\."):
        TrialStore(load_test_study(), storage=url)


def test_optuna_can_load_the_stored_study(tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    trials = run_search(load_test_study(trials=24), journal)
    kept = optuna.load_study(study_name="reminders-7", storage=optuna.storages.JournalStorage(JournalFile(str(journal))))
    best = max((one for one in trials if one.is_feasible), key=lambda one: one.gains[0].value)
    assert kept.best_trial.user_attrs["index"] == best.index
    assert kept.best_trial.params["policy.guardrails.caps[0].per"] in ("1d", "7d", "14d")
    assert kept.trials_dataframe().shape[0] == 24


def test_each_seed_has_its_own_storage_file() -> None:
    study: Study = load_test_study(seed=8)
    assert default_storage(study) == Path("runs/studies/reminders-8.journal")
