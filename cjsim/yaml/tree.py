"""YAML files as trees that remember where every value was written.

Lives here: reading and writing YAML 1.2. Does not live here: files that name other files (assemble.py), paths (paths.py), what
the values mean (journey.py, policy.py, scenario.py). This is the only module that knows ruamel.yaml.
"""

import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from cjsim.errors import InputError, format_error, short_repr

if TYPE_CHECKING:
    from ruamel.yaml import YAML

MAX_BYTES = 10_000_000
MAX_NODES = 500_000
MAX_DEPTH = 60
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Node:
    """A value and where it was written, such as `shop.yaml:14`; mappings and lists hold nodes."""

    value: Any
    location: str

    def plain(self) -> Any:
        """The value without its places.

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
        """The node below this one, None if there is none."""
        if isinstance(self.value, dict):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and -1 < key < len(self.value):
            node: Node = self.value[key]
            return node
        return None


def to_tree(value: Any, place: str) -> Node:
    """Nodes for a plain value that was made in Python, all at one place.

    Parameters
    ----------
    value : Any
        Mappings, lists, tuples, scalars, and records of journeys, policies and scenarios.
    place : str
        What a message calls it.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(value, Mapping):
        return Node({str(key): to_tree(item, place) for key, item in value.items()}, place)
    if isinstance(value, (list, tuple)):
        return Node([to_tree(item, place) for item in value], place)
    if hasattr(value, "item") and not isinstance(value, (float, int)):  # a scalar of numpy
        value = value.item()
    return Node(value, place)


def parse_value(text: str, place: str) -> Node:
    """The tree of one value as a command line gives it, such as `3`, `36h` or `[a, b]`.

    Parameters
    ----------
    text : str
        YAML.
    place : str
        What a message calls it.
    """
    root = _compose_yaml(text, place, lambda _: place)
    return Node(None, place) if root is None else _TreeBuilder(lambda _: place).node(root, 0)


def to_yaml(data: Any) -> str:
    """YAML text of plain data, keys in their order.

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
    yaml.allow_unicode = json.dumps(data, ensure_ascii=False, default=str).isprintable()  # else escaped, as some do not survive
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def _yaml() -> "YAML":
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True)


def read_yaml_file(path: Path) -> Node:
    """The tree of one file alone, a mapping.

    Parameters
    ----------
    path : Path
        A YAML 1.2 file, UTF-8.

    Raises
    ------
    InputError
        If it cannot be read, is not YAML, or is no mapping.
    """
    text = _read_text(path)
    root = _compose_yaml(text, str(path), lambda line: f"{path}:{line + 1}")
    if root is None:
        raise InputError(format_error(f"{path}:1", "must be a mapping of keys to values", "an empty file", "Write 'key: value'."))
    node = _TreeBuilder(lambda line: f"{path}:{line + 1}").node(root, 0)
    if not isinstance(node.value, dict):
        raise InputError(
            format_error(node.location, "must be a mapping of keys to values", short_repr(node.plain()), "Write 'key: value'.")
        )
    return node


def _read_text(path: Path) -> str:
    """The text of a file."""
    try:
        if path.is_dir():
            raise InputError(format_error(str(path), "must be a YAML file", "a directory", "Name the file in it."))
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                format_error(str(path), f"must be a YAML file of at most {MAX_BYTES} bytes", "a larger one", "Name another file.")
            )
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = "no such file" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or str(error)
        raise InputError(format_error(str(path), "must be a file that can be read", reason, "Check the name.")) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        got = f"the byte 0x{content[error.start]:02x}"
        raise InputError(format_error(f"{path}:{line}", "must be UTF-8 text", got, "Save the file as UTF-8.")) from None


def _compose_yaml(text: str, file: str, place: Callable[[int], str]) -> Any:
    """The nodes of a YAML text, None if it is empty."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root = _yaml().compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = place(mark.line) if mark else file
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise InputError(format_error(where, "must be YAML", said or "a syntax error", "Correct the syntax there.")) from None
    except YAMLError as error:
        line = text[: getattr(error, "position", 0)].count("\n")
        said = str(error).splitlines()[0] if str(error) else "a syntax error"
        raise InputError(format_error(place(line), "must be YAML", said, "Correct the syntax there.")) from None
    except RecursionError:
        raise InputError(format_error(file, f"must be nested at most {MAX_DEPTH} deep", "more", "Flatten it.")) from None
    except (ValueError, IndexError, AttributeError, AssertionError, TypeError, NotImplementedError) as error:  # ruamel on odd input
        raise InputError(format_error(file, "must be YAML", str(error) or type(error).__name__, "Correct the syntax.")) from None
    return root


class _TreeBuilder:
    """From YAML nodes to ours; counts them, as aliases can make a small file huge."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self.place = place
        self.count = 0
        self.scalars = _yaml().constructor

    def node(self, source: Any, depth: int) -> Node:
        """Our node for one of YAML's."""
        place = self.place(source.start_mark.line)
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            must = f"must be nested at most {MAX_DEPTH} deep and have at most {MAX_NODES} values"
            raise InputError(format_error(place, must, "more", "Look for an alias that holds itself."))
        if source.id == "mapping":
            return Node(self.mapping(source, depth), place)
        if source.id == "sequence":
            return Node([self.node(item, depth + 1) for item in source.value], place)
        return Node(self.scalar(source, place), place)

    def mapping(self, source: Any, depth: int) -> dict[str, Node]:
        """Keys and nodes, those merged by `<<` below the mapping's own; a container stands where its key does."""
        result: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key_node, value_node in source.value:
            place = self.place(key_node.start_mark.line)
            if key_node.tag == _MERGE:
                merged = {**self.merged(value_node, depth + 1), **merged}
                continue
            key = self.scalar(key_node, place) if key_node.id == "scalar" else None
            if not isinstance(key, str):
                what = short_repr(key) if key_node.id == "scalar" else f"a {key_node.id}"
                raise InputError(format_error(place, "must have text as a key", what, "Write a name, or put it in quotes."))
            if key in result:
                first = result[key].location
                raise InputError(
                    format_error(place, f"must have the key '{key}' once", f"it again (first at {first})", "Remove one of the two.")
                )
            node = self.node(value_node, depth + 1)
            result[key] = Node(node.value, place) if value_node.id != "scalar" else node
        return {**merged, **result}

    def merged(self, source: Any, depth: int) -> dict[str, Node]:
        """What `<<: *anchor` takes over, or `<<: [*first, *second]`, of which the first counts."""
        result: dict[str, Node] = {}
        for each in source.value if source.id == "sequence" else [source]:
            node = self.node(each, depth)
            if not isinstance(node.value, dict):
                raise InputError(
                    format_error(node.location, "must be a mapping after '<<'", short_repr(node.plain()), "Name the anchor of one.")
                )
            result = {**node.value, **result}
        return result

    def scalar(self, source: Any, place: str) -> Any:
        """Text, a number, true or false, a date or None."""
        from ruamel.yaml.error import YAMLError

        try:
            value = self.scalars.construct_object(source)
        except (YAMLError, ValueError, TypeError, OverflowError, IndexError, KeyError, AttributeError):
            text = short_repr(source.value)
            raise InputError(format_error(place, "must be text, a number, true, false or a date", text, "Put text in quotes.")) from None
        if value is not None and not isinstance(value, (str, bool, int, float, date, datetime)):
            raise InputError(
                format_error(place, "must be text, a number, true, false or a date", short_repr(source.value), "Leave the tag out.")
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(format_error(place, "must be a finite number", short_repr(source.value), "Write a finite number."))
        return value
