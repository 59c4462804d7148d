"""The moves between stages that a journey can make."""

from typing import NamedTuple

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.traversal import iterate_effects, journey_effects


class Transition(NamedTuple):
    """A move from one stage to another, or to the same one again."""

    origin: str
    target: str

    def __str__(self) -> str:
        return f"{self.origin} -> {self.target}"


def list_transitions(journey: JourneySpec) -> list[Transition]:
    """Return the moves that effects can make, in the order of the stages.

    Some of them may never happen, because conditions and the order of events are not considered.

    Parameters
    ----------
    journey : JourneySpec
        The journey.
    """
    stages = list(journey.stages)
    happens_in = _stages_of_events(journey)
    found: set[Transition] = set()
    for path, effect in journey_effects(journey):
        origins = happens_in[str(path[1])] if path[0] == "events" else stages
        found |= {Transition(origin, name) for kind, name in effect.leads_to() if kind == "stage" for origin in origins}
    return sorted(found, key=lambda one: (stages.index(one.origin), stages.index(one.target)))


def _stages_of_events(journey: JourneySpec) -> dict[str, set[str]]:
    """Return the stages in which each event can happen: those of its clock, and those in which effects fire it."""
    everywhere = set(journey.stages)
    happens_in = {name: everywhere.copy() if event.stages == "anywhere" else set(event.stages) for name, event in journey.events.items()}
    for path, effect in journey_effects(journey):
        if path[0] != "events":  # messages and desks reach customers in any stage
            for kind, name in effect.leads_to():
                if kind == "event":
                    happens_in[name] = everywhere.copy()
    is_complete = False
    while not is_complete:
        before = sum(map(len, happens_in.values()))
        for name, event in journey.events.items():
            targets = [target for _, effect in iterate_effects(event.effects, ()) for target in effect.leads_to()]
            inside = happens_in[name] | {target for kind, target in targets if kind == "stage"}
            for kind, target in targets:
                if kind == "event":
                    happens_in[target] |= inside
        is_complete = sum(map(len, happens_in.values())) == before
    return happens_in
