"""Guardrails: whether a send may go out now.

Lives here: consent, holdout, exit, quiet hours, gaps, caps, budgets, in this order, and refusals. Does not live here: who sends
(sending.py), when a budget is spent (the engines find out, as all customers share it).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.model.codes import FIRST_REFUSAL, Kind, Verdict
from cjsim.model.ledger import write_touch
from cjsim.model.programs import SLACK, holds
from cjsim.model.random import uniform

NO_CHANNELS = np.uint64(0)


@inlined
def covers(channels, channel):  # type: ignore[no-untyped-def]
    """Whether a set of channels holds a channel.

    Parameters
    ----------
    channels : uint64
        A bit a channel.
    channel : int
        Code of the channel.

    Returns
    -------
    bool
        Whether its bit is set.
    """
    return (channels >> np.uint64(channel)) & np.uint64(1) == np.uint64(1)


@inlined
def end_of_quiet(world, channel, now):  # type: ignore[no-untyped-def]
    """When the quiet hours that hold now end.

    Parameters
    ----------
    world : World
        Read: quiet.
    channel : int
        Code of the channel.
    now : float64
        Days.

    Returns
    -------
    float64
        Days; `now` if no quiet hours hold.
    """
    day = math.floor(now + SLACK)
    hour = (now - day) * 24.0
    for i in range(world.quiet.shape[0]):
        quiet = world.quiet[i]
        if covers(quiet.channels, channel):
            begun = hour >= quiet.start - 24.0 * SLACK
            running = hour < quiet.end - 24.0 * SLACK
            if quiet.start < quiet.end:
                if begun and running:
                    return day + quiet.end / 24.0
            elif running:
                return day + quiet.end / 24.0
            elif begun:
                return day + 1.0 + quiet.end / 24.0
    return now


@inlined
def breaks_gap(world, life, channel):  # type: ignore[no-untyped-def]
    """The gap rule to which the last contact is too recent.

    Parameters
    ----------
    world : World
        Read: gaps.
    life : Life
        Read: customer, reach.
    channel : int
        Code of the channel.

    Returns
    -------
    uint64
        Its channels, a bit each; NO_CHANNELS if no gap rule refuses.
    """
    now = life.customer[0].now
    for i in range(world.gaps.shape[0]):
        gap = world.gaps[i]
        if covers(gap.channels, channel):
            for c in range(world.channels.shape[0]):
                if covers(gap.channels, c) and now - life.reach[c].last < gap.days - SLACK:
                    return gap.channels
    return NO_CHANNELS


@inlined
def breaks_cap(world, life, channel):  # type: ignore[no-untyped-def]
    """The cap whose period holds its full number of contacts already.

    Parameters
    ----------
    world : World
        Read: caps.
    life : Life
        Read: customer, rings, ring_at.
    channel : int
        Code of the channel.

    Returns
    -------
    uint64
        Its channels, a bit each; NO_CHANNELS if no cap refuses.
    """
    now = life.customer[0].now
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        if covers(cap.channels, channel):
            if cap.at_most == 0 or now - life.rings[cap.ring + life.ring_at[i]] < cap.days - SLACK:
                return cap.channels
    return NO_CHANNELS


@inlined
def note_contact(world, life, channel):  # type: ignore[no-untyped-def]
    """Remember a delivery for the caps.

    Parameters
    ----------
    world : World
        Read: caps.
    life : Life
        Written: rings, ring_at.
    channel : int
        Code of the channel.
    """
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        if cap.at_most > 0 and covers(cap.channels, channel):
            at = life.ring_at[i]
            life.rings[cap.ring + at] = life.customer[0].now
            life.ring_at[i] = at + 1 if at + 1 < cap.at_most else 0


@inlined
def is_held_out(world, life, actor):  # type: ignore[no-untyped-def]
    """Whether this customer is in the policy's holdout, which the actor may be spared, or in the actor's own.

    Parameters
    ----------
    world : World
        Read: actors.
    life : Life
        Read: customer.
    actor : int
        Code of the actor.

    Returns
    -------
    bool
        Always the same for a customer and an actor.
    """
    record = world.actors[actor]
    customer = life.customer[0]
    if customer.held_out == 1 and record.spared == 0:
        return True
    if record.holdout <= 0.0:
        return False
    return uniform(customer.seed, customer.key, record.stream_holdout, np.uint64(0)) < record.holdout


@rule
def is_spent(world, life, channel):  # type: ignore[no-untyped-def]
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
        if covers(budget.channels, channel):
            turn = life.turns[i]
            turn.nth = turn.nth + 1 if turn.time == customer.now else 1
            turn.time = customer.now
            cutoff = life.cutoffs[budget.first + budget_period(budget, customer.now)]
            if cutoff.used >= budget.at_most and comes_after(customer, turn.nth, cutoff):
                spent = True
    if not spent:
        pay(world, life, channel)
    return spent


@rule
def pay(world, life, channel):  # type: ignore[no-untyped-def]
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
        if covers(budget.channels, channel):
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
    return min(math.floor((time + SLACK) / budget.days), budget.periods - 1)


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


@inlined
def judge(world, life, site):  # type: ignore[no-untyped-def]
    """What the guardrails say of a send now; of a message on a pull channel they are asked when it would be seen, at any hour.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Read. Written: turns.
    site : int
        Which message of whom.

    Returns
    -------
    int
        A `Verdict`: the first rule that refuses or defers, in the order of the design.
    """
    channel = world.messages[world.sites[site].message].channel
    if life.reach[channel].consent == 0:
        return Verdict.CONSENT
    if is_held_out(world, life, world.sites[site].actor):
        return Verdict.HOLDOUT
    if world.setting[0].exit_program >= 0 and holds(world, life, world.setting[0].exit_program):
        return Verdict.EXIT
    now = life.customer[0].now
    if world.quiet.shape[0] > 0 and world.channels[channel].kind != Kind.PULL and end_of_quiet(world, channel, now) > now:
        return Verdict.DEFER
    if breaks_gap(world, life, channel) != NO_CHANNELS:
        return Verdict.GAP
    if breaks_cap(world, life, channel) != NO_CHANNELS:
        return Verdict.CAP
    if world.budgets.shape[0] > 0 and is_spent(world, life, channel):
        return Verdict.BUDGET
    return Verdict.DELIVER


@inlined
def is_collision(world, life, site, channels):  # type: ignore[no-untyped-def]
    """Whether the last contact on a rule's channels came from another flow or broadcast.

    Parameters
    ----------
    world : World
        Read: channels, sites.
    life : Life
        Read: reach.
    site : int
        Which message of whom was refused.
    channels : uint64
        The rule's, a bit each.

    Returns
    -------
    bool
        Of several last contacts at one time on different channels, one is enough.
    """
    last = -math.inf
    other = False
    for c in range(world.channels.shape[0]):
        reach = life.reach[c]
        if covers(channels, c) and reach.by >= 0 and reach.last >= last:
            is_other = reach.by != world.sites[site].actor
            other = is_other or (other and reach.last == last)
            last = reach.last
    return other


@rule
def refuse(world, life, sink, site, verdict):  # type: ignore[no-untyped-def]
    """Write down a refusal with its reason, and whether contacts collide.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Read.
    sink : Sink
        Written: outcome, reach, log.
    site : int
        Which message of whom.
    verdict : int
        A `Verdict` from CONSENT on.
    """
    channel = world.messages[world.sites[site].message].channel
    channels = NO_CHANNELS
    if verdict == Verdict.GAP:
        channels = breaks_gap(world, life, channel)
    elif verdict == Verdict.CAP:
        channels = breaks_cap(world, life, channel)
    if channels != NO_CHANNELS and is_collision(world, life, site, channels):
        sink.outcome[life.customer[0].row].collisions += 1
    write_touch(world, life, sink, FIRST_REFUSAL + verdict, site)
