"""The library: journeys, policies, scenarios and studies that ship with cjsim and can be named instead of a path."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cjsim.errors import InputError, closest_choice, did_you_mean, format_error, short_repr

LIBRARY_FOLDERS = {"scenario": "scenarios", "study": "studies", "policy": "policies", "journey": "journeys"}
_NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]+")


class LibraryEntry(NamedTuple):
    """A file of the library."""

    kind: str  # scenario, study, policy or journey
    name: str
    path: Path


def library_folder() -> Path:
    """Folder of the library: `cjsim/configs` in an installed package, `configs` at the top level in a checkout."""
    package = Path(__file__).parent
    shipped = package / "configs"
    return shipped if shipped.is_dir() else package.parent / "configs"


def library_entries(kind: str) -> Iterator[LibraryEntry]:
    """Yield the files of one kind, in the order of their names.

    Parameters
    ----------
    kind : str
        'scenario', 'study', 'policy' or 'journey'.
    """
    for path in sorted((library_folder() / LIBRARY_FOLDERS[kind]).glob("*.yaml")):
        yield LibraryEntry(kind, path.stem, path)


def nearest_file(path: Path, kinds: Sequence[str] = (), *, folder: Path = Path()) -> str:
    """Suggest a similar file, as a question: one in the folder of a missing file, or one in the library. Empty if there is none.

    Parameters
    ----------
    path : Path
        The missing file.
    kinds : sequence of str
        Kinds of library files that can be used in its place.
    folder : Path
        Folder to which the path is relative.

    Returns
    -------
    str
    """
    try:
        beside = {file.name: str(path.with_name(file.name)) for file in sorted((folder / path.parent).glob("*.y*ml"))}
    except (OSError, ValueError):  # a name that no file can have
        return ""
    if near := closest_choice(path.name, beside):
        return f"Did you mean '{beside[near]}'?"
    return did_you_mean(path.stem, [entry.name for kind in kinds for entry in library_entries(kind)])


def find_document(name: Path, kinds: Sequence[str], *, where: str = "", folder: Path = Path()) -> Path:
    """Return the path of a file, or of the library file with this name.

    A file with this path takes precedence. Only a name without folders and without a suffix is looked up in the library.

    Parameters
    ----------
    name : Path
        A path, relative to `folder`, or a name such as `shop`.
    kinds : sequence of str
        Kinds to look up in the library, in this order.
    where : str
        Origin of the name in error messages; the name itself by default.
    folder : Path
        Folder to which a path is relative.

    Returns
    -------
    Path
        It exists, unless `name` is a path to a missing file.

    Raises
    ------
    InputError
        If `name` looks like a library name, but is neither a file nor in the library.
    """
    path = folder / name
    try:
        is_path = not _NAME_PATTERN.fullmatch(str(name)) or path.is_file()
    except OSError:  # a name that is too long
        is_path = False
    if is_path:
        return path
    names = {entry.name: entry.path for kind in reversed(kinds) for entry in library_entries(kind)}
    if str(name) in names:
        return names[str(name)]
    must = f"must be a file, or the name of a library {' or '.join(kinds)}"
    remedy = (
        did_you_mean(name, names)
        or nearest_file(name, folder=folder)
        or "Use a path that ends in .yaml, or a name that cjsim library lists."
    )
    got = "a directory" if os.path.isdir(path) else short_repr(str(name)) if where else "neither"  # noqa: PTH112, no OSError
    raise InputError(format_error(where or short_repr(str(name)).strip("'"), must, got, remedy))
