"""Folders of results: whole or not at all, and what a user keeps there stays."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from made import made_run, some_outcomes

from cjsim.engine.result import Run
from cjsim.errors import InputError
from cjsim.metrics.compare import Comparison
from cjsim.publish import folder_for

RUN = ["customers.parquet", "manifest.json", "metrics.json", "truth.parquet"]
Writer = Callable[[Path], object]


def run(n: int = 20) -> Run:
    return made_run(some_outcomes(n))


def comparison(alternatives: int = 1, n: int = 20) -> Comparison:
    return Comparison.of({f"policy {i}": run(n) for i in range(alternatives + 1)})


def put(out: Path, *writers: Writer) -> None:
    with folder_for(out) as folder:
        assert folder is not None
        for write in writers:
            write(folder)


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def no_space() -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(folder: Path) -> None:
    (folder / "metrics.json").write_text("half")
    no_space()


def test_a_second_comparison_replaces_the_first(tmp_path: Path) -> None:
    put(tmp_path, comparison(2, n=20).save)
    put(tmp_path, comparison(1, n=30).save)
    again = Comparison.load(tmp_path)
    assert len(again.runs["policy 0"]) == 30
    assert tree(tmp_path) == sorted(["comparison.json", *(f"run_{i}/{name}" for i in (0, 1) for name in RUN)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.json", "run_0", "run_1"]


def test_a_run_replaces_a_comparison_and_the_reverse(tmp_path: Path) -> None:
    put(tmp_path, comparison().save)
    put(tmp_path, run().save)
    assert tree(tmp_path) == RUN
    put(tmp_path, comparison().save)
    assert "manifest.json" not in tree(tmp_path)
    assert "comparison.json" in tree(tmp_path)


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    put(tmp_path, comparison(2).save)
    for name in ("notes.txt", "run_2/notes.txt", "plots/one.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    put(tmp_path, run().save)
    assert tree(tmp_path) == sorted([*RUN, "notes.txt", "run_2/notes.txt", "plots/one.png"])


def test_files_named_as_ours_stay_where_no_result_of_ours_is(tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_text("mine")
    put(tmp_path, run().save)
    assert (tmp_path / "log.parquet").read_text() == "mine"


def test_a_calibration_leaves_a_run_alone(tmp_path: Path) -> None:
    put(tmp_path, run().save)
    put(tmp_path, lambda folder: (folder / "journey.yaml").write_text("name: mine"))
    assert tree(tmp_path) == sorted([*RUN, "journey.yaml"])


@pytest.mark.parametrize("fails", range(9))
def test_old_results_come_back_where_a_move_fails(fails: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, run(20).save)
    before = {name: (tmp_path / name).read_bytes() for name in tree(tmp_path)}
    moved, replace = [0], Path.replace

    def stumble(self: Path, target: Path) -> Path:
        moved[0] += 1
        if moved[0] == fails + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stumble)
    if fails == 8:  # four files out, four in: there is no ninth move
        put(tmp_path, run(30).save)
        monkeypatch.undo()
        assert len(Run.load(tmp_path)) == 30
        return
    with pytest.raises(InputError, match="Input/output error"):
        put(tmp_path, run(30).save)
    monkeypatch.undo()
    assert {name: (tmp_path / name).read_bytes() for name in tree(tmp_path)} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == RUN


def test_the_mark_moves_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, comparison().save)
    moves, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: (moves.append(to.name), replace(self, to))[1])
    put(tmp_path, comparison().save)
    assert (moves[0], moves[-1]) == ("comparison.json", "comparison.json")
    assert moves.count("comparison.json") == 2


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_names_the_folder_and_leaves_nothing(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if there:
        put(Path("mine"), run().save)
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"^--out: must be a folder that can be written, got 'mine' \(No space left on device\)\."):
        put(Path("mine"), full_disk)
    assert tree(tmp_path) == before
    assert list(tmp_path.glob("**/.*")) == []


def test_an_error_that_save_put_in_words_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: no_space())
    with pytest.raises(InputError, match=r"'.*/mine' \(No space left"):
        put(tmp_path / "deep" / "mine", run().save)
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_is_not_about_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put(tmp_path / "mine", lambda _: Path("/nowhere/file").read_text())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").mkdir()
    with pytest.raises(InputError, match=r"'metrics\.json' in it is a folder"):
        put(tmp_path, run().save)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
