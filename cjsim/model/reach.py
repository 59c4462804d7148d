"""What can ever happen under a policy, whatever the conditions say.

Lives here: the walk from entry along all that may follow. Does not live here: what is thought of what it does not meet (mistakes.py).
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from itertools import chain

from cjsim.model.journey import Journey
from cjsim.model.policy import Flow, Policy
from cjsim.model.reactions import Effect
from cjsim.model.walk import effects_in, steps_in


@dataclass(frozen=True)
class Reach:
    """What can ever happen: stages entered, events that happen, messages sent, flows started, desks asked, scores given points."""

    stages: set[str]
    events: set[str]
    messages: set[str]
    flows: set[str] = field(default_factory=set)
    desks: set[str] = field(default_factory=set)
    scores: set[str] = field(default_factory=set)

    @property
    def extent(self) -> int:
        """How many names it holds."""
        return sum(map(len, (self.stages, self.events, self.messages, self.flows, self.desks, self.scores)))


def reach(journey: Journey, policy: Policy | None) -> Reach:
    """What can ever happen, whatever the conditions say.

    Parameters
    ----------
    journey : Journey
        Where stages and events are declared.
    policy : Policy or None
        None: any message may be sent, any desk asked.
    """
    found = Reach(
        stages={persona.starts_in or journey.starts_in for persona in journey.personas.values()},
        events=set(),
        messages=set(journey.messages) if policy is None else {broadcast.send for broadcast in policy.broadcasts.values()},
        desks=set(journey.desks) if policy is None else set(),
    )
    extent = -1
    while extent != (extent := found.extent):
        found.events.update(name for name in journey.events if _runs(journey, name, found.stages))
        for effect in list(effects_of(journey, found.events, found.messages, found.desks)):
            _follow(effect, found)
        for name, flow in (policy.flows if policy is not None else {}).items():
            if _starts(flow, found):
                found.flows.add(name)
                _walk(flow, found)
        found.desks.update(desk for name in found.messages if (desk := _desk_of(journey, name)) is not None)
    return found


def effects_of(journey: Journey, events: Set[str], messages: Set[str] = frozenset(), desks: Set[str] = frozenset()) -> Iterator[Effect]:
    """Effects of these events, messages and desks, branches included.

    Parameters
    ----------
    journey : Journey
        Where they are declared.
    events, messages, desks : set of str
        Names; those that do not exist have none.
    """
    lists = [journey.events[name].effects for name in events if name in journey.events]
    for body in (journey.messages[name].effects for name in messages if name in journey.messages):
        lists += [body.delivered, body.opened, body.clicked]
    for answer in (journey.desks[name].effects for name in desks if name in journey.desks):
        lists += [answer.in_time, answer.late, answer.unanswered]
    return (effect for _, effect in chain.from_iterable(effects_in(effects, ()) for effects in lists))


def _follow(effect: Effect, found: Reach) -> None:
    """Add what an effect leads to."""
    found.stages.update(filter(None, [effect.go]))
    found.events.update(filter(None, [effect.fire]))
    found.desks.update([effect.ask.desk] if effect.ask is not None else [])
    found.scores.update(effect.score or ())


def _walk(flow: Flow, found: Reach) -> None:
    """Add what the steps of a flow lead to."""
    for _, step in steps_in(flow.steps, ()):
        found.messages.update(filter(None, [step.send]))
        found.desks.update([step.ask.desk] if step.ask is not None else [])
        found.scores.update(step.score or ())


def _runs(journey: Journey, name: str, stages: Set[str]) -> bool:
    """Whether the event's clock can run in one of these stages."""
    event = journey.events[name]
    if event.wait == "never" or all(persona.speed.get(name) == 0 for persona in journey.personas.values()):
        return False
    return event.stages == "anywhere" or not stages.isdisjoint(event.stages)


def _starts(flow: Flow, found: Reach) -> bool:
    """Whether the flow's trigger can happen."""
    on = flow.on
    if on.inactivity is not None:
        return on.of is None or not found.events.isdisjoint(on.of)
    if on.unopened is not None:
        return bool(found.messages)
    if on.event is not None or on.stage is not None:
        return on.event in found.events or on.stage in found.stages
    return on.score is None or on.score in found.scores


def _desk_of(journey: Journey, message: str) -> str | None:
    """The desk through which a message goes, if it does."""
    channel = journey.channels.get(journey.messages[message].channel) if message in journey.messages else None
    return None if channel is None else channel.desk
