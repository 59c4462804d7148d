"""The course of one life: how it begins, what comes due next, what happens then, how it ends.

Lives here: the order of things. Does not live here: any rule of a customer (behavior.py) or of a policy (decision.py), the state at
entry (newcomers.py), nor the loop over time (the engines).
"""

import math

import numpy as np

from cjsim.kernel import inlined, kernel
from cjsim.kernels.accounting import account_for_stage, book_cost, initialize_outcome, record_moments
from cjsim.kernels.channel_sets import NO_CHANNELS
from cjsim.kernels.clocks import start_clock, update_clock_permissions
from cjsim.kernels.codes import HOURS_PER_DAY, DueKind, TouchCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.apply_effects import apply_effects, enter_stage
from cjsim.kernels.customer.decay import pressure_now, satisfaction_now
from cjsim.kernels.customer.initial_state import clear_counters, fill_array, initialize_channels, initialize_clocks, initialize_customer
from cjsim.kernels.customer.responses import CLICK, OPEN, resolve_response
from cjsim.kernels.desks.replies import handle_reply
from cjsim.kernels.log_rows import log_event_code, write_log_row
from cjsim.kernels.policy.flow_steps import exit_flows, resume_waiting_flows, run_actor
from cjsim.kernels.policy.pull_messages import deliver_placed
from cjsim.kernels.policy.triggers import initialize_actor, reset_inactivity_timers, start_flow, start_flows
from cjsim.kernels.queue import EFFECT_LIST, FLOW_START, STAGE_ENTRY

MAX_EVENTS_AT_ONE_TIME = 10_000  # happenings of a customer without time passing: more never end
MAX_EVENTS = 10_000_000  # happenings of a customer: more are a mistake


@inlined
def record_event(world, life, sink, event):  # type: ignore[no-untyped-def]
    """A journey event happens: its log row, its count, its moments.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    event : int
        Code of the event.
    """
    customer = life.customer[0]
    clock = life.clocks[event]
    if world.events[event].hidden == 0:
        write_log_row(life, sink, log_event_code(event), -1, -1, -1, 0.0)
    clock.count += 1
    customer.dirty |= world.events[event].cause
    clock.last = customer.now
    customer.spent = 0.0
    record_moments(world, life, sink, event, clock.count)


@inlined
def record_active_hour(world, life):  # type: ignore[no-untyped-def]
    """The firm sees that the customer is there at this hour of the day, if its policy learns from that.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Written: customer, hours.
    """
    if world.setting[0].learning == 0:
        return
    customer = life.customer[0]
    day = math.floor(customer.now + TOLERANCE)
    hour = int((customer.now - day + TOLERANCE) * HOURS_PER_DAY)
    life.hours[min(hour, HOURS_PER_DAY - 1)] += 1
    customer.learnt += 1


@inlined
def finish_event(world, life, sink, event, row, starts):  # type: ignore[no-untyped-def]
    """After an event's effects: the money in its row, messages that waited for it, the flows that look at it, its own clock again.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    event : int
        Code of the event.
    row : int
        Index of its log row.
    starts : int
        How often its clock had been started before its effects.
    """
    record = world.events[event]
    if record.hidden == 0 and life.customer[0].spent != 0.0 and row < sink.log.shape[0]:
        sink.log[row].value = life.customer[0].spent
    if record.learns == 1:
        record_active_hour(world, life)
    if record.visits != NO_CHANNELS:
        deliver_placed(world, life, sink, record.visits)
    if record.hidden == 0:
        resume_waiting_flows(world, life, event)
        exit_flows(world, life, sink, event)
        start_flows(world, life, sink, record.trigger_first, record.trigger_count)
        reset_inactivity_timers(world, life, record.watch_first, record.watch_count, world.links)
        reset_inactivity_timers(world, life, 0, world.any_watch.shape[0], world.any_watch)
    if life.clocks[event].active == 1 and life.clocks[event].starts == starts:
        start_clock(world, life, event)


@inlined
def drain_queue(world, life, sink):  # type: ignore[no-untyped-def]
    """Let everything that was queued for this time happen, in the order in which it was queued.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    """
    customer = life.customer[0]
    i = 0
    while i < customer.fired:
        item = life.fired[i]
        i += 1
        row = sink.written[0]
        starts = 0
        effects = -1
        if item >= EFFECT_LIST:
            effects = item - EFFECT_LIST
        elif item < STAGE_ENTRY:
            starts = life.clocks[item].starts
            effects = world.events[item].effects
            record_event(world, life, sink, item)
        apply_effects(world, life, sink, effects)
        if item < STAGE_ENTRY:
            finish_event(world, life, sink, item, row, starts)
        elif item < FLOW_START:
            stage = item - STAGE_ENTRY
            start_flows(world, life, sink, world.stage_links[stage, 0], world.stage_links[stage, 1])
        elif item < EFFECT_LIST:
            start_flow(world, life, sink, item - FLOW_START)
    customer.fired = 0
    update_clock_permissions(world, life)


@kernel
def dispatch(world, life, sink, kind, which, time):  # type: ignore[no-untyped-def]
    """Let what is due happen, with all that follows at once; or find that time does not pass for this customer.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    kind : int
        A `Happening`.
    which : int
        The pending read, the event or the actor; ANSWER: 0.
    time : float64
        Days: when it is due.
    """
    customer = life.customer[0]
    customer.last_kind = kind
    customer.last_which = which
    customer.takes += 1
    customer.still = customer.still + 1 if time <= customer.now else 0
    if customer.still > MAX_EVENTS_AT_ONE_TIME or customer.takes > MAX_EVENTS:
        customer.stuck = 1
        return
    customer.now = time
    if kind == DueKind.CLOCK:
        life.fired[0] = which
        customer.fired = 1
    elif kind == DueKind.ACTOR:
        run_actor(world, life, sink, which)
    elif kind == DueKind.DESK_REPLY:
        handle_reply(world, life, sink)
    else:
        is_seen = life.reads[which].what & (OPEN | CLICK) != 0
        resolve_response(world, life, sink, which)
        if is_seen:
            record_active_hour(world, life)
            reset_inactivity_timers(world, life, 0, world.any_watch.shape[0], world.any_watch)
    drain_queue(world, life, sink)


@kernel
def start_customer(world, life, sink, people, i, row):  # type: ignore[no-untyped-def]
    """A customer enters: state, consent, clocks, flows, the first stage.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    people : Population
        Read.
    i, row : int
        Index in `people`; in the sink.
    """
    initialize_customer(world, life, people, i, row)
    clear_counters(world, life)
    initialize_channels(world, life)
    initialize_clocks(world, life)
    initialize_outcome(life, sink)
    customer = life.customer[0]
    if customer.entered >= world.setting[0].horizon:
        fill_array(life.act_due, math.inf)
        return
    for actor in range(world.actors.shape[0]):
        initialize_actor(world, life, actor)
    if world.stages[customer.stage].seen >= 0:
        customer.shown = customer.stage
    write_log_row(life, sink, TouchCode.ENTERED, -1, -1, -1, 0.0)
    book_cost(world, life, sink, people.cost[i])
    for event in range(world.events.shape[0]):
        if world.events[event].anywhere == 1:
            start_clock(world, life, event)
    enter_stage(world, life, sink, customer.stage)
    drain_queue(world, life, sink)


@kernel
def finish_customer(world, life, sink):  # type: ignore[no-untyped-def]
    """The horizon: account for what is still open.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: customer.
    sink : Sink
        Written: outcome, dwell.
    """
    customer = life.customer[0]
    if customer.entered >= world.setting[0].horizon:
        return
    customer.now = world.setting[0].horizon
    account_for_stage(world, life, sink, customer.now + TOLERANCE)
    outcome = sink.outcome[customer.row]
    outcome.stage = customer.stage
    outcome.satisfaction = np.float32(satisfaction_now(world, life))
    outcome.pressure = np.float32(pressure_now(world, life))
