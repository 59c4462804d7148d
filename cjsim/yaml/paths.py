"""Key paths such as `policy.guardrails.caps[0].at_most`: parsing, lookup in trees and in models, and setting a value."""

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
    """One thing that is wrong: where, what must hold, what was got, what to do. `at`: the path that gives the location, if not `path`."""

    path: KeyPath
    must: str
    got: str
    remedy: str
    at: KeyPath | None = None

    def under(self, key: str) -> "Fault":
        """The same fault as seen from the parent record, which has this record under `key`."""
        return self._replace(path=(key, *self.path), at=None if self.at is None else (key, *self.at))

    def message(self, root: Node) -> str:
        """The error message, with the location from the tree."""
        location, path = location_of(root, self.at or self.path), path_text(self.path)
        where = ": ".join(part for part in (location, path) if part and (part is location or location != f"--{path}"))
        return format_error(where, self.must, self.got, self.remedy)


def path_text(path: KeyPath) -> str:
    """The written form of a path.

    Examples
    --------
    >>> path_text(("policy", "caps", 0, "at_most"))
    'policy.caps[0].at_most'
    """
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def parse_path(text: str) -> KeyPath | None:
    """Parse a written path. None if the text is not a path.

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
    """The location of the value at a path, or of its nearest existing ancestor."""
    node = root
    for key in path:
        below = node.child(key)
        if below is None:
            break
        node = below
    return node.location


def node_at(root: Node | None, path: KeyPath) -> Node | None:
    """The node at a path; None if there is none."""
    node = root
    for key in path:
        node = None if node is None else node.child(key)
    return node


def existing_node(root: Node, path: KeyPath) -> Node:
    """The node at a path that exists."""
    node = node_at(root, path)
    assert node is not None
    return node


@cache
def _field_annotations(model: type[BaseModel]) -> dict[str, Any]:
    """Annotations of a model's fields, by the key in YAML."""
    hints = get_type_hints(model)
    return {field.alias or name: hints[name] for name, field in model.model_fields.items()}


def union_members(annotation: Any) -> list[Any]:
    """The member types of an annotation, with unions and `Annotated` flattened."""
    if get_origin(annotation) is Annotated:
        return union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for choice in get_args(annotation) for member in union_members(choice)]
    return [annotation]


def model_keys(kinds: Iterable[Any]) -> list[str]:
    """Keys of the models among these types."""
    models = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(dict.fromkeys(key for model in models for key in _field_annotations(model)))


def child_types(kinds: Iterable[Any], key: str | int) -> list[Any]:
    """Types that a value under `key` may have, for parents of these types."""
    types_found: list[Any] = []
    for kind in kinds:
        origin, args = get_origin(kind), get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            types_found += union_members(_field_annotations(kind)[key]) if key in _field_annotations(kind) else []
        elif (origin is dict and isinstance(key, str)) or (origin is tuple and isinstance(key, int)):
            types_found += union_members(args[1] if origin is dict else args[0])
    return types_found


def types_at(model: type[BaseModel], path: KeyPath) -> list[Any]:
    """Types that the value at a path of a model may have."""
    kinds: list[Any] = [model]
    for key in path:
        kinds = child_types(kinds, key)
    return kinds


def set_value(root: Node, model: type[BaseModel], text: str, value: Node) -> Node:
    """Return the tree with one value changed.

    Parameters
    ----------
    root : Node
        The tree; it is not modified.
    model : type
        The model of the tree. A field of the model may be set even if the tree does not have it.
    text : str
        The path.
    value : Node
        The value.

    Returns
    -------
    Node
        The new tree; unchanged parts are shared.

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
    """Set `value` at `path[depth:]` below this node."""
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
    """Whether a key may be added: fields of models, and numbers by name (the names are checked later)."""
    if isinstance(key, int):
        return False
    numbers = [kind for kind in kinds if get_origin(kind) is dict and {float} >= set(union_members(get_args(kind)[1]))]
    return key in model_keys(kinds) or (last and bool(numbers))


def _unknown_path_error(node: Node | None, kinds: list[Any], path: KeyPath, depth: int, location: str) -> InputError:
    """The error for a path that does not exist from `depth` on."""
    above, key = path_text(path[:depth]), path[depth]
    value = None if node is None else node.value
    if isinstance(key, int):
        remedy = f"'{above}' has {len(value)} items, counted from [0]." if isinstance(value, list) else f"'{above}' is not a list."
    else:
        names = dict.fromkeys([*(value if isinstance(value, dict) else ()), *model_keys(kinds)])
        prefix = f"{above}." if above else ""
        listed = f"'{above}' has {', '.join(names) or 'no keys'}." if above else f"There are {', '.join(names)}."
        remedy = did_you_mean(key, names).replace("mean '", f"mean '{prefix}") or listed
    return InputError(format_error(location, "must be a path that exists", f"'{path_text(path)}'", remedy))
