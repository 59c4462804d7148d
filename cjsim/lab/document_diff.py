"""Changes between two versions of a journey, policy or scenario. Each change can be applied on its own.

Mappings are compared key by key. Lists of records (steps, caps, effects) are aligned first: an inserted step is then one addition, not a
change to every later step. The alignment keeps the order of both lists and maximizes the sum of similarities (Needleman and Wunsch 1970,
J. Mol. Biol. 48, 443-453, without a gap penalty). Any other list is compared as a single value.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from cjsim.scenario.fields import readable_duration
from cjsim.yaml.document import Document
from cjsim.yaml.paths import KeyPath, path_text

_MAX_VALUE_CHARS = 100
_MIN_SIMILARITY = 0.3  # for two records of the same kind; the similarity of equal records is 1
LABEL_KEYS = ("name", "title")  # keys of a document that do not affect the simulation


@dataclass(frozen=True)
class DocumentChange:
    """One change between two versions of a document.

    Attributes
    ----------
    path : tuple
        Path in the old version. For an addition, the path at which the value is inserted.
    kind : {'set', 'add', 'remove'}
        Kind of change.
    before, after : Any
        Plain values. `before` is None for an addition, `after` for a removal.
    """

    path: KeyPath
    kind: Literal["set", "add", "remove"]
    before: Any
    after: Any

    @property
    def path_string(self) -> str:
        """Path as text, such as 'flows.cart.steps[0]'."""
        return path_text(self.path)

    @property
    def is_title(self) -> bool:
        """Whether the change concerns only a title, which does not affect the simulation."""
        return self.path[-1] == "title"

    @property
    def has_only_keys(self) -> bool:
        """Whether the path contains no list index. Such changes can be combined with others."""
        return all(isinstance(key, str) for key in self.path)

    def __str__(self) -> str:
        if self.kind == "set":
            return f"{self.path_string}: {shorten_value(self.before)} -> {shorten_value(self.after)}"
        sign, value = ("+", self.after) if self.kind == "add" else ("-", self.before)
        return f"{sign} {self.path_string}: {shorten_value(value)}"

    def applied_to(self, data: dict[str, Any]) -> dict[str, Any]:
        """Apply only this change to the old version and return the result.

        Parameters
        ----------
        data : dict
            Plain data of the old version. It is not modified.
        """
        changed: dict[str, Any] = _apply_change(data, self.path, self)
        return changed


def diff_documents(old: Document, new: Document) -> tuple[DocumentChange, ...]:
    """Return the changes from one version to another, ignoring the names and titles of the documents.

    Parameters
    ----------
    old, new : Document
        Documents of the same kind.

    Examples
    --------
    >>> from cjsim.simulation.documents import Policy
    >>> caps = [{"at_most": 3, "per": "7d"}]
    >>> old = Policy.from_dict({"name": "a", "guardrails": {"caps": caps}})
    >>> new = Policy.from_dict({"name": "b", "guardrails": {"caps": [{"at_most": 1, "per": "1d"}, *caps]}})
    >>> print(*diff_documents(old, new))
    + guardrails.caps[0]: at_most: 1, per: 1d
    """
    return tuple(change for change in _diff_values(old.to_dict(), new.to_dict(), ()) if not _is_document_label(change.path))


def shorten_value(value: Any) -> str:
    """Format a plain value on one line, truncated to 100 characters. Durations are written in days or hours, not in weeks.

    Parameters
    ----------
    value : Any
        Value in file notation.

    Examples
    --------
    >>> shorten_value("2w"), shorten_value({"wait": "1w", "then": [{"wait": "288min"}]})
    ('14d', 'wait: 7d, then: [{"wait": "4.8h"}]')
    """
    value = _with_readable_durations(value)
    parts = (
        [f"{key}: {_format_on_one_line(item)}" for key, item in value.items()] if isinstance(value, dict) else [_format_on_one_line(value)]
    )
    text = ", ".join(parts)
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[: _MAX_VALUE_CHARS - 3]}..."


def _with_readable_durations(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_readable_durations(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_readable_durations(item) for item in value]
    return readable_duration(value) if isinstance(value, str) else value


def _format_on_one_line(value: Any) -> str:
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def _is_document_label(path: KeyPath) -> bool:
    return path[-1] in LABEL_KEYS and (len(path) == 1 or path[:-1] in (("journey",), ("policy",)))


def _diff_values(old: Any, new: Any, path: KeyPath) -> Iterator[DocumentChange]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and _is_same_kind(old, new, path):
        for key in dict.fromkeys((*old, *new)):
            key_path = (*path, key)
            if key not in new:
                yield DocumentChange(key_path, "remove", old[key], None)
            elif key not in old:
                yield DocumentChange(key_path, "add", None, new[key])
            else:
                yield from _diff_values(old[key], new[key], key_path)
    elif _is_record_list(old) and _is_record_list(new):
        yield from _diff_lists(old, new, path)
    else:
        yield DocumentChange(path, "set", old, new)


def _is_same_kind(old: dict[str, Any], new: dict[str, Any], path: KeyPath) -> bool:
    """Return whether two mappings are versions of the same object. Distributions with different keys are not."""
    return len(path) < 3 or bool(old.keys() & new.keys())


def _diff_lists(old: list[Any], new: list[Any], path: KeyPath) -> Iterator[DocumentChange]:
    i = j = 0
    for a, b in [*_align_lists(old, new), (len(old), len(new))]:
        for k in range(i, a):
            yield DocumentChange((*path, k), "remove", old[k], None)
        for k in range(j, b):
            yield DocumentChange((*path, a), "add", None, new[k])
        if a < len(old):
            yield from _diff_values(old[a], new[b], (*path, a))
        i, j = a + 1, b + 1


def _is_record_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _align_lists(old: list[Any], new: list[Any]) -> list[tuple[int, int]]:
    """Return pairs of indices of matching items, in order."""
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    similarity = [[_similarity(a, b) for b in new] for a in old]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            aligned = similarity[i][j] + best[i + 1][j + 1] if similarity[i][j] else 0.0
            best[i][j] = max(aligned, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if similarity[i][j] and best[i][j] == similarity[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _similarity(a: Any, b: Any) -> float:
    """Return the similarity of two records: 1 if equal, 0 if of different kinds. The first key identifies the kind."""
    if a == b:
        return 1.0
    if not (isinstance(a, dict) and isinstance(b, dict)) or next(iter(a), None) != next(iter(b), None):
        return 0.0
    leaves_a, leaves_b = set(_leaf_values(a, ())), set(_leaf_values(b, ()))
    return _MIN_SIMILARITY + (0.99 - _MIN_SIMILARITY) * len(leaves_a & leaves_b) / len(leaves_a | leaves_b)


def _leaf_values(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaf_values(item, (*path, key))
    else:
        yield path, json.dumps(value, sort_keys=True)


def _apply_change(data: Any, path: KeyPath, change: DocumentChange) -> Any:
    """Return a copy of the data with a change applied. Unchanged parts are shared with the original."""
    key, rest = path[0], path[1:]
    copy: Any = list(data) if isinstance(data, list) else dict(data)
    if rest:
        copy[key] = _apply_change(data[key], rest, change)
        return copy
    if change.kind == "remove":
        del copy[key]
    elif change.kind == "add" and isinstance(copy, list):
        copy.insert(int(key), change.after)
    else:
        copy[key] = change.after
    return copy
