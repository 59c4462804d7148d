"""Lint warnings about event clocks: settings of events without a clock, and fixed waits that restart or pause."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from cjsim.kernels.codes import ConditionOp
from cjsim.scenario.condition_names import ConditionError, ConditionNames
from cjsim.scenario.condition_parser import Program, parse_condition
from cjsim.scenario.fields import readable_duration
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.effects import Effect, FireEffect, GoEffect, OptInEffect, UntagEffect
from cjsim.scenario.kinds.wait_laws import FixedWait
from cjsim.scenario.phrases import join_alternatives
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.traversal import iterate_effects, journey_effects, policy_steps, tag_codes
from cjsim.validate.reachability import find_reachable

_MAX_NAMED = 3
# Names whose value can change in both directions. All other names that `when` may use are constant or only grow.
_REVERSIBLE = frozenset(
    {ConditionOp.STAGE, ConditionOp.TAGGED, ConditionOp.SCORE, ConditionOp.CONSENT, ConditionOp.UNOPENED, ConditionOp.CHANNEL_UNOPENED}
)


class _Move(NamedTuple):
    """A move between two stages. `mover` is the event that causes it, in quotes, or 'a message or desk'."""

    origin: str
    target: str
    mover: str


def clock_warnings(journey: JourneySpec, policy: PolicySpec | None, prefix: str) -> Iterator[str]:
    """Yield warnings about event clocks.

    Parameters
    ----------
    journey : JourneySpec
        The journey.
    policy : PolicySpec or None
        The policy of the scenario, if there is one.
    prefix : str
        Path of the journey, with a dot at its end; empty for a journey alone.

    Yields
    ------
    str
    """
    yield from (f"{prefix}{warning}" for warning in _clockless_warnings(journey))
    yield from (f"{prefix}{warning}" for warning in _restart_warnings(journey, policy))
    yield from (f"{prefix}{warning}" for warning in _pause_warnings(journey, policy))


def has_clock(event: Event) -> bool:
    """Whether an event can happen by itself, rather than only when an effect fires it."""
    return event.wait != "never" and event.stages != ()


def _clockless_warnings(journey: JourneySpec) -> Iterator[str]:
    """Yield warnings about settings that act only on clocks, at events that have none."""
    clockless = {name for name, event in journey.events.items() if not has_clock(event)}
    for path, name, setting in _clock_settings(journey):
        if name in clockless:
            event = journey.events[name]
            missing = "its wait is 'never'" if event.wait == "never" else "it belongs to no stage"
            yield (
                f"{path}: has no effect, because '{name}' has no clock ({missing}) and only happens when it is fired. "
                f"{_remedy(journey, name, setting)}"
            )


def _remedy(journey: JourneySpec, name: str, setting: str) -> str:
    """What to do about a setting of an event without a clock."""
    firing = [one for one in _firing_events(journey, name) if has_clock(journey.events[one])]
    if setting in ("lift", "speed") and firing:
        return f"Move the {setting} to an event with a clock ({join_alternatives(firing[:_MAX_NAMED])} fires it), or remove it."
    return f"Give '{name}' a 'wait' and stages ('in'), or remove the {setting}."


def _firing_events(journey: JourneySpec, name: str) -> list[str]:
    """Events whose effects fire an event, directly or through other events."""
    fires = {one: _fired_by(event.effects) for one, event in journey.events.items()}
    found = {name}
    while larger := {one for one, fired in fires.items() if one not in found and not fired.isdisjoint(found)}:
        found |= larger
    return [one for one in journey.events if one in found - {name}]


def _fired_by(effects: tuple[Effect, ...]) -> set[str]:
    return {effect.fire for _, effect in iterate_effects(effects, ()) if isinstance(effect, FireEffect)}


def _clock_settings(journey: JourneySpec) -> Iterator[tuple[str, str, str]]:
    """Settings that act on the clock of an event and differ from their defaults: path, event, and a word for the setting."""
    for name, event in journey.events.items():
        for key in ("speed", "satisfaction", "half_life", "activity", "when"):
            if getattr(event, key) != Event.model_fields[key].default:
                yield f"events.{name}.{key}", name, f"'{key}'"
    for owner, persona in journey.personas.items():
        for key, neutral, word in (("speed", 1.0, "speed"), ("responds", 1.0, "'responds'"), ("contact_lift", 0.0, "lift")):
            yield from ((f"personas.{owner}.{key}.{name}", name, word) for name, value in getattr(persona, key).items() if value != neutral)
    for owner, message in journey.messages.items():
        for touch, lifts in message.lift:
            yield from ((f"messages.{owner}.lift.{touch}.{name}", name, "lift") for name, value in lifts.items() if value)


def _fixed_waits(journey: JourneySpec) -> Iterator[tuple[str, Event, float]]:
    """Events that happen after a fixed wait above 0, with the wait in days."""
    for name, event in journey.events.items():
        if has_clock(event) and isinstance(event.wait, FixedWait) and event.wait.fixed > 0:
            yield name, event, event.wait.fixed


def _restart_warnings(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[str]:
    """Yield warnings about fixed waits that start again when the customer moves between the stages of the event."""
    reachable = find_reachable(journey, policy)
    for name, event, days in _fixed_waits(journey):
        if event.stages == "anywhere" or len(event.stages) < 2:
            continue
        moves = _moves_between(journey, name, event.stages, reachable.events, (*reachable.messages, *reachable.desks))
        if moves:
            first = moves[0]
            shown = f"from '{first.origin}' to '{first.target}' by {first.mover}" + (", ..." if len(moves) > 1 else "")
            yield (
                f"events.{name}.wait: the fixed wait of {readable_duration(days)} starts again at each move between its stages ({shown}), "
                f"so the event comes late or never. Keep one stage, '{first.origin}', with a tag in place of '{first.target}': "
                f"'tag: {first.target}' for 'go: {first.target}', 'untag: {first.target}' where customers leave or go back, and "
                f"'when: tagged({first.target})' for what happens only there. If the wait should start again, accept this warning."
            )


def _moves_between(journey: JourneySpec, name: str, stages: Iterable[str], events: Iterable[str], others: Iterable[str]) -> list[_Move]:
    """Moves between the stages of an event that its own effects do not cause."""
    inside = set(stages)
    other_effects = [effect for path, effect in journey_effects(journey) if path[0] != "events" and path[1] in set(others)]
    places = _places_of_events(journey, name, events, other_effects)
    moves = []
    for mover, effect in (
        *((f"'{one}'", effect) for one in events if one != name for _, effect in iterate_effects(journey.events[one].effects, ())),
        *(("a message or desk", effect) for effect in other_effects),
    ):
        if isinstance(effect, GoEffect) and effect.go in inside:
            origins = places.get(mover.strip("'"), inside) & inside - {effect.go}
            moves += [_Move(origin, effect.go, mover) for origin in journey.stages if origin in origins]
    return sorted(dict.fromkeys(moves))


def _places_of_events(journey: JourneySpec, without: str, events: Iterable[str], others: Iterable[Effect]) -> Mapping[str, set[str]]:
    """Stages in which each event can happen if an event `without` never happens, and messages and desks can act in all stages."""
    everywhere = set(journey.stages)
    fired_anywhere = {effect.fire for effect in others if isinstance(effect, FireEffect)}
    places: dict[str, set[str]] = {}
    for name in events:
        event = journey.events[name]
        own = (everywhere if event.stages == "anywhere" else set(event.stages)) if has_clock(event) else set()
        places[name] = everywhere if name in fired_anywhere else set() if name == without else own
    size = -1
    while size != (size := sum(map(len, places.values()))):
        for name in places:
            for fired in _fired_by(journey.events[name].effects) & places.keys():
                places[fired] = places[fired] | places[name]
    return places


def _pause_warnings(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[str]:
    """Yield warnings about conditions that can pause a fixed wait and let it continue later."""
    # Without a policy, only tags of the journey are known; a condition on other tags is not checked.
    names = replace(ConditionNames.from_documents(journey, policy, latent=True), tags=tag_codes(journey, policy))
    for name, event, days in _fixed_waits(journey):
        if event.when is None:
            continue
        try:
            program = parse_condition(event.when, names)
        except ConditionError:
            continue
        others = [effect for path, effect in journey_effects(journey) if path[:2] != ("events", name)]
        if any(_can_return(others, policy, names, op, code) for op, code, _ in program):
            length = readable_duration(days)
            yield (
                f"events.{name}.when: pauses the fixed wait of {length} and later continues it, so the event can happen less than {length} "
                f"after a pause. For example, a customer who has just paid to return can soon be billed again. {_pause_remedy(program)}"
            )


def _pause_remedy(program: Program) -> str:
    """What to do about a pause. With several stages, `in` would start the wait again at each move between them."""
    accept = "If the wait should resume after a pause, accept this warning."
    if sum(op is ConditionOp.STAGE for op, _, _ in program) > 1:
        return f"To start it again after each pause, use a single stage ('in') and replace the others with tags. {accept}"
    return f"To start it again after each pause, use a stage ('in') instead of 'when'. {accept}"


def _can_return(effects: list[Effect], policy: PolicySpec | None, names: ConditionNames, op: ConditionOp, code: int) -> bool:
    """Whether these effects and the policy can change a name of a condition and change it back."""
    if op is ConditionOp.STAGE:
        stage = list(names.stages)[code]
        return any(isinstance(effect, GoEffect) and effect.go == stage for effect in effects)
    if op is ConditionOp.TAGGED:
        tag = list(names.tags or ())[code]
        steps = [] if policy is None else [step for _, step in policy_steps(policy) if step.key == "untag"]
        return any(isinstance(effect, UntagEffect) and effect.untag == tag for effect in effects) or any(step.body == tag for step in steps)
    if op is ConditionOp.CONSENT:
        return any(isinstance(effect, OptInEffect) for effect in effects)
    return op in _REVERSIBLE
