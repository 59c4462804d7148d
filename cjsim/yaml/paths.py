"""Key paths such as `policy.guardrails.caps[0].at_most`: parse them, look them up in trees and models, and set values."""

import re
import types
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from cjsim.errors import InputError, closest_choice, format_error, short_repr
from cjsim.yaml.tree import Node

KeyPath = tuple[str | int, ...]  # keys of mappings and indices of lists, from the root

_PART = re.compile(r"([^.\[\]]+)((?:\[\d{1,6}\])*)(?:\.(?!$)|$)")


class Fault(NamedTuple):
    """An error at a path: what must hold, the value found, and what to do. `at` overrides the path that gives the line number."""

    path: KeyPath
    must: str
    got: str
    remedy: str
    at: KeyPath | None = None

    def under(self, key: str) -> "Fault":
        """Return the fault relative to a parent record that contains this record under `key`."""
        return self._replace(path=(key, *self.path), at=None if self.at is None else (key, *self.at))

    def message(self, root: Node) -> str:
        """Format the error message, with the location taken from the tree."""
        location, path = location_of(root, self.at or self.path), path_text(self.path)
        where = ": ".join(part for part in (location, path) if part and (part is location or location != f"--{path}"))
        return format_error(where, self.must, self.got, self.remedy)


def path_text(path: KeyPath) -> str:
    """Format a path as text.

    Examples
    --------
    >>> path_text(("policy", "caps", 0, "at_most"))
    'policy.caps[0].at_most'
    """
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def parse_path(text: str) -> KeyPath | None:
    """Parse the text of a path. Returns None if the text is not a path.

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
    """Return the location of the node at a path, or of its nearest existing ancestor."""
    node = root
    for key in path:
        below = node.child(key)
        if below is None:
            break
        node = below
    return node.location


def node_at(root: Node | None, path: KeyPath) -> Node | None:
    """Return the node at a path, or None."""
    node = root
    for key in path:
        node = None if node is None else node.child(key)
    return node


def existing_node(root: Node, path: KeyPath) -> Node:
    """Return the node at a path that is known to exist."""
    node = node_at(root, path)
    assert node is not None
    return node


@cache
def _field_annotations(model: type[BaseModel]) -> dict[str, Any]:
    """Annotations of the fields of a model, by YAML key."""
    hints = get_type_hints(model)
    return {field.alias or name: hints[name] for name, field in model.model_fields.items()}


def union_members(annotation: Any) -> list[Any]:
    """Return the member types of an annotation; unions and `Annotated` are flattened."""
    if get_origin(annotation) is Annotated:
        return union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for choice in get_args(annotation) for member in union_members(choice)]
    return [annotation]


def model_keys(kinds: Iterable[Any]) -> list[str]:
    """Return the YAML keys of all models among the given types."""
    models = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(dict.fromkeys(key for model in models for key in _field_annotations(model)))


def child_types(kinds: Iterable[Any], key: str | int) -> list[Any]:
    """Return the types that the value under `key` may have in parents of the given types."""
    types_found: list[Any] = []
    for kind in kinds:
        origin, args = get_origin(kind), get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            types_found += union_members(_field_annotations(kind)[key]) if key in _field_annotations(kind) else []
        elif (origin is dict and isinstance(key, str)) or (origin is tuple and isinstance(key, int)):
            types_found += union_members(args[1] if origin is dict else args[0])
    return types_found


def types_at(model: type[BaseModel], path: KeyPath) -> list[Any]:
    """Return the types that the value at a path of a model may have."""
    kinds: list[Any] = [model]
    for key in path:
        kinds = child_types(kinds, key)
    return kinds


def set_value(root: Node, model: type[BaseModel], text: str, value: Node) -> Node:
    """Return a tree with one value changed.

    Parameters
    ----------
    root : Node
        The tree; it is not modified.
    model : type
        The model of the tree. Fields of the model can be set even if the tree omits them.
    text : str
        The path.
    value : Node
        The new value.

    Returns
    -------
    Node
        A new tree that shares the unchanged nodes.

    Raises
    ------
    InputError
        If the path does not exist.
    """
    path = parse_path(text)
    if path is None:
        remedy = "Separate the keys with dots."
        raise InputError(format_error(value.location, "must be a path such as policy.guardrails.caps[0].at_most", short_repr(text), remedy))
    return _set_at(root, [model], path, 0, value)


def _set_at(node: Node | None, kinds: list[Any], path: KeyPath, depth: int, value: Node) -> Node:
    """Return a copy of this node with `value` at `path[depth:]`."""
    if depth == len(path):
        return value
    key = path[depth]
    child = None if node is None else node.child(key)
    if child is None and not _can_add_key(kinds, key, last=depth == len(path) - 1):
        raise _unknown_path_error(node, kinds, path, depth, value.location)
    new = _set_at(child, child_types(kinds, key), path, depth + 1, value)
    location = value.location if node is None else node.location
    if isinstance(key, int):
        items = list(node.value) if node is not None else []
        items[key] = new
        return Node(items, location)
    return Node({**(node.value if node is not None and isinstance(node.value, dict) else {}), key: new}, location)


def _can_add_key(kinds: list[Any], key: str | int, *, last: bool) -> bool:
    """Whether a key may be added: a field of a model, or a name in a mapping of numbers (names are checked later)."""
    if isinstance(key, int):
        return False
    numbers = [kind for kind in kinds if get_origin(kind) is dict and {float} >= set(union_members(get_args(kind)[1]))]
    return key in model_keys(kinds) or (last and bool(numbers))


def _rest_if_valid(node: Node | None, kinds: list[Any], key: str | int, rest: KeyPath) -> str:
    """Return the rest of a path as text if it exists below a key; otherwise return an empty string."""
    for depth, below in enumerate(rest):
        node, kinds = None if node is None else node.child(key), child_types(kinds, key)
        if (node is None or node.child(below) is None) and not _can_add_key(kinds, below, last=depth == len(rest) - 1):
            return ""
        key = below
    return "".join(f"[{below}]" if isinstance(below, int) else f".{below}" for below in rest)


def _unknown_path_error(node: Node | None, kinds: list[Any], path: KeyPath, depth: int, location: str) -> InputError:
    """Return the error for a path whose key at `depth` does not exist."""
    above, key = path_text(path[:depth]), path[depth]
    value = None if node is None else node.value
    if isinstance(key, int):
        plural = "" if isinstance(value, list) and len(value) == 1 else "s"
        remedy = f"'{above}' has {len(value)} item{plural}, counted from [0]." if isinstance(value, list) else f"'{above}' is not a list."
    else:
        names = dict.fromkeys([*(value if isinstance(value, dict) else ()), *model_keys(kinds)])
        prefix = f"{above}." if above else ""
        listed = f"The keys of '{above}' are: {', '.join(names) or 'none'}." if above else f"The keys are: {', '.join(names)}."
        near = closest_choice(key, names)
        remedy = f"Did you mean '{prefix}{near}{_rest_if_valid(node, kinds, near, path[depth + 1 :])}'?" if near else listed
    return InputError(format_error(location, "must be an existing path", f"'{path_text(path)}'", remedy))
