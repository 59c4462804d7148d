"""Purchase logs of simulated customers with gamma-distributed intervals. Shape 1 is BG/NBD or, without dropout, NBD."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from cjsim.purchase_logs.purchase_log import PurchaseLog

START = date(2024, 1, 1)
CALIBRATION_DAYS, HOLDOUT_DAYS, ENTRY_DAYS = 365, 182, 120
UNTIL = START + timedelta(days=CALIBRATION_DAYS - 1)


class PurchasingWorld(NamedTuple):
    """Customers: mean days between purchases, shape of the rates, mean dropout after a purchase and its a + b, and a day without sales."""

    mean_interval: float
    rate_shape: float = 1.0
    mean_dropout: float = 1 / 6
    concentration: float = 5.0
    closed_weekday: int | None = None


def simulate_purchase_log(world: PurchasingWorld, customers: int, k: float, seed: int) -> PurchaseLog:
    """Return purchases with intervals of gamma shape `k`, at most one per customer and day, each with gamma-gamma spend.

    Customers make their first purchase within 120 days. The log ends after 547 days. On the closed weekday, purchases are omitted.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(world.rate_shape, 1 / (world.mean_interval * world.rate_shape), customers)
    a = world.mean_dropout * world.concentration
    dropout = rng.beta(a, world.concentration - a, customers) if world.mean_dropout > 0 else np.zeros(customers)
    time, customer = rng.uniform(0, ENTRY_DAYS, customers), np.arange(customers)
    rows, is_first = [], True
    while len(customer):
        rows.append(np.column_stack([customer, np.floor(time)]))
        stays = np.ones(len(customer), dtype=bool) if is_first else rng.random(len(customer)) >= dropout[customer]
        time = time + rng.gamma(k, 1 / (k * rate[customer]))
        kept = stays & (time < CALIBRATION_DAYS + HOLDOUT_DAYS)
        time, customer, is_first = time[kept], customer[kept], False
    table = np.unique(np.concatenate(rows).astype(np.int64), axis=0)
    if world.closed_weekday is not None:
        table = table[table[:, 1] % 7 != world.closed_weekday]
    first = np.full(customers, np.iinfo(np.int64).max)
    np.minimum.at(first, table[:, 0], table[:, 1])
    buyers = np.argsort(first, kind="stable")[: np.sum(first < np.iinfo(np.int64).max)]
    rank = np.argsort(np.argsort(first, kind="stable"))[table[:, 0]]
    order = np.lexsort((table[:, 1], rank))
    money_rate = rng.gamma(3.74, 1 / 15.44, customers)
    return PurchaseLog(
        path="simulated",
        customer_ids=buyers.astype(str).astype(object),
        customer_index=rank[order],
        day=np.datetime64(START, "D") + table[order, 1],
        money=rng.gamma(6.25, 1 / money_rate[table[order, 0]]),
        warnings=(),
    )
