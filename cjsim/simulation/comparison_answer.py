"""The answer of a comparison in a few sentences: which policy is better, on which metric, by how much, and with which side effect."""

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from cjsim.kernels.codes import VALUE_YEAR
from cjsim.metrics.incremental_return import IncrementalReturn
from cjsim.metrics.number_format import decimal_places, estimate_decimals, format_relative, format_value, round_up_to_two_digits, with_unit
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.replicated_estimates import student_quantile
from cjsim.metrics.return_phrases import return_sentences
from cjsim.scenario.phrases import span_phrase
from cjsim.simulation.detectable_change import DetectableChange, NeededCustomers

OBJECTIVE = "clv"
_COSTS = ("cost", "message_cost", "platform_cost", "creative_cost", "setup_cost", "desk_cost", "staff_cost", "cac")
_PARTS_OF_CLV = frozenset(  # not reported as side effects, because they are part of CLV
    ("purchases", "revenue", "margin", "total_revenue", "total_margin", "profit", "total_clv", *_COSTS)
)
_CLV_METRICS = (OBJECTIVE, "total_clv")  # count until the value horizon
_FIRST_YEAR = "clv_365d"
_LABELS = {
    "clv": "CLV",
    _FIRST_YEAR: "CLV of the first year",
    "total_clv": "total CLV",
    "cac": "CAC",
    "opt_outs": "opt-outs",
    "opt_ins": "opt-ins",
    "sla_kept": "the share of requests answered in time",
    "wait": "the wait at desks",
    "abandonment": "abandonment at desks",
    "repeat_purchase_rate": "the repeat purchase rate",
}
_PLURAL = ("customers", "purchases", "referrals", "opt_outs", "opt_ins")
_LARGER_SAMPLES = (2, 4, 10)


class ComparedMetrics(NamedTuple):
    """What the answer is based on.

    `alternatives` holds paired differences by alternative, then by metric; `returns` holds what each alternative earns and costs.
    `has_new_customers` states whether customers can be acquired or referred; if so, totals matter in addition to means.
    """

    baseline: str
    alternatives: Mapping[str, Mapping[str, PairedDifference]]
    definitions: Mapping[str, MetricDefinition]
    days: float
    customers: int
    has_new_customers: bool
    currency: str | None = None
    returns: Mapping[str, IncrementalReturn] = MappingProxyType({})  # by alternative
    value_days: float | None = None  # days over which CLV counts, if these are not `days`
    replications: int = 1

    def span_of(self, metric: str) -> str:
        """Return, as text, the days over which a metric counts."""
        if metric == _FIRST_YEAR:
            return f"the {VALUE_YEAR:g} days after entry"
        return f"{self.days:g} days" if self.value_days is None or metric not in _CLV_METRICS else span_phrase(self.value_days)


def answer_text(compared: ComparedMetrics, *, objective: str = OBJECTIVE, detection: DetectableChange | None = None) -> str:
    """Answer a comparison in a few sentences.

    Parameters
    ----------
    compared : ComparedMetrics
        The differences.
    objective : str
        Name of the metric that decides which policy is better.
    detection : DetectableChange, optional
        A change in the objective. If given, the answer states how many customers or replications are needed to detect it.

    Returns
    -------
    str
    """
    definition, best = compared.definitions[objective], best_alternative(compared, objective)
    if best is None:
        return f"{_capitalized(metric_label(definition))} is undefined here, so no policy can be called better."
    effect = compared.alternatives[best][objective]
    sentences = [_verdict(compared, definition, best)]
    if compared.has_new_customers and objective == OBJECTIVE:
        sentences += _growth(compared, best)
    if effect.low < effect.high and not effect.is_significant:
        sentences.append(_larger_samples(effect, definition.unit, compared))
    if objective == OBJECTIVE and best in compared.returns:
        sentences.append(return_sentences(best, compared.returns[best], compared.currency))
    if detection is not None:
        sentences.append(_needed_customers(detection, definition, compared.currency))
    return " ".join(sentences)


def best_alternative(compared: ComparedMetrics, objective: str) -> str | None:
    """Return the name of the alternative with the best value of a metric; None if it is undefined everywhere."""
    sign = -1 if compared.definitions[objective].better == "lower" else 1
    effects = {name: effects[objective].effect for name, effects in compared.alternatives.items() if objective in effects}
    defined = [name for name, effect in effects.items() if not math.isnan(effect)]
    return max(defined, key=lambda name: sign * effects[name], default=None)


def _verdict(compared: ComparedMetrics, definition: MetricDefinition, best: str) -> str:
    """The main sentence about the alternative that is best on the objective."""
    effect, n = compared.alternatives[best][definition.name], len(compared.alternatives)
    among = f"Of {n} alternatives, {best} does best: it" if n > 1 else best
    period = f" in {compared.span_of(definition.name)}"
    if effect.effect == effect.low == effect.high == 0:
        return f"{best} has the same {metric_label(definition)} as {compared.baseline} for every customer."
    if not effect.is_significant:
        start = f"Of {n} alternatives, {best} does best, but there is no" if n > 1 else "There is no"
        amount = _amount(effect, definition, compared.currency, signed=True)
        found = f"{start} clear difference in {metric_label(definition)} from {compared.baseline}: {amount}{period}"
        either = _largest_side_effect(compared, definition.name, best, sign=0)
        return found + "".join(f"; {_change(*one, compared.currency)}" for one in either) + "."
    verb = "raises" if effect.effect > 0 else "lowers"
    found = f"{among} {verb} {metric_label(definition)} by {_amount(effect, definition, compared.currency)}{period}"
    is_better = (effect.effect > 0) == (definition.better != "lower")
    link, sign = (", but ", -1) if is_better else (", while ", 1)
    largest = _largest_side_effect(compared, definition.name, best, sign=sign)
    return found + "".join(f"{link}{_change(*one, compared.currency)}" for one in largest) + "."


def _largest_side_effect(
    compared: ComparedMetrics, objective: str, name: str, *, sign: int
) -> list[tuple[MetricDefinition, PairedDifference]]:
    """Return the clear effect on another metric with the largest relative size, or nothing."""
    return list(side_effects(compared.alternatives[name], compared.definitions, objective=objective, sign=sign))[:1]


def side_effects(
    effects: Mapping[str, PairedDifference],
    definitions: Mapping[str, MetricDefinition],
    *,
    objective: str,
    sign: int,
    has_selected: bool = False,
) -> Iterator[tuple[MetricDefinition, PairedDifference]]:
    """Yield the clear effects on other metrics than the objective and, if that is CLV, its parts; the largest relative effect first.

    Parameters
    ----------
    effects : Mapping of str to PairedDifference
        Paired differences of one alternative, by metric.
    definitions : Mapping of str to MetricDefinition
        The metrics. Those without a better direction and detail metrics are left out.
    objective : str
        Name of the metric that decides.
    sign : int
        Which effects: harmful (-1), beneficial (1) or both (0).
    has_selected : bool
        Whether to include metrics of which the policy selects the denominator, such as churn.
    """
    found = []
    for metric, effect in effects.items():
        definition = definitions[metric]
        is_same = metric == objective or (objective == OBJECTIVE and metric in _PARTS_OF_CLV)
        if is_same or definition.better == "neither" or definition.is_detail or not effect.is_significant:
            continue
        goodness = 1 if (effect.effect > 0) == (definition.better == "higher") else -1
        if sign in (0, goodness) and (has_selected or not definition.has_selected_denominator):
            size = -1.0 if math.isnan(effect.relative) else abs(effect.relative)
            found.append((size, definition, effect))
    for _, definition, effect in sorted(found, key=lambda one: -one[0]):
        yield definition, effect


def _growth(compared: ComparedMetrics, name: str) -> Iterator[str]:
    """Describe the change in totals if the number of customers differs: with more customers, a mean may fall while profit rises."""
    effects = compared.alternatives[name]
    customers, profit = effects.get("customers"), effects.get("profit")
    if customers is None or profit is None or customers.effect == 0:
        return
    count, is_larger = f"{abs(customers.effect):,.0f}", customers.effect > 0
    more = f"{count} {'more' if is_larger else 'fewer'} customer{'' if count == '1' else 's'}"
    amount = _amount(profit, compared.definitions["profit"], compared.currency, signed=not profit.is_significant)
    change = f"total profit {'rises' if profit.effect > 0 else 'falls'} by {amount}"
    if not profit.is_significant:
        change = f"there is no clear difference in total profit: {amount}"
    mean = effects[OBJECTIVE]
    if mean.effect < 0 and is_larger and customers.relative >= -mean.relative:  # the new customers may explain the fall
        yield f"With {more}, {change}."
    else:
        yield f"{_capitalized(change)}; {more} {'joins' if count == '1' else 'join'}."


def _size_text(value: float, unit: str, decimals: int) -> str:
    """Format the size of a difference without its sign; differences between shares are in percentage points."""
    return format_value(value, unit, decimals, is_difference=True).removeprefix("+")


def _larger_samples(effect: PairedDifference, unit: str, compared: ComparedMetrics) -> str:
    """State how narrow the interval would be with more customers or, if it comes from replications, with more replications."""
    half = (effect.high - effect.low) / 2
    count, noun = (compared.customers, "customers") if compared.replications == 1 else (compared.replications, "replications")
    counts = [times * count for times in _LARGER_SAMPLES]
    halves = [half / math.sqrt(times) for times in _LARGER_SAMPLES]
    if compared.replications > 1:
        quantile = student_quantile(compared.replications)
        halves = [one * student_quantile(larger) / quantile for one, larger in zip(halves, counts, strict=True)]
    decimals = estimate_decimals(unit, (halves[-1], -halves[-1], halves[-1]))
    sizes = (with_unit(_size_text(one, unit, decimals), unit, compared.currency) for one in halves)
    listed = "; ".join(f"{larger:,} {noun}: \N{PLUS-MINUS SIGN}{size}" for larger, size in zip(counts, sizes, strict=True))
    return f"With more {noun} the interval would be narrower ({listed})."


def _needed_customers(detection: DetectableChange, definition: MetricDefinition, currency: str | None) -> str:
    """State how many simulated customers or replications, and how many customers of a real test, are needed to detect a change."""
    number = _size_text(detection.size, definition.unit, decimal_places(definition.unit, [detection.size]))
    size = with_unit(number, definition.unit, currency)
    start = f"To detect a change in {metric_label(definition)} of {100 * detection.change:g} % ({size})"
    if detection.replications is None and math.isnan(detection.simulated.value) and math.isnan(detection.per_group.value):
        needed = f"The number of customers needed to{start.removeprefix('To')}"
        return f"{needed} cannot be estimated: too few of the {detection.customers:,} simulated customers differ."
    paired = "an unknown number of simulated customers (too few differ here: simulate more)"
    if detection.replications is not None:
        paired = "an unknown number of replications of this firm (too few differ here: use more)"
        if not math.isnan(detection.replications.value):
            paired = f"{_about(detection.replications)} replications of this firm, paired as here,"
    elif not math.isnan(detection.simulated.value):
        paired = f"{_about(detection.simulated)} simulated customers, paired as here,"
    real = "an unknown number of customers"
    if not math.isnan(detection.per_group.value):
        real = f"{_about(detection.per_group)} customers"
    return f"{start}: {paired} or {real} per group of a real A/B test (80 % power, 5 % two-sided; the closed form that rehearse uses)."


def _about(needed: NeededCustomers) -> str:
    """Format a number of customers with its interval."""
    value, low, high = (f"{round_up_to_two_digits(one):,}" for one in needed)
    return f"about {value} ({low} to {high})" if low != high else f"about {value}"


def _change(definition: MetricDefinition, effect: PairedDifference, currency: str | None) -> str:
    """Describe a change: 'opt-outs rise by 0.07 [0.06, 0.08] per customer (+27 %)'."""
    verb = ("rise" if effect.effect > 0 else "fall") + ("" if definition.name in _PLURAL else "s")
    return f"{metric_label(definition)} {verb} by {_amount(effect, definition, currency)}"


def _amount(effect: PairedDifference, definition: MetricDefinition, currency: str | None, *, signed: bool = False) -> str:
    """The size of an effect with interval, unit and relative size."""
    unit, negative = definition.unit, effect.effect < 0 and not signed
    values = (-effect.effect, -effect.high, -effect.low) if negative else (effect.effect, effect.low, effect.high)
    decimals = estimate_decimals(unit, values)
    value, low, high = (format_value(one, unit, decimals, is_difference=True) for one in values)
    if not signed:
        value, low, high = (one.removeprefix("+") for one in (value, low, high))
    per = " per customer" if "per customer" in definition.title else ""
    relative = "" if math.isnan(effect.relative) else f" ({format_relative(effect.relative)})"
    return f"{with_unit(value, unit, currency)} [{low}, {high}]{per}{relative}"


def metric_label(definition: MetricDefinition) -> str:
    """Name of a metric in a sentence or on an axis.

    Examples
    --------
    >>> metric_label(MetricDefinition("retention_90d", "share", "", terms=lambda run: run))
    '90-day retention'
    """
    if definition.name.startswith("retention_"):
        return f"{definition.name.removeprefix('retention_').removesuffix('d')}-day retention"
    return _LABELS.get(definition.name, definition.name.replace("_", " "))


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
