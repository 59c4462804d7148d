"""Do customers stay? Retention after conversion by policy and by cohort, and satisfaction along the journey."""

from functools import partial
from typing import NamedTuple

import numpy as np

from cjsim.kernels.codes import RETENTION_DAYS
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.ratios import RatioTerms, ratio_of_sums
from cjsim.pages.charts.chart_kinds import Axis, BarChart, IntervalChart, IntervalRow, LineChart, Series
from cjsim.pages.page_parts import Panel, Section, Table
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import count_text, share_text
from cjsim.simulation.run import Run

_FEWEST = 50  # customers in a group; below, it is left out


class RetentionData(NamedTuple):
    """Retention by run at each day at which it is recorded and defined: estimates by run name, one per day."""

    days: tuple[float, ...]
    estimates: dict[str, tuple[MetricEstimate, ...]]


def retention_data(runs: PolicyRuns) -> RetentionData:
    """Return the share of converters who count as retained, by day since conversion.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.

    Returns
    -------
    RetentionData
        Days without any converter who was observed for that long are left out.
    """
    metrics = {name: [run.metrics[f"retention_{day:.0f}d"] for day in RETENTION_DAYS] for name, run in runs.runs.items()}
    defined = [i for i in range(len(RETENTION_DAYS)) if all(of[i].n >= _FEWEST for of in metrics.values())]
    return RetentionData(tuple(RETENTION_DAYS[i] for i in defined), {name: tuple(of[i] for i in defined) for name, of in metrics.items()})


def retention_figure(runs: PolicyRuns, data: RetentionData) -> LineChart:
    """Draw the retention curves with their bands. All converters count as retained on day 0.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    data : RetentionData
        Estimates by day.
    """
    series = tuple(
        Series(
            runs.labels[name],
            (1.0, *(one.value for one in of)),
            (1.0, *(one.low for one in of)),
            (1.0, *(one.high for one in of)),
            runs.color(name),
        )
        for name, of in data.estimates.items()
    )
    axis = Axis("Converters who count as retained", suffix="%", scale=100.0)
    alt = "; ".join(
        f"{runs.labels[name]}: {', '.join(f'{share_text(one.value)} at {day:g} days' for day, one in zip(data.days, of, strict=True))}"
        for name, of in data.estimates.items()
    )
    return LineChart(f"Retention. {alt}", axis, (0.0, *data.days), "days after conversion", series)


def _retention_table(runs: PolicyRuns, data: RetentionData) -> Table:
    columns, rows = ["Day"], []
    for name in runs.runs:
        columns += [runs.labels[name], "95% interval"]
    if runs.comparison is not None:
        columns += ["Difference, pp", "95% interval"]
    for i, day in enumerate(data.days):
        row = [f"{day:g}"]
        for of in data.estimates.values():
            row += [share_text(of[i].value), f"[{100 * of[i].low:.1f}, {100 * of[i].high:.1f}]"]
        if runs.comparison is not None:
            metric = f"retention_{day:.0f}d"
            effect = runs.effects[metric]
            form = runs.form(metric, effect)
            row += [form.difference(effect.effect).removesuffix(" pp"), form.interval(effect.low, effect.high)]
        rows.append(tuple(row))
    return Table(tuple(columns), tuple(rows), "Retention after conversion")


def stage_satisfaction_data(runs: PolicyRuns) -> dict[str, dict[str, MetricEstimate]]:
    """Return the mean satisfaction at the horizon by run, then by the stage in which customers are then.

    Parameters
    ----------
    runs : PolicyRuns
        The runs. Stages with fewer than 50 customers are left out.
    """
    found: dict[str, dict[str, MetricEstimate]] = {}
    for name, run in runs.runs.items():
        by_stage = {}
        for stage in run.codebook.stages:
            estimate = runs.estimate(partial(_satisfaction_in, stage), "0 to 1", name)
            if estimate.n >= _FEWEST:
                by_stage[stage] = estimate
        found[name] = by_stage
    return found


def _satisfaction_in(stage: str, run: Run) -> RatioTerms:
    is_there = run.outcomes.customers["stage"] == run.codebook.stages.index(stage)
    return ratio_of_sums(run, np.where(is_there, run.outcomes.customers["satisfaction"], 0.0), is_there)


def stage_satisfaction_figure(runs: PolicyRuns, data: dict[str, dict[str, MetricEstimate]]) -> BarChart | None:
    """Draw satisfaction along the journey, in the order of the stages.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    data : dict
        Estimates by run and stage.
    """
    stages = [stage for stage in runs.baseline.codebook.stages if all(stage in of for of in data.values())]
    if not stages:
        return None
    series = tuple(
        Series(
            runs.labels[name],
            tuple(of[stage].value for stage in stages),
            tuple(of[stage].low for stage in stages),
            tuple(of[stage].high for stage in stages),
            runs.color(name),
        )
        for name, of in data.items()
    )
    texts = tuple(tuple(f"{of[stage].value:.3f} [{of[stage].low:.3f}, {of[stage].high:.3f}]" for stage in stages) for of in data.values())
    titles = tuple(runs.model.of("stages", stage) for stage in stages)
    return BarChart("Mean satisfaction by stage", Axis("Satisfaction, from 0 to 1"), titles, series, texts)


def retention_change_figure(runs: PolicyRuns, data: RetentionData) -> IntervalChart:
    """Draw the paired differences in retention by day.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    data : RetentionData
        The days.
    """
    rows = []
    for day in data.days:
        metric = f"retention_{day:.0f}d"
        effect = runs.effects[metric]
        form = runs.form(metric, effect)
        text = f"{form.difference(effect.effect)} {form.interval(effect.low, effect.high)}"
        rows.append(IntervalRow(f"At {day:g} days", effect.effect, effect.low, effect.high, text, runs.tone(metric, effect)))
    axis = Axis("Difference in retention", suffix=" pp", scale=100.0, is_signed=True)
    return IntervalChart("Differences in retention by day: " + "; ".join(row.text for row in rows), axis, tuple(rows))


def _retention_answer(runs: PolicyRuns, data: RetentionData) -> str:
    """Answer whether customers stay, by rule."""
    if not data.days:
        return "The journey records no retention, or too few customers converted."
    if runs.comparison is None:
        last, of = data.days[-1], next(iter(data.estimates.values()))
        return f"{share_text(of[-1].value)} of those who converted count as retained after {last:g} days."
    parts, verdicts = [], set()
    for day in data.days:
        effect = runs.effects[f"retention_{day:.0f}d"]
        tone = runs.tone(f"retention_{day:.0f}d", effect)
        verdicts.add(tone)
        if tone != "flat":
            size = runs.form(f"retention_{day:.0f}d", effect).size(effect.effect)
            parts.append(f"{size} {'more' if tone == 'gain' else 'fewer'} of its converters after {day:g} days")
    if not parts:
        return f"As long as under {_lower(runs.labels[runs.baseline_name])}: there is no clear difference in retention at any day."
    start = {frozenset({"gain"}): "Longer.", frozenset({"loss"}): "Not as long."}.get(frozenset(verdicts - {"flat"}), "It depends.")
    return f"{start} {runs.labels[runs.best]} keeps {', and '.join(parts)}."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def retention_section(runs: PolicyRuns) -> Section | None:
    """Return the section about retention and satisfaction; None if neither is recorded.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    data, panels = retention_data(runs), []
    if data.days:
        counts = [count_text(of[0].n, "converter") for of in data.estimates.values()]
        n = f"n = {' and '.join(counts)} observed for {data.days[0]:g} days"
        last = [f"{of[-1].n:,}" for of in data.estimates.values()]
        further = f"{' and '.join(last)} for {data.days[-1]:g} days." if len(data.days) > 1 else ""
        mix = "Policies convert slightly different customers." if len(runs.runs) > 1 else ""
        caption = runs.caption("Bands are 95% intervals.", further, mix, n=n)
        chart, table = retention_figure(runs, data), _retention_table(runs, data)
        say = "Share of converters who still count as retained."
        panels.append(Panel("Retention after conversion", say, chart, table, caption, legend=runs.legend))
    if data.days and runs.comparison is not None:
        caption = runs.caption("Paired 95% intervals, in percentage points. The policies convert slightly different customers.")
        say = f"{runs.labels[runs.best]} less {_lower(runs.labels[runs.baseline_name])}."
        panels.append(Panel("Difference in retention", say, retention_change_figure(runs, data), caption=caption))
    chart_of_stages = stage_satisfaction_figure(runs, stage_satisfaction_data(runs))
    if chart_of_stages is not None:
        caption = runs.caption("Thin lines are 95% intervals. Customers are grouped by their stage on the last day.")
        say = "Mean satisfaction on the last day, by the stage that customers are in, from 0 to 1."
        whole = Panel("Satisfaction along the journey", say, chart_of_stages, caption=caption, legend=runs.legend)
        panels.append(whole)
    if not panels:
        return None
    return Section("keep", "Do customers stay?", _retention_answer(runs, data), tuple(panels), "Retention")
