"""Provenance of a result: scenario, seed, software versions, machine and time."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cjsim.compiler.plan import Plan
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.sync_points import uses_budgets, uses_desks
from cjsim.input_files.regular_file import file_digest
from cjsim.json_records import JsonRecord
from cjsim.kernels.codes import MINUTES_PER_DAY
from cjsim.scenario.spec import Entry, ScenarioSpec

_LIBRARIES = ("numpy", "numba", "pyarrow", "simpy")


@dataclass(frozen=True)
class Provenance(JsonRecord):
    """Everything needed to reproduce a result.

    Attributes
    ----------
    scenario : str
        Name of the scenario.
    digests : Mapping of str to str
        Content digests of `scenario`, `journey` and `policy`.
    start : str
        Date of day 0, ISO 8601.
    horizon : float
        Days from the start after which metrics stop.
    customers : int
        Number of initial customers.
    seed : int
        Seed of the run.
    arrived, referred : int
        Number of customers who arrived through acquisition channels, and number of referred customers.
    entry : Mapping
        How the initial customers entered: `over_days`; with an entry file, also `file` and its `file_digest` (SHA-256).
    spend : Mapping of str to float
        Spend on each acquisition channel over the horizon, in currency units, including channels without arrivals.
    desk_rates : Mapping of str to float
        Cost of each desk, in currency units per minute of service.
    engine : str
        'compiled' or 'readable'.
    events : int
        Number of log rows, including rows that are not written.
    seconds : float
        Wall time of the run, in seconds.
    date : str
        End of the run, UTC, ISO 8601.
    version : str
        Version of cjsim.
    platform, python : str
        Operating system and Python version.
    libraries : Mapping of str to str
        Versions of the libraries whose arithmetic or file format affects the result.
    processes : tuple of str
        Names of the user processes in the run. Their code is not recorded, so such a run cannot be reproduced from digests and seed alone.
    follow_up_days : float or None
        Maximum number of days from entry for which each customer was simulated; None for no limit.
    until_days : str or None
        Digest (SHA-256) of the days by which the customers' simulations had to end, if they were given.
    currency : str or None
        Currency of all amounts, if the scenario names one.
    shared : tuple of str
        What customers share: 'desks', 'budgets', both or nothing.
    replications : int
        Number of replications of which this run is the first.
    firm_customers : int or None
        Number of initial customers of the scenario, if the run has a different number.
    sample : float or None
        Share of the firm's customers that was simulated, if not all.
    sample_notes : tuple of str
        How staff and budgets were rounded for a sample, and in which direction this changes waits.
    value_horizon : float or None
        Days from the start after which CLV stops counting, if the scenario sets this limit.
    existing : int
        Number of customers who entered before day 0, excluding customers whom they referred.
    past_policy : str or None
        Digest of the policy before day 0, if customers exist before day 0.
    do_customers_interact : bool or None
        Whether, in this run, a customer's trajectory may have depended on others: a request had to wait at a desk, or a budget was used up.
        None in results saved by versions that did not record it.
    """

    scenario: str
    digests: Mapping[str, str]
    start: str
    horizon: float
    customers: int
    seed: int
    arrived: int
    referred: int
    entry: Mapping[str, Any]
    spend: Mapping[str, float]
    desk_rates: Mapping[str, float]
    engine: str
    events: int
    seconds: float
    date: str
    version: str
    platform: str
    python: str
    libraries: Mapping[str, str]
    processes: tuple[str, ...] = ()
    follow_up_days: float | None = None
    until_days: str | None = None
    currency: str | None = None
    shared: tuple[str, ...] = ()
    replications: int = 1
    firm_customers: int | None = None
    sample: float | None = None
    sample_notes: tuple[str, ...] = ()
    value_horizon: float | None = None
    existing: int = 0
    past_policy: str | None = None
    do_customers_interact: bool | None = None

    @property
    def simulated_days(self) -> float:
        """Days from the start to the end of the simulation."""
        return self.horizon if self.value_horizon is None else max(self.horizon, self.value_horizon)

    @classmethod
    def of(
        cls,
        scenario: ScenarioSpec,
        plan: Plan,
        registry: PopulationRegistry,
        *,
        seed: int,
        engine: str,
        events: int,
        seconds: float,
    ) -> "Provenance":
        """Record the provenance of a run that has just ended.

        Parameters
        ----------
        scenario : ScenarioSpec
            Scenario of the run.
        plan : Plan
            The compiled scenario.
        registry : PopulationRegistry
            Customers of the run.
        seed : int
            Seed of the run.
        engine : str
            'compiled' or 'readable'.
        events : int
            Number of log rows.
        seconds : float
            Wall time of the run, in seconds.

        Returns
        -------
        Provenance
        """
        return cls(
            scenario=scenario.name,
            digests={"scenario": scenario.digest(), "journey": scenario.journey.digest(), "policy": scenario.policy.digest()},
            start=scenario.start.isoformat(),
            horizon=scenario.horizon,
            customers=registry.n_initial,
            seed=seed,
            arrived=registry.n_arrived,
            referred=len(registry) - registry.n_fixed - registry.n_arrived,
            entry=_entry_record(scenario.entry),
            spend={channel.name: channel.spend for channel in plan.population.acquisition},
            desk_rates={
                name: float(desk["cost"]) / MINUTES_PER_DAY for name, desk in zip(plan.codebook.desks, plan.world.desks, strict=True)
            },
            engine=engine,
            events=events,
            seconds=seconds,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            version=_library_version("cjsim"),
            platform=platform.platform(),
            python=platform.python_version(),
            libraries={name: _library_version(name) for name in _LIBRARIES},
            currency=scenario.currency,
            shared=shared_resources(plan),
            firm_customers=None if registry.n_initial == scenario.customers else scenario.customers,
            value_horizon=scenario.value_horizon,
            existing=registry.n_existing,
            past_policy=None if scenario.existing is None else scenario.past_policy.digest(),
        )


def shared_resources(plan: Plan) -> tuple[str, ...]:
    """Return what customers share: 'desks', 'budgets', both or nothing."""
    worlds = (plan.world, plan.past_world)
    return tuple(
        name for name, is_used in (("desks", any(map(uses_desks, worlds))), ("budgets", any(map(uses_budgets, worlds)))) if is_used
    )


def _entry_record(entry: Entry) -> dict[str, Any]:
    """Describe how customers entered, including the digest of an entry file because its content may change."""
    if entry.file is None:
        return {"over_days": entry.over}
    return {"over_days": entry.over, "file": entry.file, "file_digest": file_digest(entry.file)}


@cache  # a lookup takes 2 ms, and a search runs thousands of simulations
def _library_version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # cjsim is running from a source tree
        return "unknown"
