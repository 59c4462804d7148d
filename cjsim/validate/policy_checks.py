"""Checks of a policy, on its own and against a journey: flows, broadcasts, guardrails, experiments, spend and personalization."""

from collections.abc import Iterable, Iterator

from cjsim.errors import short_repr
from cjsim.scenario.condition_names import ConditionError, ConditionNames
from cjsim.scenario.condition_parser import parse_condition, parse_condition_syntax
from cjsim.scenario.fields import duration_text
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import Flow, PolicySpec, Schedule, Step
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import policy_conditions, policy_steps
from cjsim.validate.cycles import flow_faults
from cjsim.validate.names import MAX_NAMES, duplicate_faults, sum_faults, too_many_faults, unknown_key_faults, unknown_name_faults
from cjsim.yaml.paths import Fault, KeyPath, path_text

MAX_PERIODS = 1_000_000  # of a budget; each needs memory
_CHANNEL_RULES = ("quiet_hours", "gaps", "caps", "budgets")


def internal_policy_faults(policy: PolicySpec) -> Iterator[Fault]:
    """Yield what is wrong within a policy, whatever the journey."""
    for name in policy.flows.keys() & policy.broadcasts.keys():
        yield Fault(("broadcasts", name), "must have a name that no flow has", f"'{name}'", "Rename one: the log names its sources.")
    for name, flow in policy.flows.items():
        yield from flow_faults(flow, ("flows", name))
        yield from duplicate_faults(("flows", name, "on", "channels"), flow.on.channels)
        if flow.on.schedule is not None:
            yield from _schedule_faults(("flows", name, "on", "schedule"), flow.on.schedule)
    yield from _split_faults(policy)
    for path, step in policy_steps(policy):
        if step.wait_until is not None:
            yield from duplicate_faults((*path, "wait_until", "weekdays"), step.wait_until.weekdays)
    for name, broadcast in policy.broadcasts.items():
        yield from _schedule_faults(("broadcasts", name, "schedule"), broadcast.schedule)
    yield from duplicate_faults(("guardrails", "spared"), policy.guardrails.spared)
    for index, actor in enumerate(policy.guardrails.spared):
        yield from unknown_name_faults(("guardrails", "spared", index), actor, [*policy.flows, *policy.broadcasts], "flow or broadcast")
    yield from too_many_faults(("flows",), [*policy.flows, *policy.broadcasts])
    for path, text in policy_conditions(policy):
        try:
            parse_condition_syntax(text)
        except ConditionError as error:
            yield Fault(path, error.must, error.got, error.remedy)


def _schedule_faults(path: KeyPath, schedule: Schedule) -> Iterator[Fault]:
    yield from duplicate_faults((*path, "weekdays"), schedule.weekdays)
    yield from duplicate_faults((*path, "dates"), [f"{day}" for day in schedule.dates])


def _split_faults(policy: PolicySpec) -> Iterator[Fault]:
    """Yield faults of shares that do not sum to 1, and of experiments whose arms differ between steps."""
    first: dict[str, tuple[KeyPath, str]] = {}
    for path, step in policy_steps(policy):
        if step.split is None:
            continue
        yield from sum_faults((*path, "split"), {name: arm.share for name, arm in step.split.items()})
        if step.experiment is not None:
            first_path, arms = first.setdefault(step.experiment, (path, _arms_text(step)))
            if arms != _arms_text(step):
                must = f"must have the arms of experiment '{step.experiment}' as at {path_text(first_path)}, {arms}"
                yield Fault((*path, "split"), must, _arms_text(step), "Give both the same names and shares, or name two experiments.")


def _arms_text(step: Step) -> str:
    return ", ".join(f"{name} {arm.share:g}" for name, arm in (step.split or {}).items())


def policy_name_faults(policy: PolicySpec, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of names that the journey does not declare or that a policy cannot observe."""
    names = ConditionNames.from_documents(journey, policy, latent=False)
    for name, flow in policy.flows.items():
        yield from _flow_faults(("flows", name), flow, journey, names)
    for path, step in policy_steps(policy):
        yield from _step_faults(path, step, journey, names)
    for name, broadcast in policy.broadcasts.items():
        yield from unknown_name_faults(("broadcasts", name, "send"), broadcast.send, journey.messages, "message")
    for group in _CHANNEL_RULES:
        for number, rule in enumerate(getattr(policy.guardrails, group)):
            yield from _unknown_item_faults(("guardrails", group, number, "channels"), rule.channels, journey.channels, "channel")
    yield from unknown_key_faults(("acquisition",), policy.acquisition, journey.acquisition, "acquisition channel")
    if policy.personalisation and not journey.interests:
        must = "must be empty where the journey declares no 'interests'"
        got = short_repr([level.accuracy for level in policy.personalisation])
        yield Fault(("personalisation",), must, got, "Declare interests, or remove it.")
    yield from _source_faults(policy, journey)
    for path, text in policy_conditions(policy):
        try:
            parse_condition(text, names)
        except ConditionError as error:
            yield Fault(path, error.must, error.got, error.remedy)


def budget_faults(scenario: ScenarioSpec) -> Iterator[Fault]:
    """Yield faults of budgets with too many periods."""
    for index, budget in enumerate(scenario.policy.guardrails.budgets):
        if scenario.horizon / budget.per > MAX_PERIODS:
            must = f"must make at most {MAX_PERIODS:,} periods of the {duration_text(scenario.horizon)} that are simulated"
            path = ("policy", "guardrails", "budgets", index, "per")
            yield Fault(path, must, duration_text(budget.per), "Lengthen the period, or shorten the horizon.")


def _flow_faults(path: KeyPath, flow: Flow, journey: JourneySpec, names: ConditionNames) -> Iterator[Fault]:
    """Yield faults of the names in the trigger and the exits of a flow."""
    on = flow.on
    if on.event is not None:
        yield from _observed_name_faults((*path, "on", "event"), on.event, names, "event")
    if on.stage is not None:
        yield from _observed_name_faults((*path, "on", "stage"), on.stage, names, "stage")
    if on.score is not None:
        yield from unknown_name_faults((*path, "on", "score"), on.score, journey.scores, "score")
    for index, event in enumerate(on.of or ()):
        yield from _observed_name_faults((*path, "on", "of", index), event, names, "event")
    yield from _unknown_item_faults((*path, "on", "channels"), on.channels, journey.channels, "channel")
    for index, event in enumerate(flow.exit_on):
        yield from _observed_name_faults((*path, "exit_on", index), event, names, "event")


def _step_faults(path: KeyPath, step: Step, journey: JourneySpec, names: ConditionNames) -> Iterator[Fault]:
    """Yield faults of the names in one step."""
    if step.send is not None:
        yield from unknown_name_faults((*path, "send"), step.send, journey.messages, "message")
    if step.wait_for is not None:
        yield from _observed_name_faults((*path, "wait_for", "event"), step.wait_for.event, names, "event")
    if step.offer is not None:
        yield from unknown_name_faults((*path, "offer"), step.offer, journey.offers, "offer")
    if step.ask is not None:
        yield from unknown_name_faults((*path, "ask", "desk"), step.ask.desk, journey.desks, "desk")
    yield from unknown_key_faults((*path, "score"), step.score or (), journey.scores, "score")


def _unknown_item_faults(path: KeyPath, items: Iterable[str], names: Iterable[str], kind: str) -> Iterator[Fault]:
    """Yield a fault for each item of a list that does not exist."""
    choices = list(names)
    for index, name in enumerate(items):
        yield from unknown_name_faults((*path, index), name, choices, kind)


def _source_faults(policy: PolicySpec, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of flows and broadcasts named like a desk or an offer, and of more sources than the log has codes."""
    taken = {**dict.fromkeys(journey.desks, "desk"), **dict.fromkeys(journey.offers, "offer")}
    for group in ("flows", "broadcasts"):
        for name in getattr(policy, group).keys() & taken.keys():
            remedy = "Rename one: the log names its sources."
            yield Fault((group, name), f"must have a name that no {taken[name]} of the journey has", f"'{name}'", remedy)
    yield from too_many_faults(("flows",), [*policy.flows, *policy.broadcasts, *taken], MAX_NAMES)


def _observed_name_faults(path: KeyPath, name: str, names: ConditionNames, kind: str) -> Iterator[Fault]:
    """Yield a fault if the stage or event does not exist, or the firm cannot observe it."""
    try:
        names.code(kind, name)
    except ConditionError as error:
        yield Fault(path, error.must, error.got, error.remedy)
