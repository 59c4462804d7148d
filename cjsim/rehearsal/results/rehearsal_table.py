"""A rehearsal as text: the recommended design, the true effect, and the table of designs."""

import math

from cjsim.metrics.number_format import decimal_places, format_interval, format_value, round_up_to_two_digits, unit_in_text, with_unit
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.metrics.text_table import align_columns, is_too_wide, wrap_lines
from cjsim.rehearsal.design_checks import DEFAULT_SHARE
from cjsim.rehearsal.multiple_metrics import GuardrailReport
from cjsim.rehearsal.rehearsal_settings import DEFAULT_MARGIN
from cjsim.rehearsal.results.design_report import DesignReport, Rate
from cjsim.rehearsal.results.rehearsal_data import AlternativeReport, RehearsalData
from cjsim.rehearsal.results.rehearsal_legend import analysis_title, is_valid, rehearsal_legend
from cjsim.rehearsal.scenario_outcomes import Interference
from cjsim.scenario.spec import MAX_CUSTOMERS

_DESIGN = ("size", "days", "analysis")
_DECISIONS = ("power", "false positives", "wrong decision", "expected loss")  # the first of two tables, if the terminal is narrow
_ROUNDING_ERROR = 1e-12
_HEADER = (
    *(*_DESIGN, "power", "closed form", "MDE", "false positives", "coverage", "exaggeration"),
    *("wrong sign", "wrong decision", "expected loss"),
)


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
    return "\n\n".join([*parts, wrap_lines(rehearsal_legend(result))])


def recommendations(result: RehearsalData) -> str:
    """Return the recommended design of each alternative, one per line."""
    return "\n".join(f"{name}: {_recommendation(report)}" for name, report in result.alternatives.items())


def _alternative_text(result: RehearsalData, name: str, report: AlternativeReport) -> str:
    lines = [f"{result.metric}: test of {name} against {result.base}, from {_start(result)}", _recommendation(report)]
    lines += needed_customers(result, report)
    lines += _constant_baseline(result, report)
    lines += [_truth(result, report), *_enrollment(report), *_interference(result, report)]
    further = [*_ramp(result, report), *_dilution(result, report), *_guardrails(report)]
    if report.most_profitable is not None:
        further.append(
            f"To maximize profit rather than prove an effect (test and roll): test {report.most_profitable.total:,.0f} customers, then give"
            " all others the policy that did better, even if the difference is not significant. Such a test may have less power than"
            " a recommended design."
        )
    return "\n\n".join([*map(wrap_lines, lines), _designs(result, report), *map(wrap_lines, further)])


def _start(result: RehearsalData) -> str:
    start = "entry" if result.starts_on is None else f"{result.starts_on}"
    return start if result.trigger is None else f"the first '{result.trigger}' {'after' if start == 'entry' else 'since'} {start}"


def _recommendation(report: AlternativeReport) -> str:
    chosen = report.recommended
    if chosen is None:
        return "No design is recommended: none both has enough power and keeps its nominal false-positive rate."
    enrollment = f", after {chosen.enrollment_days:,.0f} days of enrollment" if math.isfinite(chosen.enrollment_days) else ""
    title = analysis_title(chosen.analysis)
    return (
        f"Recommended: {chosen.size:,} customers for {chosen.days:g} days{enrollment}, {title}. It detects the effect in"
        f" {100 * chosen.power.value:.0f} % of tests."
    )


def needed_customers(result: RehearsalData, report: AlternativeReport) -> list[str]:
    """Return how many customers a test of the effect needs for the target power after each number of days, from the closed form."""
    lines, sizes = [], []
    for days in report.truth_by_days:
        design = next((one for one in report.designs if one.days == days and is_valid(one.analysis)), None)
        if design is None or math.isnan(design.needed_size):
            continue
        if design.needed_size > MAX_CUSTOMERS:
            lines.append(f"After {days:g} days, the effect is too small for a test: it would need over {MAX_CUSTOMERS:,} customers.")
            continue
        needed = round_up_to_two_digits(design.needed_size)
        sizes.append(needed)
        title = analysis_title(design.analysis)
        lines.append(
            f"For {100 * result.target_power:g} % power after {days:g} days ({title}), a test of this effect needs"
            f" about {needed:,} customers ({_groups(result, report, design)}){_within_interval(design, report)} (closed form)."
        )
    if report.recommended is None:
        lines.append(_how_to_rehearse(min(sizes), result, report) if sizes else "Use more days, or another metric.")
    if sizes and report.guardrails:
        lines.append(f"These numbers are for {result.metric} alone: to pass the guardrails as well, a test can need more customers.")
    return ["\n".join(lines)] if lines else []


def _groups(result: RehearsalData, report: AlternativeReport, design: DesignReport) -> str:
    """State how the needed customers are divided between the groups."""
    if report.ramp:
        return "in both groups"
    if design.share == DEFAULT_SHARE:
        return f"{round_up_to_two_digits(design.needed_size / 2):,} per group"
    return f"{round_up_to_two_digits(design.needed_size * (1 - design.share)):,} of them under {result.base}"


def _within_interval(design: DesignReport, report: AlternativeReport) -> str:
    """Return the sizes for the ends of the interval of the true effect as text."""
    truth, bias = report.truth_by_days[design.days], report.interference.get(design.days)
    ends = [end + (bias.bias if bias else 0.0) for end in (truth.low, truth.high)]
    sizes = sorted(round_up_to_two_digits(design.size * (design.mde / end) ** 2) for end in ends if end)
    if ends[0] * ends[1] <= 0 or not sizes:
        return f"; {sizes[0]:,} for the largest effect within its interval, which includes 0, so no size suffices for all" if sizes else ""
    return f", {sizes[0]:,} to {sizes[1]:,} for effects within its interval" if sizes[0] < sizes[1] else ""


def _how_to_rehearse(size: int, result: RehearsalData, report: AlternativeReport) -> str:
    """State the options with which a size can be rehearsed."""
    reached = 1.0 if report.enrollment is None else report.enrollment.reached - report.enrollment.late
    customers = round_up_to_two_digits(size / reached) if reached > 0 else math.inf
    if customers > MAX_CUSTOMERS:
        return "That is more than can be simulated at the share of customers who reach the trigger."
    return f"To rehearse this size: `sizes` {size}" + (f" `customers` {customers}." if customers > result.customers else ".")


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
    words = [f"{_effect_or_bound(truth, result, decimals)} {when}" for when, truth in shown]
    return f"True effect: {'; '.join(words)}.{_basis_of_truth(result)}"


def _basis_of_truth(result: RehearsalData) -> str:
    """State which simulations and customers the true effect covers, if `compare` reports a different effect."""
    if result.trigger is not None:
        return ""  # described in a separate paragraph
    parts = []
    if result.replications:
        seeds = f"seeds {result.seed} to {result.seed + result.replications - 1}"
        under_one = "each with all customers under one policy; compare uses one seed"
        parts.append(f"It is the mean of {result.replications} pairs of simulations ({seeds}), {under_one}.")
    if result.starts_on is not None:
        parts.append(f"It counts outcomes from {result.starts_on}, for customers who entered before; compare counts from entry, for all.")
    elif math.isfinite(result.latest_entry):
        parts.append(f"It covers the customers who enter by day {result.latest_entry:g}; compare includes those who enter later.")
    return "".join(f" {part}" for part in parts)


def _enrollment(report: AlternativeReport) -> list[str]:
    if report.enrollment is None:
        return []
    reached, late = (f"{100 * share:.1f} %" for share in report.enrollment[:2])
    longest = max(report.truth_by_days)
    omitted = f" {late} reach it too late to be observed for {longest:g} days, and do not enroll." if report.enrollment.late else ""
    return [f"{reached} of customers reach the trigger.{omitted} Effects and sizes refer to the customers who enroll."]


def _ramp(result: RehearsalData, report: AlternativeReport) -> list[str]:
    """Show the customers by phase, and the errors of an analysis that ignores the phases."""
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
    value, low, high = _estimate(truth)
    interval = format_interval(low, high, result.unit, decimals, is_difference=True)
    return f"{_difference(value, result, decimals)} {interval}"


def _difference(value: float, result: RehearsalData, decimals: int) -> str:
    """Format a difference of the metric with its unit."""
    return with_unit(format_value(value, result.unit, decimals, is_difference=True), result.unit, result.currency)


def _interference(result: RehearsalData, report: AlternativeReport) -> list[str]:
    if not report.interference:
        return []
    found = list(report.interference.values())
    decimals = decimal_places(result.unit, [value for one in found for value in one[:3]])
    words = [f"{_effect_or_bound(one, result, decimals)} after {days:g} days" for days, one in report.interference.items()]
    shared = " and ".join(result.shared)
    if all(one.low <= 0 <= one.high or _is_tiny(one, result, decimals) for one in found):
        return [f"Interference: customers share {shared}, but no bias is found: {'; '.join(words)}."]
    return [f"Interference: customers share {shared}, so the test is biased by {'; '.join(words)}."]


def _effect_or_bound(truth: PairedDifference | Interference, result: RehearsalData, decimals: int) -> str:
    """Format an effect or a bias with its interval. If both round to 0, state the bound."""
    if max(map(abs, _estimate(truth))) < _ROUNDING_ERROR:
        return "0"
    if not _is_tiny(truth, result, decimals):
        return _effect(truth, result, decimals)
    smallest = 10**-decimals / (100 if result.unit == SHARE_UNIT else 1)
    return f"less than {_difference(smallest, result, decimals).removeprefix('+')}"


def _estimate(truth: PairedDifference | Interference) -> tuple[float, float, float]:
    return (truth.bias if isinstance(truth, Interference) else truth.effect), truth.low, truth.high


def _is_tiny(truth: PairedDifference | Interference, result: RehearsalData, decimals: int) -> bool:
    """Return whether an effect and its interval round to 0."""
    scale = 100 if result.unit == SHARE_UNIT else 1
    return all(round(scale * value, decimals) == 0 for value in _estimate(truth))


def _designs(result: RehearsalData, report: AlternativeReport) -> str:
    has_enrollment = any(math.isfinite(design.enrollment_days) for design in report.designs)
    unit = unit_in_text(result.unit, result.currency)
    header = [f"MDE ({unit})" if name == "MDE" and unit else name for name in _HEADER]
    header[-1] = f"{header[-1]} ({result.currency})" if result.currency else header[-1]
    header += ["days to enroll"] if has_enrollment else []
    rows = []
    for design in sorted(report.designs, key=lambda one: not is_valid(one.analysis)):
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


def _margin_text(metric: str, guardrail: GuardrailReport) -> str:
    """Return a guardrail with its margin, and the source of the margin."""
    relative = guardrail.relative_margin
    default = ", the default" if relative == DEFAULT_MARGIN else ""
    origin = "" if relative is None else f", {100 * relative:g} % of the baseline{default}"
    return f"{metric} (margin {guardrail.margin:.3g}{origin})"


def _guardrails(report: AlternativeReport) -> list[str]:
    lines = []
    for tested in report.guardrails:
        passed = ", ".join(f"{_margin_text(key, one)} in {100 * one.passed.value:.0f} %" for key, one in tested.report.guardrails.items())
        shipped = f"{100 * tested.report.shipped.value:.0f} %"
        lines.append(f"{tested.size:,} customers for {tested.days:g} days: {passed} of tests; the alternative is rolled out in {shipped}.")
    return ["\n".join(lines)] if lines else []
