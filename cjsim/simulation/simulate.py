"""`simulate`: simulate the customers of a scenario, and return a `Run`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from cjsim.argument_types import checked_arguments
from cjsim.engine.generations import default_population_limit
from cjsim.engine.replications import MAX_REPLICATIONS, default_replications
from cjsim.engine.user_processes import SimulationProcess, UserProcesses
from cjsim.errors import InputError, format_error, quote_choices, short_repr
from cjsim.kernels.world import Array
from cjsim.progress import NoProgress, Progress
from cjsim.scenario.spec import MAX_CUSTOMERS
from cjsim.simulation.argument_checks import checked_days, checked_integer, checked_share
from cjsim.simulation.documents import Scenario
from cjsim.simulation.months.month_end_runs import require_no_processes_or_ends, with_months
from cjsim.simulation.run import Run
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.seeded_run import ENGINES, RunSettings, simulate_seed, with_repeats

MAX_THREADS = 1024


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
    sample: float | None = None,
    replications: int | None = None,
    monthly: bool = False,
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
        simulated until the horizon, which also ends the follow-up of customers who enter late. Until it ends, a customer's trajectory is
        the same as without this limit. Requires a scenario whose customers share neither desks nor budgets.
    until_days : array-like of float, shape (n_customers,), optional
        Simulate each customer until at most this day, counted from the start. Events at exactly this time do not happen. A customer whose
        day is not after entry enters, but nothing else happens. Ordered by customer number: initial customers, then arrivals. Requires a
        scenario whose customers share neither desks nor budgets, and refer nobody. The provenance of the run contains a digest of these
        days.
    log : str or Path, optional
        Parquet file to write the event log to.
    processes : sequence of callable
        User-defined SimPy processes: generator functions that take a `RunningSimulation`, through which they observe customers and desks
        and fire events. Requires the readable engine. Their names are part of the provenance of the run.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), from the simulation.
    sample : float, optional
        Share of the firm to simulate, above 0 and at most 1: this share of the initial customers and the arrivals, with fixed costs, staff
        and budgets in proportion. Every customer in a smaller sample is also in a larger one. Totals are scaled up to the whole firm.
    replications : int, optional
        Number of runs with independent seeds, the first with `seed`. The result is the first run, and its metrics are means over all
        runs, with intervals that hold even if customers affect each other. The default is 8 if customers share desks or budgets and
        affect each other in the first run, which takes 8 times as long, and 1 otherwise or with `processes`.
    monthly : bool
        Whether to record what happened in each calendar month, for `Run.by('month')` and `Run.cohorts`. With M months, this simulates
        each replication another M - 1 times, for half of the horizon on average. Cannot be combined with `processes` or `until_days`.

    Returns
    -------
    Run
        Result with the outcomes of every customer.

    Raises
    ------
    InputError
        If an argument is out of range, `sample` is combined with `customers`, the scenario is invalid, the log cannot be written, a
        customer is stuck in a zero-time loop, the population exceeds `max_customers`, processes are passed to the compiled engine, or a
        follow-up is combined with processes or with shared desks or budgets.
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
    settings = checked_settings(
        as_scenario(scenario),
        customers=customers,
        engine=engine,
        threads=threads,
        max_customers=max_customers,
        follow_up_days=follow_up_days,
        until_days=until_days,
        processes=processes,
        progress=progress,
        sample=sample,
    )
    seed = settings.scenario.seed if seed is None else checked_integer("seed", seed, 0, 2**63 - 1)
    count = None if replications is None else checked_integer("replications", replications, 1, MAX_REPLICATIONS)
    if monthly:
        require_no_processes_or_ends(settings)
    first = simulate_seed(settings, seed, log=log)
    run = with_repeats(first, settings, default_replications(first) if count is None else count)
    return with_months(run, settings) if monthly else run


def checked_settings(
    scenario: Scenario,
    *,
    customers: int | None = None,
    engine: Literal["compiled", "readable"] = "compiled",
    threads: int | None = None,
    max_customers: int | None = None,
    follow_up_days: float | None = None,
    until_days: ArrayLike | None = None,
    processes: Sequence[SimulationProcess] = (),
    progress: Progress | None = None,
    sample: float | None = None,
) -> RunSettings:
    """Check the arguments of `simulate`, and return them as settings.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    customers, engine, threads, max_customers, follow_up_days, until_days, processes, progress, sample : optional
        As in `simulate`.

    Returns
    -------
    RunSettings

    Raises
    ------
    InputError
        If the scenario is invalid, or an argument is out of range or conflicts with another one.
    """
    scenario.checked()
    if customers is not None and sample is not None:
        must, remedy = "must be omitted with `sample`, which takes a share of the scenario's customers", "Omit one of them."
        raise InputError(format_error("customers", must, f"{customers}", remedy))
    n_existing = 0 if scenario.existing is None else scenario.existing.customers
    least = 0 if scenario.journey.acquisition or n_existing else 1
    n_initial = scenario.customers if customers is None else checked_integer("customers", customers, least, MAX_CUSTOMERS)
    if engine not in ENGINES:
        raise InputError(format_error("engine", f"must be one of {quote_choices(ENGINES)}", repr(engine), "Choose one of these."))
    user_processes = UserProcesses(processes, scenario.start)
    if user_processes.names and engine != "readable":
        raise InputError(format_error("processes", "must run on the readable engine", repr(engine), "Pass engine='readable'."))
    n_threads = checked_integer("threads", (os.cpu_count() or 1) if threads is None else threads, 1, MAX_THREADS)
    for name, limit in (("follow_up_days", follow_up_days), ("until_days", until_days)):
        if n_existing and limit is not None:
            must = "must be omitted where customers exist before day 0"
            raise InputError(format_error(name, must, f"{n_existing:,} existing customers", "Omit it, or remove `existing`."))
    limit_by_default = default_population_limit(n_initial + n_existing)
    return RunSettings(
        scenario=scenario,
        n_initial=n_initial,
        engine=engine,
        n_threads=1 if engine == "readable" else n_threads,
        max_customers=limit_by_default if max_customers is None else checked_integer("max_customers", max_customers, 1, MAX_CUSTOMERS),
        follow_up_days=None if follow_up_days is None else checked_days("follow_up_days", follow_up_days),
        ends=None if until_days is None else _checked_ends(until_days),
        processes=user_processes,
        sample=None if sample is None else checked_share("sample", sample),
        progress=progress or NoProgress(),
    )


def _checked_ends(until_days: ArrayLike) -> Array:
    """Return the days until which customers are simulated as an array of float64. Raise if they are not numbers."""
    try:
        return np.ascontiguousarray(until_days, np.float64)
    except (OverflowError, TypeError, ValueError):
        must = "must have one number of days per customer"
        raise InputError(format_error("until_days", must, short_repr(until_days), "Pass numbers.")) from None
