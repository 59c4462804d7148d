"""`simulate`: simulate the customers of a scenario, generation by generation, and return a `Run`."""

import hashlib
import math
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from cjsim.argument_types import checked_arguments
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
from cjsim.engine.sync_points import brings_friends, has_shared_resources
from cjsim.engine.user_processes import SimulationProcess, UserProcesses
from cjsim.engine.worker_pool import CustomerBatch, WorkerPool
from cjsim.errors import InputError, format_error, quote_choices, short_repr
from cjsim.eventlog.parquet_writer import LogWriter
from cjsim.kernels.world import Array
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.scenario.spec import MAX_CUSTOMERS
from cjsim.simulation.argument_checks import checked_days, checked_integer
from cjsim.simulation.kernel_compilation import compile_kernels, kernels_of_runs
from cjsim.simulation.run import Run, run_from_plan
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario

ENGINES: dict[str, type[CompiledEngine] | type[ReadableEngine]] = {"compiled": CompiledEngine, "readable": ReadableEngine}
LOG_BUFFER_ROWS = 120_000
MAX_THREADS = 1024
MAX_GROWTH_FACTOR, MIN_POPULATION_LIMIT = 20, 1_000_000  # default limit: the larger of 20 times the initial population and 1,000,000


@checked_arguments
def simulate(
    scenario: ScenarioSource,
    *,
    customers: int | None = None,
    seed: int | None = None,
    engine: Literal["compiled", "readable"] = "compiled",
    threads: int | None = None,
    max_customers: int | None = None,
    follow_up_days: float | None = None,
    until_days: ArrayLike | None = None,
    log: str | Path | None = None,
    processes: Sequence[SimulationProcess] = (),
    progress: Progress | None = None,
) -> Run:
    """Simulate the customers of a scenario.

    Parameters
    ----------
    scenario : Scenario, str or path
        A scenario, the path of its file, or the name of one in the library, such as 'shop'.
    customers : int, optional
        Number of initial customers. Overrides the scenario. May be 0 only if the scenario has acquisition channels.
    seed : int, optional
        Random seed in [0, 2**63). Overrides the scenario.
    engine : {'compiled', 'readable'}
        Simulation engine. Both give identical results.
    threads : int, optional
        Number of threads; all cores by default. Results do not depend on it.
    max_customers : int, optional
        Abort if the population, including arrivals and referred customers, exceeds this number. The default is the larger of 1,000,000
        and 20 times the number of initial customers.
    follow_up_days : float, optional
        Simulate each customer for at most this many days from entry, so that all outcomes are counted from entry. By default, customers are
        simulated until the horizon, which also ends the follow-up of customers who enter late. A customer's trajectory is the first part
        of the trajectory without this limit. Requires a scenario whose customers share neither desks nor budgets.
    until_days : array-like of float, shape (n_customers,), optional
        Simulate each customer until at most this day, counted from the start. Events at this time do not happen, and nothing happens after
        entry if the day is not after it. In the order of customer numbers: initial customers, then arrivals. Requires a scenario whose
        customers share neither desks nor budgets, and refer nobody. The provenance of the run contains a digest of these days.
    log : str or Path, optional
        Parquet file to write the event log to.
    processes : sequence of callable
        User-defined SimPy processes: generator functions that take a `RunningSimulation`, through which they observe customers and desks
        and fire events. Requires the readable engine. Their names are part of the provenance of the run.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), from the simulation.

    Returns
    -------
    Run
        Result with the outcomes of every customer.

    Raises
    ------
    InputError
        If an argument is out of range, the scenario is invalid, the log cannot be written, a customer is stuck in a zero-time loop, the
        population exceeds `max_customers`, processes are passed to the compiled engine, or a follow-up is combined with processes or
        with shared desks or budgets.
    Exception
        Any exception raised by a process.

    Examples
    --------
    >>> from cjsim import Scenario
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
    scenario = as_scenario(scenario)
    started = time.perf_counter()
    scenario.checked()
    least = 0 if scenario.journey.acquisition else 1
    n_initial = scenario.customers if customers is None else checked_integer("customers", customers, least, MAX_CUSTOMERS)
    seed = scenario.seed if seed is None else checked_integer("seed", seed, 0, 2**63 - 1)
    if engine not in ENGINES:
        raise InputError(format_error("engine", f"must be one of {quote_choices(ENGINES)}", repr(engine), "Choose one of these."))
    user_processes = UserProcesses(processes, scenario.start)
    if user_processes.names and engine != "readable":
        raise InputError(format_error("processes", "must run on the readable engine", repr(engine), "Pass engine='readable'."))
    n_threads = checked_integer("threads", (os.cpu_count() or 1) if threads is None else threads, 1, MAX_THREADS)
    if engine == "readable":
        n_threads = 1
    if max_customers is None:
        max_customers = default_population_limit(n_initial)
    else:
        max_customers = checked_integer("max_customers", max_customers, 1, MAX_CUSTOMERS)
    follow_up_days = None if follow_up_days is None else checked_days("follow_up_days", follow_up_days)
    ends = None if until_days is None else _checked_ends(until_days)
    progress = progress or NoProgress()
    plan = compile_scenario(scenario, follow_up_days=follow_up_days, until_days=ends)
    if follow_up_days is not None:
        _require_independent_customers(plan, user_processes, "follow_up_days")
    if ends is not None:
        _require_independent_customers(plan, user_processes, "until_days")
    compile_kernels(kernels_of_runs(is_shared=has_shared_resources(plan.world), engine=engine), progress)
    arrivals = _draw_limited_arrivals(plan, seed, n_initial, max_customers)
    if ends is not None:
        _require_one_day_each(ends, plan, n_initial + len(arrivals))
    rows = LOG_BUFFER_ROWS if log is not None else 0
    if user_processes.names:
        pool = WorkerPool([ReadableEngine(plan, seed, rows=rows, run_processes=user_processes.run)])
    else:
        pool = WorkerPool([ENGINES[engine](plan, seed, rows=rows) for _ in range(n_threads)])
    pool.engines[0].prepare()
    try:
        with LogWriter(log, plan.codebook, scenario.start) if log is not None else nullcontext() as writer:
            together = bool(user_processes.names)
            generations = Generations(
                plan, pool, writer=writer, progress=progress, max_customers=max_customers, together=together, name=scenario.name
            )
            generations.simulate(
                [CustomerBatch(n_initial, partial(initial_cohort, plan, seed)), CustomerBatch(len(arrivals), arrivals.subset)]
            )
    finally:
        progress.finish()
    registry = PopulationRegistry.of(n_initial, arrivals, generations.referrals)
    seconds = time.perf_counter() - started
    provenance = Provenance.of(scenario, plan, registry, seed=seed, engine=engine, events=pool.n_events, seconds=seconds)
    digest = None if ends is None else hashlib.sha256(ends.tobytes()).hexdigest()
    provenance = replace(provenance, processes=user_processes.names, follow_up_days=follow_up_days, until_days=digest)
    return run_from_plan(plan, provenance, Outcomes.concatenate(generations.outcomes), registry, None if log is None else Path(log))


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
        Receives the number of simulated customers. Before that, if customers are simulated together, receives the number of days that
        have passed.
    max_customers : int
        Population limit.
    together : bool
        Whether to simulate customers together even if they share no resources.
    name : str
        Name of the scenario, for progress.

    Attributes
    ----------
    referrals : list of ndarray of REFERRAL
        Referred customers, by generation.
    outcomes : list of Outcomes
        Outcomes by batch. Concatenated, they cover all customers in order.
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
        self._is_shared = together or has_shared_resources(plan.world)
        self.referrals: list[Array] = []
        self.outcomes: list[Outcomes] = []
        self._count = 0  # customers of all generations so far
        self._plan, self._pool, self._writer, self._progress, self._max_customers = plan, pool, writer, progress, max_customers

    def simulate(self, batches: Sequence[CustomerBatch]) -> None:
        """Simulate the first generation, then all later generations.

        Parameters
        ----------
        batches : Sequence of CustomerBatch
            Initial customers and arrivals, in the order of their numbers.

        Raises
        ------
        InputError
            If the population exceeds its limit, or a customer is stuck in a zero-time loop.
        """
        self._count = sum(batch.size for batch in batches)
        batches = [batch for batch in batches if batch.size] or batches[:1]
        if self._is_shared:
            days = math.ceil(self._plan.world.setting[0].horizon)
            with progress_task(self._progress, days, f"{self._name}: days, all customers together"):
                self._pool.resolve_shared_resources(batches, max_customers=self._max_customers, progress=self._progress)
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

    def _simulate_batch(self, batch: CustomerBatch, referrals: list[Array]) -> None:
        """Simulate a batch and append its referrals to `referrals`."""
        outcomes = make_outcomes(self._plan, batch.size)
        self.outcomes.append(outcomes)
        count = self._count + sum(map(len, referrals))
        for size, chunk in self._pool.simulate_chunks(batch, outcomes):
            referrals += chunk.referrals
            count += sum(map(len, chunk.referrals))
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


def _require_independent_customers(plan: Plan, processes: UserProcesses, limit: str) -> None:
    """Raise if a customer's trajectory could depend on what others do after their own limit, or if staff is paid beyond it."""
    shared = "customers who share desks or budgets" if has_shared_resources(plan.world) else ""
    shared = shared or ("staff who are paid until the horizon" if any(desk.wages for desk in plan.desks) else "")
    if shared or processes.names:
        got = shared or f"the process '{processes.names[0]}'"
        must = "must be omitted where customers affect each other"
        raise InputError(format_error(limit, must, got, "Omit it, or remove what customers share."))


def _checked_ends(until_days: ArrayLike) -> Array:
    """Return the days until which customers are simulated as an array of float64. Raise if they are not numbers."""
    try:
        return np.ascontiguousarray(until_days, np.float64)
    except (OverflowError, TypeError, ValueError):
        must = "must have one number of days per customer"
        raise InputError(format_error("until_days", must, short_repr(until_days), "Pass numbers.")) from None


def _require_one_day_each(ends: Array, plan: Plan, n_customers: int) -> None:
    """Raise if the customers of a run do not have one day each, or may refer others."""
    if ends.shape != (n_customers,) or np.isnan(ends).any():
        must = f"must have one day for each of the {n_customers:,} customers"
        got = f"an array of shape {ends.shape}" if ends.shape != (n_customers,) else "nan"
        raise InputError(format_error("until_days", must, got, "Pass one number per customer, without nan."))
    if brings_friends(plan.world):
        raise InputError(format_error("until_days", "must be omitted where customers refer friends", "referrals", "Omit it."))


def _draw_limited_arrivals(plan: Plan, seed: int, n_initial: int, max_customers: int) -> Cohort:
    """Draw the arrivals from acquisition channels. Raise if they exceed the population limit."""
    max_arrivals, expected = max_customers - n_initial, sum(float(channel.expected[-1]) for channel in plan.population.acquisition)
    if expected <= 2 * max_arrivals + 1000:  # with a larger mean, a Poisson count is within the limit with probability below 1e-100
        arrivals = draw_arrivals(plan, seed, first=n_initial, at_most=max_arrivals)
        if len(arrivals) <= max_arrivals:
            return arrivals
    if not expected:
        raise population_limit_error(max_customers, f"{n_initial:,} initial customers", "Use fewer customers")
    got = f"{n_initial:,} initial customers and about {expected:,.0f} arrivals from acquisition channels"
    raise population_limit_error(max_customers, got, "Lower the arrivals or the spend, shorten the horizon")


def _ordinal_text(n: int) -> str:
    """Format a number as 1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
