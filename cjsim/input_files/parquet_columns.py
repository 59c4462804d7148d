"""`ParquetColumns`: columns of a Parquet file that must have the types that cjsim writes."""

import os
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cjsim.errors import InputError, format_error, quote_choices, short_repr
from cjsim.input_files.parquet_file import read_parquet
from cjsim.input_files.regular_file import shown_path

_REMEDY = "Write the file again."


class ParquetColumns:
    """Columns of a Parquet file in memory.

    Each method returns one column, and raises an `InputError` with the file and the column if it has the wrong type, or nulls where they
    are not allowed.

    Parameters
    ----------
    path : str or path
        The file.
    columns : sequence of str, optional
        Columns to read; all by default.
    """

    def __init__(self, path: str | os.PathLike[str], columns: Sequence[str] | None = None) -> None:
        self._path = shown_path(path)
        self._table = read_parquet(path, columns=columns)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __contains__(self, name: str) -> bool:
        return name in self._table.column_names

    def numbers(self, name: str, dtype: DTypeLike) -> NDArray[Any]:
        """Return a numeric column without nulls.

        Parameters
        ----------
        name : str
            Name of the column.
        dtype : numpy dtype
            The type that it was written with.
        """
        import pyarrow as pa

        column = self._column(name, pa.from_numpy_dtype(dtype))
        return np.asarray(column.to_numpy())

    def flags(self, name: str, *, null: int | None = None) -> NDArray[np.int8]:
        """Return a Boolean column as 0 and 1.

        Parameters
        ----------
        name : str
            Name of the column.
        null : int, optional
            Value for null. If omitted, the column must not have nulls.
        """
        import pyarrow as pa

        column = self._column(name, pa.bool_(), is_nullable=null is not None)
        return np.asarray(column.cast(pa.int8()).fill_null(null or 0).to_numpy())

    def indices(self, name: str, *, null: int) -> NDArray[np.int64]:
        """Return a column of int64.

        Parameters
        ----------
        name : str
            Name of the column.
        null : int
            Value for null.
        """
        import pyarrow as pa

        return np.asarray(self._column(name, pa.int64(), is_nullable=True).fill_null(null).to_numpy())

    def codes(self, name: str, labels: Sequence[str], *, is_nullable: bool = False) -> NDArray[np.int32]:
        """Return a column of labels as indices into `labels`; -1 for null.

        Parameters
        ----------
        name : str
            Name of the column, which holds text, with or without a dictionary.
        labels : sequence of str
            All labels.
        is_nullable : bool
            Whether the column may have nulls.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self._table_column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        column = self._checked(name, column, pa.string(), is_nullable)
        found = pc.index_in(column, value_set=pa.array(list(labels), pa.string()))
        if found.null_count > column.null_count:
            unknown = next(one for one in column.unique().to_pylist() if one is not None and one not in labels)
            self._refuse(name, f"must hold only {quote_choices(labels) or 'nulls'}", short_repr(unknown))
        return np.asarray(found.fill_null(-1).to_numpy(), np.int32)

    def require_rows(self, count: int, *, of: str) -> None:
        """Raise unless the file has the given number of rows.

        Parameters
        ----------
        count : int
            Required number of rows.
        of : str
            Name of the file that determines this number, for the error message.
        """
        if len(self) != count:
            raise InputError(format_error(self._path, f"must have {count:,} rows, like {of}", f"{len(self):,}", _REMEDY))

    def _table_column(self, name: str) -> Any:
        if self._table.column_names.count(name) != 1:
            self._refuse(name, "must be in the file once", f"{self._table.column_names.count(name) or 'no'} such column")
        return self._table[name]

    def _column(self, name: str, kind: Any, *, is_nullable: bool = False) -> Any:
        return self._checked(name, self._table_column(name), kind, is_nullable)

    def _checked(self, name: str, column: Any, kind: Any, is_nullable: bool) -> Any:
        if column.type != kind:
            self._refuse(name, f"must have the type {kind}", str(column.type))
        if column.null_count and not is_nullable:
            self._refuse(name, "must not have missing values", f"{column.null_count:,}")
        return column

    def _refuse(self, name: str, must: str, got: str) -> NoReturn:
        raise InputError(format_error(f"{self._path}: {name}", must, got, _REMEDY))
