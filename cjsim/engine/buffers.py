"""Buffers for customer states, outcomes and log rows, allocated to fit a plan and enlarged on demand."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cjsim.compiler.plan import Plan
from cjsim.engine.outcomes import Outcomes
from cjsim.errors import InputError, format_error
from cjsim.kernels.codes import HOURS_PER_DAY, N_TOUCH_CODES, STACK_DEPTH, DueKind
from cjsim.kernels.dispatch import MAX_EVENTS, MAX_EVENTS_AT_ONE_TIME
from cjsim.kernels.state import BUDGET_CUTOFF, DESK_REPLY, LOG_ROW, REFERRAL, CustomerState, Output
from cjsim.kernels.world import Array


class ChunkResult(NamedTuple):
    """Log rows and referrals of a chunk of customers."""

    events: int  # number of log rows, including rows that are not kept
    rows: list[Array]  # LOG_ROW; empty if rows are not kept
    referrals: list[Array]  # REFERRAL, sorted by referrer, then by invitation; `parent` is the referrer's customer number


class SharedResources(NamedTuple):
    """State that customers share: desk replies and exhausted budgets."""

    replies: Array  # DESK_REPLY
    cutoffs: Array  # BUDGET_CUTOFF, per budget and period

    @classmethod
    def empty(cls, plan: Plan) -> "SharedResources":
        """Return shared resources with no replies and unused budgets.

        Parameters
        ----------
        plan : Plan
            Determines the number of budget periods.

        Returns
        -------
        SharedResources
        """
        cutoffs = np.zeros(plan.sizes.cutoffs, BUDGET_CUTOFF)
        cutoffs["time"] = -np.inf
        return cls(np.zeros(0, DESK_REPLY), cutoffs)


@dataclass(frozen=True)
class BufferSizes:
    """Buffer capacities of one customer state and one output.

    Attributes
    ----------
    responses : int
        Pending responses to messages per customer.
    queue : int
        Events and actions per customer that can be queued at one time.
    rows : int
        Log rows per output; 0 if log rows are not kept.
    referrals : int
        Referrals per output.
    """

    responses: int = 32
    queue: int = 32
    rows: int = 0
    referrals: int = 64

    def fitting(self, state: CustomerState, out: Output) -> "BufferSizes":
        """Return these sizes if one customer's simulation fit, otherwise a copy with twice the capacity of the buffer that was full."""
        if state.customer[0].needs_larger_buffers:
            return self.with_larger_state()
        return self.with_larger_log() if out.n_rows[0] > self.rows or out.n_referrals[0] > self.referrals else self

    def with_larger_state(self) -> "BufferSizes":
        """Return a copy with twice the capacity for customer states."""
        return replace(self, responses=2 * self.responses, queue=2 * self.queue)

    def with_larger_log(self) -> "BufferSizes":
        """Return a copy with twice the capacity for log rows and referrals."""
        return replace(self, rows=2 * self.rows, referrals=2 * self.referrals)


def make_state(plan: Plan, seed: int, sizes: BufferSizes, shared: SharedResources | None = None) -> CustomerState:
    """Allocate a customer state, which is reused for each customer in turn.

    Parameters
    ----------
    plan : Plan
        Determines the numbers of events, actors, channels and so on.
    seed : int
        Seed of the run, in [0, 2**63).
    sizes : BufferSizes
        Buffer capacities.
    shared : SharedResources, optional
        Held by reference: replies are read and budgets are written. Defaults to no replies and unused budgets.

    Returns
    -------
    CustomerState
    """
    world, plan_sizes = plan.world, plan.sizes
    shared = shared or SharedResources.empty(plan)
    lengths = {
        "customer": 1,
        "clocks": len(world.events),
        "clock_due": len(world.events) + int(len(world.speed_rules) > 0),
        "runs": len(world.actors),
        "actor_due": len(world.actors),
        "responses": sizes.responses,
        "channels": len(world.channels),
        "messages": len(world.messages),
        "tags": max(plan_sizes.tags, 1),
        "scores": len(world.scores),
        "cap_times": max(plan_sizes.rings, 1),
        "cap_next": len(world.caps),
        "decision_counts": max(plan_sizes.counts, 1),
        "queue": sizes.queue,
        "stack": STACK_DEPTH,
        "rule_inputs": max((int(term.column_count) for term in world.rule_terms), default=0),
        "traits": plan_sizes.columns,
        "attributes": plan_sizes.attributes,
        "visits": len(world.stages),
        "offers": len(world.offers),
        "sways": len(world.branch_events),
        "placed": len(world.sites),
        "active_hours": HOURS_PER_DAY,
        "requests": len(world.desks),
        "budget_requests": len(world.budgets),
    }
    arrays = {name: np.zeros(length, CustomerState.FIELDS[name].dtype) for name, length in lengths.items()}
    state = CustomerState(**arrays, replies=shared.replies, cutoffs=shared.cutoffs)
    state.customer[0].seed = np.uint64(seed)
    return state


def make_outcomes(plan: Plan, n_customers: int) -> Outcomes:
    """Allocate outcome arrays.

    Parameters
    ----------
    plan : Plan
        Determines the numbers of moments, stages, channels and desks.
    n_customers : int
        Number of customers.

    Returns
    -------
    Outcomes
        Filled with zeros.
    """
    world = plan.world
    return Outcomes.zeros(
        n_customers, moments=len(world.moments), stages=len(world.stages), channels=len(world.channels), desks=len(world.desks)
    )


def working_outcomes(plan: Plan, outcomes: Outcomes) -> Outcomes:
    """Return outcome arrays for `make_output`: the given ones or, if the plan needs a scratch row, new ones with one more row.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    outcomes : Outcomes
        Outcomes of some customers.

    Returns
    -------
    Outcomes
        Pass them to `keep_outcomes` once the customers have been simulated.
    """
    return make_outcomes(plan, len(outcomes.customers) + 1) if plan.has_unobserved_time else outcomes


def keep_outcomes(working: Outcomes, outcomes: Outcomes) -> None:
    """Copy the outcomes of simulated customers from `working_outcomes`, without the scratch row.

    Parameters
    ----------
    working : Outcomes
        Result of `working_outcomes`.
    outcomes : Outcomes
        Filled in place.
    """
    if working is not outcomes:
        for target, source in zip(outcomes, working, strict=True):
            target[:] = source[: len(target)]


def make_output(outcomes: Outcomes, sizes: BufferSizes) -> Output:
    """Allocate the output of a chunk of customers.

    Parameters
    ----------
    outcomes : Outcomes
        Outcomes of the chunk's customers, modified through the output.
    sizes : BufferSizes
        Capacities for log rows and referrals.

    Returns
    -------
    Output
        An output that holds no log rows or referrals yet.
    """
    return Output(
        outcome=outcomes.customers,
        moments=outcomes.moments,
        dwell=outcomes.dwell,
        touch_counts=outcomes.touch_counts,
        desks=outcomes.desks,
        referrals=np.zeros(sizes.referrals, REFERRAL),
        n_referrals=np.zeros(1, np.int64),
        log=np.zeros(sizes.rows, LOG_ROW),
        n_rows=np.zeros(1, np.int64),
    )


def copy_referrals(out: Output, first: int) -> Array:
    """Copy the referrals of an output, replacing each referrer's row in the chunk with the customer number.

    Parameters
    ----------
    out : Output
        Output of a chunk.
    first : int
        Customer number of the chunk's first customer.

    Returns
    -------
    ndarray of REFERRAL, shape (n_referrals,)
    """
    referrals = np.array(out.referrals[: int(out.n_referrals[0])])
    referrals["parent"] += first
    return referrals


def raise_if_stuck(plan: Plan, state: CustomerState) -> None:
    """Raise if a customer is stuck in a zero-time loop.

    Parameters
    ----------
    plan : Plan
        Provides the names for the message.
    state : CustomerState
        State of the customer.

    Raises
    ------
    InputError
        If the customer exceeded the engines' limit on events, either at one time or in total.
    """
    customer = state.customer[0]
    if customer.stuck == 0:
        return
    names = plan.codebook
    kind, which = DueKind(int(customer.last_kind)), int(customer.last_which)
    what = "a response to a message"
    if kind == DueKind.CLOCK and which == len(plan.world.events):
        what = "the end of an offer or a deadline"
    elif kind == DueKind.CLOCK:
        what = f"event '{names.events[N_TOUCH_CODES + which]}'"
    elif kind == DueKind.ACTOR:
        what = f"'{names.sources[which]}'"
    elif kind == DueKind.DESK_REPLY:
        what = "a desk reply"
    count, number = int(customer.events_handled), int(customer.number)
    got = f"{count:,} events for customer {number} by day {float(customer.now):g}, the last of them {what}"
    must = f"must not loop without advancing time: at most {MAX_EVENTS_AT_ONE_TIME:,} events at one time and {MAX_EVENTS:,} per customer"
    raise InputError(format_error("scenario", must, got, "Add a wait, or a condition that ends the loop."))
