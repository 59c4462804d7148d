"""`cjsim optimize` and `cj.optimize`: their output, their files, and resuming after an interruption."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from conftest import ROOT
from error_messages import WORLDS, replace_each
from fake_search import load_test_study
from output_files import unnamed_files
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.manifest import Manifest
from cjsim.progress import NoProgress
from cjsim.scenario.fields import parse_duration
from cjsim.simulation.documents import Scenario
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.journal_file import JournalFile
from cjsim.tuning.results.search_figure import SEARCH_FIGURE, search_data

STUDY = str(WORLDS / "study.yaml")


@pytest.fixture(scope="module")
def optimum() -> cj.Optimum:
    return cj.optimize(load_test_study(), storage="memory")


def run(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cjsim", "optimize", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)


@contextlib.contextmanager
def running_command(*arguments: object, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A running command, which is killed at the end of the block."""
    command = [sys.executable, "-m", "cjsim", "optimize", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_optimize_json_matches_the_design_document(optimum: cj.Optimum) -> None:
    result = json.loads(json.dumps(optimum.to_json(), allow_nan=False))
    assert (result["study"], result["trials"]) == ("reminders", 12)
    best = result["best"]
    assert set(best["params"]) == set(optimum.trials[0].params)
    assert {"value", "low", "high"} <= set(best["metrics"]["clv"])
    assert set(best["gain"]["clv"]) == {"effect", "low", "high"}
    assert set(best["optimism"]) == {"clv"}
    assert best["verdict"] in ("gain", "none")
    assert [set(one) >= {"params", "metrics"} for one in result["pareto"]] == [True]


def test_best_scenario_has_the_best_values(optimum: cj.Optimum) -> None:
    assert optimum.best.scenario == optimum.study.scenario.with_values(optimum.best.params)
    assert optimum.policy == optimum.best.policy == optimum.best.scenario.policy
    wait = optimum.best.params["policy.flows.remind.steps[0].wait"]
    assert (
        optimum.policy.flows["remind"].steps[0]
        == cj.Policy.from_dict({"name": "p", "flows": {"f": {"on": {"stage": "active"}, "steps": [{"wait": wait}]}}}).flows["f"].steps[0]
    )


def test_optimism_is_search_gain_minus_confirmed_gain(optimum: cj.Optimum) -> None:
    promised = optimum.confirmation.trial.gains[0].effect
    assert optimum.best.optimism["clv"] == pytest.approx(promised - optimum.best.gain["clv"].effect)


def test_simulated_customers_are_counted(optimum: cj.Optimum) -> None:
    searched = sum(trial.simulated_customers for trial in optimum.trials)
    assert searched == 150 * sum(trial.simulated_customers > 0 for trial in optimum.trials)  # too few for pruning
    assert optimum.simulated_customers == searched + 150 + optimum.confirmation.simulated_customers


def test_summary_shows_verdict_values_and_cost(optimum: cj.Optimum) -> None:
    lines = str(optimum).splitlines()
    assert lines[0] == "reminders: 12 trials of 150 customers, seed 7"
    gain = optimum.best.gain["clv"]
    verdict = {"gain": "Gain: ", "none": "No significant gain: "}[optimum.best.verdict]
    assert lines[2].startswith(verdict)
    assert f"{gain.effect:.2f} [{gain.low:.2f}, {gain.high:.2f}] on 300 fresh customers" in lines[2]
    assert any(line.split()[:2] == ["policy.guardrails.caps[0].at_most", "3"] for line in lines)
    assert f"Simulated {optimum.simulated_customers:,} customers" in str(optimum)


def test_table_has_one_row_per_trial(optimum: cj.Optimum) -> None:
    table = optimum.to_pandas()
    assert list(table.index) == list(range(12))
    assert list(table["clv effect (money)"]) == [trial.gains[0].effect for trial in optimum.trials]
    periods = [trial.params["policy.guardrails.caps[0].per"] for trial in optimum.trials]
    assert list(table["policy.guardrails.caps[0].per (days)"]) == [parse_duration(period) for period in periods]


def test_figure_shows_the_best_feasible_value_so_far(optimum: cj.Optimum) -> None:
    data = search_data(optimum)
    best, so_far = -1, float("-inf")
    for trial, found in zip(optimum.trials, data["best"], strict=True):
        if trial.is_feasible and trial.gains[0].value > so_far:
            best, so_far = trial.index, trial.gains[0].value
        assert found == best


def test_caption_of_the_figure_states_trials_customers_and_confirmation(optimum: cj.Optimum) -> None:
    caption = SEARCH_FIGURE.figure(optimum).get_supxlabel()
    assert caption == (
        f"12 trials of {optimum.study.customers_per_trial:,} customers, seed {optimum.study.seed}; "
        f"confirmed on {optimum.confirmation.customers:,} fresh customers; 95 % intervals."
    )


def test_saved_files_of_a_study(optimum: cj.Optimum, tmp_path: Path) -> None:
    folder = optimum.save(tmp_path / "out")
    assert sorted(path.name for path in folder.iterdir()) == ["best.yaml", "manifest.json", "optimum.json", "search.png", "trials.csv"]
    assert json.loads((folder / "optimum.json").read_text()) == json.loads(json.dumps(optimum.to_json()))
    with pytest.raises(InputError, match=r"folder: must be a writable folder, got .*optimum\.json"):
        optimum.save(folder / "optimum.json")
    assert len(pd.read_csv(folder / "trials.csv")) == 12
    assert (folder / "search.png").read_bytes().startswith(b"\x89PNG")
    manifest = Manifest.read(folder)
    assert (manifest.kind, manifest.metric, manifest.effect) == ("study", "clv", optimum.best.gain["clv"].effect)
    assert Scenario.load(folder / "best.yaml") == optimum.best.scenario  # whole: the study holds its scenario


def test_saved_best_scenario_extends_the_original_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    free = "free: {policy.flows.greet.again_after: {low: 1d, high: 9d}}"
    (tmp_path / "sub" / "tiny.yaml").write_text((WORLDS / "tiny.yaml").read_text())
    file = tmp_path / "study.yaml"
    file.write_text(f"name: s\nscenario: sub/tiny.yaml\ntrials: 2\n{free}\nobjectives: [clv]\n")
    out = tmp_path / "deep" / "out"
    for _ in range(2):  # into a new folder, then into the existing one
        done = CliRunner().invoke(app, ["optimize", str(file), "--storage", "memory", "--out", str(out), "--force"])
        assert done.exit_code == 0, done.stderr
        assert "The values are in best.yaml." in done.stdout and "Use --out" not in done.stdout
        assert "extends: ../../sub/tiny.yaml" in (out / "best.yaml").read_text()
    assert unnamed_files(out, "optimize") == []
    best = json.loads((out / "optimum.json").read_text())["best"]["params"]
    assert Scenario.load(out / "best.yaml") == Scenario.load(tmp_path / "sub" / "tiny.yaml", set=best)


def test_two_objectives_have_a_pareto_front_and_a_figure(tmp_path: Path) -> None:
    several = load_test_study(objectives=["clv", {"metric": "contacts", "direction": "minimize"}], constraints=[])
    found = cj.optimize(several, storage="memory")
    result = found.to_json()["pareto"]
    assert len(result) > 1
    values = sorted((one["metrics"]["clv"]["value"], one["metrics"]["contacts"]["value"]) for one in result)
    assert values == sorted(values, key=lambda pair: pair[1])  # a higher value needs more contacts
    assert "Pareto front" in str(found)
    contacts = found.confirmation.gains["contacts"]
    assert (f"Trade-off: contacts changes by {contacts.effect:+.2f}" in str(found)) == (contacts.low > 0)
    free = cj.optimize(several.with_values({"objectives": ["clv", "contacts"]}), storage="memory")
    assert free.confirmation.gains["contacts"].high > 0 and "Trade-off" not in str(free)
    assert (found.save(tmp_path) / "search.png").stat().st_size > 10_000


def test_command_prints_one_json_object_and_resumes(tmp_path: Path) -> None:
    command = ["optimize", STUDY, "--storage", str(tmp_path / "a.journal"), "--json", "--seed", "3"]
    first = CliRunner().invoke(app, [*command, "--trials", "6"])
    assert (first.exit_code, json.loads(first.stdout)["trials"]) == (0, 6), first.stderr
    more = CliRunner().invoke(app, command)
    assert "loaded 6 of 12 trials from" in more.stderr
    direct = cj.optimize(STUDY, seed=3, storage="memory").to_json()
    assert json.loads(more.stdout) == json.loads(json.dumps(direct))


@pytest.mark.slow
def test_workers_give_the_same_result_as_one_process(optimum: cj.Optimum, tmp_path: Path) -> None:
    done = run(STUDY, "--storage", tmp_path / "a.journal", "--workers", 2, "--json")
    assert json.loads(done.stdout) == json.loads(json.dumps(optimum.to_json()))


def test_default_storage_is_a_journal_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cj.optimize(load_test_study(), trials=2)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.journal")] == ["runs/studies/reminders-7.journal"]


def test_interruption_reports_finished_trials_and_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = Evaluator.evaluate

    def stop_at_five(self: Evaluator, index: int, *arguments: Any, **options: Any) -> Any:
        if index == 5:
            raise KeyboardInterrupt
        return evaluate(self, index, *arguments, **options)

    monkeypatch.setattr(Evaluator, "evaluate", stop_at_five)
    journal = tmp_path / "a.journal"
    done = CliRunner().invoke(app, ["optimize", STUDY, "--storage", str(journal), "--out", str(tmp_path / "out")])
    assert done.exit_code == 130
    assert done.stderr.endswith(f"Interrupted: 5 of 12 trials are complete; run the same command to resume from {journal}.\n")
    assert not (tmp_path / "out").exists()


def test_progress_shows_the_best_values_so_far() -> None:
    class RecordedProgress(NoProgress):
        labels: list[str] = []

        def label(self, text: str) -> None:
            self.labels.append(text)

    progress = RecordedProgress()
    found = cj.optimize(load_test_study(), storage="memory", progress=progress)
    best = max((trial for trial in found.trials if trial.is_feasible), key=lambda trial: trial.gains[0].value)
    assert progress.labels[-1] == f"reminders: clv {best.gains[0].value:.4g} ({best.gains[0].effect:+.3g})"


@pytest.mark.slow
def test_command_killed_ten_times_gives_the_same_result(tmp_path: Path) -> None:
    # Larger trials, so that kills hit all phases: simulation, journal, confirmation. Two of the runs have workers.
    larger = [("customers: 150", "customers: 20000"), ("trials: 12", "trials: 60")]
    text = replace_each((WORLDS / "study.yaml").read_text(encoding="utf-8"), larger)
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    whole = run("study.yaml", "--storage", "memory", "--json", cwd=tmp_path)
    rng = random.Random(4)
    for i in range(10):
        with running_command("study.yaml", "--json", *(("--workers", 2) if i in (3, 7) else ()), cwd=tmp_path) as process:
            time.sleep(rng.uniform(2.0, 8.0))
            process.send_signal(signal.SIGKILL)
    last = run("study.yaml", "--json", cwd=tmp_path)
    assert last.stdout == whole.stdout
    kept = optuna.storages.JournalStorage(JournalFile(str(tmp_path / "runs" / "studies" / "reminders-7.journal")))
    indices = [one.user_attrs["index"] for one in optuna.load_study(study_name="reminders-7", storage=kept).trials]
    assert sorted(indices) == list(range(60))
