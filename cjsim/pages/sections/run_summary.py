"""The first screen of a single run: what customers are worth, and the figures that matter."""

import math

from cjsim.pages.page_parts import Answer, EstimateRecord, KeyFigure, Phrase, Point, PointList
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.sections.belief_section import assumption_flag
from cjsim.simulation.comparison_answer import OBJECTIVE

_CANDIDATES = ("clv", "conversion", "retention_90d", "purchases", "satisfaction", "sla_kept", "opt_outs", "churn")
_MAX_FIGURES = 6


def run_answer(runs: PolicyRuns) -> Answer:
    """Return the first screen of a single run.

    Parameters
    ----------
    runs : PolicyRuns
        The run.
    """
    run = runs.baseline
    value, origin = run.metrics[OBJECTIVE], run.provenance
    form = runs.level_form(OBJECTIVE, [value])
    days = run.codebook.value_days or origin.horizon
    label = runs.labels[runs.baseline_name]
    sentence = (
        Phrase(f"Under “{label}”, a customer is worth "),
        Phrase(form.level(value.value), "gain" if value.low > 0 else "loss" if value.high < 0 else "flat"),
        Phrase(f" in {days:g} days."),
    )
    lead = f"95% interval of CLV: {form.level(value.low)} to {form.level(value.high)}. Nothing is compared on this page."
    known = [name for name in _CANDIDATES if name in run.metrics and not math.isnan(run.metrics[name].value)]
    figures = tuple(_level_figure(runs, name) for name in known[:_MAX_FIGURES])
    question = Point("Whether another policy would do better: compare it with this one.")
    lists = (PointList("What this page leaves open", "flat", (question,)),)
    return Answer(runs.caption().removesuffix("."), sentence, lead, assumption_flag(runs), figures=figures, lists=lists)


def _level_figure(runs: PolicyRuns, metric: str) -> KeyFigure:
    estimate = runs.baseline.metrics[metric]
    form = runs.level_form(metric, [estimate])
    shown = form.level(estimate.value)
    unit = form.suffix if form.suffix and shown.endswith(form.suffix) else ""
    record = EstimateRecord(metric, estimate.unit, estimate.n, estimate.value, estimate.low, estimate.high)
    interval = form.interval(estimate.low, estimate.high, is_difference=False)
    return KeyFigure(runs.label_of(metric), form.per, shown.removesuffix(unit), unit, "", interval, "flat", "", "", None, record)
