"""The compiled engine: chunks of customers through the compiled loop.

Lives here: a chunk, and more room where a life does not fit. Does not live here: the loop (lifetimes.py), what customers owe each other
(meeting.py), threads (crew.py).
"""

from collections.abc import Iterable

from cjsim.engine.frames import Outcomes
from cjsim.engine.lifetimes import live_through
from cjsim.engine.meeting import Meeting, Meetings
from cjsim.engine.room import Chunk, Room, make_life, make_outcomes, make_sink, refuse_stuck, take_births
from cjsim.model.cohort import Cohort
from cjsim.model.plan import Plan
from cjsim.model.population import draw_population, initial_cohort
from cjsim.model.scenario import MAX_CUSTOMERS
from cjsim.model.state import Life


class CompiledEngine:
    """Lets chunks of customers live; one for each thread, since it keeps their scratch space."""

    def __init__(self, plan: Plan, seed: int, *, rows: int) -> None:
        self.plan = plan
        self.seed = seed
        self.room = Room(rows=rows)
        self.meetings: Meetings | None = None
        self.life = self.fresh_life()

    def prepare(self) -> None:
        """Have the kernels compiled, or loaded, by the calling thread: the main one can be interrupted."""
        people = draw_population(self.plan, self.seed, initial_cohort(self.plan, self.seed, 0, 0))
        live_through(self.plan.world, self.life, make_sink(make_outcomes(self.plan, 0), Room()), people, 0)

    def meet(self, cohorts: Iterable[Cohort], *, at_most: int = MAX_CUSTOMERS) -> Meetings:
        """Find out how customers meet, in a scenario in which they do.

        Parameters
        ----------
        cohorts : iterable of Cohort
            Everybody who is there without having been invited.
        at_most : int
            How many customers there may come to be.
        """
        return Meeting(self.plan, self.seed, at_most=at_most).hold(cohorts)

    def join(self, meetings: Meetings) -> None:
        """Let the customers to come meet others.

        Parameters
        ----------
        meetings : Meetings
            Of all customers.
        """
        self.meetings = meetings
        self.life = self.fresh_life()

    def fresh_life(self) -> Life:
        """Scratch for one customer at a time."""
        return make_life(self.plan, self.seed, self.room, None if self.meetings is None else self.meetings.shared)

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
            With rows if there is room for rows.
        """
        people, count = draw_population(self.plan, self.seed, cohort), len(cohort)
        if self.meetings is not None:
            self.meetings.give(people)
        sink = make_sink(outcomes, self.room)
        events, rows, births, start = 0, [], [], 0
        while start < count:
            done = live_through(self.plan.world, self.life, sink, people, start)
            refuse_stuck(self.plan, self.life)
            written = int(sink.written[0])
            events += written
            if self.room.rows:
                rows.append(sink.log[:written].copy())
            if sink.born[0]:
                births.append(take_births(sink, cohort.first))
            if done < count and self.life.customer[0].full:
                self.room = self.room.wider()
                self.life = self.fresh_life()
            elif done == start:
                self.room = self.room.longer()
                sink = make_sink(outcomes, self.room)
            sink.written[0] = 0
            sink.born[0] = 0
            start = done
        return Chunk(events, rows, births)
