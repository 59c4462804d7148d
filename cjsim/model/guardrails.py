"""Guardrails: whether a send may go out now.

Lives here: consent, holdout, exit, quiet hours, gaps, caps, in this order. Does not live here: who sends (sending.py).
"""

import math

import numpy as np

from cjsim.kernel import inlined
from cjsim.model.codes import Verdict
from cjsim.model.programs import SLACK, holds
from cjsim.model.random import uniform


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
    """Whether the last contact is too recent.

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
    bool
        Whether a gap rule refuses.
    """
    now = life.customer[0].now
    for i in range(world.gaps.shape[0]):
        gap = world.gaps[i]
        if covers(gap.channels, channel):
            for c in range(world.channels.shape[0]):
                if covers(gap.channels, c) and now - life.reach[c].last < gap.days - SLACK:
                    return True
    return False


@inlined
def breaks_cap(world, life, channel):  # type: ignore[no-untyped-def]
    """Whether a cap's period holds its full number of contacts already.

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
    bool
        Whether a cap refuses.
    """
    now = life.customer[0].now
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        if covers(cap.channels, channel):
            if cap.at_most == 0 or now - life.rings[cap.ring + life.ring_at[i]] < cap.days - SLACK:
                return True
    return False


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
    """Whether this customer is in the actor's holdout.

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
    if record.holdout <= 0.0:
        return False
    customer = life.customer[0]
    return uniform(customer.seed, customer.key, record.stream_holdout, np.uint64(0)) < record.holdout


@inlined
def judge(world, life, site):  # type: ignore[no-untyped-def]
    """What the guardrails say of a send now.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Read.
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
    if end_of_quiet(world, channel, now) > now:
        return Verdict.DEFER
    if breaks_gap(world, life, channel):
        return Verdict.GAP
    if breaks_cap(world, life, channel):
        return Verdict.CAP
    return Verdict.DELIVER
