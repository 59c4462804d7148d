"""Replacement of a result's files, all or none, even if the process is killed.

Renaming one file is atomic; replacing several is not. As in a database with a rollback journal, the names of all files are first written to
a list, and old files are kept until all new files are in place. Deleting the list completes the replacement. A run that finds an incomplete
replacement moves all files back.

Files and folders are flushed to disk before the step that relies on them. Either the old or the new result therefore survives even a power
loss, if the disk and its file system keep what they report as written. If they do not, the digests in the manifest reveal it.

References
----------
SQLite, Atomic Commit In SQLite, https://www.sqlite.org/atomiccommit.html (rollback journal).
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from cjsim.errors import InputError, format_error
from cjsim.input_files.json_file import read_json_object
from cjsim.output_folder.earlier_results import COMPLETION_FILES, replaced_by_draft
from cjsim.output_folder.file_digests import is_inside
from cjsim.output_folder.work_folder import FolderInUseError, WorkFolder

_WAIT_SECONDS, _RETRY_SECONDS = 5.0, 0.05  # wait for a run that is replacing the files to be read


def publish_draft(work: WorkFolder, out: Path) -> None:
    """Move the files of a draft to an output folder that exists, in place of the files of an earlier result.

    Parameters
    ----------
    work : WorkFolder
        The work folder inside `out`, whose lock is held.
    out : Path
        The output folder.

    Raises
    ------
    OSError
        If a file cannot be moved. The old files are moved back.
    InputError
        If the old files cannot be moved back either. The message states where they are.
    """
    new = {path.relative_to(work.draft).as_posix() for path in work.draft.rglob("*") if path.is_file()}
    conflict = next((name for name in sorted(new) if (out / name).is_dir()), None)
    if conflict is not None:
        raise IsADirectoryError(0, f"'{conflict}' in it is a folder")
    old = {name for name in replaced_by_draft(work.draft, out) | new if (out / name).exists()}
    _flush_tree(work.draft)
    try:
        _write_moves(work, old, new)
        _move_all(work, out, old, new)
        for folder in _folders_of(out, old):
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()
        _flush_folders({out, *_folders_of(out, new), *_folders_of(work.old, old)})
        work.moves.unlink()
    except BaseException:
        _restore_or_name_old_files(work, out)
        raise
    _flush_folders({work.path})


def rename_draft(draft: Path, out: Path) -> None:
    """Turn a draft into an output folder that does not exist yet, in one step.

    Parameters
    ----------
    draft : Path
        The draft.
    out : Path
        The output folder, on the same file system.

    Raises
    ------
    OSError
        If the draft cannot be renamed.
    """
    _flush_tree(draft)
    draft.replace(out)
    _flush_folders({out.absolute().parent})


def _restore_or_name_old_files(work: WorkFolder, out: Path) -> None:
    try:
        restore_old_files(work, out)
    except OSError as error:
        must, got = "must be a writable folder", f"one whose files cannot be moved ({error.strerror or error})"
        remedy = f"The earlier result is in '{work.old}'. The next run restores it."
        raise InputError(format_error(str(out), must, got, remedy)) from None


def restore_old_files(work: WorkFolder, out: Path) -> None:
    """Roll back an interrupted replacement: move the new files out of an output folder, and the old files back.

    Each move depends only on which files exist, so an interrupted restoration can be repeated.

    Parameters
    ----------
    work : WorkFolder
        The work folder inside `out`, whose lock is held.
    out : Path
        The output folder.

    Raises
    ------
    InputError
        If the names of the files cannot be read.
    OSError
        If a file cannot be moved. The work folder is kept.
    """
    if not work.moves.is_file():
        return
    old, new = _read_moves(work, out)
    for name in _in_order(new, markers_last=False):
        if not (work.draft / name).exists() and (out / name).is_file():
            _move(out / name, work.draft / name)
    for name in _in_order(old, markers_last=True):
        if (work.old / name).exists():
            _move(work.old / name, out / name)
    for folder in _folders_of(out, new):
        with contextlib.suppress(OSError):  # not empty
            folder.rmdir()
    _flush_folders({out, *_folders_of(out, old)})
    work.moves.unlink()
    _flush_folders({work.path})


def restore_interrupted_replacement(folder: Path) -> None:
    """Restore the result in a folder if a killed run was replacing it. Called before a result is read.

    Waits a few seconds for a run that is replacing it now. Nothing is written unless a replacement was interrupted.

    Parameters
    ----------
    folder : Path
        Folder of a result. It need not exist.

    Raises
    ------
    InputError
        If the old files cannot be moved back, or the other run does not complete its replacement. The message states where the old files
        are.
    """
    work, deadline = WorkFolder.inside(folder), time.monotonic() + _WAIT_SECONDS
    while work.moves.is_file():
        try:
            with work.held(str(folder), folder, lambda: restore_old_files(work, folder)):
                return
        except OSError as error:
            must, got = "must be a complete result", f"an interrupted replacement whose files cannot be moved ({error.strerror or error})"
            remedy = f"Make the folder writable, and run the command again. The earlier result is in '{work.old}'."
            raise InputError(format_error(str(folder), must, got, remedy)) from error
        except FolderInUseError:
            if time.monotonic() > deadline or not work.moves.is_file():
                raise
            time.sleep(_RETRY_SECONDS)


def _move_all(work: WorkFolder, out: Path, old: Iterable[str], new: Iterable[str]) -> None:
    """Move old files out of the output folder, markers first, and new files into it, markers last."""
    for name in _in_order(old, markers_last=False):
        _move(out / name, work.old / name)
    for name in _in_order(new, markers_last=True):
        _move(work.draft / name, out / name)


def _in_order(names: Iterable[str], *, markers_last: bool) -> list[str]:
    return sorted(names, key=lambda name: ((name in COMPLETION_FILES) is markers_last, name))


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def _folders_of(root: Path, names: Iterable[str]) -> list[Path]:
    """Return the subfolders that contain the files, deepest first."""
    folders = {folder for name in names for folder in Path(name).parents} - {Path()}
    return [root / folder for folder in sorted(folders, key=lambda folder: -len(folder.parts))]


def _write_moves(work: WorkFolder, old: Iterable[str], new: Iterable[str]) -> None:
    part = work.moves.with_suffix(".part")
    part.write_text(json.dumps({"old": sorted(old), "new": sorted(new)}), encoding="utf-8")
    _flush_file(part)
    part.replace(work.moves)
    _flush_folders({work.path})


def _read_moves(work: WorkFolder, out: Path) -> tuple[list[str], list[str]]:
    try:
        content = read_json_object(work.moves)
        names = [[str(name) for name in content[key]] for key in ("old", "new")]
        if not all(map(is_inside, (*names[0], *names[1]))):
            raise ValueError("a name leads out of the folder")
    except (KeyError, TypeError, ValueError) as error:
        must, got = "must list the files of an interrupted replacement", f"{type(error).__name__}: {error}"
        remedy = f"Move the earlier result from '{work.old}' to '{out}', and delete '{work.path}'."
        raise InputError(format_error(str(work.moves), must, got, remedy)) from error
    return names[0], names[1]


def _flush_tree(folder: Path) -> None:
    """Flush all files and folders below a folder to disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _flush_file(Path(parent) / name)
        _flush_folders({Path(parent)})


def _flush_file(file: Path) -> None:
    with file.open("r+b") as content:  # Windows flushes only files that are open for writing
        os.fsync(content.fileno())


def _flush_folders(folders: Iterable[Path]) -> None:
    """Flush the entries of folders to disk, where the system allows it. Windows does not."""
    for folder in folders:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
