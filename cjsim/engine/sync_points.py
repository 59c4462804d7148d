"""Lives up to what is shared: the next request to a desk, the next act that may draw on a budget.

Lives here: the compiled loop that pauses, and what an act must wait its turn for. Does not live here: desks (desks.py), who goes on when
(meeting.py), the loop of lives that nothing stops (lifetimes.py).
"""

import math

import numpy as np

from cjsim.frame import Array, Frame, array_of
from cjsim.kernel import inlined, kernel
from cjsim.kernels.codes import ChannelKind, DueKind, EffectCode, StepCode
from cjsim.kernels.dispatch import dispatch, start_customer
from cjsim.kernels.event_order import next_due
from cjsim.kernels.policy.budgets import budget_period
from cjsim.kernels.world import World

NOTHING, ACTORS, VISITS, EVERYTHING = 0, 1, 2, 3  # what may draw on a budget
BUDGET_GATE = np.dtype(
    [
        ("what", "i4"),  # NOTHING ... EVERYTHING
        ("goes_on", "i4"),  # 1: a life is followed beyond an open request, since what it does there matters to others
        ("channels", "u8"),  # pull channels with a budget
    ]
)
SYNC_POINT = np.dtype(
    [
        ("asked", "f8"),  # days: the request that is open; inf none
        ("priority", "f8"),
        ("turn", "f8"),  # days: the act that waits its turn; inf none
        ("upto", "f8"),  # days: turns before this time have been taken,
        ("nth", "i4"),  # and so many of those at it
        ("desk", "i4"),
        ("ordinal", "i4"),
        ("site", "i4"),
    ]
)


class SyncState(Frame):
    """Where customers wait for others."""

    gate = array_of(BUDGET_GATE)  # (1,)
    pauses = array_of(SYNC_POINT)  # by customer


def budget_gate(world: World) -> Array:
    """What must wait its turn in a scenario.

    Parameters
    ----------
    world : World
        As compiled.

    Returns
    -------
    ndarray of GATE, shape (1,)
    """
    covered = int(np.bitwise_or.reduce(world.budgets["channels"], initial=np.uint64(0)))
    pull = sum(1 << c for c, kind in enumerate(world.channels["kind"]) if kind == ChannelKind.PULL)
    seen = covered & pull if world.events["visits"].any() else 0
    fired = [effect["target"] for effect in world.effects if effect["op"] == EffectCode.FIRE]
    what = ACTORS if world.actors["gated"].any() else NOTHING
    if seen:
        what = EVERYTHING if any(int(world.events["visits"][event]) & seen for event in fired) else VISITS
    refers = (world.effects["op"] == EffectCode.REFER).any()
    return np.array([(what, int(what != NOTHING or refers), seen)], BUDGET_GATE)


def has_shared_resources(world: World) -> bool:
    """Whether customers meet: at desks, or in budgets.

    Parameters
    ----------
    world : World
        As compiled.
    """
    asks = (world.effects["op"] == EffectCode.ASK).any() or (world.channels["kind"] == ChannelKind.HUMAN).any()
    asks |= len(world.actors) > 0 and (world.steps["op"] == StepCode.ASK).any()
    return bool(asks and len(world.desks)) or budget_gate(world)[0]["what"] != NOTHING


@kernel
def needs_budget_turn(world, life, stops, kind, which, time):  # type: ignore[no-untyped-def]
    """Whether what is due may draw on a budget of which something is left.

    Parameters
    ----------
    world : World
        Read: actors, events, budgets.
    life : Life
        Read: cutoffs.
    stops : SyncState
        Read: gate.
    kind, which : int
        A `Happening`, and which.
    time : float64
        Days: when it is due.

    Returns
    -------
    bool
        Whether it must wait its turn.
    """
    gate = stops.gate[0]
    if gate.what == NOTHING:
        return False
    if gate.what != EVERYTHING:
        is_act = kind == DueKind.ACTOR and world.actors[which].gated == 1
        is_visit = gate.what == VISITS and kind == DueKind.CLOCK and world.events[which].visits & gate.channels != np.uint64(0)
        if not is_act and not is_visit:
            return False
    for i in range(world.budgets.shape[0]):
        budget = world.budgets[i]
        cutoff = life.cutoffs[budget.first + budget_period(budget, time)]
        if cutoff.used < budget.at_most or not cutoff.time < time:
            return True
    return False


@inlined
def record_open_request(life, pause):  # type: ignore[no-untyped-def]
    """Note the request that is open.

    Parameters
    ----------
    life : Life
        Read: customer.
    pause : record of SYNC_POINT
        Written.
    """
    customer = life.customer[0]
    pause.asked = customer.asked
    pause.priority = customer.ask_priority
    pause.desk = customer.desk
    pause.ordinal = customer.ask_ordinal
    pause.site = customer.ask_site


@kernel
def simulate_to_sync_point(world, life, sink, people, stops, first, end):  # type: ignore[no-untyped-def]
    """Let customers live from entry to where they must wait for others, or to the horizon.

    A customer whose life did not fit leaves nothing: the caller makes room and calls again from it. One for whom time does not pass is
    left `stuck`.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Scratch; the answers that are known, the budgets spent so far.
    sink : Sink
        Written; row 0 is that of the first customer.
    people : Population
        Read.
    stops : SyncState
        Read: turns taken. Written: where each life has come to.
    first, end : int
        Which customers.

    Returns
    -------
    int
        Index after the last customer who could be lived.
    """
    customer = life.customer[0]
    horizon = world.setting[0].horizon
    for i in range(first, end):
        pause = stops.pauses[i]
        unborn = sink.born[0]
        at_once = 0  # turns taken at `upto`
        pause.asked = math.inf
        pause.turn = math.inf
        customer.full = 0
        start_customer(world, life, sink, people, i, i - first)
        while True:
            if customer.unanswered == 1 and pause.asked == math.inf:
                record_open_request(life, pause)
                if stops.gate[0].goes_on == 0:
                    break
            kind, which, time = next_due(life)
            if not time < horizon:
                break
            if not time < pause.upto and needs_budget_turn(world, life, stops, kind, which, time):
                if time > pause.upto or at_once == pause.nth:
                    pause.turn = time
                    break
                at_once += 1
            dispatch(world, life, sink, kind, which, time)
            if customer.full + customer.stuck > 0:
                break
        if customer.full + customer.stuck > 0 or sink.born[0] > sink.births.shape[0]:
            sink.born[0] = unborn
            return i
    return end
