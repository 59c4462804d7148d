"""Text summary of the result of a study."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from cjsim.errors import short_repr
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.number_format import decimal_places, estimate_decimals, format_interval, format_value, unit_in_text, with_unit
from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.scenario.phrases import join_names
from cjsim.tuning.confirm import ConfirmationResult, Finalist
from cjsim.tuning.results.search_result import SearchResult
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain
from cjsim.yaml.paths import node_at, parse_path

_MAX_FRONT_ROWS = 12
_MAX_DECIMALS = 6
_UNSAVED = "Use `save` to write the values to best.yaml and the metrics to optimum.json"
_SAVED = "The values are in best.yaml. Use it as a scenario"
_MAX_VALUE_LENGTH = 60  # characters


def summarize_optimum(optimum: SearchResult, *, is_saved: bool = False) -> str:
    """Return the result of a study as text with tables.

    Parameters
    ----------
    optimum : SearchResult
        The result.
    is_saved : bool
        Whether the result was written to a folder.

    Returns
    -------
    str
        The verdict, the values of the winner, its metrics, the Pareto front, and the number of simulated customers.
    """
    study = optimum.study
    head = f"{study.name}: {len(optimum.trials):,} trials of {study.customers_per_trial:,} customers, seed {study.seed}"
    parts = [wrap_lines(head), wrap_lines(verdict_text(optimum)), _values_table(optimum)]
    if optimum.warnings:
        parts.append(wrap_lines("\n".join(f"Warning: {warning}" for warning in optimum.warnings)))
    if optimum.confirmation.metrics:
        parts.append(_metrics_table(optimum))
    if len(optimum.pareto) > 1:
        parts.append(_pareto_table(optimum))
    return "\n\n".join([*parts, wrap_lines(_cost_lines(optimum, is_saved=is_saved))])


def verdict_text(optimum: SearchResult) -> str:
    """Return the verdict in sentences, one per line."""
    return "\n".join(_verdict_lines(optimum))


def _verdict_lines(optimum: SearchResult) -> Iterator[str]:
    found, study = optimum.confirmation, optimum.study
    if found.verdict == "infeasible":
        yield from _infeasible_lines(optimum)
        return
    objective = study.objectives[0]
    gain, unit = found.gains[objective.metric], optimum.baseline[objective.metric].unit
    decimals = estimate_decimals(unit, (gain.effect, gain.low, gain.high))
    effect = f"{_effect_text(optimum, objective.metric, gain)} on {found.customers:,} fresh customers"
    size = gain if gain.effect > 0 else gain._replace(effect=-gain.effect, low=-gain.high, high=-gain.low)
    change = f"{'raises' if gain.effect > 0 else 'lowers'} {objective.metric} by {_effect_text(optimum, objective.metric, size)}"
    change = f"{change.replace('+', '')} on {found.customers:,} fresh customers"
    if found.verdict == "gain":
        yield f"Gain: trial {found.trial.index} {change}."
    elif found.surely_violated:
        violated = ", ".join(found.surely_violated)
        yield f"No valid gain: trial {found.trial.index} differs in {objective.metric} by {effect}, but violates {violated}."
    else:
        yield f"No significant gain: the best trial, trial {found.trial.index}, differs in {objective.metric} by {effect}."
    for further in study.objectives[1:]:
        other = found.gains[further.metric]
        if max(further.sign * other.low, further.sign * other.high) < 0:
            yield f"Trade-off: {further.metric} changes by {_effect_text(optimum, further.metric, other)}."
    optimism = found.optimism[objective.metric]
    direction, error = (
        "over" if optimism >= 0 else "under",
        with_unit(format_value(abs(optimism), unit, decimals), unit, study.scenario.currency),
    )
    for one in study.constraints:
        if (excess := one.sign * (found.baseline[one.metric].value - one.bound)) > 0:
            yield f"The baseline does not satisfy {one.name}: {_violation_text(optimum, one.metric, excess)}."
    yield f"The search {direction}estimated the gain by {error}."
    yield f"Probability that the winner is the best finalist: {100 * found.chance_best:.0f} %."
    if found.rounded is not None:
        rounded = _effect_text(optimum, objective.metric, found.rounded.gains[objective.metric])
        newly_violated = [name for name in found.rounded.surely_violated if name not in found.surely_violated]
        ending = f", but violates {join_names(newly_violated)}." if newly_violated else "."
        yield f"With rounded values, {objective.metric} changes by {rounded}{ending}"


def _infeasible_lines(optimum: SearchResult) -> Iterator[str]:
    """Yield lines that state how far the closest trial is from feasibility."""
    found, study = optimum.confirmation, optimum.study
    kept = "satisfies the constraints" if study.constraints else "has all objectives defined"
    yield f"No trial {kept}. Trial {found.trial.index} comes closest:"
    yield from (f"  {one.name}: {_violation_text(optimum, one.metric, found.excess[one.name])}" for one in study.constraints)
    undefined = [one.metric for one, gain in zip(study.objectives, found.trial.gains, strict=True) if math.isnan(gain.value)]
    yield from (f"  {name}: undefined" for name in undefined)


def _effect_text(optimum: SearchResult, metric: str, gain: ObjectiveGain) -> str:
    """Format an effect with its interval."""
    unit = optimum.baseline[metric].unit
    decimals = estimate_decimals(unit, (gain.effect, gain.low, gain.high))
    interval = format_interval(gain.low, gain.high, unit, decimals, is_difference=True)
    number = format_value(gain.effect, unit, decimals, is_difference=True)
    return f"{with_unit(number, unit, optimum.study.scenario.currency)} {interval}"


def _violation_text(optimum: SearchResult, metric: str, excess: float) -> str:
    if excess <= 0:
        return "satisfied"
    if math.isinf(excess):
        return "undefined"
    unit = optimum.baseline[metric].unit
    number = format_value(excess, unit, decimal_places(unit, [excess]))
    return f"violated by {with_unit(number, unit, optimum.study.scenario.currency)}"


def _values_table(optimum: SearchResult) -> str:
    """Return a table of the baseline values as written, the winning values, and the rounded winning values."""
    study, found = optimum.study, optimum.confirmation
    defaults = study.scenario.model_dump(mode="json", by_alias=True)
    best = "closest" if found.verdict == "infeasible" else "best"
    rounded = {} if found.rounded is None else found.rounded.params
    rows = []
    for path, value in found.trial.params.items():
        written = node_at(study.source(), ("scenario", *(parse_path(path) or ())))
        today = _value_at_path(defaults, path) if written is None else written.plain()
        rows.append((path, _short_value_text(today), _short_value_text(value), _short_value_text(rounded[path]) if rounded else ""))
    return align_columns(("path", "baseline", best, "rounded" if rounded else ""), rows)


def _value_at_path(content: Any, path: str) -> Any:
    """Return the value at a path, or None if the path is missing."""
    for key in parse_path(path) or ():
        content = content[key] if isinstance(key, int) or key in content else None
        if content is None:
            return None
    return content


def _short_value_text(value: Any) -> str:
    """Format a value, truncated if it is long."""
    text = value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else short_repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else text[: _MAX_VALUE_LENGTH - 3] + "..."


def _metrics_table(optimum: SearchResult) -> str:
    """Return a table of objectives and constraints under the baseline and the winner, on the second set of fresh customers."""
    bounds = _bound_texts(optimum.study)
    names = dict.fromkeys([*(one.metric for one in optimum.study.objectives), *bounds])
    currency = optimum.study.scenario.currency
    limits = {name: [one.bound for one in optimum.study.constraints if one.metric == name] for name in names}
    rows = [_metric_row(optimum.confirmation, name, bounds.get(name, ""), limits[name], currency) for name in names]
    return align_columns(("metric", "baseline", "best", "gain", "95 % interval", "unit", "n", "constraint"), rows, optional=["n"])


def _bound_texts(study: Study) -> dict[str, str]:
    """Return the bounds of each constrained metric, such as 'at most 0.02'."""
    bounds: dict[str, str] = {}
    for one in study.constraints:
        bounds[one.metric] = join_names([*filter(None, [bounds.get(one.metric)]), one.name.removeprefix(f"{one.metric} ")])
    return bounds


def _metric_row(found: ConfirmationResult, name: str, bound: str, limits: Sequence[float], currency: str | None) -> tuple[str, ...]:
    metric, today, gain = found.metrics[name], found.baseline[name], found.gains.get(name)
    decimals = decimal_places(metric.unit, [metric.value, today.value])
    scale = 100 if metric.unit == SHARE_UNIT else 1
    effect = interval = ""
    if gain is not None:
        decimals = estimate_decimals(metric.unit, (gain.effect, gain.low, gain.high))
        effect = format_value(gain.effect, metric.unit, decimals, is_difference=True)
        interval = format_interval(gain.low, gain.high, metric.unit, decimals, is_difference=True, is_beside_value=True)
    while decimals < _MAX_DECIMALS and any(_looks_equal(scale * metric.value, scale * one, decimals) for one in limits):
        decimals += 1
    unit = unit_in_text(metric.unit, currency)
    return name, _metric_text(today, decimals), _metric_text(metric, decimals), effect, interval, unit, f"{metric.n:,}", bound


def _looks_equal(value: float, limit: float, decimals: int) -> bool:
    """Return whether a table hides which side of a bound a value is on."""
    return value != limit and round(value, decimals) == round(limit, decimals)


def _metric_text(metric: MetricEstimate, decimals: int) -> str:
    return format_value(metric.value, metric.unit, decimals)


def _pareto_table(optimum: SearchResult) -> str:
    """Return a table of the finalists on the Pareto front."""
    objectives = optimum.study.objectives
    shown = optimum.pareto[:_MAX_FRONT_ROWS]
    head = ("Pareto front", *(cell for one in objectives for cell in (one.metric, "gain")), "")
    hidden = len(optimum.pareto) - len(shown)
    return align_columns(head, [_pareto_row(optimum, finalist) for finalist in shown]) + (f"\n({hidden} more)" if hidden > 0 else "")


def _pareto_row(optimum: SearchResult, finalist: Finalist) -> tuple[str, ...]:
    """Format the value and the gain of each objective."""
    cells = []
    for objective, gain in zip(optimum.study.objectives, finalist.gains, strict=True):
        unit = optimum.baseline[objective.metric].unit
        cells.append(format_value(gain.value, unit, decimal_places(unit, [gain.value])))
        cells.append(format_value(gain.effect, unit, decimal_places(unit, [gain.effect]), is_difference=True))
    return f"trial {finalist.trial.index}", *cells, ""


def _cost_lines(optimum: SearchResult, *, is_saved: bool) -> str:
    confirming, total = optimum.confirmation.simulated_customers, optimum.simulated_customers
    pruned = sum(trial.simulated_customers > 0 for trial in optimum.pruned_trials)
    refused = [trial for trial in optimum.trials if trial.refusal_reason]
    repeats = sum(trial.simulated_customers == 0 and not trial.refusal_reason for trial in optimum.trials)
    pruned_text = f" {pruned:,} {'trial was' if pruned == 1 else 'trials were'} stopped early." if pruned else ""
    repeats_text = f" {repeats:,} trial{'s' * (repeats > 1)} repeated known values." if repeats else ""
    lines = [
        f"{_SAVED if is_saved else _UNSAVED}, and `compare` to see all other effects.",
        f"Simulated {total:,} customers, {confirming:,} of them for confirmation.{pruned_text}{repeats_text}",
    ]
    if refused:
        values = ", ".join(f"{path} = {_short_value_text(value)}" for path, value in refused[0].params.items())
        n = len(refused)
        count = f"{n:,} trials have invalid values. The first is trial" if n > 1 else "One trial has invalid values: trial"
        lines.append(f"{count} {refused[0].index} ({values}): {refused[0].refusal_reason}")
    if confirming:
        front = " The Pareto front is measured on the customers used to pick the winner." if len(optimum.pareto) > 1 else ""
        lines.append(
            "Intervals are 95 % confidence intervals. "
            f"Values and gains are measured on customers who were not used to pick the winner.{front}"
        )
    if confirming and not optimum.confirmation.has_fresh_draws:
        lines.append(
            "The confirmation reuses the parameter draws of the search, because the file has fewer than three times as many draws."
        )
    return "\n".join(lines)
