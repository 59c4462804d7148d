"""Lint warnings about desks, pull channels, personalization, acquisition and referrals."""

from collections.abc import Iterator

from cjsim.scenario.fields import readable_duration
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.effects import ReferEffect
from cjsim.scenario.kinds.flow_triggers import Reachable
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.touchpoints import PERSONAL
from cjsim.scenario.traversal import journey_effects
from cjsim.validate.reachability import find_reachable


def touchpoint_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings about likely mistakes in touchpoints."""
    journey, policy = scenario.journey, scenario.policy
    reachable = find_reachable(journey, policy)
    for name in policy.desks:
        if name not in reachable.desks:
            yield f"policy.desks.{name}: has staff but never receives a request. Remove its staff, or add an 'ask' or a human channel."
    yield from _unvisited_channels(journey, reachable)
    if policy.personalisation and not any(journey.messages[name].topic == PERSONAL for name in reachable.messages):
        yield (
            f"policy.personalisation: has no effect, because no message that is sent has the topic '{PERSONAL}'. "
            "Send such a message, or remove the personalization."
        )
    yield from _acquisition_warnings(scenario)
    yield from _referral_growth_warnings(scenario, reachable)


def _unvisited_channels(journey: JourneySpec, reachable: Reachable) -> Iterator[str]:
    """Yield warnings about pull channels that are used but never visited."""
    used = {journey.messages[name].channel for name in reachable.messages}
    for name, channel in journey.channels.items():
        if name in used and channel.visits and reachable.events.isdisjoint(channel.visits):
            yield f"journey.channels.{name}: its messages are never seen, because none of its visits ever happens. Correct 'visits'."


def _acquisition_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings about acquisition channels without customers, and about spend without effect."""
    journey, spends = scenario.journey, scenario.policy.acquisition
    referral_channels = {effect.refer.by for _, effect in journey_effects(journey) if isinstance(effect, ReferEffect)}
    for name, channel in journey.acquisition.items():
        path, spend = f"policy.acquisition.{name}", spends.get(name)
        has_spend = spend is not None and spend.has_money()
        if not channel.baseline and channel.hill is None and name not in referral_channels:
            yield (
                f"journey.acquisition.{name}: brings no customers, because it has no 'baseline' and no 'hill', and no 'refer' names it. "
                "Add one of these, or remove the channel."
            )
        if has_spend and channel.hill is None:
            yield f"{path}: the spend brings no customers, because the channel has no 'hill'. Add one, or remove the spend."
        for index, period in enumerate(spend.periods if spend is not None else ()):
            first, last = (period.first - scenario.start).days, (period.last - scenario.start).days
            if last < 0 or first >= scenario.simulated_days:
                period_text = f"{readable_duration(scenario.simulated_days)} from {scenario.start}"
                yield f"{path}.periods[{index}]: has no effect, because it is outside the simulated period ({period_text}). Change it."


def _referral_growth_warnings(scenario: ScenarioSpec, reachable: Reachable) -> Iterator[str]:
    """Yield a warning if each customer refers more than one other on average, so only the end of the simulation limits the population."""
    journey = scenario.journey
    expected_referrals = 0.0
    for name in sorted(reachable.events):
        referrals = [effect.refer for effect in journey.events[name].effects if isinstance(effect, ReferEffect)]
        mean = sum(terms.invites * terms.joins for terms in referrals)
        expected_referrals += mean * _expected_occurrences(name, journey.events[name], scenario)
    if expected_referrals > 1:
        yield (
            f"journey: each customer refers about {expected_referrals:.2g} others during the simulation, who refer others in turn. "
            "The population grows exponentially until its end. Lower 'invites' or 'joins', or shorten the horizon."
        )


def _expected_occurrences(name: str, event: Event, scenario: ScenarioSpec) -> float:
    """Expected number of occurrences per customer in the simulation if only the clock of the event matters; otherwise 0."""
    is_unconditional = event.stages == "anywhere" and event.when is None and not event.speed and event.satisfaction == 0
    if not is_unconditional or event.wait == "never" or any(name in persona.speed for persona in scenario.journey.personas.values()):
        return 0.0
    return scenario.simulated_days / max(event.wait.mean(), 1e-9)
