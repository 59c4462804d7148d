"""What reaches customers: contacts by week, refusals by reason, and the response by channel."""

from typing import NamedTuple

import numpy as np

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.charts.chart_kinds import Axis, BarChart, HeatMap, LineChart, Series, SmallMultiples
from cjsim.pages.log_series import WEEKDAYS, LogSeries, MeanSeries, logged_runs
from cjsim.pages.page_parts import Panel, Section, Table
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import share_text

_PER = 100  # customers, in weekly series
_MAX_PANELS = 6
_STEPS = ("contacts", "open_rate", "click_rate", "unsubscribe_rate")
_REASONS = {
    "consent": "no consent",
    "bounced": "address does not work",
    "holdout": "held out",
    "exit": "left the flow",
    "blackout": "quiet hours",
    "gap": "too soon after another",
    "cap": "frequency cap",
    "budget": "budget used up",
}


def refusal_data(runs: PolicyRuns) -> dict[str, dict[str, MetricEstimate]]:
    """Return refused sends per customer, by reason, then by run. Reasons that never occur are left out.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    names = [name for name in runs.definitions if name.startswith("suppressed[") and "," not in name]
    found = {name: {one: run.metrics[name] for one, run in runs.runs.items() if name in run.metrics} for name in names}
    return {
        name.removeprefix("suppressed[").removesuffix("]"): of
        for name, of in found.items()
        if len(of) == len(runs.runs) and any(one.value for one in of.values())
    }


def refusal_figure(runs: PolicyRuns, data: dict[str, dict[str, MetricEstimate]]) -> BarChart:
    """Draw refused sends by reason.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    data : dict
        Estimates by reason and run.
    """
    reasons = sorted(data, key=lambda reason: -max(one.value for one in data[reason].values()))
    series, texts = [], []
    for name in runs.runs:
        of = [data[reason][name] for reason in reasons]
        values, low, high = (tuple(float(one[i]) for one in of) for i in range(3))
        series.append(Series(runs.labels[name], values, low, high, runs.color(name)))
        texts.append(tuple(f"{one.value:,.2f} [{max(one.low, 0):,.2f}, {one.high:,.2f}]" for one in of))
    titles = tuple(_reason_title(reason) for reason in reasons)
    alt = "Refused sends per customer by reason: " + "; ".join(
        f"{title} {' against '.join(of[i] for of in texts)}" for i, title in enumerate(titles)
    )
    return BarChart(alt, Axis("Refused sends per customer"), titles, tuple(series), tuple(texts))


def _reason_title(reason: str) -> str:
    text = _REASONS.get(reason, reason)
    return text[:1].upper() + text[1:]


class ChannelRow(NamedTuple):
    """The response on one channel under one policy: estimates by metric; a metric without a value is left out."""

    channel: str
    run: str
    estimates: dict[str, MetricEstimate]


def channel_data(runs: PolicyRuns) -> list[ChannelRow]:
    """Return deliveries, open, click and unsubscribe rates by channel and run. Channels without deliveries are left out.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    rows = []
    for channel in runs.baseline.codebook.channels:
        for name, run in runs.runs.items():
            names = {step: f"{step}[{channel}]" for step in _STEPS}
            found = {step: run.metrics[metric] for step, metric in names.items() if metric in run.metrics}
            rows.append(ChannelRow(channel, name, {step: one for step, one in found.items() if one.value == one.value}))
    used = {row.channel for row in rows if "contacts" in row.estimates and row.estimates["contacts"].value > 0}
    return [row for row in rows if row.channel in used]


def channel_table(runs: PolicyRuns, rows: list[ChannelRow]) -> Table:
    """Return the response by channel as a table.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    rows : list of ChannelRow
        The channels.
    """
    cells: list[tuple[str, ...]] = []
    for row in rows:
        contacts = row.estimates.get("contacts")
        label = f"{runs.model.of('channels', row.channel)}, {runs.labels[row.run]}" if len(runs.runs) > 1 else row.channel
        if contacts is None or contacts.value == 0:
            cells.append((label, "not used", "", "", ""))
            continue
        rates = [row.estimates.get(step) for step in _STEPS[1:]]
        shown = [_rate_text(rate, 2 if step == "unsubscribe_rate" else 1) for rate, step in zip(rates, _STEPS[1:], strict=True)]
        cells.append((label, f"{contacts.value:,.2f} [{contacts.low:,.2f}, {contacts.high:,.2f}]", *shown))
    columns = (
        "Channel and policy",
        "Delivered per customer",
        "Opened, of delivered",
        "Clicked, of delivered",
        "Unsubscribed, of delivered",
    )
    return Table(columns, tuple(cells))


def _rate_text(rate: MetricEstimate | None, decimals: int) -> str:
    if rate is None or rate.value == 0:
        return "–"
    return f"{share_text(rate.value, decimals)} [{100 * rate.low:.{decimals}f}, {100 * rate.high:.{decimals}f}]"


def weekly_data(runs: PolicyRuns, logs: list[LogSeries]) -> dict[str, dict[str, MeanSeries]]:
    """Return weekly series per customer, by title, then by run: deliveries on each used channel, then refusals.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    logs : list of LogSeries
        Their logs.
    """
    used = list(dict.fromkeys(row.channel for row in channel_data(runs)))
    series: dict[str, tuple[list[str], str | None]] = {
        f"{runs.model.of('channels', channel)}: delivered": (["delivered"], channel) for channel in used
    }
    refusals = refusal_data(runs)
    reasons = sorted(refusals, key=lambda reason: -max(one.value for one in refusals[reason].values()))
    series |= {f"Refused: {_REASONS.get(reason, reason)}": ([f"suppressed_{reason}"], None) for reason in reasons}
    found = {}
    for title, (events, channel) in list(series.items())[:_MAX_PANELS]:
        found[title] = {name: log.weekly(events, channel=channel) for name, log in zip(runs.runs, logs, strict=True)}
    return found


def weekly_figure(runs: PolicyRuns, data: dict[str, dict[str, MeanSeries]]) -> SmallMultiples:
    """Draw weekly contacts and refusals per 100 customers.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    data : dict
        Series by title and run.
    """
    charts = []
    for title, by_run in data.items():
        n_weeks = len(next(iter(by_run.values())).values)
        series = tuple(one.as_series(runs.labels[name], runs.color(name), per=_PER) for name, one in by_run.items())
        weeks = tuple(float(week + 1) for week in range(n_weeks))
        charts.append(LineChart(title, Axis(f"per {_PER} customers"), weeks, "week", series))
    axis = Axis(f"per {_PER} customers and week")
    return SmallMultiples("Messages delivered and refused by week: " + ", ".join(data), axis, tuple(data), tuple(charts))


def hour_figure(runs: PolicyRuns, log: LogSeries, event: str) -> HeatMap:
    """Draw the share of an event by weekday and hour.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    log : LogSeries
        Log of one run.
    event : str
        'delivered' or 'opened'.
    """
    counts = log.by_hour(event)
    shares = counts / max(counts.sum(), 1.0)
    word = "sends" if event == "delivered" else "opens"
    alt = f"Heat map of {word} by weekday and hour; most on {_peak_text(shares)}"
    hours = tuple(f"{hour:02d}" for hour in range(24))
    return HeatMap(alt, Axis(f"Share of all {word}"), WEEKDAYS, hours, tuple(map(tuple, shares.tolist())), f"of all {word}")


def _peak_text(shares: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> str:
    day, hour = np.unravel_index(int(shares.argmax()), shares.shape)
    names = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
    return f"{names[day]} between {hour:02d}:00 and {(hour + 1) % 24:02d}:00"


def _contact_answer(runs: PolicyRuns, refusals: dict[str, dict[str, MetricEstimate]]) -> str:
    """State how contacts change, and which refusal changes most."""
    if runs.comparison is None:
        one = runs.baseline.metrics["contacts"]
        return f"{one.value:,.1f} contacts per customer [{one.low:,.1f}, {one.high:,.1f}] in {runs.baseline.provenance.horizon:g} days."
    effect = runs.effects["contacts"]
    form = runs.form("contacts", effect)
    change = f"{form.size(effect.effect)} {'more' if effect.effect > 0 else 'fewer'} contacts {form.per}"
    text = (
        f"{change} {form.size_interval(effect.low, effect.high)}" if effect.is_significant else "About as many contacts under both policies"
    )
    changes = {reason: abs(of[runs.best].value - of[runs.baseline_name].value) for reason, of in refusals.items()}
    if changes and max(changes.values()) >= 0.01:
        reason = max(changes, key=lambda one: changes[one])
        now, then = refusals[reason][runs.best].value, refusals[reason][runs.baseline_name].value
        text += f". Refused sends change most for “{_REASONS.get(reason, reason)}”: {now:,.2f} per customer, against {then:,.2f}"
    return text + "."


def contact_section(runs: PolicyRuns) -> Section:
    """Return the section about contacts.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    refusals, rows, logs = refusal_data(runs), channel_data(runs), logged_runs(list(runs.runs.values()))
    panels = []
    if logs:
        caption = runs.caption("Bands are 95% intervals of the mean. Each panel has its own scale from zero.", _first_only(runs))
        say = f"Messages per {_PER} customers in each whole week."
        chart = weekly_figure(runs, weekly_data(runs, logs))
        panels.append(Panel("Contacts and refusals by week", say, chart, caption=caption, legend=runs.legend, is_wide=True))
    if refusals:
        caption = runs.caption("Sends that a guardrail or a rule refused. Thin lines are 95% intervals.")
        chart_of_reasons = refusal_figure(runs, refusals)
        panels.append(
            Panel("Refused sends by reason", "Per customer.", chart_of_reasons, caption=caption, legend=runs.legend, is_wide=True)
        )
    if rows:
        caption = runs.caption("95% intervals. Who receives and opens differs between policies.")
        table = channel_table(runs, rows)
        panels.append(Panel("From delivery to click, by channel", table=table, caption=caption, is_wide=True, is_table_folded=False))
    if logs:
        log, label = logs[list(runs.runs).index(runs.best)], runs.labels[runs.best]
        for event, title in (("delivered", "When messages are sent"), ("opened", "When they are opened")):
            heat = hour_figure(runs, log, event)
            count = int(log.by_hour(event).sum())
            word = "sends" if event == "delivered" else "opens"
            text = f"{label}; {count:,} {word}; hours as in the event log; shading by the square root of the share."
            say = f"Most on {heat.alt.partition('most on ')[2]}."
            panels.append(Panel(title, say, heat, caption=f"{text} A description of one run, so without intervals."))
    answer = _contact_answer(runs, refusals)
    if not logs:
        answer += " Without event logs, weeks and hours are not shown: simulate with --events."
    return Section("contacts", "What reaches customers?", answer, tuple(panels), "Contacts")


def _first_only(runs: PolicyRuns) -> str:
    return "Counted in the first replication." if runs.baseline.repeats else ""
