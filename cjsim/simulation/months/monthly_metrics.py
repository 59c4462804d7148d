"""Metrics of a calendar month: totals of the firm in the month, and the customers who are active at its end."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, did_you_mean, format_error, unknown_name_parts
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.ratios import MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer, total_over_customers
from cjsim.simulation.customer_profiles import CustomerProfiles
from cjsim.simulation.months.monthly_outcomes import OWN_COST, MonthlyOutcomes
from cjsim.simulation.segments.customer_groups import (
    SMALL_GROUP,
    chosen_customers,
    empty_replication_notes,
    group_notes,
    require_any_customer,
)

_TOTALS: dict[str, tuple[str, str, str, Literal["higher", "lower", "neither"]]] = {  # field, unit, noun, better values
    "total_purchases": ("purchases", "purchases", "purchases", "higher"),
    "total_revenue": ("revenue", "money", "revenue", "higher"),
    "total_margin": ("margin", "money", "margin on purchases", "higher"),
    "total_contacts": ("contacts", "contacts", "contacts", "neither"),
    "total_opt_outs": ("opt_outs", "opt-outs", "unsubscribes, complaints and other opt-outs", "lower"),
}
_NEW, _ACTIVE, _BUYERS, _COST, _PROFIT = "new_customers", "active_customers", "buyers", "total_cost", "profit"


class MonthlyPart(NamedTuple):
    """One replication of a run with monthly outcomes, and the customers who count.

    Attributes
    ----------
    run : RunRecord
        The replication.
    monthly : MonthlyOutcomes
        Its outcomes by month.
    chosen : ndarray of bool, shape (n_customers,)
        Customers who meet the condition; all customers without one.
    """

    run: RunRecord
    monthly: MonthlyOutcomes
    chosen: Array

    @property
    def n_chosen(self) -> int:
        """Number of customers who count and have entered."""
        return int(np.count_nonzero(self.chosen & self.run.entered))


def monthly_parts(
    replications: Sequence[tuple[RunRecord, CustomerProfiles, MonthlyOutcomes | None]], where: str | None
) -> list[MonthlyPart]:
    """Return the replications of a run with the customers who count.

    Parameters
    ----------
    replications : sequence of (RunRecord, CustomerProfiles, MonthlyOutcomes or None)
        The replications, with the attributes of their customers and their monthly outcomes.
    where : str or None
        Condition on what is fixed at entry, as in `chosen_customers`.

    Returns
    -------
    list of MonthlyPart

    Raises
    ------
    InputError
        If the run has no monthly outcomes.
    """
    parts = []
    for run, profiles, monthly in replications:
        if monthly is None:
            raise InputError(format_error("months", "must be recorded by the run", "none", "Simulate again with `monthly=True`."))
        parts.append(MonthlyPart(run, monthly, np.ones(len(run), bool) if where is None else chosen_customers(run, profiles, where)))
    return parts


def require_any_chosen(parts: Iterable[MonthlyPart], where: str | None) -> None:
    """Raise if a condition holds for no customer of any replication.

    Parameters
    ----------
    parts : iterable of MonthlyPart
        All replications, under all policies that are compared.
    where : str or None
        The condition.

    Raises
    ------
    InputError
        If there is a condition that no customer who entered meets.
    """
    if where is not None:
        require_any_customer(where, [part.n_chosen for part in parts])


def monthly_definitions(codebook: Codebook, *, has_retained: bool) -> dict[str, MetricDefinition]:
    """Return the metrics of a month by name, in table order. Their `terms` are those of the whole run.

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    has_retained : bool
        Whether a stage is marked `retained`. Otherwise, there is no metric of active customers.

    Returns
    -------
    dict of str to MetricDefinition
        `month_terms` gives the terms of one month. Those of all months add up to those of the run, except `active_customers`, which counts
        at the end of a month, and `buyers`, because a customer can buy in several months.
    """
    total, customers = partial(MetricDefinition, is_total=True), partial(MetricDefinition, is_total=True, unit="customers", better="higher")
    found = [customers(_NEW, title="customers who entered in the month", terms=total_over_customers(_has_entered_since_start))]
    if has_retained:
        found += [
            customers(_ACTIVE, title="customers in a retained stage at the end of the month", terms=total_over_customers(_is_retained))
        ]
    found += [customers(_BUYERS, title="customers who purchased in the month", terms=total_over_customers(_has_purchased))]
    for name, (field, unit, noun, better) in _TOTALS.items():
        found.append(total(name, unit, f"{noun} in the month", total_over_customers(mean_of_outcome(field)), better=better))
    of_run = all_metric_definitions(codebook)
    at = 1 + next(i for i, one in enumerate(found) if one.name == "total_margin")
    found[at:at] = [
        total(_COST, "money", "all costs in the month", total_over_customers(of_run["cost"].terms), better="lower"),
        total(_PROFIT, "money", "margin minus all costs in the month", of_run["profit"].terms, better="higher"),
    ]
    return {one.name: one for one in found}


def require_monthly_metrics(metrics: Sequence[str], known: Sequence[str]) -> None:
    """Raise if a metric is not available by month.

    Parameters
    ----------
    metrics, known : sequence of str
        Names of metrics, and the names that exist.

    Raises
    ------
    InputError
        If a metric is not among `known`.
    """
    for metric in metrics:
        if metric not in known:
            must, got, _ = unknown_name_parts(metric, known, "metric")
            remedy = did_you_mean(metric, known) or "Use a metric with monthly totals, such as 'total_revenue'."
            raise InputError(format_error("metrics", must, f"{got} with `by` month", remedy))


def month_terms(part: MonthlyPart, name: str, month: int) -> RatioTerms:
    """Return the terms of a metric in one month.

    Parameters
    ----------
    part : MonthlyPart
        The replication.
    name : str
        Name of a metric of `monthly_definitions`.
    month : int
        Index of the month.

    Returns
    -------
    RatioTerms
        The terms of a total over the whole firm. `n` of its estimate counts the customers who had entered by the end of the month. Shared
        costs of the month are allocated equally to these customers or, before the first entry, to all customers of the run.
    """
    monthly, run = part.monthly, part.run
    entered, amounts = monthly.entered[month], monthly.amounts
    cost_weight = {_COST: 1.0, _PROFIT: -1.0}.get(name, 0.0)
    if name == _NEW:
        values = entered & ~monthly.entered[month - 1] if month else entered & run.entered_since_start
    elif name == _ACTIVE:
        values = monthly.retained[month]
    elif name == _BUYERS:
        values = amounts["purchases"][month] > 0
    elif name == _COST:
        values = amounts[OWN_COST][month]
    elif name == _PROFIT:
        values = amounts["margin"][month] - amounts[OWN_COST][month]
    else:
        values = amounts[_TOTALS[name][0]][month]
    terms = RatioTerms(np.asarray(values, np.float64), entered)
    shared = float(monthly.shared_costs[month])
    if cost_weight and shared:
        bearers = entered if entered.any() else run.entered
        allocated = np.where(bearers, shared / max(int(np.count_nonzero(bearers)), 1), 0.0)
        terms = terms._replace(allocated_cost=allocated, numerator_cost_weight=cost_weight)
    return terms.as_total(run.weight)


def customers_by_month(part: MonthlyPart) -> dict[str, int]:
    """Return the number of customers who had entered by the end of each month.

    Parameters
    ----------
    part : MonthlyPart
        The replication.
    """
    counts = np.count_nonzero(part.monthly.entered & part.chosen, axis=1)
    return {name: int(count) for name, count in zip(part.monthly.months.names, counts, strict=True)}


def month_notes(parts: Sequence[MonthlyPart], where: str | None) -> list[str]:
    """Return what a reader of metrics by month must know: what n counts, partial months, few customers, and what a condition selects.

    Parameters
    ----------
    parts : sequence of MonthlyPart
        The replications.
    where : str or None
        Condition on customers.
    """
    part = parts[0]
    notes, months = ["n: customers who had entered by the end of the month."], part.monthly.months
    if months.partial:
        notes.append(f"The simulation covers only a part of {' and '.join(months.partial)}.")
    notes += empty_replication_notes([one.n_chosen for one in parts]) if where is not None else []
    return [*notes, *group_notes(None, {name: n for name, n in customers_by_month(part).items() if n < SMALL_GROUP}, where)]


def _has_entered_since_start(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, run.entered_since_start)


def _is_retained(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, np.isin(run.outcomes.customers["stage"], [run.codebook.stages.index(name) for name in run.retained]))


def _has_purchased(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, run.outcomes.customers["purchases"] > 0)
