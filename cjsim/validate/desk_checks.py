"""Checks of staffing and escalation: requested desks have staff, and escalation does not form a cycle."""

from collections.abc import Iterator

from cjsim.scenario.fields import readable_duration
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.effects import Effect
from cjsim.scenario.kinds.steps import Step
from cjsim.scenario.name_checks import duplicate_faults, unknown_key_faults, unknown_name_faults
from cjsim.scenario.policy import PolicySpec, Staffing
from cjsim.scenario.rosters import crews_of
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import iterate_effects, policy_steps
from cjsim.yaml.paths import Fault, KeyPath, path_text


def shift_faults(policy: PolicySpec) -> Iterator[Fault]:
    """Yield faults within the staffing of desks: duplicate days and circular escalation."""
    for name, staffing in policy.desks.items():
        path: KeyPath = ("desks", name)
        for number, shift in enumerate(staffing.shifts):
            yield from duplicate_faults((*path, "shifts", number, "weekdays"), shift.weekdays)
            yield from duplicate_faults((*path, "shifts", number, "dates"), [f"{day}" for day in shift.dates])
        if (cycle := _escalation_cycle(name, policy)) and name == min(cycle, key=list(policy.desks).index):
            got = " -> ".join(f"'{desk}'" for desk in cycle)
            remedy = "Remove 'escalate' from one of these desks."
            yield Fault((*path, "escalate", "to"), "must not lead back to the same desk", got, remedy)


def staffing_faults(policy: PolicySpec, journey: JourneySpec) -> Iterator[Fault]:
    """Yield a fault for each staffed desk that the journey does not declare."""
    yield from unknown_key_faults(("desks",), policy.desks, journey.desks, "desk")
    for name, staffing in policy.desks.items():
        if staffing.escalate is not None:
            yield from unknown_name_faults(("desks", name, "escalate", "to"), staffing.escalate.to, journey.desks, "desk")


def _escalation_cycle(desk: str, policy: PolicySpec) -> list[str]:
    """The desks on the escalation path from a desk back to itself, or an empty list."""
    visited = [desk]
    while (staffing := policy.desks.get(visited[-1])) is not None and staffing.escalate is not None:
        visited.append(staffing.escalate.to)
        if visited[-1] == desk:
            return visited
        if visited[-1] in visited[:-1]:
            return []
    return []


def unstaffed_faults(scenario: ScenarioSpec) -> Iterator[Fault]:
    """Yield a fault for each desk that can receive requests but never has staff."""
    for desk, requester in _requested_desks(scenario).items():
        staffing = scenario.policy.desks.get(desk)
        if staffing is not None and crews_of(staffing.shifts, start=scenario.start, horizon_days=scenario.simulated_days):
            continue
        period = readable_duration(scenario.simulated_days)
        must = f"must have staff within {period} from {scenario.start}, because {requester} sends requests"
        remedy = "Add 'shifts' with 'agents' on simulated days."
        yield Fault(("policy", "desks", desk), must, f"no staff ({_staffing_text(staffing)})", remedy)


def _staffing_text(staffing: Staffing | None) -> str:
    if staffing is None:
        return "the policy has no entry for this desk"
    return "all shifts are at other times" if any(shift.agents for shift in staffing.shifts) else "no shift has agents"


def _requested_desks(scenario: ScenarioSpec) -> dict[str, str]:
    """Map desks that can receive requests to one source of requests: an effect, a step, a human channel or another desk."""
    journey, policy = scenario.journey, scenario.policy
    requesters: dict[str, str] = {}
    effects: list[tuple[KeyPath, tuple[Effect, ...]]] = [
        (("events", name, "effects"), event.effects) for name, event in journey.events.items()
    ]
    for path, message in _sends(policy):
        desk, body = journey.channels[journey.messages[message].channel].desk, journey.messages[message].effects
        if desk is not None:
            requesters.setdefault(desk, f"policy.{path_text(path)} (on a human channel)")
        effects += [(("messages", message, "effects", touch), after) for touch, after in body]
    for path, step in policy_steps(policy):
        for desk in _desks_asked(step):
            requesters.setdefault(desk, f"policy.{path_text((*path, step.key))}")
    visited: set[str] = set()
    while effects or requesters.keys() - visited:
        asks = [(path, desk) for owner, body in effects for path, effect in iterate_effects(body, owner) for desk in _desks_asked(effect)]
        for path, desk in asks:
            requesters.setdefault(desk, f"journey.{path_text(path)}")
        new = [desk for desk in requesters if desk not in visited]
        effects = [(("desks", desk, "effects", reply), after) for desk in new for reply, after in journey.desks[desk].effects]
        for desk in new:
            staffing = policy.desks.get(desk)
            if staffing is not None and staffing.escalate is not None:
                requesters.setdefault(staffing.escalate.to, f"policy.desks.{desk}.escalate")
        visited |= set(new)
    return requesters


def _desks_asked(kind: Effect | Step) -> list[str]:
    return [name for what, name in kind.leads_to() if what == "desk"]


def _sends(policy: PolicySpec) -> Iterator[tuple[KeyPath, str]]:
    """Iterate over the messages that the policy sends, with the path of each send."""
    for name, broadcast in policy.broadcasts.items():
        yield ("broadcasts", name, "send"), broadcast.send
    yield from (((*path, step.key), name) for path, step in policy_steps(policy) for kind, name in step.leads_to() if kind == "message")
