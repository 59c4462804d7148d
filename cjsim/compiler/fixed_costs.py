"""Fixed costs of marketing: platform, creative work and setup, as dated payments, totals over the horizon, and amounts discounted for CLV.

All customers who enter before the horizon share each payment up to it equally. If CLV counts beyond the horizon, each customer bears
1 / N(t) of a later payment at t, where N(t) is the number of customers who have entered by then. A customer's share is discounted to the
customer's entry, like all other money in CLV. Payments before the entry are not discounted. Wages follow the same rule.
"""

import math
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.tables.elementary_functions import exp
from cjsim.compiler.wages import WageTerms
from cjsim.kernels.codes import VALUE_YEAR
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import active_flows, active_messages

PLATFORM, CREATIVE, SETUP = "platform", "creative", "setup"
FIXED_COSTS = (PLATFORM, CREATIVE, SETUP)


class Payment(NamedTuple):
    """Money paid at a time."""

    day: float  # days since the start
    amount: float  # money, for the days until the end of the simulation
    later: float = 0.0  # money: the part of it that is for days after the horizon


class FixedCost(NamedTuple):
    """A fixed cost: the amount paid for the horizon, and the customers' mean shares in CLV, times the number of customers."""

    paid: float  # money
    worth: float  # money: discounted to entries, until the end of the simulation
    worth_365d: float = 0.0  # money: discounted to entries, in the 365 days after entry, among customers who are simulated for that long


def fixed_payments(scenario: ScenarioSpec) -> dict[str, tuple[Payment, ...]]:
    """Return the payments of each kind of fixed cost until the end of the simulation; kinds without payments are left out.

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
    platform = _monthly_payments(costs.platform_per_month, scenario)
    payments = {
        PLATFORM: tuple(platform),
        CREATIVE: (Payment(0.0, math.fsum(creative)),),
        SETUP: (Payment(0.0, costs.setup),),
    }
    return {name: kept for name, listed in payments.items() if (kept := tuple(one for one in listed if one.amount))}


def fixed_costs(payments: Mapping[str, tuple[Payment, ...]], terms: WageTerms, *, entered: NDArray[np.float64]) -> dict[str, FixedCost]:
    """Compute each kind of fixed cost, over the horizon and in CLV.

    Parameters
    ----------
    payments : Mapping of str to tuple of Payment
        Payments by kind.
    terms : WageTerms
        Horizon, end, discounting and late entries.
    entered : ndarray of float64, shape (n_customers,), days
        Entry times of customers. Entries at or after the horizon are ignored.

    Returns
    -------
    dict of str to FixedCost

    Examples
    --------
    >>> fixed_costs({"setup": (Payment(0.0, 90.0),)}, WageTerms(365.0, 365.0, 0.0), entered=np.zeros(3))
    {'setup': FixedCost(paid=90.0, worth=90.0, worth_365d=90.0)}
    """
    entries = entered[entered < terms.horizon]
    observed = entries[entries + VALUE_YEAR <= terms.ends]
    found = {}
    for name, listed in payments.items():
        worth = worth_365d = 0.0
        for day, amount, _ in listed if len(entries) else ():
            n_late = int(np.searchsorted(terms.late_entries, day, side="right"))
            borne = amount * len(entries) / (len(entries) + n_late) if n_late else amount
            worth += borne * float(exp(-terms.force * np.maximum(day - entries, 0.0)).mean())
            if len(observed):
                is_in_year = (observed <= day) & (day < observed + VALUE_YEAR)
                worth_365d += borne * float((exp(-terms.force * np.maximum(day - observed, 0.0)) * is_in_year).mean())
        found[name] = FixedCost(math.fsum(one.amount - one.later for one in listed), worth, worth_365d)
    return found


def _monthly_payments(amount: float, scenario: ScenarioSpec) -> Iterator[Payment]:
    """Yield a payment on the first day of each month from the start; the last one in proportion to the days before the end."""
    month, start = 0, scenario.start
    while (day := _months_later(start, month)) < scenario.simulated_days:
        month += 1
        length = _months_later(start, month) - day
        whole, within = (amount * max(min(length, end - day), 0.0) / length for end in (scenario.simulated_days, scenario.horizon))
        yield Payment(float(day), whole, whole - within)


def _months_later(start: date, months: int) -> int:
    """Return the number of days until the same day of a later month, or until its last day if the month is shorter."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return (date(year, month, min(start.day, monthrange(year, month)[1])) - start).days
