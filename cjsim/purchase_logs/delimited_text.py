"""Reading the three columns of a purchase log from a text file.

Arrow splits the rows, up to the first block with anything unusual, such as a quoted line break. Python's csv module splits the rest,
because messages need row and line numbers, and Arrow skips empty lines without reporting which ones. Distinct cells are stored once, and
only they are parsed.
"""

import csv
import io
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError
from cjsim.purchase_logs.distinct_cells import column_of_arrays, without_time_of_day
from cjsim.purchase_logs.header import cleaned_names
from cjsim.purchase_logs.log_file import MAX_ROWS, LogFile
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.plain_text import CELL_SEPARATOR, PlainText
from cjsim.purchase_logs.quoted_lines import open_text, require_closed_quotes
from cjsim.purchase_logs.raw_table import RawTable
from cjsim.purchase_logs.text_encoding import FALLBACK, HEAD_BYTES, detect_encoding, fallback_encoding
from cjsim.purchase_logs.text_layout import TextLayout, detect_layout, separator_plural

_CHUNK_ROWS = 4_000  # few enough to stay in the cache of the processor


@dataclass(frozen=True)
class TextLocator:
    """Finds the cell of a text file that an error message quotes."""

    file: LogFile
    layout: TextLayout

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """Return the location (the line, the row if quoted line breaks make it differ, and the column) and the cell as written."""
        with _explain_unreadable(self.file, None), open_text(self.file, self.layout.encoding) as text:
            reader = self.layout.records(text)
            line = 1
            record: list[str] = []
            for number, record in enumerate(reader, 1):  # noqa: B007
                if number == row:
                    break
                line = reader.line_num + 1
        index = self.layout.header.index(column)
        differs = "" if line == row else f"row {row}, "
        return f"{self.file.path}:{line}: {differs}column '{column}'", record[index] if index < len(record) else None


def read_delimited(file: LogFile, names: tuple[str, str, str], log_format: LogFormat) -> RawTable:
    """Read three columns of a text file.

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
        If the file cannot be read, a column is missing, or a row does not have as many cells as the header.
    """
    log_format.require_unused(("sheet",), str(file.path), "a text file")
    names = cleaned_names(names)
    file.require_intact_gzip()
    with _explain_unreadable(file, log_format.encoding):
        with file.open_bytes() as stream:
            head = stream.read(HEAD_BYTES)
        encoding = detect_encoding(head, option=log_format.encoding)
        if encoding is None:
            file.raise_error("must be a text file with a table", "bytes that are not text", "Export the log as CSV, .xlsx or Parquet.")
        notes = [encoding.assumption] if encoding.assumption else []
        try:
            return _read_rows(file, head, names, log_format, encoding.codec, notes)
        except UnicodeDecodeError:
            if encoding.origin != "default":
                raise
        encoding, note = fallback_encoding(file)
        return _read_rows(file, head, names, log_format, encoding.codec, [note])


def _read_rows(file: LogFile, head: bytes, names: tuple[str, str, str], log_format: LogFormat, encoding: str, notes: list[str]) -> RawTable:
    sample = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    layout = detect_layout(file, sample, names=names, sep=log_format.sep, encoding=encoding)
    arrays: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    hashes, rows = array("q"), [np.empty(0, np.int64)]
    keeps_times = log_format.date_format is not None and "%" in log_format.date_format
    with open_text(file, encoding) as text:
        for columns, texts, numbers in _row_blocks(file, text, layout, names):
            if not keeps_times:
                columns[1] = without_time_of_day(columns[1])
            for cells, column in zip(arrays, columns, strict=True):
                cells.append(column)
            hashes.extend(map(hash, texts))
            rows.append(numbers)
    customer, time, value = (column_of_arrays(name, cells) for name, cells in zip(names, arrays, strict=True))
    content_hash = np.array(hashes, dtype=np.int64).view(np.uint64)
    assumptions = (*notes, *layout.assumptions)
    return RawTable(file, customer, time, value, np.concatenate(rows), content_hash, TextLocator(file, layout), assumptions)


def _row_blocks(
    file: LogFile, text: io.TextIOWrapper, layout: TextLayout, names: tuple[str, str, str]
) -> Iterator[tuple[list[Any], list[str], NDArray[np.int64]]]:
    """Yield consecutive rows: an Arrow array of text for each of the three columns, the text of each row, and its number."""
    import pyarrow as pa

    indices = tuple(layout.header.index(name) for name in names)
    reader = layout.records(text)
    for _ in islice(reader, layout.header_row):
        pass
    number, n_lines = layout.header_row + 1, reader.line_num
    plain = PlainText(text, layout, indices)
    while block := plain.next_block():
        numbers = np.arange(number, number + len(block.rows))
        number, n_lines = number + len(numbers), n_lines + len(numbers)
        _require_few_rows(file, number)
        yield block.columns, block.rows, numbers
    reader = layout.records(plain.rest)
    while chunk := list(islice(reader, _CHUNK_ROWS)):
        numbers = np.arange(number, number + len(chunk))
        number += len(chunk)
        if set(map(len, chunk)) != {len(layout.header)}:
            chunk, kept = _aligned_rows(file, layout, chunk, int(numbers[0]), max(indices) + 1)
            numbers = numbers[kept]
        _require_few_rows(file, number)
        columns = [pa.array([record[index] for record in chunk], pa.string()) for index in indices]
        yield columns, list(map(CELL_SEPARATOR.join, chunk)), numbers
    if n_lines + reader.line_num >= number:
        require_closed_quotes(file, layout, time=names[1])


def _require_few_rows(file: LogFile, next_number: int) -> None:
    if next_number > MAX_ROWS:
        remedy = "Sum the purchases of each customer and day before the export, or sample customers."
        file.raise_error(f"must have at most {MAX_ROWS:,} rows", "more", remedy)


def _aligned_rows(
    file: LogFile, layout: TextLayout, records: list[list[str]], first_number: int, n_needed: int
) -> tuple[list[list[str]], list[int]]:
    """Return rows with as many cells as the header, and their positions. Empty rows are omitted; empty cells are added or removed."""
    width, aligned, kept = len(layout.header), [], []
    for position, record in enumerate(records):
        surplus = record[width:]
        if len(record) < width:
            if not any(cell.strip() for cell in record):
                continue
            if len(record) >= n_needed:
                record = record + [""] * (width - len(record))
        elif surplus and not any(cell.strip() for cell in surplus):
            record = record[:width]
        if len(record) != width:
            _raise_for_ragged_row(file, layout, first_number + position, len(record))
        aligned.append(record)
        kept.append(position)
    return aligned, kept


def _raise_for_ragged_row(file: LogFile, layout: TextLayout, row: int, n_fields: int) -> None:
    where = TextLocator(file, layout).locate(row, layout.header[0])[0].removesuffix(f": column '{layout.header[0]}'")
    line = int(where.removeprefix(f"{file.path}:").split(":")[0])
    remedy = f"Quote values that contain {separator_plural(layout.sep)}."
    if layout.sep == "," and n_fields > len(layout.header):
        remedy += " If amounts have a decimal comma, export with semicolons."
    file.raise_error(f"must have {len(layout.header)} fields, like the header", str(n_fields), remedy, line=line)


@contextmanager
def _explain_unreadable(file: LogFile, option: str | None) -> Iterator[None]:
    """Raise an `InputError` that explains why a text file cannot be read."""
    try:
        yield
    except InputError:
        raise
    except UnicodeError as error:
        name = option or f"UTF-8 or {FALLBACK}"
        remedy = "Save it as UTF-8, or set `encoding` to its encoding."
        byte = f"the byte {error.object[error.start]:#04x}" if isinstance(error, UnicodeDecodeError) else "other bytes"
        file.raise_error(f"must be text in {name}", byte, remedy)
    except csv.Error as error:
        got = "a cell of more than 131,072 characters" if "field larger" in str(error) else f"'{error}'"
        file.raise_error("must be a table with a separator", got, "Check that all quotes are closed.")
