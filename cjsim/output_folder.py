"""Atomic output folders: results are published completely or not at all. Commands replace earlier results only with --force."""

import contextlib
import inspect
import os
import re
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.input_files.json_file import read_json_object
from cjsim.table_files import write_csv
from cjsim.tabular_result import TabularResult

MANIFEST_FILE = "manifest.json"
COMPARISON_FILE = "comparison.json"
COMPLETION_MARKERS = (MANIFEST_FILE, COMPARISON_FILE)  # written last, to mark a complete result
_RUN_FILE_PATTERN = r"manifest\.json|(metrics|groups)\.json|groups\.csv|(customers|truth|log)\.parquet"
_OTHER_FILE_PATTERN = r"trial\.csv|comparison\.(json|png)|levers\.(csv|json)|tornado\.png|sobol\.csv"
C = TypeVar("C")
_ATTRIBUTES = re.compile(r"^Attributes\n-+\n.*?(?=\n\n\w[^\n]*\n---|\Z)", re.MULTILINE | re.DOTALL)
_RESULT_FILE_PATTERN = re.compile(rf"(run_\d+/)?({_RUN_FILE_PATTERN})|{_OTHER_FILE_PATTERN}")
_MAX_LISTED_FILES = 5
# Patterns of the files that each command writes to its --out folder.
_FILES_BY_COMMAND: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "simulate": re.compile(rf"{_RUN_FILE_PATTERN}|trial\.csv"),
        "compare": re.compile(rf"run_\d+/({_RUN_FILE_PATTERN})|comparison\.(json|png)"),
        "levers": re.compile(r"levers\.(csv|json)|tornado\.png|sobol\.csv|manifest\.json"),
        "optimize": re.compile(r"optimum\.json|trials\.csv|best\.yaml|search\.png|manifest\.json"),
        "rehearse": re.compile(r"rehearsal\.json|designs\.csv|power\.png|report\.md"),
        "uplift": re.compile(r"uplift\.json|report\.md|(effects|curves|groups|policies)\.(csv|png)"),
        "attribution": re.compile(r"attribution\.(csv|png|json)|credits\.(csv|json)"),
        "calibrate": re.compile(r"(journey|policy|scenario)\.yaml|(entries|draws)\.csv|calibration\.json"),
    }
)
_COMMANDS_BY_KIND: Mapping[str, str] = MappingProxyType({"study": "optimize", "levers": "levers", "experiment": "experiment"})


@contextlib.contextmanager
def atomic_output_folder(out: Path | None, *, argument: str = "out") -> Iterator[Path | None]:
    """Open a draft folder. Its files are moved to `out` if the block succeeds, and deleted otherwise.

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
        If a file cannot be written. The message names `out`.
    """
    if out is None:
        yield None
        return
    draft = None
    try:
        with empty_folders_removed(out):
            draft = _make_draft_folder(out)
            try:
                yield draft
                _publish_draft(draft, out)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        if (reason := _write_failure_reason(error, draft)) is None:
            raise
        message = format_error(argument, "must be a writable folder", f"'{out}' ({reason})", "Choose another folder.")
        raise InputError(message) from error


def require_no_earlier_result(out: Path, command: str) -> None:
    """Raise if a command would replace files in a folder. Called before any work is done.

    Parameters
    ----------
    out : Path
        Output folder, as given by the user. It need not exist.
    command : str
        Name of the command, such as 'simulate'.

    Raises
    ------
    InputError
        If the folder holds files that the command would replace. The message names the earlier result or, if there is no manifest, the
        files.
    """
    if replaced := _replaced_files(out, command):
        must = "must be a folder without earlier results"
        remedy = "Choose another folder, or add `force` to replace them."
        raise InputError(format_error("out", must, f"'{out}' with {_result_text(out, replaced)}", remedy))


def require_new_file(file: Path, *, argument: str) -> None:
    """Raise if a file exists. Called before any work is done.

    Parameters
    ----------
    file : Path
        File that a command writes.
    argument : str
        Name of the argument in error messages.

    Raises
    ------
    InputError
        If the file exists.
    """
    if file.is_file():
        raise InputError(format_error(argument, "must be a new file", f"the existing file '{file}'", "Add `force` to replace it."))


@contextlib.contextmanager
def folder_to_write(folder: str | Path, *, marker: str = MANIFEST_FILE) -> Iterator[Path]:
    """Prepare the folder that a result is saved to.

    Parameters
    ----------
    folder : str or Path
        Destination folder. It is created if it does not exist.
    marker : str
        File that the block writes last, to mark a complete result. An existing one is deleted first.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder or a file in it cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / marker).unlink(missing_ok=True)
        yield target
    except OSError as error:
        message = format_error(str(target), "must be a writable folder", error.strerror or str(error), "Choose another folder.")
        raise InputError(message) from error


def with_inherited_attributes(cls: type[C]) -> type[C]:
    """Append the attributes that a base class documents to the docstring of a class, so that `help` shows them."""
    inherited = next((found[0] for base in cls.__mro__[1:] if (found := _ATTRIBUTES.search(inspect.cleandoc(base.__doc__ or "")))), "")
    if cls.__doc__ and inherited and not _ATTRIBUTES.search(inspect.cleandoc(cls.__doc__)):
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\n{inherited}"
    return cls


class FolderResult(TabularResult):
    """A result that is saved as files in a folder. The docstrings of subclasses list the files."""

    _marker = MANIFEST_FILE  # the file that is written last

    def __init_subclass__(cls) -> None:
        """Document the attributes that a subclass inherits."""
        super().__init_subclass__()
        with_inherited_attributes(cls)

    @checked_arguments
    def save(self, folder: str | Path) -> Path:
        """Save the result to a folder, and replace earlier results of the same kind. The manifest is written last.

        Unlike the command line, it needs no `--force` to replace them. A `Run` and a `Comparison` can be loaded again with `load`;
        the files of other results are JSON and CSV.

        Parameters
        ----------
        folder : str or Path
            Destination folder. It is created if it does not exist.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        with folder_to_write(folder, marker=self._marker) as target:
            self._write_files(target)
        return target

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""

    def _write_files(self, folder: Path) -> None:
        """Write all files, the marker last. By default, they are the table as CSV and the marker, which contains the result as JSON."""
        from cjsim.json_records import write_json  # imports pydantic, which `cjsim --help` does not need

        write_csv(self.to_pandas(), folder / Path(self._marker).with_suffix(".csv"))
        write_json(folder / self._marker, self.to_json())


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


def _make_draft_folder(out: Path) -> Path:
    """Create an empty folder on the same file system as `out`."""
    if out.exists():
        if not out.is_dir():
            raise NotADirectoryError(0, "it is a file")
        return Path(tempfile.mkdtemp(prefix=".cjsim.", suffix=".draft", dir=out.absolute()))
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".draft", dir=out.absolute().parent))


def _write_failure_reason(error: OSError | ValueError, draft: Path | None) -> str | None:
    """Return why the folder cannot be written, or None if the error has another cause."""
    if isinstance(error, InputError):
        cause = error.__cause__
        return _os_error_text(cause) if isinstance(cause, OSError) and draft is not None and str(draft) in str(error) else None
    if isinstance(error, OSError):
        # An error about a file elsewhere does not concern this folder. Arrow errors name no file.
        file = Path(error.filename) if isinstance(error.filename, str) and draft is not None else None
        return None if file is not None and draft is not None and not file.is_relative_to(draft.parent) else _os_error_text(error)
    return str(error) if draft is None else None


def _os_error_text(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else error.strerror or str(error)


def _publish_draft(draft: Path, out: Path) -> None:
    """Move the files of the draft to `out`, replacing earlier results."""
    draft.chmod(0o755)
    if not out.exists():
        draft.replace(out)
        return
    new = {path.relative_to(draft).as_posix() for path in draft.rglob("*") if path.is_file()}
    stale = _result_files(out) if _has_results(out) and _has_results(draft) else set()
    conflict = next((name for name in sorted(new) if (out / name).is_dir()), None)
    if conflict is not None:
        raise IsADirectoryError(0, f"'{conflict}' in it is a folder")
    backup = Path(tempfile.mkdtemp(prefix=".cjsim.", suffix=".old", dir=out.absolute()))
    old = {name for name in stale | new if (out / name).exists()}
    try:
        _exchange_files(draft, out, backup, new, old)
    except BaseException:
        if not any(path.is_file() for path in backup.rglob("*")):  # otherwise it contains the only copy of old results
            shutil.rmtree(backup, ignore_errors=True)
        raise
    shutil.rmtree(backup, ignore_errors=True)
    for folder in {(out / name).parent for name in old} - {out}:
        with contextlib.suppress(OSError):  # not empty
            folder.rmdir()


def _exchange_files(draft: Path, out: Path, backup: Path, new_names: Set[str], old_names: Set[str]) -> None:
    """Move old files to the backup (markers first) and new files to `out` (markers last). Undo all moves if one fails."""
    moves = [(out / name, backup / name) for name in sorted(old_names, key=lambda name: (name not in COMPLETION_MARKERS, name))]
    moves += [(draft / name, out / name) for name in sorted(new_names, key=lambda name: (name in COMPLETION_MARKERS, name))]
    with contextlib.ExitStack() as undo:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            undo.callback(_move_back, target, source)
            source.replace(target)
        undo.pop_all()


def _move_back(target: Path, source: Path) -> None:
    with contextlib.suppress(OSError):  # the file of the failed move
        target.replace(source)


def _replaced_files(out: Path, command: str) -> set[str]:
    """Return the files in a folder that a command would replace or remove."""
    pattern = _FILES_BY_COMMAND[command]
    names = {path.relative_to(out).as_posix() for path in (*out.glob("*"), *out.glob("run_*/*")) if path.is_file()}
    replaced = {name for name in names if pattern.fullmatch(name)}
    removes_others = any(pattern.fullmatch(marker) for marker in COMPLETION_MARKERS) and _has_results(out)
    return replaced | (_result_files(out) if removes_others else set())


def _result_text(out: Path, names: Set[str]) -> str:
    """Describe a result by its command and date if it has a manifest, and by the names of its files otherwise."""
    manifest = next((name for name in (MANIFEST_FILE, "run_0/manifest.json") if name in names), None)
    content = {} if manifest is None else _read_manifest(out / manifest)
    if "date" in content:
        command = "compare" if manifest != MANIFEST_FILE else _COMMANDS_BY_KIND.get(content.get("kind", ""), "simulate")
        name = content.get("name") or content.get("scenario")
        return f"the '{command}' result for {name}, {str(content['date'])[:10]}"
    first = sorted(names)[:_MAX_LISTED_FILES]
    more = f" and {len(names) - len(first)} more" if len(names) > len(first) else ""
    return f"{', '.join(first)}{more}"


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        return read_json_object(file)
    except InputError:
        return {}


def _has_results(folder: Path) -> bool:
    return any((folder / marker).is_file() for marker in COMPLETION_MARKERS)


def _result_files(folder: Path) -> set[str]:
    """Return the files in a folder that `simulate`, `compare` or `levers` wrote."""
    names = {path.relative_to(folder).as_posix() for path in (*folder.glob("*"), *folder.glob("run_*/*"))}
    return {name for name in names if _RESULT_FILE_PATTERN.fullmatch(name)}
