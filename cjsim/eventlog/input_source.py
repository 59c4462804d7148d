"""Sources of imported event logs: format detection, and locations for error messages."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cjsim.errors import InputError, format_error


@dataclass(frozen=True)
class LogSource:
    """A file or a frame in memory.

    Attributes
    ----------
    path : Path or None
        The file; None for a frame.
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

    def open_bytes(self) -> Any:
        """Open a CSV file for reading, decompressing it if necessary.

        Returns
        -------
        pyarrow.NativeFile
        """
        import pyarrow as pa

        return pa.input_stream(str(self.path), compression="gzip" if self.kind == "gzip" else None)

    def row_number(self, row: int) -> int:
        """Return the line on which a row of a CSV file starts; quoted line breaks and blank lines are counted. Otherwise, count rows.

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
            reader = csv.reader(text)
            lines_above, n_records = 0, -1  # the header is not counted as a record
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
        If the file does not exist, is a directory, is empty or cannot be read.
    """
    source = LogSource(Path(path), "csv")
    try:
        with Path(path).open("rb") as file:
            head = file.read(4)
    except FileNotFoundError:
        source.raise_input_error("must be a readable file", "a path that does not exist", "Check the path.")
    except IsADirectoryError:
        source.raise_input_error("must be a readable file", "a directory", "Name a file in it.")
    except OSError as error:
        source.raise_input_error("must be a readable file", f"an error ({error.strerror or error})", "Check the path and its permissions.")
    if not head:
        source.raise_input_error("must be a CSV file with a header, or a Parquet file", "an empty file", "Check the path.")
    return LogSource(Path(path), "parquet" if head == b"PAR1" else "gzip" if head[:2] == b"\x1f\x8b" else "csv")
