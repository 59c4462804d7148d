"""Figures by month: lines over calendar months with their intervals as bands, and heat maps of cohorts by age."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from cjsim.engine.run_record import RunRecord
from cjsim.metrics.number_format import named_unit
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition
from cjsim.simulation.figures import FigureKind, mark_baseline
from cjsim.simulation.summary_tables import period_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS, _PANEL_SIZE = 2, (5.2, 2.3)  # panels per row, and the size of each in inches
_MAX_TICKS, _MAX_NUMBERED_CELLS = 12, 300


class SeriesData(NamedTuple):
    """Lines of a figure over months.

    Attributes
    ----------
    table : DataFrame
        Columns `line`, `month`, `metric`, `value`, `low` and `high`.
    definitions : Mapping of str to MetricDefinition
        The metrics, one panel each.
    currency : str or None
        Currency of the scenario.
    is_effect : bool
        Whether values are effects of alternatives, each drawn as a separate line.
    title, caption : str
        Title and caption.
    """

    table: "pd.DataFrame"
    definitions: Mapping[str, MetricDefinition]
    currency: str | None
    is_effect: bool
    title: str
    caption: str


def figure_caption(run: RunRecord, n_replications: int, where: str | None, *, intervals: str = "95 % intervals.") -> str:
    """Return the caption of a figure by month.

    Parameters
    ----------
    run : RunRecord
        The first replication.
    n_replications : int
        Number of replications.
    where : str or None
        Condition on customers.
    intervals : str
        A sentence about the intervals.
    """
    origin = run.provenance
    seeds = f"{n_replications} replications from seed {origin.seed}" if n_replications > 1 else f"seed {origin.seed}"
    condition = "" if where is None else f"; only customers with {where}"
    return f"{len(run):,} customers, {period_text(run)}, {seeds}{condition}. {intervals}"


def _panels(series: SeriesData) -> dict[str, "pd.DataFrame"]:
    """Return the rows of each metric. Metrics that are 0 in all months are left out, unless all are."""
    by_metric = {str(metric): rows for metric, rows in series.table.groupby("metric", sort=False)}
    return {metric: rows for metric, rows in by_metric.items() if rows["value"].fillna(0).any()} or by_metric


def _size(n_panels: int, height: float) -> tuple[float, float]:
    rows = -(-n_panels // _COLUMNS)
    return _COLUMNS * _PANEL_SIZE[0], 1.2 + rows * height


def _grid(figure: "Figure", n_panels: int) -> list["Axes"]:
    """Return the axes of the panels; unused axes of the last row are hidden."""
    grid = figure.subplots(-(-n_panels // _COLUMNS), _COLUMNS, squeeze=False).ravel().tolist()
    for axes in grid[n_panels:]:
        axes.set_axis_off()
    return list(grid[:n_panels])


def _draw_series(figure: "Figure", series: SeriesData, panels: dict[str, "pd.DataFrame"]) -> None:
    for axes, (metric, rows) in zip(_grid(figure, len(panels)), panels.items(), strict=True):
        definition = series.definitions[metric]
        for line, points in rows.groupby("line", sort=False):
            x = range(len(points))
            axes.fill_between(x, points["low"], points["high"], alpha=0.25, linewidth=0)
            axes.plot(x, points["value"], marker="o", markersize=3, label=line or None)
        if series.is_effect:
            mark_baseline(axes)
        else:
            axes.set_ylim(bottom=min(0.0, float(rows["low"].min())))
        months = list(dict.fromkeys(rows["month"]))
        step = -(-len(months) // _MAX_TICKS)
        axes.set_xticks(range(0, len(months), step), months[::step], rotation=45, ha="right", fontsize=7)
        axes.set_title(definition.title, fontsize=8, loc="left")
        axes.set_ylabel(named_unit(definition.unit, series.currency), fontsize=8)
        axes.tick_params(axis="y", labelsize=7)
        if series.is_effect:
            axes.legend(fontsize=7, frameon=False)


SERIES_FIGURE = FigureKind[SeriesData](
    name="series",
    data=_panels,
    size=lambda series, panels: _size(len(panels), _PANEL_SIZE[1]),
    draw=_draw_series,
    title=lambda series: series.title,
    caption=lambda series: series.caption,
)


class CohortData(NamedTuple):
    """Heat maps of cohorts.

    Attributes
    ----------
    table : DataFrame
        Columns `cohort`, `age`, `metric` and `value`.
    definitions : Mapping of str to MetricDefinition
        The metrics, one panel each.
    currency : str or None
        Currency of the scenario.
    title, caption : str
        Title and caption.
    """

    table: "pd.DataFrame"
    definitions: Mapping[str, MetricDefinition]
    currency: str | None
    title: str
    caption: str


def _heat_maps(cohorts: CohortData) -> dict[str, "pd.DataFrame"]:
    """Return the cells of each metric: one row per cohort, one column per age."""
    table = cohorts.table
    return {metric: table[table["metric"] == metric].pivot(index="cohort", columns="age", values="value") for metric in cohorts.definitions}


def _draw_cohorts(figure: "Figure", cohorts: CohortData, panels: dict[str, "pd.DataFrame"]) -> None:
    import seaborn as sns

    for axes, (metric, cells) in zip(_grid(figure, len(panels)), panels.items(), strict=True):
        definition = cohorts.definitions[metric]
        axes.set_title(definition.title, fontsize=8, loc="left")
        if cells.empty:
            axes.set_axis_off()
            continue
        is_share = definition.unit == SHARE_UNIT
        label = "%" if is_share else named_unit(definition.unit, cohorts.currency)
        shown, numbered = (100 * cells if is_share else cells), cells.size <= _MAX_NUMBERED_CELLS
        style = {"annot": numbered, "fmt": ".0f" if is_share else ".3g", "annot_kws": {"fontsize": 6}, "linewidths": 0.5}
        sns.heatmap(shown, ax=axes, cmap="crest", vmin=0, vmax=100 if is_share else None, cbar=False, **style)
        bar = figure.colorbar(axes.collections[0], ax=axes)
        bar.set_label(label, fontsize=8)
        bar.ax.tick_params(labelsize=7)
        axes.grid(visible=False)
        axes.set_xlabel("age in calendar months", fontsize=8)
        axes.set_ylabel("month of entry", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.tick_params(axis="y", rotation=0)


COHORT_FIGURE = FigureKind[CohortData](
    name="cohorts",
    data=_heat_maps,
    size=lambda cohorts, panels: _size(len(panels), 1.2 + 0.28 * max(map(len, panels.values()), default=1)),
    draw=_draw_cohorts,
    title=lambda cohorts: cohorts.title,
    caption=lambda cohorts: cohorts.caption,
)
