"""The tornado figure of levers: both ways of each in one row, the largest on top.

Lives here: the figure's data, and drawing. Does not live here: the effects (levers.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.tuning.levers.ranking_table import move_value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjsim.tuning.levers.ranking import LeverEffect, LeverRanking

MAX_TORNADO_ROWS = 15  # rows
_COLORS = {-1: 1, 1: 0, 0: 2}  # of the palette, by side
_DIRECTION_LABELS = {-1: "to the lower step", 1: "to the higher step", 0: "off, left out, exchanged"}
_ROW_INCHES, _MARGIN_INCHES, _WIDTH_INCHES, _DPI = 0.36, 1.5, 9.0, 100  # inches; dots an inch


class TornadoBar(NamedTuple):
    """One move in the figure; effects in the metric's unit, shares in percentage points."""

    lever: str
    after: str
    direction: int
    effect: float
    low: float
    high: float
    is_significant_after_holm: bool


def tornado_data(ranking: "LeverRanking", *, max_rows: int = MAX_TORNADO_ROWS) -> list[list[TornadoBar]]:
    """Rows of the figure: the moves of each lever that touch anybody, the largest effect first.

    Parameters
    ----------
    ranking : LeverRanking
        The ranking.
    max_rows : int
        Rows at most.
    """
    rows: dict[str, list[LeverEffect]] = {}
    for lever in ranking.levers:
        if lever.changes_any_customer and lever.metric_effect.effect == lever.metric_effect.effect:  # nan is no bar
            rows.setdefault(lever.move.path, []).append(lever)
    scale = 100.0 if ranking.unit == SHARE_UNIT else 1.0
    return [[_make_bar(lever, scale) for lever in sorted(of, key=lambda one: one.move.direction)] for of in list(rows.values())[:max_rows]]


def _make_bar(lever: "LeverEffect", scale: float) -> TornadoBar:
    move, effect = lever.move, lever.metric_effect
    after = "" if move.kind in ("onoff", "step", "scenario") else move_value_text(move.after, move.path)
    return TornadoBar(
        _row_label(lever),
        after,
        move.direction,
        scale * effect.effect,
        scale * effect.low,
        scale * effect.high,
        lever.is_significant_after_holm,
    )


def _row_label(lever: "LeverEffect") -> str:
    move = lever.move
    if move.kind == "onoff":
        return f"{move.title} off"
    if move.kind == "step":
        return f"without {move.title}"
    if move.kind == "scenario":
        return f"scenario {move.title}"
    return f"{move.title} ({move_value_text(move.before, move.path)})"


def tornado_figure(ranking: "LeverRanking", path: Path, *, max_rows: int = MAX_TORNADO_ROWS) -> None:
    """Draw the tornado.

    Parameters
    ----------
    ranking : LeverRanking
        The ranking.
    path : Path
        A PNG file.
    max_rows : int
        Rows at most.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    rows = tornado_data(ranking, max_rows=max_rows)
    with sns.axes_style("whitegrid"):
        figure = Figure(figsize=(_WIDTH_INCHES, _MARGIN_INCHES + _ROW_INCHES * max(len(rows), 1)), dpi=_DPI, layout="constrained")
        axes = figure.subplots()
    _draw_bars(axes, rows, sns.color_palette("colorblind"))
    unit = "percentage points" if ranking.unit == SHARE_UNIT else ranking.unit
    axes.set_xlabel(f"effect on {ranking.metric} ({unit})")
    figure.suptitle(f"{ranking.scenario}: which lever moves {ranking.metric} most", x=0.01, ha="left")
    figure.supxlabel(_figure_caption(ranking), fontsize=7, x=0.01, ha="left")
    figure.savefig(path)


def _draw_bars(axes: "Axes", rows: Sequence[Sequence[TornadoBar]], colors: Sequence[tuple[float, float, float]]) -> None:
    from matplotlib.patches import Patch

    span = max((abs(end) for row in rows for bar in row for end in (bar.low, bar.high)), default=1.0)
    for y, row in enumerate(rows):
        several = len(row) > 1 and row[0].low < row[1].high and row[1].low < row[0].high  # they overlap: one above the other
        for bar in row:
            shift, height = (0.2 * bar.direction, 0.36) if several else (0.0, 0.7)
            axes.barh(
                y + shift,
                bar.effect,
                height=height,
                color=colors[_COLORS[bar.direction]],
                alpha=0.85 if bar.is_significant_after_holm else 0.35,
                linewidth=0,
            )
            axes.hlines(y + shift, bar.low, bar.high, color="0.2", linewidth=1.2)
            end, side = (bar.high, "left") if bar.effect >= 0 else (bar.low, "right")
            axes.text(end + (0.012 if side == "left" else -0.012) * span, y + shift, bar.after, ha=side, va="center", fontsize=7)
    sides = sorted({bar.direction for row in rows for bar in row})
    keys = [Patch(color=colors[_COLORS[side]], alpha=0.85, linewidth=0, label=_DIRECTION_LABELS[side]) for side in sides]
    axes.legend(handles=keys, fontsize=7, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(keys))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row[0].lever for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)


def _figure_caption(ranking: "LeverRanking") -> str:
    return (
        f"{ranking.customers:,} customers, seed {ranking.seed}, paired on the same customers; lines: 95 % intervals; "
        f"pale: not clear of 0 when all {len(ranking.levers)} moves are asked at once (Holm)."
    )
