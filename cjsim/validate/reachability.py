"""Finds which stages, events, messages, flows, desks and scores are reachable if every condition can hold."""

from collections.abc import Iterable, Iterator
from itertools import chain

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.effects import Effect
from cjsim.scenario.kinds.flow_triggers import Reachable
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.traversal import iterate_effects, iterate_steps


def find_reachable(journey: JourneySpec, policy: PolicySpec | None) -> Reachable:
    """Find what can ever happen, assuming that every condition can hold.

    Parameters
    ----------
    journey : JourneySpec
        The journey.
    policy : PolicySpec or None
        The policy. None: assume that every message is sent and every desk is asked.

    Returns
    -------
    Reachable
    """
    found: dict[str, set[str]] = {kind: set() for kind in Reachable._fields}
    found["stages"] = {persona.starts_in or journey.starts_in for persona in journey.personas.values()}
    if policy is None:
        found["messages"], found["desks"] = set(journey.messages), set(journey.desks)
    else:
        found["messages"] = {broadcast.send for broadcast in policy.broadcasts.values()}
    size = -1
    while size != (size := sum(map(len, found.values()))):
        found["events"] |= {name for name in journey.events if can_run(journey, name, found["stages"])}
        channels = [journey.channels[journey.messages[name].channel] for name in found["messages"]]
        found["desks"] |= {channel.desk for channel in channels if channel.desk is not None}
        staffed = {} if policy is None else policy.desks
        found["desks"] |= {desk.escalate.to for name, desk in staffed.items() if name in found["desks"] and desk.escalate is not None}
        leads = [effect.leads_to() for effect in effects_of(journey, found["events"], found["messages"], found["desks"])]
        for name, flow in ({} if policy is None else policy.flows).items():
            if flow.on.can_start(Reachable(**found)):
                found["flows"].add(name)
                leads += [step.leads_to() for _, step in iterate_steps(flow.steps, ())]
        for kind, name in chain.from_iterable(leads):
            found.get(f"{kind}s", set()).add(name)
        found["channels"] = {journey.messages[name].channel for name in found["messages"]}
    return Reachable(**{kind: frozenset(names) for kind, names in found.items()})


def can_run(journey: JourneySpec, name: str, stages: Iterable[str]) -> bool:
    """Whether the clock of an event can run in one of the stages."""
    event = journey.events[name]
    if event.wait == "never" or all(persona.speed.get(name) == 0 for persona in journey.personas.values()):
        return False
    return event.stages == "anywhere" or not set(stages).isdisjoint(event.stages)


def effects_of(journey: JourneySpec, events: Iterable[str], messages: Iterable[str] = (), desks: Iterable[str] = ()) -> Iterator[Effect]:
    """Iterate over the effects of events, messages and desks, including those in branches."""
    bodies = [journey.events[name].effects for name in events]
    bodies += [effects for name in messages for _, effects in journey.messages[name].effects]
    bodies += [effects for name in desks for _, effects in journey.desks[name].effects]
    yield from (effect for body in bodies for _, effect in iterate_effects(body, ()))
