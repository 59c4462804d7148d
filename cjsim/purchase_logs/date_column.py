"""Days of a purchase log: detects the format of its dates, and reports its assumptions.

Ambiguous dates are refused, because a wrong order of day and month gives plausible results.
"""

import re
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr
from cjsim.purchase_logs.date_numbers import KINDS, DayArray, calendar_days, detect_kind, number_days
from cjsim.purchase_logs.date_text import DateParts, full_year, split_date
from cjsim.purchase_logs.log_format import DATE_NUMBERS, DATE_ORDERS
from cjsim.purchase_logs.raw_table import BoolArray, RawColumn, RawTable

MUST = "must be a date such as 1997-01-31"
_REMEDY = "Correct it, or set `date_format` to the format of the dates."
_TITLES = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}
_NUMBER = re.compile(r"\s*(?:0|[1-9]\d{0,18})(?:\.\d*)?\s*")  # 050131 is not a serial date
_OFFSET = re.compile(r"\s*(?:Z|[+-]\d{2}(?::?\d{2})?|[A-Za-z_]{1,20}(?:/[\w+-]{1,20})*)\s*")
_TEXT_CELLS, _NUMBER_CELLS, _DATE_CELLS = "text", "number", "date"


def parse_days(table: RawTable, date_format: str | None) -> tuple[DayArray, tuple[str, ...]]:
    """Return the day of each row, and the assumptions made.

    Parameters
    ----------
    table : RawTable
        The log.
    date_format : str or None
        Order, kind of number or `strptime` format set by the user. See `LogFormat`.

    Returns
    -------
    days : ndarray of datetime64[D], shape (n_rows,)
        NaT only in rows without a customer.
    assumptions : tuple of str
        The assumptions, one sentence each.

    Raises
    ------
    InputError
        If a row has no valid date, the order of day and month is ambiguous, or the dates have several formats.
    """
    column, used = table.time, table.used_values(table.time)
    if date_format is not None and "%" in date_format:
        days = _days_in_format(column, date_format)
        must, remedy = f"must be a date in the format '{date_format}'", "Correct it, or set `date_format` to another format."
        table.require(column, np.isnat(days), must, remedy)
        return days[column.codes], ()
    kinds = np.array([_cell_kind(value) for value in column.values], dtype=object)
    days = np.full(len(column.values), np.datetime64("NaT"), dtype="datetime64[D]")
    assumptions: list[str] = []
    is_number = kinds == _NUMBER_CELLS
    if date_format in DATE_NUMBERS:
        table.require(column, ~is_number & (kinds != _DATE_CELLS), f"must be a number ({KINDS[date_format].title})", _REMEDY)
    parts = [split_date(value) if kind == _TEXT_CELLS else None for value, kind in zip(column.values, kinds, strict=True)]
    is_dated = (kinds == _DATE_CELLS) | np.array([part is not None for part in parts], dtype=np.bool_)
    if (is_number & used).any() and (is_dated & used).any():
        _refuse_mixture(table, is_number & used, is_dated & used)
    days[kinds == _DATE_CELLS] = _cell_days([value for value in column.values if _cell_kind(value) == _DATE_CELLS])
    if (is_number & used).any():
        days[is_number] = _days_of_numbers(table, is_number, used, date_format, assumptions)
    if any(part is not None for part in parts):
        days = np.where(np.isnat(days), _days_of_text(table, parts, used, date_format, assumptions), days)
    table.require(column, np.isnat(days), MUST, _REMEDY)
    return days[column.codes], tuple(assumptions)


def _cell_kind(value: Any) -> str:
    if isinstance(value, date | np.datetime64):
        return _DATE_CELLS
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, str):
        return _NUMBER_CELLS if _NUMBER.fullmatch(value) else _TEXT_CELLS if value.strip() else ""
    return _NUMBER_CELLS


def _refuse_mixture(table: RawTable, first: BoolArray, second: BoolArray) -> None:
    got = f"{table.example(table.time, first)} and {table.example(table.time, second)}"
    remedy = "A spreadsheet may have read some of them with day and month exchanged: export the log again from its source."
    table.refuse(table.time, "must have all dates in one format", got, remedy)


def _cell_days(cells: list[Any]) -> DayArray:
    """Return the days of cells with dates, as returned by the Excel and Parquet readers."""
    days = [np.datetime64(cell.date() if isinstance(cell, datetime) else cell, "D") for cell in cells]
    return np.array(days, dtype="datetime64[D]")


def _days_of_numbers(table: RawTable, is_number: BoolArray, used: BoolArray, date_format: str | None, assumptions: list[str]) -> DayArray:
    """Return the days of the distinct numbers, and append the assumed kind of number."""
    numbers = np.array([float(value) for value, chosen in zip(table.time.values, is_number, strict=True) if chosen])
    kind = date_format if date_format in DATE_NUMBERS else detect_kind(numbers[used[is_number]], is_1904=table.is_1904)
    if kind is None or date_format in DATE_ORDERS:
        if date_format in DATE_ORDERS and kind in ("digits", "digits-time") and date_format == "ymd":
            return number_days(numbers, kind)
        return np.full(len(numbers), np.datetime64("NaT"), dtype="datetime64[D]")
    days = number_days(numbers, kind)
    if date_format is None:
        assumptions.append(f"times such as {table.example(table.time, _spread(~np.isnat(days), is_number))} are {KINDS[kind].title}")
    return days


def _spread(chosen: BoolArray, among: BoolArray) -> BoolArray:
    """Expand a mask of some values to a mask of all values, of shape (n_values,)."""
    spread = np.zeros(len(among), dtype=np.bool_)
    spread[among] = chosen
    return spread


def _days_of_text(
    table: RawTable, parts: list[DateParts | None], used: BoolArray, date_format: str | None, assumptions: list[str]
) -> DayArray:
    """Return the days of the distinct texts (NaT for other cells), and append to `assumptions`."""
    numbers = np.array([(0, 0, 0) if part is None else part.numbers for part in parts], dtype=np.int64).reshape(-1, 3)
    is_text = np.array([part is not None for part in parts], dtype=np.bool_)
    is_open = np.array([part is not None and not part.order for part in parts], dtype=np.bool_)
    is_short = np.array([part is not None and part.has_short_year for part in parts], dtype=np.bool_)
    has_zone = np.array([part is not None and part.has_zone for part in parts], dtype=np.bool_)
    days = calendar_days(numbers[:, 0], numbers[:, 1], numbers[:, 2])
    days[~is_text | is_open] = np.datetime64("NaT")
    if (is_open & used).any():
        is_other = used & ~is_open & (is_text | np.array([_cell_kind(value) == _DATE_CELLS for value in table.time.values]))
        if date_format is None and is_other.any():
            _refuse_mixture(table, is_open & used, is_other)
        readings = _readings(numbers, is_short, with_year_first=_may_begin_with_year(parts) or date_format == "ymd")
        order = date_format or _determined_order(table, readings, is_open & used, assumptions)
        days[is_open] = readings[order][is_open]
    if (is_short & used).any():
        shown = table.example(table.time, is_short & used)
        assumptions.append(f"two-digit years, as in {shown}, are read as 1969 to 2068")
    if (has_zone & used).any():
        shown = table.example(table.time, has_zone & used)
        assumptions.append(f"days are taken as written, in the time zone of each time, such as {shown}")
    return days


def _may_begin_with_year(parts: list[DateParts | None]) -> bool:
    """Whether dates of three numbers may begin with the year: 24-01-31, or 24/01/31 if the last number varies more than the first."""
    open_parts = [part for part in parts if part is not None and not part.order]
    first, last = (len({part.numbers[position] for part in open_parts}) for position in (0, 2))
    return all(part.has_short_year for part in open_parts) and (last > first or all(part.sep == "-" for part in open_parts))


def _readings(numbers: NDArray[np.int64], is_short: BoolArray, *, with_year_first: bool) -> dict[str, DayArray]:
    """Return the days that three numbers denote in each order."""
    positions = {"dmy": (2, 1, 0), "mdy": (2, 0, 1)} | ({"ymd": (0, 1, 2)} if with_year_first else {})
    readings = {}
    for order, (year, month, day) in positions.items():
        years = numbers[:, year]
        full = np.where(is_short, [full_year(int(short) % 100) for short in years], years)
        readings[order] = calendar_days(full, numbers[:, month], numbers[:, day])
    return readings


def _determined_order(table: RawTable, readings: dict[str, DayArray], used: BoolArray, assumptions: list[str]) -> str:
    """Return the only order in which all dates exist. Dates that exist in no order are ignored."""
    exists = {order: ~np.isnat(days) for order, days in readings.items()}
    counted = used & np.logical_or.reduce(list(exists.values()))
    if not counted.any():
        return "dmy"
    feasible = [order for order in readings if exists[order][counted].all()]
    if not feasible:
        examples = [exists["dmy"] & ~exists["mdy"] & counted, exists["mdy"] & ~exists["dmy"] & counted]
        first, second = (table.example(table.time, selected) for selected in examples)
        remedy = "Correct the wrong ones. If you set `date_format`, the error shows the first of them."
        table.refuse(table.time, "must have dates in one order", f"{first} with the day first and {second} with the month first", remedy)
    chosen = feasible[0]
    differs = np.logical_or.reduce([readings[other] != readings[chosen] for other in feasible[1:]] or [np.zeros_like(counted)]) & counted
    if differs.any():
        column = table.time
        where, cell = table.first_cell(column, differs)
        code = column.codes[np.argmax(differs[column.codes] & table.has_customer)]
        means = " or ".join(f"{readings[order][code]} with the {_TITLES[order]}" for order in feasible)
        remedy = f"Set `date_format` to {' or '.join(map(repr, feasible))}."
        raise InputError(format_error(where, "must be an unambiguous date", f"{short_repr(cell)}, which is {means}", remedy))
    ruled_out = np.logical_or.reduce([~exists[order] for order in readings if order not in feasible] or [np.zeros_like(counted)]) & counted
    if ruled_out.any():
        assumptions.append(f"dates have the {_TITLES[chosen]}, as {table.example(table.time, ruled_out)} shows")
    return chosen


def _days_in_format(column: RawColumn, date_format: str) -> DayArray:
    """Return the days of the distinct cells in a `strptime` format; NaT where a cell has another format."""
    import pandas as pd

    texts = pd.Series([value if isinstance(value, str) else _plain_number(value) for value in column.values], dtype=object).str.strip()
    plain = date_format.rstrip()
    if plain.endswith(("%z", "%Z")):  # the day as written: pandas would convert it to UTC
        plain = plain[:-2].rstrip()
        texts = texts.map(lambda text: _without_offset(text) if isinstance(text, str) else text)
    try:
        if "%z" in plain or "%Z" in plain:
            days = np.array([_strptime_day(text, plain) for text in texts], dtype="datetime64[D]")
        else:
            days = pd.to_datetime(texts, format=plain, errors="coerce").to_numpy().astype("datetime64[D]")
    except ValueError as error:
        must, remedy = "must be a strptime format such as '%d.%m.%Y'", "Correct the format."
        raise InputError(format_error("date_format", must, f"{short_repr(date_format)} ({error})", remedy)) from error
    is_date = np.array([isinstance(value, date | np.datetime64) for value in column.values], dtype=np.bool_)
    days = days.copy()
    days[is_date] = _cell_days([value for value in column.values if isinstance(value, date | np.datetime64)])
    return np.asarray(days)


def _plain_number(value: Any) -> str | None:
    """Return a number of an Excel or Parquet file as text; None for any other cell."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        return str(int(value)) if float(value).is_integer() else str(value)
    return None


def _without_offset(text: str) -> str:
    """Return text without the time zone at its end."""
    for start in range(max(0, len(text) - 40), len(text)):
        if not text[start].isalnum() and _OFFSET.fullmatch(text, start):
            return text[:start]
    return text.removesuffix("Z")


def _strptime_day(text: Any, date_format: str) -> np.datetime64:
    try:
        return np.datetime64(datetime.strptime(str(text), date_format).date(), "D")
    except ValueError as error:
        if "format" in str(error) and "bad directive" in str(error):
            raise
        return np.datetime64("NaT", "D")
