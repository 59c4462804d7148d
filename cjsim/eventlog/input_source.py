"""Event logs of others: CSV (also gzipped) and Parquet, mapped to our columns, checked cell by cell. (part)."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cjsim.errors import InputError, format_error


@dataclass(frozen=True)
class LogSource:
    """A file, or a table in memory, as messages name it.

    Attributes
    ----------
    path : Path or None
        The file.
    kind : str
        'parquet', 'csv', 'gzip' (a gzipped CSV) or 'frame'.
    """

    path: Path | None
    kind: str

    def cell_location(self, row: int, column: str) -> str:
        """Where a cell is: file and line for CSV, else the number of the row, from 1."""
        if self.path is None:
            return f"row {row + 1}, {column}"
        if self.kind == "parquet":
            return f"{self.path}: row {row + 1}, {column}"
        return f"{self.path}:{self.line_number_of_row(row)}: {column}"

    def raise_input_error(self, must: str, got: str, remedy: str) -> NoReturn:
        """Say what is wrong with the whole of it."""
        raise InputError(format_error(str(self.path or "frame"), must, got, remedy))

    def open_bytes(self) -> Any:
        """The bytes of a CSV file, unzipped."""
        import pyarrow as pa

        return pa.input_stream(str(self.path), compression="gzip" if self.kind == "gzip" else None)

    def line_number_of_row(self, row: int) -> int:
        """The line on which a row of a CSV file begins: quoted line breaks and blank lines counted."""
        with io.TextIOWrapper(self.open_bytes(), encoding="utf-8-sig", errors="replace", newline="") as text:
            reader = csv.reader(text)
            above, records = 0, -1  # lines above the record; records so far, the header not counted
            for record in reader:
                if record:
                    if records == row:
                        break
                    records += 1
                above = reader.line_num
        return above + 1


def detect_source(path: str | Path) -> LogSource:
    """What kind of file this is, by its first bytes.

    Raises
    ------
    InputError
        If it is not there, is a directory, is empty or cannot be read.
    """
    source = LogSource(Path(path), "csv")
    try:
        with Path(path).open("rb") as file:
            head = file.read(4)
    except IsADirectoryError:
        source.raise_input_error("must be a file", "a directory", "Name a CSV or Parquet file.")
    except OSError as error:
        source.raise_input_error("must be a file that can be read", error.strerror or str(error), "Check the path.")
    if not head:
        source.raise_input_error("must have a header and rows", "an empty file", "Give a log with the columns customer, time and event.")
    return LogSource(Path(path), "parquet" if head == b"PAR1" else "gzip" if head[:2] == b"\x1f\x8b" else "csv")
