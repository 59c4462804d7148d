"""Drawing of SVG elements in the classes and colors of the page's style sheet, and the scales and ticks of axes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from cjsim.pages.charts.chart_kinds import Axis
from cjsim.pages.quantity_format import MINUS

_NARROW, _WIDE = frozenset("iljtfr.,:;'|()[] "), frozenset("mwMWGOQ@%—")
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
Points = Sequence[tuple[float, float]]


class Scale(NamedTuple):
    """A linear map from data to pixels."""

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        """Return the position of a value, in pixels."""
        span = self.high - self.low or 1.0
        return self.first + (value - self.low) / span * (self.last - self.first)


def nice_step(low: float, high: float, count: int) -> float:
    """Return a step of 1, 2, 2.5 or 5 times a power of ten that divides a range into about `count` parts.

    Examples
    --------
    >>> nice_step(0, 1.2, 4), nice_step(0, 365, 6)
    (0.5, 100.0)
    """
    raw = (high - low or 1.0) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * step for step in _STEPS if power * step >= raw * 0.999)


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Return round values within a range, about `count` + 1 of them.

    Examples
    --------
    >>> nice_ticks(-0.2, 1.2, 4)
    [0.0, 0.5, 1.0]
    """
    step = nice_step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) + 0.0 for i in range(first, last + 1)]


def tick_text(axis: Axis, value: float, step: float) -> str:
    """Return the text of a tick, with the decimals that its step needs."""
    shown, decimals = value * axis.scale, 0
    while decimals < 6 and abs(round(step * axis.scale, decimals) - step * axis.scale) > 1e-9 * max(abs(step * axis.scale), 1e-6):
        decimals += 1
    sign = MINUS if shown < 0 else "+" if axis.is_signed and shown > 0 else ""
    return f"{sign}{axis.prefix}{abs(shown):,.{decimals}f}{axis.suffix}"


def text_width(text: str, size: float = 12.0) -> float:
    """Return the approximate width of a text in the page's sans-serif font, in pixels. Bold text counts as 1.07 times the size."""
    return size * sum(0.32 if letter in _NARROW else 0.86 if letter in _WIDE else 0.57 for letter in text)


def wrapped(text: str, width: float, *, size: float = 12.0, most: int = 3) -> list[str]:
    """Return a text in at most `most` lines of a width in pixels; the last line ends with an ellipsis if the text is longer."""
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    return [_cut(line, width, size) for line in lines]


def _cut(line: str, width: float, size: float) -> str:
    while len(line) > 4 and text_width(line, size) > width * 1.05:
        line = line[:-2].rstrip(" …") + "…"
    return line


@dataclass
class Canvas:
    """Collects the elements of one SVG picture."""

    width: float
    elements: list[str] = field(default_factory=list)

    def line(self, start: tuple[float, float], end: tuple[float, float], css: str = "grid", color: str = "") -> None:
        """Draw a straight line."""
        style = f' style="stroke:var(--{color});stroke-width:1.2"' if color else ""
        self.elements.append(f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" class="{css}"{style}/>')

    def text(self, x: float, y: float, text: str, css: str = "", anchor: str = "start") -> None:
        """Write a line of text."""
        at = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.elements.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{css}"{at}>{escape(text)}</text>')

    def lines(self, x: float, y: float, lines: Iterable[str], css: str = "", anchor: str = "start") -> None:
        """Write lines of text below each other."""
        for i, line in enumerate(lines):
            self.text(x, y + 15 * i, line, css, anchor)

    def rect(self, box: tuple[float, float, float, float], color: str, *, css: str = "", radius: float = 2.0, opacity: float = 1.0) -> None:
        """Draw a rectangle, given as x, y, width and height."""
        x, y, width, height = box
        x, width = (x + width, -width) if width < 0 else (x, width)
        shade = "" if opacity == 1.0 else f";fill-opacity:{opacity:.3f}"
        self.elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}" class="{css}"'
            f' style="fill:var(--{color}){shade}"/>'
        )

    def interval(self, ends: tuple[float, float], y: float, color: str, *, height: float = 10.0) -> None:
        """Draw an interval: a pale rounded bar from low to high."""
        low, high = ends
        self.rect((low, y - height / 2, max(high - low, 1.0), height), color, css="iv", radius=height / 2)

    def dot(self, x: float, y: float, color: str, *, radius: float = 4.5) -> None:
        """Draw a solid point."""
        self.elements.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" style="fill:var(--{color})"/>')

    def path(self, points: Points, color: str, *, is_dashed: bool = False) -> None:
        """Draw a line through points."""
        dash = ' stroke-dasharray="6 4"' if is_dashed else ""
        self.elements.append(
            f'<path d="{_path(points)}" fill="none" style="stroke:var(--{color});stroke-width:2.2" stroke-linejoin="round"{dash}/>'
        )

    def area(self, points: Points, color: str, *, css: str = "band") -> None:
        """Fill the area within points."""
        self.elements.append(f'<path d="{_path(points)}Z" class="{css}" style="fill:var(--{color})"/>')

    def shape(self, path: str, color: str) -> None:
        """Fill the shape of a path."""
        self.elements.append(f'<path d="{path}" class="band" style="fill:var(--{color})"/>')

    def svg(self, height: float, alt: str, css: str = "") -> str:
        """Return the picture."""
        size = f'viewBox="0 0 {self.width:.0f} {height:.0f}" width="{self.width:.0f}" height="{height:.0f}"'
        return f'<svg class="{css}" {size} role="img" aria-label="{escape(alt)}">{"".join(self.elements)}</svg>'


def _path(points: Points) -> str:
    return " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
