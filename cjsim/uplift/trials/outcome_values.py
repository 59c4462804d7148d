"""`Outcome`, and parsing of outcome columns."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.uplift.trials.cell_location import BoolArray, CellLocation, FloatArray, read_only

OutcomeKind = Literal["binary", "count", "continuous"]
_LARGEST = 1e100  # sums of squares of larger numbers overflow
_YES_NO_PAIRS = ({"true": 1.0, "false": 0.0}, {"yes": 1.0, "no": 0.0}, {"y": 1.0, "n": 0.0}, {"t": 1.0, "f": 0.0})


@dataclass(frozen=True, eq=False)
class Outcome:
    """An outcome of a trial.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        Value of each row; nan where it is missing.
    kind : {"binary", "count", "continuous"}
        Binary if all values are 0 or 1, count if all are nonnegative integers, else continuous.
    """

    values: FloatArray
    kind: OutcomeKind

    @property
    def is_missing(self) -> BoolArray:
        """Whether the value of each row is missing."""
        return np.isnan(self.values)


def parse_outcome(column: Any, location: CellLocation) -> Outcome:
    """Parse an outcome column.

    Parameters
    ----------
    column : pandas.Series
        Numbers, booleans, or text such as 'yes' and 'no'.
    location : CellLocation
        For error messages.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        If a value is not finite or is beyond ±1e100, or all values are missing.
    """
    is_missing = np.asarray(column.isna(), dtype=np.bool_)
    if is_missing.all():
        remedy = "Name a column with values."
        raise InputError(format_error(location.column(str(column.name)), "must have values", f"{len(column)} missing ones", remedy))
    values = numbers_of(column)
    remedy = "Write it as 1234.50, without currency or thousands separators, or leave it empty if it is unknown."
    location.raise_for_bad_rows(column, ~is_missing & ~np.isfinite(values), "must be a finite number", remedy)
    remedy = "Correct the value, or leave it empty if it is unknown."
    location.raise_for_bad_rows(column, np.abs(values) > _LARGEST, f"must be from -{_LARGEST:g} to {_LARGEST:g}", remedy)
    return Outcome(read_only(values), outcome_kind(values))


def outcome_kind(values: FloatArray) -> OutcomeKind:
    """Infer the kind of an outcome.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Values; nan where missing.

    Examples
    --------
    >>> outcome_kind(np.array([0.0, 1.0, np.nan])), outcome_kind(np.array([0.0, 3.0])), outcome_kind(np.array([0.5]))
    ('binary', 'count', 'continuous')
    """
    known = values[~np.isnan(values)]
    if np.all((known == 0) | (known == 1)):
        return "binary"
    return "count" if np.all((known >= 0) & (known == np.floor(known))) else "continuous"


def numbers_of(column: Any) -> FloatArray:
    """Convert a column to numbers; nan where a value is missing or not a number.

    Parameters
    ----------
    column : pandas.Series
        Numbers, booleans, or text with numbers, 'yes' and 'no', or 'true' and 'false'.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    import pandas as pd

    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return np.full(len(column), np.nan)
    text = column.astype("string").str.strip().str.casefold()
    words = set(text.dropna().unique().tolist()) if text.head(1000).nunique() <= 2 else set()
    for pair in _YES_NO_PAIRS:
        if words and words <= set(pair):
            return np.asarray(text.map(pair).to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))
