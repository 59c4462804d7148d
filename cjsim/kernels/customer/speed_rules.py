"""How prices, expiring offers and deadlines change the speed of clocks. Speeds are constant between the instants at which a rule changes.

After each event with all its consequences, the rules give the speeds from now on, and the next instant at which one of them changes
without an event. That instant is the last element of `clock_due`.
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.clocks import MAX_SPEED, clock_speed, own_speed, set_clock_speed
from cjsim.kernels.codes import SpeedRuleCode, WhenState
from cjsim.kernels.customer.offers import discount_amount
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World

MIN_PRICE = 0.1  # share of the price without the discount; below it, demand no longer grows
MAX_FACTOR = 1e6


@inlined
def knows_offer(state: CustomerState, offer: int) -> bool:
    """Whether the customer holds an offer, knows of it, and has time left to use it."""
    held = state.offers[offer]
    knows: bool = held.uses_left > 0 and held.known == 1 and state.customer[0].now < held.valid_until
    return knows


@rule
def price_factor(world: World, state: CustomerState, index: int) -> float:
    """(relative price)^(-elasticity): the price after the largest discount that the customer knows of, relative to the reference price."""
    record = world.speed_rules[index]
    purchase = world.effects[record.target]
    value = record.price
    for i in range(purchase.column, purchase.column + purchase.count):
        value *= max(state.traits[world.factors[i]], 0.0)
    largest = 0.0
    if value > 0.0:
        for offer in range(world.offers.shape[0]):
            if knows_offer(state, offer):
                largest = max(largest, discount_amount(world, offer, value) / value)
    relative = record.relative * max(1.0 - largest, MIN_PRICE)
    if relative == 1.0:
        return 1.0
    elasticity = record.x if record.column < 0 else max(state.traits[record.column], 0.0)
    return min(math.pow(relative, -elasticity), MAX_FACTOR)


@inlined
def end_of(state: CustomerState, kind: int, target: int) -> float:
    """The end (days) of an offer that the customer knows of, or the time at which an event is due; inf if there is none."""
    end = math.inf
    if kind == SpeedRuleCode.EVENT_DUE:
        end = state.clock_due[target]
    elif knows_offer(state, target):
        end = state.offers[target].valid_until
    return end


@inlined
def scale_clock(world: World, state: CustomerState, event: int, factor: float) -> None:
    """Set the factor by which speed rules multiply the customer's own speed of a clock.

    Writes: clocks, clock_due.
    """
    clock = state.clocks[event]
    speed = min(own_speed(world, state, event) * factor, MAX_SPEED)
    if speed == clock.factor:
        return
    clock.factor = speed
    if clock.active == 1 and clock.allowed == WhenState.HOLDS:
        set_clock_speed(world, state, event, clock_speed(world, state, event))


@rule
def apply_speed_rules(world: World, state: CustomerState) -> None:
    """Set the speeds of all clocks that have speed rules, and the next instant at which a rule changes without an event.

    Writes: clocks, clock_due.
    """
    now = state.customer[0].now
    change = math.inf
    factor = 1.0
    last = world.speed_rules.shape[0] - 1
    for index in range(last + 1):
        record = world.speed_rules[index]
        if record.kind == SpeedRuleCode.PRICE:
            factor *= price_factor(world, state, index)
        else:
            end = end_of(state, record.kind, record.target)
            if end - record.days > now:
                change = min(change, end - record.days)
            elif end > now:
                factor *= record.x
        if index == last or world.speed_rules[index + 1].event != record.event:
            scale_clock(world, state, record.event, factor)
            factor = 1.0
    for offer in range(world.offers.shape[0]):
        if knows_offer(state, offer):
            change = min(change, state.offers[offer].valid_until)
    state.clock_due[world.events.shape[0]] = change
