"""How waiting for a desk disappoints customers: a promised wait at the request, and the wait itself when it ends."""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.clocks import update_clock_speeds
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.decay import change_satisfaction
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World


@inlined
def is_beyond_expectation(world: World, desk: int, waited: float) -> bool:
    """Whether a wait (days) is longer than customers of this desk expect without a promise."""
    is_beyond: bool = waited > world.desks[desk].expected + TOLERANCE
    return is_beyond


@rule
def disappoint(world: World, state: CustomerState, desk: int, excess: float) -> None:
    """Multiply satisfaction by exp(-loss excess / expected) for an `excess` (days) over the expected wait.

    Writes: customer.satisfaction, customer.satisfaction_at, customer.clock_satisfaction, clocks, clock_due.
    """
    record = world.desks[desk]
    if excess > 0.0 and record.loss > 0.0:
        change_satisfaction(world, state, math.expm1(-record.loss * excess / record.expected))
        update_clock_speeds(world, state)


@rule
def hear_promise(world: World, state: CustomerState, desk: int) -> None:
    """Apply the promised wait when a customer asks: its excess over the expected wait disappoints at once."""
    record = world.desks[desk]
    if record.promise < math.inf and record.expected < math.inf:
        disappoint(world, state, desk, record.promise - record.expected)


@rule
def feel_wait(world: World, state: CustomerState, desk: int, waited: float) -> None:
    """Apply a wait (days) that has ended: its excess over the promise, if there was one, else over the expected wait, disappoints.

    The promise is the one made when the customer asked. The policy may have changed since.
    """
    record = world.desks[desk]
    if record.expected == math.inf:
        return
    promise: float = state.customer[0].request_promise
    if promise < math.inf:
        disappoint(world, state, desk, record.broken * (waited - promise))
    else:
        disappoint(world, state, desk, waited - record.expected)
