"""Fixed costs of marketing over the horizon: platform, creative work and setup, as payments with dates and as worth in CLV.

All customers who enter share each payment equally. A customer's share is discounted to the customer's entry, like all other money in CLV.
Payments before the entry are not discounted. Wages follow the same rule.
"""

import math
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.elementary_functions import exp
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import active_flows, active_messages

PLATFORM, CREATIVE, SETUP = "platform", "creative", "setup"
FIXED_COSTS = (PLATFORM, CREATIVE, SETUP)


class Payment(NamedTuple):
    """Money paid at a time."""

    day: float  # days since the start
    amount: float  # money


class FixedCost(NamedTuple):
    """A fixed cost over the horizon: the amount paid, and its mean over customers, discounted to their entries."""

    paid: float  # money
    worth: float  # money


def fixed_payments(scenario: ScenarioSpec) -> dict[str, tuple[Payment, ...]]:
    """Return the payments of each kind of fixed cost before the horizon; kinds without payments are left out.

    Parameters
    ----------
    scenario : ScenarioSpec
        A valid scenario.

    Returns
    -------
    dict of str to tuple of Payment
    """
    policy, costs = scenario.policy, scenario.policy.costs
    creative = [costs.creative.flows.get(name, 0.0) for name in active_flows(policy)]
    creative += [costs.creative.messages.get(name, 0.0) for name in active_messages(policy)]
    platform = _monthly_payments(costs.platform_per_month, scenario.start, scenario.horizon)
    payments = {
        PLATFORM: tuple(platform),
        CREATIVE: (Payment(0.0, math.fsum(creative)),),
        SETUP: (Payment(0.0, costs.setup),),
    }
    return {name: kept for name, listed in payments.items() if (kept := tuple(one for one in listed if one.amount))}


def fixed_costs(
    payments: Mapping[str, tuple[Payment, ...]], *, horizon_days: float, entered: NDArray[np.float64], force: float
) -> dict[str, FixedCost]:
    """Return what each kind of fixed cost amounts to, over the horizon and in CLV.

    Parameters
    ----------
    payments : Mapping of str to tuple of Payment
        Payments by kind.
    horizon_days : float
        Simulated days.
    entered : ndarray of float64, shape (n_customers,), days
        Entry times of customers. Entries at or after the horizon are ignored.
    force : float
        Force of interest per day: log(1 + r) / 365 for a yearly discount rate r >= 0.

    Returns
    -------
    dict of str to FixedCost

    Examples
    --------
    >>> fixed_costs({"setup": (Payment(0.0, 90.0),)}, horizon_days=365.0, entered=np.zeros(3), force=0.0)
    {'setup': FixedCost(paid=90.0, worth=90.0)}
    """
    entries = entered[entered < horizon_days]
    found = {}
    for name, listed in payments.items():
        worth = 0.0
        for day, amount in listed if len(entries) else ():
            worth += amount * float(exp(-force * np.maximum(day - entries, 0.0)).mean())
        found[name] = FixedCost(math.fsum(amount for _, amount in listed), worth)
    return found


def _monthly_payments(amount: float, start: date, horizon_days: float) -> Iterator[Payment]:
    """Yield a payment on the first day of each month from the start; the last one in proportion to the days before the horizon."""
    month = 0
    while (day := _months_later(start, month)) < horizon_days:
        month += 1
        length = _months_later(start, month) - day
        yield Payment(float(day), amount * min(length, horizon_days - day) / length)


def _months_later(start: date, months: int) -> int:
    """Return the number of days until the same day of a later month, or until its last day if the month is shorter."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return (date(year, month, min(start.day, monthrange(year, month)[1])) - start).days
