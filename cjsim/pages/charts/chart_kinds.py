"""Charts as data. A chart holds the numbers that it shows and the words around them, and no decision about drawing."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

Verdict = Literal["gain", "loss", "flat", "p0", "p1", "p2", "p3"]  # the color of a mark: a verdict, or a policy
POLICY_COLORS: tuple[Verdict, ...] = ("p0", "p1", "p2", "p3")


@dataclass(frozen=True)
class Axis:
    """An axis of numbers: title with unit, how ticks are written, and the unit's symbol.

    `scale` is the factor between data and shown numbers; `is_signed` states whether ticks are differences.
    """

    title: str
    prefix: str = ""
    suffix: str = ""
    scale: float = 1.0
    is_signed: bool = False


@dataclass(frozen=True)
class IntervalRow:
    """A row of an interval chart: an estimate with its interval, and the text beside it."""

    label: str
    value: float
    low: float
    high: float
    text: str
    color: Verdict = "flat"
    detail: str = ""


@dataclass(frozen=True)
class Series:
    """A line: `values` by position on the axis, with the ends of the band if there is one."""

    label: str
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    color: Verdict = "p0"


@dataclass(frozen=True)
class Chart:
    """What all charts have: a sentence for readers who cannot see them, and the axis of the values."""

    kind: ClassVar[str] = ""
    alt: str
    axis: Axis

    def to_json(self) -> dict[str, Any]:
        """Return the kind and all fields as plain values."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class IntervalChart(Chart):
    """Estimates with intervals, one per row, and a line at `reference` (None for no line)."""

    kind = "intervals"
    rows: tuple[IntervalRow, ...]
    reference: float | None = 0.0
    reference_label: str = "0"


@dataclass(frozen=True)
class WaterfallChart(Chart):
    """Parts of a difference, each starting where the one before ends, and their total in the last row."""

    kind = "waterfall"
    rows: tuple[IntervalRow, ...]


@dataclass(frozen=True)
class LineChart(Chart):
    """Lines over a common axis of positions, such as days or weeks."""

    kind = "lines"
    positions: tuple[float, ...]
    position_title: str
    series: tuple[Series, ...]
    position_labels: tuple[str, ...] = ()  # in place of numbers
    starts_at_zero: bool = True


@dataclass(frozen=True)
class BarChart(Chart):
    """Bars by category, one per series, with the interval of each bar if there is one."""

    kind = "bars"
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    texts: tuple[tuple[str, ...], ...]  # by series, then by category


@dataclass(frozen=True)
class ColumnChart(Chart):
    """Columns of a distribution. `colors` has one entry per category."""

    kind = "columns"
    categories: tuple[str, ...]
    values: tuple[float, ...]
    texts: tuple[str, ...]
    colors: tuple[Verdict, ...]


@dataclass(frozen=True)
class HeatMap(Chart):
    """Shares by row and column, as shades of one hue."""

    kind = "heat"
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]  # by row
    detail: str = ""  # what a cell shows, such as 'of all sends'


@dataclass(frozen=True)
class FlowChart(Chart):
    """Flows between nodes, as a Sankey diagram. `links` are triples of source, target (positions in `nodes`) and size."""

    kind = "flow"
    nodes: tuple[str, ...]
    links: tuple[tuple[int, int, float], ...]
    texts: tuple[str, ...]  # by link


@dataclass(frozen=True)
class SmallMultiples(Chart):
    """Line charts side by side, each with a title and its own scale from zero."""

    kind = "multiples"
    titles: tuple[str, ...]
    charts: tuple[LineChart, ...]
