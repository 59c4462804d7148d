"""`GroupedComparison`: the effect of policies by group of customers, and who gains and who loses."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.json_records import plain_values
from cjsim.metrics.catalog import all_metric_definitions, require_metrics
from cjsim.metrics.number_format import estimate_decimals, format_interval, format_value, unit_in_text, with_unit
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.run_notes import comparison_notes
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.simulation.run import Run
from cjsim.simulation.segments.customer_groups import (
    ENTRY_MONTH,
    chosen_customers,
    customer_groups,
    empty_replication_notes,
    group_notes,
    require_any_customer,
    require_shared_groups,
)
from cjsim.simulation.segments.group_gains import find_gains
from cjsim.simulation.segments.policy_differences import Members, PolicyDifference, policy_differences
from cjsim.tabular_result import table_by_key

if TYPE_CHECKING:
    import pandas as pd

SHOWN_METRICS = ("clv", "retention_90d", "conversion", "revenue", "cost", "satisfaction", "opt_outs")
ALL_CUSTOMERS = "customers"  # the only group, if there is a condition but no grouping
Groups = dict[str, Members]


@dataclass(frozen=True, eq=False, repr=False)
class GroupedComparison(FolderResult):
    """Paired differences between policies by group of customers.

    `save` writes `group_effects.csv` and `group_effects.json`.

    Attributes
    ----------
    baseline : str
        Name of the baseline.
    by : str or None
        What distinguishes the groups; None for a single group.
    where : str or None
        Condition that customers had to meet.
    alternatives : Mapping of str to Mapping of str to Mapping of str to PairedDifference
        Paired differences, keyed by alternative, then by group, then by metric.
    entered : Mapping of str to int
        Number of customers who entered under the baseline, by group.
    gains : Mapping of str to str
        For each alternative, a sentence that names the groups that gain most and least.
    definitions : Mapping of str to MetricDefinition
        The metrics.
    metrics : tuple of str
        Names of the metrics that the table shows.
    notes : tuple of str
        What a reader must know: latent groups, small groups, and notes on the runs.
    currency : str or None
        Currency of the scenarios.
    """

    baseline: str
    by: str | None
    where: str | None
    alternatives: Mapping[str, Mapping[str, Mapping[str, PairedDifference]]]
    entered: Mapping[str, int]
    gains: Mapping[str, str]
    definitions: Mapping[str, MetricDefinition]
    metrics: tuple[str, ...]
    notes: tuple[str, ...] = ()
    currency: str | None = None
    _marker = "group_effects.json"

    @classmethod
    def of(cls, runs: Mapping[str, Run], by: str | None, *, where: str | None = None, metrics: Sequence[str] = ()) -> "GroupedComparison":
        """Estimate the effects in each group.

        Parameters
        ----------
        runs : Mapping of str to Run
            Runs by name; the first is the baseline.
        by : str or None
            As in `find_grouping`; None for a single group.
        where : str, optional
            Condition on what is fixed at entry, as in `chosen_customers`.
        metrics : sequence of str
            Metrics that the table shows. The first one decides who gains; by default, CLV.

        Returns
        -------
        GroupedComparison

        Raises
        ------
        InputError
            If the runs lack the grouping or a metric, their arms differ, or the condition is invalid.
        """
        (name, baseline), *others = runs.items()
        definitions = all_metric_definitions(baseline.codebook)
        require_metrics(baseline.codebook, metrics, alternatives=[run.codebook for _, run in others])
        shown = tuple(metrics) or tuple(metric for metric in SHOWN_METRICS if metric in definitions)
        grouping = require_shared_groups({one: run.codebook for one, run in runs.items()}, by, where=where)
        empty = () if where is None else _empty_replication_notes(runs, where)
        found = {other: _effects_by_group(baseline, run, grouping, where) for other, run in others}
        effects = {
            other: MappingProxyType(
                {group: {metric: one.difference for metric, one in by_metric.items()} for group, by_metric in of.items()}
            )
            for other, of in found.items()
        }
        currency = baseline.provenance.currency
        objective, entered = definitions[shown[0]], _entered(baseline, grouping, where)
        gains = {} if by is None else {other: _gain_sentence(by, objective, of, currency) for other, of in found.items()}
        return cls(
            baseline=name,
            by=grouping,
            where=where,
            alternatives=MappingProxyType(effects),
            entered=MappingProxyType(entered),
            gains=MappingProxyType(gains),
            definitions=MappingProxyType(definitions),
            metrics=shown,
            notes=(
                *group_notes(grouping, entered, where),
                *empty,
                *comparison_notes(list(runs.values())),
            ),
            currency=currency,
        )

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> str:
        return f"{self.baseline} against {', '.join(self.alternatives)} by {self.by or ALL_CUSTOMERS}: {len(self.entered)} groups"

    def _answer(self) -> str:
        return "\n".join(self.gains.values())

    def summary(self, *, full: bool = False) -> str:
        """Return a table for each alternative, and a sentence about who gains and who loses.

        Parameters
        ----------
        full : bool
            Whether to show all metrics.

        Returns
        -------
        str
        """
        names = list(self.definitions) if full else list(self.metrics)
        parts = []
        for other, groups in self.alternatives.items():
            rows = [
                self._row(self.definitions[metric], group, by_metric[metric])
                for metric in names
                for group, by_metric in groups.items()
                if metric in by_metric and (full or _is_informative(by_metric[metric]))
            ]
            header = ("metric", self.by or ALL_CUSTOMERS, self.baseline, other, "effect", "95 % interval", "", "unit", "n", "")
            parts.append(align_columns(header, rows, optional=["n"]))
            parts += [wrap_lines(self.gains[other])] if other in self.gains else []
        condition = [] if self.where is None else [f"Only customers with {self.where}."]
        legend = ["Effects are paired. * the interval excludes 0; this happens by chance in one row of twenty."]
        return "\n\n".join([*parts, wrap_lines("\n".join([*condition, *legend, *self.notes]))])

    def _row(self, definition: MetricDefinition, group: str, effect: PairedDifference) -> tuple[str, ...]:
        unit = definition.unit
        decimals = estimate_decimals(unit, effect[2:5])
        return (
            definition.name,
            group,
            format_value(effect.baseline, unit, decimals),
            format_value(effect.value, unit, decimals),
            format_value(effect.effect, unit, decimals, is_difference=True),
            format_interval(effect.low, effect.high, unit, decimals, is_difference=True, is_beside_value=True),
            "*" if effect.is_significant else "",
            unit_in_text(unit, self.currency),
            f"{self.entered.get(group, 0):,}",
            definition.title,
        )

    def to_json(self, *, metrics: Sequence[str] = ()) -> dict[str, Any]:
        """Return plain values for JSON, of all metrics by default. Undefined numbers become null."""
        alternatives = {
            other: {
                "groups": {
                    group: {metric: one._asdict() for metric, one in by.items() if not metrics or metric in metrics}
                    for group, by in groups.items()
                },
                **({"gains": self.gains[other]} if other in self.gains else {}),
            }
            for other, groups in self.alternatives.items()
        }
        facts = {"by": self.by, "where": self.where, "notes": list(self.notes)}
        named = {name: fact for name, fact in facts.items() if fact}
        return plain_values({"baseline": self.baseline, **named, "entered": dict(self.entered), "group_effects": alternatives})

    def to_pandas(self, *, metrics: Sequence[str] = ()) -> "pd.DataFrame":
        """Return a DataFrame with one row per alternative, group and metric, and the fields of `PairedDifference` as columns.

        Parameters
        ----------
        metrics : sequence of str
            Names of the metrics to include; all by default.

        Returns
        -------
        pandas.DataFrame
        """
        rows: dict[tuple[Any, ...], PairedDifference] = {
            (other, group, metric): one
            for other, groups in self.alternatives.items()
            for group, by in groups.items()
            for metric, one in by.items()
            if not metrics or metric in metrics
        }
        return table_by_key(rows, ["alternative", "group", "metric"], PairedDifference._fields)


def _is_informative(effect: PairedDifference) -> bool:
    return not math.isnan(effect.effect) and bool(effect.baseline or effect.value)


def _entered(run: Run, by: str | None, where: str | None) -> dict[str, int]:
    groups = _members(run, by, where)
    return {name: int(np.count_nonzero(members & run.entered)) for name, members in groups.items()}


def _empty_replication_notes(runs: Mapping[str, Run], where: str) -> Sequence[str]:
    """Return a note if no customer of the baseline meets the condition in some replications. Raise if no customer of any run does."""
    by_run = [
        [int(np.count_nonzero(chosen_customers(one, one.profiles(), where) & one.entered)) for one in run.replications]
        for run in runs.values()
    ]
    require_any_customer(where, [n for counts in by_run for n in counts])
    return empty_replication_notes(by_run[0])


def _members(run: Run, by: str | None, where: str | None) -> dict[str, Any]:
    """Return the customers of each group of a run who meet the condition."""
    profiles = run.profiles()
    groups = {ALL_CUSTOMERS: np.ones(len(run), bool)} if by is None else customer_groups(run, profiles, by)
    if where is None:
        return groups
    chosen = chosen_customers(run, profiles, where)
    return {name: members & chosen for name, members in groups.items()}


def _effects_by_group(baseline: Run, other: Run, by: str | None, where: str | None) -> dict[str, dict[str, PolicyDifference]]:
    pairs = [
        (one, _members(one, by, where), another, _members(another, by, where))
        for one, another in zip(baseline.replications, other.replications, strict=True)
    ]
    names = list(dict.fromkeys(name for _, before, _, after in pairs for name in (*before, *after)))
    if by == ENTRY_MONTH:
        names.sort()
    found = {}
    for name in names:
        nobody = [(np.zeros(len(one), bool), np.zeros(len(another), bool)) for one, _, another, _ in pairs]
        members = [
            (before.get(name, empty[0]), after.get(name, empty[1])) for (_, before, _, after), empty in zip(pairs, nobody, strict=True)
        ]
        found[name] = policy_differences(baseline, other, members=members)
    return found


def _gain_sentence(
    by: str, objective: MetricDefinition, effects: Mapping[str, Mapping[str, PolicyDifference]], currency: str | None
) -> str:
    """Name the groups that gain most and least, or state that groups do not differ clearly."""
    of_metric = {group: by_metric[objective.name] for group, by_metric in effects.items() if objective.name in by_metric}
    if not of_metric:
        return f"The alternative does not have {objective.name}."
    if len(of_metric) == 1:
        return f"There is only one group by {by}, so no groups can be compared."
    gains = find_gains(of_metric, is_lower_better=objective.better == "lower")
    pairs = f"Holm's correction for {gains.n_pairs} pair{'s' * (gains.n_pairs != 1)} of groups"
    if gains.most is None or gains.least is None:
        return f"No clear difference between groups by {by} in the effect on {objective.name} ({pairs})."
    most, least = (_effect_text(objective, of_metric[name].difference, currency) for name in (gains.most, gains.least))
    sign = -1 if objective.better == "lower" else 1
    loses = of_metric[gains.least].difference.is_significant and sign * of_metric[gains.least].difference.effect < 0
    grows = sign * of_metric[gains.most].difference.effect > 0
    first = f"{gains.most} {'gains most' if grows else 'loses least'} on {objective.name} ({most})"
    return f"{first}, and {gains.least} {'loses most' if loses else 'gains least'} ({least}); groups differ clearly ({pairs})."


def _effect_text(definition: MetricDefinition, effect: PairedDifference, currency: str | None) -> str:
    decimals = estimate_decimals(definition.unit, effect[2:5])
    value, low, high = (format_value(one, definition.unit, decimals, is_difference=True) for one in effect[2:5])
    return f"{with_unit(value, definition.unit, currency)} [{low}, {high}]"
