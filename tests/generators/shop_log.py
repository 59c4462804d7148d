"""Purchase logs for tests: a shop with 400 customers, and rows from tuples."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from cjsim.purchase_logs.purchase_rows import PurchaseRows


class Purchase(NamedTuple):
    """A row of a log; `note` is another column."""

    customer: str
    day: str
    money: float
    note: str = ""


def rows_of(purchases: Iterable[tuple[str, str, float] | Purchase]) -> PurchaseRows:
    """Rows as read from a file with a header in row 1."""
    table = [Purchase(*one) for one in purchases]
    customer = np.empty(len(table), dtype=object)
    customer[:] = [one.customer for one in table]
    return PurchaseRows(
        path="log.csv",
        customer=customer,
        day=np.array([one.day for one in table], dtype="datetime64[D]"),
        money=np.array([one.money for one in table], dtype=np.float64),
        row=np.arange(2, len(table) + 2),
        content_hash=np.array([hash(one) % 2**64 for one in table], dtype=np.uint64),
    )


def shop_log(n_customers: int = 400, *, seed: int = 1) -> list[Purchase]:
    """Purchases of a year in the order of their days: gamma-distributed rates and amounts of about 34, as in the BG/NBD literature."""
    rng = np.random.default_rng(seed)
    found = []
    for number, rate in enumerate(rng.gamma(0.8, 4.0, n_customers)):
        first = int(rng.integers(0, 90))
        days = np.unique([first, *rng.integers(first, 363, rng.poisson(rate))])
        level = rng.gamma(4.0) / 4.0
        start = np.datetime64("2024-01-01")
        found += [
            Purchase(f"{number:05d}", str(start + day), round(34 * level * rng.gamma(6.0) / 6, 2), str(n)) for n, day in enumerate(days)
        ]
    return sorted(found, key=lambda one: one.day)
