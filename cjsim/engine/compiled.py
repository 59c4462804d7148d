"""The compiled engine: chunks of customers through the compiled loop.

Lives here: a chunk, and more room where a life does not fit. Does not live here: the loop (lifetimes.py), what customers owe each other
(meeting.py), threads (crew.py).
"""

from collections.abc import Iterable

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population, initial_cohort
from cjsim.engine.buffers import BufferSizes, ChunkResult, copy_referrals, make_outcomes, make_output, make_state, raise_if_stuck
from cjsim.engine.event_loop import simulate_customers
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.shared_resources import SharedResourcePass, SharedResults
from cjsim.kernels.state import CustomerState
from cjsim.scenario.spec import MAX_CUSTOMERS


class CompiledEngine:
    """Lets chunks of customers live; one for each thread, since it keeps their scratch space."""

    def __init__(self, plan: Plan, seed: int, *, rows: int) -> None:
        self.plan = plan
        self.seed = seed
        self.sizes = BufferSizes(rows=rows)
        self.shared_results: SharedResults | None = None
        self.state = self.new_state()

    def prepare(self) -> None:
        """Have the kernels compiled, or loaded, by the calling thread: the main one can be interrupted."""
        people = draw_population(self.plan, self.seed, initial_cohort(self.plan, self.seed, 0, 0))
        simulate_customers(self.plan.world, self.state, make_output(make_outcomes(self.plan, 0), BufferSizes()), people, 0)

    def resolve_shared_resources(self, cohorts: Iterable[Cohort], *, at_most: int = MAX_CUSTOMERS) -> SharedResults:
        """Find out how customers meet, in a scenario in which they do.

        Parameters
        ----------
        cohorts : iterable of Cohort
            Everybody who is there without having been invited.
        at_most : int
            How many customers there may come to be.
        """
        return SharedResourcePass(self.plan, self.seed, at_most=at_most).run(cohorts)

    def use_shared_results(self, meetings: SharedResults) -> None:
        """Let the customers to come meet others.

        Parameters
        ----------
        meetings : SharedResults
            Of all customers.
        """
        self.shared_results = meetings
        self.state = self.new_state()

    def new_state(self) -> CustomerState:
        """Scratch for one customer at a time."""
        return make_state(self.plan, self.seed, self.sizes, None if self.shared_results is None else self.shared_results.shared)

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
            With rows if there is room for rows.
        """
        people, count = draw_population(self.plan, self.seed, cohort), len(cohort)
        if self.shared_results is not None:
            self.shared_results.assign_replies(people)
        sink = make_output(outcomes, self.sizes)
        events, rows, births, start = 0, [], [], 0
        while start < count:
            done = simulate_customers(self.plan.world, self.state, sink, people, start)
            raise_if_stuck(self.plan, self.state)
            written = int(sink.n_rows[0])
            events += written
            if self.sizes.rows:
                rows.append(sink.log[:written].copy())
            if sink.n_referrals[0]:
                births.append(copy_referrals(sink, cohort.first))
            if done < count and self.state.customer[0].needs_larger_buffers:
                self.sizes = self.sizes.with_larger_state()
                self.state = self.new_state()
            elif done == start:
                self.sizes = self.sizes.with_larger_log()
                sink = make_output(outcomes, self.sizes)
            sink.n_rows[0] = 0
            sink.n_referrals[0] = 0
            start = done
        return ChunkResult(events, rows, births)
