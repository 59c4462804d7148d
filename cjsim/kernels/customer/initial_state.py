"""The state of a customer at entry, before any event: identity, empty counters, consent and stopped clocks."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.clocks import clock_time, own_speed
from cjsim.kernels.local_time import FIRM
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Population
from cjsim.kernels.world import Array, World


@rule
def clear_totals(state: CustomerState) -> None:
    """Set the customer's counts and sums to 0.

    Writes: customer.
    """
    customer = state.customer[0]
    customer.revenue = 0.0
    customer.spent = 0.0
    customer.next_retention_day = 0
    customer.next_base_day = 0
    customer.n_responses = 0
    customer.n_queued = 0
    customer.changes = 0
    customer.purchases = 0
    customer.contacts = 0
    customer.opens = 0
    customer.clicks = 0
    customer.unopened = 0
    customer.true_opens = 0
    customer.true_clicks = 0
    customer.true_unopened = 0
    customer.offers = 0
    customer.observed_hours = 0
    customer.referrals = 0
    customer.opt_outs = 0
    customer.paid_events = 0
    customer.paid = 0.0


@rule
def initialize_customer(world: World, state: CustomerState, population: Population, index: int, row: int) -> None:
    """Write the identity and the initial values of the customer at `index` in `population`, whose row in `out` is `row`.

    Writes: customer, traits, attributes.
    """
    customer = state.customer[0]
    persona = world.personas[population.persona[index]]
    customer.key = population.key[index]
    customer.number = population.number[index]
    customer.row = row
    customer.own_row = row
    customer.persona = population.persona[index]
    customer.entered = population.entered[index]
    customer.ends = population.ends[index]
    customer.pauses_at = first_window_limit(world, customer.entered, customer.ends)
    customer.valued_from = customer.entered
    customer.now = customer.entered
    customer.shift = population.shift[index]
    customer.resting_satisfaction = persona.resting_satisfaction
    customer.satisfaction = persona.resting_satisfaction
    customer.satisfaction_at = customer.entered
    customer.clock_satisfaction = persona.resting_satisfaction
    customer.pressure = 0.0
    customer.pressure_at = customer.entered
    customer.stage = persona.stage
    customer.stage_since = customer.entered
    customer.observed_stage = -1
    customer.observed_since = customer.entered
    customer.events_handled = 0
    customer.events_at_this_time = 0
    customer.stuck = 0
    customer.last_purchase = -math.inf
    customer.last_contact = -math.inf
    customer.interest = population.interest[index]
    customer.last_paid = -math.inf
    customer.desk = -1
    customer.awaits_reply = 0
    customer.reply_due = math.inf
    customer.deferred_until = math.inf
    customer.next_reply = population.replies[index, 0]
    customer.replies_end = population.replies[index, 1]
    for j in range(state.traits.shape[0]):
        state.traits[j] = population.traits[index, j]
    for j in range(state.attributes.shape[0]):
        state.attributes[j] = population.attributes[index, j]
    customer.zone = customer_zone(world, state)
    customer.first_profile = customer.zone * (world.profiles.shape[0] // world.zones.shape[0])
    clear_totals(state)
    customer.held_out = draw_holdout(world, state)
    customer.preferred_pressure = preferred_pressure(world, state)


@inlined
def first_window_limit(world: World, entered: float, ends: float) -> float:
    """When a customer's observation window next opens (day 0) or closes (the horizon); `ends` if neither will happen."""
    horizon: float = world.setting[0].horizon
    if entered < 0.0:
        return 0.0
    return min(horizon, ends) if entered < horizon else ends


@inlined
def customer_zone(world: World, state: CustomerState) -> int:
    """The time zone of the customer, from an attribute; the firm's if no attribute states it."""
    attribute: int = world.setting[0].zone_attribute
    if attribute < 0:
        return FIRM
    zone: int = world.level_zones[int(state.attributes[attribute])]
    return zone


@inlined
def draw_holdout(world: World, state: CustomerState) -> int:
    """1 if the customer is in the policy's global holdout, else 0; always the same for the same customer and share."""
    setting = world.setting[0]
    if setting.holdout <= 0.0:
        return 0
    customer = state.customer[0]
    return 1 if uniform(customer.seed, customer.key, setting.stream_holdout, np.uint64(0)) < setting.holdout else 0


@inlined
def preferred_pressure(world: World, state: CustomerState) -> float:
    """P*, the long-run contact pressure at the customer's preferred number f of contacts per week: f/7 half_life/ln 2.

    Contacts are assumed to have weight 1. The result is 0 if there is no such trait or it is not positive.
    """
    setting = world.setting[0]
    if setting.preferred_column < 0:
        return 0.0
    contacts_per_week = state.traits[setting.preferred_column]
    return contacts_per_week / 7.0 * setting.pressure_tau if contacts_per_week > 0.0 else 0.0


@rule
def fill_array(values: Array, value: float) -> None:
    """Set every element of an array."""
    for i in range(values.shape[0]):
        values[i] = value


@rule
def clear_counters(world: World, state: CustomerState) -> None:
    """Clear the previous customer's tags, scores, counts, offers and contacts.

    Writes: tags, decision_counts, visits, cap_times, cap_next, active_hours, requests, scores, messages, offers, sways, placed,
    budget_requests.
    """
    fill_array(state.tags, 0)
    fill_array(state.decision_counts, 0)
    fill_array(state.visits, 0)
    fill_array(state.cap_times, -math.inf)
    fill_array(state.cap_next, 0)
    fill_array(state.active_hours, 0)
    fill_array(state.requests, 0)
    for j in range(world.scores.shape[0]):
        state.scores[j].value = 0.0
        state.scores[j].at = 0.0
    for j in range(world.messages.shape[0]):
        state.messages[j].sent = 0
        state.messages[j].opened = 0
        state.messages[j].clicked = 0
        state.messages[j].true_opened = 0
        state.messages[j].true_clicked = 0
    for j in range(world.offers.shape[0]):
        state.offers[j].valid_until = -math.inf
        state.offers[j].uses_left = 0
        state.offers[j].redeemed = 0
        state.offers[j].known = 0
    for j in range(world.branch_events.shape[0]):
        state.sways[j].value = 0.0
        state.sways[j].at = 0.0
    for j in range(world.sites.shape[0]):
        state.placed[j].expires = -math.inf
    for j in range(world.budgets.shape[0]):
        state.budget_requests[j].time = -math.inf
        state.budget_requests[j].nth = 0


@inlined
def draw_membership(state: CustomerState, share: float, stream: np.uint64) -> int:
    """1 if the customer belongs to a share of customers, else 0; always the same for the same customer and share."""
    if share <= 0.0:
        return 0
    customer = state.customer[0]
    return 1 if uniform(customer.seed, customer.key, stream, np.uint64(0)) < share else 0


@rule
def initialize_channels(world: World, state: CustomerState) -> None:
    """For each channel, draw consent and which machines respond, and compute the affinity.

    Writes: channels.
    """
    customer = state.customer[0]
    for c in range(world.channels.shape[0]):
        channel = world.channels[c]
        channel_state = state.channels[c]
        u = uniform(customer.seed, customer.key, channel.stream_consent, np.uint64(0))
        channel_state.consent = 1 if u < world.persona_consent[customer.persona, c] else 0
        channel_state.affinity = world.persona_affinity[customer.persona, c]
        if channel.affinity_column >= 0:
            channel_state.affinity += state.traits[channel.affinity_column]
        channel_state.contacts = 0
        channel_state.opens = 0
        channel_state.clicks = 0
        channel_state.unopened = 0
        channel_state.true_opens = 0
        channel_state.true_clicks = 0
        channel_state.true_unopened = 0
        channel_state.bounced = 0
        channel_state.machine_opens = draw_membership(state, channel.machine_opens, channel.stream_machine_opens)
        channel_state.bot_clicks = draw_membership(state, channel.bot_clicks, channel.stream_bot_clicks)
        channel_state.last_actor = -1
        channel_state.last_contact = -math.inf
        channel_state.last_counted = -math.inf


@rule
def initialize_clocks(world: World, state: CustomerState) -> None:
    """Stop all clocks and compute the customer's own factor in the speed of each clock.

    Writes: clocks, clock_due.
    """
    customer = state.customer[0]
    for event in range(world.events.shape[0]):
        record = world.events[event]
        clock = state.clocks[event]
        clock.factor = own_speed(world, state, event)
        clock.speed = 0.0
        clock.remaining = math.inf
        clock.lift = 0.0
        clock.synced = clock_time(world, state, record.profile, customer.now)
        clock.last = -math.inf
        clock.started = -math.inf
        clock.starts = 0
        clock.count = 0
        clock.active = 0
        clock.allowed = 1
    fill_array(state.clock_due, math.inf)
