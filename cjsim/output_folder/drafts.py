"""Draft folders, which are published as a result completely or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from cjsim.errors import InputError, format_error
from cjsim.output_folder.file_digests import add_file_digests
from cjsim.output_folder.replacement import publish_draft, rename_draft, restore_interrupted_replacement, restore_old_files
from cjsim.output_folder.work_folder import FolderInUseError, WorkFolder, is_in_work_folder, sweep_work_folders


@contextlib.contextmanager
def atomic_output_folder(out: Path | None, *, argument: str = "out") -> Iterator[Path | None]:
    """Open a draft folder. Its files are moved to `out` if the block succeeds, and deleted otherwise.

    While the block runs, no other run can open a draft for the same folder. If an earlier run was killed, its draft is deleted, and a
    result that it was replacing is restored. When the draft is complete, the sizes and digests of its files are added to its manifests.

    Parameters
    ----------
    out : Path or None
        Output folder, as given by the user. It is created if it does not exist. Unrelated files in it are kept. If None, there is no
        draft.
    argument : str
        Name of the argument in error messages.

    Yields
    ------
    Path or None
        The draft. If `out` exists, the draft is inside it. `out` itself is not replaced, because it may be a mount point or a working
        directory.

    Raises
    ------
    InputError
        If another run is writing to the folder, or a file cannot be written. The message names `out`.
    """
    if out is None:
        yield None
        return
    work = None
    try:
        with empty_folders_removed(out), _locked(out, argument) as work:
            work.draft.mkdir()
            yield work.draft
            add_file_digests(work.draft)
            _publish(work, out, argument)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        if (reason := _write_failure_reason(error, None if work is None else work.path)) is None:
            raise
        message = format_error(argument, "must be a writable folder", f"'{out}' ({reason})", "Choose another folder.")
        raise InputError(message) from error


@contextlib.contextmanager
def folder_to_write(folder: str | Path) -> Iterator[Path]:
    """Open the folder that a result is saved to: a draft of it, or the folder itself if it is already inside a draft.

    Parameters
    ----------
    folder : str or Path
        Destination folder. It is created if it does not exist.

    Yields
    ------
    Path
        The folder to write to.

    Raises
    ------
    InputError
        If the folder or a file in it cannot be written, or another run is writing to it.
    """
    target = Path(folder)
    if not is_in_work_folder(target):
        with atomic_output_folder(target, argument="folder") as draft:
            assert draft is not None
            yield draft
        return
    try:
        target.mkdir(parents=True, exist_ok=True)
        yield target
    except OSError as error:
        message = format_error(str(target), "must be a writable folder", f"the error '{error.strerror or error}'", "Choose another folder.")
        raise InputError(message) from error


def remove_leftovers(out: Path) -> None:
    """Restore a result that a killed run was replacing, and remove the leftovers of killed runs. Called if nothing is to be written.

    Parameters
    ----------
    out : Path
        Output folder, as given by the user. It need not exist.

    Raises
    ------
    InputError
        If the result cannot be restored.
    """
    restore_interrupted_replacement(out)
    inside = WorkFolder.inside(out)
    if inside.path.exists():
        with (
            contextlib.suppress(FolderInUseError, OSError),
            inside.held("out", out, lambda: restore_old_files(inside, out), attempts=1),
        ):
            pass
    sweep_work_folders(out.absolute().parent)


@contextlib.contextmanager
def empty_folders_removed(path: Path) -> Iterator[None]:
    """On exit, remove a folder and its parents if they were created in the block and are still empty."""
    new_folders = [folder for folder in (path.absolute(), *path.absolute().parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in new_folders:
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()


@contextlib.contextmanager
def _locked(out: Path, argument: str) -> Iterator[WorkFolder]:
    """Hold the lock of an output folder: inside it if it exists, and beside it otherwise."""
    beside = WorkFolder.beside(out)
    if not out.exists():
        with beside.held(argument, out, restore=lambda: None):
            sweep_work_folders(beside.path.parent)
            yield beside
        return
    if not out.is_dir():
        raise NotADirectoryError(0, "it is a file")
    if beside.path.exists():  # of a run that began before the folder existed
        with beside.held(argument, out, restore=lambda: None):
            pass
    inside = WorkFolder.inside(out)
    with inside.held(argument, out, restore=lambda: restore_old_files(inside, out)):
        sweep_work_folders(beside.path.parent)
        yield inside


def _publish(work: WorkFolder, out: Path, argument: str) -> None:
    """Turn the draft into the output folder, or move its files there if the folder exists."""
    inside = WorkFolder.inside(out)
    if work == inside:
        publish_draft(work, out)
    elif not out.exists():
        rename_draft(work.draft, out)
    else:  # it was created in the meantime
        with inside.held(argument, out, restore=lambda: restore_old_files(inside, out)):
            if any((out / path.relative_to(work.draft)).is_file() for path in work.draft.rglob("*")):
                raise FileExistsError(0, "another program has written files with these names to it")
            work.draft.replace(inside.draft)
            publish_draft(inside, out)


def _write_failure_reason(error: OSError | ValueError, work: Path | None) -> str | None:
    """Return why the folder cannot be written, or None if the error has another cause."""
    if isinstance(error, InputError):
        cause = error.__cause__
        return _os_error_text(cause) if isinstance(cause, OSError) and work is not None and str(work) in str(error) else None
    if isinstance(error, OSError):
        # An error about a file elsewhere does not concern this folder. Arrow errors name no file.
        file = Path(error.filename) if isinstance(error.filename, str) and work is not None else None
        return None if file is not None and work is not None and not file.is_relative_to(work.parent) else _os_error_text(error)
    return str(error) if work is None else None


def _os_error_text(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else error.strerror or str(error)
