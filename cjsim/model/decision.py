"""Policies act: flows and broadcasts, and what starts, ends and delays them.

Lives here: triggers, and the steps of a flow. Does not live here: sends and broadcasts (sending.py), whether a message may go
out (guardrails.py).
"""

import math

import numpy as np

from cjsim.kernel import rule
from cjsim.model.behavior import set_tag
from cjsim.model.codes import Mode, Step, Touch, Trigger
from cjsim.model.ledger import write_row
from cjsim.model.mood import add_score
from cjsim.model.programs import SLACK, holds
from cjsim.model.random import uniform
from cjsim.model.sending import WAITS, broadcast, schedule_next, send


@rule
def arm_actor(world, life, actor):  # type: ignore[no-untyped-def]
    """Make an actor ready for a customer who has just entered.

    Parameters
    ----------
    world : World
        Read: actors, schedule.
    life : Life
        Read: customer. Written: runs, act_due.
    actor : int
        Code of the actor.
    """
    record = world.actors[actor]
    run = life.runs[actor]
    now = life.customer[0].now
    run.mode = Mode.IDLE
    run.step = -1
    run.awaits = -1
    run.date = 0
    run.missed = 0
    run.started = -math.inf
    run.seen = -math.inf
    life.act_due[actor] = math.inf
    if record.trigger == Trigger.SCHEDULE:
        while run.date < record.schedule_count and world.schedule[record.schedule_first + run.date] < now:
            run.date += 1
        schedule_next(world, life, actor)
    elif record.trigger == Trigger.INACTIVITY and record.watch_entry == 1:
        reset_watch(world, life, actor)


@rule
def reset_watch(world, life, actor):  # type: ignore[no-untyped-def]
    """Start a flow's inactivity timer again, if the flow is not running.

    Parameters
    ----------
    world : World
        Read: actors.
    life : Life
        Read: customer. Written: runs, act_due.
    actor : int
        Code of the actor.
    """
    run = life.runs[actor]
    run.seen = life.customer[0].now
    if run.mode == Mode.IDLE or run.mode == Mode.WATCHING:
        run.mode = Mode.WATCHING
        life.act_due[actor] = run.seen + world.actors[actor].inactivity


@rule
def start_flow(world, life, sink, actor):  # type: ignore[no-untyped-def]
    """Start a flow, if it is not running, may run again, and its condition holds.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: runs, act_due.
    sink : Sink
        Written: outcome, log.
    actor : int
        Code of the flow.
    """
    record = world.actors[actor]
    run = life.runs[actor]
    now = life.customer[0].now
    if run.mode > Mode.WATCHING or now - run.started < record.again_after - SLACK or not holds(world, life, record.program):
        return
    run.mode = Mode.RUNNING
    run.step = record.first_step
    run.started = now
    life.act_due[actor] = now
    sink.outcome[life.customer[0].row].flows += 1
    write_row(life, sink, Touch.FLOW_STARTED, -1, -1, record.source, 0.0)


@rule
def start_flows(world, life, sink, first, count):  # type: ignore[no-untyped-def]
    """Start a span of flows, each if it may.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: runs, act_due.
    sink : Sink
        Written: outcome, log.
    first, count : int
        The span of `world.links`.
    """
    for i in range(first, first + count):
        start_flow(world, life, sink, world.links[i])


@rule
def end_flow(world, life, actor):  # type: ignore[no-untyped-def]
    """End a flow's run; an inactivity timer that was reset meanwhile runs on.

    Parameters
    ----------
    world : World
        Read: actors.
    life : Life
        Read: customer. Written: runs, act_due.
    actor : int
        Code of the flow.
    """
    record = world.actors[actor]
    run = life.runs[actor]
    run.mode = Mode.IDLE
    run.step = -1
    run.awaits = -1
    life.act_due[actor] = math.inf
    if record.trigger == Trigger.INACTIVITY and run.seen >= run.started:
        run.mode = Mode.WATCHING
        life.act_due[actor] = max(run.seen + record.inactivity, life.customer[0].now)


@rule
def resume_awaiting(world, life, event):  # type: ignore[no-untyped-def]
    """Let flows that wait for an event go on.

    Parameters
    ----------
    world : World
        Read: steps.
    life : Life
        Read: customer. Written: runs, act_due.
    event : int
        Code of the event.
    """
    for actor in range(world.actors.shape[0]):
        run = life.runs[actor]
        if run.mode == Mode.AWAITING and run.awaits == event:
            run.mode = Mode.RUNNING
            run.awaits = -1
            run.step = world.steps[run.step].next
            life.act_due[actor] = life.customer[0].now


@rule
def exit_flows(world, life, sink, event):  # type: ignore[no-untyped-def]
    """End the running flows that leave on an event.

    Parameters
    ----------
    world : World
        Read: events, links, actors.
    life : Life
        Written: runs, act_due.
    sink : Sink
        Written: outcome, log.
    event : int
        Code of the event.
    """
    record = world.events[event]
    for i in range(record.exit_first, record.exit_first + record.exit_count):
        actor = world.links[i]
        if life.runs[actor].mode > Mode.WATCHING:
            end_flow(world, life, actor)
            write_row(life, sink, Touch.FLOW_EXITED, -1, -1, world.actors[actor].source, 0.0)


@rule
def reset_watches(world, life, first, count, links):  # type: ignore[no-untyped-def]
    """Reset the inactivity timers of a span of actors.

    Parameters
    ----------
    world : World
        Read: actors.
    life : Life
        Written: runs, act_due.
    first, count : int
        The span.
    links : ndarray of int32
        Actors.
    """
    for i in range(first, first + count):
        reset_watch(world, life, links[i])


@rule
def draw_arm(world, life, step):  # type: ignore[no-untyped-def]
    """Draw the way on at a split.

    Parameters
    ----------
    world : World
        Read: steps, shares.
    life : Life
        Read: customer. Written: counts.
    step : int
        Index of the SPLIT record.

    Returns
    -------
    int
        The next step, -1 the end.
    """
    customer = life.customer[0]
    record = world.steps[step]
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(life.counts[record.slot]))
    life.counts[record.slot] += 1
    for i in range(record.other, record.other + record.count - 1):
        if u < world.shares[i].upto:
            return world.shares[i].step
    return world.shares[record.other + record.count - 1].step


@rule
def run_flow(world, life, sink, actor):  # type: ignore[no-untyped-def]
    """Take a flow's steps until it waits, ends, or has delivered something whose effects come first.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    actor : int
        Code of the flow, whose mode is RUNNING or DEFERRED.
    """
    run = life.runs[actor]
    now = life.customer[0].now
    while run.step >= 0:
        step = world.steps[run.step]
        op = step.op
        if op == Step.SEND:
            if run.mode == Mode.RUNNING:
                life.counts[step.slot] += 1
            if send(world, life, sink, actor, step.target, life.counts[step.slot] - 1) == WAITS:
                return
            run.mode = Mode.RUNNING
            run.step = step.next
            if life.customer[0].fired > 0:
                life.act_due[actor] = now
                return
        elif op == Step.WAIT:
            run.step = step.next
            life.act_due[actor] = now + step.x
            return
        elif op == Step.WAIT_FOR:
            run.mode = Mode.AWAITING
            run.awaits = step.target
            life.act_due[actor] = now + step.x
            return
        elif op == Step.STOP:
            run.step = -1
        else:
            run.step = take_instant_step(world, life, run.step)
    end_flow(world, life, actor)


@rule
def take_instant_step(world, life, at):  # type: ignore[no-untyped-def]
    """Take a step that needs no time and no guardrail.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: tags, scores, counts, customer.
    at : int
        Index of the step.

    Returns
    -------
    int
        The next step, -1 the end.
    """
    step = world.steps[at]
    if step.op == Step.BRANCH:
        return step.next if holds(world, life, step.program) else step.other
    if step.op == Step.SPLIT:
        return draw_arm(world, life, at)
    if step.op == Step.TAG:
        set_tag(life, step.target, 1)
    elif step.op == Step.UNTAG:
        set_tag(life, step.target, 0)
    elif step.op == Step.SCORE:
        add_score(world, life, step.target, step.x)
    return step.next


@rule
def act(world, life, sink, actor):  # type: ignore[no-untyped-def]
    """An actor is due: a date, the end of an inactivity, a wait or a time-out.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    actor : int
        Code of the actor.
    """
    run = life.runs[actor]
    if world.actors[actor].trigger == Trigger.SCHEDULE:
        broadcast(world, life, sink, actor)
    elif run.mode == Mode.WATCHING:
        run.mode = Mode.IDLE
        life.act_due[actor] = math.inf
        start_flow(world, life, sink, actor)
    else:
        if run.mode == Mode.AWAITING:
            run.mode = Mode.RUNNING
            run.awaits = -1
            run.step = world.steps[run.step].other
        run_flow(world, life, sink, actor)
