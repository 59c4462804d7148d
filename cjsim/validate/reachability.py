"""What can ever happen under a policy, whatever its conditions: the closure of stages, events, messages, flows, desks and scores."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cjsim.scenario.effects import Effect
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import Flow, PolicySpec
from cjsim.scenario.traversal import iterate_effects, iterate_steps


@dataclass(frozen=True)
class Reachable:
    """What can ever happen: stages entered, events, messages sent, flows started, desks asked, scores changed."""

    stages: frozenset[str]
    events: frozenset[str]
    messages: frozenset[str]
    flows: frozenset[str]
    desks: frozenset[str]
    scores: frozenset[str]


@dataclass
class _ReachableSets:
    """A `Reachable` under construction."""

    stages: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    flows: set[str] = field(default_factory=set)
    desks: set[str] = field(default_factory=set)
    scores: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return sum(map(len, vars(self).values()))


def find_reachable(journey: JourneySpec, policy: PolicySpec | None) -> Reachable:
    """Find what can ever happen, whatever the conditions say.

    Parameters
    ----------
    journey : JourneySpec
        Declares stages and events.
    policy : PolicySpec or None
        None: any message may be sent, and any desk asked.

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
        _follow_effects(reachable, list(effects_of(journey, reachable.events, reachable.messages, reachable.desks)))
        for name, flow in (policy.flows if policy is not None else {}).items():
            if _can_start(flow, reachable, journey):
                reachable.flows.add(name)
                _follow_steps(reachable, flow)
    return Reachable(**{name: frozenset(names) for name, names in vars(reachable).items()})


def _follow_effects(reachable: _ReachableSets, effects: Iterable[Effect]) -> None:
    """Add what effects lead to."""
    for effect in effects:
        reachable.stages |= {effect.go} if effect.go is not None else set()
        reachable.events |= {effect.fire} if effect.fire is not None else set()
        reachable.desks |= {effect.ask.desk} if effect.ask is not None else set()
        reachable.scores |= set(effect.score or ())


def _follow_steps(reachable: _ReachableSets, flow: Flow) -> None:
    """Add what the steps of a flow lead to."""
    for _, step in iterate_steps(flow.steps, ()):
        reachable.messages |= {step.send} if step.send is not None else set()
        reachable.desks |= {step.ask.desk} if step.ask is not None else set()
        reachable.scores |= set(step.score or ())


def can_run(journey: JourneySpec, name: str, stages: Iterable[str]) -> bool:
    """Whether the event's clock can run in one of these stages."""
    event = journey.events[name]
    if event.wait == "never" or all(persona.speed.get(name) == 0 for persona in journey.personas.values()):
        return False
    return event.stages == "anywhere" or not set(stages).isdisjoint(event.stages)


def effects_of(journey: JourneySpec, events: Iterable[str], messages: Iterable[str] = (), desks: Iterable[str] = ()) -> Iterator[Effect]:
    """Effects of events, messages and desks, including those of branches."""
    bodies = [journey.events[name].effects for name in events]
    bodies += [effects for name in messages for _, effects in journey.messages[name].effects]
    bodies += [effects for name in desks for _, effects in journey.desks[name].effects]
    yield from (effect for body in bodies for _, effect in iterate_effects(body, ()))


def _can_start(flow: Flow, reachable: _ReachableSets, journey: JourneySpec) -> bool:
    """Whether the flow's trigger can happen."""
    on = flow.on
    if on.inactivity is not None:
        return on.of is None or not reachable.events.isdisjoint(on.of)
    if on.score is not None:
        return on.score in reachable.scores
    if on.unopened is not None:
        return any(not on.channels or journey.messages[name].channel in on.channels for name in reachable.messages)
    if on.date is not None or on.schedule is not None:
        return True
    return on.event in reachable.events or on.stage in reachable.stages
