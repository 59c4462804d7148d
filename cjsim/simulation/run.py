"""What a simulation gives back: one record of arrays, with its provenance, that prints, saves and loads.

Lives here: `Run`, the tables of customers and of truth made from it, its files. Does not live here: what it is worth
(metrics/), how it came about (run.py).
"""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.plan import Codebook, Plan
from cjsim.compiler.population import draw_population
from cjsim.compiler.wages import Wages, desk_wages
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error
from cjsim.eventlog import EventLog
from cjsim.kernels.world import Array
from cjsim.simulation.customer_tables import (
    CustomerColumns,
    customer_table,
    read_outcomes,
    read_population_registry,
    table_to_pandas,
    truth_table,
)

if TYPE_CHECKING:
    import pandas as pd
from cjsim.metrics.catalog import estimate_all_metrics
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.simulation.summary_tables import run_table


class CustomerProfiles(NamedTuple):
    """Who the customers are: attributes (the firm sees them) and traits (it does not), by name."""

    attributes: Mapping[str, Array]  # str, (n,)
    traits: Mapping[str, Array]  # f8, (n,)


@dataclass(frozen=True, eq=False)
class Run(RunRecord):
    """The result of one simulation: what happened to every customer of a scenario.

    Attributes
    ----------
    people : callable
        Returns the customers' `CustomerProfiles`, which are drawn again rather than kept.
    log_path : Path or None
        The Parquet file of the log, if one was written.
    """

    people: Callable[[], CustomerProfiles]
    log_path: Path | None = None

    @classmethod
    def of(
        cls, plan: Plan, provenance: Provenance, outcomes: Outcomes, registry: PopulationRegistry, log_path: Path | None = None
    ) -> "Run":
        """The result of a plan that was run.

        Parameters
        ----------
        plan : Plan
            What was run.
        provenance : Provenance
            With the seed that the population was drawn with.
        outcomes : Outcomes
            Arrays by customer; made read-only.
        registry : PopulationRegistry
            Who was there.
        log_path : Path, optional
            The log's file.
        """
        names, stages = plan.codebook.stages, plan.world.stages
        entered, force = outcomes.customers["entered"], float(plan.world.setting[0].discount)
        return cls(
            provenance=provenance,
            codebook=plan.codebook,
            retained=tuple(name for name, stage in zip(names, stages, strict=True) if stage["retained"]),
            hidden=tuple(name for name, stage in zip(names, stages, strict=True) if stage["observed_as"] < 0),
            outcomes=_freeze_outcomes(outcomes),
            registry=registry,
            wages={
                desk: desk_wages(post.wages, horizon_days=provenance.horizon, entered=entered, force=force)
                for desk, post in zip(plan.codebook.desks, plan.desks, strict=True)
            },
            people=lambda: _draw_profiles(plan, provenance.seed, registry),
            log_path=log_path,
        )

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Run({self.provenance.scenario}: {len(self):,} customers, seed {self.provenance.seed}, {self.provenance.engine})"

    @property
    def log(self) -> EventLog | None:
        """The log, if it was written."""
        return EventLog(self.log_path) if self.log_path else None

    @cached_property
    def metrics(self) -> Mapping[str, MetricEstimate]:
        """Every metric by name, each with its interval."""
        return estimate_all_metrics(self)

    def summary(self, *, full: bool = False) -> str:
        """The metrics as a table in text.

        Parameters
        ----------
        full : bool
            Include metrics by stage, channel and reason.
        """
        return run_table(self, self.metrics, full=full)

    def to_json(self) -> dict[str, Any]:
        """The run as plain values for JSON: what was run and its metrics; null where undefined."""
        origin = self.provenance
        return {
            "scenario": origin.scenario,
            "customers": len(self),
            "seed": origin.seed,
            "engine": origin.engine,
            "events": origin.events,
            "seconds": origin.seconds,
            "metrics": {
                name: {field: to_json_value(value) for field, value in metric._asdict().items()} for name, metric in self.metrics.items()
            },
        }

    def to_pandas(self) -> "pd.DataFrame":
        """The metrics as a frame: value, low, high, n, unit by name."""
        import pandas as pd

        names = pd.Index(self.metrics, name="metric")
        return pd.DataFrame(self.metrics.values(), columns=list(MetricEstimate._fields), index=names)

    @property
    def customers(self) -> "pd.DataFrame":
        """One row a customer, as the firm could know it: attributes, money, dates (days since the start), touches, last seen state.

        `retained_30d` and its like are null for who did not convert or was not observed that long; `stage` is null where the
        firm does not see it.
        """
        return table_to_pandas(customer_table(self, touches=False))

    @property
    def truth(self) -> "pd.DataFrame":
        """One row a customer: persona, traits, stage at the horizon. Never an input of an estimator."""
        return table_to_pandas(truth_table(self, full=False))

    def save(self, folder: str | Path) -> Path:
        """Write `metrics.json`, `customers.parquet`, `truth.parquet`, `manifest.json`, and `log.parquet` if there is a log.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there. The manifest is written last: where it is, all is.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        import pyarrow.parquet as pq

        to = Path(folder)
        manifest = {
            **self.provenance.to_json(),
            "retained": self.retained,
            "hidden": self.hidden,
            "wages": {desk: wages._asdict() for desk, wages in self.wages.items()},
            "codebook": asdict(self.codebook),
        }
        try:
            to.mkdir(parents=True, exist_ok=True)
            (to / "manifest.json").unlink(missing_ok=True)
            pq.write_table(customer_table(self, touches=True), to / "customers.parquet", compression="zstd")
            pq.write_table(truth_table(self, full=True), to / "truth.parquet", compression="zstd")
            _copy_log(self.log_path, to / "log.parquet")
            for name, content in (("metrics.json", self.to_json()), ("manifest.json", manifest)):
                (to / name).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            message = format_error(str(to), "must be a folder that can be written", error.strerror or str(error), "Name another folder.")
            raise InputError(message) from error
        return to

    @classmethod
    def load(cls, folder: str | Path) -> "Run":
        """A run that was saved.

        Parameters
        ----------
        folder : str or Path
            What `save` was given.

        Raises
        ------
        InputError
            If there is no complete run in it.
        """
        at = Path(folder)
        try:
            manifest = json.loads((at / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            got = "no manifest.json that can be read"
            raise InputError(format_error(str(at), "must be the folder of a saved run", got, "Save the run again.")) from error
        codebook = Codebook(**{name: _to_tuples(value) for name, value in manifest["codebook"].items()})
        log = at / "log.parquet"
        return cls(
            provenance=Provenance.from_json(manifest),
            codebook=codebook,
            retained=tuple(manifest["retained"]),
            hidden=tuple(manifest["hidden"]),
            outcomes=_freeze_outcomes(read_outcomes(at, codebook)),
            registry=read_population_registry(at, codebook, manifest["customers"]),
            wages={desk: Wages(**wages) for desk, wages in manifest["wages"].items()},
            people=lambda: _read_profiles(at, codebook),
            log_path=log if log.exists() else None,
        )


def to_json_value(value: Any) -> Any:
    """A value for JSON: null in place of nan and the infinities.

    Examples
    --------
    >>> to_json_value(float("nan")), to_json_value(0.5), to_json_value("share")
    (None, 0.5, 'share')
    """
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _draw_profiles(plan: Plan, seed: int, registry: PopulationRegistry) -> CustomerProfiles:
    """The customers' attributes and traits, drawn again."""
    nothing = np.zeros(len(registry))  # when they came and what that cost changes neither
    drawn = draw_population(plan, seed, Cohort(registry.keys, nothing, registry.channels, nothing, 0))
    levels = plan.codebook.attributes
    return CustomerProfiles(
        attributes={name: np.asarray(of, str)[drawn.attributes[:, i].astype(np.intp)] for i, (name, of) in enumerate(levels.items())},
        traits={name: drawn.traits[:, i] for i, name in enumerate(plan.codebook.traits)},
    )


def _read_profiles(folder: Path, codebook: Codebook) -> CustomerProfiles:
    """The customers' attributes and traits from a saved run."""
    import pyarrow.parquet as pq

    columns = CustomerColumns.of(codebook).attributes
    seen = pq.read_table(folder / "customers.parquet", columns=list(columns))
    true = pq.read_table(folder / "truth.parquet", columns=[f"trait[{name}]" for name in codebook.traits])
    return CustomerProfiles(
        attributes={name: np.asarray(seen[column].to_pylist(), str) for name, column in zip(codebook.attributes, columns, strict=True)},
        traits={name: true[f"trait[{name}]"].to_numpy() for name in codebook.traits},
    )


def _freeze_outcomes(outcomes: Outcomes) -> Outcomes:
    for array in outcomes:
        array.flags.writeable = False
    return outcomes


def _to_tuples(value: Any) -> Any:
    """A codebook's entry from JSON: tuples again."""
    return {key: tuple(names) for key, names in value.items()} if isinstance(value, dict) else tuple(value)


def _copy_log(log: Path | None, to: Path) -> None:
    """The log beside the other files; that of an earlier run in the folder goes."""
    if log is None:
        to.unlink(missing_ok=True)
    elif log.resolve() != to.resolve():
        shutil.copyfile(log, to)
