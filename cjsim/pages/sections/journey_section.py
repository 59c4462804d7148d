"""How far do customers get? The funnel of stages, the flow between them, and the months of the simulation."""

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.charts.chart_kinds import Axis, BarChart, FlowChart, LineChart, Series
from cjsim.pages.log_series import LogSeries, logged_runs
from cjsim.pages.page_parts import Panel, Section, Table
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import share_text

_PER = 100  # customers
_MAX_LINKS = 16
_CHANGE = 0.005  # in shares of customers, for which a stage is named in the answer


def stage_data(runs: PolicyRuns) -> dict[str, dict[str, MetricEstimate]]:
    """Return the share of customers who were ever in each stage, by stage, then by run.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    return {
        stage: {name: run.metrics[f"stage_reached[{stage}]"] for name, run in runs.runs.items()}
        for stage in runs.baseline.codebook.stages
        if all(f"stage_reached[{stage}]" in run.metrics for run in runs.runs.values())
    }


def stage_figure(runs: PolicyRuns, data: dict[str, dict[str, MetricEstimate]]) -> BarChart:
    """Draw the funnel of stages.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    data : dict
        Shares by stage and run.
    """
    series, texts = [], []
    for name in runs.runs:
        of = [by_run[name] for by_run in data.values()]
        values, low, high = (tuple(float(one[i]) for one in of) for i in range(3))
        series.append(Series(runs.labels[name], values, low, high, runs.color(name)))
        texts.append(tuple(f"{share_text(one.value)} [{100 * one.low:.1f}, {100 * one.high:.1f}]" for one in of))
    titles = tuple(runs.model.of("stages", stage) for stage in data)
    alt = "Customers who were ever in each stage: " + "; ".join(
        f"{title} {' against '.join(of[i] for of in texts)}" for i, title in enumerate(titles)
    )
    axis = Axis("Customers who were ever in the stage", suffix="%", scale=100.0)
    return BarChart(alt, axis, titles, tuple(series), tuple(texts))


def flow_figure(runs: PolicyRuns, log: LogSeries) -> FlowChart | None:
    """Draw the moves between observed stages, from left to right; None if there are none.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    log : LogSeries
        Log of one run.
    """
    moves = sorted(log.moves().items(), key=lambda move: -move[1])[:_MAX_LINKS]
    if not moves:
        return None
    stages = [stage for stage in log.run.codebook.stages if any(stage in pair for pair, _ in moves)]
    n = len(log.run)
    ordered = sorted(moves, key=lambda move: (stages.index(move[0][0]), stages.index(move[0][1])))
    links = tuple((stages.index(before), stages.index(after), 100 * count / n) for (before, after), count in ordered)
    nodes = tuple(runs.model.of("stages", stage) for stage in stages)
    texts = tuple(f"{size:.1f} per 100 customers" for _, _, size in links)
    alt = "Moves between stages: " + "; ".join(
        f"{nodes[before]} to {nodes[after]} {text}" for (before, after, _), text in zip(links, texts, strict=True)
    )
    return FlowChart(alt, Axis("Moves per 100 customers"), nodes, links, texts)


def month_figure(runs: PolicyRuns, logs: list[LogSeries], events: list[str]) -> LineChart:
    """Draw the purchases per 100 customers in each calendar month.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    logs : list of LogSeries
        Their logs.
    events : list of str
        Events that count.
    """
    months: list[str] = []
    series = []
    for name, log in zip(runs.runs, logs, strict=True):
        months, means = log.monthly(events)
        series.append(means.as_series(runs.labels[name], runs.color(name), per=_PER))
    positions = tuple(float(i) for i in range(len(months)))
    return LineChart("Purchases by month", Axis("per 100 customers"), positions, "month", tuple(series), tuple(months))


def _journey_answer(runs: PolicyRuns, data: dict[str, dict[str, MetricEstimate]]) -> str:
    """Name the stages that clearly more or fewer customers reach."""
    if runs.comparison is None:
        converted = runs.baseline.metrics["conversion"]
        return f"{share_text(converted.value)} of customers convert [{100 * converted.low:.1f}, {100 * converted.high:.1f}]."
    parts = []
    for stage in data:
        effect = runs.effects.get(f"stage_reached[{stage}]")
        if effect is not None and effect.is_significant and abs(effect.effect) >= _CHANGE:
            form = runs.form(f"stage_reached[{stage}]", effect)
            parts.append(f"{runs.model.of('stages', stage)} {form.difference(effect.effect)}")
    if not parts:
        return "As far as before: no stage is reached by clearly more or fewer customers."
    return f"Clear changes in the share of customers who ever reach a stage: {', '.join(parts)}."


def journey_section(runs: PolicyRuns) -> Section:
    """Return the section about the stages of the journey.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    data = stage_data(runs)
    caption = runs.caption("Thin lines are 95% intervals.")
    say = "Share of customers who were ever in a stage."
    logs = logged_runs(list(runs.runs.values()))
    panels = [Panel("Stages reached", say, stage_figure(runs, data), caption=caption, legend=runs.legend)]
    if logs:
        log = logs[list(runs.runs).index(runs.best)]
        flow = flow_figure(runs, log)
        if flow is not None:
            pairs = (f"{flow.nodes[before]} → {flow.nodes[after]}" for before, after, _ in flow.links)
            rows = tuple(zip(pairs, flow.texts, strict=True))
            table = Table(("Move", "Number"), rows, "Moves between observed stages")
            text = f"{runs.labels[runs.best]}; moves between stages that the firm observes, the most frequent ones; no intervals."
            panels.append(Panel("From stage to stage", "Before on the left, after on the right.", flow, table, runs.caption(text)))
        events = log.purchase_events()
        if events and len(log.monthly(events)[0]) > 1:
            text = "Bands are 95% intervals of the mean. Whole months only."
            chart = month_figure(runs, logs, events)
            say = "Purchases per 100 customers in each calendar month."
            panels.append(Panel("Month by month", say, chart, caption=runs.caption(text), legend=runs.legend, is_wide=True))
    return Section("journey", "How far do customers get?", _journey_answer(runs, data), tuple(panels), "Journey")
