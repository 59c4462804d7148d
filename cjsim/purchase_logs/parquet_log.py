"""Reading the three columns of a purchase log from a Parquet file."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cjsim.input_files.parquet_file import open_parquet
from cjsim.purchase_logs.distinct_cells import column_of_arrays, without_time_of_day
from cjsim.purchase_logs.header import raise_for_unknown_column, require_single_columns
from cjsim.purchase_logs.log_file import MAX_BYTES, MAX_ROWS, LogFile
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.raw_table import RawTable

_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class ParquetLocator:
    """Finds the cell of a Parquet file that an error message quotes."""

    file: LogFile

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """Return the location (row and column) and the cell as stored."""
        cell, first = None, 1
        with open_parquet(self.file.path) as parquet:
            for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=[column]):
                if row < first + len(batch):
                    cell = _python_cell(batch.column(0)[row - first])
                    break
                first += len(batch)
        return f"{self.file.path}: row {row}, column '{column}'", cell


def read_parquet_log(file: LogFile, names: tuple[str, str, str], log_format: LogFormat) -> RawTable:
    """Read three columns of a Parquet file. The other columns are read to hash the rows, unless they are nested.

    Parameters
    ----------
    file : LogFile
        The file.
    names : tuple of str
        Columns with the customer, the time and the amount.
    log_format : LogFormat
        Format options set by the user.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        If the file cannot be read or is too large, or a column is missing or holds lists.
    """
    log_format.require_unused(("sep", "encoding", "sheet"), str(file.path), "a Parquet file")
    with open_parquet(file.path) as parquet:
        header = tuple(parquet.schema_arrow.names)
        raise_for_unknown_column(file, header, names)
        require_single_columns(file, header, names)
        _require_bounded(file, parquet.metadata)
        _require_single_values(file, parquet.schema_arrow, names)
        return _read_batches(file, parquet, names, keeps_text=log_format.date_format is not None and "%" in log_format.date_format)


def _require_bounded(file: LogFile, metadata: Any) -> None:
    """Raise if the file claims to have too many rows or bytes."""
    if metadata.num_rows > MAX_ROWS:
        remedy = "Sum the purchases of each customer and day before the export, or sample customers."
        file.raise_error(f"must have at most {MAX_ROWS:,} rows", f"{metadata.num_rows:,}", remedy)
    size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if size > MAX_BYTES:
        file.raise_error(f"must hold at most {MAX_BYTES:,} bytes", f"{size:,}", "Keep the three columns only.")


def _require_single_values(file: LogFile, schema: Any, names: tuple[str, str, str]) -> None:
    """Raise if a column holds lists or structures."""
    import pyarrow as pa

    for name in names:
        kind = schema.field(name).type
        if pa.types.is_nested(kind.value_type if pa.types.is_dictionary(kind) else kind):
            file.raise_error(f"must hold one value per row in the column '{name}'", f"the type {kind}", "Name another column.")


def _read_batches(file: LogFile, parquet: Any, names: tuple[str, str, str], *, keeps_text: bool) -> RawTable:
    import pandas as pd
    import pyarrow as pa

    flat = [field.name for field in parquet.schema_arrow if field.name in names or not pa.types.is_nested(field.type)]
    arrays: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    hashes = []
    for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=flat):
        customers, times, amounts = (_plain_array(batch.column(name)) for name in names)
        arrays[0].append(customers)
        arrays[1].append(without_time_of_day(times) if pa.types.is_string(times.type) and not keeps_text else _without_time(times))
        arrays[2].append(amounts)
        frame = batch.replace_schema_metadata(None).to_pandas()  # pyarrow parses the metadata even if it is told to ignore it
        frame.columns = range(frame.shape[1])
        hashes.append(pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64))
    converters = (_customer_text, _day_or_cell, _python_number)
    columns = (column_of_arrays(name, cells, convert) for name, cells, convert in zip(names, arrays, converters, strict=True))
    customer, time, value = columns
    zone = getattr(parquet.schema_arrow.field(names[1]).type, "tz", None)
    notes = (f"days are in the time zone of the column '{names[1]}', {zone}",) if zone else ()
    content_hash = np.concatenate(hashes) if hashes else np.empty(0, np.uint64)
    return RawTable(file, customer, time, value, np.arange(1, len(content_hash) + 1), content_hash, ParquetLocator(file), notes)


def _plain_array(column: Any) -> Any:
    """Return a column without a dictionary, with text as strings."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    is_other_text = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
    if is_other_text or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return column.cast(pa.string())
    return column


def _without_time(times: Any) -> Any:
    """Return timestamps as days in their own time zone, and other cells unchanged."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(times.type):
        local = pc.local_timestamp(times) if times.type.tz else times
        return pc.floor_temporal(local, unit="day").cast(pa.date32())
    return times.cast(pa.date32()) if pa.types.is_date(times.type) else times


def _day_or_cell(scalar: Any) -> Any:
    """Return a day as datetime64, and any other cell as text, a number or None; None for a day beyond the years 1 to 9999."""
    import pyarrow as pa

    if not pa.types.is_date32(scalar.type):
        return _python_number(scalar)
    day = np.datetime64(scalar.cast(pa.int32()).as_py(), "D")
    return day if np.datetime64("0001-01-01") <= day <= np.datetime64("9999-12-31") else None


def _python_cell(scalar: Any) -> Any:
    """Return an Arrow scalar as a Python value; as text where Python has no such value."""
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return str(scalar)


def _python_number(scalar: Any) -> Any:
    """Return a cell as text, a number, or None if it is empty."""
    cell = _python_cell(scalar)
    if isinstance(cell, bool):
        return str(cell).upper()
    if cell is None or isinstance(cell, str | int):
        return cell
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return str(cell)
    return None if number != number else number


def _customer_text(scalar: Any) -> str:
    """Return an identifier as text; whole numbers have no decimals."""
    cell = _python_cell(scalar)
    if cell is None or cell != cell:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
