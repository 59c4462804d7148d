"""Import of event logs from CSV, gzipped CSV and Parquet files, with validation of every cell.

An imported table has the columns `customer` (int64 if every id is an integer in plain notation, otherwise text), `time` (timestamp[us],
without a zone) and `event` (dictionary of strings). If the source has them, it also has the columns `stage`, `channel`, `message`, `source`
(dictionaries) and `value` (float64).
"""

import contextlib
import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices
from cjsim.eventlog.cell_parsing import ColumnParser
from cjsim.eventlog.columns import LABEL_COLUMNS, LOG_COLUMNS
from cjsim.eventlog.input_source import LogSource
from cjsim.input_files.parquet_file import open_parquet, read_parquet
from cjsim.input_files.regular_file import limited_lines


def read_table(source: LogSource, *, columns: Mapping[str, str], event: str | None, time_format: str | None) -> Any:
    """Read a file as a validated table with the columns of a log.

    Parameters
    ----------
    source : LogSource
        The file.
    columns : Mapping of str to str
        Maps the log's column names to those in the file, where they differ. Additional columns are imported under their key.
    event : str or None
        Event name of every row, for a file without an `event` column.
    time_format : str or None
        `strptime` format of times. If None, times are in ISO 8601.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, or a cell is invalid.
    """
    source_column_of = choose_columns(source, column_names(source), columns, event)
    raw_table = read_columns(source, source_column_of.values())
    return checked_log_table(raw_table, source, source_column_of, event=event, time_format=time_format)


def column_names(source: LogSource) -> list[str]:
    """Read the column names of a file.

    Parameters
    ----------
    source : LogSource
        The file.

    Returns
    -------
    list of str
        Column names; empty if a CSV file has no header.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if source.path is not None and source.kind == "parquet":
        with open_parquet(source.path) as file:
            return list(file.schema_arrow.names)
    with _explain_unreadable(source), source.open_text() as text:
        return next((record for record in csv.reader(limited_lines(text, str(source.path))) if record), [])


def read_columns(source: LogSource, names: Iterable[str]) -> Any:
    """Read columns of a file. Columns of a CSV file are read as text: their types are parsed later, not inferred by Arrow.

    Parameters
    ----------
    source : LogSource
        The file.
    names : iterable of str
        Columns of the file.

    Returns
    -------
    pyarrow.Table
        Empty cells of a CSV file are null, and its blank lines are omitted.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    wanted = sorted(set(names))
    if source.path is not None and source.kind == "parquet":
        return read_parquet(source.path, columns=wanted)
    with _explain_unreadable(source), source.open_bytes() as file:
        return arrow_csv.read_csv(
            file,
            read_options=arrow_csv.ReadOptions(use_threads=False),  # in order, because errors name the row
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )


def choose_columns(source: LogSource, source_columns: list[str], columns: Mapping[str, str], event: str | None) -> dict[str, str]:
    """Choose the columns to import: required columns, log columns that the source has, and columns that the user requests.

    Parameters
    ----------
    source : LogSource
        The file or DataFrame, for error messages.
    source_columns : list of str
        Columns of the source.
    columns : Mapping of str to str
        Maps the log's column names to those in the source, where they differ.
    event : str or None
        Event name of every row. If given, an `event` column is not required, and is ignored.

    Returns
    -------
    dict of str to str
        Column names in the source by column names of the log.

    Raises
    ------
    InputError
        If a required column is missing.
    """
    required = {"customer", "time", *columns} | (set() if event else {"event"})
    source_column_of = {}
    for name in [*LOG_COLUMNS, *(name for name in columns if name not in LOG_COLUMNS)]:
        source_name = columns.get(name, name)
        if source_name in source_columns and not (name == "event" and event):
            source_column_of[name] = source_name
        elif name in required:
            remedy = did_you_mean(source_name, source_columns) or f"Map it to a column with columns={{'{name}': ...}}."
            if name == "event":
                remedy += " Or set the event of every row with event='purchase'."
            source.raise_input_error(f"must have a column '{source_name}'", f"the columns {quote_choices(source_columns)}", remedy)
    return source_column_of


def checked_log_table(
    raw_table: Any, source: LogSource, source_column_of: Mapping[str, str], *, event: str | None, time_format: str | None
) -> Any:
    """Convert a table with the columns of the source to a table with the columns and types of a log.

    Parameters
    ----------
    raw_table : pyarrow.Table
        Columns of the source, as text or typed.
    source : LogSource
        The file or DataFrame, for error messages.
    source_column_of : Mapping of str to str
        Column names in the source by column names of the log.
    event : str or None
        Event name of every row.
    time_format : str or None
        `strptime` format of times. If None, times are in ISO 8601.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InputError
        If there are no rows, or a cell is invalid.
    """
    import pyarrow as pa

    if raw_table.num_rows == 0:
        source.raise_input_error("must have at least one row", "no rows", "Use a log with rows below the header.")
    parsed = {}
    for name, source_name in source_column_of.items():
        column = ColumnParser(raw_table[source_name], source, source_name)
        if name == "customer":
            parsed[name] = column.parse_customers()
        elif name == "time":
            parsed[name] = column.parse_times(time_format)
        elif name == "value":
            parsed[name] = column.parse_money()
        elif name in LABEL_COLUMNS:
            parsed[name] = column.parse_labels(required=name == "event")
        else:
            parsed[name] = raw_table[source_name]
    if event:
        parsed["event"] = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int16()), raw_table.num_rows), [event])
    order = [name for name in LOG_COLUMNS if name in parsed] + [name for name in parsed if name not in LOG_COLUMNS]
    return pa.table({name: parsed[name] for name in order})


@contextlib.contextmanager
def _explain_unreadable(source: LogSource) -> Iterator[None]:
    """Raise an `InputError` that explains why a file cannot be read as a table."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError, csv.Error) as error:
        _raise_unreadable(source, error)


def _raise_unreadable(source: LogSource, error: Exception) -> NoReturn:
    """Raise an error that explains why a file cannot be read as a table."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError) or "UTF8" in text:
        source.raise_input_error("must be text in UTF-8", "other bytes", "Save it as CSV in UTF-8.")
    if ragged := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", text):
        row, expected, got = (int(part) for part in ragged.groups())
        where = f"{source.path}:{source.row_number(row - 2)}"
        remedy = "Quote values that contain commas."
        raise InputError(format_error(where, f"must have {expected} fields, like the header", str(got), remedy)) from error
    source.raise_input_error("must be a CSV file with a header", f"'{text.splitlines()[0][:120]}'", "Check how it was exported.")
