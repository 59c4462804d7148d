"""The first screen of a comparison: the answer by rule, the figures that carry it, and the trade-offs."""

import math
from collections.abc import Iterator, Sequence

from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.pages.charts.chart_kinds import Axis, IntervalChart, IntervalRow
from cjsim.pages.page_parts import Answer, EstimateRecord, KeyFigure, Phrase, Point, PointList, Tone
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import QuantityFormat, count_text, rounded_total
from cjsim.pages.sections.belief_section import assumption_flag
from cjsim.pages.sections.gain_section import segment_data, segment_title
from cjsim.simulation.comparison_answer import OBJECTIVE, metric_label, side_effects

TOTAL = "profit"  # decides beside CLV if policies have different numbers of customers
_CANDIDATES = ("clv", "profit", "customers", "conversion", "purchases", "retention_90d", "sla_kept", "satisfaction", "opt_outs", "churn")
# What the lists of gains and losses begin with; message rates are left to their section.
_OUTCOMES = (
    *("conversion", "purchases", "opt_outs", "churn", "time_to_first_value", "sla_kept", "wait", "abandonment", "satisfaction"),
    *("retention_30d", "retention_90d", "retention_180d", "retention_365d", "activation", "repeat_purchase_rate", "referrals"),
)
_MAX_FIGURES, _MAX_POINTS = 6, 3
_MANY = 100_000  # customers, for whom the gain is added up
_PLURALS = ("opt-outs", "purchases", "customers", "contacts", "referrals", "requests", "sends")


def key_metrics(runs: PolicyRuns) -> list[str]:
    """Return the metrics of the first screen: CLV, important ones, and always the worst side effect; six at most.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    effects = runs.effects
    grows = effects["customers"].effect != 0 if "customers" in effects else False
    known = [name for name in _CANDIDATES if name in effects and not math.isnan(effects[name].effect)]
    chosen = [name for name in known if (grows or name not in ("profit", "customers")) and not effects[name].is_identical]
    worst = worst_side_effect(runs)
    if worst and worst not in chosen[:_MAX_FIGURES]:
        chosen = [*chosen[: _MAX_FIGURES - 1], worst]
    return chosen[:_MAX_FIGURES]


def worst_side_effect(runs: PolicyRuns, name: str | None = None) -> str | None:
    """Return the metric with the largest clear harmful relative effect, other than the parts of CLV; None if nothing is clearly worse."""
    assert runs.comparison is not None
    effects = runs.comparison.alternatives[name or runs.best]
    found = next(side_effects(effects, runs.definitions, objective=OBJECTIVE, sign=-1), None)
    return None if found is None else found[0].name


def answer(runs: PolicyRuns) -> Answer:
    """Return the first screen.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    effect, best = runs.effects[OBJECTIVE], runs.best
    form, baseline = runs.form(OBJECTIVE, effect), runs.labels[runs.baseline_name]
    n_others = len(runs.runs) - 1
    others = "" if n_others == 1 else f" · best of {n_others} alternatives on CLV"
    return Answer(
        eyebrow=f"{runs.titles[best].policy(best)}, against {baseline[:1].lower() + baseline[1:]}{others}",
        sentence=tuple(answer_sentence(runs)),
        lead=_lead(runs),
        flag=assumption_flag(runs),
        hero_title="Difference in CLV per customer",
        hero=_hero(runs, effect, form),
        hero_caption=runs.caption("The same customers under both policies; 95% interval.", n=_paired_n(runs)),
        figures=tuple(key_figure(runs, metric) for metric in key_metrics(runs)),
        lists=tuple(trade_offs(runs)),
    )


def answer_sentence(runs: PolicyRuns) -> Iterator[Phrase]:
    """Yield the answer by rule: the gain in CLV and the worst side effect, or that there is no clear difference.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    effect, name = runs.effects[OBJECTIVE], runs.labels[runs.best]
    form, days = runs.form(OBJECTIVE, effect), value_days(runs)
    if math.isnan(effect.effect):
        yield Phrase("CLV is undefined here, so no policy can be called better.")
        return
    if effect.is_identical:
        yield Phrase(f"{name} has the same CLV as {runs.labels[runs.baseline_name]} for every customer.")
        return
    worst = worst_side_effect(runs)
    if not effect.is_significant:
        yield Phrase(f"No clear difference in CLV: {form.difference(effect.effect)} {form.interval(effect.low, effect.high)}")
        yield from _price(runs, worst, ", but ", "")
    else:
        is_gain = effect.effect > 0
        yield Phrase(f"{name} earns ")
        yield Phrase(f"{form.size(effect.effect)} {'more' if is_gain else 'less'}", "gain" if is_gain else "loss")
        yield Phrase(f" per customer in {days}")
        if is_gain:
            yield from _price(runs, worst, ", at the price of ", "")
        else:
            yield from _price(runs, worst, ", and brings ", "")
    yield Phrase(".")


def _price(runs: PolicyRuns, metric: str | None, before: str, after: str) -> Iterator[Phrase]:
    """Name the worst side effect."""
    if metric is None:
        return
    size, rest = change_phrase(runs, metric, runs.effects[metric])
    yield Phrase(before)
    yield Phrase(size, "loss")
    if rest:
        yield Phrase(f" {rest}{after}")


def change_phrase(runs: PolicyRuns, metric: str, effect: PairedDifference) -> tuple[str, str]:
    """Describe a change: what changes, as '7.2 more opt-outs', and its denominator, as 'per 100 customers'.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    metric : str
        Name of the metric.
    effect : PairedDifference
        Its difference.
    """
    definition, form = runs.definitions[metric], runs.form(metric, effect)
    label = metric_label(definition).removeprefix("the ")
    size, rises = form.size(effect.effect), effect.effect > 0
    if definition.unit == SHARE_UNIT or definition.unit not in _PLURALS:
        word = "longer" if definition.unit in ("days", "minutes") and rises else "shorter" if definition.unit in ("days", "minutes") else ""
        return f"{size} {word or ('higher' if rises else 'lower')} {label}", ""
    return f"{size} {'more' if rises else 'fewer'} {label}", form.per if not definition.is_total else ""


def value_days(runs: PolicyRuns) -> str:
    """Return the time over which CLV counts, in words."""
    days = runs.baseline.codebook.value_days or runs.baseline.provenance.horizon
    return f"{days:g} days"


def _lead(runs: PolicyRuns) -> str:
    effect = runs.effects[OBJECTIVE]
    form = runs.form(OBJECTIVE, effect)
    if math.isnan(effect.effect) or effect.is_identical:
        return ""
    low, high = (form.level(end) for end in (effect.low, effect.high))
    sentences = [f"95% interval of the difference in CLV: {low} to {high}."] if effect.is_significant else []
    total = runs.effects.get(TOTAL)
    if total is not None and runs.effects["customers"].effect:
        whole, joined = runs.form(TOTAL, total), runs.effects["customers"]
        verdict = "Total profit changes by" if total.is_significant else "There is no clear difference in total profit:"
        more = f", with {count_text(abs(joined.effect), 'more customer' if joined.effect > 0 else 'fewer customer')}"
        amount = f"{whole.difference(total.effect)} {whole.interval(total.low, total.high)}"
        sentences.append(f"{verdict} {amount}{more if joined.is_significant else ''}.")
    elif effect.is_significant:
        amount, ends = rounded_total(_MANY * effect.effect, form.prefix), [rounded_total(_MANY * x, form.prefix) for x in effect[3:5]]
        sentences.append(f"For every {_MANY:,} customers that is {amount} of lifetime value ({ends[0]} to {ends[1]}).")
    return " ".join(sentences)


def _paired_n(runs: PolicyRuns) -> str:
    return f"n = {len(runs.baseline):,}"


def _hero(runs: PolicyRuns, effect: PairedDifference, form: QuantityFormat) -> IntervalChart | None:
    if math.isnan(effect.low):
        return None
    texts = "|".join(form.difference(x) for x in (effect.low, effect.effect, effect.high))
    row = IntervalRow("CLV", effect.effect, effect.low, effect.high, form.difference(effect.effect), runs.tone(OBJECTIVE, effect), texts)
    axis = Axis("Difference in CLV per customer", form.prefix, is_signed=True)
    alt = f"Difference in CLV {form.difference(effect.effect)}, 95% interval {form.level(effect.low)} to {form.level(effect.high)}"
    return IntervalChart(alt, axis, (row,), 0.0, "No difference")


def key_figure(runs: PolicyRuns, metric: str) -> KeyFigure:
    """Return one figure of the first screen.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    metric : str
        Name of the metric.
    """
    effect, form = runs.effects[metric], runs.form(metric, runs.effects[metric])
    tone = runs.tone(metric, effect)
    shown = form.difference(effect.effect)
    unit = form.difference_suffix if shown.endswith(form.difference_suffix) else ""
    chart, interval = None, form.interval(effect.low, effect.high)
    if interval:
        alt = f"Difference {shown}, 95% interval {form.difference(effect.low)} to {form.difference(effect.high)}"
        row = IntervalRow(metric, effect.effect, effect.low, effect.high, shown, tone)
        chart = IntervalChart(alt, Axis(metric), (row,), 0.0, "baseline")
    n = runs.baseline.metrics[metric].n
    record = EstimateRecord(metric, runs.definitions[metric].unit, n, effect.effect, effect.low, effect.high, effect.baseline, effect.value)
    chip, arrow = _verdict(runs, metric, effect, tone)
    levels = f"{form.level(effect.baseline)} → {form.level(effect.value)}"
    label, per = runs.label_of(metric), form.per
    return KeyFigure(label, per, shown.removesuffix(unit), unit, levels, interval, tone, chip, arrow, chart, record)


def _verdict(runs: PolicyRuns, metric: str, effect: PairedDifference, tone: Tone) -> tuple[str, str]:
    """Return the word and the arrow of a figure. Without a declared direction, a clear difference is 'more' or 'fewer'."""
    if tone != "flat":
        return ("Better" if tone == "gain" else "Worse"), ("▲" if effect.effect > 0 else "▼")
    if effect.is_significant and runs.definitions[metric].better == "neither":
        return ("More", "▲") if effect.effect > 0 else ("Fewer", "▼")
    return "No clear difference", "●"


def trade_offs(runs: PolicyRuns) -> Iterator[PointList]:
    """Yield what the best alternative brings, what it costs, and what stays open.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    gains, losses = (_points(runs, sign) for sign in (1, -1))
    nothing = Point("Nothing that this page measures is clearly {}.")
    yield PointList("What it brings", "gain", gains or (Point(nothing.text.format("better")),))
    yield PointList("What it costs", "loss", losses or (Point(nothing.text.format("worse")),))
    yield PointList("What stays open", "flat", tuple(_open_questions(runs)))


def _points(runs: PolicyRuns, sign: int) -> tuple[Point, ...]:
    """Return the clear effects in one direction, the largest relative ones first."""
    found: list[Point] = []
    clear = list(side_effects(runs.effects, runs.definitions, objective=OBJECTIVE, sign=sign, has_selected=True))
    rank = {name: i for i, name in enumerate(_OUTCOMES)}
    clear = [one for one in clear if not (one[0].has_selected_denominator and one[0].name not in rank)]
    for definition, effect in sorted(clear, key=lambda one: rank.get(one[0].name, len(rank))):
        size, per = change_phrase(runs, definition.name, effect)
        text = f"{size} {per}".rstrip()
        interval = runs.form(definition.name, effect).size_interval(effect.low, effect.high)
        found.append(Point(text[:1].upper() + text[1:], interval, "gain" if sign > 0 else "loss", _record(runs, definition.name)))
    by_segment = _segment_point(runs, sign)
    return (*found[: _MAX_POINTS - len(by_segment)], *by_segment)


def _segment_point(runs: PolicyRuns, sign: int) -> list[Point]:
    """Name the segment that clearly gains most, or the one that clearly loses most."""
    segments = [one for one in segment_data(runs) if one.effects[OBJECTIVE].is_significant and sign * one.effects[OBJECTIVE].effect > 0]
    if not segments:
        return []
    most = max(segments, key=lambda one: abs(one.effects[OBJECTIVE].effect))
    effect = most.effects[OBJECTIVE]
    form = runs.form(OBJECTIVE, effect)
    verb = "gains" if sign > 0 else "loses"
    text = f"{segment_title(runs, most)} {verb} most: {form.difference(effect.effect)} of CLV each"
    record = EstimateRecord(OBJECTIVE, "money", most.customers, effect.effect, effect.low, effect.high, effect.baseline, effect.value)
    return [Point(text, form.interval(effect.low, effect.high), "gain" if sign > 0 else "loss", record)]


def _record(runs: PolicyRuns, metric: str) -> EstimateRecord:
    effect, unit = runs.effects[metric], runs.definitions[metric].unit
    n = runs.baseline.metrics[metric].n
    return EstimateRecord(metric, unit, n, effect.effect, effect.low, effect.high, effect.baseline, effect.value)


def _open_questions(runs: PolicyRuns) -> Iterator[Point]:
    """Yield important metrics without a clear difference, and the end of the simulated time."""
    unclear: Sequence[str] = [
        name
        for name in ("clv", "retention_90d", "retention_180d", "satisfaction", "conversion", "churn", "sla_kept")
        if name in runs.effects and not runs.effects[name].is_significant and runs.effects[name].high > runs.effects[name].low
    ]
    for name in unclear[: _MAX_POINTS - 1]:
        effect = runs.effects[name]
        form = runs.form(name, effect)
        text = f"{runs.label_of(name)}: {form.difference(effect.effect)}"
        yield Point(text, form.interval(effect.low, effect.high), "flat", _record(runs, name))
    yield Point(f"What happens after {value_days(runs)}, where this simulation ends")
