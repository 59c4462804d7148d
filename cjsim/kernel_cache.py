"""The files in which compiled kernels are kept. A damaged file is never loaded: its kernel is compiled again.

numba's own files have no checksums. A damaged one crashes the process or yields machine code that gives wrong results. Here, every file
begins with a digest of its name and content, and is replaced as a whole. Several processes can compile at the same time.
"""

import hashlib
import hmac
import pickle
import stat
import uuid
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile
from numba.core.serialize import dumps

from cjsim.file_lock import file_lock

_DIGEST_BYTES = 32
_MAX_FILE_BYTES = 1 << 29  # far more than any kernel
_LOCK_FILE = ".lock"


class DamagedCacheFileError(ValueError):
    """A file in the cache has changed since it was written."""


class CheckedCacheFile(IndexDataCacheFile):  # type: ignore[misc]
    """The cache of one kernel: an index of signatures, and one file per signature.

    Attributes
    ----------
    failure : OSError or None
        Why the last compiled kernel could not be written.
    """

    failure: OSError | None = None

    def load(self, key: Any) -> Any:
        """Return what is stored under a key; None if it is missing or damaged, so that numba compiles the kernel."""
        try:
            return super().load(key)
        except (DamagedCacheFileError, OSError):
            return None

    def save(self, key: Any, data: Any) -> None:
        """Store data under a key. If the folder is not writable, the compiled kernel is still used."""
        try:
            with (Path(self._cache_path) / _LOCK_FILE).open("ab") as file, file_lock(file):  # two processes must not change the index
                super().save(key, data)
        except OSError as error:
            self.failure = error

    def is_intact(self) -> bool:
        """Return whether a kernel is stored for the current source, and none of its files is missing or damaged."""
        paths = [self._data_path(name) for name in self._load_index().values()]
        try:
            return bool(paths) and all(_read_checked(Path(path)) for path in paths)
        except (DamagedCacheFileError, OSError):
            return False

    def _load_index(self) -> dict[Any, str]:
        try:
            stamp, overloads = pickle.loads(_read_checked(Path(self._index_path)))
        except (DamagedCacheFileError, OSError):
            return {}
        return overloads if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, dumps((self._source_stamp, overloads)))

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_read_checked(Path(self._data_path(name))))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), dumps(data))

    def _data_name(self, number: int) -> str:
        """Return a new name, because the index of another process may refer to a numbered file."""
        return str(self._data_name_pattern.replace("{number:d}", uuid.uuid4().hex[:16]))

    def _write(self, path: str, content: bytes) -> None:
        with self._open_for_write(path) as file:
            file.write(_digest(Path(path), content) + content)


def _digest(path: Path, content: bytes) -> bytes:
    return hashlib.blake2b(path.name.encode() + b"\0" + content, digest_size=_DIGEST_BYTES).digest()


def _read_checked(path: Path) -> bytes:
    """Return the content of a file after its digest. Raises DamagedCacheFileError if they do not match."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_FILE_BYTES:
        raise DamagedCacheFileError(path)
    stored = path.read_bytes()
    content = stored[_DIGEST_BYTES:]
    if not hmac.compare_digest(stored[:_DIGEST_BYTES], _digest(path, content)):
        raise DamagedCacheFileError(path)
    return content
