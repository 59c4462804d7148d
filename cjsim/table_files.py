"""Exported tables: CSV and Excel files in which no text can act as a spreadsheet formula.

A spreadsheet evaluates text that begins with one of the characters `= + - @` as a formula, even in a CSV file, and may split a cell at a
semicolon, a tab or a line feed first. Such text gets an apostrophe in front of the character. Numbers stay numbers. Control characters are
escaped, because people also look at CSV files in a terminal, and Excel files cannot hold them.

References
----------
OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
"""

import io
import json
import numbers
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.errors import require_package
from cjsim.escaping.terminal_text import without_control_characters

if TYPE_CHECKING:
    import pandas as pd

# At the start, or after a separator. The last four characters are the full-width forms of the first four.
_FORMULA_PATTERN = re.compile("(?P<before>\\A|[;\t\n])(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])|\\A(?=[\t\n])")


def without_formula(text: str) -> str:
    r"""Return text that a spreadsheet does not evaluate as a formula. Carriage returns become line feeds, which CSV files quote.

    Examples
    --------
    >>> without_formula("=1+1"), without_formula("weekly news")
    ("'=1+1", 'weekly news')
    >>> without_formula("a;=1+1"), without_formula("\x1b[2J")
    ("a;'=1+1", '\\x1b[2J')
    """
    if text.isalnum():
        return text
    text = without_control_characters(text.replace("\r\n", "\n").replace("\r", "\n"))
    return _FORMULA_PATTERN.sub(lambda match: f"{match['before'] or ''}'", text)


def csv_text(table: "pd.DataFrame", *, float_format: str | None = None) -> str:
    r"""Return a table as CSV with a header. The index is included if it has a name.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    float_format : str, optional
        Format of numbers, such as '%.6g'. By default, they are written with all digits.

    Examples
    --------
    >>> import pandas as pd
    >>> csv_text(pd.DataFrame({"name": ["@home", "away"], "effect": [-1.5, 2.0]}))
    "name,effect\n'@home,-1.5\naway,2.0\n"
    """
    return str(_safe_table(table).to_csv(index=False, float_format=float_format, lineterminator="\n"))


def write_csv(table: "pd.DataFrame", file: Path, *, float_format: str | None = None) -> None:
    """Write a table to a CSV file, as `csv_text` formats it."""
    file.write_text(csv_text(table, float_format=float_format), encoding="utf-8", newline="")


def xlsx_bytes(table: "pd.DataFrame") -> bytes:
    """Return a table as an Excel file with one sheet.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.

    Raises
    ------
    InputError
        If openpyxl is not installed.
    """
    require_excel()
    buffer = io.BytesIO()
    _safe_table(table).to_excel(buffer, index=False, engine="openpyxl")
    return buffer.getvalue()


def require_excel() -> None:
    """Raise if the package that writes Excel files is not installed."""
    require_package("openpyxl", extra="excel", where="format", what="'xlsx'", alternative="use csv")


def _safe_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a copy without formulas, in which the levels of a named index are columns."""
    is_named = any(name is not None for name in table.index.names)
    safe = table.reset_index(drop=not is_named)
    safe.columns = [without_formula(str(name)) for name in safe.columns]
    for i in range(safe.shape[1]):
        if not _is_plain(safe.iloc[:, i]):
            safe.isetitem(i, _object_column([_safe_cell(cell) for cell in safe.iloc[:, i]]))
    return safe


def _is_plain(column: "pd.Series") -> bool:
    """Whether a column holds only numbers, Booleans or times."""
    from pandas.api import types

    return bool(types.is_numeric_dtype(column.dtype) or types.is_datetime64_dtype(column.dtype))


def _object_column(cells: list[Any]) -> "pd.Series":
    import pandas as pd

    return pd.Series(cells, dtype=object)


def _safe_cell(cell: Any) -> Any:
    """Return a number, Boolean or date unchanged, and anything else as text; None where a value is missing."""
    if cell is None or isinstance(cell, numbers.Number | bool | date):
        return cell
    if isinstance(cell, Mapping | list | tuple):
        return without_formula(json.dumps(cell, default=str, ensure_ascii=False))
    text = str(cell)
    return None if text in ("<NA>", "NaT") else without_formula(text)
