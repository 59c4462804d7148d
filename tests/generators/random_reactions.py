"""Random reactions of a journey that is otherwise complete: sways of branches, announced offers, demand and urgency, waiting."""

from collections.abc import Iterator
from typing import Any

from chooser import Chooser, ScenarioData, ScenarioNames
from random_effects import TOUCHES_WITH_EFFECTS

SWAYS = (0.5, -0.7, 3.0)


def add_reactions(chooser: Chooser, names: ScenarioNames, journey: ScenarioData) -> None:
    """Add reactions to some events, messages and desks of a journey."""
    branches = name_branches(chooser, journey["events"])
    owners: list[list[ScenarioData]] = [event["effects"] for event in journey["events"].values() if event.get("effects")]
    if branches:
        for effects in chooser.subset(owners):
            effects.append({"sway": random_sways(chooser, branches)})
        for message in journey["messages"].values():
            if chooser.chance(50):
                message["sway"] = {touch: random_sways(chooser, branches) for touch in chooser.subset(TOUCHES_WITH_EFFECTS, min_size=1)}
    if names.offers:
        for effects in chooser.subset(owners, max_size=2):
            effects.append({"announce": chooser.choice(names.offers)})
        for message in journey["messages"].values():
            if chooser.chance(30):
                message.setdefault("effects", {}).setdefault("opened", []).append({"announce": chooser.choice(names.offers)})
    add_speed_rules(chooser, names, journey["events"])
    for desk in journey["desks"].values():
        chooser.add_optional(desk, 50, waiting=lambda: random_waiting(chooser))


def branches_of(effects: list[ScenarioData]) -> Iterator[ScenarioData]:
    """All branches in effects, outer ones first."""
    for effect in effects:
        for branch in effect.get("choose", []):
            yield branch
            yield from branches_of(branch.get("effects", []))


def name_branches(chooser: Chooser, events: dict[str, ScenarioData]) -> list[tuple[str, str]]:
    """Name some branches; returns the event and the name of each."""
    named = []
    for event, body in events.items():
        for number, branch in enumerate(branches_of(body.get("effects", []))):
            if chooser.chance(50):
                branch["name"] = f"way_{number}"
                named.append((event, branch["name"]))
    return named


def random_sways(chooser: Chooser, branches: list[tuple[str, str]]) -> ScenarioData:
    """Sways of one or two branches."""
    made: ScenarioData = {}
    for event, branch in chooser.subset(branches, min_size=1, max_size=2):
        made.setdefault(event, {})[branch] = chooser.choice(SWAYS)
    return made


def add_speed_rules(chooser: Chooser, names: ScenarioNames, events: dict[str, ScenarioData]) -> None:
    """Add demand and urgency to some events; events with a fixed or a calendar wait are the deadlines, and stay as they are."""
    selling = [event for event, body in events.items() if "purchase" in str(body.get("effects"))]
    deadlines = [event for event in names.events if events[event]["wait"].keys() & {"fixed", "calendar"}]
    for event in names.events:
        if event in deadlines:
            continue
        if selling and chooser.chance(40):
            events[event]["demand"] = {"elasticity": chooser.choice((1.5, "half", 4)), "purchase": chooser.choice(selling)}
            chooser.add_optional(events[event]["demand"], 40, reference_price=lambda: chooser.choice((8, 30)))
        ends: list[Any] = [{"offer": offer} for offer in names.offers] + [{"event": deadline} for deadline in deadlines]
        if ends and chooser.chance(40):
            events[event]["urgency"] = chooser.list_of(lambda ends=ends: random_urgency(chooser, ends), min_size=1, max_size=2)


def random_urgency(chooser: Chooser, ends: list[ScenarioData]) -> ScenarioData:
    """A factor before the end of an offer, or before an event."""
    return {**chooser.choice(ends), "last": chooser.choice(("1d", "8h", "10d")), "times": chooser.choice((2, 0.3, 0))}


def random_waiting(chooser: Chooser) -> ScenarioData:
    """How waiting disappoints customers who expect an answer within minutes or hours."""
    made: ScenarioData = {"expected": chooser.choice(("30min", "4h")), "loss": chooser.choice((0.1, 1))}
    chooser.add_optional(made, 50, broken_promise=lambda: 3)
    return made
