"""Detects zero-time loops: events that fire each other, flows that loop without a wait, desks that cause requests to themselves."""

import re
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from cjsim.errors import unknown_name_parts
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.channels import Channel
from cjsim.scenario.kinds.effects import ChooseEffect, Effect, FireEffect, GoEffect
from cjsim.scenario.kinds.steps import JumpStep, Step, WaitForStep, WaitUntilStep
from cjsim.scenario.policy import Flow, PolicySpec
from cjsim.scenario.touchpoints import Desk
from cjsim.scenario.traversal import iterate_effects, iterate_steps
from cjsim.validate.reachability import effects_of
from cjsim.yaml.paths import Fault, KeyPath

T = TypeVar("T")
StepGraph = dict[KeyPath, set[KeyPath]]
GraphNode = tuple[str, str]  # kind (event, stage, desk, flow) and name
LEAVES_STAGE = "-> elsewhere"  # appears in sets of condition variables, so it must not look like one
WORDS_CHANGED_BY_SENDS = frozenset({"contacts", "opens", "clicks", "sent", "opened", "clicked", "consent", "unopened"})


def flow_faults(flow: Flow, path: KeyPath) -> Iterator[Fault]:
    """Yield faults for duplicate labels, jumps to unknown labels, and loops without a wait.

    Parameters
    ----------
    flow : Flow
        The flow to check.
    path : KeyPath
        Path of the flow in the policy.

    Yields
    ------
    Fault
    """
    labels: dict[str, KeyPath] = {}
    faulty = False
    for step_path, step in iterate_steps(flow.steps, (*path, "steps")):
        if step.label is not None and step.label in labels:
            faulty = True
            yield Fault((*step_path, "label"), "must be unique within the flow", f"'{step.label}' twice", "Rename one of the labels.")
        elif step.label is not None:
            labels[step.label] = step_path
    for step_path, step in iterate_steps(flow.steps, (*path, "steps")):
        if isinstance(step, JumpStep) and step.jump not in labels:
            faulty = True
            yield Fault((*step_path, "jump"), *unknown_name_parts(step.jump, labels, "label"))
    if faulty:
        return
    if cycle := set(_find_cycle(_step_graph(flow, path, labels))):
        cycle_steps = [(step_path, step) for step_path, step in iterate_steps(flow.steps, (*path, "steps")) if step_path in cycle]
        jump = next(step_path for step_path, step in cycle_steps if isinstance(step, JumpStep))
        has_wait_until = any(isinstance(step, WaitUntilStep) for _, step in cycle_steps)
        has_since = any(isinstance(step, WaitForStep) and step.wait_for.since is not None for _, step in cycle_steps)
        hint = (
            "; a 'wait_until' can end immediately"
            if has_wait_until
            else "; a 'wait_for' with 'since' can end immediately"
            if has_since
            else ""
        )
        remedy = f"Put a 'wait' or 'wait_for' between the label and the jump{hint}."
        yield Fault((*jump, "jump"), "must not lead back to itself without waiting", "a loop without a wait", remedy)


def _step_graph(flow: Flow, path: KeyPath, labels: dict[str, KeyPath]) -> StepGraph:
    """Map each step to the steps that can follow it in zero time. No step follows a wait in zero time."""
    graph: StepGraph = {}

    def add_edges(steps: tuple[Step, ...], start: KeyPath, after: KeyPath | None) -> KeyPath | None:
        """Add the edges of a list of steps. Returns the path of its first step, or `after` if the list is empty."""
        for index in reversed(range(len(steps))):
            step, step_path = steps[index], (*start, index)
            branches = list(step.branches())
            entries = [(branch, add_edges(branch.steps, (*step_path, *branch.keys), after)) for branch in branches]
            following = {first for branch, first in entries if first is not None and not branch.takes_time}
            if isinstance(step, JumpStep):
                following = {labels[step.jump]}
            elif step.ends or step.takes_time:
                following = set()
            elif not branches and after is not None:
                following = {after}
            graph[step_path] = following
            after = step_path
        return after

    add_edges(flow.steps, (*path, "steps"), None)
    return graph


def instant_faults(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[Fault]:
    """Yield a fault for a zero-time cycle of events, stages, desks and flows.

    Parameters
    ----------
    journey : JourneySpec
        Declares events, which can fire other events, change the stage, and have clocks with a wait of 0.
    policy : PolicySpec or None
        Declares flows, which are triggered by events and stages, and whose messages can fire events on delivery. With a policy, the
        paths of faults are those of a scenario.

    Yields
    ------
    Fault
    """
    cycle = _find_cycle(_instant_graph(journey, policy))
    if cycle:
        closed_cycle = [*cycle, cycle[0]] if cycle[0] != cycle[-1] else cycle
        yield _cycle_fault(closed_cycle, journey, ("journey",) if policy is not None else ())
    else:
        yield from _zero_time_loop_faults(journey, policy)


def _cycle_fault(cycle: list[GraphNode], journey: JourneySpec, prefix: tuple[str, ...]) -> Fault:
    """The fault of a cycle, located at the flow, desk or event that is easiest to fix. `prefix` is the path of the journey."""
    got = " -> ".join(f"{kind} '{name}'" for kind, name in cycle)
    if flow := next((name for kind, name in cycle if kind == "flow"), ""):
        remedy = "Give the flow an 'again_after' or a 'wait'."
        return Fault(("policy", "flows", flow, "on"), "must not be started again immediately by its own effects", got, remedy)
    if desk := next((name for kind, name in cycle if kind == "desk"), ""):
        remedy = "Give the desk a 'service' above 0, and a 'patience' above 0."
        return Fault((*prefix, "desks", desk), "must not be asked again immediately by its own effects", got, remedy)
    event = next(name for kind, name in cycle if kind == "event")
    for path, effect in iterate_effects(journey.events[event].effects, ("events", event, "effects")):
        if isinstance(effect, FireEffect) and ("event", effect.fire) in cycle:
            return Fault((*prefix, *path, effect.key), "must not lead back to the event itself", got, "Remove one 'fire' from the cycle.")
    remedy = "Give it a 'wait' above 0, or a 'go' to a stage without this event."
    return Fault((*prefix, "events", event, "wait"), "must not repeat endlessly in zero time", got, remedy)


def _instant_graph(journey: JourneySpec, policy: PolicySpec | None) -> dict[GraphNode, set[GraphNode]]:
    """Map each event, stage, desk and flow to what can follow it in zero time."""
    graph: dict[GraphNode, set[GraphNode]] = {("event", name): _consequences(event.effects) for name, event in journey.events.items()}
    graph |= {("stage", name): set() for name in journey.stages}
    graph |= {("desk", name): _immediate_answers(desk) for name, desk in journey.desks.items()}
    for name, event in journey.events.items():
        if _surely_repeats_immediately(event):
            stages = journey.stages if event.stages == "anywhere" else event.stages
            leaves = any(isinstance(effect, GoEffect) for effect in event.effects)
            if event.stages == "anywhere" or not leaves:
                graph["event", name].add(("event", name))
            for stage in stages:
                graph.setdefault(("stage", stage), set()).add(("event", name))
    for name, flow in (policy.flows if policy is not None else {}).items():
        trigger = flow.on.starts_at()
        if flow.again_after == 0.0 and trigger is not None:
            graph.setdefault(trigger, set()).add(("flow", name))
            sent = [journey.messages[message] for message in _messages_before_wait(flow) if message in journey.messages]
            delivered = [message for message in sent if _is_delivered_immediately(journey.channels.get(message.channel), flow)]
            graph["flow", name] = {node for message in delivered for node in _consequences(message.effects.delivered)}
    return graph


def _is_delivered_immediately(channel: Channel | None, flow: Flow) -> bool:
    """Whether a message is delivered when the flow sends it: never by a desk, and on a pull channel only if a visit starts the flow."""
    if channel is None or channel.behavior.goes_through_desk:
        return False
    return not channel.behavior.waits_for_visit or flow.on.starts_at() in [("event", visit) for visit in channel.visits]


def _immediate_answers(desk: Desk) -> set[GraphNode]:
    """What a request to a desk can cause in zero time, through a service time or a patience of 0."""
    consequences: set[GraphNode] = set()
    if desk.service.is_always_zero:
        consequences |= _consequences(desk.effects.in_time) | _consequences(desk.effects.late)
    if desk.patience != "endless" and desk.patience.is_always_zero:
        consequences |= _consequences(desk.effects.unanswered)
    return consequences


def _consequences(effects: tuple[Effect, ...]) -> set[GraphNode]:
    """Events, stages and desks that effects can lead to."""
    return {node for _, effect in iterate_effects(effects, ()) for node in effect.leads_to() if node[0] in ("event", "stage", "desk")}


def _surely_repeats_immediately(event: Event) -> bool:
    """Whether the event always repeats without delay unless one of its unconditional effects ends the loop."""
    return event.when is None and not any(isinstance(effect, ChooseEffect) for effect in event.effects) and _has_zero_wait(event)


def _has_zero_wait(event: Event) -> bool:
    return event.wait != "never" and event.wait.is_always_zero


def _may_be_zero_wait(event: Event) -> bool:
    return event.wait != "never" and event.wait.can_be_zero


def _zero_time_loop_faults(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[Fault]:
    """Yield a fault for each clock with a wait of 0 that nothing can stop: neither a change of `when` nor a move to another stage.

    A condition variable, such as `asks`, counts as changed if anything may change it for any name, so every rejected loop is truly endless.
    """
    prefix = ("journey",) if policy is not None else ()
    for name, event in journey.events.items():
        condition_words = set(re.findall(r"[A-Za-z]\w*", event.when or ""))
        if (
            not _has_zero_wait(event)
            or _surely_repeats_immediately(event)
            or (event.when is not None and not condition_words)
            or _never_runs(journey, name)
        ):
            continue
        concurrent = [other for other, one in journey.events.items() if _may_be_zero_wait(one) and _share_a_stage(event, one)]
        changed = _words_changed_by_effects(journey, effects_of(journey, [name, *concurrent])) | _words_changed_by_policy(journey, policy)
        if not {name, *concurrent, *changed} & {LEAVES_STAGE, *condition_words}:
            got = f"a wait of 0 while '{event.when}', which nothing changes" if event.when else "a wait of 0 that nothing stops"
            remedy = "Give it a 'wait' above 0, a 'go' to a stage without this event, or a 'when' that becomes false, such as "
            yield Fault((*prefix, "events", name, "wait"), "must not repeat endlessly in zero time", got, f"{remedy}count({name}) < 1.")


def _never_runs(journey: JourneySpec, event: str) -> bool:
    """Whether the event's clock has speed 0 for every persona."""
    return all(persona.speed.get(event) == 0 for persona in journey.personas.values())


def _share_a_stage(one: Event, other: Event) -> bool:
    """Whether two events can happen in the same stage."""
    return "anywhere" in (one.stages, other.stages) or not set(one.stages).isdisjoint(other.stages)


def _words_changed_by_effects(journey: JourneySpec, effects: Iterable[Effect]) -> set[str]:
    """Condition variables that effects, and the events that they fire, can change. Includes `LEAVES_STAGE` if one changes the stage."""
    words: set[str] = set()
    fired: set[str] = set()
    queue = list(effects)
    while queue:
        effect = queue.pop()
        words |= effect.changed_words
        for kind, name in effect.leads_to():
            if kind in ("tag", "score"):
                words.add(name)
            elif kind == "stage":
                words.add(LEAVES_STAGE)
            elif kind == "event" and name in journey.events and name not in fired:
                fired.add(name)
                queue += effects_of(journey, [name])
    return words | fired


def _words_changed_by_policy(journey: JourneySpec, policy: PolicySpec | None) -> set[str]:
    """Condition variables that the sends and steps of a policy can change. Without a policy: those that any policy can change."""
    steps = [step for flow in (policy.flows if policy is not None else {}).values() for _, step in iterate_steps(flow.steps, ())]
    named = [one for step in steps for one in step.leads_to()]
    words = {name for kind, name in named if kind in ("tag", "score")}.union(*(step.changed_words for step in steps))
    sends = policy is None or bool(policy.broadcasts) or any(kind == "message" for kind, _ in named)
    if policy is None:
        words |= {"tagged", "score", "asks"}
    if not sends:
        return words
    return words | WORDS_CHANGED_BY_SENDS | _words_changed_by_effects(journey, effects_of(journey, (), journey.messages))


def _messages_before_wait(flow: Flow) -> set[str]:
    """Messages that a flow can send before its first wait."""
    steps = dict(iterate_steps(flow.steps, ("steps",)))
    labels = {step.label: path for path, step in steps.items() if step.label is not None}
    graph = _step_graph(flow, (), labels)
    reached: set[KeyPath] = set()
    frontier: set[KeyPath] = {("steps", 0)}
    while frontier:
        reached |= frontier
        frontier = {target for path in frontier for target in graph[path]} - reached
    return {name for path in reached for kind, name in steps[path].leads_to() if kind == "message"}


def _find_cycle(graph: dict[T, set[T]]) -> list[T]:
    """Return a cycle of the graph, or an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
