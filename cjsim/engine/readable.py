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

from cjsim.engine.calendar import Calendar, Turns
from cjsim.engine.desks import Answer, Desks, Request
from cjsim.engine.frames import Outcomes
from cjsim.engine.growth import refuse_growth
from cjsim.engine.meeting import Meetings
from cjsim.engine.pauses import PAUSE, Stops, gate_of, needs_turn
from cjsim.engine.room import Chunk, Room, Shared, make_life, make_outcomes, make_sink, refuse_stuck, take_births
from cjsim.model.asking import patience_days, service_days
from cjsim.model.codes import Happening
from cjsim.model.cohort import Cohort, referred_cohort
from cjsim.model.course import begin_life, end_life, take
from cjsim.model.plan import Plan
from cjsim.model.population import draw_population
from cjsim.model.scenario import MAX_CUSTOMERS
from cjsim.model.state import ANSWER, Life, Population, Sink
from cjsim.model.world import Records

ROWS = 1024  # log rows of a customer at first


class Due(NamedTuple):
    """Something that will happen, in the order in which equal times are served."""

    time: float  # days
    kind: Happening
    order: tuple[int, ...]  # among things of one kind
    which: int


def agenda(life: Life) -> list[Due]:
    """Everything that is going to happen to a customer, as things stand.

    Parameters
    ----------
    life : Life
        The customer's state.
    """
    reads = [
        Due(float(read.due), Happening.READ, (int(read.site), int(read.index), int(read.what)), i)
        for i, read in enumerate(life.reads[: life.customer[0].reads])
    ]
    clocks = [Due(float(due), Happening.CLOCK, (event,), event) for event, due in enumerate(life.due)]
    acts = [Due(float(due), Happening.ACT, (actor,), actor) for actor, due in enumerate(life.act_due)]
    answer = Due(float(life.customer[0].answer_due), Happening.ANSWER, (), 0)
    return [*reads, *clocks, *acts, answer]


class Town:
    """Where customers live: one SimPy environment, with the desks and the budgets that they share."""

    def __init__(self, plan: Plan, seed: int, *, is_shared: bool, at_most: int = MAX_CUSTOMERS) -> None:
        self.plan = plan
        self.at_most = at_most
        self.seed = seed
        self.is_shared = is_shared  # else nobody needs to be here together with whom he has invited
        self.calendar = Calendar(float(plan.world.setting[0].horizon))
        self.turns = Turns(self.calendar)
        self.desks = Desks(self.calendar, plan.posts, service_of=self._service_of, tell=lambda request, answer: request.who.hear(answer))
        self.stops = Stops(gate=gate_of(plan.world), pauses=np.zeros(0, PAUSE))
        self.cutoffs = Shared.none_yet(plan).cutoffs
        self.customers: dict[int, Customer] = {}  # by key

    def settle(self, cohort: Cohort, outcomes: Outcomes) -> None:
        """Let customers come to live here.

        Parameters
        ----------
        cohort : Cohort
            Who.
        outcomes : Outcomes
            Of these customers; written.
        """
        refuse_growth(len(self.customers) + len(cohort), self.at_most, f"by day {self.calendar.now:.0f}")
        people = draw_population(self.plan, self.seed, cohort)
        for i, key in enumerate(cohort.key):
            customer = self.customers[int(key)] = Customer(self, people, i, outcomes.stretch(i, 1))
            customer.process = self.calendar.process(customer.live())

    def _service_of(self, request: Request, desk: int) -> float:
        key = np.uint64(request.key)
        return float(service_days(self.plan.world, np.uint64(self.seed), key, request.desk, desk, request.ordinal))


class Customer:
    """One customer, living in a SimPy environment from entry to horizon."""

    process: simpy.Process

    def __init__(self, town: Town, people: Population, i: int, outcomes: Outcomes) -> None:
        self.town = town
        self.people = people
        self.i = i
        self.outcomes = outcomes
        self.key = int(people.key[i])
        self.room = Room(rows=ROWS)
        self.answers = np.zeros(4, ANSWER)
        self.asked = self.heard = self.invited = 0  # requests made, answers known, friends who have been told
        self.life, self.sink = self.fresh()

    def fresh(self) -> tuple[Life, Sink]:
        """Room for a life that has not begun."""
        town = self.town
        life = make_life(town.plan, town.seed, self.room, Shared(self.answers, town.cutoffs))
        return life, make_sink(self.outcomes, self.room)

    def live(self) -> Generator[simpy.Event, None, None]:
        """From entry to horizon: wait for what comes first, and let it happen."""
        town, horizon = self.town, self.town.calendar.horizon
        yield town.calendar.until(min(float(self.people.entered[self.i]), horizon))
        begin_life(town.plan.world, self.life, self.sink, self.people, self.i, 0)
        self.follow()
        while True:
            due = min(agenda(self.life))
            if due.time >= horizon and not self.life.customer[0].unanswered:
                break
            try:
                if due.time > town.calendar.now:
                    yield town.calendar.until(min(due.time, horizon))
                if due.time >= horizon:
                    break
                if needs_turn(town.plan.world, self.life, town.stops, int(due.kind), due.which, due.time):
                    yield self.turn(due.time)
            except simpy.Interrupt:
                continue  # an answer is known: its time is on the agenda now
            self.take(due)
            refuse_stuck(town.plan, self.life)
            self.follow()
        end_life(town.plan.world, self.life, self.sink)

    def take(self, due: Due) -> None:
        """Let what is due happen, at the time of the model."""
        take(self.town.plan.world, self.life, self.sink, int(due.kind), due.which, due.time)

    def turn(self, time: float) -> simpy.Event:
        """An event for when it is this customer's turn to draw on a budget."""
        turn = self.town.calendar.event()
        self.town.turns.wait(time, self.key, turn.succeed)
        return turn

    def follow(self) -> None:
        """What has happened may need more room, and matter to others: a request to a desk, an invitation."""
        while self.wants_room():
            self.live_again()
        if self.life.customer[0].unanswered and self.asked == self.heard:
            self.ask()
        births = self.births()[self.invited :]
        if len(births) and self.town.is_shared:
            self.invited += len(births)
            self.town.settle(referred_cohort(births, 0), make_outcomes(self.town.plan, len(births)))

    def wants_room(self) -> bool:
        """Whether the life does not fit; there is more room then."""
        if self.life.customer[0].full:
            self.room = self.room.wider()
        elif self.sink.written[0] > self.room.rows or self.sink.born[0] > self.room.births:
            self.room = self.room.longer()
        else:
            return False
        return True

    def live_again(self) -> None:
        """Live up to now once more, in the room that there is now: nobody else notices."""
        takes = int(self.life.customer[0].takes)
        self.people.answers[self.i] = 0, self.heard
        self.life, self.sink = self.fresh()
        begin_life(self.town.plan.world, self.life, self.sink, self.people, self.i, 0)
        for _ in range(takes):
            self.take(min(agenda(self.life)))

    def ask(self) -> None:
        """Ask a desk."""
        town, customer = self.town, self.life.customer[0]
        self.asked += 1
        desk, ordinal = int(customer.desk), int(customer.ask_ordinal)
        patience = patience_days(town.plan.world, customer.seed, customer.key, desk, ordinal, int(customer.ask_site))
        priority, asked = float(customer.ask_priority), float(customer.asked)
        town.desks.ask(Request(self, self.key, desk, asked=asked, priority=priority, patience=patience, ordinal=ordinal))

    def hear(self, answer: Answer) -> None:
        """It is known how the open request ends."""
        if answer.time >= self.town.calendar.horizon:
            return
        is_full = self.heard == len(self.answers)
        if is_full:
            self.answers = np.concatenate([self.answers, np.zeros_like(self.answers)])
        self.answers[self.heard] = tuple(answer)
        self.heard += 1
        if is_full:
            self.live_again()
        else:
            customer = self.life.customer[0]
            customer.answer_end += 1
            customer.answer_due = answer.time
            customer.unanswered = 0
        self.process.interrupt()

    def rows(self) -> Records:
        """The customer's log rows."""
        return self.sink.log[: int(self.sink.written[0])]

    def births(self) -> Records:
        """Those whom the customer brought, in the order of invitations."""
        return take_births(self.sink, 0)


class ReadableEngine:
    """Lets customers live in SimPy."""

    def __init__(self, plan: Plan, seed: int, *, rows: int) -> None:
        self.plan = plan
        self.seed = seed
        self.keeps_rows = rows > 0
        self.town: Town | None = None

    def prepare(self) -> None:
        """Nothing: its kernels are loaded by the first customer."""

    def meet(self, cohorts: Iterable[Cohort], *, at_most: int = MAX_CUSTOMERS) -> Meetings:
        """Let everybody live who shares desks or budgets, whom they invite too; `live` then only gives what came of each.

        Parameters
        ----------
        cohorts : iterable of Cohort
            Everybody who is there without having been invited.
        at_most : int
            How many customers there may come to be.

        Returns
        -------
        Meetings
        """
        self.town = Town(self.plan, self.seed, is_shared=True, at_most=at_most)
        for cohort in cohorts:
            self.town.settle(cohort, make_outcomes(self.plan, len(cohort)))
        self.town.calendar.run()
        given = [(key, customer.answers[: customer.heard]) for key, customer in sorted(self.town.customers.items())]
        return Meetings.of(given, self.town.cutoffs)

    def join(self, meetings: Meetings) -> None:
        """Nothing: customers have met while they lived.

        Parameters
        ----------
        meetings : Meetings
            Of all customers.
        """

    def live(self, cohort: Cohort, outcomes: Outcomes) -> Chunk:
        """Let customers live.

        Parameters
        ----------
        cohort : Cohort
            Who.
        outcomes : Outcomes
            Of these customers; written.

        Returns
        -------
        Chunk
            With rows if they are wanted.
        """
        town = self.town
        if town is None:
            town = Town(self.plan, self.seed, is_shared=False)
            town.settle(cohort, outcomes)
            town.calendar.run()
        rows, births = [], []
        for i, key in enumerate(cohort.key):
            customer, number = town.customers[int(key)], cohort.first + i
            rows.append(customer.rows())
            rows[-1]["customer"] = number
            if customer.sink.born[0]:
                births.append(take_births(customer.sink, number))
            if town is self.town:
                for mine, lived in zip(outcomes, customer.outcomes, strict=True):
                    mine[i] = lived[0]
        return Chunk(sum(len(of) for of in rows), rows if self.keeps_rows else [], births)
