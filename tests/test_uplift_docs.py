"""The commands, the scenarios and the Python example of docs/uplift.md run, and print the lines shown, whatever their numbers."""

import re
import shlex
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from cjsim.cli import app

TEXT = (ROOT / "docs" / "uplift.md").read_text(encoding="utf-8")


def command_and_output(block: str) -> tuple[list[str], list[str]]:
    """The words of the command after `$ `, which goes on after a backslash or within quotes, and the lines below it."""
    lines = block.strip().removeprefix("$ ").splitlines()
    for count in range(1, len(lines) + 1):
        command = "\n".join(lines[:count])
        if not command.endswith("\\") and command.count("'") % 2 == 0:
            return shlex.split(command.replace("\\\n", " ")), lines[count:]
    raise AssertionError(block)


def without_numbers(line: str) -> str:
    """A line of output with numbers masked: they change when the shop is calibrated again, the words should not."""
    return re.sub(r" +", " ", re.sub(r"[+-]?\d[\d,.]*", "#", line))


def test_commands_and_example_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    for name, content in re.findall(r"```yaml\n# (\S+)\n(.*?)```", TEXT, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 7
    for block in blocks:
        (program, *words), shown = command_and_output(block)
        found = CliRunner().invoke(app, words)
        assert (program, found.exit_code) == ("cjsim", 0), found.stderr
        printed = [without_numbers(line) for line in found.stdout.splitlines()]
        assert [line for line in shown if not any(one.startswith(without_numbers(line).removesuffix(" ...")) for one in printed)] == []
    assert (tmp_path / "decision" / "report.md").exists()
    for example in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(example, {})  # noqa: S102, this is our own page
    assert "PURCHASES" in capsys.readouterr().out
