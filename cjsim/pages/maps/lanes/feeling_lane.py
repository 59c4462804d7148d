"""How customers feel in each stage: their satisfaction, by persona or by policy."""

from functools import partial

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.number_format import SCORE_UNIT
from cjsim.metrics.ratios import RatioTerms, ratio_of_sums
from cjsim.pages.maps.lanes.persona_cards import persona_color
from cjsim.pages.maps.map_parts import CurvePoint, CurveSeries, Lane
from cjsim.pages.maps.map_runs import MapRuns, interval_of, record_of

_FEWEST = 10  # customers behind a point
_NOTE = "Mean satisfaction, 0 to 1, of those who are in the stage at the end of the simulation; bars are 95% intervals"


def feeling_data(runs: MapRuns, *, run: str, persona: str | None = None) -> dict[str, MetricEstimate]:
    """Return the mean satisfaction of the customers who are in each stage at the horizon. Stages with fewer than 10 customers are left out.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    run : str
        Name of the run.
    persona : str, optional
        Only customers of this persona.
    """
    found = {}
    codebook = runs.runs.runs[run].codebook
    for name in (stage for stage in runs.shown_stages if stage in codebook.stages):
        estimate = runs.runs.estimate(partial(_satisfaction_terms, stage=name, persona=persona), SCORE_UNIT, run)
        if estimate.n >= _FEWEST and estimate.low == estimate.low:
            found[name] = estimate
    return found


def _satisfaction_terms(run: RunRecord, *, stage: str, persona: str | None) -> RatioTerms:
    outcomes = run.outcomes.customers
    chosen = run.entered & (outcomes["stage"] == run.codebook.stages.index(stage))
    if persona is not None:
        chosen = chosen & (outcomes["persona"] == run.codebook.personas.index(persona))
    return ratio_of_sums(run, np.where(chosen, outcomes["satisfaction"].astype(np.float64), 0.0), chosen)


def feeling_lane(runs: MapRuns) -> Lane:
    """Return the lane with one curve for each persona.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    curves = []
    name = runs.runs.baseline_name
    for i, persona in enumerate(runs.runs.baseline.codebook.personas):
        found = feeling_data(runs, run=name, persona=persona)
        if found:
            curves.append(feeling_series(runs, runs.title("personas", persona), found, persona_color(i)))
    return Lane("How they feel", _NOTE, curves=tuple(curves))


def policy_feeling_lane(runs: MapRuns) -> Lane:
    """Return the lane with one curve for each policy.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    """
    curves = []
    for i, (name, label) in enumerate(runs.runs.labels.items()):
        found = feeling_data(runs, run=name)
        curves.append(feeling_series(runs, label, found, "p0" if i == 0 else "p1", is_dashed=i == 0))
    return Lane("How they feel", _NOTE, curves=tuple(curves))


def feeling_series(runs: MapRuns, label: str, found: dict[str, MetricEstimate], color: str, *, is_dashed: bool = False) -> CurveSeries:
    """Return the line of a curve.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    label : str
        Name of the line.
    found : dict of str to MetricEstimate
        Values by stage.
    color : str
        Color of the style sheet.
    is_dashed : bool
        Whether the line is dashed.
    """
    points = [
        None
        if (one := found.get(name)) is None
        else CurvePoint(one.value, one.low, one.high, f"{one.value:.2f} {interval_of(one, 2, 1.0)}")
        for name in runs.shown_stages
    ]
    records = tuple(record_of(f"satisfaction in {name}", one) for name, one in found.items())
    return CurveSeries(label, tuple(points), color, is_dashed, records)
