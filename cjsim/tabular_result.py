"""`TabularResult`, the base class of results: a table for pandas and for notebooks, and a one-line repr."""

import html
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjsim.escaping.terminal_text import printable

if TYPE_CHECKING:
    import pandas as pd

_MAX_ROWS = 60  # of a table in a notebook


def table_by_key(rows: Mapping[tuple[Any, ...], tuple[Any, ...]], names: Sequence[str], columns: Sequence[str]) -> "pd.DataFrame":
    """Return a table with a multi-level index. Without rows, the table is empty.

    Parameters
    ----------
    rows : Mapping of tuple to tuple
        Values of the columns by key.
    names, columns : sequence of str
        Names of the parts of a key, and of the columns.

    Examples
    --------
    >>> table_by_key({("a", "clv"): (1.5, 2)}, ["group", "metric"], ["value", "n"]).loc[("a", "clv"), "value"].item()
    1.5
    >>> len(table_by_key({}, ["group", "metric"], ["value", "n"]))
    0
    """
    import pandas as pd

    table = pd.DataFrame([(*key, *values) for key, values in rows.items()], columns=[*names, *columns])
    return table.set_index(list(names))


class TabularResult(ABC):
    """A result with a table. Subclasses provide the table, a one-line description, and an answer if they have one."""

    @abstractmethod
    def to_pandas(self) -> "pd.DataFrame":
        """Return the result as a table with one row per item. Numbers are not formatted, and their unit is in a separate column."""

    @abstractmethod
    def _facts(self) -> str:
        """Return what was done, in one line, for the repr."""

    def _answer(self) -> str:
        """Return the answer in a few sentences; empty if the result has none."""
        return ""

    def _displayed_table(self) -> "pd.DataFrame":
        """Return the rows and columns that a notebook shows; the whole table by default."""
        return self.to_pandas()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._facts()})"

    def _repr_html_(self) -> str:
        """Return the answer and the table as HTML, for Jupyter."""
        table = self._displayed_table()
        is_named = any(name is not None for name in table.index.names)
        body = table.to_html(index=is_named, escape=True, na_rep="", max_rows=_MAX_ROWS, float_format=_number_text, border=0)
        paragraphs = [f"<p>{html.escape(line)}</p>" for line in (self._answer() or repr(self)).splitlines() if line.strip()]
        return printable("\n".join([*paragraphs, str(body)]))


def _number_text(value: Any) -> str:
    """Format a number with four significant digits, and without decimals if it is 1,000 or more."""
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    return f"{number:,.0f}" if abs(number) >= 1000 or number == round(number) else f"{number:.4g}"
