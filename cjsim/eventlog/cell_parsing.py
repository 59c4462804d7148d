"""Parsing the cells of an imported event log, column by column. Errors name the file, line and value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from cjsim.errors import InputError, format_error, short_repr
from cjsim.eventlog.input_source import LogSource

_PLAIN_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"
_TIME_REQUIREMENT = "must be a date or date-time such as '2026-01-31' or '2026-01-31 18:05:00'"


@dataclass(frozen=True)
class ColumnParser:
    """Parser of one column.

    Attributes
    ----------
    values : pyarrow.ChunkedArray
        Cells of the column, as text or typed.
    source : LogSource
        The file or DataFrame, for error messages.
    name : str
        Name of the column in the source.
    """

    values: Any
    source: LogSource
    name: str

    def parse_customers(self) -> Any:
        """Parse customer ids.

        Returns
        -------
        pyarrow.ChunkedArray
            int64 if all ids are integers in plain notation ('7', not '007'), otherwise text.

        Raises
        ------
        InputError
            If a cell is empty or not an id.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        self._require_no_nulls("must name a customer")
        if not is_text_type(self.values.type):
            return self._convert(lambda cells: cells.cast(pa.int64()), "must be a whole number or text", "Convert ids to integers or text.")
        text = self._text().values
        return text.cast(pa.int64()) if pc.all(pc.match_substring_regex(text, _PLAIN_INTEGER)).as_py() else text

    def parse_times(self, time_format: str | None) -> Any:
        """Parse times.

        Parameters
        ----------
        time_format : str or None
            `strptime` format of times in text. If None, times are in ISO 8601.

        Returns
        -------
        pyarrow.ChunkedArray of timestamp[us]
            Local time for timestamps with a named time zone, UTC for text with an offset.

        Raises
        ------
        InputError
            If a cell is empty or not a time.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        self._require_no_nulls(_TIME_REQUIREMENT)
        kind, micro = self.values.type, pa.timestamp("us")
        if pa.types.is_timestamp(kind):
            return (pc.local_timestamp(self.values) if kind.tz else self.values).cast(micro, safe=False)
        if pa.types.is_date(kind):
            return self.values.cast(micro)
        if not is_text_type(kind):
            self._raise_for_cell(0, _TIME_REQUIREMENT, "Convert times to text, dates or timestamps.")
        cells = self._trimmed()
        if time_format:
            must = f"must be a time in the format '{time_format}'"
            return cells._convert(lambda part: pc.strptime(part, time_format, "us"), must, "Correct it, or pass another time_format.")
        utc = pa.timestamp("us", "UTC")
        has_offset = is_convertible(lambda part: part.cast(utc), cells.values.slice(0, 1))
        remedy = "Use this format, or pass the format of the file, such as time_format='%d.%m.%Y %H:%M'."
        return cells._convert(lambda part: part.cast(utc).cast(micro) if has_offset else part.cast(micro), _TIME_REQUIREMENT, remedy)

    def parse_money(self) -> Any:
        """Parse amounts of money.

        Returns
        -------
        pyarrow.ChunkedArray of float64
            Null for empty cells.

        Raises
        ------
        InputError
            If a cell is not a finite number.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        must, remedy = "must be a finite number", "Write amounts with a decimal point, without currency symbols or thousands separators."
        cells = self._trimmed() if is_text_type(self.values.type) else self
        amounts = cells._convert(lambda part: part.cast(pa.float64()), must, remedy)
        first_not_finite = pc.index(pc.invert(pc.is_finite(amounts)), True).as_py()
        if first_not_finite >= 0:
            self._raise_for_cell(first_not_finite, must, remedy)
        return amounts

    def parse_labels(self, *, required: bool) -> Any:
        """Parse labels.

        Parameters
        ----------
        required : bool
            Whether empty cells are an error.

        Returns
        -------
        pyarrow.ChunkedArray of dictionary of strings

        Raises
        ------
        InputError
            If a required cell is empty.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if required:
            self._require_no_nulls("must name an event")
        kind = self.values.type
        if pa.types.is_dictionary(kind) and kind.value_type == pa.string():
            return self.values
        return pc.dictionary_encode(self._text().values)

    def _text(self) -> "ColumnParser":
        """Return a parser of the cells as text."""
        cells = self._convert(lambda part: part.cast("string"), "must be text", "Convert the column to text.")
        return ColumnParser(cells, self.source, self.name)

    def _trimmed(self) -> "ColumnParser":
        """Return a parser of the cells as text without surrounding whitespace."""
        import pyarrow.compute as pc

        return ColumnParser(pc.utf8_trim_whitespace(self._text().values), self.source, self.name)

    def _require_no_nulls(self, must: str) -> None:
        """Raise for the first empty cell, if any."""
        import pyarrow.compute as pc

        if self.values.null_count:
            self._raise_for_cell(pc.index(pc.is_null(self.values), True).as_py(), must, "Fill it in, or remove the row.")

    def _convert(self, convert: Callable[[Any], Any], must: str, remedy: str) -> Any:
        """Convert the column. If that fails, find the first invalid cell by bisection, and raise an error for it."""
        import pyarrow as pa

        try:
            return convert(self.values)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            low, high = 0, len(self.values)  # the first invalid cell is in [low, high)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if is_convertible(convert, self.values.slice(low, middle - low)) else (low, middle)
            self._raise_for_cell(low, must, remedy)

    def _raise_for_cell(self, row: int, must: str, remedy: str) -> NoReturn:
        raise InputError(format_error(self.source.cell_location(row, self.name), must, short_repr(self.values[row].as_py()), remedy))


def is_convertible(convert: Callable[[Any], Any], cells: Any) -> bool:
    """Return whether a conversion of cells succeeds.

    Parameters
    ----------
    convert : callable
        Function that converts an Arrow array, and raises an Arrow error if it fails.
    cells : pyarrow.ChunkedArray
        Cells to convert.

    Returns
    -------
    bool
    """
    import pyarrow as pa

    try:
        convert(cells)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def is_text_type(kind: Any) -> bool:
    """Return whether an Arrow type holds text.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type.

    Returns
    -------
    bool
        True for strings and dictionaries.
    """
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind) or pa.types.is_string_view(kind))
