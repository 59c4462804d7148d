"""The tornado figure of levers: both ways of each in one row, the largest on top.

Lives here: the figure's data, and drawing. Does not live here: the effects (levers.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cjsim.metrics.estimate import SHARE
from cjsim.tuning.lever_tables import said

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjsim.tuning.levers import Lever, Levers

MOST = 15  # rows
_COLORS = {-1: 1, 1: 0, 0: 2}  # of the palette, by side
_SIDES = {-1: "to the lower step", 1: "to the higher step", 0: "off, left out, exchanged"}
_ROW, _BASE, _WIDTH, _DPI = 0.36, 1.5, 9.0, 100  # inches; dots an inch


class Bar(NamedTuple):
    """One move in the figure; effects in the metric's unit, shares in percentage points."""

    lever: str
    after: str
    side: int
    effect: float
    low: float
    high: float
    holds: bool


def tornado_data(found: "Levers", *, most: int = MOST) -> list[list[Bar]]:
    """Rows of the figure: the moves of each lever that touch anybody, the largest effect first.

    Parameters
    ----------
    found : Levers
        The ranking.
    most : int
        Rows at most.
    """
    rows: dict[str, list[Lever]] = {}
    for lever in found.levers:
        if lever.touches and lever.found.effect == lever.found.effect:  # nan is no bar
            rows.setdefault(lever.move.path, []).append(lever)
    scale = 100.0 if found.unit == SHARE else 1.0
    return [[_bar(lever, scale) for lever in sorted(of, key=lambda one: one.move.side)] for of in list(rows.values())[:most]]


def _bar(lever: "Lever", scale: float) -> Bar:
    move, effect = lever.move, lever.found
    after = "" if move.kind in ("onoff", "step", "scenario") else said(move.after, move.path)
    return Bar(_label(lever), after, move.side, scale * effect.effect, scale * effect.low, scale * effect.high, lever.holds)


def _label(lever: "Lever") -> str:
    move = lever.move
    if move.kind == "onoff":
        return f"{move.title} off"
    if move.kind == "step":
        return f"without {move.title}"
    if move.kind == "scenario":
        return f"scenario {move.title}"
    return f"{move.title} ({said(move.before, move.path)})"


def tornado_figure(found: "Levers", path: Path, *, most: int = MOST) -> None:
    """Draw the tornado.

    Parameters
    ----------
    found : Levers
        The ranking.
    path : Path
        A PNG file.
    most : int
        Rows at most.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    rows = tornado_data(found, most=most)
    with sns.axes_style("whitegrid"):
        figure = Figure(figsize=(_WIDTH, _BASE + _ROW * max(len(rows), 1)), dpi=_DPI, layout="constrained")
        axes = figure.subplots()
    _draw(axes, rows, sns.color_palette("colorblind"))
    unit = "percentage points" if found.unit == SHARE else found.unit
    axes.set_xlabel(f"effect on {found.metric} ({unit})")
    figure.suptitle(f"{found.scenario}: which lever moves {found.metric} most", x=0.01, ha="left")
    figure.supxlabel(_caption(found), fontsize=7, x=0.01, ha="left")
    figure.savefig(path)


def _draw(axes: "Axes", rows: Sequence[Sequence[Bar]], colors: Sequence[tuple[float, float, float]]) -> None:
    from matplotlib.patches import Patch

    span = max((abs(end) for row in rows for bar in row for end in (bar.low, bar.high)), default=1.0)
    for y, row in enumerate(rows):
        several = len(row) > 1 and row[0].low < row[1].high and row[1].low < row[0].high  # they overlap: one above the other
        for bar in row:
            shift, height = (0.2 * bar.side, 0.36) if several else (0.0, 0.7)
            axes.barh(y + shift, bar.effect, height=height, color=colors[_COLORS[bar.side]], alpha=0.85 if bar.holds else 0.35, linewidth=0)
            axes.hlines(y + shift, bar.low, bar.high, color="0.2", linewidth=1.2)
            end, side = (bar.high, "left") if bar.effect >= 0 else (bar.low, "right")
            axes.text(end + (0.012 if side == "left" else -0.012) * span, y + shift, bar.after, ha=side, va="center", fontsize=7)
    sides = sorted({bar.side for row in rows for bar in row})
    keys = [Patch(color=colors[_COLORS[side]], alpha=0.85, linewidth=0, label=_SIDES[side]) for side in sides]
    axes.legend(handles=keys, fontsize=7, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(keys))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row[0].lever for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)


def _caption(found: "Levers") -> str:
    return (
        f"{found.customers:,} customers, seed {found.seed}, paired on the same customers; lines: 95 % intervals; "
        f"pale: not clear of 0 when all {len(found.levers)} moves are asked at once (Holm)."
    )
