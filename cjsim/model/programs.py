"""Condition programs in kernels: postfix over a small stack.

Lives here: the interpreter. Does not live here: the parser (conditions.py), what the codes mean (codes.Op).
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.model.codes import Op
from cjsim.model.mood import pressure_now, satisfaction_now, score_now

SLACK = 1e-9  # numbers that differ by less compare as equal: 10:00 of day 1 is 9.999999999999998 hours after its midnight


@inlined
def days_since(now, then):  # type: ignore[no-untyped-def]
    """Days from `then` to `now`, infinite if `then` is -inf (never).

    Parameters
    ----------
    now, then : float64
        Days.

    Returns
    -------
    float64
        Days.
    """
    return now - then


@rule
def touch_value(life, op, arg):  # type: ignore[no-untyped-def]
    """What a name that is about a channel or a message stands for.

    Parameters
    ----------
    life : Life
        Read: reach, messages, customer.
    op, arg : int
        As in `name_value`, from CONSENT to CLICKED.

    Returns
    -------
    float64
        A count, days, or 1 and 0.
    """
    if op == Op.CONSENT:
        return float(life.reach[arg].consent)
    if op == Op.CHANNEL_CONTACTS:
        return float(life.reach[arg].contacts)
    if op == Op.CHANNEL_OPENS:
        return float(life.reach[arg].opens)
    if op == Op.CHANNEL_CLICKS:
        return float(life.reach[arg].clicks)
    if op == Op.SINCE_CHANNEL:
        return days_since(life.customer[0].now, life.reach[arg].last)
    if op == Op.SENT:
        return float(life.messages[arg].sent)
    if op == Op.OPENED:
        return float(life.messages[arg].opened)
    return float(life.messages[arg].clicked)


@rule
def time_or_latent_value(world, life, op, arg):  # type: ignore[no-untyped-def]
    """What a name that is about the time, or (in a journey) about what nobody sees, stands for.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Read: customer, traits.
    op, arg : int
        As in `name_value`, from HOUR to SHOWN.

    Returns
    -------
    float64
        Hours, a weekday, days, a trait, a share, or 1 and 0.
    """
    customer = life.customer[0]
    now = customer.now
    if op == Op.HOUR:
        return (now - math.floor(now + SLACK)) * 24.0
    if op == Op.WEEKDAY:
        day = math.floor(now + SLACK) + world.setting[0].midnight / 24.0
        return day - 7.0 * math.floor(day / 7.0)
    if op == Op.DAY:
        return now
    if op == Op.TRAIT:
        return life.traits[arg]
    if op == Op.PERSONA:
        return 1.0 if customer.persona == arg else 0.0
    if op == Op.SHOWN:
        return 1.0 if customer.shown == arg else 0.0
    if op == Op.SATISFACTION:
        return satisfaction_now(world, life)
    return pressure_now(world, life)


@rule
def standing_value(life, op, arg):  # type: ignore[no-untyped-def]
    """What a name that is about how customer and firm stand with each other stands for: offers, requests, friends, the holdout.

    Parameters
    ----------
    life : Life
        Read: customer, offers, reach, asks.
    op, arg : int
        As in `name_value`, from HAS_OFFER to INTEREST.

    Returns
    -------
    float64
        A count, or 1 and 0.
    """
    customer = life.customer[0]
    if op == Op.HAS_OFFER:
        return 1.0 if is_valid(life, arg) else 0.0
    if op == Op.REDEEMED:
        return float(life.offers[arg].redeemed)
    if op == Op.UNOPENED:
        return float(customer.unopened)
    if op == Op.CHANNEL_UNOPENED:
        return float(life.reach[arg].unopened)
    if op == Op.ASKS:
        return float(life.asks[arg])
    if op == Op.HELD_OUT:
        return float(customer.held_out)
    if op == Op.REFERRALS:
        return float(customer.referrals)
    return 1.0 if customer.interest == arg else 0.0


@inlined
def is_valid(life, offer):  # type: ignore[no-untyped-def]
    """Whether the customer holds an offer that has not run out.

    Parameters
    ----------
    life : Life
        Read: customer, offers.
    offer : int
        Code of the offer.

    Returns
    -------
    bool
        Whether it has uses left and its days are not over; on its last instant it is valid.
    """
    held = life.offers[offer]
    return held.left > 0 and life.customer[0].now < held.until + SLACK


@rule
def name_value(world, life, op, arg):  # type: ignore[no-untyped-def]
    """What a name of the condition language stands for, for this customer, now.

    Parameters
    ----------
    world : World
        Read: scores, setting.
    life : Life
        Read.
    op : int
        A code of `Op` below NOT, other than CONST.
    arg : int
        Code of the thing that is asked about.

    Returns
    -------
    float64
        A count, days, money, or 1 and 0.
    """
    customer = life.customer[0]
    now = customer.now
    if op == Op.STAGE:
        return 1.0 if customer.stage == arg else 0.0
    if op == Op.COUNT:
        return float(life.clocks[arg].count)
    if op == Op.TAGGED:
        return float(life.tags[arg])
    if op == Op.PURCHASES:
        return float(customer.purchases)
    if op == Op.SINCE:
        return days_since(now, life.clocks[arg].last)
    if op == Op.SINCE_PURCHASE:
        return days_since(now, customer.last_purchase)
    if op == Op.SINCE_CONTACT:
        return days_since(now, customer.last_contact)
    if op == Op.SINCE_ENTRY:
        return days_since(now, customer.entered)
    if op == Op.DAYS_IN_STAGE:
        return days_since(now, customer.shown_since)
    if op == Op.ATTRIBUTE:
        return life.attributes[arg]
    if op == Op.SCORE:
        return score_now(world, life, arg)
    if op == Op.VISITED:
        return float(life.visits[arg])
    if op == Op.REVENUE:
        return customer.revenue
    if op == Op.CONTACTS:
        return float(customer.contacts)
    if op == Op.OPENS:
        return float(customer.opens)
    if op == Op.CLICKS:
        return float(customer.clicks)
    if op < Op.HOUR:
        return touch_value(life, op, arg)
    if op < Op.HAS_OFFER:
        return time_or_latent_value(world, life, op, arg)
    return standing_value(life, op, arg)


@inlined
def compared(op, left, right):  # type: ignore[no-untyped-def]
    """Whether a comparison holds.

    Parameters
    ----------
    op : int
        A code of `Op` from EQ to GE.
    left, right : float64
        Its operands; what differs by less than SLACK is equal.

    Returns
    -------
    bool
        Whether it holds; of a nan, only NE does.
    """
    same = left == right or abs(left - right) < SLACK
    if op == Op.GE:
        return left > right or same
    if op == Op.GT:
        return left > right and not same
    if op == Op.LE:
        return left < right or same
    if op == Op.LT:
        return left < right and not same
    return same == (op == Op.EQ)


@inlined
def combined(op, left, right):  # type: ignore[no-untyped-def]
    """The value of a binary operation.

    Parameters
    ----------
    op : int
        A code of `Op` from AND on.
    left, right : float64
        Its operands.

    Returns
    -------
    float64
        Its value; 1 or 0 for comparisons; a division by 0 gives 0.
    """
    if op == Op.AND:
        return 1.0 if left != 0.0 and right != 0.0 else 0.0
    if op == Op.OR:
        return 1.0 if left != 0.0 or right != 0.0 else 0.0
    if op >= Op.EQ and op <= Op.GE:
        return 1.0 if compared(op, left, right) else 0.0
    if op == Op.ADD:
        return left + right
    if op == Op.SUBTRACT:
        return left - right
    if op == Op.MULTIPLY:
        return left * right
    return left / right if right != 0.0 else 0.0


@rule
def evaluate(world, life, program):  # type: ignore[no-untyped-def]
    """The value of a condition for this customer, now.

    Parameters
    ----------
    world : World
        Read: codes, scores, setting.
    life : Life
        Read; `stack` is scratch.
    program : int
        First record in `world.codes`.

    Returns
    -------
    float64
        0 means no.
    """
    top = -1
    at = program
    while True:
        code = world.codes[at]
        at += 1
        op = code.op
        if op == Op.END:
            return life.stack[0]
        if op == Op.CONST:
            top += 1
            life.stack[top] = code.x
        elif op < Op.NOT:
            top += 1
            life.stack[top] = name_value(world, life, op, code.arg)
        elif op == Op.NOT:
            life.stack[top] = 1.0 if life.stack[top] == 0.0 else 0.0
        elif op == Op.NEGATE:
            life.stack[top] = -life.stack[top]
        else:
            top -= 1
            life.stack[top] = combined(op, life.stack[top], life.stack[top + 1])


@inlined
def holds(world, life, program):  # type: ignore[no-untyped-def]
    """Whether a condition holds; no condition (-1) holds, and what is not a number does not.

    Parameters
    ----------
    world : World
        Read: codes, scores, setting.
    life : Life
        Read; `stack` is scratch.
    program : int
        First record in `world.codes`, or -1.

    Returns
    -------
    bool
        Whether it holds.
    """
    if program < 0:
        return True
    value = evaluate(world, life, program)
    return value < 0.0 or value > 0.0
