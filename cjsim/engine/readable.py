"""The readable engine: every customer a SimPy process. It is there to be read, to be extended, and to be the witness.

Lives here: a life as a process. Does not live here: rules (model/): both engines call the same ones, and differ in who keeps the calendar.

The compiled engine finds what comes next by scanning arrays; here the same question is asked in a line of Python, and
SimPy lets the time pass. Where customers share desks or budgets, all of them live in one SimPy environment, those who are
invited too; else generation by generation, as they are asked for. Both engines give the same log, byte for byte.
"""

from collections.abc import Generator, Iterable
from typing import NamedTuple

import numpy as np
import simpy

from cjsim.compiler.cohorts import Cohort, referred_cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population
from cjsim.engine.buffers import (
    BufferSizes,
    ChunkResult,
    SharedResources,
    copy_referrals,
    make_outcomes,
    make_output,
    make_state,
    raise_if_stuck,
)
from cjsim.engine.calendar import BudgetTurns, EventCalendar
from cjsim.engine.desk_queues import DeskQueues, DeskReply, DeskRequest
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_limit import check_population_limit
from cjsim.engine.shared_resources import SharedResults
from cjsim.engine.sync_points import SYNC_POINT, SyncState, budget_gate, needs_budget_turn
from cjsim.kernels.codes import DueKind
from cjsim.kernels.desks.requests import patience_days, service_days
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.state import DESK_REPLY, CustomerState, Output, Population
from cjsim.kernels.world import Array
from cjsim.scenario.spec import MAX_CUSTOMERS

INITIAL_LOG_ROWS = 1024  # log rows of a customer at first


class DueEvent(NamedTuple):
    """Something that will happen, in the order in which equal times are served."""

    time: float  # days
    kind: DueKind
    order: tuple[int, ...]  # among things of one kind
    which: int


def pending_events(life: CustomerState) -> list[DueEvent]:
    """Everything that is going to happen to a customer, as things stand.

    Parameters
    ----------
    life : CustomerState
        The customer's state.
    """
    reads = [
        DueEvent(float(read.due), DueKind.RESPONSE, (int(read.site), int(read.index), int(read.actions)), i)
        for i, read in enumerate(life.responses[: life.customer[0].n_responses])
    ]
    clocks = [DueEvent(float(due), DueKind.CLOCK, (event,), event) for event, due in enumerate(life.clock_due)]
    acts = [DueEvent(float(due), DueKind.ACTOR, (actor,), actor) for actor, due in enumerate(life.actor_due)]
    answer = DueEvent(float(life.customer[0].reply_due), DueKind.DESK_REPLY, (), 0)
    return [*reads, *clocks, *acts, answer]


class SharedEnvironment:
    """Where customers live: one SimPy environment, with the desks and the budgets that they share."""

    def __init__(self, plan: Plan, seed: int, *, is_shared: bool, at_most: int = MAX_CUSTOMERS) -> None:
        self.plan = plan
        self.at_most = at_most
        self.seed = seed
        self.is_shared = is_shared  # else nobody needs to be here together with whom he has invited
        self.calendar = EventCalendar(float(plan.world.setting[0].horizon))
        self.budget_turns = BudgetTurns(self.calendar)
        self.desks = DeskQueues(
            self.calendar, plan.desks, service_of=self._service_of, on_reply=lambda request, answer: request.owner.receive_reply(answer)
        )
        self.sync_state = SyncState(gate=budget_gate(plan.world), pauses=np.zeros(0, SYNC_POINT))
        self.cutoffs = SharedResources.empty(plan).cutoffs
        self.customers: dict[int, CustomerProcess] = {}  # by key

    def admit(self, cohort: Cohort, outcomes: Outcomes) -> None:
        """Let customers come to live here.

        Parameters
        ----------
        cohort : Cohort
            Who.
        outcomes : Outcomes
            Of these customers; written.
        """
        check_population_limit(len(self.customers) + len(cohort), self.at_most, f"by day {self.calendar.now:.0f}")
        people = draw_population(self.plan, self.seed, cohort)
        for i, key in enumerate(cohort.key):
            customer = self.customers[int(key)] = CustomerProcess(self, people, i, outcomes.subset(i, 1))
            customer.process = self.calendar.process(customer.run())

    def _service_of(self, request: DeskRequest, desk: int) -> float:
        key = np.uint64(request.key)
        return float(service_days(self.plan.world, np.uint64(self.seed), key, request.desk, desk, request.ordinal))


class CustomerProcess:
    """One customer, living in a SimPy environment from entry to horizon."""

    process: simpy.Process

    def __init__(self, town: SharedEnvironment, people: Population, i: int, outcomes: Outcomes) -> None:
        self.environment = town
        self.people = people
        self.index = i
        self.outcomes = outcomes
        self.key = int(people.key[i])
        self.sizes = BufferSizes(rows=INITIAL_LOG_ROWS)
        self.replies = np.zeros(4, DESK_REPLY)
        self.n_requests = self.n_replies = self.n_referrals = 0  # requests made, answers known, friends who have been told
        self.state, self.out = self.new_buffers()

    def new_buffers(self) -> tuple[CustomerState, Output]:
        """Room for a life that has not begun."""
        town = self.environment
        life = make_state(town.plan, town.seed, self.sizes, SharedResources(self.replies, town.cutoffs))
        return life, make_output(self.outcomes, self.sizes)

    def run(self) -> Generator[simpy.Event, None, None]:
        """From entry to horizon: wait for what comes first, and let it happen."""
        town, horizon = self.environment, self.environment.calendar.horizon
        yield town.calendar.event_at(min(float(self.people.entered[self.index]), horizon))
        start_customer(town.plan.world, self.state, self.out, self.people, self.index, 0)
        self.handle_consequences()
        while True:
            due = min(pending_events(self.state))
            if due.time >= horizon and not self.state.customer[0].awaits_reply:
                break
            try:
                if due.time > town.calendar.now:
                    yield town.calendar.event_at(min(due.time, horizon))
                if due.time >= horizon:
                    break
                if needs_budget_turn(town.plan.world, self.state, town.sync_state, int(due.kind), due.which, due.time):
                    yield self.wait_for_budget_turn(due.time)
            except simpy.Interrupt:
                continue  # an answer is known: its time is on the agenda now
            self.dispatch(due)
            raise_if_stuck(town.plan, self.state)
            self.handle_consequences()
        finish_customer(town.plan.world, self.state, self.out)

    def dispatch(self, due: DueEvent) -> None:
        """Let what is due happen, at the time of the model."""
        dispatch(self.environment.plan.world, self.state, self.out, int(due.kind), due.which, due.time)

    def wait_for_budget_turn(self, time: float) -> simpy.Event:
        """An event for when it is this customer's turn to draw on a budget."""
        turn = self.environment.calendar.event()
        self.environment.budget_turns.wait(time, self.key, turn.succeed)
        return turn

    def handle_consequences(self) -> None:
        """What has happened may need more room, and matter to others: a request to a desk, an invitation."""
        while self.grow_buffers():
            self.replay()
        if self.state.customer[0].awaits_reply and self.n_requests == self.n_replies:
            self.make_request()
        births = self.referrals()[self.n_referrals :]
        if len(births) and self.environment.is_shared:
            self.n_referrals += len(births)
            self.environment.admit(referred_cohort(births, 0), make_outcomes(self.environment.plan, len(births)))

    def grow_buffers(self) -> bool:
        """Whether the life does not fit; there is more room then."""
        if self.state.customer[0].needs_larger_buffers:
            self.sizes = self.sizes.with_larger_state()
        elif self.out.n_rows[0] > self.sizes.rows or self.out.n_referrals[0] > self.sizes.referrals:
            self.sizes = self.sizes.with_larger_log()
        else:
            return False
        return True

    def replay(self) -> None:
        """Live up to now once more, in the room that there is now: nobody else notices."""
        takes = int(self.state.customer[0].events_handled)
        self.people.replies[self.index] = 0, self.n_replies
        self.state, self.out = self.new_buffers()
        start_customer(self.environment.plan.world, self.state, self.out, self.people, self.index, 0)
        for _ in range(takes):
            self.dispatch(min(pending_events(self.state)))

    def make_request(self) -> None:
        """Ask a desk."""
        town, customer = self.environment, self.state.customer[0]
        self.n_requests += 1
        desk, ordinal = int(customer.desk), int(customer.request_ordinal)
        patience = patience_days(town.plan.world, customer.seed, customer.key, desk, ordinal, int(customer.request_site))
        priority, asked = float(customer.request_priority), float(customer.requested_at)
        town.desks.ask(DeskRequest(self, self.key, desk, asked=asked, priority=priority, patience=patience, ordinal=ordinal))

    def receive_reply(self, answer: DeskReply) -> None:
        """It is known how the open request ends."""
        if answer.time >= self.environment.calendar.horizon:
            return
        is_full = self.n_replies == len(self.replies)
        if is_full:
            self.replies = np.concatenate([self.replies, np.zeros_like(self.replies)])
        self.replies[self.n_replies] = tuple(answer)
        self.n_replies += 1
        if is_full:
            self.replay()
        else:
            customer = self.state.customer[0]
            customer.replies_end += 1
            customer.reply_due = answer.time
            customer.awaits_reply = 0
        self.process.interrupt()

    def log_rows(self) -> Array:
        """The customer's log rows."""
        return self.out.log[: int(self.out.n_rows[0])]

    def referrals(self) -> Array:
        """Those whom the customer brought, in the order of invitations."""
        return copy_referrals(self.out, 0)


class ReadableEngine:
    """Lets customers live in SimPy."""

    def __init__(self, plan: Plan, seed: int, *, rows: int) -> None:
        self.plan = plan
        self.seed = seed
        self.keeps_log_rows = rows > 0
        self.environment: SharedEnvironment | None = None

    def prepare(self) -> None:
        """Nothing: its kernels are loaded by the first customer."""

    def resolve_shared_resources(self, cohorts: Iterable[Cohort], *, at_most: int = MAX_CUSTOMERS) -> SharedResults:
        """Let everybody live who shares desks or budgets, whom they invite too; `live` then only gives what came of each.

        Parameters
        ----------
        cohorts : iterable of Cohort
            Everybody who is there without having been invited.
        at_most : int
            How many customers there may come to be.

        Returns
        -------
        SharedResults
        """
        self.environment = SharedEnvironment(self.plan, self.seed, is_shared=True, at_most=at_most)
        for cohort in cohorts:
            self.environment.admit(cohort, make_outcomes(self.plan, len(cohort)))
        self.environment.calendar.run()
        given = [(key, customer.replies[: customer.n_replies]) for key, customer in sorted(self.environment.customers.items())]
        return SharedResults.of(given, self.environment.cutoffs)

    def use_shared_results(self, meetings: SharedResults) -> None:
        """Nothing: customers have met while they lived.

        Parameters
        ----------
        meetings : SharedResults
            Of all customers.
        """

    def simulate(self, cohort: Cohort, outcomes: Outcomes) -> ChunkResult:
        """Let customers live.

        Parameters
        ----------
        cohort : Cohort
            Who.
        outcomes : Outcomes
            Of these customers; written.

        Returns
        -------
        ChunkResult
            With rows if they are wanted.
        """
        town = self.environment
        if town is None:
            town = SharedEnvironment(self.plan, self.seed, is_shared=False)
            town.admit(cohort, outcomes)
            town.calendar.run()
        rows, births = [], []
        for i, key in enumerate(cohort.key):
            customer, number = town.customers[int(key)], cohort.first + i
            rows.append(customer.log_rows())
            rows[-1]["customer"] = number
            if customer.out.n_referrals[0]:
                births.append(copy_referrals(customer.out, number))
            if town is self.environment:
                for mine, lived in zip(outcomes, customer.outcomes, strict=True):
                    mine[i] = lived[0]
        return ChunkResult(sum(len(of) for of in rows), rows if self.keeps_log_rows else [], births)
