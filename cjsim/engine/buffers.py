"""Room for lives: the arrays that a customer's state and log take, made for a plan and made larger when they run out.

Lives here: allocation. Does not live here: what is written into it (model/), who asks for it (the engines).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cjsim.compiler.plan import Plan
from cjsim.engine.outcomes import CHANNEL_TOUCHES, Outcomes
from cjsim.errors import InputError, format_error
from cjsim.kernels.codes import HOURS_PER_DAY, N_TOUCH_CODES, STACK_DEPTH, DueKind
from cjsim.kernels.dispatch import MAX_EVENTS, MAX_EVENTS_AT_ONE_TIME
from cjsim.kernels.state import (
    BUDGET_CUTOFF,
    BUDGET_REQUEST,
    CHANNEL_STATE,
    CLOCK,
    CUSTOMER,
    DESK_OUTCOME,
    DESK_REPLY,
    FLOW_RUN,
    HELD_OFFER,
    LOG_ROW,
    MESSAGE_COUNTS,
    OUTCOME,
    PENDING_RESPONSE,
    PLACED_MESSAGE,
    REFERRAL,
    SCORE_VALUE,
    CustomerState,
    Output,
)
from cjsim.kernels.world import Array


class ChunkResult(NamedTuple):
    """What a stretch of customers left."""

    events: int  # log rows
    rows: list[Array]  # ROW; none if they are not kept
    referrals: list[Array]  # BIRTH, in the order of parents, then of invitations; `parent` is the number of who invited


class SharedResources(NamedTuple):
    """What lives have in common with others: what desks answered, and with which contacts budgets were spent."""

    replies: Array  # ANSWER
    cutoffs: Array  # CUTOFF, by budget and period

    @classmethod
    def empty(cls, plan: Plan) -> "SharedResources":
        """Nothing has been answered, nothing spent."""
        cutoffs = np.zeros(plan.sizes.cutoffs, BUDGET_CUTOFF)
        cutoffs["time"] = -np.inf
        return cls(np.zeros(0, DESK_REPLY), cutoffs)


@dataclass(frozen=True)
class BufferSizes:
    """How much a life may hold: messages to be read, things to be settled at one time, log rows (0: none are kept)."""

    responses: int = 32
    queue: int = 32
    rows: int = 0
    referrals: int = 64

    def with_larger_state(self) -> "BufferSizes":
        """Twice the room for a state."""
        return replace(self, responses=2 * self.responses, queue=2 * self.queue)

    def with_larger_log(self) -> "BufferSizes":
        """Twice the room for a log and for births."""
        return replace(self, rows=2 * self.rows, referrals=2 * self.referrals)


def make_state(plan: Plan, seed: int, room: BufferSizes, shared: SharedResources | None = None) -> CustomerState:
    """Scratch for one customer at a time.

    Parameters
    ----------
    plan : Plan
        Gives the sizes.
    seed : int
        In [0, 2**63).
    room : BufferSizes
        Capacities.
    shared : SharedResources, optional
        Read through, and budgets written, by all lives; nothing if not given.
    """
    world, sizes = plan.world, plan.sizes
    of_all = shared or SharedResources.empty(plan)
    life = CustomerState(
        customer=np.zeros(1, CUSTOMER),
        clocks=np.zeros(len(world.events), CLOCK),
        clock_due=np.zeros(len(world.events)),
        runs=np.zeros(len(world.actors), FLOW_RUN),
        actor_due=np.zeros(len(world.actors)),
        responses=np.zeros(room.responses, PENDING_RESPONSE),
        channels=np.zeros(len(world.channels), CHANNEL_STATE),
        messages=np.zeros(len(world.messages), MESSAGE_COUNTS),
        tags=np.zeros(max(sizes.tags, 1), np.int32),
        scores=np.zeros(len(world.scores), SCORE_VALUE),
        cap_times=np.zeros(max(sizes.rings, 1)),
        cap_next=np.zeros(len(world.caps), np.int32),
        decision_counts=np.zeros(max(sizes.counts, 1), np.int32),
        queue=np.zeros(room.queue, np.int32),
        stack=np.zeros(STACK_DEPTH),
        traits=np.zeros(sizes.columns),
        attributes=np.zeros(sizes.attributes),
        visits=np.zeros(len(world.stages), np.int32),
        offers=np.zeros(len(world.offers), HELD_OFFER),
        placed=np.zeros(len(world.sites), PLACED_MESSAGE),
        active_hours=np.zeros(HOURS_PER_DAY, np.int32),
        requests=np.zeros(len(world.desks), np.int32),
        budget_requests=np.zeros(len(world.budgets), BUDGET_REQUEST),
        replies=of_all.replies,
        cutoffs=of_all.cutoffs,
    )
    life.customer[0].seed = np.uint64(seed)
    return life


def make_outcomes(plan: Plan, customers: int) -> Outcomes:
    """Arrays for what becomes of the customers.

    Parameters
    ----------
    plan : Plan
        Gives the sizes.
    customers : int
        How many.
    """
    world = plan.world
    return Outcomes(
        customers=np.zeros(customers, OUTCOME),
        moments=np.zeros((customers, len(world.moments))),
        dwell=np.zeros((customers, len(world.stages)), np.float32),
        reach=np.zeros((customers, len(world.channels), len(CHANNEL_TOUCHES)), np.uint16),
        desks=np.zeros((customers, len(world.desks)), DESK_OUTCOME),
    )


def make_output(outcomes: Outcomes, room: BufferSizes) -> Output:
    """The place where a stretch of customers writes.

    Parameters
    ----------
    outcomes : Outcomes
        Of these customers; written through.
    room : BufferSizes
        Log rows and births.
    """
    return Output(
        outcome=outcomes.customers,
        moments=outcomes.moments,
        dwell=outcomes.dwell,
        touch_counts=outcomes.reach,
        desks=outcomes.desks,
        referrals=np.zeros(room.referrals, REFERRAL),
        n_referrals=np.zeros(1, np.int64),
        log=np.zeros(room.rows, LOG_ROW),
        n_rows=np.zeros(1, np.int64),
    )


def copy_referrals(sink: Output, first: int) -> Array:
    """The births that a sink holds, copied, with the numbers of those who invited.

    Parameters
    ----------
    sink : Output
        Read: births, born.
    first : int
        Number of the customer of the sink's first row.

    Returns
    -------
    ndarray of BIRTH, shape (born,)
    """
    births = np.array(sink.referrals[: int(sink.n_referrals[0])])
    births["parent"] += first
    return births


def raise_if_stuck(plan: Plan, life: CustomerState) -> None:
    """Say so if time does not pass for a customer.

    Parameters
    ----------
    plan : Plan
        Names what happens.
    life : CustomerState
        The customer's state.

    Raises
    ------
    InputError
        If more happened than a life can hold, or without end at one time.
    """
    customer = life.customer[0]
    if customer.stuck == 0:
        return
    names = plan.codebook
    kind, which = DueKind(int(customer.last_kind)), int(customer.last_which)
    what = "a message's answer"
    if kind == DueKind.CLOCK:
        what = f"event '{names.events[N_TOUCH_CODES + which]}'"
    elif kind == DueKind.ACTOR:
        what = f"'{names.sources[which]}'"
    elif kind == DueKind.DESK_REPLY:
        what = "a desk's answer"
    count, number = int(customer.events_handled), int(customer.number)
    got = f"{count:,} happenings for customer {number} by day {float(customer.now):g}, the last: {what}"
    must = f"must let time pass: at most {MAX_EVENTS_AT_ONE_TIME:,} happenings at one time and {MAX_EVENTS:,} in a customer's life"
    raise InputError(format_error("scenario", must, got, "Give it a wait, or a condition that ends it."))
