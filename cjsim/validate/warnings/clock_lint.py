"""Lint warnings about event clocks: settings and restarts without effect, and fixed waits that pause."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cjsim.kernels.codes import ConditionOp
from cjsim.scenario.condition_names import ConditionError, ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.fields import readable_duration
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.calendar_waits import CalendarWait
from cjsim.scenario.kinds.effects import Effect, FireEffect, GoEffect, OptInEffect, UntagEffect
from cjsim.scenario.kinds.wait_laws import ExponentialWait, FixedWait
from cjsim.scenario.phrases import join_alternatives
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.traversal import iterate_effects, journey_effects, policy_steps, tag_codes
from cjsim.validate.reachability import find_reachable

_MAX_NAMED = 3
# Names whose value can change in both directions. All other names that `when` may use are constant or only grow.
_REVERSIBLE = frozenset(
    {ConditionOp.STAGE, ConditionOp.TAGGED, ConditionOp.SCORE, ConditionOp.CONSENT, ConditionOp.UNOPENED, ConditionOp.CHANNEL_UNOPENED}
)


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
    yield from (f"{prefix}{warning}" for warning in _calendar_warnings(journey))
    yield from (f"{prefix}{warning}" for warning in _useless_restarts(journey, policy))
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


def _calendar_warnings(journey: JourneySpec) -> Iterator[str]:
    """Yield warnings about settings that change the speed of a clock, at events that happen at calendar times."""
    waiting = {name for name, event in journey.events.items() if has_clock(event) and isinstance(event.wait, CalendarWait)}
    for path, name, setting in _clock_settings(journey):
        stops = path.startswith("personas.") and journey.personas[path.split(".")[1]].speed.get(name) == 0 and setting == "speed"
        if name in waiting and setting != "'when'" and not stops:
            remedy = "Remove it, or use 'speed: 0' for a persona to whom the event never happens."
            yield f"{path}: has no effect, because the calendar alone decides when '{name}' happens. {remedy}"


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
        for key in ("speed", "satisfaction", "demand", "urgency", "half_life", "activity", "when", "restart"):
            if getattr(event, key) != Event.model_fields[key].default:
                yield f"events.{name}.{key}", name, f"'{key}'"
    for owner, persona in journey.personas.items():
        for key, neutral, word in (("speed", 1.0, "speed"), ("responds", 1.0, "'responds'"), ("contact_lift", 0.0, "lift")):
            yield from ((f"personas.{owner}.{key}.{name}", name, word) for name, value in getattr(persona, key).items() if value != neutral)
    for owner, message in journey.messages.items():
        for touch, lifts in message.lift:
            yield from ((f"messages.{owner}.lift.{touch}.{name}", name, "lift") for name, value in lifts.items() if value)


def _useless_restarts(journey: JourneySpec, policy: PolicySpec | None) -> Iterator[str]:
    """Yield warnings about `restart` where it changes nothing: memoryless waits, no moves among the stages, no pauses."""
    reachable = find_reachable(journey, policy)
    others = (*reachable.messages, *reachable.desks)
    for name, event in journey.events.items():
        if event.restart is None or not has_clock(event) or isinstance(event.wait, CalendarWait):
            continue
        if isinstance(event.wait, ExponentialWait):
            because = "an exponential wait is memoryless: what is left has the same distribution as a new wait"
        elif event.restart == "move" and not _has_moves(journey, name, reachable.events, others):
            because = "no customer moves among its stages while its clock runs"
        elif event.restart == "when" and policy is not None and not _has_pauses(journey, policy, name, event):
            because = f"'{event.when}' never holds again after it has ceased to hold"
        else:
            continue
        yield f"events.{name}.restart: makes no difference, because {because}. Remove it."


def _has_moves(journey: JourneySpec, name: str, events: Iterable[str], others: Iterable[str]) -> bool:
    """Whether a customer can enter a stage of an event from one of its stages, other than by the event itself."""
    inside = set(journey.stages if journey.events[name].stages == "anywhere" else journey.events[name].stages)
    other_effects = [effect for path, effect in journey_effects(journey) if path[0] != "events" and path[1] in set(others)]
    places = _places_of_events(journey, name, events, other_effects)
    movers = [one for one in events if one != name and not inside.isdisjoint(places[one])]
    effects = [*other_effects, *(effect for one in movers for _, effect in iterate_effects(journey.events[one].effects, ()))]
    return any(isinstance(effect, GoEffect) and effect.go in inside for effect in effects)


def _places_of_events(journey: JourneySpec, without: str, events: Iterable[str], others: Iterable[Effect]) -> Mapping[str, set[str]]:
    """Stages in which each event can happen if the event `without` never happens, and messages and desks can act in all stages."""
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
    for name, event in journey.events.items():
        if not (has_clock(event) and isinstance(event.wait, FixedWait) and event.wait.fixed > 0) or event.restart in ("when", "both"):
            continue
        if _has_pauses(journey, policy, name, event):
            length = readable_duration(event.wait.fixed)
            restart = "both" if event.restart == "move" else "when"
            yield (
                f"events.{name}.when: pauses the fixed wait of {length} and later continues it, so the event can happen less than {length} "
                f"after a pause. For example, a customer who has just paid to return can soon be billed again. To start the wait again "
                f"after each pause, add 'restart: {restart}'. If the wait should continue after a pause, accept this warning."
            )


def _has_pauses(journey: JourneySpec, policy: PolicySpec | None, name: str, event: Event) -> bool:
    """Whether something other than the event itself can make its condition false, and later true again."""
    if event.when is None:
        return False
    # Without a policy, only tags of the journey are known; a condition on other tags is not checked.
    names = replace(ConditionNames.from_documents(journey, policy, latent=True), tags=tag_codes(journey, policy))
    try:
        program = parse_condition(event.when, names)
    except ConditionError:
        return False
    others = [effect for path, effect in journey_effects(journey) if path[:2] != ("events", name)]
    return any(_can_return(others, policy, names, op, code) for op, code, _ in program)


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
