"""Figure of an attribution result: the credit of each rule alongside the incremental effect."""

from typing import TYPE_CHECKING, NamedTuple

from cjsim.attribution.attribution_data import AttributionData
from cjsim.metrics.number_format import named_unit
from cjsim.simulation.figures import FigureKind, mark_baseline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_FIGURE_ROWS = 25
_MARKERS = ("o", "s", "D", "^", "v", "P", "X")


class CreditBar(NamedTuple):
    """One touchpoint in the figure. Values are totals over all customers, in money."""

    touchpoint: str
    effect: float
    low: float
    high: float
    credits: dict[str, float]  # by title of the rule


def attribution_figure_data(result: AttributionData, *, max_rows: int = MAX_FIGURE_ROWS) -> list[CreditBar]:
    """Return the rows of the figure: touchpoints with the largest credit or effect on revenue, in the order of the result.

    Parameters
    ----------
    result : AttributionData
        The result.
    max_rows : int
        Maximum number of rows.

    Returns
    -------
    list of CreditBar
    """
    bars = []
    for one in result.touchpoints:
        by_title = {result.rules[rule]: credit["revenue"] for rule, credit in one.credits.items()}
        bars.append(CreditBar(str(one.touchpoint), *one.incremental["revenue"], by_title))
    largest = sorted(bars, key=lambda bar: -max(abs(bar.effect), *map(abs, bar.credits.values())))[:max_rows]
    return [bar for bar in bars if bar in largest]


def _draw(figure: "Figure", result: AttributionData, bars: list[CreditBar]) -> None:
    import seaborn as sns

    axes, colors = figure.subplots(), sns.color_palette("colorblind")
    for y, bar in enumerate(bars):
        axes.barh(y, bar.effect, height=0.7, color="0.8", linewidth=0, label="incremental revenue" if y == 0 else None)
        axes.hlines(y, bar.low, bar.high, color="0.2", linewidth=1.2)
        for i, (title, credit) in enumerate(bar.credits.items()):
            marker, color = _MARKERS[i % len(_MARKERS)], colors[i % len(colors)]
            axes.plot(credit, y, marker, color=color, markersize=5, linestyle="none", label=title if y == 0 else None)
    axes.set_yticks(range(len(bars)), [bar.touchpoint for bar in bars], fontsize=8)
    axes.set_xlabel(f"revenue ({named_unit('money', result.currency)}, all customers)")
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    mark_baseline(axes, is_vertical=True)
    axes.legend(fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4)


def _caption(result: AttributionData) -> str:
    return (
        f"{result.customers:,} customers, seed {result.seed}, paired on the same customers; lines: 95 % intervals of incremental revenue; "
        f"touches: {result.touch}, {result.window_days:g} days before a purchase."
    )


ATTRIBUTION_FIGURE = FigureKind[AttributionData](
    name="attribution",
    data=attribution_figure_data,
    size=lambda result, bars: (9.0, 1.8 + 0.34 * max(len(bars), 1)),
    draw=_draw,
    title=lambda result: f"{result.scenario}: credited and incremental revenue",
    caption=_caption,
)
