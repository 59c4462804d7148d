"""The assumed effects of messages: which they are, and a scenario in which they are stronger or weaker."""

from collections.abc import Sequence
from typing import Any

from cjsim.simulation.documents import Scenario
from cjsim.validate.number_sources import UNSTATED, number_sources
from cjsim.yaml.paths import KeyPath, parse_path

ASSUMED_KINDS = ("assumed", UNSTATED)
_SMALLEST_LIFT, _LARGEST_LIFT, _LARGEST_SWAY = -1.0, 1000.0, 50.0


def message_effects(scenario: Scenario) -> dict[str, str]:
    """Return the kind of source of each lift and sway of a message, and of each lift that a persona has from every delivery, by path.

    Parameters
    ----------
    scenario : Scenario
        The scenario, including its journey.
    """
    return {one.path: one.kind for one in number_sources(scenario) if _is_message_effect(parse_path(one.path) or ())}


def assumed_effects(scenario: Scenario) -> list[str]:
    """Return the paths of those effects of messages that are assumed or have no stated source.

    Parameters
    ----------
    scenario : Scenario
        The scenario, including its journey.
    """
    return [path for path, kind in message_effects(scenario).items() if kind in ASSUMED_KINDS]


def scale_effects(scenario: Scenario, paths: Sequence[str], factor: float) -> Scenario:
    """Return a scenario in which some effects of messages are multiplied, as far as their ranges allow.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    paths : sequence of str
        Paths of lifts and sways, as `message_effects` returns them.
    factor : float
        What to multiply them by, at least 0.

    Returns
    -------
    Scenario
        With other random numbers unchanged.
    """
    data = scenario.to_dict()
    return scenario.with_values({path: _scaled(path, _value_at(data, parse_path(path) or ()), factor) for path in paths})


def _is_message_effect(path: KeyPath) -> bool:
    section, parts = path[1:2], path[3:]
    return (section == ("messages",) and parts[:1] in (("lift",), ("sway",))) or (
        section == ("personas",) and parts[:1] == ("contact_lift",)
    )


def _value_at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def _scaled(path: str, value: float, factor: float) -> float:
    if ".sway." in path:
        return min(max(value * factor, -_LARGEST_SWAY), _LARGEST_SWAY)
    return min(max(value * factor, _SMALLEST_LIFT), _LARGEST_LIFT)
