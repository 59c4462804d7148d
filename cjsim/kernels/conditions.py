"""The interpreter of condition programs: postfix code over a small stack of float64."""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ConditionOp
from cjsim.kernels.customer.decay import pressure_now, satisfaction_now, score_now
from cjsim.kernels.local_time import local_time
from cjsim.kernels.policy.rule_scores import rule_score, rule_treats
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World

TOLERANCE = 1e-9  # numbers that differ by less are equal: 10:00 on day 1 is computed as 9.999999999999998 hours after midnight


@inlined
def days_since(now: float, then: float) -> float:
    """Days from `then` to `now`; inf if `then` is -inf (never)."""
    return now - then


@rule
def channel_or_message_value(state: CustomerState, op: int, arg: int) -> float:
    """The value of a name that refers to a channel or a message (CONSENT to CLICKED): a count, days, or 1 or 0."""
    if op == ConditionOp.CONSENT:
        return float(state.channels[arg].consent)
    if op == ConditionOp.CHANNEL_CONTACTS:
        return float(state.channels[arg].contacts)
    if op == ConditionOp.CHANNEL_OPENS:
        return float(state.channels[arg].opens)
    if op == ConditionOp.CHANNEL_CLICKS:
        return float(state.channels[arg].clicks)
    if op == ConditionOp.SINCE_CHANNEL:
        return days_since(state.customer[0].now, state.channels[arg].last_contact)
    if op == ConditionOp.SENT:
        return float(state.messages[arg].sent)
    if op == ConditionOp.OPENED:
        return float(state.messages[arg].opened)
    return float(state.messages[arg].clicked)


@rule
def time_or_latent_value(world: World, state: CustomerState, op: int, arg: int) -> float:
    """The value of a name that refers to the time or, in a journey, to a latent variable (HOUR to OBSERVED_STAGE).

    Hours, a weekday, days, a trait, a share, or 1 or 0.
    """
    customer = state.customer[0]
    now: float = customer.now
    if op == ConditionOp.HOUR:
        local = local_time(world, customer.zone, now)
        return (local - math.floor(local + TOLERANCE)) * 24.0
    if op == ConditionOp.WEEKDAY:
        midnight: float = world.setting[0].midnight
        day = math.floor(local_time(world, customer.zone, now) + TOLERANCE) + midnight / 24.0
        return day - 7.0 * math.floor(day / 7.0)
    if op == ConditionOp.DAY:
        return now
    if op == ConditionOp.TRAIT:
        trait: float = state.traits[arg]
        return trait
    if op == ConditionOp.PERSONA:
        return 1.0 if customer.persona == arg else 0.0
    if op == ConditionOp.OBSERVED_STAGE:
        return 1.0 if customer.observed_stage == arg else 0.0
    if op == ConditionOp.SATISFACTION:
        return satisfaction_now(world, state)
    return pressure_now(world, state)


@rule
def relationship_value(state: CustomerState, op: int, arg: int) -> float:
    """The value of a name that refers to offers, requests, referrals, the holdout or interests (HAS_OFFER to INTEREST).

    A count, or 1 or 0.
    """
    customer = state.customer[0]
    if op == ConditionOp.HAS_OFFER:
        return 1.0 if is_offer_valid(state, arg) else 0.0
    if op == ConditionOp.REDEEMED:
        return float(state.offers[arg].redeemed)
    if op == ConditionOp.UNOPENED:
        return float(customer.unopened)
    if op == ConditionOp.CHANNEL_UNOPENED:
        return float(state.channels[arg].unopened)
    if op == ConditionOp.ASKS:
        return float(state.requests[arg])
    if op == ConditionOp.HELD_OUT:
        return float(customer.held_out)
    if op == ConditionOp.REFERRALS:
        return float(customer.referrals)
    return 1.0 if customer.interest == arg else 0.0


@inlined
def is_offer_valid(state: CustomerState, offer: int) -> bool:
    """Whether the customer holds an offer that has uses left and has not expired. It is still valid at the expiry time."""
    held = state.offers[offer]
    is_valid: bool = held.uses_left > 0 and state.customer[0].now < held.valid_until + TOLERANCE
    return is_valid


@rule
def true_response_value(state: CustomerState, op: int, arg: int) -> float:
    """The value of a name that refers to the customer's own opens and clicks (TRUE_OPENS to TRUE_CLICKED): a count."""
    customer = state.customer[0]
    if op == ConditionOp.TRUE_OPENS:
        return float(customer.true_opens)
    if op == ConditionOp.TRUE_CLICKS:
        return float(customer.true_clicks)
    if op == ConditionOp.TRUE_UNOPENED:
        return float(customer.true_unopened)
    if op == ConditionOp.TRUE_CHANNEL_OPENS:
        return float(state.channels[arg].true_opens)
    if op == ConditionOp.TRUE_CHANNEL_CLICKS:
        return float(state.channels[arg].true_clicks)
    if op == ConditionOp.TRUE_CHANNEL_UNOPENED:
        return float(state.channels[arg].true_unopened)
    if op == ConditionOp.TRUE_OPENED:
        return float(state.messages[arg].true_opened)
    return float(state.messages[arg].true_clicked)


@rule
def name_value(world: World, state: CustomerState, op: int, arg: int) -> float:
    """The current value of a name of the condition language for this customer: a count, days, money, or 1 or 0.

    `op` is a `ConditionOp` below NOT, other than CONST. `arg` is the code of the named item, such as a channel.
    """
    customer = state.customer[0]
    now = customer.now
    if op == ConditionOp.STAGE:
        return 1.0 if customer.stage == arg else 0.0
    if op == ConditionOp.COUNT:
        return float(state.clocks[arg].count)
    if op == ConditionOp.TAGGED:
        return float(state.tags[arg])
    if op == ConditionOp.PURCHASES:
        return float(customer.purchases)
    if op == ConditionOp.SINCE:
        return days_since(now, state.clocks[arg].last)
    if op == ConditionOp.SINCE_PURCHASE:
        return days_since(now, customer.last_purchase)
    if op == ConditionOp.SINCE_CONTACT:
        return days_since(now, customer.last_contact)
    if op == ConditionOp.SINCE_ENTRY:
        return days_since(now, customer.entered)
    if op == ConditionOp.DAYS_IN_STAGE:
        return days_since(now, customer.observed_since)
    if op == ConditionOp.ATTRIBUTE:
        level: float = state.attributes[arg]
        return level
    if op == ConditionOp.SCORE:
        return score_now(world, state, arg)
    if op == ConditionOp.VISITED:
        return float(state.visits[arg])
    if op == ConditionOp.REVENUE:
        revenue: float = customer.revenue
        return revenue
    if op == ConditionOp.CONTACTS:
        return float(customer.contacts)
    if op == ConditionOp.OPENS:
        return float(customer.opens)
    if op == ConditionOp.CLICKS:
        return float(customer.clicks)
    if op < ConditionOp.HOUR:
        return channel_or_message_value(state, op, arg)
    if op < ConditionOp.HAS_OFFER:
        return time_or_latent_value(world, state, op, arg)
    if op == ConditionOp.RULE:
        return 1.0 if rule_treats(world, state, arg) else 0.0
    if op == ConditionOp.GAIN:
        return rule_score(world, state, arg)
    if op >= ConditionOp.TRUE_OPENS:
        return true_response_value(state, op, arg)
    return relationship_value(state, op, arg)


@inlined
def compare_values(op: int, left: float, right: float) -> bool:
    """Whether a comparison (EQ to GE) holds. Operands that differ by less than TOLERANCE are equal. For nan, only NE holds."""
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
def apply_binary(op: int, left: float, right: float) -> float:
    """The value of a binary operation (AND and later codes): 1 or 0 for comparisons. Division by 0 gives 0."""
    if op == ConditionOp.AND:
        return 1.0 if left != 0.0 and right != 0.0 else 0.0
    if op == ConditionOp.OR:
        return 1.0 if left != 0.0 or right != 0.0 else 0.0
    if op >= ConditionOp.EQ and op <= ConditionOp.GE:
        return 1.0 if compare_values(op, left, right) else 0.0
    left, right = float(left), float(right)  # without the JIT, NumPy scalars warn about inf - inf, and Python floats do not
    if op == ConditionOp.ADD:
        return left + right
    if op == ConditionOp.SUBTRACT:
        return left - right
    if op == ConditionOp.MULTIPLY:
        return left * right
    return left / right if right != 0.0 else 0.0


@rule
def evaluate_condition(world: World, state: CustomerState, program: int) -> float:
    """The current value of the condition whose code starts at `program`, for this customer; 0 means false.

    Writes: stack.
    """
    top = -1
    position = program
    while True:
        code = world.codes[position]
        position += 1
        op = code.op
        if op == ConditionOp.END:
            value: float = state.stack[0]
            return value
        if op == ConditionOp.CONST:
            top += 1
            state.stack[top] = code.x
        elif op < ConditionOp.NOT:
            top += 1
            state.stack[top] = name_value(world, state, op, code.arg)
        elif op == ConditionOp.NOT:
            state.stack[top] = 1.0 if state.stack[top] == 0.0 else 0.0
        elif op == ConditionOp.NEGATE:
            state.stack[top] = -state.stack[top]
        else:
            top -= 1
            state.stack[top] = apply_binary(op, state.stack[top], state.stack[top + 1])


@inlined
def condition_holds(world: World, state: CustomerState, program: int) -> bool:
    """Whether a condition holds. No condition (-1) always holds, and nan never does.

    Writes: stack.
    """
    if program < 0:
        return True
    value = evaluate_condition(world, state, program)
    return value < 0.0 or value > 0.0
