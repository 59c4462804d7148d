"""Metrics of purchases, offers and money (revenue, margin, cost, clv, roi), per customer and in total."""

from collections.abc import Callable
from functools import partial

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.definitions.customer_acquisition import allocated_acquisition_cost, booked_acquisition_cost
from cjsim.metrics.definitions.service_levels import allocated_wages
from cjsim.metrics.ratios import (
    SHARE_UNIT,
    MetricDefinition,
    RatioTerms,
    mean_of_outcome,
    mean_per_customer,
    ratio_of_sums,
    total_over_customers,
)


def purchase_and_value_metrics() -> list[MetricDefinition]:
    """Return the metrics of purchases and money.

    Returns
    -------
    list of MetricDefinition
    """
    selected, total = partial(MetricDefinition, has_selected_denominator=True), partial(MetricDefinition, is_total=True)
    clv = "discounted margin minus all costs per customer, from entry to the horizon"
    return [
        MetricDefinition("purchases", "purchases", "purchases per customer", mean_of_outcome("purchases"), better="higher"),
        selected(
            "repeat_purchase_rate", SHARE_UNIT, "buyers who purchased again", _repeat_purchase_rate, better="higher", denominator="buyers"
        ),
        MetricDefinition("revenue", "money", "revenue per customer", mean_of_outcome("revenue"), better="higher"),
        MetricDefinition("margin", "money", "margin on purchases per customer", mean_of_outcome("margin"), better="higher"),
        MetricDefinition("cost", "money", "cost of messages, service, staff and acquisition per customer", _total_cost, better="lower"),
        MetricDefinition("clv", "money", clv, _customer_lifetime_value, better="higher"),
        MetricDefinition(
            "roi", "ratio", "margin minus all costs, divided by all costs", _return_on_cost, better="higher", denominator="all costs"
        ),
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
            "customer lifetime value of all customers",
            total_over_customers(_customer_lifetime_value),
            better="higher",
        ),
        MetricDefinition("redemptions", "purchases", "purchases made with an offer, per customer", mean_of_outcome("redemptions")),
        MetricDefinition("discounts", "money", "discounts from offers per customer", mean_of_outcome("discounts")),
        selected("offer_share", SHARE_UNIT, "purchases made with an offer", _offer_share, denominator="purchases"),
    ]


def _money_with_allocated_costs(
    money_of: Callable[[RunRecord], Array], *, cost_weight: float, is_discounted: bool = False
) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for money per customer, with acquisition spend and wages as allocated costs.

    The money includes the booked acquisition cost, which is removed so that it is not counted twice. Allocated costs do not affect the
    interval.
    """

    def terms(run: RunRecord) -> RatioTerms:
        booked, costs = booked_acquisition_cost(run), allocated_wages(run, is_discounted=is_discounted)
        money = money_of(run)
        if booked is not None:
            acquisition = allocated_acquisition_cost(run)
            costs = acquisition if costs is None else acquisition + costs
            money = money - cost_weight * booked
        return mean_per_customer(run, money)._replace(allocated_cost=costs, numerator_cost_weight=cost_weight)

    return terms


_total_cost = _money_with_allocated_costs(lambda run: run.outcomes.customers["cost"], cost_weight=1.0)
_customer_lifetime_value = _money_with_allocated_costs(lambda run: run.outcomes.customers["clv"], cost_weight=-1.0, is_discounted=True)
_profit_terms = _money_with_allocated_costs(lambda run: run.outcomes.customers["margin"] - run.outcomes.customers["cost"], cost_weight=-1.0)


def _customer_count(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, np.ones(len(run)))


def _return_on_cost(run: RunRecord) -> RatioTerms:
    gain, cost = _profit_terms(run), _total_cost(run)
    return gain._replace(denominator=cost.numerator, denominator_cost_weight=1.0)


def _repeat_purchase_rate(run: RunRecord) -> RatioTerms:
    purchases = run.outcomes.customers["purchases"]
    return ratio_of_sums(run, purchases > 1, purchases > 0)


def _offer_share(run: RunRecord) -> RatioTerms:
    outcomes = run.outcomes.customers
    return ratio_of_sums(run, outcomes["redemptions"], outcomes["purchases"])
