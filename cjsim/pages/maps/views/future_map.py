"""The future state beside the current one: two policies on the same customers, with the differences written."""

from cjsim.pages.maps.lanes.difference_lanes import (
    changed_desk_lane,
    changed_figure_lane,
    changed_moment_lane,
    changed_touchpoint_lanes,
    future_heads,
    mark_counts,
)
from cjsim.pages.maps.lanes.feeling_lane import policy_feeling_lane
from cjsim.pages.maps.map_parts import MARK_TEXTS, MapView
from cjsim.pages.maps.map_runs import MapRuns
from cjsim.pages.maps.stage_counts import Touchpoint
from cjsim.pages.maps.touchpoint_differences import ScenarioDifferences, scenario_differences
from cjsim.pages.maps.views.current_map import view_notes
from cjsim.pages.sections.first_screen import answer_sentence
from cjsim.simulation.comparison_answer import OBJECTIVE

_METRICS = (OBJECTIVE, "retention_90d", "satisfaction", "contacts", "sla_kept")


def future_data(runs: MapRuns) -> ScenarioDifferences:
    """Return what differs between the two scenarios.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    """
    return scenario_differences(*runs.scenarios)


def future_view(runs: MapRuns) -> MapView:
    """Return the map of the future state beside the current one.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    """
    differences = future_data(runs)
    lanes = [
        *changed_touchpoint_lanes(runs, differences),
        policy_feeling_lane(runs),
        changed_moment_lane(runs),
        changed_desk_lane(runs, differences),
        changed_figure_lane(runs),
    ]
    say = f"{_effects_text(runs)} {_changes_text(differences)}".strip()
    notes = (*_unseen_notes(runs, differences), *view_notes(runs))
    return MapView("future", "Future beside current", tuple(answer_sentence(runs.runs)), say, future_heads(runs), tuple(lanes), notes=notes)


def _effects_text(runs: MapRuns) -> str:
    """State the differences in CLV and in a few other metrics, with their intervals."""
    parts = []
    for metric in _METRICS:
        effect = runs.runs.effects.get(metric)
        if effect is not None and effect.effect == effect.effect and not effect.is_identical:
            form = runs.runs.form(metric, effect)
            parts.append(f"{runs.runs.label_of(metric)} {form.difference(effect.effect)} {form.interval(effect.low, effect.high)}")
    return f"{'; '.join(parts)}." if parts else ""


def _changes_text(differences: ScenarioDifferences) -> str:
    """State how many touchpoints are new, changed and dropped, and what else differs."""
    counts = mark_counts(differences.touchpoints.values())
    words = {"new": "new", "changed": "changed", "dropped": "dropped"}
    parts = [f"{counts[mark]} {word}" for mark, word in words.items() if mark in counts]
    sentences = [f"Touchpoints: {', '.join(parts)}."] if parts else ["No touchpoint differs."]
    if differences.other:
        sentences.append(f"The policy also differs in: {'; '.join(differences.other)}.")
    if differences.journey:
        sentences.append(f"The journey differs, too: {'; '.join(differences.journey)}.")
    return " ".join(sentences)


def _unseen_notes(runs: MapRuns, differences: ScenarioDifferences) -> list[str]:
    """Name the touchpoints that differ but that no customer got in the simulation."""
    seen = {touchpoint.message for counts in runs.counts for _, touchpoint in counts.touchpoints}
    unseen = {one: mark for one, mark in differences.touchpoints.items() if mark is not None and one.message not in seen}
    if not unseen:
        return []
    texts = [f"{MARK_TEXTS[mark]} {_name(runs, one)}" for one, mark in unseen.items()]
    return [f"Reached nobody in the simulation: {'; '.join(texts)}."]


def _name(runs: MapRuns, touchpoint: Touchpoint) -> str:
    return f"“{runs.title('messages', touchpoint.message)}”"
