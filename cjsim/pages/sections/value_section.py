"""Where a difference in CLV comes from: a waterfall from paired customers, and the distribution of CLV."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from cjsim.compiler.fixed_costs import CREATIVE, PLATFORM, SETUP
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.definitions.cost_breakdown import allocated_fixed_costs
from cjsim.metrics.definitions.customer_acquisition import allocated_acquisition_cost, booked_acquisition_cost
from cjsim.metrics.definitions.service_levels import allocated_wages
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import RatioTerms, mean_per_customer
from cjsim.pages.charts.chart_kinds import Axis, IntervalRow, WaterfallChart
from cjsim.pages.page_parts import Panel, Section, Table
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import QuantityFormat, count_text
from cjsim.simulation.comparison_answer import OBJECTIVE
from cjsim.simulation.run import Run

_ROUNDING_ERROR = 1e-9  # in money; parts below it are 0
TermsOfPart = Callable[[Run, Run, bool], RatioTerms]


class ValuePart(NamedTuple):
    """A part of the difference in CLV per customer."""

    label: str
    difference: PairedDifference


class Buyers(NamedTuple):
    """How many customers buy under the alternative only, under the baseline only, and under both."""

    won: int
    lost: int
    kept: int


def value_data(runs: PolicyRuns) -> list[ValuePart]:
    """Split the paired difference in CLV per customer into parts that add up to it.

    Margin before offers is split by who buys: customers who buy only under the alternative (won), only under the baseline (lost), or under
    both (kept). The remaining parts are offers, messages, desks, acquisition, fixed costs, and time: the discounting, and what is earned
    and paid after the horizon.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.

    Returns
    -------
    list of ValuePart
        Parts that are 0 under both policies are left out.
    """
    found = [ValuePart(label, runs.difference(terms)) for label, terms in _parts()]
    return [part for part in found if max(map(abs, part.difference[2:5])) > _ROUNDING_ERROR]


def _parts() -> Iterator[tuple[str, TermsOfPart]]:
    for label, group in (("Buyers won", "won"), ("Buyers lost", "lost"), ("Buyers under both", "kept")):
        yield label, partial(_margin_of_buyers, group)
    for label, values in _COST_PARTS.items():
        yield label, partial(_own_values, values)


def _own_values(values: Callable[[Run], Array], baseline: Run, alternative: Run, is_alternative: bool) -> RatioTerms:
    run = alternative if is_alternative else baseline
    return mean_per_customer(run, values(run))


def _margin_of_buyers(group: str, baseline: Run, alternative: Run, is_alternative: bool) -> RatioTerms:
    run, other = (alternative, baseline) if is_alternative else (baseline, alternative)
    buys, buys_there = _buys(run), _buys_in(other, run.keys)
    chosen = buys & buys_there if group == "kept" else buys & ~buys_there & (is_alternative == (group == "won"))
    return mean_per_customer(run, np.where(chosen, _margin_before_offers(run), 0.0))


def _buys(run: Run) -> Array:
    return np.asarray(run.entered & (run.outcomes.customers["purchases"] > 0))


def _buys_in(run: Run, keys: Array) -> Array:
    """Return whether the customers with these keys buy in a run; bool, shape (n_keys,)."""
    return np.isin(keys, run.keys[_buys(run)])


def buyer_counts(runs: PolicyRuns) -> Buyers:
    """Return the numbers of buyers won, lost and kept, in the first replication.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    before, after = (set(run.keys[_buys(run)].tolist()) for run in (runs.baseline, runs.runs[runs.best]))
    return Buyers(len(after - before), len(before - after), len(before & after))


def _margin_before_offers(run: Run) -> Array:
    outcomes = run.outcomes.customers
    return np.asarray(outcomes["margin"] + outcomes["discounts"])


def _zeros_or(values: Array | None, run: Run) -> Array:
    return np.zeros(len(run)) if values is None else values


def _desk_costs(run: Run) -> Array:
    """Return what conversations and staff cost, float64, shape (n_customers,)."""
    outcomes = run.outcomes.customers
    booked = _zeros_or(booked_acquisition_cost(run), run)
    return np.asarray(outcomes["cost"] - outcomes["message_cost"] - booked + _zeros_or(allocated_wages(run), run))


def _acquisition_costs(run: Run) -> Array:
    return allocated_acquisition_cost(run) if booked_acquisition_cost(run) is not None else np.zeros(len(run))


def _fixed_costs(run: Run) -> Array:
    return _zeros_or(allocated_fixed_costs(run, PLATFORM, CREATIVE, SETUP), run)


def _time_value(run: Run) -> Array:
    """Return CLV minus undiscounted margin and costs until the horizon."""
    outcomes = run.outcomes.customers
    paid = outcomes["message_cost"] + _desk_costs(run) + _acquisition_costs(run) + _fixed_costs(run)
    value = find_metric_definition(run, OBJECTIVE).terms(run).numerator_with_cost
    return np.asarray(value - (outcomes["margin"] - paid))


_COST_PARTS: dict[str, Callable[[Run], Array]] = {
    "Offers": lambda run: -run.outcomes.customers["discounts"],
    "Messages": lambda run: -run.outcomes.customers["message_cost"],
    "Desks": lambda run: -_desk_costs(run),
    "Acquisition": lambda run: -_acquisition_costs(run),
    "Platform and creative work": lambda run: -_fixed_costs(run),
    "Time value": _time_value,
}


def value_figure(runs: PolicyRuns, parts: list[ValuePart]) -> WaterfallChart:
    """Draw the parts of the difference from zero, and their total.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    parts : list of ValuePart
        Parts that add up to the difference.
    """
    total = runs.effects[OBJECTIVE]
    form = runs.form(OBJECTIVE, total)
    rows = [
        *(_row(part.label, part.difference, form, runs) for part in parts),
        _row("Difference in CLV", total, form, runs),
    ]
    alt = "Waterfall of the difference in CLV per customer: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    return WaterfallChart(alt, Axis("Difference in CLV per customer", form.prefix, is_signed=True), tuple(rows))


def _row(label: str, effect: PairedDifference, form: QuantityFormat, runs: PolicyRuns) -> IntervalRow:
    if abs(effect.effect) * 10**form.decimals < 0.5:  # would be rounded to 0
        form = runs.form(OBJECTIVE, effect)
    text = f"{form.difference(effect.effect)} {form.interval(effect.low, effect.high)}"
    color = runs.tone(OBJECTIVE, effect)  # more money is better in every part
    return IntervalRow(label, effect.effect, effect.low, effect.high, text, color)


def _split_text(text: str) -> tuple[str, str]:
    """Split the text of a row into the estimate and its interval."""
    estimate, bracket, interval = text.partition(" [")
    return estimate, bracket.strip() + interval


def _value_answer(runs: PolicyRuns, parts: list[ValuePart]) -> str:
    """Name the largest part, and its share of what is gained or lost."""
    total = runs.effects[OBJECTIVE]
    if total.is_identical or not parts:
        return "Nothing changes for any customer."
    clear = [part for part in parts if part.difference.is_significant]
    if not clear:
        return "No part of the difference is clear."
    largest = max(clear, key=lambda part: abs(part.difference.effect))
    form = runs.form(OBJECTIVE, total)
    buyers = buyer_counts(runs)
    sentence = f"The largest part is “{largest.label.lower()}” with {form.difference(largest.difference.effect)} per customer."
    if len(runs.baseline.replications) == 1:
        sentence += f" {count_text(buyers.won, 'buyer')} won, {buyers.lost:,} lost, {buyers.kept:,} under both policies."
    return sentence


def value_section(runs: PolicyRuns) -> Section:
    """Return the section about the origin of the difference in CLV.

    Parameters
    ----------
    runs : PolicyRuns
        The compared runs.
    """
    parts = value_data(runs)
    chart = value_figure(runs, parts)
    table = Table(
        ("Part", "Difference per customer", "95% interval"),
        tuple((row.label, *_split_text(row.text)) for row in chart.rows),
        "Parts of the difference in CLV per customer",
    )
    caption = runs.caption(
        "Thin lines under the bars are paired 95% intervals.",
        "Margin is before offers; time value is discounting, and what is earned and paid after the last day.",
    )
    form = runs.form(OBJECTIVE, runs.effects[OBJECTIVE])
    title = f"The {form.difference(runs.effects[OBJECTIVE].effect)} in parts"
    panel = Panel(title, "Each bar starts where the one above it ends.", chart, table, caption)
    return Section("value", "Where does the difference come from?", _value_answer(runs, parts), (panel,), "Value")
