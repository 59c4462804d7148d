"""Money: purchases, revenue, offers, margin, cost, customer lifetime value, return; for each customer, and of all together.

Lives here: what these metrics are. Does not live here: their arithmetic (estimate.py).
"""

from collections.abc import Callable

import numpy as np

from cjsim.engine.result import Run
from cjsim.metrics.acquisition import booked, spent_on
from cjsim.metrics.desks import wages_on
from cjsim.metrics.estimate import SHARE, Definition, Terms, among, mean_of, per_customer, total_of
from cjsim.model.world import Records


def definitions() -> list[Definition]:
    """The metrics of money."""
    clv = "discounted margin less all costs per customer, from entry to horizon"
    return [
        Definition("purchases", "purchases", "purchases per customer", mean_of("purchases")),
        Definition("repeat_purchase_rate", SHARE, "buyers who bought again", _bought_again, selected=True),
        Definition("revenue", "money", "revenue per customer", mean_of("revenue")),
        Definition("margin", "money", "margin of purchases per customer", mean_of("margin")),
        Definition("cost", "money", "cost of messages, desks, their staff and acquisition per customer", _cost),
        Definition("clv", "money", clv, _clv),
        Definition("roi", "ratio", "margin less all costs, over these costs", _return),
        Definition("customers", "customers", "customers who entered by the horizon", total_of(_entered), total=True),
        Definition("total_revenue", "money", "revenue of all customers", total_of(mean_of("revenue")), total=True),
        Definition("total_margin", "money", "margin of purchases of all customers", total_of(mean_of("margin")), total=True),
        Definition("profit", "money", "margin less all costs, of all customers", total_of(_profit), total=True),
        Definition("total_clv", "money", "customer lifetime value of all customers", total_of(_clv), total=True),
        Definition("redemptions", "purchases", "purchases with an offer per customer", mean_of("redemptions")),
        Definition("discounts", "money", "money off by offers per customer", mean_of("discounts")),
        Definition("offer_share", SHARE, "purchases with an offer, of all purchases", _with_offer, selected=True),
    ]


def _with_costs(of: Callable[[Run], Records], *, above: float, discounted: bool = False) -> Callable[[Run], Terms]:
    """Money per customer, with what moves with nobody, `above` times: acquisition, which is booked in it and taken out; wages."""

    def terms(run: Run) -> Terms:
        entry, wages = booked(run), wages_on(run, discounted=discounted)
        if entry is None:
            return per_customer(run, of(run))._replace(spent=wages, above=above)
        spent = spent_on(run) if wages is None else spent_on(run) + wages
        return per_customer(run, of(run) - above * entry)._replace(spent=spent, above=above)

    return terms


_cost = _with_costs(lambda run: run.outcomes.customers["cost"], above=1.0)
_clv = _with_costs(lambda run: run.outcomes.customers["clv"], above=-1.0, discounted=True)
_profit = _with_costs(lambda run: run.outcomes.customers["margin"] - run.outcomes.customers["cost"], above=-1.0)


def _entered(run: Run) -> Terms:
    return per_customer(run, np.ones(len(run)))


def _return(run: Run) -> Terms:
    gain, cost = _profit(run), _cost(run)
    return gain._replace(x=cost.y, below=1.0)


def _bought_again(run: Run) -> Terms:
    purchases = run.outcomes.customers["purchases"]
    return among(run, purchases > 1, purchases > 0)


def _with_offer(run: Run) -> Terms:
    of = run.outcomes.customers
    return among(run, of["redemptions"], of["purchases"])
