"""Text tables and paragraphs that fit the terminal."""

import re
import shutil
import textwrap
from collections.abc import Sequence

_DEFAULT_WIDTH = 120  # if the output is not a terminal and COLUMNS is not set
_NARROWEST_TEXT, _NARROWEST_HEADER, _LONGEST_WORD = 24, 14, 20  # longer words are broken in narrow columns
_GAP, _NARROW_GAP = "  ", " "  # between columns


def terminal_width() -> int:
    """Width of the terminal in characters, at least 60; 120 if the output is not a terminal. `COLUMNS` overrides it."""
    return max(shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns, 60)


def wrap_lines(text: str, *, width: int | None = None) -> str:
    """Wrap lines that are wider than the terminal. Continuation lines are indented two spaces more than the line that they continue.

    Parameters
    ----------
    text : str
        Lines of prose.
    width : int, optional
        Maximum number of characters; `terminal_width` by default.

    Returns
    -------
    str
    """
    width = terminal_width() if width is None else width
    wrapped: list[str] = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        wrapped += textwrap.wrap(line, width, subsequent_indent=f"{indent}  ", break_on_hyphens=False, break_long_words=False) or [""]
    return "\n".join(wrapped)


def wrap_prose(text: str) -> str:
    """Wrap lines of prose that are wider than the terminal, but not table rows, which have a bar or double spaces between columns.

    Examples
    --------
    >>> wide = "word " * 30 + "end"
    >>> wrap_prose(wide).count(chr(10)), wrap_prose(wide.replace(" ", "  ")).count(chr(10))
    (1, 0)
    """
    return "\n".join(line if "  " in line.strip() or line.startswith("|") else wrap_lines(line) for line in text.splitlines())


def align_columns(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None, optional: Sequence[str] = ()) -> str:
    """Format a table with padded columns. The first and last columns are left-aligned, and all others are right-aligned.

    If the table is wider than the terminal, column names and the text of the last and the first column continue on the next line. If it
    is still too wide, the last column and then the optional ones are left out, and columns move closer together. Columns in which all cells
    are empty are left out at any width.

    Parameters
    ----------
    header : sequence of str
        Column names.
    rows : sequence of sequence of str
        Rows, each with one cell per column.
    width : int, optional
        Maximum number of characters; `terminal_width` by default. Cells of numbers are never broken, so a table may be wider.
    optional : sequence of str
        Names of columns that may be left out, the first one first. The last column may be left out if its name is empty.

    Returns
    -------
    str
    """
    width = terminal_width() if width is None else width
    last, droppable = len(header) - 1, [*([] if header[-1] else [""]), *optional]
    columns = [i for i in range(len(header)) if any(row[i] for row in rows or [header])]
    gap = _GAP
    while True:
        widths = _column_widths(header, rows, columns, width, gap)
        name = next((name for name in droppable if name in (header[i] for i in columns)), None)
        if sum(widths.values()) + len(gap) * (len(columns) - 1) <= width or (name is None and gap == _NARROW_GAP):
            break
        if name is None:
            gap = _NARROW_GAP
            continue
        droppable.remove(name)
        columns.remove(max(i for i in columns if header[i] == name))

    def _lines(cells: Sequence[str]) -> list[str]:
        broken = {i: _broken_cell(cells[i], widths[i]) for i in columns}
        height = max(len(lines) for lines in broken.values())
        padded = [
            [f"{line:{'<' if i in (0, last) else '>'}{widths[i]}}" for i, line in ((i, (broken[i] + [""] * height)[k]) for i in columns)]
            for k in range(height)
        ]
        return [gap.join(line).rstrip() for line in padded]

    rule = "-" * (sum(widths.values()) + len(gap) * (len(columns) - 1))
    return "\n".join([*_lines(header), rule, *(line for row in rows for line in _lines(row))])


def _broken_cell(text: str, width: int) -> list[str]:
    """Return the lines of a cell. A word that is wider than its column, such as a path, is broken after dots, commas and the like."""
    lines: list[str] = []
    for line in textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False):
        lines.append("")
        for part in re.split(r"(?<=[._,=])", line) if len(line) > width else [line]:
            if lines[-1] and len(lines[-1] + part) > width:
                lines.append("")
            lines[-1] += part
    return [piece for line in lines for piece in textwrap.wrap(line, width, break_on_hyphens=False)]


def is_too_wide(table: str) -> bool:
    """Return whether a table is wider than the terminal."""
    return max(map(len, table.splitlines()), default=0) > terminal_width()


def _column_widths(header: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[int], width: int, gap: str) -> dict[int, int]:
    """Return the width of each column. If the table is too wide, headers and text columns are narrowed and will be wrapped."""
    cells = {i: max((len(row[i]) for row in rows), default=0) for i in columns}
    widths = {i: max(cells[i], len(header[i])) for i in columns}
    excess = sum(widths.values()) + len(gap) * (len(columns) - 1) - width
    last = len(header) - 1
    narrowest = dict.fromkeys((last, 0), _NARROWEST_TEXT)
    if gap == _NARROW_GAP:
        words = [i for i in dict.fromkeys((last, 0, *columns)) if i == 0 or _is_text(rows, i)]
        narrowest = {i: _longest_word([header[i], *(row[i] for row in rows)]) for i in words}
    for i, least in narrowest.items():
        if excess > 0 and i in widths:
            narrowed = max(widths[i] - excess, min(least, widths[i]))
            excess -= widths[i] - narrowed
            widths[i] = narrowed
    for i in sorted(columns, key=lambda i: widths[i] - cells[i], reverse=True):
        if excess > 0 and i not in narrowest:
            least = min(_longest_word([header[i]]), _NARROWEST_HEADER) if gap == _NARROW_GAP else _NARROWEST_HEADER
            narrowed = max(widths[i] - excess, cells[i], min(least, len(header[i])))
            excess -= widths[i] - narrowed
            widths[i] = narrowed
    return widths


def _is_text(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column holds words, which can be broken between lines, rather than numbers and intervals only."""
    return any(row[column][:1].isalpha() and " " in row[column] for row in rows)


def _longest_word(texts: Sequence[str]) -> int:
    """Return the length of the longest word, at most `_LONGEST_WORD`. An interval is one word, of any length."""
    intervals = [len(text) for text in texts if text.startswith("[")]
    return max(
        [*intervals, *(min(len(word), _LONGEST_WORD) for text in texts if not text.startswith("[") for word in text.split())], default=0
    )
