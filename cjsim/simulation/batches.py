"""A scenario's customers a stretch at a time: some now, the next later, each as in a simulation of all.

Lives here: stretches of initial customers. Does not live here: the verb for all of them at once (run.py), who decides how many live
(tuning/).
"""

import os
import time
from dataclasses import replace
from functools import cached_property, partial

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.population import initial_cohort
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.engine.sync_points import has_shared_resources
from cjsim.engine.worker_pool import CustomerBatch, WorkerPool
from cjsim.progress import NoProgress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import MAX_GROWTH_FACTOR, MIN_POPULATION_LIMIT, Generations


class BatchSimulator:
    """A scenario that is compiled once, and whose customers live a stretch at a time.

    Parameters
    ----------
    scenario : Scenario
        In which nobody arrives and customers share nothing: a part of them would live otherwise than among all.
    seed : int
        In [0, 2**63).
    threads : int, optional
        All cores if not given. The results do not depend on it.

    Raises
    ------
    InputError
        If the scenario asks for what cannot be.
    """

    def __init__(self, scenario: Scenario, *, seed: int, threads: int | None = None) -> None:
        self._scenario, self._seed = scenario, seed
        self._plan = compile_scenario(scenario.checked())
        assert not has_shared_resources(self._plan.world) and not self._plan.population.acquisition
        self._pool = WorkerPool([CompiledEngine(self._plan, seed, rows=0) for _ in range(threads or os.cpu_count() or 1)])
        self._pool.engines[0].prepare()

    def simulate(self, first: int, count: int) -> Run:
        """Let some customers live, with all whom they refer.

        Parameters
        ----------
        first, count : int
            Which initial customers, by key.

        Returns
        -------
        Run
            Of these; every one as in a run of all.

        Raises
        ------
        InputError
            If too many are referred.
        """
        started, events = time.perf_counter(), self._pool.events
        generations = Generations(
            self._plan, self._pool, writer=None, progress=NoProgress(), at_most=max(MAX_GROWTH_FACTOR * count, MIN_POPULATION_LIMIT)
        )
        generations.simulate([CustomerBatch(count, partial(self._initial_subset, first))])
        census = PopulationRegistry.of(count, initial_cohort(self._plan, self._seed, 0, 0), generations.referrals, first=first)
        provenance = replace(
            self._provenance,
            customers=count,
            referred=len(census) - count,
            events=self._pool.events - events,
            seconds=time.perf_counter() - started,
        )
        return Run.from_plan(self._plan, provenance, Outcomes.concatenate(generations.outcomes), census)

    @cached_property
    def _provenance(self) -> Provenance:
        """That of nobody: what stretches have in common is told once."""
        nobody = PopulationRegistry.of(0, initial_cohort(self._plan, self._seed, 0, 0), [])
        return Provenance.of(self._scenario, self._plan, nobody, seed=self._seed, engine="compiled", events=0, seconds=0.0)

    def _initial_subset(self, begin: int, place: int, size: int) -> Cohort:
        """Some of those from key `begin` on; they are numbered from 0, as rows of the run."""
        return initial_cohort(self._plan, self._seed, begin + place, size).with_first_number(place)
