"""The compiled loop up to the next synchronization point: a request to a desk, or an event that may draw on a budget."""

import math

import numpy as np

from cjsim.compiler.plan import Plan
from cjsim.frame import Array, Frame, array_of
from cjsim.kernel import inlined, kernel
from cjsim.kernels.codes import ChannelKind, DueKind, EffectCode, StepCode
from cjsim.kernels.dispatch import dispatch, start_customer
from cjsim.kernels.event_order import next_due
from cjsim.kernels.observation_window import pass_window_limit
from cjsim.kernels.policy.budgets import budget_period
from cjsim.kernels.state import CustomerState, Output, Population
from cjsim.kernels.world import World

NOTHING, ACTORS, VISITS, EVERYTHING = 0, 1, 2, 3  # kinds of events that may draw on a budget
BUDGET_GATE = np.dtype(
    [
        ("scope", "i4"),  # NOTHING ... EVERYTHING
        ("continues", "i4"),  # 1: continue past an open request, because later events may affect other customers
        ("channels", "u8"),  # bit mask of pull channels with a budget
    ]
)
SYNC_POINT = np.dtype(
    [
        ("asked", "f8"),  # days; time of the open request, inf if none
        ("priority", "f8"),
        ("turn", "f8"),  # days; time of the event that waits for its turn, inf if none
        ("taken_until", "f8"),  # days; all turns before this time have been taken
        ("n_taken_then", "i4"),  # number of turns taken at exactly `taken_until`
        ("desk", "i4"),
        ("ordinal", "i4"),
        ("site", "i4"),
    ]
)


class SyncState(Frame):
    """Synchronization points of a cohort, and the gate that determines them."""

    gate = array_of(BUDGET_GATE)  # (1,)
    sync_points = array_of(SYNC_POINT)  # (n_customers,)


def joint_budget_gate(past: World, world: World) -> Array:
    """Return which events must wait for their turn under the past or the present policy.

    Parameters
    ----------
    past, world : World
        The compiled scenario under both policies.

    Returns
    -------
    ndarray of BUDGET_GATE, shape (1,)
    """
    if past is world:
        return budget_gate(world)
    gates = np.concatenate([budget_gate(past), budget_gate(world)])
    return np.array([(gates["scope"].max(), gates["continues"].max(), np.bitwise_or.reduce(gates["channels"]))], BUDGET_GATE)


def budget_gate(world: World) -> Array:
    """Return which events of a scenario must wait for their turn to draw on a budget.

    Parameters
    ----------
    world : World
        The compiled scenario.

    Returns
    -------
    ndarray of BUDGET_GATE, shape (1,)
    """
    covered = int(np.bitwise_or.reduce(world.budgets["channels"], initial=np.uint64(0)))
    pull = sum(1 << c for c, kind in enumerate(world.channels["kind"]) if kind == ChannelKind.PULL)
    shown = covered & pull if world.events["pull_channels"].any() else 0
    fired = [effect["target"] for effect in world.effects if effect["op"] == EffectCode.FIRE]
    scope = ACTORS if world.actors["draws_on_budget"].any() else NOTHING
    if shown:
        scope = EVERYTHING if any(int(world.events["pull_channels"][event]) & shown for event in fired) else VISITS
    refers = (world.effects["op"] == EffectCode.REFER).any()
    return np.array([(scope, int(scope != NOTHING or refers), shown)], BUDGET_GATE)


def has_shared_resources(world: World) -> bool:
    """Return whether customers share desks or budgets.

    Parameters
    ----------
    world : World
        The compiled scenario.
    """
    return uses_desks(world) or uses_budgets(world)


def shares_resources(plan: Plan) -> bool:
    """Return whether customers share desks or budgets, under the past policy or the present one.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    """
    return has_shared_resources(plan.world) or has_shared_resources(plan.past_world)


def uses_desks(world: World) -> bool:
    """Return whether customers make requests to desks, or agents contact them.

    Parameters
    ----------
    world : World
        The compiled scenario.
    """
    asks = (world.effects["op"] == EffectCode.ASK).any() or (world.channels["kind"] == ChannelKind.HUMAN).any()
    asks |= len(world.actors) > 0 and (world.steps["op"] == StepCode.ASK).any()
    return bool(asks and len(world.desks))


def uses_budgets(world: World) -> bool:
    """Return whether messages draw on budgets that customers share.

    Parameters
    ----------
    world : World
        The compiled scenario.
    """
    return bool(budget_gate(world)[0]["scope"] != NOTHING)


def brings_friends(world: World) -> bool:
    """Return whether customers refer friends who may join; an effect `refer` with `joins: 0` adds nobody.

    Parameters
    ----------
    world : World
        The compiled scenario.
    """
    return bool(((world.effects["op"] == EffectCode.REFER) & (world.effects["x"] > 0)).any())


@kernel
def needs_budget_turn(world: World, state: CustomerState, sync: SyncState, kind: int, which: int, time: float) -> bool:
    """Return whether a due event (its `DueKind`, index, and time in days) may draw on a budget that is not exhausted."""
    gate = sync.gate[0]
    if gate.scope == NOTHING:
        return False
    if gate.scope != EVERYTHING:
        is_actor = kind == DueKind.ACTOR and world.actors[which].draws_on_budget == 1
        is_visit = gate.scope == VISITS and kind == DueKind.CLOCK and world.events[which].pull_channels & gate.channels != np.uint64(0)
        if not is_actor and not is_visit:
            return False
    for i in range(world.budgets.shape[0]):
        budget = world.budgets[i]
        cutoff = state.cutoffs[budget.first + budget_period(budget, time)]
        if cutoff.used < budget.at_most or not cutoff.time < time:
            return True
    return False


@inlined
def record_open_request(state: CustomerState, sync_point: np.record) -> None:
    """Copy the customer's open request to a SYNC_POINT record.

    Writes: sync_point.
    """
    customer = state.customer[0]
    sync_point.asked = customer.requested_at
    sync_point.priority = customer.request_priority
    sync_point.desk = customer.desk
    sync_point.ordinal = customer.request_ordinal
    sync_point.site = customer.request_site


@kernel
def simulate_to_sync_point(
    past: World, world: World, state: CustomerState, out: Output, population: Population, sync: SyncState, first: int, end: int
) -> int:
    """Simulate customers `first` to `end - 1`, each from entry to the next synchronization point or the end.

    Returns the index after the last complete customer. If a buffer is too small for a customer, none of that customer's referrals remain in
    `out`. The caller enlarges the buffers and calls again. A customer in a zero-time loop is flagged as `stuck`. Row 0 of `out` belongs to
    customer `first`. Replies and budgets known so far are read through `state`. Writes: sync.sync_points, referrals.
    """
    customer = state.customer[0]
    for index in range(first, end):
        sync_point = sync.sync_points[index]
        referrals_before = out.n_referrals[0]
        turns_taken = 0  # at `taken_until`
        sync_point.asked = math.inf
        sync_point.turn = math.inf
        customer.needs_larger_buffers = 0
        current = past if population.entered[index] < 0.0 else world
        start_customer(current, state, out, population, index, index - first)
        while True:
            if customer.awaits_reply == 1 and sync_point.asked == math.inf:
                record_open_request(state, sync_point)
                if sync.gate[0].continues == 0:
                    break
            kind, which, time = next_due(state)
            if not time < customer.pauses_at:
                if not customer.pauses_at < customer.ends:
                    break
                pass_window_limit(world, state, out)
                current = world
                continue
            if not time < sync_point.taken_until and needs_budget_turn(current, state, sync, kind, which, time):
                if time > sync_point.taken_until or turns_taken == sync_point.n_taken_then:
                    sync_point.turn = time
                    break
                turns_taken += 1
            dispatch(current, state, out, kind, which, time)
            if customer.needs_larger_buffers + customer.stuck > 0:
                break
        if customer.needs_larger_buffers + customer.stuck > 0 or out.n_referrals[0] > out.referrals.shape[0]:
            out.n_referrals[0] = referrals_before
            return index
    return end
