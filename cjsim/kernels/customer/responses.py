"""Customers answer messages: what a delivery, an opening and a click do to them, and what they do with a message.

Lives here: delivery, relevance, the draw of an answer, reading. Does not live here: effects (behavior.py), who sends (sending.py),
whether it may go out (guardrails.py).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.accounting import book_cost, record_opt_out
from cjsim.kernels.clocks import calendar_time, clock_time, lift_clock, update_clock_speeds
from cjsim.kernels.codes import ChangeFlag, ChannelKind, TouchCode
from cjsim.kernels.conditions import condition_holds
from cjsim.kernels.customer.decay import change_satisfaction, pressure_now
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.guardrails import record_contact
from cjsim.kernels.policy.triggers import handle_delivery, handle_opening
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.queue import EFFECT_LIST, enqueue
from cjsim.kernels.rng import uniform, uniform_pair
from cjsim.kernels.world import PERSONAL_TOPIC

OPEN, UNSUBSCRIBE, COMPLAIN, CLICK = 1, 2, 4, 8  # bits of READ.what
NEVER_LOGIT = -700.0
# Two probabilities whose logits are at most RARE_LOGIT add up to less than RARE: no need to work them out for a larger uniform.
RARE, RARE_LOGIT = 0.1, -2.95


@inlined
def odds_against(logit):  # type: ignore[no-untyped-def]
    """exp(-logit), so that an event of that logit happens when u (1 + exp(-logit)) < 1.

    Parameters
    ----------
    logit : float64
        Any; below NEVER_LOGIT it means never.

    Returns
    -------
    float64
        (1 - p) / p; inf for never.
    """
    return math.exp(-logit) if logit > NEVER_LOGIT else math.inf


@rule
def lift_by_message(world, life, message, moment):  # type: ignore[no-untyped-def]
    """Add a message's lifts of one moment, each times the persona's response.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: clocks, due.
    message : int
        Code of the message.
    moment : int
        0 delivered, 1 opened, 2 clicked.
    """
    record = world.messages[message]
    persona = life.customer[0].persona
    for i in range(record.lift_first[moment], record.lift_first[moment] + record.lift_count[moment]):
        lift = world.lifts[i]
        lift_clock(world, life, lift.event, lift.gain * world.persona_response[persona, lift.event])


@inlined
def lift_by_contact(world, life):  # type: ignore[no-untyped-def]
    """Add the lifts that any contact has on this persona (sleeping dogs).

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: clocks, due.
    """
    persona = life.customer[0].persona
    for i in range(world.contact_events.shape[0]):
        event = world.contact_events[i]
        lift_clock(world, life, event, world.persona_contact[persona, event])


@rule
def schedule_response(life, site, index, what, due):  # type: ignore[no-untyped-def]
    """Keep in mind that a message will be read (or clicked) later.

    Parameters
    ----------
    life : Life
        Written: reads, customer.
    site, index : int
        Which message of whom; the ordinal of the send.
    what : int
        Bits of what will be done.
    due : float64
        Days.
    """
    customer = life.customer[0]
    if customer.reads >= life.reads.shape[0]:
        customer.full = 1
        return
    read = life.reads[customer.reads]
    read.due = due
    read.site = site
    read.index = index
    read.what = what
    customer.reads += 1


@rule
def is_interest_known(world, life, site, index):  # type: ignore[no-untyped-def]
    """Whether what the firm takes this customer's interest to be is right, drawn anew for each send.

    Parameters
    ----------
    world : World
        Read: personalisation, setting, sites.
    life : Life
        Read.
    site, index : int
        Which message of whom; the ordinal of the send.

    Returns
    -------
    bool
        With the accuracy of the first personalisation whose condition holds, else with 1 / number of interests.
    """
    customer = life.customer[0]
    accuracy = 1.0 / world.setting[0].interests
    for i in range(world.personalisation.shape[0]):
        if condition_holds(world, life, world.personalisation[i].program):
            accuracy = world.personalisation[i].accuracy
            break
    return uniform(customer.seed, customer.key, world.sites[site].stream_match, np.uint64(index)) < accuracy


@inlined
def message_relevance(world, life, site, index):  # type: ignore[no-untyped-def]
    """What a message's topic adds to the logit of opening.

    Parameters
    ----------
    world : World
        Read: sites, messages, personalisation, setting.
    life : Life
        Read.
    site, index : int
        Which message of whom; the ordinal of the send.

    Returns
    -------
    float64
        `relevance` if the topic is the customer's interest, else 0.
    """
    message = world.messages[world.sites[site].message]
    if message.relevance == 0.0:
        return 0.0
    if message.topic == PERSONAL_TOPIC:
        return message.relevance if is_interest_known(world, life, site, index) else 0.0
    return message.relevance if message.topic == life.customer[0].interest else 0.0


@inlined
def draw_response(world, life, site, index, pressure, relevance):  # type: ignore[no-untyped-def]
    """Draw what the customer will do with a message, and when.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: reads.
    site, index : int
        Which message of whom; the ordinal of the send.
    pressure : float64
        Contact pressure before this delivery; satisfaction is up to date.
    relevance : float64
        Added to the logit of opening.
    """
    customer = life.customer[0]
    streams = world.sites[site]
    message = world.messages[streams.message]
    channel = world.channels[message.channel]
    mood = channel.satisfaction * (customer.satisfaction - 0.5)
    ordinal = np.uint64(index)
    strain = max(pressure - customer.calm, 0.0)
    what = 0
    willing = message.open_logit + life.reach[message.channel].affinity + relevance + mood - channel.fatigue * strain
    opens, u = uniform_pair(customer.seed, customer.key, streams.stream_read, ordinal)
    if opens + opens * odds_against(willing) < 1.0:
        what = OPEN
    annoyed = channel.annoyance * strain - mood
    if u < RARE or message.unsubscribe_logit + annoyed > RARE_LOGIT or message.complaint_logit + annoyed > RARE_LOGIT:
        unsubscribes = 1.0 / (1.0 + odds_against(message.unsubscribe_logit + annoyed))
        if u < unsubscribes:
            what |= UNSUBSCRIBE
        elif u < unsubscribes + 1.0 / (1.0 + odds_against(message.complaint_logit + annoyed)):
            what |= COMPLAIN
    if what != 0:
        u, survives = uniform_pair(customer.seed, customer.key, streams.stream_delay, ordinal)
        delay = quantile(world, channel.open_delay, u)
        start = clock_time(world, life, channel.profile, customer.now)
        due = calendar_time(world, life, channel.profile, start + delay)
        if channel.kind == ChannelKind.PULL or survives < math.exp((customer.now - due) / channel.lifetime):
            schedule_response(life, site, index, what, due)


@rule
def deliver(world, life, sink, site, index):  # type: ignore[no-untyped-def]
    """A message that the guardrails let through arrives.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    site, index : int
        Which message of whom; the ordinal of the send.
    """
    customer = life.customer[0]
    code = world.sites[site].message
    message = world.messages[code]
    channel = world.channels[message.channel]
    reach = life.reach[message.channel]
    relevance = message_relevance(world, life, site, index)
    record_contact(world, life, message.channel)
    pressure = pressure_now(world, life)
    change_satisfaction(world, life, 0.0)
    log_touch(world, life, sink, TouchCode.DELIVERED, site)
    sink.outcome[customer.row].contacts += 1
    if channel.kind != ChannelKind.PAID:
        book_cost(world, life, sink, message.cost)
    life.messages[code].sent += 1
    reach.contacts += 1
    reach.unopened += 1
    reach.by = world.sites[site].actor
    reach.last = customer.now
    customer.contacts += 1
    customer.unopened += 1
    customer.last_contact = customer.now
    customer.dirty |= ChangeFlag.TOUCH
    draw_response(world, life, site, index, pressure, relevance)
    customer.pressure = pressure + channel.weight
    customer.pressure_at = customer.now
    if channel.delivery_gain != 0.0:
        change_satisfaction(world, life, channel.delivery_gain)
        update_clock_speeds(world, life)
    if message.lift_count[0] > 0:
        lift_by_message(world, life, code, 0)
    lift_by_contact(world, life)
    if message.on_delivered >= 0:
        enqueue(life, EFFECT_LIST + message.on_delivered)
    handle_delivery(world, life, message.channel)


@rule
def register_click(world, life, sink, site):  # type: ignore[no-untyped-def]
    """A message is clicked.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    site : int
        Which message of whom.
    """
    customer = life.customer[0]
    code = world.sites[site].message
    message = world.messages[code]
    customer.clicks += 1
    customer.dirty |= ChangeFlag.TOUCH
    life.reach[message.channel].clicks += 1
    life.messages[code].clicked += 1
    sink.outcome[customer.row].clicks += 1
    book_cost(world, life, sink, world.channels[message.channel].click_cost)
    log_touch(world, life, sink, TouchCode.CLICKED, site)
    lift_by_message(world, life, code, 2)
    if message.on_clicked >= 0:
        enqueue(life, EFFECT_LIST + message.on_clicked)


@rule
def register_open(world, life, sink, site, index):  # type: ignore[no-untyped-def]
    """A message is opened; whether and when it will be clicked is drawn.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    site, index : int
        Which message of whom; the ordinal of the send.
    """
    customer = life.customer[0]
    streams = world.sites[site]
    message = world.messages[streams.message]
    channel = world.channels[message.channel]
    customer.opens += 1
    customer.unopened = 0
    customer.dirty |= ChangeFlag.TOUCH
    life.reach[message.channel].opens += 1
    life.reach[message.channel].unopened = 0
    life.messages[streams.message].opened += 1
    sink.outcome[customer.row].opens += 1
    if channel.kind == ChannelKind.PAID:
        book_cost(world, life, sink, message.cost)
    log_touch(world, life, sink, TouchCode.OPENED, site)
    lift_by_message(world, life, streams.message, 1)
    if message.on_opened >= 0:
        enqueue(life, EFFECT_LIST + message.on_opened)
    handle_opening(world, life, message.channel)
    ordinal = np.uint64(index)
    if message.click_logit > NEVER_LOGIT:
        u = uniform(customer.seed, customer.key, streams.stream_click, ordinal)
        if u + u * odds_against(message.click_logit) < 1.0:
            u = uniform(customer.seed, customer.key, streams.stream_click_delay, ordinal)
            start = clock_time(world, life, channel.profile, customer.now)
            due = calendar_time(world, life, channel.profile, start + quantile(world, channel.click_delay, u))
            schedule_response(life, site, index, CLICK, due)


@rule
def resolve_response(world, life, sink, slot):  # type: ignore[no-untyped-def]
    """What was drawn for a message at its delivery (or opening) comes due.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    slot : int
        Index of the pending read, which is removed.
    """
    customer = life.customer[0]
    site = life.reads[slot].site
    index = life.reads[slot].index
    what = life.reads[slot].what
    customer.reads -= 1
    last = life.reads[customer.reads]
    freed = life.reads[slot]
    freed.due = last.due
    freed.site = last.site
    freed.index = last.index
    freed.what = last.what
    if what & CLICK:
        register_click(world, life, sink, site)
        return
    if what & OPEN:
        register_open(world, life, sink, site, index)
    channel = world.messages[world.sites[site].message].channel
    if what & UNSUBSCRIBE:
        record_opt_out(world, life, sink, channel, TouchCode.UNSUBSCRIBED, site)
    if what & COMPLAIN:
        record_opt_out(world, life, sink, channel, TouchCode.COMPLAINED, site)
