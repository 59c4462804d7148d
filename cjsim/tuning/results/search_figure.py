"""The picture of a search: what each trial was worth, the best so far, what of it was confirmed; and the front of two objectives.

Lives here: the data (`search_data`) and the drawing (`search_figure`). Does not live here: the numbers (search.py, confirm.py).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.tuning.trial import Trial

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from cjsim.tuning.results.optimum import Optimum

_DPI = 80
TRIAL_STATES = ("all customers", "given up early", "breaks a constraint")


def search_data(optimum: "Optimum") -> "pd.DataFrame":
    """One row a trial: `state`, the effect of each objective with its interval, and which trial is the best so far.

    Parameters
    ----------
    optimum : Optimum
        The result.

    Returns
    -------
    DataFrame
        Columns `trial`, `state`, for each objective `METRIC`, `METRIC low`, `METRIC high` (in the metric's unit, against the baseline), and
        `best`: -1 as long as no trial is feasible.
    """
    import pandas as pd

    sign, best, rows = optimum.study.objectives[0].sign, None, []
    given_up = {trial.index for trial in optimum.pruned_trials}
    for trial in optimum.trials:
        if trial.is_feasible and (best is None or sign * trial.gains[0].value > sign * best.gains[0].value):
            best = trial
        row: dict[str, Any] = {
            "trial": trial.index,
            "state": _trial_state(trial, trial.index in given_up),
            "best": -1 if best is None else best.index,
        }
        for objective, gain in zip(optimum.study.objectives, trial.gains, strict=True):
            row |= {objective.metric: gain.effect, f"{objective.metric} low": gain.low, f"{objective.metric} high": gain.high}
        rows.append(row)
    return pd.DataFrame(rows)


def search_figure(optimum: "Optimum", file: Path) -> None:
    """Draw a search into a PNG file.

    Parameters
    ----------
    optimum : Optimum
        The result.
    file : Path
        To be written.
    """
    import seaborn as sns
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    data, objectives = search_data(optimum), optimum.study.objectives
    with sns.axes_style("whitegrid"):
        figure = Figure(figsize=(12 if len(objectives) == 2 else 7, 4.2), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, 2 if len(objectives) == 2 else 1, squeeze=False)[0]
        _draw_search(axes[0], data, optimum)
        if len(objectives) == 2:
            _draw_front(axes[1], data, optimum)
    found = optimum.confirmation
    caption = f"{optimum.study.name}: {len(data):,} trials of {optimum.study.customers_per_trial:,} customers, seed {optimum.study.seed}"
    more = f"; confirmed on {found.customers:,} fresh ones" if found.customers else "; no trial keeps the constraints"
    figure.suptitle(f"{caption}{more}; 95 % intervals", fontsize=9)
    figure.savefig(file)


def _trial_state(trial: Trial, is_pruned: bool) -> str:
    if not trial.is_feasible:
        return TRIAL_STATES[2]
    return TRIAL_STATES[1] if is_pruned else TRIAL_STATES[0]


def _draw_search(axes: "Axes", data: "pd.DataFrame", optimum: "Optimum") -> None:
    """Each trial's effect on the first objective, the best so far with its interval, and the confirmed gain."""
    metric, unit = _first_objective(optimum)
    _draw_trials(axes, data, "trial", metric)
    of_best = data.loc[data["best"] >= 0, ["trial", "best"]].merge(data, left_on="best", right_on="trial", suffixes=("", "_of"))
    if len(of_best):
        axes.step(of_best["trial"], of_best[metric], where="post", color="C0", label="best so far")
        axes.fill_between(of_best["trial"], of_best[f"{metric} low"], of_best[f"{metric} high"], step="post", color="C0", alpha=0.2, lw=0)
    gain = optimum.confirmation.gains.get(metric)
    if gain is not None:
        ends = np.array([[gain.effect - gain.low], [gain.high - gain.effect]])
        axes.errorbar([len(data) + 1], [gain.effect], ends, fmt="D", color="C3", capsize=4, label="the winner on fresh customers")
    axes.axhline(0.0, color="0.4", lw=1)
    axes.set(xlabel="trial", ylabel=f"{metric} against the baseline ({unit})")
    _clip_outliers(axes, data, metric, optimum)
    if axes.get_legend_handles_labels()[0]:  # no trial is drawn where the objective is undefined in all
        axes.legend(fontsize=8)


def _draw_front(axes: "Axes", data: "pd.DataFrame", optimum: "Optimum") -> None:
    """Both objectives: trials, and the front on fresh customers."""
    one, two = (objective.metric for objective in optimum.study.objectives)
    _draw_trials(axes, data, one, two)
    front = sorted((each.gains[0].effect, each.gains[1].effect) for each in optimum.pareto)
    if front:
        axes.plot(*zip(*front, strict=True), marker="D", color="C3", label="the front on fresh customers")
    axes.plot([0], [0], marker="*", ms=14, color="k", ls="", label="the baseline")
    axes.set(xlabel=f"{one} ({optimum.baseline[one].unit})", ylabel=f"{two} ({optimum.baseline[two].unit})")
    axes.legend(fontsize=8)


def _draw_trials(axes: "Axes", data: "pd.DataFrame", x: str, y: str) -> None:
    import seaborn as sns

    colors = dict(zip(TRIAL_STATES, ("C0", "0.6", "C1"), strict=True))
    marks = dict(zip(TRIAL_STATES, ("o", "o", "X"), strict=True))
    sns.scatterplot(data, x=x, y=y, hue="state", style="state", palette=colors, markers=marks, s=22, ax=axes)


def _clip_outliers(axes: "Axes", data: "pd.DataFrame", metric: str, optimum: "Optimum") -> None:
    """Let a few disastrous trials not squeeze all others into a line."""
    sign = optimum.study.objectives[0].sign
    values = sign * data[metric].dropna().to_numpy()
    if len(values) < 2:
        return
    low, middle, high = np.quantile(values, [0.0, 0.25, 1.0])
    floor = middle - 1.5 * (high - middle)
    if low < floor < high:
        bottom, top = axes.get_ylim()
        axes.set_ylim(*((sign * floor, top) if sign > 0 else (bottom, sign * floor)))


def _first_objective(optimum: "Optimum") -> tuple[str, str]:
    metric = optimum.study.objectives[0].metric
    return metric, optimum.baseline[metric].unit
