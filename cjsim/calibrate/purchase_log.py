"""A firm's purchase log: reading it, checking it, and what each customer's purchases come to by a day.

Lives here: the file (CSV, gzipped CSV or Parquet) with messages that name the row, merging of a customer's purchases of one
day, the split into calibration and holdout. Does not live here: any model of the purchases.
"""

import gzip
import re
import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cjsim.calibrate.likelihood import Floats
from cjsim.errors import InputError, complaint, did_you_mean, one_of, shown

if TYPE_CHECKING:
    import pandas as pd

Days = NDArray[np.datetime64]
UNIT_DAYS = {"day": 1.0, "week": 7.0}
_DATE = r"\s*\d{4}(?:[-/]\d{1,2}[-/]\d{1,2}|\d{4})(?:[T ].*)?"
_OFFSET = r"(:\d{2}(?:\.\d+)?)\s*(?:Z|[+-]\d{2}:?\d{2})\s*$"
_MAX_MONEY = 1e12
_CHUNK_ROWS = 500_000


@dataclass(frozen=True)
class Histories:
    """What each customer of the calibration bought: rows by first purchase, then by customer.

    Attributes
    ----------
    customer : ndarray of str, shape (n,)
        As the log names them.
    first_day : ndarray of datetime64[D], shape (n,)
        Of the first purchase.
    x : ndarray of float64, shape (n,)
        Days with a repeat purchase, up to and with the last day of calibration.
    t_x, T : ndarray of float64, shape (n,), units of time
        From the first purchase to the last one, and to the last day of calibration.
    spend : ndarray of float64, shape (n,), money
        Mean of the repeat days' money; 0 where `x` is 0.
    money : ndarray of float64, shape (n_purchases,), money
        Of each purchase day of the calibration, first ones included.
    ahead : float, units of time
        Length of the holdout; 0 if there is none.
    x_holdout : ndarray of float64, shape (n,)
        Days with a purchase in the holdout.
    money_holdout : ndarray of float64, shape (n,), money
        Of them.
    """

    customer: NDArray[np.object_]
    first_day: Days
    x: Floats
    t_x: Floats
    T: Floats
    spend: Floats
    money: Floats
    ahead: float
    x_holdout: Floats
    money_holdout: Floats


@dataclass(frozen=True)
class PurchaseLog:
    """Purchases, one a customer and day: the money of a day is added up.

    Attributes
    ----------
    path : str
        Where it was read.
    customer : ndarray of str, shape (n_customers,)
        As the log names them, by first purchase, then by name.
    owner : ndarray of int64, shape (n_purchases,)
        Index of the customer; ascending.
    day : ndarray of datetime64[D], shape (n_purchases,)
        Ascending within a customer.
    money : ndarray of float64, shape (n_purchases,), money
        At least 0.
    warnings : tuple of str
        What was left out, and why.
    """

    path: str
    customer: NDArray[np.object_]
    owner: NDArray[np.int64]
    day: Days
    money: Floats
    warnings: tuple[str, ...]

    @property
    def first_day(self) -> date:
        """The day of the first purchase."""
        return as_date(self.day.min())

    @property
    def last_day(self) -> date:
        """The day of the last purchase."""
        return as_date(self.day.max())

    def histories(self, until: date, *, unit: str = "week") -> Histories:
        """What the customers who bought by `until` bought by then, and from then to the last day of the log.

        Parameters
        ----------
        until : date
            Last day of the calibration.
        unit : {"week", "day"}
            Unit of time of what is returned.

        Returns
        -------
        Histories
        """
        split = np.datetime64(until, "D")
        last = np.datetime64(self.last_day, "D")
        count = len(self.customer)
        starts = np.searchsorted(self.owner, np.arange(count))
        first = self.day[starts]
        known = first <= split
        early = self.day <= split
        late = ~early & known[self.owner]
        repeat = early & (self.day > first[self.owner])
        newest = first.copy()
        np.maximum.at(newest, self.owner[early], self.day[early])

        def tally(chosen: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
            """Purchases, or their weights, of each known customer."""
            sums = np.bincount(self.owner[chosen], weights=None if weights is None else weights[chosen], minlength=count)
            return sums.astype(np.float64)[known]

        x = tally(repeat)
        scale = np.timedelta64(1, "D") * UNIT_DAYS[unit]
        return Histories(
            customer=self.customer[known],
            first_day=first[known],
            x=x,
            t_x=(newest - first)[known] / scale,
            T=(split - first[known]) / scale,
            spend=np.where(x > 0, tally(repeat, self.money) / np.maximum(x, 1.0), 0.0),
            money=self.money[early],
            ahead=max(float((last - split) / scale), 0.0),
            x_holdout=tally(late),
            money_holdout=tally(late, self.money),
        )


def as_date(day: Any) -> date:
    """A numpy day as a date of Python."""
    return date.fromisoformat(str(np.datetime64(day, "D")))


def read_purchases(path: str | Path, *, customer: str, time: str, value: str) -> PurchaseLog:
    r"""A purchase log from a file, checked.

    Rows without a customer are left out, and so are refunds (negative money): what was bought stays bought. Both are counted
    in `warnings`. A purchase of 0 money counts as a purchase. A time of day is dropped, in the time zone in which it is written.

    Parameters
    ----------
    path : str or Path
        CSV with a header and commas, UTF-8; the same gzipped; or Parquet. Known by its first bytes, not by its name.
    customer, time, value : str
        Names of the columns: who, when (ISO 8601 dates, or dates in Parquet), how much money.

    Returns
    -------
    PurchaseLog

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a date or an amount is none, or no purchase is left.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = file.write_text("who,day,paid\nann,2024-01-03,5\nann,2024-01-03,2\nbob,2024-01-01,4\n")
    >>> log = read_purchases(file, customer="who", time="day", value="paid")
    >>> log.customer.tolist(), log.money.tolist()
    (['bob', 'ann'], [4.0, 7.0])
    """
    import pandas as pd

    table, first_row = _read_table(Path(path), [customer, time, value])
    place = _Place(str(path), first_row)
    who = table[customer].astype("string").str.strip()
    nobody = (who.isna() | (who == "")).to_numpy(dtype=bool)
    warnings = _without_customer(table, nobody, place)
    who, table = who[~nobody], table[~nobody]
    day, money = _days(table[time], place), _money(table[value], place)
    refund = money < 0
    if refund.any():
        row = place.first_row + int(table.index[np.argmax(refund)])
        total = f"{int(refund.sum())} rows, {-money[refund].sum():.2f} in money, the first in row {row}"
        warnings.append(f"refunds (negative money) are left out, and what they refund stays a purchase: {total}")
    if refund.all():
        must, remedy = "must hold a purchase", "Check the file and the columns."
        raise InputError(complaint(str(path), must, f"{len(nobody)} rows, none of them a purchase", remedy))
    rows = pd.DataFrame({"who": who.to_numpy()[~refund].astype(str), "day": day[~refund], "money": money[~refund]})
    merged = rows.groupby(["who", "day"], as_index=False, sort=True)["money"].sum()
    first = merged.groupby("who")["day"].transform("min")
    merged = merged.assign(first=first).sort_values(["first", "who", "day"], kind="stable")
    owner, names = pd.factorize(merged["who"])
    return PurchaseLog(
        path=str(path),
        customer=np.asarray(names, dtype=object),
        owner=np.asarray(owner, dtype=np.int64),
        day=merged["day"].to_numpy().astype("datetime64[D]"),
        money=merged["money"].to_numpy(dtype=np.float64),
        warnings=tuple(warnings),
    )


@dataclass(frozen=True)
class _Place:
    """Where a row of the table stands in the file, for messages."""

    path: str
    first_row: int

    def of(self, index: int, column: str) -> str:
        return f"{self.path}:{self.first_row + index}: column '{column}'"


def _read_table(path: Path, columns: list[str]) -> "tuple[pd.DataFrame, int]":
    """The columns as they stand in the file, and the number of the first row (the header of a CSV is row 1)."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        must = "must be a file that can be read"
        raise InputError(complaint(str(path), must, (error.strerror or str(error)).lower(), "Check the path.")) from error
    if not magic:
        raise InputError(complaint(str(path), "must be a CSV with a header, or Parquet", "an empty file", "Check the path."))
    return (_read_parquet(path, columns), 1) if magic == b"PAR1" else (_read_csv(path, columns, magic[:2] == b"\x1f\x8b"), 2)


def _read_parquet(path: Path, columns: list[str]) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        _check_columns(path, columns, pq.read_schema(path).names)
        return pd.read_parquet(path, columns=list(dict.fromkeys(columns)))
    except (pa.ArrowException, OSError) as error:
        raise InputError(complaint(str(path), "must be a whole Parquet file", shown(str(error)), "Write the file again.")) from error


def _read_csv(path: Path, columns: list[str], zipped: bool) -> "pd.DataFrame":
    import pandas as pd

    options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "skip_blank_lines": False, "encoding": "utf-8-sig"}
    try:
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            header = pd.read_csv(file, nrows=0, **options)
            _check_columns(path, columns, [str(name) for name in header.columns])
            file.seek(0)
            return _chosen(pd.read_csv(file, chunksize=_CHUNK_ROWS, **options), list(dict.fromkeys(columns)))
    except UnicodeDecodeError as error:
        got = f"the byte {error.object[error.start]:#x}"
        raise InputError(complaint(str(path), "must be text in UTF-8", got, "Save it as UTF-8.")) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(complaint(str(path), "must be a whole gzip file", shown(str(error)), "Compress the file again.")) from error
    except pd.errors.EmptyDataError as error:
        raise InputError(complaint(str(path), "must have a header", "an empty file", "Check the path.")) from error
    except pd.errors.ParserError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        fields = re.search(r"Expected (\d+) fields in line \d+, saw (\w+)", str(error))
        must = f"must have {fields[1]} fields as the header has" if fields else "must be a CSV"
        got = fields[2] if fields else shown(str(error))
        raise InputError(complaint(where, must, got, "Put quotes around values that hold commas.")) from error


def _chosen(chunks: Any, columns: list[str]) -> "pd.DataFrame":
    """Some columns. All are parsed, as pandas checks the number of fields of a row only then; few rows at a time, for the memory."""
    import pandas as pd

    with chunks:
        parts = []
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # what pandas makes of rows that are all longer than the header
                raise pd.errors.ParserError(f"Expected {len(chunk.columns)} fields in line 2, saw more")
            parts.append(chunk[columns])
    return pd.concat(parts)


def _check_columns(path: Path, columns: list[str], present: list[str]) -> None:
    for column in columns:
        if column not in present:
            remedy = did_you_mean(column, present) or "Name a column of the file."
            if len(present) == 1 and re.search(r"[;\t|]", present[0]):
                remedy = "Write the file with commas between the columns."
            raise InputError(complaint(str(path), f"must have the column among {one_of(present)}", shown(column), remedy))


def _is_empty(column: "pd.Series") -> NDArray[np.bool_]:
    text = column.astype("string").str.strip()
    return np.asarray((text.isna() | (text == "")).to_numpy(), dtype=np.bool_)


def _refuse(column: "pd.Series", bad: NDArray[np.bool_], place: _Place, must: str, remedy: str) -> None:
    """Raises for the first bad row, and says how many more there are."""
    rows = np.flatnonzero(bad)
    if not len(rows):
        return
    first = column.iloc[rows[:1]]
    got = "nothing" if _is_empty(first)[0] else shown(first.tolist()[0])
    more = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
    raise InputError(complaint(place.of(int(column.index[rows[0]]), str(column.name)), must, got + more, remedy))


def _days(column: "pd.Series", place: _Place) -> Days:
    import pandas as pd

    must, remedy = "must be a date such as 1997-01-31", "Write dates as YYYY-MM-DD, with or without a time of day."
    if pd.api.types.is_numeric_dtype(column):
        _refuse(column, np.ones(len(column), dtype=np.bool_), place, must, remedy)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if not pd.api.types.is_datetime64_any_dtype(column):
        text = column.astype("string").str.replace(_OFFSET, r"\1", regex=True)
        _refuse(column, ~text.str.fullmatch(_DATE).fillna(False).to_numpy(dtype=bool), place, must, remedy)
        times = pd.to_datetime(text, format="ISO8601", errors="coerce")
    else:
        times = column
    _refuse(column, times.isna().to_numpy(), place, must, remedy)
    return np.asarray(times.to_numpy().astype("datetime64[D]"))


def _money(column: "pd.Series", place: _Place) -> Floats:
    import pandas as pd

    money = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~(np.abs(money) <= _MAX_MONEY)
    must, remedy = "must be an amount of money, a number up to 1e12 in size", "Write it as 1234.50, without currency or separators."
    _refuse(column, bad, place, must, remedy)
    return np.asarray(money)


def _without_customer(table: "pd.DataFrame", nobody: NDArray[np.bool_], place: _Place) -> list[str]:
    """A warning if rows have no customer, other than empty ones."""
    rows = nobody & ~np.all([_is_empty(table[name]) for name in table.columns], axis=0)
    if not rows.any():
        return []
    first = place.first_row + int(table.index[np.argmax(rows)])
    return [f"rows without a customer are left out: {int(rows.sum())} of {len(rows)}, the first in row {first}"]
