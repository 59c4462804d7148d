"""The compiled engine: chunks of customers through the compiled loop.

Lives here: a chunk, and more room where a life does not fit. Does not live here: the loop (lifetimes.py), threads (run.py).
"""

from cjsim.engine.frames import Outcomes
from cjsim.engine.lifetimes import live_through
from cjsim.engine.room import Chunk, Room, make_life, make_sink, refuse_stuck
from cjsim.model.plan import Plan
from cjsim.model.population import draw_population, initial_cohort


class CompiledEngine:
    """Lets chunks of customers live; one for each thread, since it keeps their scratch space."""

    def __init__(self, plan: Plan, seed: int, outcomes: Outcomes, *, rows: int) -> None:
        self.plan = plan
        self.seed = seed
        self.outcomes = outcomes
        self.room = Room(rows=rows)
        self.life = make_life(plan, seed, self.room)

    def prepare(self) -> None:
        """Have the kernels compiled, or loaded, by the calling thread: the main one can be interrupted."""
        people = draw_population(self.plan, self.seed, initial_cohort(self.plan, self.seed, 0, 0))
        live_through(self.plan.world, self.life, make_sink(self.outcomes, 0, 0, Room()), people, 0)

    def live(self, first: int, count: int) -> Chunk:
        """Let customers live.

        Parameters
        ----------
        first, count : int
            Which.

        Returns
        -------
        Chunk
            With rows if there is room for rows; outcomes are written in place.
        """
        people = draw_population(self.plan, self.seed, initial_cohort(self.plan, self.seed, first, count))
        sink = make_sink(self.outcomes, first, count, self.room)
        events, rows, start = 0, [], 0
        while start < count:
            done = live_through(self.plan.world, self.life, sink, people, start)
            refuse_stuck(self.plan, self.life)
            written = int(sink.written[0])
            events += written
            if self.room.rows:
                rows.append(sink.log[:written].copy())
            if done < count and self.life.customer[0].full:
                self.room = self.room.wider()
                self.life = make_life(self.plan, self.seed, self.room)
            elif done == start:
                self.room = self.room.longer()
                sink = make_sink(self.outcomes, first, count, self.room)
            sink.written[0] = 0
            start = done
        return Chunk(events, rows)
