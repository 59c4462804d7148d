"""The readable engine: every customer is a SimPy process. It serves as documentation, as a base for extensions, and as the reference.

The compiled engine finds the next event by scanning arrays. Here the same takes a line of Python, and SimPy advances the time. Both
engines call the same rules and give the same log, byte for byte. Where customers share desks or budgets, or a user's processes see them,
all of them, referred customers included, are processes of one SimPy environment; otherwise each chunk of each generation has its own.
"""

from collections.abc import Callable, Generator, Iterable

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
from cjsim.engine.due_events import DueEvent, fired_event, pending_events
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_limit import check_population_limit
from cjsim.engine.shared_resources import SharedResults
from cjsim.engine.sync_points import SYNC_POINT, SyncState, budget_gate, needs_budget_turn
from cjsim.kernels.desks.requests import patience_days, service_days
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.state import DESK_REPLY, CustomerState, Output, Population
from cjsim.kernels.world import Array
from cjsim.scenario.spec import MAX_CUSTOMERS

INITIAL_LOG_ROWS = 1024  # initial capacity for the log rows of one customer


class SharedEnvironment:
    """One SimPy environment with customers, and the desks and budgets that they share.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    is_shared : bool
        Whether referred customers must be in the same environment as their referrers.
    max_customers : int
        Limit on the number of customers.
    can_fire : bool
        Whether events may be fired from outside, so that customers remain until the horizon even if nothing is due.
    """

    def __init__(self, plan: Plan, seed: int, *, is_shared: bool, max_customers: int = MAX_CUSTOMERS, can_fire: bool = False) -> None:
        self.plan = plan
        self.can_fire = can_fire
        self.max_customers = max_customers
        self.seed = seed
        self.is_shared = is_shared
        self.calendar = EventCalendar(float(plan.world.setting[0].horizon))
        self.budget_turns = BudgetTurns(self.calendar)
        self.desks = DeskQueues(
            self.calendar, plan.desks, service_of=self._service_of, on_reply=lambda request, reply: request.owner.receive_reply(reply)
        )
        self.sync_state = SyncState(gate=budget_gate(plan.world), sync_points=np.zeros(0, SYNC_POINT))
        self.cutoffs = SharedResources.empty(plan).cutoffs
        self.customers: dict[int, CustomerProcess] = {}  # by key

    def admit(self, cohort: Cohort, outcomes: Outcomes) -> None:
        """Add customers, each as a process.

        Parameters
        ----------
        cohort : Cohort
            The customers.
        outcomes : Outcomes
            Outcomes of these customers; written.

        Raises
        ------
        InputError
            If the population exceeds its limit.
        """
        check_population_limit(len(self.customers) + len(cohort), self.max_customers, f"by day {self.calendar.now:.0f}")
        population = draw_population(self.plan, self.seed, cohort)
        for i, key in enumerate(cohort.key):
            customer = self.customers[int(key)] = CustomerProcess(self, population, i, outcomes.subset(i, 1))
            customer.process = self.calendar.process(customer.run())

    def _service_of(self, request: DeskRequest, desk: int) -> float:
        key = np.uint64(request.key)
        return float(service_days(self.plan.world, np.uint64(self.seed), key, request.desk, desk, request.ordinal))


class CustomerProcess:
    """One customer as a SimPy process, from entry to horizon.

    Parameters
    ----------
    environment : SharedEnvironment
        Where the customer is simulated.
    population : Population
        The customer's cohort, drawn.
    index : int
        Index of the customer in `population`.
    outcomes : Outcomes
        Outcomes of this customer; written.
    """

    process: simpy.Process

    def __init__(self, environment: SharedEnvironment, population: Population, index: int, outcomes: Outcomes) -> None:
        self.environment = environment
        self.population = population
        self.index = index
        self.outcomes = outcomes
        self.key = int(population.key[index])
        self.sizes = BufferSizes(rows=INITIAL_LOG_ROWS)
        self.replies = np.zeros(4, DESK_REPLY)
        self.n_requests = self.n_replies = self.n_referrals = 0  # requests made, replies received, referred customers admitted
        self.has_entered = False
        self.events_to_fire: list[int] = []  # from outside, in the order in which they were fired
        self.fired: dict[int, DueEvent] = {}  # by the number of events handled before
        self.state, self.out = self.new_buffers()

    def new_buffers(self) -> tuple[CustomerState, Output]:
        """Allocate the state and the output of the customer."""
        environment = self.environment
        state = make_state(environment.plan, environment.seed, self.sizes, SharedResources(self.replies, environment.cutoffs))
        return state, make_output(self.outcomes, self.sizes)

    def run(self) -> Generator[simpy.Event, None, None]:
        """The process: wait for the next event and handle it, from entry to horizon.

        Raises
        ------
        InputError
            If the customer is stuck in a zero-time loop.
        """
        environment, horizon = self.environment, self.environment.calendar.horizon
        yield environment.calendar.event_at(min(float(self.population.entered[self.index]), horizon))
        start_customer(environment.plan.world, self.state, self.out, self.population, self.index, 0)
        self.has_entered = float(self.population.entered[self.index]) < horizon
        self.handle_consequences()
        while True:
            due = self.next_due()
            if due.time >= horizon and not self.state.customer[0].awaits_reply and not environment.can_fire:
                break
            try:
                if due.time > environment.calendar.now:
                    yield environment.calendar.event_at(min(due.time, horizon))
                if due.time >= horizon:
                    break
                if needs_budget_turn(environment.plan.world, self.state, environment.sync_state, int(due.kind), due.which, due.time):
                    yield self.wait_for_budget_turn(due.time)
            except simpy.Interrupt:
                continue  # a reply has come, or an event was fired: it is among the pending events now
            if due.is_fired:
                self.fired[int(self.state.customer[0].events_handled)] = due
                del self.events_to_fire[0]
            self.dispatch(due)
            raise_if_stuck(environment.plan, self.state)
            self.handle_consequences()
        finish_customer(environment.plan.world, self.state, self.out)

    def next_due(self) -> DueEvent:
        """Return the pending event that is handled next; fired events come after all others that are due now."""
        due, now = min(pending_events(self.state)), self.environment.calendar.now
        if self.events_to_fire and due.time > now:
            return fired_event(now, self.events_to_fire[0])
        return due

    def fire(self, event: int) -> None:
        """Let an event of the journey happen to the customer now, by the rules by which an effect fires it.

        Parameters
        ----------
        event : int
            Index of the event.
        """
        assert self.has_entered and self.environment.can_fire
        self.events_to_fire.append(event)
        if len(self.events_to_fire) == 1:
            self.process.interrupt()

    def dispatch(self, due: DueEvent) -> None:
        """Handle an event at the time of the model."""
        dispatch(self.environment.plan.world, self.state, self.out, int(due.kind), due.which, due.time)

    def wait_for_budget_turn(self, time: float) -> simpy.Event:
        """Return an event that triggers when it is the customer's turn to draw on a budget."""
        turn = self.environment.calendar.event()
        self.environment.budget_turns.wait(time, self.key, turn.succeed)
        return turn

    def handle_consequences(self) -> None:
        """Enlarge buffers that ran out, send a new request to its desk, admit referred customers."""
        while self.grow_buffers():
            self.replay()
        if self.state.customer[0].awaits_reply and self.n_requests == self.n_replies:
            self.make_request()
        referrals = self.referrals()[self.n_referrals :]
        if len(referrals) and self.environment.is_shared:
            self.n_referrals += len(referrals)
            self.environment.admit(referred_cohort(referrals, 0), make_outcomes(self.environment.plan, len(referrals)))

    def grow_buffers(self) -> bool:
        """Choose larger sizes if a buffer ran out, and return whether one did."""
        if self.state.customer[0].needs_larger_buffers:
            self.sizes = self.sizes.with_larger_state()
        elif self.out.n_rows[0] > self.sizes.rows or self.out.n_referrals[0] > self.sizes.referrals:
            self.sizes = self.sizes.with_larger_log()
        else:
            return False
        return True

    def replay(self) -> None:
        """Simulate the customer up to now again, in new buffers; other customers are not affected."""
        n_events = int(self.state.customer[0].events_handled)
        self.population.replies[self.index] = 0, self.n_replies
        self.state, self.out = self.new_buffers()
        start_customer(self.environment.plan.world, self.state, self.out, self.population, self.index, 0)
        for n in range(n_events):
            self.dispatch(self.fired[n] if n in self.fired else min(pending_events(self.state)))

    def make_request(self) -> None:
        """Send the customer's open request to its desk."""
        environment, customer = self.environment, self.state.customer[0]
        self.n_requests += 1
        desk, ordinal = int(customer.desk), int(customer.request_ordinal)
        patience = patience_days(environment.plan.world, customer.seed, customer.key, desk, ordinal, int(customer.request_site))
        priority, asked = float(customer.request_priority), float(customer.requested_at)
        environment.desks.ask(DeskRequest(self, self.key, desk, asked=asked, priority=priority, patience=patience, ordinal=ordinal))

    def receive_reply(self, reply: DeskReply) -> None:
        """Record how the open request ends, and schedule its end."""
        if reply.time >= self.environment.calendar.horizon:
            return
        is_full = self.n_replies == len(self.replies)
        if is_full:
            self.replies = np.concatenate([self.replies, np.zeros_like(self.replies)])
        self.replies[self.n_replies] = tuple(reply)
        self.n_replies += 1
        if is_full:
            self.replay()
        else:
            customer = self.state.customer[0]
            customer.replies_end += 1
            customer.reply_due = reply.time
            customer.awaits_reply = 0
        self.process.interrupt()

    def log_rows(self) -> Array:
        """The customer's log rows, ndarray of LOG_ROW."""
        return self.out.log[: int(self.out.n_rows[0])]

    def referrals(self) -> Array:
        """The customers whom this one referred, ndarray of REFERRAL, in the order of invitations."""
        return copy_referrals(self.out, 0)


class ReadableEngine:
    """Simulates customers as SimPy processes.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    rows : int
        0 if log rows are not kept.
    run_processes : callable, optional
        Runs an environment with all customers to its horizon, together with a user's processes.
    """

    def __init__(self, plan: Plan, seed: int, *, rows: int, run_processes: Callable[[SharedEnvironment], None] | None = None) -> None:
        self.plan = plan
        self.seed = seed
        self.run_processes = run_processes
        self.keeps_log_rows = rows > 0
        self.environment: SharedEnvironment | None = None

    def prepare(self) -> None:
        """Do nothing: the first customer loads the kernels."""

    def resolve_shared_resources(self, cohorts: Iterable[Cohort], *, max_customers: int = MAX_CUSTOMERS) -> SharedResults:
        """Simulate all customers together, where they share desks or budgets, or a user's processes see them.

        `simulate` then only collects their outcomes.

        Parameters
        ----------
        cohorts : iterable of Cohort
            All initial customers and arrivals.
        max_customers : int
            Limit on the number of customers, with referred ones.

        Returns
        -------
        SharedResults

        Raises
        ------
        InputError
            If the population exceeds `max_customers`, or a customer is stuck in a zero-time loop.
        """
        can_fire = self.run_processes is not None
        self.environment = SharedEnvironment(self.plan, self.seed, is_shared=True, max_customers=max_customers, can_fire=can_fire)
        for cohort in cohorts:
            self.environment.admit(cohort, make_outcomes(self.plan, len(cohort)))
        if self.run_processes is None:
            self.environment.calendar.run()
        else:
            self.run_processes(self.environment)
        replies = [(key, customer.replies[: customer.n_replies]) for key, customer in sorted(self.environment.customers.items())]
        return SharedResults.of(replies, self.environment.cutoffs)

    def use_shared_results(self, shared_results: SharedResults) -> None:
        """Do nothing: all customers have been simulated already.

        Parameters
        ----------
        shared_results : SharedResults
            Results of all customers.
        """

    def simulate(self, cohort: Cohort, outcomes: Outcomes) -> ChunkResult:
        """Simulate customers from entry to horizon.

        Parameters
        ----------
        cohort : Cohort
            The customers.
        outcomes : Outcomes
            Outcomes of these customers; written.

        Returns
        -------
        ChunkResult
            With log rows if the engine keeps them.

        Raises
        ------
        InputError
            If a customer is stuck in a zero-time loop.
        """
        environment = self.environment
        if environment is None:
            environment = SharedEnvironment(self.plan, self.seed, is_shared=False)
            environment.admit(cohort, outcomes)
            environment.calendar.run()
        rows, referrals = [], []
        for i, key in enumerate(cohort.key):
            customer, number = environment.customers[int(key)], cohort.first + i
            rows.append(customer.log_rows())
            rows[-1]["customer"] = number
            if customer.out.n_referrals[0]:
                referrals.append(copy_referrals(customer.out, number))
            if environment is self.environment:
                for target, source in zip(outcomes, customer.outcomes, strict=True):
                    target[i] = source[0]
        return ChunkResult(sum(map(len, rows)), rows if self.keeps_log_rows else [], referrals)
