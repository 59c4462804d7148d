"""The baselines `no-contact` and `nothing`: a scenario without marketing, or without any messages.

Everything that the firm does with its marketing platform is removed: sends, offers, and its own requests to desks. Its records stay (tags,
scores, experiments, waits), because customers do not notice them. What customers do themselves stays, as do staff and acquisition.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from cjsim.errors import InputError, format_error
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.steps import AskStep, OfferStep, SendStep, Step
from cjsim.scenario.policy import Flow
from cjsim.scenario.traversal import NEVER_CONDITION, iterate_steps
from cjsim.simulation.documents import Scenario
from cjsim.simulation.switching.switch_off import both_conditions, conditional_steps

ContactBaseline = Literal["no-contact", "nothing"]


def contact_baseline(scenario: Scenario, kind: ContactBaseline) -> Scenario:
    """Return a scenario in which the firm sends no messages, or only transactional ones.

    - Sends are not made. With 'no-contact', transactional messages are still sent.
    - Flows give no offers, because customers do not know of an offer that no message announces. With 'no-contact', a flow that
      still sends a message still gives its offers.
    - Flows make no requests to desks. Requests by customers stay, and so do the desks and their staff.
    - Flows still start, wait, set tags and scores, and assign arms.
    - The platform, its setup and the creative work that is no longer used cost nothing.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    kind : {'no-contact', 'nothing'}
        Whether transactional messages are kept.

    Returns
    -------
    Scenario
    """
    policy, journey = scenario.policy, scenario.journey
    kept = transactional_messages(journey) if kind == "no-contact" else frozenset()
    values: dict[str, Any] = {
        f"policy.broadcasts.{name}.if": both_conditions(broadcast.condition, NEVER_CONDITION)
        for name, broadcast in policy.broadcasts.items()
        if broadcast.send not in kept
    }
    senders = set()
    for name, flow in policy.flows.items():
        if _sends_any(flow, kept):
            senders.add(name)
        steps = conditional_steps(flow, partial(_is_contact, kept=kept, keeps_offers=name in senders), NEVER_CONDITION)
        if steps is not None:
            values[f"policy.flows.{name}.steps"] = steps
    if not policy.costs.is_free():
        creative = policy.costs.creative
        values["policy.costs"] = {
            "per_contact": dict(policy.costs.per_contact),
            "creative": {
                "flows": {name: cost for name, cost in creative.flows.items() if name in senders},
                "messages": {name: cost for name, cost in creative.messages.items() if name in kept},
            },
        }
    return scenario.with_values(values) if values else scenario


def with_contact_baseline(scenarios: Mapping[str, Scenario], kind: ContactBaseline) -> dict[str, Scenario]:
    """Return scenarios by name, preceded by a baseline derived from the first one.

    Parameters
    ----------
    scenarios : Mapping of str to Scenario
        At least one scenario by name.
    kind : {'no-contact', 'nothing'}
        The baseline, which is also its name.

    Raises
    ------
    InputError
        If a scenario has the name of the baseline.
    """
    if kind in scenarios:
        raise InputError(format_error("against", "must not be the name of a scenario", f"'{kind}'", "Rename the scenario."))
    return {kind: contact_baseline(next(iter(scenarios.values())), kind), **scenarios}


def transactional_messages(journey: JourneySpec) -> frozenset[str]:
    """Return the names of transactional messages: those that customers expect, or that the law requires."""
    return frozenset(name for name, message in journey.messages.items() if message.transactional)


def _sends_any(flow: Flow, messages: frozenset[str]) -> bool:
    return any(isinstance(step, SendStep) and step.send in messages for _, step in iterate_steps(flow.steps, ()))


def _is_contact(step: Step, *, kept: frozenset[str], keeps_offers: bool) -> bool:
    """Return whether a step is a contact that the baseline does not make."""
    return isinstance(step, AskStep) or (
        step.send not in kept if isinstance(step, SendStep) else isinstance(step, OfferStep) and not keeps_offers
    )
