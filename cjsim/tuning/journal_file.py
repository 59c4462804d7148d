"""The journal file of a study: Optuna's, with a lock that dies with its holder, and cut lines mended.

Lives here: how lines come to the file. Does not live here: what is in them (storage.py).

Optuna's own lock is a link beside the file, which survives a `kill -9` for half a minute; and a line that was cut short by one would make
the file unreadable with the next line.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from optuna.storages.journal import JournalFileBackend

_LINE_START = b'{"op_code"'  # of every line
_BLOCK_BYTES = 65536  # bytes


class JournalFile(JournalFileBackend):
    """A journal file that may be killed at any moment, by any of the processes that work on it.

    Parameters
    ----------
    path : str
        The file; made with its folders if it is not there.

    Raises
    ------
    OSError
        If it cannot be written.
    ValueError
        If it is some other file, which stays as it is.
    """

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path)
        self._path = Path(path)
        with _locked_file(self._path) as file:
            file.seek(0)
            if not _LINE_START.startswith(file.read(len(_LINE_START))):
                raise ValueError("a file that does not begin as a journal does")
            file.seek(0, os.SEEK_END)
            _truncate_incomplete_line(file)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines, whole or not at all.

        Parameters
        ----------
        logs : list of dict
            Plain values.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with _locked_file(self._path) as file:
            _truncate_incomplete_line(file)  # another process may have been killed since
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def _locked_file(path: Path) -> Iterator[IO[bytes]]:
    """The file, open at its end, with the operating system's lock on it."""
    import fcntl

    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed as the file is closed, or its process ends
        file.seek(0, os.SEEK_END)
        yield file


def _truncate_incomplete_line(file: IO[bytes]) -> None:
    """Cut off a last line that was not written to its end. No process is writing one: the file is locked."""
    end = size = file.tell()
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        file.seek(start)
        block = file.read(end - start)
        if (found := block.rfind(b"\n")) >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        file.truncate(end)
    file.seek(end)
