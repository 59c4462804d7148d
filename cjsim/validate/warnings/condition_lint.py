"""Lint warnings about conditions that always or never hold, given the values that their names can take."""

import math
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

from cjsim.errors import short_repr
from cjsim.kernels.codes import ConditionOp
from cjsim.scenario.condition_names import ConditionError, ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.kinds.effects import (
    ALL_CHANNELS,
    Effect,
    OptInEffect,
    OptOutEffect,
    PurchaseEffect,
    ReferEffect,
    ScoreEffect,
    TagEffect,
)
from cjsim.scenario.kinds.flow_triggers import Reachable
from cjsim.scenario.kinds.steps import ScoreStep, TagStep
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import iterate_steps, policy_conditions
from cjsim.validate.reachability import effects_of, find_reachable
from cjsim.validate.value_ranges import ANY, COUNT, ONE, ZERO, ZERO_OR_ONE, Range, VariableRanges, condition_range
from cjsim.validate.warnings.unused_lint import offers_given
from cjsim.yaml.paths import path_text

_EVER = Range(0.0, math.inf)  # days since something that can happen
_NEVER = Range(math.inf, math.inf)  # days since something that cannot happen


class PlacedCondition(NamedTuple):
    """A condition of a scenario."""

    path: str  # of the scenario, such as `policy.flows.cart.if`
    text: str
    is_latent: bool  # whether it belongs to the journey


def scenario_conditions(scenario: ScenarioSpec) -> list[PlacedCondition]:
    """Return the conditions of a scenario: those of the journey's events, then those of the policy.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.

    Returns
    -------
    list of PlacedCondition
    """
    events = scenario.journey.events.items()
    found = [PlacedCondition(f"journey.events.{name}.when", event.when, True) for name, event in events if event.when is not None]
    return found + [PlacedCondition(f"policy.{path_text(path)}", text, False) for path, text in policy_conditions(scenario.policy)]


def constant_conditions(scenario: ScenarioSpec) -> dict[PlacedCondition, bool]:
    """Return the conditions that always or never hold, given the values that their names can take, with their truth.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.

    Returns
    -------
    dict of PlacedCondition to bool
    """
    variables = variable_ranges(scenario)
    names = {latent: ConditionNames.from_documents(scenario.journey, scenario.policy, latent=latent) for latent in (True, False)}
    found = {}
    for one in scenario_conditions(scenario):
        try:
            program = parse_condition(one.text, names[one.is_latent])
        except ConditionError:  # reported as a fault
            continue
        truth = condition_range(program, variables).truth
        if truth is not None:
            found[one] = truth
    return found


def condition_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield a warning for each condition that always or never holds.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.

    Yields
    ------
    str
    """
    for one, truth in constant_conditions(scenario).items():
        consequence, remedy = condition_consequence(one.path, truth)
        holds = f"{'always' if truth else 'never'} holds, by the values its names can take"
        yield f"{one.path}: {short_repr(one.text)} {holds}, {consequence}. {remedy}"


def condition_consequence(path: str, truth: bool) -> tuple[str, str]:
    """Return what follows if the condition at a path always or never holds, and what to do about it.

    Parameters
    ----------
    path : str
        Path of the condition in the scenario.
    truth : bool
        Whether it always (True) or never (False) holds.

    Returns
    -------
    tuple of str, str
    """
    remedy = "Correct it, or remove it."
    if path.endswith(".branch.if"):
        return f"so '{'else' if truth else 'then'}' never runs", "Correct it, or remove the branch."
    if path == "policy.guardrails.exit":
        return ("so nothing is ever sent" if truth else "so it blocks nothing"), remedy
    if path.startswith("policy.personalisation"):
        return ("so the entries after it never apply" if truth else "so its entry never applies"), remedy
    if truth:
        return "so it excludes nobody", remedy
    what = "the event's clock never runs" if path.endswith(".when") else "the flow never starts" if ".flows." in path else "nothing is sent"
    return f"so {what}", remedy


def variable_ranges(scenario: ScenarioSpec) -> VariableRanges:
    """Return the values that each name of the condition language can take in a scenario.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.

    Returns
    -------
    VariableRanges
    """
    journey, policy = scenario.journey, scenario.policy
    reachable = find_reachable(journey, policy)
    effects = list(effects_of(journey, reachable.events, reachable.messages, reachable.desks))
    horizon = Range(0.0, scenario.simulated_days)
    guardrails = policy.guardrails
    ranges: VariableRanges = {
        (ConditionOp.SINCE_ENTRY, 0): horizon,
        (ConditionOp.DAYS_IN_STAGE, 0): horizon,
        (ConditionOp.DAY, 0): horizon,
        (ConditionOp.HOUR, 0): Range(0.0, 24.0 - 1e-6),
        (ConditionOp.WEEKDAY, 0): Range(0.0, 6.0),
        (ConditionOp.SATISFACTION, 0): ZERO_OR_ONE,
        (ConditionOp.PRESSURE, 0): COUNT,
        (ConditionOp.HELD_OUT, 0): {0.0: ZERO, 1.0: ONE}.get(guardrails.holdout, ZERO_OR_ONE),
        (ConditionOp.REFERRALS, 0): COUNT if any(isinstance(effect, ReferEffect) for effect in effects) else ZERO,
    }
    has_purchases = any(isinstance(effect, PurchaseEffect) for effect in effects)
    ranges[ConditionOp.PURCHASES, 0] = COUNT if has_purchases else ZERO
    ranges[ConditionOp.REVENUE, 0] = Range(-math.inf, math.inf) if has_purchases else ZERO
    ranges[ConditionOp.SINCE_PURCHASE, 0] = _EVER if has_purchases else _NEVER
    for op in (ConditionOp.CONTACTS, ConditionOp.OPENS, ConditionOp.CLICKS, ConditionOp.UNOPENED):
        ranges[op, 0] = COUNT if reachable.messages else ZERO
    ranges[ConditionOp.SINCE_CONTACT, 0] = _EVER if reachable.messages else _NEVER
    return ranges | _named_ranges(scenario, reachable) | _firm_ranges(scenario, reachable, effects) | _customer_ranges(scenario)


def _named_ranges(scenario: ScenarioSpec, reachable: Reachable) -> VariableRanges:
    """Ranges of names that refer to a stage, an event, a channel, a message, an offer or a desk."""
    journey = scenario.journey
    clickable = {name for name in reachable.messages if journey.messages[name].click_rate > 0}
    offers = offers_given(journey, scenario.policy, reachable)
    by_name: list[tuple[ConditionOp, Iterable[str], Set[str], Range, Range]] = [
        (ConditionOp.VISITED, journey.stages, reachable.stages, COUNT, ZERO),
        (ConditionOp.STAGE, journey.stages, reachable.stages, ONE if len(reachable.stages) == 1 else ZERO_OR_ONE, ZERO),
        (ConditionOp.COUNT, journey.events, reachable.events, COUNT, ZERO),
        (ConditionOp.SINCE, journey.events, reachable.events, _EVER, _NEVER),
        (ConditionOp.SINCE_CHANNEL, journey.channels, reachable.channels, _EVER, _NEVER),
        (ConditionOp.SENT, journey.messages, reachable.messages, COUNT, ZERO),
        (ConditionOp.OPENED, journey.messages, reachable.messages, COUNT, ZERO),
        (ConditionOp.CLICKED, journey.messages, clickable, COUNT, ZERO),
        (ConditionOp.HAS_OFFER, journey.offers, offers, ZERO_OR_ONE, ZERO),
        (ConditionOp.REDEEMED, journey.offers, offers, COUNT, ZERO),
        (ConditionOp.ASKS, journey.desks, reachable.desks, COUNT, ZERO),
    ]
    for op in (ConditionOp.CHANNEL_CONTACTS, ConditionOp.CHANNEL_OPENS, ConditionOp.CHANNEL_CLICKS, ConditionOp.CHANNEL_UNOPENED):
        by_name.append((op, journey.channels, reachable.channels, COUNT, ZERO))
    return {(op, code): one if name in known else none for op, names, known, one, none in by_name for code, name in enumerate(names)}


def _firm_ranges(scenario: ScenarioSpec, reachable: Reachable, effects: list[Effect]) -> VariableRanges:
    """Ranges of tags, scores and consent."""
    journey, policy = scenario.journey, scenario.policy
    steps = [step for name in reachable.flows for _, step in iterate_steps(policy.flows[name].steps, ())]
    tags = {one.tag for one in (*effects, *steps) if isinstance(one, TagEffect | TagStep)}
    names = ConditionNames.from_documents(journey, policy, latent=True)
    ranges = {(ConditionOp.TAGGED, code): ZERO_OR_ONE if name in tags else ZERO for name, code in (names.tags or {}).items()}
    points = [item for one in (*effects, *steps) if isinstance(one, ScoreEffect | ScoreStep) for item in one.score.items()]
    for code, name in enumerate(journey.scores):
        own = [gain for other, gain in points if other == name]
        ranges[ConditionOp.SCORE, code] = ZERO if not own else COUNT if min(own) >= 0 else Range(-math.inf, math.inf)
    changes = [(type(one), one.body) for one in effects if isinstance(one, OptInEffect | OptOutEffect)]
    complains = any(journey.messages[name].complaint_rate for name in reachable.messages)
    for code, (name, channel) in enumerate(journey.channels.items()):
        shares = {persona.consent.get(name, channel.consent) for persona in journey.personas.values()}
        leaves = any(one.unsubscribe_rate for key, one in journey.messages.items() if key in reachable.messages and one.channel == name)
        can_lose = leaves or complains or any(kind is OptOutEffect and body in (name, ALL_CHANNELS) for kind, body in changes)
        can_gain = any(kind is OptInEffect and body in (name, ALL_CHANNELS) for kind, body in changes)
        is_fixed = shares == {0.0} and not can_gain, shares == {1.0} and not can_lose
        ranges[ConditionOp.CONSENT, code] = ZERO if is_fixed[0] else ONE if is_fixed[1] else ZERO_OR_ONE
    return ranges


def _customer_ranges(scenario: ScenarioSpec) -> VariableRanges:
    """Ranges of attributes, traits, personas and interests. An entry file may give any trait value."""
    journey = scenario.journey
    names = ConditionNames.from_documents(journey, scenario.policy, latent=True)
    ranges = {(ConditionOp.ATTRIBUTE, code): Range(0.0, len(names.levels[name]) - 1.0) for name, code in names.attributes.items()}
    for code, law in enumerate(journey.traits.values()):
        ranges[ConditionOp.TRAIT, code] = Range(*law.support()) if scenario.entry.file is None else ANY
    for op, listed in ((ConditionOp.PERSONA, journey.personas), (ConditionOp.INTEREST, journey.interests)):
        for code in range(len(listed)):
            ranges[op, code] = ONE if len(listed) == 1 else ZERO_OR_ONE
    for op in (ConditionOp.RULE,):
        ranges |= {(op, code): ZERO_OR_ONE for code in range(len(scenario.policy.rules))}
    return ranges
