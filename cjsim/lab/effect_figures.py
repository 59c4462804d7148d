"""Figures of an experiment: effects with intervals, a response curve for a sweep of one value, a heat map for two.

Lives here: the data of each (`effects_data`) and its drawing (`effects_figure`). Does not live here: the findings.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.lab.document_diff import shorten_value
from cjsim.lab.findings import BASELINE_VERDICT, ArmResult, Findings
from cjsim.scenario.fields import parse_duration, parse_hour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MAX_FIGURE_ROWS = 40  # arms in a figure of effects
_DPI = 80
_LOG_AXIS_RATIO = 20  # values that span more are drawn by ratio


def effects_data(findings: Findings) -> "pd.DataFrame":
    """One row an arm: name, values by path, numbers `x[PATH]` of those that are numbers, effect, low, high, verdict.

    Parameters
    ----------
    findings : Findings
        Of an experiment; effects are relative where its claim is.
    """
    import pandas as pd

    rows = []
    for line in findings.arm_results:
        effect = line.effect.relative if findings.is_relative else line.effect.absolute
        values = {path: shorten_value(value) for path, value in line.values.items()}
        places = {f"x[{path}]": x for path, value in line.values.items() if (x := axis_value(value)) is not None}
        rows.append({"variant": line.name, **values, **places, **effect._asdict(), "verdict": line.verdict})
    return pd.DataFrame(rows)


def axis_value(value: Any) -> float | None:
    """A number, days of a duration, hours of a time of day; None for anything else.

    Parameters
    ----------
    value : Any
        As it stands in a file.

    Examples
    --------
    >>> axis_value("36h"), axis_value("18:30"), axis_value(3), axis_value("email")
    (1.5, 18.5, 3.0, None)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    for parse in (parse_hour, parse_duration):
        try:
            return float(parse(value))
        except ValueError:
            continue
    return None


def effects_figure(findings: Findings, file: Path) -> None:
    """Draw the figure that fits: a curve, a heat map, or effects one below the other.

    Parameters
    ----------
    findings : Findings
        Of an experiment.
    file : Path
        A PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    data, paths = effects_data(findings), list(dict.fromkeys(path for line in findings.arm_results for path in line.values))
    is_sweep = all(line.values.keys() == set(paths) for line in findings.arm_results) and len(findings.arm_results) > 1
    numbers = [path for path in paths if f"x[{path}]" in data and data[f"x[{path}]"].notna().all()]
    rows = min(len(data), _MAX_FIGURE_ROWS)
    is_curve = is_sweep and len(paths) == 1 and len(numbers) == 1
    is_map = is_sweep and len(paths) == 2 and len(data) == data[paths[0]].nunique() * data[paths[1]].nunique()
    figure = Figure(figsize=(7, 4) if is_curve or is_map else (7, 1.4 + 0.34 * rows), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    scale, unit = _axis_scale(findings)
    if is_curve:
        _draw_curve(axes, data.sort_values(f"x[{paths[0]}]"), paths[0], scale)
    elif is_map:
        _draw_heat_map(axes, data, paths, scale, unit)
    else:
        _draw_interval_rows(axes, data, scale)
    if not is_map:
        (axes.set_ylabel if is_curve else axes.set_xlabel)(f"effect on {findings.metric} ({unit})")
        _draw_claimed_size(findings, scale, axes.axhline if is_curve else axes.axvline)
        axes.legend(frameon=False, fontsize="small")
    axes.set_title(f"{findings.experiment}: {findings.verdict}", loc="left", fontsize="medium")
    # Without the date and the version of the library, equal findings give equal bytes.
    figure.savefig(file, metadata={"Software": None})


def _axis_scale(findings: Findings) -> tuple[float, str]:
    """By what effects are multiplied on axes, and their unit there."""
    line: ArmResult = findings.decisive_arm
    if findings.is_relative:
        return 100.0, "% of the baseline"
    return (100.0, "percentage points") if line.effect.unit == "share" else (1.0, line.effect.unit)


def _draw_claimed_size(findings: Findings, scale: float, draw: Any) -> None:
    draw(0, color="0.6", linewidth=0.8)
    sign = 1 if findings.direction == "rises" else -1
    if findings.size:
        draw(sign * findings.size * scale, color="tab:red", linestyle="--", linewidth=1, label="claimed")


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
    axes.set_xlabel(path)


def _draw_heat_map(axes: "Axes", data: "pd.DataFrame", paths: list[str], scale: float, unit: str) -> None:
    import seaborn as sns

    order = [list(dict.fromkeys(data[path])) for path in paths]
    cells = (scale * data.pivot(index=paths[0], columns=paths[1], values="effect")).loc[order[0], order[1]]
    is_few = cells.size <= 64
    sns.heatmap(cells, ax=axes, cmap="vlag", center=0, annot=is_few, fmt=".3g", cbar_kws={"label": f"effect ({unit})"})


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
