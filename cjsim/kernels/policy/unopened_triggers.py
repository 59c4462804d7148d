"""Unopened messages that start flows: the counts since the last open."""

from cjsim.kernel import rule
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.queue import FLOW_START, enqueue
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World


@rule
def handle_delivery(world: World, state: CustomerState, channel: int) -> None:
    """After a delivery, queue the flows that start once a given number of consecutive earlier messages went unopened.

    Writes: runs, queue.
    """
    for i in range(world.unopened_actors.shape[0]):
        actor = world.unopened_actors[i]
        if includes_channel(world.actors[actor].channels, channel):
            if state.runs[actor].unopened == world.actors[actor].unopened:
                enqueue(state, FLOW_START + actor)
            state.runs[actor].unopened += 1


@rule
def handle_opening(world: World, state: CustomerState, channel: int) -> None:
    """After an open, reset the counts of unopened messages that start flows.

    Writes: runs.
    """
    for i in range(world.unopened_actors.shape[0]):
        actor = world.unopened_actors[i]
        if includes_channel(world.actors[actor].channels, channel):
            state.runs[actor].unopened = 0
