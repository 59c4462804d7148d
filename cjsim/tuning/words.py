"""What a search has found, in words and tables.

Lives here: the summary. Does not live here: the numbers (confirm.py, optimum.py), how numbers are written (metrics/tables.py).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cjsim.errors import shown
from cjsim.metrics.tables import decimals_of, interval, layout, number
from cjsim.model.paths import parse_path
from cjsim.model.phrases import listed

if TYPE_CHECKING:
    from cjsim.engine.result import Metric
    from cjsim.tuning.optimum import Optimum
    from cjsim.tuning.trial import Gain

_OF_FRONT = 12  # rows of a front in a summary
_WIDEST = 60  # characters of a value


def told(optimum: "Optimum") -> str:
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
    head = f"{study.name}: {len(optimum.trials):,} trials of {study.size:,} customers, seed {study.seed}"
    parts = [head, "\n".join(_verdict(optimum)), _values(optimum)]
    if optimum.confirmed.metrics:
        parts.append(_metrics(optimum))
    if len(optimum.pareto) > 1:
        parts.append(_front(optimum))
    return "\n\n".join([*parts, _cost(optimum)])


def _verdict(optimum: "Optimum") -> Iterator[str]:
    found, study = optimum.confirmed, optimum.study
    if found.verdict == "infeasible":
        kept = "keeps the constraints" if study.constraints else "has all objectives defined"
        yield f"No trial {kept}. Trial {found.trial.index} comes nearest:"
        yield from (f"  {one.name}: {_beyond(optimum, one.metric, found.excess[one.name])}" for one in study.constraints)
        nothing = [one.metric for one, gain in zip(study.objectives, found.trial.gains, strict=True) if math.isnan(gain.value)]
        yield from (f"  {name}: undefined" for name in nothing)
        return
    objective = study.objectives[0]
    gain, unit = found.gains[objective.metric], optimum.baseline[objective.metric].unit
    decimals = decimals_of(unit, [gain.effect])
    said = _moved(optimum, objective.metric, gain)
    on = f"on {found.customers:,} fresh customers"
    if found.verdict == "gain":
        yield f"A gain: trial {found.trial.index} moves {objective.metric} by {said} {on}."
    elif found.broken:
        broken = ", ".join(found.broken)
        yield f"No gain that counts: trial {found.trial.index} moves {objective.metric} by {said} {on}, but breaks {broken}."
    else:
        yield f"No gain: the best, trial {found.trial.index}, moves {objective.metric} by {said} {on}, which does not support one."
    for further in study.objectives[1:]:
        other = found.gains[further.metric]
        if max(further.sign * other.low, further.sign * other.high) < 0:
            yield f"It is paid for with {further.metric}: {_moved(optimum, further.metric, other)}."
    optimism = found.optimism[objective.metric]
    more = f"{number(abs(optimism), unit, decimals)} {'more' if optimism >= 0 else 'less'}"
    for one in study.constraints:
        if (beyond := one.sign * (found.baseline[one.metric].value - one.bound)) > 0:
            yield f"What is done today does not keep {one.name}: it is {_beyond(optimum, one.metric, beyond)}."
    yield f"The search had promised {more}. The chance that it is the best of the finalists is {100 * found.chance_best:.0f} %."


def _moved(optimum: "Optimum", metric: str, gain: "Gain") -> str:
    """An effect with its interval."""
    unit = optimum.baseline[metric].unit
    decimals = decimals_of(unit, [gain.effect])
    return f"{number(gain.effect, unit, decimals, sign=True)} {interval(gain.low, gain.high, unit, decimals, sign=True)}"


def _beyond(optimum: "Optimum", metric: str, by: float) -> str:
    if by <= 0:
        return "kept"
    if math.isinf(by):
        return "undefined"
    unit = optimum.baseline[metric].unit
    return f"broken by {number(by, unit, decimals_of(unit, [by]))}"


def _values(optimum: "Optimum") -> str:
    """The winner's values beside those of today."""
    today = optimum.study.scenario.model_dump(mode="json", by_alias=True)  # with values that are not written in its file
    best = "nearest" if optimum.confirmed.verdict == "infeasible" else "best"
    params = optimum.confirmed.trial.params
    return layout(
        ("value of", "today", best, ""), [(path, _written(_at(today, path)), _written(value), "") for path, value in params.items()]
    )


def _at(content: Any, path: str) -> Any:
    """The value at a path; None where there is none."""
    for key in parse_path(path) or ():
        content = content[key] if isinstance(key, int) or key in content else None
        if content is None:
            return None
    return content


def _written(value: Any) -> str:
    """A value as one writes it."""
    text = value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else shown(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _metrics(optimum: "Optimum") -> str:
    """Objectives and constraints, today and with the winner, on customers on whom nothing was chosen."""
    found, study = optimum.confirmed, optimum.study
    bounds: dict[str, str] = {}
    for one in study.constraints:
        bounds[one.metric] = listed([*filter(None, [bounds.get(one.metric)]), one.name.removeprefix(f"{one.metric} ")])
    rows = []
    asked = dict.fromkeys([*(one.metric for one in study.objectives), *bounds])
    for name in asked:
        metric, today = found.metrics[name], found.baseline[name]
        decimals = decimals_of(metric.unit, [metric.value, today.value])
        gain = found.gains.get(name)
        moved = span = ""
        if gain is not None:
            decimals = max(decimals, decimals_of(metric.unit, [gain.effect]))
            moved = number(gain.effect, metric.unit, decimals, sign=True)
            span = interval(gain.low, gain.high, metric.unit, decimals, sign=True)
        rows.append((name, *(_one(each, decimals) for each in (today, metric)), moved, span, f"{metric.n:,}", bounds.get(name, "")))
    return layout(("metric", "today", "best", "gain", "95 % interval", "n", ""), rows)


def _one(metric: "Metric", decimals: int) -> str:
    return number(metric.value, metric.unit, decimals)


def _front(optimum: "Optimum") -> str:
    """Finalists whom nobody beats in all objectives."""
    objectives = optimum.study.objectives
    units = {one.metric: optimum.baseline[one.metric].unit for one in objectives}
    rows = []
    for one in optimum.pareto[:_OF_FRONT]:
        cells = [number(gain.value, units[of.metric], decimals_of(units[of.metric], [gain.value])) for of, gain in _pairs(optimum, one)]
        moved = [
            number(gain.effect, units[of.metric], decimals_of(units[of.metric], [gain.effect]), sign=True)
            for of, gain in _pairs(optimum, one)
        ]
        rows.append((f"trial {one.trial.index}", *(cell for pair in zip(cells, moved, strict=True) for cell in pair), ""))
    head = ("on the front", *(cell for one in objectives for cell in (one.metric, "gain")), "")
    more = len(optimum.pareto) - len(rows)
    return layout(head, rows) + (f"\n({more} more.)" if more > 0 else "")


def _pairs(optimum: "Optimum", one: Any) -> Any:
    return zip(optimum.study.objectives, one.gains, strict=True)


def _cost(optimum: "Optimum") -> str:
    early = sum(trial.simulated > 0 for trial in optimum.given_up)
    given_up = f", {early:,} trials given up early" if early else ""
    refused = [trial for trial in optimum.trials if trial.refused]
    repeats = sum(trial.simulated == 0 and not trial.refused for trial in optimum.trials)
    again = f", {repeats:,} that chose what was known" if repeats else ""
    lines = [
        "The values are in `best.yaml`, metrics in `optimum.json` (--out DIR); `cjsim compare` tells what else changes.",
        f"{optimum.simulated:,} customers lived{given_up}{again}; {optimum.confirmed.simulated:,} of them to confirm.",
    ]
    if refused:
        values = ", ".join(f"{path} = {_written(value)}" for path, value in refused[0].params.items())
        many = f"{len(refused):,} choices that the scenario refuses, the first" if len(refused) > 1 else "A choice the scenario refuses"
        lines.append(f"{many} trial {refused[0].index} ({values}): {refused[0].refused}")
    if optimum.confirmed.simulated:
        front = " The front is of those that told the winner." if len(optimum.pareto) > 1 else ""
        lines.append(f"Intervals are 95 %. Values and gain are of customers on whom nothing was chosen.{front}")
    if optimum.confirmed.simulated and not optimum.confirmed.fresh_draws:
        lines.append("The parameter draws are those of the search: the file has fewer than three times as many.")
    return "\n".join(lines)
