"""An attribution result as text tables."""

import math
from collections.abc import Sequence

from cjsim.attribution.attribution_data import AttributionData, TouchpointResult
from cjsim.attribution.claims import Interval
from cjsim.metrics.number_format import MONEY_UNIT, decimal_places, format_interval, format_value, with_unit
from cjsim.metrics.text_table import align_columns, is_too_wide, wrap_lines

_MEASURE = "revenue"
_LEAST_WITHOUT_CENTS = 1000
_SHORT_TITLES = {"first": "first", "last": "last", "linear": "linear", "time_decay": "decay", "markov": "Markov"}
_SHORT_TITLES |= {"shapley": "Shapley", "shapley_rate": "Sh. rate"}


def attribution_table(result: AttributionData) -> str:
    """Format credits alongside incremental effects, then the estimates from A/B tests and before/after comparisons.

    Parameters
    ----------
    result : AttributionData
        The result.

    Returns
    -------
    str
        Paragraphs separated by blank lines.
    """
    parts = [wrap_lines(_heading(result)), _credit_table(result), _claim_table(result), wrap_lines(_caption(result))]
    return "\n\n".join(parts)


def _heading(result: AttributionData) -> str:
    touched, total = result.touched[_MEASURE], result.totals[_MEASURE]
    amount = with_unit(_money(total, result), MONEY_UNIT, result.currency)
    share = f"{100 * touched / total:.0f} %" if total else "-"
    return (
        f"{result.scenario}: revenue credited to each touchpoint, and its true incremental revenue.\n"
        f"{share} of the total revenue of {amount} comes from purchases that were preceded by a touch ({result.touch}) "
        f"within {result.window_days:g} days."
    )


def _credit_table(result: AttributionData) -> str:
    rules = list(result.rules)
    ratio_rule = "last" if "last" in rules else rules[0]
    title = _SHORT_TITLES.get(ratio_rule, ratio_rule)
    columns = (
        "touchpoint",
        *(_SHORT_TITLES.get(rule, rule) for rule in rules),
        "incremental",
        "95 % interval",
        f"{title} / incr.",
        "interval of ratio",
    )
    rows = []
    for one in result.touchpoints:
        effect = one.incremental[_MEASURE]
        credited = (_money(one.credits[rule][_MEASURE], result) for rule in rules)
        cells = (_money(effect.value, result, is_difference=True), _interval(effect), *_ratio_cells(one.ratios[ratio_rule][_MEASURE]))
        rows.append((str(one.touchpoint), *credited, *cells))
    return _one_or_two_tables(columns, rows, len(rules) + 1)


def _ratio_cells(ratio: Interval) -> tuple[str, str]:
    """Return a ratio and its interval. A ratio without a bounded interval is not shown."""
    if math.isnan(ratio.value):
        return "-", "no effect"
    if not (math.isfinite(ratio.low) and math.isfinite(ratio.high)):
        return "-", "no bounded interval"
    return f"{ratio.value:.2f}", f"[{ratio.low:.2f}, {ratio.high:.2f}]"


def _claim_table(result: AttributionData) -> str:
    """Return the table of estimates from A/B tests and before/after comparisons, or one table of each if the terminal is narrow."""
    columns: tuple[str, ...] = ("touchpoint", "A/B test, 95 % of estimates", "power", "exaggeration", "wrong sign")
    split = len(columns)
    columns += ("before/after", "true", "95 % interval") if _has_before_after(result) else ("",)
    rows = [_claim_row(one, result) for one in result.touchpoints]
    return _one_or_two_tables(columns, rows, split)


def _one_or_two_tables(columns: Sequence[str], rows: Sequence[Sequence[str]], split: int) -> str:
    """Return one table, or two with the same first column if one is wider than the terminal. The second has the columns from `split` on."""
    table = align_columns(columns, rows)
    if not is_too_wide(table) or split == len(columns) - 1:
        return table
    parts = (range(split), [0, *range(split, len(columns))])
    return "\n\n".join(align_columns([columns[i] for i in part], [[row[i] for i in part] for row in rows]) for part in parts)


def _has_before_after(result: AttributionData) -> bool:
    return any(one.before_after for one in result.touchpoints)


def _claim_row(one: TouchpointResult, result: AttributionData) -> tuple[str, ...]:
    test, change, is_known = one.ab_test[_MEASURE], one.before_after.get(_MEASURE), one.incremental[_MEASURE].excludes_zero
    cells = (
        str(one.touchpoint),
        format_interval(test.low, test.high, MONEY_UNIT, 0, is_difference=True) if is_known else "-",
        f"{test.power:.2f}" if is_known else "-",
        f"{test.exaggeration:.1f}" if is_known else "-",
        f"{100 * test.sign_error:.0f} %" if is_known else "-",
    )
    if change is None:
        return (*cells, "")
    return (
        *cells,
        _money(change.claim, result, is_difference=True),
        _money(change.effect.value, result, is_difference=True),
        _interval(change.effect),
    )


def _money(value: float, result: AttributionData, *, is_difference: bool = False) -> str:
    """Format a total. Cents are shown only where the revenue of all customers is small."""
    decimals = 0 if result.totals[_MEASURE] >= _LEAST_WITHOUT_CENTS else decimal_places(MONEY_UNIT, [value])
    return format_value(value, MONEY_UNIT, decimals, is_difference=is_difference)


def _interval(interval: Interval) -> str:
    if interval.low == interval.high == 0:
        return "identical"
    return format_interval(interval.low, interval.high, MONEY_UNIT, 0, is_difference=True)


def _caption(result: AttributionData) -> str:
    shared = (
        " Customers share desks or budgets; intervals and the A/B test ignore the resulting dependence."
        if result.has_shared_resources
        else ""
    )
    currency = f", in {result.currency}" if result.currency else ""
    compared = [
        "before/after: revenue from all customers in the days after the touchpoint is introduced, minus that in as many days before;",
        "true: effect of the introduction.",
    ]
    size = result.touchpoints[0].ab_test[_MEASURE].size if result.touchpoints else 0
    return "\n".join(
        [
            f"{result.customers:,} customers, seed {result.seed}; totals over all customers{currency}.{shared}",
            "incremental: with the touchpoint minus without it, for the same customers. Effects overlap and need not add up.",
            f"A/B test: {size:,} customers, half without the touchpoint, scaled to all customers. power: chance of a significant result.",
            "exaggeration, wrong sign: among significant results. A/B test: shown if the interval of the incremental revenue excludes 0.",
            *(compared if _has_before_after(result) else []),
            "For purchases, cost and CLV, see `to_json`.",
        ]
    )
