"""Matching of refunds with the purchases that they reverse."""

import numpy as np
from numpy.typing import NDArray


def refunded_purchases(
    customer: NDArray[np.int64], day: NDArray[np.datetime64], money: NDArray[np.float64], *, same_day: bool = False
) -> NDArray[np.int64]:
    """Match each refund with the customer's latest earlier purchase of exactly the same amount.

    A purchase on the day of the refund counts as earlier, in whatever order the rows are. Each purchase is refunded at most once: a second
    refund of the same amount takes the purchase before. A refund of a part of a purchase matches none.

    Parameters
    ----------
    customer : ndarray of int64, shape (n_rows,)
        Index of the customer.
    day : ndarray of datetime64[D], shape (n_rows,)
        Day of the row.
    money : ndarray of float64, shape (n_rows,), money
        Amount, negative for refunds.
    same_day : bool
        Match only purchases on the day of the refund.

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
    partner = np.full(len(money), -1, dtype=np.int64)
    is_refund = money < 0
    if not is_refund.any():
        return partner
    with_refund = np.zeros(int(customer.max()) + 1, dtype=np.bool_)
    with_refund[customer[is_refund]] = True
    chosen = np.flatnonzero(with_refund[customer] & (money != 0) & np.isin(np.abs(money), -money[is_refund]))
    order = chosen[np.lexsort((is_refund[chosen], day[chosen]))]
    open_purchases: dict[tuple[int, float, int], list[int]] = {}
    days = day.astype(np.int64) if same_day else np.zeros(len(day), dtype=np.int64)
    for position, who, amount, when in zip(
        order.tolist(), customer[order].tolist(), money[order].tolist(), days[order].tolist(), strict=True
    ):
        purchases = open_purchases.setdefault((who, abs(amount), when), [])
        if amount > 0:
            purchases.append(position)
        elif purchases:
            partner[position] = purchases.pop()
    return partner
