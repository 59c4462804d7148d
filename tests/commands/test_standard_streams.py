"""Streams that are closed, full or without a reader: results are written, and the exit code is that of the command or of lost output."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT
from error_messages import WORLDS
from odd_streams import STREAMS

import cjsim as cj
from cjsim.commands.standard_streams import DiscardingWriter
from cjsim.progress import NoProgress, ProgressBar

pytestmark = pytest.mark.skipif(not hasattr(os, "fork") or not Path("/dev/full").exists(), reason="needs fork and /dev/full")
TINY, STUDY = str(WORLDS / "tiny.yaml"), str(WORLDS / "study.yaml")
LOST = "standard output: must be writable, got 'No space left on device'. Files that the command wrote are complete.\n"
EXPERIMENT = """
name: greetings
hypothesis: a second greeting gains revenue
scenario: {tiny}
metric: revenue
direction: rises
variants: {{again: {{set: {{policy.flows.greet.holdout: 0.5}}}}}}
"""
Answer = tuple[int, str, str]
Case = tuple[str, ...]


def answers_of(folder: Path, cases: list[Case]) -> dict[Case, Answer]:
    """Exit code, standard output and standard error of each case: a stream, and the arguments of a command."""
    command = [sys.executable, str(ROOT / "tests" / "support" / "odd_streams.py"), str(folder), json.dumps(cases)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    return {case: tuple(answer) for case, answer in zip(cases, json.loads(done.stdout), strict=True)}


def expected_code(stream: str, code: int = 0) -> int:
    return code or int(stream in ("output full", "both full"))


LIGHT: list[tuple[int, Case]] = [
    (0, ("--help",)),
    (0, ("--version",)),
    (2, ("no-such-command",)),
    (2, ("check", "none.yaml")),
    (0, ("schema", "policy")),
    (0, ("explain", "policy.flows")),
    (0, ("journal",)),
]


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Answer]:
    return answers_of(tmp_path_factory.mktemp("light"), [(stream, *words) for stream in STREAMS for _, words in LIGHT])


@pytest.mark.parametrize("stream", STREAMS)
def test_the_exit_code_is_that_of_the_command_or_of_lost_output(light: dict[Case, Answer], stream: str) -> None:
    found = {words: light[stream, *words][0] for _, words in LIGHT}
    assert found == {words: expected_code(stream, code) for code, words in LIGHT}


def test_no_stream_gives_a_traceback(light: dict[Case, Answer]) -> None:
    assert [case for case, (_, _, errors) in light.items() if "Traceback" in errors or "ignored" in errors] == []


def test_lost_output_is_reported(light: dict[Case, Answer]) -> None:
    assert light["output full", "schema", "policy"][2] == LOST
    assert light["output unread", "schema", "policy"][2] == ""


def test_output_is_whole_without_standard_error(light: dict[Case, Answer]) -> None:
    whole = light["errors closed", "explain", "policy.flows"][1]
    assert whole.startswith("policy.flows\n")
    assert light["errors full", "explain", "policy.flows"][1] == light["errors unread", "explain", "policy.flows"][1] == whole


@pytest.mark.parametrize("stream", STREAMS)
def test_a_run_is_written_whatever_the_streams_are(stream: str, runs: dict[str, Answer], runs_folder: Path) -> None:
    assert runs[stream][0] == expected_code(stream), runs[stream][2]
    manifest = json.loads((runs_folder / stream / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["customers"] == 20


def test_lost_output_of_a_run_is_reported_after_its_files(runs: dict[str, Answer]) -> None:
    assert runs["output full"][2].endswith(f"truth.parquet\n{LOST}")


@pytest.fixture(scope="module")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def runs(runs_folder: Path) -> dict[str, Answer]:
    """A small simulation under each stream."""
    words = ("simulate", TINY, "--customers", "20", "--out")
    found = answers_of(runs_folder, [(stream, *words, stream) for stream in STREAMS])
    return {case[0]: answer for case, answer in found.items()}


def commands_with_results(folder: Path) -> dict[str, tuple[Case, str]]:
    """A small call of each command that writes files, and one of these."""
    other = folder / "other.yaml"
    other.write_text(f"extends: {TINY}\nname: other\nset: {{policy.flows.greet.holdout: 0.5}}\n", encoding="utf-8")
    trial = "arm,y\n" + "".join(f"{'mail' if i % 2 else 'control'},{(i * 7) % 5 + i % 2}\n" for i in range(200))
    (folder / "trial.csv").write_text(trial, encoding="utf-8")
    days = [(i, 1 + (i * k) % 9, 1 + (7 * i + 5 * k) % 28) for i in range(90) for k in range(1 + (i * i) % 5)]
    rows = "".join(f"c{i},2024-0{month}-{day:02},{5 + (i + day) % 17}.50\n" for i, month, day in days)
    (folder / "orders.csv").write_text(f"customer,day,value\n{rows}", encoding="utf-8")
    (folder / "greetings.yaml").write_text(EXPERIMENT.format(tiny=TINY), encoding="utf-8")
    cj.simulate(TINY, customers=50).save(folder / "run")
    design = ("--sizes", "100", "--days", "20", "--runs", "20")
    columns = ("--customer", "customer", "--time", "day", "--value", "value", "--until", "2024-08-01")
    return {
        "new": (("new",), "today.yaml"),
        "compare": (("compare", TINY, "other.yaml", "--out"), "comparison.json"),
        "optimize": (("optimize", STUDY, "--trials", "3", "--storage", "memory", "--out"), "optimum.json"),
        "levers": (("levers", TINY, "--metric", "clv", "--only", "policy.flows", "--out"), "levers.json"),
        "cliffs": (("cliffs", "shop", "--customers", "20", "--out"), "cliffs.json"),
        "assumptions": (("assumptions", TINY, "other.yaml", "--out"), "assumptions.json"),
        "responses": (("responses", TINY, "--customers", "200", "--out"), "responses.json"),
        "rehearse": (
            ("rehearse", TINY, "other.yaml", "--metric", "clv", *design, "--out"),
            "rehearsal.json",
        ),
        "report": (("report", "run", "--out"), "report.json"),
        "map": (("map", "shop", "--customers", "50", "--out"), "map.json"),
        "uplift": (("uplift", "trial.csv", "--treatment", "arm", "--outcome", "y", "--draws", "10", "--out"), "uplift.json"),
        "attribution": (("attribution", TINY, "--customers", "200", "--only", "channel", "--out"), "attribution.json"),
        "calibrate": (("calibrate", "purchases", "orders.csv", *columns, "--out"), "calibration.json"),
        "experiment": (("experiment", "greetings.yaml", "--customers", "50", "--reports"), "manifest.json"),
    }


@pytest.mark.slow
def test_every_command_writes_its_results_whatever_the_streams_are(tmp_path: Path) -> None:
    commands = commands_with_results(tmp_path)
    streams = ("output closed", "errors closed", "both full", "output unread")
    cases = {(stream, name): (stream, *words, f"{name} {stream}") for name, (words, _) in commands.items() for stream in streams}
    answers = answers_of(tmp_path, list(cases.values()))
    wrong = []
    for (stream, name), case in cases.items():
        code, _, errors = answers[case]
        has_written = any((tmp_path / f"{name} {stream}").rglob(commands[name][1]))
        if code != expected_code(stream) or not has_written or "Traceback" in errors:
            wrong.append((name, stream, code, has_written, errors))
    assert wrong == []


@pytest.mark.parametrize("buffering", ["", "1"])
def test_output_that_is_not_buffered_is_guarded_too(buffering: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": buffering}
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "cjsim", "--version"]
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, LOST)


class FailingStream(io.RawIOBase):
    """Fails with an error of the system at every write, or is not ready at the first one."""

    def __init__(self, *errors: int | None) -> None:
        self._errors = list(errors)
        self.content = b""
        self.at_most = 100

    def write(self, data: object) -> int | None:
        number = self._errors.pop(0) if self._errors else 0
        if number is None:
            return None
        if number:
            raise OSError(number, os.strerror(number))
        taken = bytes(data)[: self.at_most]  # type: ignore[call-overload]
        self.content += taken
        return len(taken)

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)


@pytest.mark.parametrize(("number", "is_lost"), [(errno.ENOSPC, True), (errno.EIO, True), (errno.EBADF, True), (errno.EPIPE, False)])
def test_only_output_that_somebody_would_read_counts_as_lost(number: int, is_lost: bool) -> None:
    writer = DiscardingWriter(FailingStream(number))
    assert writer.write(b"abc") == 3
    assert writer.has_lost_output == is_lost


def test_output_is_whole_if_a_stream_takes_a_part_at_a_time() -> None:
    stream = FailingStream(0, 0, 0)
    stream.at_most = 2
    assert DiscardingWriter(stream).write(b"abcde") == 5
    assert stream.content == b"abcde"


def test_after_a_failure_the_rest_is_discarded() -> None:
    stream = FailingStream(0, errno.ENOSPC)
    writer = DiscardingWriter(stream)
    for part in (b"a", b"b", b"c"):
        writer.write(part)
    assert stream.content == b"a"


def test_a_stream_that_is_not_ready_is_waited_for() -> None:
    stream = FailingStream(None, None)
    assert DiscardingWriter(stream).write(b"abc") == 3
    assert stream.content == b"abc"


class FullStream(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("stream", [None, FullStream()])
@pytest.mark.parametrize("report", [NoProgress().note, ProgressBar().note])
def test_messages_of_python_functions_do_not_stop_them(
    report: Callable[[str], None], stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    report("compiling")


def test_progress_without_standard_error_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    bar = ProgressBar()
    bar.start(3, "simulating")
    bar.advance(3)
    bar.finish()
