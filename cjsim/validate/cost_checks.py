"""Checks of what a firm pays: names exist, each price is stated once, and staff are not paid twice."""

from collections.abc import Iterator

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.name_checks import unknown_key_faults
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.validate.reachability import find_reachable
from cjsim.yaml.paths import Fault


def creative_faults(policy: PolicySpec) -> Iterator[Fault]:
    """Yield a fault for each flow with creative costs that the policy does not have."""
    yield from unknown_key_faults(("costs", "creative", "flows"), policy.costs.creative.flows, policy.flows, "flow")


def cost_faults(policy: PolicySpec, journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults of costs that name unknown channels or messages, or repeat the price of a channel."""
    costs = policy.costs
    yield from unknown_key_faults(("costs", "creative", "messages"), costs.creative.messages, journey.messages, "message")
    yield from unknown_key_faults(("costs", "per_contact"), costs.per_contact, journey.channels, "channel")
    for name, price in costs.per_contact.items():
        if name in journey.channels and journey.channels[name].cost:
            must = f"must be the only price of a contact on '{name}'; the journey states a 'cost' of {journey.channels[name].cost:g}"
            remedy = f"Remove 'cost' from the journey's channel '{name}', or this price."
            yield Fault(("costs", "per_contact", name), must, f"{price:g}", remedy)


def cost_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings about staff who are paid twice, and about contact prices that never apply."""
    journey, policy = scenario.journey, scenario.policy
    for name, staffing in policy.desks.items():
        if staffing.cost_per_minute and any(shift.agents and shift.wage_per_hour for shift in staffing.shifts):
            yield (
                f"policy.desks.{name}.cost_per_minute: counts the same work twice, because its agents are paid by the hour. "
                "Remove it if the staff is the firm's own, or remove the wages if a service provider charges by the minute."
            )
        if staffing.shared < 1 and not any(shift.wage_per_hour for shift in staffing.shifts):
            yield f"policy.desks.{name}.shared: changes only 'utilisation', because no shift has wages. Add 'wage_per_hour', or remove it."
    reachable = find_reachable(journey, policy)
    priced = {journey.messages[name].channel for name in reachable.messages if journey.messages[name].cost is None}
    for name in policy.costs.per_contact:
        if name in journey.channels and name not in priced:
            yield (
                f"policy.costs.per_contact.{name}: has no effect, because no message that is sent on the channel takes its price. "
                "Remove it, or send a message without a 'cost' of its own."
            )
