"""Checks of rows that span several lines of a text file: whether the quotes around their line breaks are intentional."""

import csv
import io
from collections.abc import Iterator

from cjsim.purchase_logs.date_text import split_date
from cjsim.purchase_logs.log_file import LogFile
from cjsim.purchase_logs.text_layout import TextLayout

_MIN_DATE_DIGITS = 5  # of a serial date


def open_text(file: LogFile, encoding: str) -> io.TextIOWrapper:
    """Open a text file; line breaks are kept as they are."""
    return io.TextIOWrapper(file.open_bytes(), encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def require_closed_quotes(file: LogFile, layout: TextLayout, *, time: str) -> None:
    """Raise if an unclosed quote, as in `"5 inch`, joins several rows into one: the others would be lost.

    A row of several lines is refused if its quotes are not valid, or if both its first and its last line are rows with a date.

    Parameters
    ----------
    file : LogFile
        A text file with rows that span several lines.
    layout : TextLayout
        Its layout.
    time : str
        Name of the column with the time.

    Raises
    ------
    InputError
        If there is such a row.
    """
    index, line = layout.header.index(time), 1
    with open_text(file, layout.encoding) as text:
        lines: list[str] = []
        for _ in layout.records(_collected(text, lines)):
            if len(lines) > 1 and not _is_one_row(lines, layout, index):
                got = f"a row that spans the lines {line} to {line + len(lines) - 1}"
                file.raise_error("must close all quotes", got, "Close or remove the quote that is open at the end of this line.", line=line)
            line += len(lines)
            lines.clear()


def _collected(text: io.TextIOWrapper, lines: list[str]) -> Iterator[str]:
    """Yield lines, and append each to a list."""
    for line in text:
        lines.append(line)
        yield line


def _is_one_row(lines: list[str], layout: TextLayout, time_index: int) -> bool:
    try:
        list(csv.reader(lines, delimiter=layout.sep, skipinitialspace=True, strict=True))
    except csv.Error:
        return False
    return not (_is_whole_row(lines[0], layout, time_index) and _is_whole_row(lines[-1], layout, time_index))


def _is_whole_row(line: str, layout: TextLayout, time_index: int) -> bool:
    """Whether a line without its quotes is a row with a date. Quoted values that contain a separator add cells and shift the date."""
    record = next(csv.reader([line.replace('"', "")], delimiter=layout.sep, skipinitialspace=True), [])
    if len(record) == len(layout.header):
        cell = record[time_index].strip()
        return split_date(cell) is not None or (cell.isdecimal() and len(cell) >= _MIN_DATE_DIGITS)
    return len(record) > len(layout.header) and any(map(split_date, record))
