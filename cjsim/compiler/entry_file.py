"""Reads entry files: entry times of customers, and their known traits and attributes."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts
from cjsim.input_files.csv_rows import parse_finite_number, read_csv_rows

IDENTIFIER = "customer"  # the firm's customer ID, which users keep to join rows with other tables


class Entries(NamedTuple):
    """Columns of an entry file. Customer n takes row n modulo the number of rows."""

    entered: NDArray[np.float64]  # days since the start
    traits: dict[str, NDArray[np.float64]]
    attributes: dict[str, NDArray[np.float64]]  # level codes


def read_entries(path: Path, *, start: date, traits: Mapping[str, int], levels: Mapping[str, Mapping[str, int]]) -> Entries:
    """Read an entry file.

    Parameters
    ----------
    path : Path
        CSV file in UTF-8 with a header. A `customer` column is ignored unless a trait or an attribute has this name.
    start : date
        Day 0.
    traits : mapping of str to int
        Names of traits that may be columns.
    levels : mapping of str to mapping of str to int
        Names of attributes that may be columns, each with the codes of its levels.

    Returns
    -------
    Entries

    Raises
    ------
    InputError
        If the file cannot be read, has no rows or no `entered` column, or contains an invalid value. The message gives the line.
    """
    header, rows = read_csv_rows(path, "entry.file", at_least=1, remedy="Write one row per customer.")
    names = {"entered", IDENTIFIER, *traits, *levels}
    if not names & set(header):  # the file may be private, so the message quotes nothing from it
        raise InputError(format_error(f"{path}:1", "must have an 'entered' column", "other columns", "Name the columns in the first row."))
    for name in header:
        if name not in names:
            raise InputError(format_error(f"{path}:1", *unknown_name_parts(name, ["entered", IDENTIFIER, *traits, *levels], "column")))
    if "entered" not in header or len(set(header)) < len(header):
        must = "must have an 'entered' column and no duplicate columns"
        raise InputError(format_error(f"{path}:1", must, short_repr(", ".join(header)), "Name the columns in the first row."))
    columns: dict[str, NDArray[np.float64]] = {}
    for column, name in enumerate(header):
        if name == IDENTIFIER and name not in traits and name not in levels:
            continue
        cells = [(row[column], f"{path}:{line}: {name}") for line, row in rows]
        if name == "entered":
            columns[name] = np.array([_day(text, start, where) for text, where in cells])
        elif name in traits:
            must = "must be a finite number, because it is a trait"
            columns[name] = np.array([parse_finite_number(text, where, must) for text, where in cells])
        else:
            columns[name] = np.array([_level(text, levels[name], where) for text, where in cells])
    known = {name: values for name, values in columns.items() if name != "entered"}
    return Entries(
        entered=columns["entered"],
        traits={name: values for name, values in known.items() if name in traits},
        attributes={name: values for name, values in known.items() if name not in traits},
    )


def _day(text: str, start: date, where: str) -> float:
    """Convert a date, a date-time or a number of days to days since the start."""
    must = "must be a date, a date-time, or days since the start"
    try:
        days = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            remedy = "Use a format such as '2026-03-01', '2026-03-01 14:30' or '59.5'."
            raise InputError(format_error(where, must, short_repr(text), remedy)) from None
        days = (moment.replace(tzinfo=None) - datetime.combine(start, time())).total_seconds() / 86_400
    if not math.isfinite(days):
        raise InputError(format_error(where, must, short_repr(text), "Write a finite number."))
    if days < 0:
        must = f"must not be before the start of the scenario ({start})"
        raise InputError(format_error(where, must, short_repr(text), "Start the scenario earlier, or remove the row."))
    return days


def _level(text: str, codes: Mapping[str, int], where: str) -> float:
    if text.strip() not in codes:
        raise InputError(format_error(where, *unknown_name_parts(text.strip(), codes, "level")))
    return float(codes[text.strip()])
