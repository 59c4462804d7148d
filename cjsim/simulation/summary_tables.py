"""The metrics of a run, and the comparison of several, as tables in text."""

import math
from collections.abc import Iterable, Mapping

from cjsim.engine.run_record import RunRecord
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.number_format import SCORE_UNIT, decimal_places, format_interval, format_value
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.text_table import align_columns


def run_table(run: RunRecord, metrics: Mapping[str, MetricEstimate], *, full: bool = False) -> str:
    """The metrics of a run as a table.

    Parameters
    ----------
    run : RunRecord
        The run.
    metrics : Mapping of str to MetricEstimate
        All metrics of the run, by name.
    full : bool
        Also metrics by stage and channel, and those that are undefined or cannot move here.
    """
    rows = []
    known = all_metric_definitions(run.codebook)
    for definition in known.values():
        found = metrics[definition.name]
        says_nothing = math.isnan(found.value) or found.value == 0 or (_has_zero_width(found) and found.unit == SCORE_UNIT)
        if full or not (definition.is_detail or says_nothing or (definition.is_total and not _has_new_customers(run))):
            decimals = decimal_places(found.unit, [found.value])
            span = format_interval(found.low, found.high, found.unit, decimals)
            rows.append(
                (
                    _name_with_mark(definition),
                    format_value(found.value, found.unit, decimals),
                    span,
                    f"{found.n:,}",
                    _title_with_unit(definition),
                )
            )
    origin = run.provenance
    head = (
        f"{origin.scenario}: {len(run):,} customers{_customer_sources(run)}, {origin.horizon:g} days, seed {origin.seed}, {origin.engine} engine,"
        f" {origin.events:,} log rows"
    )
    return "\n\n".join([head, align_columns(("metric", "value", "95 % interval", "n", ""), rows), _table_notes(len(known) - len(rows))])


def comparison_table(
    baseline: RunRecord, baseline_name: str, alternatives: Mapping[str, Mapping[str, PairedDifference]], *, full: bool = False
) -> str:
    """Each alternative against the baseline as a table, and how to read it.

    Parameters
    ----------
    baseline : RunRecord
        The run that all are compared with.
    baseline_name : str
        What it is called.
    alternatives : Mapping of str to Mapping of str to PairedDifference
        Effects by alternative and metric.
    full : bool
        Also metrics by stage and channel, and those that are undefined or cannot move here.
    """
    known = all_metric_definitions(baseline.codebook)
    tables = []
    grows = _has_new_customers(baseline) or any(effects["customers"].effect for effects in alternatives.values())
    shown = [
        of
        for of in known.values()
        if full or not (of.is_detail or (of.is_total and not grows) or _is_constant(of, baseline, alternatives.values()))
    ]
    for alternative, effects in alternatives.items():
        present = [of for of in shown if of.name in effects and (full or not math.isnan(effects[of.name].effect))]
        rows = [_difference_row(of, effects[of.name]) for of in present]
        table = align_columns(("metric", baseline_name, alternative, "effect", "95 % interval", "", "pairing", ""), rows)
        tables.append(f"{table}\n\n{_table_notes(len(effects) - len(rows))}")
    origin = baseline.provenance
    here, others = f"{int(baseline.entered.sum()):,}", {f"{effects['customers'].value:,.0f}" for effects in alternatives.values()}
    entered = f"{here} who entered" if others == {here} else f"{here} who entered under {baseline_name}, {' and '.join(others)} otherwise"
    caption = (
        f"{origin.horizon:g} days, {origin.customers:,} customers, seed {origin.seed}, n = {entered};"
        " 95 % interval, paired on the same customers.\n* the interval excludes 0 (of twenty metrics that do not differ, about one"
        " would). pairing: how many times more customers\nan unpaired comparison would need."
    )
    return "\n\n".join([*tables, caption])


def _customer_sources(run: RunRecord) -> str:
    """How they came, where some did beside the initial ones."""
    of = run.registry
    referred = len(of) - of.initial - of.arrived
    return f" ({of.initial:,} at first, {of.arrived:,} acquired, {referred:,} referred)" if _has_new_customers(run) else ""


def _has_new_customers(run: RunRecord) -> bool:
    """Whether customers came beside the initial ones, so that totals are more than means times a given number."""
    return len(run) > run.registry.n_initial


def _has_zero_width(found: MetricEstimate) -> bool:
    """Whether no customer differs from another."""
    return found.low == found.value == found.high


def _is_constant(of: MetricDefinition, baseline: RunRecord, alternatives: Iterable[Mapping[str, PairedDifference]]) -> bool:
    """Whether a metric is the same for all customers under all policies."""
    effects = [found[of.name] for found in alternatives if of.name in found]
    same = all(found.effect == found.low == found.high == 0 for found in effects)
    return same and (
        all(found.value == 0 for found in effects)
        or _has_zero_width(estimate_metric(of.terms(baseline), of.unit, ClusterSample.from_run(baseline)))
    )


def _difference_row(of: MetricDefinition, found: PairedDifference) -> tuple[str, ...]:
    decimals, fine = decimal_places(of.unit, [found.baseline, found.value]), decimal_places(of.unit, found[2:5])
    identical = found.effect == found.low == found.high == 0
    span = "identical" if identical else format_interval(found.low, found.high, of.unit, fine, is_difference=True)
    pairing = "" if math.isnan(found.variance_ratio) else f"x{found.variance_ratio:,.1f}"
    values = (
        format_value(found.baseline, of.unit, decimals),
        format_value(found.value, of.unit, decimals),
        format_value(found.effect, of.unit, fine, is_difference=True),
    )
    return (_name_with_mark(of), *values, span, "*" if found.is_significant else "", pairing, _title_with_unit(of))


def _name_with_mark(of: MetricDefinition) -> str:
    return f"{of.name} ^" if of.has_selected_denominator else of.name


def _title_with_unit(of: MetricDefinition) -> str:
    return of.title + (f" ({of.unit})" if of.unit in ("days", SCORE_UNIT) else "")


def _table_notes(hidden: int) -> str:
    """Under a table: what its mark says, what is not in it."""
    mark = "^ among converters, buyers, receivers or openers, whose mix differs between policies."
    rest = f"{hidden} metrics are not shown (by stage or channel, undefined, or the same for all): --full, --json or summary(full=True)."
    return f"{mark}\n{rest}" if hidden else mark
