"""Columns of an event log: names, Arrow types, and conversion of code arrays to Arrow columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cjsim.compiler.plan import Codebook

Records = np.ndarray[Any, np.dtype[Any]]  # not imported from kernels.world, because that imports numba, which reading a log does not need
LABEL_COLUMNS = ("event", "stage", "channel", "message", "source")  # dictionaries of names; null if none
LOG_COLUMNS = ("customer", "time", *LABEL_COLUMNS, "value")


def names_by_column(names: "Codebook") -> dict[str, list[str]]:
    """Return the names of the codes of each label column.

    Parameters
    ----------
    names : Codebook
        Names of the codes.

    Returns
    -------
    dict of str to list of str
        Names by code, for each column of `LABEL_COLUMNS`.
    """
    return {column: list(getattr(names, f"{column}s")) for column in LABEL_COLUMNS}


def log_schema() -> Any:
    """Return the Arrow schema of a log that a simulation writes.

    Returns
    -------
    pyarrow.Schema
    """
    import pyarrow as pa

    return pa.schema(
        [("customer", pa.int64()), ("time", pa.timestamp("us"))]
        + [(name, pa.dictionary(pa.int16(), pa.string())) for name in LABEL_COLUMNS]
        + [("value", pa.float64())]
    )


def label_array(codes: Records, labels: Sequence[str]) -> Any:
    """Convert codes to an Arrow dictionary array of names.

    Parameters
    ----------
    codes : ndarray of int16, shape (n_rows,)
        Codes; -1 for null.
    labels : sequence of str
        Names by code.

    Returns
    -------
    pyarrow.DictionaryArray
        Its dictionary contains the names that occur, sorted.
    """
    import pyarrow as pa

    assert codes.max() < len(labels), "a code without a name"
    as_bytes = len(labels) < 256  # searching and mapping take 1.3 ns per row for bytes, 4 ns for int16 (measured); -1 is the byte 255
    present = codes.astype(np.uint8).tobytes() if as_bytes else set(np.unique(codes).tolist())
    used = sorted({name for code, name in enumerate(labels) if code in present})
    index_of = {name: i for i, name in enumerate(used)}
    table = np.array([index_of.get(name, 0) for name in labels] + [0] * (256 - len(labels) if as_bytes else 1), np.int16)
    if isinstance(present, bytes):
        indices = np.frombuffer(present.translate(table.astype(np.uint8).tobytes()), np.uint8).astype(np.int16)
    else:
        indices = table[codes]
    # Checking the indices in Arrow would take 10 % of the writing time.
    return pa.DictionaryArray.from_arrays(arrow_array(pa.int16(), indices, codes >= 0), pa.array(used, pa.string()), safe=False)


def arrow_array(kind: Any, values: Records, valid: Records | None = None) -> Any:
    """Create an Arrow array that shares memory with a numpy array.

    Parameters
    ----------
    kind : pyarrow.DataType
        Arrow type of the values.
    values : ndarray, shape (n_rows,)
        Values.
    valid : ndarray of bool, shape (n_rows,), optional
        Validity mask, False for null. No nulls by default.

    Returns
    -------
    pyarrow.Array
    """
    import pyarrow as pa

    bitmap = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(values)])
