"""The parsed rows of a purchase log, in file order."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PurchaseRows:
    """One entry per data row of a purchase log, in file order. Rows that are empty in all three columns are omitted.

    Attributes
    ----------
    path : str
        Path of the file.
    customer : ndarray of str (object), shape (n_rows,)
        Customer identifiers as written, without surrounding whitespace; empty where the cell is empty.
    day : ndarray of datetime64[D], shape (n_rows,)
        Day of the purchase in the time zone in which it is written; NaT only in rows whose customer is empty or a word such as NULL.
    money : ndarray of float64, shape (n_rows,), money
        Amount, negative for refunds; NaN only in rows whose customer is empty or a word such as NULL.
    row : ndarray of int64, shape (n_rows,)
        Number of the row as a spreadsheet shows it, from 1, counting title lines, the header and empty lines.
    content_hash : ndarray of uint64, shape (n_rows,)
        Hash of all cells of the row as written, of all columns of the file. Rows that repeat each other exactly have equal hashes, and
        other rows have equal hashes with a probability of about 2**-64 per pair.
    assumptions : tuple of str
        Assumptions about the format of the file, one sentence each.
    """

    path: str
    customer: NDArray[np.object_]
    day: NDArray[np.datetime64]
    money: NDArray[np.float64]
    row: NDArray[np.int64]
    content_hash: NDArray[np.uint64]
    assumptions: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row)

    def where(self, kept: NDArray[np.bool_]) -> "PurchaseRows":
        """Return the rows for which `kept`, of shape (n_rows,), is true."""
        columns = {name: getattr(self, name)[kept] for name in ("customer", "day", "money", "row", "content_hash")}
        return replace(self, **columns)
