"""The readable engine: every customer a SimPy process. It is there to be read, to be extended, and to be the witness.

Lives here: a life as a process. Does not live here: rules (model/): both engines call the same ones, and differ in who keeps the calendar.

The compiled engine finds what comes next by scanning arrays; here the same question is asked in a line of Python, and
SimPy lets the time pass. Both give the same log, byte for byte.
"""

from collections.abc import Generator
from typing import NamedTuple

import simpy

from cjsim.engine.frames import Outcomes
from cjsim.engine.room import Chunk, Room, make_life, make_sink, refuse_stuck, take_births
from cjsim.model.codes import Happening
from cjsim.model.cohort import Cohort
from cjsim.model.course import begin_life, end_life, take
from cjsim.model.plan import Plan
from cjsim.model.population import draw_population
from cjsim.model.state import Life, Population, Sink
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


class Customer:
    """One customer, living in a SimPy environment from entry to horizon."""

    def __init__(self, env: simpy.Environment, engine: "ReadableEngine", people: Population, i: int, outcomes: Outcomes) -> None:
        self.env = env
        self.engine = engine
        self.people = people
        self.i = i
        self.outcomes = outcomes.stretch(i, 1)
        self.room = Room(rows=ROWS)
        self.life, self.sink = self.fresh()

    def fresh(self) -> tuple[Life, Sink]:
        """Room for a life that has not begun."""
        engine = self.engine
        return make_life(engine.plan, engine.seed, self.room), make_sink(self.outcomes, self.room)

    def process(self) -> Generator[simpy.Event, None, None]:
        """The whole life; once more, with more room, if it did not fit."""
        yield from self.live()
        while self.ran_out_of_room():
            self.life, self.sink = self.fresh()
            yield from self.live()

    def live(self) -> Generator[simpy.Event, None, None]:
        """From entry to horizon: wait for what comes first, and let it happen."""
        world, life, sink = self.engine.plan.world, self.life, self.sink
        horizon = float(world.setting[0].horizon)
        yield from self.until(min(float(self.people.entered[self.i]), horizon))
        begin_life(world, life, sink, self.people, self.i, 0)
        while (due := min(agenda(life), default=None)) is not None and due.time < horizon:
            yield from self.until(due.time)
            # The model's time, not `env.now`, which adds up rounded waits.
            take(world, life, sink, int(due.kind), due.which, due.time)
            refuse_stuck(self.engine.plan, life)
        end_life(world, life, sink)

    def until(self, time: float) -> Generator[simpy.Event, None, None]:
        """Let time pass."""
        if time > self.env.now:
            yield self.env.timeout(time - self.env.now)

    def ran_out_of_room(self) -> bool:
        """Whether the life did not fit; there is more room then."""
        if self.life.customer[0].full:
            self.room = self.room.wider()
        elif self.sink.written[0] > self.room.rows or self.sink.born[0] > self.room.births:
            self.room = self.room.longer()
        else:
            return False
        return True

    def rows(self) -> Records:
        """The customer's log rows."""
        return self.sink.log[: int(self.sink.written[0])]

    def births(self) -> Records:
        """Those whom the customer brought, in the order of invitations."""
        return take_births(self.sink, int(self.people.number[self.i]))


class ReadableEngine:
    """Lets chunks of customers live, all of a chunk in one SimPy environment."""

    def __init__(self, plan: Plan, seed: int, *, rows: int) -> None:
        self.plan = plan
        self.seed = seed
        self.keeps_rows = rows > 0

    def prepare(self) -> None:
        """Nothing: its kernels are loaded by the first customer."""

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
        people = draw_population(self.plan, self.seed, cohort)
        env = simpy.Environment()
        customers = [Customer(env, self, people, i, outcomes) for i in range(len(cohort))]
        for customer in customers:
            env.process(customer.process())
        env.run()
        rows = [customer.rows() for customer in customers]
        births = [customer.births() for customer in customers if customer.sink.born[0]]
        return Chunk(sum(len(of) for of in rows), rows if self.keeps_rows else [], births)
