"""Figures of an experiment: an interval plot, a response curve (sweep of one value) or a heat map (sweep of two values)."""

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cjsim.lab.document_diff import shorten_value
from cjsim.lab.experiment import Experiment
from cjsim.lab.findings import BASELINE_VERDICT, Findings, customers_phrase
from cjsim.scenario.value_numbers import number_of
from cjsim.simulation.figures import FigureKind, effect_axis, mark_baseline
from cjsim.tuning.levers.titles import lever_title
from cjsim.yaml.paths import parse_path

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_FIGURE_ROWS = 40
_LOG_AXIS_RATIO = 20  # ratio of the largest to the smallest value above which the axis is logarithmic


def effects_data(findings: Findings) -> "pd.DataFrame":
    """Return the figure data, one row per arm.

    Parameters
    ----------
    findings : Findings
        Findings of the experiment.

    Returns
    -------
    DataFrame
        Columns `variant`, one column per path with the value as text, `x[PATH]` for values that can be placed on an axis, `effect`,
        `low`, `high` (relative if the claim is relative) and `verdict`.
    """
    import pandas as pd

    rows = []
    for result in findings.arm_results:
        effect = result.effect.estimate(is_relative=findings.is_relative)
        values = {path: shorten_value(value) for path, value in result.values.items()}
        positions = {f"x[{path}]": x.number for path, value in result.values.items() if (x := number_of(value)) is not None}
        rows.append({"variant": result.name, **values, **positions, **effect._asdict(), "verdict": result.verdict})
    return pd.DataFrame(rows)


class ExperimentOutcome(NamedTuple):
    """An experiment and its findings."""

    experiment: Experiment
    findings: Findings


def _figure_size(outcome: ExperimentOutcome, data: "pd.DataFrame") -> tuple[float, float]:
    return (7, 1.8 + 0.34 * min(len(data), _MAX_FIGURE_ROWS)) if _form(outcome.findings, data) == "rows" else (7, 4.4)


def _form(findings: Findings, data: "pd.DataFrame") -> Literal["curve", "map", "rows"]:
    """Choose the form: a curve for a sweep of one number, a heat map for a grid of two values, otherwise one row per arm."""
    results, paths = findings.arm_results, _swept_paths(findings)
    if len(results) < 2 or any(result.values.keys() != set(paths) for result in results):
        return "rows"
    if len(paths) == 1 and f"x[{paths[0]}]" in data and data[f"x[{paths[0]}]"].notna().all():
        return "curve"
    return "map" if len(paths) == 2 and len(data) == data[paths[0]].nunique() * data[paths[1]].nunique() else "rows"


def _swept_paths(findings: Findings) -> list[str]:
    return list(dict.fromkeys(path for result in findings.arm_results for path in result.values))


def _draw_effects(figure: "Figure", outcome: ExperimentOutcome, data: "pd.DataFrame") -> None:
    findings = outcome.findings
    axes, form, paths = figure.add_subplot(), _form(findings, data), _swept_paths(findings)
    scale, unit = effect_axis(findings.unit)
    if form == "map":
        _draw_heat_map(axes, data, paths, scale, unit)
        axes.set(xlabel=_path_title(outcome, paths[1]), ylabel=_path_title(outcome, paths[0]))
        return
    if form == "curve":
        _draw_curve(axes, data.sort_values(f"x[{paths[0]}]"), paths[0], scale)
        axes.set(xlabel=_path_title(outcome, paths[0]))
    else:
        _draw_interval_rows(axes, data, scale)
    (axes.set_ylabel if form == "curve" else axes.set_xlabel)(f"effect on {findings.metric} ({unit})")
    mark_baseline(axes, is_vertical=form == "rows")
    _draw_claimed_size(findings, scale, axes.axhline if form == "curve" else axes.axvline)
    axes.legend(frameon=False, fontsize="small")


def _path_title(outcome: ExperimentOutcome, path: str) -> str:
    """Return the title of the lever at a path, or the path if it is not a lever. The unit is shown with the values."""
    keys = parse_path(path) or ()
    is_lever = len(keys) > 2 and keys[0] in ("journey", "policy")
    return lever_title(outcome.experiment.arms()[0].scenario, keys) if is_lever else path


def _draw_claimed_size(findings: Findings, scale: float, draw_line: Any) -> None:
    sign = 1 if findings.direction == "rises" else -1
    if findings.size:
        draw_line(sign * findings.size * scale, color="tab:red", linestyle="--", linewidth=1, label="claimed")


def _draw_curve(axes: "Axes", data: "pd.DataFrame", path: str, scale: float) -> None:
    x = data[f"x[{path}]"]
    axes.fill_between(x, scale * data["low"], scale * data["high"], alpha=0.25, linewidth=0, label="interval")
    axes.plot(x, scale * data["effect"], marker="o", markersize=4, label="effect")
    if x.min() > 0 and x.max() > _LOG_AXIS_RATIO * x.min():
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(x, data[path])
    if len(data) > 12:
        axes.tick_params(axis="x", rotation=60)


def _draw_heat_map(axes: "Axes", data: "pd.DataFrame", paths: list[str], scale: float, unit: str) -> None:
    import seaborn as sns

    order = [list(dict.fromkeys(data[path])) for path in paths]
    cells = (scale * data.pivot(index=paths[0], columns=paths[1], values="effect")).loc[order[0], order[1]]
    has_room_for_numbers = cells.size <= 64
    sns.heatmap(cells, ax=axes, cmap="vlag", center=0, annot=has_room_for_numbers, fmt=".3g", cbar_kws={"label": f"effect ({unit})"})


def _draw_interval_rows(axes: "Axes", data: "pd.DataFrame", scale: float) -> None:
    shown = data.reindex(data["effect"].abs().sort_values(ascending=False).index[:_MAX_FIGURE_ROWS]).sort_index().iloc[::-1]
    colors = {"supported": "tab:green", "refuted": "tab:red", "undecided": "0.4", BASELINE_VERDICT: "0.8"}
    for i, row in enumerate(shown.itertuples()):
        ends = (scale * row.low, scale * row.high)
        if not math.isnan(ends[0]):
            axes.plot(ends, (i, i), color=colors[row.verdict], linewidth=2)
        axes.plot(scale * row.effect, i, "o", color=colors[row.verdict], markersize=5)
    for verdict, color in colors.items():
        if verdict in set(shown["verdict"]):
            axes.plot([], [], "o", color=color, label=verdict)
    axes.set_yticks(range(len(shown)), shown["variant"])
    axes.set_ylim(-0.6, len(shown) - 0.4)


EFFECTS_FIGURE = FigureKind[ExperimentOutcome](
    name="effects",
    data=lambda outcome: effects_data(outcome.findings),
    size=_figure_size,
    draw=_draw_effects,
    title=lambda outcome: f"{outcome.experiment.title or outcome.experiment.name}: {outcome.findings.verdict}",
    caption=lambda outcome: customers_phrase(outcome.findings),
)
