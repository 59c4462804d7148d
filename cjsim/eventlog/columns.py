"""The columns of an event log: their names, their Arrow types, and arrays of codes as Arrow columns."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

Records = np.ndarray[Any, np.dtype[Any]]  # not from kernels.world, which imports numba: a log is read without it
LABEL_COLUMNS = ("event", "stage", "channel", "message", "source")  # dictionaries of names, null for none
LOG_COLUMNS = ("customer", "time", *LABEL_COLUMNS, "value")


class LogCodeNames(Protocol):
    """What the codes of a log row stand for."""

    @property
    def events(self) -> Sequence[str]:
        """Events of the log by code: touches, then journey events."""

    @property
    def stages(self) -> Sequence[str]:
        """Stages by code."""

    @property
    def channels(self) -> Sequence[str]:
        """Channels by code."""

    @property
    def messages(self) -> Sequence[str]:
        """Messages by code."""

    @property
    def sources(self) -> Sequence[str]:
        """Flows and broadcasts by code."""


def log_schema() -> Any:
    """The Arrow schema of a log that a simulation writes (pyarrow.Schema)."""
    import pyarrow as pa

    return pa.schema(
        [("customer", pa.int64()), ("time", pa.timestamp("us"))]
        + [(name, pa.dictionary(pa.int16(), pa.string())) for name in LABEL_COLUMNS]
        + [("value", pa.float64())]
    )


def label_array(codes: Records, labels: Sequence[str]) -> Any:
    """An Arrow dictionary array of names; its dictionary holds those that occur, in order."""
    import pyarrow as pa

    assert codes.max() < len(labels), "a code without a name"
    as_bytes = len(labels) < 256  # searched and mapped at 1.3 ns a row, codes at 4 (measured); -1 is the last byte
    found = codes.astype(np.uint8).tobytes() if as_bytes else set(np.unique(codes).tolist())
    used = sorted({name for code, name in enumerate(labels) if code in found})
    place = {name: i for i, name in enumerate(used)}
    table = np.array([place.get(name, 0) for name in labels] + [0] * (256 - len(labels) if as_bytes else 1), np.int16)
    if isinstance(found, bytes):
        places = np.frombuffer(found.translate(table.astype(np.uint8).tobytes()), np.uint8).astype(np.int16)
    else:
        places = table[codes]
    # Arrow's own check takes a tenth of all time.
    return pa.DictionaryArray.from_arrays(arrow_array(pa.int16(), places, codes >= 0), pa.array(used, pa.string()), safe=False)


def arrow_array(kind: Any, values: Records, valid: Records | None = None) -> Any:
    """An Arrow array over the memory of `values`, null where not `valid`."""
    import pyarrow as pa

    bitmap = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(values)])
