"""`GroupedMetrics`: the metrics of a run by group of customers, such as the arms of an experiment or the levels of an attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error
from cjsim.json_records import plain_values
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.group_estimates import GroupDifference, GroupEstimate, estimate_by_group, group_difference
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.replicated_estimates import combine_differences, combine_estimates
from cjsim.metrics.run_notes import narrow_interval_notes, run_notes
from cjsim.metrics.text_table import wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.simulation.customer_profiles import CustomerProfiles
from cjsim.simulation.segments.customer_groups import (
    ARM,
    ENTRY_MONTH,
    chosen_customers,
    customer_groups,
    empty_replication_notes,
    find_grouping,
    group_notes,
    require_any_customer,
)
from cjsim.simulation.segments.experiment_arms import control_arm, first_exposures
from cjsim.simulation.summary_tables import arm_tables, group_table
from cjsim.tabular_result import table_by_key

if TYPE_CHECKING:
    import pandas as pd

WHERE, CHOSEN = "customers", "chosen"  # the grouping by a condition alone, and its only group


@dataclass(frozen=True, eq=False, repr=False)
class GroupedMetrics(FolderResult):
    """The metrics of a run by group of customers. For arms of an experiment, also the differences from the control.

    The differences are unpaired, as a firm would see them in its own test: the arms consist of different customers. `compare` gives the
    same effect with a narrower interval, because it simulates every customer under both policies.

    `save` writes `groups.csv` and `groups.json`.

    Attributes
    ----------
    by : str
        'arm:NAME', 'persona', 'entry_month', the name of an attribute, or 'customers' for a single group.
    is_exposed_only : bool
        Whether to count only customers who reached a split of the experiment.
    groups : Mapping of str to Mapping of str to MetricEstimate
        Metrics by group, then by name.
    entered : Mapping of str to int
        Number of customers who entered, by group.
    exposed : Mapping of str to int
        Number of these customers who were exposed to the experiment, by arm; empty for an attribute.
    differences : Mapping of str to Mapping of str to GroupDifference
        Each arm minus the control, keyed by arm, then by metric name; totals are excluded. Empty for an attribute, whose levels were
        not assigned at random.
    definitions : Mapping of str to MetricDefinition
        The metrics, in table order.
    control : str or None
        The arm whose steps do nothing; failing that, the arm whose name marks it as the control (such as `control` or `none`); failing
        that, the first arm. None for an attribute.
    currency : str or None
        Currency of the scenario.
    where : str or None
        Condition that customers had to meet.
    notes : tuple of str
        What a reader must know: latent groups, small groups, and notes on the run.
    """

    by: str
    is_exposed_only: bool
    groups: Mapping[str, Mapping[str, MetricEstimate]]
    entered: Mapping[str, int]
    exposed: Mapping[str, int]
    differences: Mapping[str, Mapping[str, GroupDifference]]
    definitions: Mapping[str, MetricDefinition]
    control: str | None = None
    currency: str | None = None
    where: str | None = None
    notes: tuple[str, ...] = ()
    _marker = "groups.json"

    @classmethod
    def of(
        cls,
        replications: Sequence[tuple[RunRecord, CustomerProfiles]],
        by: str | None,
        *,
        where: str | None = None,
        exposed_only: bool = False,
    ) -> "GroupedMetrics":
        """Estimate the metrics of each group.

        Parameters
        ----------
        replications : sequence of (RunRecord, CustomerProfiles)
            The replications of a run, with the attributes of their customers.
        by : str or None
            As in `find_grouping`. None for a single group, those who meet `where`.
        where : str, optional
            Condition on what is fixed at entry, as in `chosen_customers`.
        exposed_only : bool
            Whether to restrict arms to customers who reached a split of the experiment.

        Returns
        -------
        GroupedMetrics

        Raises
        ------
        InputError
            If there is no such experiment or grouping, the condition is invalid, or `exposed_only` is used without arms.
        """
        run = replications[0][0]
        grouping, experiment = (None, None) if by is None else find_grouping(run.codebook, by)
        if exposed_only and experiment is None:
            must, remedy = "must be used with the arms of an experiment", "Use it with 'arm', or omit it."
            raise InputError(format_error("exposed_only", must, f"'{by}'", remedy))
        parts = [_Part.of(one, profiles, grouping, where, exposed_only=exposed_only) for one, profiles in replications]
        if where is not None:
            require_any_customer(where, [part.n_chosen for part in parts])
        control = None if experiment is None else control_arm(run.codebook, experiment)
        return _estimated(parts, by=grouping or WHERE, where=where, control=control, is_exposed_only=exposed_only)

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> str:
        return f"{self.by}: {', '.join(f'{name} {n:,}' for name, n in self.entered.items())}"

    def _displayed_table(self) -> "pd.DataFrame":
        """The metrics of the short text tables."""
        table = self.to_pandas()
        return table[[not self.definitions[name].is_detail for name in table.index.get_level_values("metric")]]

    def summary(self, *, full: bool = False) -> str:
        """Return text tables: for arms, one table per arm except the control, with differences from it; otherwise, one table of all groups.

        Parameters
        ----------
        full : bool
            Whether to include metrics by stage, channel and reason.

        Returns
        -------
        str
        """
        notes = wrap_lines("\n".join([*([] if self.where is None else [f"Only customers with {self.where}."]), *self.notes]))
        if self.control is None:
            table = group_table(self.by, self.groups, self.definitions, self.entered, currency=self.currency, full=full)
            return f"{table}\n\n{notes}" if notes else table
        counts, is_exposed_only = (self.entered, self.exposed), self.is_exposed_only
        tables = arm_tables(
            self.groups,
            self.differences,
            self.definitions,
            control=self.control,
            counts=counts,
            is_exposed_only=is_exposed_only,
            currency=self.currency,
            full=full,
        )
        return f"{tables}\n\n{notes}" if notes else tables

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null.

        `exposed` and `differences` are present only for arms, and `metrics` only for the single group of a condition.
        """
        content: dict[str, Any] = {"by": self.by, "groups": _as_dicts(self.groups), "entered": self.entered}
        content |= {"where": self.where} if self.where is not None else {}
        content |= {"metrics": content["groups"][CHOSEN]} if self.by == WHERE else {}
        content |= {"notes": list(self.notes)} if self.notes else {}
        if self.exposed:
            content |= {"exposed": self.exposed, "exposed_only": self.is_exposed_only}
            content |= {"versus": self.control, "differences": _as_dicts(self.differences)}
        return plain_values(content)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per group and metric.

        The columns are value, low, high, n and unit; for arms, also effect, effect_low and effect_high, which are missing for the
        control.
        """
        rows: dict[tuple[Any, ...], MetricEstimate] = {
            (group, name): metric for group, metrics in self.groups.items() for name, metric in metrics.items()
        }
        frame = table_by_key(rows, ["group", "metric"], MetricEstimate._fields)
        if self.exposed:
            found = [self.differences.get(group, {}).get(name, (np.nan,) * 3) for group, name in rows]
            frame[["effect", "effect_low", "effect_high"]] = np.array(found)
        return frame


@dataclass(frozen=True, eq=False)
class _Part:
    """One replication: the customers of each group, who was exposed (None without arms), and how many meet the condition."""

    run: RunRecord
    members: Mapping[str, Array]
    is_exposed: Array | None
    n_chosen: int

    @classmethod
    def of(cls, run: RunRecord, profiles: CustomerProfiles, by: str | None, where: str | None, *, exposed_only: bool) -> "_Part":
        groups = {CHOSEN: np.ones(len(run), bool)} if by is None else customer_groups(run, profiles, by)
        is_exposed = None
        if by is not None and by.startswith(f"{ARM}:"):
            is_exposed = ~np.isnan(first_exposures(run, by.partition(":")[2]))
        chosen = run.entered if where is None else run.entered & chosen_customers(run, profiles, where)
        n_chosen = int(np.count_nonzero(chosen))
        if exposed_only and is_exposed is not None:
            chosen = chosen & is_exposed
        is_restricted = where is not None or exposed_only
        return cls(run, {name: members & chosen if is_restricted else members for name, members in groups.items()}, is_exposed, n_chosen)

    def estimates(self, definition: MetricDefinition) -> dict[str, GroupEstimate]:
        """Estimate a metric of each group."""
        return dict(zip(self.members, estimate_by_group(self.run, definition, list(self.members.values())), strict=True))

    def counts(self, is_chosen: Array) -> dict[str, int]:
        """Count the chosen customers of each group."""
        return {name: int(np.count_nonzero(members & is_chosen)) for name, members in self.members.items()}


def _estimated(parts: Sequence[_Part], *, by: str, where: str | None, control: str | None, is_exposed_only: bool) -> GroupedMetrics:
    run = parts[0].run
    definitions = all_metric_definitions(run.codebook)
    names = sorted({name for part in parts for name in part.members}) if by == ENTRY_MONTH else list(parts[0].members)
    groups: dict[str, dict[str, MetricEstimate]] = {name: {} for name in names}
    differences: dict[str, dict[str, GroupDifference]] = {} if control is None else {name: {} for name in names if name != control}
    for metric, definition in definitions.items():
        found = [part.estimates(definition) for part in parts]
        for name in names:
            estimates = [one[name].metric for one in found if name in one]
            groups[name][metric] = estimates[0] if len(parts) == 1 else combine_estimates(estimates).estimate
        if control is not None and not definition.is_total:
            for name, by_metric in differences.items():
                by_metric[metric] = _difference(control, name, found)
    entered, of_run = parts[0].counts(run.entered), run_notes(run)
    if len(parts) > 1:
        of_run = [note for note in of_run if note not in narrow_interval_notes(run)]
    n_chosen = [part.n_chosen for part in parts]
    return GroupedMetrics(
        by=by,
        is_exposed_only=is_exposed_only,
        groups=_frozen(groups),
        entered=MappingProxyType(entered),
        exposed=MappingProxyType({} if parts[0].is_exposed is None else parts[0].counts(parts[0].is_exposed)),
        differences=_frozen(differences),
        definitions=MappingProxyType(definitions),
        control=control,
        currency=run.provenance.currency,
        where=where,
        notes=(*group_notes(by, entered, where), *(empty_replication_notes(n_chosen) if where else ()), *of_run),
    )


def _difference(control: str, name: str, replications: Sequence[Mapping[str, GroupEstimate]]) -> GroupDifference:
    """Return the difference of an arm from the control: unpaired in a single run, by seed with several replications."""
    if len(replications) == 1:
        return group_difference(replications[0][control], replications[0][name])
    values = ([one[group].metric.value for one in replications] for group in (control, name))
    return GroupDifference(*combine_differences(*values).difference[2:5])


def _frozen(content: dict[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({name: MappingProxyType(inner) for name, inner in content.items()})


def _as_dicts(content: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {group: {name: value._asdict() for name, value in inner.items()} for group, inner in content.items()}
