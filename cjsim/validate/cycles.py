"""What would go on for ever at one moment: events that fire each other, flows that loop without waiting, desks that are asked again.

Lives here: the graphs of what follows at once from what, and their circles. Does not live here: names (check.py).
"""

import re
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from cjsim.errors import unknown_name_parts
from cjsim.scenario.distributions import WaitLaw
from cjsim.scenario.effects import Effect
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.policy import Flow, PolicySpec, Step
from cjsim.scenario.touchpoints import Channel, Desk
from cjsim.scenario.traversal import iterate_effects, iterate_steps, nested_steps
from cjsim.yaml.paths import Fault, KeyPath

T = TypeVar("T")
StepGraph = dict[KeyPath, set[KeyPath]]
GraphNode = tuple[str, str]  # kind (event, stage, desk, flow) and name
LEAVES_STAGE = "-> elsewhere"  # stands beside the words of a condition, none of which is so written
# Words of conditions that an effect of this kind may change.
_WORDS_CHANGED_BY = {
    "go": (LEAVES_STAGE,),
    "purchase": ("purchases", "revenue", "redeemed"),
    "opt_out": ("consent",),
    "ask": ("asks",),
    "refer": ("referrals",),
}
WORDS_CHANGED_BY_SENDS = frozenset({"contacts", "opens", "clicks", "sent", "opened", "clicked", "consent", "unopened"})


def flow_faults(flow: Flow, path: KeyPath) -> Iterator[Fault]:
    """Labels that are given twice, jumps to nowhere, and loops without a wait.

    Parameters
    ----------
    flow : Flow
        What is checked.
    path : KeyPath
        Where it is written.
    """
    labels: dict[str, KeyPath] = {}
    faulty = False
    for here, step in iterate_steps(flow.steps, (*path, "steps")):
        if step.label is not None and step.label in labels:
            faulty = True
            yield Fault((*here, "label"), "must have a label that no other step of the flow has", f"'{step.label}'", "Rename one.")
        elif step.label is not None:
            labels[step.label] = here
    for here, step in iterate_steps(flow.steps, (*path, "steps")):
        if step.jump is not None and step.jump not in labels:
            faulty = True
            yield Fault((*here, "jump"), *unknown_name_parts(step.jump, labels, "label"))
    if faulty:
        return
    if circle := set(_find_cycle(_step_graph(flow, path, labels))):
        around = [(here, step) for here, step in iterate_steps(flow.steps, (*path, "steps")) if here in circle]
        jump = next(here for here, step in around if step.jump is not None)
        over = "; a 'wait_until' is over at once where it is that time" if any(step.wait_until is not None for _, step in around) else ""
        remedy = f"Put a 'wait' or 'wait_for' between the label and the jump{over}."
        yield Fault((*jump, "jump"), "must not lead back to itself without waiting", "a loop without a wait", remedy)


def _step_graph(flow: Flow, path: KeyPath, labels: dict[str, KeyPath]) -> StepGraph:
    """Steps that follow each step at once; nothing follows a wait at once."""
    graph: StepGraph = {}

    def lay(steps: tuple[Step, ...], start: KeyPath, after: KeyPath | None) -> KeyPath | None:
        """Lay edges of a list of steps; gives its first step, `after` if it is empty."""
        for index in reversed(range(len(steps))):
            step, here = steps[index], (*start, index)
            following = {first for inner, inside in nested_steps(step, here) if (first := lay(inside, inner, after)) is not None}
            if step.jump is not None:
                following = {labels[step.jump]}
            elif step.stop is not None or step.wait is not None or step.wait_for is not None:
                following = set()
            elif step.branch is None and step.split is None and after is not None:
                following = {after}
            graph[here] = following
            after = here
        return after

    lay(flow.steps, (*path, "steps"), None)
    return graph


def instant_faults(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[Fault]:
    """Circles of events, stages and flows that follow each other at once.

    Parameters
    ----------
    journey : JourneySpec
        Its events fire events, go to stages, and have clocks that may wait for no time.
    policy : PolicySpec or None
        Its flows start at events and stages, and send messages that may fire events as they are delivered.
        With a policy, paths are those of a scenario.
    """
    graph = _instant_graph(journey, policy)
    circle = _find_cycle(graph)
    if not circle:
        yield from _zero_time_loop_faults(journey, policy)
        return
    ring = [*circle, circle[0]] if circle[0] != circle[-1] else circle
    got = " -> ".join(f"{kind} '{name}'" for kind, name in ring)
    prefix = ("journey",) if policy is not None else ()
    flows = [name for kind, name in ring if kind == "flow"]
    if flows:
        remedy = "Give the flow an 'again_after' or a 'wait'."
        yield Fault(("policy", "flows", flows[0], "on"), "must not be started again at once by what it does", got, remedy)
        return
    if desk := next((name for kind, name in ring if kind == "desk"), ""):
        remedy = "Give the desk a 'service' above 0, and a 'patience' above 0."
        yield Fault((*prefix, "desks", desk), "must not be asked again at once by what its answer does", got, remedy)
        return
    event = next(name for kind, name in ring if kind == "event")
    fires = [
        path
        for path, effect in iterate_effects(journey.events[event].effects, ("events", event, "effects"))
        if ("event", effect.fire) in ring
    ]
    if fires:
        yield Fault((*prefix, *fires[0], "fire"), "must not lead back to the event itself", got, "Remove one 'fire' of the circle.")
    else:
        remedy = "Give it a 'wait' above 0, or a 'go' to a stage where it does not happen."
        yield Fault((*prefix, "events", event, "wait"), "must not happen again and again at one moment", got, remedy)


def _instant_graph(journey: JourneySpec, policy: PolicySpec | None) -> dict[GraphNode, set[GraphNode]]:
    graph: dict[GraphNode, set[GraphNode]] = {("event", name): _consequences(event.effects) for name, event in journey.events.items()}
    graph |= {("stage", name): set() for name in journey.stages}
    graph |= {("desk", name): _answered_at_once(desk) for name, desk in journey.desks.items()}
    for name, event in journey.events.items():
        if _repeats_at_once(event):
            stages = journey.stages if event.stages == "anywhere" else event.stages
            leaves = any(effect.go is not None for effect in event.effects)
            if event.stages == "anywhere" or not leaves:
                graph["event", name].add(("event", name))
            for stage in stages:
                graph.setdefault(("stage", stage), set()).add(("event", name))
    for name, flow in (policy.flows if policy is not None else {}).items():
        if flow.again_after == 0.0 and (flow.on.event is not None or flow.on.stage is not None):
            trigger = ("event", flow.on.event) if flow.on.event is not None else ("stage", str(flow.on.stage))
            graph.setdefault(trigger, set()).add(("flow", name))
            sent = [journey.messages[message] for message in _sent_at_once(flow) if message in journey.messages]
            arrived = [message for message in sent if _arrives_at_once(journey.channels.get(message.channel), flow)]
            graph["flow", name] = {thing for message in arrived for thing in _consequences(message.effects.delivered)}
    return graph


def _arrives_at_once(channel: Channel | None, flow: Flow) -> bool:
    """Whether a message of the flow is delivered as it is sent: not by people, in-app only if a visit starts the flow."""
    if channel is None or channel.kind == "human":
        return False
    return channel.kind != "pull" or flow.on.event in channel.visits


def _answered_at_once(desk: Desk) -> set[GraphNode]:
    """What a desk leads to at the moment of the request: by an answer that takes no time, or where nobody waits for one."""
    found: set[GraphNode] = set()
    if _is_zero_wait(desk.service):
        found |= _consequences(desk.effects.in_time) | _consequences(desk.effects.late)
    if desk.patience != "endless" and _is_zero_wait(desk.patience):
        found |= _consequences(desk.effects.unanswered)
    return found


def _consequences(effects: tuple[Effect, ...]) -> set[GraphNode]:
    """Events, stages and desks that effects may lead to."""
    found = [effect for _, effect in iterate_effects(effects, ())]
    things = {("event", effect.fire) for effect in found if effect.fire} | {("stage", effect.go) for effect in found if effect.go}
    return things | {("desk", effect.ask.desk) for effect in found if effect.ask is not None}


def _repeats_at_once(event: Event) -> bool:
    """Whether the clock surely waits for no time, and nothing but its plain effects can end that (see `_endless_faults`)."""
    return event.when is None and all(effect.choose is None for effect in event.effects) and _has_zero_wait(event)


def _has_zero_wait(event: Event) -> bool:
    return event.wait != "never" and _is_zero_wait(event.wait)


def _is_zero_wait(law: WaitLaw) -> bool:
    return law.fixed == 0 or (law.empirical is not None and not any(law.empirical.values))


def _may_be_zero_wait(event: Event) -> bool:
    return event.wait != "never" and (event.wait.fixed == 0 or (event.wait.empirical is not None and 0 in event.wait.empirical.values))


def _zero_time_loop_faults(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[Fault]:
    """Clocks that wait for no time, where nothing that can happen at that moment ends what their `when` asks for, or leads away.

    A word counts as changed if anything may change a thing of this name, so that what is refused surely goes on for ever.
    """
    prefix = ("journey",) if policy is not None else ()
    for name, event in journey.events.items():
        asked = set(re.findall(r"[A-Za-z]\w*", event.when or ""))
        if not _has_zero_wait(event) or _repeats_at_once(event) or (event.when is not None and not asked) or _never_runs(journey, name):
            continue
        beside = [
            other for other in journey.events if _may_be_zero_wait(journey.events[other]) and _share_a_stage(event, journey.events[other])
        ]
        changed = _words_changed_by_events(journey, [name, *beside]) | _words_changed_by_policy(journey, policy)
        if not changed & {LEAVES_STAGE, *asked}:
            got = f"a wait of 0 while '{event.when}', which nothing ends" if event.when else "a wait of 0 that nothing ends"
            remedy = "Give it a 'wait' above 0, a 'go' to a stage where it does not happen, or a 'when' that it ends itself, such as "
            yield Fault(
                (*prefix, "events", name, "wait"),
                "must not happen again and again at one moment",
                got,
                f"{remedy}count({name}) < 1.",
            )


def _never_runs(journey: JourneySpec, event: str) -> bool:
    return all(persona.speed.get(event) == 0 for persona in journey.personas.values())


def _share_a_stage(one: Event, other: Event) -> bool:
    """Whether both can happen in one stage."""
    return "anywhere" in (one.stages, other.stages) or not set(one.stages).isdisjoint(other.stages)


def _words_changed_by_events(journey: JourneySpec, events: Iterable[str]) -> set[str]:
    """Words of conditions that these events, and those that they fire, may change; AWAY among them if one goes to a stage."""
    found: set[str] = set()
    left = list(events)
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            changed, fired = _words_changed_by_effects(journey.events[name].effects)
            found |= changed
            left += [event for event in fired if event in journey.events]
    return found


def _words_changed_by_effects(effects: tuple[Effect, ...]) -> tuple[set[str], set[str]]:
    """Words of conditions that effects may change, and events that they fire."""
    found: set[str] = set()
    fired: set[str] = set()
    for _, effect in iterate_effects(effects, ()):
        found |= {name for name in (effect.tag, effect.untag, *(effect.score or ())) if name is not None}
        found |= {word for kind, words in _WORDS_CHANGED_BY.items() if getattr(effect, kind) is not None for word in words}
        fired |= {effect.fire} if effect.fire is not None else set()
    return found, fired


def _words_changed_by_policy(journey: JourneySpec, policy: PolicySpec | None) -> set[str]:
    """Words that sends and steps of flows may change; without a policy: those of any."""
    steps = [step for flow in (policy.flows if policy is not None else {}).values() for _, step in iterate_steps(flow.steps, ())]
    found = {name for step in steps for name in (step.tag, step.untag, *(step.score or ())) if name is not None}
    found |= {"asks"} if any(step.ask is not None for step in steps) else set()
    sends = policy is None or bool(policy.broadcasts) or any(step.send is not None for step in steps)
    if policy is None:
        found |= {"tagged", "score", "asks"}
    if not sends:
        return found
    found |= WORDS_CHANGED_BY_SENDS
    for message in journey.messages.values():
        for effects in (message.effects.delivered, message.effects.opened, message.effects.clicked):
            changed, fired = _words_changed_by_effects(effects)
            found |= changed | _words_changed_by_events(journey, [event for event in fired if event in journey.events])
    return found


def _sent_at_once(flow: Flow) -> set[str]:
    """Messages that a flow may send before it first waits."""
    steps = dict(iterate_steps(flow.steps, ("steps",)))
    labels = {step.label: path for path, step in steps.items() if step.label is not None}
    graph = _step_graph(flow, (), labels)
    reached: set[KeyPath] = set()
    edge: set[KeyPath] = {("steps", 0)}
    while edge:
        reached |= edge
        edge = {target for path in edge for target in graph[path]} - reached
    return {message for path in reached if (message := steps[path].send) is not None}


def _find_cycle(graph: dict[T, set[T]]) -> list[T]:
    """A circle of the graph, empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
