"""Text of a comparison: the answer, then the metrics that matter or moved most, with the alternatives side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import estimate_metric
from cjsim.metrics.incremental_return import IncrementalReturn
from cjsim.metrics.number_format import (
    MONEY_UNIT,
    decimal_places,
    estimate_decimals,
    format_interval,
    format_relative,
    format_value,
    unit_in_text,
)
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.registration import registered_metric_definitions
from cjsim.metrics.replicated_estimates import PredictionInterval
from cjsim.metrics.return_phrases import BREAK_EVEN_NAME, ROI_NAME, break_even_cells, roi_cells
from cjsim.metrics.text_table import align_columns, is_too_wide, wrap_lines
from cjsim.simulation.comparison_answer import OBJECTIVE, ComparedMetrics, answer_text
from cjsim.simulation.detectable_change import DetectableChange
from cjsim.simulation.summary_tables import (
    SINGLE_RUN,
    has_new_customers,
    name_with_mark,
    period_text,
    replication_legend,
    table_notes,
    title_with_unit,
)

DifferencesByName = Mapping[str, Mapping[str, PairedDifference]]
PredictionsByName = Mapping[str, Mapping[str, PredictionInterval]]
SortOrder = Literal["importance", "change", "name"]
_KEY_METRICS = ("clv", "clv_365d", "profit", "retention_90d", "conversion", "revenue", "cost", "satisfaction", "opt_outs", "contacts")
_MOVED_METRICS = 5
# Rows below the metrics, about the return on the change in cost and in contacts: name, unit, title and cells.
_RETURN_ROWS = (
    (ROI_NAME, "ratio", "change in margin per change in cost, minus 1", roi_cells),
    (BREAK_EVEN_NAME, MONEY_UNIT, "change in margin per change in contacts: at this cost, a contact pays for itself", break_even_cells),
)


def compared_metrics(
    baseline: RunRecord, baseline_name: str, alternatives: DifferencesByName, returns: Mapping[str, IncrementalReturn] | None = None
) -> ComparedMetrics:
    """Collect the data on which the answer of a comparison is based.

    Parameters
    ----------
    baseline : RunRecord
        Run of the baseline.
    baseline_name : str
        Name of the baseline.
    alternatives : Mapping of str to Mapping of str to PairedDifference
        Paired differences, keyed by alternative name, then by metric name.
    returns : Mapping of str to IncrementalReturn, optional
        What each alternative earns and costs, by name.
    """
    grows = has_new_customers(baseline) or any(effects["customers"].effect for effects in alternatives.values())
    origin, definitions = baseline.provenance, all_metric_definitions(baseline.codebook)
    days = origin.horizon if origin.follow_up_days is None else min(origin.follow_up_days, origin.horizon)
    facts = (days, origin.customers, grows, origin.currency, returns or {}, baseline.codebook.value_days, origin.replications)
    return ComparedMetrics(baseline_name, alternatives, definitions, *facts)


def comparison_summary(
    baseline: RunRecord,
    compared: ComparedMetrics,
    *,
    predictions: PredictionsByName | None = None,
    full: bool = False,
    metrics: Sequence[str] = (),
    sort: SortOrder = "importance",
    detection: DetectableChange | None = None,
) -> str:
    """Format the comparison of alternatives with the baseline.

    Parameters
    ----------
    baseline : RunRecord
        Run of the baseline.
    compared : ComparedMetrics
        The differences of the alternatives from the baseline.
    predictions : Mapping of str to Mapping of str to PredictionInterval, optional
        Prediction intervals of the differences, with several replications.
    full : bool
        Whether to show all metrics.
    metrics : sequence of str
        Names of the metrics to show; the first one decides the answer. By default, the most important ones and those that changed most.
    sort : {'importance', 'change', 'name'}
        Order of the metrics: as listed in the model's documentation or in `metrics`, by relative change, or by name.
    detection : DetectableChange, optional
        A change. If given, the text states how many customers are needed to detect it.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If a metric does not exist.
    """
    alternatives = compared.alternatives
    for name in metrics:
        if name not in compared.definitions:
            raise InputError(format_error("metrics", *unknown_name_parts(name, compared.definitions, "metric")))
    shown = [compared.definitions[name] for name in metrics] or metrics_to_show(compared, baseline, full=full)
    shown = _sorted(shown, alternatives, sort)
    n_hidden = 0 if metrics else len(compared.definitions) - len(shown)
    n_moved_less = len([one for one in _informative_metrics(compared, baseline) if one not in shown]) if n_hidden else 0
    parts = [
        wrap_lines(answer_text(compared, objective=metrics[0] if metrics else OBJECTIVE, detection=detection)),
        *_tables(compared._replace(returns={}) if metrics else compared, shown, list(alternatives), predictions or {}, full=full),
        wrap_lines(f"{table_notes(n_hidden, n_moved_less=n_moved_less)}\n{_caption(baseline, compared, full=full)}"),
    ]
    return "\n\n".join(parts)


def metrics_to_show(compared: ComparedMetrics, baseline: RunRecord, *, full: bool = False) -> list[MetricDefinition]:
    """Return all metrics, or the most important ones and those that changed most.

    The latter are the largest effects, in half-widths of their intervals, on metrics for which higher or lower values are better, and the
    largest significant relative changes in any metrics.

    Parameters
    ----------
    compared : ComparedMetrics
        The differences.
    baseline : RunRecord
        Run of the baseline.
    full : bool
        Whether to return all metrics.

    Returns
    -------
    list of MetricDefinition
        The most important ones first.
    """
    if full:
        return list(compared.definitions.values())
    informative = _informative_metrics(compared, baseline)
    rated = [one for one in informative if one.better != "neither" and one.name not in _KEY_METRICS]
    moved = sorted(rated, key=lambda one: -_clarity(one, compared.alternatives))[:_MOVED_METRICS]
    clear = [one for one in informative if _largest_clear_change(one, compared.alternatives) > 0]
    moved += sorted(clear, key=lambda one: -_largest_clear_change(one, compared.alternatives))[:_MOVED_METRICS]
    key = [*_KEY_METRICS, *(one.name for one in registered_metric_definitions(baseline.codebook))]
    return [
        *(one for name in key for one in informative if one.name == name),
        *(one for one in dict.fromkeys(moved) if one.name not in key),
    ]


def _informative_metrics(compared: ComparedMetrics, baseline: RunRecord) -> list[MetricDefinition]:
    """Return the metrics, omitting breakdowns, undefined or constant metrics, and totals that only repeat the means."""
    return [
        definition
        for definition in compared.definitions.values()
        if not definition.is_detail
        and (compared.has_new_customers or not definition.is_total)
        and not _is_constant(definition, baseline, compared.alternatives)
    ]


def _largest_clear_change(definition: MetricDefinition, alternatives: DifferencesByName) -> float:
    """Return the largest significant relative change in a metric: infinite if the baseline is 0, and 0 without such a change."""
    differences = [effects[definition.name] for effects in alternatives.values() if definition.name in effects]
    return max((abs(one.relative) if one.baseline else math.inf for one in differences if one.is_significant), default=0.0)


def _clarity(definition: MetricDefinition, alternatives: DifferencesByName) -> float:
    """Return the largest effect on a metric, in half-widths of its interval; -1 if it is undefined everywhere."""
    differences = [effects[definition.name] for effects in alternatives.values() if definition.name in effects]
    return max((abs(one.effect) / max((one.high - one.low) / 2, 1e-300) for one in differences if one.effect == one.effect), default=-1.0)


def _sorted(shown: list[MetricDefinition], alternatives: DifferencesByName, sort: SortOrder) -> list[MetricDefinition]:
    if sort == "name":
        return sorted(shown, key=lambda one: one.name)
    if sort == "change":
        return sorted(shown, key=lambda one: -_relative_change(one, alternatives))
    return shown


def _relative_change(definition: MetricDefinition, alternatives: DifferencesByName) -> float:
    """Return the largest relative change in a metric; -1 if it is undefined everywhere."""
    changes = [abs(effects[definition.name].relative) for effects in alternatives.values() if definition.name in effects]
    return max((change for change in changes if not math.isnan(change)), default=-1.0)


def _tables(
    compared: ComparedMetrics, shown: Sequence[MetricDefinition], names: Sequence[str], predictions: PredictionsByName, *, full: bool
) -> list[str]:
    """Return one table with all alternatives side by side, or several if they do not fit the terminal."""
    if len(names) == 1:
        return [_table_of_one(compared, shown, names[0], predictions.get(names[0], {}), full=full)]
    table = _table_of_several(compared, shown, names)
    if not is_too_wide(table):
        return [table]
    half = math.ceil(len(names) / 2)
    halves = (names[:half], names[half:])
    return [table for one in halves for table in _tables(compared, shown, one, predictions, full=full)]


def _table_of_one(
    compared: ComparedMetrics, shown: Sequence[MetricDefinition], name: str, predictions: Mapping[str, PredictionInterval], *, full: bool
) -> str:
    """Return a table with the values under both policies, the effect and the relative effect, and the gain from pairing if `full`."""
    effects = compared.alternatives[name]
    rows = [_row(one, effects[one.name], predictions.get(one.name), compared.currency) for one in shown if one.name in effects]
    rows += _return_rows_of_one(compared, name)
    header = ("metric", compared.baseline, name, "effect", "95 % interval", "", SINGLE_RUN, "unit", "relative", "pairing", "")
    chosen = [i for i, name in enumerate(header) if full or name != "pairing"]
    names, cells, optional = [header[i] for i in chosen], [[row[i] for i in chosen] for row in rows], ("pairing", "relative")
    table = align_columns(names, cells, optional=optional)
    return align_columns(names, cells, optional=(*optional, SINGLE_RUN)) if is_too_wide(table) else table


def _row(
    definition: MetricDefinition, difference: PairedDifference, prediction: PredictionInterval | None, currency: str | None
) -> tuple[str, ...]:
    unit = definition.unit
    decimals = level_decimals(unit, difference)
    effect, interval = _effect_cells(definition, difference)
    single = ""
    if prediction is not None and prediction.low < prediction.high:
        single_decimals = estimate_decimals(unit, difference[2:5])
        single = format_interval(*prediction, unit, single_decimals, is_difference=True, is_beside_value=True)
    return (
        name_with_mark(definition),
        format_value(difference.baseline, unit, decimals),
        format_value(difference.value, unit, decimals),
        effect,
        interval,
        "*" if difference.is_significant else "",
        single,
        unit_in_text(unit, currency),
        "" if math.isnan(difference.relative) or difference.effect == 0 or unit == "share" else format_relative(difference.relative),
        "" if math.isnan(difference.variance_ratio) else f"x{difference.variance_ratio:,.1f}",
        title_with_unit(definition),
    )


def _table_of_several(compared: ComparedMetrics, shown: Sequence[MetricDefinition], names: Sequence[str]) -> str:
    """Return a table with the effect of each alternative and its interval. The best clear effect on a metric is marked."""
    rows = []
    for definition in shown:
        differences = {name: effects[definition.name] for name, effects in compared.alternatives.items() if definition.name in effects}
        best = _best(definition, differences)
        cells = [_cell(definition, differences[name], is_best=name == best) if name in differences else "" for name in names]
        decimals = max((level_decimals(definition.unit, one) for one in differences.values()), default=0)
        baseline = next(iter(differences.values())).baseline if differences else math.nan
        level, unit = format_value(baseline, definition.unit, decimals), unit_in_text(definition.unit, compared.currency)
        rows.append((name_with_mark(definition), level, *cells, unit, title_with_unit(definition)))
    return align_columns(("metric", compared.baseline, *names, "unit", ""), [*rows, *_return_rows_of_several(compared, names)])


def _return_rows_of_one(compared: ComparedMetrics, name: str) -> list[tuple[str, ...]]:
    """Return the rows of the incremental ROI and the break-even cost per contact, in the columns of `_row`."""
    if (change := compared.returns.get(name)) is None:
        return []
    return [
        (metric, "", "", *cells(change), "", "", unit_in_text(unit, compared.currency), "", "", title)
        for metric, unit, title, cells in _RETURN_ROWS
    ]


def _return_rows_of_several(compared: ComparedMetrics, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the same rows with one cell per alternative."""
    if not compared.returns:
        return []
    return [
        (
            metric,
            "",
            *(f"{' '.join(cells(compared.returns[name]))}       " for name in names),
            unit_in_text(unit, compared.currency),
            title,
        )
        for metric, unit, title, cells in _RETURN_ROWS
    ]


def _best(definition: MetricDefinition, differences: Mapping[str, PairedDifference]) -> str | None:
    """Return the alternative with the best effect, if it is clearly better than the baseline."""
    sign = {"higher": 1, "lower": -1, "neither": 0}[definition.better]
    clear = [name for name, one in differences.items() if sign * one.effect > 0 and one.is_significant]
    return max(clear, key=lambda name: sign * differences[name].effect) if clear else None


def _cell(definition: MetricDefinition, difference: PairedDifference, *, is_best: bool) -> str:
    effect, interval = _effect_cells(definition, difference)
    mark = "*" if difference.is_significant else " "
    return f"{effect} {interval} {mark}{' best' if is_best else '     '}"


def _effect_cells(definition: MetricDefinition, difference: PairedDifference) -> tuple[str, str]:
    """Return an effect and its interval as text."""
    unit = definition.unit
    decimals = estimate_decimals(unit, difference[2:5])
    effect = format_value(difference.effect, unit, decimals, is_difference=True)
    if difference.effect == difference.low == difference.high == 0:
        return effect, "identical"
    return effect, format_interval(difference.low, difference.high, unit, decimals, is_difference=True, is_beside_value=True)


def level_decimals(unit: str, difference: PairedDifference) -> int:
    """Return the number of decimals for the values under both policies.

    There are never more than for the effect. There are as many if the values would otherwise look equal although the effect is clear.

    Parameters
    ----------
    unit : str
        Unit of the metric.
    difference : PairedDifference
        The effect.

    Returns
    -------
    int
    """
    usual = decimal_places(unit, [difference.baseline, difference.value])
    if difference.low == difference.high:
        return usual
    of_effect = estimate_decimals(unit, difference[2:5])
    looks_equal = format_value(difference.baseline, unit, usual) == format_value(difference.value, unit, usual)
    return of_effect if looks_equal and difference.low * difference.high > 0 else min(usual, of_effect)


def _is_constant(definition: MetricDefinition, baseline: RunRecord, alternatives: DifferencesByName) -> bool:
    """Return whether a metric is undefined, or the same for all customers under all policies."""
    differences = [effects[definition.name] for effects in alternatives.values() if definition.name in effects]
    if all(math.isnan(difference.effect) for difference in differences):
        return True
    if not all(difference.effect == difference.low == difference.high == 0 for difference in differences):
        return False
    if all(difference.value == 0 for difference in differences):
        return True
    estimate = estimate_metric(definition.terms(baseline), definition.unit, ClusterSample.from_run(baseline))
    return estimate.low == estimate.value == estimate.high


def _caption(baseline: RunRecord, compared: ComparedMetrics, *, full: bool) -> str:
    """Return the settings of the comparison and the legend of the table."""
    origin, alternatives = baseline.provenance, compared.alternatives
    here, others = f"{int(baseline.entered.sum()):,}", [f"{effects['customers'].value:,.0f}" for effects in alternatives.values()]
    policies = "the alternatives" if len(alternatives) > 1 else "the alternative"
    entered = (
        f"{here} customers who entered"
        if set(others) == {here}
        else f"{here} customers who entered under {compared.baseline}, {' and '.join(others)} under {policies}"
    )
    several = "\nbest: the best alternative on this metric, if it is clearly better than the baseline."
    pairing = "\npairing: an unpaired comparison would need this many times as many customers for intervals of the same width."
    seeds, paired = f"seed {origin.seed}", "95 % intervals, paired on the same customers."
    if origin.replications > 1:
        seeds, paired = f"{origin.replications} replications from seed {origin.seed}", "effects are paired by seed."
        paired = f"{paired}\n{replication_legend(baseline)}"
    return (
        f"{period_text(baseline)}, {origin.customers:,} customers, {seeds}, n = {entered}; {paired}"
        "\n* the interval excludes 0. By chance alone, this happens for about one metric in twenty."
    ) + (several if len(alternatives) > 1 else pairing if full else "")
