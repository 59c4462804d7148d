"""What starts flows: events and stages, the end of an inactivity, dates, scores that cross a value, messages that nobody opens.

Lives here: triggers, the timers of flows that are not running, the start of a flow. Does not live here: what a flow does then
(decision.py), who tells of events, deliveries and openings (course.py, answer.py).

References
----------
docs/design.md, section 5.
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.codes import FlowMode, TouchCode, TriggerCode
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.customer.decay import add_score, score_now
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.queue import FLOW_START, enqueue


@rule
def initialize_actor(world, life, actor):  # type: ignore[no-untyped-def]
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
    run.mode = FlowMode.IDLE
    run.step = -1
    run.awaits = -1
    run.date = 0
    run.missed = 0
    run.started = -math.inf
    run.seen = -math.inf
    life.act_due[actor] = math.inf
    if record.trigger == TriggerCode.SCHEDULE:
        skip_past_dates(world, life, actor)
        schedule_next_date(world, life, actor)
    elif record.trigger == TriggerCode.INACTIVITY and record.watch_entry == 1:
        reset_inactivity_timer(world, life, actor)


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
    if (
        run.mode > FlowMode.WATCHING
        or now - run.started < record.again_after - TOLERANCE
        or not condition_holds(world, life, record.program)
    ):
        return
    run.mode = FlowMode.RUNNING
    run.step = record.first_step
    run.started = now
    life.act_due[actor] = now
    sink.outcome[life.customer[0].row].flows += 1
    write_log_row(life, sink, TouchCode.FLOW_STARTED, -1, -1, record.source, 0.0)


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
def end_start_timer(world, life, sink, actor):  # type: ignore[no-untyped-def]
    """The time for which a flow that is not running has waited is there: it starts, if it may.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: runs, act_due.
    sink : Sink
        Written: outcome, log.
    actor : int
        Code of the flow, whose mode is WATCHING.
    """
    run = life.runs[actor]
    is_dated = world.actors[actor].trigger == TriggerCode.SCHEDULE
    run.mode = FlowMode.IDLE
    life.act_due[actor] = math.inf
    if is_dated:
        run.date += 1
    start_flow(world, life, sink, actor)
    if is_dated and run.mode == FlowMode.IDLE:
        schedule_next_date(world, life, actor)


@rule
def rearm_start_timer(world, life, actor):  # type: ignore[no-untyped-def]
    """After a run: the timer of what may start the flow next, from what happened meanwhile.

    A date that is now is not missed; an inactivity that has ended while the flow ran ends now.

    Parameters
    ----------
    world : World
        Read: actors, schedule, scores.
    life : Life
        Read: customer, scores. Written: runs, act_due.
    actor : int
        Code of the flow, whose mode is IDLE.
    """
    record = world.actors[actor]
    run = life.runs[actor]
    if record.trigger == TriggerCode.INACTIVITY:
        if run.seen >= run.started:
            run.mode = FlowMode.WATCHING
            life.act_due[actor] = max(run.seen + record.inactivity, life.customer[0].now)
    elif record.trigger == TriggerCode.SCHEDULE:
        skip_past_dates(world, life, actor)
        schedule_next_date(world, life, actor)
    elif record.trigger == TriggerCode.SCORE_BELOW:
        schedule_score_crossing(world, life, actor)


@rule
def reset_inactivity_timer(world, life, actor):  # type: ignore[no-untyped-def]
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
    if run.mode == FlowMode.IDLE or run.mode == FlowMode.WATCHING:
        run.mode = FlowMode.WATCHING
        life.act_due[actor] = run.seen + world.actors[actor].inactivity


@rule
def reset_inactivity_timers(world, life, first, count, links):  # type: ignore[no-untyped-def]
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
        reset_inactivity_timer(world, life, links[i])


@rule
def skip_past_dates(world, life, actor):  # type: ignore[no-untyped-def]
    """Leave out the dates of an actor that have passed; one that is now has not.

    Parameters
    ----------
    world : World
        Read: actors, schedule.
    life : Life
        Read: customer. Written: runs.
    actor : int
        Code of the actor.
    """
    record = world.actors[actor]
    run = life.runs[actor]
    passed = life.customer[0].now - TOLERANCE
    while run.date < record.schedule_count and world.schedule[record.schedule_first + run.date] < passed:
        run.date += 1


@inlined
def schedule_next_date(world, life, actor):  # type: ignore[no-untyped-def]
    """Set an actor to its next date.

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
    run.mode = FlowMode.WATCHING
    life.act_due[actor] = math.inf
    if run.date < record.schedule_count:
        life.act_due[actor] = max(world.schedule[record.schedule_first + run.date], life.customer[0].now)


@inlined
def exceeds(value, threshold):  # type: ignore[no-untyped-def]
    """Whether a score is above a value, beyond the rounding of both.

    Parameters
    ----------
    value, threshold : float64
        Points.

    Returns
    -------
    bool
        Whether it is above by more than SLACK, relative where the threshold is large.
    """
    return value - threshold >= TOLERANCE * max(1.0, abs(threshold))


@rule
def change_score(world, life, score, points):  # type: ignore[no-untyped-def]
    """Add points to a score, and queue the flows that its crossing of a value starts.

    Parameters
    ----------
    world : World
        Read: scores, actors, score_actors.
    life : Life
        Written: scores, customer, fired, runs, act_due.
    score : int
        Code of the score.
    points : float64
        May be negative.
    """
    before = score_now(world, life, score)
    add_score(world, life, score, points)
    for i in range(world.score_actors.shape[0]):
        if world.actors[world.score_actors[i]].score == score:
            handle_score_change(world, life, world.score_actors[i], before)


@rule
def handle_score_change(world, life, actor, before):  # type: ignore[no-untyped-def]
    """A score has changed on which a flow's start depends.

    Parameters
    ----------
    world : World
        Read: actors, scores.
    life : Life
        Read: customer, scores. Written: fired, runs, act_due.
    actor : int
        Code of the flow.
    before : float64
        Points before the change.
    """
    record = world.actors[actor]
    was_above = exceeds(before, record.threshold)
    is_above = exceeds(life.scores[record.score].value, record.threshold)
    if record.trigger == TriggerCode.SCORE_ABOVE:
        if is_above and not was_above:
            enqueue(life, FLOW_START + actor)
        return
    # A timer that is due at this very time has not rung yet: the score has not been seen to fall.
    if (was_above or life.runs[actor].mode == FlowMode.WATCHING) and not is_above:
        enqueue(life, FLOW_START + actor)
    schedule_score_crossing(world, life, actor)


@rule
def schedule_score_crossing(world, life, actor):  # type: ignore[no-untyped-def]
    """Set a flow that is not running to the time at which its score fades to the threshold: tau ln(value / threshold) from now.

    Parameters
    ----------
    world : World
        Read: actors, scores.
    life : Life
        Read: customer, scores. Written: runs, act_due.
    actor : int
        Code of the flow; its trigger is SCORE_BELOW.
    """
    run = life.runs[actor]
    if run.mode > FlowMode.WATCHING:
        return
    record = world.actors[actor]
    value = score_now(world, life, record.score)
    tau = world.scores[record.score].tau
    run.mode = FlowMode.IDLE
    life.act_due[actor] = math.inf
    if exceeds(value, record.threshold) and tau < math.inf:
        run.mode = FlowMode.WATCHING
        life.act_due[actor] = life.customer[0].now + tau * math.log(value / record.threshold)


@rule
def handle_delivery(world, life, channel):  # type: ignore[no-untyped-def]
    """A message was delivered: queue the flows that start where exactly so many before it have not been opened.

    Parameters
    ----------
    world : World
        Read: actors, unopened_actors.
    life : Life
        Written: runs, fired, customer.
    channel : int
        Code of the channel.
    """
    for i in range(world.unopened_actors.shape[0]):
        actor = world.unopened_actors[i]
        if includes_channel(world.actors[actor].channels, channel):
            if life.runs[actor].missed == world.actors[actor].unopened:
                enqueue(life, FLOW_START + actor)
            life.runs[actor].missed += 1


@rule
def handle_opening(world, life, channel):  # type: ignore[no-untyped-def]
    """A message was opened: a spell of unopened ones ends.

    Parameters
    ----------
    world : World
        Read: actors, unopened_actors.
    life : Life
        Written: runs.
    channel : int
        Code of the channel.
    """
    for i in range(world.unopened_actors.shape[0]):
        actor = world.unopened_actors[i]
        if includes_channel(world.actors[actor].channels, channel):
            life.runs[actor].missed = 0
