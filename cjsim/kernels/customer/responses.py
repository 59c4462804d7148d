"""Responses to messages: the effects of a delivery, an open and a click, and how a customer's response is drawn."""

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
from cjsim.kernels.policy.unopened_triggers import handle_delivery, handle_opening
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.queue import EFFECT_LIST, enqueue
from cjsim.kernels.rng import uniform, uniform_pair
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import PERSONAL_TOPIC, World

OPEN, UNSUBSCRIBE, COMPLAIN, CLICK = 1, 2, 4, 8  # bits of PENDING_RESPONSE.actions
NEVER_LOGIT = -700.0
# Two probabilities whose logits are at most RARE_LOGIT add up to less than RARE, and need not be computed for a larger uniform.
RARE, RARE_LOGIT = 0.1, -2.95


@inlined
def odds_against(logit: float) -> float:
    """exp(-logit) = (1 - p) / p, so an event with this logit happens if u (1 + exp(-logit)) < 1; inf (never) if logit <= NEVER_LOGIT."""
    return math.exp(-logit) if logit > NEVER_LOGIT else math.inf


@rule
def lift_by_message(world: World, state: CustomerState, message: int, touch: int) -> None:
    """Add a message's lifts at a touch (0 delivered, 1 opened, 2 clicked), each times the persona's response.

    Writes: clocks, clock_due.
    """
    record = world.messages[message]
    persona = state.customer[0].persona
    for i in range(record.lift_first[touch], record.lift_first[touch] + record.lift_count[touch]):
        lift = world.lifts[i]
        lift_clock(world, state, lift.event, lift.gain * world.persona_response[persona, lift.event])


@inlined
def lift_by_contact(world: World, state: CustomerState) -> None:
    """Add the lifts that any contact adds for this persona (sleeping dogs).

    Writes: clocks, clock_due.
    """
    persona = state.customer[0].persona
    for i in range(world.contact_events.shape[0]):
        event = world.contact_events[i]
        lift_clock(world, state, event, world.persona_contact[persona, event])


@rule
def schedule_response(state: CustomerState, site: int, index: int, actions: int, due: float) -> None:
    """Schedule a response: `actions` (bits) will be taken on the site's `index`-th message at `due` (days).

    Writes: responses, customer.n_responses, or customer.needs_larger_buffers if there is no space.
    """
    customer = state.customer[0]
    if customer.n_responses >= state.responses.shape[0]:
        customer.needs_larger_buffers = 1
        return
    response = state.responses[customer.n_responses]
    response.due = due
    response.site = site
    response.index = index
    response.actions = actions
    customer.n_responses += 1


@rule
def is_interest_known(world: World, state: CustomerState, site: int, index: int) -> bool:
    """Whether the firm knows the customer's interest; drawn for each send.

    The probability is the accuracy of the first personalization whose condition holds, else 1 / number of interests.
    """
    customer = state.customer[0]
    accuracy: float = 1.0 / world.setting[0].interests
    for i in range(world.personalisation.shape[0]):
        if condition_holds(world, state, world.personalisation[i].program):
            accuracy = world.personalisation[i].accuracy
            break
    return uniform(customer.seed, customer.key, world.sites[site].stream_match, np.uint64(index)) < accuracy


@inlined
def message_relevance(world: World, state: CustomerState, site: int, index: int) -> float:
    """The effect of a message's topic on the log-odds of opening: `relevance` if it matches the customer's interest, else 0."""
    message = world.messages[world.sites[site].message]
    relevance: float = message.relevance
    if relevance == 0.0:
        return 0.0
    if message.topic == PERSONAL_TOPIC:
        return relevance if is_interest_known(world, state, site, index) else 0.0
    return relevance if message.topic == state.customer[0].interest else 0.0


@inlined
def draw_response(world: World, state: CustomerState, site: int, index: int, pressure: float, relevance: float) -> None:
    """Draw how the customer will respond to a message, and when.

    `pressure` is the contact pressure before this delivery. `relevance` is added to the log-odds of opening. `customer.satisfaction` must
    be up to date.
    Writes: responses, customer.n_responses.
    """
    customer = state.customer[0]
    streams = world.sites[site]
    message = world.messages[streams.message]
    channel = world.channels[message.channel]
    satisfaction_logit = channel.satisfaction * (customer.satisfaction - 0.5)
    ordinal = np.uint64(index)
    excess_pressure = max(pressure - customer.preferred_pressure, 0.0)
    actions = 0
    affinity = state.channels[message.channel].affinity
    open_logit = message.open_logit + affinity + relevance + satisfaction_logit - channel.fatigue * excess_pressure
    opens, u = uniform_pair(customer.seed, customer.key, streams.stream_read, ordinal)
    if opens + opens * odds_against(open_logit) < 1.0:
        actions = OPEN
    annoyance = channel.annoyance * excess_pressure - satisfaction_logit
    if u < RARE or message.unsubscribe_logit + annoyance > RARE_LOGIT or message.complaint_logit + annoyance > RARE_LOGIT:
        unsubscribes = 1.0 / (1.0 + odds_against(message.unsubscribe_logit + annoyance))
        if u < unsubscribes:
            actions |= UNSUBSCRIBE
        elif u < unsubscribes + 1.0 / (1.0 + odds_against(message.complaint_logit + annoyance)):
            actions |= COMPLAIN
    if actions != 0:
        u, survives = uniform_pair(customer.seed, customer.key, streams.stream_delay, ordinal)
        delay = quantile(world, channel.open_delay, u)
        start = clock_time(world, state, channel.profile, customer.now)
        due = calendar_time(world, state, channel.profile, start + delay)
        if channel.kind == ChannelKind.PULL or survives < math.exp((customer.now - due) / channel.lifetime):
            schedule_response(state, site, index, actions, due)


@rule
def deliver(world: World, state: CustomerState, out: Output, site: int, index: int) -> None:
    """Deliver a message that passed the guardrails.

    Writes: customer, channels, messages, responses, cap_times, clocks, queue, runs, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    message_code = world.sites[site].message
    message = world.messages[message_code]
    channel = world.channels[message.channel]
    channel_state = state.channels[message.channel]
    relevance = message_relevance(world, state, site, index)
    record_contact(world, state, message.channel)
    pressure = pressure_now(world, state)
    change_satisfaction(world, state, 0.0)
    log_touch(world, state, out, TouchCode.DELIVERED.value, site)
    out.outcome[customer.row].contacts += 1
    if channel.kind != ChannelKind.PAID:
        book_cost(world, state, out, message.cost)
    state.messages[message_code].sent += 1
    channel_state.contacts += 1
    channel_state.unopened += 1
    channel_state.last_actor = world.sites[site].actor
    channel_state.last_contact = customer.now
    customer.contacts += 1
    customer.unopened += 1
    customer.last_contact = customer.now
    customer.changes |= ChangeFlag.TOUCH.value
    draw_response(world, state, site, index, pressure, relevance)
    customer.pressure = pressure + channel.weight
    customer.pressure_at = customer.now
    if channel.delivery_gain != 0.0:
        change_satisfaction(world, state, channel.delivery_gain)
        update_clock_speeds(world, state)
    if message.lift_count[0] > 0:
        lift_by_message(world, state, message_code, 0)
    lift_by_contact(world, state)
    if message.on_delivered >= 0:
        enqueue(state, EFFECT_LIST + message.on_delivered)
    handle_delivery(world, state, message.channel)


@rule
def register_click(world: World, state: CustomerState, out: Output, site: int) -> None:
    """Register a click on a message.

    Writes: customer, channels, messages, clocks, queue, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    message_code = world.sites[site].message
    message = world.messages[message_code]
    customer.clicks += 1
    customer.changes |= ChangeFlag.TOUCH.value
    state.channels[message.channel].clicks += 1
    state.messages[message_code].clicked += 1
    out.outcome[customer.row].clicks += 1
    book_cost(world, state, out, world.channels[message.channel].click_cost)
    log_touch(world, state, out, TouchCode.CLICKED.value, site)
    lift_by_message(world, state, message_code, 2)
    if message.on_clicked >= 0:
        enqueue(state, EFFECT_LIST + message.on_clicked)


@rule
def register_open(world: World, state: CustomerState, out: Output, site: int, index: int) -> None:
    """Register an open, and draw whether and when the message will be clicked.

    Writes: customer, channels, messages, responses, clocks, queue, runs, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    streams = world.sites[site]
    message = world.messages[streams.message]
    channel = world.channels[message.channel]
    customer.opens += 1
    customer.unopened = 0
    customer.changes |= ChangeFlag.TOUCH.value
    state.channels[message.channel].opens += 1
    state.channels[message.channel].unopened = 0
    state.messages[streams.message].opened += 1
    out.outcome[customer.row].opens += 1
    if channel.kind == ChannelKind.PAID:
        book_cost(world, state, out, message.cost)
    log_touch(world, state, out, TouchCode.OPENED.value, site)
    lift_by_message(world, state, streams.message, 1)
    if message.on_opened >= 0:
        enqueue(state, EFFECT_LIST + message.on_opened)
    handle_opening(world, state, message.channel)
    ordinal = np.uint64(index)
    if message.click_logit > NEVER_LOGIT:
        u = uniform(customer.seed, customer.key, streams.stream_click, ordinal)
        if u + u * odds_against(message.click_logit) < 1.0:
            u = uniform(customer.seed, customer.key, streams.stream_click_delay, ordinal)
            start = clock_time(world, state, channel.profile, customer.now)
            due = calendar_time(world, state, channel.profile, start + quantile(world, channel.click_delay, u))
            schedule_response(state, site, index, CLICK, due)


@rule
def resolve_response(world: World, state: CustomerState, out: Output, slot: int) -> None:
    """Carry out and remove the pending response at `slot`. The last pending response takes its place.

    Writes: responses, customer, and the state that opens, clicks and opt-outs change.
    """
    customer = state.customer[0]
    site = state.responses[slot].site
    index = state.responses[slot].index
    actions = state.responses[slot].actions
    customer.n_responses -= 1
    last = state.responses[customer.n_responses]
    freed = state.responses[slot]
    freed.due = last.due
    freed.site = last.site
    freed.index = last.index
    freed.actions = last.actions
    if actions & CLICK:
        register_click(world, state, out, site)
        return
    if actions & OPEN:
        register_open(world, state, out, site, index)
    channel = world.messages[world.sites[site].message].channel
    if actions & UNSUBSCRIBE:
        record_opt_out(world, state, out, channel, TouchCode.UNSUBSCRIBED.value, site)
    if actions & COMPLAIN:
        record_opt_out(world, state, out, channel, TouchCode.COMPLAINED.value, site)
