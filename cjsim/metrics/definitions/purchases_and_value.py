"""Metrics of purchases, offers and money (revenue, margin, cost, clv), per customer and in total."""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import VALUE_YEAR
from cjsim.kernels.world import Array
from cjsim.metrics.definitions.cost_breakdown import allocated_shared_costs
from cjsim.metrics.definitions.customer_acquisition import allocated_acquisition_cost, booked_acquisition_cost
from cjsim.metrics.ratios import (
    SHARE_UNIT,
    MetricDefinition,
    RatioTerms,
    mean_of_outcome,
    mean_per_customer,
    ratio_of_sums,
    total_over_customers,
)
from cjsim.scenario.phrases import span_phrase


def purchase_and_value_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Return the metrics of purchases and money.

    Parameters
    ----------
    codebook : Codebook
        States the period over which CLV counts.

    Returns
    -------
    list of MetricDefinition
    """
    selected, total = partial(MetricDefinition, has_selected_denominator=True), partial(MetricDefinition, is_total=True)
    span = value_span(codebook)
    cost = "all costs per customer: messages, desks, staff, platform, creative work, setup and acquisition"
    clv = f"discounted margin minus all costs per customer, {span}"
    return [
        MetricDefinition("purchases", "purchases", "purchases per customer", mean_of_outcome("purchases"), better="higher"),
        selected(
            "repeat_purchase_rate", SHARE_UNIT, "buyers who purchased again", _repeat_purchase_rate, better="higher", denominator="buyers"
        ),
        MetricDefinition("revenue", "money", "revenue per customer", mean_of_outcome("revenue"), better="higher"),
        MetricDefinition("margin", "money", "margin on purchases per customer", mean_of_outcome("margin"), better="higher"),
        MetricDefinition("cost", "money", cost, _total_cost, better="lower"),
        MetricDefinition("clv", "money", clv, _customer_lifetime_value, better="higher"),
        *([] if codebook.value_days is None else [_CLV_365D]),
        total("customers", "customers", "customers who entered by the horizon", total_over_customers(_customer_count), better="higher"),
        total("total_revenue", "money", "revenue from all customers", total_over_customers(mean_of_outcome("revenue")), better="higher"),
        total(
            "total_margin",
            "money",
            "margin on purchases by all customers",
            total_over_customers(mean_of_outcome("margin")),
            better="higher",
        ),
        total("profit", "money", "margin minus all costs, over all customers", total_over_customers(_profit_terms), better="higher"),
        total(
            "total_clv",
            "money",
            "customer lifetime value of all customers" + ("" if codebook.value_days is None else f", {span}"),
            total_over_customers(_customer_lifetime_value),
            better="higher",
        ),
        MetricDefinition("redemptions", "purchases", "purchases made with an offer, per customer", mean_of_outcome("redemptions")),
        MetricDefinition("discounts", "money", "discounts from offers per customer", mean_of_outcome("discounts")),
        selected("offer_share", SHARE_UNIT, "purchases made with an offer", _offer_share, denominator="purchases"),
    ]


def value_span(codebook: Codebook) -> str:
    """Describe the period over which CLV counts.

    Parameters
    ----------
    codebook : Codebook
        Names and spans of a scenario.
    """
    if codebook.value_days is None:
        return "from entry to the horizon"
    if codebook.value_days == math.inf:
        return "from entry to the horizon or value horizon"
    return f"over {span_phrase(codebook.value_days)} from the start"


def _money_with_allocated_costs(
    money_of: Callable[[RunRecord], Array], *, cost_weight: float, amount: Literal["paid", "worth", "worth_365d"] = "paid"
) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for money per customer, with acquisition spend, wages and fixed costs as allocated costs.

    The money includes the booked acquisition cost, which is removed to avoid counting it twice. Allocated costs do not affect the interval.
    """

    def terms(run: RunRecord) -> RatioTerms:
        booked, costs = booked_acquisition_cost(run), allocated_shared_costs(run, amount=amount)
        money = money_of(run)
        if booked is not None:
            acquisition = allocated_acquisition_cost(run)
            costs = acquisition if costs is None else acquisition + costs
            money = money - cost_weight * booked
        return mean_per_customer(run, money)._replace(allocated_cost=costs, numerator_cost_weight=cost_weight)

    return terms


_total_cost = _money_with_allocated_costs(lambda run: run.outcomes.customers["cost"], cost_weight=1.0)
_customer_lifetime_value = _money_with_allocated_costs(lambda run: run.outcomes.customers["clv"], cost_weight=-1.0, amount="worth")
_first_year_value = _money_with_allocated_costs(lambda run: run.outcomes.customers["clv_365d"], cost_weight=-1.0, amount="worth_365d")
_profit_terms = _money_with_allocated_costs(lambda run: run.outcomes.customers["margin"] - run.outcomes.customers["cost"], cost_weight=-1.0)


def _value_of_first_year(run: RunRecord) -> RatioTerms:
    """Return the CLV of the first 365 days, for customers who are simulated for that long."""
    valued_from = np.maximum(run.outcomes.customers["entered"], 0.0)
    is_observed = valued_from + VALUE_YEAR <= run.provenance.simulated_days
    return _first_year_value(run).restricted_to(is_observed)


_CLV_365D = MetricDefinition(
    "clv_365d",
    "money",
    "discounted margin minus all costs per customer in the 365 days after entry",
    _value_of_first_year,
    better="higher",
    denominator="customers who entered at least 365 days before the end of the simulation",
)


def _customer_count(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, np.ones(len(run)))


def _repeat_purchase_rate(run: RunRecord) -> RatioTerms:
    purchases = run.outcomes.customers["purchases"]
    return ratio_of_sums(run, purchases > 1, purchases > 0)


def _offer_share(run: RunRecord) -> RatioTerms:
    outcomes = run.outcomes.customers
    return ratio_of_sums(run, outcomes["redemptions"], outcomes["purchases"])
