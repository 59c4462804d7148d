"""Scores that start flows: which flows start when a score changes, and when a decaying score crosses its threshold."""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import FlowMode, TriggerCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.decay import add_score, score_now
from cjsim.kernels.queue import FLOW_START, enqueue
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World


@inlined
def exceeds_threshold(value: float, threshold: float) -> bool:
    """Whether a score exceeds a threshold by at least TOLERANCE * max(1, |threshold|)."""
    return value - threshold >= TOLERANCE * max(1.0, abs(threshold))


@rule
def change_score(world: World, state: CustomerState, score: int, points: float) -> None:
    """Add points, which may be negative, to a score, and queue the flows that start because it crosses a threshold.

    Writes: scores, customer.changes, queue, runs, actor_due.
    """
    before = score_now(world, state, score)
    add_score(world, state, score, points)
    for i in range(world.score_actors.shape[0]):
        if world.actors[world.score_actors[i]].score == score:
            handle_score_change(world, state, world.score_actors[i], before)


@rule
def handle_score_change(world: World, state: CustomerState, actor: int, before: float) -> None:
    """Handle a change in a score on which a flow's start depends. `before` is the score before the change.

    Writes: queue, runs, actor_due.
    """
    record = world.actors[actor]
    was_above = exceeds_threshold(before, record.threshold)
    is_above = exceeds_threshold(state.scores[record.score].value, record.threshold)
    if record.trigger == TriggerCode.SCORE_ABOVE:
        if is_above and not was_above:
            enqueue(state, FLOW_START + actor)
        return
    # A timer that is due at exactly this time has not fired yet, so the flow has not yet reacted to the fall.
    if (was_above or state.runs[actor].mode == FlowMode.WATCHING) and not is_above:
        enqueue(state, FLOW_START + actor)
    schedule_score_crossing(world, state, actor)


@rule
def schedule_score_crossing(world: World, state: CustomerState, actor: int) -> None:
    """Set the timer of an idle flow (SCORE_BELOW) to the time its score reaches the threshold: tau ln(value / threshold) from now.

    Writes: runs, actor_due.
    """
    run = state.runs[actor]
    if run.mode > FlowMode.WATCHING:
        return
    record = world.actors[actor]
    value = score_now(world, state, record.score)
    tau = world.scores[record.score].tau
    run.mode = FlowMode.IDLE.value
    state.actor_due[actor] = math.inf
    if exceeds_threshold(value, record.threshold) and tau < math.inf:
        run.mode = FlowMode.WATCHING.value
        state.actor_due[actor] = state.customer[0].now + tau * math.log(value / record.threshold)
