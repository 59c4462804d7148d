"""What is written down of a life: log rows, money, touches, moments, retention.

Lives here: everything that writes to the `Sink`. Does not live here: why it happened (behavior.py, decision.py).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import RETENTION_DAYS, UNOBSERVED, ChangeFlag, TouchCode
from cjsim.kernels.log_rows import log_touch, write_log_row


@inlined
def present_value(world, life, money):  # type: ignore[no-untyped-def]
    """Money of now, discounted to the customer's entry: money (1 + r)^(-t/365), t days since entry.

    Whole days by table, the rest by Taylor's series: relative error below (delta^4)/24, 2e-16 at 10 % a year.

    Parameters
    ----------
    world : World
        Read: setting, discounts.
    life : Life
        Read: customer.
    money : float64
        Now.

    Returns
    -------
    float64
        Its value at entry.
    """
    customer = life.customer[0]
    days = customer.now - customer.entered
    whole = int(days)
    x = world.setting[0].discount * (days - whole)
    return money * world.discounts[whole] * (1.0 - x * (1.0 - x * (0.5 - x / 6.0)))


@inlined
def book_cost(world, life, sink, cost):  # type: ignore[no-untyped-def]
    """Book a cost.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Read: customer.
    sink : Sink
        Written: outcome.
    cost : float64
        Money.
    """
    if cost != 0.0:
        outcome = sink.outcome[life.customer[0].row]
        outcome.cost += cost
        outcome.clv -= present_value(world, life, cost)


@rule
def book_purchase(world, life, sink, value, margin, money_off):  # type: ignore[no-untyped-def]
    """Book a purchase; what an offer takes off leaves revenue and margin alike.

    Parameters
    ----------
    world : World
        Read: setting, moments.
    life : Life
        Written: customer.
    sink : Sink
        Written: outcome, moments.
    value, margin, money_off : float64
        Money before the offer; share of it that is left; money, at most the value.
    """
    customer = life.customer[0]
    outcome = sink.outcome[customer.row]
    paid = value - money_off
    left = value * margin - money_off
    customer.purchases += 1
    customer.dirty |= ChangeFlag.PURCHASE
    customer.revenue += paid
    customer.spent += paid
    customer.last_purchase = customer.now
    outcome.purchases += 1
    outcome.revenue += paid
    outcome.margin += left
    outcome.clv += present_value(world, life, left)
    outcome.last_purchase = customer.now
    if customer.purchases == 1:
        outcome.first_purchase = customer.now
    record_moments(world, life, sink, -1, customer.purchases)


@rule
def record_moments(world, life, sink, event, count):  # type: ignore[no-untyped-def]
    """Note the moments that the n-th happening of an event is.

    Parameters
    ----------
    world : World
        Read: moments.
    life : Life
        Read: customer.
    sink : Sink
        Written: moments.
    event : int
        Code of the event, -1 for a purchase.
    count : int
        n.
    """
    for i in range(world.moments.shape[0]):
        if world.moments[i].event == event and world.moments[i].nth == count:
            sink.moments[life.customer[0].row, i] = life.customer[0].now


@rule
def account_for_stage(world, life, sink, before):  # type: ignore[no-untyped-def]
    """Account for the time in the stage that ends now: dwell, and the retention marks that fell in it.

    Parameters
    ----------
    world : World
        Read: stages.
    life : Life
        Written: customer.
    sink : Sink
        Read: moments. Written: outcome, dwell.
    before : float64
        Days: marks up to here fell in the stage. On a change of stage a hair before now, so that on day t itself the stage after counts.
    """
    customer = life.customer[0]
    sink.dwell[customer.row, customer.stage] += np.float32(customer.now - customer.stage_since)
    converted = sink.moments[customer.row, 0]
    if converted <= customer.now:
        retained = world.stages[customer.stage].retained
        while customer.mark < len(RETENTION_DAYS) and converted + RETENTION_DAYS[customer.mark] <= before:
            sink.outcome[customer.row].retained[customer.mark] = retained
            customer.mark += 1


@rule
def initialize_outcome(life, sink):  # type: ignore[no-untyped-def]
    """Begin a customer's rows in the sink.

    Parameters
    ----------
    life : Life
        Read: customer.
    sink : Sink
        Written: outcome, moments, dwell, reach.
    """
    customer = life.customer[0]
    row = customer.row
    outcome = sink.outcome[row]
    outcome.entered = customer.entered
    outcome.revenue = 0.0
    outcome.margin = 0.0
    outcome.cost = 0.0
    outcome.discounts = 0.0
    outcome.clv = 0.0
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
    for i in range(sink.moments.shape[1]):
        sink.moments[row, i] = math.nan
    for i in range(sink.dwell.shape[1]):
        sink.dwell[row, i] = 0.0
    for i in range(sink.reach.shape[1]):
        for j in range(sink.reach.shape[2]):
            sink.reach[row, i, j] = 0
    for i in range(sink.desks.shape[1]):
        served = sink.desks[row, i]
        served.asks = 0
        served.joined = 0
        for j in range(3):
            served.replies[j] = 0
        served.waited = 0.0
        served.service = 0.0


@rule
def record_opt_out(world, life, sink, channel, touch, site):  # type: ignore[no-untyped-def]
    """End consent for a channel, if there is any, and write down how.

    Parameters
    ----------
    world : World
        Read: sites, messages, actors.
    life : Life
        Written: reach.
    sink : Sink
        Written.
    channel : int
        Code of the channel.
    touch : int
        UNSUBSCRIBED, COMPLAINED or OPTED_OUT.
    site : int
        Whose message led to it; -1 for an effect.
    """
    if life.reach[channel].consent == 0:
        return
    life.reach[channel].consent = 0
    life.customer[0].dirty |= ChangeFlag.CONSENT
    outcome = sink.outcome[life.customer[0].row]
    outcome.opt_outs += 1
    if touch == TouchCode.OPTED_OUT:
        write_log_row(life, sink, touch, channel, -1, -1, 0.0)
    else:
        if touch == TouchCode.UNSUBSCRIBED:
            outcome.unsubscribes += 1
        else:
            outcome.complaints += 1
        log_touch(world, life, sink, touch, site)
