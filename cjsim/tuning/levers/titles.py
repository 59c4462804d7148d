"""Titles of levers and their values, short enough for the axis of a figure."""

from collections.abc import Sequence

from cjsim.scenario.fields import readable_duration
from cjsim.scenario.kinds.guardrail_rules import Guardrails
from cjsim.scenario.kinds.steps import OfferStep, SendStep, Step, WaitForStep, WaitStep
from cjsim.scenario.phrases import duration_phrase
from cjsim.simulation.documents import Scenario
from cjsim.yaml.paths import KeyPath

_KEY_PHRASES = {
    "at_least": "length",
    "at_most": "maximum",
    "per": "period",
    "again_after": "time between starts",
    "every_weeks": "weeks between sends",
}
_KEY_PHRASES |= {"agents": "agents", "per_day": "budget per day", "sla": "target response time"}
_KEY_PHRASES |= {"cost_per_minute": "cost per minute", "wage_per_hour": "wage"}
_KEY_PHRASES |= {"half_life": "half-life", "speed": "speed", "responds": "response", "contact_lift": "lift by contacts"}
_SILENT_KEYS = frozenset(("effects", "choose", "fixed"))  # left out of titles, because they only contain a number
MAX_PRIORITY = 1000  # the highest priority; the lowest is -1000


def lever_title(scenario: Scenario, path: KeyPath) -> str:
    """Return the title of a lever.

    Parameters
    ----------
    scenario : Scenario
        Scenario of the lever.
    path : KeyPath
        Path of the lever, starting with 'policy' or 'journey'.
    """
    part, *keys = path
    if part != "policy":
        return _journey_title(scenario, tuple(keys))
    group, rest = keys[0], keys[1:]
    if group == "flows":
        return _flow_title(scenario, str(rest[0]), tuple(rest[1:]))
    if group == "broadcasts":
        return f"{rest[0]}: {_key_text(rest[1:])}" if rest[1:] else f"broadcast {rest[0]}"
    if group == "guardrails":
        return _guardrail_title(scenario.policy.guardrails, tuple(rest))
    if group == "desks":
        return f"desk {rest[0]}: {_key_text(rest[1:])}"
    if group == "acquisition":
        return f"spend on {rest[0]}: {_key_text(rest[1:])}"
    return _key_text(keys)


def move_value_text(value: object, path: str) -> str:
    """Format a value of a lever.

    Parameters
    ----------
    value : object
        Value in file notation.
    path : str
        Path of the lever.

    Examples
    --------
    >>> move_value_text(True, "policy.flows.cart.again"), move_value_text(1000, "policy.flows.cart.priority")
    ('true', 'first')
    >>> move_value_text(1000, "policy.desks.help.agents"), move_value_text("288min", "policy.flows.cart.steps[0].wait")
    ('1000', '4.8h')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) == MAX_PRIORITY and path.endswith(".priority"):
        return "first" if value > 0 else "last"
    if isinstance(value, str):
        return readable_duration(value)
    return f"{value:,.4g}" if isinstance(value, float) else f"{value}"


def _journey_title(scenario: Scenario, keys: KeyPath) -> str:
    """Return the title of a lever of the journey, such as "'Visits the site': mean wait"."""
    group, *rest = (str(key) for key in keys if not isinstance(key, int) and key not in _SILENT_KEYS)
    if not rest:
        return group.replace("_", " ")
    record = getattr(getattr(scenario.journey, group, None), "get", lambda name: None)(rest[0])
    name = _quoted("" if group == "personas" else getattr(record, "title", ""), rest[0])  # titles of personas are long
    match rest[1:]:
        case []:
            return f"{group.removesuffix('s').replace('_', ' ')} {name}"
        case ["wait", _, "mean"]:
            return f"{name}: mean wait"
        case ["wait", _, parameter]:
            return f"{name}: {_key_text([parameter])} of the wait"
        case ["lift", touch, event]:
            return f"{name}: lift of {_event_title(scenario, event)} when {touch}"
        case ["speed" | "responds" | "contact_lift" as kind, event] if event in scenario.journey.events:
            return f"{name}: {_KEY_PHRASES[kind]} of {_event_title(scenario, event)}"
        case further:
            return f"{name}: {_key_text(further)}"


def _event_title(scenario: Scenario, name: str) -> str:
    event = scenario.journey.events.get(name)
    return _quoted("" if event is None else event.title, name)


def _message_title(scenario: Scenario, name: str) -> str:
    message = scenario.journey.messages.get(name)
    return _quoted("" if message is None else message.title, name)


def _quoted(title: str, name: str) -> str:
    """Return the title in quotes, or the name if there is no title."""
    return f"'{title}'" if title else name


def _flow_title(scenario: Scenario, name: str, keys: KeyPath) -> str:
    flow = scenario.policy.flows[name]
    if not keys:
        return f"flow {name}"
    if len(keys) < 2 or keys[0] != "steps":
        return f"{name}: {_key_text([key for key in keys if key != 'on'])}"
    steps: Sequence[Step] = flow.steps
    number: list[str] = []
    at = 1
    while True:
        index = int(keys[at])
        step, rest = steps[index], keys[at + 1 :]
        number.append(str(index + 1))
        branch = next((one for one in step.branches() if rest[: len(one.keys)] == one.keys and len(rest) > len(one.keys)), None)
        if branch is None:
            return f"{name}, step {'.'.join(number)}: {_step_title(scenario, steps, index, rest)}"
        steps = branch.steps
        number.append(branch.name)
        at += 1 + len(branch.keys)


def _step_title(scenario: Scenario, steps: Sequence[Step], index: int, rest: KeyPath) -> str:
    step = steps[index]
    if not rest:
        return f"send {_message_title(scenario, step.send)}" if isinstance(step, SendStep) else step.lever_phrase()
    if isinstance(step, WaitStep) and rest == (step.key,):
        following = next((one for one in steps[index + 1 :] if not isinstance(one, WaitStep)), None)
        then = ""
        if isinstance(following, SendStep):
            then = f" before {_message_title(scenario, following.send)}"
        elif isinstance(following, OfferStep):
            then = f" before {following.body}"
        return f"wait{then}"
    if isinstance(step, WaitForStep):
        return f"wait for {_event_title(scenario, step.wait_for.event)}, {_key_text(rest[1:])}"
    return _key_text(rest)


def _guardrail_title(guardrails: Guardrails, keys: KeyPath) -> str:
    if len(keys) < 3:
        return _key_text(keys)
    rule = getattr(guardrails, str(keys[0]))[keys[1]]
    by = f" {', '.join(rule.channels)}" if rule.channels else ""
    per = f" in {duration_phrase(rule.per)}" if keys[2] == "at_most" else ""
    return f"{rule.noun}{by}: {_key_text(keys[2:])}{per}"


def _key_text(keys: Sequence[str | int]) -> str:
    """Format keys as text. List items are numbered from 1."""
    words = [f"{key + 1}" if isinstance(key, int) else _KEY_PHRASES.get(key, key.replace("_", " ")) for key in keys if key != "schedule"]
    return " ".join(words)
