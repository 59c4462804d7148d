"""Event logs of others: CSV (also gzipped) and Parquet, mapped to our columns, checked cell by cell.

Lives here: how a file becomes a table with our columns, and what is said where it does not. Does not live here: the noun that
users hold (log.py), the file that a simulation writes (writer.py).

A table has `customer` (int64 where every id is a whole number written plainly, else text), `time` (timestamp[us], no zone),
`event` (dictionary of strings), and where the source has them `stage`, `channel`, `message`, `source` (dictionaries), `value` (float64).
"""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices
from cjsim.eventlog.cell_parsing import ColumnParser
from cjsim.eventlog.columns import LABEL_COLUMNS, LOG_COLUMNS
from cjsim.eventlog.input_source import LogSource


def read_table(source: LogSource, *, columns: Mapping[str, str], event: str | None, time_format: str | None) -> Any:
    """A file as a checked table with our columns.

    Parameters
    ----------
    source : LogSource
        A file.
    columns : Mapping of str to str
        Our name to the file's, where they differ; further names are kept as they are.
    event : str or None
        The event of every row, for a file without such a column.
    time_format : str or None
        `strptime` format of the times, for a CSV whose times are not ISO 8601.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InputError
        If a column is missing or a cell is not what its column holds.
    """
    import pyarrow as pa

    try:
        names = column_names(source)
        wanted = choose_columns(source, names, columns, event)
        raw = _read_parquet_columns(source, wanted) if source.kind == "parquet" else _read_csv_as_text(source, wanted)
    except (pa.ArrowInvalid, UnicodeDecodeError, csv.Error) as error:
        _raise_unreadable(source, error)
    except OSError as error:
        source.raise_input_error("must be a file that can be read to its end", str(error), "Check that it is complete.")
    return checked_log_table(raw, source, wanted, event=event, time_format=time_format)


def column_names(source: LogSource) -> list[str]:
    """The column names of a file."""
    import pyarrow.parquet as pq

    if source.kind == "parquet":
        return list(pq.read_schema(source.path).names)
    with io.TextIOWrapper(source.open_bytes(), encoding="utf-8-sig", newline="") as text:
        return next((record for record in csv.reader(text) if record), [])


def choose_columns(source: LogSource, source_columns: list[str], columns: Mapping[str, str], event: str | None) -> dict[str, str]:
    """Our names to those of the source: what must be there, what is there, and what was asked for.

    Raises
    ------
    InputError
        If a column that must be there is missing.
    """
    needed = {"customer", "time", *columns} | (set() if event else {"event"})
    chosen = {}
    for ours in [*LOG_COLUMNS, *(name for name in columns if name not in LOG_COLUMNS)]:
        theirs = columns.get(ours, ours)
        if theirs in source_columns and not (ours == "event" and event):
            chosen[ours] = theirs
        elif ours in needed:
            remedy = did_you_mean(theirs, source_columns) or f"Say which column holds it with columns={{'{ours}': ...}}."
            if ours == "event":
                remedy += " Or name the event of every row with event='purchase'."
            source.raise_input_error(f"must have a column '{theirs}'", f"the columns {quote_choices(source_columns)}", remedy)
    return chosen


def checked_log_table(
    raw_table: Any, source: LogSource, source_column_of: Mapping[str, str], *, event: str | None, time_format: str | None
) -> Any:
    """A table with our columns and types from one with the source's names.

    Parameters
    ----------
    raw_table : pyarrow.Table
        The columns of the source, as text or typed.
    source : LogSource
        For messages.
    source_column_of : Mapping of str to str
        Our names to the source's.
    event : str or None
        The event of every row.
    time_format : str or None
        `strptime` format of the times.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InputError
        If there are no rows, or a cell is not what its column holds.
    """
    import pyarrow as pa

    if raw_table.num_rows == 0:
        source.raise_input_error("must have at least one row", "no rows", "Give a log with rows below its header.")
    out = {}
    for ours, theirs in source_column_of.items():
        cells = ColumnParser(raw_table[theirs], source, theirs)
        if ours == "customer":
            out[ours] = cells.parse_customers()
        elif ours == "time":
            out[ours] = cells.parse_times(time_format)
        elif ours == "value":
            out[ours] = cells.parse_money()
        elif ours in LABEL_COLUMNS:
            out[ours] = cells.parse_labels(required=ours == "event")
        else:
            out[ours] = raw_table[theirs]
    if event:
        out["event"] = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int16()), raw_table.num_rows), [event])
    order = [name for name in LOG_COLUMNS if name in out] + [name for name in out if name not in LOG_COLUMNS]
    return pa.table({name: out[name] for name in order})


def _read_parquet_columns(source: LogSource, chosen: Mapping[str, str]) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(source.path, columns=sorted(set(chosen.values())))


def _read_csv_as_text(source: LogSource, chosen: Mapping[str, str]) -> Any:
    """The wanted columns of a CSV, all as text: what a cell means is decided here, not guessed."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    wanted = sorted(set(chosen.values()))
    with source.open_bytes() as file:
        return arrow_csv.read_csv(
            file,
            read_options=arrow_csv.ReadOptions(use_threads=False),  # in order, so that a bad row is named
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )


def _raise_unreadable(source: LogSource, error: Exception) -> NoReturn:
    """Say why a file is not a table at all."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError) or "UTF8" in text:
        source.raise_input_error("must be text in UTF-8", "other bytes", "Save it as CSV in UTF-8.")
    if source.kind == "parquet":
        source.raise_input_error("must be a complete Parquet file", f"'{text.splitlines()[0]}'", "Check that it was written to its end.")
    if ragged := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", text):
        row, expected, got = (int(part) for part in ragged.groups())
        where = f"{source.path}:{source.line_number_of_row(row - 2)}"
        raise InputError(
            format_error(where, f"must have {expected} cells as the header has", str(got), "Quote cells that hold commas.")
        ) from error
    source.raise_input_error("must be a CSV with a header", f"'{text.splitlines()[0][:120]}'", "Check how it was exported.")
