"""Reading the three columns of a purchase log from an Excel file (.xlsx), with openpyxl."""

import warnings
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import numpy as np

from cjsim.errors import InputError, quote_choices, require_package, short_repr
from cjsim.input_files.regular_file import open_input
from cjsim.purchase_logs.distinct_cells import DistinctCells
from cjsim.purchase_logs.header import (
    HEADER_SEARCH_ROWS,
    clean_name,
    cleaned_names,
    header_assumption,
    raise_for_unknown_column,
    require_single_columns,
)
from cjsim.purchase_logs.log_file import LogFile
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.raw_table import RawTable

_MAX_SHEET_ROWS = 1_048_576  # limit of Excel
_MAX_UNPACKED, _MAX_STRINGS = 2_000_000_000, 300_000_000  # bytes of XML in all, and in shared strings, which are held in memory
_DAMAGE = (  # errors that openpyxl raises for truncated or malformed files
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,  # NotImplementedError for a compression or encryption that zipfile does not know
)


@dataclass(frozen=True)
class SheetLocator:
    """Finds the cell of a sheet that an error message quotes."""

    file: LogFile
    sheet: str
    header: tuple[str, ...]

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """Return the location (sheet, row and column) and the cell as stored."""
        with _open_workbook(self.file) as workbook:
            cells = next(islice(workbook[self.sheet].iter_rows(values_only=True), row - 1, None), ())
        index = self.header.index(column)
        where = f"{self.file.path}: sheet '{self.sheet}', row {row}, column '{column}'"
        return where, cells[index] if index < len(cells) else None


def read_sheet(file: LogFile, names: tuple[str, str, str], log_format: LogFormat) -> RawTable:
    """Read three columns of a sheet: the one that the user names, or the only one that has the columns.

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
        If openpyxl is not installed, the file cannot be read, a sheet or column is missing, or several sheets have the columns.
    """
    log_format.require_unused(("sep", "encoding"), str(file.path), "an Excel file")
    require_package("openpyxl", extra="excel", where=str(file.path), what="an Excel file", alternative="save it as CSV")
    names = cleaned_names(names)
    with _open_workbook(file) as workbook:
        from openpyxl.utils.datetime import CALENDAR_MAC_1904

        sheet, header_row, header, notes = _find_header(file, workbook, names, log_format.sheet)
        require_single_columns(file, header, names)
        indices = [header.index(name) for name in names]
        columns = (DistinctCells(), DistinctCells(), DistinctCells())
        converters = (_customer_cell, _time_cell, _plain_cell)
        rows, hashes = array("q"), array("q")
        for number, cells in enumerate(_bounded_rows(file, workbook[sheet]), 1):
            if number <= header_row:
                continue
            used = [cells[index] if index < len(cells) else None for index in indices]
            if all(cell is None for cell in used):
                continue
            for column, convert, cell in zip(columns, converters, used, strict=True):
                column.extend((convert(cell),))
            rows.append(number)
            hashes.append(hash(repr(cells)))  # hash((-1,)) equals hash((-2,))
        is_1904 = workbook.epoch == CALENDAR_MAC_1904
    customer, time, value = (column.column(name) for column, name in zip(columns, names, strict=True))
    content_hash = np.array(hashes, dtype=np.int64).view(np.uint64)
    locator = SheetLocator(file, sheet, header)
    row = np.array(rows, dtype=np.int64)
    return RawTable(file, customer, time, value, row, content_hash, locator, tuple(notes), is_1904)


def _find_header(
    file: LogFile, workbook: Any, names: tuple[str, str, str], wanted: str | None
) -> tuple[str, int, tuple[str, ...], list[str]]:
    """Return the sheet, the number of the header row, the header, and the assumptions made."""
    sheets = [sheet.title for sheet in workbook.worksheets]
    if wanted is not None and wanted not in sheets:
        file.raise_error(f"must have the sheet that `sheet` names, one of {quote_choices(sheets)}", short_repr(wanted), "Use one of them.")
    heads: dict[str, list[tuple[str, ...]]] = {}
    for title in sheets if wanted is None else [wanted]:
        first_rows = islice(_bounded_rows(file, workbook[title]), HEADER_SEARCH_ROWS)
        heads[title] = [tuple(clean_name(cell) for cell in cells) for cells in first_rows]
    found = {title: index for title, rows in heads.items() for index, row in reversed(list(enumerate(rows, 1))) if set(names) <= set(row)}
    if not found:
        rows = [row for title in heads for row in heads[title] if any(row)]
        best = max(rows, key=lambda row: (len(set(names) & set(row)), len(row)), default=())
        raise_for_unknown_column(file, best, names)
    if len(found) > 1:
        remedy = "Set `sheet` to one of them."
        file.raise_error("must have one sheet with the columns", f"the sheets {quote_choices(found)}", remedy)
    title, header_row = next(iter(found.items()))
    header = heads[title][header_row - 1]
    notes = []
    if wanted is None and len(sheets) > 1:
        notes.append(f"the log is in the sheet '{title}', because no other sheet has the columns")
    if any(any(row) for row in heads[title][: header_row - 1]):
        notes.append(header_assumption(header_row))
    return title, header_row, header, notes


def _bounded_rows(file: LogFile, sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet as tuples, at most as many as Excel allows."""
    sheet.reset_dimensions()  # some programs write wrong ones, which would hide rows
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > _MAX_SHEET_ROWS:
            file.raise_error(f"must have at most {_MAX_SHEET_ROWS:,} rows per sheet", "more", "Save the log as CSV or Parquet.")
        yield cells


def _plain_cell(cell: Any) -> Any:
    """Return a cell as text, a number or None."""
    if isinstance(cell, bool):
        return str(cell).upper()
    return cell if cell is None or isinstance(cell, str | int | float) else str(cell)


def _time_cell(cell: Any) -> Any:
    """Return a cell as a date, text, a number or None."""
    if isinstance(cell, datetime):
        return cell.date()
    return cell if isinstance(cell, date) else _plain_cell(cell)


def _customer_cell(cell: Any) -> Any:
    """Return a cell as text; whole numbers have no decimals."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(_plain_cell(cell))


@contextmanager
def _open_workbook(file: LogFile) -> Iterator[Any]:
    """Open a workbook for reading, and raise an `InputError` that explains why it cannot be read."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    workbook = None
    try:
        with open_input(file.path, max_bytes=_MAX_UNPACKED) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which do not matter here
            _require_bounded_parts(file, stream)
            workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            yield workbook
    except InputError:
        raise
    except (*_DAMAGE, InvalidFileException) as error:
        must, remedy = "must be a complete Excel file (.xlsx)", "Open it in a spreadsheet and save it again, or save it as CSV."
        file.raise_error(must, short_repr(f"{type(error).__name__}: {error}"), remedy)
    finally:
        if workbook is not None:
            workbook.close()


def _require_bounded_parts(file: LogFile, stream: BinaryIO) -> None:
    """Raise if the file is another kind of archive, or if its parts are too large when unpacked."""
    with zipfile.ZipFile(stream) as archive:
        sizes = {part.filename: part.file_size for part in archive.infolist()}
    if ("xl/workbook.xml" not in sizes and "[Content_Types].xml" not in sizes) or "xl/workbook.bin" in sizes:
        got = "a binary Excel file (.xlsb)" if "xl/workbook.bin" in sizes else "another kind of ZIP archive"
        file.raise_error("must be an Excel file (.xlsx)", got, "Unpack it, or save it as .xlsx or CSV.")
    strings = max((size for name, size in sizes.items() if name.lower().endswith("sharedstrings.xml")), default=0)
    if sum(sizes.values()) > _MAX_UNPACKED or strings > _MAX_STRINGS:
        must = f"must unpack to at most {_MAX_UNPACKED:,} bytes, of which {_MAX_STRINGS:,} are text"
        file.raise_error(must, "an Excel file that is larger", "Save the log as CSV or Parquet.")
