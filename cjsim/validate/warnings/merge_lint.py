"""Warnings about YAML merges (`<<`) that give a message the effects of another one."""

from collections.abc import Iterator

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import node_at
from cjsim.yaml.tree import Node

_EFFECTS = ("lift", "sway", "effects")


def merge_warnings(record: ScenarioSpec | JourneySpec) -> Iterator[str]:
    """Yield a warning for each lift, sway or effect of a message that comes from another message through a YAML merge.

    A merge is meant for the rates that several messages share. An effect that comes with it may not be intended.

    Parameters
    ----------
    record : ScenarioSpec or JourneySpec
        The document. One that was built in Python has no merges.

    Yields
    ------
    str
        A warning that starts with a path.
    """
    prefix, path = ("journey.", ("journey", "messages")) if isinstance(record, ScenarioSpec) else ("", ("messages",))
    messages = node_at(record.source(), path)
    for name, message in messages.value.items() if messages is not None and isinstance(messages.value, dict) else ():
        for key in _EFFECTS:
            own = message.child(key)
            if own is not None and own.value and _is_merged(own):
                yield (
                    f"{prefix}messages.{name}.{key}: comes from {own.location}, in part or whole, through a merge (<<). "
                    f"Write the message's own '{key}', '{key}: {{}}', or an alias, such as '{key}: *common_{key}'."
                )


def _is_merged(node: Node) -> bool:
    """Return whether a value or a part of it comes from a merge."""
    parts = node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    return node.is_merged or any(_is_merged(part) for part in parts)
