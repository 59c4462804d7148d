"""Figure of a ranking of moves: one bar for each move with its interval, the largest loss at the top."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cjsim.metrics.number_format import named_unit
from cjsim.simulation.figures import FigureKind, effect_axis, mark_baseline
from cjsim.tuning.cliffs.cliff_data import CliffData, TransitionValue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_ROWS = 20


def _shown_moves(ranking: CliffData) -> list[TransitionValue]:
    """Return the moves with the largest values, in the order of the ranking. An undefined value has no bar."""
    sizes = {one.transition: abs(one.metric_value.effect) for one in ranking.transitions if not math.isnan(one.metric_value.effect)}
    largest = sorted(sizes, key=lambda one: -sizes[one])[:_MAX_ROWS]
    return [one for one in ranking.transitions if one.transition in largest]


def _draw_bars(figure: "Figure", ranking: CliffData, moves: Sequence[TransitionValue]) -> None:
    import seaborn as sns

    axes, (gain, loss), neutral = figure.subplots(), sns.color_palette("colorblind", 4)[2:4], "0.6"
    scale, _ = effect_axis(ranking.unit)
    worse = 1 if ranking.better == "lower" else -1
    for y, one in enumerate(moves):
        value = one.metric_value
        color = neutral if one.is_to_retained else loss if value.effect * worse > 0 else gain
        axes.barh(y, scale * value.effect, height=0.7, color=color, alpha=0.85 if one.is_significant_after_holm else 0.35, linewidth=0)
        axes.hlines(y, scale * value.low, scale * value.high, color="0.2", linewidth=1.2)
    mark_baseline(axes, is_vertical=True)
    axes.set_xlabel(f"contribution to {ranking.metric} ({effect_axis(named_unit(ranking.unit, ranking.currency))[1]})")
    labels = [f"{one.transition}{f' ({one.share_text()})' if one.share else ''}" for one in moves]
    axes.set_yticks(range(len(moves)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)


def _caption(ranking: CliffData) -> str:
    shares = "" if ranking.has_shared_resources else " In brackets: share of the customers who make it."
    return (
        f"With the move, minus with the move blocked.{shares} Gray: moves to stages that count as retained; blocked customers may go on "
        f"buying in the earlier stage. {ranking.customers:,} customers, seed {ranking.seed}, paired on the same customers; lines: 95 % "
        f"intervals; pale: not significant after correction for all {len(ranking.transitions)} moves (Holm)."
    )


CLIFF_FIGURE = FigureKind[CliffData](
    name="cliffs",
    data=_shown_moves,
    size=lambda ranking, moves: (9.0, 1.6 + 0.3 * max(len(moves), 1)),
    draw=_draw_bars,
    title=lambda ranking: f"{ranking.scenario}: contribution of moves between stages to {ranking.metric}",
    caption=_caption,
)
