"""The outcome of a customer's trajectory: money, opt-outs, moments, dwell times and retention."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import RETENTION_DAYS, UNOBSERVED, VALUE_YEAR, BaseFlag, ChangeFlag, TouchCode
from cjsim.kernels.log_rows import log_touch, write_log_row
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World


@inlined
def present_value(world: World, state: CustomerState, money: float) -> float:
    """Money now, discounted to the customer's entry, or to day 0 if later: money (1 + r)^(-t/365), where t is the number of days since.

    Whole days come from a table, the rest from a Taylor series in x = days log(1 + r)/365. The relative error is below x^4/24,
    which is 2e-16 at 10 % a year.
    """
    customer = state.customer[0]
    days: float = customer.now - customer.valued_from
    whole = int(days)
    x: float = world.setting[0].discount * (days - whole)
    factor: float = world.discounts[whole]
    return money * factor * (1.0 - x * (1.0 - x * (0.5 - x / 6.0)))


@inlined
def book_value(world: World, state: CustomerState, out: Output, money: float) -> None:
    """Add money to the customer's CLV, discounted to entry.

    Writes: outcome.clv, outcome.clv_365d.
    """
    customer = state.customer[0]
    outcome = out.outcome[customer.row]
    value = present_value(world, state, money)
    outcome.clv += value
    if customer.now < customer.valued_from + VALUE_YEAR:
        outcome.clv_365d += value


@inlined
def book_cost(world: World, state: CustomerState, out: Output, cost: float) -> None:
    """Book a cost (money).

    Writes: outcome.cost, outcome.clv, outcome.clv_365d.
    """
    if cost != 0.0:
        outcome = out.outcome[state.customer[0].row]
        outcome.cost += cost
        book_value(world, state, out, -cost)


@inlined
def book_message_cost(world: World, state: CustomerState, out: Output, cost: float) -> None:
    """Book the cost (money) of a delivery, an open or a click.

    Writes: outcome.cost, outcome.message_cost, outcome.clv.
    """
    if cost != 0.0:
        out.outcome[state.customer[0].row].message_cost += cost
        book_cost(world, state, out, cost)


@rule
def book_purchase(world: World, state: CustomerState, out: Output, value: float, margin: float, discount: float) -> None:
    """Book a purchase. A discount reduces revenue and margin by the same amount.

    `value` is the amount before the discount, `margin` the share of it that is profit, `discount` an amount no larger than `value`.
    Writes: customer, outcome, moments.
    """
    customer = state.customer[0]
    outcome = out.outcome[customer.row]
    paid = value - discount
    profit = value * margin - discount
    customer.purchases += 1
    customer.changes |= ChangeFlag.PURCHASE.value
    customer.revenue += paid
    customer.spent += paid
    customer.last_purchase = customer.now
    outcome.purchases += 1
    outcome.revenue += paid
    outcome.margin += profit
    book_value(world, state, out, profit)
    outcome.last_purchase = customer.now
    if customer.purchases == 1:
        outcome.first_purchase = customer.now
    record_moments(world, state, out, -1, customer.purchases)


@rule
def record_moments(world: World, state: CustomerState, out: Output, event: int, count: int) -> None:
    """Record the moments defined as the `count`-th occurrence of an event (-1: a purchase).

    Writes: moments.
    """
    for i in range(world.moments.shape[0]):
        if world.moments[i].event == event and world.moments[i].nth == count:
            out.moments[state.customer[0].row, i] = state.customer[0].now


@rule
def account_for_stage(world: World, state: CustomerState, out: Output, before: float) -> None:
    """Account for the stay in a stage that ends now: its dwell time and the retention days within it.

    Retention days up to `before` (days) belong to the stage. On a change of stage, `before` is slightly before now, so a retention day at
    this instant belongs to the next stage. Writes: dwell, outcome.retained, outcome.base_retained, customer.next_retention_day,
    customer.next_base_day.
    """
    customer = state.customer[0]
    out.dwell[customer.row, customer.stage] += np.float32(customer.now - customer.stage_since)
    converted = out.moments[customer.row, 0]
    if converted <= customer.now:
        retained = world.stages[customer.stage].retained
        while customer.next_retention_day < len(RETENTION_DAYS) and converted + RETENTION_DAYS[customer.next_retention_day] <= before:
            out.outcome[customer.row].retained[customer.next_retention_day] = retained
            customer.next_retention_day += 1
    outcome = out.outcome[customer.row]
    if outcome.base_flags & BaseFlag.RETAINED.value != 0:
        while customer.next_base_day < len(RETENTION_DAYS) and RETENTION_DAYS[customer.next_base_day] <= before:
            outcome.base_retained[customer.next_base_day] = world.stages[customer.stage].retained
            customer.next_base_day += 1


@rule
def initialize_outcome(state: CustomerState, out: Output) -> None:
    """Initialize a customer's rows in `out`.

    Writes: outcome, moments, dwell, touch_counts, desks.
    """
    customer = state.customer[0]
    row = customer.row
    outcome = out.outcome[row]
    outcome.entered = customer.entered
    outcome.revenue = 0.0
    outcome.margin = 0.0
    outcome.cost = 0.0
    outcome.message_cost = 0.0
    outcome.discounts = 0.0
    outcome.clv = 0.0
    outcome.clv_365d = 0.0
    outcome.first_purchase = math.nan
    outcome.last_purchase = math.nan
    outcome.satisfaction = 0.0
    outcome.pressure = 0.0
    outcome.purchases = 0
    outcome.contacts = 0
    outcome.opens = 0
    outcome.clicks = 0
    outcome.unsubscribes = 0
    outcome.complaints = 0
    outcome.opt_outs = 0
    outcome.flows = 0
    outcome.redemptions = 0
    outcome.collisions = 0
    outcome.referrals = 0
    outcome.events = 0
    outcome.persona = customer.persona
    outcome.interest = customer.interest
    outcome.held_out = customer.held_out
    outcome.stage = customer.stage
    for i in range(len(RETENTION_DAYS)):
        outcome.retained[i] = UNOBSERVED
        outcome.base_retained[i] = UNOBSERVED
    outcome.base_flags = 0
    for i in range(out.moments.shape[1]):
        out.moments[row, i] = math.nan
    for i in range(out.dwell.shape[1]):
        out.dwell[row, i] = 0.0
    for i in range(out.touch_counts.shape[1]):
        for j in range(out.touch_counts.shape[2]):
            out.touch_counts[row, i, j] = 0
    for i in range(out.desks.shape[1]):
        desk_outcome = out.desks[row, i]
        desk_outcome.asks = 0
        desk_outcome.joined = 0
        for j in range(3):
            desk_outcome.replies[j] = 0
        desk_outcome.out_of_hours = 0
        desk_outcome.outside_closed = 0
        desk_outcome.outside_abandoned = 0
        desk_outcome.waited = 0.0
        desk_outcome.service = 0.0


@rule
def record_opt_out(world: World, state: CustomerState, out: Output, channel: int, touch: int, site: int) -> None:
    """End consent for a channel, if the customer consents, and log the reason.

    `touch` is UNSUBSCRIBED, COMPLAINED or OPTED_OUT; `site` is the site of the message that caused it, -1 for an effect.
    Writes: channels, customer.changes, customer.opt_outs, outcome, the log.
    """
    if state.channels[channel].consent == 0:
        return
    state.channels[channel].consent = 0
    state.customer[0].changes |= ChangeFlag.CONSENT.value
    state.customer[0].opt_outs += 1
    outcome = out.outcome[state.customer[0].row]
    outcome.opt_outs += 1
    if touch == TouchCode.OPTED_OUT:
        write_log_row(state, out, touch, channel, -1, -1, 0.0)
    else:
        if touch == TouchCode.UNSUBSCRIBED:
            outcome.unsubscribes += 1
        else:
            outcome.complaints += 1
        log_touch(world, state, out, touch, site)
