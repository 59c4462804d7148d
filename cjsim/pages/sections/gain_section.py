"""Who gains and who loses: effects by segment, and the distribution of paired effects."""

import itertools
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cjsim.compiler.fixed_costs import FIXED_COSTS
from cjsim.kernels.world import Array
from cjsim.metrics.confidence_intervals import wilson_interval
from cjsim.metrics.definitions.cost_breakdown import allocated_fixed_costs
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.pages.charts.chart_kinds import Axis, ColumnChart, IntervalChart, IntervalRow, Verdict
from cjsim.pages.page_parts import Panel, Section, Table
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import MINUS, share_text, title_case
from cjsim.simulation.comparison_answer import OBJECTIVE
from cjsim.simulation.run import Run
from cjsim.simulation.segments.customer_groups import PERSONA, SMALL_GROUP

_SHARE_OF_MEAN = 0.025  # of mean CLV: smaller changes count as none
_MAX_GROUPINGS = 4
_STEPS = (1.0, 2.5, 5.0, 10.0)


class Segment(NamedTuple):
    """The effects in one group of customers."""

    grouping: str
    name: str
    customers: int
    effects: dict[str, PairedDifference]  # by metric


class ChangedShares(NamedTuple):
    """Customers whose CLV rises, falls or stays, and how many there are by size of the change."""

    threshold: float
    gain: tuple[float, float, float]  # share, and the ends of its interval
    loss: tuple[float, float, float]
    edges: tuple[float, ...]
    shares: tuple[float, ...]  # by bin


@lru_cache(maxsize=1)
def segment_data(runs: PolicyRuns) -> list[Segment]:
    """Return the paired effects by persona and by attribute of customers.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs. Groups with fewer than 50 customers are left out.
    """
    assert runs.comparison is not None
    codebook, found = runs.baseline.codebook, []
    personas = [PERSONA] if len(codebook.personas) > 1 else []
    for grouping in [*personas, *codebook.attributes][:_MAX_GROUPINGS]:
        groups = runs.comparison.by(grouping)
        for name, effects in groups.alternatives[runs.best].items():
            if groups.entered.get(name, 0) >= SMALL_GROUP:
                chosen = {metric: effects[metric] for metric in (OBJECTIVE, "opt_outs", "retention_90d") if metric in effects}
                found.append(Segment(grouping, name, groups.entered[name], chosen))
    return found


def segment_title(runs: PolicyRuns, segment: Segment) -> str:
    """Return the title of a group: that of the persona, or the attribute and its level.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    segment : Segment
        The group.
    """
    if segment.grouping == PERSONA:
        return runs.model.of("personas", segment.name)
    level = segment.name if segment.name.isupper() else segment.name.replace("_", " ")
    return f"{title_case(segment.grouping)}: {level}"


def segment_figure(runs: PolicyRuns, segments: list[Segment]) -> IntervalChart:
    """Draw the differences in CLV by segment.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    segments : list of Segment
        The groups.
    """
    form = runs.form(OBJECTIVE, runs.effects[OBJECTIVE])
    rows = []
    for segment in segments:
        effect = segment.effects[OBJECTIVE]
        text = f"{form.difference(effect.effect)} {form.interval(effect.low, effect.high)}"
        row = (segment_title(runs, segment), effect.effect, effect.low, effect.high, text, runs.tone(OBJECTIVE, effect))
        rows.append(IntervalRow(*row))
    alt = "Difference in CLV by segment: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    return IntervalChart(alt, Axis("Difference in CLV per customer", form.prefix, is_signed=True), tuple(rows))


def change_data(runs: PolicyRuns) -> ChangedShares:
    """Return how many customers gain and lose, from the paired effects on the CLV of each customer in the first replication.

    Costs that do not depend on the customer (platform, creative work, setup) are left out: shared by all, they would turn customers whose
    journey does not change into losers.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    assert runs.comparison is not None
    shared = _shared_costs(runs.runs[runs.best]) - _shared_costs(runs.baseline)
    effects = runs.comparison.effects(runs.best, OBJECTIVE)["effect"].to_numpy() + shared
    threshold = _nice_below(_SHARE_OF_MEAN * max(abs(runs.effects[OBJECTIVE].baseline), abs(runs.effects[OBJECTIVE].value)))
    n = len(effects)
    shares = [float(np.mean(effects >= threshold)), float(np.mean(effects <= -threshold))]
    gain, loss = ((share, *wilson_interval(share, n, math.nan if share in (0, 1) else share * (1 - share) / n)) for share in shares)
    upper = _edges(np.abs(effects[np.abs(effects) >= threshold]), threshold)
    edges = (*(-edge for edge in reversed(upper)), *upper)
    bounds = (-np.inf, *edges, np.inf)
    counts = np.histogram(effects, np.array(bounds))[0]
    return ChangedShares(threshold, gain, loss, edges, tuple(float(count) / n for count in counts))


def _nice_below(value: float) -> float:
    """Return the largest of 1, 2.5 or 5 times a power of ten up to a value."""
    if value <= 0 or not math.isfinite(value):
        return 0.01
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in _STEPS if step * power <= value * (1 + 1e-9))


def _edges(sizes: Array, threshold: float) -> list[float]:
    """Return the threshold, and two rounded sizes that divide the changed customers into thirds."""
    found = [threshold]
    for quantile in (0.33, 0.67) if len(sizes) else ():
        edge = _nice_below(float(np.quantile(sizes, quantile)))
        if edge > found[-1]:
            found.append(edge)
    return found


def change_figure(runs: PolicyRuns, data: ChangedShares) -> ColumnChart:
    """Draw the distribution of paired effects.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    data : ChangedShares
        Shares by bin.
    """
    prefix = runs.form(OBJECTIVE, runs.effects[OBJECTIVE]).prefix
    text = [f"{MINUS if edge < 0 else '+'}{prefix}{abs(edge):,g}" for edge in data.edges]
    middle = len(data.edges) // 2
    names = [f"below {text[0]}", *(f"{a} to {b}" for a, b in itertools.pairwise(text)), f"above {text[-1]}"]
    colors: list[Verdict] = ["loss" if i < middle else "gain" for i in range(len(names))]
    shares = list(data.shares)
    for of in (names, colors, shares):
        del of[middle]  # customers who do not change would dwarf the others
    labels = tuple(share_text(share) for share in shares)
    alt = "Customers by change in CLV: " + "; ".join(f"{name} {label}" for name, label in zip(names, labels, strict=True))
    return ColumnChart(alt, Axis("Share of customers", suffix="%", scale=100.0), tuple(names), tuple(shares), labels, tuple(colors))


def _gain_answer(runs: PolicyRuns, segments: list[Segment], data: ChangedShares) -> str:
    """State how many gain and lose, and which segment clearly loses."""
    gain, loss = data.gain[0], data.loss[0]
    sentences = [f"{share_text(gain)} of customers are worth more under {_inner(runs.labels[runs.best])}, {share_text(loss)} less."]
    clear = [one for one in segments if one.effects[OBJECTIVE].is_significant]
    losers = [one for one in clear if one.effects[OBJECTIVE].effect < 0]
    form = runs.form(OBJECTIVE, runs.effects[OBJECTIVE])
    if losers:
        worst = min(losers, key=lambda one: one.effects[OBJECTIVE].effect)
        sentences.append(
            f"{segment_title(runs, worst)} ({worst.customers:,} customers) loses most: {form.difference(worst.effects[OBJECTIVE].effect)}."
        )
    elif segments:
        sentences.append("No segment is clearly worse off.")
    if winners := [one for one in clear if one.effects[OBJECTIVE].effect > 0]:
        top = max(winners, key=lambda one: one.effects[OBJECTIVE].effect)
        sentences.append(f"{segment_title(runs, top)} gains most: {form.difference(top.effects[OBJECTIVE].effect)}.")
    return " ".join(sentences)


def _shared_costs(run: Run) -> float:
    """Each customer's share of the costs of the platform, creative work and setup, as it counts in CLV."""
    shares = allocated_fixed_costs(run, *FIXED_COSTS, amount="worth")
    return 0.0 if shares is None else float(shares.max())


def _inner(text: str) -> str:
    return f"“{text}”"


def _opt_out_table(runs: PolicyRuns, segments: list[Segment]) -> Table | None:
    rows, per = [], ""
    for segment in segments:
        effect = segment.effects.get("opt_outs")
        if segment.grouping == PERSONA and effect is not None and effect.high > effect.low:
            form = runs.form("opt_outs", runs.effects["opt_outs"])
            per = form.per
            rows.append((segment_title(runs, segment), form.difference(effect.effect), form.interval(effect.low, effect.high)))
    return Table(("Persona", f"Change in opt-outs {per}", "95% interval"), tuple(rows), "Opt-outs by persona, paired") if rows else None


def gain_section(runs: PolicyRuns) -> Section:
    """Return the section about winners and losers.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    segments, data, panels = segment_data(runs), change_data(runs), []
    form = runs.form(OBJECTIVE, runs.effects[OBJECTIVE])
    if segments:
        sizes = sorted(segment.customers for segment in segments)
        has_personas = any(segment.grouping == PERSONA for segment in segments)
        latent = "Personas are known to the simulator alone: a firm cannot target them directly." if has_personas else ""
        caption = runs.caption("Paired 95% intervals.", f"Segments hold {sizes[0]:,} to {sizes[-1]:,} customers.", latent)
        panels.append(Panel("By segment", "Difference in CLV per customer.", segment_figure(runs, segments), caption=caption))
    gain, loss = (f"{share_text(x[0])} [{100 * x[1]:.1f}, {100 * x[2]:.1f}]" for x in (data.gain, data.loss))
    say = f"{gain} gain, {loss} lose; the other {share_text(1 - data.gain[0] - data.loss[0])} do not change and are not drawn."
    threshold = f"A change below {form.prefix}{data.threshold:,g} counts as none."
    left_out = "Costs of the platform, creative work and setup are left out." if any(map(_shared_costs, runs.runs.values())) else ""
    caption = runs.caption("Each customer is simulated under both policies with the same random numbers.", threshold, left_out)
    table = _opt_out_table(runs, segments)
    panels.append(Panel("Customer by customer", say, change_figure(runs, data), table, caption, is_table_folded=False))
    return Section("who", "Who gains and who loses?", _gain_answer(runs, segments, data), tuple(panels), "Who gains")
