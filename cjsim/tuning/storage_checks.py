"""Checks of a study's storage file before Optuna opens it: a regular file of limited size and, for SQLite, without broken pages."""

import contextlib
import os
import sqlite3

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.regular_file import GIB, open_input, shown_path

_MAX_BYTES = 4 * GIB
_BUSY_SECONDS = 60.0


def require_storage_file(path: str) -> None:
    """Raise if a path exists but is not a regular file, or is too large to be read.

    Parameters
    ----------
    path : str
        The file. It need not exist.

    Raises
    ------
    InputError
        The message names the file.
    """
    if os.path.lexists(path):
        open_input(path, max_bytes=_MAX_BYTES).close()


def require_intact_database(url: str) -> None:
    """Raise if the file of a SQLite database has a broken page. A database in memory, or one that does not exist yet, passes.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, such as sqlite:///studies.db.

    Raises
    ------
    InputError
        The message names the file.
    """
    from sqlalchemy.engine import make_url

    path = make_url(url).database
    if not path or path == ":memory:" or path.startswith("file:"):
        return
    require_storage_file(path)
    if not os.path.lexists(path):
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as database:
            problem = str(next(iter(database.execute("pragma quick_check(1)")), ("no answer",))[0])
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        problem = str(error)
    if problem != "ok":
        must, remedy = "must be an intact SQLite database", "Restore a copy, or use another storage."
        raise InputError(format_error(shown_path(path), must, short_repr(problem), remedy))
