"""The files and commands of docs/first_journey.md: each file is valid, and each command prints the lines shown."""

import re
import shlex
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app

TEXT = (ROOT / "docs" / "first_journey.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`([\w.]+\.yaml)`:\n\n```yaml\n(.*?)```", TEXT, re.DOTALL))
COMMANDS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def test_the_page_has_files_and_commands() -> None:
    assert (len(FILES), len(COMMANDS)) == (4, 7)


@pytest.mark.parametrize("name", FILES)
def test_files_are_valid_and_short(name: str, folder: Path) -> None:
    assert cj.Scenario.load(folder / name).name == name.removesuffix(".yaml")
    assert len(FILES[name].splitlines()) <= 20


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_prints_the_lines_shown(command: str, shown: str, folder: Path) -> None:
    program, *words = shlex.split(command)
    found = CliRunner().invoke(app, words)
    assert (program, found.exit_code) == ("cjsim", 0), found.stderr
    printed = found.stdout.splitlines()
    assert [line for line in shown.splitlines() if line not in printed] == [], found.stdout


def test_the_rate_checked_by_hand_is_in_the_interval(folder: Path) -> None:
    metric = cj.simulate(cj.Scenario.load("coffee.yaml")).metrics["conversion"]
    assert metric.low < 0.362 < metric.high
