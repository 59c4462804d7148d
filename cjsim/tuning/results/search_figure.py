"""Figure of a search: the effect of each trial, the best so far and the confirmed gain. With two objectives, also the Pareto front."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.metrics.number_format import named_unit
from cjsim.simulation.figures import FigureKind, mark_baseline
from cjsim.tuning.results.search_result import SearchResult
from cjsim.tuning.trial import Trial

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRIAL_STATES = ("completed", "stopped early", "violates a constraint")


def search_data(optimum: SearchResult) -> "pd.DataFrame":
    """Return the figure data, one row per trial.

    Parameters
    ----------
    optimum : SearchResult
        Result of the study.

    Returns
    -------
    DataFrame
        Columns `trial`, `state`, `best` (index of the best trial so far; -1 until a trial is feasible), and for each objective `METRIC`,
        `METRIC low` and `METRIC high` (the effect relative to the baseline, in the unit of the metric).
    """
    import pandas as pd

    sign, best, rows = optimum.study.objectives[0].sign, None, []
    pruned = {trial.index for trial in optimum.pruned_trials}
    for trial in optimum.trials:
        if trial.is_feasible and (best is None or sign * trial.gains[0].value > sign * best.gains[0].value):
            best = trial
        state = _trial_state(trial, is_pruned=trial.index in pruned)
        row: dict[str, Any] = {"trial": trial.index, "state": state, "best": -1 if best is None else best.index}
        for objective, gain in zip(optimum.study.objectives, trial.gains, strict=True):
            row |= {objective.metric: gain.effect, f"{objective.metric} low": gain.low, f"{objective.metric} high": gain.high}
        rows.append(row)
    return pd.DataFrame(rows)


def _draw_panels(figure: "Figure", optimum: SearchResult, data: "pd.DataFrame") -> None:
    panels = (_draw_search, _draw_front) if len(optimum.study.objectives) == 2 else (_draw_search,)
    for axes, draw in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw(axes, data, optimum)


def _figure_caption(optimum: SearchResult) -> str:
    study, confirmation = optimum.study, optimum.confirmation
    searched = f"{len(optimum.trials):,} trials of {study.customers_per_trial:,} customers, seed {study.seed}"
    confirmed = f"confirmed on {confirmation.customers:,} fresh customers" if confirmation.customers else "no feasible trial"
    return f"{searched}; {confirmed}; 95 % intervals."


def _trial_state(trial: Trial, *, is_pruned: bool) -> str:
    if not trial.is_feasible:
        return TRIAL_STATES[2]
    return TRIAL_STATES[1] if is_pruned else TRIAL_STATES[0]


def _draw_search(axes: "Axes", data: "pd.DataFrame", optimum: SearchResult) -> None:
    """Draw the effect of each trial on the first objective, the best so far with its interval, and the confirmed gain."""
    metric, unit = _first_objective(optimum)
    _draw_trials(axes, data, "trial", metric)
    best = data.loc[data["best"] >= 0, ["trial", "best"]].merge(data, left_on="best", right_on="trial", suffixes=("", "_best"))
    if len(best):
        axes.step(best["trial"], best[metric], where="post", color="C0", label="best so far")
        axes.fill_between(best["trial"], best[f"{metric} low"], best[f"{metric} high"], step="post", color="C0", alpha=0.2, lw=0)
    gain = optimum.confirmation.gains.get(metric)
    if gain is not None:
        ends = np.array([[gain.effect - gain.low], [gain.high - gain.effect]])
        axes.errorbar([len(data) + 1], [gain.effect], ends, fmt="D", color="C3", capsize=4, label="winner on fresh customers")
    mark_baseline(axes)
    axes.set(xlabel="trial", ylabel=f"effect on {metric} ({unit})")
    _clip_outliers(axes, data, metric, optimum)
    if axes.get_legend_handles_labels()[0]:  # no trial is drawn if the objective is undefined in all of them
        axes.legend(fontsize=8)


def _draw_front(axes: "Axes", data: "pd.DataFrame", optimum: SearchResult) -> None:
    """Draw the trials and the Pareto front on fresh customers, by both objectives."""
    x, y = (objective.metric for objective in optimum.study.objectives)
    _draw_trials(axes, data, x, y)
    front = sorted((finalist.gains[0].effect, finalist.gains[1].effect) for finalist in optimum.pareto)
    if front:
        axes.plot(*zip(*front, strict=True), marker="D", color="C3", label="Pareto front on fresh customers")
    axes.plot([0], [0], marker="*", ms=14, color="k", ls="", label="baseline")
    units = {metric: named_unit(optimum.baseline[metric].unit, optimum.study.scenario.currency) for metric in (x, y)}
    axes.set(xlabel=f"effect on {x} ({units[x]})", ylabel=f"effect on {y} ({units[y]})")
    axes.legend(fontsize=8)


def _draw_trials(axes: "Axes", data: "pd.DataFrame", x: str, y: str) -> None:
    import seaborn as sns

    colors = dict(zip(TRIAL_STATES, ("C0", "0.6", "C1"), strict=True))
    marks = dict(zip(TRIAL_STATES, ("o", "o", "X"), strict=True))
    sns.scatterplot(data, x=x, y=y, hue="state", style="state", palette=colors, markers=marks, s=22, ax=axes)


def _clip_outliers(axes: "Axes", data: "pd.DataFrame", metric: str, optimum: SearchResult) -> None:
    """Limit the axis range to keep a few very bad trials from compressing the rest."""
    sign = optimum.study.objectives[0].sign
    values = sign * data[metric].dropna().to_numpy()
    if len(values) < 2:
        return
    low, quartile, high = np.quantile(values, [0.0, 0.25, 1.0])
    floor = quartile - 1.5 * (high - quartile)
    if low < floor < high:
        bottom, top = axes.get_ylim()
        axes.set_ylim(*((sign * floor, top) if sign > 0 else (bottom, sign * floor)))


def _first_objective(optimum: SearchResult) -> tuple[str, str]:
    """Return the metric and unit of the first objective."""
    metric = optimum.study.objectives[0].metric
    return metric, named_unit(optimum.baseline[metric].unit, optimum.study.scenario.currency)


SEARCH_FIGURE = FigureKind[SearchResult](
    name="search",
    data=search_data,
    size=lambda optimum, data: (12 if len(optimum.study.objectives) == 2 else 7, 4.4),
    draw=_draw_panels,
    title=lambda optimum: f"{optimum.study.title or optimum.study.name}: search for {optimum.study.objectives[0].metric}",
    caption=_figure_caption,
)
