"""Locks on files, which the operating system releases when a process exits, even if it is killed."""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_LOCKED_BYTE = 2**31 - 2  # on Windows, where a locked byte cannot be read; far beyond the end of the file
_RETRY_SECONDS = 0.05
_UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})  # errors of file systems without locks
_QUERY_LIMITED_INFORMATION = 0x1000  # the weakest right to open a process on Windows


@contextlib.contextmanager
def file_lock(file: IO[bytes]) -> Iterator[None]:
    """Hold an exclusive lock on an open file. Waits while another process holds it.

    Parameters
    ----------
    file : binary file
        A file that is open for writing. On POSIX systems, the lock lasts until the file is closed; on Windows, until the block ends.
    """
    try:
        import fcntl
    except ImportError:
        while not _lock_byte(file):
            time.sleep(_RETRY_SECONDS)
        try:
            yield
        finally:
            file.flush()
            _unlock_byte(file)
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    yield


def try_lock(file: IO[bytes]) -> bool | None:
    """Lock an open file without waiting. The lock lasts until the file is closed.

    Parameters
    ----------
    file : binary file
        A file that is open for writing.

    Returns
    -------
    bool or None
        Whether this call locked the file. False if another process, or another open file of this process, holds the lock; None if the file
        system has no locks.
    """
    try:
        import fcntl
    except ImportError:
        return _lock_byte(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise
    return True


def is_open_at(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file is still the one at a path. Another process may have removed or renamed it before it was locked.

    Parameters
    ----------
    file : binary file
        The open file.
    path : Path
        Path at which it was opened.
    """
    try:
        found, own = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)


def _lock_byte(file: IO[bytes]) -> bool:
    """Lock one byte of a file on Windows. Return whether this call locked it."""
    import msvcrt

    system: Any = msvcrt
    file.seek(_LOCKED_BYTE)
    try:
        system.locking(file.fileno(), system.LK_NBLCK, 1)
    except PermissionError:
        return False
    return True


def _unlock_byte(file: IO[bytes]) -> None:
    import msvcrt

    system: Any = msvcrt
    file.seek(_LOCKED_BYTE)
    system.locking(file.fileno(), system.LK_UNLCK, 1)


def is_running(pid: int) -> bool:
    """Return whether a process on this machine is running.

    Parameters
    ----------
    pid : int
        Id of the process.
    """
    if sys.platform == "win32":  # where os.kill would interrupt the process
        import ctypes

        system: Any = ctypes.windll.kernel32
        process = system.OpenProcess(_QUERY_LIMITED_INFORMATION, False, pid)
        if process:
            system.CloseHandle(process)
        return bool(process)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
