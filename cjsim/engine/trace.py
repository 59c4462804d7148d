"""One life, happening by happening, with what it changed: what a diary is written from.

Lives here: stepping through the life of one customer, found by its number. Does not live here: any rule (model/), the words of a diary
(report/diary.py).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population
from cjsim.engine.buffers import BufferSizes, make_outcomes, make_output, make_state, raise_if_stuck
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.readable import INITIAL_LOG_ROWS, pending_events
from cjsim.engine.shared_resources import SharedResults
from cjsim.kernels.codes import DueKind
from cjsim.kernels.customer.decay import satisfaction_now
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.state import CustomerState, Output, Population
from cjsim.kernels.world import Array, World


class TraceStep(NamedTuple):
    """What happened at one time, and how the customer is after it."""

    time: float  # days since the start
    kind: DueKind | None  # None: the entry
    which: int  # the event, actor or desk; READ: the site of the message
    rows: Array  # ROW: what the log says of it
    unseen: tuple[int, ...]  # hidden events that happened
    stage: int
    satisfaction: float
    cost: float  # money that it cost the firm
    resumes: float  # days: when the actor goes on; inf: it does not wait


class CustomerTrace(NamedTuple):
    """A whole life: who, what happened, what came of it."""

    population: Population  # of one
    steps: list[TraceStep]
    outcomes: Outcomes  # of one


def trace_customer(plan: Plan, seed: int, cohort: Cohort, meetings: SharedResults | None = None) -> CustomerTrace:
    """The life of one customer, step by step.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    cohort : Cohort
        Of one.
    meetings : SharedResults, optional
        What all customers owe each other, where they meet.

    Returns
    -------
    CustomerTrace

    Raises
    ------
    InputError
        If time does not pass for the customer.
    """
    people, outcomes, room = draw_population(plan, seed, cohort), make_outcomes(plan, 1), BufferSizes(rows=INITIAL_LOG_ROWS)
    if meetings is not None:
        meetings.assign_replies(people)
    while True:
        life, sink = make_state(plan, seed, room, None if meetings is None else meetings.shared), make_output(outcomes, room)
        steps = list(_trace_steps(plan, life, sink, people))
        if life.customer[0].needs_larger_buffers:
            room = room.with_larger_state()
        elif sink.n_rows[0] > room.rows or sink.n_referrals[0] > room.referrals:
            room = room.with_larger_log()
        else:
            return CustomerTrace(people, steps, outcomes)


def _trace_steps(plan: Plan, life: CustomerState, sink: Output, people: Population) -> Iterator[TraceStep]:
    """From entry to horizon."""
    world, horizon = plan.world, float(plan.world.setting[0].horizon)
    seen = _StateBefore(life, sink)
    start_customer(world, life, sink, people, 0, 0)
    if float(people.entered[0]) < horizon:
        yield seen.step(world, None, -1)
    while (due := min(pending_events(life))).time < horizon and not life.customer[0].needs_larger_buffers:
        which = int(life.responses[due.which].site) if due.kind is DueKind.RESPONSE else due.which
        seen = _StateBefore(life, sink)
        dispatch(world, life, sink, int(due.kind), due.which, due.time)
        raise_if_stuck(plan, life)
        yield seen.step(world, due.kind, which)
    finish_customer(world, life, sink)


class _StateBefore:
    """How things stood before something happened."""

    def __init__(self, life: CustomerState, sink: Output) -> None:
        self.life, self.sink = life, sink
        self.counts = life.clocks["count"].copy()
        self.written = int(sink.n_rows[0])
        self.cost = float(sink.outcome[0].cost)

    def step(self, world: World, kind: DueKind | None, which: int) -> TraceStep:
        """What has happened since."""
        customer = self.life.customer[0]
        counts = self.life.clocks["count"]
        began = kind is None
        happened = np.flatnonzero((counts > (0 if began else self.counts)) & (world.events["hidden"] == 1))
        # The event whose clock rang comes first, then those that it set off.
        unseen = sorted((int(event) for event in happened), key=lambda event: (not (kind is DueKind.CLOCK and event == which), event))
        resumes = float(self.life.actor_due[which]) if kind is DueKind.ACTOR else np.inf
        return TraceStep(
            time=float(customer.now),
            kind=kind,
            which=which,
            rows=np.array(self.sink.log[0 if began else self.written : int(self.sink.n_rows[0])]),
            unseen=tuple(unseen),
            stage=int(customer.stage),
            satisfaction=float(getattr(satisfaction_now, "py_func", satisfaction_now)(world, self.life)),
            cost=float(self.sink.outcome[0].cost) - (0.0 if began else self.cost),
            resumes=resumes,
        )
