"""Opens regular files for reading, with limits on what is read and errors that name the file.

Devices, FIFOs and sockets are refused, because reading them may block, never end or have side effects. The limits apply to the bytes that
are read, whatever size the file system reports.
"""

import errno
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TextIO, cast

from cjsim.errors import InputError, format_error, short_repr

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MAX_DOCUMENT_BYTES = 16 * MIB  # of JSON and small text files; parsed JSON takes up to 25 times its size in memory
MAX_TABLE_BYTES = 16 * GIB  # of logs and trials, as a file and decompressed
MAX_LINE_CHARS = MIB
MAX_INFLATION, _MIN_INFLATED_LIMIT = 100, 8 * MIB  # of gzip: decompressed size / file size; logs compress to 1/3 to 1/50
_READABLE = "must be a readable file"
GZIP_MAGIC = b"\x1f\x8b"
_BUFFER_BYTES = 256 * KIB
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_SIZE_UNITS = ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "bytes"))
_KINDS = (
    (stat.S_ISDIR, "a directory", "Name a file in it."),
    (stat.S_ISFIFO, "a pipe", "Save its content to a file first."),
    (stat.S_ISCHR, "a device", "Name a file."),
    (stat.S_ISBLK, "a device", "Name a file."),
    (stat.S_ISSOCK, "a socket", "Name a file."),
)


def open_input(path: str | os.PathLike[str], *, max_bytes: int = MAX_TABLE_BYTES, near: Callable[[Path], str] | None = None) -> BinaryIO:
    """Open a regular file for reading in binary mode. Symbolic links are followed.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int
        Largest number of bytes that may be read.
    near : callable, optional
        Returns a remedy for a path that does not exist, such as the name of a similar file; an empty string if there is none.

    Returns
    -------
    BinaryIO
        A buffered, seekable file. Reading raises an `InputError` if the size of the file changes in the meantime, or the file cannot be
        read.

    Raises
    ------
    InputError
        If the path does not exist, is not a regular file or cannot be opened, or the file is larger than the limit.
    """
    try:
        _require_regular(path, os.stat(path))  # noqa: PTH116 - before opening, which may have side effects on a device
        descriptor = os.open(path, _OPEN_FLAGS)
    except (OSError, ValueError) as error:
        _raise_unopened(path, error, near)
    file = os.fdopen(descriptor, "rb", buffering=0)
    try:
        facts = os.fstat(file.fileno())
        _require_regular(path, facts)  # it may have been replaced in the meantime
        if facts.st_size > max_bytes:
            raise _size_error(path, max_bytes, f"{facts.st_size:,} bytes")
    except InputError:
        file.close()
        raise
    # Files of /proc report a size of 0.
    return _buffered(_SizedReader(file, path, size=facts.st_size or None, max_bytes=max_bytes))


def open_inflated(path: str | os.PathLike[str], *, max_bytes: int = MAX_TABLE_BYTES) -> BinaryIO:
    """Open a file, and decompress it if its first bytes mark it as gzip.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int
        Largest number of bytes that may be read, before and after decompression.

    Returns
    -------
    BinaryIO
        The decompressed content. Reading raises an `InputError` if the file is damaged or becomes implausibly large when decompressed.

    Raises
    ------
    InputError
        As for `open_input`.
    """
    file = open_input(path, max_bytes=max_bytes)
    try:
        if first_bytes(file, len(GZIP_MAGIC)) != GZIP_MAGIC:
            return file
        limit = min(max_bytes, max(MAX_INFLATION * file.seek(0, os.SEEK_END), _MIN_INFLATED_LIMIT))
        file.seek(0)
    except InputError:
        file.close()
        raise
    return _buffered(_InflatedReader(file, path, max_bytes=limit))


def first_bytes(file: BinaryIO, count: int) -> bytes:
    """Return the first bytes of a file, and go back to its start."""
    head = file.read(count)
    file.seek(0)
    return head


def read_bytes(path: str | os.PathLike[str], *, max_bytes: int = MAX_DOCUMENT_BYTES, near: Callable[[Path], str] | None = None) -> bytes:
    """Read a whole file.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int
        Size limit.
    near : callable, optional
        As for `open_input`.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        As for `open_input`.
    """
    with open_input(path, max_bytes=max_bytes, near=near) as file:
        return file.read()


def read_text(path: str | os.PathLike[str], *, max_bytes: int = MAX_DOCUMENT_BYTES, near: Callable[[Path], str] | None = None) -> str:
    r"""Read a whole text file in UTF-8, with or without a byte order mark. Line breaks are kept as they are.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int
        Size limit.
    near : callable, optional
        As for `open_input`.

    Returns
    -------
    str

    Raises
    ------
    InputError
        As for `open_input`, or if a byte is not UTF-8. The message gives the line.
    """
    content = read_bytes(path, max_bytes=max_bytes, near=near)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"the byte 0x{error.object[error.start]:02x}"
        raise InputError(format_error(f"{shown_path(path)}:{line}", "must be UTF-8 text", got, "Save the file as UTF-8.")) from None


def limited_lines(text: TextIO, path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the lines of an open text file, with their line breaks.

    Parameters
    ----------
    text : TextIO
        File opened with `newline=""`.
    path : str or path
        Its name in error messages.

    Yields
    ------
    str

    Raises
    ------
    InputError
        If a line has more than `MAX_LINE_CHARS` characters, contains a null character, or is not text in UTF-8.
    """
    number = 1
    try:
        while line := text.readline(MAX_LINE_CHARS + 1):
            if len(line) > MAX_LINE_CHARS:
                must = f"must have lines of at most {MAX_LINE_CHARS:,} characters"
                remedy = "Check that it is a text file with line breaks."
                raise InputError(format_error(f"{shown_path(path)}:{number}", must, "a longer line", remedy))
            if "\0" in line:
                must, remedy = "must be text", "Restore the file, or write it again."
                raise InputError(format_error(f"{shown_path(path)}:{number}", must, "a null character", remedy))
            yield line
            number += 1
    except UnicodeDecodeError as error:
        got, remedy = f"the byte 0x{error.object[error.start]:02x}", "Save it as text in UTF-8."
        raise InputError(format_error(shown_path(path), "must be text in UTF-8", got, remedy)) from None


def file_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal digits, without loading it into memory.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    InputError
        As for `open_input`.
    """
    with open_input(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # any buffered reader will do


def shown_path(path: str | os.PathLike[str]) -> str:
    r"""Return a path for messages, on one line.

    Examples
    --------
    >>> shown_path("shop.yaml"), shown_path("a\nb.yaml")
    ('shop.yaml', "'a\\nb.yaml'")
    """
    text = os.fspath(path)
    return text if text.isprintable() else short_repr(text)


class _CheckedReader(io.RawIOBase):
    """Base class of readers that translate errors of the underlying stream, and stop at a limit."""

    def __init__(self, stream: BinaryIO, path: str | os.PathLike[str], *, max_bytes: int) -> None:
        super().__init__()
        self._stream, self._path, self._max_bytes = stream, path, max_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, EOFError, zlib.error) as error:  # files of /proc have no end to seek; gzip decompresses to seek
            raise self._reading_error(error) from None

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        try:
            count = cast("int | None", self._stream.readinto(buffer))  # type: ignore[attr-defined] # of FileIO and GzipFile
            position = self._stream.tell()
        except (OSError, EOFError, zlib.error) as error:
            raise self._reading_error(error) from None
        if count is None:  # the file would block
            raise InputError(format_error(shown_path(self._path), _READABLE, "a file without an end", "Check the path."))
        self._check(count, position)
        return count

    def _reading_error(self, error: Exception) -> InputError:
        reason = f"an error ({getattr(error, 'strerror', None) or error})"
        return InputError(format_error(shown_path(self._path), _READABLE, reason, "Check the disk."))

    def _check(self, count: int, position: int) -> None:
        """Raise if more has been read than the limit allows."""
        if position > self._max_bytes:
            raise _size_error(self._path, self._max_bytes, "more")


class _SizedReader(_CheckedReader):
    """Reads a file that must keep the size that it had when it was opened."""

    def __init__(self, stream: BinaryIO, path: str | os.PathLike[str], *, size: int | None, max_bytes: int) -> None:
        super().__init__(stream, path, max_bytes=max_bytes)
        self._size = size

    def _check(self, count: int, position: int) -> None:
        super()._check(count, position)
        if self._size is not None and (position > self._size or (not count and position < self._size)):
            must, got = "must not change while it is read", f"a file that {'grows' if count else 'shrinks'}"
            raise InputError(format_error(shown_path(self._path), must, got, "Copy it, and name the copy."))


class _InflatedReader(_CheckedReader):
    """Decompresses a file with gzip."""

    def __init__(self, file: BinaryIO, path: str | os.PathLike[str], *, max_bytes: int) -> None:
        super().__init__(cast(BinaryIO, gzip.GzipFile(fileobj=file)), path, max_bytes=max_bytes)
        self._file = file

    def close(self) -> None:
        super().close()
        self._file.close()

    def _reading_error(self, error: Exception) -> InputError:
        must, remedy = "must be a complete gzip file", "Compress the file again."
        return InputError(format_error(shown_path(self._path), must, short_repr(str(error)), remedy))

    def _check(self, count: int, position: int) -> None:
        if position > self._max_bytes:
            must = f"must decompress to at most {_size_text(self._max_bytes)}"
            raise InputError(format_error(shown_path(self._path), must, "more", "Decompress it, and name the decompressed file."))


def _buffered(reader: _CheckedReader) -> BinaryIO:
    return io.BufferedReader(reader, _BUFFER_BYTES)


def _require_regular(path: str | os.PathLike[str], facts: os.stat_result) -> None:
    if stat.S_ISREG(facts.st_mode):
        return
    got, remedy = next(((name, remedy) for is_kind, name, remedy in _KINDS if is_kind(facts.st_mode)), ("something else", "Name a file."))
    raise InputError(format_error(shown_path(path), _READABLE, got, remedy))


def _raise_unopened(path: str | os.PathLike[str], error: OSError | ValueError, near: Callable[[Path], str] | None) -> NoReturn:
    """Raise an error that explains why a path cannot be opened."""
    if isinstance(error, InputError):
        raise error
    remedy = "Check the path."
    if isinstance(error, FileNotFoundError):
        got, remedy = "a path that does not exist", (near(Path(path)) if near else "") or remedy
    elif isinstance(error, OSError) and error.errno == errno.ELOOP:
        got = "a symbolic link to itself"
    elif isinstance(error, PermissionError):
        got, remedy = f"an error ({error.strerror})", "Check the path and its permissions."
    else:
        got = f"an error ({getattr(error, 'strerror', None) or error})"
    raise InputError(format_error(shown_path(path), _READABLE, got, remedy)) from error


def _size_error(path: str | os.PathLike[str], max_bytes: int, got: str) -> InputError:
    must, remedy = f"must be a file of at most {_size_text(max_bytes)}", "Check that it is the right file."
    return InputError(format_error(shown_path(path), must, got, remedy))


def _size_text(n_bytes: int) -> str:
    size, unit = next(((size, unit) for size, unit in _SIZE_UNITS if n_bytes >= size), _SIZE_UNITS[-1])
    return f"{n_bytes / size:,.4g} {unit}"
