"""The steps of flows: how a flow runs when it is due, and how it ends or resumes."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import HOURS_PER_DAY, FlowMode, StepCode, TouchCode
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.customer.apply_effects import set_tag
from cjsim.kernels.customer.offers import grant_offer
from cjsim.kernels.desks.requests import make_request
from cjsim.kernels.local_time import first_instant, local_time, zone_of
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.policy.score_triggers import change_score
from cjsim.kernels.policy.sending import DEFERRED, run_broadcast, send_message
from cjsim.kernels.policy.triggers import handle_start_timer, rearm_start_timer
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World

_DAYS_PER_WEEK = 7


@rule
def end_flow(world: World, state: CustomerState, actor: int) -> None:
    """End a flow's run and watch for its next start.

    Writes: runs, actor_due.
    """
    run = state.runs[actor]
    run.mode = FlowMode.IDLE.value
    run.step = -1
    run.awaited_event = -1
    state.actor_due[actor] = math.inf
    rearm_start_timer(world, state, actor)


@rule
def resume_waiting_flows(world: World, state: CustomerState, event: int) -> None:
    """Resume the flows that wait for an event.

    Writes: runs, actor_due.
    """
    for actor in range(world.actors.shape[0]):
        run = state.runs[actor]
        if run.mode == FlowMode.AWAITING and run.awaited_event == event:
            run.mode = FlowMode.RUNNING.value
            run.awaited_event = -1
            run.step = world.steps[run.step].next
            state.actor_due[actor] = state.customer[0].now


@inlined
def has_happened_since(state: CustomerState, event: int, started: float, since: float) -> bool:
    """Whether an event counts for a WAIT_FOR record that is reached now: it happened in the `since` days before now.

    If `since` is inf, it must have happened after the flow's start `started` (days). An event at the time of the start caused it.
    """
    last: float = state.clocks[event].last
    if since == math.inf:
        return last > started + TOLERANCE
    return since > 0.0 and last >= state.customer[0].now - since - TOLERANCE


@rule
def exit_flows(world: World, state: CustomerState, out: Output, event: int) -> None:
    """End the running flows that exit on an event.

    Writes: runs, actor_due, outcome.events, the log.
    """
    record = world.events[event]
    for i in range(record.exit_first, record.exit_first + record.exit_count):
        actor = world.links[i]
        if state.runs[actor].mode > FlowMode.WATCHING and state.runs[actor].mode < FlowMode.ABSENT:
            end_flow(world, state, actor)
            write_log_row(state, out, TouchCode.FLOW_EXITED.value, -1, -1, world.actors[actor].source, 0.0)


@rule
def draw_arm(world: World, state: CustomerState, out: Output, actor: int, step_index: int) -> int:
    """Draw an arm of the SPLIT record `step_index` and return its first step, -1 for the end.

    In an experiment, a customer always gets the same arm, each exposure is logged, and the first exposure is a moment.
    Writes: decision_counts, moments, outcome.events, the log.
    """
    customer = state.customer[0]
    step = world.steps[step_index]
    is_experiment = step.target > 0
    ordinal = 0 if is_experiment else state.decision_counts[step.slot]
    state.decision_counts[step.slot] += 1
    u = uniform(customer.seed, customer.key, step.stream, np.uint64(ordinal))
    arm = 0
    while arm < step.count - 1 and not u < world.shares[step.other + arm].cumulative:
        arm += 1
    if is_experiment:
        if math.isnan(out.moments[customer.row, step.target]):
            out.moments[customer.row, step.target] = customer.now
        write_log_row(state, out, TouchCode.EXPOSED.value, -1, -1, world.actors[actor].source, float(arm))
    first_step: int = world.shares[step.other + arm].step
    return first_step


@inlined
def _hour_similarity(hours_apart: float) -> float:
    """1 for the same hour of the day, 0 for six hours apart, -1 for twelve."""
    wrapped = hours_apart - HOURS_PER_DAY * math.floor(hours_apart / HOURS_PER_DAY)
    v = min(wrapped, HOURS_PER_DAY - wrapped) / 12.0
    return 1.0 - v * v * (6.0 - 4.0 * v)


@rule
def best_hour(state: CustomerState, at: float, typical: float, learn_from: int) -> float:
    """The best hour of the day (0 to 24) for this customer: `at` plus the delay of the customer's activity relative to `typical`.

    The delay is the number of whole hours (0 to 23) that best aligns `typical` with the observed hours, each scored 1 - 6 v^2 + 4 v^3 with
    v = (hours apart around the clock) / 12. It equals cos(pi v) to within 0.021; the circular mean maximizes the sum of cos(pi v). Adding
    `learn_from` observations at `typical` shrinks the delay toward 0. Opens come later than sends; `typical` includes this lag.
    """
    best, most = 0, -math.inf
    for hours_later in range(HOURS_PER_DAY):
        similarity = learn_from * _hour_similarity(float(hours_later))
        for hour in range(HOURS_PER_DAY):
            if state.active_hours[hour] > 0:
                similarity += state.active_hours[hour] * _hour_similarity(hour + 0.5 - typical - hours_later)
        if similarity > most + TOLERANCE:
            best, most = hours_later, similarity
    return at + best if at + best <= HOURS_PER_DAY else at + best - HOURS_PER_DAY


@rule
def next_local_time(world: World, state: CustomerState, step_index: int) -> float:
    """The next time (days), including now, that matches the hour and weekdays of an UNTIL record.

    24:00 belongs to the day that ends then. A time of day that daylight saving time skips is reached at the clock change; one that occurs
    twice counts once, at its first occurrence.
    """
    step = world.steps[step_index]
    now: float = state.customer[0].now
    zone = zone_of(state, step.by_customer)
    hour: float = step.x
    if step.target == 1 and state.customer[0].observed_hours >= step.other:
        hour = best_hour(state, step.x, step.typical, step.other)
    day = math.floor(local_time(world, zone, now) + TOLERANCE) - 1
    weekday = (day + int(world.setting[0].midnight) // HOURS_PER_DAY + _DAYS_PER_WEEK) % _DAYS_PER_WEEK
    while (step.count >> weekday) & 1 == 0 or first_instant(world, zone, day + hour / 24.0) < now - TOLERANCE:
        day += 1
        weekday = (weekday + 1) % _DAYS_PER_WEEK
    return max(first_instant(world, zone, day + hour / 24.0), now)


@rule
def run_flow(world: World, state: CustomerState, out: Output, actor: int) -> None:
    """Run a flow's steps until it waits, ends, or has queued an item that must be handled first. The mode must be RUNNING or DEFERRED.

    Writes: runs, actor_due, decision_counts, and the state that the steps change.
    """
    run = state.runs[actor]
    now = state.customer[0].now
    while run.step >= 0:
        step = world.steps[run.step]
        op = step.op
        if op == StepCode.SEND:
            if run.mode == FlowMode.RUNNING:
                state.decision_counts[step.slot] += 1
            if send_message(world, state, out, actor, step.target, state.decision_counts[step.slot] - 1) == DEFERRED:
                return
            run.mode = FlowMode.RUNNING.value
            run.step = step.next
            if state.customer[0].n_queued > 0:
                state.actor_due[actor] = now
                return
        elif op == StepCode.WAIT or op == StepCode.UNTIL:
            state.actor_due[actor] = now + step.x if op == StepCode.WAIT else next_local_time(world, state, run.step)
            run.step = step.next
            return
        elif op == StepCode.WAIT_FOR and has_happened_since(state, step.target, run.started, step.since):
            run.step = step.next
        elif op == StepCode.WAIT_FOR:
            run.mode = FlowMode.AWAITING.value
            run.awaited_event = step.target
            state.actor_due[actor] = now + step.x
            return
        elif op == StepCode.STOP:
            run.step = -1
        else:
            run.step = run_instant_step(world, state, out, actor, run.step)
    end_flow(world, state, actor)


@rule
def run_instant_step(world: World, state: CustomerState, out: Output, actor: int, step_index: int) -> int:
    """Run a step that needs neither time nor guardrails, and return the next step, -1 for the end."""
    step = world.steps[step_index]
    next_step: int = step.next
    if step.op == StepCode.BRANCH:
        otherwise: int = step.other
        return next_step if condition_holds(world, state, step.program) else otherwise
    if step.op == StepCode.SPLIT:
        return draw_arm(world, state, out, actor, step_index)
    if step.op == StepCode.TAG:
        set_tag(state, step.target, 1)
    elif step.op == StepCode.UNTAG:
        set_tag(state, step.target, 0)
    elif step.op == StepCode.SCORE:
        change_score(world, state, step.target, step.x)
    elif step.op == StepCode.OFFER:
        grant_offer(world, state, out, step.target)
    elif step.op == StepCode.ASK:
        make_request(world, state, out, step.target, step.x, -1, -1)
    return next_step


@rule
def run_actor(world: World, state: CustomerState, out: Output, actor: int) -> None:
    """Run an actor that is due because its start time has come, a wait has ended, or `wait_for` has timed out.

    Writes: runs, actor_due, and the state that its steps change.
    """
    run = state.runs[actor]
    if world.actors[actor].is_flow == 0:
        run_broadcast(world, state, out, actor)
    elif run.mode == FlowMode.WATCHING:
        handle_start_timer(world, state, out, actor)
    else:
        if run.mode == FlowMode.AWAITING:
            run.mode = FlowMode.RUNNING.value
            run.awaited_event = -1
            run.step = world.steps[run.step].other
        run_flow(world, state, out, actor)
