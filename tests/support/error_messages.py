"""Helpers for tests of invalid input: the single error message of a command."""

import re
from pathlib import Path

from conftest import ROOT
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.simulation.documents import Scenario

WORLDS = ROOT / "tests" / "worlds"


def command_error(*arguments: str) -> str:
    """The single message of a command that rejects its input."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    message = result.stderr.rstrip("\n")
    assert "Traceback" not in message
    assert "\n" not in message
    assert re.search(r": must .*, got .*\. \S.*[.?)]$", message), message
    return message


def check_error(folder: Path, text: str) -> str:
    """The message of `check` for a file `bad.yaml` with this text."""
    file = folder / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    return command_error("check", str(file)).replace(f"{folder}/", "")


Replacement = tuple[str, str]  # old text, new text


def replace_each(text: str, changes: list[Replacement]) -> str:
    """The text with each first occurrence replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def load_text(folder: Path, text: str) -> Scenario:
    """The scenario in a file `bad.yaml` with this text. Raises if the file is invalid."""
    file = folder / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    return Scenario.load(file)
