"""The cells of a purchase log before they are parsed: distinct values, and the value that each row holds."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr
from cjsim.purchase_logs.checks.customer_ids import is_null_word
from cjsim.purchase_logs.log_file import LogFile

BoolArray = NDArray[np.bool_]


class CellLocator(Protocol):
    """Finds the cell that an error message quotes."""

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """Return the location of a cell, as error messages state it, and the cell as written.

        Parameters
        ----------
        row : int
            Number of the row as a spreadsheet shows it, from 1.
        column : str
            Name of the column.
        """
        ...


@dataclass(frozen=True)
class RawColumn:
    """A column of a log.

    Attributes
    ----------
    name : str
        Name in the header.
    values : list
        Distinct cells: text, numbers, dates, or None for an empty cell. In a time column as text, the time of day may be replaced with '@'.
    codes : ndarray of int32, shape (n_rows,)
        Index into `values`.
    """

    name: str
    values: list[Any]
    codes: NDArray[np.int32]


@dataclass(frozen=True)
class RawTable:
    """The three columns of a purchase log.

    Attributes
    ----------
    file : LogFile
        The file.
    customer, time, value : RawColumn
        The columns.
    row : ndarray of int64, shape (n_rows,)
        Number of the row as a spreadsheet shows it, from 1.
    content_hash : ndarray of uint64, shape (n_rows,)
        Hash of all cells of the row.
    locator : CellLocator
        Finds cells again for error messages.
    assumptions : tuple of str
        Assumptions about the format so far.
    is_1904 : bool
        Whether the serial dates of the workbook count from 1904.
    """

    file: LogFile
    customer: RawColumn
    time: RawColumn
    value: RawColumn
    row: NDArray[np.int64]
    content_hash: NDArray[np.uint64]
    locator: CellLocator
    assumptions: tuple[str, ...] = ()
    is_1904: bool = False

    def without_empty_rows(self) -> "RawTable":
        """Return the table without rows in which all three cells are empty."""
        columns = (self.customer, self.time, self.value)
        return self._where(~np.logical_and.reduce([is_empty(column.values)[column.codes] for column in columns]))

    def without_item_rows(self) -> "RawTable":
        """Return the table without the rows of further items of an order, and report them in `assumptions`.

        Shops export a row per item, with the amount of the order in its first row only. An item row has no amount, the customer of the row
        above, and either no time or the day of the row above.
        """
        has_no_time, has_no_amount = (is_empty(column.values)[column.codes] for column in (self.time, self.value))
        is_item = has_no_amount & self.has_customer
        is_item[:1] = False
        for column, may_be_empty in ((self.customer, np.False_), (self.time, has_no_time[1:])):
            is_item[1:] &= (column.codes[1:] == column.codes[:-1]) | may_be_empty
        if not is_item.any():
            return self
        count = f"{is_item.sum():,} of {len(self.row):,}, the first in row {self.row[np.argmax(is_item)]}"
        note = f"rows without an amount are further items of the purchase in the row above, and are omitted: {count}"
        return replace(self._where(~is_item), assumptions=(*self.assumptions, note))

    def _where(self, kept: BoolArray) -> "RawTable":
        """Return the table with the rows for which `kept`, of shape (n_rows,), is true."""
        if kept.all():
            return self
        customer, time, value = (replace(column, codes=column.codes[kept]) for column in (self.customer, self.time, self.value))
        hashes = self.content_hash[kept]
        return replace(self, customer=customer, time=time, value=value, row=self.row[kept], content_hash=hashes)

    @cached_property
    def has_customer(self) -> BoolArray:
        """Whether each row has a customer, rather than an empty cell or a word for a missing value, of shape (n_rows,)."""
        ids = np.empty(len(self.customer.values), dtype=object)
        ids[:] = ["" if cell is None else str(cell).strip() for cell in self.customer.values]
        return ~is_null_word(ids)[self.customer.codes]

    def used_values(self, column: RawColumn) -> BoolArray:
        """Return whether each distinct value of a column occurs in a row with a customer, of shape (n_values,)."""
        used = np.zeros(len(column.values), dtype=np.bool_)
        used[column.codes[self.has_customer]] = True
        return used

    def example(self, column: RawColumn, selected: BoolArray) -> str:
        """Return the first cell with one of the selected values, as text for a message.

        Parameters
        ----------
        column : RawColumn
            A column of the table.
        selected : ndarray of bool, shape (n_values,)
            Selected distinct values.

        Returns
        -------
        str
            Such as "'31.01.2024' (row 5)".
        """
        row = int(self.row[np.argmax(selected[column.codes] & self.has_customer)])
        return f"{short_repr(as_written(self.locator.locate(row, column.name)[1]))} (row {row})"

    def first_cell(self, column: RawColumn, selected: BoolArray) -> tuple[str, Any]:
        """Return the location of the first cell with one of the selected values, as error messages state it, and the cell as written."""
        where, cell = self.locator.locate(int(self.row[np.argmax(selected[column.codes] & self.has_customer)]), column.name)
        return where, as_written(cell)

    def require(self, column: RawColumn, is_bad: BoolArray, must: str, remedy: str) -> None:
        """Raise for the first row with a customer and a bad value, and state the number of further such rows.

        Parameters
        ----------
        column : RawColumn
            A column of the table.
        is_bad : ndarray of bool, shape (n_values,)
            Distinct values that are invalid.
        must, remedy : str
            Parts of the message. See `format_error`.

        Raises
        ------
        InputError
            If there is such a row.
        """
        if not is_bad.any():
            return
        rows = np.flatnonzero(is_bad[column.codes] & self.has_customer)
        if len(rows):
            where, cell = self.locator.locate(int(self.row[rows[0]]), column.name)
            got = short_repr(as_written(cell))
            if is_empty([cell])[0]:
                got, remedy = "nothing", "Fill in the cell, or remove the row if it is not a purchase."
            more = f" (and {len(rows) - 1:,} more row{'s' * (len(rows) > 2)})" if len(rows) > 1 else ""
            raise InputError(format_error(where, must, got + more, remedy))

    def refuse(self, column: RawColumn, must: str, got: str, remedy: str) -> NoReturn:
        """Raise an error about a column as a whole.

        Parameters
        ----------
        column : RawColumn
            A column of the table.
        must, got, remedy : str
            Parts of the message. See `format_error`.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(format_error(f"{self.file.path}: column '{column.name}'", must, got, remedy))


def is_empty(values: list[Any]) -> BoolArray:
    """Return an array of shape (n_values,) that states whether each value is an empty cell."""
    return np.array([value is None or (isinstance(value, str) and not value.strip()) for value in values], dtype=np.bool_)


def as_written(cell: Any) -> Any:
    """Return a cell for a message: text without surrounding whitespace, and dates as text."""
    if isinstance(cell, str):
        return cell.strip()
    return cell if cell is None or isinstance(cell, int | float) else str(cell)
