"""Locks of output folders, restoration of results whose replacement was interrupted, and files that are written completely."""

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from error_messages import WORLDS
from synthetic_runs import random_outcomes, run_from_outcomes
from typer.testing import CliRunner

import cjsim.simulation.simulate as simulation
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.file_lock import try_lock
from cjsim.lab.journal import Journal
from cjsim.output_folder import atomic_file, atomic_output_folder, replacement, work_folder, write_atomically
from cjsim.simulation.run import Run

TINY = str(WORLDS / "tiny.yaml")
WORK = ".cjsim.work"


def save(out: Path, customers: int = 20) -> None:
    run_from_outcomes(random_outcomes(customers)).save(out)


def publish(out: Path, write: Callable[[Path], object]) -> None:
    with atomic_output_folder(out) as draft:
        assert draft is not None
        write(draft)


def names_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the replacement of a run of 20 customers by one of 30 has stopped after five moves, as if by a kill."""
    out, moved, move = tmp_path / "out", [0], replacement._move

    def stop(source: Path, target: Path) -> None:
        moved[0] += 1
        if moved[0] == 6:
            raise SystemExit
        move(source, target)

    save(out, 20)
    with monkeypatch.context() as patch:
        patch.setattr(replacement, "_move", stop)
        patch.setattr(replacement, "_restore_or_name_old_files", lambda *_: None)
        with pytest.raises(SystemExit):
            save(out, 30)
    (out / WORK / "lock").write_text(json.dumps({"pid": 1, "host": "elsewhere"}))  # a live process has the id of the dead one
    assert not (out / "manifest.json").exists()
    return out


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_folder, "try_lock", lambda file: None)


def test_loading_a_run_restores_it(interrupted: Path) -> None:
    assert len(Run.load(interrupted)) == 20
    assert names_below(interrupted) == ["customers.parquet", "manifest.json", "metrics.json", "truth.parquet"]


def test_next_run_replaces_the_restored_result(interrupted: Path) -> None:
    save(interrupted, 40)
    assert len(Run.load(interrupted)) == 40
    assert names_below(interrupted) == ["customers.parquet", "manifest.json", "metrics.json", "truth.parquet"]


def test_command_without_force_restores_and_refuses(interrupted: Path) -> None:
    found = CliRunner().invoke(app, ["simulate", TINY, "--out", str(interrupted)])
    assert (found.exit_code, "--out: must be a folder without earlier results" in found.stderr) == (2, True)
    assert len(Run.load(interrupted)) == 20


def test_interrupted_restoration_is_repeated(interrupted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: exit())
        with pytest.raises(SystemExit):
            Run.load(interrupted)
    assert len(Run.load(interrupted)) == 20
    assert WORK not in names_below(interrupted)


def test_result_that_cannot_be_restored_is_named(interrupted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(replacement, "_move", fail)
    message = r"out: must be a complete result, got an interrupted .* \(Permission denied\)\. Make .* The earlier result is in '.*old'\."
    with pytest.raises(InputError, match=message):
        Run.load(interrupted)
    assert len(list((interrupted / WORK / "old").iterdir())) == 4


@pytest.mark.parametrize("content", ["", "[]", '{"old": ["../x"], "new": []}', '{"old": ["/x"], "new": []}', "[" * 100_000])
def test_damaged_list_of_moves_is_named(content: str, interrupted: Path) -> None:
    (interrupted / WORK / "moves.json").write_text(content)
    with pytest.raises(InputError, match=r"moves\.json: must list the files of an interrupted replacement"):
        Run.load(interrupted)
    assert len(list((interrupted / WORK / "old").iterdir())) == 4


def test_move_that_cannot_be_undone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, move, moved = tmp_path / "out", replacement._move, [0]

    def fail(source: Path, target: Path) -> None:
        moved[0] += 1
        if moved[0] >= 6:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        move(source, target)

    save(out, 20)
    with monkeypatch.context() as patch:
        patch.setattr(replacement, "_move", fail)
        with pytest.raises(InputError, match=r"Input/output error\)\. The earlier result is in '.*old'\. The next run restores it\."):
            save(out, 30)
    assert len(Run.load(out)) == 20


def test_journal_restores_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []
    (tmp_path / "reports" / "a" / "b" / WORK).mkdir(parents=True)
    monkeypatch.setattr("cjsim.lab.journal.restore_interrupted_replacement", calls.append)
    assert len(Journal(tmp_path / "reports").entries()) == 0
    assert calls == [tmp_path / "reports" / "a" / "b"]


@pytest.mark.parametrize("exists", [True, False])
def test_second_run_is_refused_before_it_computes(exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    if exists:
        out.mkdir()
    monkeypatch.setattr(simulation, "simulate", lambda *_, **__: pytest.fail("it computes"))
    with atomic_output_folder(out) as draft:
        assert draft is not None
        found = CliRunner().invoke(app, ["simulate", TINY, "--out", str(out)])
        (draft / "a.txt").write_text("first")
    expected = (
        f"--out: must be a folder that no other run is writing to, got '{out}', which another run is using (process {os.getpid()} on "
    )
    assert (found.exit_code, found.stderr.startswith(expected)) == (2, True)
    assert names_below(tmp_path) == ["out", "out/a.txt"]


def test_two_folders_side_by_side_are_written_at_the_same_time(tmp_path: Path) -> None:
    with atomic_output_folder(tmp_path / "a") as one, atomic_output_folder(tmp_path / "b") as two:
        assert one is not None and two is not None
        (one / "x").touch()
        (two / "x").touch()
    assert names_below(tmp_path) == ["a", "a/x", "b", "b/x"]


@pytest.mark.parametrize("place", ["out/.cjsim.work", ".out.cjsim.work", ".other.cjsim.work"])
def test_draft_of_a_dead_run_is_swept(place: str, tmp_path: Path) -> None:
    (tmp_path / place / "draft").mkdir(parents=True)
    (tmp_path / place / "draft" / "half.csv").touch()
    (tmp_path / place / "lock").write_text(json.dumps({"pid": os.getppid(), "host": "elsewhere"}))
    save(tmp_path / "out")
    assert names_below(tmp_path) == [
        "out",
        *(f"out/{name}" for name in ("customers.parquet", "manifest.json", "metrics.json", "truth.parquet")),
    ]


def test_folder_that_is_created_meanwhile_is_filled(tmp_path: Path) -> None:
    with atomic_output_folder(tmp_path / "out") as draft:
        assert draft is not None
        (draft / "a.txt").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "trials.journal").touch()
    assert names_below(tmp_path) == ["out", "out/a.txt", "out/trials.journal"]


def test_files_that_are_created_meanwhile_are_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "out" / "metrics.json"
    run = run_from_outcomes(random_outcomes(5))

    def interfere(folder: Path) -> None:
        run._write_files(folder)
        file.parent.mkdir()
        file.write_text("kept")

    with pytest.raises(InputError, match="another program has written files with these names to it"):
        publish(tmp_path / "out", interfere)
    assert names_below(tmp_path) == ["out", "out/metrics.json"]
    assert file.read_text() == "kept"


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize(
    ("owner", "is_refused"), [({"pid": 4194300}, False), ({"pid": os.getpid()}, True), ({"pid": 1, "host": "x"}, True), ({}, False)]
)
def test_without_locks_the_process_decides(owner: dict[str, Any], is_refused: bool, tmp_path: Path) -> None:
    (tmp_path / WORK).mkdir()
    host = {"host": work_folder.socket.gethostname()} if owner else {}  # type: ignore[attr-defined]
    (tmp_path / WORK / "lock").write_text(json.dumps(host | owner))
    if is_refused:
        with pytest.raises(InputError, match="which another run is using"):
            save(tmp_path)
    else:
        save(tmp_path)


def test_lock_without_fcntl_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locking(*_: object) -> None:
        raise PermissionError

    msvcrt: Any = ModuleType("msvcrt")
    msvcrt.LK_NBLCK, msvcrt.locking = "lock", locking
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    with (tmp_path / "lock").open("a+b") as file:
        assert try_lock(file) is False


def test_run_that_was_removed_between_open_and_lock_is_not_taken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, removed = work_folder.try_lock, []

    def remove_first(file: Any) -> bool | None:
        if not removed:
            (tmp_path / WORK / "lock").unlink()  # by the run that ends
            removed.append(True)
        return real(file)

    monkeypatch.setattr(work_folder, "try_lock", remove_first)
    with atomic_output_folder(tmp_path):
        assert (tmp_path / WORK / "lock").is_file()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "rule.json"
    file.write_text("old")
    yield file
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_file_is_replaced(file: Path) -> None:
    file.with_name(".rule.json.part").write_text("the half of a longer text that a killed process left")
    write_atomically(file, "new")
    assert file.read_text() == "new"


def test_file_is_kept_if_it_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic_file.os, "fsync", full)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, "new")
    assert file.read_text() == "old"


def test_link_to_a_file_stays_a_link(file: Path) -> None:
    link = file.with_name("link.json")
    link.symlink_to(file)
    write_atomically(link, "new")
    assert (link.is_symlink(), file.read_text()) == (True, "new")
