"""Small scenarios for tests: the smallest possible one, and one with messages."""

from typing import Any

from cjsim.frame import Frame
from cjsim.kernels.codes import EffectCode
from cjsim.simulation.documents import Scenario

START = "2026-01-05"  # a Monday


def small_scenario(*, journey: dict[str, Any] | None = None, policy: dict[str, Any] | None = None, **settings: Any) -> Scenario:
    """One stage, no events, 30 days, merged with the given parts."""
    return Scenario.model_validate(
        {
            "name": "small",
            "journey": {"name": "j", "starts_in": "here", "stages": {"here": {}}, **(journey or {})},
            "policy": {"name": "p", **(policy or {})},
            "start": START,
            "horizon": "30d",
            **settings,
        }
    )


def frame_arrays(frame: Frame) -> dict[str, Any]:
    """The arrays of a frame by name."""
    return {name: getattr(frame, name) for name in frame.FIELDS}


def messaging_scenario(**policy: Any) -> Scenario:
    """Two channels, two messages, three events, and a policy."""
    return small_scenario(journey=messaging_journey(), policy=policy)


def messaging_journey() -> dict[str, Any]:
    """The journey of `messaging_scenario`."""
    return {
        "stages": {"here": {}, "there": {"retained": True}},
        "events": {
            "buy": {"in": ["here"], "wait": {"exponential": "10d"}},
            "look": {"in": "anywhere", "wait": {"exponential": "5d"}},
            "nod": {},
        },
        "channels": {"mail": {"cost": 0.01}, "text": {"cost": 0.05}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.3}, "ping": {"channel": "text", "open_rate": 0.9, "cost": 0.2}},
        "scores": {"heat": {"half_life": "7d"}, "sum": {}},
    }


def trace_effects(world: Any, first: int, choices: list[int]) -> list[tuple[str, int, float]]:
    """The effects that `apply_effects` would apply, given the branches of each `choose`."""
    applied, index = [], first
    while index >= 0:
        effect = world.effects[index]
        if effect.op == EffectCode.CHOOSE:
            branch = world.effects[index + 1 + choices.pop(0)]
            assert branch.op == EffectCode.JUMP
            index = branch.target
            continue
        if effect.op != EffectCode.JUMP:
            applied.append((EffectCode(effect.op).name, int(effect.target), float(effect.x)))
        index = effect.next
    return applied
