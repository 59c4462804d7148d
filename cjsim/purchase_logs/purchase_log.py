"""Reads and checks a purchase log, and derives the purchase histories of its customers.

Purchases by a customer on the same day are merged. Histories are split into a calibration period and a holdout.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cjsim.purchase_logs.checks.check_rows import check_purchase_rows
from cjsim.purchase_logs.date_numbers import DayArray, FloatArray
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.row_reader import read_rows

DAYS_PER_UNIT = {"day": 1.0, "week": 7.0}
_DETECTED = LogFormat()


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
        Rows that were omitted, with reasons, and findings that could mislead.
    assumptions : tuple of str
        Assumptions about the format of the file.
    """

    path: str
    customer_ids: NDArray[np.object_]
    customer_index: NDArray[np.int64]
    day: DayArray
    money: FloatArray
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...] = ()

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


def read_purchases(
    path: str | Path,
    *,
    customer: str,
    time: str,
    value: str,
    log_format: LogFormat = _DETECTED,
    drop_duplicates: bool = False,
    net_refunds: bool = False,
) -> PurchaseLog:
    r"""Read and check a purchase log.

    Rows without a customer, refunds (negative amounts) and rows dated far from all others are omitted and counted in `warnings`. Refunded
    purchases are kept unless `net_refunds` is set. A purchase with a value of 0 counts as a purchase. Times are truncated to the day in
    their own time zone.

    Parameters
    ----------
    path : str or Path
        Text with separated columns (optionally gzipped), an Excel file (.xlsx) or Parquet. The kind of file is detected from its first
        bytes. The encoding, the separator, the header, and the formats of dates and amounts are detected too: see `assumptions`.
    customer, time, value : str
        Names of the columns with the customer, the time and the amount.
    log_format : LogFormat
        Options for the format. Options that are None are detected.
    drop_duplicates : bool
        Whether to omit rows that repeat an earlier row in all columns.
    net_refunds : bool
        Whether to omit purchases that were refunded in full: the customer's latest purchase of that amount up to the day of the refund.

    Returns
    -------
    PurchaseLog

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a date or amount is invalid or ambiguous, customer IDs lost digits, or no purchase
        remains.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = file.write_text("who;day;paid\nann;31.01.2024;5,50\nann;31.01.2024;2,00\nbob;01.02.2024;4,00\n")
    >>> log = read_purchases(file, customer="who", time="day", value="paid")
    >>> log.customer_ids.tolist(), log.money.tolist()
    (['ann', 'bob'], [7.5, 4.0])
    >>> log.assumptions[0]
    'columns are separated by semicolons'
    """
    import pandas as pd

    rows = read_rows(path, customer=customer, time=time, value=value, log_format=log_format)
    checked = check_purchase_rows(rows, customer=customer, time=time, drop_duplicates=drop_duplicates, net_refunds=net_refunds)
    customers, days, money = checked.customers, checked.rows.day.astype(np.int64), checked.rows.money
    warnings, assumptions = checked.warnings, rows.assumptions
    del rows, checked  # 100 bytes per row, which are not needed below
    first = np.full(len(customers.ids), days.max())
    np.minimum.at(first, customers.index, days)
    order = pd.DataFrame({"first": first, "id": customers.ids}).sort_values(["first", "id"]).index.to_numpy()
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    start, span = days.min(), days.max() - days.min() + 1
    merged = pd.Series(money).groupby(place[customers.index] * span + (days - start), sort=True).sum()
    customer_index, day = np.divmod(merged.index.to_numpy(dtype=np.int64), span)
    return PurchaseLog(
        path=str(path),
        customer_ids=customers.ids[order],
        customer_index=customer_index,
        day=(day + start).astype("datetime64[D]"),
        money=merged.to_numpy(dtype=np.float64),
        warnings=warnings,
        assumptions=assumptions,
    )
