"""Figure of a rehearsal: power by size, for each number of days and analysis."""

from typing import TYPE_CHECKING, Any, NamedTuple

from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.rehearsal.results.rehearsal_data import RehearsalData
from cjsim.rehearsal.results.rehearsal_legend import analysis_title, is_valid
from cjsim.simulation.figures import FigureKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHIFT = 0.02  # relative shift of sizes between analyses


class PowerPoint(NamedTuple):
    """Power of one design, with its 95 % interval."""

    alternative: str
    days: float
    analysis: str
    size: int
    power: float
    half_width: float
    is_valid: bool  # whether the analysis keeps its type I error


def rehearsal_figure_data(result: RehearsalData) -> list[PowerPoint]:
    """Return the power of each design.

    Parameters
    ----------
    result : RehearsalData
        The result.

    Returns
    -------
    list of PowerPoint
        In the order of the result.
    """
    return [
        PowerPoint(
            name,
            design.days,
            analysis_title(design.analysis),
            design.size,
            design.power.value,
            NORMAL_QUANTILE_95 * design.power.error,
            is_valid(design.analysis),
        )
        for name, report in result.alternatives.items()
        for design in report.designs
    ]


def _panels(points: list[PowerPoint]) -> list[tuple[str, float]]:
    return list(dict.fromkeys((point.alternative, point.days) for point in points))


def _draw(figure: "Figure", result: RehearsalData, points: list[PowerPoint]) -> None:
    import seaborn as sns

    panels, colors = _panels(points), sns.color_palette("colorblind")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    analyses = list(dict.fromkeys(point.analysis for point in sorted(points, key=lambda one: not one.is_valid)))
    for axis, (alternative, days) in zip(axes, panels, strict=True):
        for i, analysis in enumerate(analyses):
            found = sorted(
                (one for one in points if (one.alternative, one.days, one.analysis) == (alternative, days, analysis)),
                key=lambda one: one.size,
            )
            _draw_line(axis, found, colors[i % len(colors)], shift=1 + _SHIFT * (i - (len(analyses) - 1) / 2))
        axis.axhline(result.target_power, color="0.4", linewidth=0.8, linestyle=":")
        axis.set_title(f"{alternative}, {days:g} days", fontsize="small")
        axis.set_xlabel("customers in both arms")
    axes[0].set_ylim(0, 1.02)
    axes[0].set_ylabel("power (share of significant tests)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=7, frameon=False)


def _draw_line(axis: "Axes", points: list[PowerPoint], color: Any, *, shift: float) -> None:
    """Draw the power of one analysis. Sizes are shifted a little, so that no line hides another."""
    sizes, power, half = [one.size * shift for one in points], [one.power for one in points], [one.half_width for one in points]
    is_valid = all(one.is_valid for one in points)
    style = {"color": color, "linestyle": "-"} if is_valid else {"color": "0.6", "linestyle": "--"}
    label = points[0].analysis if points else None
    axis.errorbar(sizes, power, yerr=half, marker="o", markersize=4, linewidth=1.2, label=label, **style)


def _caption(result: RehearsalData) -> str:
    runs = next(iter(result.alternatives.values())).designs[0].power.runs
    return (
        f"{runs:,} rehearsals per design from {result.customers:,} simulated customers, seed {result.seed}, mode {result.mode}; bars: 95 %"
        f" intervals; dotted: power of {result.target_power:g}. Sizes are shifted a little, so that all lines can be seen."
    )


REHEARSAL_FIGURE = FigureKind[RehearsalData](
    name="power",
    data=rehearsal_figure_data,
    size=lambda result, points: (3.8 + 3.4 * len(_panels(points)), 4.0),
    draw=_draw,
    title=lambda result: f"{result.metric}: power of tests against {result.base}",
    caption=_caption,
)
