"""Desks: who owns them, what they promise, and whether they keep it. Each desk is one bar across the stages that ask it."""

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.maps.lanes.moment_lane import NOT_NAMED
from cjsim.pages.maps.map_parts import Bar, Fact, Lane, Line
from cjsim.pages.maps.map_runs import MapRuns, interval_of, rate_text, record_of, share_of
from cjsim.scenario.phrases import duration_phrase
from cjsim.scenario.policy import Staffing

MEASURES = ("tickets", "sla_kept", "wait", "abandonment", "out_of_hours")
LABELS = {
    "tickets": "Requests per 100",
    "sla_kept": "In time",
    "wait": "Mean wait",
    "abandonment": "Give up waiting",
    "out_of_hours": "Ask when closed",
}


def desk_map_data(runs: MapRuns, run: int = 0) -> dict[str, dict[str, MetricEstimate]]:
    """Return the metrics of each desk that customers ask: by desk, then by measure.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    run : int
        Number of the run.
    """
    found = {}
    for desk in runs.scenarios[run].journey.desks:
        measures = {name: runs.metric(f"{name}[{desk}]", run) for name in MEASURES}
        known = {name: one for name, one in measures.items() if one is not None}
        if known.get("tickets") is not None and known["tickets"].value:
            found[desk] = known
    return found


def desk_range(runs: MapRuns, desk: str) -> tuple[int, int]:
    """Return the positions of the first and the last stage in which customers ask a desk; all stages if the log shows none.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    desk : str
        Name of the desk.
    """
    asked = {stage for counts in runs.counts for stage, name in counts.requests if name == desk}
    places = [i for i, name in enumerate(runs.shown_stages) if name in asked]
    return (places[0], places[-1]) if places else (0, len(runs.shown_stages) - 1)


def staffing_text(staffing: Staffing | None) -> str:
    """Return who owns a desk and what it promises.

    Parameters
    ----------
    staffing : Staffing or None
        How the policy runs the desk; None if it has no staff.
    """
    if staffing is None:
        return "No staff"
    owner = f"Owner: {staffing.owner or NOT_NAMED}."
    if staffing.sla is None:
        return f"{owner} No promise."
    kind = "Promise" if staffing.promised else "Target"
    return f"{owner} {kind}: an answer within {duration_phrase(staffing.sla)}."


def desk_lane(runs: MapRuns) -> Lane:
    """Return the lane of desks.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    bars = []
    for desk, measures in desk_map_data(runs).items():
        facts, records = [], []
        for name, one in measures.items():
            facts.append(_fact(name, one))
            records.append(record_of(f"{name}[{desk}]", one))
        lines = (Line(runs.title("desks", desk), "strong"), Line(staffing_text(runs.policy.desks.get(desk))))
        bars.append(Bar(*desk_range(runs, desk), lines, "outline", facts=tuple(facts), records=tuple(records)))
    return Lane("Desks and their promises", "Across the stages in which customers ask; 95% intervals", bars=tuple(bars))


def _fact(name: str, one: MetricEstimate) -> Fact:
    if name == "tickets":
        decimals = 0 if one.value >= 0.1 else 1
        return Fact(LABELS[name], rate_text(one.value), interval_of(one, decimals))
    if name == "wait":
        return Fact(LABELS[name], minutes_text(one.value), f"[{minutes_text(max(one.low, 0.0))}, {minutes_text(one.high)}]")
    return Fact(LABELS[name], share_of(one), interval_of(one, 0 if one.high - one.low >= 0.02 else 1))


def minutes_text(minutes: float) -> str:
    """Return a wait in the unit that a person would use.

    Examples
    --------
    >>> minutes_text(0.07), minutes_text(12.2), minutes_text(600)
    ('4 s', '12 min', '10 h')
    """
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    return f"{minutes:.0f} min" if minutes < 180 else f"{minutes / 60:.0f} h"
