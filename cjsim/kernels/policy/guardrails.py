"""Guardrails: whether a send may go out now.

Lives here: consent, holdout, exit, quiet hours, gaps, caps, budgets, in this order, and refusals. Does not live here: who sends
(sending.py), when a budget is spent (the engines find out, as all customers share it).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import NO_CHANNELS, includes_channel
from cjsim.kernels.codes import REFUSAL_TO_TOUCH, ChannelKind, SendDecision
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.budgets import is_budget_spent
from cjsim.kernels.policy.quiet_hours import end_of_quiet_hours
from cjsim.kernels.rng import uniform


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
        if includes_channel(gap.channels, channel):
            for c in range(world.channels.shape[0]):
                if includes_channel(gap.channels, c) and now - life.reach[c].last < gap.days - TOLERANCE:
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
        if includes_channel(cap.channels, channel):
            if cap.at_most == 0 or now - life.rings[cap.ring + life.ring_at[i]] < cap.days - TOLERANCE:
                return cap.channels
    return NO_CHANNELS


@inlined
def record_contact(world, life, channel):  # type: ignore[no-untyped-def]
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
        if cap.at_most > 0 and includes_channel(cap.channels, channel):
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


@inlined
def decide_send(world, life, site):  # type: ignore[no-untyped-def]
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
        return SendDecision.CONSENT
    if is_held_out(world, life, world.sites[site].actor):
        return SendDecision.HOLDOUT
    if world.setting[0].exit_program >= 0 and condition_holds(world, life, world.setting[0].exit_program):
        return SendDecision.EXIT
    now = life.customer[0].now
    if world.quiet.shape[0] > 0 and world.channels[channel].kind != ChannelKind.PULL and end_of_quiet_hours(world, channel, now) > now:
        return SendDecision.DEFER
    if breaks_gap(world, life, channel) != NO_CHANNELS:
        return SendDecision.GAP
    if breaks_cap(world, life, channel) != NO_CHANNELS:
        return SendDecision.CAP
    if world.budgets.shape[0] > 0 and is_budget_spent(world, life, channel):
        return SendDecision.BUDGET
    return SendDecision.DELIVER


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
        if includes_channel(channels, c) and reach.by >= 0 and reach.last >= last:
            is_other = reach.by != world.sites[site].actor
            other = is_other or (other and reach.last == last)
            last = reach.last
    return other


@rule
def record_refusal(world, life, sink, site, verdict):  # type: ignore[no-untyped-def]
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
    if verdict == SendDecision.GAP:
        channels = breaks_gap(world, life, channel)
    elif verdict == SendDecision.CAP:
        channels = breaks_cap(world, life, channel)
    if channels != NO_CHANNELS and is_collision(world, life, site, channels):
        sink.outcome[life.customer[0].row].collisions += 1
    log_touch(world, life, sink, REFUSAL_TO_TOUCH + verdict, site)
