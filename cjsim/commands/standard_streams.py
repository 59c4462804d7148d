"""Standard output and standard error of the commands, which never stop a command or change its results.

A stream that was closed before the start (`>&-`) discards what is written, as `/dev/null` does. After a failed write, such as to a full
disk or to a reader that has exited (`| head -1`), a stream discards the rest. `main` decides on the exit code at the end:

- Standard output is closed, or its reader exited: the exit code of the command, because nobody wants the rest.
- Standard output failed for another reason: 1 and a message, if the command itself succeeded. Files of `--out` are complete.
- Standard error failed: the exit code of the command, because messages are not its result.
"""

import errno
import io
import os
import select
import sys
from typing import BinaryIO, TextIO, cast

_READER_ENDED = (errno.EPIPE, errno.ESHUTDOWN, errno.ECONNRESET)


class DiscardingWriter(io.RawIOBase):
    """Writes to an unbuffered stream. After the first failure, it keeps the error and discards what follows.

    Parameters
    ----------
    stream : io.RawIOBase
        The unbuffered stream.

    Attributes
    ----------
    failure : OSError or None
        The first error.
    """

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream.isatty()

    def write(self, data: object) -> int:
        """Write or discard all bytes, and return their number. Wait if the stream is not ready, such as when a pipe is full."""
        content = memoryview(data).cast("B")  # type: ignore[arg-type]
        rest = content
        while rest and self.failure is None:
            try:
                written = self._stream.write(rest)
            except OSError as error:
                self.failure = error
                break
            if written is None:
                select.select([], [self._stream.fileno()], [])
            else:
                rest = rest[written:]
        return content.nbytes

    @property
    def has_lost_output(self) -> bool:
        """Whether output was lost that somebody would have read."""
        error = self.failure
        return error is not None and error.errno not in _READER_ENDED and not (sys.platform == "win32" and error.errno == errno.EINVAL)


def guard_standard_streams() -> DiscardingWriter | None:
    """Replace the standard streams with ones that never fail, and open those that were closed.

    Streams that are not Unicode print '?' instead of a character that they cannot encode.

    Returns
    -------
    DiscardingWriter or None
        The writer of standard output; None if it was closed, or if a program replaced it.
    """
    _open_closed_descriptors()
    output = _guarded(sys.stdout, 1)
    errors = _guarded(sys.stderr, 2)
    sys.stdout, sys.stderr = output, errors
    writer = _raw_stream(output)
    return writer if isinstance(writer, DiscardingWriter) else None


def _open_closed_descriptors() -> None:
    """Open the null device in place of closed streams, because the next files to be opened would get their numbers and their output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)


def _guarded(stream: TextIO | None, descriptor: int) -> TextIO:
    """Return a stream for the same descriptor that never fails. A stream that the interpreter did not create is returned unchanged."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - it is open until the end
    raw = _raw_stream(stream)
    if not isinstance(stream, io.TextIOWrapper) or raw is None or raw.fileno() != descriptor:
        return stream
    # A file name that is not Unicode is printed with escapes.
    policy = "backslashreplace" if is_unicode(stream) else "replace"
    writer = DiscardingWriter(raw)
    if stream.buffer is raw:  # Python was started with -u or PYTHONUNBUFFERED
        return io.TextIOWrapper(cast("BinaryIO", writer), encoding=stream.encoding, errors=policy, write_through=True)
    return io.TextIOWrapper(io.BufferedWriter(writer), encoding=stream.encoding, errors=policy, line_buffering=stream.line_buffering)


def _raw_stream(stream: TextIO) -> io.RawIOBase | None:
    """Return the unbuffered stream below a text stream, if it has one."""
    buffer = getattr(stream, "buffer", None)
    found = getattr(buffer, "raw", buffer)
    return found if isinstance(found, io.RawIOBase) else None


def is_unicode(stream: TextIO) -> bool:
    """Return whether a stream can encode every character.

    Parameters
    ----------
    stream : TextIO
        A text stream.
    """
    return (stream.encoding or "").lower().startswith("utf")
