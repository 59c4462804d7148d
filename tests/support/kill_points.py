"""Kills at chosen points: a command runs in a forked process that kills itself before its k-th file operation, or amid a write.

Forking a process that has imported everything costs a few milliseconds; starting one costs a second.
"""

import mmap
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_OPERATIONS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OPEN_BY_MODE = set("wax+")


class SharedCounter:
    """An integer in memory that forked processes share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    def __int__(self) -> int:
        return int(struct.unpack("q", self._memory[:])[0])

    def set(self, value: int) -> None:
        self._memory[:] = struct.pack("q", value)

    def add(self) -> None:
        self.set(int(self) + 1)


@dataclass(frozen=True)
class Kill:
    """When a process dies: before a file operation (counted from 1), or when a file would grow beyond a size in bytes."""

    operation: int | None = None
    file_bytes: int | None = None


def fork(work: Callable[[], object], kill: Kill, folder: Path) -> tuple[bool, int]:
    """Run work in a forked process.

    Returns
    -------
    tuple of bool and int
        Whether the process was killed, and the number of file operations in the folder that it began.
    """
    operations = SharedCounter()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        try:
            _watch_operations(str(folder), operations, kill)
            work()
        except BaseException:  # noqa: BLE001 - a fork must not run the rest of the tests
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGXFSZ), status
        return True, int(operations)
    assert os.WEXITSTATUS(status) == 0, "the forked process failed: its error is above"
    return False, int(operations)


def _watch_operations(folder: str, operations: SharedCounter, kill: Kill) -> None:
    """Count the file operations of this process, and kill it at the chosen one. This cannot be undone, so that it must be a fork."""
    if kill.file_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (kill.file_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    def begin() -> None:
        operations.add()
        if int(operations) == kill.operation:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = flags & _WRITES if mode is None else _OPEN_BY_MODE & set(mode)
        else:
            path, writes = (arguments[0] if arguments else None), event in _OPERATIONS
        if writes and isinstance(path, str | os.PathLike) and str(Path(path).absolute()).startswith(folder):
            begin()

    def flush(descriptor: int) -> None:
        begin()

    sys.addaudithook(hook)
    os.fsync = flush  # type: ignore[assignment]


@contextmanager
def counted_calls(owner: type, method: str, counter: SharedCounter) -> Iterator[None]:
    """Count the calls of a method that have returned, in this process and in its forks."""
    real = getattr(owner, method)

    def counting(*arguments: Any, **keys: Any) -> Any:
        found = real(*arguments, **keys)
        counter.add()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, method, counting)
        yield
