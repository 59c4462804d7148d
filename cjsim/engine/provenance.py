"""Where a result comes from: what was run, with which code, when and on what.

Lives here: the record. Does not live here: digests (model/document.py), results.
"""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cjsim.compiler.plan import Plan
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.kernels.codes import MINUTES_PER_DAY
from cjsim.scenario.spec import Entry, ScenarioSpec

_LIBRARIES = ("numpy", "numba", "pyarrow", "simpy")


@dataclass(frozen=True)
class Provenance:
    """What a result rests on.

    Attributes
    ----------
    scenario : str
        Its name.
    digests : Mapping of str to str
        Of `scenario`, `journey` and `policy`, by content.
    start : str
        ISO date of day 0.
    horizon : float
        Days.
    customers, seed : int
        As run: customers at first.
    arrived, referred : int
        Customers who came by acquisition channels, and whom others referred.
    entry : Mapping
        How the first customers entered: `over_days`; and `file` with its `file_digest` (SHA-256), if there was one.
    spend : Mapping of str to float
        Money on each acquisition channel over the horizon, whoever came of it.
    desk_rates : Mapping of str to float
        Money a minute of each desk.
    engine : str
        'compiled' or 'readable'.
    events : int
        Log rows, written or not.
    seconds : float
        Wall time of the run.
    date : str
        When, UTC, ISO 8601.
    version : str
        Of cjsim.
    platform, python : str
        The machine's system, the interpreter.
    libraries : Mapping of str to str
        Versions of those whose arithmetic or format the result rests on.
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

    @classmethod
    def of(
        cls, scenario: ScenarioSpec, plan: Plan, census: PopulationRegistry, *, seed: int, engine: str, events: int, seconds: float
    ) -> "Provenance":
        """The provenance of a run that ends now.

        Parameters
        ----------
        scenario : ScenarioSpec
            What was run.
        plan : Plan
            The same, compiled.
        census : PopulationRegistry
            Who was there.
        seed : int
            As run.
        engine : str
            'compiled' or 'readable'.
        events : int
            Log rows.
        seconds : float
            Wall time.
        """
        return cls(
            scenario=scenario.name,
            digests={"scenario": scenario.digest(), "journey": scenario.journey.digest(), "policy": scenario.policy.digest()},
            start=scenario.start.isoformat(),
            horizon=scenario.horizon,
            customers=census.initial,
            seed=seed,
            arrived=census.arrived,
            referred=len(census) - census.initial - census.arrived,
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
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Provenance":
        """The record from `to_json`; further keys are left out.

        Parameters
        ----------
        values : Mapping
            At least the record's fields.
        """
        return cls(**{field.name: values[field.name] for field in fields(cls)})


def _entry_record(entry: Entry) -> dict[str, Any]:
    """How customers entered; a file by its content too, as it may have another one tomorrow."""
    if entry.file is None:
        return {"over_days": entry.over}
    return {"over_days": entry.over, "file": entry.file, "file_digest": hashlib.sha256(Path(entry.file).read_bytes()).hexdigest()}


@cache  # 2 ms each, and a search makes thousands of runs
def _library_version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # run from a source tree
        return "unknown"
