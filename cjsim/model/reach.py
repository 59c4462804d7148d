"""What can ever happen under a policy, whatever conditions say: stages, events, messages, flows, desks, scores.

Lives here: the closure of what leads to what. Does not live here: what is odd about it (mistakes.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cjsim.model.journey import Journey
from cjsim.model.policy import Flow, Policy
from cjsim.model.reactions import Effect
from cjsim.model.walk import effects_in, steps_in


@dataclass(frozen=True)
class Reach:
    """What can ever happen: stages entered, events that happen, messages sent, flows started, desks asked, scores given points."""

    stages: frozenset[str]
    events: frozenset[str]
    messages: frozenset[str]
    flows: frozenset[str]
    desks: frozenset[str]
    scores: frozenset[str]


@dataclass
class _Found:
    """A `Reach` under construction."""

    stages: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    flows: set[str] = field(default_factory=set)
    desks: set[str] = field(default_factory=set)
    scores: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return sum(map(len, vars(self).values()))


def reach(journey: Journey, policy: Policy | None) -> Reach:
    """What can ever happen, whatever the conditions say.

    Parameters
    ----------
    journey : Journey
        Where stages and events are declared.
    policy : Policy or None
        None: any message may be sent, any desk asked.
    """
    found = _Found(stages={persona.starts_in or journey.starts_in for persona in journey.personas.values()})
    if policy is None:
        found.messages, found.desks = set(journey.messages), set(journey.desks)
    else:
        found.messages = {broadcast.send for broadcast in policy.broadcasts.values()}
    size = -1
    while size != (size := len(found)):
        found.events |= {name for name in journey.events if runs(journey, name, found.stages)}
        found.desks |= {desk for name in found.messages if (desk := journey.channels[journey.messages[name].channel].desk) is not None}
        if policy is not None:
            found.desks |= {to.escalate.to for name, to in policy.desks.items() if name in found.desks and to.escalate is not None}
        _follow(found, list(effects_of(journey, found.events, found.messages, found.desks)))
        for name, flow in (policy.flows if policy is not None else {}).items():
            if _starts(flow, found, journey):
                found.flows.add(name)
                _take(found, flow)
    return Reach(**{name: frozenset(names) for name, names in vars(found).items()})


def _follow(found: _Found, effects: Iterable[Effect]) -> None:
    """Note what effects lead to."""
    for effect in effects:
        found.stages |= {effect.go} if effect.go is not None else set()
        found.events |= {effect.fire} if effect.fire is not None else set()
        found.desks |= {effect.ask.desk} if effect.ask is not None else set()
        found.scores |= set(effect.score or ())


def _take(found: _Found, flow: Flow) -> None:
    """Note what the steps of a flow do."""
    for _, step in steps_in(flow.steps, ()):
        found.messages |= {step.send} if step.send is not None else set()
        found.desks |= {step.ask.desk} if step.ask is not None else set()
        found.scores |= set(step.score or ())


def runs(journey: Journey, name: str, stages: Iterable[str]) -> bool:
    """Whether the event's clock can run in one of these stages."""
    event = journey.events[name]
    if event.wait == "never" or all(persona.speed.get(name) == 0 for persona in journey.personas.values()):
        return False
    return event.stages == "anywhere" or not set(stages).isdisjoint(event.stages)


def effects_of(journey: Journey, events: Iterable[str], messages: Iterable[str] = (), desks: Iterable[str] = ()) -> Iterator[Effect]:
    """Effects of these events, messages and desks, branches included."""
    bodies = [journey.events[name].effects for name in events]
    bodies += [effects for name in messages for _, effects in journey.messages[name].effects]
    bodies += [effects for name in desks for _, effects in journey.desks[name].effects]
    yield from (effect for body in bodies for _, effect in effects_in(body, ()))


def _starts(flow: Flow, found: _Found, journey: Journey) -> bool:
    """Whether the flow's trigger can happen."""
    on = flow.on
    if on.inactivity is not None:
        return on.of is None or not found.events.isdisjoint(on.of)
    if on.score is not None:
        return on.score in found.scores
    if on.unopened is not None:
        return any(not on.channels or journey.messages[name].channel in on.channels for name in found.messages)
    if on.date is not None or on.schedule is not None:
        return True
    return on.event in found.events or on.stage in found.stages
