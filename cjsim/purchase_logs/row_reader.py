"""`read_rows`: read the rows of a purchase log from any supported kind of file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.purchase_logs.amount_column import parse_amounts
from cjsim.purchase_logs.date_column import parse_days
from cjsim.purchase_logs.delimited_text import read_delimited
from cjsim.purchase_logs.excel_sheet import read_sheet
from cjsim.purchase_logs.header import clean_name
from cjsim.purchase_logs.log_file import MAX_CELL, LogFile, detect_log_file
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.parquet_log import read_parquet_log
from cjsim.purchase_logs.purchase_rows import PurchaseRows
from cjsim.purchase_logs.raw_table import RawTable

_READERS: dict[str, Callable[[LogFile, tuple[str, str, str], LogFormat], RawTable]] = {
    "text": read_delimited,
    "gzip": read_delimited,
    "excel": read_sheet,
    "parquet": read_parquet_log,
}


def read_rows(path: str | Path, *, customer: str, time: str, value: str, log_format: LogFormat) -> PurchaseRows:
    """Read the rows of a purchase log.

    Parameters
    ----------
    path : str or Path
        The file.
    customer, time, value : str
        Names of the columns with the customer, the time and the amount.
    log_format : LogFormat
        Options set by the user. Options that are None are detected and listed in `assumptions`.

    Returns
    -------
    PurchaseRows

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a customer, date or amount is invalid, or the format is ambiguous.
    """
    if len({clean_name(name) for name in (customer, time, value)}) < 3:
        got = f"'{customer}', '{time}' and '{value}'"
        raise InputError(format_error("customer, time, value", "must be three different columns", got, "Name another column."))
    file = detect_log_file(path)
    table = _READERS[file.kind](file, (customer, time, value), log_format).without_empty_rows().without_item_rows()
    if not len(table.row):
        got, remedy = "0 rows", "Check the file and the columns."
        file.raise_error("must contain at least one purchase", got, remedy)
    names = [clean_name(cell) for cell in table.customer.values]
    is_long = np.array([len(name) > MAX_CELL for name in names], dtype=np.bool_)
    table.require(table.customer, is_long, f"must be an identifier of at most {MAX_CELL:,} characters", "Check the column.")
    days, date_notes = parse_days(table, log_format.date_format)
    money, amount_notes = parse_amounts(table, log_format)
    return PurchaseRows(
        path=str(path),
        customer=np.array(names, dtype=object)[table.customer.codes],
        day=days,
        money=money,
        row=table.row,
        content_hash=table.content_hash,
        assumptions=(*table.assumptions, *date_notes, *amount_notes),
    )
