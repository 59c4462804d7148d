"""Paths such as `policy.guardrails.caps[0].at_most`: how they are written, what they lead to, and setting a value at one.

Lives here: paths over trees (source.py) and over the records that a tree is read as. Does not live here: what a value means.
"""

import re
import types
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from cjsim.errors import InputError, did_you_mean, format_error, short_repr
from cjsim.yaml.tree import Node

KeyPath = tuple[str | int, ...]  # keys of mappings and indices of lists, from the root

_PART = re.compile(r"([^.\[\]]+)((?:\[\d{1,6}\])*)(?:\.(?!$)|$)")


class Fault(NamedTuple):
    """One thing that is wrong: where, what must hold, what was got, what to do; `at`: where to look, if not at the path."""

    path: KeyPath
    must: str
    got: str
    remedy: str
    at: KeyPath | None = None

    def under(self, key: str) -> "Fault":
        """The same as the record above sees it, which has the one that found it under a key."""
        return self._replace(path=(key, *self.path), at=None if self.at is None else (key, *self.at))

    def message(self, root: Node) -> str:
        """The fault in house form, with the place from the tree."""
        place, path = location_of(root, self.at or self.path), path_text(self.path)
        where = ": ".join(part for part in (place, path) if part and (part is place or place != f"--{path}"))
        return format_error(where, self.must, self.got, self.remedy)


def path_text(path: KeyPath) -> str:
    """A path as one writes it.

    Examples
    --------
    >>> path_text(("policy", "caps", 0, "at_most"))
    'policy.caps[0].at_most'
    """
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def parse_path(text: str) -> KeyPath | None:
    """The keys of a written path, None if it is none.

    Examples
    --------
    >>> parse_path("policy.caps[0].at_most")
    ('policy', 'caps', 0, 'at_most')
    """
    keys: list[str | int] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            return None
        keys += [match[1], *(int(index) for index in re.findall(r"\d+", match[2]))]
        end = match.end()
    return tuple(keys) if keys and end == len(text) else None


def location_of(root: Node, path: KeyPath) -> str:
    """Where the value at a path, or the nearest thing above it, was written."""
    node = root
    for key in path:
        below = node.child(key)
        if below is None:
            break
        node = below
    return node.location


@cache
def _field_annotations(model: type[BaseModel]) -> dict[str, Any]:
    """Annotations of a record by the keys that a user types."""
    hints = get_type_hints(model)
    return {field.alias or name: hints[name] for name, field in model.model_fields.items()}


def union_members(annotation: Any) -> list[Any]:
    """The types that an annotation allows."""
    if get_origin(annotation) is Annotated:
        return union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for choice in get_args(annotation) for member in union_members(choice)]
    return [annotation]


def model_keys(kinds: Iterable[Any]) -> list[str]:
    """Keys of the records among these types."""
    return [key for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel) for key in _field_annotations(kind)]


def child_types(kinds: Iterable[Any], key: str | int) -> list[Any]:
    """Types of what is under a key, for things of these types."""
    found: list[Any] = []
    for kind in kinds:
        origin, args = get_origin(kind), get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += union_members(_field_annotations(kind)[key]) if key in _field_annotations(kind) else []
        elif (origin is dict and isinstance(key, str)) or (origin is tuple and isinstance(key, int)):
            found += union_members(args[1] if origin is dict else args[0])
    return found


def types_at(model: type[BaseModel], path: KeyPath) -> list[Any]:
    """Types of what is at a path of a record."""
    kinds: list[Any] = [model]
    for key in path:
        kinds = child_types(kinds, key)
    return kinds


def set_value(root: Node, model: type[BaseModel], text: str, value: Node) -> Node:
    """A tree with one value set otherwise.

    Parameters
    ----------
    root : Node
        The tree; it stays as it is.
    model : type
        What the tree is read as: a field that it knows may be set where it is not yet written.
    text : str
        The path.
    value : Node
        The value.

    Raises
    ------
    InputError
        If the path does not exist.
    """
    path = parse_path(text)
    if path is None:
        raise InputError(
            format_error(
                value.location, "must be a path such as policy.guardrails.caps[0].at_most", short_repr(text), "Separate keys by dots."
            )
        )
    return _set_at(root, [model], path, 0, value)


def _set_at(node: Node | None, kinds: list[Any], path: KeyPath, depth: int, value: Node) -> Node:
    """`value` at `path[depth:]` below this node."""
    if depth == len(path):
        return value
    key = path[depth]
    child = None if node is None else node.child(key)
    if child is None and not _can_add_key(kinds, key, last=depth == len(path) - 1):
        raise _unknown_path_error(node, kinds, path, depth, value.location)
    new = _set_at(child, child_types(kinds, key), path, depth + 1, value)
    place = value.location if node is None else node.location
    if isinstance(key, int):
        items = list(node.value) if node is not None else []
        items[key] = new
        return Node(items, place)
    return Node({**(node.value if node is not None and isinstance(node.value, dict) else {}), key: new}, place)


def _can_add_key(kinds: list[Any], key: str | int, *, last: bool) -> bool:
    """Whether a key may be set where it is not written: fields of records, and numbers by name (check.py knows the names)."""
    if isinstance(key, int):
        return False
    numbers = [kind for kind in kinds if get_origin(kind) is dict and {float} >= set(union_members(get_args(kind)[1]))]
    return key in model_keys(kinds) or (last and bool(numbers))


def _unknown_path_error(node: Node | None, kinds: list[Any], path: KeyPath, depth: int, place: str) -> InputError:
    """The error for a path that ends at `depth`."""
    above, key = path_text(path[:depth]), path[depth]
    value = None if node is None else node.value
    if isinstance(key, int):
        remedy = f"'{above}' has {len(value)} items, counted from [0]." if isinstance(value, list) else f"'{above}' is not a list."
    else:
        names = dict.fromkeys([*(value if isinstance(value, dict) else ()), *model_keys(kinds)])
        prefix = f"{above}." if above else ""
        listed = f"'{above}' has {', '.join(names) or 'no keys'}." if above else f"There are {', '.join(names)}."
        remedy = did_you_mean(key, names).replace("mean '", f"mean '{prefix}") or listed
    return InputError(format_error(place, "must be a path that exists", f"'{path_text(path)}'", remedy))
