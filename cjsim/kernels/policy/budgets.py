"""Budgets: limits on contacts that all customers share. Contacts are counted in order of time, then of customer key."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World


@rule
def is_budget_spent(world: World, state: CustomerState, channel: int) -> bool:
    """Whether a budget for the channel is exhausted. If none is, every such budget counts this contact, once.

    The requests of all customers are ordered by time, customer key, and ordinal among the customer's requests at this time. A request
    that does not come after the last counted contact was counted in an earlier simulation of the customer.
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
def is_spent(world: World, state: CustomerState, i: int, channel: int) -> bool:
    """Whether budget `i` is exhausted for the request on a channel that `is_budget_spent` has just examined."""
    customer = state.customer[0]
    budget = world.budgets[i]
    if not includes_channel(budget.channels, channel):
        return False
    cutoff = state.cutoffs[budget.first + budget_period(budget, customer.now)]
    nth: int = state.budget_requests[i].nth
    is_after: bool = cutoff.used >= budget.at_most and request_comes_after(customer, nth, cutoff)
    return is_after


@rule
def end_of_spent_budgets(world: World, state: CustomerState, channel: int) -> float:
    """The latest end (days) of the current periods of the budgets that are exhausted for a channel; now if there are none."""
    now: float = state.customer[0].now
    end = now
    for i in range(world.budgets.shape[0]):
        if is_spent(world, state, i, channel):
            end = max(end, end_of_period(world.budgets[i], now))
    return end


@rule
def spend_budget(world: World, state: CustomerState, channel: int) -> None:
    """Count a contact against every budget for its channel that has not counted it before.

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
    """The index of the period of a BUDGET record that contains a time (days); period 0 begins on day 0."""
    days: float = budget.days
    last: int = budget.periods - 1
    return min(math.floor((time + TOLERANCE) / days), last)


@inlined
def end_of_period(budget: np.record, time: float) -> float:
    """The end (days) of the period of a BUDGET record that contains a time (days)."""
    days: float = budget.days
    return (budget_period(budget, time) + 1) * days


@inlined
def request_comes_after(customer: np.record, nth: int, cutoff: np.record) -> bool:
    """Whether a customer's n-th request at this time (from 1) comes after a cutoff, by time, then key, then n."""
    is_after: bool
    if customer.now != cutoff.time:
        is_after = customer.now > cutoff.time
    elif customer.key != cutoff.key:
        is_after = customer.key > cutoff.key
    else:
        is_after = nth > cutoff.nth
    return is_after
