"""The course of one life: how it begins, what comes due next, what happens then, how it ends.

Lives here: the order of things. Does not live here: any rule of a customer (behavior.py) or of a policy (decision.py), the state at
entry (newcomers.py), nor the loop over time (the engines).
"""

import math

import numpy as np

from cjsim.kernel import inlined, kernel
from cjsim.model.answer import CLICK, OPEN, read_message
from cjsim.model.behavior import apply_effects, enter_stage
from cjsim.model.clocks import refresh_permissions, start_clock
from cjsim.model.codes import HOURS, Happening, Touch
from cjsim.model.decision import act, exit_flows, resume_awaiting
from cjsim.model.guardrails import NO_CHANNELS
from cjsim.model.ledger import book_cost, event_code, leave_stage, note_moments, open_account, write_row
from cjsim.model.mood import pressure_now, satisfaction_now
from cjsim.model.newcomers import clear_marks, fill, place_customer, set_up_channels, set_up_clocks
from cjsim.model.placing import show_placed
from cjsim.model.programs import SLACK
from cjsim.model.queue import EFFECTS, FLOW, STAGE_ENTRY
from cjsim.model.replying import answer
from cjsim.model.triggers import arm_actor, reset_watches, start_flow, start_flows

MOST_AT_ONCE = 10_000  # happenings of a customer without time passing: more never end
MOST_HAPPENINGS = 10_000_000  # happenings of a customer: more are a mistake


@inlined
def note_event(world, life, sink, event):  # type: ignore[no-untyped-def]
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
        write_row(life, sink, event_code(event), -1, -1, -1, 0.0)
    clock.count += 1
    customer.dirty |= world.events[event].cause
    clock.last = customer.now
    customer.spent = 0.0
    note_moments(world, life, sink, event, clock.count)


@inlined
def note_hour(world, life):  # type: ignore[no-untyped-def]
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
    day = math.floor(customer.now + SLACK)
    hour = int((customer.now - day + SLACK) * HOURS)
    life.hours[min(hour, HOURS - 1)] += 1
    customer.learnt += 1


@inlined
def follow_event(world, life, sink, event, row, starts):  # type: ignore[no-untyped-def]
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
        note_hour(world, life)
    if record.visits != NO_CHANNELS:
        show_placed(world, life, sink, record.visits)
    if record.hidden == 0:
        resume_awaiting(world, life, event)
        exit_flows(world, life, sink, event)
        start_flows(world, life, sink, record.trigger_first, record.trigger_count)
        reset_watches(world, life, record.watch_first, record.watch_count, world.links)
        reset_watches(world, life, 0, world.any_watch.shape[0], world.any_watch)
    if life.clocks[event].active == 1 and life.clocks[event].starts == starts:
        start_clock(world, life, event)


@inlined
def settle(world, life, sink):  # type: ignore[no-untyped-def]
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
        if item >= EFFECTS:
            effects = item - EFFECTS
        elif item < STAGE_ENTRY:
            starts = life.clocks[item].starts
            effects = world.events[item].effects
            note_event(world, life, sink, item)
        apply_effects(world, life, sink, effects)
        if item < STAGE_ENTRY:
            follow_event(world, life, sink, item, row, starts)
        elif item < FLOW:
            stage = item - STAGE_ENTRY
            start_flows(world, life, sink, world.stage_links[stage, 0], world.stage_links[stage, 1])
        elif item < EFFECTS:
            start_flow(world, life, sink, item - FLOW)
    customer.fired = 0
    refresh_permissions(world, life)


@kernel
def take(world, life, sink, kind, which, time):  # type: ignore[no-untyped-def]
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
    if customer.still > MOST_AT_ONCE or customer.takes > MOST_HAPPENINGS:
        customer.stuck = 1
        return
    customer.now = time
    if kind == Happening.CLOCK:
        life.fired[0] = which
        customer.fired = 1
    elif kind == Happening.ACT:
        act(world, life, sink, which)
    elif kind == Happening.ANSWER:
        answer(world, life, sink)
    else:
        is_seen = life.reads[which].what & (OPEN | CLICK) != 0
        read_message(world, life, sink, which)
        if is_seen:
            note_hour(world, life)
            reset_watches(world, life, 0, world.any_watch.shape[0], world.any_watch)
    settle(world, life, sink)


@kernel
def begin_life(world, life, sink, people, i, row):  # type: ignore[no-untyped-def]
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
    place_customer(world, life, people, i, row)
    clear_marks(world, life)
    set_up_channels(world, life)
    set_up_clocks(world, life)
    open_account(life, sink)
    customer = life.customer[0]
    if customer.entered >= world.setting[0].horizon:
        fill(life.act_due, math.inf)
        return
    for actor in range(world.actors.shape[0]):
        arm_actor(world, life, actor)
    if world.stages[customer.stage].seen >= 0:
        customer.shown = customer.stage
    write_row(life, sink, Touch.ENTERED, -1, -1, -1, 0.0)
    book_cost(world, life, sink, people.cost[i])
    for event in range(world.events.shape[0]):
        if world.events[event].anywhere == 1:
            start_clock(world, life, event)
    enter_stage(world, life, sink, customer.stage)
    settle(world, life, sink)


@kernel
def end_life(world, life, sink):  # type: ignore[no-untyped-def]
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
    leave_stage(world, life, sink, customer.now + SLACK)
    outcome = sink.outcome[customer.row]
    outcome.stage = customer.stage
    outcome.satisfaction = np.float32(satisfaction_now(world, life))
    outcome.pressure = np.float32(pressure_now(world, life))
