"""The compiled engine, which simulates chunks of customers with compiled kernels and enlarges buffers on demand."""

from collections.abc import Iterable

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population, initial_cohort
from cjsim.engine.buffers import (
    BufferSizes,
    ChunkResult,
    copy_referrals,
    keep_outcomes,
    make_outcomes,
    make_output,
    make_state,
    raise_if_stuck,
    working_outcomes,
)
from cjsim.engine.event_loop import simulate_customers
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.shared_resources import SharedResourcePass, SharedResults
from cjsim.kernels.state import CustomerState
from cjsim.progress import NoProgress, Progress
from cjsim.scenario.spec import MAX_CUSTOMERS


class CompiledEngine:
    """Simulates chunks of customers with compiled kernels. An engine reuses its buffers, so each thread needs its own.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    rows : int
        Initial capacity for the log rows of a chunk; 0 if log rows are not kept.
    """

    def __init__(self, plan: Plan, seed: int, *, rows: int) -> None:
        self.plan = plan
        self.seed = seed
        self.sizes = BufferSizes(rows=rows)
        self.shared_results: SharedResults | None = None
        self.state = self.new_state()

    def prepare(self) -> None:
        """Compile or load the kernels in the calling thread. Call it in the main thread, where an interrupt takes effect."""
        population = draw_population(self.plan, self.seed, initial_cohort(self.plan, self.seed, 0, 0))
        simulate_customers(
            self.plan.past_world, self.plan.world, self.state, make_output(make_outcomes(self.plan, 0), BufferSizes()), population, 0
        )

    def resolve_shared_resources(
        self, cohorts: Iterable[Cohort], *, max_customers: int = MAX_CUSTOMERS, progress: Progress | None = None
    ) -> SharedResults:
        """Determine the desk replies and the exhausted budgets of a scenario whose customers share resources.

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
        return SharedResourcePass(self.plan, self.seed, max_customers=max_customers).run(cohorts, progress or NoProgress())

    def use_shared_results(self, shared_results: SharedResults) -> None:
        """Set the shared results for subsequent simulations.

        Parameters
        ----------
        shared_results : SharedResults
            Desk replies and exhausted budgets of all customers.
        """
        self.shared_results = shared_results
        self.state = self.new_state()

    def new_state(self) -> CustomerState:
        """Allocate a customer state with the current buffer sizes and shared results."""
        return make_state(self.plan, self.seed, self.sizes, None if self.shared_results is None else self.shared_results.shared)

    def simulate(self, cohort: Cohort, outcomes: Outcomes) -> ChunkResult:
        """Simulate a cohort from entry to the end.

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
        population, count = draw_population(self.plan, self.seed, cohort), len(cohort)
        if self.shared_results is not None:
            self.shared_results.assign_replies(population)
        working = working_outcomes(self.plan, outcomes)
        out = make_output(working, self.sizes)
        events, rows, referrals, start = 0, [], [], 0
        while start < count:
            done = simulate_customers(self.plan.past_world, self.plan.world, self.state, out, population, start)
            raise_if_stuck(self.plan, self.state)
            n_rows = int(out.n_rows[0])
            events += n_rows
            if self.sizes.rows:
                rows.append(out.log[:n_rows].copy())
            if out.n_referrals[0]:
                referrals.append(copy_referrals(out, cohort.first))
            if done < count and self.state.customer[0].needs_larger_buffers:
                self.sizes = self.sizes.with_larger_state()
                self.state = self.new_state()
            elif done == start:
                self.sizes = self.sizes.with_larger_log()
                out = make_output(working, self.sizes)
            out.n_rows[0] = 0
            out.n_referrals[0] = 0
            start = done
        keep_outcomes(working, outcomes)
        return ChunkResult(events, rows, referrals)
