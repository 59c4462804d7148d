"""SIGTERM and SIGHUP end a command as Ctrl-C does: it cleans up, names what it kept, and exits with 128 plus the number of the signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from error_messages import WORLDS
from typer.testing import CliRunner, Result

import cjsim.simulation.simulate as simulation
from cjsim.cli import app
from cjsim.commands.signals import signals_as_interrupts

TINY = str(WORLDS / "tiny.yaml")
NAMES = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, ["simulate", TINY, "--customers", "5", *words])


@pytest.fixture
def send_while_simulating(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Send signals to this process in place of a simulation. They must be handled: otherwise, they would end the tests."""

    def send(*numbers: int) -> None:
        def simulate(*_: object, **__: object) -> None:
            for number in numbers:
                assert signal.getsignal(number) is not signal.SIG_DFL
                signal.raise_signal(number)
            raise AssertionError("the signal did not interrupt the command")

        monkeypatch.setattr(simulation, "simulate", simulate)

    return send


@pytest.mark.parametrize("name", NAMES)
def test_signal_ends_a_command_as_ctrl_c_does(name: str, tmp_path: Path, send_while_simulating: Any) -> None:
    number = getattr(signal, name)
    send_while_simulating(number)
    found = invoke("--out", str(tmp_path / "out"))
    assert (found.exit_code, found.stderr) == (128 + number, "Interrupted. Nothing was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_replacement_says_that_the_earlier_result_is_kept(tmp_path: Path, send_while_simulating: Any) -> None:
    (tmp_path / "metrics.json").write_text("kept")
    send_while_simulating(signal.SIGTERM)
    found = invoke("--out", str(tmp_path), "--force")
    assert found.stderr == f"Interrupted. The earlier result in '{tmp_path}' is unchanged.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_interruption_after_the_result_was_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.commands.cli_simulation.print_output", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    found = invoke("--out", str(tmp_path / "out"))
    assert found.stderr.endswith(f"Interrupted. The result is in '{tmp_path / 'out'}'.\n")
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_ignored_signal_stays_ignored_as_under_nohup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.commands.cli_simulation.print_output", lambda *_, **__: signal.raise_signal(signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert invoke("--out", str(tmp_path / "out")).exit_code == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_second_signal_does_not_interrupt_the_clean_up() -> None:
    events = []
    with signals_as_interrupts() as exit_code:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGTERM)
            events.append("cleaned up")
    assert events == ["cleaned up"]
    assert exit_code() == 128 + signal.SIGTERM


def test_handlers_are_removed_after_the_command() -> None:
    with signals_as_interrupts():
        pass
    assert [signal.getsignal(getattr(signal, name)) for name in NAMES] == [signal.SIG_DFL] * len(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_signal_to_a_running_process_leaves_nothing(name: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cjsim", "simulate", TINY, "--customers", "3000000", "--threads", "1", "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        while not list(tmp_path.iterdir()):
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(getattr(signal, name))
        _, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr.splitlines()[-1]) == (128 + getattr(signal, name), "Interrupted. Nothing was written.")
    assert list(tmp_path.iterdir()) == []
