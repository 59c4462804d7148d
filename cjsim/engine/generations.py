"""`Generations`: simulates the customers of a plan generation by generation."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cjsim.compiler.cohorts import Cohort, referred_cohort
from cjsim.compiler.plan import FloatArray, Plan
from cjsim.engine.buffers import make_outcomes
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_limit import check_population_limit
from cjsim.engine.sync_points import brings_friends, shares_resources
from cjsim.engine.worker_pool import CustomerBatch, WorkerPool
from cjsim.kernels.world import Array
from cjsim.progress import Progress, progress_task

MAX_GROWTH_FACTOR, MIN_POPULATION_LIMIT = 20, 1_000_000  # default limit: the larger of 20 times the initial population and 1,000,000


class RowWriter(Protocol):
    """Receives log rows."""

    def write(self, rows: Array) -> None:
        """Receive the rows of some customers."""


class Generations:
    """Simulates customers generation by generation: each generation refers the next.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    pool : WorkerPool
        Engines for this plan.
    writer : RowWriter or None
        Receives the log rows; None to discard them.
    progress : Progress
        Receives the number of simulated customers. If customers are simulated together, it first receives the number of days that have
        passed.
    max_customers : int
        Population limit.
    together : bool
        Whether to simulate customers together even if they share no resources.
    name : str
        Name of the scenario, for progress reports.

    Attributes
    ----------
    referrals : list of ndarray of REFERRAL
        Referred customers, by generation.
    outcomes : list of Outcomes
        Outcomes by batch. Concatenated, they cover all customers in order.
    late_entries : ndarray of float64
        Entry times at or after the horizon, in days, ascending. Empty if customers are simulated independently and nothing is paid after
        the horizon.
    do_customers_interact : bool
        Whether a customer's trajectory may have depended on others, through desks or budgets.
    """

    def __init__(
        self,
        plan: Plan,
        pool: WorkerPool,
        *,
        writer: RowWriter | None,
        progress: Progress,
        max_customers: int,
        together: bool = False,
        name: str = "",
    ) -> None:
        self._name = name
        self._is_shared = together or shares_resources(plan)
        self.referrals: list[Array] = []
        self.outcomes: list[Outcomes] = []
        self.late_entries: FloatArray = np.zeros(0)
        self.do_customers_interact = False
        self._late_referrals: list[Array] = []  # friends of customers who enter before the horizon
        self._count = 0  # customers of all generations so far
        self._plan, self._pool, self._writer, self._progress, self._max_customers = plan, pool, writer, progress, max_customers

    def simulate(self, batches: Sequence[CustomerBatch], *, late: CustomerBatch | None = None) -> None:
        """Simulate the first generation, then all later generations.

        Parameters
        ----------
        batches : Sequence of CustomerBatch
            Initial and existing customers and arrivals, in the order of their numbers.
        late : CustomerBatch, optional
            Arrivals after the horizon. They and their friends are simulated only as far as they affect others, and have no outcomes.

        Raises
        ------
        InputError
            If the population exceeds its limit, or a customer is stuck in a zero-time loop.
        """
        self._count = sum(batch.size for batch in batches)
        batches = [batch for batch in batches if batch.size] or list(batches[:1])
        if self._is_shared:
            setting = self._plan.world.setting[0]
            days = math.ceil(setting.ends) - math.floor(setting.begins)
            with progress_task(self._progress, days, f"{self._name}: days, all customers together"):
                together = batches if late is None else [*batches, late]
                shared = self._pool.resolve_shared_resources(together, max_customers=self._max_customers, progress=self._progress)
            self.late_entries = shared.entered[shared.entered >= setting.horizon]
            self.do_customers_interact = shared.do_customers_interact(self._plan)
        self._progress.start(self._count, self._name)
        while batches:
            referrals: list[Array] = []
            for batch in batches:
                self._simulate_batch(batch, referrals)
            batches = []
            if referrals:
                self.referrals.append(np.concatenate(referrals))
                cohort = referred_cohort(self.referrals[-1], self._count)
                batches = [CustomerBatch(len(cohort), cohort.subset)]
                self._count += len(cohort)
                self._progress.grow(len(cohort))
        if late is not None and not self._is_shared and self._plan.pays_after_horizon:
            self.late_entries = self._late_entry_times(late)

    def _late_entry_times(self, late: CustomerBatch) -> FloatArray:
        """Return all entry times at or after the horizon. Customers who enter then are simulated if they may refer friends."""
        entered, arrivals = [outcomes.customers["entered"] for outcomes in self.outcomes], late.subset(0, late.size)
        if not brings_friends(self._plan.world):
            return self._after_horizon([*entered, arrivals.entered])
        count, cohorts = self._count, [arrivals, *_next_cohorts(self._late_referrals)]
        while cohorts:
            referrals: list[Array] = []
            for cohort in cohorts:
                entered.append(cohort.entered)
                count += len(cohort)
                check_population_limit(count, self._max_customers, "with the customers who enter after the horizon")
                self._progress.grow(len(cohort))
                batch, no_outcomes = CustomerBatch(len(cohort), cohort.subset), make_outcomes(self._plan, len(cohort))
                for size, chunk in self._pool.simulate_chunks(batch, no_outcomes):
                    referrals += chunk.referrals
                    self._progress.advance(size)
            cohorts = _next_cohorts(referrals)
        return self._after_horizon(entered)

    def _after_horizon(self, entered: Sequence[Array]) -> FloatArray:
        """Return the times at or after the horizon, ascending."""
        times = np.sort(np.concatenate(entered))
        return np.asarray(times[times >= self._plan.world.setting[0].horizon])

    def _simulate_batch(self, batch: CustomerBatch, referrals: list[Array]) -> None:
        """Simulate a batch and append its referrals to `referrals`."""
        outcomes = make_outcomes(self._plan, batch.size)
        self.outcomes.append(outcomes)
        count = self._count + sum(map(len, referrals))
        for size, chunk in self._pool.simulate_chunks(batch, outcomes):
            for rows in chunk.referrals:
                is_late = rows["time"] >= self._plan.world.setting[0].horizon
                count += len(rows) - int(is_late.sum())
                if not is_late.all():
                    referrals.append(rows[~is_late])
                if is_late.any():
                    self._late_referrals.append(rows[is_late])
            generation = _ordinal_text(len(self.referrals) + 1)
            check_population_limit(count, self._max_customers, f"in the {generation} generation of referred customers")
            if self._writer is not None:
                for rows in chunk.rows:
                    self._writer.write(rows)
            self._progress.advance(size)


def default_population_limit(n_initial: int) -> int:
    """Return the default population limit.

    Parameters
    ----------
    n_initial : int
        Number of initial customers.

    Returns
    -------
    int
        The larger of 1,000,000 and 20 times `n_initial`.
    """
    return max(MAX_GROWTH_FACTOR * n_initial, MIN_POPULATION_LIMIT)


def _next_cohorts(referrals: list[Array]) -> list[Cohort]:
    """Return the cohort of referred customers, if there are any."""
    return [referred_cohort(np.concatenate(referrals), 0)] if referrals else []


def _ordinal_text(n: int) -> str:
    """Format a number as 1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
