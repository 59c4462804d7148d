"""Cost components (messages, platform, creative work, setup), and fixed costs allocated to customers."""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from cjsim.compiler.fixed_costs import CREATIVE, FIXED_COSTS, PLATFORM, SETUP
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.definitions.service_levels import allocated_wages
from cjsim.metrics.ratios import MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer


def cost_metrics() -> list[MetricDefinition]:
    """Return the metrics of the cost components; `desk_cost`, `staff_cost` and `cac` are defined with desks and acquisition.

    Returns
    -------
    list of MetricDefinition
    """
    lower = partial(MetricDefinition, better="lower")
    return [
        lower("message_cost", "money", "cost of deliveries, opens and clicks per customer", mean_of_outcome("message_cost")),
        lower("platform_cost", "money", "cost of the marketing platform per customer", _fixed_cost_per_customer(PLATFORM)),
        lower("creative_cost", "money", "cost of creative work per customer", _fixed_cost_per_customer(CREATIVE)),
        lower("setup_cost", "money", "cost of setting up the platform per customer", _fixed_cost_per_customer(SETUP)),
    ]


def allocated_fixed_costs(run: RunRecord, *kinds: str, amount: Literal["paid", "worth", "worth_365d"] = "paid") -> Array | None:
    """Allocate fixed costs equally to the customers who entered.

    Parameters
    ----------
    run : RunRecord
        The run.
    *kinds : str
        'platform', 'creative' or 'setup'.
    amount : {'paid', 'worth', 'worth_365d'}
        Payments until the horizon, or the discounted amount that counts in CLV or in the CLV of the first 365 days.

    Returns
    -------
    ndarray of float64, shape (n_customers,), or None
        In money; None if nothing is paid.
    """
    costs = [cost for name, cost in run.fixed_costs.items() if name in kinds]
    money = math.fsum(getattr(cost, amount) for cost in costs)
    if not money:
        return None
    return np.where(run.entered, money / max(int(np.count_nonzero(run.entered)), 1), 0.0)


def allocated_shared_costs(run: RunRecord, *, amount: Literal["paid", "worth", "worth_365d"] = "paid") -> Array | None:
    """Allocate wages and fixed costs equally to the customers who entered.

    Parameters
    ----------
    run : RunRecord
        The run.
    amount : {'paid', 'worth', 'worth_365d'}
        As for `allocated_fixed_costs`.

    Returns
    -------
    ndarray of float64, shape (n_customers,), or None
        In money; None if nothing is paid.
    """
    wages = allocated_wages(run, amount=amount)
    fixed = allocated_fixed_costs(run, *FIXED_COSTS, amount=amount)
    return fixed if wages is None else wages if fixed is None else wages + fixed


def paid_shared_costs(run: RunRecord) -> float:
    """Return the costs until the horizon that customers share: acquisition spend, wages and fixed costs.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    float
        In money, for all simulated customers, even if none of them has entered yet.
    """
    return math.fsum([*run.spend.tolist(), *(one.paid for one in run.wages.values()), *(one.paid for one in run.fixed_costs.values())])


def _fixed_cost_per_customer(kind: str) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, np.zeros(len(run)))._replace(
        allocated_cost=allocated_fixed_costs(run, kind), numerator_cost_weight=1.0
    )
