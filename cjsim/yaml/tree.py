"""Reads YAML 1.2 into trees that record the line of every value, and writes YAML. The only module that uses ruamel.yaml."""

import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.regular_file import MIB, read_text
from cjsim.library import LIBRARY_FOLDERS, nearest_file

if TYPE_CHECKING:
    from ruamel.yaml import YAML

MAX_BYTES = 10 * MIB
MAX_NODES = 500_000
MAX_DEPTH = 60
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Node:
    """A value and its location, such as `shop.yaml:14`. Mappings and lists contain nodes. `is_merged`: it comes from a merge (`<<`)."""

    value: Any
    location: str
    is_merged: bool = field(default=False, compare=False)

    def plain(self) -> Any:
        """Return the value without locations.

        Examples
        --------
        >>> to_tree({"a": [1]}, "here").plain()
        {'a': [1]}
        """
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, key: str | int) -> "Node | None":
        """Return the child under a key or an index, or None."""
        if isinstance(self.value, dict):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and -1 < key < len(self.value):
            node: Node = self.value[key]
            return node
        return None


def to_tree(value: Any, location: str, path: str = "") -> Node:
    """Build a tree from a plain value. All nodes have the same location.

    Parameters
    ----------
    value : Any
        Nested mappings, lists, tuples, scalars and pydantic models. numpy scalars become Python numbers.
    location : str
        Origin of the value in error messages.
    path : str
        Path of the value in error messages.

    Returns
    -------
    Node

    Raises
    ------
    InputError
        If the value contains an array, a Series or a table.
    """
    if isinstance(value, BaseModel):
        value = _dumped(value, location)
    if isinstance(value, Mapping):
        return Node({str(key): to_tree(item, location, f"{path}.{key}" if path else f"{key}") for key, item in value.items()}, location)
    if isinstance(value, (list, tuple)):
        return Node([to_tree(item, location, f"{path}[{i}]") for i, item in enumerate(value)], location)
    if hasattr(value, "ndim"):  # a numpy scalar, an array, a Series or a table
        if value.ndim:
            where, must = f"{location}: {path}" if path else location, "must be a number, text, true, false, a list or a mapping"
            got = f"{'an array' if type(value).__name__ == 'ndarray' else f'a {type(value).__name__}'} of shape {value.shape}"
            raise InputError(format_error(where, must, got, "Convert it, for example with tolist()."))
        value = value.item()
    return Node(value, location)


def _dumped(record: BaseModel, location: str) -> dict[str, Any]:
    try:
        return record.model_dump(mode="json", by_alias=True, exclude_defaults=True, warnings=False)
    except PydanticSerializationError as error:
        must, remedy = "must have values of the right types", "Use with_values, which reads values as YAML does."
        raise InputError(format_error(location, must, short_repr(str(error)), remedy)) from None


def parse_value(text: str, location: str) -> Node:
    """Parse one YAML value from a command line, such as `3`, `36h` or `[a, b]`.

    Parameters
    ----------
    text : str
        The value in YAML.
    location : str
        Origin of the value in error messages.

    Returns
    -------
    Node
        Its value is None if the text is empty.

    Raises
    ------
    InputError
        If the text is not valid YAML.
    """
    root = _compose_yaml(text, location, lambda _: location)
    return Node(None, location) if root is None else _TreeBuilder(lambda _: location).node(root, 0)


def to_yaml(data: Any) -> str:
    """Format plain data as YAML. Keys keep their order.

    Examples
    --------
    >>> print(to_yaml({"name": "shop", "caps": [1, 2]}), end="")
    name: shop
    caps: [1, 2]
    """
    yaml = _yaml()
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 140
    yaml.allow_unicode = json.dumps(data, ensure_ascii=False, default=str).isprintable()  # otherwise, escape text to survive a round trip
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def to_inline_yaml(data: Any) -> str:
    """Format plain data as YAML on one line.

    Examples
    --------
    >>> print(to_inline_yaml({"wait": "3d", "to": ["a, b", 12]}))
    {wait: 3d, to: ['a, b', 12]}
    """
    yaml = _yaml()
    yaml.default_flow_style = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    stream = io.StringIO()
    yaml.dump([data], stream)
    return stream.getvalue().strip().removeprefix("[").removesuffix("]")


def _yaml() -> "YAML":
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True)


def read_yaml_file(path: Path) -> Node:
    """Read one YAML file without resolving `extends`, included files or `set`.

    Parameters
    ----------
    path : Path
        A YAML 1.2 file in UTF-8 whose top level is a mapping.

    Returns
    -------
    Node
        Its value is a dict.

    Raises
    ------
    InputError
        If the file cannot be read, is not valid YAML, or is not a mapping.
    """
    text = _read_text(path)
    root = _compose_yaml(text, str(path), lambda line: f"{path}:{line + 1}")
    if root is None:
        raise InputError(format_error(f"{path}:1", "must be a mapping of keys to values", "an empty file", "Write 'key: value'."))
    node = _TreeBuilder(lambda line: f"{path}:{line + 1}").node(root, 0)
    if not isinstance(node.value, dict):
        remedy = "Write 'key: value'."
        raise InputError(format_error(node.location, "must be a mapping of keys to values", short_repr(node.plain()), remedy))
    return node


def _read_text(path: Path) -> str:
    """Read a text file of limited size."""
    return read_text(path, max_bytes=MAX_BYTES, near=lambda missing: nearest_file(missing, tuple(LIBRARY_FOLDERS)))


def _compose_yaml(text: str, file: str, location_of_line: Callable[[int], str]) -> Any:
    """Parse YAML into ruamel nodes. Returns None if the text is empty."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root = _yaml().compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = location_of_line(mark.line) if mark else file
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        here = text[mark.index : mark.index + 1] if mark else ""
        raise InputError(format_error(where, "must be valid YAML", problem or "a syntax error", _syntax_remedy(problem, here))) from None
    except YAMLError as error:
        line = text[: getattr(error, "position", 0)].count("\n")
        problem = str(error).splitlines()[0] if str(error) else "a syntax error"
        raise InputError(format_error(location_of_line(line), "must be valid YAML", problem, "Correct the syntax there.")) from None
    except RecursionError:
        raise InputError(format_error(file, f"must be nested at most {MAX_DEPTH} levels deep", "more levels", "Flatten it.")) from None
    except (ValueError, IndexError, AttributeError, AssertionError, TypeError, NotImplementedError) as error:  # malformed input
        raise InputError(format_error(file, "must be valid YAML", str(error) or type(error).__name__, "Correct the syntax.")) from None
    return root


# What to do about a syntax error, by words in the parser's message; the first match is used.
_SYNTAX_REMEDIES = {
    "mapping values are not allowed": "Put text that contains ': ' in quotes, or align the line with its neighbors.",
    "quoted scalar": "Add the closing quote.",
    "'\\t'": "Indent with spaces, not with tabs.",
    "cannot start any token": "Put the value in quotes.",
    "undefined alias": "Put text that starts with * in quotes.",
    "flow": "Add the missing comma or closing bracket.",
    "block": "Align the line with its neighbors.",
}


def _syntax_remedy(problem: str, character: str) -> str:
    """What to do about a syntax error at a character."""
    if "flow mapping" in problem and character == "[":
        return "Put a key that contains [ in quotes."
    return next((remedy for words, remedy in _SYNTAX_REMEDIES.items() if words in problem), "Correct the syntax there.")


class _TreeBuilder:
    """Converts ruamel nodes to `Node`. It counts nodes because aliases can expand a small file to a huge tree."""

    def __init__(self, location_of_line: Callable[[int], str]) -> None:
        self.location_of_line = location_of_line
        self.count = 0
        self.scalars = _yaml().constructor

    def node(self, source: Any, depth: int) -> Node:
        """Convert a ruamel node."""
        location = self.location_of_line(source.start_mark.line)
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            must = f"must be nested at most {MAX_DEPTH} levels deep and have at most {MAX_NODES} values"
            raise InputError(format_error(location, must, "more", "Look for an alias that refers to itself."))
        if source.id == "mapping":
            return Node(self.mapping(source, depth), location)
        if source.id == "sequence":
            return Node([self.node(item, depth + 1) for item in source.value], location)
        return Node(self.scalar(source, location), location)

    def mapping(self, source: Any, depth: int) -> dict[str, Node]:
        """Convert a mapping. Its own keys override keys merged by `<<`. A container has the location of its key."""
        result: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key_node, value_node in source.value:
            location = self.location_of_line(key_node.start_mark.line)
            if key_node.tag == _MERGE:
                merged = {**self.merged(value_node, depth + 1), **merged}
                continue
            key = self.scalar(key_node, location) if key_node.id == "scalar" else None
            if not isinstance(key, str):
                got = short_repr(key) if key_node.id == "scalar" else f"a {key_node.id}"
                raise InputError(format_error(location, "must have text as a key", got, "Write a name, or put the key in quotes."))
            if key in result:
                first = result[key].location
                remedy = "Remove one of the two."
                raise InputError(format_error(location, f"must not repeat the key '{key}'", f"a duplicate of {first}", remedy))
            node = self.node(value_node, depth + 1)
            result[key] = Node(node.value, location) if value_node.id != "scalar" else node
        return {**merged, **result}

    def merged(self, source: Any, depth: int) -> dict[str, Node]:
        """Return the nodes of the keys that are merged by `<<: *anchor` or `<<: [*first, *second]`. The first mapping takes precedence."""
        result: dict[str, Node] = {}
        for each in source.value if source.id == "sequence" else [source]:
            node = self.node(each, depth)
            if not isinstance(node.value, dict):
                remedy = "Use an alias of a mapping."
                raise InputError(format_error(node.location, "must be a mapping after '<<'", short_repr(node.plain()), remedy))
            result = {**node.value, **result}
        return {key: replace(one, is_merged=True) for key, one in result.items()}

    def scalar(self, source: Any, location: str) -> Any:
        """Convert a scalar to text, a number, a boolean, a date or None."""
        from ruamel.yaml.error import YAMLError

        try:
            value = self.scalars.construct_object(source)
        except (YAMLError, ValueError, TypeError, OverflowError, IndexError, KeyError, AttributeError):
            text = short_repr(source.value)
            if str(source.tag).endswith(":timestamp"):
                raise InputError(format_error(location, "must be an existing date", text, "Correct the date.")) from None
            raise InputError(format_error(location, "must be text, a number, true, false or a date", text, "Put text in quotes.")) from None
        if value is not None and not isinstance(value, (str, bool, int, float, date, datetime)):
            remedy = "Remove the YAML tag."
            raise InputError(format_error(location, "must be text, a number, true, false or a date", short_repr(source.value), remedy))
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(format_error(location, "must be a finite number", short_repr(source.value), "Write a finite number."))
        return value
