"""Sways of the named branches of a `choose`: log-odds that touches add and that decay like the lift of the branch's event."""

import math

from cjsim.kernel import rule
from cjsim.kernels.clocks import clock_time
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World

MAX_SWAY = 50.0  # limit of a sway, in either direction


@rule
def sway_now(world: World, state: CustomerState, branch: int) -> float:
    """The sway of a named branch, decayed: value exp(-(now - t1)/tau), in the clock time of its event."""
    record = state.sways[branch]
    value: float = record.value
    if value == 0.0:
        return 0.0
    event = world.events[world.branch_events[branch]]
    now = clock_time(world, state, event.profile, state.customer[0].now)
    return value * math.exp((record.at - now) / event.tau)


@rule
def add_sway(world: World, state: CustomerState, branch: int, gain: float) -> None:
    """Add log-odds, times the persona's response to the event, to the sway of a named branch.

    Writes: sways.
    """
    event = world.branch_events[branch]
    response: float = world.persona_response[state.customer[0].persona, event]
    sway = sway_now(world, state, branch) + gain * response
    state.sways[branch].value = min(max(sway, -MAX_SWAY), MAX_SWAY)
    state.sways[branch].at = clock_time(world, state, world.events[event].profile, state.customer[0].now)
