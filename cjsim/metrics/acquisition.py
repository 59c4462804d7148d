"""How customers come, and what bringing them costs: by acquisition channel, and by referral.

Lives here: what these metrics are, and the spend on each customer. Does not live here: their arithmetic (estimate.py).
"""

from collections.abc import Callable

import numpy as np

from cjsim.engine.result import Run
from cjsim.metrics.estimate import SHARE, Definition, Terms, mean_of, per_customer
from cjsim.model.plan import Codebook
from cjsim.model.world import Records


def definitions(codebook: Codebook) -> list[Definition]:
    """Metrics of acquisition, in all and by channel, and of referrals.

    Parameters
    ----------
    codebook : Codebook
        Names of acquisition channels.
    """
    found = [
        Definition("referrals", "customers", "friends who join per customer", mean_of("referrals")),
        Definition("referred", SHARE, "customers whom another one brought", _referred),
    ]
    if codebook.acquisition:
        found.append(Definition("cac", "money", "spend on acquisition per customer acquired", _cost_of(None)))
    for i, channel in enumerate(codebook.acquisition):
        who = f"by {channel}"
        found += [
            Definition(f"acquired[{channel}]", "customers", f"customers who came {who}, referred ones included", _acquired(i), detail=True),
            Definition(f"acquired_share[{channel}]", SHARE, f"share of customers who came {who}", _share(i), detail=True),
            Definition(f"cac[{channel}]", "money", f"spend per customer who came {who}", _cost_of(i), detail=True),
        ]
    return found


def booked(run: Run) -> Records | None:
    """Money on acquisition that was booked at each customer's entry: the spend on its channel, over the arrivals there.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    ndarray of float64, shape (n_customers,), or None
        None if nothing was spent.
    """
    spends = run.spend
    if not spends.any():
        return None
    by, cost = run.by, np.zeros(len(run))
    arrived = (np.arange(len(run)) >= run.census.initial) & (run.census.parents < 0)
    for channel, spend in enumerate(spends):
        here = arrived & (by == channel)
        if here.any():
            cost[here] = spend / np.count_nonzero(here)
    return cost


def spent_on(run: Run) -> Records:
    """All that was spent on acquisition, over customers: what was booked, and the spend on channels by which nobody came on all alike.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
    """
    cost, entered = booked(run), run.entered
    cost = np.zeros(len(run)) if cost is None else cost
    lost = float(run.spend.sum()) - float(cost.sum())
    return cost + np.where(entered, lost / max(int(np.count_nonzero(entered)), 1), 0.0)


def _referred(run: Run) -> Terms:
    return per_customer(run, run.census.parents >= 0)


def _of_channel(run: Run, channel: int | None) -> Records:
    return np.asarray(run.entered & (run.by == channel if channel is not None else run.by >= 0))


def _acquired(channel: int) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, _of_channel(run, channel))._replace(summed=True)


def _share(channel: int) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, _of_channel(run, channel))


def _cost_of(channel: int | None) -> Callable[[Run], Terms]:
    def terms(run: Run) -> Terms:
        came = _of_channel(run, channel)
        spend = float(run.spend.sum() if channel is None else run.spend[channel])
        return Terms(np.zeros(len(run)), came, np.where(came, spend / max(int(np.count_nonzero(came)), 1), 0.0), above=1.0)

    return terms
