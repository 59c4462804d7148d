"""`CellLocation`: names the cells of a table in error messages."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class CellLocation(NamedTuple):
    """Location of a table.

    Attributes
    ----------
    source : str
        Path of the file; empty for a DataFrame.
    first_row : int
        Number of the first row of data: 2 in a CSV file with a header, 0 in a DataFrame.
    """

    source: str = ""
    first_row: int = 0

    def column(self, name: str) -> str:
        """Return the location of a column."""
        return f"{self.source}: column '{name}'" if self.source else f"column '{name}'"

    def raise_for_bad_rows(self, column: Any, is_bad: BoolArray, must: str, remedy: str) -> None:
        """Raise for the first bad row, and state the number of further bad rows.

        Parameters
        ----------
        column : pandas.Series
            Values as given.
        is_bad : ndarray of bool, shape (n,)
            Rows that violate the condition.
        must : str
            The condition; starts with "must".
        remedy : str
            What to do.

        Raises
        ------
        InputError
            If there is a bad row.
        """
        rows = np.flatnonzero(is_bad)
        if not len(rows):
            return
        value = column.iloc[[rows[0]]].tolist()[0]
        got = "nothing" if value is None or value != value or value == "" else short_repr(value)
        more = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
        row = self.first_row + int(rows[0])
        where = f"{self.source}:{row}: column '{column.name}'" if self.source else f"row {row}: column '{column.name}'"
        raise InputError(format_error(where, must, got + more, remedy))


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view of an array."""
    view = values.view()
    view.flags.writeable = False
    return view
