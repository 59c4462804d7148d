"""The sheet that a map is drawn on: a picture that remembers where its texts stand, and the columns of the stages."""

from dataclasses import dataclass, field
from html import escape

from cjsim.pages.charts.svg_canvas import Canvas
from cjsim.pages.maps.block_layout import Block, TextStyle
from cjsim.pages.page_parts import Tone

WIDTH, LABEL_WIDTH = 1392.0, 132.0  # pixels
PADDING, INSET = 9.0, 8.0  # above and below the content of a lane; at both sides of a cell


@dataclass(frozen=True)
class TextBox:
    """Where a line of text stands, and the cell that it belongs to, as x, y, width and height. Tests check that none overlap."""

    text: str
    box: tuple[float, float, float, float]
    cell: tuple[float, float, float, float]


@dataclass
class Sheet(Canvas):
    """A picture that remembers where its texts stand."""

    boxes: list[TextBox] = field(default_factory=list)

    def write(self, at: tuple[float, float], text: str, style: TextStyle, *, tone: Tone | None = None, anchor: str = "start") -> None:
        """Write a line of text. `at` is the start of its baseline, or its end if the anchor is 'end'."""
        color = f' style="fill:var(--{tone})"' if tone in ("gain", "loss") else ""
        placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.elements.append(f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" class="{style.css}"{placed}{color}>{escape(text)}</text>')

    def block(self, block: Block, at: tuple[float, float], cell: tuple[float, float, float, float]) -> None:
        """Draw the texts of a block whose upper left corner is `at`."""
        for one in block.texts:
            x, y = at[0] + one.x, at[1] + one.y
            self.write((x, y), one.text, one.style, tone=one.tone, anchor=one.anchor)
            width = one.style.width(one.text)
            left = x - width if one.anchor == "end" else x
            self.boxes.append(TextBox(one.text, (left, y - one.style.size * 0.78, width, one.style.size), cell))


@dataclass(frozen=True)
class Columns:
    """The columns of one row of the map."""

    first: int
    last: int
    width: float

    @classmethod
    def of(cls, first: int, last: int, count: int) -> "Columns":
        """Divide the width by `count` columns."""
        return cls(first, last, (WIDTH - LABEL_WIDTH) / count)

    def left(self, stage: int) -> float:
        """Return the left edge of a stage, in pixels."""
        return LABEL_WIDTH + (stage - self.first) * self.width

    @property
    def right(self) -> float:
        """Right edge of the last column."""
        return self.left(self.last + 1)
