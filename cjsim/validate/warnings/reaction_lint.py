"""Lint warnings about reactions without effect: demand, urgency, names of branches, and promises."""

from collections.abc import Iterator

from cjsim.scenario.fields import readable_duration
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.reaction_effects import SwayEffect
from cjsim.scenario.kinds.wait_laws import FixedWait
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.traversal import journey_effects
from cjsim.validate.reaction_checks import branch_names


def reaction_warnings(journey: JourneySpec, prefix: str) -> Iterator[str]:
    """Yield warnings about demand, urgency and names of branches that have no effect or always the same effect.

    Parameters
    ----------
    journey : JourneySpec
        The journey.
    prefix : str
        Path of the journey, with a dot at its end; empty for a journey alone.

    Yields
    ------
    str
    """
    swayed = _swayed_branches(journey)
    for name, event in journey.events.items():
        here = f"{prefix}events.{name}"
        if event.demand is not None and event.demand.reference_price is None and not journey.offers:
            yield (
                f"{here}.demand: has no effect, because the journey has no offers and the price has no reference. "
                "Add a 'reference_price', or remove it."
            )
        for index, urgency in enumerate(event.urgency):
            end = journey.events[urgency.event].wait if urgency.event is not None else journey.offers[urgency.offer or ""].valid
            length = end.fixed if isinstance(end, FixedWait) else end
            if isinstance(length, float) and urgency.last >= length:
                yield (
                    f"{here}.urgency[{index}].last: the factor applies from the start, because {urgency.event or urgency.offer} "
                    f"lasts only {readable_duration(length)}. Shorten it."
                )
        for branch in branch_names(event):
            if (name, branch) not in swayed:
                yield f"{here}: nothing sways the branch '{branch}', so its name has no effect. Add a 'sway', or remove the name."


def promise_warnings(journey: JourneySpec, policy: PolicySpec) -> Iterator[str]:
    """Yield a warning for each desk whose `promised: false` has no effect."""
    for name, staffing in policy.desks.items():
        desk = journey.desks.get(name)
        if not staffing.promised and desk is not None and (desk.waiting is None or staffing.sla is None):
            missing = "the desk has no 'waiting'" if desk.waiting is None else "there is no 'sla'"
            yield f"policy.desks.{name}.promised: has no effect, because {missing}. Add it, or remove 'promised'."


def _swayed_branches(journey: JourneySpec) -> set[tuple[str, str]]:
    """The event and the name of each branch that an effect or a message sways."""
    sways = [effect.sway for _, effect in journey_effects(journey) if isinstance(effect, SwayEffect)]
    sways += [by_event for message in journey.messages.values() for _, by_event in message.sway]
    return {(event, branch) for by_event in sways for event, gains in by_event.items() for branch in gains}
