"""What looks like a mistake where customers meet the firm: desks, offers, in-app messages, interests, and where customers come from.

Lives here: what of these has no effect, or more than was meant. Does not live here: what is odd about flows and clocks (mistakes.py),
what is wrong (check.py).
"""

from collections.abc import Iterator

from cjsim.scenario.averages import mean_wait
from cjsim.scenario.fields import duration_text
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.touchpoints import PERSONAL
from cjsim.scenario.traversal import journey_effects
from cjsim.validate.reachability import Reachable, find_reachable


def touchpoint_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """What looks like a mistake at touchpoints, a sentence each."""
    journey, policy = scenario.journey, scenario.policy
    found = find_reachable(journey, policy)
    for name in policy.desks:
        if name not in found.desks:
            yield f"policy.desks.{name}: has staff, though nobody ever asks it."
    yield from _unvisited_channels(journey, found)
    if policy.personalisation and not any(journey.messages[name].topic == PERSONAL for name in found.messages):
        yield f"policy.personalisation: has no effect, as no message that is sent has the topic '{PERSONAL}'."
    yield from _acquisition_warnings(scenario)
    yield from _referral_growth_warnings(scenario, found)


def _unvisited_channels(journey: JourneySpec, found: Reachable) -> Iterator[str]:
    """Pull channels on which something is sent, and which nobody ever visits."""
    used = {journey.messages[name].channel for name in found.messages}
    for name, channel in journey.channels.items():
        if name in used and channel.visits and found.events.isdisjoint(channel.visits):
            yield f"journey.channels.{name}: is never seen: none of its visits ever happens."


def _acquisition_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Acquisition channels that bring nobody, and spend that changes nothing."""
    journey, spends = scenario.journey, scenario.policy.acquisition
    by_friends = {effect.refer.by for _, effect in journey_effects(journey) if effect.refer is not None}
    for name, way in journey.acquisition.items():
        path, spend = f"policy.acquisition.{name}", spends.get(name)
        paid = spend is not None and any((spend.per_day, *(period.per_day for period in spend.periods)))
        if not way.baseline and way.hill is None and name not in by_friends:
            yield f"journey.acquisition.{name}: brings nobody: it has no 'baseline', no 'hill', and no 'refer' names it."
        if paid and way.hill is None:
            yield f"{path}: spends money that brings nobody, as the channel has no 'hill'."
        for index, period in enumerate(spend.periods if spend is not None else ()):
            first, last = (period.first - scenario.start).days, (period.last - scenario.start).days
            if last < 0 or first >= scenario.horizon:
                span = f"{duration_text(scenario.horizon)} from {scenario.start}"
                yield f"{path}.periods[{index}]: lies outside the simulated time, {span}."


def _referral_growth_warnings(scenario: ScenarioSpec, found: Reachable) -> Iterator[str]:
    """Referrals by which each customer surely brings more than one other: a population without bound but the horizon."""
    journey = scenario.journey
    friends = 0.0
    for name in sorted(found.events):
        mean = sum(effect.refer.invites * effect.refer.joins for effect in journey.events[name].effects if effect.refer is not None)
        friends += mean * _expected_occurrences(name, journey.events[name], scenario)
    if friends > 1:
        yield (
            f"journey: each customer brings about {friends:.2g} others within the horizon, who bring others in turn: "
            "the population grows until the horizon ends it."
        )


def _expected_occurrences(name: str, event: Event, scenario: ScenarioSpec) -> float:
    """How often the event happens to a customer who stays for the whole horizon, where its clock alone decides; else 0."""
    plain = event.stages == "anywhere" and event.when is None and not event.speed and event.satisfaction == 0
    if not plain or event.wait == "never" or any(name in persona.speed for persona in scenario.journey.personas.values()):
        return 0.0
    return scenario.horizon / max(mean_wait(event.wait), 1e-9)
