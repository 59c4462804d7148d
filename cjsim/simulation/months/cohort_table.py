"""`CohortTable`: what customers do by month of entry and age in months."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.engine.run_record import RunRecord
from cjsim.engine.sync_points import brings_friends
from cjsim.errors import InputError, format_error
from cjsim.json_records import plain_values
from cjsim.kernels.world import Array
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.number_format import estimate_decimals, format_interval, format_value, named_unit
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer
from cjsim.metrics.replicated_estimates import combine_estimates
from cjsim.metrics.run_notes import narrow_interval_notes, run_notes
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.simulation.documents import Scenario
from cjsim.simulation.months.month_figures import COHORT_FIGURE, CohortData, figure_caption
from cjsim.simulation.months.monthly_metrics import MonthlyPart
from cjsim.simulation.segments.customer_groups import empty_replication_notes, group_notes
from cjsim.tabular_result import table_by_key

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_ACTIVE, _BUYERS = "active", "buyers"
_TO_DATE = {"revenue_to_date": "revenue", "margin_to_date": "margin"}
_NOTES = ("Age 0 is the calendar month of entry, in which customers are observed for only a part of the month.",)

_NO_COHORTS = "No customer entered from day 0 on, so there are no cohorts."


@dataclass(frozen=True, eq=False, repr=False)
class CohortTable(FolderResult):
    """Retention, buyers, and revenue and margin to date by month of entry and age in calendar months.

    `save` writes `cohorts.csv`, `cohorts.json` and `cohorts.png`.

    Attributes
    ----------
    cohorts : Mapping of str to Mapping of int to Mapping of str to MetricEstimate
        Metrics by month of entry, age and name. Age 0 is the month of entry.
    entered : Mapping of str to int
        Number of customers who entered, by month of entry, in the first replication.
    definitions : Mapping of str to MetricDefinition
        The metrics.
    where : str or None
        Condition that customers had to meet.
    notes : tuple of str
        What a reader must know.
    currency : str or None
        Currency of the scenario.
    title, caption : str
        Title and caption of the figure.
    """

    cohorts: Mapping[str, Mapping[int, Mapping[str, MetricEstimate]]]
    entered: Mapping[str, int]
    definitions: Mapping[str, MetricDefinition]
    where: str | None = None
    notes: tuple[str, ...] = ()
    currency: str | None = None
    title: str = ""
    caption: str = ""
    _marker = "cohorts.json"

    @classmethod
    def of(cls, parts: Sequence[MonthlyPart], *, where: str | None = None) -> "CohortTable":
        """Estimate the metrics of each cohort at each age.

        Parameters
        ----------
        parts : sequence of MonthlyPart
            The replications of a run.
        where : str, optional
            Condition that their customers meet.

        Returns
        -------
        CohortTable
            With several replications, a value is the mean over replications with Student's interval.
        """
        first, names = parts[0], parts[0].monthly.months.names
        definitions = cohort_definitions(first.run)
        members = [_members(part) for part in parts]
        cohorts, entered = {}, {}
        for cohort, name in enumerate(names):
            if not any(found[cohort].any() for found in members):
                continue
            entered[name] = int(np.count_nonzero(members[0][cohort]))
            chosen = [(part, found[cohort]) for part, found in zip(parts, members, strict=True)]
            cohorts[name] = MappingProxyType(
                {month - cohort: _estimates(chosen, definitions, cohort, month) for month in range(cohort, len(names))}
            )
        of_run = run_notes(first.run)
        if len(parts) > 1:
            of_run = [note for note in of_run if note not in narrow_interval_notes(first.run)]
        empty = empty_replication_notes([part.n_chosen for part in parts]) if where is not None else ()
        return cls(
            cohorts=MappingProxyType(cohorts),
            entered=MappingProxyType(entered),
            definitions=MappingProxyType(definitions),
            where=where,
            notes=(*_NOTES, *([] if cohorts else [_NO_COHORTS]), *_run_facts(first), *group_notes(None, entered, where), *empty, *of_run),
            currency=first.run.provenance.currency,
            title=f"{first.run.provenance.scenario}: cohorts by month of entry",
            caption=figure_caption(first.run, len(parts), where, intervals="The intervals are in the table."),
        )

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> str:
        return f"{len(self.cohorts)} months of entry: {', '.join(f'{name} {n:,}' for name, n in self.entered.items())}"

    def summary(self) -> str:
        """Return a text table with one row per month of entry and age.

        Returns
        -------
        str
        """
        header = ["entered in", "n", "age", *(text for name in self.definitions for text in (name, "95 % interval"))]
        rows = [
            (name, f"{self.entered[name]:,}", str(age), *(text for metric in self.definitions for text in self._cells(metrics[metric])))
            for name, by_age in self.cohorts.items()
            for age, metrics in by_age.items()
        ]
        units = {
            name: "" if one.unit == SHARE_UNIT else f", in {named_unit(one.unit, self.currency)}" for name, one in self.definitions.items()
        }
        legend = [f"{name}: {one.title}{units[name]}." for name, one in self.definitions.items()]
        condition = [] if self.where is None else [f"Only customers with {self.where}."]
        return f"{align_columns(header, rows)}\n\n" + wrap_lines("\n".join([*legend, *condition, *self.notes]))

    def _cells(self, found: MetricEstimate) -> tuple[str, str]:
        decimals = estimate_decimals(found.unit, (found.value, found.low, found.high))
        interval = format_interval(found.low, found.high, found.unit, decimals, is_beside_value=True)
        return format_value(found.value, found.unit, decimals), interval

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null."""
        cohorts = {
            name: {
                "entered": self.entered[name],
                "ages": {str(age): {metric: one._asdict() for metric, one in metrics.items()} for age, metrics in by_age.items()},
            }
            for name, by_age in self.cohorts.items()
        }
        condition = {} if self.where is None else {"where": self.where}
        return plain_values({"cohorts": cohorts, **condition, "cohort_notes": list(self.notes)})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per month of entry, age and metric, and the columns value, low, high, n and unit."""
        rows: dict[tuple[Any, ...], MetricEstimate] = {
            (name, age, metric): one
            for name, by_age in self.cohorts.items()
            for age, metrics in by_age.items()
            for metric, one in metrics.items()
        }
        return table_by_key(rows, ["cohort", "age", "metric"], MetricEstimate._fields)

    def figure(self) -> "Figure":
        """Draw one heat map per metric, with a row per month of entry and a column per age."""
        return COHORT_FIGURE.figure(self._figure_data())

    def _figure_data(self) -> CohortData:
        return CohortData(self.to_pandas().reset_index(), self.definitions, self.currency, self.title, self.caption)

    def _write_files(self, folder: Path) -> None:
        COHORT_FIGURE.save(self._figure_data(), folder)
        super()._write_files(folder)


def check_cohorts(scenario: Scenario, *, customers: int | None = None) -> None:
    """Raise if no customer can enter from day 0 on, so there would be no cohorts. Used before a simulation, which may take a long time.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    customers : int, optional
        Number of initial customers, if it differs from the scenario's.

    Raises
    ------
    InputError
        If all customers exist before day 0, the policy acquires none, and customers refer nobody.
    """
    if scenario.customers if customers is None else customers:
        return
    plan = compile_scenario(scenario.checked())
    if not any(channel.expected[-1] for channel in plan.population.acquisition) and not brings_friends(plan.world):
        must, remedy = "must be used where customers enter from day 0 on", "Omit it, or simulate initial customers, arrivals or referrals."
        raise InputError(format_error("cohorts", must, "no such customers", remedy))


def cohort_definitions(run: RunRecord) -> dict[str, MetricDefinition]:
    """Return the metrics of a cohort by name. Their `terms` are those of all customers at the horizon.

    Parameters
    ----------
    run : RunRecord
        The run. Without retained stages, there is no metric of active customers.

    Returns
    -------
    dict of str to MetricDefinition
    """
    share = partial(MetricDefinition, unit=SHARE_UNIT, better="higher")
    active = "customers in a retained stage at the end of the month, as a share of the cohort"
    found = [share(_ACTIVE, title=active, terms=_retained_share)] if run.retained else []
    found.append(share(_BUYERS, title="customers who purchased in the month, as a share of the cohort", terms=_buyer_share))
    for name, field in _TO_DATE.items():
        title = f"{field} from entry to the end of the month, per customer of the cohort"
        found.append(MetricDefinition(name, "money", title, mean_of_outcome(field), better="higher"))
    return {one.name: one for one in found}


def _members(part: MonthlyPart) -> list[Array]:
    """Return who entered in each month; existing customers belong to no cohort."""
    entered = part.monthly.entered & part.chosen & (part.run.outcomes.customers["entered"] >= 0)
    return [entered[0], *(entered[1:] & ~entered[:-1])]


def _estimates(
    chosen: Sequence[tuple[MonthlyPart, Array]], definitions: Mapping[str, MetricDefinition], cohort: int, month: int
) -> Mapping[str, MetricEstimate]:
    """Estimate all metrics of a cohort in one month. A replication without customers in the cohort gives undefined metrics."""
    estimates: dict[str, list[MetricEstimate]] = {name: [] for name in definitions}
    for part, members in chosen:
        sample, amounts = ClusterSample.from_run(part.run).subset(members), part.monthly.amounts
        ones = np.ones(int(np.count_nonzero(members)), bool)
        values = {name: amounts[field][cohort : month + 1, members].sum(axis=0) for name, field in _TO_DATE.items()}
        values |= {_ACTIVE: part.monthly.retained[month, members], _BUYERS: amounts["purchases"][month, members] > 0}
        for name, definition in definitions.items():
            estimates[name].append(estimate_metric(RatioTerms(values[name].astype(np.float64), ones), definition.unit, sample))
    return MappingProxyType({name: found[0] if len(found) == 1 else combine_estimates(found).estimate for name, found in estimates.items()})


def _run_facts(part: MonthlyPart) -> list[str]:
    notes = []
    if part.run.codebook.has_existing:
        notes.append("Customers who exist before day 0 belong to no cohort.")
    last, partial_months = part.monthly.months.names[-1], part.monthly.months.partial
    if last in partial_months:
        notes.append(f"The simulation covers only a part of {last}, the last age of each cohort.")
    return notes


def _retained_share(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, np.isin(run.outcomes.customers["stage"], [run.codebook.stages.index(name) for name in run.retained]))


def _buyer_share(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, run.outcomes.customers["purchases"] > 0)
