"""The page of an experiment, for who decides: hypothesis, verdict, what was tried, effects, figure.

Lives here: Markdown, and the table of all numbers. Does not live here: the numbers (findings.py), the figure (figure.py).
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from cjsim.description.describe import describe
from cjsim.description.phrases import duration_phrase, join_names, name_with_title
from cjsim.lab.arms import ExperimentArm
from cjsim.lab.document_diff import diff_documents, shorten_value
from cjsim.lab.experiment import ALL_VARIANTS, ANY_VARIANT, Experiment
from cjsim.lab.findings import BASELINE_VERDICT, ArmEffect, ArmResult, Findings, format_relative_effect
from cjsim.metrics.number_format import decimal_places, format_value
from cjsim.version import __version__

_MAX_CHANGES_PER_VARIANT = 12  # of one variant, in the table
_MAX_TABLE_ROWS = 60  # of a sweep, in the table


def render_report_page(
    experiment: Experiment, arms: Sequence[ExperimentArm], findings: Findings, *, run_name: str, figure: str | None
) -> str:
    """The page in Markdown.

    Parameters
    ----------
    experiment : Experiment
        What was asked.
    arms : sequence of ExperimentArm
        What was tried.
    findings : Findings
        What came of it.
    run_name : str
        Name of the run.
    figure : str or None
        File of the figure.
    """
    lines = [f"# {experiment.title or experiment.name}", "", f"**Hypothesis.** {experiment.hypothesis}"]
    lines += [f"({experiment.claimed_by})"] if experiment.claimed_by else []
    lines += ["", f"**{findings.verdict.capitalize()}.** {findings.verdict_sentence()}", ""]
    lines += [*_arms_section(experiment, arms), ""]
    lines += [*_effects_section(findings), ""]
    lines += [f"![Effects on {findings.metric}]({figure})", "", _effects_caption(findings), ""] if figure is not None else []
    if any(line.watched_effects for line in findings.arm_results):
        lines += ["## What else moves", "", *_watched_section(findings), ""]
    if findings.replications > 1:
        lines += ["## Seeds", "", *_seeds_section(findings), ""]
    lines += ["## How to read it", "", *_interpretation_section(experiment, findings), ""]
    lines += [f"Run `{run_name}`, cjsim {__version__}; `experiment.yaml` beside this page is all that was run, `table.csv` all numbers."]
    return "\n".join(lines) + "\n"


def describe_experiment(experiment: Experiment) -> str:
    """What an experiment says, in words, a fact a line; then its baseline.

    Parameters
    ----------
    experiment : Experiment
        What is told.
    """
    lines = [f"Experiment {name_with_title(experiment.name, experiment.title)}: {experiment.hypothesis}"]
    lines += [
        f"Claimed: {experiment.metric} {experiment.direction}{_claimed_size_phrase(experiment)}{_claim_scope_phrase(experiment)}, with {100 * experiment.decide.confidence:g} % confidence."
    ]
    lines += [
        f"{experiment.customers_per_seed:,} customers, seed {experiment.seed}"
        + (f" and {experiment.replications - 1} more." if experiment.replications > 1 else ".")
    ]
    arms = experiment.arms()
    lines += ["Tried:"]
    for arm in arms:
        told = [f"{path} = {shorten_value(value)}" for path, value in arm.values.items()]
        changes = [str(change) for change in diff_documents(experiment.scenario, arm.scenario) if change.path[0] in ("journey", "policy")]
        lines += [f"  {arm.name}: {join_names(changes if experiment.variants else told)}"]
    return "\n".join([*lines, "", "The baseline:", *(f"  {line}".rstrip() for line in describe(experiment.scenario).splitlines())])


def effects_csv(findings: Findings) -> str:
    """All effects as CSV: a row an arm and metric."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    paths = list(dict.fromkeys(path for line in findings.arm_results for path in line.values))
    ends = ["effect", "low", "high", "relative", "relative_low", "relative_high"]
    writer.writerow(["variant", *paths, "metric", "unit", "baseline", "value", *ends, "verdict"])
    for line in findings.arm_results:
        for effect in (line.effect, *line.watched_effects):
            numbers = (effect.baseline, effect.value, *effect.absolute, *effect.relative)
            told = ["" if math.isnan(one) else f"{one:.6g}" for one in numbers]
            values = [_csv_cell(line.values.get(path)) for path in paths]
            writer.writerow([line.name, *values, effect.metric, effect.unit, *told, line.verdict if effect is line.effect else ""])
    return stream.getvalue()


def _claimed_size_phrase(experiment: Experiment) -> str:
    return (
        f" by {experiment.by if isinstance(experiment.by, str) else f'{experiment.by:g}'} or more" if experiment.claimed_size.amount else ""
    )


def _claim_scope_phrase(experiment: Experiment) -> str:
    return {None: "", ANY_VARIANT: " in any of the variants", ALL_VARIANTS: " in all variants"}.get(
        experiment.claim, f" under '{experiment.claim}'"
    )


def _arms_section(experiment: Experiment, arms: Sequence[ExperimentArm]) -> Iterable[str]:
    seeds = f" in each of {experiment.replications} seeds" if experiment.replications > 1 else ""
    yield "## What was tried"
    yield ""
    yield (
        f"{experiment.customers_per_seed:,} customers{seeds} live {duration_phrase(experiment.scenario.horizon)} in `{experiment.scenario.name}`, "
        "and the same customers live them again under each variant."
    )
    yield ""
    if experiment.sweep is not None:
        paths = list(dict.fromkeys(path for arm in arms for path in arm.values))
        yield f"{len(arms)} points, which set {', '.join(f'`{path}`' for path in paths)}."
        return
    yield "| variant | where | today | then |"
    yield "|---|---|---|---|"
    for arm in arms:
        changes = diff_documents(experiment.scenario, arm.scenario)
        told = [change for change in changes if change.path[0] in ("journey", "policy")]
        for change in told[:_MAX_CHANGES_PER_VARIANT]:
            cells = [_escape_pipes(shorten_value(value)) if value is not None else "-" for value in (change.before, change.after)]
            yield f"| {arm.name} | `{change.path_string}` | {cells[0]} | {cells[1]} |"
        if len(told) > _MAX_CHANGES_PER_VARIANT:
            yield f"| {arm.name} | {len(told) - _MAX_CHANGES_PER_VARIANT} more | | |"


def _effects_section(findings: Findings) -> Iterable[str]:
    yield f"## Effect on {findings.metric}"
    yield ""
    yield "| variant | today | then | effect | relative | |"
    yield "|---|---|---|---|---|---|"
    order = sorted(
        findings.arm_results, key=lambda line: -line.effect.absolute.effect if not math.isnan(line.effect.absolute.effect) else math.inf
    )
    kept = order[:_MAX_TABLE_ROWS]
    for line in findings.arm_results if len(findings.arm_results) <= _MAX_TABLE_ROWS else kept:
        mark = "**" if line is findings.decisive_arm else ""
        effect = line.effect
        verdict = line.verdict if line.is_claimed or line.verdict == BASELINE_VERDICT else f"{line.verdict} (not claimed)"
        yield f"| {_effect_row_cells(f'{mark}{line.name}{mark}', effect)} | {verdict} |"
    if len(findings.arm_results) > _MAX_TABLE_ROWS:
        yield ""
        yield f"The {_MAX_TABLE_ROWS} largest effects of {len(findings.arm_results)}; `table.csv` has all."


def _effect_row_cells(name: str, effect: ArmEffect) -> str:
    return " | ".join([name, *effect.format_levels(), effect.format_effect(is_relative=False), format_relative_effect(effect.relative)])


def _watched_section(findings: Findings) -> Iterable[str]:
    many = len(findings.arm_results) > 1
    shown = [findings.decisive_arm] if len(findings.arm_results) > _MAX_TABLE_ROWS else findings.arm_results
    yield f"| {'variant | ' if many else ''}metric | today | then | effect | relative |"
    yield f"|{'---|' if many else ''}---|---|---|---|---|"
    for line in shown:
        for effect in line.watched_effects:
            yield f"| {f'{line.name} | ' if many else ''}{_effect_row_cells(effect.metric, effect)} |"


def _seeds_section(findings: Findings) -> Iterable[str]:
    line = findings.decisive_arm
    ends = [one.effect for one in line.seed_effects if not math.isnan(one.effect)]
    if ends:
        told = [_format_seed_effect(findings, line, end) for end in (min(ends), max(ends))]
        yield f"Under '{line.name}' the effect in single seeds goes from {told[0]} to {told[1]}."
    if not math.isnan(line.birge_ratio):
        yield (
            f"Seeds lie {line.birge_ratio:.2f} times as far apart as the customers of each explain; about 1 is what independent customers give, "
            "and more says that intervals are too narrow by that factor."
        )


def _format_seed_effect(findings: Findings, line: ArmResult, value: float) -> str:
    if findings.is_relative:
        return f"{100 * value:+.3g} %"
    return format_value(value, line.effect.unit, decimal_places(line.effect.unit, (value,)), is_difference=True)


def _interpretation_section(experiment: Experiment, findings: Findings) -> Iterable[str]:
    together = findings.claim in (ANY_VARIANT, ALL_VARIANTS)
    count = sum(line.is_claimed for line in findings.arm_results)
    percent = f"{100 * findings.confidence:g} %"
    yield f"Intervals have a confidence of {percent}" + (f", of all {count} variants together (Bonferroni)." if together else ".")
    yield "They count the luck of the draw of customers, not what is uncertain about the journey, whose responses are assumed or fitted."
    yield "*Supported*: the whole interval is at or beyond the size claimed; *refuted*: it falls wholly short of it; *undecided*: neither."
    if findings.is_relative:
        yield "Relative effects are differences over the baseline's value, with Fieller's interval for a ratio of paired means."
    if experiment.scenario.has_shared_resources:
        yield "Customers who share a desk or a budget are counted as if they were independent, so that intervals may be too narrow."


def _effects_caption(findings: Findings) -> str:
    seeds = f", {findings.replications} seeds from {findings.seed}" if findings.replications > 1 else f", seed {findings.seed}"
    return f"*{findings.customers:,} customers{seeds}; {100 * findings.confidence:g} % intervals.*"


def _escape_pipes(text: str) -> str:
    return text.replace("|", "\\|")


def _csv_cell(value: object) -> str:
    return "" if value is None else shorten_value(value)
