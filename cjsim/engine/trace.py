"""The trace of one customer: every event and its effect on the state, as input for a diary."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population
from cjsim.engine.buffers import (
    BufferSizes,
    keep_outcomes,
    make_outcomes,
    make_output,
    make_state,
    raise_if_stuck,
    working_outcomes,
)
from cjsim.engine.due_events import pending_events
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.readable import INITIAL_LOG_ROWS
from cjsim.engine.shared_resources import SharedResults
from cjsim.kernels.codes import DueKind
from cjsim.kernels.customer.decay import satisfaction_now
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.observation_window import pass_window_limit
from cjsim.kernels.state import CustomerState, Output, Population
from cjsim.kernels.world import Array, World


class TraceStep(NamedTuple):
    """One event and the customer's state after it.

    Attributes
    ----------
    time : float
        Time of the event, in days since the start.
    kind : DueKind or None
        Kind of the event; None for the entry.
    which : int
        Index of the event, actor or desk; for RESPONSE, index of the message's site.
    rows : ndarray of LOG_ROW
        Log rows that the event wrote.
    hidden_events : tuple of int
        Codes of the hidden events that occurred.
    stage : int
        Stage after the event.
    satisfaction : float
        Satisfaction after the event, in [0, 1].
    cost : float
        Cost of the event to the firm, in currency units.
    resumes : float
        Time at which the actor continues, in days since the start; inf if it is not waiting.
    """

    time: float
    kind: DueKind | None
    which: int
    rows: Array
    hidden_events: tuple[int, ...]
    stage: int
    satisfaction: float
    cost: float
    resumes: float


class CustomerTrace(NamedTuple):
    """The complete trajectory of one customer."""

    population: Population  # of one customer
    steps: list[TraceStep]
    outcomes: Outcomes  # of one customer


def trace_customer(plan: Plan, seed: int, cohort: Cohort, shared_results: SharedResults | None = None) -> CustomerTrace:
    """Simulate one customer and record every event.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    cohort : Cohort
        A cohort that consists of one customer.
    shared_results : SharedResults, optional
        Desk replies and exhausted budgets of all customers. Required if customers share desks or budgets.

    Returns
    -------
    CustomerTrace

    Raises
    ------
    InputError
        If the customer is stuck in a zero-time loop.
    """
    population, outcomes, sizes = draw_population(plan, seed, cohort), make_outcomes(plan, 1), BufferSizes(rows=INITIAL_LOG_ROWS)
    working = working_outcomes(plan, outcomes)
    if shared_results is not None:
        shared_results.assign_replies(population)
    while True:
        state = make_state(plan, seed, sizes, None if shared_results is None else shared_results.shared)
        out = make_output(working, sizes)
        steps = list(_trace_steps(plan, state, out, population))
        if (larger := sizes.fitting(state, out)) is sizes:
            keep_outcomes(working, outcomes)
            return CustomerTrace(population, steps, outcomes)
        sizes = larger


def _trace_steps(plan: Plan, state: CustomerState, out: Output, population: Population) -> Iterator[TraceStep]:
    """Simulate the customer to the end, or until a buffer is full, and yield the steps in the observation window."""
    world, horizon, entered = plan.world, float(plan.world.setting[0].horizon), float(population.entered[0])
    before = _StateBefore(state, out)
    start_customer(plan.world_at(entered), state, out, population, 0, 0)
    if 0 <= entered < horizon:
        yield before.step(world, None, -1)
    while not state.customer[0].needs_larger_buffers:
        due, pause = min(pending_events(state)), float(state.customer[0].pauses_at)
        if due.time >= pause:
            if pause >= float(state.customer[0].ends):
                break
            pass_window_limit(world, state, out)
            continue
        which = int(state.responses[due.which].site) if due.kind is DueKind.RESPONSE else due.which
        before = _StateBefore(state, out)
        dispatch(plan.world_at(due.time), state, out, int(due.kind), due.which, due.time)
        raise_if_stuck(plan, state)
        if 0 <= due.time < horizon:
            yield before.step(world, due.kind, which)
    finish_customer(world, state, out)


class _StateBefore:
    """Event counts, log rows and cost before an event, for comparison with the state after it."""

    def __init__(self, state: CustomerState, out: Output) -> None:
        self.state, self.out = state, out
        self.counts = state.clocks["count"].copy()
        self.n_rows = int(out.n_rows[0])
        self.cost = float(out.outcome[0].cost)

    def step(self, world: World, kind: DueKind | None, which: int) -> TraceStep:
        """Return the event that has occurred since, with the changes that it made."""
        customer = self.state.customer[0]
        counts = self.state.clocks["count"]
        is_entry = kind is None
        happened = np.flatnonzero((counts > (0 if is_entry else self.counts)) & (world.events["hidden"] == 1))
        # The due event comes first, followed by the events that it caused.
        due_event = which if kind is DueKind.CLOCK else -1
        hidden_events = sorted((int(event) for event in happened), key=lambda event: (event != due_event, event))
        resumes = float(self.state.actor_due[which]) if kind is DueKind.ACTOR else np.inf
        return TraceStep(
            time=float(customer.now),
            kind=kind,
            which=which,
            rows=np.array(self.out.log[0 if is_entry else self.n_rows : int(self.out.n_rows[0])]),
            hidden_events=tuple(hidden_events),
            stage=int(customer.stage),
            satisfaction=float(getattr(satisfaction_now, "py_func", satisfaction_now)(world, self.state)),
            cost=float(self.out.outcome[0].cost) - (0.0 if is_entry else self.cost),
            resumes=resumes,
        )
