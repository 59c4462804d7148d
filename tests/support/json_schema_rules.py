"""Validation of values by a JSON schema."""

import re
from typing import Any

TYPES = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None)}


def conforms(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value conforms to a JSON schema, for the keywords of draft 2020-12 that our schemas use."""
    if "$ref" in schema and not conforms(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root):
        return False
    if "anyOf" in schema and not any(conforms(value, choice, root) for choice in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(conforms(value, choice, root) for choice in schema["oneOf"]) != 1:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "type" in schema and not (isinstance(value, TYPES[schema["type"]]) and isinstance(value, bool) == (schema["type"] == "boolean")):
        return False
    if isinstance(value, dict):
        return object_conforms(value, schema, root)
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(conforms(item, schema.get("items", {}), root) for item in value)
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, (int, float)):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        above, under = schema.get("exclusiveMinimum", value - 1), schema.get("exclusiveMaximum", value + 1)
        return bool(low <= value <= high and above < value < under)
    return True


def object_conforms(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if not set(schema.get("required", ())) <= value.keys():
        return False
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    return all(
        conforms(item, known.get(key, {} if rest is True else rest), root) if key in known or rest else False for key, item in value.items()
    )
