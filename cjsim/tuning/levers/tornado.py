"""Tornado plot of a ranking: one row per lever with both directions, largest effect at the top."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cjsim.metrics.number_format import named_unit
from cjsim.simulation.figures import FigureKind, effect_axis, mark_baseline
from cjsim.tuning.levers.ranking_data import LeverEffect, RankingData
from cjsim.tuning.levers.titles import move_value_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_TORNADO_ROWS = 15
_COLORS = {-1: 1, 1: 0, 0: 2}  # index in the palette, by direction
_DIRECTION_LABELS = {-1: "lower value", 1: "higher value", 0: "switched off, removed or replaced"}


class TornadoBar(NamedTuple):
    """One move in the plot. Effects are in the unit of the metric, or in percentage points for a share."""

    lever: str
    after: str
    direction: int
    effect: float
    low: float
    high: float
    is_significant_after_holm: bool


def tornado_data(ranking: RankingData, *, max_rows: int = MAX_TORNADO_ROWS) -> list[list[TornadoBar]]:
    """Return the rows of the plot: the moves of each lever that change any customer, largest effect first.

    Parameters
    ----------
    ranking : RankingData
        The ranking.
    max_rows : int
        Maximum number of rows.

    Returns
    -------
    list of list of TornadoBar
        One list per lever, sorted by direction.
    """
    rows: dict[str, list[LeverEffect]] = {}
    for lever in ranking.levers:
        if lever.changes_any_customer and lever.metric_effect.effect == lever.metric_effect.effect:  # an undefined effect has no bar
            rows.setdefault(lever.move.path, []).append(lever)
    scale, _ = effect_axis(ranking.unit)
    shown = list(rows.values())[:max_rows]
    return [[_make_bar(lever, scale) for lever in sorted(levers, key=lambda one: one.move.direction)] for levers in shown]


def _make_bar(lever: LeverEffect, scale: float) -> TornadoBar:
    move, effect = lever.move, lever.metric_effect
    after = "" if move.kind in ("onoff", "step", "scenario") else move_value_text(move.after, move.path)
    low, high = scale * effect.low, scale * effect.high
    return TornadoBar(_row_label(lever), after, move.direction, scale * effect.effect, low, high, lever.is_significant_after_holm)


def _row_label(lever: LeverEffect) -> str:
    move = lever.move
    labels = {"onoff": f"{move.title} off", "step": f"without {move.title}", "scenario": f"scenario {move.title}"}
    return labels.get(move.kind) or f"{move.title} ({move_value_text(move.before, move.path)})"


def _draw_bars(figure: "Figure", ranking: RankingData, rows: Sequence[Sequence[TornadoBar]]) -> None:
    import seaborn as sns
    from matplotlib.patches import Patch

    axes, colors = figure.subplots(), sns.color_palette("colorblind")
    span = max((abs(end) for row in rows for bar in row for end in (bar.low, bar.high)), default=1.0)
    for y, row in enumerate(rows):
        has_overlap = len(row) > 1 and row[0].low < row[1].high and row[1].low < row[0].high  # draw overlapping bars one above the other
        for bar in row:
            shift, height = (0.2 * bar.direction, 0.36) if has_overlap else (0.0, 0.7)
            color, alpha = colors[_COLORS[bar.direction]], 0.85 if bar.is_significant_after_holm else 0.35
            axes.barh(y + shift, bar.effect, height=height, color=color, alpha=alpha, linewidth=0)
            axes.hlines(y + shift, bar.low, bar.high, color="0.2", linewidth=1.2)
            end, side = (bar.high, "left") if bar.effect >= 0 else (bar.low, "right")
            axes.text(end + (0.012 if side == "left" else -0.012) * span, y + shift, bar.after, ha=side, va="center", fontsize=7)
    directions = sorted({bar.direction for row in rows for bar in row})
    handles = [Patch(color=colors[_COLORS[one]], alpha=0.85, linewidth=0, label=_DIRECTION_LABELS[one]) for one in directions]
    axes.legend(handles=handles, fontsize=7, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(handles))
    mark_baseline(axes, is_vertical=True)
    axes.set_xlabel(f"effect on {ranking.metric} ({effect_axis(named_unit(ranking.unit, ranking.currency))[1]})")
    axes.set_yticks(range(len(rows)), [row[0].lever for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)


def _figure_caption(ranking: RankingData) -> str:
    return (
        f"{ranking.customers:,} customers, seed {ranking.seed}, paired on the same customers; lines: 95 % intervals; "
        f"pale: not significant after correction for all {len(ranking.levers)} moves (Holm)."
    )


TORNADO_FIGURE = FigureKind[RankingData](
    name="tornado",
    data=tornado_data,
    size=lambda ranking, rows: (9.0, 1.5 + 0.36 * max(len(rows), 1)),
    draw=_draw_bars,
    title=lambda ranking: f"{ranking.scenario}: effects of levers on {ranking.metric}",
    caption=_figure_caption,
)
