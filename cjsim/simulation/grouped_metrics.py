"""`GroupedMetrics`: the metrics of a run by group of customers, such as the arms of an experiment or the levels of an attribute."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.json_records import plain_values
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.group_estimates import GroupDifference, estimate_by_group, group_difference
from cjsim.metrics.ratios import MetricDefinition
from cjsim.output_folder import FolderResult
from cjsim.simulation.customer_profiles import CustomerProfiles
from cjsim.simulation.documents import Scenario
from cjsim.simulation.experiment_arms import control_arm, draw_arms, find_experiment, first_exposures
from cjsim.simulation.summary_tables import arm_tables, group_table

if TYPE_CHECKING:
    import pandas as pd

_ARM = "arm"


@dataclass(frozen=True, eq=False, repr=False)
class GroupedMetrics(FolderResult):
    """The metrics of a run by group of customers. For arms of an experiment, also the differences from the control.

    The differences are unpaired, as a firm would see them in its own test: the arms consist of different customers. `compare` gives the
    same effect with a narrower interval, because it simulates every customer under both policies.

    `save` writes `groups.csv` and `groups.json`.

    Attributes
    ----------
    by : str
        'arm:NAME' or the name of an attribute.
    is_exposed_only : bool
        Whether only customers who reached a split of the experiment count.
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
    _marker = "groups.json"

    @classmethod
    def of(cls, run: RunRecord, profiles: CustomerProfiles, by: str, *, exposed_only: bool = False) -> "GroupedMetrics":
        """Estimate the metrics of each group.

        Parameters
        ----------
        run : RunRecord
            The run.
        profiles : CustomerProfiles
            Attributes of its customers.
        by : str
            'arm' for the arms of the only experiment, 'arm:NAME', or the name of an attribute.
        exposed_only : bool
            Whether to restrict arms to customers who reached a split of the experiment.

        Returns
        -------
        GroupedMetrics

        Raises
        ------
        InputError
            If there is no such experiment or attribute, or `exposed_only` is used with an attribute.
        """
        by, experiment = find_grouping(run.codebook, by)
        if experiment is not None:
            members = _customers_by_arm(run, experiment)
            is_exposed, control = ~np.isnan(first_exposures(run, experiment)), control_arm(run.codebook, experiment)
        else:
            members, is_exposed, control = _customers_by_level(run, profiles, by), None, None
            if exposed_only:
                must, remedy = "must be used with the arms of an experiment", "Use it with 'arm', or omit it."
                raise InputError(format_error("exposed_only", must, f"attribute '{by}'", remedy))
        if exposed_only and is_exposed is not None:
            members = {name: chosen & is_exposed for name, chosen in members.items()}
        entered = {name: int(np.count_nonzero(chosen & run.entered)) for name, chosen in members.items()}
        exposed = {} if is_exposed is None else {name: int(np.count_nonzero(chosen & is_exposed)) for name, chosen in members.items()}
        return _estimated(run, members, by=by, control=control, is_exposed_only=exposed_only, entered=entered, exposed=exposed)

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
        if self.control is None:
            return group_table(self.by, self.groups, self.definitions, self.entered, currency=self.currency, full=full)
        counts, is_exposed_only = (self.entered, self.exposed), self.is_exposed_only
        return arm_tables(
            self.groups,
            self.differences,
            self.definitions,
            control=self.control,
            counts=counts,
            is_exposed_only=is_exposed_only,
            currency=self.currency,
            full=full,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null. `exposed` and `differences` are present only for arms."""
        content: dict[str, Any] = {"by": self.by, "groups": _as_dicts(self.groups), "entered": self.entered}
        if self.exposed:
            content |= {"exposed": self.exposed, "exposed_only": self.is_exposed_only}
            content |= {"versus": self.control, "differences": _as_dicts(self.differences)}
        return plain_values(content)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per group and metric.

        The columns are value, low, high, n and unit; for arms, also effect, effect_low and effect_high, which are missing for the
        control.
        """
        import pandas as pd

        rows = {(group, name): metric for group, metrics in self.groups.items() for name, metric in metrics.items()}
        index = pd.MultiIndex.from_tuples(rows, names=["group", "metric"])
        frame = pd.DataFrame(rows.values(), columns=list(MetricEstimate._fields), index=index)
        if self.exposed:
            found = [self.differences.get(group, {}).get(name, (np.nan,) * 3) for group, name in rows]
            frame[["effect", "effect_low", "effect_high"]] = np.array(found)
        return frame


def find_grouping(codebook: Codebook, by: str) -> tuple[str, str | None]:
    """Return what distinguishes the groups, 'arm:NAME' or the name of an attribute, and the experiment (None for an attribute).

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    by : str
        As in `GroupedMetrics.of`.

    Returns
    -------
    tuple of (str, str or None)

    Raises
    ------
    InputError
        If there is no such experiment or attribute.
    """
    kind, _, name = by.partition(":")
    if kind == _ARM:
        experiment = find_experiment(codebook, name or None, "by")
        return f"{_ARM}:{experiment}", experiment
    if by not in codebook.attributes:
        known = [*codebook.attributes, *([_ARM] if codebook.experiments else [])]
        raise InputError(format_error("by", *unknown_name_parts(by, known, "attribute")))
    return by, None


def check_groups(scenario: Scenario, *, by: str | None = None, experiment: str | None = None) -> None:
    """Raise if a scenario has no such groups or experiment. Used before a simulation, which may take a long time.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    by : str, optional
        As in `GroupedMetrics.of`.
    experiment : str, optional
        Name of an experiment.

    Raises
    ------
    InputError
        If there is no such experiment or attribute, or the scenario is invalid.
    """
    if by is not None or experiment is not None:
        codebook = compile_scenario(scenario.checked()).codebook
        if by is not None:
            find_grouping(codebook, by)
        if experiment is not None:
            find_experiment(codebook, experiment)


def _estimated(
    run: RunRecord,
    members: Mapping[str, Array],
    *,
    by: str,
    control: str | None,
    is_exposed_only: bool,
    entered: dict[str, int],
    exposed: dict[str, int],
) -> GroupedMetrics:
    definitions = all_metric_definitions(run.codebook)
    groups: dict[str, dict[str, MetricEstimate]] = {name: {} for name in members}
    differences: dict[str, dict[str, GroupDifference]] = {} if control is None else {name: {} for name in members if name != control}
    for metric, definition in definitions.items():
        estimates = dict(zip(members, estimate_by_group(run, definition, list(members.values())), strict=True))
        for name, estimate in estimates.items():
            groups[name][metric] = estimate.metric
        if control is not None and not definition.is_total:
            for name, by_metric in differences.items():
                by_metric[metric] = group_difference(estimates[control], estimates[name])
    return GroupedMetrics(
        by=by,
        is_exposed_only=is_exposed_only,
        groups=_frozen(groups),
        entered=MappingProxyType(entered),
        exposed=MappingProxyType(exposed),
        differences=_frozen(differences),
        definitions=MappingProxyType(definitions),
        control=control,
        currency=run.provenance.currency,
    )


def _customers_by_arm(run: RunRecord, experiment: str) -> dict[str, Array]:
    arms = draw_arms(run, experiment)
    return {name: arms == arm for arm, name in enumerate(run.codebook.experiments[experiment])}


def _customers_by_level(run: RunRecord, profiles: CustomerProfiles, attribute: str) -> dict[str, Array]:
    return {level: np.asarray(profiles.attributes[attribute] == level) for level in run.codebook.attributes[attribute]}


def _frozen(content: dict[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({name: MappingProxyType(inner) for name, inner in content.items()})


def _as_dicts(content: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {group: {name: value._asdict() for name, value in inner.items()} for group, inner in content.items()}
