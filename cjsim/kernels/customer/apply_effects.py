"""Customers react: what effects do to them.

Lives here: effects, entering a stage. Does not live here: offers (offers.py), invitations (referrals.py), messages (answer.py), what the
firm decides (decision.py), the order in which things happen (course.py).
"""

import math

import numpy as np

from cjsim.kernel import rule
from cjsim.kernels.accounting import account_for_stage, book_purchase, record_opt_out
from cjsim.kernels.clocks import start_clock, stop_clock, update_clock_speeds
from cjsim.kernels.codes import ChangeFlag, EffectCode, TouchCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.decay import change_satisfaction, satisfaction_now
from cjsim.kernels.customer.offers import grant_offer, redeem
from cjsim.kernels.customer.referrals import refer
from cjsim.kernels.desks.requests import make_request
from cjsim.kernels.policy.triggers import change_score
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.queue import STAGE_ENTRY, enqueue
from cjsim.kernels.rng import uniform


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
    account_for_stage(world, life, sink, customer.now - TOLERANCE)
    old = world.stages[customer.stage]
    for i in range(old.first, old.first + old.count):
        stop_clock(world, life, world.stage_events[i])
    customer.stage = stage
    customer.stage_since = customer.now
    customer.dirty |= ChangeFlag.STAGE
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
        life.customer[0].dirty |= ChangeFlag.TAG


@rule
def make_purchase(world, life, sink, effect):  # type: ignore[no-untyped-def]
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
            record_opt_out(world, life, sink, c, TouchCode.OPTED_OUT, -1)


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
        if op == EffectCode.GO:
            enter_stage(world, life, sink, effect.target)
        elif op == EffectCode.PURCHASE:
            make_purchase(world, life, sink, at)
        elif op == EffectCode.SATISFY:
            change_satisfaction(world, life, effect.x)
            update_clock_speeds(world, life)
        elif op == EffectCode.TAG:
            set_tag(life, effect.target, 1)
        elif op == EffectCode.UNTAG:
            set_tag(life, effect.target, 0)
        elif op == EffectCode.SCORE:
            change_score(world, life, effect.target, effect.x)
        elif op == EffectCode.OPT_OUT:
            opt_out(world, life, sink, effect.target)
        elif op == EffectCode.FIRE:
            enqueue(life, effect.target)
        elif op == EffectCode.OFFER:
            grant_offer(world, life, sink, effect.target)
        elif op == EffectCode.ASK:
            make_request(world, life, sink, effect.target, effect.x, -1, -1)
        elif op == EffectCode.REFER:
            refer(world, life, sink, at)
        elif op == EffectCode.CHOOSE:
            following = choose_branch(world, life, at)
        at = following
