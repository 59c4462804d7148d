"""The first pass of the compiled engine: which answers desks give, and with which contacts budgets are spent.

Lives here: lives that pause where they meet others, and go on. Does not live here: the loop of a life (pauses.py), desks (desks.py), the
second pass, which writes what comes out (compiled.py).

A life is a function of its answers and of the budgets, so nothing of it is kept but these: when a customer's answer is known, or its turn
has come, it is lived again from its entry, up to where it must wait for others next.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from cjsim.compiler.cohorts import Cohort, referred_cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population
from cjsim.engine.buffers import BufferSizes, SharedResources, make_outcomes, make_output, make_state, raise_if_stuck
from cjsim.engine.calendar import BudgetTurns, EventCalendar, EventPriority
from cjsim.engine.desk_queues import DeskQueues, DeskReply, DeskRequest
from cjsim.engine.population_limit import check_population_limit
from cjsim.engine.sync_points import SYNC_POINT, SyncState, budget_gate, simulate_to_sync_point
from cjsim.kernels.desks.requests import patience_days, service_days
from cjsim.kernels.state import DESK_REPLY, Population
from cjsim.kernels.world import Array

_BATCH_CUSTOMERS = 1024  # customers who are lived in one call


class _SyncPoint(NamedTuple):
    """A `PAUSE` record, read at once: its fields one by one would take longer than to live the life."""

    asked: float
    priority: float
    turn: float
    upto: float
    nth: int
    desk: int
    ordinal: int
    site: int


class SharedResults(NamedTuple):
    """What customers owe each other: the answers of desks, and the budgets as they were spent."""

    shared: SharedResources
    keys: NDArray[np.uint64]  # of customers with answers, ascending
    spans: NDArray[np.int64]  # (n, 2): of `shared.answers`

    @classmethod
    def of(cls, given: Iterable[tuple[int, Array]], cutoffs: Array) -> "SharedResults":
        """From each customer's answers.

        Parameters
        ----------
        given : iterable of (int, ndarray of DESK_REPLY)
            Key and answers of each customer, by key.
        cutoffs : ndarray of CUTOFF
            By budget and period.
        """
        kept = [(key, answers) for key, answers in given if len(answers)]
        ends = np.cumsum([len(answers) for _, answers in kept], dtype=np.int64)
        spans = np.column_stack([ends - [len(answers) for _, answers in kept], ends]) if kept else np.zeros((0, 2), np.int64)
        answers = np.concatenate([np.zeros(0, DESK_REPLY), *(answers for _, answers in kept)])
        return cls(SharedResources(answers, cutoffs), np.array([key for key, _ in kept], np.uint64), spans)

    def assign_replies(self, people: Population) -> None:
        """Write each customer's span of answers.

        Parameters
        ----------
        people : Population
            Written: answers.
        """
        if len(self.keys):
            at = np.minimum(np.searchsorted(self.keys, people.key), len(self.keys) - 1)
            people.replies[:] = np.where((self.keys[at] == people.key)[:, None], self.spans[at], 0)


class _CohortProgress:
    """Customers who came together: who they are, and where their lives have come to."""

    def __init__(self, people: Population, gate: Array) -> None:
        count = len(people.key)
        self.population = people
        self.sync_state = SyncState(gate=gate, pauses=np.zeros(count, SYNC_POINT))
        self.sync_state.pauses["upto"] = -np.inf
        self._sync_points = self.sync_state.pauses.view(np.ndarray)
        self.last = np.full(count, -1)  # index of the last answer
        self.version = np.zeros(count, np.int32)  # answers so far
        self.is_open = np.zeros(count, np.bool_)  # has asked and knows no answer

    def sync_point(self, i: int) -> _SyncPoint:
        """Where a customer's life has come to."""
        return _SyncPoint(*self._sync_points[i].item())

    def take_turn(self, i: int, pause: _SyncPoint) -> None:
        """Let a customer's life go on beyond the act that waited its turn."""
        self._sync_points["upto"][i] = pause.turn
        self._sync_points["nth"][i] = pause.nth + 1 if pause.turn == pause.upto else 1


class _ReplyStore:
    """The answers of all customers, as they become known, each with the customer's one before."""

    def __init__(self) -> None:
        self.count = 0
        self.answers = np.zeros(64, DESK_REPLY)
        self.key = np.zeros(64, np.uint64)
        self._before = np.zeros(64, np.int64)

    def add(self, answer: DeskReply, key: int, before: int) -> int:
        """Keep an answer; gives its index."""
        at = self.count
        if at == len(self.key):
            self.answers, self.key, self._before = (np.concatenate([of, of]) for of in (self.answers, self.key, self._before))
        self.answers[at], self.key[at], self._before[at] = tuple(answer), key, before
        self.count += 1
        return at

    def chain(self, last: int) -> list[int]:
        """Indices of a customer's answers, from the first to the last."""
        indices = []
        while last >= 0:
            indices.append(last)
            last = int(self._before[last])
        return indices[::-1]


class SharedResourcePass:
    """All customers of a scenario, as far as they meet."""

    def __init__(self, plan: Plan, seed: int, *, at_most: int) -> None:
        self._plan = plan
        self._count, self._at_most = 0, at_most  # customers
        self._seed = np.uint64(seed)
        self._gate = budget_gate(plan.world)
        self._calendar = EventCalendar(float(plan.world.setting[0].horizon))
        self._turns = BudgetTurns(self._calendar)
        self._desks = DeskQueues(self._calendar, plan.desks, service_of=self._service_of, on_reply=self._on_reply)
        self._referred_keys: set[int] = set()
        self._reply_store = _ReplyStore()
        self._shared = SharedResources(np.zeros(4, DESK_REPLY), SharedResources.empty(plan).cutoffs)
        self._sizes = BufferSizes()
        self._state = make_state(plan, seed, self._sizes, self._shared)
        self._out = make_output(make_outcomes(plan, 1), self._sizes)

    def run(self, cohorts: Iterable[Cohort]) -> SharedResults:
        """Let everybody live as far as others are concerned.

        Parameters
        ----------
        cohorts : iterable of Cohort
            Who is there without having been invited.

        Returns
        -------
        SharedResults
        """
        for cohort in cohorts:
            self._admit(cohort)
        self._calendar.run()
        return self._result()

    def _result(self) -> SharedResults:
        given = self._reply_store.key[: self._reply_store.count]
        order = np.argsort(given, kind="stable")
        keys, first, counts = np.unique(given[order], return_index=True, return_counts=True)
        return SharedResults(
            SharedResources(self._reply_store.answers[order], self._shared.cutoffs), keys, np.column_stack([first, first + counts])
        )

    def _admit(self, cohort: Cohort) -> None:
        """Let customers live to where they first wait for others."""
        self._count += len(cohort)
        check_population_limit(self._count, self._at_most, f"by day {self._calendar.now:.0f}")
        party = _CohortProgress(draw_population(self._plan, int(self._seed), cohort), self._gate)
        start, count = 0, len(cohort)
        while start < count:
            start = self._simulate(party, start, min(start + _BATCH_CUSTOMERS, count))
        pauses = party.sync_state.pauses
        asking = np.flatnonzero(pauses["asked"] < np.inf)
        self._schedule_first_requests(party, asking[np.argsort(pauses["asked"][asking])], 0)
        for i in np.flatnonzero(pauses["turn"] < np.inf):
            self._await_turn(party, int(i))

    def _simulate(self, party: _CohortProgress, first: int, end: int) -> int:
        """Live some of a party from entry to where they pause; gives the index after the last who could be lived."""
        sink = self._out if end - first == 1 else make_output(make_outcomes(self._plan, end - first), self._sizes)
        sink.n_referrals[0] = 0
        done = int(simulate_to_sync_point(self._plan.world, self._state, sink, party.population, party.sync_state, first, end))
        for n in range(int(sink.n_referrals[0])):
            birth = np.array(sink.referrals[n : n + 1])
            self._schedule_referral(party, first + int(birth[0]["parent"]), birth)
        if done == end:
            return done
        raise_if_stuck(self._plan, self._state)
        if self._state.customer[0].needs_larger_buffers:
            self._sizes = self._sizes.with_larger_state()
            self._state = make_state(self._plan, int(self._seed), self._sizes, self._shared)
        elif done == first:
            self._sizes = self._sizes.with_larger_log()
            self._out = make_output(make_outcomes(self._plan, 1), self._sizes)
        return done

    def _resume(self, party: _CohortProgress, i: int) -> None:
        """Live one customer again, with the answers and the turns that it has had by now."""
        party.population.replies[i] = 0, self._copy_replies(int(party.last[i]))
        while self._simulate(party, i, i + 1) == i:
            pass
        pause = party.sync_point(i)
        if pause.asked < np.inf and not party.is_open[i]:
            self._calendar.call_at(pause.asked, EventPriority.CUSTOMER, lambda _: self._ask(party, i))
        if pause.turn < np.inf:
            self._await_turn(party, i)

    def _copy_replies(self, last: int) -> int:
        """Put a customer's answers one after another where a life reads them; gives their number."""
        chain = self._reply_store.chain(last)
        if len(chain) > len(self._shared.replies):
            self._shared = SharedResources(np.zeros(2 * len(chain), DESK_REPLY), self._shared.cutoffs)
            self._state = make_state(self._plan, int(self._seed), self._sizes, self._shared)
        for at, index in enumerate(chain):
            self._shared.replies[at] = self._reply_store.answers[index]
        return len(chain)

    def _await_turn(self, party: _CohortProgress, i: int) -> None:
        """Let a customer act on a budget when its turn has come, unless an answer comes before."""
        version, pause = party.version[i], party.sync_point(i)

        def act() -> None:
            """Take the turn, and go on to what comes after."""
            if party.version[i] == version:
                party.take_turn(i, pause)
                self._resume(party, i)

        self._turns.wait(pause.turn, int(party.population.key[i]), act)

    def _schedule_referral(self, party: _CohortProgress, i: int, birth: Array) -> None:
        """Let a friend join, unless an answer comes before that lets the invitation be another."""
        version, key = party.version[i], int(birth[0]["key"])

        def join(_: simpy.Event) -> None:
            """The friend joins."""
            if party.version[i] == version and key not in self._referred_keys:
                self._referred_keys.add(key)
                self._admit(referred_cohort(birth, 0))

        if key not in self._referred_keys:
            self._calendar.call_at(float(birth[0]["time"]), EventPriority.CUSTOMER, join)

    def _schedule_first_requests(self, party: _CohortProgress, asking: NDArray[np.intp], n: int) -> None:
        """Let a party's first requests be made, one after another."""
        if n < len(asking):
            i = int(asking[n])

            def ask(_: simpy.Event) -> None:
                """One asks, and the next is waited for."""
                self._ask(party, i)
                self._schedule_first_requests(party, asking, n + 1)

            self._calendar.call_at(party.sync_point(i).asked, EventPriority.CUSTOMER, ask)

    def _ask(self, party: _CohortProgress, i: int) -> None:
        """A customer asks a desk."""
        pause, key = party.sync_point(i), party.population.key[i]
        party.is_open[i] = True
        patience = patience_days(self._plan.world, self._seed, key, pause.desk, pause.ordinal, pause.site)
        about = {"asked": pause.asked, "priority": pause.priority, "patience": patience}
        self._desks.ask(DeskRequest((party, i), int(key), pause.desk, ordinal=pause.ordinal, **about))

    def _service_of(self, request: DeskRequest, desk: int) -> float:
        return float(service_days(self._plan.world, self._seed, np.uint64(request.key), request.desk, desk, request.ordinal))

    def _on_reply(self, request: DeskRequest, answer: DeskReply) -> None:
        """It is known how a request ends: the customer goes on."""
        if answer.time < self._calendar.horizon:
            party, i = request.owner
            party.last[i] = self._reply_store.add(answer, request.key, int(party.last[i]))
            party.version[i] += 1
            party.is_open[i] = False
            self._resume(party, i)
