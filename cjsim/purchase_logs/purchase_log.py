"""Reads and checks a purchase log, and derives the purchase histories of its customers.

The file is CSV, gzipped CSV or Parquet, and errors name the row. Purchases by a customer on the same day are merged. Histories are split
into a calibration period and a holdout.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr
from cjsim.eventlog.input_source import LogSource, detect_source
from cjsim.eventlog.table_reader import column_names, read_columns

if TYPE_CHECKING:
    import pandas as pd

DayArray = NDArray[np.datetime64]
FloatArray = NDArray[np.float64]
DAYS_PER_UNIT = {"day": 1.0, "week": 7.0}
_DATE_PATTERN = r"\s*\d{4}(?:[-/]\d{1,2}[-/]\d{1,2}|\d{4})(?:[T ].*)?"
_UTC_OFFSET_PATTERN = r"(:\d{2}(?:\.\d+)?)\s*(?:Z|[+-]\d{2}:?\d{2})\s*$"
_MAX_MONEY = 1e12


@dataclass(frozen=True)
class PurchaseHistories:
    """The purchase history of each customer in the calibration period, sorted by first purchase, then by customer.

    Attributes
    ----------
    customer_ids : ndarray of str, shape (n,)
        Customer identifiers from the log.
    first_day : ndarray of datetime64[D], shape (n,)
        Day of the first purchase.
    x : ndarray of float64, shape (n,)
        Number of days with a repeat purchase, up to and including the last day of calibration.
    t_x, T : ndarray of float64, shape (n,), units of time
        Time from the first to the last purchase, and from the first purchase to the last day of calibration.
    mean_spend : ndarray of float64, shape (n,), money
        Mean spend per day with a repeat purchase; 0 where `x` is 0.
    purchase_money : ndarray of float64, shape (n_purchases,), money
        Spend on each purchase day of the calibration period, including first purchases.
    holdout_length : float, units of time
        Length of the holdout; 0 without a holdout.
    holdout_purchases : ndarray of float64, shape (n,)
        Number of days with a purchase in the holdout.
    holdout_money : ndarray of float64, shape (n,), money
        Total spend in the holdout.
    """

    customer_ids: NDArray[np.object_]
    first_day: DayArray
    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    mean_spend: FloatArray
    purchase_money: FloatArray
    holdout_length: float
    holdout_purchases: FloatArray
    holdout_money: FloatArray


@dataclass(frozen=True)
class PurchaseLog:
    """Purchases, with at most one per customer and day.

    Attributes
    ----------
    path : str
        Path of the file.
    customer_ids : ndarray of str, shape (n_customers,)
        Customer identifiers from the log, sorted by first purchase, then by identifier.
    customer_index : ndarray of int64, shape (n_purchases,)
        Index of the customer, in ascending order.
    day : ndarray of datetime64[D], shape (n_purchases,)
        Day of the purchase, in ascending order for each customer.
    money : ndarray of float64, shape (n_purchases,), money
        Total spend of the customer on that day, at least 0.
    warnings : tuple of str
        Rows that were omitted, and why.
    """

    path: str
    customer_ids: NDArray[np.object_]
    customer_index: NDArray[np.int64]
    day: DayArray
    money: FloatArray
    warnings: tuple[str, ...]

    @property
    def first_day(self) -> date:
        """Day of the first purchase."""
        return cast(date, self.day.min().item())

    @property
    def last_day(self) -> date:
        """Day of the last purchase."""
        return cast(date, self.day.max().item())

    def histories_until(self, until: date, *, unit: str = "week") -> PurchaseHistories:
        """Return the histories of all customers who bought by `until`. The holdout extends from the next day to the last day of the log.

        Parameters
        ----------
        until : date
            Last day of calibration.
        unit : {"week", "day"}
            Unit of time of the histories.

        Returns
        -------
        PurchaseHistories
        """
        split = np.datetime64(until, "D")
        last = np.datetime64(self.last_day, "D")
        count = len(self.customer_ids)
        starts = np.searchsorted(self.customer_index, np.arange(count))
        first = self.day[starts]
        is_included = first <= split
        in_calibration = self.day <= split
        in_holdout = ~in_calibration & is_included[self.customer_index]
        is_repeat = in_calibration & (self.day > first[self.customer_index])
        latest = first.copy()
        np.maximum.at(latest, self.customer_index[in_calibration], self.day[in_calibration])

        def sum_by_customer(selected: NDArray[np.bool_], weights: FloatArray | None = None) -> FloatArray:
            """Return the number of selected purchases, or the sum of their weights, for each included customer."""
            sums = np.bincount(self.customer_index[selected], weights=None if weights is None else weights[selected], minlength=count)
            return sums.astype(np.float64)[is_included]

        x = sum_by_customer(is_repeat)
        scale = np.timedelta64(1, "D") * DAYS_PER_UNIT[unit]
        return PurchaseHistories(
            customer_ids=self.customer_ids[is_included],
            first_day=first[is_included],
            x=x,
            t_x=(latest - first)[is_included] / scale,
            T=(split - first[is_included]) / scale,
            mean_spend=np.where(x > 0, sum_by_customer(is_repeat, self.money) / np.maximum(x, 1.0), 0.0),
            purchase_money=self.money[in_calibration],
            holdout_length=max(float((last - split) / scale), 0.0),
            holdout_purchases=sum_by_customer(in_holdout),
            holdout_money=sum_by_customer(in_holdout, self.money),
        )


def read_purchases(path: str | Path, *, customer: str, time: str, value: str) -> PurchaseLog:
    r"""Read and check a purchase log.

    Rows without a customer and refunds (negative amounts) are omitted and counted in `warnings`. Refunded purchases are kept. A purchase
    with a value of 0 counts as a purchase. Times are truncated to the day in the time zone in which they are written.

    Parameters
    ----------
    path : str or Path
        Comma-separated CSV in UTF-8 with a header (optionally gzipped), or Parquet. The format is detected from the first bytes of the
        file.
    customer, time, value : str
        Names of the columns with the customer, the time (ISO 8601 dates, or dates in Parquet) and the amount.

    Returns
    -------
    PurchaseLog

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a date or amount is invalid, or no purchase remains.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = file.write_text("who,day,paid\nann,2024-01-03,5\nann,2024-01-03,2\nbob,2024-01-01,4\n")
    >>> log = read_purchases(file, customer="who", time="day", value="paid")
    >>> log.customer_ids.tolist(), log.money.tolist()
    (['bob', 'ann'], [4.0, 7.0])
    """
    import pandas as pd

    source, columns = detect_source(path), [customer, time, value]
    _require_columns(source, columns, column_names(source))
    table = read_columns(source, columns).to_pandas(ignore_metadata=True)
    customers = table[customer].astype("string").str.strip()
    has_no_customer = _is_empty(customers)
    warnings = _missing_customer_warnings(table, has_no_customer, source)
    customers, table = customers[~has_no_customer], table[~has_no_customer]
    day, money = _parse_days(table[time], source), _parse_money(table[value], source)
    is_refund = money < 0
    if is_refund.any():
        row = source.row_number(int(table.index[np.argmax(is_refund)]))
        count = "1 row" if is_refund.sum() == 1 else f"{int(is_refund.sum())} rows"
        total = f"{count}, {-money[is_refund].sum():.2f} in total, the first in row {row}"
        warnings.append(f"refunds (negative amounts) are omitted, but the refunded purchases are kept: {total}")
    if is_refund.all():
        got = f"{len(has_no_customer)} row{'s' * (len(has_no_customer) != 1)} without a purchase"
        source.raise_input_error("must contain at least one purchase", got, "Check the file and the columns.")
    kept = {"customer": customers.to_numpy()[~is_refund].astype(str), "day": day[~is_refund], "money": money[~is_refund]}
    merged = pd.DataFrame(kept).groupby(["customer", "day"], as_index=False, sort=True)["money"].sum()
    first = merged.groupby("customer")["day"].transform("min")
    merged = merged.assign(first=first).sort_values(["first", "customer", "day"], kind="stable")
    customer_index, customer_ids = pd.factorize(merged["customer"])
    return PurchaseLog(
        path=str(path),
        customer_ids=np.asarray(customer_ids, dtype=object),
        customer_index=np.asarray(customer_index, dtype=np.int64),
        day=merged["day"].to_numpy().astype("datetime64[D]"),
        money=merged["money"].to_numpy(dtype=np.float64),
        warnings=tuple(warnings),
    )


def _require_columns(source: LogSource, columns: list[str], present: list[str]) -> None:
    for column in columns:
        if column not in present:
            remedy = did_you_mean(column, present) or "Use the name of a column in the file."
            if len(present) == 1 and re.search(r"[;\t|]", present[0]):
                remedy = "Separate the columns with commas."
            source.raise_input_error(f"must name one of the columns {quote_choices(present)}", short_repr(column), remedy)


def _is_empty(column: "pd.Series") -> NDArray[np.bool_]:
    text = column.astype("string").str.strip()
    return np.asarray((text.isna() | (text == "")).to_numpy(), dtype=np.bool_)


def _raise_for_bad_rows(column: "pd.Series", is_bad: NDArray[np.bool_], source: LogSource, must: str, remedy: str) -> None:
    """Raise for the first bad row, and state the number of further bad rows."""
    rows = np.flatnonzero(is_bad)
    if not len(rows):
        return
    first = column.iloc[rows[:1]]
    got = "nothing" if _is_empty(first)[0] else short_repr(first.tolist()[0])
    more = f" (and {len(rows) - 1} more row{'s' * (len(rows) > 2)})" if len(rows) > 1 else ""
    raise InputError(format_error(source.cell_location(int(column.index[rows[0]]), f"column '{column.name}'"), must, got + more, remedy))


def _parse_days(column: "pd.Series", source: LogSource) -> DayArray:
    import pandas as pd

    must, remedy = "must be a date such as 1997-01-31", "Write dates as YYYY-MM-DD, optionally followed by a time of day."
    if pd.api.types.is_numeric_dtype(column):
        _raise_for_bad_rows(column, np.ones(len(column), dtype=np.bool_), source, must, remedy)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if not pd.api.types.is_datetime64_any_dtype(column):
        text = column.astype("string").str.replace(_UTC_OFFSET_PATTERN, r"\1", regex=True)
        _raise_for_bad_rows(column, ~text.str.fullmatch(_DATE_PATTERN).fillna(False).to_numpy(dtype=bool), source, must, remedy)
        times = pd.to_datetime(text, format="ISO8601", errors="coerce")
    else:
        times = column
    _raise_for_bad_rows(column, times.isna().to_numpy(), source, must, remedy)
    return np.asarray(times.to_numpy().astype("datetime64[D]"))


def _parse_money(column: "pd.Series", source: LogSource) -> FloatArray:
    import pandas as pd

    money = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    is_bad = ~(np.abs(money) <= _MAX_MONEY)
    must, remedy = ("must be an amount of money between -1e12 and 1e12", "Write it as 1234.50, without currency or thousands separators.")
    _raise_for_bad_rows(column, is_bad, source, must, remedy)
    return np.asarray(money)


def _missing_customer_warnings(table: "pd.DataFrame", has_no_customer: NDArray[np.bool_], source: LogSource) -> list[str]:
    """Return a warning about rows without a customer, ignoring empty rows."""
    rows = has_no_customer & ~np.all([_is_empty(table[name]) for name in table.columns], axis=0)
    if not rows.any():
        return []
    first = source.row_number(int(np.argmax(rows)))
    return [f"rows without a customer are omitted: {int(rows.sum())} of {len(rows)}, the first in row {first}"]
