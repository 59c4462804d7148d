"""Text tables of the metrics of a run and of comparisons between runs."""

import math
from collections.abc import Mapping

from cjsim.engine.run_record import RunRecord
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.group_estimates import GroupDifference
from cjsim.metrics.number_format import (
    SCORE_UNIT,
    TIME_UNITS,
    decimal_places,
    estimate_decimals,
    format_interval,
    format_value,
    unit_in_text,
)
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition
from cjsim.metrics.replicated_estimates import PredictionInterval
from cjsim.metrics.run_notes import run_notes
from cjsim.metrics.text_table import align_columns, is_too_wide, wrap_lines
from cjsim.scenario.phrases import span_phrase

_UNITS_WITHOUT_NAME = (SHARE_UNIT, "money", "ratio", *TIME_UNITS)  # percent, a plain number, and those with a column of their own

SINGLE_RUN = "a single run"  # name of the column of prediction intervals, which narrow terminals omit


def run_table(
    run: RunRecord,
    metrics: Mapping[str, MetricEstimate],
    predictions: Mapping[str, PredictionInterval] | None = None,
    *,
    full: bool = False,
) -> str:
    """Format the metrics of a run as a text table.

    Parameters
    ----------
    run : RunRecord
        The run.
    metrics : Mapping of str to MetricEstimate
        All metrics of the run, by name.
    predictions : Mapping of str to PredictionInterval, optional
        Their prediction intervals, with several replications.
    full : bool
        Whether to include metrics by stage and channel, and metrics that are undefined or constant in this run.

    Returns
    -------
    str
    """
    definitions = all_metric_definitions(run.codebook)
    shown = [definition for definition in definitions.values() if full or not _is_left_out(definition, metrics[definition.name], run)]
    origin = run.provenance
    predictions, n_replications = predictions or {}, origin.replications
    rows = [_metric_row(one, metrics[one.name], predictions.get(one.name), origin.currency) for one in shown]
    seeds = f"{n_replications} replications from seed {origin.seed}" if n_replications > 1 else f"seed {origin.seed}"
    head = (
        f"{origin.scenario}: {len(run):,} customers{_customer_sources(run)}, {period_text(run)}, {seeds},"
        f" {origin.engine} engine{_process_names(run)}, {origin.events:,} log rows"
    )
    header = ("metric", "value", "95 % interval", SINGLE_RUN, "unit", "n", "")
    table = align_columns(header, rows)
    if is_too_wide(table):
        table = align_columns(header, rows, optional=(SINGLE_RUN,))
    notes = [*run_notes(run), table_notes(len(definitions) - len(rows))]
    if n_replications > 1:
        notes.insert(0, replication_legend(run))
    return "\n\n".join([wrap_lines(head), table, wrap_lines("\n".join(notes))])


def replication_legend(run: RunRecord) -> str:
    """Explain the intervals of several replications.

    Parameters
    ----------
    run : RunRecord
        The first replication.
    """
    origin = run.provenance
    return (
        f"95 % interval: of the mean over many runs (Student, {origin.replications} independent replications). {SINGLE_RUN}: 95 %"
        f" prediction interval for one run of this firm, that is, for {origin.horizon:g} days; shown if the terminal is wide enough."
    )


def group_table(
    by: str,
    groups: Mapping[str, Mapping[str, MetricEstimate]],
    definitions: Mapping[str, MetricDefinition],
    entered: Mapping[str, int],
    *,
    currency: str | None = None,
    full: bool = False,
) -> str:
    """Format the metrics of groups of customers as one text table, with a row per metric and group.

    Parameters
    ----------
    by : str
        What distinguishes the groups.
    groups : Mapping of str to Mapping of str to MetricEstimate
        Metrics by group, then by name.
    definitions : Mapping of str to MetricDefinition
        The metrics.
    entered : Mapping of str to int
        Number of customers who entered, by group.
    currency : str, optional
        Currency of the scenario.
    full : bool
        Whether to include metrics by stage and channel, and metrics that are undefined or 0.

    Returns
    -------
    str
    """
    shown = _shown_by_group(groups, definitions, full=full)
    rows = []
    for definition in shown:
        found = [metrics[definition.name] for metrics in groups.values()]
        decimals = max((estimate_decimals(definition.unit, (one.value, one.low, one.high)) for one in found), default=0)
        for group, metrics in groups.items():
            metric = metrics[definition.name]
            value = format_value(metric.value, metric.unit, decimals)
            interval = format_interval(metric.low, metric.high, metric.unit, decimals, is_beside_value=True)
            unit = unit_in_text(metric.unit, currency)
            rows.append((name_with_mark(definition), group, value, interval, unit, f"{metric.n:,}", title_with_unit(definition)))
    sizes = ", ".join(f"{n:,} {group}" for group, n in entered.items())
    table = align_columns(("metric", by, "value", "95 % interval", "unit", "n", ""), rows, optional=["n"])
    by_text = "" if by == "customers" else f" by {by}"
    head, notes = wrap_lines(f"Customers who entered{by_text}: {sizes}"), wrap_lines(table_notes(len(definitions) - len(shown)))
    return f"{head}\n\n{table}\n\n{notes}"


def arm_tables(
    groups: Mapping[str, Mapping[str, MetricEstimate]],
    differences: Mapping[str, Mapping[str, GroupDifference]],
    definitions: Mapping[str, MetricDefinition],
    *,
    control: str,
    counts: tuple[Mapping[str, int], Mapping[str, int]],
    is_exposed_only: bool,
    currency: str | None = None,
    full: bool = False,
) -> str:
    """Format the metrics of each arm of an experiment alongside those of the control.

    Parameters
    ----------
    groups : Mapping of str to Mapping of str to MetricEstimate
        Metrics by arm, then by name.
    differences : Mapping of str to Mapping of str to GroupDifference
        Each arm minus the control, keyed by arm, then by name.
    definitions : Mapping of str to MetricDefinition
        The metrics.
    control : str
        The arm that the others are compared with.
    counts : tuple of Mapping of str to int
        Numbers of customers who entered and who were exposed, by arm.
    is_exposed_only : bool
        Whether only exposed customers count.
    currency : str, optional
        Currency of the scenario.
    full : bool
        Whether to include metrics by stage and channel, and metrics that are undefined or 0.

    Returns
    -------
    str
    """
    entered, exposed = counts
    shown = _shown_by_group(groups, definitions, full=full)
    tables = []
    for arm, by_metric in differences.items():
        compared = [definition for definition in shown if definition.name in by_metric]
        rows = [_arm_row(one, groups[control][one.name], groups[arm][one.name], by_metric[one.name], currency) for one in compared]
        table = align_columns(("metric", control, arm, "difference", "95 % interval", "", "unit", ""), rows)
        notes = f"difference: {arm} minus {control}.\n{table_notes(len(definitions) - len(rows))}"
        tables.append(f"{table}\n\n{wrap_lines(notes)}")
    sizes = "\n".join(f"{arm}: {n:,} customers who entered, {exposed[arm]:,} of them exposed" for arm, n in entered.items())
    basis = "only customers who were exposed" if is_exposed_only else "all customers of an arm, exposed or not"
    caption = (
        f"{sizes}\nMetrics of {basis}, from entry. 95 % intervals of unpaired differences, as in the firm's own test."
        "\n* the interval excludes 0. By chance alone, this happens for about one metric in twenty."
    )
    return "\n\n".join([*tables, wrap_lines(caption)])


def _shown_by_group(
    groups: Mapping[str, Mapping[str, MetricEstimate]], definitions: Mapping[str, MetricDefinition], *, full: bool
) -> list[MetricDefinition]:
    """Return the metrics to show in a table of groups. Short tables omit details, totals, and metrics that are 0 in every group."""
    if full:
        return list(definitions.values())
    values = {name: [metrics[name].value for metrics in groups.values()] for name in definitions}
    is_informative = {name: any(value and not math.isnan(value) for value in found) for name, found in values.items()}
    return [one for one in definitions.values() if is_informative[one.name] and not one.is_detail and not one.is_total]


def _arm_row(
    definition: MetricDefinition, one: MetricEstimate, other: MetricEstimate, difference: GroupDifference, currency: str | None
) -> tuple[str, ...]:
    unit = definition.unit
    decimals = estimate_decimals(unit, difference)
    value_decimals = min(decimals, decimal_places(unit, [one.value, other.value]))
    return (
        name_with_mark(definition),
        format_value(one.value, unit, value_decimals),
        format_value(other.value, unit, value_decimals),
        format_value(difference.effect, unit, decimals, is_difference=True),
        format_interval(difference.low, difference.high, unit, decimals, is_difference=True, is_beside_value=True),
        "*" if difference.is_significant else "",
        unit_in_text(unit, currency),
        title_with_unit(definition),
    )


def period_text(run: RunRecord) -> str:
    """Return the simulated days as text, with the follow-up of each customer and the number of customers whose follow-up is incomplete."""
    horizon, follow_up = run.provenance.horizon, run.provenance.follow_up_days
    value = value_days_text(run)
    if run.provenance.until_days is not None:
        return f"{horizon:g} days{value}, each customer until a separate end day"
    if follow_up is None or follow_up >= run.provenance.simulated_days:
        return f"{horizon:g} days{value}"
    entered = run.outcomes.customers["entered"][run.entered]
    n_cut = int((entered + follow_up > horizon).sum())
    cut = f" ({n_cut:,} of them for less time, because they entered late)" if n_cut else ""
    return f"{horizon:g} days{value}, each customer for {follow_up:g} days from entry{cut}"


def value_days_text(run: RunRecord) -> str:
    """Return the period that CLV covers, as text to append; empty if CLV stops at the horizon."""
    return "" if run.codebook.value_days is None else f" (CLV over {span_phrase(run.codebook.value_days)})"


def _customer_sources(run: RunRecord) -> str:
    """Return the numbers of initial, acquired and referred customers as text; empty if all are initial."""
    registry = run.registry
    n_referred = len(registry) - registry.n_fixed - registry.n_arrived
    existing = f"{registry.n_existing:,} existing, " if registry.n_existing else ""
    sources = f" ({existing}{registry.n_initial:,} initial, {registry.n_arrived:,} acquired, {n_referred:,} referred)"
    return sources if existing or has_new_customers(run) else ""


def _process_names(run: RunRecord) -> str:
    """Return the names of user-defined processes as text."""
    names = run.provenance.processes
    return f" with the process{'es' if len(names) > 1 else ''} {', '.join(names)}" if names else ""


def has_new_customers(run: RunRecord) -> bool:
    """Return whether there are arrivals or referred customers. Only then are totals more informative than means."""
    return len(run) > run.registry.n_fixed


def _is_left_out(definition: MetricDefinition, metric: MetricEstimate, run: RunRecord) -> bool:
    """Return whether the short table omits a metric: details, and metrics that are undefined, 0 or constant."""
    is_uninformative = math.isnan(metric.value) or metric.value == 0 or (_has_zero_width(metric) and metric.unit == SCORE_UNIT)
    return definition.is_detail or is_uninformative or (definition.is_total and not has_new_customers(run))


def _has_zero_width(metric: MetricEstimate) -> bool:
    """Return whether all customers have the same value."""
    return metric.low == metric.value == metric.high


def _metric_row(
    definition: MetricDefinition, metric: MetricEstimate, prediction: PredictionInterval | None, currency: str | None
) -> tuple[str, ...]:
    decimals = estimate_decimals(metric.unit, (metric.value, metric.low, metric.high))
    single = "" if prediction is None else format_interval(*prediction, metric.unit, decimals, is_beside_value=True)
    return (
        name_with_mark(definition),
        format_value(metric.value, metric.unit, decimals),
        format_interval(metric.low, metric.high, metric.unit, decimals, is_beside_value=True),
        single,
        unit_in_text(metric.unit, currency),
        f"{metric.n:,}",
        title_with_unit(definition),
    )


def name_with_mark(definition: MetricDefinition) -> str:
    """Return the name of a metric, marked if the policy affects who is in its denominator."""
    return f"{definition.name} ^" if definition.has_selected_denominator else definition.name


def title_with_unit(definition: MetricDefinition) -> str:
    """Return the title, with the unit unless the title or the number shows it."""
    is_named = definition.unit in _UNITS_WITHOUT_NAME or definition.unit in definition.title
    return definition.title if is_named else f"{definition.title} ({definition.unit})"


def table_notes(n_hidden: int, *, n_moved_less: int = 0) -> str:
    """Return the legend of a table and the number of hidden metrics as text.

    Parameters
    ----------
    n_hidden : int
        Number of hidden metrics.
    n_moved_less : int
        Number of those that are hidden only because others changed more.
    """
    mark = "^ computed only over converters, buyers, recipients or openers; which customers these are can differ between policies."
    if not n_hidden:
        return mark
    kinds = "breakdowns by stage or channel, totals over all customers, and metrics that are undefined, 0 or constant"
    less = f"{n_moved_less} that changed less than those shown" if n_moved_less else ""
    rest = f"{less}; the others are {kinds}" if n_hidden > n_moved_less > 0 else less or kinds
    return f"{mark}\n{n_hidden} metrics are hidden: {rest}. Show them with `full` or `to_json`."
