"""The sizes and digests of a result's files, which its manifest lists under `files`.

A manifest lists the files of its folder, and states the digest of its own content. Files of a subfolder with a manifest of its own are
covered by the digest of that manifest.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cjsim.errors import InputError, format_error
from cjsim.input_files.json_file import read_json_object

MANIFEST_FILE = "manifest.json"
COMPARISON_FILE = "comparison.json"
COMPLETION_MARKERS = (MANIFEST_FILE, COMPARISON_FILE)  # manifests; written last, to mark a complete result
_FILES_KEY, _OWN_KEY = "files", "manifest_sha256"


def add_file_digests(folder: Path) -> None:
    """Add `files` to each manifest in a folder and its subfolders: the size in bytes and the SHA-256 of every file.

    The digest of the manifest itself is added as `manifest_sha256`.

    Parameters
    ----------
    folder : Path
        A folder with complete results.
    """
    from cjsim.json_records import write_json  # imports pydantic, which `cjsim --help` does not need

    for parent, _, _ in os.walk(folder, topdown=False):
        for marker in (Path(parent) / name for name in COMPLETION_MARKERS):
            content = read_manifest(marker)
            if content is not None:
                files = {name: _file_entry(marker.parent / name) for name in sorted(_covered_files(marker.parent, marker.name))}
                content |= {_FILES_KEY: files}
                write_json(marker, content | {_OWN_KEY: _content_digest(content)})


def require_intact_files(
    folder: Path, manifest: Mapping[str, Any], *, marker: str = MANIFEST_FILE, only: tuple[str, ...] | None = None
) -> None:
    """Raise if a file of a result is missing or has changed since it was saved, or if the manifest has changed.

    Parameters
    ----------
    folder : Path
        Folder of the result.
    manifest : Mapping of str to Any
        Content of its manifest. Manifests of earlier versions have no digests and are not checked.
    marker : str
        Name of the manifest.
    only : tuple of str, optional
        Names of the files to check. By default, all are checked.

    Raises
    ------
    InputError
        If a check fails. The message names the file.
    KeyError, TypeError
        If the list of files is malformed.
    """
    require_unchanged_manifest(folder / marker, manifest)
    for name, entry in listed_files(manifest).items():
        if only is None or name in only:
            _require_intact(folder / name, entry["bytes"], entry["sha256"])


def require_unchanged_manifest(file: Path, manifest: Mapping[str, Any]) -> None:
    """Raise if a manifest has changed since it was saved. Manifests of earlier versions have no digest and are not checked.

    Parameters
    ----------
    file : Path
        The manifest.
    manifest : Mapping of str to Any
        Its content.

    Raises
    ------
    InputError
        If the content does not match the digest that it states.
    """
    if _OWN_KEY in manifest and manifest[_OWN_KEY] != _content_digest(manifest):
        raise _changed_file_error(file, "one with different content")


def is_listed(name: str, manifest: Mapping[str, Any]) -> bool:
    """Return whether a file belongs to a result. If the manifest lists no files, as in earlier versions, every file belongs to it.

    Parameters
    ----------
    name : str
        Name of the file.
    manifest : Mapping of str to Any
        Content of the manifest.
    """
    return _FILES_KEY not in manifest or name in listed_files(manifest)


def listed_files(manifest: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of the files in a manifest by name, relative to its folder; an empty mapping if it lists none.

    Parameters
    ----------
    manifest : Mapping of str to Any
        Content of the manifest.

    Raises
    ------
    TypeError
        If the list is not a mapping, or a name points outside the folder.
    """
    files = manifest.get(_FILES_KEY, {})
    if not isinstance(files, Mapping):
        raise TypeError("'files' is not a mapping")
    for name in files:
        if not is_inside(name):
            raise TypeError(f"'{name}' is not a file of the folder")
    return files


def is_inside(name: str) -> bool:
    """Return whether a relative path with slashes stays in its folder.

    Examples
    --------
    >>> is_inside("run_0/manifest.json"), is_inside("../manifest.json"), is_inside("/manifest.json")
    (True, False, False)
    """
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name


def read_manifest(file: Path) -> dict[str, Any] | None:
    """Return the content of a manifest; None if it is missing or unreadable.

    Parameters
    ----------
    file : Path
        The file.
    """
    try:
        return read_json_object(file)
    except InputError:
        return None


def _covered_files(folder: Path, marker: str) -> Iterator[str]:
    """Yield the files that a manifest lists, relative to its folder."""
    for parent, folders, names in os.walk(folder):
        inner = [name for name in COMPLETION_MARKERS if name in names] if Path(parent) != folder else []
        if inner:
            folders.clear()
        for name in inner or names:
            file = Path(parent) / name
            if file != folder / marker:
                yield file.relative_to(folder).as_posix()


def _file_entry(file: Path) -> dict[str, Any]:
    return {"bytes": file.stat().st_size, "sha256": _sha256(file)}


def _content_digest(manifest: Mapping[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != _OWN_KEY}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _require_intact(file: Path, size: int, digest: str) -> None:
    try:
        if not file.is_file():
            got = "no such file"
        elif (found := file.stat().st_size) != size:
            got = f"one of {found:,} bytes instead of {size:,}"
        elif _sha256(file) != digest:
            got = "one with different content"
        else:
            return
    except OSError as error:
        got = error.strerror or str(error)
    raise _changed_file_error(file, got)


def _changed_file_error(file: Path, got: str) -> InputError:
    remedy = "Restore the file, or run the command again."
    return InputError(format_error(str(file), "must be the file that the result was saved with", got, remedy))
