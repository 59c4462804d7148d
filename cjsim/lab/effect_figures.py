"""Figures of an experiment: effects with intervals, a response curve for a sweep of one value, a heat map for a sweep of two."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.lab.document_diff import shorten_value
from cjsim.lab.findings import BASELINE_VERDICT, ArmResult, Findings
from cjsim.scenario.fields import parse_duration, parse_hour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MAX_FIGURE_ROWS = 40
_DPI = 80
_LOG_AXIS_RATIO = 20  # largest over smallest value, above which the axis is logarithmic


def effects_data(findings: Findings) -> "pd.DataFrame":
    """The data of the figure, one row per arm.

    Parameters
    ----------
    findings : Findings
        Of an experiment.

    Returns
    -------
    DataFrame
        Columns `variant`, one per path with the value as text, `x[PATH]` for values with a place on an axis, `effect`, `low`, `high`
        (relative if the claim is relative), `verdict`.
    """
    import pandas as pd

    rows = []
    for result in findings.arm_results:
        effect = result.effect.estimate(is_relative=findings.is_relative)
        values = {path: shorten_value(value) for path, value in result.values.items()}
        positions = {f"x[{path}]": x for path, value in result.values.items() if (x := axis_value(value)) is not None}
        rows.append({"variant": result.name, **values, **positions, **effect._asdict(), "verdict": result.verdict})
    return pd.DataFrame(rows)


def axis_value(value: Any) -> float | None:
    """The position of a value on an axis: a number, the days of a duration, the hours of a time of day; None for other values.

    Parameters
    ----------
    value : Any
        The value as written in a file.

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
    """Draw a response curve, a heat map or a list of effects, whichever fits the arms.

    Parameters
    ----------
    findings : Findings
        Of an experiment.
    file : Path
        The PNG file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    results = findings.arm_results
    data, paths = effects_data(findings), list(dict.fromkeys(path for result in results for path in result.values))
    is_sweep = all(result.values.keys() == set(paths) for result in results) and len(results) > 1
    numeric_paths = [path for path in paths if f"x[{path}]" in data and data[f"x[{path}]"].notna().all()]
    rows = min(len(data), _MAX_FIGURE_ROWS)
    is_curve = is_sweep and len(paths) == 1 and len(numeric_paths) == 1
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
    """The factor and the unit of effects on axes."""
    arm: ArmResult = findings.decisive_arm
    if findings.is_relative:
        return 100.0, "% of the baseline"
    return (100.0, "percentage points") if arm.effect.unit == "share" else (1.0, arm.effect.unit)


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
