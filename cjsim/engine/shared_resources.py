"""The first pass of the compiled engine, which determines the desk replies and exhausted budgets that customers share.

A customer's trajectory depends on other customers only through desk replies and budgets, so this pass stores nothing else. When a customer
receives a reply or takes a budget turn, the pass simulates that customer again from entry to the next synchronization point. The second
pass (`CompiledEngine`) simulates every customer with the known replies and budgets, and writes the outcomes and the log.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from cjsim.compiler.cohorts import Cohort, referred_cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population
from cjsim.engine.buffers import BufferSizes, SharedResources, make_outcomes, make_output, make_state, raise_if_stuck, working_outcomes
from cjsim.engine.calendar import BudgetTurns, EventCalendar, EventPriority
from cjsim.engine.desk_queues import DeskQueues, DeskReply, DeskRequest
from cjsim.engine.population_limit import check_population_limit
from cjsim.engine.sync_points import SYNC_POINT, SyncState, joint_budget_gate, simulate_to_sync_point
from cjsim.kernels.desks.requests import patience_days, service_days
from cjsim.kernels.state import DESK_REPLY, Output, Population
from cjsim.kernels.world import Array
from cjsim.progress import Progress

_BATCH_CUSTOMERS = 1024  # customers simulated per call


class _SyncPoint(NamedTuple):
    """A `SYNC_POINT` record as a tuple. Reading the fields of a record one by one would take longer than the simulation."""

    asked: float
    priority: float
    turn: float
    taken_until: float
    n_taken_then: int
    desk: int
    ordinal: int
    site: int


class SharedResults(NamedTuple):
    """Result of the first pass: desk replies and exhausted budgets.

    Attributes
    ----------
    shared : SharedResources
        Replies, grouped by customer, and budgets.
    keys : ndarray of uint64, shape (n_keys,)
        Keys of the customers with replies, ascending.
    spans : ndarray of int64, shape (n_keys, 2)
        Start and end (exclusive) index of each customer's replies.
    entered : ndarray of float64, shape (n_customers,)
        Entry times of all customers, in days, ascending.
    has_queued : bool
        Whether a request had to wait.
    """

    shared: SharedResources
    keys: NDArray[np.uint64]
    spans: NDArray[np.int64]
    entered: NDArray[np.float64]
    has_queued: bool

    @classmethod
    def of(cls, keys: NDArray[np.uint64], replies: Array, cutoffs: Array, *, entered: Iterable[Array], has_queued: bool) -> "SharedResults":
        """Collect the replies of each customer.

        Parameters
        ----------
        keys : ndarray of uint64, shape (n_replies,)
            Key of the customer who received each reply.
        replies : ndarray of DESK_REPLY, shape (n_replies,)
            The replies of each customer in chronological order.
        cutoffs : ndarray of BUDGET_CUTOFF
            Exhausted budgets, per budget and period.
        entered : iterable of ndarray of float64
            Entry times of the customers of each cohort, in days.
        has_queued : bool
            Whether a request had to wait.

        Returns
        -------
        SharedResults
        """
        order = np.argsort(keys, kind="stable")
        customers, first, counts = np.unique(keys[order], return_index=True, return_counts=True)
        spans = np.column_stack([first, first + counts])
        times = np.sort(np.concatenate([np.zeros(0), *entered]))
        return cls(SharedResources(replies[order], cutoffs), customers, spans, times, has_queued)

    def do_customers_interact(self, plan: Plan) -> bool:
        """Return whether a customer's trajectory may have depended on others: a request had to wait, or a budget was used up.

        Parameters
        ----------
        plan : Plan
            The compiled scenario.
        """
        begins = float(plan.world.setting[0].begins)
        for budget in plan.world.budgets:
            first = int(budget["first"]) - math.ceil(-begins / float(budget["days"]))  # periods before day 0 precede `first`
            used = self.shared.cutoffs["used"][first : int(budget["first"] + budget["periods"])]
            if 0 < budget["at_most"] <= used.max():
                return True
        return self.has_queued

    def assign_replies(self, population: Population) -> None:
        """Assign to each customer the span of their replies.

        Parameters
        ----------
        population : Population
            Its field `replies` is filled in place.
        """
        if len(self.keys):
            at = np.minimum(np.searchsorted(self.keys, population.key), len(self.keys) - 1)
            population.replies[:] = np.where((self.keys[at] == population.key)[:, None], self.spans[at], 0)


class _CohortProgress:
    """A cohort and the synchronization point that each of its customers has reached."""

    def __init__(self, population: Population, gate: Array) -> None:
        count = len(population.key)
        self.population = population
        self.sync_state = SyncState(gate=gate, sync_points=np.zeros(count, SYNC_POINT))
        self.sync_state.sync_points["taken_until"] = -np.inf
        self._sync_points = self.sync_state.sync_points.view(np.ndarray)
        self.last_reply = np.full(count, -1)  # index into the reply store
        self.n_replies = np.zeros(count, np.int32)
        self.is_open = np.zeros(count, np.bool_)  # whether the customer has an open request

    def sync_point(self, i: int) -> _SyncPoint:
        """Return the synchronization point of a customer."""
        return _SyncPoint(*self._sync_points[i].item())

    def take_turn(self, i: int, sync_point: _SyncPoint) -> None:
        """Mark a customer's pending budget action as taken, so the simulation can continue past it."""
        self._sync_points["taken_until"][i] = sync_point.turn
        self._sync_points["n_taken_then"][i] = sync_point.n_taken_then + 1 if sync_point.turn == sync_point.taken_until else 1


class _ReplyStore:
    """The replies of all customers in chronological order. Each reply links to the same customer's previous reply."""

    def __init__(self) -> None:
        self.count = 0
        self.replies = np.zeros(64, DESK_REPLY)
        self.keys = np.zeros(64, np.uint64)
        self._previous = np.zeros(64, np.int64)

    def add(self, reply: DeskReply, key: int, previous: int) -> int:
        """Store a reply and return its index."""
        index = self.count
        if index == len(self.keys):
            self.replies, self.keys, self._previous = (np.concatenate([old, old]) for old in (self.replies, self.keys, self._previous))
        self.replies[index], self.keys[index], self._previous[index] = tuple(reply), key, previous
        self.count += 1
        return index

    def chain(self, last: int) -> list[int]:
        """Return the indices of a customer's replies in chronological order."""
        indices = []
        while last >= 0:
            indices.append(last)
            last = int(self._previous[last])
        return indices[::-1]


class SharedResourcePass:
    """Simulates all customers of a scenario to the extent that they affect each other.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    max_customers : int
        Maximum number of customers, including referred ones.
    """

    def __init__(self, plan: Plan, seed: int, *, max_customers: int) -> None:
        self._plan = plan
        self._n_customers, self._max_customers = 0, max_customers
        self._seed = np.uint64(seed)
        self._gate = joint_budget_gate(plan.past_world, plan.world)
        self._calendar = EventCalendar(float(plan.world.setting[0].ends), begins=float(plan.world.setting[0].begins))
        self._turns = BudgetTurns(self._calendar)
        self._desks = DeskQueues(self._calendar, plan.desks, service_of=self._service_of, on_reply=self._on_reply)
        self._entered: list[Array] = []  # entry times by cohort
        self._referred_keys: set[int] = set()
        self._reply_store = _ReplyStore()
        self._shared = SharedResources(np.zeros(4, DESK_REPLY), SharedResources.empty(plan).cutoffs)
        self._sizes = BufferSizes()
        self._state = make_state(plan, seed, self._sizes, self._shared)
        self._out = self._new_output(1)

    def run(self, cohorts: Iterable[Cohort], progress: Progress) -> SharedResults:
        """Run the pass.

        Parameters
        ----------
        cohorts : iterable of Cohort
            All initial customers and arrivals.
        progress : Progress
            Receives the number of days that have passed.

        Returns
        -------
        SharedResults

        Raises
        ------
        InputError
            If the population exceeds its limit, or a customer is stuck in a zero-time loop.
        """
        for cohort in cohorts:
            self._admit(cohort)
        self._calendar.run_by_day(progress)
        store = self._reply_store
        replies, cutoffs, has_queued = store.replies[: store.count], self._shared.cutoffs, self._desks.has_queued
        return SharedResults.of(store.keys[: store.count], replies, cutoffs, entered=self._entered, has_queued=has_queued)

    def _admit(self, cohort: Cohort) -> None:
        """Simulate customers up to their first synchronization points."""
        self._n_customers += len(cohort)
        self._entered.append(cohort.entered)
        check_population_limit(self._n_customers, self._max_customers, f"by day {self._calendar.now:.0f}")
        progress = _CohortProgress(draw_population(self._plan, int(self._seed), cohort), self._gate)
        start, count = 0, len(cohort)
        while start < count:
            start = self._simulate(progress, start, min(start + _BATCH_CUSTOMERS, count))
        points = progress.sync_state.sync_points
        requesting = np.flatnonzero(points["asked"] < np.inf)
        self._schedule_first_requests(progress, requesting[np.argsort(points["asked"][requesting])], 0)
        for i in np.flatnonzero(points["turn"] < np.inf):
            self._await_turn(progress, int(i))

    def _simulate(self, progress: _CohortProgress, first: int, end: int) -> int:
        """Simulate customers from entry to their next synchronization points, and return the index after the last complete one."""
        out = self._out if end - first == 1 else self._new_output(end - first)
        out.n_referrals[0] = 0
        worlds = self._plan.past_world, self._plan.world
        done = int(simulate_to_sync_point(*worlds, self._state, out, progress.population, progress.sync_state, first, end))
        for n in range(int(out.n_referrals[0])):
            referral = np.array(out.referrals[n : n + 1])
            self._schedule_referral(progress, first + int(referral[0]["parent"]), referral)
        if done == end:
            return done
        raise_if_stuck(self._plan, self._state)
        if self._state.customer[0].needs_larger_buffers:
            self._sizes = self._sizes.with_larger_state()
            self._state = make_state(self._plan, int(self._seed), self._sizes, self._shared)
        elif done == first:
            self._sizes = self._sizes.with_larger_log()
            self._out = self._new_output(1)
        return done

    def _new_output(self, n_customers: int) -> Output:
        """Allocate an output, whose outcomes are not used."""
        return make_output(working_outcomes(self._plan, make_outcomes(self._plan, n_customers)), self._sizes)

    def _resume(self, progress: _CohortProgress, i: int) -> None:
        """Simulate a customer again with all replies and turns so far, and schedule the next request or turn."""
        progress.population.replies[i] = 0, self._copy_replies(int(progress.last_reply[i]))
        while self._simulate(progress, i, i + 1) == i:
            pass
        sync_point = progress.sync_point(i)
        if sync_point.asked < np.inf and not progress.is_open[i]:
            self._calendar.call_at(sync_point.asked, EventPriority.CUSTOMER, lambda _: self._ask(progress, i))
        if sync_point.turn < np.inf:
            self._await_turn(progress, i)

    def _copy_replies(self, last: int) -> int:
        """Copy a customer's replies to the array that the simulation reads, and return their number."""
        chain = self._reply_store.chain(last)
        if len(chain) > len(self._shared.replies):
            self._shared = SharedResources(np.zeros(2 * len(chain), DESK_REPLY), self._shared.cutoffs)
            self._state = make_state(self._plan, int(self._seed), self._sizes, self._shared)
        for position, index in enumerate(chain):
            self._shared.replies[position] = self._reply_store.replies[index]
        return len(chain)

    def _await_turn(self, progress: _CohortProgress, i: int) -> None:
        """Schedule a customer's budget turn. A reply that arrives earlier cancels it."""
        n_replies, sync_point = progress.n_replies[i], progress.sync_point(i)

        def act() -> None:
            """Take the turn and continue to the next synchronization point."""
            if progress.n_replies[i] == n_replies:
                progress.take_turn(i, sync_point)
                self._resume(progress, i)

        self._turns.wait(sync_point.turn, int(progress.population.key[i]), act)

    def _schedule_referral(self, progress: _CohortProgress, i: int, referral: Array) -> None:
        """Schedule the entry of a referred customer. An earlier reply to the referrer cancels it, because it may change the referral."""
        n_replies, key = progress.n_replies[i], int(referral[0]["key"])

        def join(_: simpy.Event) -> None:
            """Admit the referred customer."""
            if progress.n_replies[i] == n_replies and key not in self._referred_keys:
                self._referred_keys.add(key)
                self._admit(referred_cohort(referral, 0))

        if key not in self._referred_keys:
            self._calendar.call_at(float(referral[0]["time"]), EventPriority.CUSTOMER, join)

    def _schedule_first_requests(self, progress: _CohortProgress, requesting: NDArray[np.intp], n: int) -> None:
        """Schedule the n-th of a cohort's first requests, which in turn schedules the next one."""
        if n < len(requesting):
            i = int(requesting[n])

            def ask(_: simpy.Event) -> None:
                """Make the request and schedule the next one."""
                self._ask(progress, i)
                self._schedule_first_requests(progress, requesting, n + 1)

            self._calendar.call_at(progress.sync_point(i).asked, EventPriority.CUSTOMER, ask)

    def _ask(self, progress: _CohortProgress, i: int) -> None:
        """Send a customer's open request to its desk."""
        sync_point, key = progress.sync_point(i), progress.population.key[i]
        progress.is_open[i] = True
        patience = patience_days(self._plan.world, self._seed, key, sync_point.desk, sync_point.ordinal, sync_point.site)
        terms = {"asked": sync_point.asked, "priority": sync_point.priority, "patience": patience}
        self._desks.ask(DeskRequest((progress, i), int(key), sync_point.desk, ordinal=sync_point.ordinal, **terms))

    def _service_of(self, request: DeskRequest, desk: int) -> float:
        return float(service_days(self._plan.world, self._seed, np.uint64(request.key), request.desk, desk, request.ordinal))

    def _on_reply(self, request: DeskRequest, reply: DeskReply) -> None:
        """Store a reply and continue the customer's simulation."""
        if reply.time < self._calendar.horizon:
            progress, i = request.owner
            progress.last_reply[i] = self._reply_store.add(reply, request.key, int(progress.last_reply[i]))
            progress.n_replies[i] += 1
            progress.is_open[i] = False
            self._resume(progress, i)
