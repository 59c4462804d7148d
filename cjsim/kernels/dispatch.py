"""The rules for the entry of a customer, for an event with all its immediate consequences, and for the final accounting."""

import math

from cjsim.kernel import inlined, kernel
from cjsim.kernels.accounting import book_cost, initialize_outcome, record_moments
from cjsim.kernels.channel_sets import NO_CHANNELS
from cjsim.kernels.clocks import start_clock, update_clock_permissions
from cjsim.kernels.codes import HOURS_PER_DAY, DueKind, TouchCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.apply_effects import apply_effects, enter_stage
from cjsim.kernels.customer.initial_state import clear_counters, fill_array, initialize_channels, initialize_clocks, initialize_customer
from cjsim.kernels.customer.responses import CLICK, HIDDEN, OPEN, resolve_response
from cjsim.kernels.customer.speed_rules import apply_speed_rules
from cjsim.kernels.desks.replies import handle_reply
from cjsim.kernels.local_time import local_time
from cjsim.kernels.log_rows import log_event_code, write_log_row
from cjsim.kernels.observation_window import finish_window, leave_own_row
from cjsim.kernels.policy.flow_steps import exit_flows, resume_waiting_flows, run_actor
from cjsim.kernels.policy.pull_messages import deliver_placed
from cjsim.kernels.policy.triggers import initialize_actor, reset_inactivity_timers, start_flow, start_flows
from cjsim.kernels.queue import CUSTOMER_EFFECTS, EFFECT_LIST, FIRM_RECORDS, FLOW_START, STAGE_ENTRY
from cjsim.kernels.state import CustomerState, Output, Population
from cjsim.kernels.world import World

MAX_EVENTS_AT_ONE_TIME = 10_000  # events of a customer at one time; with more, the customer is in a zero-time loop
MAX_EVENTS = 10_000_000  # events of a customer; more indicate a mistake in the scenario


@inlined
def record_event(world: World, state: CustomerState, out: Output, event: int) -> None:
    """Record a journey event: its log row, its count and its moments.

    Writes: clocks, customer, the log, moments.
    """
    customer = state.customer[0]
    clock = state.clocks[event]
    if world.events[event].hidden == 0:
        write_log_row(state, out, log_event_code(event), -1, -1, -1, 0.0)
    clock.count += 1
    customer.changes |= world.events[event].change
    clock.last = customer.now
    customer.spent = 0.0
    record_moments(world, state, out, event, clock.count)


@inlined
def record_active_hour(world: World, state: CustomerState) -> None:
    """Count this hour of the customer's day as an hour of observed activity, if the policy learns best hours.

    Writes: active_hours, customer.observed_hours.
    """
    if world.setting[0].learning == 0:
        return
    customer = state.customer[0]
    local = local_time(world, customer.zone, customer.now)
    day = math.floor(local + TOLERANCE)
    hour = int((local - day + TOLERANCE) * HOURS_PER_DAY)
    state.active_hours[min(hour, HOURS_PER_DAY - 1)] += 1
    customer.observed_hours += 1


@inlined
def record_payment(state: CustomerState) -> None:
    """Count the money of the current event as the log shows it: once per event.

    Writes: customer.paid_events, customer.paid, customer.last_paid.
    """
    customer = state.customer[0]
    customer.paid_events += 1
    customer.paid += customer.spent
    customer.last_paid = customer.now


@inlined
def finish_event(world: World, state: CustomerState, out: Output, event: int, row: int, starts: int) -> None:
    """Finish an event after its effects: add its money to the log row, show placed messages, trigger flows and restart its clock.

    `row` is the index of its log row. `starts` is the number of starts of its clock before its effects, which may have restarted the clock.
    """
    record = world.events[event]
    if record.hidden == 0 and state.customer[0].spent != 0.0:
        record_payment(state)
        if row < out.log.shape[0]:
            out.log[row].value = state.customer[0].spent
    if record.records_hour == 1:
        record_active_hour(world, state)
    if record.pull_channels != NO_CHANNELS:
        deliver_placed(world, state, out, record.pull_channels)
    if record.hidden == 0:
        resume_waiting_flows(world, state, event)
        exit_flows(world, state, out, event)
        start_flows(world, state, out, record.trigger_first, record.trigger_count)
        reset_inactivity_timers(world, state, record.watch_first, record.watch_count, world.links)
        reset_inactivity_timers(world, state, 0, world.any_activity_actors.shape[0], world.any_activity_actors)
    if state.clocks[event].active == 1 and state.clocks[event].starts == starts:
        start_clock(world, state, event)


@inlined
def drain_queue(world: World, state: CustomerState, out: Output) -> None:
    """Handle all items queued for this time, in queue order.

    Writes: queue, customer.n_queued, and the state that the items change.
    """
    customer = state.customer[0]
    position = 0
    while position < customer.n_queued:
        item = state.queue[position]
        position += 1
        row = out.n_rows[0]
        starts = 0
        effects = -1
        part = EFFECT_LIST
        if item >= EFFECT_LIST:
            part = CUSTOMER_EFFECTS if item >= CUSTOMER_EFFECTS else FIRM_RECORDS if item >= FIRM_RECORDS else EFFECT_LIST
            effects = item - part
        elif item < STAGE_ENTRY:
            starts = state.clocks[item].starts
            effects = world.events[item].effects
            record_event(world, state, out, item)
        apply_effects(world, state, out, effects, part)
        if item < STAGE_ENTRY:
            finish_event(world, state, out, item, row, starts)
        elif item < FLOW_START:
            stage = item - STAGE_ENTRY
            start_flows(world, state, out, world.stage_links[stage, 0], world.stage_links[stage, 1])
        elif item < EFFECT_LIST:
            start_flow(world, state, out, item - FLOW_START)
    customer.n_queued = 0
    update_clock_permissions(world, state)
    if world.speed_rules.shape[0] > 0:
        apply_speed_rules(world, state)


@kernel
def dispatch(world: World, state: CustomerState, out: Output, kind: int, which: int, time: float) -> None:
    """Handle the event that is due and all its immediate consequences. Marks the customer as stuck if time does not advance.

    `kind` is a `DueKind`; `which` is the index of the pending response, the event (the number of events: a change of a speed rule) or the
    actor (DESK_REPLY: 0); `time` is in days.
    """
    customer = state.customer[0]
    customer.last_kind = kind
    customer.last_which = which
    customer.events_handled += 1
    customer.events_at_this_time = customer.events_at_this_time + 1 if time <= customer.now else 0
    if customer.events_at_this_time > MAX_EVENTS_AT_ONE_TIME or customer.events_handled > MAX_EVENTS:
        customer.stuck = 1
        return
    customer.now = time
    if kind == DueKind.CLOCK:
        state.queue[0] = which
        customer.n_queued = 1 if which < world.events.shape[0] else 0  # else a speed rule changes
    elif kind == DueKind.ACTOR:
        run_actor(world, state, out, which)
    elif kind == DueKind.DESK_REPLY:
        handle_reply(world, state, out)
    else:
        actions = state.responses[which].actions
        is_observed = actions & (OPEN | CLICK) != 0 and actions & HIDDEN == 0
        resolve_response(world, state, out, which)
        if is_observed:
            record_active_hour(world, state)
            reset_inactivity_timers(world, state, 0, world.any_activity_actors.shape[0], world.any_activity_actors)
    drain_queue(world, state, out)


@kernel
def start_customer(world: World, state: CustomerState, out: Output, population: Population, index: int, row: int) -> None:
    """Start a customer: initialize the state, enter the first stage and handle all immediate consequences.

    `index` is the customer's index in `population`, `row` its row in `out`. `world` is the world of the policy in force at entry.
    """
    initialize_customer(world, state, population, index, row)
    clear_counters(world, state)
    initialize_channels(world, state)
    initialize_clocks(world, state)
    initialize_outcome(state, out)
    customer = state.customer[0]
    if customer.entered >= world.setting[0].ends:
        fill_array(state.actor_due, math.inf)
        return
    if customer.entered < 0.0 or customer.entered >= world.setting[0].horizon:
        leave_own_row(state, out)
    for actor in range(world.actors.shape[0]):
        initialize_actor(world, state, actor)
    if world.stages[customer.stage].observed_as >= 0:
        customer.observed_stage = customer.stage
    write_log_row(state, out, TouchCode.ENTERED.value, -1, -1, -1, 0.0)
    book_cost(world, state, out, population.cost[index])
    enter_stage(world, state, out, customer.stage)
    for event in range(world.events.shape[0]):
        if world.events[event].anywhere == 1 and state.clocks[event].active == 0:
            start_clock(world, state, event)
    drain_queue(world, state, out)


@kernel
def finish_customer(world: World, state: CustomerState, out: Output) -> None:
    """Complete the outcome at the end of the customer's simulation. A customer who enters at or after the horizon has none.

    Writes: customer.now, outcome, dwell, outcome.retained.
    """
    customer = state.customer[0]
    if customer.entered >= world.setting[0].horizon:
        return
    customer.now = customer.ends
    finish_window(world, state, out)
