"""Condition programs in kernels: postfix over a small stack.

Lives here: the interpreter. Does not live here: the parser (conditions.py), what the codes mean (codes.Op).
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ConditionOp
from cjsim.kernels.customer.decay import pressure_now, satisfaction_now, score_now

TOLERANCE = 1e-9  # numbers that differ by less compare as equal: 10:00 of day 1 is 9.999999999999998 hours after its midnight


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
def channel_or_message_value(life, op, arg):  # type: ignore[no-untyped-def]
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
    if op == ConditionOp.CONSENT:
        return float(life.reach[arg].consent)
    if op == ConditionOp.CHANNEL_CONTACTS:
        return float(life.reach[arg].contacts)
    if op == ConditionOp.CHANNEL_OPENS:
        return float(life.reach[arg].opens)
    if op == ConditionOp.CHANNEL_CLICKS:
        return float(life.reach[arg].clicks)
    if op == ConditionOp.SINCE_CHANNEL:
        return days_since(life.customer[0].now, life.reach[arg].last)
    if op == ConditionOp.SENT:
        return float(life.messages[arg].sent)
    if op == ConditionOp.OPENED:
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
    if op == ConditionOp.HOUR:
        return (now - math.floor(now + TOLERANCE)) * 24.0
    if op == ConditionOp.WEEKDAY:
        day = math.floor(now + TOLERANCE) + world.setting[0].midnight / 24.0
        return day - 7.0 * math.floor(day / 7.0)
    if op == ConditionOp.DAY:
        return now
    if op == ConditionOp.TRAIT:
        return life.traits[arg]
    if op == ConditionOp.PERSONA:
        return 1.0 if customer.persona == arg else 0.0
    if op == ConditionOp.OBSERVED_STAGE:
        return 1.0 if customer.shown == arg else 0.0
    if op == ConditionOp.SATISFACTION:
        return satisfaction_now(world, life)
    return pressure_now(world, life)


@rule
def relationship_value(life, op, arg):  # type: ignore[no-untyped-def]
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
    if op == ConditionOp.HAS_OFFER:
        return 1.0 if is_valid(life, arg) else 0.0
    if op == ConditionOp.REDEEMED:
        return float(life.offers[arg].redeemed)
    if op == ConditionOp.UNOPENED:
        return float(customer.unopened)
    if op == ConditionOp.CHANNEL_UNOPENED:
        return float(life.reach[arg].unopened)
    if op == ConditionOp.ASKS:
        return float(life.asks[arg])
    if op == ConditionOp.HELD_OUT:
        return float(customer.held_out)
    if op == ConditionOp.REFERRALS:
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
    return held.left > 0 and life.customer[0].now < held.until + TOLERANCE


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
    if op == ConditionOp.STAGE:
        return 1.0 if customer.stage == arg else 0.0
    if op == ConditionOp.COUNT:
        return float(life.clocks[arg].count)
    if op == ConditionOp.TAGGED:
        return float(life.tags[arg])
    if op == ConditionOp.PURCHASES:
        return float(customer.purchases)
    if op == ConditionOp.SINCE:
        return days_since(now, life.clocks[arg].last)
    if op == ConditionOp.SINCE_PURCHASE:
        return days_since(now, customer.last_purchase)
    if op == ConditionOp.SINCE_CONTACT:
        return days_since(now, customer.last_contact)
    if op == ConditionOp.SINCE_ENTRY:
        return days_since(now, customer.entered)
    if op == ConditionOp.DAYS_IN_STAGE:
        return days_since(now, customer.shown_since)
    if op == ConditionOp.ATTRIBUTE:
        return life.attributes[arg]
    if op == ConditionOp.SCORE:
        return score_now(world, life, arg)
    if op == ConditionOp.VISITED:
        return float(life.visits[arg])
    if op == ConditionOp.REVENUE:
        return customer.revenue
    if op == ConditionOp.CONTACTS:
        return float(customer.contacts)
    if op == ConditionOp.OPENS:
        return float(customer.opens)
    if op == ConditionOp.CLICKS:
        return float(customer.clicks)
    if op < ConditionOp.HOUR:
        return channel_or_message_value(life, op, arg)
    if op < ConditionOp.HAS_OFFER:
        return time_or_latent_value(world, life, op, arg)
    return relationship_value(life, op, arg)


@inlined
def compare_values(op, left, right):  # type: ignore[no-untyped-def]
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
    same = left == right or abs(left - right) < TOLERANCE
    if op == ConditionOp.GE:
        return left > right or same
    if op == ConditionOp.GT:
        return left > right and not same
    if op == ConditionOp.LE:
        return left < right or same
    if op == ConditionOp.LT:
        return left < right and not same
    return same == (op == ConditionOp.EQ)


@inlined
def apply_binary(op, left, right):  # type: ignore[no-untyped-def]
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
    if op == ConditionOp.AND:
        return 1.0 if left != 0.0 and right != 0.0 else 0.0
    if op == ConditionOp.OR:
        return 1.0 if left != 0.0 or right != 0.0 else 0.0
    if op >= ConditionOp.EQ and op <= ConditionOp.GE:
        return 1.0 if compare_values(op, left, right) else 0.0
    left, right = float(left), float(right)  # with the JIT off: numpy's numbers warn of inf - inf, Python's do not
    if op == ConditionOp.ADD:
        return left + right
    if op == ConditionOp.SUBTRACT:
        return left - right
    if op == ConditionOp.MULTIPLY:
        return left * right
    return left / right if right != 0.0 else 0.0


@rule
def evaluate_condition(world, life, program):  # type: ignore[no-untyped-def]
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
        if op == ConditionOp.END:
            return life.stack[0]
        if op == ConditionOp.CONST:
            top += 1
            life.stack[top] = code.x
        elif op < ConditionOp.NOT:
            top += 1
            life.stack[top] = name_value(world, life, op, code.arg)
        elif op == ConditionOp.NOT:
            life.stack[top] = 1.0 if life.stack[top] == 0.0 else 0.0
        elif op == ConditionOp.NEGATE:
            life.stack[top] = -life.stack[top]
        else:
            top -= 1
            life.stack[top] = apply_binary(op, life.stack[top], life.stack[top + 1])


@inlined
def condition_holds(world, life, program):  # type: ignore[no-untyped-def]
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
    value = evaluate_condition(world, life, program)
    return value < 0.0 or value > 0.0
