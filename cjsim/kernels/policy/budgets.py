"""Guardrails: whether a send may go out now. (part)."""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.conditions import TOLERANCE


@rule
def is_budget_spent(world, life, channel):  # type: ignore[no-untyped-def]
    """Whether a budget is spent; if none is, each that covers the channel pays for this contact, once.

    Requests of all customers stand in the order of time, then of customer keys, then of how many this customer has made at this time. One
    that does not come after the last contact that was paid for has been paid for when this life was lived before.

    Parameters
    ----------
    world : World
        Read: budgets.
    life : Life
        Read: customer. Written: turns (every budget that covers the channel counts the request), cutoffs.
    channel : int
        Code of the channel.

    Returns
    -------
    bool
        Whether a budget refuses.
    """
    customer = life.customer[0]
    spent = False
    for i in range(world.budgets.shape[0]):
        budget = world.budgets[i]
        if includes_channel(budget.channels, channel):
            turn = life.turns[i]
            turn.nth = turn.nth + 1 if turn.time == customer.now else 1
            turn.time = customer.now
            cutoff = life.cutoffs[budget.first + budget_period(budget, customer.now)]
            if cutoff.used >= budget.at_most and comes_after(customer, turn.nth, cutoff):
                spent = True
    if not spent:
        spend_budget(world, life, channel)
    return spent


@rule
def spend_budget(world, life, channel):  # type: ignore[no-untyped-def]
    """Let each budget that covers a channel pay for a contact that it has not paid for before.

    Parameters
    ----------
    world : World
        Read: budgets.
    life : Life
        Read: customer, turns. Written: cutoffs.
    channel : int
        Code of the channel.
    """
    customer = life.customer[0]
    for i in range(world.budgets.shape[0]):
        budget = world.budgets[i]
        if includes_channel(budget.channels, channel):
            nth = life.turns[i].nth
            cutoff = life.cutoffs[budget.first + budget_period(budget, customer.now)]
            if comes_after(customer, nth, cutoff):
                cutoff.time = customer.now
                cutoff.key = customer.key
                cutoff.nth = nth
                cutoff.used += 1


@inlined
def budget_period(budget, time):  # type: ignore[no-untyped-def]
    """The period of a budget in which a time lies.

    Parameters
    ----------
    budget : record of BUDGET
        Read.
    time : float64
        Days.

    Returns
    -------
    int
        From 0, counted from the start.
    """
    return min(math.floor((time + TOLERANCE) / budget.days), budget.periods - 1)


@inlined
def comes_after(customer, nth, cutoff):  # type: ignore[no-untyped-def]
    """Whether a customer's n-th request of this time comes after a cutoff.

    Parameters
    ----------
    customer : record of CUSTOMER
        Read: now, key.
    nth : int
        From 1.
    cutoff : record of CUTOFF
        Of its period.

    Returns
    -------
    bool
        By time, then key, then n.
    """
    if customer.now != cutoff.time:
        return customer.now > cutoff.time
    if customer.key != cutoff.key:
        return customer.key > cutoff.key
    return nth > cutoff.nth
