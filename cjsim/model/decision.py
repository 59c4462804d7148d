"""Policies act: the steps of a flow, one after another, and what ends or resumes it.

Lives here: steps. Does not live here: what starts a flow (triggers.py), sends and broadcasts (sending.py), whether a message may go out
(guardrails.py).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.model.asking import ask
from cjsim.model.behavior import set_tag
from cjsim.model.codes import HOURS, Mode, Step, Touch
from cjsim.model.ledger import write_row
from cjsim.model.offers import grant_offer
from cjsim.model.programs import SLACK, holds
from cjsim.model.random import uniform
from cjsim.model.sending import WAITS, broadcast, send
from cjsim.model.triggers import change_score, end_watch, watch_again

_WEEK = 7


@rule
def end_flow(world, life, actor):  # type: ignore[no-untyped-def]
    """End a flow's run; what may start it next is watched again.

    Parameters
    ----------
    world : World
        Read: actors, schedule, scores.
    life : Life
        Read: customer, scores. Written: runs, act_due.
    actor : int
        Code of the flow.
    """
    run = life.runs[actor]
    run.mode = Mode.IDLE
    run.step = -1
    run.awaits = -1
    life.act_due[actor] = math.inf
    watch_again(world, life, actor)


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
def draw_arm(world, life, sink, actor, at):  # type: ignore[no-untyped-def]
    """Draw the way on at a split; in an experiment, always the same one, which the log tells.

    Parameters
    ----------
    world : World
        Read: actors, steps, shares.
    life : Life
        Read: customer. Written: counts.
    sink : Sink
        Written: outcome, log.
    actor : int
        Code of the flow.
    at : int
        Index of the SPLIT record.

    Returns
    -------
    int
        The next step, -1 the end.
    """
    customer = life.customer[0]
    step = world.steps[at]
    is_experiment = step.target == 1
    ordinal = 0 if is_experiment else life.counts[step.slot]
    life.counts[step.slot] += 1
    u = uniform(customer.seed, customer.key, step.stream, np.uint64(ordinal))
    arm = 0
    while arm < step.count - 1 and not u < world.shares[step.other + arm].upto:
        arm += 1
    if is_experiment:
        write_row(life, sink, Touch.EXPOSED, -1, -1, world.actors[actor].source, float(arm))
    return world.shares[step.other + arm].step


@inlined
def _nearness(apart):  # type: ignore[no-untyped-def]
    """1 for the same hour of the day, 0 for six hours apart, -1 for twelve."""
    around = apart - HOURS * math.floor(apart / HOURS)
    v = min(around, HOURS - around) / 12.0
    return 1.0 - v * v * (6.0 - 4.0 * v)


@rule
def best_hour(life, at, typical, learn_from):  # type: ignore[no-untyped-def]
    """The hour of the day for this customer: as much later than `at` as the firm has seen it later than its customers are on the whole.

    Of 0 to 23 whole hours later, the one that brings what is typical nearest to all that was seen, for each of them 1 - 6 v^2 + 4 v^3 with
    v = (hours apart around the clock) / 12. That is cos(pi v) within 0.021, of which the circular mean makes most. `learn_from` more count
    as seen at `typical`, so that little is ventured on little. Openings trail their sends: that they do is in `typical` too, and cancels.

    Parameters
    ----------
    life : Life
        Read: hours.
    at, typical : float64
        Hours.
    learn_from : int

    Returns
    -------
    float64
        Hours, 0 to 24.
    """
    best, most = 0, -math.inf
    for later in range(HOURS):
        near = learn_from * _nearness(float(later))
        for hour in range(HOURS):
            if life.hours[hour] > 0:
                near += life.hours[hour] * _nearness(hour + 0.5 - typical - later)
        if near > most + SLACK:
            best, most = later, near
    return at + best if at + best <= HOURS else at + best - HOURS


@rule
def local_time(world, life, at):  # type: ignore[no-untyped-def]
    """The next time, now included, at which it is the hour of an UNTIL step, on one of its weekdays.

    Parameters
    ----------
    world : World
        Read: steps, setting.
    life : Life
        Read: customer, hours.
    at : int
        Index of the UNTIL record.

    Returns
    -------
    float64
        Days; 24:00 belongs to the day that it ends.
    """
    step = world.steps[at]
    now = life.customer[0].now
    hour = step.x
    if step.target == 1 and life.customer[0].learnt >= step.other:
        hour = best_hour(life, step.x, step.typical, step.other)
    day = math.floor(now + SLACK) - 1
    weekday = (day + int(world.setting[0].midnight) // HOURS + _WEEK) % _WEEK
    while (step.count >> weekday) & 1 == 0 or day + hour / 24.0 < now - SLACK:
        day += 1
        weekday = (weekday + 1) % _WEEK
    return max(day + hour / 24.0, now)


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
        elif op == Step.WAIT or op == Step.UNTIL:
            life.act_due[actor] = now + step.x if op == Step.WAIT else local_time(world, life, run.step)
            run.step = step.next
            return
        elif op == Step.WAIT_FOR:
            run.mode = Mode.AWAITING
            run.awaits = step.target
            life.act_due[actor] = now + step.x
            return
        elif op == Step.STOP:
            run.step = -1
        else:
            run.step = take_instant_step(world, life, sink, actor, run.step)
    end_flow(world, life, actor)


@rule
def take_instant_step(world, life, sink, actor, at):  # type: ignore[no-untyped-def]
    """Take a step that needs no time and no guardrail.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    actor : int
        Code of the flow.
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
        return draw_arm(world, life, sink, actor, at)
    if step.op == Step.TAG:
        set_tag(life, step.target, 1)
    elif step.op == Step.UNTAG:
        set_tag(life, step.target, 0)
    elif step.op == Step.SCORE:
        change_score(world, life, step.target, step.x)
    elif step.op == Step.OFFER:
        grant_offer(world, life, sink, step.target)
    elif step.op == Step.ASK:
        ask(world, life, sink, step.target, step.x, -1, 0)
    return step.next


@rule
def act(world, life, sink, actor):  # type: ignore[no-untyped-def]
    """An actor is due: the time that it has watched for, the end of a wait, or a time-out.

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
    if world.actors[actor].is_flow == 0:
        broadcast(world, life, sink, actor)
    elif run.mode == Mode.WATCHING:
        end_watch(world, life, sink, actor)
    else:
        if run.mode == Mode.AWAITING:
            run.mode = Mode.RUNNING
            run.awaits = -1
            run.step = world.steps[run.step].other
        run_flow(world, life, sink, actor)
