"""Money: purchases, revenue, margin, cost, customer lifetime value, return.

Lives here: what these metrics are. Does not live here: their arithmetic (estimate.py).
"""

from cjsim.engine.result import Run
from cjsim.metrics.estimate import SHARE, Definition, Terms, among, mean_of


def definitions() -> list[Definition]:
    """The metrics of money."""
    return [
        Definition("purchases", "purchases", "purchases per customer", mean_of("purchases")),
        Definition("repeat_purchase_rate", SHARE, "buyers who bought again", _bought_again, selected=True),
        Definition("revenue", "money", "revenue per customer", mean_of("revenue")),
        Definition("margin", "money", "margin of purchases per customer", mean_of("margin")),
        Definition("cost", "money", "cost of messages per customer", mean_of("cost")),
        Definition("clv", "money", "discounted margin less costs per customer, from entry to horizon", mean_of("clv")),
        # Costs are those of messages alone, so that it reads as more than it is: told where all is.
        Definition("roi", "ratio", "margin less costs of messages, over these costs", _return, detail=True),
    ]


def _bought_again(run: Run) -> Terms:
    purchases = run.outcomes.customers["purchases"]
    return among(run, purchases > 1, purchases > 0)


def _return(run: Run) -> Terms:
    of = run.outcomes.customers
    return among(run, of["margin"] - of["cost"], of["cost"])
