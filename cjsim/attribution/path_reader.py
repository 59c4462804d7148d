"""Reading a firm's paths from a file: one row per path, or one row per touch."""

import csv
import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from cjsim.attribution.touch_paths import FloatArray, Paths
from cjsim.attribution.touch_rows import TouchRows, paths_from_rows
from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr
from cjsim.eventlog.event_table import EventLog
from cjsim.eventlog.input_source import LogSource, detect_source
from cjsim.eventlog.table_reader import column_names
from cjsim.input_files.regular_file import limited_lines

PATH_COLUMNS = ("path", "total_conversions", "total_conversion_value", "total_null")
TOUCH_COLUMNS = ("customer", "time", "channel", "conversion")
SEPARATOR = ">"


def read_paths(path: str | Path, *, window_days: float = math.inf) -> Paths:
    r"""Read paths from a CSV, gzipped CSV or Parquet file.

    A CSV file with the column `path` has one row per path, such as 'ad > email', with `total_conversions`, and optionally
    `total_conversion_value` (money; by default, each conversion has the value 1) and `total_null` (0 by default). Such paths have no
    times.

    Any other file has one row per touch or conversion, with `customer`, `time`, `channel` (empty for a conversion without a touch),
    `conversion` (the number of conversions at this time, empty or 0 for none) and optionally `value` (money). A row with a channel and a
    conversion is a touch that converted.

    Parameters
    ----------
    path : str or Path
        The file.
    window_days : float
        Look-back window of a file with times, in days. By default, all earlier touches of the customer count.

    Returns
    -------
    Paths

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a cell is invalid, or a window is given for paths without times. The message names
        the line.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "paths.csv"
    >>> _ = file.write_text("path,total_conversions,total_null\nad > email,2,1\nad,0,5\n")
    >>> paths = read_paths(file)
    >>> paths.touchpoints, paths.conversions.tolist(), paths.nulls.tolist()
    (('ad', 'email'), [2.0, 0.0], [1.0, 5.0])
    """
    source = detect_source(path)
    header = [name.strip() for name in column_names(source)]
    if "path" in header and source.kind != "parquet":
        if math.isfinite(window_days):
            source.raise_input_error("must have times to apply a look-back window", "paths without times", "Omit the window.")
        return _read_path_rows(source, header)
    if missing := [name for name in TOUCH_COLUMNS if name not in header]:
        remedy = did_you_mean(missing[0], header) or f"Or use {quote_choices(PATH_COLUMNS[:2])}, with one row per path."
        source.raise_input_error(f"must have a column '{missing[0]}'", f"the columns {quote_choices(header)}", remedy)
    return paths_from_rows(_read_touch_rows(source), window_days=window_days)


def _read_path_rows(source: LogSource, header: list[str]) -> Paths:
    if "total_conversions" not in header:
        remedy = did_you_mean("total_conversions", header) or "Add it, with 0 for paths that did not convert."
        source.raise_input_error("must have a column 'total_conversions'", f"the columns {quote_choices(header)}", remedy)
    index = {name: header.index(name) for name in PATH_COLUMNS if name in header}
    sequences: list[list[str]] = []
    parsed: dict[str, list[str]] = {}  # equal paths share a list
    totals: dict[str, array[float]] = {name: array("d") for name in PATH_COLUMNS[1:]}
    known: dict[str, dict[str, float]] = {name: {} for name in totals if name in index}  # counts by column and text
    with source.open_text() as text:
        reader = csv.reader(limited_lines(text, str(source.path)))

        def where(column: str) -> str:
            return f"{source.path}:{reader.line_num}: {column}"

        rows = _csv_rows(reader, source)
        next(row for row in rows if row)
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                at, must = f"{source.path}:{reader.line_num}", f"must have {len(header)} cells, like the header"
                raise InputError(format_error(at, must, f"{len(row)}", "Correct the row."))
            path = row[index["path"]]
            if path not in parsed:
                parsed[path] = _parse_path(path, where("path"))
            sequences.append(parsed[path])
            for name, counts in known.items():
                cell = row[index[name]]
                if cell not in counts:
                    counts[cell] = _parse_count(cell, where(name), can_be_negative="value" in name)
                totals[name].append(counts[cell])
    if not sequences:
        source.raise_input_error("must have at least one row", "no rows", "Use a file with rows below the header.")
    value, nulls = (totals[name] if name in index else None for name in PATH_COLUMNS[2:])
    return Paths.from_sequences(sequences, conversions=totals["total_conversions"], value=value, nulls=nulls)


def _csv_rows(reader: Iterator[list[str]], source: LogSource) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        source.raise_input_error("must be a CSV file with a header", short_repr(str(error)), "Check how it was exported.")


def _parse_path(text: str, where: str) -> list[str]:
    names = [name.strip() for name in text.split(SEPARATOR)]
    if not all(names):
        must, remedy = f"must be touchpoints separated by '{SEPARATOR}'", "Write a path such as 'ad > email'."
        raise InputError(format_error(where, must, short_repr(text), remedy))
    return names


def _parse_count(text: str, where: str, *, can_be_negative: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (value < 0 and not can_be_negative):
        must = "must be a finite number" if can_be_negative else "must be a number of at least 0"
        raise InputError(format_error(where, must, short_repr(text) if text else "nothing", "Write a number."))
    return value


def _read_touch_rows(source: LogSource) -> TouchRows:
    table = EventLog.read(str(source.path), columns={"channel": "channel", "conversion": "conversion"}, event="touch").to_arrow()
    conversions = _conversion_counts(table["conversion"].to_pylist(), source)
    channel = table["channel"].combine_chunks()
    codes = channel.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    if (at := np.flatnonzero((codes < 0) & (conversions == 0))).size:
        _raise_at(source, int(at[0]), "channel", "must be given in a row without a conversion", "nothing", "Name the channel.")
    value = conversions if "value" not in table.column_names else table["value"].fill_null(0.0).to_numpy()
    return TouchRows(
        touchpoints=tuple(channel.dictionary.to_pylist()),
        customers=np.unique(np.asarray(table["customer"].to_pylist()), return_inverse=True)[1].astype(np.int64),
        times=table["time"].to_numpy().astype("datetime64[us]").astype(np.int64),
        codes=codes,
        conversions=conversions,
        value=np.where(conversions > 0, value, 0.0),
    )


def _conversion_counts(cells: list[object], source: LogSource) -> FloatArray:
    counts = np.zeros(len(cells))
    for row, cell in enumerate(cells):
        if cell is None or cell == "":
            continue
        try:
            counts[row] = _parse_count(str(float(cell)) if isinstance(cell, bool | int | float) else str(cell), "")
        except InputError:
            _raise_at(
                source, row, "conversion", "must be a number of at least 0", short_repr(cell), "Write 1 for a conversion, otherwise 0."
            )
    return counts


def _raise_at(source: LogSource, row: int, column: str, must: str, got: str, remedy: str) -> NoReturn:
    raise InputError(format_error(source.cell_location(row, column), must, got, remedy))
