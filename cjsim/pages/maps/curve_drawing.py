"""Draws curves across the stages: one line for each persona or policy, with intervals as pale bars, labeled at the left."""

from collections.abc import Sequence
from itertools import pairwise

from cjsim.pages.charts.svg_canvas import Scale, nice_step, nice_ticks
from cjsim.pages.maps.block_layout import NOTE, STYLES, Block, text_lines
from cjsim.pages.maps.grid_sheet import INSET, LABEL_WIDTH, PADDING, Columns, Sheet
from cjsim.pages.maps.map_parts import CurveSeries, Lane

_LEAST_HEIGHT = 150.0
_LABEL_GAP, _MARGIN = 5.0, 16.0
_OFFSET = 9.0  # between the points of two lines in one stage


def draw_curves(sheet: Sheet, lane: Lane, top: tuple[float, float], columns: Columns) -> float:
    """Draw the curves of a lane, and return the height of the lane.

    Parameters
    ----------
    sheet : Sheet
        The picture.
    lane : Lane
        The lane.
    top : tuple of float
        Where the lane begins, and the height of its title.
    columns : Columns
        The columns of the stages.
    """
    y, title_height = top
    shown = [series for series in lane.curves if any(series.points[columns.first : columns.last + 1])]
    width = LABEL_WIDTH - 2 * INSET - 12
    blocks = [Block.stacked(text_lines(series.label, STYLES["strong"], width)) for series in shown]
    height = max(_LEAST_HEIGHT, title_height + sum(block.height + _LABEL_GAP for block in blocks) + PADDING)
    scale = _scale(shown, columns, (y + height - _MARGIN, y + _MARGIN))
    step = nice_step(scale.low, scale.high, 4)
    for tick in nice_ticks(scale.low, scale.high, 4):
        sheet.line((LABEL_WIDTH, scale(tick)), (columns.right, scale(tick)), "grid")
        decimals = next((count for count in range(4) if abs(round(step, count) - step) < 1e-9), 3)
        sheet.write((columns.right - 4, scale(tick) - 3), f"{tick:.{decimals}f}", NOTE, anchor="end")
    places = [_points(series, i - (len(shown) - 1) / 2, columns, scale) for i, series in enumerate(shown)]
    for series, points in zip(shown, places, strict=True):
        _draw_series(sheet, series, points, columns, scale)
    tops = _spread([points[0][1] for points in places], [block.height for block in blocks], (y + title_height, y + height - 4))
    for series, points, block, at in zip(shown, places, blocks, tops, strict=True):
        sheet.rect((INSET, at + 3, 6, 10), series.color, radius=1)
        sheet.block(block, (INSET + 12, at), (0, y, LABEL_WIDTH, height))
        start = (LABEL_WIDTH - 4, at + block.height / 2)
        path = f"M{start[0]:.1f} {start[1]:.1f}L{points[0][0]:.1f} {points[0][1]:.1f}"
        sheet.elements.append(f'<path d="{path}" fill="none" style="stroke:var(--{series.color});stroke-width:.8" stroke-dasharray="1 3"/>')
    return height


def _scale(shown: Sequence[CurveSeries], columns: Columns, ends: tuple[float, float]) -> Scale:
    known = [point for series in shown for point in series.points[columns.first : columns.last + 1] if point is not None]
    low, high = min(point.low for point in known), max(point.high for point in known)
    if high - low < 0.02:
        low, high = low - 0.01, high + 0.01
    return Scale(low, high, *ends)


def _points(series: CurveSeries, offset: float, columns: Columns, scale: Scale) -> list[tuple[float, float, int]]:
    """Return the places of the points that are known, and their stages."""
    shown = range(columns.first, columns.last + 1)
    middle = columns.width / 2 + offset * _OFFSET
    values = [(stage, series.points[stage]) for stage in shown]
    return [(columns.left(stage) + middle, scale(point.value), stage) for stage, point in values if point is not None]


def _draw_series(sheet: Sheet, series: CurveSeries, points: Sequence[tuple[float, float, int]], columns: Columns, scale: Scale) -> None:
    for x, _, stage in points:
        point = series.points[stage]
        if point is not None:
            low, high = scale(point.high), scale(point.low)
            sheet.rect((x - 4, low, 8, max(high - low, 1)), series.color, css="iv", radius=4)
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, after in pairwise(points):
        middle = (before[0] + after[0]) / 2
        path += f"C{middle:.1f} {before[1]:.1f} {middle:.1f} {after[1]:.1f} {after[0]:.1f} {after[1]:.1f}"
    dash = ' stroke-dasharray="6 4"' if series.is_dashed else ""
    sheet.elements.append(f'<path d="{path}" fill="none" style="stroke:var(--{series.color});stroke-width:2"{dash}/>')
    for x, y, _ in points:
        sheet.dot(x, y, series.color, radius=4)


def _spread(centers: Sequence[float], heights: Sequence[float], limits: tuple[float, float]) -> list[float]:
    """Return the upper edges of labels that stand as near to their centers as possible without overlapping."""
    order = sorted(range(len(centers)), key=lambda i: centers[i])
    tops = dict.fromkeys(order, 0.0)
    at = limits[0]
    for i in order:
        tops[i] = max(centers[i] - heights[i] / 2, at)
        at = tops[i] + heights[i] + _LABEL_GAP
    at = limits[1]
    for i in reversed(order):
        tops[i] = min(tops[i], at - heights[i])
        at = tops[i] - _LABEL_GAP
    return [tops[i] for i in range(len(centers))]
