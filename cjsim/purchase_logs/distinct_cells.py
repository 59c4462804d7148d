"""Columns as distinct cells: only these are parsed, and a log has far fewer of them than rows."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cjsim.purchase_logs.date_text import DATE_AND_TIME, DATE_CHARACTERS, TIME_OF_DAY
from cjsim.purchase_logs.raw_table import RawColumn


class DistinctCells:
    """Collects the distinct cells of a column of Python values, and the code of each row's cell."""

    def __init__(self) -> None:
        self._code_of: defaultdict[Any, int] = defaultdict()
        self._code_of.default_factory = self._code_of.__len__  # a new cell gets the next code
        self._codes = array("i")

    def extend(self, cells: Iterable[Any]) -> None:
        """Append the cells of further rows."""
        self._codes.extend(map(self._code_of.__getitem__, cells))

    def column(self, name: str) -> RawColumn:
        """Return the column, with its name."""
        return RawColumn(name, list(self._code_of), np.array(self._codes, dtype=np.int32))


def column_of_arrays(name: str, arrays: list[Any], convert: Callable[[Any], Any] | None = None) -> RawColumn:
    """Return a column of Arrow arrays.

    Parameters
    ----------
    name : str
        Name of the column.
    arrays : list of pyarrow.Array
        Cells of consecutive rows.
    convert : callable, optional
        Converts a distinct cell, given as an Arrow scalar; by default, it becomes a Python value. Two cells may become one value.

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
    """Return an Arrow array of texts in which '@' stands for the time of day, because the day does not depend on it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> without_time_of_day(pa.array(["2024-01-31 23:59:00", "2024-02-01 00:00:00"])).to_pylist()
    ['2024-01-31', '2024-02-01']
    >>> without_time_of_day(pa.array(["1 Mar 2024 3:05 PM"])).to_pylist()
    ['1 Mar 2024 @']
    """
    import pyarrow.compute as pc

    if pc.all(pc.match_substring_regex(texts, DATE_AND_TIME)).as_py():
        return pc.utf8_slice_codeunits(texts, 0, DATE_CHARACTERS)
    return pc.replace_substring_regex(texts, TIME_OF_DAY, r"\1@", max_replacements=1)
