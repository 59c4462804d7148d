"""Metrics of acquisition and referrals (referrals, referred, cac, acquired, acquired_share), and acquisition costs per customer."""

from collections.abc import Callable
from functools import partial

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer


def acquisition_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Return the metrics of referrals, and of acquisition overall and by channel.

    Parameters
    ----------
    codebook : Codebook
        Names of acquisition channels, and whether customers exist before day 0: friends who joined them by then count as neither referred
        nor acquired.

    Returns
    -------
    list of MetricDefinition
    """
    since = ", who joined from day 0 on" if codebook.has_existing else ""
    definitions = [
        MetricDefinition(
            "referrals", "customers", "referred customers who joined, per customer", mean_of_outcome("referrals"), better="higher"
        ),
        MetricDefinition("referred", SHARE_UNIT, f"customers referred by another customer{since}", _referred_share),
    ]
    if codebook.acquisition:
        cac = MetricDefinition(
            "cac",
            "money",
            "acquisition spend per acquired customer",
            _acquisition_cost_per_customer(None),
            better="lower",
            denominator="acquired customers",
        )
        definitions.append(cac)
    detail, total = partial(MetricDefinition, is_detail=True), partial(MetricDefinition, is_detail=True, is_total=True)
    for i, channel in enumerate(codebook.acquisition):
        acquired = f"customers acquired through {channel}"
        definitions += [
            total(f"acquired[{channel}]", "customers", f"{acquired}, including referrals credited to it", _acquired_customers(i)),
            detail(f"acquired_share[{channel}]", SHARE_UNIT, f"share of {acquired}", _acquired_share(i)),
            detail(
                f"cac[{channel}]",
                "money",
                f"spend per customer acquired through {channel}",
                _acquisition_cost_per_customer(i),
                denominator=acquired,
            ),
        ]
    return definitions


def booked_acquisition_cost(run: RunRecord) -> Array | None:
    """Return the acquisition cost booked at each customer's entry: the channel's spend divided by the channel's arrivals.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    ndarray of float64, shape (n_customers,), or None
        In money; 0 for customers who did not arrive through a channel. None without acquisition spend.
    """
    spend_by_channel = run.spend
    if not spend_by_channel.any():
        return None
    channels, cost = run.acquisition_channels, np.zeros(len(run))
    arrived = (np.arange(len(run)) >= run.registry.n_fixed) & (run.registry.parents < 0)
    for channel, spend in enumerate(spend_by_channel):
        arrived_by_channel = arrived & (channels == channel)
        if arrived_by_channel.any():
            cost[arrived_by_channel] = spend / np.count_nonzero(arrived_by_channel)
    return cost


def allocated_acquisition_cost(run: RunRecord) -> Array:
    """Allocate all acquisition spend to customers: the booked cost plus an equal share of the spend on channels without arrivals.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        In money.
    """
    cost, entered = booked_acquisition_cost(run), run.entered
    cost = np.zeros(len(run)) if cost is None else cost
    unbooked = float(run.spend.sum()) - float(cost.sum())
    return cost + np.where(entered, unbooked / max(int(np.count_nonzero(entered)), 1), 0.0)


def _referred_share(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, (run.registry.parents >= 0) & run.entered_since_start)


def _came_by_channel(run: RunRecord, channel: int | None) -> Array:
    # Friends who joined the existing base before day 0 have a channel too, but the spend of this run did not acquire them.
    channels = run.acquisition_channels
    return np.asarray(run.entered_since_start & (channels == channel if channel is not None else channels >= 0))


def _acquired_customers(channel: int) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, _came_by_channel(run, channel)).as_total(run.weight)


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
