"""Invalid studies and storages: one message with file, line, requirement, value and remedy."""

import json
import sys
from pathlib import Path

import pytest
from error_messages import WORLDS, Replacement, command_error, replace_each
from typer.testing import CliRunner

from cjsim.cli import app

STUDY = str(WORLDS / "study.yaml")


def study_error(folder: Path, *changes: Replacement) -> str:
    """The error of `optimize` on a changed copy of the test study."""
    file = folder / "bad.yaml"
    file.write_text(replace_each((WORLDS / "study.yaml").read_text(encoding="utf-8"), list(changes)), encoding="utf-8")
    return command_error("optimize", str(file), "--storage", "memory").replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "policy.flows.remind.steps[0].wait: {low",
            "policy.flows.remind.steps[0].weight: {low",
            "bad.yaml:44: must be an existing path, got 'policy.flows.remind.steps[0].weight'. "
            "Did you mean 'policy.flows.remind.steps[0].wait'?",
        ),
        (
            "at_most: {low: 0, high: 6}",
            "at_most: {low: 6, high: 0}",
            "bad.yaml:45: free.policy.guardrails.caps[0].at_most.low: must be below 'high', got low 6, high 0. Swap the bounds.",
        ),
        (
            "{low: 1h, high: 5d, log: true}",
            "{low: 1h, high: 5, log: true}",
            "bad.yaml:44: free.policy.flows.remind.steps[0].wait: must have bounds of one kind: numbers, durations or times of day, "
            "got low '1h', high 5. Write both in the format of the value.",
        ),
        (
            "at_most: {low: 0, high: 6}",
            "at_most: {low: -3, high: 6}",
            "bad.yaml:45: policy.guardrails.caps[0].at_most: must be at least 0, got -3. Use a higher value, such as 3.",
        ),
        ("  - clv\n", "  - clw\n", None),
        ("  - clv\n", "  - {metric: clv, direction: up}\n", None),
        ("metric: contacts, at_most: 8", "metric: contcats, at_most: 8", None),
        ("metric: contacts, at_most: 8", "metric: contacts", None),
        ("sampler: tpe", "sampler: tpa", None),
        ("pairing: true", "pairing: false", "bad.yaml:54: racing: must be false without 'pairing', got true."),
        ("trials: 12", "trials: 0", "bad.yaml:40: trials: must be at least 1, got 0."),
        ("[1d, 7d, 14d]", "[1d]", None),
        ("total: 1,", "total: 0,", None),
        (
            "again_after: {low: 1d, high: 7d, step: 1d}",
            "again_after: {low: 1d, high: 7d, step: 1d, also: [horizon]}",
            "bad.yaml:47: free.policy.flows.remind.again_after: must be a value in the policy or the journey, got 'horizon'. "
            "Use a path below 'policy' or 'journey'.",
        ),
        (
            "  - clv\n",
            "  - clv\n  - {metric: clv, direction: minimize}\n",
            "bad.yaml:52: objectives[1]: must be listed only once, got 'clv'.",
        ),
        (
            "  - {metric: contacts, at_most: 8}\n",
            "  - {metric: contacts, at_most: 8}\n  - {metric: contacts, at_most: 8.0}\n",
            "bad.yaml:54: constraints[1]: must be listed only once, got 'contacts at most 8'. Remove the duplicate.",
        ),
    ],
)
def test_invalid_study_is_rejected_with_file_and_line(old: str, new: str, message: str | None, tmp_path: Path) -> None:
    found = study_error(tmp_path, (old, new))
    assert found.startswith("bad.yaml:" if message is None else message), found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("[1d, 7d, 14d]", "{low: 1d, high: 2d}")], "must support constraints, got 'cma', which ignores them."),
        ([("  - {metric: contacts, at_most: 8}", "  []")], "must support choices, got 'cma', which supports only numbers."),
        (
            [("[1d, 7d, 14d]", "{low: 1d, high: 2d}"), ("  - {metric: contacts, at_most: 8}", "  []"), ("  - clv", "  - clv\n  - cost")],
            "must support several objectives, got 'cma', which supports only one.",
        ),
    ],
)
def test_unsuitable_sampler_is_rejected(changes: list[Replacement], message: str, tmp_path: Path) -> None:
    assert study_error(tmp_path, ("sampler: tpe", "sampler: cma"), *changes).startswith(f"bad.yaml:42: sampler: {message}")


def test_unknown_metric_error_suggests_the_nearest(tmp_path: Path) -> None:
    assert study_error(tmp_path, ("  - clv\n", "  - clw\n")).endswith("got 'clw'. Did you mean 'clv'?")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trials", "many"], "--trials: must be a whole number, got 'many'."),
        (["--trials", "0"], "--trials: must be at least 1, got 0."),
        (["--seed", "-1"], "--seed: must be at least 0, got -1."),
        (["--workers", "0"], "--workers: must be from 1 to 256, got 0."),
        (["--threads", "0"], "--threads: must be from 1 to 1024, got 0."),
        (["--set", "batch=none"], "--set: batch: must be a whole number"),
        (["--storage", "sqlite:////nowhere/x.db"], "storage 'sqlite:////nowhere/x.db': must be a reachable storage, got Operat"),
        (["--storage", ""], "--storage: must be a file, a URL or 'memory', got ''."),
        (["--storage", "nowhere://x"], "storage 'nowhere://x': must be a reachable storage, got "),
    ],
)
def test_invalid_optimize_options_are_rejected(options: list[str], message: str) -> None:
    assert command_error("optimize", STUDY, *options).startswith(message)


def test_missing_driver_error_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    output = command_error("optimize", STUDY, "--storage", "postgresql://me:secret@nohost/x")
    assert output == (
        "--storage: must be supported by the installed packages, got 'postgresql://me:***@nohost/x', which requires the package psycopg. "
        "Install it (pip install 'cjsim[postgres]'), or omit --storage to use a journal file."
    )


def test_file_that_is_not_a_study_is_rejected() -> None:
    assert "must be a study, got a scenario." in command_error("optimize", str(WORLDS / "tiny.yaml"))


def test_changed_study_error_names_the_changes(tmp_path: Path) -> None:
    storage = str(tmp_path / "a.journal")
    begun = CliRunner().invoke(app, ["optimize", STUDY, "--storage", storage, "--trials", "2", "--json"])
    assert begun.exit_code == 0
    file = tmp_path / "study.yaml"
    text = replace_each((WORLDS / "study.yaml").read_text(encoding="utf-8"), [("wait: 2d", "wait: 3d"), ("high: 6}", "high: 7}")])
    file.write_text(text, encoding="utf-8")
    assert command_error("optimize", str(file), "--storage", storage, "--trials", "4") == (
        f"{storage}: must hold the current version of study 'reminders' with seed 7, got a different version "
        "(scenario.policy.flows.remind.steps[0].wait: '2d' -> '3d'; free.policy.guardrails.caps[0].at_most.high: 6 -> 7). "
        "Undo the change, or use another study name, seed or storage."
    )


def test_infeasible_study_reports_the_nearest_trial() -> None:
    options = ["--storage", "memory", "--set", "constraints=[{metric: contacts, at_least: 1000}, {metric: clv, at_least: 1}]"]
    output = CliRunner().invoke(app, ["optimize", STUDY, *options]).stdout
    assert "No trial satisfies the constraints. Trial " in output
    assert "  contacts at least 1000: violated by 99" in output
    assert "  clv at least 1: satisfied" in output
    assert "\npath " in output
    best = json.loads(CliRunner().invoke(app, ["optimize", STUDY, *options, "--json"]).stdout)["best"]
    assert (best["verdict"], best["broken"], best["gain"]) == ("infeasible", ["contacts at least 1000"], {})
    assert best["excess"]["clv at least 1"] < 0 < best["excess"]["contacts at least 1000"]


def test_undefined_metrics_are_reported_as_undefined(tmp_path: Path) -> None:
    nobody_is_contacted = ["--set", "scenario.policy.guardrails.holdout=1"]
    options = [STUDY, "--storage", "memory", "--trials", "1", *nobody_is_contacted]
    options += ["--set", "constraints=[{metric: open_rate, at_least: 0.1}]"]
    output = CliRunner().invoke(app, ["optimize", *options]).stdout
    assert "No trial satisfies the constraints. Trial 0 comes closest:\n  open_rate at least 0.1: undefined\n" in output
    assert "nothing was chosen" not in output
    options += ["--set", "constraints=[]", "--set", "objectives=[open_rate]", "--out", str(tmp_path / "out")]
    output = CliRunner().invoke(app, ["optimize", *options]).stdout
    assert (tmp_path / "out" / "search.png").exists()
    assert "No trial has all objectives defined. Trial 0 comes closest:\n  open_rate: undefined\n" in output


def test_both_bounds_of_a_metric_are_reported() -> None:
    bounds = "constraints=[{metric: contacts, at_least: 0}, {metric: contacts, at_most: 12345678}]"
    output = CliRunner().invoke(app, ["optimize", STUDY, "--storage", "memory", "--trials", "1", "--set", bounds]).stdout
    assert "at least 0, at most 12345678" in output


def test_a_fault_in_the_scenario_of_a_study_is_reported(tmp_path: Path) -> None:
    error = study_error(tmp_path, ("reminder: {channel: email", "reminder: {channel: fax"))
    assert error.startswith("bad.yaml:23: scenario.journey.messages.reminder.channel: must be one of 'email', 'sms', got 'fax'.")
