"""A rehearsal as text: the recommended design, the true effect, and the table of designs."""

import math

from cjsim.metrics.number_format import decimal_places, format_interval, format_value, unit_in_text, with_unit
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.text_table import align_columns, is_too_wide, wrap_lines
from cjsim.rehearsal.results.design_report import DesignReport, Rate
from cjsim.rehearsal.results.rehearsal_data import AlternativeReport, RehearsalData
from cjsim.rehearsal.scenario_outcomes import Interference

_DESIGN = ("size", "days", "analysis")
_DECISIONS = ("power", "false positives", "wrong decision", "expected loss")  # the first of two tables, where the terminal is narrow
_HEADER = (
    *(*_DESIGN, "power", "closed form", "MDE", "false positives", "coverage", "exaggeration"),
    *("wrong sign", "wrong decision", "expected loss"),
)
_ANALYSES = {"fixed": "fixed horizon", "cuped": "fixed horizon, CUPED"}
_REPEATED = {
    "group_sequential_obrien_fleming": "group sequential, O'Brien-Fleming",
    "group_sequential_pocock": "group sequential, Pocock",
    "confidence_sequence": "confidence sequence",
    "naive_peeking": "naive peeking",
}


def rehearsal_table(result: RehearsalData) -> str:
    """Format the designs of each alternative, with the recommended design and the true effect.

    Parameters
    ----------
    result : RehearsalData
        The result.

    Returns
    -------
    str
        Paragraphs separated by blank lines.
    """
    parts = [_alternative_text(result, name, report) for name, report in result.alternatives.items()]
    return "\n\n".join([*parts, wrap_lines(_legend(result))])


def recommendations(result: RehearsalData) -> str:
    """Return the recommended design of each alternative, one a line."""
    return "\n".join(f"{name}: {_recommendation(report)}" for name, report in result.alternatives.items())


def analysis_title(name: str) -> str:
    """Return the title of an analysis.

    Examples
    --------
    >>> analysis_title("fixed"), analysis_title("group_sequential_pocock_13")
    ('fixed horizon', 'group sequential, Pocock, 13 looks')
    """
    kind, _, looks = name.rpartition("_")
    return f"{_REPEATED[kind]}, {looks} looks" if kind in _REPEATED else _ANALYSES.get(name, name.replace("_", " "))


def _alternative_text(result: RehearsalData, name: str, report: AlternativeReport) -> str:
    lines = [f"{result.metric}: test of {name} against {result.base}, from {_start(result)}", _recommendation(report)]
    lines += _constant_baseline(result, report)
    lines += [_truth(result, report), *_enrollment(report), *_interference(result, report)]
    further = [*_ramp(result, report), *_dilution(result, report), *_guardrails(report)]
    if report.most_profitable is not None:
        profit = report.most_profitable.total
        further.append(f"Most profitable: {profit:,.0f} customers in the test, then the better policy for all others (test and roll).")
    return "\n\n".join([*map(wrap_lines, lines), _designs(result, report), *map(wrap_lines, further)])


def _start(result: RehearsalData) -> str:
    start = "entry" if result.starts_on is None else f"{result.starts_on}"
    return start if result.trigger is None else f"the first '{result.trigger}' {'after' if start == 'entry' else 'since'} {start}"


def _recommendation(report: AlternativeReport) -> str:
    chosen = report.recommended
    if chosen is None:
        remedy = "Use larger sizes or more days."
        return f"No design is recommended: none has enough power at its nominal false-positive rate. {remedy}"
    enrollment = f", after {chosen.enrollment_days:,.0f} days of enrollment" if math.isfinite(chosen.enrollment_days) else ""
    title = analysis_title(chosen.analysis)
    return (
        f"Recommended: {chosen.size:,} customers for {chosen.days:g} days{enrollment}, {title}. It detects the effect in"
        f" {100 * chosen.power.value:.0f} % of tests."
    )


def _constant_baseline(result: RehearsalData, report: AlternativeReport) -> list[str]:
    """Warn if tests without an effect have no sampling error."""
    if not report.constant_baseline_days:
        return []
    days = ", ".join(f"{one:g}" for one in report.constant_baseline_days)
    return [
        f"Warning: under {result.base}, {result.metric} is the same for all customers after {days} days, so false positives are 0 by"
        " construction. Real customers vary: do not rely on these designs, or choose another metric."
    ]


def _truth(result: RehearsalData, report: AlternativeReport) -> str:
    effects = [(f"after {days:g} days", truth) for days, truth in report.truth_by_days.items()]
    shown = [("until the horizon", report.truth), *effects]
    decimals = decimal_places(result.unit, [value for _, truth in shown for value in truth[2:5]])
    words = [f"{_effect(truth, result, decimals)} {when}" for when, truth in shown]
    return f"True effect: {'; '.join(words)}."


def _enrollment(report: AlternativeReport) -> list[str]:
    if report.enrollment is None:
        return []
    reached, late = (f"{100 * share:.1f} %" for share in report.enrollment[:2])
    longest = max(report.truth_by_days)
    omitted = f" {late} reach it too late to be observed for {longest:g} days, and do not enroll." if report.enrollment.late else ""
    return [f"{reached} of customers reach the trigger.{omitted} Effects and sizes refer to the customers who enroll."]


def _ramp(result: RehearsalData, report: AlternativeReport) -> list[str]:
    """Show the customers by phase, and what the analysis without phases would do."""
    if not report.ramp:
        return []
    decimals = decimal_places(result.unit, [one.pooled.bias for one in report.ramp])
    lines = ["The analyses are stratified by phase. A pooled analysis ignores the phases (fixed horizon):"]
    for one in report.ramp:
        phases = ", ".join(f"{phase.customers:,} from day {phase.from_day:g} ({100 * phase.share:g} %)" for phase in one.phases)
        bias = _difference(one.pooled.bias, result, decimals)
        pooled = f"bias {bias}, false positives {_rate(one.pooled.false_positive, 3)}, coverage {_rate(one.pooled.coverage, 3)}"
        lines += [f"{one.size:,} customers for {one.days:g} days: {phases}.", f"Pooled: {pooled}."]
    return ["\n".join(lines)]


def _dilution(result: RehearsalData, report: AlternativeReport) -> list[str]:
    """Compare each test with the same test without the trigger."""
    if not report.dilution:
        return []
    effects = [design.effect for one in report.dilution for design in one]
    decimals = decimal_places(result.unit, effects)
    lines = ["Without the trigger, all customers enroll, which dilutes the effect (fixed horizon):"]
    for triggered, everyone in report.dilution:
        effect, diluted = (_difference(one.effect, result, decimals) for one in (triggered, everyone))
        lines.append(
            f"{everyone.size:,} customers instead of {triggered.size:,}, for {triggered.days:g} days: effect {diluted} instead of {effect},"
            f" power {_rate(everyone.power, 3)} instead of {_rate(triggered.power, 3)}."
        )
    return ["\n".join(lines)]


def _effect(truth: PairedDifference | Interference, result: RehearsalData, decimals: int) -> str:
    value = truth.bias if isinstance(truth, Interference) else truth.effect
    interval = format_interval(truth.low, truth.high, result.unit, decimals, is_difference=True)
    return f"{_difference(value, result, decimals)} {interval}"


def _difference(value: float, result: RehearsalData, decimals: int) -> str:
    """Format a difference of the metric with its unit."""
    return with_unit(format_value(value, result.unit, decimals, is_difference=True), result.unit, result.currency)


def _interference(result: RehearsalData, report: AlternativeReport) -> list[str]:
    if not report.interference:
        return []
    decimals = decimal_places(result.unit, [value for one in report.interference.values() for value in one[:3]])
    words = [f"{_effect(one, result, decimals)} after {days:g} days" for days, one in report.interference.items()]
    shared = " and ".join(result.shared)
    return [f"Interference: customers share {shared}, so the test misses the true effect by {'; '.join(words)}."]


def _designs(result: RehearsalData, report: AlternativeReport) -> str:
    has_enrollment = any(math.isfinite(design.enrollment_days) for design in report.designs)
    unit = unit_in_text(result.unit, result.currency)
    header = [f"MDE ({unit})" if name == "MDE" and unit else name for name in _HEADER]
    header[-1] = f"{header[-1]} ({result.currency})" if result.currency else header[-1]
    header += ["days to enroll"] if has_enrollment else []
    rows = []
    for design in report.designs:
        row = _row(result, design)
        rows.append((*row, f"{design.enrollment_days:,.0f}") if has_enrollment else row)
    table = align_columns(header, rows)
    if not is_too_wide(table):
        return table
    decisions = [*range(len(_DESIGN)), *(i for i, name in enumerate(_HEADER) if name in _DECISIONS), *range(len(_HEADER), len(header))]
    others = [i for i in range(len(header)) if i < len(_DESIGN) or i not in decisions]
    return "\n\n".join(align_columns([header[i] for i in part], [[row[i] for i in part] for row in rows]) for part in (decisions, others))


def _row(result: RehearsalData, design: DesignReport) -> tuple[str, ...]:
    decimals = decimal_places(result.unit, [design.mde])
    return (
        f"{design.size:,}",
        f"{design.days:g}",
        analysis_title(design.analysis),
        _rate(design.power, 3),
        f"{design.power_closed_form:.3f}",
        format_value(design.mde, result.unit, decimals, is_difference=True).lstrip("+"),
        _rate(design.false_positive, 3),
        _rate(design.coverage, 3),
        _rate(design.exaggeration, 2),
        _rate(design.sign_error, 3),
        _rate(design.wrong_decision, 3),
        format_value(design.expected_loss.value, "money", 0),
    )


def _rate(rate: Rate, decimals: int) -> str:
    return "-" if rate.runs == 0 or math.isnan(rate.value) else f"{rate.value:.{decimals}f}"


def _guardrails(report: AlternativeReport) -> list[str]:
    lines = []
    for tested in report.guardrails:
        passed = ", ".join(f"{key} in {100 * one.passed.value:.0f} %" for key, one in tested.report.guardrails.items())
        shipped = f"{100 * tested.report.shipped.value:.0f} %"
        lines.append(f"{tested.size:,} customers for {tested.days:g} days: guardrails passed: {passed} of tests; rolled out: {shipped}.")
    return ["\n".join(lines)] if lines else []


def _legend(result: RehearsalData) -> str:
    designs = [design for report in result.alternatives.values() for design in report.designs]
    error = max(rate.error for design in designs for rate in (design.power, design.false_positive, design.coverage, design.wrong_decision))
    runs, loss_unit = designs[0].power.runs, result.currency or "currency units"
    lines = [
        f"{runs:,} rehearsals per design (Monte Carlo error of the proportions: at most {error:.3f}), from {result.customers:,} "
        f"simulated customers, seed {result.seed}. Intervals: 95 %.",
        "closed form: power for normal outcomes. MDE: minimum detectable effect. false positives: significant without an effect.",
        "exaggeration, wrong sign: among significant results. wrong decision: the worse policy is chosen.",
        f"expected loss: mean loss from wrong decisions until the horizon, in {loss_unit}, for all simulated customers.",
    ]
    if result.mode == "reuse":
        counted = "" if result.trigger is None else " Outcomes are counted from the trigger."
        lines += [
            "Reuse mode: customers share no desks or budgets and refer no friends, so each customer's outcomes under both policies are",
            f"resampled.{counted}",
        ]
    else:
        since = "the start of the scenario" if result.starts_on is None else f"{result.starts_on}"
        late = " Customers who enter later are observed for less time." if result.starts_on is None else ""
        lines.append(f"Joint mode: mixed assignment is simulated. Days count from {since}.{late}")
    return "\n".join(lines)
