"""Draws a view of a journey map as SVG: stages across, lanes below each other. Each cell states its height, the lane takes the tallest."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cjsim.pages.charts.svg_canvas import Canvas
from cjsim.pages.maps.block_layout import HEAD, HEAD_NOTE, LABEL, NOTE, Block, bar_block, entry_block, text_lines
from cjsim.pages.maps.curve_drawing import draw_curves
from cjsim.pages.maps.grid_sheet import INSET, LABEL_WIDTH, PADDING, WIDTH, Columns, Sheet
from cjsim.pages.maps.map_parts import Bar, Lane, MapView

MOST_STAGES = 8  # in one row of the map; journeys with more stages continue below
_GAP, _TIP = 6.0, 12.0
_BOUNDARY = "ink-2"  # color of the style sheet


def stage_rows(n_stages: int) -> list[tuple[int, int]]:
    """Return the first and last stage of each row of the map, with equally many stages.

    Examples
    --------
    >>> stage_rows(8), stage_rows(13)
    ([(0, 7)], [(0, 6), (7, 12)])
    """
    n_rows = math.ceil(n_stages / MOST_STAGES) or 1
    size = math.ceil(n_stages / n_rows)
    return [(first, min(first + size, n_stages) - 1) for first in range(0, n_stages, size)]


@dataclass(frozen=True)
class Part:
    """A part of a row of the map that is printed on one page: the headings, or a lane."""

    sheet: Sheet
    height: float


@dataclass(frozen=True)
class DrawnRow:
    """One row of a map: its parts below each other, and its text alternative."""

    parts: tuple[Part, ...]
    alt: str

    @property
    def height(self) -> float:
        """Height of the row, in pixels."""
        return sum(part.height for part in self.parts)

    @property
    def pictures(self) -> list[str]:
        """The parts as pictures. The first one carries the text alternative."""
        first, *others = self.parts
        hidden = (part.sheet.svg(part.height, "", "map").replace('role="img" aria-label=""', 'aria-hidden="true"') for part in others)
        return [first.sheet.svg(first.height, self.alt, "map"), *hidden]


def draw_rows(view: MapView) -> list[DrawnRow]:
    """Draw a view, in rows of at most eight stages.

    Parameters
    ----------
    view : MapView
        The view.
    """
    rows = stage_rows(len(view.heads))
    size = rows[0][1] - rows[0][0] + 1
    return [_draw_row(view, Columns.of(first, last, max(size, 4))) for first, last in rows]


def _draw_row(view: MapView, columns: Columns) -> DrawnRow:
    heads = Sheet(WIDTH)
    parts = [Part(heads, _draw_heads(heads, view, columns))]
    shown = [lane for lane in view.lanes if not lane.is_empty(columns.first, columns.last)]
    for i, lane in enumerate(shown):
        sheet = Sheet(WIDTH)
        top = _draw_boundary(sheet, lane.boundary, columns) if lane.boundary else 0.0
        height = _draw_lane(sheet, lane, top, columns)
        grid = Canvas(WIDTH)
        for stage in range(columns.first, columns.last + 2):
            grid.line((columns.left(stage), top), (columns.left(stage), height), "grid")
        if i and not lane.boundary:
            grid.line((0, 0.5), (columns.right, 0.5), "grid")
        sheet.elements[:0] = grid.elements
        parts.append(Part(sheet, height))
    titles = ", ".join(head.title for head in view.heads[columns.first : columns.last + 1])
    lanes = ", ".join(lane.title for lane in shown)
    return DrawnRow(tuple(parts), f"{view.name}. Stages: {titles}. Lanes: {lanes}. The same content follows as text.")


def _draw_heads(sheet: Sheet, view: MapView, columns: Columns) -> float:
    """Draw the stages as arrows, and return where the lanes begin."""
    heads = view.heads[columns.first : columns.last + 1]
    width = columns.width - 2 * _TIP - 4
    blocks = []
    for head in heads:
        texts = [*text_lines(head.title, HEAD, width), *text_lines(head.note, HEAD_NOTE, width)]
        blocks.append(Block.stacked(texts))
    height = max(block.height for block in blocks) + 2 * PADDING
    label = Block.stacked(text_lines(view.head_title, LABEL, LABEL_WIDTH - 2 * INSET))
    sheet.block(label, (INSET, PADDING), (0, 0, LABEL_WIDTH, height))
    for i, (head, block) in enumerate(zip(heads, blocks, strict=True)):
        x, right = columns.left(columns.first + i) + 1, columns.left(columns.first + i + 1) - 3
        notch = x if i == 0 else x + _TIP
        path = f"M{x:.1f} 0H{right:.1f}L{right + _TIP:.1f} {height / 2:.1f}L{right:.1f} {height:.1f}H{x:.1f}L{notch:.1f} {height / 2:.1f}Z"
        is_last = i == len(heads) - 1
        if is_last:
            path = f"M{x:.1f} 0H{right:.1f}V{height:.1f}H{x:.1f}L{notch:.1f} {height / 2:.1f}Z"
        color = "p0" if head.is_hidden else "p1"
        sheet.elements.append(f'<path d="{path}" style="fill:var(--{color})"/>')
        cell = (x, 0.0, columns.width, height)
        sheet.block(block, (x + _TIP + 6, PADDING), cell)
    return height + 2


def _draw_boundary(sheet: Sheet, label: str, columns: Columns) -> float:
    """Draw a line that separates lanes, such as the line of visibility, and return where the next lane begins."""
    height = 24.0
    texts = text_lines(label, LABEL, LABEL_WIDTH * 2)
    block = Block.stacked(texts)
    end = INSET + texts[0].style.width(label) + 10
    sheet.rect((0, 0, columns.right, height), "sunken", radius=0)
    path = f"M{end:.1f} {height / 2:.1f}H{columns.right:.1f}"
    sheet.elements.append(f'<path d="{path}" fill="none" style="stroke:var(--{_BOUNDARY});stroke-width:1.6" stroke-dasharray="7 5"/>')
    sheet.block(block, (INSET, (height - block.height) / 2), (0, 0, columns.right, height))
    return height


def _draw_lane(sheet: Sheet, lane: Lane, y: float, columns: Columns) -> float:
    """Draw a lane, and return where it ends."""
    left = INSET + (8 if lane.color else 0)
    width = LABEL_WIDTH - left - INSET
    label = Block.stacked([*text_lines(lane.title, LABEL, width), *text_lines(lane.note, NOTE, width)])
    content, bars = 0.0, list(_placed_bars(lane, columns))
    for row in range(max((row for row, _, _ in bars), default=-1) + 1):
        content += max(block.height for at, _, block in bars if at == row) + _GAP
    cells = [[entry_block(entry, columns.width - 2 * INSET) for entry in lane.entries(i)] for i in range(columns.first, columns.last + 1)]
    tallest = max((sum(block.height + _GAP for block in blocks) for blocks in cells), default=0.0)
    height = max(content + tallest - _GAP, label.height) + 2 * PADDING
    if lane.curves:
        height = draw_curves(sheet, lane, (y, label.height + 2 * PADDING), columns)
    if lane.color:
        sheet.rect((INSET, y + PADDING + 1, 4, 14), lane.color, radius=1)
    sheet.block(label, (left, y + PADDING), (0, y, LABEL_WIDTH, height))
    _draw_bars(sheet, bars, y + PADDING, columns)
    for i, blocks in enumerate(cells):
        at = y + PADDING + content
        x = columns.left(columns.first + i)
        for block in blocks:
            _draw_entry(sheet, block, (x + INSET, at), (x, y, columns.width, height))
            at += block.height + _GAP
    return y + height


def _draw_entry(sheet: Sheet, block: Block, at: tuple[float, float], cell: tuple[float, float, float, float]) -> None:
    x, y = at
    width = cell[2] - 2 * INSET
    if block.kind == "card":
        fill = "gain-bg" if block.mark == "new" else "sunken"
        sheet.rect((x, y, width, block.height), fill, css="edge dropped" if block.mark == "dropped" else "edge", radius=3)
        sheet.rect((x, y, 3, block.height), block.color or "p0", radius=1)
    elif block.kind == "cliff":
        sheet.rect((x, y, width, block.height), "loss-bg", radius=3)
    elif block.kind == "moment":
        sheet.elements.append(f'<path d="M{x + 5:.1f} {y + 2:.1f}l5 5l-5 5l-5 -5Z" style="fill:var(--p1)"/>')
    sheet.block(block, at, cell)
    if block.strip is not None:
        _draw_strip(sheet, block, (x, y + block.height - 5), width)


def _draw_strip(sheet: Sheet, block: Block, at: tuple[float, float], width: float) -> None:
    strip, (x, y) = block.strip, at
    assert strip is not None
    color = strip.tone or ("p1" if strip.zero is None else "flat")
    sheet.line((x, y), (x + width, y), "axis")
    if strip.zero is not None:
        sheet.line((x + strip.zero * width, y - 5), (x + strip.zero * width, y + 5), "zero")
    sheet.interval((x + strip.low * width, x + strip.high * width), y, color, height=7)
    sheet.dot(x + strip.value * width, y, color, radius=3)


def _placed_bars(lane: Lane, columns: Columns) -> Iterator[tuple[int, Bar, Block]]:
    """Yield the bars of a row of the map, with the line that each stands in. Bars that do not meet share a line."""
    lines: list[list[Bar]] = []
    for bar in lane.bars:
        if bar.first > columns.last or bar.last < columns.first:
            continue
        row = next((i for i, line in enumerate(lines) if all(bar.first > one.last or bar.last < one.first for one in line)), len(lines))
        lines[row:] = [[*lines[row], bar], *lines[row + 1 :]] if row < len(lines) else [[bar]]
        first, last = max(bar.first, columns.first), min(bar.last, columns.last)
        yield row, bar, bar_block(bar, first, last, columns.width)


def _draw_bars(sheet: Sheet, bars: Sequence[tuple[int, Bar, Block]], y: float, columns: Columns) -> None:
    n_rows = max((row for row, _, _ in bars), default=-1) + 1
    for at in range(n_rows):
        height = max(block.height for row, _, block in bars if row == at)
        for row, bar, block in bars:
            if row == at:
                first, last = max(bar.first, columns.first), min(bar.last, columns.last)
                x, right = columns.left(first) + 4, columns.left(last + 1) - 4
                if bar.kind == "outline":
                    sheet.rect((x, y, right - x, height), "surface", css="edge", radius=4)
                else:
                    sheet.rect((x, y, right - x, height), bar.color, radius=3, opacity=0.13)
                sheet.rect((x, y, 4, height), bar.color, radius=1)
                sheet.block(block, (x, y), (x, y, right - x, height))
        y += height + _GAP
