"""Are customers answered in time? Waits, service level and utilisation of desks, and requests by hour."""

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.charts.chart_kinds import Axis, LineChart, Series
from cjsim.pages.log_series import LogSeries, logged_runs
from cjsim.pages.page_parts import Panel, Section, Table
from cjsim.pages.policy_runs import PolicyRuns

_MEASURES = {
    "tickets": "Requests",
    "wait": "Mean wait",
    "sla_kept": "Answered in time",
    "abandonment": "Abandoned",
    "utilisation": "Utilisation",
    "staff_cost": "Staff cost",
}


def desk_data(runs: PolicyRuns) -> dict[str, dict[str, dict[str, MetricEstimate]]]:
    """Return the metrics of each desk: by desk, then by measure, then by run. Measures without a value are left out.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    found: dict[str, dict[str, dict[str, MetricEstimate]]] = {}
    for desk in runs.baseline.codebook.desks:
        measures = {}
        for measure in _MEASURES:
            name = f"{measure}[{desk}]"
            of = {one: run.metrics[name] for one, run in runs.runs.items() if name in run.metrics}
            if of and any(one.value == one.value and one.value for one in of.values()):
                measures[measure] = of
        if "tickets" in measures:
            found[desk] = measures
    return found


def desk_table(runs: PolicyRuns, data: dict[str, dict[str, dict[str, MetricEstimate]]]) -> Table:
    """Return the metrics of the desks as a table: one row per desk and measure.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    data : dict
        Metrics by desk, measure and run.
    """
    rows = []
    for desk, measures in data.items():
        for measure, of in measures.items():
            metric = f"{measure}[{desk}]"
            form = runs.level_form(metric, list(of.values()))
            per = f" {form.per}" if measure in ("tickets", "staff_cost") else ""
            cells = [
                f"{form.level(one.value)} {form.interval(one.low, one.high, is_difference=False)}" if one.value == one.value else "–"
                for one in of.values()
            ]
            cells += [""] * (len(runs.runs) - len(cells))
            if runs.comparison is not None:
                effect = runs.effects.get(metric)
                shown = "" if effect is None else f"{form.difference(effect.effect)} {form.interval(effect.low, effect.high)}"
                cells.append(shown)
            rows.append((f"{runs.model.of('desks', desk)}: {_MEASURES[measure].lower()}{per}", *cells))
    columns = ("", *runs.labels.values(), *(() if runs.comparison is None else (f"Difference, {runs.labels[runs.best]}",)))
    return Table(columns, tuple(rows))


def hourly_figure(runs: PolicyRuns, desk: str, logs: list[LogSeries]) -> LineChart | None:
    """Draw the share of requests that were answered in time, by the hour of the request; None without requests.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    desk : str
        Name of the desk.
    logs : list of LogSeries
        The logs of the runs.
    """
    series, total = [], 0.0
    for name, log in zip(runs.runs, logs, strict=True):
        asked, in_time = log.requests_by_hour(desk)
        total += asked.sum()
        shares = tuple(float(kept / count) if count else float("nan") for kept, count in zip(in_time, asked, strict=True))
        series.append(Series(runs.labels[name], shares, color=runs.color(name)))
    if not total:
        return None
    title = runs.model.of("desks", desk)
    axis = Axis("Answered in time", suffix="%", scale=100.0)
    hours = tuple(float(hour) for hour in range(24))
    return LineChart(f"{title}: share answered in time by hour of the request", axis, hours, "hour of the request", tuple(series))


def _desk_answer(runs: PolicyRuns, data: dict[str, dict[str, dict[str, MetricEstimate]]]) -> str:
    """State the service level of each desk, and whether it changes clearly."""
    sentences = []
    for desk, measures in data.items():
        if "sla_kept" not in measures:
            continue
        metric, of = f"sla_kept[{desk}]", measures["sla_kept"]
        form, title = runs.level_form(metric, list(of.values())), runs.model.of("desks", desk)
        base = of[runs.baseline_name]
        text = f"{title} answers {form.level(base.value)} of requests in time"
        effect = runs.effects.get(metric)
        if runs.best in of and effect is not None and effect.is_significant:
            text += f", and {form.level(of[runs.best].value)} under “{runs.labels[runs.best]}”"
        elif effect is not None:
            text += ", without a clear difference"
        sentences.append(f"{text}.")
    return " ".join(sentences) or "No request to a desk was closed."


def desk_section(runs: PolicyRuns) -> Section | None:
    """Return the section about desks; None if no customer asked one.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    data = desk_data(runs)
    if not data:
        return None
    kind = "Student's 95% intervals over replications." if runs.baseline.repeats else "95% intervals."
    table = desk_table(runs, data)
    panels = [Panel("Waits, service level and utilisation", table=table, caption=runs.caption(kind), is_wide=True, is_table_folded=False)]
    logs = logged_runs(list(runs.runs.values()))
    for desk in data if logs else ():
        chart = hourly_figure(runs, desk, logs)
        if chart is not None:
            counts = [int(log.requests_by_hour(desk)[0].sum()) for log in logs]
            text = f"{' and '.join(f'{count:,}' for count in counts)} closed requests in the first replication, without intervals."
            title = f"{runs.model.of('desks', desk)}: answered in time, by hour"
            panels.append(Panel(title, chart=chart, caption=runs.caption(text), legend=runs.legend))
    return Section("desks", "Are customers answered in time?", _desk_answer(runs, data), tuple(panels), "Desks")
