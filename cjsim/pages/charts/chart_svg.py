"""Charts as SVG pictures, drawn for the width at which they are shown."""

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
    SmallMultiples,
    WaterfallChart,
)
from cjsim.pages.charts.svg_canvas import Canvas, Scale, nice_step, nice_ticks, text_width, tick_text, wrapped

BOLD = 12.9  # size of normal text that is as wide as bold labels
NARROW = 400.0  # below this width in pixels, labels stand above their marks
_TOP = 26.0


def chart_svg(chart: Chart, width: float, css: str = "") -> str:
    """Draw a chart.

    Parameters
    ----------
    chart : Chart
        The chart.
    width : float
        Width of the picture, in pixels.
    css : str
        Class of the `svg` element.

    Returns
    -------
    str
        An `svg` element.
    """
    canvas = Canvas(width)
    height = _PAINTERS[chart.kind](canvas, chart)
    return canvas.svg(height, chart.alt, css)


def strip_svg(chart: IntervalChart, width: float, *, is_large: bool) -> str:
    """Draw the only row of an interval chart as a strip without a label, for the first screen.

    Parameters
    ----------
    chart : IntervalChart
        A chart with one row.
    width : float
        Width of the picture, in pixels.
    is_large : bool
        Whether ticks and the ends of the interval are written.

    Returns
    -------
    str
        An `svg` element.
    """
    row, canvas = chart.rows[0], Canvas(width)
    scale = _scale_of([row.low, row.high, row.value, chart.reference or 0.0], 6.0, width - 6.0, pad=0.14)
    middle, zero = (45.0 if is_large else 12.0), scale(chart.reference or 0.0)
    if is_large:
        _hero_ticks(canvas, chart.axis, scale, zero)
    canvas.line((4, middle), (width - 4, middle), "axis")
    label = chart.reference_label
    half = text_width(label, 11) / 2
    canvas.interval((scale(row.low), scale(row.high)), middle, row.color, height=18 if is_large else 10)
    canvas.line((zero, middle - (19 if is_large else 10)), (zero, middle + (19 if is_large else 10)), "zero")
    canvas.dot(scale(row.value), middle, row.color, radius=8 if is_large else 4.5)
    canvas.text(min(max(zero, half + 1), width - half - 1), middle + (37 if is_large else 21), label, "s", "middle")
    if is_large:
        _hero_texts(canvas, row, scale)
    return canvas.svg(88 if is_large else 36, chart.alt)


def _hero_ticks(canvas: Canvas, axis: Axis, scale: Scale, zero: float) -> None:
    step = nice_step(scale.low, scale.high, 3)
    for tick in nice_ticks(scale.low, scale.high, 3):
        label, x = tick_text(axis, tick, step), scale(tick)
        if abs(x - zero) > 70 and 20 < x < canvas.width - 20:
            canvas.line((x, 26), (x, 64), "grid")
            canvas.text(x, 82, label, "s", "middle")


def _hero_texts(canvas: Canvas, row: IntervalRow, scale: Scale) -> None:
    """Write the estimate above its point, and the ends of the interval beside it."""
    low, value, high = row.detail.split("|")
    x = min(max(scale(row.value), 36), canvas.width - 36)
    canvas.text(x, 17, value, "k big", "middle")
    gap = text_width(value, 15) / 2 + 12
    if x - gap - text_width(low) > 0:
        canvas.text(x - gap, 17, low, "", "end")
    if x + gap + text_width(high) < canvas.width:
        canvas.text(x + gap, 17, high)


def _scale_of(values: Sequence[float], first: float, last: float, *, pad: float = 0.06) -> Scale:
    """Return a scale that covers the finite values, with some room at both ends."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    room = (high - low or abs(high) or 1.0) * pad
    return Scale(low - room, high + room, first, last)


def _paint_intervals(canvas: Canvas, chart: IntervalChart) -> float:
    is_narrow = canvas.width < NARROW
    text_space = max((text_width(row.text) for row in chart.rows), default=0.0) + 12
    label_space = min(max((text_width(row.label, BOLD) for row in chart.rows), default=0.0) + 14, canvas.width * 0.36)
    left, right = (8.0, canvas.width - 8.0) if is_narrow else (label_space, canvas.width - text_space)
    reference = [] if chart.reference is None else [chart.reference]
    scale = _scale_of([x for row in chart.rows for x in (row.low, row.high, row.value)] + reference, left, right)
    step_height, y = (46.0 if is_narrow else 30.0), _TOP
    bottom = _TOP + step_height * len(chart.rows) + 2
    _vertical_ticks(canvas, chart.axis, scale, bottom, is_narrow=is_narrow)
    if chart.reference is not None:
        canvas.line((scale(chart.reference), 18), (scale(chart.reference), bottom), "zero")
    for row in chart.rows:
        middle = y + (30.0 if is_narrow else 15.0)
        if is_narrow:
            space = canvas.width - text_width(row.text) - 12
            canvas.text(0, y + 13, wrapped(row.label, space, most=1)[0], "h k")
            canvas.text(canvas.width, y + 13, row.text, "h", "end")
        else:
            lines = wrapped(row.label, label_space - 8, size=BOLD, most=2)
            canvas.lines(0, middle + 4 - 7.5 * (len(lines) - 1), lines, "k")
            canvas.text(canvas.width, middle + 4, row.text, "", "end")
        if math.isfinite(row.value):
            if math.isfinite(row.low) and math.isfinite(row.high):
                canvas.interval((scale(row.low), scale(row.high)), middle, row.color)
            canvas.dot(scale(row.value), middle, row.color)
        y += step_height
    return bottom + 6


def _vertical_ticks(canvas: Canvas, axis: Axis, scale: Scale, bottom: float, *, is_narrow: bool) -> None:
    count = max(int((scale.last - scale.first) / (80 if is_narrow else 70)), 1)
    step = nice_step(scale.low, scale.high, count)
    for tick in nice_ticks(scale.low, scale.high, count):
        x = scale(tick)
        canvas.line((x, 18), (x, bottom), "grid")
        label = tick_text(axis, tick, step)
        half = text_width(label, 11) / 2
        canvas.text(min(max(x, half), canvas.width - half), 12, label, "s", "middle")


def _paint_waterfall(canvas: Canvas, chart: WaterfallChart) -> float:
    is_narrow = canvas.width < NARROW
    starts, level = [], 0.0
    for row in chart.rows[:-1]:
        starts.append(level)
        level += row.value
    starts.append(0.0)
    ends = [start + row.value for start, row in zip(starts, chart.rows, strict=True)]
    bounds = [start + x for start, row in zip(starts, chart.rows, strict=True) for x in (row.low, row.high)]
    label_space = min(max(text_width(row.label, BOLD) for row in chart.rows) + 14, canvas.width * 0.38)
    text_space = max(text_width(row.text) for row in chart.rows) + 12
    left, right = (8.0, canvas.width - 8.0) if is_narrow else (label_space, canvas.width - text_space)
    scale = _scale_of([0.0, *starts, *ends, *bounds], left, right)
    height, y = (48.0 if is_narrow else 36.0), _TOP
    bottom = _TOP + height * len(chart.rows)
    _vertical_ticks(canvas, chart.axis, scale, bottom, is_narrow=is_narrow)
    canvas.line((scale(0.0), 18), (scale(0.0), bottom), "zero")
    for i, (row, start, end) in enumerate(zip(chart.rows, starts, ends, strict=True)):
        top = y + (20.0 if is_narrow else 7.0)
        if is_narrow:
            canvas.text(0, y + 14, wrapped(row.label, canvas.width - text_width(row.text) - 10, most=1)[0], "h k")
            canvas.text(canvas.width, y + 14, row.text, "h", "end")
        else:
            lines = wrapped(row.label, label_space - 8, size=BOLD, most=2)
            canvas.lines(0, top + 12 - 7.5 * (len(lines) - 1), lines, "k")
            canvas.text(canvas.width, top + 12, row.text, "", "end")
        canvas.rect((scale(start), top, scale(end) - scale(start) or 1.0, 14), row.color)
        if math.isfinite(row.low):
            canvas.line((scale(start + row.low), top + 19), (scale(start + row.high), top + 19), "axis", row.color)
        if i < len(chart.rows) - 2:
            canvas.line((scale(end), top + 14), (scale(end), top + height), "grid")
        y += height
    return bottom + 4


def _paint_lines(canvas: Canvas, chart: LineChart, box: tuple[float, float, float, float] | None = None) -> float:
    """Draw lines into a box, given as left, top, width and height; by default, the whole picture."""
    left, top, width, height = box or (0.0, 6.0, canvas.width, 260.0)
    values = [x for one in chart.series for part in (one.values, one.low, one.high) for x in part]
    vertical = _scale_of([*values, 0.0] if chart.starts_at_zero else values, top + height - 34, top + 4, pad=0.0)
    vertical = vertical._replace(high=vertical.high + (vertical.high - vertical.low) * 0.06 or 1.0)
    count = 4 if height > 150 else 3
    step = nice_step(vertical.low, vertical.high, count)
    ticks = nice_ticks(vertical.low, vertical.high, count)
    indent = max(text_width(tick_text(chart.axis, tick, step), 11) for tick in ticks) + 8
    across = Scale(chart.positions[0], chart.positions[-1], left + indent, left + width - 12)
    for tick in ticks:
        canvas.line((left + indent, vertical(tick)), (left + width - 8, vertical(tick)), "grid")
        canvas.text(left + indent - 6, vertical(tick) + 4, tick_text(chart.axis, tick, step), "s", "end")
    _position_ticks(canvas, chart, across, top + height - 18)
    canvas.text(left + width - 8, top + height - 2, chart.position_title, "s", "end")
    for one in reversed(chart.series):
        if one.low:
            ends = [*zip(chart.positions, one.high, strict=True), *reversed(list(zip(chart.positions, one.low, strict=True)))]
            canvas.area([(across(x), vertical(y)) for x, y in ends if math.isfinite(y)], one.color)
    for one in reversed(chart.series):
        points = [(across(x), vertical(y)) for x, y in zip(chart.positions, one.values, strict=True) if math.isfinite(y)]
        canvas.path(points, one.color, is_dashed=one.color == "p0")
        if len(points) <= 14:
            for x, y in points:
                canvas.dot(x, y, one.color, radius=3)
    return top + height + 4


def _position_ticks(canvas: Canvas, chart: LineChart, across: Scale, y: float) -> None:
    if chart.position_labels:
        widest = max(text_width(label, 11) for label in chart.position_labels) + 8
        every = max(math.ceil(len(chart.positions) * widest / max(across.last - across.first, 1.0)), 1)
        marks = [(x, label) for x, label in zip(chart.positions, chart.position_labels, strict=True)][::every]
    elif len(chart.positions) <= 6:
        marks = [(x, f"{x:g}") for x in chart.positions]
    else:
        marks = [(x, f"{x:g}") for x in nice_ticks(across.low, across.high, max(int((across.last - across.first) / 60), 1))]
    for x, label in marks:
        half = text_width(label, 11) / 2
        canvas.text(min(across(x), across.last + 12 - half), y, label, "s", "middle")


def _paint_multiples(canvas: Canvas, chart: SmallMultiples) -> float:
    columns = 1 if canvas.width < NARROW else 2 if canvas.width < 700 else 3
    gap, height = 24.0, 156.0
    width = (canvas.width - gap * (columns - 1)) / columns
    for i, (title, panel) in enumerate(zip(chart.titles, chart.charts, strict=True)):
        left, top = (i % columns) * (width + gap), (i // columns) * height
        canvas.text(left, top + 12, wrapped(title, width, most=1)[0], "k")
        _paint_lines(canvas, panel, (left, top + 16, width, height - 26))
    return math.ceil(len(chart.charts) / columns) * height


def _paint_bars(canvas: Canvas, chart: BarChart) -> float:
    is_narrow = canvas.width < NARROW
    texts = [text for of in chart.texts for text in of]
    label_space = 0.0 if is_narrow else min(max(text_width(one, BOLD) for one in chart.categories) + 14, canvas.width * 0.36)
    right = canvas.width - max(map(text_width, texts), default=0.0) - 12
    most = max((x for one in chart.series for x in (*one.values, *one.high) if math.isfinite(x)), default=1.0) or 1.0
    least = min((x for one in chart.series for x in one.values if math.isfinite(x)), default=0.0)
    scale, y = Scale(min(least, 0.0), most, label_space, right), 4.0
    for i, category in enumerate(chart.categories):
        if is_narrow:
            canvas.text(0, y + 12, wrapped(category, canvas.width, most=1)[0], "k")
            y += 18
        else:
            middle = y + 9 * len(chart.series)
            lines = wrapped(category, label_space - 8, size=BOLD, most=2)
            canvas.lines(0, middle + 3 - 7.5 * (len(lines) - 1), lines, "k")
        for one, of in zip(chart.series, chart.texts, strict=True):
            value = one.values[i] if math.isfinite(one.values[i]) else 0.0
            canvas.rect((label_space, y + 2, right - label_space, 10), "sunken", radius=5)
            canvas.rect((scale(0.0), y + 2, scale(value) - scale(0.0), 10), one.color, radius=5)
            if one.low and math.isfinite(one.low[i]):
                canvas.line((scale(one.low[i]), y + 14.5), (scale(one.high[i]), y + 14.5), "axis", one.color)
            canvas.text(canvas.width, y + 11, of[i], "", "end")
            y += 18
        y += 10
    return y


def _paint_columns(canvas: Canvas, chart: ColumnChart) -> float:
    top, bottom, count = 24.0, 150.0, len(chart.categories)
    width = canvas.width / max(count, 1)
    most = max(chart.values) or 1.0
    for i, (category, value) in enumerate(zip(chart.categories, chart.values, strict=True)):
        height = (bottom - top) * value / most
        x = i * width
        canvas.rect((x + width * 0.07, bottom - height, width * 0.86, max(height, 0.5)), chart.colors[i])
        canvas.text(x + width / 2, bottom - height - 5, chart.texts[i], "s", "middle")
        for j, line in enumerate(wrapped(category, width - 6, size=11, most=3)):
            canvas.text(x + width / 2, bottom + 16 + 13 * j, line, "s", "middle")
    canvas.line((0, bottom), (canvas.width, bottom), "axis")
    return bottom + 16 + 13 * 3


def _paint_heat(canvas: Canvas, chart: HeatMap) -> float:
    left = max(text_width(label, 11) for label in chart.row_labels) + 8
    width = (canvas.width - left) / max(len(chart.column_labels), 1)
    most = max((value for row in chart.values for value in row), default=0.0) or 1.0
    every = max(math.ceil(30 / width), 1)
    for j, label in enumerate(chart.column_labels):
        if j % every == 0:
            canvas.text(left + j * width, 10, label, "s")
    for i, (label, row) in enumerate(zip(chart.row_labels, chart.values, strict=True)):
        top = 18 + 26 * i
        canvas.text(0, top + 16, label, "s")
        for j, value in enumerate(row):
            canvas.rect((left + j * width, top, width - 2, 24), "sunken")
            if value > 0:
                canvas.rect((left + j * width, top, width - 2, 24), "heat", opacity=0.06 + 0.94 * math.sqrt(value / most))
    return 18 + 26 * len(chart.row_labels) + 4


def _paint_flow(canvas: Canvas, chart: FlowChart) -> float:
    """Draw where customers come from on the left, where they go on the right, and ribbons between."""
    gap, space = 10.0, 420.0
    out = [math.fsum(size for source, _, size in chart.links if source == i) for i in range(len(chart.nodes))]
    into = [math.fsum(size for _, target, size in chart.links if target == i) for i in range(len(chart.nodes))]
    total = math.fsum(out) or 1.0
    label_space = min(max(text_width(node, BOLD) for node in chart.nodes) + 14, canvas.width * 0.34)
    ends = [label_space, canvas.width - label_space - 10]
    tops: list[dict[int, float]] = []
    for sizes, x, anchor in ((out, ends[0], "end"), (into, ends[1], "start")):
        y, positions = 6.0, {}
        for i, size in enumerate(sizes):
            if size:
                height = max(space * size / total, 2.0)
                positions[i] = y
                canvas.rect((x, y, 10, height), "p0", radius=1)
                at = x - 6 if anchor == "end" else x + 16
                lines = wrapped(chart.nodes[i], label_space - 10, size=BOLD, most=2)
                canvas.lines(at, y + height / 2 + 4 - 7.5 * (len(lines) - 1), lines, "k", anchor)
                y += max(height, 15.0 * len(lines)) + gap
        tops.append(positions)
    bottom = 0.0
    used = [dict(positions) for positions in tops]
    for source, target, size in chart.links:
        height, left, right = space * size / total, ends[0] + 10, ends[1]
        a, b, bend = used[0][source], used[1][target], (right - left) / 2
        curve = f"M{left:.1f} {a:.1f}C{left + bend:.1f} {a:.1f} {left + bend:.1f} {b:.1f} {right:.1f} {b:.1f}"
        back = f"V{b + height:.1f}C{left + bend:.1f} {b + height:.1f} {left + bend:.1f} {a + height:.1f} {left:.1f} {a + height:.1f}Z"
        canvas.shape(curve + back, "p1")
        used[0][source] += height
        used[1][target] += height
        bottom = max(bottom, a + height, b + height)
    return bottom + 14


_PAINTERS: dict[str, Callable[[Canvas, Any], float]] = {
    IntervalChart.kind: _paint_intervals,
    WaterfallChart.kind: _paint_waterfall,
    LineChart.kind: _paint_lines,
    SmallMultiples.kind: _paint_multiples,
    BarChart.kind: _paint_bars,
    ColumnChart.kind: _paint_columns,
    HeatMap.kind: _paint_heat,
    FlowChart.kind: _paint_flow,
}
