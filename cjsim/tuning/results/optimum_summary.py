"""What a search has found, in words and tables.

Lives here: the summary. Does not live here: the numbers (confirm.py, optimum.py), how numbers are written (metrics/tables.py).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cjsim.description.phrases import join_names
from cjsim.errors import short_repr
from cjsim.metrics.number_format import decimal_places, format_interval, format_value
from cjsim.metrics.text_table import align_columns
from cjsim.yaml.paths import parse_path

if TYPE_CHECKING:
    from cjsim.metrics.confidence_intervals import MetricEstimate
    from cjsim.tuning.results.optimum import Optimum
    from cjsim.tuning.trial import ObjectiveGain

_MAX_FRONT_ROWS = 12  # rows of a front in a summary
_MAX_VALUE_LENGTH = 60  # characters of a value


def summarize_optimum(optimum: "Optimum") -> str:
    """The result in words and tables.

    Parameters
    ----------
    optimum : Optimum
        The result.

    Returns
    -------
    str
        What holds; the winner's values; its metrics; the front; what it cost.
    """
    study = optimum.study
    head = f"{study.name}: {len(optimum.trials):,} trials of {study.customers_per_trial:,} customers, seed {study.seed}"
    parts = [head, "\n".join(_verdict_lines(optimum)), _values_table(optimum)]
    if optimum.confirmation.metrics:
        parts.append(_metrics_table(optimum))
    if len(optimum.pareto) > 1:
        parts.append(_pareto_table(optimum))
    return "\n\n".join([*parts, _cost_lines(optimum)])


def _verdict_lines(optimum: "Optimum") -> Iterator[str]:
    found, study = optimum.confirmation, optimum.study
    if found.verdict == "infeasible":
        kept = "keeps the constraints" if study.constraints else "has all objectives defined"
        yield f"No trial {kept}. Trial {found.trial.index} comes nearest:"
        yield from (f"  {one.name}: {_violation_text(optimum, one.metric, found.excess[one.name])}" for one in study.constraints)
        nothing = [one.metric for one, gain in zip(study.objectives, found.trial.gains, strict=True) if math.isnan(gain.value)]
        yield from (f"  {name}: undefined" for name in nothing)
        return
    objective = study.objectives[0]
    gain, unit = found.gains[objective.metric], optimum.baseline[objective.metric].unit
    decimals = decimal_places(unit, [gain.effect])
    said = _effect_text(optimum, objective.metric, gain)
    on = f"on {found.customers:,} fresh customers"
    if found.verdict == "gain":
        yield f"A gain: trial {found.trial.index} moves {objective.metric} by {said} {on}."
    elif found.surely_violated:
        broken = ", ".join(found.surely_violated)
        yield f"No gain that counts: trial {found.trial.index} moves {objective.metric} by {said} {on}, but breaks {broken}."
    else:
        yield f"No gain: the best, trial {found.trial.index}, moves {objective.metric} by {said} {on}, which does not support one."
    for further in study.objectives[1:]:
        other = found.gains[further.metric]
        if max(further.sign * other.low, further.sign * other.high) < 0:
            yield f"It is paid for with {further.metric}: {_effect_text(optimum, further.metric, other)}."
    optimism = found.optimism[objective.metric]
    more = f"{format_value(abs(optimism), unit, decimals)} {'more' if optimism >= 0 else 'less'}"
    for one in study.constraints:
        if (beyond := one.sign * (found.baseline[one.metric].value - one.bound)) > 0:
            yield f"What is done today does not keep {one.name}: it is {_violation_text(optimum, one.metric, beyond)}."
    yield f"The search had promised {more}. The chance that it is the best of the finalists is {100 * found.chance_best:.0f} %."


def _effect_text(optimum: "Optimum", metric: str, gain: "ObjectiveGain") -> str:
    """An effect with its interval."""
    unit = optimum.baseline[metric].unit
    decimals = decimal_places(unit, [gain.effect])
    return f"{format_value(gain.effect, unit, decimals, is_difference=True)} {format_interval(gain.low, gain.high, unit, decimals, is_difference=True)}"


def _violation_text(optimum: "Optimum", metric: str, excess: float) -> str:
    if excess <= 0:
        return "kept"
    if math.isinf(excess):
        return "undefined"
    unit = optimum.baseline[metric].unit
    return f"broken by {format_value(excess, unit, decimal_places(unit, [excess]))}"


def _values_table(optimum: "Optimum") -> str:
    """The winner's values beside those of today."""
    today = optimum.study.scenario.model_dump(mode="json", by_alias=True)  # with values that are not written in its file
    best = "nearest" if optimum.confirmation.verdict == "infeasible" else "best"
    params = optimum.confirmation.trial.params
    return align_columns(
        ("value of", "today", best, ""),
        [(path, _short_value_text(_value_at_path(today, path)), _short_value_text(value), "") for path, value in params.items()],
    )


def _value_at_path(content: Any, path: str) -> Any:
    """The value at a path; None where there is none."""
    for key in parse_path(path) or ():
        content = content[key] if isinstance(key, int) or key in content else None
        if content is None:
            return None
    return content


def _short_value_text(value: Any) -> str:
    """A value as one writes it."""
    text = value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else short_repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else text[: _MAX_VALUE_LENGTH - 3] + "..."


def _metrics_table(optimum: "Optimum") -> str:
    """Objectives and constraints, today and with the winner, on customers on whom nothing was chosen."""
    found, study = optimum.confirmation, optimum.study
    bounds: dict[str, str] = {}
    for one in study.constraints:
        bounds[one.metric] = join_names([*filter(None, [bounds.get(one.metric)]), one.name.removeprefix(f"{one.metric} ")])
    rows = []
    asked = dict.fromkeys([*(one.metric for one in study.objectives), *bounds])
    for name in asked:
        metric, today = found.metrics[name], found.baseline[name]
        decimals = decimal_places(metric.unit, [metric.value, today.value])
        gain = found.gains.get(name)
        moved = span = ""
        if gain is not None:
            decimals = max(decimals, decimal_places(metric.unit, [gain.effect]))
            moved = format_value(gain.effect, metric.unit, decimals, is_difference=True)
            span = format_interval(gain.low, gain.high, metric.unit, decimals, is_difference=True)
        rows.append((name, *(_metric_text(each, decimals) for each in (today, metric)), moved, span, f"{metric.n:,}", bounds.get(name, "")))
    return align_columns(("metric", "today", "best", "gain", "95 % interval", "n", ""), rows)


def _metric_text(metric: "MetricEstimate", decimals: int) -> str:
    return format_value(metric.value, metric.unit, decimals)


def _pareto_table(optimum: "Optimum") -> str:
    """Finalists whom nobody beats in all objectives."""
    objectives = optimum.study.objectives
    units = {one.metric: optimum.baseline[one.metric].unit for one in objectives}
    rows = []
    for one in optimum.pareto[:_MAX_FRONT_ROWS]:
        cells = [
            format_value(gain.value, units[of.metric], decimal_places(units[of.metric], [gain.value]))
            for of, gain in _objective_gains(optimum, one)
        ]
        moved = [
            format_value(gain.effect, units[of.metric], decimal_places(units[of.metric], [gain.effect]), is_difference=True)
            for of, gain in _objective_gains(optimum, one)
        ]
        rows.append((f"trial {one.trial.index}", *(cell for pair in zip(cells, moved, strict=True) for cell in pair), ""))
    head = ("on the front", *(cell for one in objectives for cell in (one.metric, "gain")), "")
    more = len(optimum.pareto) - len(rows)
    return align_columns(head, rows) + (f"\n({more} more.)" if more > 0 else "")


def _objective_gains(optimum: "Optimum", finalist: Any) -> Any:
    return zip(optimum.study.objectives, finalist.gains, strict=True)


def _cost_lines(optimum: "Optimum") -> str:
    early = sum(trial.simulated_customers > 0 for trial in optimum.pruned_trials)
    given_up = f", {early:,} trials given up early" if early else ""
    refused = [trial for trial in optimum.trials if trial.refusal_reason]
    repeats = sum(trial.simulated_customers == 0 and not trial.refusal_reason for trial in optimum.trials)
    again = f", {repeats:,} that chose what was known" if repeats else ""
    lines = [
        "The values are in `best.yaml`, metrics in `optimum.json` (--out DIR); `cjsim compare` tells what else changes.",
        f"{optimum.simulated_customers:,} customers lived{given_up}{again}; {optimum.confirmation.simulated_customers:,} of them to confirm.",
    ]
    if refused:
        values = ", ".join(f"{path} = {_short_value_text(value)}" for path, value in refused[0].params.items())
        many = f"{len(refused):,} choices that the scenario refuses, the first" if len(refused) > 1 else "A choice the scenario refuses"
        lines.append(f"{many} trial {refused[0].index} ({values}): {refused[0].refusal_reason}")
    if optimum.confirmation.simulated_customers:
        front = " The front is of those that told the winner." if len(optimum.pareto) > 1 else ""
        lines.append(f"Intervals are 95 %. Values and gain are of customers on whom nothing was chosen.{front}")
    if optimum.confirmation.simulated_customers and not optimum.confirmation.has_fresh_draws:
        lines.append("The parameter draws are those of the search: the file has fewer than three times as many.")
    return "\n".join(lines)
