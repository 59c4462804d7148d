"""Lint warnings about declared elements that nothing uses: traits, attributes, tags, scores, offers and messages."""

import ast
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

from cjsim.errors import InputError
from cjsim.scenario.condition_names import ConditionError
from cjsim.scenario.condition_parser import parse_condition_syntax
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.effects import ChooseEffect, OfferEffect, PurchaseEffect, TagEffect
from cjsim.scenario.kinds.flow_triggers import Reachable, ScoreTrigger
from cjsim.scenario.kinds.steps import OfferStep, TagStep
from cjsim.scenario.phrases import join_items
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.traversal import iterate_steps, journey_effects, policy_conditions, policy_steps
from cjsim.uplift.targeting.rule_tables import TargetingRule
from cjsim.validate.reachability import effects_of, find_reachable
from cjsim.yaml.paths import parse_path, path_text


class NamesRead(NamedTuple):
    """Names that conditions read: bare words such as `region`, and pairs of a call and its name such as `("tagged", "vip")`."""

    words: set[str]
    calls: set[tuple[str, str]]


def names_read(journey: JourneySpec, policy: PolicySpec | None) -> NamesRead:
    """Return the names that the conditions of a journey and a policy read.

    Parameters
    ----------
    journey : JourneySpec
        The journey, whose events may have conditions.
    policy : PolicySpec or None
        The policy, if there is one.

    Returns
    -------
    NamesRead
    """
    texts = [event.when for event in journey.events.values() if event.when is not None]
    texts += [] if policy is None else [text for _, text in policy_conditions(policy)]
    found = NamesRead(set(), set())
    for text in texts:
        try:
            tree = parse_condition_syntax(text)
        except ConditionError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                found.words.add(node.id)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.calls.update((node.func.id, name) for argument in node.args if (name := _name_of(argument)))
    return found


def _name_of(node: ast.expr) -> str:
    """Return the bare or quoted name in a node; empty if the node is not a name."""
    if isinstance(node, ast.Name):
        return node.id
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def unused_trait_warnings(journey: JourneySpec, prefix: str) -> Iterator[str]:
    """Yield a warning for each trait that no part of the journey uses.

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
    references = [reference for event in journey.events.values() for reference in event.speed]
    for _, effect in journey_effects(journey):
        if isinstance(effect, PurchaseEffect):
            references += effect.purchase.times
        elif isinstance(effect, ChooseEffect):
            references += [branch.weight for branch in effect.choose if isinstance(branch.weight, str)]
    named = [journey.clock_shift, journey.preferred_contacts, *(channel.affinity for channel in journey.channels.values())]
    references += [name for name in named if name is not None]
    used = {reference.replace(" ", "").removeprefix("1/").removeprefix("1-") for reference in references}
    used |= names_read(journey, None).words
    for name in (one for one in journey.traits if one not in used):
        yield (
            f"{prefix}traits.{name}: nothing uses it, so it has no effect. Use it in 'speed', 'times', 'weight', 'affinity' or a "
            "condition, or remove it."
        )


def unused_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield a warning for each attribute, tag, score, offer and message that a scenario declares without using it.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario. A journey alone has no such warnings, because policies decide what is used.

    Yields
    ------
    str
    """
    journey, policy = scenario.journey, scenario.policy
    reachable, read = find_reachable(journey, policy), names_read(journey, policy)
    known = read.words | _rule_features(policy) | ({journey.time_zones.attribute} if journey.time_zones is not None else set())
    for name in (one for one in journey.attributes if one not in known):
        yield (
            f"journey.attributes.{name}: no condition of the journey or this policy reads it, so it only groups results (by '{name}'). "
            "Read it in a condition, remove it, or accept this warning."
        )
    yield from _unread_tags(journey, policy, read)
    triggers = {flow.on.score for flow in policy.flows.values() if isinstance(flow.on, ScoreTrigger)}
    for name in journey.scores:
        if name not in triggers and ("score", name) not in read.calls:
            yield (
                f"journey.scores.{name}: no condition or trigger of this policy reads it, so it changes nothing. Use 'score({name})', "
                "remove it, or accept this warning."
            )
    given = offers_given(journey, policy, reachable)
    for name in (one for one in journey.offers if one not in given):
        yield f"journey.offers.{name}: {_why_not_given(name, journey)}, or accept this warning."
    for name in (one for one in journey.messages if one not in reachable.messages):
        yield f"journey.messages.{name}: no flow or broadcast of this policy sends it. Send it, remove it, or accept this warning."


def _why_not_given(offer: str, journey: JourneySpec) -> str:
    """Return why customers never get an offer and what to do about it, without a final period."""
    givers = [path[1] for path, effect in journey_effects(journey) if isinstance(effect, OfferEffect) and effect.offer == offer]
    if givers:
        named = join_items(f"'{name}'" for name in dict.fromkeys(map(str, givers)))
        return f"is given only by {named}, which this policy does not use. Use it, remove the offer"
    return f"is never given, so no purchase is discounted. Add an effect or step 'offer: {offer}', remove it"


def without_parts_of_others(scenario: ScenarioSpec, warnings: Iterable[str], others: Iterable[ScenarioSpec]) -> list[str]:
    """Drop the warnings about unused parts of a journey that another scenario of a comparison uses.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.
    warnings : iterable of str
        Warnings about it.
    others : iterable of ScenarioSpec
        The other scenarios of the comparison.

    Returns
    -------
    list of str
    """
    unused = [warning for warning in unused_warnings(scenario) if warning.startswith("journey.")]
    used: set[str] = set()
    for other in others:
        still_unused = {_path_of(warning) for warning in unused_warnings(other)}
        used |= {path for path in map(_path_of, unused) if path not in still_unused and _declares(other.journey, path)}
    return [warning for warning in warnings if warning not in unused or _path_of(warning) not in used]


def past_scenario(scenario: ScenarioSpec) -> ScenarioSpec:
    """Return the part of a scenario with `existing` customers that comes before day 0, as a separate scenario.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.

    Returns
    -------
    ScenarioSpec
        The same journey under the past policy, from the beginning of the simulation to day 0.
    """
    start = scenario.start + timedelta(days=scenario.begins)
    part = {"policy": scenario.past_policy, "start": start, "horizon": -scenario.begins, "value_horizon": None, "existing": None}
    return scenario.model_copy(update=part)


def without_parts_of_past(scenario: ScenarioSpec, warnings: list[str]) -> list[str]:
    """Drop the warnings about unused parts of a journey that the policy before day 0 uses.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.
    warnings : list of str
        Warnings about it.

    Returns
    -------
    list of str
    """
    return without_parts_of_others(scenario, warnings, [past_scenario(scenario)]) if scenario.switches_policy else warnings


def _path_of(warning: str) -> str:
    return warning.partition(": ")[0]


def _declares(journey: JourneySpec, path: str) -> bool:
    """Whether a journey has the part at a path such as `journey.offers.ten`; nested parts count by the name of their owner."""
    keys = parse_path(path) or ()
    return len(keys) > 2 and keys[2] in getattr(journey, str(keys[1]), {})


def offers_given(journey: JourneySpec, policy: PolicySpec | None, reachable: Reachable) -> set[str]:
    """Return the offers that reachable effects and steps give. Without a policy, any offer may be given.

    Parameters
    ----------
    journey : JourneySpec
        The journey.
    policy : PolicySpec or None
        The policy, if there is one.
    reachable : Reachable
        What can happen.

    Returns
    -------
    set of str
    """
    if policy is None:
        return set(journey.offers)
    effects = effects_of(journey, reachable.events, reachable.messages, reachable.desks)
    steps = (step for name in reachable.flows for _, step in iterate_steps(policy.flows[name].steps, ()))
    return {effect.offer for effect in effects if isinstance(effect, OfferEffect)} | {
        step.offer for step in steps if isinstance(step, OfferStep)
    }


def _unread_tags(journey: JourneySpec, policy: PolicySpec, read: NamesRead) -> Iterator[str]:
    """Yield a warning for each tag that is set but that no condition reads, at the first place that sets it."""
    places: dict[str, str] = {}
    for path, effect in journey_effects(journey):
        if isinstance(effect, TagEffect):
            places.setdefault(effect.tag, f"journey.{path_text(path)}")
    for path, step in policy_steps(policy):
        if isinstance(step, TagStep):
            places.setdefault(step.tag, f"policy.{path_text(path)}")
    for tag, place in places.items():
        if ("tagged", tag) not in read.calls:
            yield (
                f"{place}: sets the tag '{tag}', which no condition of this policy reads, so it changes nothing. Use 'tagged({tag})', "
                "remove it, or accept this warning."
            )


def _rule_features(policy: PolicySpec) -> set[str]:
    """Names of the features that the policy's targeting rules read."""
    names: set[str] = set()
    for use in policy.rules.values():
        try:
            names |= {feature.name for feature in TargetingRule.load(use.file).features}
        except InputError:  # reported as a fault of the policy
            continue
    return names
