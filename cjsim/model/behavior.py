"""Customers react: what effects do to them.

Lives here: effects, entering a stage. Does not live here: offers (offers.py), invitations (referrals.py), messages (answer.py), what the
firm decides (decision.py), the order in which things happen (course.py).
"""

import math

import numpy as np

from cjsim.kernel import rule
from cjsim.model.asking import ask
from cjsim.model.clocks import refresh_speeds, start_clock, stop_clock
from cjsim.model.codes import Cause, Effect, Touch
from cjsim.model.ledger import book_purchase, leave_stage, write_opt_out
from cjsim.model.mood import move_satisfaction, satisfaction_now
from cjsim.model.offers import grant_offer, redeem
from cjsim.model.programs import SLACK
from cjsim.model.quantiles import quantile
from cjsim.model.queue import STAGE_ENTRY, enqueue
from cjsim.model.random import uniform
from cjsim.model.referrals import refer
from cjsim.model.triggers import change_score


@rule
def enter_stage(world, life, sink, stage):  # type: ignore[no-untyped-def]
    """Leave the stage, enter another (or the same again), and start its clocks.

    The firm sees the entry if the stage is observed, unless the customer comes back to it from where the firm did not see it go.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written: outcome, dwell.
    stage : int
        Code of the stage.
    """
    customer = life.customer[0]
    leave_stage(world, life, sink, customer.now - SLACK)
    old = world.stages[customer.stage]
    for i in range(old.first, old.first + old.count):
        stop_clock(world, life, world.stage_events[i])
    customer.stage = stage
    customer.stage_since = customer.now
    customer.dirty |= Cause.STAGE
    life.visits[stage] += 1
    new = world.stages[stage]
    is_seen = new.seen >= 0 and (old.seen >= 0 or customer.shown != stage)
    if is_seen:
        customer.shown = stage
        customer.shown_since = customer.now
    for i in range(new.first, new.first + new.count):
        start_clock(world, life, world.stage_events[i])
    if is_seen:
        enqueue(life, STAGE_ENTRY + stage)


@rule
def choose_branch(world, life, effect):  # type: ignore[no-untyped-def]
    """Draw one branch of a `choose`, with odds weight * exp(bend * (satisfaction - 0.5)).

    Parameters
    ----------
    world : World
        Read: effects, setting.
    life : Life
        Read: customer, traits. Written: counts.
    effect : int
        Index of the CHOOSE record; its branches follow it.

    Returns
    -------
    int
        First effect of the branch, -1 for none.
    """
    customer = life.customer[0]
    record = world.effects[effect]
    mood = satisfaction_now(world, life) - 0.5
    total = 0.0
    for i in range(effect + 1, effect + 1 + record.count):
        total += branch_odds(world, life, i, mood)
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(life.counts[record.slot]))
    life.counts[record.slot] += 1
    left = u * total
    for i in range(effect + 1, effect + record.count):
        left -= branch_odds(world, life, i, mood)
        if left < 0.0:
            return world.effects[i].target
    return world.effects[effect + record.count].target


@rule
def branch_odds(world, life, branch, mood):  # type: ignore[no-untyped-def]
    """The odds of one branch of a `choose`.

    Parameters
    ----------
    world : World
        Read: effects.
    life : Life
        Read: traits.
    branch : int
        Index of its record.
    mood : float64
        Satisfaction minus 0.5.

    Returns
    -------
    float64
        weight * exp(bend * mood); a negative trait counts as 0.
    """
    record = world.effects[branch]
    weight = record.x if record.column < 0 else max(life.traits[record.column], 0.0)
    return weight if record.y == 0.0 else weight * math.exp(record.y * mood)


@rule
def set_tag(life, tag, value):  # type: ignore[no-untyped-def]
    """Set or remove a tag.

    Parameters
    ----------
    life : Life
        Written: tags, customer.
    tag : int
        Code of the tag.
    value : int
        1 or 0.
    """
    if life.tags[tag] != value:
        life.tags[tag] = value
        life.customer[0].dirty |= Cause.TAG


@rule
def purchase(world, life, sink, effect):  # type: ignore[no-untyped-def]
    """Draw the value of a purchase and book it, less what the best offer held takes off.

    Parameters
    ----------
    world : World
        Read: effects, factors, knots, setting, moments, offers.
    life : Life
        Read: traits. Written: counts, customer, offers.
    sink : Sink
        Written: outcome, moments, log.
    effect : int
        Index of the PURCHASE record.
    """
    customer = life.customer[0]
    record = world.effects[effect]
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(life.counts[record.slot]))
    life.counts[record.slot] += 1
    value = quantile(world, record.value, u)
    for i in range(record.column, record.column + record.count):
        value *= life.traits[world.factors[i]]
    money_off = redeem(world, life, sink, value) if customer.offers > 0 else 0.0
    book_purchase(world, life, sink, value, record.x, money_off)


@rule
def opt_out(world, life, sink, channel):  # type: ignore[no-untyped-def]
    """End consent for one channel, or for all (-1).

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: reach.
    sink : Sink
        Written: outcome, log.
    channel : int
        Code of the channel, -1 for all.
    """
    for c in range(world.channels.shape[0]):
        if channel < 0 or c == channel:
            write_opt_out(world, life, sink, c, Touch.OPTED_OUT, -1)


@rule
def apply_effects(world, life, sink, first):  # type: ignore[no-untyped-def]
    """Let a list of effects happen, in order.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    first : int
        Index of the first effect, -1 for none.
    """
    at = first
    while at >= 0:
        effect = world.effects[at]
        op = effect.op
        following = effect.next
        if op == Effect.GO:
            enter_stage(world, life, sink, effect.target)
        elif op == Effect.PURCHASE:
            purchase(world, life, sink, at)
        elif op == Effect.SATISFY:
            move_satisfaction(world, life, effect.x)
            refresh_speeds(world, life)
        elif op == Effect.TAG:
            set_tag(life, effect.target, 1)
        elif op == Effect.UNTAG:
            set_tag(life, effect.target, 0)
        elif op == Effect.SCORE:
            change_score(world, life, effect.target, effect.x)
        elif op == Effect.OPT_OUT:
            opt_out(world, life, sink, effect.target)
        elif op == Effect.FIRE:
            enqueue(life, effect.target)
        elif op == Effect.OFFER:
            grant_offer(world, life, sink, effect.target)
        elif op == Effect.ASK:
            ask(world, life, sink, effect.target, effect.x, -1, -1)
        elif op == Effect.REFER:
            refer(world, life, sink, at)
        elif op == Effect.CHOOSE:
            following = choose_branch(world, life, at)
        at = following
