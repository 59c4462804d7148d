"""How several alternatives compare: the differences of each from the baseline on the most important metrics."""

from cjsim.pages.charts.chart_kinds import Axis, IntervalChart, IntervalRow
from cjsim.pages.page_parts import Panel, Section, Table
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.sections.first_screen import key_metrics
from cjsim.simulation.comparison_answer import OBJECTIVE


def alternative_figure(runs: PolicyRuns) -> IntervalChart:
    """Draw the difference in CLV of each alternative.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    assert runs.comparison is not None
    rows = []
    for name, effects in runs.comparison.alternatives.items():
        effect = effects[OBJECTIVE]
        form = runs.form(OBJECTIVE, effect)
        text = f"{form.difference(effect.effect)} {form.interval(effect.low, effect.high)}"
        rows.append(IntervalRow(runs.labels[name], effect.effect, effect.low, effect.high, text, runs.tone(OBJECTIVE, effect)))
    prefix = runs.form(OBJECTIVE, runs.effects[OBJECTIVE]).prefix
    alt = "Difference in CLV by alternative: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    return IntervalChart(alt, Axis("Difference in CLV per customer", prefix, is_signed=True), tuple(rows))


def alternative_table(runs: PolicyRuns) -> Table:
    """Return the differences of each alternative on the metrics of the first screen.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    assert runs.comparison is not None
    rows = []
    for metric in key_metrics(runs):
        cells, per = [], ""
        for effects in runs.comparison.alternatives.values():
            effect = effects.get(metric)
            if effect is None:
                cells.append("–")
                continue
            form = runs.form(metric, effect)
            per = form.per
            cells.append(f"{form.difference(effect.effect)} {form.interval(effect.low, effect.high)}")
        rows.append((f"{runs.label_of(metric)}, {per}" if per else runs.label_of(metric), *cells))
    return Table(("", *(runs.labels[name] for name in runs.comparison.alternatives)), tuple(rows))


def alternative_section(runs: PolicyRuns) -> Section | None:
    """Return the section that sets the alternatives side by side; None if there is only one.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    if len(runs.runs) < 3 or runs.comparison is None:
        return None
    clear = [name for name, effects in runs.comparison.alternatives.items() if runs.tone(OBJECTIVE, effects[OBJECTIVE]) == "gain"]
    n = len(runs.runs) - 1
    say = f"{len(clear)} of {n} alternatives are clearly better than {runs.labels[runs.baseline_name]} on CLV."
    caption = runs.caption(f"Differences from {runs.labels[runs.baseline_name]}, paired 95% intervals.")
    panels = (
        Panel("Difference in CLV per customer", chart=alternative_figure(runs), caption=caption, is_wide=True),
        Panel("Side by side", table=alternative_table(runs), caption=caption, is_wide=True, is_table_folded=False),
    )
    return Section("alternatives", "How do the alternatives compare?", say, panels, "Alternatives")
