"""Lays out the texts of an entry or a bar: wraps them by character widths, and states the height that they need."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from cjsim.pages.maps.character_widths import width_of, wrap_words
from cjsim.pages.maps.map_parts import MARK_TEXTS, MARK_TONES, Bar, Entry, Fact, Line, Mark, Strip
from cjsim.pages.page_parts import Tone

_CARD_LEFT, _CARD_RIGHT, _CARD_PAD = 10.0, 6.0, 5.0
_MOMENT_LEFT = 16.0
_STRIP_HEIGHT = 14.0
_COLUMN_GAP = 8.0
_FACT_WIDTH = 104.0


class TextStyle(NamedTuple):
    """How a text is written: class of the style sheet, font size and height of a line in pixels."""

    css: str
    size: float
    line: float
    is_bold: bool = False

    def width(self, text: str) -> float:
        """Return the width of a text, in pixels."""
        return width_of(text, self.size, is_bold=self.is_bold)


HEAD = TextStyle("m-head", 13, 16, is_bold=True)
NOTE = TextStyle("m-small", 11, 14)
HEAD_NOTE = TextStyle("m-head-note", 11, 14)
LABEL = TextStyle("m-label", 13, 16, is_bold=True)
STYLES = {
    "strong": TextStyle("m-strong", 12, 15, is_bold=True),
    "body": TextStyle("m-body", 12, 15),
    "small": NOTE,
    "quote": TextStyle("m-quote", 12, 15),
    "big": TextStyle("m-big", 16, 20, is_bold=True),
}
_MARK = TextStyle("m-mark", 11, 14, is_bold=True)


class PlacedText(NamedTuple):
    """A line of text within a block; `y` is its baseline."""

    x: float
    y: float
    text: str
    style: TextStyle
    tone: Tone | None = None
    anchor: str = "start"


@dataclass(frozen=True)
class Block:
    """Texts with their places, and the height that they need."""

    texts: tuple[PlacedText, ...]
    height: float
    kind: str = "plain"
    color: str = ""
    mark: Mark | None = None
    strip: Strip | None = None

    @classmethod
    def stacked(cls, texts: Sequence[PlacedText]) -> "Block":
        """Place texts below each other."""
        placed, y = [], 0.0
        for one in texts:
            placed.append(one._replace(y=y + 0.8 * one.style.line))
            y += one.style.line
        return cls(tuple(placed), y)


def text_lines(text: str, style: TextStyle, width: float, *, tone: Tone | None = None) -> list[PlacedText]:
    """Wrap a text.

    Parameters
    ----------
    text : str
        The text.
    style : TextStyle
        How it is written.
    width : float
        Width of a line, in pixels.
    tone : {'gain', 'loss', 'flat'}, optional
        Whether it states a gain or a loss.
    """
    return [PlacedText(0, 0, line, style, tone) for line in wrap_words(text, width, style.size, is_bold=style.is_bold)]


def lines_block(lines: Sequence[Line], width: float, *, mark: Mark | None = None) -> Block:
    """Lay out lines below each other, with the numbers at the right edge.

    Parameters
    ----------
    lines : sequence of Line
        The lines.
    width : float
        Width, in pixels.
    mark : {'new', 'changed', 'dropped'}, optional
        What changes; written above the lines.
    """
    placed: list[PlacedText] = []
    y = 0.0
    if mark is not None:
        placed.append(PlacedText(0, 0.8 * _MARK.line, MARK_TEXTS[mark], _MARK, MARK_TONES[mark]))
        y = _MARK.line
    for line in lines:
        style = STYLES[line.style]
        at_right = STYLES["strong"] if line.style == "body" else STYLES["small"]
        room = at_right.width(line.right) + _COLUMN_GAP if line.right else 0.0
        is_below = bool(line.right) and style.width(line.text) + room > width and line.style != "body"
        for i, one in enumerate(text_lines(line.text, style, width if is_below else max(width - room, 40), tone=line.tone)):
            baseline = y + 0.8 * style.line
            placed.append(one._replace(y=baseline))
            if line.right and i == 0 and not is_below:
                placed.append(PlacedText(width, baseline, line.right, at_right, None, "end"))
            y += style.line
        for one in text_lines(line.right, at_right, width) if is_below else ():
            placed.append(one._replace(y=y + 0.8 * at_right.line))
            y += at_right.line
    return Block(tuple(placed), y)


def entry_block(entry: Entry, width: float) -> Block:
    """Lay out an entry of a cell.

    Parameters
    ----------
    entry : Entry
        The entry.
    width : float
        Width, in pixels.
    """
    left, pad = 0.0, 0.0
    right = 0.0
    if entry.kind in ("card", "cliff"):
        left, right, pad = _CARD_LEFT, _CARD_RIGHT, _CARD_PAD
    elif entry.kind == "moment":
        left = _MOMENT_LEFT
    block = lines_block(entry.lines, width - left - right, mark=entry.mark)
    texts = tuple(one._replace(x=one.x + left, y=one.y + pad) for one in block.texts)
    height = block.height + 2 * pad + (_STRIP_HEIGHT if entry.strip is not None else 0)
    return Block(texts, height, entry.kind, entry.color, entry.mark, entry.strip)


def bar_block(bar: Bar, first: int, last: int, column: float) -> Block:
    """Lay out a bar across the stages from `first` to `last`: its title, a text below each stage, and its figures.

    Parameters
    ----------
    bar : Bar
        The bar.
    first, last : int
        Positions of the stages that it crosses in this row of the map.
    column : float
        Width of a column, in pixels.
    """
    inner = (last - first + 1) * column - 8 - 20
    continued = [replace(bar.lines[0], text=f"{bar.lines[0].text} (continued)"), *bar.lines[1:]] if bar.first < first else bar.lines
    head = lines_block(continued, inner, mark=bar.mark)
    placed = [one._replace(x=one.x + 10, y=one.y + 5) for one in head.texts]
    y = head.height + 7
    deepest = 0.0
    for stage, line in bar.texts.items():
        if first <= stage <= last:
            below = lines_block([line], column - 18)
            left = (stage - first) * column + 10
            placed += [one._replace(x=one.x + left, y=one.y + y) for one in below.texts]
            deepest = max(deepest, below.height)
    y += deepest
    across = max(int(inner // _FACT_WIDTH), 1)
    for start in range(0, len(bar.facts), across):
        blocks = [_fact_block(fact) for fact in bar.facts[start : start + across]]
        for i, block in enumerate(blocks):
            placed += [one._replace(x=one.x + 10 + i * _FACT_WIDTH, y=one.y + y) for one in block.texts]
        y += max(block.height for block in blocks) + 4
    return Block(tuple(placed), y + 5, bar.kind, bar.color, bar.mark)


def _fact_block(fact: Fact) -> Block:
    lines = [Line(fact.label), Line(fact.value, "strong", fact.tone), *([Line(fact.interval)] if fact.interval else [])]
    return lines_block(lines, _FACT_WIDTH - _COLUMN_GAP)
