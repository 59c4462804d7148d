"""Refunds: matched with the purchases that they reverse, counted, and netted on request."""

import numpy as np
import pytest
from shop_log import rows_of

from cjsim.purchase_logs.checks.check_rows import check_purchase_rows
from cjsim.purchase_logs.checks.refunds import refunded_purchases

LOG = [
    ("ann", "2024-01-01", 5.0),
    ("ann", "2024-01-03", 5.0),
    ("bob", "2024-01-03", 5.0),
    ("ann", "2024-01-03", -5.0),
    ("bob", "2024-01-09", -5.0),
    ("bob", "2024-01-09", -7.0),
]


def match(*purchases: tuple[int, float], same_day: bool = False) -> list[int]:
    """Purchases (day, money) of one customer."""
    days = np.datetime64("2024-01-01") + np.array([day for day, _ in purchases])
    money = np.array([amount for _, amount in purchases], dtype=np.float64)
    return refunded_purchases(np.zeros(len(money), dtype=np.int64), days, money, same_day=same_day).tolist()


@pytest.mark.parametrize(
    ("purchases", "expected"),
    [
        ([(0, 5.0), (3, -5.0)], [-1, 0]),
        ([(0, 5.0), (2, 5.0), (3, -5.0)], [-1, -1, 1]),  # the latest
        ([(0, 5.0), (2, 5.0), (3, -5.0), (4, -5.0)], [-1, -1, 1, 0]),  # then the one before
        ([(0, 5.0), (3, -5.0), (4, -5.0)], [-1, 0, -1]),  # refunded once
        ([(0, 5.0), (3, -4.99)], [-1, -1]),  # refunded in part
        ([(4, 5.0), (3, -5.0)], [-1, -1]),  # bought later
        ([(3, -5.0), (3, 5.0)], [1, -1]),  # in another order on the same day
        ([(0, 0.0), (0, -0.0)], [-1, -1]),
    ],
)
def test_refund_takes_the_latest_earlier_purchase_of_the_same_amount(purchases: list[tuple[int, float]], expected: list[int]) -> None:
    assert match(*purchases) == expected


def test_same_day_matching_ignores_earlier_days() -> None:
    assert match((0, 5.0), (3, 5.0), (3, -5.0), (3, -5.0), same_day=True) == [-1, -1, 1, -1]


def test_refund_takes_no_purchase_of_another_customer() -> None:
    days = np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]")
    assert refunded_purchases(np.array([0, 1]), days, np.array([5.0, -5.0])).tolist() == [-1, -1]


def test_matching_agrees_with_a_search_from_each_refund_backward() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        customer, day = rng.integers(0, 3, 40), np.sort(rng.integers(0, 12, 40))
        money = rng.choice([3.0, 4.0, -3.0, -4.0], 40, p=[0.35, 0.25, 0.2, 0.2])
        order = sorted(range(40), key=lambda row: (day[row], money[row] < 0, row))
        taken: set[int] = set()
        expected = [-1] * 40
        for place, row in enumerate(order):
            for earlier in reversed(order[:place]) if money[row] < 0 else ():
                if earlier not in taken and customer[earlier] == customer[row] and money[earlier] == -money[row]:
                    taken.add(earlier)
                    expected[row] = earlier
                    break
        found = refunded_purchases(customer, np.datetime64("2024-01-01") + day, money)
        assert found.tolist() == expected


def test_reversed_orders_are_counted_and_kept() -> None:
    found = check_purchase_rows(rows_of(LOG), customer="who", time="day")
    assert found.rows.row.tolist() == [2, 3, 4]
    assert found.warnings == (
        "refunds (negative amounts) are omitted, but the refunded purchases are kept: 3 rows, 17.00 in total, the first in row 5",
        "purchases that were reversed on the same day are kept: 1, 5.00 in total, such as row 3, reversed by row 5; "
        "omit refunded purchases with `net_refunds`",
    )


def test_netting_omits_refunds_with_their_purchases() -> None:
    found = check_purchase_rows(rows_of(LOG), customer="who", time="day", net_refunds=True)
    assert found.rows.row.tolist() == [2]
    assert found.customers.ids.tolist() == ["ann"]
    assert found.warnings == (
        "refunds (negative amounts) that match no purchase are omitted: 1 row, 7.00 in total, the first in row 7",
        "purchases that were refunded in full are omitted with their refunds: 2, 10.00 in total, such as row 3, reversed by row 5",
    )


def test_netting_keeps_the_purchases_of_a_log_without_refunds() -> None:
    found = check_purchase_rows(rows_of(LOG[:3]), customer="who", time="day", net_refunds=True)
    assert (len(found.rows), found.warnings) == (3, ())
