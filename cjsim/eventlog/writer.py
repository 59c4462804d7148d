"""The log as it is made: rows of codes in, a Parquet file out, in memory that does not grow.

Lives here: the columns of a simulated log, and how they lie in Parquet. Does not live here: reading (reading.py), the
noun that users hold (log.py), what is logged and when (the rules in model/).
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from cjsim.errors import InputError, complaint

Records = np.ndarray[Any, np.dtype[Any]]  # not from model.state, which brings numba: a log is read without it

GROUP = 1 << 19  # rows of a row group: what is held in memory
_BLOCK = 1 << 14  # rows converted at a time: their 36 bytes each stay in the cache (measured: 33 ns a row, 48 without)
_CODES = ("event", "stage", "channel", "message", "source")
_MICROSECONDS = 8.64e10  # a day

COLUMNS = ("customer", "time", *_CODES, "value")


class LogNames(Protocol):
    """What the codes of a log row stand for."""

    @property
    def events(self) -> Sequence[str]:
        """Events of the log by code: touches, then journey events."""

    @property
    def stages(self) -> Sequence[str]:
        """Stages by code."""

    @property
    def channels(self) -> Sequence[str]:
        """Channels by code."""

    @property
    def messages(self) -> Sequence[str]:
        """Messages by code."""

    @property
    def sources(self) -> Sequence[str]:
        """Flows and broadcasts by code."""


class LogWriter:
    """Writes log rows to a Parquet file while they are made.

    The file has the columns `customer` (int64), `time` (timestamp[us], local time without a zone), `event`, `stage`, `channel`,
    `message`, `source` (dictionary of strings, null where there is none) and `value` (float64, money; null where it is 0, since
    a row that moves no money has no value). Rows stay in the order in which they come. Row groups have 2**19 rows however the rows
    are handed over, and each has a dictionary of the names in it, in order, so that the bytes depend on what happened alone: not on
    chunks, nor on the order of codes, nor on names that could have occurred. The file has its name only once it is closed.

    One thread writes. Measured on one core, on the shop's rows: 6.8 million rows a second, 6.8 bytes a row.

    Parameters
    ----------
    path : str or Path
        The file to write. Until `close`, its content lies beside it in `path + ".part"`.
    names : LogNames
        Names of the codes; a compiled scenario's codebook fits.
    start : date
        The scenario's start: day 0 begins at 00:00 of this date.

    Raises
    ------
    InputError
        If the file cannot be written there.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import tempfile
    >>> from cjsim.model.state import ROW
    >>> names = SimpleNamespace(events=("purchase",), stages=("active",), channels=(), messages=(), sources=())
    >>> rows = np.array([(7, 0.5, 29.9, 0, 0, -1, -1, -1, 0)], ROW)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with LogWriter(Path(folder) / "log.parquet", names, date(2026, 1, 1)) as writer:
    ...         writer.write(rows)
    ...     writer.rows, [path.name for path in Path(folder).iterdir()]
    (1, ['log.parquet'])
    """

    def __init__(self, path: str | Path, names: LogNames, start: date) -> None:
        import pyarrow as pa

        self.path = Path(path)
        self.rows = 0
        self._part = self.path.with_name(self.path.name + ".part")
        labels = (names.events, names.stages, names.channels, names.messages, names.sources)
        self._labels = dict(zip(_CODES, map(list, labels), strict=True))
        self._start = int(np.datetime64(start, "us").astype(np.int64))
        self._customer = np.empty(GROUP, np.int64)
        self._time = np.empty(GROUP, np.int64)
        self._codes = {name: np.empty(GROUP, np.int16) for name in _CODES}
        self._value = np.empty(GROUP, np.float64)
        self._filled = 0
        self._schema = pa.schema(
            [("customer", pa.int64()), ("time", pa.timestamp("us"))]
            + [(name, pa.dictionary(pa.int16(), pa.string())) for name in _CODES]
            + [("value", pa.float64())]
        )
        self._file = open_parquet(self._part, self._schema, shown=self.path)

    def write(self, rows: Records) -> None:
        """Append rows.

        Parameters
        ----------
        rows : ndarray of ROW, shape (n_rows,)
            Log rows with times in days since the start. Not kept: the caller may overwrite them.
        """
        at = 0
        while at < len(rows):
            block = rows[at : at + min(_BLOCK, GROUP - self._filled)]
            self._take(block)
            at += len(block)
            if self._filled == GROUP:
                self._flush()

    def close(self) -> None:
        """Write what is left and give the file its name."""
        if self._filled:
            self._flush()
        self._file.close()
        self._part.replace(self.path)

    def abort(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):  # a full disk, perhaps the reason to abort
            self._file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> "LogWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise

    def _take(self, block: Records) -> None:
        """Convert a block of rows into the columns of the row group."""
        to = slice(self._filled, self._filled + len(block))
        self._customer[to] = block["customer"]
        microseconds = block["time"] * _MICROSECONDS
        microseconds += 0.5
        np.floor(microseconds, out=microseconds)
        self._time[to] = microseconds
        self._time[to] += self._start
        for name, column in self._codes.items():
            column[to] = block[name]
        self._value[to] = block["value"]
        self._filled = to.stop

    def _flush(self) -> None:
        """Write the row group. The arrays are lent to Arrow, not copied; its pages are written before this returns."""
        import pyarrow as pa

        n = self._filled
        columns = [_column(pa.int64(), self._customer[:n]), _column(pa.timestamp("us"), self._time[:n])]
        for name, codes in self._codes.items():
            columns.append(_named(codes[:n], self._labels[name]))
        columns.append(_column(pa.float64(), self._value[:n], self._value[:n] != 0))
        self._file.write_table(pa.Table.from_arrays(columns, schema=self._schema), row_group_size=GROUP)
        self.rows += n
        self._filled = 0


def open_parquet(path: Path, schema: Any, *, shown: Path | None = None) -> Any:
    """A Parquet writer with the settings of all our logs.

    Numbers in order are stored as differences, names as dictionaries; differences of times do not compress further, so zstd is
    left out there. Statistics only where a reader skips row groups by them (measured: the others cost 20 % of the time).

    Parameters
    ----------
    path : Path
        The file that is written.
    schema : pyarrow.Schema
        Its columns.
    shown : Path, optional
        The name that the user knows it by, for messages.

    Returns
    -------
    pyarrow.parquet.ParquetWriter

    Raises
    ------
    InputError
        If the file cannot be written there.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    ordered = [field.name for field in schema if field.name in ("customer", "time") and not pa.types.is_string(field.type)]
    packed = [field.name for field in schema if field.name != "time"]
    try:
        return pq.ParquetWriter(
            path,
            schema,
            compression={name: "zstd" if name in packed else "none" for name in schema.names},
            compression_level=dict.fromkeys(packed, 1),
            use_dictionary=[field.name for field in schema if pa.types.is_dictionary(field.type)],
            column_encoding=dict.fromkeys(ordered, "DELTA_BINARY_PACKED"),
            write_statistics=[name for name in ("customer", "time") if name in schema.names],
        )
    except OSError as error:
        raise unwritable(shown or path, error) from error


def unwritable(path: Path, error: OSError) -> InputError:
    """The error for a file that cannot be written, to be raised."""
    reason = os.strerror(error.errno) if error.errno else str(error)  # Arrow puts its own words and no strerror
    return InputError(complaint(str(path), "must be a file that can be written", reason, "Name another file or folder."))


def _named(codes: Records, labels: Sequence[str]) -> Any:
    """An Arrow dictionary array of names; its dictionary holds those that occur, in order."""
    import pyarrow as pa

    assert codes.max() < len(labels), "a code without a name"
    as_bytes = len(labels) < 256  # searched and mapped at 1.3 ns a row, codes at 4 (measured); -1 is the last byte
    found = codes.astype(np.uint8).tobytes() if as_bytes else set(np.unique(codes).tolist())
    used = sorted({name for code, name in enumerate(labels) if code in found})
    place = {name: i for i, name in enumerate(used)}
    table = np.array([place.get(name, 0) for name in labels] + [0] * (256 - len(labels) if as_bytes else 1), np.int16)
    if isinstance(found, bytes):
        places = np.frombuffer(found.translate(table.astype(np.uint8).tobytes()), np.uint8).astype(np.int16)
    else:
        places = table[codes]
    # Arrow's own check takes a tenth of all time.
    return pa.DictionaryArray.from_arrays(_column(pa.int16(), places, codes >= 0), pa.array(used, pa.string()), safe=False)


def _column(kind: Any, values: Records, valid: Records | None = None) -> Any:
    """An Arrow array over the memory of `values`, null where not `valid`."""
    import pyarrow as pa

    bitmap = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(values)])
