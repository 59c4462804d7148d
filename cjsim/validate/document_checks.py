"""Runs all checks that involve several parts of a journey, a policy or a scenario."""

from collections.abc import Iterator
from pathlib import Path

from cjsim.scenario.fields import readable_duration
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.name_checks import observed_faults, sum_faults, unknown_name_faults
from cjsim.scenario.policy import PAST_SUFFIX, PolicySpec, Spend
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.touchpoints import Acquisition
from cjsim.scenario.traversal import journey_effects
from cjsim.validate.cost_checks import cost_faults, creative_faults
from cjsim.validate.cycles import instant_faults
from cjsim.validate.desk_checks import shift_faults, staffing_faults, unstaffed_faults
from cjsim.validate.journey_checks import activity_faults, event_faults, persona_faults, reserved_name_faults, time_zone_faults
from cjsim.validate.policy_checks import experiment_faults, guardrail_faults, internal_policy_faults, policy_name_faults
from cjsim.validate.reaction_checks import reaction_faults
from cjsim.validate.touchpoint_checks import acquisition_faults, channel_faults, message_faults
from cjsim.yaml.paths import Fault


def journey_faults(journey: JourneySpec, policy: PolicySpec | None = None) -> Iterator[Fault]:
    """Yield faults that involve several parts of a journey.

    Parameters
    ----------
    journey : JourneySpec
        The journey to check.
    policy : PolicySpec, optional
        The policy of the scenario. Without one, conditions may use any tag.

    Yields
    ------
    Fault
    """
    yield from reserved_name_faults(journey)
    yield from unknown_name_faults(("starts_in",), journey.starts_in, journey.stages, "stage")
    for name, stage in journey.stages.items():
        for index, other in enumerate(stage.blocked):
            yield from unknown_name_faults(("stages", name, "blocked", index), other, journey.stages, "stage")
    yield from persona_faults(journey)
    for name, levels in journey.attributes.items():
        yield from sum_faults(("attributes", name), levels)
    for name, activity in journey.activity.items():
        yield from activity_faults(("activity", name), activity)
    yield from time_zone_faults(journey)
    yield from event_faults(journey, policy)
    yield from reaction_faults(journey)
    yield from channel_faults(journey)
    yield from message_faults(journey)
    yield from acquisition_faults(journey)
    for path, effect in journey_effects(journey):
        yield from effect.faults(path, journey)
    for name, moment in journey.moments.items():
        # Moments appear in the customer table, which contains only what the firm can observe.
        yield from observed_faults(("moments", name, "event"), moment.event, journey.events)
    yield from instant_faults(journey, None)


def policy_faults(policy: PolicySpec) -> Iterator[Fault]:
    """Yield the faults in a policy that do not depend on the journey."""
    yield from internal_policy_faults(policy)
    yield from shift_faults(policy)
    yield from creative_faults(policy)


def scenario_faults(scenario: ScenarioSpec) -> Iterator[Fault]:
    """Yield errors that involve the journey, its policy and the population together."""
    journey, policy = scenario.journey, scenario.policy
    faults_in_journey = [fault.under("journey") for fault in journey_faults(journey, policy)]
    faults_in_policy = [fault.under("policy") for fault in policy_faults(policy)]
    faulty_paths = {fault.path for fault in faults_in_policy}
    faults = (*policy_name_faults(policy, journey), *staffing_faults(policy, journey), *cost_faults(policy, journey))
    name_faults = [fault.under("policy") for fault in faults]
    yield from faults_in_journey
    yield from faults_in_policy
    yield from (fault for fault in name_faults if fault.path not in faulty_paths)
    if not faults_in_journey and not faults_in_policy:
        yield from instant_faults(journey, policy)
    if not faults_in_journey and not faults_in_policy and not name_faults:
        yield from unstaffed_faults(scenario)
    yield from guardrail_faults(scenario)
    yield from _population_faults(scenario)
    if journey.time_zones is not None and scenario.time_zone is None:
        remedy = "Add it to the scenario, such as 'time_zone: Europe/Berlin'."
        yield Fault(("time_zone",), "must be the firm's time zone if the journey has 'time_zones'", "none", remedy)
    if scenario.existing is not None and scenario.existing.policy is not None:
        yield from _past_policy_faults(scenario, scenario.existing.policy)


def _past_policy_faults(scenario: ScenarioSpec, past: PolicySpec) -> Iterator[Fault]:
    """Yield faults of the policy before day 0, and of its combination with the present one."""
    journey = scenario.journey
    faults = [*policy_faults(past), *policy_name_faults(past, journey), *staffing_faults(past, journey), *cost_faults(past, journey)]
    yield from (fault.under("policy").under("existing") for fault in faults)
    if not faults:
        before = scenario.model_copy(update={"policy": past})
        yield from (fault.under("existing") for fault in (*guardrail_faults(before), *unstaffed_faults(before)))
    # The flows of the present policy come first, so only steps of the past policy can differ from the first definition of an experiment.
    flows = {**scenario.policy.flows, **{f"{name}{PAST_SUFFIX}": flow for name, flow in past.flows.items()}}
    for fault in experiment_faults(past.model_copy(update={"flows": flows})):
        if str(fault.path[1]).endswith(PAST_SUFFIX):
            path = ("existing", "policy", fault.path[0], str(fault.path[1]).removesuffix(PAST_SUFFIX), *fault.path[2:])
            yield fault._replace(path=path)
    for name, rule in past.rules.items():
        if scenario.policy.rules.get(name, rule) != rule:
            must = "must be the same as the targeting rule of this name in the policy"
            yield Fault(("existing", "policy", "rules", name), must, f"another rule '{name}'", "Rename one of the two.")


def _population_faults(scenario: ScenarioSpec) -> Iterator[Fault]:
    """Yield faults for a scenario without customers, and for invalid entry settings."""
    channels, entry = scenario.journey.acquisition, scenario.entry
    if scenario.value_horizon is not None and scenario.value_horizon < scenario.horizon:
        must = f"must be at least the horizon, {readable_duration(scenario.horizon)}"
        remedy = "Lengthen it, or shorten the horizon: CLV counts at least as long as all other metrics."
        yield Fault(("value_horizon",), must, readable_duration(scenario.value_horizon), remedy)
    if (
        scenario.customers == 0
        and scenario.existing is None
        and not any(_brings_customers(channel, scenario.policy.acquisition.get(name)) for name, channel in channels.items())
    ):
        remedy = "Increase it, or give an acquisition channel a 'baseline' or spend."
        yield Fault(("customers",), "must be at least 1 if no acquisition channel brings customers", "0", remedy)
    if entry.file is None:
        return
    if not Path(entry.file).is_file():
        yield Fault(("entry", "file"), "must be a file that exists", f"'{entry.file}'", "Give a path relative to the scenario file.")
    if entry.over:
        yield Fault(("entry",), "must have either 'over' or 'file'", "both", "Remove one.")


def _brings_customers(channel: Acquisition, spend: Spend | None) -> bool:
    """Whether an acquisition channel brings in any customers."""
    has_spend = spend is not None and spend.has_money()
    return channel.baseline > 0 or (has_spend and channel.hill is not None and channel.hill.at_most > 0)
