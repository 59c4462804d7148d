"""Budgets: contacts that all customers share, spent in the order of time, then of customer keys."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World


@rule
def is_budget_spent(world: World, state: CustomerState, channel: int) -> bool:
    """Whether a budget is spent; if none is, each that covers the channel pays for this contact, once.

    Requests of all customers are ordered by time, then by customer key, then by how many this customer has made at this time. A request
    that does not come after the last paid contact was paid for when this customer was simulated before.
    Writes: budget_requests, cutoffs.
    """
    customer = state.customer[0]
    spent = False
    for i in range(world.budgets.shape[0]):
        budget = world.budgets[i]
        if includes_channel(budget.channels, channel):
            request = state.budget_requests[i]
            request.nth = request.nth + 1 if request.time == customer.now else 1
            request.time = customer.now
            cutoff = state.cutoffs[budget.first + budget_period(budget, customer.now)]
            if cutoff.used >= budget.at_most and request_comes_after(customer, request.nth, cutoff):
                spent = True
    if not spent:
        spend_budget(world, state, channel)
    return spent


@rule
def spend_budget(world: World, state: CustomerState, channel: int) -> None:
    """Let each budget that covers a channel pay for a contact that it has not paid for before.

    Writes: cutoffs.
    """
    customer = state.customer[0]
    for i in range(world.budgets.shape[0]):
        budget = world.budgets[i]
        if includes_channel(budget.channels, channel):
            nth = state.budget_requests[i].nth
            cutoff = state.cutoffs[budget.first + budget_period(budget, customer.now)]
            if request_comes_after(customer, nth, cutoff):
                cutoff.time = customer.now
                cutoff.key = customer.key
                cutoff.nth = nth
                cutoff.used += 1


@inlined
def budget_period(budget: np.record, time: float) -> int:
    """The period of a BUDGET record in which a time (days) lies, from 0."""
    days: float = budget.days
    last: int = budget.periods - 1
    return min(math.floor((time + TOLERANCE) / days), last)


@inlined
def request_comes_after(customer: np.record, nth: int, cutoff: np.record) -> bool:
    """Whether a customer's n-th request of this time (from 1) comes after a cutoff: by time, then key, then n."""
    is_after: bool
    if customer.now != cutoff.time:
        is_after = customer.now > cutoff.time
    elif customer.key != cutoff.key:
        is_after = customer.key > cutoff.key
    else:
        is_after = nth > cutoff.nth
    return is_after
