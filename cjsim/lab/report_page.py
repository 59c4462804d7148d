"""The Markdown report of an experiment, its description in words, and the table of all effects."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cjsim.description.describe import describe
from cjsim.escaping.markdown_text import markdown_code, markdown_text
from cjsim.lab.arms import ExperimentArm
from cjsim.lab.document_diff import diff_documents, shorten_value
from cjsim.lab.effect_figures import EFFECTS_FIGURE
from cjsim.lab.experiment import ALL_VARIANTS, ANY_VARIANT, Experiment
from cjsim.lab.findings import BASELINE_VERDICT, ArmEffect, ArmResult, Findings, customers_phrase, format_relative_effect
from cjsim.metrics.number_format import decimal_places, format_value, in_currency
from cjsim.scenario.phrases import duration_phrase, join_names, name_with_title
from cjsim.version import __version__

if TYPE_CHECKING:
    import pandas as pd

_MAX_CHANGES_PER_VARIANT = 12
_MAX_TABLE_ROWS = 60


def render_report_page(experiment: Experiment, findings: Findings, *, run_name: str) -> str:
    """Render the report page as Markdown.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    findings : Findings
        Findings of the experiment.
    run_name : str
        Name of the run.
    """
    title, hypothesis = markdown_text(experiment.title or experiment.name), markdown_text(experiment.hypothesis)
    lines = [f"# {title}", "", f"**Hypothesis.** {hypothesis}"]
    lines += [f"(Source: {markdown_text(experiment.claimed_by)})"] if experiment.claimed_by else []
    lines += ["", f"**{findings.verdict.capitalize()}.** {findings.verdict_sentence(is_markdown=True)}", ""]
    lines += [*_arms_section(experiment, experiment.arms()), ""]
    lines += [*_effects_section(findings), ""]
    lines += [f"![Effects on {markdown_text(findings.metric)}]({EFFECTS_FIGURE.name}.png)", "", f"*{customers_phrase(findings)}*", ""]
    if any(result.watched_effects for result in findings.arm_results):
        lines += ["## Effects on other metrics", "", *_watched_section(findings), ""]
    if findings.replications > 1:
        lines += ["## Variation between seeds", "", *_seeds_section(findings), ""]
    lines += ["## How to read this report", "", *_interpretation_section(experiment, findings), ""]
    version = f"Run {markdown_code(run_name)}, cjsim {__version__}."
    lines += [f"{version} `experiment.yaml` contains the complete experiment, and `table.csv` all numbers."]
    return "\n".join(lines) + "\n"


def describe_experiment(experiment: Experiment) -> str:
    """Describe an experiment in words, one fact per line, followed by its baseline.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    """
    lines = [f"Experiment {name_with_title(experiment.name, experiment.title)}: {experiment.hypothesis}"]
    claim = f"{experiment.metric} {experiment.direction}{_claimed_size_phrase(experiment)}{_claim_scope_phrase(experiment)}"
    lines += [f"Claim: {claim}, with {100 * experiment.decide.confidence:g} % confidence."]
    lines += [
        f"{experiment.customers_per_seed:,} customers, "
        + (f"seeds {experiment.seed} to {experiment.seeds[-1]}." if experiment.replications > 1 else f"seed {experiment.seed}.")
    ]
    arms = experiment.arms()
    lines += ["Variants:"]
    for arm in arms:
        values = [f"{path} = {shorten_value(value)}" for path, value in arm.values.items()]
        changes = [str(change) for change in diff_documents(experiment.scenario, arm.scenario) if change.path[0] in ("journey", "policy")]
        lines += [f"  {arm.name}: {join_names(changes if experiment.variants else values)}"]
    return "\n".join([*lines, "", "Baseline:", *(f"  {line}".rstrip() for line in describe(experiment.scenario).splitlines())])


def effects_table(findings: Findings) -> "pd.DataFrame":
    """Return all effects, one row per arm and metric. The table includes the values that each arm sets; numbers stay numeric."""
    table = findings.to_pandas()
    values = {result.name: result.values for result in findings.arm_results}
    for i, path in enumerate(dict.fromkeys(path for result in findings.arm_results for path in result.values)):
        table.insert(1 + i, path, [_number_or_text(values[name].get(path, "")) for name in table["variant"]])
    return table


def _number_or_text(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return "" if value is None else shorten_value(value)


def _claimed_size_phrase(experiment: Experiment) -> str:
    if not experiment.claimed_size.amount:
        return ""
    return f" by at least {experiment.by if isinstance(experiment.by, str) else f'{experiment.by:g}'}"


def _claim_scope_phrase(experiment: Experiment) -> str:
    return {None: "", ANY_VARIANT: " in any of the variants", ALL_VARIANTS: " in all variants"}.get(
        experiment.claim, f" under '{experiment.claim}'"
    )


def _arms_section(experiment: Experiment, arms: Sequence[ExperimentArm]) -> Iterable[str]:
    seeds = f" in each of {experiment.replications} seeds" if experiment.replications > 1 else ""
    yield "## Design"
    yield ""
    scenario = experiment.scenario
    customers = f"{experiment.customers_per_seed:,} customers{seeds}"
    yield (
        f"Baseline: {markdown_code(scenario.name)}, {customers}, {duration_phrase(scenario.horizon)}. "
        "Each variant is simulated on the same customers."
    )
    yield ""
    if experiment.sweep is not None:
        paths = list(dict.fromkeys(path for arm in arms for path in arm.values))
        yield f"The sweep varies {', '.join(map(markdown_code, paths))} over {len(arms)} points."
        return
    yield "| variant | path | baseline | variant value |"
    yield "|---|---|---|---|"
    for arm in arms:
        changes = diff_documents(experiment.scenario, arm.scenario)
        shown = [change for change in changes if change.path[0] in ("journey", "policy")]
        for change in shown[:_MAX_CHANGES_PER_VARIANT]:
            cells = [markdown_text(shorten_value(value)) if value is not None else "-" for value in (change.before, change.after)]
            yield f"| {markdown_code(arm.name)} | {markdown_code(change.path_string)} | {cells[0]} | {cells[1]} |"
        if len(shown) > _MAX_CHANGES_PER_VARIANT:
            yield f"| {markdown_code(arm.name)} | {len(shown) - _MAX_CHANGES_PER_VARIANT} more | | |"


def _effects_section(findings: Findings) -> Iterable[str]:
    yield f"## Effect on {markdown_code(findings.metric)}"
    yield ""
    yield "| variant | baseline | variant value | effect | relative effect | verdict |"
    yield "|---|---|---|---|---|---|"
    shown: Sequence[ArmResult] = findings.arm_results
    if len(findings.arm_results) > _MAX_TABLE_ROWS:
        shown = sorted(findings.arm_results, key=_descending_effect)[:_MAX_TABLE_ROWS]
    for result in shown:
        mark = "**" if result is findings.decisive_arm else ""
        verdict = result.verdict if result.is_claimed or result.verdict == BASELINE_VERDICT else f"{result.verdict} (exploratory)"
        yield f"| {_effect_row_cells(f'{mark}{markdown_code(result.name)}{mark}', result.effect)} | {verdict} |"
    if len(findings.arm_results) > _MAX_TABLE_ROWS:
        yield ""
        yield f"The table shows the {_MAX_TABLE_ROWS} largest of {len(findings.arm_results)} effects. `table.csv` contains all of them."


def _descending_effect(result: ArmResult) -> float:
    """Return a sort key that puts the largest effect first and undefined effects last."""
    effect = result.effect.absolute.effect
    return math.inf if math.isnan(effect) else -effect


def _effect_row_cells(name: str, effect: ArmEffect) -> str:
    numbers = (*effect.format_levels(), effect.format_effect(is_relative=False), format_relative_effect(effect.relative))
    return " | ".join([name, *map(markdown_text, numbers)])


def _watched_section(findings: Findings) -> Iterable[str]:
    has_several_arms = len(findings.arm_results) > 1
    shown = [findings.decisive_arm] if len(findings.arm_results) > _MAX_TABLE_ROWS else findings.arm_results
    yield f"| {'variant | ' if has_several_arms else ''}metric | baseline | variant value | effect | relative effect |"
    yield f"|{'---|' if has_several_arms else ''}---|---|---|---|---|"
    for result in shown:
        for effect in result.watched_effects:
            variant = f"{markdown_code(result.name)} | " if has_several_arms else ""
            yield f"| {variant}{_effect_row_cells(markdown_code(effect.metric), effect)} |"


def _seeds_section(findings: Findings) -> Iterable[str]:
    arm = findings.decisive_arm
    effects = [one.effect for one in arm.seed_effects if not math.isnan(one.effect)]
    if effects:
        least, largest = (_format_seed_effect(findings, arm, effect) for effect in (min(effects), max(effects)))
        yield f"Under {markdown_code(arm.name)}, the effect in individual seeds ranges from {least} to {largest}."
    if not math.isnan(arm.birge_ratio):
        yield (
            f"The spread between seeds is {arm.birge_ratio:.2f} times what sampling error explains. Independent customers give "
            "a ratio near 1. A larger ratio means that the intervals are too narrow by that factor."
        )


def _format_seed_effect(findings: Findings, arm: ArmResult, value: float) -> str:
    if findings.is_relative:
        return f"{100 * value:+.3g} %"
    unit = arm.effect.unit
    return in_currency(format_value(value, unit, decimal_places(unit, (value,)), is_difference=True), unit)


def _interpretation_section(experiment: Experiment, findings: Findings) -> Iterable[str]:
    is_joint = findings.claim in (ANY_VARIANT, ALL_VARIANTS)
    count = sum(result.is_claimed for result in findings.arm_results)
    percent = f"{100 * findings.confidence:g} %"
    yield f"Intervals are {percent} confidence intervals" + (
        f", simultaneous for all {count} claimed variants (Bonferroni)." if is_joint else "."
    )
    yield "They reflect sampling error among the simulated customers, not uncertainty about the journey's assumed or fitted parameters."
    yield "*Supported*: the entire interval is at or beyond the claimed size. *Refuted*: the entire interval falls short of it."
    yield "*Undecided*: neither."
    if any(not result.is_claimed and result.verdict != BASELINE_VERDICT for result in findings.arm_results):
        yield "*Exploratory*: not named in the hypothesis."
    if findings.is_relative:
        yield "Relative effects are differences divided by the baseline value, with Fieller's interval for a ratio of paired means."
    if experiment.scenario.has_shared_resources:
        yield "Customers who share a desk or a budget are treated as independent, so intervals may be too narrow."
