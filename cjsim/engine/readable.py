"""The readable engine, in which every customer is a SimPy process.

It documents the model, supports user processes and serves as the reference.

The compiled engine finds the next event by scanning arrays. Here, one line of Python does the same, and SimPy advances the time. Both
engines call the same rules and write the same log, byte for byte. If customers share desks or budgets, or the run has user processes, all
customers (including referred ones) are processes of one SimPy environment. Otherwise, each chunk of customers has its own environment.
"""

from collections.abc import Callable, Generator, Iterable

import numpy as np
import simpy

from cjsim.compiler.cohorts import Cohort, referred_cohort
from cjsim.compiler.plan import FloatArray, Plan
from cjsim.compiler.population import draw_population
from cjsim.engine.buffers import (
    BufferSizes,
    ChunkResult,
    SharedResources,
    copy_referrals,
    keep_outcomes,
    make_outcomes,
    make_output,
    make_state,
    raise_if_stuck,
    working_outcomes,
)
from cjsim.engine.calendar import BudgetTurns, EventCalendar
from cjsim.engine.desk_queues import DeskQueues, DeskReply, DeskRequest
from cjsim.engine.due_events import DueEvent, pending_events
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_limit import check_population_limit
from cjsim.engine.shared_resources import SharedResults
from cjsim.engine.sync_points import SYNC_POINT, SyncState, joint_budget_gate, needs_budget_turn
from cjsim.kernels.codes import DueKind
from cjsim.kernels.desks.requests import patience_days, service_days
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.observation_window import pass_window_limit
from cjsim.kernels.state import DESK_REPLY, CustomerState, Output, Population
from cjsim.progress import NoProgress, Progress
from cjsim.scenario.spec import MAX_CUSTOMERS

INITIAL_LOG_ROWS = 1024  # initial capacity for the log rows of one customer


class SharedEnvironment:
    """A SimPy environment that holds customers and the desks and budgets that they share.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    is_shared : bool
        Whether referred customers join the environment of their referrers.
    max_customers : int
        Maximum number of customers.
    can_fire : bool
        Whether user processes may fire events. If so, customer processes stay active until the horizon even without pending events.
    """

    def __init__(self, plan: Plan, seed: int, *, is_shared: bool, max_customers: int = MAX_CUSTOMERS, can_fire: bool = False) -> None:
        self.plan = plan
        self.can_fire = can_fire
        self.max_customers = max_customers
        self.seed = seed
        self.is_shared = is_shared
        self.calendar = EventCalendar(float(plan.world.setting[0].ends), begins=float(plan.world.setting[0].begins))
        self.budget_turns = BudgetTurns(self.calendar)
        self.desks = DeskQueues(
            self.calendar, plan.desks, service_of=self._service_of, on_reply=lambda request, reply: request.owner.receive_reply(reply)
        )
        self.sync_state = SyncState(gate=joint_budget_gate(plan.past_world, plan.world), sync_points=np.zeros(0, SYNC_POINT))
        self.cutoffs = SharedResources.empty(plan).cutoffs
        self.customers: dict[int, CustomerProcess] = {}  # by key
        self.entered: list[FloatArray] = []  # entry times by cohort

    def admit(self, cohort: Cohort, outcomes: Outcomes) -> None:
        """Start a process for each customer in a cohort.

        Parameters
        ----------
        cohort : Cohort
            Customers to add.
        outcomes : Outcomes
            Outcomes of these customers, filled in place.

        Raises
        ------
        InputError
            If the population exceeds its limit.
        """
        check_population_limit(len(self.customers) + len(cohort), self.max_customers, f"by day {self.calendar.now:.0f}")
        self.entered.append(cohort.entered)
        population = draw_population(self.plan, self.seed, cohort)
        for i, key in enumerate(cohort.key):
            customer = self.customers[int(key)] = CustomerProcess(self, population, i, outcomes.subset(i, 1))
            customer.process = self.calendar.process(customer.run())

    def _service_of(self, request: DeskRequest, desk: int) -> float:
        key = np.uint64(request.key)
        return float(service_days(self.plan.world, np.uint64(self.seed), key, request.desk, desk, request.ordinal))


class CustomerProcess:
    """A customer as a SimPy process, from entry to the horizon.

    Parameters
    ----------
    environment : SharedEnvironment
        Environment of the customer.
    population : Population
        Random draws for the customer's cohort.
    index : int
        Index of the customer in `population`.
    outcomes : Outcomes
        Outcomes of this customer, filled in place.
    """

    process: simpy.Process

    def __init__(self, environment: SharedEnvironment, population: Population, index: int, outcomes: Outcomes) -> None:
        self.environment = environment
        self.population = population
        self.index = index
        self.outcomes = outcomes
        self.working_outcomes = working_outcomes(environment.plan, outcomes)
        self.key = int(population.key[index])
        self.sizes = BufferSizes(rows=INITIAL_LOG_ROWS)
        self.replies = np.zeros(4, DESK_REPLY)
        self.n_limits_passed = 0  # limits of the observation window
        self.n_requests = self.n_replies = self.n_referrals = 0  # requests made, replies received, referred customers admitted
        self.has_entered = False
        self.events_to_fire: list[int] = []  # by user processes, in the order in which they were fired
        self.fired: dict[int, DueEvent] = {}  # keyed by the number of events handled before
        self.state, self.out = self.new_buffers()

    def new_buffers(self) -> tuple[CustomerState, Output]:
        """Allocate the customer's state and output."""
        environment = self.environment
        state = make_state(environment.plan, environment.seed, self.sizes, SharedResources(self.replies, environment.cutoffs))
        return state, make_output(self.working_outcomes, self.sizes)

    def run(self) -> Generator[simpy.Event, None, None]:
        """Run the process: wait for each event and handle it, from entry to the horizon.

        Raises
        ------
        InputError
            If the customer is stuck in a zero-time loop.
        """
        environment, horizon = self.environment, self.environment.calendar.horizon
        yield environment.calendar.event_at(min(float(self.population.entered[self.index]), horizon))
        start_customer(environment.plan.world_at(environment.calendar.now), self.state, self.out, self.population, self.index, 0)
        self.has_entered = float(self.population.entered[self.index]) < horizon
        ends = float(self.state.customer[0].ends)
        self.handle_consequences()
        while True:
            due = self.next_due()
            pause = float(self.state.customer[0].pauses_at)
            if due.time >= pause == ends and not self.state.customer[0].awaits_reply and not environment.can_fire:
                break
            try:
                if due.time > environment.calendar.now:
                    yield environment.calendar.event_at(min(due.time, pause))
                if due.time >= pause == ends:
                    break
                if due.time >= pause:
                    self.pass_window_limit()
                    continue
                if needs_budget_turn(
                    environment.plan.world_at(due.time), self.state, environment.sync_state, int(due.kind), due.which, due.time
                ):
                    turn = environment.calendar.event()
                    environment.budget_turns.wait(due.time, self.key, turn.succeed)
                    yield turn
            except simpy.Interrupt:
                continue  # a desk reply or a fired event is now pending
            if due.is_fired:
                self.fired[int(self.state.customer[0].events_handled)] = due
                del self.events_to_fire[0]
            self.dispatch(due)
            raise_if_stuck(environment.plan, self.state)
            self.handle_consequences()
        finish_customer(environment.plan.world, self.state, self.out)
        keep_outcomes(self.working_outcomes, self.outcomes)

    def next_due(self) -> DueEvent:
        """Return the next event to handle. Fired events come after all other events due at the same time."""
        due, now = min(pending_events(self.state)), self.environment.calendar.now
        if self.events_to_fire and due.time > now:
            event = self.events_to_fire[0]
            return DueEvent(now, DueKind.CLOCK, (event,), event, is_fired=True)  # as if the customer's own clock had fired it
        return due

    def fire(self, event: int) -> None:
        """Fire a journey event for the customer at the current time, under the rules of the effect `fire`.

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
        """Handle an event at its model time."""
        dispatch(self.environment.plan.world_at(due.time), self.state, self.out, int(due.kind), due.which, due.time)

    def pass_window_limit(self) -> None:
        """Pass a limit of the observation window."""
        pass_window_limit(self.environment.plan.world, self.state, self.out)
        self.n_limits_passed += 1
        self.handle_consequences()

    def handle_consequences(self) -> None:
        """Enlarge buffers that are full, send a new request to its desk, and admit referred customers."""
        while (sizes := self.sizes.fitting(self.state, self.out)) is not self.sizes:
            self.sizes = sizes
            self.replay()
        if self.state.customer[0].awaits_reply and self.n_requests == self.n_replies:
            self.make_request()
        referrals = copy_referrals(self.out, 0)[self.n_referrals :]
        if len(referrals) and self.environment.is_shared:
            self.n_referrals += len(referrals)
            self.environment.admit(referred_cohort(referrals, 0), make_outcomes(self.environment.plan, len(referrals)))

    def replay(self) -> None:
        """Simulate the customer again up to now in new buffers, without affecting other customers."""
        n_events = int(self.state.customer[0].events_handled)
        self.population.replies[self.index] = 0, self.n_replies
        self.state, self.out = self.new_buffers()
        plan, n_limits = self.environment.plan, 0
        start_customer(plan.world_at(float(self.population.entered[self.index])), self.state, self.out, self.population, self.index, 0)
        for n in range(n_events + 1):
            due = self.fired[n] if n in self.fired else min(pending_events(self.state))
            while n_limits < self.n_limits_passed and (n == n_events or due.time >= self.state.customer[0].pauses_at):
                pass_window_limit(plan.world, self.state, self.out)
                n_limits += 1
                due = self.fired[n] if n in self.fired else min(pending_events(self.state))
            if n < n_events:
                self.dispatch(due)

    def make_request(self) -> None:
        """Send the customer's open request to its desk."""
        environment, customer = self.environment, self.state.customer[0]
        self.n_requests += 1
        desk, ordinal = int(customer.desk), int(customer.request_ordinal)
        patience = patience_days(environment.plan.world, customer.seed, customer.key, desk, ordinal, int(customer.request_site))
        priority, asked = float(customer.request_priority), float(customer.requested_at)
        environment.desks.ask(DeskRequest(self, self.key, desk, asked=asked, priority=priority, patience=patience, ordinal=ordinal))

    def receive_reply(self, reply: DeskReply) -> None:
        """Record the outcome of the open request and schedule its end."""
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


class ReadableEngine:
    """Simulates customers as SimPy processes.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    rows : int
        0 if log rows are not kept; any other value keeps them.
    run_processes : callable, optional
        Runs an environment with all customers and the user processes up to the horizon.
    """

    def __init__(
        self, plan: Plan, seed: int, *, rows: int, run_processes: Callable[[SharedEnvironment, Progress], None] | None = None
    ) -> None:
        self.plan = plan
        self.seed = seed
        self.run_processes = run_processes
        self.keeps_log_rows = rows > 0
        self.environment: SharedEnvironment | None = None

    def prepare(self) -> None:
        """Do nothing, because the first customer loads the kernels."""

    def resolve_shared_resources(
        self, cohorts: Iterable[Cohort], *, max_customers: int = MAX_CUSTOMERS, progress: Progress | None = None
    ) -> SharedResults:
        """Simulate all customers in one environment, as required for shared desks, shared budgets and user processes.

        Afterwards, `simulate` only collects their outcomes.

        Parameters
        ----------
        cohorts : iterable of Cohort
            All initial customers and arrivals.
        max_customers : int
            Maximum number of customers, including referred ones.
        progress : Progress, optional
            Receives the number of days that have passed.

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
            self.environment.calendar.run_by_day(progress or NoProgress())
        else:
            self.run_processes(self.environment, progress or NoProgress())
        customers = self.environment.customers
        keys = np.array([key for key, customer in customers.items() for _ in range(customer.n_replies)], np.uint64)
        replies = [customer.replies[: customer.n_replies] for customer in customers.values()]
        all_replies, shared = np.concatenate([np.zeros(0, DESK_REPLY), *replies]), self.environment
        return SharedResults.of(keys, all_replies, shared.cutoffs, entered=shared.entered, has_queued=shared.desks.has_queued)

    def use_shared_results(self, shared_results: SharedResults) -> None:
        """Do nothing, because all customers have already been simulated.

        Parameters
        ----------
        shared_results : SharedResults
            Ignored.
        """

    def simulate(self, cohort: Cohort, outcomes: Outcomes) -> ChunkResult:
        """Simulate a cohort from entry to the horizon.

        Parameters
        ----------
        cohort : Cohort
            Customers to simulate.
        outcomes : Outcomes
            Outcomes of these customers, filled in place.

        Returns
        -------
        ChunkResult
            Includes log rows if the engine keeps them.

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
            rows.append(customer.out.log[: int(customer.out.n_rows[0])])
            rows[-1]["customer"] = number
            if customer.out.n_referrals[0]:
                referrals.append(copy_referrals(customer.out, number))
            if environment is self.environment:
                for target, source in zip(outcomes, customer.outcomes, strict=True):
                    target[i] = source[0]
        return ChunkResult(sum(map(len, rows)), rows if self.keeps_log_rows else [], referrals)
