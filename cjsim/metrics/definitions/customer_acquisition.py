"""How customers come, and what bringing them costs: by acquisition channel, and by referral.

Lives here: what these metrics are, and the spend on each customer. Does not live here: their arithmetic (estimate.py).
"""

from collections.abc import Callable

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer


def acquisition_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Metrics of acquisition, in all and by channel, and of referrals.

    Parameters
    ----------
    codebook : Codebook
        Names of acquisition channels.
    """
    found = [
        MetricDefinition("referrals", "customers", "friends who join per customer", mean_of_outcome("referrals")),
        MetricDefinition("referred", SHARE_UNIT, "customers whom another one brought", _referred_share),
    ]
    if codebook.acquisition:
        found.append(MetricDefinition("cac", "money", "spend on acquisition per customer acquired", _acquisition_cost_per_customer(None)))
    for i, channel in enumerate(codebook.acquisition):
        who = f"by {channel}"
        found += [
            MetricDefinition(
                f"acquired[{channel}]",
                "customers",
                f"customers who came {who}, referred ones included",
                _acquired_customers(i),
                is_detail=True,
            ),
            MetricDefinition(
                f"acquired_share[{channel}]", SHARE_UNIT, f"share of customers who came {who}", _acquired_share(i), is_detail=True
            ),
            MetricDefinition(
                f"cac[{channel}]", "money", f"spend per customer who came {who}", _acquisition_cost_per_customer(i), is_detail=True
            ),
        ]
    return found


def booked_acquisition_cost(run: RunRecord) -> Array | None:
    """Money on acquisition that was booked at each customer's entry: the spend on its channel, over the arrivals there.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    ndarray of float64, shape (n_customers,), or None
        None if nothing was spent.
    """
    spends = run.spend
    if not spends.any():
        return None
    by, cost = run.acquisition_channels, np.zeros(len(run))
    arrived = (np.arange(len(run)) >= run.registry.n_initial) & (run.registry.parents < 0)
    for channel, spend in enumerate(spends):
        here = arrived & (by == channel)
        if here.any():
            cost[here] = spend / np.count_nonzero(here)
    return cost


def allocated_acquisition_cost(run: RunRecord) -> Array:
    """All that was spent on acquisition, over customers: what was booked, and the spend on channels by which nobody came on all alike.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
    """
    cost, entered = booked_acquisition_cost(run), run.entered
    cost = np.zeros(len(run)) if cost is None else cost
    lost = float(run.spend.sum()) - float(cost.sum())
    return cost + np.where(entered, lost / max(int(np.count_nonzero(entered)), 1), 0.0)


def _referred_share(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, run.registry.parents >= 0)


def _came_by_channel(run: RunRecord, channel: int | None) -> Array:
    return np.asarray(run.entered & (run.acquisition_channels == channel if channel is not None else run.acquisition_channels >= 0))


def _acquired_customers(channel: int) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, _came_by_channel(run, channel))._replace(is_total=True)


def _acquired_share(channel: int) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, _came_by_channel(run, channel))


def _acquisition_cost_per_customer(channel: int | None) -> Callable[[RunRecord], RatioTerms]:
    def terms(run: RunRecord) -> RatioTerms:
        came = _came_by_channel(run, channel)
        spend = float(run.spend.sum() if channel is None else run.spend[channel])
        return RatioTerms(
            np.zeros(len(run)), came, np.where(came, spend / max(int(np.count_nonzero(came)), 1), 0.0), numerator_cost_weight=1.0
        )

    return terms
