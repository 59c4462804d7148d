"""Help on the fields of a file, from its JSON schema: the description of a field, its type in words, its default and an example."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from cjsim.errors import InputError, closest_choice, format_error, short_repr
from cjsim.scenario.json_schema import JsonSchema, choices_of, example_of, referenced_name
from cjsim.yaml.paths import KeyPath, parse_path, path_text
from cjsim.yaml.tree import to_inline_yaml

ANY_NAME = "*"
_WORDS = {"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number", "object": "mapping"}
_MAX_FOUND, _MIN_CLOSENESS = 10, 0.75  # of a search for a word: number of fields, and closeness of names from 0 to 1
_UNBOUNDED = 1e12  # bounds that only keep numbers finite
NameWriter = Callable[[str], str]


@dataclass(frozen=True)
class FieldLine:
    """One field of a record, or one kind of a family."""

    name: str
    type: str
    description: str
    default: str
    example: str


@dataclass(frozen=True)
class FieldHelp:
    """Help on the value at a path.

    Attributes
    ----------
    path : str
        The path, with `*` for any name.
    description : str
        What the value means; paragraphs are separated by empty lines.
    type : str
        Its type and range in words; empty for a document.
    default : str
        Its default as YAML; 'required' if it has none, or empty if the path leads to an item of a list or a mapping.
    example : str
        An example as YAML on one line.
    kinds : tuple of FieldLine
        The kinds of its family, such as the effects, if it is a value of a family or a list of such values.
    fields : tuple of FieldLine
        The fields of its record, if it is a record, or a list or a mapping of records.
    names : tuple of FieldLine
        What may appear in a condition; empty for other values.
    """

    path: str
    description: str
    type: str
    default: str
    example: str
    kinds: tuple[FieldLine, ...] = ()
    fields: tuple[FieldLine, ...] = ()
    names: tuple[FieldLine, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the help as plain data."""
        return asdict(self)


def explain_path(schemas: dict[str, JsonSchema], text: str) -> FieldHelp:
    """Return help on the field at a path.

    Parameters
    ----------
    schemas : dict
        The schema of each kind of document, as built by `file_schema`.
    text : str
        The kind of document and the keys below it, such as 'policy.flows.cart.steps'. `*` stands for any name, and indices of lists may be
        omitted.

    Returns
    -------
    FieldHelp

    Raises
    ------
    InputError
        If there is no field at the path.
    """
    path = parse_path(text.replace("[]", "[0]").replace("[*]", "[0]"))
    if path is None:
        remedy = "Begin with the kind of document, and separate the keys with dots."
        raise InputError(format_error("explain", "must be a path such as policy.flows.*.steps", short_repr(text), remedy))
    document = str(path[0])
    if document not in schemas:
        raise _unknown_key_error((), document, schemas)
    schema, definitions, default, above = schemas[document], schemas[document]["$defs"], "", ""
    for depth, key in enumerate(path[1:], 1):
        found = _child(schema, key, definitions)
        if found is None:
            raise _unknown_key_error(path[:depth], key, _known_keys(schema, definitions))
        above = schema.get("description", above)
        schema, default = found
    return _help_on(path, schema, default, definitions, above)


def find_fields(schemas: dict[str, JsonSchema], word: str) -> FieldHelp | None:
    """Return the paths of at most ten fields whose name contains a word or resembles it.

    Parameters
    ----------
    schemas : dict
        The schema of each kind of document, as built by `file_schema`.
    word : str
        A word that is not the kind of a document.

    Returns
    -------
    FieldHelp or None
        The fields, named by path, best matches first; None if there is none.
    """
    ranks = {line: _match_rank(line.name.rpartition(".")[2].lower(), word.strip().lower()) for line in _all_fields(schemas)}
    found = sorted((line for line, rank in ranks.items() if rank is not None), key=lambda line: ranks[line] or 0)
    text = f"Fields with names similar to '{word.strip()}'. To explain one of them, give its path."
    return FieldHelp(word.strip(), text, "", "", "", fields=tuple(found[:_MAX_FOUND])) if found else None


def _match_rank(name: str, word: str) -> int | None:
    """How well a name matches a word, from 0 (equal) to 2 (similar); None if it does not."""
    if name == word:
        return 0
    if word in name:
        return 1
    return 2 if difflib.SequenceMatcher(None, name, word).ratio() >= _MIN_CLOSENESS else None


def _all_fields(schemas: dict[str, JsonSchema]) -> Iterator[FieldLine]:
    """Yield the fields of all documents, named by path. Each record is visited once, at its shortest path."""
    visited = set()
    pending = [(kind, schema, schema["$defs"]) for kind, schema in schemas.items()]
    while pending:
        path, schema, definitions = pending.pop(0)
        for suffix, record in _records_below(schema, definitions, ""):
            identity = (record.get("description"), tuple(record["properties"]))
            if identity in visited:
                continue
            visited.add(identity)
            yield from (replace(line, name=f"{path}{suffix}.{line.name}") for line in field_lines(record))
            below = ((key, value) for key, value in record["properties"].items() if key not in schemas)
            pending += [(f"{path}{suffix}.{key}", value, definitions) for key, value in below]


def _records_below(schema: JsonSchema, definitions: dict[str, JsonSchema], suffix: str) -> Iterator[tuple[str, JsonSchema]]:
    """Yield each record of a value, of the items of a list, or of the values of a mapping, with the suffix to append to the path."""
    for one in _alternatives(schema, definitions):
        yield from ((suffix, definitions[referenced_name(kind)]) for kind in one.get("oneOf", ()))
        if "properties" in one:
            yield suffix, one
        elif isinstance(values := one.get("additionalProperties"), dict):
            yield from _records_below(values, definitions, f"{suffix}.*")
        elif isinstance(items := one.get("items"), dict):
            yield from _records_below(items, definitions, suffix)


def _help_on(path: KeyPath, schema: JsonSchema, default: str, definitions: dict[str, JsonSchema], above: str) -> FieldHelp:
    """Help on the value at a path, given its schema, its default and the description of the list or mapping that contains it."""
    inner = _innermost(schema, definitions)
    kinds = [definitions[referenced_name(kind)] for one in inner for kind in one.get("oneOf", ())]
    records = [one for one in inner if "properties" in one]
    example = _one_line(path[-1], schema, definitions)
    own = next((one["description"] for one in (schema, *_alternatives(schema, definitions)) if "description" in one), "")
    return FieldHelp(
        path_text(path),
        own or above,
        type_words(schema) if len(path) > 1 else "",
        default,
        example,
        tuple(kind_lines(kinds, definitions)),
        tuple(line for one in records for line in field_lines(one)),
    )


def _one_line(key: str | int, schema: JsonSchema, definitions: dict[str, JsonSchema]) -> str:
    """An example as YAML: `key: value` for a field, and the value for an item of a list or a mapping. Empty for a document."""
    if "$schema" in schema or (example := example_of(schema, definitions)) is None:
        return ""
    return _written({key: example})[1:-1] if "examples" in schema and "description" in schema else _written(example)


def field_lines(record: JsonSchema, *, name_of: NameWriter = str) -> Iterator[FieldLine]:
    """Yield a line for each field of a record.

    Parameters
    ----------
    record : dict
        Schema with 'properties'.
    name_of : callable
        Formats the names of other records that the type mentions.
    """
    for name, schema in record["properties"].items():
        example = _written(schema["examples"][0])
        yield FieldLine(name, type_words(schema, name_of=name_of), schema["description"], _default_text(name, schema, record), example)


def kind_lines(kinds: Iterable[JsonSchema], definitions: dict[str, JsonSchema]) -> Iterator[FieldLine]:
    """Yield a line for each kind of a family, named after its key.

    Parameters
    ----------
    kinds : iterable of dict
        Schemas of the kinds.
    definitions : dict
        Definitions by name.
    """
    for kind in kinds:
        key = kind["required"][0]
        words = type_words(kind["properties"][key])
        yield FieldLine(key, words, kind["description"].partition("\n\n")[0], "required", _written(example_of(kind, definitions)))


def _written(value: Any) -> str:
    """A value as in a file, on one line; dates are not quoted."""
    return re.sub(r"'(\d{4}-\d\d-\d\d)'", r"\1", to_inline_yaml(value))


def type_words(schema: JsonSchema, *, name_of: NameWriter = str) -> str:
    """Describe the type and the range of a value in words.

    Parameters
    ----------
    schema : dict
        Schema of the value.
    name_of : callable
        Formats the name of a record.

    Returns
    -------
    str

    Examples
    --------
    >>> type_words({"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 2})
    'list of numbers from 0 to 1, at least 2'
    """
    if record := referenced_name(schema):
        return name_of(record)
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{_written(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if title := schema.get("title"):
        return str(title)
    if choices := choices_of(schema):
        return " or ".join(dict.fromkeys(type_words(one, name_of=name_of) for one in choices))
    if schema.get("type") == "array":
        count = f", at least {schema['minItems']}" if "minItems" in schema and schema["minItems"] != schema.get("maxItems") else ""
        count = f", exactly {schema['minItems']}" if "minItems" in schema and not count else count
        return f"list of {_plural(type_words(schema.get('items', {}), name_of=name_of))}{count}"
    if isinstance(values := schema.get("additionalProperties"), dict):
        keys = schema.get("propertyNames", {}).get("title")
        start = f"mapping from {_plural(keys)} to" if keys else "mapping of"
        return f"{start} {_plural(type_words(values, name_of=name_of))}"
    return _WORDS.get(schema.get("type", ""), "any value") + _range_words(schema)


def _plural(words: str) -> str:
    """Return the plural of the words of a type.

    Examples
    --------
    >>> _plural("name of a stage"), _plural("time of day"), _plural("number from 0 to 1"), _plural("Gap")
    ('names of stages', 'times of day', 'numbers from 0 to 1', 'Gap records')
    >>> _plural("name of a branch")
    'names of branches'
    >>> _plural("mapping from names to numbers above 0")
    'mappings from names to numbers above 0'
    >>> _plural("time zone (IANA name)"), _plural("text")
    ('time zones (IANA name)', 'text values')
    """
    if words[:1] in "`[" or words[:1].isupper() or " or " in words.partition(" of ")[0]:
        return f"{words} records" if words[:1] in "[" or words[:1].isupper() else words
    if words.startswith("any value"):
        return "values of any type"
    if words.startswith("mapping"):
        return f"mappings{words.removeprefix('mapping')}"
    if words == "text":
        return "text values"
    if two_words := next((noun for noun in ("whole number", "time zone") if words.startswith(noun)), ""):
        return f"{two_words}s{words.removeprefix(two_words)}"
    head, article, noun = words.partition(" of an " if " of an " in words else " of a ")
    if article:
        return f"{head}s of {' or '.join(f'{one}es' if one.endswith('ch') else f'{one}s' for one in noun.split(' or '))}"
    head, space, rest = words.partition(" of " if " of " in words else " ")
    return f"{head}s{space}{rest}"


def _range_words(schema: JsonSchema) -> str:
    """The range of a number in words, after a space; empty if it is unbounded."""
    words = {"minimum": "of at least", "exclusiveMinimum": "above", "maximum": "of at most", "exclusiveMaximum": "below"}
    bounds = {key: schema[key] for key in words if abs(schema.get(key, _UNBOUNDED)) < _UNBOUNDED}
    texts = {key: f"{bound:,}" if isinstance(bound, int) else f"{bound:,g}" for key, bound in bounds.items()}
    if "minimum" in texts and "maximum" in texts:
        return f" from {texts['minimum']} to {texts['maximum']}"
    listed = " and ".join(f"{words[key]} {text}" for key, text in texts.items()).replace(" and of ", " and ")
    return f" {listed}" if listed else ""


def _default_text(name: str, schema: JsonSchema, record: JsonSchema) -> str:
    """The default of a field of a record as YAML, or 'required'."""
    required = record["anyOf"][-1]["required"] if "$schema" in record else record.get("required", ())
    if name in required:
        return "required"
    default = _without_empty(schema.get("default"))
    if isinstance(default, list) and len(default) > 1 and len({repr(one) for one in default}) == 1:
        return f"{len(default)} times {default[0]}"
    return "none" if default in (None, "", [], {}) else _written(default)


def _without_empty(value: Any) -> Any:
    """A default without empty fields, and with whole numbers written without decimals."""
    if isinstance(value, dict):
        return {key: kept for key, one in value.items() if (kept := _without_empty(one)) not in (None, "", [], {})}
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _alternatives(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> Iterator[JsonSchema]:
    """Yield the schemas that a value may satisfy; references are followed, except into the kinds of a family."""
    if name := referenced_name(schema):
        yield from _alternatives(definitions[name], definitions)
    elif "oneOf" in schema or not choices_of(schema):
        yield schema
    else:
        for choice in choices_of(schema):
            yield from _alternatives(choice, definitions)


def _innermost(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> list[JsonSchema]:
    """The alternatives of a value, or of the items of a list or a mapping, at any depth."""
    found: list[JsonSchema] = []
    for one in _alternatives(schema, definitions):
        inner = one.get("items", one.get("additionalProperties"))
        found += _innermost(inner, definitions) if isinstance(inner, dict) and "properties" not in one else [one]
    return found


def _child(schema: JsonSchema, key: str | int, definitions: dict[str, JsonSchema]) -> tuple[JsonSchema, str] | None:
    """The schema of the value under a key, and its default as text; None if there is no such key."""
    for one in _alternatives(schema, definitions):
        for record in (definitions[referenced_name(kind)] for kind in one.get("oneOf", ())):
            if key in record["properties"]:
                return record["properties"][key], _default_text(str(key), record["properties"][key], record)
        if key in one.get("properties", {}):
            return one["properties"][key], _default_text(str(key), one["properties"][key], one)
        values, items = one.get("additionalProperties"), one.get("items")
        if values and isinstance(key, str):
            return ({} if values is True else values), ""
        if isinstance(items, dict):
            return (items, "") if isinstance(key, int) or key == ANY_NAME else _child(items, key, definitions)
    return None


def _known_keys(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> list[str]:
    """The keys that a value may have."""
    records = [
        *(one for one in _innermost(schema, definitions) if "properties" in one),
        *(definitions[referenced_name(kind)] for one in _innermost(schema, definitions) for kind in one.get("oneOf", ())),
    ]
    return list(dict.fromkeys(key for record in records for key in record["properties"]))


def _unknown_key_error(above: KeyPath, key: str | int, known: Iterable[str]) -> InputError:
    """The error for a path whose last key does not exist."""
    names = list(known)
    prefix = f"{path_text(above)}." if above else ""
    listed = f"The keys of '{path_text(above)}' are: {', '.join(names) or 'none'}." if above else f"Begin with one of: {', '.join(names)}."
    near = closest_choice(key, names)
    remedy = f"Did you mean '{prefix}{near}'?" if near else listed
    return InputError(format_error("explain", "must be the path of a field", f"'{path_text((*above, key))}'", remedy))
