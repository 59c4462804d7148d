"""`accept_warnings`: warnings that a document accepts, each with a reason."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from cjsim.errors import short_repr
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import parse_path

_SECTIONS_THAT_POLICIES_USE = frozenset({"messages", "offers", "attributes", "scores", "desks"})
Record = ScenarioSpec | JourneySpec | PolicySpec


class AcceptedWarning(NamedTuple):
    """A warning that a document accepts, and why."""

    warning: str
    reason: str


class SortedWarnings(NamedTuple):
    """Warnings to report, and warnings that the document accepts."""

    reported: list[str]
    accepted: list[AcceptedWarning]


def sort_accepted(record: Record, warnings: Iterable[str]) -> SortedWarnings:
    """Separate the warnings that a document accepts from those to report.

    An entry of `accept_warnings` accepts all warnings whose path is the entry's path or lies below it. Paths are relative to the
    document that contains the entry.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The document. A scenario also uses the entries of its journey and its policy.
    warnings : iterable of str
        Warnings about it, each starting with a path.

    Returns
    -------
    SortedWarnings
    """
    entries = dict(record.accept_warnings)
    if isinstance(record, ScenarioSpec):
        entries |= {f"journey.{path}": reason for path, reason in record.journey.accept_warnings.items()}
        entries |= {f"policy.{path}": reason for path, reason in record.policy.accept_warnings.items()}
    found = SortedWarnings([], [])
    for warning in warnings:
        entry = next((path for path in entries if _accepts(path, warning)), None)
        if entry is None:
            found.reported.append(warning)
        else:
            found.accepted.append(AcceptedWarning(warning, entries[entry]))
    return found


def unused_entry_warnings(record: Record, warnings: Iterable[str]) -> list[str]:
    """Return a warning for each entry of `accept_warnings` that accepts none of these warnings.

    An entry of a journey or a policy about warnings that depend on the other document is reported only if its path does not exist, because
    the document may be part of other scenarios.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The document.
    warnings : iterable of str
        All warnings about the document.

    Returns
    -------
    list of str
    """
    raised, data = list(warnings), record.model_dump(by_alias=True)
    return [
        f"accept_warnings: the entry {short_repr(path)} accepts nothing, because no warning has this path. Correct the path, or remove it."
        for path in record.accept_warnings
        if not any(_accepts(path, warning) for warning in raised)
        and (isinstance(record, ScenarioSpec) or not _depends_on_scenario(record, path) or not _exists(data, path))
    ]


def _accepts(path: str, warning: str) -> bool:
    """Whether a warning's path is this path, or lies below it."""
    return warning.startswith((f"{path}:", f"{path}.", f"{path}["))


def _depends_on_scenario(record: Record, path: str) -> bool:
    """Whether warnings at a path of a journey or a policy may be raised only for a complete scenario."""
    if isinstance(record, PolicySpec):
        return True
    keys = path.split(".")
    return keys[0] in _SECTIONS_THAT_POLICIES_USE or any(key.startswith(("effects", "when")) for key in keys)


def _exists(data: Any, path: str) -> bool:
    """Whether a path exists in the plain data of a document."""
    for key in parse_path(path) or ("",):
        if isinstance(data, dict):
            data = data.get(str(key))
        elif isinstance(data, list | tuple) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return False
    return data is not None
