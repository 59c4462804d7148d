"""Figures of a readout, and their data: effects, Qini curves, groups of predicted effect, and policies."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cjsim.readout.outcome_readout import OutcomeReadout
from cjsim.simulation.figures import FigureKind, mark_baseline

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Outcomes = Sequence[OutcomeReadout]
_HEIGHT, _WIDTH = 3.0, 4.2  # of a panel, in inches


def effects_data(outcomes: Outcomes) -> "pd.DataFrame":
    """Return the effects, one row per outcome and pair of arms. `unit` is 'share', or the outcome itself."""
    import pandas as pd

    units = {one.name: "share" if one.effects.kind == "binary" else one.name for one in outcomes}
    pairs = [(one, effect) for one in outcomes for effect in one.effects.effects]
    return pd.DataFrame([{"outcome": one.name, "n": one.effects.n} | vars(effect) | {"unit": units[one.name]} for one, effect in pairs])


def curves_data(outcomes: Outcomes) -> "pd.DataFrame":
    """Return Qini and uplift curves with 95 % bands, one row per outcome, arm, learner and share; in the unit of the outcome."""
    import pandas as pd

    names = ("share", "qini", "qini_low", "qini_high", "uplift", "uplift_low", "uplift_high")
    parts = [
        pd.DataFrame({name: getattr(learner.band, name) for name in names}).assign(
            outcome=one.name, arm=ranking.arm, learner=learner.learner
        )
        for one in outcomes
        if one.learned is not None
        for ranking in one.learned.rankings
        for learner in ranking.curves.learners
    ]
    columns = ["outcome", "arm", "learner", *names]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def groups_data(outcomes: Outcomes) -> "pd.DataFrame":
    """Return the effect of each group of predicted effect; group 1 has the largest predictions."""
    import pandas as pd

    columns = ["outcome", "arm", "learner", "folds_by_learner", "group", "n", "predicted", "effect", "low", "high", "heterogeneity_proven"]
    rows = []
    for one in outcomes:
        if one.learned is None:
            continue
        proven = {test.arm: test.is_proven for test in one.learned.heterogeneity}
        by_fold = one.learned.folds_by_learner
        counts = ", ".join(f"{name} {count}" for name, count in by_fold.items())
        for ranking in one.learned.rankings:
            for group in ranking.groups.groups:
                numbers = (group.group, group.n, group.predicted, group.effect.estimate, group.effect.low, group.effect.high)
                rows.append((one.name, ranking.arm, next(iter(by_fold)), counts, *numbers, proven[ranking.arm]))
    return pd.DataFrame(rows, columns=columns)


def policies_data(outcomes: Outcomes) -> "pd.DataFrame":
    """Return the value of each policy per customer."""
    import pandas as pd

    rows = [
        (one.name, rule, share, value.estimate, value.low, value.high, rule == one.best)
        for one in outcomes
        for rule, share, value, _ in one.policy_rows()
    ]
    return pd.DataFrame(rows, columns=["outcome", "rule", "share", "value", "low", "high", "is_best"])


def _axis_label(one: OutcomeReadout, what: str) -> str:
    return f"{what} ({'share of customers' if one.effects.kind == 'binary' else f'{one.name} per customer'})"


def _draw_intervals(axes: "Axes", labels: Sequence[str], rows: "pd.DataFrame", value: str) -> None:
    """Draw estimates with their intervals, one line per row."""
    import seaborn as sns

    colors = sns.color_palette("colorblind")
    for y, (_, row) in enumerate(rows.iterrows()):
        axes.hlines(y, row["low"], row["high"], color=colors[0], alpha=0.35, linewidth=6)
        axes.plot(row[value], y, "o", color=colors[0], markersize=5)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def _draw_effects(figure: "Figure", outcomes: Outcomes, data: "pd.DataFrame") -> None:
    for axes, one in zip(figure.subplots(len(outcomes), 1, squeeze=False)[:, 0], outcomes, strict=True):
        rows = data[data["outcome"] == one.name]
        _draw_intervals(axes, [f"{row.arm}\nversus {row.versus}" for row in rows.itertuples()], rows, "effect")
        mark_baseline(axes, is_vertical=True)
        axes.set_xlabel(_axis_label(one, f"effect on {one.name}"), fontsize=8)


def _draw_policies(figure: "Figure", outcomes: Outcomes, data: "pd.DataFrame") -> None:
    for axes, one in zip(figure.subplots(len(outcomes), 1, squeeze=False)[:, 0], outcomes, strict=True):
        rows = data[data["outcome"] == one.name]
        labels = [f"{row.rule} ({100 * row.share:.0f} %)" + (" - use this" if row.is_best else "") for row in rows.itertuples()]
        _draw_intervals(axes, labels, rows, "value")
        unit = "money per customer" if one.is_money else f"{one.name} per customer"
        axes.set_xlabel(f"value after costs ({unit})", fontsize=8)


def _learned(outcomes: Outcomes) -> list[OutcomeReadout]:
    return [one for one in outcomes if one.learned is not None]


def _panels(figure: "Figure", outcomes: Outcomes) -> "list[tuple[Axes, OutcomeReadout, str]]":
    """Return one panel per outcome (rows) and arm (columns)."""
    shown = _learned(outcomes)
    arms = [arm.arm for arm in shown[0].effects.arms[1:]]
    grid = figure.subplots(len(shown), len(arms), squeeze=False)
    return [(grid[i, j], one, arm) for i, one in enumerate(shown) for j, arm in enumerate(arms)]


def _draw_curves(figure: "Figure", outcomes: Outcomes, data: "pd.DataFrame") -> None:
    import seaborn as sns

    for axes, one, arm in _panels(figure, outcomes):
        rows = data[(data["outcome"] == one.name) & (data["arm"] == arm)]
        sns.lineplot(rows, x="share", y="qini", hue="learner", style="learner", palette="colorblind", errorbar=None, ax=axes, linewidth=1.2)
        first = rows[rows["learner"] == rows["learner"].iloc[0]]
        axes.fill_between(first["share"], first["qini_low"], first["qini_high"], alpha=0.18, linewidth=0)
        axes.plot([0, 1], [0, first["qini"].iloc[-1]], color="0.4", linewidth=0.8, linestyle="--")
        axes.legend(fontsize=6, frameon=False)
        axes.set_title(f"{one.name}: {arm}", fontsize=8)
        axes.set_xlabel("share of customers, largest predictions first", fontsize=8)
        axes.set_ylabel(_axis_label(one, "gain"), fontsize=8)


def _draw_groups(figure: "Figure", outcomes: Outcomes, data: "pd.DataFrame") -> None:
    import seaborn as sns

    colors = sns.color_palette("colorblind")
    for axes, one, arm in _panels(figure, outcomes):
        rows = data[(data["outcome"] == one.name) & (data["arm"] == arm)]
        axes.vlines(rows["group"], rows["low"], rows["high"], color=colors[0], alpha=0.35, linewidth=6)
        axes.plot(rows["group"], rows["effect"], "o", color=colors[0], markersize=5, label="effect")
        axes.plot(rows["group"], rows["predicted"], "D", color=colors[1], markersize=4, label="predicted")
        mark_baseline(axes)
        axes.legend(fontsize=6, frameon=False)
        word = "" if rows["heterogeneity_proven"].all() else " (heterogeneity not proven)"
        axes.set_title(f"{one.name}: {arm}{word}", fontsize=8)
        axes.set_xticks(rows["group"])
        axes.set_xlabel("group, 1 = largest predictions", fontsize=8)
        axes.set_ylabel(_axis_label(one, "effect"), fontsize=8)


def _caption(outcomes: Outcomes) -> str:
    plan = next((one.learned.plan for one in outcomes if one.learned is not None), None)
    seed = "" if plan is None else f", {plan.folds} folds, {plan.draws} bootstrap draws, seed {plan.seed}"
    sizes = ", ".join(f"{one.name} {one.effects.n:,}" for one in outcomes)
    return f"Rows: {sizes}{seed}. 95 % intervals."


def _curves_caption(outcomes: Outcomes) -> str:
    return f"{_caption(outcomes)} The band is that of the first learner; dashed: random order."


def _grid_size(outcomes: Outcomes) -> tuple[float, float]:
    shown = _learned(outcomes)
    return _WIDTH * max(2, len(shown[0].effects.arms) - 1) if shown else _WIDTH, 0.8 + _HEIGHT * max(len(shown), 1)


FIGURES = (
    FigureKind[Outcomes](
        name="effects",
        data=effects_data,
        size=lambda outcomes, data: (8.0, 1.0 + 0.8 * len(outcomes) + 0.45 * len(data)),
        draw=_draw_effects,
        title=lambda outcomes: "Effects of the arms",
        caption=_caption,
    ),
    FigureKind[Outcomes](
        name="groups",
        data=groups_data,
        size=lambda outcomes, data: _grid_size(outcomes),
        draw=_draw_groups,
        title=lambda outcomes: "Effect by group of predicted effect",
        caption=_caption,
    ),
    FigureKind[Outcomes](
        name="curves",
        data=curves_data,
        size=lambda outcomes, data: _grid_size(outcomes),
        draw=_draw_curves,
        title=lambda outcomes: "Qini curves of the learners",
        caption=_curves_caption,
    ),
    FigureKind[Outcomes](
        name="policies",
        data=policies_data,
        size=lambda outcomes, data: (8.0, 1.0 + 0.8 * len(outcomes) + 0.3 * len(data)),
        draw=_draw_policies,
        title=lambda outcomes: "Value of policies",
        caption=_caption,
    ),
)
