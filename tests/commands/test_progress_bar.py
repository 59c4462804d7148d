"""The progress bar: a bar on a terminal, lines of text elsewhere."""

import io
import sys

import pytest

from cjsim.progress import NoProgress, ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_steps_are_announced_beside_the_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = ProgressBar()
    bar.start(3, "compiling kernels")
    bar.announce("kernel 2 of 3")
    bar.advance(1)
    assert bar._bar is not None
    task = bar._bar.tasks[0]
    assert (task.description, task.completed, task.total) == ("kernel 2 of 3", 1, 3)
    bar.finish()


def test_steps_are_announced_on_lines_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    bar = ProgressBar()
    bar.start(3, "compiling kernels")
    bar.announce("kernel 1 of 3")
    bar.announce("kernel 2 of 3")
    assert sys.stderr.getvalue() == "kernel 1 of 3\nkernel 2 of 3\n"  # type: ignore[attr-defined]


def test_steps_are_announced_where_no_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    NoProgress().announce("kernel 1 of 3")
    assert capsys.readouterr().err == "kernel 1 of 3\n"
