"""Responses to messages: the effects of a delivery, an open and a click, and how a customer's response is drawn."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.accounting import book_message_cost, record_opt_out
from cjsim.kernels.clocks import calendar_time, clock_time, lift_clock, update_clock_speeds
from cjsim.kernels.codes import ChangeFlag, ChannelKind, HiddenTouch, TouchCode
from cjsim.kernels.conditions import condition_holds
from cjsim.kernels.customer.decay import change_satisfaction, pressure_now
from cjsim.kernels.log_rows import count_hidden_touch, log_touch, mark_as_machine
from cjsim.kernels.policy.guardrails import record_contact
from cjsim.kernels.policy.unopened_triggers import handle_delivery, handle_opening
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.queue import CUSTOMER_EFFECTS, EFFECT_LIST, FIRM_RECORDS, enqueue
from cjsim.kernels.rng import uniform, uniform_pair
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import PERSONAL_TOPIC, World

OPEN, UNSUBSCRIBE, COMPLAIN, CLICK, HIDDEN, MACHINE = 1, 2, 4, 8, 16, 32  # bits of PENDING_RESPONSE.actions
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
    due = math.inf
    if actions != 0:
        u, survives = uniform_pair(customer.seed, customer.key, streams.stream_delay, ordinal)
        delay = quantile(world, channel.open_delay, u)
        start = clock_time(world, state, channel.profile, customer.now)
        due = calendar_time(world, state, channel.profile, start + delay)
        if channel.kind != ChannelKind.PULL and not survives < math.exp((customer.now - due) / channel.lifetime):
            due = math.inf
    channel_state = state.channels[message.channel]
    if channel_state.machine_opens == 1 or channel_state.bot_clicks == 1:
        actions |= schedule_machine(world, state, site, index, due if actions & OPEN else math.inf)
    if due < math.inf:
        schedule_response(state, site, index, actions, due)


@rule
def schedule_machine(world: World, state: CustomerState, site: int, index: int, opens_at: float) -> int:
    """Schedule the responses of machines to a message that the customer opens at `opens_at` (days; inf: never).

    The log has one open per message, the first. A mail server opens and clicks at delivery; a mail client opens after a delay, unless the
    customer has opened the message by then. Returns HIDDEN if the customer's own open will not be logged, else 0.
    Writes: responses, customer.n_responses.
    """
    customer = state.customer[0]
    streams = world.sites[site]
    channel = world.messages[streams.message].channel
    if state.channels[channel].bot_clicks == 1:
        schedule_response(state, site, index, MACHINE | OPEN | CLICK, customer.now)
        return HIDDEN
    u = uniform(customer.seed, customer.key, streams.stream_machine, np.uint64(index))
    due = customer.now + quantile(world, world.channels[channel].machine_open_delay, u)
    if opens_at <= due:
        return 0
    schedule_response(state, site, index, MACHINE | OPEN, due)
    return HIDDEN


@rule
def register_delivery(world: World, state: CustomerState, out: Output, site: int) -> None:
    """Register what the firm sees of a delivery: the contact, its log row and its cost.

    Writes: customer, channels, messages, cap_times, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    message_code = world.sites[site].message
    message = world.messages[message_code]
    channel_state = state.channels[message.channel]
    record_contact(world, state, site)
    log_touch(world, state, out, TouchCode.DELIVERED.value, site)
    out.outcome[customer.row].contacts += 1
    if world.channels[message.channel].kind != ChannelKind.PAID:
        book_message_cost(world, state, out, message.cost)
    state.messages[message_code].sent += 1
    channel_state.contacts += 1
    channel_state.unopened += 1
    channel_state.true_unopened += 1
    channel_state.last_contact = customer.now
    customer.contacts += 1
    customer.unopened += 1
    customer.true_unopened += 1
    customer.last_contact = customer.now
    customer.changes |= ChangeFlag.TOUCH.value


@rule
def deliver(world: World, state: CustomerState, out: Output, site: int, index: int) -> None:
    """Deliver a message that passed the guardrails to the customer's inbox.

    Writes: customer, channels, messages, responses, cap_times, clocks, queue, runs, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    message_code = world.sites[site].message
    message = world.messages[message_code]
    channel = world.channels[message.channel]
    relevance = message_relevance(world, state, site, index)
    pressure = pressure_now(world, state)
    change_satisfaction(world, state, 0.0)
    register_delivery(world, state, out, site)
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
def log_click(world: World, state: CustomerState, out: Output, site: int) -> None:
    """Register a click in the firm's log and counts.

    Writes: customer, channels, messages, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    message_code = world.sites[site].message
    channel = world.messages[message_code].channel
    customer.clicks += 1
    customer.changes |= ChangeFlag.TOUCH.value
    state.channels[channel].clicks += 1
    state.messages[message_code].clicked += 1
    out.outcome[customer.row].clicks += 1
    log_touch(world, state, out, TouchCode.CLICKED.value, site)


@rule
def log_open(world: World, state: CustomerState, out: Output, site: int) -> None:
    """Register an open in the firm's log and counts.

    Writes: customer, channels, messages, runs, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    message_code = world.sites[site].message
    channel = world.messages[message_code].channel
    customer.opens += 1
    customer.unopened = 0
    customer.changes |= ChangeFlag.TOUCH.value
    state.channels[channel].opens += 1
    state.channels[channel].unopened = 0
    state.messages[message_code].opened += 1
    out.outcome[customer.row].opens += 1
    log_touch(world, state, out, TouchCode.OPENED.value, site)
    handle_opening(world, state, channel)


@rule
def register_machine(world: World, state: CustomerState, out: Output, site: int, actions: int) -> None:
    """Register an open by a machine, and a click if the bit CLICK is set. The firm sees them, but the customer does not.

    Writes: customer, channels, messages, queue, runs, outcome, touch_counts, the log.
    """
    message = world.messages[world.sites[site].message]
    log_open(world, state, out, site)
    mark_as_machine(state, out)
    if message.on_opened >= 0:
        enqueue(state, FIRM_RECORDS + message.on_opened)
    if actions & CLICK:
        log_click(world, state, out, site)
        mark_as_machine(state, out)
        if message.on_clicked >= 0:
            enqueue(state, FIRM_RECORDS + message.on_clicked)


@rule
def register_click(world: World, state: CustomerState, out: Output, site: int, is_hidden: bool) -> None:
    """Register a customer's click on a message. `is_hidden`: a machine clicked before, so the firm does not see it.

    Writes: customer, channels, messages, clocks, queue, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    message_code = world.sites[site].message
    message = world.messages[message_code]
    customer.true_clicks += 1
    customer.changes |= ChangeFlag.TOUCH.value
    state.channels[message.channel].true_clicks += 1
    state.messages[message_code].true_clicked += 1
    count_hidden_touch(state, out, HiddenTouch.TRUE_CLICKED.value, message.channel)
    book_message_cost(world, state, out, world.channels[message.channel].click_cost)
    if not is_hidden:
        log_click(world, state, out, site)
    lift_by_message(world, state, message_code, 2)
    if message.on_clicked >= 0:
        enqueue(state, (CUSTOMER_EFFECTS if is_hidden else EFFECT_LIST) + message.on_clicked)


@rule
def register_open(world: World, state: CustomerState, out: Output, site: int, index: int, is_hidden: bool) -> None:
    """Register a customer's open, and draw whether and when the message will be clicked.

    `is_hidden`: a machine opened the message before, so the firm does not see it.
    Writes: customer, channels, messages, responses, clocks, queue, runs, outcome, touch_counts, the log.
    """
    customer = state.customer[0]
    streams = world.sites[site]
    message = world.messages[streams.message]
    channel = world.channels[message.channel]
    channel_state = state.channels[message.channel]
    customer.true_opens += 1
    customer.true_unopened = 0
    customer.changes |= ChangeFlag.TOUCH.value
    channel_state.true_opens += 1
    channel_state.true_unopened = 0
    state.messages[streams.message].true_opened += 1
    count_hidden_touch(state, out, HiddenTouch.TRUE_OPENED.value, message.channel)
    if channel.kind == ChannelKind.PAID:
        book_message_cost(world, state, out, message.cost)
    if not is_hidden:
        log_open(world, state, out, site)
    lift_by_message(world, state, streams.message, 1)
    if message.on_opened >= 0:
        enqueue(state, (CUSTOMER_EFFECTS if is_hidden else EFFECT_LIST) + message.on_opened)
    ordinal = np.uint64(index)
    if message.click_logit > NEVER_LOGIT:
        u = uniform(customer.seed, customer.key, streams.stream_click, ordinal)
        if u + u * odds_against(message.click_logit) < 1.0:
            u = uniform(customer.seed, customer.key, streams.stream_click_delay, ordinal)
            start = clock_time(world, state, channel.profile, customer.now)
            due = calendar_time(world, state, channel.profile, start + quantile(world, channel.click_delay, u))
            schedule_response(state, site, index, CLICK | HIDDEN if channel_state.bot_clicks == 1 else CLICK, due)


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
    if actions & MACHINE:
        register_machine(world, state, out, site, actions)
        return
    is_hidden = actions & HIDDEN != 0
    if actions & CLICK:
        register_click(world, state, out, site, is_hidden)
        return
    if actions & OPEN:
        register_open(world, state, out, site, index, is_hidden)
    channel = world.messages[world.sites[site].message].channel
    if actions & UNSUBSCRIBE:
        record_opt_out(world, state, out, channel, TouchCode.UNSUBSCRIBED.value, site)
    if actions & COMPLAIN:
        record_opt_out(world, state, out, channel, TouchCode.COMPLAINED.value, site)
