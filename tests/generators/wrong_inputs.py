"""Wrong inputs made from a valid document and its JSON schema: for each value and each key of the document, those that its type forbids."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from json_schema_rules import conforms

from cjsim.scenario.json_schema import JsonSchema, choices_of, file_schema, referenced_name
from cjsim.yaml.document import Document
from cjsim.yaml.paths import KeyPath, location_of
from cjsim.yaml.tree import Node, to_tree

WRONG_TYPES: dict[str, Any] = {
    "text": "some words",
    "empty text": "",
    "a number": 12.5,
    "a whole number": 7,
    "a negative number": -7,
    "a huge number": 10**15,
    "true": True,
    "nothing": None,
    "an empty list": [],
    "a list": ["some words", 7],
    "a list of lists": [[1]],
    "an empty mapping": {},
    "a mapping": {"some_words": 7},
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a number as text": "12",
    "percent": "5 %",
    "YAML 1.1 truth": "off",
    "YAML 1.1 agreement": "yes",
    "YAML 1.1 time": 480,  # 08:00 in base 60
    "exponent without point": 1e3,
}
# Wrong values of the types that are text, by the start of the type's title.
WRONG_TEXTS = {
    "duration": ["-3d", "40000d", "7", "1y", "12months", "3 fortnights", "soon", "0.1s", "d", "7 days"],
    "duration of at least 1s": ["0s"],
    "time of day": ["25:00", "9", "9am", "noon", "09:75", "09:00:00"],
    "date": ["2025-02-30", "20.12.2025", "soon", "1800-01-01", "12/24/2025", "2025-W01"],
    "day of the year": ["13-01", "02-31", "1-1", "2025-12-24", "24.12."],
    "condition": [
        *("purchases >=", "(purchases > 1", "purchases = 1", "purchases > 1 and", "nonsense", "stage == 'x", "1 +", "purchases > '3'", "]"),
    ],
    "trait": ["2/pace", "1 / ", "pace*2"],
    "name": ["1st", "two words", "a-b", "a.b", "é"],
    "path of a value": ["policy..flows", "[0]", "policy.flows[", "nowhere", "horizon"],
}
_REFERENCE = re.compile(r"name of an? (?!key$)\w+|trait$")
# Mappings whose keys declare names; the keys of all other mappings of names refer to them.
_DECLARING = re.compile(
    r"personas|traits|interests|attributes|activity|seasons|scores|stages|events|channels|messages|offers|desks|acquisition|moments|flows"
    r"|broadcasts|rules|split|variants|mixes|accept_warnings|sources|set|merge"
)
NEW_KEY_LINE = "wrong.yaml:9999"


class WrongInput(NamedTuple):
    """A document with one wrong value. `at`: path of the value whose line the message must give. `meant`: the name to suggest."""

    field: str  # record and key, such as `Message.open_rate`
    type: str  # title or type of the value, such as `duration`
    fault: str
    path: KeyPath
    value: Any
    tree: Node
    line: str
    meant: str = ""

    def __str__(self) -> str:
        return f"{self.field} ({self.type}): {self.fault} {self.value!r} at {self.path}"


class Place(NamedTuple):
    """A value in a document, with the schemas that it may conform to."""

    path: KeyPath
    value: Any
    field: str
    choices: list[JsonSchema]
    is_optional: bool = False


def plain(tree: Node) -> Any:
    """The plain value of a tree, with dates as text."""
    return json.loads(json.dumps(tree.plain(), default=str))


class WrongInputs:
    """Makes the wrong inputs of one valid document."""

    def __init__(self, model: type[Document], root: Node) -> None:
        self.model, self.root = model, root
        self.schema = file_schema(model)

    def resolved(self, schema: JsonSchema) -> list[JsonSchema]:
        """The alternatives of a schema, without references."""
        if name := referenced_name(schema):
            definition = self.schema["$defs"][name]
            return [{**one, "name": name} if "properties" in one and "name" not in one else one for one in self.resolved(definition)]
        if choices := [choice for choice in choices_of(schema) if choice.get("type") != "null"]:
            found = [one for choice in choices for one in self.resolved(choice)]
            family = schema.get("title", "")
            return [{**one, "family": family} if family and "properties" in one else one for one in found]
        return [schema]

    def fields(self) -> set[str]:
        """All fields of the records of the schema, such as `Message.open_rate`."""
        top = (self.model.__name__, self.schema["properties"])
        records = [(name, one) for name, record in self.schema["$defs"].items() for one in (record, *record.get("anyOf", ()))]
        return {f"{name}.{key}" for name, keys in (top, *((name, one.get("properties", {})) for name, one in records)) for key in keys}

    def conforms(self, value: Any, schema: JsonSchema) -> bool:
        return conforms(value, schema, self.schema)

    def places(self) -> Iterator[Place]:
        """All values of the document, those above first."""
        name = self.model.__name__
        top = {key: one for key, one in self.schema.items() if key not in ("anyOf", "$schema")} | {"name": name}
        yield from self.below(Place((), plain(self.root), name, [top]))

    def below(self, place: Place) -> Iterator[Place]:
        """A value and all values in it."""
        yield place
        fitting = [one for one in place.choices if self.conforms(place.value, one)] or place.choices
        for key, value in items_of(place.value):
            for one in fitting:
                part = self.part(one, key)
                if part is not None:
                    record = one.get("name", "")
                    field = f"{record}.{key}" if record and isinstance(key, str) else f"{place.field}[]"
                    yield from self.below(Place((*place.path, key), value, field, self.resolved(part), is_nullable(part)))
                    break

    def part(self, schema: JsonSchema, key: str | int) -> JsonSchema | None:
        """The schema of the value under a key or an index."""
        found = schema.get("items")
        if isinstance(key, str):
            found = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
        return found if isinstance(found, dict) else None

    def all(self) -> Iterator[WrongInput]:
        """All wrong inputs."""
        for place in self.places():
            if place.path:
                yield from self.wrong_values(place)
            yield from self.wrong_keys(place)
            yield from self.wrong_items(place)

    def wrong_values(self, place: Place) -> Iterator[WrongInput]:
        types = " or ".join(dict.fromkeys(type_of(one) for one in place.choices))
        make = _Maker(self.root, place.field, types)
        wrong_types = () if types == "any" else WRONG_TYPES.items()
        for fault, value in (*wrong_types, *self.out_of_range(place), *self.wrong_texts(place)):
            if not any(self.conforms(value, one) for one in place.choices) and not (value is None and place.is_optional):
                yield make.replaced(place.path, fault, value)
        if isinstance(place.value, str):
            for one in place.choices:
                names = one.get("enum") or ([one["const"]] if "const" in one else [])
                if _REFERENCE.match(one.get("title", "")) or place.value in names:
                    wrong = misspelled(place.value)
                    yield make.replaced(place.path, "a misspelled name", wrong, meant=re.sub(r"^1[/-]", "", place.value))
                    break
            if any(one.get("title") == "condition" for one in place.choices):
                for word in sorted(set(re.findall(r"(?<![\w'])[a-z]\w{2,}", place.value)) - {"and", "not"}):
                    wrong = re.sub(rf"(?<![\w']){word}\b", misspelled(word), place.value)
                    yield make.replaced(place.path, "a misspelled name in a condition", wrong, meant=word)

    def out_of_range(self, place: Place) -> Iterator[tuple[str, Any]]:
        for one in place.choices:
            for key, step in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1), ("exclusiveMaximum", 0)):
                if key in one and one.get("type") in ("number", "integer"):
                    yield f"a value beyond its {key}", one[key] + step

    def wrong_texts(self, place: Place) -> Iterator[tuple[str, Any]]:
        for one in place.choices:
            title = one.get("title", "")
            for start, texts in WRONG_TEXTS.items():
                if title.startswith(start) and (start != "name" or title == "name" or title.startswith("name of a")):
                    yield from ((f"wrong text for a {start}", text) for text in texts)

    def wrong_keys(self, place: Place) -> Iterator[WrongInput]:
        if not isinstance(place.value, dict):
            return
        fitting = [one for one in place.choices if one.get("type") == "object" and self.conforms(place.value, one)]
        for one in fitting[:1]:
            make = _Maker(self.root, place.field, one.get("family") or one.get("name") or "a mapping of names")
            if "properties" in one:
                yield make.with_key(place.path, "an unknown key", "surprise")
                yield make.with_key(place.path, "a key that is not a name", "two words")
                for key in place.value:
                    yield make.renamed(place.path, "a misspelled key", key, misspelled(key), meant=key)
                    if key in one.get("required", ()):
                        yield make.without(place.path, key)
                others = [kind for kind in place.choices if kind.get("family") and kind is not one]
                for kind in others:
                    key = kind["required"][0]
                    if key not in one["properties"]:
                        yield make.with_key(place.path, "the key of another kind", key)
            elif is_declaring(place.path):
                key = next(iter(place.value), None)
                if key is not None and place.path[-1] not in ("variants", "accept_warnings", "sources", "set", "merge"):
                    yield make.renamed(place.path, "a key that is not a name", key, "1st name")
            else:
                for key in place.value:
                    yield make.renamed(place.path, "a misspelled name as a key", key, misspelled(key), meant=key)

    def wrong_items(self, place: Place) -> Iterator[WrongInput]:
        if isinstance(place.value, list) and place.value:
            make = _Maker(self.root, place.field, "a list")
            yield make.replaced(place.path, "a duplicate item", [*place.value, place.value[-1]])
            for one in place.choices:
                if one.get("minItems", 0) > 1:
                    yield make.replaced(place.path, "too few items", place.value[:1])
                if "maxItems" in one:
                    yield make.replaced(place.path, "too many items", place.value * (one["maxItems"] + 1))


class _Maker(NamedTuple):
    """Makes wrong inputs of one field."""

    root: Node
    field: str
    type: str

    def replaced(self, path: KeyPath, fault: str, value: Any, meant: str = "") -> WrongInput:
        line = location_of(self.root, path)
        return self._made(fault, path, value, change(self.root, path, lambda _: to_tree(value, line)), line, meant)

    def with_key(self, path: KeyPath, fault: str, key: str) -> WrongInput:
        new = Node(7, NEW_KEY_LINE)
        return self._made(
            fault, path, key, change(self.root, path, lambda node: Node({**node.value, key: new}, node.location)), NEW_KEY_LINE
        )

    def renamed(self, path: KeyPath, fault: str, old: str, new: str, meant: str = "") -> WrongInput:
        def rename(node: Node) -> Node:
            return Node({new if key == old else key: value for key, value in node.value.items()}, node.location)

        line = location_of(self.root, (*path, old))
        return self._made(fault, path, new, change(self.root, path, rename), line, meant)

    def without(self, path: KeyPath, key: str) -> WrongInput:
        def drop(node: Node) -> Node:
            return Node({name: value for name, value in node.value.items() if name != key}, node.location)

        return self._made("a missing key", path, key, change(self.root, path, drop), location_of(self.root, path))

    def _made(self, fault: str, path: KeyPath, value: Any, tree: Node, line: str, meant: str = "") -> WrongInput:
        return WrongInput(self.field, self.type, fault, path, value, tree, line, meant)


def items_of(value: Any) -> Iterable[tuple[str | int, Any]]:
    """The keys or indices of a value, with what is under them."""
    return value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()


def type_of(schema: JsonSchema) -> str:
    """The title of a schema, or else its type."""
    if schema.get("name"):
        return str(schema.get("family") or schema["name"])
    return str(schema.get("title") or schema.get("type") or ("choice" if "enum" in schema or "const" in schema else "any"))


def is_declaring(path: KeyPath) -> bool:
    """Whether the keys of the mapping at a path declare names."""
    return path[-2:-1] == ("attributes",) or (bool(path) and _DECLARING.fullmatch(str(path[-1])) is not None)


def is_nullable(schema: JsonSchema) -> bool:
    """Whether a value may be null."""
    return any(one.get("type") == "null" for one in schema.get("anyOf", ()))


def misspelled(name: str) -> str:
    """A name without one of its letters, or with one more if it is short."""
    at = len(name) // 2
    return name[:at] + name[at + 1 :] if len(name) > 3 else f"{name}{name[-1]}"


def change(node: Node, path: KeyPath, edit: Any) -> Node:
    """A tree in which the node at a path is edited."""
    if not path:
        return edit(node)
    key, value = path[0], node.value
    if isinstance(key, int):
        items = list(value)
        items[key] = change(items[key], path[1:], edit)
        return Node(items, node.location)
    return Node({**value, key: change(value[key], path[1:], edit)}, node.location)
