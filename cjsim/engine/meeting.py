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

from cjsim.engine.calendar import Calendar, Level, Turns
from cjsim.engine.desks import Answer, Desks, Request
from cjsim.engine.growth import refuse_growth
from cjsim.engine.pauses import PAUSE, Stops, gate_of, live_to_pause
from cjsim.engine.room import Room, Shared, make_life, make_outcomes, make_sink, refuse_stuck
from cjsim.model.asking import patience_days, service_days
from cjsim.model.cohort import Cohort, referred_cohort
from cjsim.model.plan import Plan
from cjsim.model.population import draw_population
from cjsim.model.state import ANSWER, Population
from cjsim.model.world import Records

_STRETCH = 1024  # customers who are lived in one call


class _Pause(NamedTuple):
    """A `PAUSE` record, read at once: its fields one by one would take longer than to live the life."""

    asked: float
    priority: float
    turn: float
    upto: float
    nth: int
    desk: int
    ordinal: int
    site: int


class Meetings(NamedTuple):
    """What customers owe each other: the answers of desks, and the budgets as they were spent."""

    shared: Shared
    keys: NDArray[np.uint64]  # of customers with answers, ascending
    spans: NDArray[np.int64]  # (n, 2): of `shared.answers`

    @classmethod
    def of(cls, given: Iterable[tuple[int, Records]], cutoffs: Records) -> "Meetings":
        """From each customer's answers.

        Parameters
        ----------
        given : iterable of (int, ndarray of ANSWER)
            Key and answers of each customer, by key.
        cutoffs : ndarray of CUTOFF
            By budget and period.
        """
        kept = [(key, answers) for key, answers in given if len(answers)]
        ends = np.cumsum([len(answers) for _, answers in kept], dtype=np.int64)
        spans = np.column_stack([ends - [len(answers) for _, answers in kept], ends]) if kept else np.zeros((0, 2), np.int64)
        answers = np.concatenate([np.zeros(0, ANSWER), *(answers for _, answers in kept)])
        return cls(Shared(answers, cutoffs), np.array([key for key, _ in kept], np.uint64), spans)

    def give(self, people: Population) -> None:
        """Write each customer's span of answers.

        Parameters
        ----------
        people : Population
            Written: answers.
        """
        if len(self.keys):
            at = np.minimum(np.searchsorted(self.keys, people.key), len(self.keys) - 1)
            people.answers[:] = np.where((self.keys[at] == people.key)[:, None], self.spans[at], 0)


class _Party:
    """Customers who came together: who they are, and where their lives have come to."""

    def __init__(self, people: Population, gate: Records) -> None:
        count = len(people.key)
        self.people = people
        self.stops = Stops(gate=gate, pauses=np.zeros(count, PAUSE))
        self.stops.pauses["upto"] = -np.inf
        self._pauses = self.stops.pauses.view(np.ndarray)
        self.last = np.full(count, -1)  # index of the last answer
        self.version = np.zeros(count, np.int32)  # answers so far
        self.is_open = np.zeros(count, np.bool_)  # has asked and knows no answer

    def pause(self, i: int) -> _Pause:
        """Where a customer's life has come to."""
        return _Pause(*self._pauses[i].item())

    def take_turn(self, i: int, pause: _Pause) -> None:
        """Let a customer's life go on beyond the act that waited its turn."""
        self._pauses["upto"][i] = pause.turn
        self._pauses["nth"][i] = pause.nth + 1 if pause.turn == pause.upto else 1


class _Replies:
    """The answers of all customers, as they become known, each with the customer's one before."""

    def __init__(self) -> None:
        self.count = 0
        self.answers = np.zeros(64, ANSWER)
        self.key = np.zeros(64, np.uint64)
        self._before = np.zeros(64, np.int64)

    def add(self, answer: Answer, key: int, before: int) -> int:
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


class Meeting:
    """All customers of a scenario, as far as they meet."""

    def __init__(self, plan: Plan, seed: int, *, at_most: int) -> None:
        self._plan = plan
        self._count, self._at_most = 0, at_most  # customers
        self._seed = np.uint64(seed)
        self._gate = gate_of(plan.world)
        self._calendar = Calendar(float(plan.world.setting[0].horizon))
        self._turns = Turns(self._calendar)
        self._desks = Desks(self._calendar, plan.posts, service_of=self._service_of, tell=self._tell)
        self._joined: set[int] = set()
        self._replies = _Replies()
        self._shared = Shared(np.zeros(4, ANSWER), Shared.none_yet(plan).cutoffs)
        self._room = Room()
        self._life = make_life(plan, seed, self._room, self._shared)
        self._sink = make_sink(make_outcomes(plan, 1), self._room)

    def hold(self, cohorts: Iterable[Cohort]) -> Meetings:
        """Let everybody live as far as others are concerned.

        Parameters
        ----------
        cohorts : iterable of Cohort
            Who is there without having been invited.

        Returns
        -------
        Meetings
        """
        for cohort in cohorts:
            self._admit(cohort)
        self._calendar.run()
        return self._result()

    def _result(self) -> Meetings:
        given = self._replies.key[: self._replies.count]
        order = np.argsort(given, kind="stable")
        keys, first, counts = np.unique(given[order], return_index=True, return_counts=True)
        return Meetings(Shared(self._replies.answers[order], self._shared.cutoffs), keys, np.column_stack([first, first + counts]))

    def _admit(self, cohort: Cohort) -> None:
        """Let customers live to where they first wait for others."""
        self._count += len(cohort)
        refuse_growth(self._count, self._at_most, f"by day {self._calendar.now:.0f}")
        party = _Party(draw_population(self._plan, int(self._seed), cohort), self._gate)
        start, count = 0, len(cohort)
        while start < count:
            start = self._live(party, start, min(start + _STRETCH, count))
        pauses = party.stops.pauses
        asking = np.flatnonzero(pauses["asked"] < np.inf)
        self._feed(party, asking[np.argsort(pauses["asked"][asking])], 0)
        for i in np.flatnonzero(pauses["turn"] < np.inf):
            self._await_turn(party, int(i))

    def _live(self, party: _Party, first: int, end: int) -> int:
        """Live some of a party from entry to where they pause; gives the index after the last who could be lived."""
        sink = self._sink if end - first == 1 else make_sink(make_outcomes(self._plan, end - first), self._room)
        sink.born[0] = 0
        done = int(live_to_pause(self._plan.world, self._life, sink, party.people, party.stops, first, end))
        for n in range(int(sink.born[0])):
            birth = np.array(sink.births[n : n + 1])
            self._await_birth(party, first + int(birth[0]["parent"]), birth)
        if done == end:
            return done
        refuse_stuck(self._plan, self._life)
        if self._life.customer[0].full:
            self._room = self._room.wider()
            self._life = make_life(self._plan, int(self._seed), self._room, self._shared)
        elif done == first:
            self._room = self._room.longer()
            self._sink = make_sink(make_outcomes(self._plan, 1), self._room)
        return done

    def _go_on(self, party: _Party, i: int) -> None:
        """Live one customer again, with the answers and the turns that it has had by now."""
        party.people.answers[i] = 0, self._lay_out(int(party.last[i]))
        while self._live(party, i, i + 1) == i:
            pass
        pause = party.pause(i)
        if pause.asked < np.inf and not party.is_open[i]:
            self._calendar.at(pause.asked, Level.LIFE, lambda _: self._ask(party, i))
        if pause.turn < np.inf:
            self._await_turn(party, i)

    def _lay_out(self, last: int) -> int:
        """Put a customer's answers one after another where a life reads them; gives their number."""
        chain = self._replies.chain(last)
        if len(chain) > len(self._shared.answers):
            self._shared = Shared(np.zeros(2 * len(chain), ANSWER), self._shared.cutoffs)
            self._life = make_life(self._plan, int(self._seed), self._room, self._shared)
        for at, index in enumerate(chain):
            self._shared.answers[at] = self._replies.answers[index]
        return len(chain)

    def _await_turn(self, party: _Party, i: int) -> None:
        """Let a customer act on a budget when its turn has come, unless an answer comes before."""
        version, pause = party.version[i], party.pause(i)

        def act() -> None:
            """Take the turn, and go on to what comes after."""
            if party.version[i] == version:
                party.take_turn(i, pause)
                self._go_on(party, i)

        self._turns.wait(pause.turn, int(party.people.key[i]), act)

    def _await_birth(self, party: _Party, i: int, birth: Records) -> None:
        """Let a friend join, unless an answer comes before that lets the invitation be another."""
        version, key = party.version[i], int(birth[0]["key"])

        def join(_: simpy.Event) -> None:
            """The friend joins."""
            if party.version[i] == version and key not in self._joined:
                self._joined.add(key)
                self._admit(referred_cohort(birth, 0))

        if key not in self._joined:
            self._calendar.at(float(birth[0]["time"]), Level.LIFE, join)

    def _feed(self, party: _Party, asking: NDArray[np.intp], n: int) -> None:
        """Let a party's first requests be made, one after another."""
        if n < len(asking):
            i = int(asking[n])

            def ask(_: simpy.Event) -> None:
                """One asks, and the next is waited for."""
                self._ask(party, i)
                self._feed(party, asking, n + 1)

            self._calendar.at(party.pause(i).asked, Level.LIFE, ask)

    def _ask(self, party: _Party, i: int) -> None:
        """A customer asks a desk."""
        pause, key = party.pause(i), party.people.key[i]
        party.is_open[i] = True
        patience = patience_days(self._plan.world, self._seed, key, pause.desk, pause.ordinal, pause.site)
        about = {"asked": pause.asked, "priority": pause.priority, "patience": patience}
        self._desks.ask(Request((party, i), int(key), pause.desk, ordinal=pause.ordinal, **about))

    def _service_of(self, request: Request, desk: int) -> float:
        return float(service_days(self._plan.world, self._seed, np.uint64(request.key), request.desk, desk, request.ordinal))

    def _tell(self, request: Request, answer: Answer) -> None:
        """It is known how a request ends: the customer goes on."""
        if answer.time < self._calendar.horizon:
            party, i = request.who
            party.last[i] = self._replies.add(answer, request.key, int(party.last[i]))
            party.version[i] += 1
            party.is_open[i] = False
            self._go_on(party, i)
