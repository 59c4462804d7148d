"""The parts of a page as records. Everything that a page shows is in these records, and `report.json` is made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from cjsim.pages.charts.chart_kinds import Chart, Verdict

Tone = Literal["gain", "loss", "flat"]
TONE_WORDS: dict[Tone, str] = {"gain": "Better", "loss": "Worse", "flat": "No clear difference"}


@dataclass(frozen=True)
class Phrase:
    """A piece of a sentence, which can be marked as a gain or a loss."""

    text: str
    tone: Tone | None = None


@dataclass(frozen=True)
class EstimateRecord:
    """A number as it was computed: the values behind a shown figure, in the unit of the metric. None where undefined."""

    metric: str
    unit: str
    n: int
    value: float
    low: float
    high: float
    baseline: float | None = None
    alternative: float | None = None


@dataclass(frozen=True)
class KeyFigure:
    """One of the figures of the first screen."""

    label: str
    per: str
    big: str
    big_unit: str
    levels: str
    interval: str
    tone: Tone
    chip: str
    arrow: str
    chart: Chart | None
    record: EstimateRecord


@dataclass(frozen=True)
class Point:
    """A line of a list: a statement, its interval, and the tone of its marker."""

    text: str
    interval: str = ""
    tone: Tone = "flat"
    record: EstimateRecord | None = None


@dataclass(frozen=True)
class PointList:
    """A titled list of statements, such as what an alternative costs."""

    title: str
    tone: Tone
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Table:
    """A table. The first column holds row headings; `rows` are texts; `values` are the numbers behind them, if they are not elsewhere."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    values: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True)
class LegendEntry:
    """A line of a legend."""

    label: str
    color: Verdict


@dataclass(frozen=True)
class Panel:
    """A figure or a table with its heading, a statement about it, and a caption with n, seed, interval and unit."""

    title: str
    say: str = ""
    chart: Chart | None = None
    table: Table | None = None
    caption: str = ""
    points: tuple[Point, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    code: str = ""
    legend: tuple[LegendEntry, ...] = ()
    is_wide: bool = False
    is_table_folded: bool = True


@dataclass(frozen=True)
class Rung:
    """A count of numbers by origin: assumed, published, fitted or measured."""

    count: str
    words: str
    is_marked: bool = False


@dataclass(frozen=True)
class Section:
    """A section, whose heading is a question and whose first line answers it."""

    anchor: str
    question: str
    say: str
    panels: tuple[Panel, ...]
    short: str = ""
    ladder: tuple[Rung, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The first screen: a sentence, its interval, figures and trade-offs."""

    eyebrow: str
    sentence: tuple[Phrase, ...]
    lead: str
    flag: str = ""
    hero_title: str = ""
    hero: Chart | None = None
    hero_caption: str = ""
    figures: tuple[KeyFigure, ...] = ()
    lists: tuple[PointList, ...] = ()

    @property
    def text(self) -> str:
        """The sentence without marks."""
        return "".join(phrase.text for phrase in self.sentence)


@dataclass(frozen=True)
class Page:
    """A page."""

    title: str
    name: str
    subject: str
    kind: str
    answer: Answer
    sections: tuple[Section, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)  # provenance, as plain values

    def to_json(self) -> dict[str, Any]:
        """Return every text and every number of the page as plain values, with nan for undefined numbers."""
        content = {"answer_text": self.answer.text} | _plain(self)
        return {name: content[name] for name in ("title", "kind", "answer_text", *content)}


def _plain(value: Any) -> Any:
    """Convert records to dictionaries, and leave out what is empty."""
    if isinstance(value, Chart):
        return value.to_json()
    if is_dataclass(value):
        found = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return {name: one for name, one in found.items() if one not in (None, "", (), [], {})}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value
