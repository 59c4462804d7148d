"""Columns stored as distinct cells. Only these are parsed, and a log has far fewer of them than rows."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cjsim.purchase_logs.date_text import DATE_AND_TIME, DIGITS_AND_TIME, TIME_OF_DAY
from cjsim.purchase_logs.raw_table import RawColumn

_DATE_CHARACTERS, _DATE_DIGITS = len("2024-01-31"), len("20240131")
_SECONDS_PER_DAY = 86_400
_UNITS_PER_DAY = {10: _SECONDS_PER_DAY, 13: _SECONDS_PER_DAY * 10**3, 16: _SECONDS_PER_DAY * 10**6, 19: _SECONDS_PER_DAY * 10**9}


class DistinctCells:
    """Collects the distinct cells of a column of Python values, and the code of each row's cell."""

    def __init__(self) -> None:
        self._code_of: defaultdict[Any, int] = defaultdict()
        self._code_of.default_factory = self._code_of.__len__  # a new cell gets the next code
        self._codes = array("i")

    def extend(self, cells: Iterable[Any]) -> None:
        """Append the cells of more rows."""
        self._codes.extend(map(self._code_of.__getitem__, cells))

    def column(self, name: str) -> RawColumn:
        """Return the column, with its name."""
        return RawColumn(name, list(self._code_of), np.array(self._codes, dtype=np.int32))


def column_of_arrays(name: str, arrays: list[Any], convert: Callable[[Any], Any] | None = None) -> RawColumn:
    """Build a column from Arrow arrays.

    Parameters
    ----------
    name : str
        Name of the column.
    arrays : list of pyarrow.Array
        Cells of consecutive rows.
    convert : callable, optional
        Converts a distinct cell, given as an Arrow scalar; by default, it becomes a Python value. Different cells may become the same
        value.

    Returns
    -------
    RawColumn
    """
    import pyarrow as pa

    if not arrays:
        return RawColumn(name, [], np.empty(0, np.int32))
    column = pa.chunked_array(arrays).combine_chunks()
    if pa.types.is_null(column.type):
        return RawColumn(name, [None], np.zeros(len(column), np.int32))
    encoded = column.dictionary_encode()
    values = [convert(cell) for cell in encoded.dictionary] if convert else encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(values)).to_numpy().astype(np.int32)
    return RawColumn(name, [*values, None] if encoded.indices.null_count else values, codes)


def without_time_of_day(texts: Any) -> Any:
    """Return an Arrow array of texts without the time of day, because the day does not depend on it. Few distinct texts remain.

    ISO times and digits are cut off, seconds since 1970 are rounded down to midnight, and elsewhere '@' stands for the time of day.

    Examples
    --------
    >>> import pyarrow as pa
    >>> without_time_of_day(pa.array(["2024-01-31 23:59:00", "2024-02-01 00:00:00"])).to_pylist()
    ['2024-01-31', '2024-02-01']
    >>> without_time_of_day(pa.array(["1706693400"])).to_pylist(), without_time_of_day(pa.array(["1 Mar 2024 3:05 PM"])).to_pylist()
    (['1706659200'], ['1 Mar 2024 @'])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    first = texts[0].as_py() if len(texts) else None
    if first and first.isdecimal():
        is_timed = _matches(texts, DIGITS_AND_TIME)
        texts = pc.if_else(is_timed, pc.utf8_slice_codeunits(texts, 0, _DATE_DIGITS), texts)
        if len(first) in _UNITS_PER_DAY:
            unit, is_epoch = _UNITS_PER_DAY[len(first)], _matches(texts, f"^1[0-9]{{{len(first) - 1}}}$")
            numbers = pc.if_else(is_epoch, texts, "0").cast(pa.int64())
            texts = pc.if_else(is_epoch, pc.multiply(pc.divide(numbers, unit), unit).cast(pa.string()), texts)
        return texts
    if pc.all(_matches(texts, DATE_AND_TIME)).as_py():
        return pc.utf8_slice_codeunits(texts, 0, _DATE_CHARACTERS)
    return pc.replace_substring_regex(texts, TIME_OF_DAY, r"\1@", max_replacements=1)


def _matches(texts: Any, pattern: str) -> Any:
    """Return an Arrow array of whether texts match a pattern of RE2; empty cells do not."""
    import pyarrow.compute as pc

    return pc.fill_null(pc.match_substring_regex(texts, pattern), False)
