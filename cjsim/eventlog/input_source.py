"""Sources of imported event logs: format detection, and locations for error messages."""

import contextlib
import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, TextIO

from cjsim.errors import InputError, format_error
from cjsim.input_files.parquet_file import PARQUET_MAGIC
from cjsim.input_files.regular_file import GZIP_MAGIC, first_bytes, limited_lines, open_inflated, open_input, shown_path


@dataclass(frozen=True)
class LogSource:
    """A file or a DataFrame.

    Attributes
    ----------
    path : Path or None
        The file; None for a DataFrame.
    kind : str
        'parquet', 'csv', 'gzip' (gzipped CSV) or 'frame'.
    """

    path: Path | None
    kind: str

    def cell_location(self, row: int, column: str) -> str:
        """Return the location of a cell for error messages.

        Parameters
        ----------
        row : int
            Index of the row, from 0, not counting the header.
        column : str
            Name of the column.

        Returns
        -------
        str
            File and line for CSV files, otherwise the row number from 1.
        """
        if self.kind == "frame":
            return f"row {row + 1}, {column}"
        if self.kind == "parquet":
            return f"{self.path}: row {row + 1}, {column}"
        return f"{self.path}:{self.row_number(row)}: {column}"

    def raise_input_error(self, must: str, got: str, remedy: str) -> NoReturn:
        """Raise an error about the source as a whole.

        Parameters
        ----------
        must, got, remedy : str
            Parts of the message. See `format_error`.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(format_error(str(self.path or "frame"), must, got, remedy))

    def open_bytes(self) -> BinaryIO:
        """Open a CSV file for reading, decompressing it if necessary."""
        assert self.path is not None
        return open_inflated(self.path)

    def open_text(self) -> TextIO:
        """Open a CSV file as text in UTF-8, decompressing it if necessary. Line breaks are kept."""
        return io.TextIOWrapper(self.open_bytes(), encoding="utf-8-sig", newline="")

    def row_number(self, row: int) -> int:
        """Return the line on which a row of a CSV file starts, counting quoted line breaks and blank lines. Other sources: the row number.

        Parameters
        ----------
        row : int
            Index of the row, from 0, not counting the header.

        Returns
        -------
        int
            Number of the line or row, from 1.
        """
        if self.kind in ("parquet", "frame"):
            return row + 1
        with io.TextIOWrapper(self.open_bytes(), encoding="utf-8-sig", errors="replace", newline="") as text:
            reader = csv.reader(limited_lines(text, str(self.path)))
            lines_above, n_records = 0, -1  # the header is not counted as a record
            with contextlib.suppress(csv.Error):  # a field that Arrow accepts, but the csv module does not
                for record in reader:
                    if record:
                        if n_records == row:
                            break
                        n_records += 1
                    lines_above = reader.line_num
        return lines_above + 1


def detect_source(path: str | Path) -> LogSource:
    """Detect the format of a file from its first bytes.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    LogSource

    Raises
    ------
    InputError
        If the file does not exist, is not a regular file, is empty or cannot be read.
    """
    with open_input(path) as file:
        head = first_bytes(file, len(PARQUET_MAGIC))
    if not head:
        must, remedy = "must be a CSV file with a header, or a Parquet file", "Check the path."
        raise InputError(format_error(shown_path(path), must, "an empty file", remedy))
    return LogSource(Path(path), "parquet" if head == PARQUET_MAGIC else "gzip" if head.startswith(GZIP_MAGIC) else "csv")
