"""Charts as plotly figures. Colors are names of the page's style sheet, which the page replaces when it draws or changes its theme."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from cjsim.pages.charts.chart_kinds import (
    Axis,
    BarChart,
    Chart,
    ColumnChart,
    FlowChart,
    HeatMap,
    IntervalChart,
    IntervalRow,
    LineChart,
    Series,
    SmallMultiples,
    WaterfallChart,
)

Figure = dict[str, Any]
_BAND = 0.18


def plotly_figure(chart: Chart) -> Figure:
    """Return the traces and the layout of a chart as plain values.

    Parameters
    ----------
    chart : Chart
        The chart.

    Returns
    -------
    dict
        `data` and `layout`, as `Plotly.newPlot` takes them. Colors are 'var(--NAME)' or, with opacity, 'var(--NAME)@0.18'.
    """
    return _FIGURES[chart.kind](chart)


def _axis(axis: Axis, *, title: str | None = None) -> Figure:
    text = axis.title if title is None else title
    style = {"tickprefix": axis.prefix, "ticksuffix": axis.suffix} if axis.scale == 1.0 or axis.suffix == "%" else {}
    sign = "+" if axis.is_signed else ""
    return {"title": {"text": text}, "separatethousands": True, "tickformat": f"{sign},~g", "automargin": True, **style}


def _scaled(axis: Axis, values: Sequence[float]) -> list[float | None]:
    return [axis.scale * value if math.isfinite(value) else None for value in values]


def _intervals(chart: IntervalChart) -> Figure:
    rows = list(reversed(chart.rows))
    axis = chart.axis
    values = _scaled(axis, [row.value for row in rows])
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": [row.label for row in rows],
        "text": [row.text for row in rows],
        "hovertemplate": "%{y}<br>%{text}<extra></extra>",
        "marker": {"size": 11, "color": [f"var(--{row.color})" for row in rows]},
        **_row_intervals(axis, rows, color="var(--flat)@0.35", thickness=6),
    }
    return {"data": [trace], "layout": {"xaxis": _axis(axis), "yaxis": {"automargin": True, "type": "category"}, "showlegend": False}}


def _row_intervals(axis: Axis, rows: Sequence[IntervalRow], *, color: str, thickness: float) -> Figure:
    above, below = ([row.high - row.value for row in rows], [row.value - row.low for row in rows])
    shape = {"type": "data", "symmetric": False, "width": 0, "thickness": thickness, "color": color}
    return {"error_x": {**shape, "array": _scaled(axis, above), "arrayminus": _scaled(axis, below)}}


def _waterfall(chart: WaterfallChart) -> Figure:
    rows, level, bases = list(chart.rows), 0.0, []
    for row in rows[:-1]:
        bases.append(level)
        level += row.value
    bases.append(0.0)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [row.label for row in rows],
        "x": _scaled(chart.axis, [row.value for row in rows]),
        "base": _scaled(chart.axis, bases),
        "text": [row.text for row in rows],
        "hovertemplate": "%{y}<br>%{text}<extra></extra>",
        "textposition": "none",
        "marker": {"color": [f"var(--{row.color})" for row in rows]},
        **_row_intervals(chart.axis, rows, color="var(--ink)", thickness=1.5),
    }
    vertical = {"automargin": True, "type": "category", "autorange": "reversed"}
    return {"data": [trace], "layout": {"xaxis": _axis(chart.axis), "yaxis": vertical, "showlegend": False}}


def _line_traces(chart: LineChart, number: str = "") -> list[Figure]:
    traces: list[Figure] = []
    axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
    x = list(chart.position_labels or chart.positions)
    for one in chart.series:
        if one.low:
            ends: Figure = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, **axes}
            traces.append({**ends, "x": x, "y": _scaled(chart.axis, one.high)})
            traces.append(
                {**ends, "x": x, "y": _scaled(chart.axis, one.low), "fill": "tonexty", "fillcolor": f"var(--{one.color})@{_BAND}"}
            )
        dash = "dash" if one.color == "p0" else "solid"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines" if len(x) > 14 else "lines+markers",
                "name": one.label,
                "x": x,
                "y": _scaled(chart.axis, one.values),
                "line": {"color": f"var(--{one.color})", "width": 2.2, "dash": dash},
                "showlegend": number in ("", "1"),
                **axes,
            }
        )
    return traces


def _lines(chart: LineChart) -> Figure:
    vertical = _axis(chart.axis) | ({"rangemode": "tozero"} if chart.starts_at_zero else {})
    horizontal = {"title": {"text": chart.position_title}, "automargin": True}
    return {"data": _line_traces(chart), "layout": {"xaxis": horizontal, "yaxis": vertical, "hovermode": "x unified"}}


def _multiples(chart: SmallMultiples) -> Figure:
    layout: Figure = {"grid": {"rows": math.ceil(len(chart.charts) / 3), "columns": 3, "pattern": "independent"}, "height": 0}
    layout["height"] = 220 * layout["grid"]["rows"]
    data: list[Figure] = []
    for i, (title, one) in enumerate(zip(chart.titles, chart.charts, strict=True)):
        number = str(i + 1)
        data += _line_traces(one, number)
        key = "" if i == 0 else number
        layout[f"xaxis{key}"] = {"automargin": True}
        layout[f"yaxis{key}"] = _axis(one.axis, title=title) | {"rangemode": "tozero"}
    return {"data": data, "layout": layout}


def _bars(chart: BarChart) -> Figure:
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": one.label,
            "y": list(chart.categories),
            "x": _scaled(chart.axis, one.values),
            "text": list(texts),
            "hovertemplate": "%{y}<br>%{text}<extra>%{fullData.name}</extra>",
            "textposition": "none",
            "marker": {"color": f"var(--{one.color})"},
            **_bar_intervals(chart.axis, one),
        }
        for one, texts in zip(chart.series, chart.texts, strict=True)
    ]
    vertical = {"automargin": True, "type": "category", "autorange": "reversed"}
    return {"data": data, "layout": {"xaxis": _axis(chart.axis), "yaxis": vertical, "barmode": "group"}}


def _bar_intervals(axis: Axis, series: Series) -> Figure:
    """Return the intervals of bars; nothing if they have none."""
    if not series.low:
        return {}
    above = [high - value for high, value in zip(series.high, series.values, strict=True)]
    below = [value - low for low, value in zip(series.low, series.values, strict=True)]
    shape = {"type": "data", "symmetric": False, "width": 0, "thickness": 1.5, "color": "var(--ink)"}
    return {"error_x": {**shape, "array": _scaled(axis, above), "arrayminus": _scaled(axis, below)}}


def _columns(chart: ColumnChart) -> Figure:
    trace = {
        "type": "bar",
        "x": list(chart.categories),
        "y": _scaled(chart.axis, chart.values),
        "marker": {"color": [f"var(--{color})" for color in chart.colors]},
        "hovertemplate": "%{x}: %{text}<extra></extra>",
        "text": list(chart.texts),
        "textposition": "outside",
    }
    return {"data": [trace], "layout": {"xaxis": {"type": "category", "automargin": True}, "yaxis": _axis(chart.axis)}}


def _heat(chart: HeatMap) -> Figure:
    trace = {
        "type": "heatmap",
        "x": list(chart.column_labels),
        "y": list(chart.row_labels),
        "z": [[100 * value for value in row] for row in chart.values],
        "colorscale": [[0, "var(--sunken)"], [1, "var(--heat)"]],
        "hovertemplate": "%{y} %{x}:00, %{z:.2f}% " + chart.detail + "<extra></extra>",
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    return {"data": [trace], "layout": {"yaxis": {"autorange": "reversed", "type": "category"}, "xaxis": {"type": "category"}}}


def _flow(chart: FlowChart) -> Figure:
    count = len(chart.nodes)
    trace = {
        "type": "sankey",
        "node": {"label": [*chart.nodes, *chart.nodes], "color": "var(--p0)", "pad": 14, "thickness": 12},
        "link": {
            "source": [source for source, _, _ in chart.links],
            "target": [count + target for _, target, _ in chart.links],
            "value": [size for _, _, size in chart.links],
            "customdata": list(chart.texts),
            "hovertemplate": "%{source.label} to %{target.label}<br>%{customdata}<extra></extra>",
            "color": "var(--p1)@0.25",
        },
    }
    return {"data": [trace], "layout": {}}


_FIGURES: dict[str, Callable[[Any], Figure]] = {
    IntervalChart.kind: _intervals,
    WaterfallChart.kind: _waterfall,
    LineChart.kind: _lines,
    SmallMultiples.kind: _multiples,
    BarChart.kind: _bars,
    ColumnChart.kind: _columns,
    HeatMap.kind: _heat,
    FlowChart.kind: _flow,
}
