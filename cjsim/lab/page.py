"""The page of an experiment, for who decides: hypothesis, verdict, what was tried, effects, figure.

Lives here: Markdown, and the table of all numbers. Does not live here: the numbers (findings.py), the figure (figure.py).
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from cjsim import __version__
from cjsim.lab.arms import Arm
from cjsim.lab.difference import differences, value_words
from cjsim.lab.experiment import ALL, ANY, Experiment
from cjsim.lab.findings import BASELINE, Effect, Findings, Line, relative_words
from cjsim.metrics.tables import decimals_of, number
from cjsim.model.describe import describe
from cjsim.model.phrases import listed, named, span

_CHANGES = 12  # of one variant, in the table
_ROWS = 60  # of a sweep, in the table


def page(asked: Experiment, arms: Sequence[Arm], found: Findings, *, run: str, figure: str | None) -> str:
    """The page in Markdown.

    Parameters
    ----------
    asked : Experiment
        What was asked.
    arms : sequence of Arm
        What was tried.
    found : Findings
        What came of it.
    run : str
        Name of the run.
    figure : str or None
        File of the figure.
    """
    lines = [f"# {asked.title or asked.name}", "", f"**Hypothesis.** {asked.hypothesis}"]
    lines += [f"({asked.claimed_by})"] if asked.claimed_by else []
    lines += ["", f"**{found.verdict.capitalize()}.** {found.sentence()}", ""]
    lines += [*_tried(asked, arms), ""]
    lines += [*_effects(found), ""]
    lines += [f"![Effects on {found.metric}]({figure})", "", _caption(found), ""] if figure is not None else []
    if any(line.watched for line in found.lines):
        lines += ["## What else moves", "", *_watched(found), ""]
    if found.replications > 1:
        lines += ["## Seeds", "", *_seeds(found), ""]
    lines += ["## How to read it", "", *_reading(asked, found), ""]
    lines += [f"Run `{run}`, cjsim {__version__}; `experiment.yaml` beside this page is all that was run, `table.csv` all numbers."]
    return "\n".join(lines) + "\n"


def describe_experiment(asked: Experiment) -> str:
    """What an experiment says, in words, a fact a line; then its baseline.

    Parameters
    ----------
    asked : Experiment
        What is told.
    """
    lines = [f"Experiment {named(asked.name, asked.title)}: {asked.hypothesis}"]
    lines += [f"Claimed: {asked.metric} {asked.direction}{_by(asked)}{_of(asked)}, with {100 * asked.decide.confidence:g} % confidence."]
    lines += [f"{asked.count:,} customers, seed {asked.seed}" + (f" and {asked.replications - 1} more." if asked.replications > 1 else ".")]
    arms = asked.arms()
    lines += ["Tried:"]
    for arm in arms:
        told = [f"{path} = {value_words(value)}" for path, value in arm.values.items()]
        changes = [str(change) for change in differences(asked.scenario, arm.scenario) if change.path[0] in ("journey", "policy")]
        lines += [f"  {arm.name}: {listed(changes if asked.variants else told)}"]
    return "\n".join([*lines, "", "The baseline:", *(f"  {line}".rstrip() for line in describe(asked.scenario).splitlines())])


def table(found: Findings) -> str:
    """All effects as CSV: a row an arm and metric."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    paths = list(dict.fromkeys(path for line in found.lines for path in line.values))
    ends = ["effect", "low", "high", "relative", "relative_low", "relative_high"]
    writer.writerow(["variant", *paths, "metric", "unit", "baseline", "value", *ends, "verdict"])
    for line in found.lines:
        for effect in (line.effect, *line.watched):
            numbers = (effect.baseline, effect.value, *effect.absolute, *effect.relative)
            told = ["" if math.isnan(one) else f"{one:.6g}" for one in numbers]
            values = [_cell(line.values.get(path)) for path in paths]
            writer.writerow([line.name, *values, effect.metric, effect.unit, *told, line.verdict if effect is line.effect else ""])
    return stream.getvalue()


def _by(asked: Experiment) -> str:
    return f" by {asked.by if isinstance(asked.by, str) else f'{asked.by:g}'} or more" if asked.size.amount else ""


def _of(asked: Experiment) -> str:
    return {None: "", ANY: " in any of the variants", ALL: " in all variants"}.get(asked.claim, f" under '{asked.claim}'")


def _tried(asked: Experiment, arms: Sequence[Arm]) -> Iterable[str]:
    seeds = f" in each of {asked.replications} seeds" if asked.replications > 1 else ""
    yield "## What was tried"
    yield ""
    yield (
        f"{asked.count:,} customers{seeds} live {span(asked.scenario.horizon)} in `{asked.scenario.name}`, "
        "and the same customers live them again under each variant."
    )
    yield ""
    if asked.sweep is not None:
        paths = list(dict.fromkeys(path for arm in arms for path in arm.values))
        yield f"{len(arms)} points, which set {', '.join(f'`{path}`' for path in paths)}."
        return
    yield "| variant | where | today | then |"
    yield "|---|---|---|---|"
    for arm in arms:
        changes = differences(asked.scenario, arm.scenario)
        told = [change for change in changes if change.path[0] in ("journey", "policy")]
        for change in told[:_CHANGES]:
            cells = [_escaped(value_words(value)) if value is not None else "-" for value in (change.before, change.after)]
            yield f"| {arm.name} | `{change.where}` | {cells[0]} | {cells[1]} |"
        if len(told) > _CHANGES:
            yield f"| {arm.name} | {len(told) - _CHANGES} more | | |"


def _effects(found: Findings) -> Iterable[str]:
    yield f"## Effect on {found.metric}"
    yield ""
    yield "| variant | today | then | effect | relative | |"
    yield "|---|---|---|---|---|---|"
    order = sorted(found.lines, key=lambda line: -line.effect.absolute.effect if not math.isnan(line.effect.absolute.effect) else math.inf)
    kept = order[:_ROWS]
    for line in found.lines if len(found.lines) <= _ROWS else kept:
        mark = "**" if line is found.decisive else ""
        effect = line.effect
        verdict = line.verdict if line.is_claimed or line.verdict == BASELINE else f"{line.verdict} (not claimed)"
        yield f"| {_row(f'{mark}{line.name}{mark}', effect)} | {verdict} |"
    if len(found.lines) > _ROWS:
        yield ""
        yield f"The {_ROWS} largest effects of {len(found.lines)}; `table.csv` has all."


def _row(name: str, effect: Effect) -> str:
    return " | ".join([name, *effect.levels(), effect.words(is_relative=False), relative_words(effect.relative)])


def _watched(found: Findings) -> Iterable[str]:
    many = len(found.lines) > 1
    shown = [found.decisive] if len(found.lines) > _ROWS else found.lines
    yield f"| {'variant | ' if many else ''}metric | today | then | effect | relative |"
    yield f"|{'---|' if many else ''}---|---|---|---|---|"
    for line in shown:
        for effect in line.watched:
            yield f"| {f'{line.name} | ' if many else ''}{_row(effect.metric, effect)} |"


def _seeds(found: Findings) -> Iterable[str]:
    line = found.decisive
    ends = [one.effect for one in line.seeds if not math.isnan(one.effect)]
    if ends:
        told = [_said(found, line, end) for end in (min(ends), max(ends))]
        yield f"Under '{line.name}' the effect in single seeds goes from {told[0]} to {told[1]}."
    if not math.isnan(line.spread):
        yield (
            f"Seeds lie {line.spread:.2f} times as far apart as the customers of each explain; about 1 is what independent customers give, "
            "and more says that intervals are too narrow by that factor."
        )


def _said(found: Findings, line: Line, value: float) -> str:
    if found.is_relative:
        return f"{100 * value:+.3g} %"
    return number(value, line.effect.unit, decimals_of(line.effect.unit, (value,)), sign=True)


def _reading(asked: Experiment, found: Findings) -> Iterable[str]:
    together = found.claim in (ANY, ALL)
    count = sum(line.is_claimed for line in found.lines)
    percent = f"{100 * found.confidence:g} %"
    yield f"Intervals have a confidence of {percent}" + (f", of all {count} variants together (Bonferroni)." if together else ".")
    yield "They count the luck of the draw of customers, not what is uncertain about the journey, whose responses are assumed or fitted."
    yield "*Supported*: the whole interval is at or beyond the size claimed; *refuted*: it falls wholly short of it; *undecided*: neither."
    if found.is_relative:
        yield "Relative effects are differences over the baseline's value, with Fieller's interval for a ratio of paired means."
    if asked.scenario.shares:
        yield "Customers who share a desk or a budget are counted as if they were independent, so that intervals may be too narrow."


def _caption(found: Findings) -> str:
    seeds = f", {found.replications} seeds from {found.seed}" if found.replications > 1 else f", seed {found.seed}"
    return f"*{found.customers:,} customers{seeds}; {100 * found.confidence:g} % intervals.*"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _cell(value: object) -> str:
    return "" if value is None else value_words(value)
