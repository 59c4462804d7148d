"""A scenario's customers a stretch at a time: some now, the next later, each as in a simulation of all.

Lives here: stretches of initial customers. Does not live here: the verb for all of them at once (run.py), who decides how many live
(tuning/).
"""

import os
import time
from dataclasses import replace
from functools import cached_property, partial

from cjsim.engine.census import Census
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.crew import Crew, Part
from cjsim.engine.frames import Outcomes
from cjsim.engine.pauses import is_shared
from cjsim.engine.provenance import Provenance
from cjsim.engine.result import Run
from cjsim.engine.run import MOST_AT_LEAST, MOST_GROWTH, Generations, Silent
from cjsim.model.cohort import Cohort
from cjsim.model.population import initial_cohort
from cjsim.model.scenario import Scenario
from cjsim.model.tables import compile_world


class Stretches:
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
        self._plan = compile_world(scenario.checked())
        assert not is_shared(self._plan.world) and not self._plan.recipe.acquisition
        self._crew = Crew([CompiledEngine(self._plan, seed, rows=0) for _ in range(threads or os.cpu_count() or 1)])
        self._crew.engines[0].prepare()

    def live(self, first: int, count: int) -> Run:
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
        started, events = time.perf_counter(), self._crew.events
        generations = Generations(self._plan, self._crew, writer=None, told=Silent(), at_most=max(MOST_GROWTH * count, MOST_AT_LEAST))
        generations.live([Part(count, partial(self._cut, first))])
        census = Census.of(count, initial_cohort(self._plan, self._seed, 0, 0), generations.births, first=first)
        provenance = replace(
            self._provenance,
            customers=count,
            referred=len(census) - count,
            events=self._crew.events - events,
            seconds=time.perf_counter() - started,
        )
        return Run.of(self._plan, provenance, Outcomes.joined(generations.outcomes), census)

    @cached_property
    def _provenance(self) -> Provenance:
        """That of nobody: what stretches have in common is told once."""
        nobody = Census.of(0, initial_cohort(self._plan, self._seed, 0, 0), [])
        return Provenance.of(self._scenario, self._plan, nobody, seed=self._seed, engine="compiled", events=0, seconds=0.0)

    def _cut(self, begin: int, place: int, size: int) -> Cohort:
        """Some of those from key `begin` on; they are numbered from 0, as rows of the run."""
        return initial_cohort(self._plan, self._seed, begin + place, size).renumbered(place)
