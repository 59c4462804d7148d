"""Runs of a scenario with given seeds: a single run, and further replications of it."""

import hashlib
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.firm_share import FirmShare
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import existing_cohort, initial_cohort
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.generations import Generations
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_limit import draw_limited_arrivals
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.engine.readable import ReadableEngine
from cjsim.engine.replications import replication_seed
from cjsim.engine.sync_points import brings_friends, shares_resources
from cjsim.engine.user_processes import UserProcesses
from cjsim.engine.worker_pool import CustomerBatch, WorkerPool
from cjsim.errors import InputError, format_error
from cjsim.eventlog.parquet_writer import LogWriter
from cjsim.kernels.world import Array
from cjsim.progress import Progress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.kernel_compilation import compile_kernels, kernels_of_runs
from cjsim.simulation.run import Run
from cjsim.simulation.run_from_plan import run_from_plan

ENGINES: dict[str, type[CompiledEngine] | type[ReadableEngine]] = {"compiled": CompiledEngine, "readable": ReadableEngine}
LOG_BUFFER_ROWS = 120_000


@dataclass(frozen=True, eq=False)
class RunSettings:
    """Checked settings of a run, except the seed and the log.

    Attributes
    ----------
    scenario : Scenario
        A valid scenario.
    n_initial : int
        Number of initial customers of the whole firm.
    engine : str
        Name of the engine.
    n_threads, max_customers : int
        Number of threads, and population limit.
    follow_up_days, ends, sample : optional
        As `follow_up_days`, `until_days` and `sample` of `simulate`.
    processes : UserProcesses
        User-defined processes.
    progress : Progress
        Receives progress updates.
    """

    scenario: Scenario
    n_initial: int
    engine: str
    n_threads: int
    max_customers: int
    follow_up_days: float | None
    ends: Array | None
    processes: UserProcesses
    sample: float | None
    progress: Progress


def with_repeats(first: Run, settings: RunSettings, replications: int) -> Run:
    """Return a run with further replications, so that there are `replications` in all.

    Parameters
    ----------
    first : Run
        The first replication.
    settings : RunSettings
        Settings of all replications.
    replications : int
        Number of replications.
    """
    if replications <= 1 + len(first.repeats):
        return first
    repeats = list(first.repeats)
    for number in range(1 + len(repeats), replications):
        name = f"{settings.scenario.name}, replication {number + 1} of {replications}"
        repeats.append(simulate_seed(settings, replication_seed(first.seed, number), name=name))
    return replace(first, repeats=tuple(repeats), provenance=replace(first.provenance, replications=replications))


def simulate_seed(settings: RunSettings, seed: int, *, log: str | Path | None = None, name: str | None = None) -> Run:
    """Simulate one replication.

    Parameters
    ----------
    settings : RunSettings
        Settings of the run.
    seed : int
        Seed, in [0, 2**63).
    log : str or Path, optional
        Parquet file to write the event log to.
    name : str, optional
        Name of the run for progress; the name of the scenario by default.
    """
    scenario, processes, ends, progress = settings.scenario, settings.processes, settings.ends, settings.progress
    started = time.perf_counter()
    share, plan = _compiled_share(settings, seed)
    n_initial, n_existing = share.n_initial, plan.population.n_existing
    compile_kernels(kernels_of_runs(is_shared=shares_resources(plan), engine=settings.engine), progress)
    arrivals, late = _arrivals(settings, share, plan, seed)
    if ends is not None:
        _require_one_day_each(ends, plan, n_initial + len(arrivals))
    rows = LOG_BUFFER_ROWS if log is not None else 0
    if processes.names:
        pool = WorkerPool([ReadableEngine(plan, seed, rows=rows, run_processes=processes.run)])
    else:
        pool = WorkerPool([ENGINES[settings.engine](plan, seed, rows=rows) for _ in range(settings.n_threads)])
    pool.engines[0].prepare()
    try:
        with LogWriter(log, plan.codebook, scenario.start) if log is not None else nullcontext() as writer:
            generations = Generations(
                plan,
                pool,
                writer=writer,
                progress=progress,
                max_customers=settings.max_customers,
                together=bool(processes.names),
                name=name or scenario.name,
            )
            initial = CustomerBatch(n_initial, partial(initial_cohort, plan, seed, keys=share.keys))
            existing = CustomerBatch(n_existing, partial(existing_cohort, plan, seed, n_initial))
            batches = [initial, existing, CustomerBatch(len(arrivals), arrivals.subset)]
            generations.simulate(batches, late=CustomerBatch(len(late), late.subset))
    finally:
        progress.finish()
    registry = PopulationRegistry.of(n_initial, arrivals, generations.referrals, initial_keys=share.keys, n_existing=n_existing)
    seconds = time.perf_counter() - started
    provenance = Provenance.of(scenario, plan, registry, seed=seed, engine=settings.engine, events=pool.n_events, seconds=seconds)
    digest = None if ends is None else hashlib.sha256(ends.tobytes()).hexdigest()
    provenance = replace(provenance, processes=processes.names, follow_up_days=settings.follow_up_days, until_days=digest)
    outcomes = Outcomes.concatenate(generations.outcomes)
    notes, do_interact = share.notes(plan, outcomes.desks), generations.do_customers_interact
    provenance = replace(provenance, sample=settings.sample, sample_notes=notes, do_customers_interact=do_interact)
    log_path = None if log is None else Path(log)
    return run_from_plan(plan, provenance, outcomes, registry, log_path, late_entries=generations.late_entries)


def check_seed(settings: RunSettings, seed: int) -> None:
    """Raise if a replication cannot be simulated. `compare` checks all scenarios before it simulates the first one.

    Parameters
    ----------
    settings : RunSettings
        Settings of the run.
    seed : int
        Seed, in [0, 2**63).

    Raises
    ------
    InputError
        If the scenario cannot be compiled, customers who affect each other are not all simulated until the horizon, or there are more
        initial customers and arrivals than the population limit.
    """
    share, plan = _compiled_share(settings, seed)
    _arrivals(settings, share, plan, seed)


def _compiled_share(settings: RunSettings, seed: int) -> tuple[FirmShare, Plan]:
    """Return the customers of a sample, and their compiled scenario."""
    share = FirmShare.of(settings.scenario, settings.n_initial, settings.sample, seed)
    plan = share.scaled(compile_scenario(share.scenario, follow_up_days=settings.follow_up_days, until_days=settings.ends))
    for argument, value in (("follow_up_days", settings.follow_up_days), ("until_days", settings.ends)):
        if value is not None:
            _require_independent_customers(plan, settings.processes, argument)
    return share, plan


def _arrivals(settings: RunSettings, share: FirmShare, plan: Plan, seed: int) -> tuple[Cohort, Cohort]:
    """Draw the customers from acquisition channels: those who enter until the horizon, and later ones if anything depends on them."""
    has_late = shares_resources(plan) or bool(settings.processes.names) or plan.pays_after_horizon
    n_fixed = share.n_initial + plan.population.n_existing
    return draw_limited_arrivals(plan, seed, share, with_late=has_late, n_fixed=n_fixed, max_customers=settings.max_customers)


def _require_independent_customers(plan: Plan, processes: UserProcesses, limit: str) -> None:
    """Raise if a customer's trajectory could depend on what others do after their own limit, or if staff are paid beyond it."""
    shared = "customers who share desks or budgets" if shares_resources(plan) else ""
    shared = shared or ("staff who are paid until the horizon" if any(desk.wages for desk in plan.desks) else "")
    if shared or processes.names:
        got = shared or f"the process '{processes.names[0]}'"
        must = "must be omitted where customers affect each other"
        raise InputError(format_error(limit, must, got, "Omit it, or remove what customers share."))


def _require_one_day_each(ends: Array, plan: Plan, n_customers: int) -> None:
    """Raise if there is not one end day per customer, or if customers may refer others."""
    if ends.shape != (n_customers,) or np.isnan(ends).any():
        must = f"must have one day for each of the {n_customers:,} customers"
        got = f"an array of shape {ends.shape}" if ends.shape != (n_customers,) else "nan"
        raise InputError(format_error("until_days", must, got, "Pass one number per customer, without nan."))
    if brings_friends(plan.world):
        raise InputError(format_error("until_days", "must be omitted where customers refer friends", "referrals", "Omit it."))
