"""Reads and checks small CSV files, with errors that name the line."""

import csv
import io
import math
from pathlib import Path

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.regular_file import MIB, limited_lines, open_input

_MAX_BYTES = 256 * MIB


def read_csv_rows(path: Path, key: str, *, at_least: int, remedy: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read the header and all nonempty rows.

    Parameters
    ----------
    path : Path
        CSV file in UTF-8.
    key : str
        Setting that names the file, such as 'entry.file', for error messages.
    at_least : int
        Minimum number of rows after the header, 1 or 2.
    remedy : str
        Last sentence of the error message about too few rows.

    Returns
    -------
    list of str, list of (int, list of str)
        Column names, and the line number and unchecked values of each row.

    Raises
    ------
    InputError
        If the file cannot be read or has too few rows, or if a row does not have as many values as the header.
    """
    try:
        with io.TextIOWrapper(open_input(path, max_bytes=_MAX_BYTES), encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(limited_lines(file, path))
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
    except csv.Error as error:
        must, remedy = "must be a CSV file in UTF-8", "Save it as CSV in UTF-8."
        raise InputError(format_error(f"{key}: {path}", must, short_repr(str(error)), remedy)) from None
    if len(rows) < at_least:
        must = f"must have a header and at least {'one row' if at_least == 1 else 'two rows'}"
        raise InputError(format_error(str(path), must, str(len(rows) or "none"), remedy))
    for line, row in rows:
        if len(row) != len(header):
            must = f"must have {len(header)} values, like the header"
            raise InputError(format_error(f"{path}:{line}", must, str(len(row)), "Correct the row."))
    return header, rows


def parse_finite_number(text: str, where: str, must: str = "must be a finite number") -> float:
    """Parse the number in a cell. If it is not finite, raise an InputError that contains `where` and `must`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(format_error(where, must, short_repr(text), "Write a number."))
    return value
