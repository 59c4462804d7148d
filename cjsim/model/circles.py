"""What would go on for ever at one moment: events that fire each other, flows that loop without waiting.

Lives here: the graphs of what follows at once from what, and their circles. Does not live here: names (check.py).
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

from cjsim.errors import unknown_name
from cjsim.model.paths import Fault
from cjsim.model.walk import Path, effects_in, steps_in, ways

if TYPE_CHECKING:
    from cjsim.model.journey import Effect, Event, Journey
    from cjsim.model.policy import Flow, Policy, Step

T = TypeVar("T")
StepGraph = dict[Path, set[Path]]
Thing = tuple[str, str]  # kind (event, stage, flow) and name


def flow_faults(flow: "Flow", path: Path) -> Iterator[Fault]:
    """Labels that are given twice, jumps to nowhere, and loops without a wait.

    Parameters
    ----------
    flow : Flow
        What is checked.
    path : Path
        Where it is written.
    """
    labels: dict[str, Path] = {}
    faulty = False
    for here, step in steps_in(flow.steps, (*path, "steps")):
        if step.label is not None and step.label in labels:
            faulty = True
            yield Fault((*here, "label"), "must have a label that no other step of the flow has", f"'{step.label}'", "Rename one.")
        elif step.label is not None:
            labels[step.label] = here
    for here, step in steps_in(flow.steps, (*path, "steps")):
        if step.jump is not None and step.jump not in labels:
            faulty = True
            yield Fault((*here, "jump"), *unknown_name(step.jump, labels, "label"))
    if faulty:
        return
    if circle := _circle(_step_graph(flow, path, labels)):
        jumps = [step_path for step_path, step in steps_in(flow.steps, (*path, "steps")) if step.jump is not None and step_path in circle]
        remedy = "Put a 'wait' or 'wait_for' between the label and the jump."
        yield Fault((*jumps[0], "jump"), "must not lead back to itself without waiting", "a loop without a wait", remedy)


def _step_graph(flow: "Flow", path: Path, labels: dict[str, Path]) -> StepGraph:
    """Steps that follow each step at once; nothing follows a wait at once."""
    graph: StepGraph = {}

    def lay(steps: "tuple[Step, ...]", start: Path, after: Path | None) -> Path | None:
        """Lay edges of a list of steps; gives its first step, `after` if it is empty."""
        for index in reversed(range(len(steps))):
            step, here = steps[index], (*start, index)
            following = {first for inner, inside in ways(step, here) if (first := lay(inside, inner, after)) is not None}
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


def instant_faults(journey: "Journey", policy: "Policy | None") -> Iterator[Fault]:
    """Circles of events, stages and flows that follow each other at once.

    Parameters
    ----------
    journey : Journey
        Its events fire events, go to stages, and have clocks that may wait for no time.
    policy : Policy or None
        Its flows start at events and stages, and send messages that may fire events as they are delivered.
        With a policy, paths are those of a scenario.
    """
    graph = _instant_graph(journey, policy)
    circle = _circle(graph)
    if not circle:
        return
    ring = [*circle, circle[0]] if circle[0] != circle[-1] else circle
    got = " -> ".join(f"{kind} '{name}'" for kind, name in ring)
    prefix = ("journey",) if policy is not None else ()
    flows = [name for kind, name in ring if kind == "flow"]
    if flows:
        remedy = "Give the flow an 'again_after' or a 'wait'."
        yield Fault(("policy", "flows", flows[0], "on"), "must not be started again at once by what it does", got, remedy)
        return
    event = next(name for kind, name in ring if kind == "event")
    fires = [
        path for path, effect in effects_in(journey.events[event].effects, ("events", event, "effects")) if ("event", effect.fire) in ring
    ]
    if fires:
        yield Fault((*prefix, *fires[0], "fire"), "must not lead back to the event itself", got, "Remove one 'fire' of the circle.")
    else:
        remedy = "Give it a 'wait' above 0, or a 'go' to a stage where it does not happen."
        yield Fault((*prefix, "events", event, "wait"), "must not happen again and again at one moment", got, remedy)


def _instant_graph(journey: "Journey", policy: "Policy | None") -> dict[Thing, set[Thing]]:
    graph: dict[Thing, set[Thing]] = {("event", name): _results(event.effects) for name, event in journey.events.items()}
    graph |= {("stage", name): set() for name in journey.stages}
    for name, event in journey.events.items():
        if _restless(event):
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
            graph["flow", name] = {thing for message in sent for thing in _results(message.effects.delivered)}
    return graph


def _results(effects: "tuple[Effect, ...]") -> set[Thing]:
    """Events and stages that effects may lead to."""
    found = [effect for _, effect in effects_in(effects, ())]
    return {("event", effect.fire) for effect in found if effect.fire} | {("stage", effect.go) for effect in found if effect.go}


def _restless(event: "Event") -> bool:
    """Whether the clock surely waits for no time. With a `when` or a `choose` it may come to an end."""
    if event.wait == "never" or event.when is not None or any(effect.choose is not None for effect in event.effects):
        return False
    return event.wait.fixed == 0 or (event.wait.empirical is not None and not any(event.wait.empirical.values))


def _sent_at_once(flow: "Flow") -> set[str]:
    """Messages that a flow may send before it first waits."""
    steps = dict(steps_in(flow.steps, ("steps",)))
    labels = {step.label: path for path, step in steps.items() if step.label is not None}
    graph = _step_graph(flow, (), labels)
    reached: set[Path] = set()
    edge: set[Path] = {("steps", 0)}
    while edge:
        reached |= edge
        edge = {target for path in edge for target in graph[path]} - reached
    return {message for path in reached if (message := steps[path].send) is not None}


def _circle(graph: dict[T, set[T]]) -> list[T]:
    """A circle of the graph, empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
