"""Checks of demand, urgency and sways: how customers react to prices, offers, deadlines and messages."""

from collections.abc import Iterator

from cjsim.scenario.demand import Demand, Urgency
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.calendar_waits import CalendarWait
from cjsim.scenario.kinds.effects import ChooseEffect, Effect, PurchaseEffect
from cjsim.scenario.kinds.reaction_effects import SwayEffect, Sways
from cjsim.scenario.kinds.wait_laws import FixedWait
from cjsim.scenario.name_checks import trait_faults, unknown_name_faults
from cjsim.scenario.traversal import iterate_effects, journey_effects
from cjsim.yaml.paths import Fault, KeyPath


def reaction_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults in the demand and the urgency of events, in the names of branches, and in sways."""
    for name, event in journey.events.items():
        path: KeyPath = ("events", name)
        if event.demand is not None:
            yield from _demand_faults((*path, "demand"), name, event.demand, journey)
        for index, urgency in enumerate(event.urgency):
            yield from _urgency_faults((*path, "urgency", index), name, urgency, journey)
        yield from _branch_faults(path, event)
    for effect_path, effect in journey_effects(journey):
        if isinstance(effect, SwayEffect):
            yield from _sway_faults((*effect_path, effect.key), effect.sway, journey)
    for name, message in journey.messages.items():
        for touch, sways in message.sway:
            yield from _sway_faults(("messages", name, "sway", touch), sways, journey)


def branch_names(event: Event) -> list[str]:
    """Return the names of all branches of an event, in order; a name that is used twice appears twice."""
    return [branch.name for _, branches in _choices(event) for branch in branches.choose if branch.name is not None]


def mean_purchase(effects: tuple[Effect, ...]) -> float | None:
    """Return the mean value of the first purchase among effects, or None if there is no purchase."""
    listed = (effect for _, effect in iterate_effects(effects, ()))
    return next((effect.purchase.value.mean() for effect in listed if isinstance(effect, PurchaseEffect)), None)


def _choices(event: Event) -> Iterator[tuple[KeyPath, ChooseEffect]]:
    for path, effect in iterate_effects(event.effects, ("effects",)):
        if isinstance(effect, ChooseEffect):
            yield path, effect


def _demand_faults(path: KeyPath, name: str, demand: Demand, journey: JourneySpec) -> Iterator[Fault]:
    if isinstance(demand.elasticity, str):
        yield from trait_faults((*path, "elasticity"), demand.elasticity, journey.traits)
    source = demand.purchase or name
    yield from unknown_name_faults((*path, "purchase"), demand.purchase, journey.events, "event")
    if source not in journey.events:
        return
    price = mean_purchase(journey.events[source].effects)
    where = path if demand.purchase is None else (*path, "purchase")
    if price is None:
        remedy = "Name the event with the purchase in 'purchase'."
        yield Fault(where, "must belong to an event whose effects include a 'purchase'", f"'{source}'", remedy)
    elif price == 0:
        yield Fault(where, "must belong to a purchase with a mean value above 0", f"0 in '{source}'", "Raise the value of the purchase.")


def _urgency_faults(path: KeyPath, name: str, urgency: Urgency, journey: JourneySpec) -> Iterator[Fault]:
    yield from unknown_name_faults((*path, "offer"), urgency.offer, journey.offers, "offer")
    yield from unknown_name_faults((*path, "event"), urgency.event, journey.events, "event")
    deadline = journey.events.get(urgency.event or "")
    if deadline is None:
        return
    if urgency.event == name:
        yield Fault((*path, "event"), "must be another event", f"'{name}'", "Name the event at which time runs out.")
    elif not isinstance(deadline.wait, FixedWait | CalendarWait):
        got = f"'{urgency.event}', whose wait is {'never' if deadline.wait == 'never' else deadline.wait.key}"
        yield Fault(
            (*path, "event"),
            "must be an event with a fixed or a calendar wait, because customers know when it happens",
            got,
            "Name another event.",
        )
    elif deadline.demand is not None or deadline.urgency:
        got = f"'{urgency.event}', which has {'demand' if deadline.demand is not None else 'urgency'}"
        yield Fault((*path, "event"), "must be an event without 'demand' and 'urgency'", got, "Remove them there, or name another event.")


def _branch_faults(path: KeyPath, event: Event) -> Iterator[Fault]:
    seen: set[str] = set()
    for choice_path, choice in _choices(event):
        for index, branch in enumerate(choice.choose):
            if branch.name is not None and branch.name in seen:
                here = (*path, *choice_path, choice.key, index, "name")
                yield Fault(here, "must be unique within the event", f"'{branch.name}' twice", "Rename one of the branches.")
            seen.add(branch.name or "")


def _sway_faults(path: KeyPath, sways: Sways, journey: JourneySpec) -> Iterator[Fault]:
    for event, gains in sways.items():
        yield from unknown_name_faults((*path, event), event, journey.events, "event")
        known = branch_names(journey.events[event]) if event in journey.events else []
        if event in journey.events and not known:
            remedy = "Give a branch of its 'choose' a 'name'."
            yield Fault((*path, event), "must be an event with named branches", f"'{event}', which has none", remedy)
            continue
        for branch in gains if known else ():
            yield from unknown_name_faults((*path, event, branch), branch, known, "branch")
