"""Layout of a text table: which character separates the columns, and which row is the header."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cjsim.errors import short_repr
from cjsim.purchase_logs.header import HEADER_SEARCH_ROWS, clean_name, header_assumption, raise_for_unknown_column, require_single_columns
from cjsim.purchase_logs.log_file import LogFile
from cjsim.purchase_logs.log_format import SEPARATOR_NAMES

_CANDIDATES = (",", ";", "\t", "|")


@dataclass(frozen=True)
class TextLayout:
    """How the rows of a text file are laid out.

    Attributes
    ----------
    encoding : str
        Codec of the text.
    sep : str
        Separator of the columns.
    header_row : int
        Number of the header row, from 1.
    header : tuple of str
        Column names.
    assumptions : tuple of str
        Assumptions, one sentence each.
    """

    encoding: str
    sep: str
    header_row: int
    header: tuple[str, ...]
    assumptions: tuple[str, ...]

    def records(self, text: Iterable[str]) -> Any:
        """Return a reader of all rows of the text, including those above the header."""
        return csv.reader(text, delimiter=self.sep, skipinitialspace=True)


def detect_layout(file: LogFile, sample: str, *, names: tuple[str, str, str], sep: str | None, encoding: str) -> TextLayout:
    """Find the separator and the header: the first row that has all columns that the user names.

    Parameters
    ----------
    file : LogFile
        The file, for errors.
    sample : str
        First lines of the text.
    names : tuple of str
        Columns that the user names.
    sep : str or None
        Separator, if the user names it.
    encoding : str
        Codec of the text.

    Returns
    -------
    TextLayout

    Raises
    ------
    InputError
        If no row has the columns, or several columns have one of the names.
    """
    declared = _declared_separator(sample)
    candidates = (sep,) if sep else ((declared,) if declared else _CANDIDATES)
    tables = {candidate: _sample_records(sample, candidate) for candidate in candidates}
    found = [
        (index, candidate)
        for candidate, records in tables.items()
        for index, record in enumerate(records)
        if set(names) <= set(record) and not (index == 0 and declared)
    ]
    if not found:
        _raise_for_missing_column(file, tables, names)
    index, chosen = min(found, key=lambda place: place[0])
    header = tuple(tables[chosen][index])
    require_single_columns(file, header, names)
    assumptions = []
    if chosen != "," and not sep:
        assumptions.append(f"columns are separated by {separator_plural(chosen)}")
    n_above = index - (1 if declared else 0)
    if n_above and any(any(record) for record in tables[chosen][1 if declared else 0 : index]):
        assumptions.append(header_assumption(index + 1))
    return TextLayout(encoding, chosen, index + 1, header, tuple(assumptions))


def separator_plural(sep: str) -> str:
    """Return the name of a column separator in the plural, such as 'semicolons'; in quotes if it has no name."""
    return f"{SEPARATOR_NAMES[sep]}s" if sep in SEPARATOR_NAMES else short_repr(sep)


def _declared_separator(sample: str) -> str | None:
    """Return the separator that a first line such as `sep=;` declares, as Excel reads it."""
    first = sample.lstrip("\ufeff").split("\n", 1)[0].strip("\r").strip('"')
    return first[4:] if first.lower().startswith("sep=") and len(first) == 5 else None


def _sample_records(sample: str, sep: str) -> list[list[str]]:
    """Return the first rows, up to the first one that cannot be read with this separator."""
    records: list[list[str]] = []
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=sep, skipinitialspace=True)
    try:
        for record in islice(reader, HEADER_SEARCH_ROWS):
            records.append([clean_name(cell) for cell in record])
    except csv.Error:
        pass
    return records


def _raise_for_missing_column(file: LogFile, tables: dict[str, list[list[str]]], names: tuple[str, ...]) -> None:
    """Raise for a name that no header has. The header is the row with most of the names, or the first of the widest table."""

    def rank(place: tuple[str, list[str]]) -> tuple[int, int]:
        sep, record = place
        widths = Counter(len(other) for other in tables[sep] if len(other) > 1)
        is_usual = bool(widths) and len(record) == widths.most_common(1)[0][0]
        return len(set(names) & set(record)), len(record) * widths[len(record)] if is_usual else 0

    places = [(sep, record) for sep, records in tables.items() for record in records if any(record)]
    if not places:
        file.raise_error("must be a CSV file with a header", "only empty lines", "Check how it was exported.")
    _, header = max(places, key=rank)
    hint = "Set `sep` to the separator of the columns." if len(header) == 1 else ""
    raise_for_unknown_column(file, tuple(header), names, hint=hint)
