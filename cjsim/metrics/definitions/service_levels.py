"""Metrics of service desks (tickets, service level, abandonment, waiting time, utilisation, costs), and wages allocated to customers."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import MINUTES_PER_DAY, ReplyCode
from cjsim.kernels.world import Array
from cjsim.metrics.ratios import CUSTOMERS_WHO_ENTERED, SHARE_UNIT, MetricDefinition, RatioTerms, mean_per_customer, ratio_of_sums

_BETTER: Mapping[str, Literal["higher", "lower"]] = {
    "sla_kept": "higher",
    **dict.fromkeys(("asked_again", "out_of_hours", "abandonment", "wait", "desk_cost", "staff_cost"), "lower"),
}
_DENOMINATORS = {
    "out_of_hours": "requests",
    "sla_kept": "closed requests",
    "abandonment": "closed requests that were made while an agent was on duty",
    "wait": "answered requests",
    "utilisation": "agent time",
}
_ANSWERED_REPLIES = (ReplyCode.IN_TIME, ReplyCode.LATE)


def desk_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Return the metrics of desks, overall and by desk.

    Parameters
    ----------
    codebook : Codebook
        Names of desks.

    Returns
    -------
    list of MetricDefinition
        Empty for a scenario without desks.
    """
    if not codebook.desks:
        return []
    definitions = _metrics_of_desk(None, "", "any desk")
    for i, desk in enumerate(codebook.desks):
        definitions += _metrics_of_desk(i, f"[{desk}]", desk)
    return definitions


def allocated_wages(run: RunRecord, desk: str | None = None, *, amount: Literal["paid", "worth", "worth_365d"] = "paid") -> Array | None:
    """Allocate the wages of desks equally to the customers who entered.

    Parameters
    ----------
    run : RunRecord
        The run.
    desk : str, optional
        Name of a desk. Defaults to all desks.
    amount : {'paid', 'worth', 'worth_365d'}
        Field of `Wages`: wages over the horizon, as counted in CLV, or as counted in the CLV of the first 365 days.

    Returns
    -------
    ndarray of float64, shape (n_customers,), or None
        In money; None without wages.
    """
    wages_by_desk = [wages for name, wages in run.wages.items() if desk in (None, name)]
    money = math.fsum(getattr(wages, amount) for wages in wages_by_desk)
    if not money:
        return None
    return np.where(run.entered, money / max(int(np.count_nonzero(run.entered)), 1), 0.0)


def _metrics_of_desk(desk: int | None, name_suffix: str, desk_name: str) -> list[MetricDefinition]:
    closed, repeats = f"closed requests to {desk_name}", f"repeat requests to {desk_name}"
    rows: list[tuple[str, str, str, Callable[[RunRecord], RatioTerms]]] = [
        ("tickets", "requests", f"requests to {desk_name} per customer", _mean_of_desk_field(desk, "asks")),
        ("asked_again", "requests", f"{repeats} while one was open, per customer", _mean_of_desk_field(desk, "joined")),
        ("sla_kept", SHARE_UNIT, f"{closed} that were answered within the promised time", _share_of_ended(desk, ReplyCode.IN_TIME)),
        ("out_of_hours", SHARE_UNIT, f"requests to {desk_name} while no agent was on duty", _out_of_hours_share(desk)),
        ("abandonment", SHARE_UNIT, f"{closed}, made while an agent was on duty, that were abandoned before an answer", _abandonment(desk)),
        ("wait", "minutes", f"mean wait of requests answered by {desk_name}", _mean_wait_minutes(desk)),
        ("service", "minutes", f"service minutes at {desk_name} per customer", _mean_of_desk_field(desk, "service", MINUTES_PER_DAY)),
        ("utilisation", "ratio", f"time that agents of {desk_name} spend in conversations", _utilisation(desk)),
        ("desk_cost", "money", f"cost of conversations with {desk_name} per customer", _service_cost_per_customer(desk)),
        ("staff_cost", "money", f"staff wages at {desk_name} per customer", _wages_per_customer(desk_name if name_suffix else None)),
    ]
    return [
        MetricDefinition(
            name + name_suffix,
            unit,
            title,
            terms,
            is_detail=desk is not None,
            has_selected_denominator=name in _DENOMINATORS,
            better=_BETTER.get(name, "neither"),
            denominator=_DENOMINATORS.get(name, CUSTOMERS_WHO_ENTERED),
        )
        for name, unit, title, terms in rows
    ]


def _desk_field(run: RunRecord, field: str, desk: int | None) -> Array:
    """Return a field of DESK_OUTCOME as float64, for one desk or summed over all desks."""
    values = run.outcomes.desks[field]
    return values[:, desk].astype(np.float64) if desk is not None else values.sum(axis=1, dtype=np.float64)


def _reply_counts(run: RunRecord, replies: Sequence[ReplyCode], desk: int | None) -> Array:
    values = run.outcomes.desks["replies"][:, :, list(replies)].sum(axis=2, dtype=np.float64)
    return np.asarray(values[:, desk] if desk is not None else values.sum(axis=1))


def _mean_of_desk_field(desk: int | None, field: str, scale: float = 1.0) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, scale * _desk_field(run, field, desk))


def _share_of_ended(desk: int | None, reply: ReplyCode) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: ratio_of_sums(run, _reply_counts(run, (reply,), desk), _reply_counts(run, tuple(ReplyCode), desk))


def _out_of_hours_share(desk: int | None) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: ratio_of_sums(run, _desk_field(run, "out_of_hours", desk), _desk_field(run, "asks", desk))


def _abandonment(desk: int | None) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for the abandoned share of closed requests. Requests made out of hours are excluded from both."""

    def terms(run: RunRecord) -> RatioTerms:
        abandoned = _reply_counts(run, (ReplyCode.UNANSWERED,), desk) - _desk_field(run, "outside_abandoned", desk)
        return ratio_of_sums(run, abandoned, _reply_counts(run, tuple(ReplyCode), desk) - _desk_field(run, "outside_closed", desk))

    return terms


def _utilisation(desk: int | None) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for conversation time divided by agent time, which is fixed before any customer arrives."""

    def terms(run: RunRecord) -> RatioTerms:
        names = run.codebook.desks if desk is None else (run.codebook.desks[desk],)
        days = math.fsum(run.wages[name].agent_days for name in names)
        each = np.where(run.entered, days / max(int(np.count_nonzero(run.entered)), 1), 0.0)
        busy = mean_per_customer(run, _desk_field(run, "service", desk))
        return busy._replace(denominator=np.zeros(len(run)), allocated_cost=each, denominator_cost_weight=1.0)

    return terms


def _mean_wait_minutes(desk: int | None) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: ratio_of_sums(run, MINUTES_PER_DAY * _desk_field(run, "waited", desk), _reply_counts(run, _ANSWERED_REPLIES, desk))


def _service_cost_per_customer(desk: int | None) -> Callable[[RunRecord], RatioTerms]:
    def terms(run: RunRecord) -> RatioTerms:
        minutes = run.outcomes.desks["service"].astype(np.float64) * MINUTES_PER_DAY
        money = minutes * run.desk_rates
        return mean_per_customer(run, money[:, desk] if desk is not None else money.sum(axis=1))

    return terms


def _wages_per_customer(desk: str | None) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, np.zeros(len(run)))._replace(
        allocated_cost=allocated_wages(run, desk), numerator_cost_weight=1.0
    )
