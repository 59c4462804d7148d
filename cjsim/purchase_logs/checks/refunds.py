"""Matching of refunds with the purchases that they reverse."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray


def refunded_purchases(
    customer: NDArray[np.int64], day: NDArray[np.datetime64], money: NDArray[np.float64], *, same_day: bool = False
) -> NDArray[np.int64]:
    """Match each refund with the customer's latest earlier purchase of exactly the same amount.

    A purchase on the day of the refund counts as earlier, regardless of the order of the rows. Each purchase is refunded at most once: a
    second refund of the same amount is matched with the purchase before that one. A partial refund matches no purchase.

    Parameters
    ----------
    customer : ndarray of int64, shape (n_rows,)
        Index of the customer.
    day : ndarray of datetime64[D], shape (n_rows,)
        Day of the row.
    money : ndarray of float64, shape (n_rows,), money
        Amount, negative for refunds.
    same_day : bool
        Whether to match only purchases on the day of the refund.

    Returns
    -------
    ndarray of int64, shape (n_rows,)
        Position of the refunded purchase for a refund that has one; -1 for all other rows.

    Examples
    --------
    >>> days = np.array(["2024-01-01", "2024-01-05", "2024-01-09"], dtype="datetime64[D]")
    >>> refunded_purchases(np.zeros(3, dtype=np.int64), days, np.array([5.0, 5.0, -5.0])).tolist()
    [-1, -1, 1]
    """
    import pandas as pd

    purchase = np.full(len(money), -1, dtype=np.int64)
    is_refund = money < 0
    if not is_refund.any():
        return purchase
    amount, amounts = pd.factorize(np.abs(money))
    pair = customer * len(amounts) + amount  # customer and amount
    rows = np.flatnonzero(pd.Series(pair).isin(pair[is_refund]) & (money != 0))
    rows = rows[np.lexsort((is_refund[rows], day[rows]))]
    open_purchases: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    days = day[rows].astype(np.int64) if same_day else np.zeros(len(rows), dtype=np.int64)
    for row, key, refunds in zip(
        rows.tolist(), zip(pair[rows].tolist(), days.tolist(), strict=True), is_refund[rows].tolist(), strict=True
    ):
        purchases = open_purchases[key]
        if not refunds:
            purchases.append(row)
        elif purchases:
            purchase[row] = purchases.pop()
    return purchase
