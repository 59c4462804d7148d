"""`EventLog`: reading, querying, converting and writing the event log of a simulation or a firm."""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError, format_error, quote_choices
from cjsim.eventlog.input_source import LogSource, detect_source
from cjsim.eventlog.parquet_writer import ROW_GROUP_SIZE, open_parquet_writer, unwritable_file_error
from cjsim.eventlog.table_reader import checked_log_table, choose_columns, read_table
from cjsim.eventlog.xes import write_xes
from cjsim.input_files.parquet_file import open_parquet, parquet_batches, read_parquet

if TYPE_CHECKING:
    import pandas as pd

_BATCH_SIZE = 1 << 17  # rows


class EventLog:
    """An event log: one row per event, with at least the columns `customer`, `time` and `event`.

    Logs written by a simulation stay on disk and are read in batches. Other logs are loaded into memory.

    Parameters
    ----------
    source : pyarrow.Table or Path
        A table or Parquet file with the columns and types of an event log. Use `read` or `from_pandas` for other data.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer": [1, 1], "time": ["2026-01-01", "2026-01-03"], "value": [20.0, 5.5]})
    >>> log = EventLog.from_pandas(frame, event="purchase")
    >>> log
    EventLog(2 rows: customer, time, event, value)
    >>> log.query("select customer, sum(value) as spent from log group by customer")
       customer  spent
    0         1   25.5
    """

    def __init__(self, source: Any) -> None:
        self._source = source

    @classmethod
    def read(
        cls, path: str | Path, *, columns: Mapping[str, str] | None = None, event: str | None = None, time_format: str | None = None
    ) -> "EventLog":
        """Read a log from a CSV, gzipped CSV or Parquet file.

        Parameters
        ----------
        path : str or Path
            The file. Its format is detected from its content.
        columns : Mapping of str to str, optional
            Maps the log's column names to those in the file, where they differ, such as `{"customer": "user_id", "value": "amount"}`.
            Names that are not log columns are imported as additional columns.
        event : str, optional
            Event name of every row, for files with a single kind of event, such as purchase logs.
        time_format : str, optional
            `strptime` format of times. ISO 8601 by default.

        Returns
        -------
        EventLog

        Raises
        ------
        InputError
            If the file cannot be read, has no rows or lacks a column, or a cell is not a valid time, amount or name. The message gives
            the line and the value.
        """
        source = detect_source(path)
        if source.path is not None and source.kind == "parquet" and not columns and not event and _is_cjsim_log(source.path):
            return cls(source.path)
        return cls(read_table(source, columns=columns or {}, event=event, time_format=time_format))

    @classmethod
    def from_pandas(cls, frame: "pd.DataFrame", *, columns: Mapping[str, str] | None = None, event: str | None = None) -> "EventLog":
        """Create a log from a DataFrame, with the same validation as `read`.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per event.
        columns : Mapping of str to str, optional
            Maps the log's column names to those in `frame`, where they differ.
        event : str, optional
            Event name of every row.

        Returns
        -------
        EventLog

        Raises
        ------
        InputError
            As for `read`. The message gives the row number.
        """
        import pyarrow as pa

        source = LogSource(None, "frame")
        chosen = choose_columns(source, [str(name) for name in frame.columns], columns or {}, event)
        raw = pa.Table.from_pandas(frame[sorted(set(chosen.values()))], preserve_index=False)
        return cls(checked_log_table(raw, source, chosen, event=event, time_format=None))

    @property
    def path(self) -> Path | None:
        """File of a log on disk; None for a log in memory."""
        return self._source if isinstance(self._source, Path) else None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._schema.names)

    @property
    def _schema(self) -> Any:
        if self.path is None:
            return self._source.schema
        with open_parquet(self.path) as file:
            return file.schema_arrow

    def __len__(self) -> int:
        if self.path is None:
            return int(self._source.num_rows)
        with open_parquet(self.path) as file:
            return int(file.metadata.num_rows)

    def __repr__(self) -> str:
        return f"EventLog({len(self):,} rows: {', '.join(self.columns)})"

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Iterate over the rows in batches of about 130,000 rows. For a log on disk, memory use is constant.

        Parameters
        ----------
        columns : sequence of str, optional
            Columns to read; all by default.

        Yields
        ------
        pyarrow.RecordBatch

        Raises
        ------
        InputError
            If the file of the log is damaged.
        """
        wanted = list(columns) if columns is not None else list(self.columns)
        if self.path is None:
            yield from self._source.select(wanted).to_batches(max_chunksize=_BATCH_SIZE)
            return
        yield from parquet_batches(self.path, columns=wanted, size=_BATCH_SIZE)

    def to_arrow(self) -> Any:
        """Return the log as a pyarrow.Table."""
        return read_parquet(self.path) if self.path else self._source

    def to_pandas(self) -> "pd.DataFrame":
        """Return the log as a DataFrame. Columns that contain names are categorical."""
        return self.to_arrow().replace_schema_metadata(None).to_pandas()

    def query(self, sql: str) -> "pd.DataFrame":
        """Run a SQL query on the table `log` with DuckDB. Logs on disk are not loaded into memory.

        Parameters
        ----------
        sql : str
            Query, such as `select event, count(*) as n from log group by event`.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        InputError
            If the file of the log is damaged.
        duckdb.Error
            If the query is invalid.
        """
        import duckdb

        if self.path:
            _require_intact(self.path)  # DuckDB does not verify checksums
        with duckdb.connect() as connection:
            if self.path:
                connection.read_parquet(str(self.path)).create_view("log")
            else:
                connection.register("log", self._source)
            return connection.sql(sql).df()

    def write(self, path: str | Path) -> Path:
        """Write the log as Parquet, CSV or gzipped CSV.

        Parameters
        ----------
        path : str or Path
            File to write. The suffix `.parquet`, `.csv` or `.csv.gz` determines the format. An existing file is replaced when the new one
            is complete.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the suffix is not supported, or the file cannot be written.
        """
        name = Path(path).name
        if name.endswith(".parquet"):
            return self._write_atomically(Path(path), self._write_parquet)
        if name.endswith((".csv", ".csv.gz")):
            return self._write_atomically(Path(path), self._write_csv)
        must = f"must end in {quote_choices(['.parquet', '.csv', '.csv.gz'])}"
        raise InputError(format_error(str(path), must, f"'{name}'", "Rename it."))

    def to_xes(self, path: str | Path) -> Path:
        """Write the log as XES, with one trace per customer. Logs that are not sorted by customer and time are sorted in memory.

        Parameters
        ----------
        path : str or Path
            File to write.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        ordered = self if self._is_sorted() else EventLog(self.to_arrow().sort_by([("customer", "ascending"), ("time", "ascending")]))
        return self._write_atomically(Path(path), ordered._write_xes)

    def _is_sorted(self) -> bool:
        """Return whether rows are sorted by customer, then time."""
        import pyarrow as pa
        import pyarrow.compute as pc

        last: Any = None
        for batch in self.batches(["customer", "time"]):
            rows = pa.Table.from_batches([batch] if last is None else [last, batch])
            before, after = rows.slice(0, rows.num_rows - 1), rows.slice(1)
            later = pc.or_(
                pc.greater(after["customer"], before["customer"]),
                pc.and_(pc.equal(after["customer"], before["customer"]), pc.greater_equal(after["time"], before["time"])),
            )
            if not pc.all(later, min_count=0).as_py():
                return False
            last = batch.slice(batch.num_rows - 1)
        return True

    def _write_atomically(self, path: Path, writer: Callable[[Path], None]) -> Path:
        """Write to a temporary file beside the target, and rename it when complete."""
        part = path.with_name(path.name + ".part")
        try:
            writer(part)
            part.replace(path)
        except OSError as error:
            raise unwritable_file_error(path, error) from error
        finally:
            part.unlink(missing_ok=True)
        return path

    def _write_parquet(self, part: Path) -> None:
        import pyarrow as pa

        with open_parquet_writer(part, self._schema) as file:
            pending, n_rows = [], 0
            for batch in self.batches():
                pending.append(batch)
                n_rows += batch.num_rows
                if n_rows >= ROW_GROUP_SIZE:
                    file.write_table(pa.Table.from_batches(pending))
                    pending, n_rows = [], 0
            if pending:
                file.write_table(pa.Table.from_batches(pending))

    def _write_xes(self, part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            write_xes(self.batches(), file)

    def _write_csv(self, part: Path) -> None:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        is_gzipped = part.name.removesuffix(".part").endswith(".gz")
        # Level 4 takes 10 % of the time of level 9, for files a few percent larger. Without a timestamp, equal logs give equal files.
        with part.open("wb") as file, gzip.GzipFile("", "wb", 4, file, mtime=0) if is_gzipped else nullcontext(file) as stream:
            # CSV requires the names instead of the codes.
            types = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in self._schema.types]
            decoded = pa.schema(zip(self.columns, types, strict=True))
            with arrow_csv.CSVWriter(stream, decoded) as writer:
                for batch in self.batches():
                    writer.write_batch(batch.cast(decoded))


def _require_intact(path: Path) -> None:
    """Raise if the file of a log is damaged. Each version of a file is read only once."""
    with open_parquet(path):  # refuses anything but a regular file
        facts = path.stat()
    _read_through(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_through(path: Path, _size: int, _changed: int) -> None:
    for _ in EventLog(path).batches():
        pass


def _is_cjsim_log(path: Path) -> bool:
    """Return whether a Parquet file can be used as a log without import: its columns and types match, and no customer or time is null."""
    import pyarrow as pa

    with open_parquet(path) as file:
        schema, metadata = file.schema_arrow, file.metadata
        kinds = {field.name: field.type for field in schema}
        if len(kinds) < len(schema) or metadata.num_rows == 0:
            return False
        if kinds.get("customer") != pa.int64() or kinds.get("time") != pa.timestamp("us"):
            return False
        if list(kinds)[:3] != ["customer", "time", "event"] or not pa.types.is_dictionary(kinds["event"]):
            return False
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        statistics = [group.column(column).statistics for group in groups for column in (0, 1)]
    return all(found is not None and found.null_count == 0 for found in statistics)
