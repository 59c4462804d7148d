"""`Run`: the result of a simulation with its metrics, tables and files."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from cjsim.argument_types import checked_arguments
from cjsim.compiler.plan import Codebook, Plan
from cjsim.compiler.wages import Wages, desk_wages
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error
from cjsim.eventlog import EventLog
from cjsim.json_records import plain_values, read_json, write_json
from cjsim.manifest import RESULT_FORMAT, readable_result
from cjsim.metrics.catalog import all_metric_definitions, estimate_all_metrics
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.registration import MetricSource, registered_metrics
from cjsim.output_folder import MANIFEST_FILE, FolderResult, is_listed, require_intact_files, restore_interrupted_replacement
from cjsim.simulation.argument_checks import checked_days
from cjsim.simulation.customer_profiles import CustomerProfiles, draw_profiles
from cjsim.simulation.customer_tables import CUSTOMERS_FILE, TRUTH_FILE, SavedCustomers, customer_table, table_to_pandas, truth_table
from cjsim.simulation.experiment_arms import find_experiment
from cjsim.simulation.grouped_metrics import GroupedMetrics
from cjsim.simulation.summary_tables import run_table
from cjsim.simulation.trial_table import trial_table

if TYPE_CHECKING:
    import pandas as pd

# Attributes from which metrics are computed. Notebooks do not offer them for completion, because tables contain the same values.
_USED_BY_METRICS = frozenset(
    {*("acquisition_channels", "codebook", "desk_rates", "entered", "hidden", "keys", "log_path", "profiles", "registry", "retained")}
    | {"roots", "spend", "wages"}
)


@dataclass(frozen=True, eq=False, repr=False)
class Run(RunRecord, FolderResult):
    """Result of a simulation, with the outcomes of every customer.

    `save` writes `metrics.json`, `customers.parquet`, `truth.parquet` and `manifest.json`, and `log.parquet` if there is a log.

    Attributes
    ----------
    profiles : callable
        Returns the `CustomerProfiles`. To save memory, each call redraws them from the seed or loads them from disk.
    log_path : Path or None
        Parquet file of the event log; None if no log was written.
    """

    profiles: Callable[[], CustomerProfiles]
    log_path: Path | None = None

    def __str__(self) -> str:
        return self.summary()

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _USED_BY_METRICS]

    @property
    def scenario(self) -> str:
        """Name of the simulated scenario. `provenance` also holds its digest."""
        return self.provenance.scenario

    @property
    def seed(self) -> int:
        """Random seed of the run."""
        return self.provenance.seed

    @property
    def log(self) -> EventLog | None:
        """Event log; None if no log was written."""
        return EventLog(self.log_path) if self.log_path else None

    @property
    def metrics(self) -> Mapping[str, MetricEstimate]:
        """All metrics with their intervals, by name. Includes all currently registered metrics."""
        registered = registered_metrics()
        if registered not in self._metrics_by_registered:
            self._metrics_by_registered[registered] = estimate_all_metrics(self)
        return self._metrics_by_registered[registered]

    @cached_property
    def _metrics_by_registered(self) -> dict[tuple[MetricSource, ...], Mapping[str, MetricEstimate]]:
        return {}

    def summary(self, *, full: bool = False) -> str:
        """Return the metrics as a text table.

        Parameters
        ----------
        full : bool
            Whether to include metrics by stage, channel and reason.

        Returns
        -------
        str
        """
        return run_table(self, self.metrics, full=full)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null. `processes` and `currency` are present only if there are any."""
        origin = self.provenance
        return {
            "scenario": origin.scenario,
            "customers": len(self),
            "seed": origin.seed,
            **({"currency": origin.currency} if origin.currency else {}),
            "engine": origin.engine,
            **({"processes": list(origin.processes)} if origin.processes else {}),
            "events": origin.events,
            "seconds": origin.seconds,
            "metrics": plain_values({name: metric._asdict() for name, metric in self.metrics.items()}),
        }

    def __getstate__(self) -> dict[str, Any]:  # pickle cannot copy the read-only metrics, which are computed again
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_pandas(self) -> "pd.DataFrame":
        """Return the metrics as a DataFrame with one row per metric and the columns value, low, high, n and unit."""
        import pandas as pd

        names = pd.Index(self.metrics, name="metric")
        return pd.DataFrame(self.metrics.values(), columns=list(MetricEstimate._fields), index=names)

    def _facts(self) -> str:
        return f"{self.provenance.scenario}: {len(self):,} customers, seed {self.provenance.seed}, {self.provenance.engine}"

    def _displayed_table(self) -> "pd.DataFrame":
        """The metrics of the short text table."""
        definitions = all_metric_definitions(self.codebook)
        return self.to_pandas().loc[[name for name in self.metrics if not definitions[name].is_detail]]

    @checked_arguments
    def by(self, by: str, *, exposed_only: bool = False) -> GroupedMetrics:
        """Return the metrics by group of customers.

        Parameters
        ----------
        by : str
            'arm' for the arms of the only experiment of the policy, 'arm:NAME' for those of a given experiment, or the name of an
            attribute.
        exposed_only : bool
            By default, an arm consists of all customers assigned to it, whether or not they reach a split (intention to treat). If
            True, only customers who reached a split count. Until then, nothing depends on the arm, so the arms remain comparable unless
            customers share desks or budgets.

        Returns
        -------
        GroupedMetrics

        Raises
        ------
        InputError
            If there is no such experiment or attribute, or `exposed_only` is used with an attribute.
        """
        return GroupedMetrics.of(self, self.profiles(), by, exposed_only=exposed_only)

    @checked_arguments
    def trial(self, experiment: str | None = None, *, follow_up_days: float | None = None) -> "pd.DataFrame":
        """Return the table of an experiment as the firm would analyze it, with one row per exposed customer. Requires an event log.

        Features are frozen at the customer's first exposure, which counts as the assignment: attributes, `days_since_entry`,
        `days_since_purchase`, `days_since_contact`, and, from log rows before the assignment, `stage_before`, `purchases_before`,
        `revenue_before`, `contacts_before`, `opens_before`, `clicks_before`, `opt_outs_before`, and `events[NAME]_before` for each event of
        the journey. Outcomes are sums over log rows after it: `purchases`, `revenue`, `contacts`, `opens`, `clicks`, `opt_outs`, and
        `retained` (1 if the last stage that the firm observed is a retained stage). A purchase is a logged event with a nonzero amount.
        Times are in days.

        Parameters
        ----------
        experiment : str, optional
            Name of the experiment. Can be omitted if the policy has only one.
        follow_up_days : float, optional
            Number of days after the assignment during which outcomes are counted. Customers who are not observed for that long are left
            out. By default, outcomes are counted until the end of the simulation, after `observed_days`, which differ between customers.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        InputError
            If there is no such experiment, the run has no event log, or `follow_up_days` is not above 0 or longer than any exposed customer
            is observed.
        """
        name = find_experiment(self.codebook, experiment)
        days = None if follow_up_days is None else checked_days("follow_up_days", follow_up_days)
        if self.log is None:
            raise InputError(format_error("trial", "must come from a run with an event log", "none", "Pass log=FILE to simulate."))
        return trial_table(self, self.log, self.profiles(), name, follow_up_days=days)

    @property
    def customers(self) -> "pd.DataFrame":
        """What the firm can observe, one row per customer: attributes, money, times (days since the start), touches and state.

        `retained_30d` and similar columns are null for customers who did not convert or were not observed long enough. `stage` is null
        if the firm cannot observe it.
        """
        return table_to_pandas(customer_table(self, self.profiles(), touches=False))

    @property
    def truth(self) -> "pd.DataFrame":
        """Persona, interest, traits and stage at the horizon, one row per customer. Must not be used as an input to estimators."""
        return table_to_pandas(truth_table(self, self.profiles(), full=False))

    def _write_files(self, folder: Path) -> None:
        import pyarrow.parquet as pq

        manifest = {
            "format": RESULT_FORMAT,
            **self.provenance.to_json(),
            "retained": self.retained,
            "hidden": self.hidden,
            "wages": {desk: wages._asdict() for desk, wages in self.wages.items()},
            "codebook": asdict(self.codebook),
        }
        profiles = self.profiles()
        for name, table in (
            (CUSTOMERS_FILE, customer_table(self, profiles, touches=True)),
            (TRUTH_FILE, truth_table(self, profiles, full=True)),
        ):
            with (folder / name).open("wb") as file:  # Arrow itself opens only files whose path is Unicode text
                pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        _copy_log(self.log_path, folder / "log.parquet")
        write_json(folder / "metrics.json", self.to_json())
        write_json(folder / MANIFEST_FILE, manifest)

    @classmethod
    @checked_arguments
    def load(cls, folder: str | Path) -> "Run":
        """Load a saved run.

        Parameters
        ----------
        folder : str or Path
            Folder written by `save`.

        Returns
        -------
        Run

        Raises
        ------
        InputError
            If the folder does not contain a complete run, a file is not the one that the run was saved with, or another version of cjsim
            wrote it in a format that this version cannot read.
        """
        source = Path(folder)
        restore_interrupted_replacement(source)
        manifest = read_json(source / MANIFEST_FILE, "run")
        with readable_result(manifest, source / MANIFEST_FILE, "run"):
            require_intact_files(source, manifest)
            codebook, provenance = TypeAdapter(Codebook).validate_python(manifest["codebook"]), Provenance.from_json(manifest)
            stages = TypeAdapter(dict[Literal["retained", "hidden"], tuple[str, ...]]).validate_python(
                {name: manifest[name] for name in ("retained", "hidden")}
            )
            wages = TypeAdapter(dict[str, Wages]).validate_python(manifest["wages"])
            _check_names(codebook, provenance, wages, (*stages["retained"], *stages["hidden"]))
            saved, log = SavedCustomers(source, codebook), source / "log.parquet"
            return cls(
                provenance=provenance,
                codebook=codebook,
                retained=stages["retained"],
                hidden=stages["hidden"],
                outcomes=_freeze_outcomes(saved.outcomes()),
                registry=saved.registry(provenance.customers),
                wages=wages,
                profiles=partial(_load_profiles, saved, {"files": manifest.get("files", {})}),
                log_path=log if os.path.lexists(log) and is_listed(log.name, manifest) else None,
            )


def run_from_plan(
    plan: Plan, provenance: Provenance, outcomes: Outcomes, registry: PopulationRegistry, log_path: Path | None = None
) -> Run:
    """Create the result of a simulated plan.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    provenance : Provenance
        Provenance of the run, including the seed.
    outcomes : Outcomes
        Outcome arrays by customer. They are made read-only.
    registry : PopulationRegistry
        Customers of the run.
    log_path : Path, optional
        Parquet file of the event log.
    """
    names, stages = plan.codebook.stages, plan.world.stages
    entered, force = outcomes.customers["entered"], float(plan.world.setting[0].discount)
    return Run(
        provenance=provenance,
        codebook=plan.codebook,
        retained=tuple(name for name, stage in zip(names, stages, strict=True) if stage["retained"]),
        hidden=tuple(name for name, stage in zip(names, stages, strict=True) if stage["observed_as"] < 0),
        outcomes=_freeze_outcomes(outcomes),
        registry=registry,
        wages={
            desk: desk_wages(desk_plan.wages, horizon_days=provenance.horizon, entered=entered, force=force)
            for desk, desk_plan in zip(plan.codebook.desks, plan.desks, strict=True)
        },
        profiles=partial(draw_profiles, plan, provenance.seed, registry),
        log_path=log_path,
    )


def _check_names(codebook: Codebook, provenance: Provenance, wages: Mapping[str, Wages], stages: Sequence[str]) -> None:
    """Raise a ValueError if the parts of a manifest do not fit together."""
    pairs = (
        ("stages", stages, codebook.stages),
        ("wages", codebook.desks, wages),
        ("desk_rates", codebook.desks, provenance.desk_rates),
        ("spend", codebook.acquisition, provenance.spend),
    )
    for part, names, known in pairs:
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"{part} without '{missing[0]}'")
    date.fromisoformat(provenance.start)
    if not codebook.moments or not provenance.horizon > 0:
        raise ValueError("no moments, or a horizon that is not positive")


def _load_profiles(saved: SavedCustomers, manifest: Mapping[str, Any]) -> CustomerProfiles:
    """Load the profiles of a run, unless its files have been replaced since it was loaded."""
    require_intact_files(saved.folder, manifest, only=(CUSTOMERS_FILE, TRUTH_FILE))
    return saved.profiles()


def _freeze_outcomes(outcomes: Outcomes) -> Outcomes:
    for array in outcomes:
        array.flags.writeable = False
    return outcomes


def _copy_log(log: Path | None, target: Path) -> None:
    """Copy the log to the run folder, unless it was written there."""
    if log is not None and log.resolve() != target.resolve():
        shutil.copyfile(log, target)
