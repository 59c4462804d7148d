"""The file of a purchase log: detection of its kind, and bounded reading of its bytes."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from cjsim.errors import InputError, format_error
from cjsim.input_files.parquet_file import PARQUET_MAGIC
from cjsim.input_files.regular_file import GZIP_MAGIC, open_inflated, open_input

MAX_ROWS = 20_000_000
MAX_LINE_BYTES = 1_000_000
MAX_CELL = 1_000  # characters of a customer, date or amount
MAX_BYTES = 4 << 30  # per file, both as stored and decompressed
_CHUNK_BYTES = 1 << 18
_KINDS = {PARQUET_MAGIC: "parquet", b"PK\x03\x04": "excel", GZIP_MAGIC: "gzip"}
_AS_TEXT = "Export the log as CSV, .xlsx or Parquet."
_REFUSED = {
    b"\xd0\xcf\x11\xe0": ("an old Excel file (.xls)", "Save it as .xlsx or CSV."),
    b"BZh": ("a bzip2 archive", "Unpack it, or compress it with gzip."),
    b"\xfd7zXZ": ("an xz archive", "Unpack it, or compress it with gzip."),
    b"\x28\xb5\x2f\xfd": ("a Zstandard archive", "Unpack it, or compress it with gzip."),
    b"7z\xbc\xaf": ("a 7-Zip archive", "Unpack it."),
    b"Rar!": ("a RAR archive", "Unpack it."),
    b"%PDF": ("a PDF document", _AS_TEXT),
    b"SQLite format 3": ("an SQLite database", _AS_TEXT),
    b"ARROW1": ("an Arrow (Feather) file", "Save it as Parquet or CSV."),
}
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<workbook")


@dataclass(frozen=True)
class LogFile:
    """A file that holds a purchase log.

    Attributes
    ----------
    path : Path
        The file.
    kind : str
        'text', 'gzip' (gzipped text), 'parquet' or 'excel'.
    """

    path: Path
    kind: str

    def raise_error(self, must: str, got: str, remedy: str, *, line: int | None = None) -> NoReturn:
        """Raise an error about the file, or about one of its lines.

        Parameters
        ----------
        must, got, remedy : str
            Parts of the message. See `format_error`.
        line : int, optional
            Number of the line, from 1.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(format_error(str(self.path) if line is None else f"{self.path}:{line}", must, got, remedy))

    def open_bytes(self) -> BinaryIO:
        """Open a text file for reading, decompressed.

        Returns
        -------
        BinaryIO
            Reading raises an InputError if the file is damaged, expands too much, or has a line of more than a million bytes.
        """
        return io.BufferedReader(_LineGuard(open_inflated(self.path, max_bytes=MAX_BYTES), self), _CHUNK_BYTES)

    def require_intact_gzip(self) -> None:
        """Decompress a gzip file to its end. This is fast, and refuses a damaged or oversized file before any row is parsed.

        Raises
        ------
        InputError
            If the file is damaged, expands too much, or has a line of more than a million bytes.
        """
        if self.kind == "gzip":
            with self.open_bytes() as stream:
                while stream.read(_CHUNK_BYTES):
                    pass


class _LineGuard(io.RawIOBase):
    """Reads bytes, and raises at a line that is too long, because a row must fit in memory."""

    def __init__(self, stream: BinaryIO, file: LogFile) -> None:
        super().__init__()
        self._stream, self._file = stream, file
        self._line_bytes, self._line = 0, 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        last_break = max(content.rfind(b"\n"), content.rfind(b"\r"))
        self._line_bytes = len(content) - last_break - 1 + (self._line_bytes if last_break < 0 else 0)
        self._line += content.count(b"\n")
        if self._line_bytes > MAX_LINE_BYTES:
            must, remedy = f"must have lines of at most {MAX_LINE_BYTES:,} bytes", "Check that it is a table with one purchase per line."
            self._file.raise_error(must, "a longer line", remedy, line=self._line)
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()


def detect_log_file(path: str | Path) -> LogFile:
    """Detect the kind of a purchase log's file from its first bytes.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    LogFile

    Raises
    ------
    InputError
        If the file does not exist, is empty, cannot be read, is not a regular file (a folder, device or pipe), or is of an unsupported
        kind.
    """
    file = LogFile(Path(path), "text")
    with open_input(path, max_bytes=MAX_BYTES) as stream:
        head = stream.read(64)
    if not head:
        file.raise_error("must be a CSV file with a header, an Excel file or a Parquet file", "an empty file", "Check the path.")
    for start, (kind, remedy) in _REFUSED.items():
        if head.startswith(start):
            file.raise_error("must be a CSV file, an Excel file or a Parquet file", kind, remedy)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP):
        remedy = "Open it in a spreadsheet and save it as .xlsx or CSV."
        file.raise_error("must be a CSV file, an Excel file or a Parquet file", "a web page or XML document", remedy)
    return LogFile(file.path, next((kind for start, kind in _KINDS.items() if head.startswith(start)), "text"))
