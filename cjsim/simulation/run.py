"""`Run`: the result of a simulation with its metrics, tables and files."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import TypeAdapter

from cjsim.argument_types import checked_arguments
from cjsim.compiler.fixed_costs import FixedCost
from cjsim.compiler.plan import Codebook
from cjsim.compiler.wages import Wages
from cjsim.engine.provenance import Provenance
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error
from cjsim.eventlog import EventLog
from cjsim.eventlog.parquet_writer import copy_log
from cjsim.json_records import plain_values, read_json, write_json
from cjsim.manifest import RESULT_FORMAT, readable_result
from cjsim.metrics.catalog import all_metric_definitions, estimate_all_metrics
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.registration import MetricSource, registered_metrics
from cjsim.metrics.replicated_estimates import PredictionInterval, combine_estimates
from cjsim.metrics.run_notes import metric_records, run_notes
from cjsim.metrics.saved_names import check_saved_names
from cjsim.output_folder import MANIFEST_FILE, FolderResult, is_listed, require_intact_files, restore_interrupted_replacement
from cjsim.simulation.argument_checks import checked_days
from cjsim.simulation.customer_profiles import CustomerProfiles
from cjsim.simulation.customer_tables import CUSTOMERS_FILE, TRUTH_FILE, SavedCustomers, customer_table, table_to_pandas, truth_table
from cjsim.simulation.months.calendar_months import is_by_month
from cjsim.simulation.months.cohort_table import CohortTable
from cjsim.simulation.months.monthly_metrics import MonthlyPart, monthly_parts, require_any_chosen
from cjsim.simulation.months.monthly_outcomes import MonthlyOutcomes
from cjsim.simulation.months.monthly_series import MonthlySeries
from cjsim.simulation.segments.experiment_arms import find_experiment
from cjsim.simulation.segments.grouped_metrics import GroupedMetrics
from cjsim.simulation.summary_tables import run_table, value_days_text
from cjsim.simulation.trials.trial_table import require_no_existing_customers, trial_table

if TYPE_CHECKING:
    import pandas as pd

REPLICATION_FOLDER = "replication_"  # of a saved run, followed by 2, 3, ...
_Estimates = tuple[Mapping[str, MetricEstimate], Mapping[str, PredictionInterval]]
# Attributes from which metrics are computed. Notebooks do not offer them for completion, because tables contain the same values.
_USED_BY_METRICS = frozenset(
    {*("acquisition_channels", "codebook", "desk_rates", "entered", "hidden", "keys", "log_path", "profiles", "registry", "retained")}
    | {"entered_since_start", "fixed_costs", "monthly", "repeats", "roots", "spend", "wages", "weight"}
)


@dataclass(frozen=True, eq=False, repr=False)
class Run(RunRecord, FolderResult):
    """Result of a simulation, with the outcomes of every customer.

    `save` writes `metrics.json`, `customers.parquet`, `truth.parquet` and `manifest.json`, and `log.parquet` if there is a log.

    Attributes
    ----------
    profiles : callable
        Returns the `CustomerProfiles`. To save memory, each call redraws them from the seed or loads them from disk.
    repeats : tuple of Run
        Further replications: the same scenario with other seeds. Metrics are means over all replications; everything else, such as
        `customers` and `log`, is about this run, the first replication.
    log_path : Path or None
        Parquet file of the event log; None if no log was written.
    monthly : MonthlyOutcomes or None
        Outcomes by calendar month, if `simulate` was called with `monthly=True`; `save` does not keep them.
    """

    profiles: Callable[[], CustomerProfiles]
    log_path: Path | None = None
    repeats: tuple["Run", ...] = ()
    monthly: MonthlyOutcomes | None = None

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
    def replications(self) -> tuple["Run", ...]:
        """All replications, each as a separate run: this run without `repeats`, then the repeats."""
        return (replace(self, repeats=(), provenance=replace(self.provenance, replications=1)), *self.repeats)

    @property
    def metrics(self) -> Mapping[str, MetricEstimate]:
        """All metrics with their 95 % confidence intervals, by name. Includes all currently registered metrics.

        With several replications, a value is the mean over replications with Student's interval.
        """
        return self._estimates[0]

    @property
    def predictions(self) -> Mapping[str, PredictionInterval]:
        """95 % prediction intervals of all metrics for one run of this firm, by name. Empty without `repeats`."""
        return self._estimates[1]

    @property
    def _estimates(self) -> _Estimates:
        registered = registered_metrics()
        if registered not in self._estimates_by_registered:
            self._estimates_by_registered[registered] = self._estimated()
        return self._estimates_by_registered[registered]

    def _estimated(self) -> _Estimates:
        if not self.repeats:
            return estimate_all_metrics(self), MappingProxyType({})
        by_run = [estimate_all_metrics(run) for run in self.replications]
        combined = {name: combine_estimates([metrics[name] for metrics in by_run]) for name in by_run[0]}
        estimates = {name: one.estimate for name, one in combined.items()}
        return MappingProxyType(estimates), MappingProxyType({name: one.prediction for name, one in combined.items()})

    @cached_property
    def _estimates_by_registered(self) -> dict[tuple[MetricSource, ...], _Estimates]:
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
        return run_table(self, self.metrics, self.predictions, full=full)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null.

        `processes`, `currency` and `value_days` (days over which CLV counts, if not the horizon) are present only if there are any,
        `replications` (their number) and `prediction_low` and `prediction_high` of each metric only with several replications, `sample`
        and `notes` only if they apply.
        """
        origin, notes = self.provenance, run_notes(self)
        return {
            "scenario": origin.scenario,
            "customers": len(self),
            "seed": origin.seed,
            **({"replications": origin.replications} if self.repeats else {}),
            **({"sample": origin.sample} if origin.sample is not None else {}),
            **({"notes": notes} if notes else {}),
            **({"currency": origin.currency} if origin.currency else {}),
            "engine": origin.engine,
            **({} if self.codebook.value_days is None else {"value_days": self.codebook.value_days}),
            **({"processes": list(origin.processes)} if origin.processes else {}),
            "events": origin.events,
            "seconds": origin.seconds,
            "metrics": plain_values(metric_records(self.metrics, self.predictions)),
        }

    def __getstate__(self) -> dict[str, Any]:  # pickle cannot copy the read-only metrics, which are computed again
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_pandas(self) -> "pd.DataFrame":
        """Return the metrics as a DataFrame with one row per metric and the columns value, low, high, n and unit.

        With several replications, there are also the columns prediction_low and prediction_high.
        """
        import pandas as pd

        names = pd.Index(self.metrics, name="metric")
        frame = pd.DataFrame(self.metrics.values(), columns=list(MetricEstimate._fields), index=names)
        if self.predictions:
            frame[["prediction_low", "prediction_high"]] = np.array([self.predictions[name] for name in self.metrics])
        return frame

    def _facts(self) -> str:
        origin, count = self.provenance, len(self.repeats) + 1
        seeds = f"{count} replications from seed {origin.seed}" if self.repeats else f"seed {origin.seed}"
        return f"{origin.scenario}: {len(self):,} customers{value_days_text(self)}, {seeds}, {origin.engine}"

    def _displayed_table(self) -> "pd.DataFrame":
        """The metrics of the short text table."""
        definitions = all_metric_definitions(self.codebook)
        return self.to_pandas().loc[[name for name in self.metrics if not definitions[name].is_detail]]

    @checked_arguments
    def by(self, by: str | None = None, *, where: str | None = None, exposed_only: bool = False) -> GroupedMetrics:
        """Return the metrics by group of customers.

        Parameters
        ----------
        by : str, optional
            'arm' for the arms of the only experiment of the policy, 'arm:NAME' for those of a given experiment, 'entry_month', 'persona'
            (which the firm cannot see), or an attribute, such as 'acquired_by'. By default, there is one group. 'month' gives totals by
            calendar month (`MonthlySeries`) and requires a run that was simulated with `monthly=True`.
        where : str, optional
            Only customers who meet this condition on attributes, `persona`, `arm` and `entry_month`, such as "country == 'DE'". All
            customers are simulated; costs that they share stay allocated equally to all of them.
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
            If there is no such experiment or grouping, no customer meets the condition, or `exposed_only` is used without arms.
        """
        if by is None and where is None:
            raise InputError(format_error("by", "must be given, or else a condition", "neither", "Pass by='arm' or where=CONDITION."))
        if is_by_month(by, self.codebook.attributes) and not exposed_only:
            return MonthlySeries.of_months(self._monthly_parts(where), where=where)
        replications = [(run, run.profiles()) for run in self.replications]
        return GroupedMetrics.of(replications, by, where=where, exposed_only=exposed_only)

    @checked_arguments
    def cohorts(self, *, where: str | None = None) -> CohortTable:
        """Return retention, buyers, and revenue and margin to date by month of entry and age in months.

        Parameters
        ----------
        where : str, optional
            Only customers who meet this condition, as in `by`.

        Returns
        -------
        CohortTable

        Raises
        ------
        InputError
            If the run was not simulated with `monthly=True`, or no customer meets the condition.
        """
        return CohortTable.of(self._monthly_parts(where), where=where)

    def _monthly_parts(self, where: str | None) -> list[MonthlyPart]:
        parts = monthly_parts([(run, run.profiles(), run.monthly) for run in self.replications], where)
        require_any_chosen(parts, where)
        return parts

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
            out. By default, outcomes are counted until the end of the simulation, for `observed_days`, which differs between customers.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        InputError
            If there is no such experiment, the run has no event log or has existing customers, or `follow_up_days` is not above 0 or
            longer than any exposed customer is observed.
        """
        require_no_existing_customers(self.provenance.existing)
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
            "wages": {desk: {name: one for name, one in wages._asdict().items() if one == one} for desk, wages in self.wages.items()},
            "fixed_costs": {name: cost._asdict() for name, cost in self.fixed_costs.items()},
            "codebook": asdict(self.codebook),
        }
        profiles = self.profiles()
        for name, table in (
            (CUSTOMERS_FILE, customer_table(self, profiles, touches=True)),
            (TRUTH_FILE, truth_table(self, profiles, full=True)),
        ):
            with (folder / name).open("wb") as file:  # Arrow itself opens only files whose path is Unicode text
                pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        copy_log(self.log_path, folder / "log.parquet")
        for number, run in enumerate(self.repeats, start=2):
            run.save(folder / f"{REPLICATION_FOLDER}{number}")
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
            If the folder does not contain a complete run, a file differs from the one originally saved, or another version of cjsim wrote
            it in a format that this version cannot read.
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
            check_saved_names(codebook, provenance, wages, (*stages["retained"], *stages["hidden"]))
            saved, log = SavedCustomers(source, codebook), source / "log.parquet"
            return cls(
                provenance=provenance,
                codebook=codebook,
                retained=stages["retained"],
                hidden=stages["hidden"],
                outcomes=saved.outcomes().read_only(),
                registry=saved.registry(provenance.customers, provenance.existing),
                wages=wages,
                fixed_costs=TypeAdapter(dict[str, FixedCost]).validate_python(manifest.get("fixed_costs", {})),
                profiles=partial(_load_profiles, saved, {"files": manifest.get("files", {})}),
                log_path=log if os.path.lexists(log) and is_listed(log.name, manifest) else None,
                repeats=tuple(cls.load(source / f"{REPLICATION_FOLDER}{number}") for number in range(2, provenance.replications + 1)),
            )


def _load_profiles(saved: SavedCustomers, manifest: Mapping[str, Any]) -> CustomerProfiles:
    """Load the profiles of a run, unless its files have been replaced since it was loaded."""
    require_intact_files(saved.folder, manifest, only=(CUSTOMERS_FILE, TRUTH_FILE))
    return saved.profiles()
