"""Simulation of initial customers in batches, with the same results as a single simulation of all customers."""

import os
import time
from dataclasses import replace
from functools import cached_property, partial

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.population import initial_cohort
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.generations import Generations, default_population_limit
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.engine.sync_points import has_shared_resources
from cjsim.engine.worker_pool import CustomerBatch, WorkerPool
from cjsim.progress import NoProgress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.run_from_plan import run_from_plan


class BatchSimulator:
    """Compiles a scenario once, and simulates its customers in batches.

    Parameters
    ----------
    scenario : Scenario
        Must not have arrivals, shared desks or shared budgets. With them, the results of a batch would depend on other customers.
    seed : int
        Random seed in [0, 2**63).
    threads : int, optional
        Number of threads; all cores by default. Results do not depend on it.

    Raises
    ------
    InputError
        If the scenario is invalid.
    """

    def __init__(self, scenario: Scenario, *, seed: int, threads: int | None = None) -> None:
        self._scenario, self._seed = scenario, seed
        self._plan = compile_scenario(scenario.checked())
        assert not has_shared_resources(self._plan.world) and not self._plan.population.acquisition
        assert self._plan.population.n_existing == 0
        self._pool = WorkerPool([CompiledEngine(self._plan, seed, rows=0) for _ in range(threads or os.cpu_count() or 1)])
        self._pool.engines[0].prepare()

    def simulate(self, first: int, count: int) -> Run:
        """Simulate a range of initial customers, including all customers they refer directly or indirectly.

        Parameters
        ----------
        first : int
            Key of the first customer.
        count : int
            Number of customers.

        Returns
        -------
        Run
            The result of each customer equals that in a run of all customers.

        Raises
        ------
        InputError
            If the population exceeds its default limit, or a customer is stuck in a zero-time loop.
        """
        started, events_before = time.perf_counter(), self._pool.n_events
        generations = Generations(self._plan, self._pool, writer=None, progress=NoProgress(), max_customers=default_population_limit(count))
        generations.simulate([CustomerBatch(count, partial(self._initial_subset, first))])
        no_arrivals = initial_cohort(self._plan, self._seed, 0, 0)
        registry = PopulationRegistry.of(count, no_arrivals, generations.referrals, first_key=first)
        provenance = replace(
            self._provenance,
            customers=count,
            referred=len(registry) - count,
            events=self._pool.n_events - events_before,
            seconds=time.perf_counter() - started,
        )
        return run_from_plan(self._plan, provenance, Outcomes.concatenate(generations.outcomes), registry)

    @cached_property
    def _provenance(self) -> Provenance:
        """Provenance shared by all batches, with no customers."""
        no_customers = PopulationRegistry.initial_only(0)
        return Provenance.of(self._scenario, self._plan, no_customers, seed=self._seed, engine="compiled", events=0, seconds=0.0)

    def _initial_subset(self, batch_key: int, first: int, size: int) -> Cohort:
        """Return a part of the batch that starts at key `batch_key`. Customers are numbered from 0, like the rows of the run."""
        return initial_cohort(self._plan, self._seed, batch_key + first, size).with_first_number(first)
