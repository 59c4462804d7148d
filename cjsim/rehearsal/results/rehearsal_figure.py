"""Figure of a rehearsal: power by size, for each number of days and analysis."""

from typing import TYPE_CHECKING, NamedTuple

from cjsim.rehearsal.results.rehearsal_data import RehearsalData
from cjsim.rehearsal.results.rehearsal_table import analysis_title
from cjsim.simulation.figures import FigureKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NORMAL_QUANTILE_95 = 1.96


class PowerPoint(NamedTuple):
    """Power of one design, with its 95 % interval."""

    alternative: str
    days: float
    analysis: str
    size: int
    power: float
    half_width: float


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
            _NORMAL_QUANTILE_95 * design.power.error,
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
    analyses = list(dict.fromkeys(point.analysis for point in points))
    for axis, (alternative, days) in zip(axes, panels, strict=True):
        for i, analysis in enumerate(analyses):
            found = sorted(
                (one for one in points if (one.alternative, one.days, one.analysis) == (alternative, days, analysis)),
                key=lambda one: one.size,
            )
            sizes, power, half = ([getattr(one, key) for one in found] for key in ("size", "power", "half_width"))
            axis.errorbar(sizes, power, yerr=half, color=colors[i % len(colors)], marker="o", markersize=4, linewidth=1.2, label=analysis)
        axis.axhline(0.8, color="0.4", linewidth=0.8, linestyle=":")
        axis.set_title(f"{alternative}, {days:g} days", fontsize="small")
        axis.set_xlabel("customers in both arms")
    axes[0].set_ylim(0, 1.02)
    axes[0].set_ylabel("power (share of significant tests)")
    axes[-1].legend(fontsize=7, frameon=False)


def _caption(result: RehearsalData) -> str:
    runs = next(iter(result.alternatives.values())).designs[0].power.runs
    return (
        f"{runs:,} rehearsals per design from {result.customers:,} simulated customers, seed {result.seed}, mode {result.mode}; bars: 95 %"
        " intervals; dotted: power of 0.8."
    )


REHEARSAL_FIGURE = FigureKind[RehearsalData](
    name="power",
    data=rehearsal_figure_data,
    size=lambda result, points: (2.0 + 3.4 * len(_panels(points)), 4.0),
    draw=_draw,
    title=lambda result: f"{result.metric}: power of tests against {result.base}",
    caption=_caption,
)
