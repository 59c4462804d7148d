"""Event logs of others: CSV (also gzipped) and Parquet, mapped to our columns, checked cell by cell.

Lives here: how a file becomes a table with our columns, and what is said where it does not. Does not live here: the noun that
users hold (log.py), the file that a simulation writes (writer.py).

A table has `customer` (int64 where every id is a whole number written plainly, else text), `time` (timestamp[us], no zone),
`event` (dictionary of strings), and where the source has them `stage`, `channel`, `message`, `source` (dictionaries), `value` (float64).
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cjsim.errors import InputError, complaint, did_you_mean, one_of, shown
from cjsim.eventlog.writer import COLUMNS

_NAMES = ("event", "stage", "channel", "message", "source")
_PLAIN_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"
_A_TIME = "must be a date or date-time such as '2026-01-31' or '2026-01-31 18:05:00'"


@dataclass(frozen=True)
class Source:
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

    def place(self, row: int, column: str) -> str:
        """Where a cell is: file and line for CSV, else the number of the row, from 1."""
        if self.path is None:
            return f"row {row + 1}, {column}"
        if self.kind == "parquet":
            return f"{self.path}: row {row + 1}, {column}"
        return f"{self.path}:{self.line_of(row)}: {column}"

    def refuse(self, must: str, got: str, remedy: str) -> NoReturn:
        """Say what is wrong with the whole of it."""
        raise InputError(complaint(str(self.path or "frame"), must, got, remedy))

    def open(self) -> Any:
        """The bytes of a CSV file, unzipped."""
        import pyarrow as pa

        return pa.input_stream(str(self.path), compression="gzip" if self.kind == "gzip" else None)

    def line_of(self, row: int) -> int:
        """The line on which a row of a CSV file begins: quoted line breaks and blank lines counted."""
        with io.TextIOWrapper(self.open(), encoding="utf-8-sig", errors="replace", newline="") as text:
            reader = csv.reader(text)
            above, records = 0, -1  # lines above the record; records so far, the header not counted
            for record in reader:
                if record:
                    if records == row:
                        break
                    records += 1
                above = reader.line_num
        return above + 1


def open_source(path: str | Path) -> Source:
    """What kind of file this is, by its first bytes.

    Raises
    ------
    InputError
        If it is not there, is a directory, is empty or cannot be read.
    """
    source = Source(Path(path), "csv")
    try:
        with Path(path).open("rb") as file:
            head = file.read(4)
    except IsADirectoryError:
        source.refuse("must be a file", "a directory", "Name a CSV or Parquet file.")
    except OSError as error:
        source.refuse("must be a file that can be read", error.strerror or str(error), "Check the path.")
    if not head:
        source.refuse("must have a header and rows", "an empty file", "Give a log with the columns customer, time and event.")
    return Source(Path(path), "parquet" if head == b"PAR1" else "gzip" if head[:2] == b"\x1f\x8b" else "csv")


def read_table(source: Source, *, columns: Mapping[str, str], event: str | None, time_format: str | None) -> Any:
    """A file as a checked table with our columns.

    Parameters
    ----------
    source : Source
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
        names = header(source)
        wanted = choose_columns(source, names, columns, event)
        raw = _read_parquet(source, wanted) if source.kind == "parquet" else _read_csv(source, wanted)
    except (pa.ArrowInvalid, UnicodeDecodeError, csv.Error) as error:
        _refuse_unreadable(source, error)
    except OSError as error:
        source.refuse("must be a file that can be read to its end", str(error), "Check that it is complete.")
    return checked(raw, source, wanted, event=event, time_format=time_format)


def header(source: Source) -> list[str]:
    """The column names of a file."""
    import pyarrow.parquet as pq

    if source.kind == "parquet":
        return list(pq.read_schema(source.path).names)
    with io.TextIOWrapper(source.open(), encoding="utf-8-sig", newline="") as text:
        return next((record for record in csv.reader(text) if record), [])


def choose_columns(source: Source, names: list[str], columns: Mapping[str, str], event: str | None) -> dict[str, str]:
    """Our names to those of the source: what must be there, what is there, and what was asked for.

    Raises
    ------
    InputError
        If a column that must be there is missing.
    """
    needed = {"customer", "time", *columns} | (set() if event else {"event"})
    chosen = {}
    for ours in [*COLUMNS, *(name for name in columns if name not in COLUMNS)]:
        theirs = columns.get(ours, ours)
        if theirs in names and not (ours == "event" and event):
            chosen[ours] = theirs
        elif ours in needed:
            remedy = did_you_mean(theirs, names) or f"Say which column holds it with columns={{'{ours}': ...}}."
            if ours == "event":
                remedy += " Or name the event of every row with event='purchase'."
            source.refuse(f"must have a column '{theirs}'", f"the columns {one_of(names)}", remedy)
    return chosen


def checked(raw: Any, source: Source, chosen: Mapping[str, str], *, event: str | None, time_format: str | None) -> Any:
    """A table with our columns and types from one with the source's names.

    Parameters
    ----------
    raw : pyarrow.Table
        The columns of the source, as text or typed.
    source : Source
        For messages.
    chosen : Mapping of str to str
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

    if raw.num_rows == 0:
        source.refuse("must have at least one row", "no rows", "Give a log with rows below its header.")
    out = {}
    for ours, theirs in chosen.items():
        cells = _Cells(raw[theirs], source, theirs)
        if ours == "customer":
            out[ours] = cells.customers()
        elif ours == "time":
            out[ours] = cells.times(time_format)
        elif ours == "value":
            out[ours] = cells.money()
        elif ours in _NAMES:
            out[ours] = cells.names(required=ours == "event")
        else:
            out[ours] = raw[theirs]
    if event:
        out["event"] = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int16()), raw.num_rows), [event])
    order = [name for name in COLUMNS if name in out] + [name for name in out if name not in COLUMNS]
    return pa.table({name: out[name] for name in order})


@dataclass(frozen=True)
class _Cells:
    """One column of a source, and how to speak of its cells."""

    values: Any
    source: Source
    name: str

    def customers(self) -> Any:
        """Ids: int64 where all are whole numbers written plainly ('7', not '007'), else text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self._require("must name a customer")
        if not _is_text(self.values.type):
            return self._convert(lambda cells: cells.cast(pa.int64()), "must be a whole number or text", "Give ids as integers or text.")
        text = self.values.cast(pa.string())
        return text.cast(pa.int64()) if pc.all(pc.match_substring_regex(text, _PLAIN_INTEGER)).as_py() else text

    def times(self, time_format: str | None) -> Any:
        """Times as timestamp[us]; a named zone gives its local time, an offset in text gives UTC."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self._require(_A_TIME)
        kind, micro = self.values.type, pa.timestamp("us")
        if pa.types.is_timestamp(kind):
            return (pc.local_timestamp(self.values) if kind.tz else self.values).cast(micro, safe=False)
        if pa.types.is_date(kind):
            return self.values.cast(micro)
        if not _is_text(kind):
            self._refuse(0, _A_TIME, "Give times as text, dates or timestamps.")
        cells = _Cells(pc.utf8_trim_whitespace(self.values.cast(pa.string())), self.source, self.name)
        if time_format:
            form = f"must be a time of the form '{time_format}'"
            return cells._convert(lambda some: pc.strptime(some, time_format, "us"), form, "Correct it, or give another time_format.")
        utc = pa.timestamp("us", "UTC")
        zoned = _fits(lambda some: some.cast(utc), cells.values.slice(0, 1))
        remedy = "Write it so, or say how times are written with time_format='%d.%m.%Y %H:%M'."
        return cells._convert(lambda some: some.cast(utc).cast(micro) if zoned else some.cast(micro), _A_TIME, remedy)

    def money(self) -> Any:
        """Amounts as float64; an empty cell is null."""
        import pyarrow as pa
        import pyarrow.compute as pc

        must, remedy = "must be a finite number", "Write amounts as digits with a decimal point, without currency or thousands separators."
        cells = (
            _Cells(pc.utf8_trim_whitespace(self.values.cast(pa.string())), self.source, self.name) if _is_text(self.values.type) else self
        )
        amounts = cells._convert(lambda some: some.cast(pa.float64()), must, remedy)
        wild = pc.index(pc.invert(pc.is_finite(amounts)), True).as_py()
        if wild >= 0:
            self._refuse(wild, must, remedy)
        return amounts

    def names(self, *, required: bool) -> Any:
        """Labels as a dictionary of strings."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if required:
            self._require("must name an event")
        if pa.types.is_dictionary(self.values.type):
            return self.values
        return pc.dictionary_encode(self.values.cast(pa.string()))

    def _require(self, must: str) -> None:
        """Refuse the first empty cell."""
        import pyarrow.compute as pc

        if self.values.null_count:
            self._refuse(pc.index(pc.is_null(self.values), True).as_py(), must, "Fill it in, or leave the row out.")

    def _convert(self, convert: Callable[[Any], Any], must: str, remedy: str) -> Any:
        """The column converted; where that fails, the first cell that cannot be is found by halving and refused."""
        import pyarrow as pa

        try:
            return convert(self.values)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            low, high = 0, len(self.values)  # a cell that fails lies in [low, high), none before low
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _fits(convert, self.values.slice(low, middle - low)) else (low, middle)
            self._refuse(low, must, remedy)

    def _refuse(self, row: int, must: str, remedy: str) -> NoReturn:
        raise InputError(complaint(self.source.place(row, self.name), must, shown(self.values[row].as_py()), remedy))


def _fits(convert: Callable[[Any], Any], cells: Any) -> bool:
    import pyarrow as pa

    try:
        convert(cells)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind) or pa.types.is_string_view(kind))


def _read_parquet(source: Source, chosen: Mapping[str, str]) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(source.path, columns=sorted(set(chosen.values())))


def _read_csv(source: Source, chosen: Mapping[str, str]) -> Any:
    """The wanted columns of a CSV, all as text: what a cell means is decided here, not guessed."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    wanted = sorted(set(chosen.values()))
    with source.open() as file:
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


def _refuse_unreadable(source: Source, error: Exception) -> NoReturn:
    """Say why a file is not a table at all."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError) or "UTF8" in text:
        source.refuse("must be text in UTF-8", "other bytes", "Save it as CSV in UTF-8.")
    if source.kind == "parquet":
        source.refuse("must be a complete Parquet file", f"'{text.splitlines()[0]}'", "Check that it was written to its end.")
    if ragged := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", text):
        row, expected, got = (int(part) for part in ragged.groups())
        where = f"{source.path}:{source.line_of(row - 2)}"
        raise InputError(
            complaint(where, f"must have {expected} cells as the header has", str(got), "Quote cells that hold commas.")
        ) from error
    source.refuse("must be a CSV with a header", f"'{text.splitlines()[0][:120]}'", "Check how it was exported.")
