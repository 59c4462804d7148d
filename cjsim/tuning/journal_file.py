"""The journal file of a study, in Optuna's format. It uses an operating-system lock and repairs incomplete lines.

Optuna's own lock is a link next to the file. After a `kill -9`, the lock blocks other processes for half a minute. An incomplete last line
makes the file unreadable once another line follows.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from optuna.storages.journal import JournalFileBackend

from cjsim.file_lock import file_lock

_LINE_START = b'{"op_code"'  # the start of every line
_BLOCK_BYTES = 65536


class JournalFile(JournalFileBackend):
    """A journal file that stays valid if a process is killed while writing.

    Parameters
    ----------
    path : str
        Path of the file, which is created with its folders if it does not exist.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If the file is not a journal. It is left unchanged.
    """

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path)
        self._path = Path(path)
        with _locked_file(self._path) as file:
            file.seek(0)
            if not _LINE_START.startswith(file.read(len(_LINE_START))):
                raise ValueError("not a journal file")
            file.seek(0, os.SEEK_END)
            _truncate_incomplete_line(file)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append complete lines.

        Parameters
        ----------
        logs : list of dict
            JSON-compatible values, one dict per line.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with _locked_file(self._path) as file:
            _truncate_incomplete_line(file)  # another process may have been killed in the meantime
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def _locked_file(path: Path) -> Iterator[IO[bytes]]:
    """Open the file at its end, under an exclusive operating-system lock, which is released if the process exits."""
    with path.open("r+b") as file, file_lock(file):
        file.seek(0, os.SEEK_END)
        yield file


def _truncate_incomplete_line(file: IO[bytes]) -> None:
    """Remove an incomplete last line. The lock ensures that no process is writing it."""
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
