"""What must hold across a journey, a policy and a scenario, all of it.

Lives here: the three doors, and what must hold of a population. Does not live here: checks of the parts (check_journey.py,
check_touchpoints.py, check_policy.py, check_desks.py), of one value (vocabulary.py), of what goes round in circles (circles.py).
"""

from collections.abc import Iterator
from pathlib import Path

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec, Spend
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.touchpoints import Acquisition
from cjsim.scenario.traversal import journey_effects
from cjsim.validate.cycles import instant_faults
from cjsim.validate.desk_checks import shift_faults, staffing_faults, unstaffed_faults
from cjsim.validate.journey_checks import activity_faults, effect_faults, event_faults, persona_faults, reserved_name_faults
from cjsim.validate.names import observed_faults, sum_faults, unknown_name_faults
from cjsim.validate.policy_checks import budget_faults, internal_policy_faults, policy_name_faults
from cjsim.validate.touchpoint_checks import acquisition_faults, channel_faults, message_faults
from cjsim.yaml.paths import Fault


def journey_faults(journey: JourneySpec, policy: PolicySpec | None = None) -> Iterator[Fault]:
    """What is wrong across the parts of a journey.

    Parameters
    ----------
    journey : JourneySpec
        What is checked.
    policy : PolicySpec, optional
        What it is lived under: if not given, conditions may ask for any tag.
    """
    yield from reserved_name_faults(journey)
    yield from unknown_name_faults(("starts_in",), journey.starts_in, journey.stages, "stage")
    yield from persona_faults(journey)
    for name, levels in journey.attributes.items():
        yield from sum_faults(("attributes", name), levels)
    for name, activity in journey.activity.items():
        yield from activity_faults(("activity", name), activity)
    yield from event_faults(journey, policy)
    yield from channel_faults(journey)
    yield from message_faults(journey)
    yield from acquisition_faults(journey)
    for path, effect in journey_effects(journey):
        yield from effect_faults(path, effect, journey)
    for name, moment in journey.moments.items():
        # The customers' table tells moments: it holds what the firm could know.
        yield from observed_faults(("moments", name, "event"), moment.event, journey)
    yield from instant_faults(journey, None)


def policy_faults(policy: PolicySpec) -> Iterator[Fault]:
    """What is wrong across the parts of a policy, whatever the journey."""
    yield from internal_policy_faults(policy)
    yield from shift_faults(policy)


def scenario_faults(scenario: ScenarioSpec) -> Iterator[Fault]:
    """What is wrong across a journey, a policy and the population."""
    journey, policy = scenario.journey, scenario.policy
    inner = [fault.under("journey") for fault in journey_faults(journey, policy)]
    syntax = [fault.under("policy") for fault in policy_faults(policy)]
    broken = {fault.path for fault in syntax}
    names = [fault.under("policy") for fault in (*policy_name_faults(policy, journey), *staffing_faults(policy, journey))]
    yield from inner
    yield from syntax
    yield from (fault for fault in names if fault.path not in broken)
    if not inner and not syntax:
        yield from instant_faults(journey, policy)
    if not inner and not syntax and not names:
        yield from unstaffed_faults(scenario)
    yield from budget_faults(scenario)
    yield from _population_faults(scenario)


def _population_faults(scenario: ScenarioSpec) -> Iterator[Fault]:
    """A scenario without customers, and a file of entries that is not there."""
    ways, entry = scenario.journey.acquisition, scenario.entry
    if scenario.customers == 0 and not any(_brings_customers(way, scenario.policy.acquisition.get(name)) for name, way in ways.items()):
        remedy = "Give a number of customers, or a channel of 'acquisition' a 'baseline' or spend."
        yield Fault(("customers",), "must be at least 1 where no acquisition brings any", "0", remedy)
    if entry.file is None:
        return
    if not Path(entry.file).is_file():
        yield Fault(("entry", "file"), "must be a file that exists", f"'{entry.file}'", "Name it relative to the scenario's file.")
    if entry.over:
        yield Fault(("entry",), "must have either 'over' or 'file'", "both", "Remove one.")


def _brings_customers(way: Acquisition, spend: Spend | None) -> bool:
    """Whether customers come by this way at all."""
    paid = spend is not None and any((spend.per_day, *(period.per_day for period in spend.periods)))
    return way.baseline > 0 or (paid and way.hill is not None and way.hill.at_most > 0)
