"""Checks of a policy, alone and with its journey: flows, broadcasts, guardrails, experiments, spend and personalization."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cjsim.errors import short_repr
from cjsim.scenario.condition_names import ConditionError, ConditionNames
from cjsim.scenario.condition_parser import parse_condition, parse_condition_syntax
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.steps import SplitStep
from cjsim.scenario.name_checks import MAX_NAMES, too_many_faults, unknown_key_faults, unknown_name_faults
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import policy_conditions, policy_steps
from cjsim.validate.cycles import flow_faults
from cjsim.validate.rule_checks import rule_faults
from cjsim.yaml.paths import Fault, KeyPath, path_text


def internal_policy_faults(policy: PolicySpec) -> Iterator[Fault]:
    """Yield faults within a policy that do not depend on the journey."""
    for name in policy.flows.keys() & policy.broadcasts.keys():
        remedy = "Rename one, because the event log identifies both by name."
        yield Fault(("broadcasts", name), "must have a name different from every flow", f"'{name}'", remedy)
    for name, flow in policy.flows.items():
        yield from flow_faults(flow, ("flows", name))
        yield from flow.on.faults(("flows", name, "on"))
    for path, step in policy_steps(policy):
        yield from step.faults(path)
    yield from experiment_faults(policy)
    for name, broadcast in policy.broadcasts.items():
        yield from broadcast.schedule.faults(("broadcasts", name, "schedule"))
    yield from policy.guardrails.actor_faults([*policy.flows, *policy.broadcasts])
    yield from too_many_faults(("flows",), [*policy.flows, *policy.broadcasts])
    for path, text in policy_conditions(policy):
        yield from _condition_faults(path, parse_condition_syntax, text)


def _condition_faults(path: KeyPath, check: Callable[..., object], *arguments: object) -> Iterator[Fault]:
    """Yield the fault of a check that raises ConditionError."""
    try:
        check(*arguments)
    except ConditionError as error:
        yield Fault(path, error.must, error.got, error.remedy)


def experiment_faults(policy: PolicySpec) -> Iterator[Fault]:
    """Yield a fault for each experiment whose arms differ between steps."""
    first: dict[str, tuple[KeyPath, str]] = {}
    for path, step in policy_steps(policy):
        if isinstance(step, SplitStep) and step.experiment is not None:
            arms = ", ".join(f"{name} {arm.share:g}" for name, arm in step.split.items())
            first_path, first_arms = first.setdefault(step.experiment, (path, arms))
            if arms != first_arms:
                must = f"must have the same arms for experiment '{step.experiment}' as {path_text(first_path)} ({first_arms})"
                yield Fault((*path, "split"), must, arms, "Use the same names and shares in both, or use different experiment names.")


@dataclass(frozen=True)
class _ObservableNames:
    """The names that a policy may use with its journey. Implements `PolicyNames`."""

    journey: JourneySpec
    conditions: ConditionNames

    def observed_faults(self, path: KeyPath, kind: str, name: str) -> Iterator[Fault]:
        """Yield a fault if a stage or an event does not exist or the firm does not observe it."""
        yield from _condition_faults(path, self.conditions.code, kind, name)


def policy_name_faults(policy: PolicySpec, journey: JourneySpec) -> Iterator[Fault]:
    """Yield a fault for each name that the journey does not declare or the firm does not observe."""
    names = _ObservableNames(journey, ConditionNames.from_documents(journey, policy, latent=False))
    for name, flow in policy.flows.items():
        yield from flow.on.name_faults(("flows", name, "on"), names)
        for index, event in enumerate(flow.exit_on):
            yield from names.observed_faults(("flows", name, "exit_on", index), "event", event)
    for path, step in policy_steps(policy):
        yield from step.name_faults(path, names)
    for name, broadcast in policy.broadcasts.items():
        yield from unknown_name_faults(("broadcasts", name, "send"), broadcast.send, journey.messages, "message")
    yield from policy.guardrails.name_faults(journey)
    yield from unknown_key_faults(("acquisition",), policy.acquisition, journey.acquisition, "acquisition channel")
    if policy.personalisation and not journey.interests:
        must = "must be empty if the journey declares no 'interests'"
        got = short_repr([level.accuracy for level in policy.personalisation])
        yield Fault(("personalisation",), must, got, "Declare 'interests' in the journey, or remove it.")
    yield from _source_faults(policy, journey)
    yield from rule_faults(policy, names.conditions)
    for path, text in policy_conditions(policy):
        yield from _condition_faults(path, parse_condition, text, names.conditions)


def guardrail_faults(scenario: ScenarioSpec) -> Iterator[Fault]:
    """Yield faults in guardrails that depend on the length of the simulation."""
    for path, rule in scenario.policy.guardrails.all_rules():
        yield from rule.faults(("policy", *path), scenario.simulated_days)


def _source_faults(policy: PolicySpec, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults for flows and broadcasts with the name of a desk or an offer, and for too many sources for the log."""
    taken = {**dict.fromkeys(journey.desks, "desk"), **dict.fromkeys(journey.offers, "offer")}
    for group in ("flows", "broadcasts"):
        for name in getattr(policy, group).keys() & taken.keys():
            remedy = "Rename one, because the event log identifies both by name."
            yield Fault((group, name), f"must have a name different from every {taken[name]} of the journey", f"'{name}'", remedy)
    yield from too_many_faults(("flows",), [*policy.flows, *policy.broadcasts, *taken], MAX_NAMES)
