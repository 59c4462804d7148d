"""JSON schemas of the YAML files, for completion, validation and help in editors, and for `cjsim explain`.

Descriptions are the docstrings of the models and of their fields. The example of a field is its own, that of its type, or one composed of
the examples of its parts.
"""

from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from cjsim.scenario.fields import duration_text, hour_text
from cjsim.yaml.document import Document
from cjsim.yaml.extends import INCLUDE_KEYS

JsonSchema = dict[str, Any]

_DEFINITIONS = "#/$defs/"
# Schemas of the short forms of records, and examples of the records.
_SHORTHANDS: dict[str, tuple[JsonSchema, list[Any]]] = {
    "Moment": ({"type": "string", "description": "The first occurrence of this event."}, ["order", {"event": "order", "nth": 2}]),
    "Spend": ({"type": "number", "minimum": 0, "description": "Money per day."}, [250]),
    "Objective": ({"type": "string", "description": "A metric to maximize."}, ["clv", {"metric": "cost", "direction": "minimize"}]),
    "Free": ({"type": "array", "minItems": 2, "description": "The possible values."}, [{"low": "6h", "high": "72h"}, ["6h", "24h"]]),
}
_FILE_KEYS = {
    "extends": {
        "type": "string",
        "description": "A base file. Keys of this file override those of the base.",
        "examples": ["base.yaml"],
    },
    "set": {"type": "object", "description": "Values by key path, applied last.", "examples": [{"horizon": "90d"}]},
}
_FILE_NAMES = {"journey": "../journeys/shop.yaml", "policy": "../policies/shop_today.yaml", "scenario": "../scenarios/shop.yaml"}
_NUMBER_WRITERS = {"duration": duration_text, "duration of at least 1s": duration_text, "time of day": hour_text}  # by title of the type


class _SchemaGenerator(GenerateJsonSchema):
    """Keeps titles of types, such as 'duration', but not those that pydantic derives from the names of fields. Keeps the order of keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return false."""
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchema:
        """Return the schema of a mapping, with the titles of its keys and values, which pydantic omits."""
        found: JsonSchema = super().dict_schema(schema)
        for part, key in (("keys_schema", "propertyNames"), ("values_schema", "additionalProperties")):
            title = self.generate_inner(schema[part]).get("title") if part in schema else None  # type: ignore[literal-required]
            if title and isinstance(found.get(key, {}), dict) and "$ref" not in found.get(key, {}):
                found[key] = {"title": title, **found.get(key, {})}
        return found

    def sort(self, value: JsonSchema, parent_key: str | None = None) -> JsonSchema:
        """Return the schema as it is, so that examples keep their order."""
        return value


def file_schema(model: type[Document]) -> JsonSchema:
    """Build the JSON schema (draft 2020-12) of a YAML file.

    Parameters
    ----------
    model : type
        The document class, such as `Scenario`.

    Returns
    -------
    dict
        Can be passed to `json.dumps`. Each property has a description and an example.
    """
    schema: JsonSchema = model.model_json_schema(by_alias=True, schema_generator=_SchemaGenerator)
    definitions = schema["$defs"]
    _add_shorthands(definitions)
    for name in INCLUDE_KEYS & schema["properties"].keys():
        _allow_file_name(schema["properties"], name)
    schema["properties"] |= _FILE_KEYS
    for record in (schema, *definitions.values()):
        record["description"] = _reflow(record["description"])
        for properties in _properties_of(record):
            for one in properties.values():
                _complete_property(one, definitions)
    required = schema.pop("required", [])
    head: JsonSchema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **schema, "anyOf": [{"required": ["extends"]}, {"required": required}]}


def referenced_name(schema: JsonSchema) -> str:
    """Return the name of the definition that a schema refers to; empty if it refers to none."""
    return str(schema.get("$ref", "")).removeprefix(_DEFINITIONS)


def choices_of(schema: JsonSchema) -> list[JsonSchema]:
    """Return the alternatives of a schema, without null."""
    listed = (choice for key in ("anyOf", "oneOf") for choice in schema.get(key, ()))
    return [choice for choice in listed if choice.get("type") != "null" and set(choice) != {"required"}]


def _add_shorthands(definitions: dict[str, JsonSchema]) -> None:
    """Add the short forms to the definitions."""
    for name in _SHORTHANDS.keys() & definitions.keys():
        short, examples = _SHORTHANDS[name]
        record = definitions[name]
        definitions[name] = {"anyOf": [short, record], "description": record["description"], "examples": examples}
    if "Variant" in definitions:
        _allow_file_name(definitions["Variant"]["properties"], "scenario")
    if "Existing" in definitions:
        _allow_file_name(definitions["Existing"]["properties"], "policy")
    if "Staffing" in definitions:
        staffing, of_shift = definitions["Staffing"], definitions["Shift"]["properties"]
        staffing["properties"]["agents"] = of_shift["agents"] | {"description": "Agents around the clock; replaces shifts."}
        staffing["properties"]["wage_per_hour"] = of_shift["wage_per_hour"] | {"description": "Hourly wage per agent; requires agents."}
        staffing["required"].remove("shifts")
        staffing["anyOf"] = [{"required": ["shifts"]}, {"required": ["agents"]}]


def _allow_file_name(properties: dict[str, JsonSchema], name: str) -> None:
    """Allow a file name as the value of a property."""
    inline = properties[name]
    notes: JsonSchema = {key: inline.pop(key) for key in ("description", "default", "examples") if key in inline}
    file_name = {"type": "string", "title": "file name", "examples": [_FILE_NAMES[name]]}
    properties[name] = {"anyOf": [file_name, *inline.get("anyOf", [inline])], **notes}


def _properties_of(record: JsonSchema) -> Iterator[dict[str, JsonSchema]]:
    """Yield the properties of a record, and of the long form of a record with a short form."""
    for one in (record, *record.get("anyOf", ())):
        if "properties" in one:
            yield one["properties"]


def _complete_property(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> None:
    """Complete the description, the default and the examples of a property."""
    records = [name for one in (schema, *choices_of(schema)) if (name := referenced_name(one))]
    inherited = definitions[records[0]]["description"].partition("\n\n")[0] if records else ""
    schema["description"] = _reflow(schema.get("description", inherited))
    for one in (schema, *choices_of(schema)):
        if isinstance(schema.get("default"), float) and one.get("title") in _NUMBER_WRITERS:
            schema["default"] = _NUMBER_WRITERS[one["title"]](schema["default"])
    if "examples" not in schema:
        schema["examples"] = [not schema.get("default")] if schema.get("type") == "boolean" else [example_of(schema, definitions)]


def _reflow(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def example_of(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> Any:
    """Return an example of a value: the first one of the schema, or one composed of the examples of required parts.

    Parameters
    ----------
    schema : dict
        A schema without titles.
    definitions : dict
        Definitions by name.

    Returns
    -------
    Any
        Plain data; None if the schema does not restrict its values.
    """
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if name := referenced_name(schema):
        return example_of(definitions[name], definitions)
    if choices := choices_of(schema):
        return next((found for one in choices if (found := example_of(one, definitions)) is not None), None)
    if schema.get("type") == "array":
        return [example_of(schema["items"], definitions)]
    if "properties" in schema:
        return {key: example_of(schema["properties"][key], definitions) for key in schema.get("required", ())}
    if isinstance(values := schema.get("additionalProperties"), dict):
        return {example_of(schema.get("propertyNames", {}), definitions) or "name": example_of(values, definitions)}
    return None
