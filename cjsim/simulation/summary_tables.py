"""Text tables of the metrics of a run and of comparisons between runs."""

import math
from collections.abc import Iterable, Mapping

from cjsim.engine.run_record import RunRecord
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.group_estimates import GroupDifference
from cjsim.metrics.number_format import SCORE_UNIT, decimal_places, format_interval, format_value
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition
from cjsim.metrics.text_table import align_columns

_UNITS_WITHOUT_NAME = (SHARE_UNIT, "money", "ratio")  # percent, the currency of the scenario, a plain number


def run_table(run: RunRecord, metrics: Mapping[str, MetricEstimate], *, full: bool = False) -> str:
    """Format the metrics of a run as a text table.

    Parameters
    ----------
    run : RunRecord
        The run.
    metrics : Mapping of str to MetricEstimate
        All metrics of the run, by name.
    full : bool
        Whether to include metrics by stage and channel, and metrics that are undefined or constant in this run.

    Returns
    -------
    str
    """
    definitions = all_metric_definitions(run.codebook)
    shown = [definition for definition in definitions.values() if full or not _is_left_out(definition, metrics[definition.name], run)]
    rows = [_metric_row(definition, metrics[definition.name]) for definition in shown]
    origin = run.provenance
    head = (
        f"{origin.scenario}: {len(run):,} customers{_customer_sources(run)}, {_period_text(run)}, seed {origin.seed},"
        f" {origin.engine} engine{_process_names(run)}, {origin.events:,} log rows"
    )
    table = align_columns(("metric", "value", "95 % interval", "n", ""), rows)
    return "\n\n".join([head, table, _table_notes(len(definitions) - len(rows))])


def comparison_table(
    baseline: RunRecord, baseline_name: str, alternatives: Mapping[str, Mapping[str, PairedDifference]], *, full: bool = False
) -> str:
    """Format the comparison of each alternative with the baseline as text tables with explanatory notes.

    Parameters
    ----------
    baseline : RunRecord
        Run of the baseline.
    baseline_name : str
        Name of the baseline.
    alternatives : Mapping of str to Mapping of str to PairedDifference
        Paired differences, keyed by alternative name, then by metric name.
    full : bool
        Whether to include metrics by stage and channel, and metrics that are undefined or constant.

    Returns
    -------
    str
    """
    others = alternatives.values()
    has_new_customers = _has_new_customers(baseline) or any(effects["customers"].effect for effects in others)
    shown = [
        metric
        for metric in all_metric_definitions(baseline.codebook).values()
        if full or not (metric.is_detail or (metric.is_total and not has_new_customers) or _is_constant(metric, baseline, others))
    ]
    tables = []
    for alternative, effects in alternatives.items():
        defined = [metric for metric in shown if metric.name in effects and (full or not math.isnan(effects[metric.name].effect))]
        rows = [_difference_row(metric, effects[metric.name]) for metric in defined]
        table = align_columns(("metric", baseline_name, alternative, "effect", "95 % interval", "", "pairing", ""), rows)
        tables.append(f"{table}\n\n{_table_notes(len(effects) - len(rows))}")
    return "\n\n".join([*tables, _comparison_caption(baseline, baseline_name, alternatives)])


def group_table(
    by: str,
    groups: Mapping[str, Mapping[str, MetricEstimate]],
    definitions: Mapping[str, MetricDefinition],
    entered: Mapping[str, int],
    *,
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
    full : bool
        Whether to include metrics by stage and channel, and metrics that are undefined or 0.

    Returns
    -------
    str
    """
    shown = _shown_by_group(groups, definitions, full=full)
    rows = []
    for definition in shown:
        decimals = decimal_places(definition.unit, [metrics[definition.name].value for metrics in groups.values()])
        for group, metrics in groups.items():
            metric = metrics[definition.name]
            value = format_value(metric.value, metric.unit, decimals)
            interval = format_interval(metric.low, metric.high, metric.unit, decimals)
            rows.append((_name_with_mark(definition), group, value, interval, f"{metric.n:,}", _title_with_unit(definition)))
    sizes = ", ".join(f"{n:,} {group}" for group, n in entered.items())
    table = align_columns(("metric", by, "value", "95 % interval", "n", ""), rows)
    return f"Customers who entered by {by}: {sizes}\n\n{table}\n\n{_table_notes(len(definitions) - len(shown))}"


def arm_tables(
    groups: Mapping[str, Mapping[str, MetricEstimate]],
    differences: Mapping[str, Mapping[str, GroupDifference]],
    definitions: Mapping[str, MetricDefinition],
    *,
    counts: tuple[Mapping[str, int], Mapping[str, int]],
    is_exposed_only: bool,
    full: bool = False,
) -> str:
    """Format the metrics of each arm of an experiment beside those of the first arm.

    Parameters
    ----------
    groups : Mapping of str to Mapping of str to MetricEstimate
        Metrics by arm, then by name.
    differences : Mapping of str to Mapping of str to GroupDifference
        Differences from the first arm, keyed by arm, then by name.
    definitions : Mapping of str to MetricDefinition
        The metrics.
    counts : tuple of Mapping of str to int
        Numbers of customers who entered and who were exposed, by arm.
    is_exposed_only : bool
        Whether only exposed customers count.
    full : bool
        Whether to include metrics by stage and channel, and metrics that are undefined or 0.

    Returns
    -------
    str
    """
    entered, exposed = counts
    first, shown = next(iter(groups)), _shown_by_group(groups, definitions, full=full)
    tables = []
    for arm, by_metric in differences.items():
        compared = [definition for definition in shown if definition.name in by_metric]
        rows = [_arm_row(one, groups[first][one.name], groups[arm][one.name], by_metric[one.name]) for one in compared]
        table = align_columns(("metric", first, arm, "difference", "95 % interval", "", ""), rows)
        tables.append(f"{table}\n\n{_table_notes(len(definitions) - len(rows))}")
    sizes = "\n".join(f"{arm}: {n:,} customers who entered, {exposed[arm]:,} of them exposed" for arm, n in entered.items())
    basis = "only customers who were exposed" if is_exposed_only else "all customers of an arm, exposed or not"
    caption = (
        f"{sizes}\nMetrics of {basis}, from entry. 95 % intervals of unpaired differences, as in the firm's own test."
        "\n* the interval excludes 0. By chance alone, this happens for about one metric in twenty."
    )
    return "\n\n".join([*tables, caption])


def _shown_by_group(
    groups: Mapping[str, Mapping[str, MetricEstimate]], definitions: Mapping[str, MetricDefinition], *, full: bool
) -> list[MetricDefinition]:
    """Return the metrics to show in a table of groups. Short tables omit details, totals, and metrics that are 0 in every group."""
    if full:
        return list(definitions.values())
    values = {name: [metrics[name].value for metrics in groups.values()] for name in definitions}
    is_informative = {name: any(value and not math.isnan(value) for value in found) for name, found in values.items()}
    return [one for one in definitions.values() if is_informative[one.name] and not one.is_detail and not one.is_total]


def _arm_row(definition: MetricDefinition, one: MetricEstimate, other: MetricEstimate, difference: GroupDifference) -> tuple[str, ...]:
    unit = definition.unit
    value_decimals, decimals = decimal_places(unit, [one.value, other.value]), decimal_places(unit, difference)
    return (
        _name_with_mark(definition),
        format_value(one.value, unit, value_decimals),
        format_value(other.value, unit, value_decimals),
        format_value(difference.effect, unit, decimals, is_difference=True),
        format_interval(difference.low, difference.high, unit, decimals, is_difference=True),
        "*" if difference.is_significant else "",
        _title_with_unit(definition),
    )


def _comparison_caption(baseline: RunRecord, baseline_name: str, alternatives: Mapping[str, Mapping[str, PairedDifference]]) -> str:
    """Return a caption with the settings of the comparison and the legend of the table."""
    origin = baseline.provenance
    here, others = f"{int(baseline.entered.sum()):,}", [f"{effects['customers'].value:,.0f}" for effects in alternatives.values()]
    policies = "the alternatives" if len(alternatives) > 1 else "the alternative"
    entered = (
        f"{here} customers who entered"
        if set(others) == {here}
        else f"{here} customers who entered under {baseline_name}, {' and '.join(others)} under {policies}"
    )
    return (
        f"{_period_text(baseline)}, {origin.customers:,} customers, seed {origin.seed}, n = {entered};"
        " 95 % intervals, paired on the same customers."
        "\n* the interval excludes 0. By chance alone, this happens for about one metric in twenty."
        "\npairing: an unpaired comparison would need this many times as many customers for intervals of the same width."
    )


def _period_text(run: RunRecord) -> str:
    """Return the simulated days as text, with the follow-up of each customer and the number of customers whose follow-up is incomplete."""
    horizon, follow_up = run.provenance.horizon, run.provenance.follow_up_days
    if run.provenance.until_days is not None:
        return f"{horizon:g} days, each customer until a day of their own"
    if follow_up is None or follow_up >= horizon:
        return f"{horizon:g} days"
    entered = run.outcomes.customers["entered"][run.entered]
    n_cut = int((entered + follow_up > horizon).sum())
    cut = f" ({n_cut:,} of them for less time, because they entered late)" if n_cut else ""
    return f"{horizon:g} days, each customer for {follow_up:g} days from entry{cut}"


def _customer_sources(run: RunRecord) -> str:
    """Return the numbers of initial, acquired and referred customers as text; empty if all are initial."""
    registry = run.registry
    n_referred = len(registry) - registry.n_initial - registry.n_arrived
    sources = f" ({registry.n_initial:,} initial, {registry.n_arrived:,} acquired, {n_referred:,} referred)"
    return sources if _has_new_customers(run) else ""


def _process_names(run: RunRecord) -> str:
    """Return the names of user-defined processes as text."""
    names = run.provenance.processes
    return f" with the process{'es' if len(names) > 1 else ''} {', '.join(names)}" if names else ""


def _has_new_customers(run: RunRecord) -> bool:
    """Return whether there are arrivals or referred customers. Only then are totals more informative than means."""
    return len(run) > run.registry.n_initial


def _is_left_out(definition: MetricDefinition, metric: MetricEstimate, run: RunRecord) -> bool:
    """Return whether the short table omits a metric: details, and metrics that are undefined, 0 or constant."""
    is_uninformative = math.isnan(metric.value) or metric.value == 0 or (_has_zero_width(metric) and metric.unit == SCORE_UNIT)
    return definition.is_detail or is_uninformative or (definition.is_total and not _has_new_customers(run))


def _has_zero_width(metric: MetricEstimate) -> bool:
    """Return whether all customers have the same value."""
    return metric.low == metric.value == metric.high


def _is_constant(definition: MetricDefinition, baseline: RunRecord, alternatives: Iterable[Mapping[str, PairedDifference]]) -> bool:
    """Return whether a metric is the same for all customers under all policies."""
    differences = [effects[definition.name] for effects in alternatives if definition.name in effects]
    if not all(difference.effect == difference.low == difference.high == 0 for difference in differences):
        return False
    return all(difference.value == 0 for difference in differences) or _has_zero_width(
        estimate_metric(definition.terms(baseline), definition.unit, ClusterSample.from_run(baseline))
    )


def _metric_row(definition: MetricDefinition, metric: MetricEstimate) -> tuple[str, ...]:
    decimals = decimal_places(metric.unit, [metric.value])
    return (
        _name_with_mark(definition),
        format_value(metric.value, metric.unit, decimals),
        format_interval(metric.low, metric.high, metric.unit, decimals),
        f"{metric.n:,}",
        _title_with_unit(definition),
    )


def _difference_row(definition: MetricDefinition, difference: PairedDifference) -> tuple[str, ...]:
    unit = definition.unit
    value_decimals, effect_decimals = decimal_places(unit, [difference.baseline, difference.value]), decimal_places(unit, difference[2:5])
    is_identical = difference.effect == difference.low == difference.high == 0
    interval = format_interval(difference.low, difference.high, unit, effect_decimals, is_difference=True)
    return (
        _name_with_mark(definition),
        format_value(difference.baseline, unit, value_decimals),
        format_value(difference.value, unit, value_decimals),
        format_value(difference.effect, unit, effect_decimals, is_difference=True),
        "identical" if is_identical else interval,
        "*" if difference.is_significant else "",
        "" if math.isnan(difference.variance_ratio) else f"x{difference.variance_ratio:,.1f}",
        _title_with_unit(definition),
    )


def _name_with_mark(definition: MetricDefinition) -> str:
    return f"{definition.name} ^" if definition.has_selected_denominator else definition.name


def _title_with_unit(definition: MetricDefinition) -> str:
    """Return the title, with the unit unless the title or the number shows it."""
    is_named = definition.unit in _UNITS_WITHOUT_NAME or definition.unit in definition.title
    return definition.title if is_named else f"{definition.title} ({definition.unit})"


def _table_notes(n_hidden: int) -> str:
    """Return the legend of a table and the number of hidden metrics as text."""
    mark = "^ computed only over converters, buyers, recipients or openers; which customers these are can differ between policies."
    rest = (
        f"{n_hidden} metrics are hidden: breakdowns by stage or channel, and metrics that are undefined or constant. "
        "Show them with --full, --json or summary(full=True)."
    )
    return f"{mark}\n{rest}" if n_hidden else mark
