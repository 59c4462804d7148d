"""Describes activity profiles and time zones in plain English."""

from collections.abc import Iterator

from cjsim.scenario.fields import WEEKDAYS
from cjsim.scenario.journey import Activity, JourneySpec
from cjsim.scenario.phrases import join_names


def activity_lines(journey: JourneySpec) -> Iterator[str]:
    """Describe the activity profiles of a journey in plain English.

    Parameters
    ----------
    journey : JourneySpec
        The journey to describe.

    Yields
    ------
    str
        One line per profile, and one for the trait that shifts all of them.
    """
    if journey.activity:
        yield "Activity profiles:"
    yield from (f"  {name}: {join_names(_profile_phrases(profile))}" for name, profile in journey.activity.items())
    if journey.clock_shift is not None:
        yield f"Trait {journey.clock_shift} shifts the activity of a customer, in hours."


def time_zone_lines(journey: JourneySpec) -> Iterator[str]:
    """Describe the time zones of customers.

    Parameters
    ----------
    journey : JourneySpec
        The journey to describe.

    Yields
    ------
    str
        One line, if the journey has time zones.
    """
    if journey.time_zones is not None:
        declared = journey.time_zones
        zones = join_names(f"{level} {zone}" for level, zone in declared.zones.items())
        yield f"Time zones of customers by {declared.attribute}: {zones}, others {declared.default or 'as the firm'}."


def _profile_phrases(profile: Activity) -> Iterator[str]:
    yield f"hours {_weights(profile.hours)}"
    yield f"weekdays {_weights(profile.weekdays)} (from {WEEKDAYS[0].capitalize()})"
    for name, season in profile.seasons.items():
        yield f"x {season.times:g} in {name} ({season.first} to {season.last})"


def _weights(weights: tuple[float, ...]) -> str:
    """Format weights, one after another; `equal` if all are the same."""
    return "equal" if len(set(weights)) == 1 else " ".join(f"{weight:g}" for weight in weights)
