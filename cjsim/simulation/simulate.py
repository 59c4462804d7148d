"""The verb `simulate`: a scenario in, a run out.

Lives here: generations of customers, the log in order, progress. Does not live here: what happens to a customer (model/), how engines let
customers live (crew.py and below), what a run is worth (metrics/).
"""

import operator
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from cjsim.compiler.arrivals import draw_arrivals
from cjsim.compiler.cohorts import Cohort, referred_cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import initial_cohort
from cjsim.engine.buffers import make_outcomes
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_limit import check_population_limit, population_limit_error
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.engine.readable import ReadableEngine
from cjsim.engine.sync_points import has_shared_resources
from cjsim.engine.worker_pool import CustomerBatch, WorkerPool
from cjsim.errors import InputError, format_error, quote_choices
from cjsim.eventlog.parquet_writer import LogWriter
from cjsim.kernel import is_compiled_before
from cjsim.kernels.world import Array
from cjsim.progress import NoProgress, Progress
from cjsim.scenario.spec import MAX_CUSTOMERS
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run

ENGINES: dict[str, type[CompiledEngine] | type[ReadableEngine]] = {"compiled": CompiledEngine, "readable": ReadableEngine}
LOG_BUFFER_ROWS = 120_000  # rows
MAX_THREADS = 1024
MAX_GROWTH_FACTOR, MIN_POPULATION_LIMIT = 20, 1_000_000  # a run may grow to so many times its first customers, and to so many in any case


def simulate(
    scenario: Scenario,
    *,
    customers: int | None = None,
    seed: int | None = None,
    engine: Literal["compiled", "readable"] = "compiled",
    threads: int | None = None,
    max_customers: int | None = None,
    log: str | Path | None = None,
    progress: Progress | None = None,
) -> Run:
    """Let a scenario's customers live.

    Parameters
    ----------
    scenario : Scenario
        A journey under a policy.
    customers : int, optional
        How many at first, instead of the scenario's; 0 only where others arrive.
    seed : int, optional
        In [0, 2**63), instead of the scenario's.
    engine : {'compiled', 'readable'}
        Both give the same results, to the byte.
    threads : int, optional
        All cores if not given. The results do not depend on it.
    max_customers : int, optional
        How many there may be in all, with arrivals and referred ones: a run that grows past it is ended. If not given, 20 times those at
        first, but at least 1,000,000.
    log : str or Path, optional
        Write the log to this Parquet file, while it is made.
    progress : Progress, optional
        Is told how far the work is.

    Returns
    -------
    Run
        With outcomes of every customer.

    Raises
    ------
    InputError
        If a value is out of its range, the log cannot be written, the scenario asks for what cannot be, or a run grows past
        `max_customers`.

    Examples
    --------
    >>> from cjsim.simulation.documents import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "70d", "customers": 100, "policy": {"name": "none"},
    ...     "journey": {
    ...         "name": "weekly", "starts_in": "active", "stages": {"active": {"retained": True}},
    ...         "events": {"order": {"in": ["active"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]}},
    ...     },
    ... }
    >>> float(simulate(Scenario.from_dict(tiny), seed=1).outcomes.customers["revenue"].mean())
    90.0
    """
    if not isinstance(scenario, Scenario):
        raise InputError(format_error("scenario", "must be a Scenario", type(scenario).__name__, "Load one with Scenario.load(FILE)."))
    started = time.perf_counter()
    least = 0 if scenario.journey.acquisition else 1
    count = scenario.customers if customers is None else _checked_integer("customers", customers, least, MAX_CUSTOMERS)
    of_seed = scenario.seed if seed is None else _checked_integer("seed", seed, 0, 2**63 - 1)
    if engine not in ENGINES:
        raise InputError(format_error("engine", f"must be one of {quote_choices(ENGINES)}", repr(engine), "Name one of these."))
    width = _checked_integer("threads", (os.cpu_count() or 1) if threads is None else threads, 1, MAX_THREADS)
    if engine == "readable":
        width = 1
    at_most = (
        max(MAX_GROWTH_FACTOR * count, MIN_POPULATION_LIMIT)
        if max_customers is None
        else _checked_integer("max_customers", max_customers, 1, MAX_CUSTOMERS)
    )
    told = progress or NoProgress()
    plan = compile_scenario(scenario.checked())
    arrivals = _draw_limited_arrivals(plan, of_seed, count, at_most)
    if not is_compiled_before():
        told.note("cjsim: compiling the rules for this machine, once (about a minute) ...")
    crew = WorkerPool([ENGINES[engine](plan, of_seed, rows=LOG_BUFFER_ROWS if log is not None else 0) for _ in range(width)])
    crew.engines[0].prepare()
    told.start(count + len(arrivals), scenario.name)
    try:
        with LogWriter(log, plan.codebook, scenario.start) if log is not None else nullcontext() as writer:
            generations = Generations(plan, crew, writer=writer, progress=told, at_most=at_most)
            generations.simulate(
                [CustomerBatch(count, partial(initial_cohort, plan, of_seed)), CustomerBatch(len(arrivals), arrivals.subset)]
            )
    finally:
        told.finish()
    census = PopulationRegistry.of(count, arrivals, generations.referrals)
    seconds = time.perf_counter() - started
    provenance = Provenance.of(scenario, plan, census, seed=of_seed, engine=engine, events=crew.events, seconds=seconds)
    return Run.from_plan(plan, provenance, Outcomes.concatenate(generations.outcomes), census, None if log is None else Path(log))


class Generations:
    """Customers, those whom they refer, those whom these refer, and so on: each generation lives once the one before has.

    Attributes
    ----------
    referrals : list of ndarray of BIRTH
        By generation: who was referred.
    outcomes : list of Outcomes
        One after another, all customers.
    """

    def __init__(self, plan: Plan, pool: WorkerPool, *, writer: LogWriter | None, progress: Progress, at_most: int) -> None:
        self.referrals: list[Array] = []
        self.outcomes: list[Outcomes] = []
        self._count = 0  # who lives or has lived
        self._plan, self._pool, self._writer, self._progress, self._at_most = plan, pool, writer, progress, at_most

    def simulate(self, parts: Sequence[CustomerBatch]) -> None:
        """Let the first customers live, then all generations that come of them.

        Parameters
        ----------
        parts : Sequence of CustomerBatch
            Initial customers and arrivals, in the order of their numbers.

        Raises
        ------
        InputError
            If there come to be too many.
        """
        self._count = sum(part.size for part in parts)
        parts = [part for part in parts if part.size] or parts[:1]
        if has_shared_resources(self._plan.world):
            self._pool.resolve_shared_resources(parts, at_most=self._at_most)
        while parts:
            births: list[Array] = []
            for part in parts:
                self._simulate_batch(part, births)
            parts = []
            if births:
                self.referrals.append(np.concatenate(births))
                children = referred_cohort(self.referrals[-1], self._count)
                parts = [CustomerBatch(len(children), children.subset)]
                self._count += len(children)
                self._progress.grow(len(children))

    def _simulate_batch(self, part: CustomerBatch, births: list[Array]) -> None:
        """Let some live, and add up whom they refer."""
        outcomes = make_outcomes(self._plan, part.size)
        self.outcomes.append(outcomes)
        total = self._count + sum(map(len, births))
        for size, chunk in self._pool.simulate_chunks(part, outcomes):
            births += chunk.referrals
            total += sum(map(len, chunk.referrals))
            check_population_limit(
                total, self._at_most, f"in the {_ordinal_text(len(self.referrals) + 1)} generation of referred customers"
            )
            if self._writer is not None:
                for rows in chunk.rows:
                    self._writer.write(rows)
            self._progress.advance(size)


def _draw_limited_arrivals(plan: Plan, seed: int, count: int, at_most: int) -> Cohort:
    """Who arrives by acquisition channels, unless they are too many."""
    room, expected = at_most - count, sum(float(channel.expected[-1]) for channel in plan.population.acquisition)
    if expected <= 2 * room + 1000:  # a Poisson number with a mean above that is within the room once in 10^100 runs
        arrivals = draw_arrivals(plan, seed, first=count, at_most=room)
        if len(arrivals) <= room:
            return arrivals
    if not expected:
        raise population_limit_error(at_most, f"{count:,} at first", "Ask for fewer")
    got = f"{count:,} at first and about {expected:,.0f} arrivals by acquisition channels"
    raise population_limit_error(at_most, got, "Lower the arrivals or the spend, shorten the horizon")


def _ordinal_text(n: int) -> str:
    """A number as 1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _checked_integer(name: str, value: int, low: int, high: int) -> int:
    """The value as int, numpy's whole numbers included."""
    try:
        whole = low - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = low - 1
    if not low <= whole <= high:
        raise InputError(format_error(name, f"must be a whole number from {low:,} to {high:,}", repr(value), "Give such a number."))
    return whole
