"""Metrics and comparisons as tables in text.

Lives here: how numbers are written. Does not live here: the numbers (estimate.py, catalog.py, compare.py).
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from cjsim.engine.result import Metric, Run
from cjsim.metrics.catalog import definitions
from cjsim.metrics.estimate import SHARE, Definition, Effect, estimate
from cjsim.metrics.sample import Sample

LEVEL = "0 to 1"
_DECIMALS = {"days": 1, "customers": 0, LEVEL: 3}  # of a unit; 2 of any other


def number(value: float, unit: str, decimals: int, *, sign: bool = False) -> str:
    """A value as tables show it: shares in per cent, a dash where undefined.

    Parameters
    ----------
    value : float
        In its unit.
    unit : str
        Of the metric.
    decimals : int
        As `decimals_of` gives them.
    sign : bool
        With a plus for gains; differences of shares are in percentage points.

    Examples
    --------
    >>> number(0.1234, "share", 2), number(0.0123, "share", 2, sign=True), number(1234.56, "money", 2), number(math.nan, "days", 1)
    ('12.34 %', '+1.23 pp', '1,234.56', '-')
    """
    if math.isnan(value):
        return "-"
    rounded = round(100 * value if unit == SHARE else value, decimals) + 0.0  # no minus before zero
    text = f"{rounded:{'+' if sign and rounded else ''},.{decimals}f}"
    return f"{text} {'pp' if sign else '%'}" if unit == SHARE else text


def decimals_of(unit: str, values: Sequence[float]) -> int:
    """Decimals for values that stand in one row: the unit's own, more where the largest would have fewer than two digits.

    Parameters
    ----------
    unit : str
        Of the metric.
    values : sequence of float
        In the unit; nan counts nothing.

    Examples
    --------
    >>> decimals_of("money", [1234.5, 0.01]), decimals_of("money", [0.0412, math.nan]), decimals_of("share", [0.3, 0.0002])
    (2, 3, 2)
    """
    own = _DECIMALS.get(unit, 2)
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0) * (100 if unit == SHARE else 1)
    return own if largest == 0 else min(6, max(own, 1 - math.floor(math.log10(largest))))


def interval(low: float, high: float, unit: str, decimals: int, *, sign: bool = False) -> str:
    """An interval as tables show it.

    Parameters
    ----------
    low, high : float
        In the unit.
    unit : str
        Of the metric.
    decimals : int
        As `decimals_of` gives them.
    sign : bool
        Of a difference.
    """
    return "" if math.isnan(low) else f"[{number(low, unit, decimals, sign=sign)}, {number(high, unit, decimals, sign=sign)}]"


def summary(run: Run, *, full: bool = False) -> str:
    """The metrics of a run as a table.

    Parameters
    ----------
    run : Run
        The run.
    full : bool
        Also metrics by stage and channel, and those that are undefined or cannot move here.
    """
    rows = []
    known = definitions(run.codebook)
    for definition in known.values():
        found = run.metrics[definition.name]
        says_nothing = math.isnan(found.value) or found.value == 0 or (_is_fixed(found) and found.unit == LEVEL)
        if full or not (definition.detail or says_nothing or (definition.total and not _is_open(run))):
            decimals = decimals_of(found.unit, [found.value])
            span = interval(found.low, found.high, found.unit, decimals)
            rows.append((_marked(definition), number(found.value, found.unit, decimals), span, f"{found.n:,}", _title(definition)))
    origin = run.provenance
    head = (
        f"{origin.scenario}: {len(run):,} customers{_origins(run)}, {origin.horizon:g} days, seed {origin.seed}, {origin.engine} engine,"
        f" {origin.events:,} log rows"
    )
    return "\n\n".join([head, layout(("metric", "value", "95 % interval", "n", ""), rows), _notes(len(known) - len(rows))])


def comparison(baseline: Run, name: str, alternatives: Mapping[str, Mapping[str, Effect]], *, full: bool = False) -> str:
    """Each alternative against the baseline as a table, and how to read it.

    Parameters
    ----------
    baseline : Run
        The run that all are compared with.
    name : str
        What it is called.
    alternatives : Mapping of str to Mapping of str to Effect
        Effects by alternative and metric.
    full : bool
        Also metrics by stage and channel, and those that are undefined or cannot move here.
    """
    known = definitions(baseline.codebook)
    tables = []
    grows = _is_open(baseline) or any(effects["customers"].effect for effects in alternatives.values())
    shown = [
        of for of in known.values() if full or not (of.detail or (of.total and not grows) or _is_idle(of, baseline, alternatives.values()))
    ]
    for alternative, effects in alternatives.items():
        present = [of for of in shown if of.name in effects and (full or not math.isnan(effects[of.name].effect))]
        rows = [_effect_row(of, effects[of.name]) for of in present]
        table = layout(("metric", name, alternative, "effect", "95 % interval", "", "pairing", ""), rows)
        tables.append(f"{table}\n\n{_notes(len(effects) - len(rows))}")
    origin = baseline.provenance
    here, others = f"{int(baseline.entered.sum()):,}", {f"{effects['customers'].value:,.0f}" for effects in alternatives.values()}
    entered = f"{here} who entered" if others == {here} else f"{here} who entered under {name}, {' and '.join(others)} otherwise"
    caption = (
        f"{origin.horizon:g} days, {origin.customers:,} customers, seed {origin.seed}, n = {entered};"
        " 95 % interval, paired on the same customers.\n* the interval excludes 0 (of twenty metrics that do not differ, about one"
        " would). pairing: how many times more customers\nan unpaired comparison would need."
    )
    return "\n\n".join([*tables, caption])


def _origins(run: Run) -> str:
    """How they came, where some did beside the initial ones."""
    of = run.census
    referred = len(of) - of.initial - of.arrived
    return f" ({of.initial:,} at first, {of.arrived:,} acquired, {referred:,} referred)" if _is_open(run) else ""


def _is_open(run: Run) -> bool:
    """Whether customers came beside the initial ones, so that totals are more than means times a given number."""
    return len(run) > run.census.initial


def _is_fixed(found: Metric) -> bool:
    """Whether no customer differs from another."""
    return found.low == found.value == found.high


def _is_idle(of: Definition, baseline: Run, alternatives: Iterable[Mapping[str, Effect]]) -> bool:
    """Whether a metric is the same for all customers under all policies."""
    effects = [found[of.name] for found in alternatives if of.name in found]
    same = all(found.effect == found.low == found.high == 0 for found in effects)
    return same and (all(found.value == 0 for found in effects) or _is_fixed(estimate(of.terms(baseline), of.unit, Sample.of(baseline))))


def _effect_row(of: Definition, found: Effect) -> tuple[str, ...]:
    decimals, fine = decimals_of(of.unit, [found.baseline, found.value]), decimals_of(of.unit, found[2:5])
    identical = found.effect == found.low == found.high == 0
    span = "identical" if identical else interval(found.low, found.high, of.unit, fine, sign=True)
    pairing = "" if math.isnan(found.variance_ratio) else f"x{found.variance_ratio:,.1f}"
    values = (
        number(found.baseline, of.unit, decimals),
        number(found.value, of.unit, decimals),
        number(found.effect, of.unit, fine, sign=True),
    )
    return (_marked(of), *values, span, "*" if found.is_clear else "", pairing, _title(of))


def _marked(of: Definition) -> str:
    return f"{of.name} ^" if of.selected else of.name


def _title(of: Definition) -> str:
    return of.title + (f" ({of.unit})" if of.unit in ("days", LEVEL) else "")


def _notes(hidden: int) -> str:
    """Under a table: what its mark says, what is not in it."""
    mark = "^ among converters, buyers, receivers or openers, whose mix differs between policies."
    rest = f"{hidden} metrics are not shown (by stage or channel, undefined, or the same for all): --full, --json or summary(full=True)."
    return f"{mark}\n{rest}" if hidden else mark


def layout(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; the first and the last to the left, the others to the right.

    Parameters
    ----------
    head : sequence of str
        Names of columns.
    rows : sequence of sequence of str
        Cells, as many as columns.
    """
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    last = len(head) - 1

    def _padded(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i in (0, last) else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([_padded(head), "-" * (sum(widths) + 2 * last), *map(_padded, rows)])
