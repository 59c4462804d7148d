"""Commands refuse to replace earlier results unless --force is given, and refuse before they do any work."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_tree import leaf_commands, option_names
from error_messages import WORLDS
from output_files import unnamed_files
from typer.testing import CliRunner, Result

from cjsim.cli import app
from cjsim.output_folder import require_no_earlier_result
from cjsim.output_folder.earlier_results import _FILES_BY_COMMAND

TINY = str(WORLDS / "tiny.yaml")
PATHS = "path,total_conversions\na > b,3\n"
# The command line that starts each command, with inputs that exist; none of them gets to work in these tests.
COMMANDS = {
    "simulate": ["simulate", TINY],
    "compare": ["compare", TINY, "--set", "policy.flows={}"],
    "levers": ["levers", TINY, "--metric", "clv"],
    "cliffs": ["cliffs", TINY],
    "assumptions": ["assumptions", TINY, "other.yaml"],
    "optimize": ["optimize", "study.yaml"],
    "rehearse": ["rehearse", TINY, "other.yaml", "--metric", "clv", "--sizes", "100", "--days", "14"],
    "uplift": ["uplift", "data.csv", "--treatment", "arm", "--outcome", "y"],
    "attribution": ["attribution", "paths.csv"],
    "responses": ["responses", TINY],
    "report": ["report", "run"],
    "map": ["map", TINY],
    "calibrate": ["calibrate", "purchases", "log.csv", "--customer", "id", "--time", "at", "--value", "paid", "--until", "2026-01-31"],
}
A_FILE = {"simulate": "metrics.json", "compare": "run_1/customers.parquet", "levers": "levers.csv", "optimize": "best.yaml"}
A_FILE |= {
    "cliffs": "cliffs.csv",
    "assumptions": "assumptions.csv",
    "rehearse": "designs.csv",
    "uplift": "report.md",
    "attribution": "credits.csv",
    "responses": "responses.csv",
    "report": "report.html",
    "map": "map.svg",
    "calibrate": "journey.yaml",
}


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


@pytest.fixture(autouse=True)
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paths.csv").write_text(PATHS)
    (tmp_path / "other.yaml").write_text(f"extends: {TINY}\nname: other\n")
    free = "free: {policy.flows.greet.again_after: {low: 1d, high: 9d}}"
    (tmp_path / "study.yaml").write_text(f"name: s\nscenario: {TINY}\n{free}\ntrials: 2\nobjectives: [clv]\n")


def folder_with(name: str, content: str = "kept") -> Path:
    file = Path("out") / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return Path("out")


def test_every_command_with_an_output_folder_is_covered() -> None:
    with_folder = {path[0] for path, command in leaf_commands() if {"--out", "--force"} <= option_names(command)}
    assert with_folder == set(COMMANDS) == set(A_FILE) == set(_FILES_BY_COMMAND)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_refuses_a_folder_with_a_file_that_it_writes(command: str) -> None:
    folder_with(A_FILE[command])
    found = invoke(*COMMANDS[command], "--out", "out")
    assert found.exit_code == 2
    expected = f"--out: must be a folder without earlier results, got 'out' with {A_FILE[command]}. Choose another folder, or add --force"
    assert expected in found.stderr
    assert (Path("out") / A_FILE[command]).read_text() == "kept"


@pytest.mark.parametrize("command", COMMANDS)
def test_other_files_in_the_folder_are_no_obstacle(command: str) -> None:
    require_no_earlier_result(folder_with("notes.txt"), command)
    require_no_earlier_result(Path("missing"), command)


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("manifest.json", {"scenario": "shop", "date": "2026-01-05T10:00:00+00:00"}, "the 'simulate' result for shop, 2026-01-05"),
        ("run_0/manifest.json", {"scenario": "shop", "date": "2026-01-05T10:00:00"}, "the 'compare' result for shop, 2026-01-05"),
        ("manifest.json", {"kind": "study", "name": "timing", "date": "2026-02-01"}, "the 'optimize' result for timing, 2026-02-01"),
        ("manifest.json", {"kind": "levers", "name": "shop", "date": "2026-02-01"}, "the 'levers' result for shop, 2026-02-01"),
    ],
)
def test_message_names_the_command_and_the_date_of_the_earlier_result(file: str, content: dict[str, Any], text: str) -> None:
    folder_with(file, json.dumps(content))
    folder_with("comparison.json" if "/" in file else "metrics.json", "{}")
    assert f"got 'out' with {text}. Choose" in invoke("simulate", TINY, "--out", "out").stderr


def test_message_lists_at_most_five_files() -> None:
    for name in ("effects.csv", "effects.png", "groups.csv", "groups.png", "curves.csv", "curves.png", "report.md"):
        folder_with(name)
    found = invoke(*COMMANDS["uplift"], "--out", "out")
    assert "got 'out' with curves.csv, curves.png, effects.csv, effects.png, groups.csv and 2 more." in found.stderr


def test_rule_file_is_not_replaced_without_force() -> None:
    Path("rule.json").write_text("kept")
    found = invoke(*COMMANDS["uplift"], "--export-rule", "rule.json")
    assert found.exit_code == 2
    assert found.stderr == "--export-rule: must be a new file, got the existing file 'rule.json'. Add --force to replace it.\n"


@pytest.mark.parametrize(
    "words", [["simulate", TINY, "--events"], COMMANDS["compare"], ["attribution", "paths.csv"]], ids=lambda words: words[0]
)
def test_command_names_all_files_that_it_writes(words: list[str]) -> None:
    found = invoke(*words, "--out", "out")
    assert found.exit_code == 0, found.stderr
    assert unnamed_files(Path("out"), words[0]) == []


def test_force_replaces_the_result_and_its_absence_does_not() -> None:
    assert invoke("simulate", TINY, "--out", "out", "--customers", "5").exit_code == 0
    before = (Path("out") / "metrics.json").read_bytes()
    assert "got 'out' with the 'simulate' result for tiny, " in invoke("simulate", TINY, "--out", "out").stderr
    assert (Path("out") / "metrics.json").read_bytes() == before
    assert invoke("simulate", TINY, "--out", "out", "--customers", "6", "--force").exit_code == 0
    assert json.loads((Path("out") / "metrics.json").read_text())["customers"] == 6
