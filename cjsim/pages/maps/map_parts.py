"""The parts of a journey map as records. Drawings, cards, text and the JSON file are all made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from cjsim.pages.page_parts import EstimateRecord, Phrase, Tone

Style = Literal["strong", "body", "small", "quote", "big"]
Mark = Literal["new", "changed", "dropped"]
EntryKind = Literal["plain", "card", "cliff", "moment"]
BarKind = Literal["tint", "outline"]
MARK_TEXTS: Mapping[Mark, str] = {"new": "+ New", "changed": "~ Changed", "dropped": "\N{MINUS SIGN} Dropped"}
MARK_TONES: Mapping[Mark, Tone] = {"new": "gain", "changed": "flat", "dropped": "loss"}


@dataclass(frozen=True)
class Line:
    """A text that is wrapped, with a number at the right edge if there is one."""

    text: str
    style: Style = "small"
    tone: Tone | None = None
    right: str = ""


@dataclass(frozen=True)
class Strip:
    """An interval on a small axis. Positions are shares of its width; `zero` is where there is no difference."""

    low: float
    value: float
    high: float
    zero: float | None = None
    tone: Tone | None = None


@dataclass(frozen=True)
class Entry:
    """One thing in a cell of the grid: a touchpoint, a question, a figure."""

    lines: tuple[Line, ...]
    kind: EntryKind = "plain"
    color: str = ""
    mark: Mark | None = None
    strip: Strip | None = None
    records: tuple[EstimateRecord, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A figure of a bar: what it is, its value, and its interval."""

    label: str
    value: str
    interval: str = ""
    tone: Tone | None = None


@dataclass(frozen=True)
class Bar:
    """Something that concerns several stages: a broadcast, a desk. `first` and `last` are positions of stages."""

    first: int
    last: int
    lines: tuple[Line, ...]
    kind: BarKind = "tint"
    texts: Mapping[int, Line] = field(default_factory=dict)  # by position of the stage
    facts: tuple[Fact, ...] = ()
    color: str = "desk"
    mark: Mark | None = None
    records: tuple[EstimateRecord, ...] = ()


@dataclass(frozen=True)
class CurvePoint:
    """A value with its interval; None where there are too few customers."""

    value: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class CurveSeries:
    """One line of a curve: a persona, or a policy."""

    label: str
    points: tuple[CurvePoint | None, ...]
    color: str
    is_dashed: bool = False
    records: tuple[EstimateRecord, ...] = ()


@dataclass(frozen=True)
class Lane:
    """A row of the grid: cells by stage, bars across stages, or curves. `boundary` names a line that is drawn above it."""

    title: str
    note: str = ""
    cells: tuple[tuple[Entry, ...], ...] = ()
    bars: tuple[Bar, ...] = ()
    curves: tuple[CurveSeries, ...] = ()
    color: str = ""
    boundary: str = ""

    def entries(self, stage: int) -> tuple[Entry, ...]:
        """Return what stands in the cell of a stage."""
        return self.cells[stage] if self.cells else ()

    def is_empty(self, first: int, last: int) -> bool:
        """Return whether nothing stands in the stages from `first` to `last`."""
        has_bars = any(bar.first <= last and bar.last >= first for bar in self.bars)
        has_points = any(series.points[i] is not None for series in self.curves for i in range(first, last + 1))
        return not has_bars and not has_points and not any(self.entries(i) for i in range(first, last + 1))


@dataclass(frozen=True)
class StageHead:
    """The heading of a column."""

    title: str
    note: str = ""
    is_hidden: bool = False
    mark: Mark | None = None
    records: tuple[EstimateRecord, ...] = ()


@dataclass(frozen=True)
class PersonaCard:
    """A persona with what it wants and what keeps it from it."""

    title: str
    share: str
    motives: tuple[tuple[str, str], ...]
    note: str = ""
    color: str = "p0"
    records: tuple[EstimateRecord, ...] = ()


@dataclass(frozen=True)
class MapView:
    """One kind of map: what it says, and its grid."""

    kind: str
    name: str
    headline: tuple[Phrase, ...]
    say: str
    heads: tuple[StageHead, ...]
    lanes: tuple[Lane, ...]
    personas: tuple[PersonaCard, ...] = ()
    notes: tuple[str, ...] = ()
    head_title: str = "Stage"

    @property
    def headline_text(self) -> str:
        """The headline without marks."""
        return "".join(phrase.text for phrase in self.headline)


@dataclass(frozen=True)
class MapPage:
    """A journey map: one or several kinds of the same journey."""

    title: str
    versions: tuple[str, ...]  # of the journey and the policy, the simulation, the next review
    views: tuple[MapView, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)  # provenance, as plain values

    def to_json(self) -> dict[str, Any]:
        """Return every text and every number as plain values, with nan for undefined numbers."""
        views = [{"headline_text": view.headline_text} | _plain(view) for view in self.views]
        return {"title": self.title, "versions": list(self.versions), "views": views, "facts": _plain(self.facts)}


def _plain(value: Any) -> Any:
    """Convert records to dictionaries, and leave out what is empty."""
    if is_dataclass(value):
        found = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return {name: one for name, one in found.items() if one not in (None, "", (), [], {})}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return value
