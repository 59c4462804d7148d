"""Metrics and comparisons as tables in text.

Lives here: how numbers are written. Does not live here: the numbers (estimate.py, catalog.py, compare.py).
"""

import math
from collections.abc import Mapping, Sequence

from cjsim.engine.result import Run
from cjsim.metrics.catalog import definitions
from cjsim.metrics.estimate import SHARE, Effect


def number(value: float, unit: str, *, sign: bool = False) -> str:
    """A value as tables show it: shares in per cent, four digits of anything else, a dash where undefined.

    Parameters
    ----------
    value : float
        In its unit.
    unit : str
        Of the metric.
    sign : bool
        With a plus for gains; differences of shares are in percentage points.

    Examples
    --------
    >>> number(0.1234, "share"), number(0.0123, "share", sign=True), number(1234.56, "money"), number(math.nan, "days")
    ('12.34 %', '+1.23 pp', '1,235', '-')
    """
    if math.isnan(value):
        return "-"
    plus = "+" if sign else ""
    if unit == SHARE:
        decimals = 2 if abs(value) >= 1e-3 or value == 0 else 4
        return f"{100 * value:{plus}.{decimals}f} {'pp' if sign else '%'}"
    if value == 0:
        return "0"
    digits = min(6, max(0, 3 - math.floor(math.log10(abs(value)))))
    return f"{value:{plus},.{digits}f}"


def interval(low: float, high: float, unit: str, *, sign: bool = False) -> str:
    """An interval as tables show it.

    Parameters
    ----------
    low, high : float
        In the unit.
    unit : str
        Of the metric.
    sign : bool
        Of a difference.
    """
    return "" if math.isnan(low) else f"[{number(low, unit, sign=sign)}, {number(high, unit, sign=sign)}]"


def summary(run: Run, *, full: bool = False) -> str:
    """The metrics of a run as a table.

    Parameters
    ----------
    run : Run
        The run.
    full : bool
        Also metrics by stage, channel and reason, and those that are undefined here.
    """
    rows = []
    for name, definition in definitions(run.codebook).items():
        found = run.metrics[name]
        if full or not (definition.detail or math.isnan(found.value)):
            span = interval(found.low, found.high, found.unit)
            rows.append((name, number(found.value, found.unit), span, f"{found.n:,}", definition.title + _counted(found.unit)))
    origin = run.provenance
    head = (
        f"{origin.scenario}: {len(run):,} customers, {origin.horizon:g} days, seed {origin.seed}, {origin.engine} engine,"
        f" {origin.events:,} log rows"
    )
    return f"{head}\n\n{_layout(('metric', 'value', '95 % interval', 'n', ''), rows)}"


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
        Also metrics by stage, channel and reason, and those that are undefined here.
    """
    known = definitions(baseline.codebook)
    tables = []
    for alternative, effects in alternatives.items():
        shown = [of for of in known.values() if of.name in effects and (full or not (of.detail or math.isnan(effects[of.name].effect)))]
        rows = [_effect_row(of.name, of.unit, effects[of.name]) for of in shown]
        tables.append(_layout(("metric", name, alternative, "effect", "95 % interval", "", "pairing"), rows))
    caption = (
        f"{len(baseline):,} customers, seed {baseline.provenance.seed}, the same under every policy: effects are paired differences with"
        " 95 % intervals.\n* the interval excludes 0 (of twenty metrics that do not differ, about one would). pairing: how many times more"
        " customers\nan unpaired comparison would need."
    )
    return "\n\n".join([*tables, caption])


def _effect_row(name: str, unit: str, found: Effect) -> tuple[str, ...]:
    span = "identical" if found.effect == found.low == found.high == 0 else interval(found.low, found.high, unit, sign=True)
    pairing = "" if math.isnan(found.variance_ratio) else f"x{found.variance_ratio:,.1f}"
    values = (number(found.baseline, unit), number(found.value, unit), number(found.effect, unit, sign=True))
    return (name, *values, span, "*" if found.is_clear else "", pairing)


def _counted(unit: str) -> str:
    return f" ({unit})" if unit in ("days", "0 to 1") else ""


def _layout(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; the first and the last to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    last = len(head) - 1

    def padded(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i in (0, last) else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([padded(head), "-" * (sum(widths) + 2 * last), *map(padded, rows)])
