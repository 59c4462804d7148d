"""The buying committee: for each role, what raises or lowers its conviction in each stage. Roles are scores named `conviction_ROLE`."""

import re
from collections.abc import Iterator

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.maps.map_parts import Entry, Lane, Line
from cjsim.pages.maps.map_runs import MapRuns, rate_text, record_of, summed_rates
from cjsim.pages.quantity_format import MINUS, title_case
from cjsim.scenario.kinds.effects import Effect
from cjsim.scenario.traversal import iterate_effects

PREFIX = "conviction_"
_MOST = {"overview": 2, "stage": 4, "touchpoint": 99}


def committee_roles(runs: MapRuns) -> list[str]:
    """Return the roles of the buying committee; empty if the journey has none.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    return [name.removeprefix(PREFIX) for name in runs.journey.scores if name.startswith(PREFIX)]


def conviction_points(runs: MapRuns, role: str) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return the points that each event and each message gives to a role, by kind ('events' or 'messages') and name.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    role : str
        A role.
    """
    found: dict[tuple[str, str], tuple[float, ...]] = {}
    score = f"{PREFIX}{role}"
    for name, event in runs.journey.events.items():
        if points := tuple(_points(event.effects, score)):
            found["events", name] = points
    for name, message in runs.journey.messages.items():
        if points := tuple(one for _, effects in message.effects for one in _points(effects, score)):
            found["messages", name] = points
    return found


def _points(effects: tuple[Effect, ...], score: str) -> Iterator[float]:
    for _, effect in iterate_effects(effects, ()):
        points = getattr(effect, "score", None)
        if isinstance(points, dict) and score in points:
            yield float(points[score])


def committee_data(runs: MapRuns, role: str) -> dict[str, list[tuple[str, str, tuple[float, ...], MetricEstimate]]]:
    """Return what changes the conviction of a role, by stage: kind, name, points, and how often it happens per customer.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    role : str
        A role.
    """
    points = conviction_points(runs, role)
    found: dict[str, list[tuple[str, str, tuple[float, ...], MetricEstimate]]] = {name: [] for name in runs.shown_stages}
    for (stage, event), rate in runs.counts[0].events.items():
        if ("events", event) in points:
            found[stage].append(("events", event, points["events", event], rate))
    messages: dict[tuple[str, str], list[MetricEstimate]] = {}
    for (stage, touchpoint), pair in runs.counts[0].touchpoints.items():
        messages.setdefault((stage, touchpoint.message), []).append(pair.rate)
    for (stage, message), rates in messages.items():
        if ("messages", message) in points:
            found[stage].append(("messages", message, points["messages", message], summed_rates(rates)))
    return {stage: sorted(cell, key=lambda one: -one[3].value) for stage, cell in found.items()}


def thresholds(runs: MapRuns, role: str) -> dict[str, list[tuple[str, float]]]:
    """Return the events that wait for a conviction of the role, with the points that they need, by stage.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    role : str
        A role.
    """
    found: dict[str, list[tuple[str, float]]] = {name: [] for name in runs.shown_stages}
    for name, event in runs.journey.events.items():
        match = re.search(rf"score\({PREFIX}{re.escape(role)}\)\s*>=?\s*([\d.]+)", event.when or "")
        stages = () if event.stages == "anywhere" else event.stages
        for stage in stages if match else ():
            found[stage].append((name, float(match[1]) if match else 0.0))
    return found


def committee_lanes(runs: MapRuns) -> list[Lane]:
    """Return one lane for each role of the buying committee.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    lanes = []
    for role in committee_roles(runs):
        data, needed = committee_data(runs, role), thresholds(runs, role)
        cells = []
        for name in runs.shown_stages:
            entries = [_threshold_entry(runs, event, points) for event, points in needed[name]]
            shown = [one for one in data[name] if one[3].value >= runs.least(name)][: _MOST[runs.level]]
            entries += [_entry(runs, *one) for one in shown]
            cells.append(tuple(entries))
        label = role.upper() if len(role) <= 2 else title_case(role)
        lanes.append(
            Lane(f"Committee: {label}", "What changes the conviction of this role: points, and times per 100 customers", tuple(cells))
        )
    return lanes


def _entry(runs: MapRuns, kind: str, name: str, points: tuple[float, ...], rate: MetricEstimate) -> Entry:
    low, high = min(points), max(points)
    text = f"{_signed(low)} to {_signed(high)}" if low != high else _signed(low)
    unit = "times" if kind == "events" else "sent"
    lines = (Line(runs.title(kind, name), "body"), Line(f"{text} points; {rate_text(rate.value)} {unit}"))
    return Entry(lines, records=(record_of(f"{kind}[{name}]", rate),))


def _threshold_entry(runs: MapRuns, event: str, points: float) -> Entry:
    text = f"From {points:g} {'point' if points == 1 else 'points'} on, possible:"
    return Entry((Line(text), Line(runs.title("events", event), "strong")), "card", "p1")


def _signed(points: float) -> str:
    return f"{MINUS if points < 0 else '+'}{abs(points):g}"
