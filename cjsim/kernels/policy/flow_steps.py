"""Policies act: the steps of a flow, one after another, and what ends or resumes it.

Lives here: steps. Does not live here: what starts a flow (triggers.py), sends and broadcasts (sending.py), whether a message may go out
(guardrails.py).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import HOURS_PER_DAY, FlowMode, StepCode, TouchCode
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.customer.apply_effects import set_tag
from cjsim.kernels.customer.offers import grant_offer
from cjsim.kernels.desks.requests import make_request
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.policy.sending import DEFERRED, run_broadcast, send_message
from cjsim.kernels.policy.triggers import change_score, end_start_timer, rearm_start_timer
from cjsim.kernels.rng import uniform

_DAYS_PER_WEEK = 7


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
    run.mode = FlowMode.IDLE
    run.step = -1
    run.awaits = -1
    life.act_due[actor] = math.inf
    rearm_start_timer(world, life, actor)


@rule
def resume_waiting_flows(world, life, event):  # type: ignore[no-untyped-def]
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
        if run.mode == FlowMode.AWAITING and run.awaits == event:
            run.mode = FlowMode.RUNNING
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
        if life.runs[actor].mode > FlowMode.WATCHING:
            end_flow(world, life, actor)
            write_log_row(life, sink, TouchCode.FLOW_EXITED, -1, -1, world.actors[actor].source, 0.0)


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
        write_log_row(life, sink, TouchCode.EXPOSED, -1, -1, world.actors[actor].source, float(arm))
    return world.shares[step.other + arm].step


@inlined
def _hour_similarity(apart):  # type: ignore[no-untyped-def]
    """1 for the same hour of the day, 0 for six hours apart, -1 for twelve."""
    around = apart - HOURS_PER_DAY * math.floor(apart / HOURS_PER_DAY)
    v = min(around, HOURS_PER_DAY - around) / 12.0
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
    for later in range(HOURS_PER_DAY):
        near = learn_from * _hour_similarity(float(later))
        for hour in range(HOURS_PER_DAY):
            if life.hours[hour] > 0:
                near += life.hours[hour] * _hour_similarity(hour + 0.5 - typical - later)
        if near > most + TOLERANCE:
            best, most = later, near
    return at + best if at + best <= HOURS_PER_DAY else at + best - HOURS_PER_DAY


@rule
def next_local_time(world, life, at):  # type: ignore[no-untyped-def]
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
    day = math.floor(now + TOLERANCE) - 1
    weekday = (day + int(world.setting[0].midnight) // HOURS_PER_DAY + _DAYS_PER_WEEK) % _DAYS_PER_WEEK
    while (step.count >> weekday) & 1 == 0 or day + hour / 24.0 < now - TOLERANCE:
        day += 1
        weekday = (weekday + 1) % _DAYS_PER_WEEK
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
        if op == StepCode.SEND:
            if run.mode == FlowMode.RUNNING:
                life.counts[step.slot] += 1
            if send_message(world, life, sink, actor, step.target, life.counts[step.slot] - 1) == DEFERRED:
                return
            run.mode = FlowMode.RUNNING
            run.step = step.next
            if life.customer[0].fired > 0:
                life.act_due[actor] = now
                return
        elif op == StepCode.WAIT or op == StepCode.UNTIL:
            life.act_due[actor] = now + step.x if op == StepCode.WAIT else next_local_time(world, life, run.step)
            run.step = step.next
            return
        elif op == StepCode.WAIT_FOR:
            run.mode = FlowMode.AWAITING
            run.awaits = step.target
            life.act_due[actor] = now + step.x
            return
        elif op == StepCode.STOP:
            run.step = -1
        else:
            run.step = run_instant_step(world, life, sink, actor, run.step)
    end_flow(world, life, actor)


@rule
def run_instant_step(world, life, sink, actor, at):  # type: ignore[no-untyped-def]
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
    if step.op == StepCode.BRANCH:
        return step.next if condition_holds(world, life, step.program) else step.other
    if step.op == StepCode.SPLIT:
        return draw_arm(world, life, sink, actor, at)
    if step.op == StepCode.TAG:
        set_tag(life, step.target, 1)
    elif step.op == StepCode.UNTAG:
        set_tag(life, step.target, 0)
    elif step.op == StepCode.SCORE:
        change_score(world, life, step.target, step.x)
    elif step.op == StepCode.OFFER:
        grant_offer(world, life, sink, step.target)
    elif step.op == StepCode.ASK:
        make_request(world, life, sink, step.target, step.x, -1, 0)
    return step.next


@rule
def run_actor(world, life, sink, actor):  # type: ignore[no-untyped-def]
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
        run_broadcast(world, life, sink, actor)
    elif run.mode == FlowMode.WATCHING:
        end_start_timer(world, life, sink, actor)
    else:
        if run.mode == FlowMode.AWAITING:
            run.mode = FlowMode.RUNNING
            run.awaits = -1
            run.step = world.steps[run.step].other
        run_flow(world, life, sink, actor)
