"""What differs between two scenarios: touchpoints, desks, and all other settings of the policy and the journey."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cjsim.pages.maps.map_parts import Mark
from cjsim.pages.maps.stage_counts import Touchpoint
from cjsim.pages.quantity_format import title_case
from cjsim.scenario.kinds.steps import SendStep
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.traversal import iterate_steps
from cjsim.simulation.documents import Scenario

FLOWS, BROADCASTS = "flows", "broadcasts"
_SHOWN_APART = ("flows", "broadcasts", "desks", "name")
_PART_TITLES = {
    "guardrails": "Guardrails: caps, gaps and quiet hours",
    "acquisition": "Acquisition spend",
    "costs": "Costs of the platform, contacts and creative work",
    "personalisation": "Personalization",
    "rules": "Targeting rules",
}


@dataclass(frozen=True)
class ScenarioDifferences:
    """The differences between two scenarios.

    Attributes
    ----------
    touchpoints : Mapping of Touchpoint to mark or None
        All touchpoints of both policies; None for those that are the same in both.
    desks : Mapping of str to mark or None
        All desks that a policy staffs.
    other : tuple of str
        What else differs in the policy, as titles.
    journey : tuple of str
        Parts of the journey that differ, as titles.
    """

    touchpoints: Mapping[Touchpoint, Mark | None]
    desks: Mapping[str, Mark | None]
    other: tuple[str, ...]
    journey: tuple[str, ...]


def touchpoints_of(policy: PolicySpec) -> dict[Touchpoint, set[str]]:
    """Return the messages that a policy sends, by flow or by broadcast, each with the flows or broadcasts that send it.

    Parameters
    ----------
    policy : PolicySpec
        The policy.

    Returns
    -------
    dict of Touchpoint to set of str
        The source of a touchpoint is 'flows' or 'broadcasts'.
    """
    found: dict[Touchpoint, set[str]] = {}
    for name, flow in policy.flows.items():
        for _, step in iterate_steps(flow.steps, ()):
            if isinstance(step, SendStep):
                found.setdefault(Touchpoint(FLOWS, step.send), set()).add(name)
    for name, broadcast in policy.broadcasts.items():
        found.setdefault(Touchpoint(BROADCASTS, broadcast.send), set()).add(name)
    return found


def scenario_differences(before: Scenario, after: Scenario) -> ScenarioDifferences:
    """Compare two scenarios. Titles and other prose do not count.

    A message is new if only the second policy sends it, dropped if only the first does, and changed if the flows or broadcasts that send it
    differ, or the message itself.

    Parameters
    ----------
    before, after : Scenario
        The scenarios.
    """
    old, new = before.policy.identity(), after.policy.identity()
    messages = _changed_messages(before, after)
    had, has = touchpoints_of(before.policy), touchpoints_of(after.policy)
    touchpoints: dict[Touchpoint, Mark | None] = {}
    for one in dict.fromkeys([*had, *has]):
        if one not in had:
            touchpoints[one] = "new"
        elif one not in has:
            touchpoints[one] = "dropped"
        else:
            senders = [{name: side[one.source][name] for name in names[one]} for side, names in ((old, had), (new, has))]
            touchpoints[one] = "changed" if senders[0] != senders[1] or one.message in messages else None
    desks = {
        name: _mark(old.get("desks", {}).get(name), new.get("desks", {}).get(name))
        for name in {**old.get("desks", {}), **new.get("desks", {})}
    }
    parts = [name for name in {**old, **new} if name not in _SHOWN_APART and old.get(name) != new.get(name)]
    other = tuple(_PART_TITLES.get(name, title_case(name)) for name in parts)
    return ScenarioDifferences(touchpoints, desks, other, tuple(_journey_parts(before, after)))


def _mark(before: Any, after: Any) -> Mark | None:
    if before == after:
        return None
    return "new" if before is None else "dropped" if after is None else "changed"


def _changed_messages(before: Scenario, after: Scenario) -> set[str]:
    old, new = before.journey.identity().get("messages", {}), after.journey.identity().get("messages", {})
    return {name for name in {**old, **new} if old.get(name) != new.get(name)}


def _journey_parts(before: Scenario, after: Scenario) -> list[str]:
    """Return the parts of the journey that differ, such as 'Stages: Trial step 4'."""
    old, new = before.journey.identity(), after.journey.identity()
    found = []
    for part in {**old, **new}:
        if part == "name" or old.get(part) == new.get(part):
            continue
        was, is_now = old.get(part), new.get(part)
        names = []
        if isinstance(was, dict) and isinstance(is_now, dict):
            names = [name for name in {**was, **is_now} if was.get(name) != is_now.get(name)]
        found.append(f"{title_case(part)}{': ' + ', '.join(title_case(name) for name in names[:6]) if names else ''}")
    return found
