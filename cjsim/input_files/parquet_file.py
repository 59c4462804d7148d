"""Reads Parquet files. Damage is reported as an error that names the file."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.regular_file import MAX_TABLE_BYTES, MIB, open_input, shown_path

if TYPE_CHECKING:
    import pandas as pd

PARQUET_MAGIC = b"PAR1"
MAX_ROWS_PER_BYTE = 10_000  # of the file; a table that is the same in all rows has up to 5000
_MAX_FOOTER_BYTES = 16 * MIB
_REMEDY = "Write the file again."


@contextlib.contextmanager
def parquet_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Translate errors that Arrow raises in the block into an `InputError` that names the file.

    Parameters
    ----------
    path : str or path
        The file that the block reads.

    Raises
    ------
    InputError
        If the block fails because the file is damaged.
    """
    import pyarrow as pa

    try:
        yield
    except InputError:
        raise
    except MemoryError:  # Arrow raises it, too, for a size that a damaged file claims
        got = "one that claims more"
        raise InputError(format_error(shown_path(path), "must be a Parquet file that fits in memory", got, _REMEDY)) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(format_error(shown_path(path), "must be a complete Parquet file", short_repr(lines[0]), _REMEDY)) from error


@contextlib.contextmanager
def open_parquet(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a Parquet file, after checking that its footer fits its size. Checksums of pages, if there are any, are verified on reading.

    Parameters
    ----------
    path : str or path
        The file.

    Yields
    ------
    pyarrow.parquet.ParquetFile

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or claims more rows than it can hold, or if Arrow raises an error in the block.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = _checked_size(path)
    name = os.fsencode(path)  # Arrow encodes only names that are Unicode text
    with parquet_errors(path), pa.OSFile(name) as source, pq.ParquetFile(source, page_checksum_verification=True) as file:
        _check_metadata(file.metadata, size, shown_path(path))
        yield file


def read_parquet(path: str | os.PathLike[str], *, columns: Sequence[str] | None = None) -> Any:
    """Read a Parquet file into memory.

    Parameters
    ----------
    path : str or path
        The file.
    columns : sequence of str, optional
        Columns to read; all by default.

    Returns
    -------
    pyarrow.Table
        Validated: text is UTF-8, and indices of dictionaries are in range.

    Raises
    ------
    InputError
        As for `open_parquet`, or if a column is missing.
    """
    with open_parquet(path) as file:
        present = file.schema_arrow.names
        for name in columns or ():
            if present.count(name) != 1:
                got = "no such column" if name not in present else f"{present.count(name)} columns"
                raise InputError(format_error(shown_path(path), f"must have one column '{name}'", got, _REMEDY))
        table = file.read(columns=None if columns is None else list(columns))
        table.validate(full=True)
        return table


def read_parquet_frame(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Read a Parquet file as a DataFrame. An index that pandas saved in it is restored.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    InputError
        As for `read_parquet`.
    """
    table = read_parquet(path)
    try:
        with parquet_errors(path):
            return table.to_pandas()
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # pyarrow does not check the metadata of pandas
        if isinstance(error, InputError):
            raise
        got = short_repr(f"{type(error).__name__}: {error}")
        raise InputError(format_error(shown_path(path), "must have metadata that pandas can read", got, _REMEDY)) from error


def parquet_batches(path: str | os.PathLike[str], *, columns: Sequence[str], size: int) -> Iterator[Any]:
    """Read a Parquet file in batches.

    Parameters
    ----------
    path : str or path
        The file.
    columns : sequence of str
        Columns to read.
    size : int
        Largest number of rows in a batch.

    Yields
    ------
    pyarrow.RecordBatch
        Validated, as by `read_parquet`.

    Raises
    ------
    InputError
        As for `open_parquet`.
    """
    with open_parquet(path) as file:
        for batch in file.iter_batches(batch_size=size, columns=list(columns)):
            batch.validate(full=True)
            yield batch


def _checked_size(path: str | os.PathLike[str]) -> int:
    """Return the size of a regular file; raise unless it starts and ends like a Parquet file."""
    with open_input(path, max_bytes=MAX_TABLE_BYTES) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(len(PARQUET_MAGIC))
        file.seek(max(size - 8, 0))
        tail = file.read(8)
    footer = int.from_bytes(tail[:4], "little")
    if head != PARQUET_MAGIC or tail[4:] != PARQUET_MAGIC or footer + 12 > size or footer > _MAX_FOOTER_BYTES:
        got = "an empty file" if not size else "one without a footer" if head == PARQUET_MAGIC else "another kind of file"
        raise InputError(format_error(shown_path(path), "must be a complete Parquet file", got, "Check that it is not truncated."))
    return size


def _check_metadata(metadata: Any, size: int, where: str) -> None:
    """Raise if the footer claims rows or pages that a file of this size cannot hold."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    counts = [group.num_rows for group in groups]
    if metadata.num_rows != sum(counts) or min(counts, default=0) < 0 or metadata.num_rows > MAX_ROWS_PER_BYTE * size:
        must, got = f"must have as many rows as {size:,} bytes can hold", f"a footer that claims {metadata.num_rows:,}"
        raise InputError(format_error(where, must, got, _REMEDY))
    for group in groups:
        lowest = len(PARQUET_MAGIC) if group.num_rows else 0  # pyarrow writes the pages of no rows at offset 0
        for chunk in (group.column(i) for i in range(group.num_columns)):
            start = min(chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset)
            if start < lowest or chunk.total_compressed_size < 0 or start + chunk.total_compressed_size > size:
                got = f"column '{chunk.path_in_schema}' outside of it"
                raise InputError(format_error(where, "must hold its columns within the file", got, _REMEDY))
