"""Figure of a comparison: the relative effect on each metric that matters, with its interval, and whether it is better or worse."""

import math
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from cjsim.engine.run_record import RunRecord
from cjsim.simulation.comparison_answer import ComparedMetrics, answer_text, metric_label
from cjsim.simulation.comparison_summary import metrics_to_show
from cjsim.simulation.figures import FigureKind, mark_baseline
from cjsim.simulation.summary_tables import period_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# Better is blue, worse is orange, no clear difference is slate; each also has a shape.
_STYLES = {
    "better": ("#1f6fb2", "o"),
    "worse": ("#c8590a", "s"),
    "more or fewer": ("#475569", "D"),
    "no clear difference": ("#94a3b8", "o"),
}
_ROW_HEIGHT, _WIDTH = 0.34, 8.0


class PairedRuns(NamedTuple):
    """The run of the baseline, and the differences of the alternatives from it."""

    baseline: RunRecord
    compared: ComparedMetrics


def comparison_figure_data(paired: PairedRuns) -> "pd.DataFrame":
    """Return the figure data, one row per alternative and metric.

    Parameters
    ----------
    paired : PairedRuns
        The run of the baseline, and the differences.

    Returns
    -------
    DataFrame
        Columns `alternative`, `metric` (its label), `relative`, `low`, `high` (relative to the baseline, in percent) and `verdict`
        ('better', 'worse', 'more or fewer', 'no clear difference'). Metrics whose baseline is 0 are left out, because no relative effect is
        defined. Metrics for which neither higher nor lower values are better are also left out if they more than double, because all other
        effects would look like 0 next to them.
    """
    import pandas as pd

    rows = []
    for name, effects in paired.compared.alternatives.items():
        for definition in metrics_to_show(paired.compared, paired.baseline):
            effect = effects.get(definition.name)
            if effect is None or math.isnan(effect.relative) or (definition.better == "neither" and effect.relative > 1):
                continue
            scale = 100 / abs(effect.baseline)
            is_better = (effect.effect > 0) == (definition.better == "higher")
            clear = "more or fewer" if definition.better == "neither" else "better" if is_better else "worse"
            verdict = clear if effect.is_significant else "no clear difference"
            rows.append((name, metric_label(definition), scale * effect.effect, scale * effect.low, scale * effect.high, verdict))
    return pd.DataFrame(rows, columns=["alternative", "metric", "relative", "low", "high", "verdict"])


def _draw(figure: "Figure", paired: PairedRuns, data: "pd.DataFrame") -> None:
    names = list(paired.compared.alternatives)
    for axes, name in zip(figure.subplots(1, len(names), sharey=True, squeeze=False)[0], names, strict=True):
        rows = data[data["alternative"] == name].reset_index(drop=True)
        for verdict, (color, marker) in _STYLES.items():
            chosen = rows[rows["verdict"] == verdict]
            if len(chosen):
                axes.hlines(chosen.index, chosen["low"], chosen["high"], color=color, alpha=0.35, linewidth=7)
                axes.plot(chosen["relative"], chosen.index, ls="", marker=marker, color=color, label=verdict)
        axes.set_yticks(range(len(rows)), rows["metric"])
        axes.set(xlabel=f"effect in % of {paired.compared.baseline}", title=name)
        axes.invert_yaxis()
        mark_baseline(axes, is_vertical=True)
        axes.legend(fontsize=8, loc="best")


def _caption(paired: PairedRuns) -> str:
    origin = paired.baseline.provenance
    period = period_text(paired.baseline)
    return f"{origin.customers:,} customers, seed {origin.seed}, {period}; 95 % intervals, paired on the same customers."


COMPARISON_FIGURE = FigureKind[PairedRuns](
    name="comparison",
    data=comparison_figure_data,
    size=lambda paired, data: (
        max(_WIDTH, 5.5 * len(paired.compared.alternatives)),
        1.8 + _ROW_HEIGHT * len(set(data["metric"])),
    ),
    draw=_draw,
    title=lambda paired: textwrap.fill(answer_text(paired.compared._replace(returns={})), 100),
    caption=_caption,
)
