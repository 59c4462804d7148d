"""Finds which stages, events, messages, flows, desks and scores are reachable, if every condition can hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.effects import Effect
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.traversal import iterate_effects, iterate_steps


@dataclass(frozen=True)
class Reachable:
    """What can ever happen: stages entered, events, messages sent, flows started, desks asked, scores changed and channels used."""

    stages: frozenset[str]
    events: frozenset[str]
    messages: frozenset[str]
    flows: frozenset[str]
    desks: frozenset[str]
    scores: frozenset[str]
    channels: frozenset[str]


@dataclass
class _ReachableSets:
    """A `Reachable` under construction."""

    stages: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    flows: set[str] = field(default_factory=set)
    desks: set[str] = field(default_factory=set)
    scores: set[str] = field(default_factory=set)
    channels: set[str] = field(default_factory=set)

    def add(self, named: Iterable[tuple[str, str]]) -> None:
        """Add reachable items, given by kind and name."""
        for kind, name in named:
            vars(self).get(f"{kind}s", set()).add(name)

    def __len__(self) -> int:
        return sum(map(len, vars(self).values()))


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
    reachable = _ReachableSets(stages={persona.starts_in or journey.starts_in for persona in journey.personas.values()})
    if policy is None:
        reachable.messages, reachable.desks = set(journey.messages), set(journey.desks)
    else:
        reachable.messages = {broadcast.send for broadcast in policy.broadcasts.values()}
    size = -1
    while size != (size := len(reachable)):
        reachable.events |= {name for name in journey.events if can_run(journey, name, reachable.stages)}
        reachable.desks |= {
            desk for name in reachable.messages if (desk := journey.channels[journey.messages[name].channel].desk) is not None
        }
        if policy is not None:
            reachable.desks |= {
                staffing.escalate.to for name, staffing in policy.desks.items() if name in reachable.desks and staffing.escalate is not None
            }
        for effect in list(effects_of(journey, reachable.events, reachable.messages, reachable.desks)):
            reachable.add(effect.leads_to())
        for name, flow in (policy.flows if policy is not None else {}).items():
            if flow.on.can_start(reachable):
                reachable.flows.add(name)
                for _, step in iterate_steps(flow.steps, ()):
                    reachable.add(step.leads_to())
        reachable.channels = {journey.messages[name].channel for name in reachable.messages}
    return Reachable(**{name: frozenset(names) for name, names in vars(reachable).items()})


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
