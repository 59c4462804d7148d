"""The work folder of a run that writes to an output folder. Its lock keeps other runs out, and is released when the process exits.

A lock outlives neither its process nor the machine, so the work folder of a killed run is recognized by its free lock, even if its process
id has been reused. On shared disks, this also works across machines if the file system supports locks, as NFS does. Where the file system
has no locks, the process id and the name of the machine decide, and a run on another machine is assumed to be running.
"""

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from cjsim.errors import InputError, format_error
from cjsim.file_lock import is_open_at, is_running, try_lock

_NAME = ".cjsim.work"
_MAX_ATTEMPTS, _RETRY_SECONDS = 20, 0.02  # to lock a folder


class FolderInUseError(InputError):
    """Another run is writing to the folder."""


@dataclass(frozen=True)
class WorkFolder:
    """A folder for the files of a run that are not results yet.

    Attributes
    ----------
    path : Path
        The folder. It contains the files and folders that the properties name.
    """

    path: Path

    @classmethod
    def inside(cls, out: Path) -> "WorkFolder":
        """Return the work folder for an output folder that exists: inside it, because it may be a mount point."""
        return cls(out.absolute() / _NAME)

    @classmethod
    def beside(cls, out: Path) -> "WorkFolder":
        """Return the work folder for an output folder that does not exist yet: beside it, so that the result appears complete."""
        return cls(out.absolute().with_name(f".{out.absolute().name}{_NAME}"))

    @property
    def draft(self) -> Path:
        """Folder with the new files."""
        return self.path / "draft"

    @property
    def old(self) -> Path:
        """Folder with the old files while they are being replaced."""
        return self.path / "old"

    @property
    def moves(self) -> Path:
        """File with the names of the files that are being replaced. It exists only during a replacement."""
        return self.path / "moves.json"

    @property
    def lock(self) -> Path:
        """The lock file, which names the process that holds the lock."""
        return self.path / "lock"

    @contextlib.contextmanager
    def held(self, argument: str, out: Path, restore: Callable[[], None], *, attempts: int = _MAX_ATTEMPTS) -> Iterator[None]:
        """Hold the lock, after removing the leftovers of an earlier run.

        On exit, remove the folder, unless an interrupted replacement needs it.

        Parameters
        ----------
        argument : str
            Name of the argument in error messages.
        out : Path
            Output folder, as given by the user.
        restore : callable
            Rolls back a replacement that a killed run began. Called while the lock is held.
        attempts : int
            Number of attempts to lock the folder, 0.02 seconds apart.

        Raises
        ------
        FolderInUseError
            If another run holds the lock.
        OSError
            If the folder cannot be written.
        """
        lock = self._acquire(argument, out, attempts)
        try:
            restore()
            self._remove_files()
            yield
        finally:
            with contextlib.suppress(OSError):
                self._remove_files()
            _release(lock, self.lock)
            with contextlib.suppress(OSError):  # not empty
                self.path.rmdir()

    def _remove_files(self) -> None:
        """Remove the draft, and old files that no replacement needs."""
        if self.moves.exists():
            return
        for folder in (self.draft, self.old):
            shutil.rmtree(folder, ignore_errors=True)
        self.moves.with_suffix(".part").unlink(missing_ok=True)

    def _acquire(self, argument: str, out: Path, attempts: int) -> IO[bytes]:
        """Lock the folder. Retry for a moment, because a run that cleans up after killed runs briefly holds each of their locks."""
        owner: dict[str, Any] = {}
        for _ in range(attempts):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                file = self.lock.open("a+b")
            except FileNotFoundError:  # another run has just removed the folder
                continue
            is_locked = try_lock(file)
            owner = {} if is_locked else _read_owner(file)
            is_in_use = is_locked is False or (is_locked is None and _may_be_running(owner))
            if not is_in_use and is_open_at(file, self.lock):
                _write_owner(file)
                return file
            file.close()
            time.sleep(_RETRY_SECONDS if is_in_use else 0)
        raise FolderInUseError(_in_use_message(argument, out, owner))


def sweep_work_folders(parent: Path) -> None:
    """Remove the work folders that killed runs left beside the output folders that they would have created.

    Parameters
    ----------
    parent : Path
        Folder that contains the output folders.
    """
    with contextlib.suppress(OSError):
        for path in sorted(parent.glob(f".*{_NAME}")):
            if path.name != _NAME:
                with contextlib.suppress(FolderInUseError, OSError), WorkFolder(path).held("", path, lambda: None, attempts=1):
                    pass


def is_in_work_folder(path: Path) -> bool:
    """Return whether a path lies in the draft of a running command.

    Parameters
    ----------
    path : Path
        The path.
    """
    return any(part.endswith(_NAME) for part in path.absolute().parts)


def _release(file: IO[bytes], path: Path) -> None:
    """Remove a lock file before its lock is released, so that no other run can lock a file that is about to be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError:  # Windows does not remove open files
        file.close()
        with contextlib.suppress(OSError):  # another run has opened it
            path.unlink(missing_ok=True)
    file.close()


def _write_owner(file: IO[bytes]) -> None:
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    file.truncate(0)
    file.write(json.dumps(owner).encode())
    file.flush()


def _read_owner(file: IO[bytes]) -> dict[str, Any]:
    try:
        file.seek(0)
        return dict(json.loads(file.read(1000)))
    except (OSError, RecursionError, TypeError, ValueError):
        return {}


def _may_be_running(owner: dict[str, Any]) -> bool:
    """Whether the run that wrote a lock file may still be running, where the file system has no locks."""
    pid, host = owner.get("pid"), owner.get("host")
    return isinstance(pid, int) and (host != socket.gethostname() or is_running(pid))


def _in_use_message(argument: str, out: Path, owner: dict[str, Any]) -> str:
    known = f" (process {owner['pid']} on {owner.get('host')}, since {owner.get('since')})" if "pid" in owner else ""
    must, got = "must be a folder that no other run is writing to", f"'{out}', which another run is using{known}"
    return format_error(argument, must, got, "Wait until it has finished, or choose another folder.")
