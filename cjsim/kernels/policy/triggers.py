"""Triggers: what starts a flow, and the timers of flows that are not running.

Flows start at events, stages, dates, the end of an inactivity period, scores that cross a threshold (score_triggers.py), or messages that
stay unopened (unopened_triggers.py).

References
----------
docs/model.md, Triggers.
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import FlowMode, TouchCode, TriggerCode
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.policy.score_triggers import schedule_score_crossing
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import Array, World


@rule
def initialize_actor(world: World, state: CustomerState, actor: int) -> None:
    """Reset an actor for a customer who has just entered.

    Writes: runs, actor_due.
    """
    record = world.actors[actor]
    run = state.runs[actor]
    run.mode = FlowMode.IDLE.value if record.absent == 0 else FlowMode.ABSENT.value
    run.step = -1
    run.awaited_event = -1
    run.next_date = 0
    run.unopened = 0
    run.started = -math.inf
    run.tried = -math.inf
    run.last_activity = -math.inf
    state.actor_due[actor] = math.inf
    if record.absent == 1:
        if record.trigger == TriggerCode.INACTIVITY and record.watch_entry == 1:
            reset_inactivity_timer(world, state, actor)
    elif record.trigger == TriggerCode.SCHEDULE:
        skip_past_dates(world, state, actor)
        schedule_next_date(world, state, actor)
    elif record.trigger == TriggerCode.INACTIVITY and record.watch_entry == 1:
        reset_inactivity_timer(world, state, actor)


@rule
def admit_actor(world: World, state: CustomerState, actor: int) -> None:
    """Activate a flow or a broadcast that is in the present policy but not in the past one.

    Nothing that happened before can start it: dates that have passed, a period of inactivity that has ended, stages already entered. It
    inherits the time of the last start from the flow that it replaces. Writes: runs, actor_due.
    """
    record = world.actors[actor]
    run = state.runs[actor]
    run.mode = FlowMode.IDLE.value
    if record.predecessor >= 0:
        run.started = state.runs[record.predecessor].started
    if record.trigger == TriggerCode.SCHEDULE:
        skip_past_dates(world, state, actor)
        schedule_next_date(world, state, actor)
    elif record.trigger == TriggerCode.SCORE_BELOW:
        schedule_score_crossing(world, state, actor)
    elif record.trigger == TriggerCode.INACTIVITY and run.last_activity + record.inactivity >= state.customer[0].now:
        run.mode = FlowMode.WATCHING.value
        state.actor_due[actor] = run.last_activity + record.inactivity


@rule
def start_flow(world: World, state: CustomerState, out: Output, actor: int) -> None:
    """Start a flow if it is not running, it may run again, and its condition holds.

    Writes: runs, actor_due, outcome.flows, outcome.events, the log.
    """
    record = world.actors[actor]
    run = state.runs[actor]
    now = state.customer[0].now
    if (
        run.mode > FlowMode.WATCHING
        or now - run.started < record.again_after - TOLERANCE
        or not condition_holds(world, state, record.program)
    ):
        return
    run.mode = FlowMode.RUNNING.value
    run.step = record.first_step
    run.started = now
    state.actor_due[actor] = now
    out.outcome[state.customer[0].row].flows += 1
    write_log_row(state, out, TouchCode.FLOW_STARTED.value, -1, -1, record.source, 0.0)


@rule
def start_flows(world: World, state: CustomerState, out: Output, first: int, count: int) -> None:
    """Start each flow in a span of `world.links` that may start.

    Writes: runs, actor_due, outcome.flows, outcome.events, the log.
    """
    for i in range(first, first + count):
        start_flow(world, state, out, world.links[i])


@rule
def handle_start_timer(world: World, state: CustomerState, out: Output, actor: int) -> None:
    """Handle the start timer of a flow that is not running (mode WATCHING): start the flow if it may start.

    Writes: runs, actor_due, outcome.flows, outcome.events, the log.
    """
    run = state.runs[actor]
    is_dated = world.actors[actor].trigger == TriggerCode.SCHEDULE
    run.mode = FlowMode.IDLE.value
    state.actor_due[actor] = math.inf
    if is_dated:
        run.next_date += 1
    start_flow(world, state, out, actor)
    if is_dated and run.mode == FlowMode.IDLE:
        schedule_next_date(world, state, actor)


@rule
def rearm_start_timer(world: World, state: CustomerState, actor: int) -> None:
    """After a run (mode IDLE), set the timer of the flow's next start, given the events during the run.

    A date equal to now is not missed. An inactivity period that ended during the run counts as ending now. Writes: runs, actor_due.
    """
    record = world.actors[actor]
    run = state.runs[actor]
    if record.trigger == TriggerCode.INACTIVITY:
        if run.last_activity >= run.started:
            run.mode = FlowMode.WATCHING.value
            state.actor_due[actor] = max(run.last_activity + record.inactivity, state.customer[0].now)
    elif record.trigger == TriggerCode.SCHEDULE:
        skip_past_dates(world, state, actor)
        schedule_next_date(world, state, actor)
    elif record.trigger == TriggerCode.SCORE_BELOW:
        schedule_score_crossing(world, state, actor)


@rule
def reset_inactivity_timer(world: World, state: CustomerState, actor: int) -> None:
    """Record activity now, and restart the actor's inactivity timer unless the actor is running.

    Writes: runs, actor_due.
    """
    run = state.runs[actor]
    run.last_activity = state.customer[0].now
    if run.mode == FlowMode.IDLE or run.mode == FlowMode.WATCHING:
        run.mode = FlowMode.WATCHING.value
        state.actor_due[actor] = run.last_activity + world.actors[actor].inactivity


@rule
def reset_inactivity_timers(world: World, state: CustomerState, first: int, count: int, links: Array) -> None:
    """Record activity now for each actor of a span of `links` (int32), as `reset_inactivity_timer` does.

    Writes: runs, actor_due.
    """
    for i in range(first, first + count):
        reset_inactivity_timer(world, state, links[i])


@inlined
def scheduled_time(world: World, state: CustomerState, actor: int) -> float:
    """The time (days) of an actor's next date, which must exist."""
    record = world.actors[actor]
    time: float = world.schedule[record.schedule_first + record.schedule_stride * state.customer[0].zone + state.runs[actor].next_date]
    return time


@rule
def skip_past_dates(world: World, state: CustomerState, actor: int) -> None:
    """Skip the dates of an actor that have passed. A date equal to now has not passed.

    Writes: runs.
    """
    record = world.actors[actor]
    run = state.runs[actor]
    passed = state.customer[0].now - TOLERANCE
    while run.next_date < record.schedule_count and scheduled_time(world, state, actor) < passed:
        run.next_date += 1


@inlined
def schedule_next_date(world: World, state: CustomerState, actor: int) -> None:
    """Set an actor's timer to its next date.

    Writes: runs, actor_due.
    """
    record = world.actors[actor]
    run = state.runs[actor]
    run.mode = FlowMode.WATCHING.value
    state.actor_due[actor] = math.inf
    if run.next_date < record.schedule_count:
        state.actor_due[actor] = max(scheduled_time(world, state, actor), state.customer[0].now)
