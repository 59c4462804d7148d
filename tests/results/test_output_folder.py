"""Output folders: results are written completely or not at all, and user files are kept."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from synthetic_runs import random_outcomes, run_from_outcomes

from cjsim.errors import InputError
from cjsim.output_folder import atomic_output_folder
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run

RUN = ["customers.parquet", "manifest.json", "metrics.json", "truth.parquet"]
Writer = Callable[[Path], object]


def run(n: int = 20) -> Run:
    return run_from_outcomes(random_outcomes(n))


def comparison(alternatives: int = 1, n: int = 20) -> Comparison:
    return Comparison.of({f"policy {i}": run(n) for i in range(alternatives + 1)})


def publish(out: Path, *writers: Writer) -> None:
    with atomic_output_folder(out) as folder:
        assert folder is not None
        for write in writers:
            write(folder)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def no_space() -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(folder: Path) -> None:
    (folder / "metrics.json").write_text("half")
    no_space()


def test_a_second_comparison_replaces_the_first(tmp_path: Path) -> None:
    publish(tmp_path, comparison(2, n=20).save)
    publish(tmp_path, comparison(1, n=30).save)
    again = Comparison.load(tmp_path)
    assert len(again.runs["policy 0"]) == 30
    assert files_below(tmp_path) == sorted(["comparison.json", "comparison.png", *(f"run_{i}/{name}" for i in (0, 1) for name in RUN)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.json", "comparison.png", "run_0", "run_1"]


def test_run_and_comparison_replace_each_other(tmp_path: Path) -> None:
    publish(tmp_path, comparison().save)
    publish(tmp_path, run().save)
    assert files_below(tmp_path) == RUN
    publish(tmp_path, comparison().save)
    assert "manifest.json" not in files_below(tmp_path)
    assert "comparison.json" in files_below(tmp_path)


def test_user_files_are_kept(tmp_path: Path) -> None:
    publish(tmp_path, comparison(2).save)
    for name in ("notes.txt", "run_2/notes.txt", "plots/one.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    publish(tmp_path, run().save)
    assert files_below(tmp_path) == sorted([*RUN, "notes.txt", "run_2/notes.txt", "plots/one.png"])


def test_user_files_with_result_names_are_kept_without_a_previous_result(tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_text("mine")
    publish(tmp_path, run().save)
    assert (tmp_path / "log.parquet").read_text() == "mine"


def test_files_that_an_earlier_manifest_lists_are_replaced(tmp_path: Path) -> None:
    publish(tmp_path, run().save, lambda folder: (folder / "search.png").write_text("of the earlier run"))
    (tmp_path / "mine.png").write_text("mine")
    publish(tmp_path, run().save)
    assert files_below(tmp_path) == sorted([*RUN, "mine.png"])


def test_files_of_an_earlier_reading_are_replaced(tmp_path: Path) -> None:
    for names in (["effects.csv", "groups.png", "uplift.json"], ["effects.csv", "uplift.json"]):
        publish(tmp_path, *(lambda folder, name=name: (folder / name).write_text("{}") for name in names))
    assert files_below(tmp_path) == ["effects.csv", "uplift.json"]


def test_results_of_different_kinds_stay_side_by_side(tmp_path: Path) -> None:
    for name in ("uplift.json", "rehearsal.json", "credits.json"):
        publish(tmp_path, lambda folder, name=name: (folder / name).write_text("{}"))
    assert files_below(tmp_path) == ["credits.json", "rehearsal.json", "uplift.json"]


def test_saving_a_run_again_without_a_log_removes_the_log(tmp_path: Path) -> None:
    run().save(tmp_path)
    publish(tmp_path, run().save, lambda folder: (folder / "log.parquet").write_text("of the earlier run"))
    run().save(tmp_path)
    assert files_below(tmp_path) == RUN


def test_calibration_does_not_replace_a_run(tmp_path: Path) -> None:
    publish(tmp_path, run().save)
    publish(tmp_path, lambda folder: (folder / "journey.yaml").write_text("name: mine"))
    assert files_below(tmp_path) == sorted([*RUN, "journey.yaml"])


@pytest.mark.parametrize("fails", range(10))
def test_old_results_are_restored_if_a_move_fails(fails: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path, run(20).save)
    before = {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path)}
    moved, replace = [0], Path.replace

    def stumble(self: Path, target: Path) -> Path:
        moved[0] += 1
        if moved[0] == fails + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stumble)
    if fails == 9:  # the list of files is renamed, four files move out and four move in, so there is no tenth move
        publish(tmp_path, run(30).save)
        monkeypatch.undo()
        assert len(Run.load(tmp_path)) == 30
        return
    with pytest.raises(InputError, match="Input/output error"):
        publish(tmp_path, run(30).save)
    monkeypatch.undo()
    assert {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path)} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == RUN


def test_manifest_is_moved_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path, comparison().save)
    moves, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: (moves.append(to.name), replace(self, to))[1])
    publish(tmp_path, comparison().save)
    assert (moves[0], moves[1], moves[-1]) == ("moves.json", "comparison.json", "comparison.json")
    assert moves.count("comparison.json") == 2


@pytest.mark.parametrize("there", [True, False])
def test_full_disk_error_names_the_folder_and_leaves_no_files(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if there:
        publish(Path("mine"), run().save)
    before = files_below(tmp_path)
    with pytest.raises(InputError, match=r"^out: must be a writable folder, got 'mine' \(No space left on device\)\."):
        publish(Path("mine"), full_disk)
    assert files_below(tmp_path) == before
    assert list(tmp_path.glob("**/.*")) == []


def test_write_error_inside_save_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: no_space())
    with pytest.raises(InputError, match=r"'.*/mine' \(No space left"):
        publish(tmp_path / "deep" / "mine", run().save)
    assert list(tmp_path.iterdir()) == []


def test_unrelated_file_error_does_not_name_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "mine", lambda _: Path("/nowhere/file").read_text())
    assert list(tmp_path.iterdir()) == []


def test_folder_with_a_result_file_name_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").mkdir()
    with pytest.raises(InputError, match=r"'metrics\.json' in it is a folder"):
        publish(tmp_path, run().save)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


@pytest.mark.parametrize("result", [run(), comparison()], ids=["run", "comparison"])
def test_saving_to_a_path_that_is_a_file_is_an_input_error(result: Run | Comparison, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("kept")
    with pytest.raises(InputError, match=r"folder: must be a writable folder, got '.*mine' \(it is a file\)"):
        result.save(file)
    assert file.read_text() == "kept"
