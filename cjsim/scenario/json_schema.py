"""JSON schemas of the YAML files, for completion and checks in editors."""

from typing import Any

from cjsim.yaml.document import Document
from cjsim.yaml.extends import INCLUDE_KEYS

# Records with a short form, and the schema of that form.
_SHORTHANDS: dict[str, dict[str, Any]] = {
    "Moment": {"type": "string", "description": "The event, when it first happens."},
    "Spend": {"type": "number", "minimum": 0, "description": "Money a day."},
    "Objective": {"type": "string", "description": "The metric, wanted large."},
    "Free": {"type": "array", "minItems": 2, "description": "The choices."},
}
_FILE_KEYS = {
    "extends": {"type": "string", "description": "A file that this one is merged over."},
    "set": {"type": "object", "description": "Values by path, set last.", "examples": [{"horizon": "90d"}]},
}


def file_schema(model: type[Document]) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a YAML file.

    Parameters
    ----------
    model : type
        The document type, such as `Scenario`.

    Returns
    -------
    dict
        Ready for `json.dumps`.
    """
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    _add_shorthands(schema["$defs"])
    required = schema.pop("required", [])
    properties = schema["properties"] | _FILE_KEYS
    properties |= {key: {"anyOf": [{"type": "string"}, properties[key]]} for key in INCLUDE_KEYS if key in properties}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **schema, "properties": properties, "anyOf": [{"required": ["extends"]}, {"required": required}]}


def _add_shorthands(definitions: dict[str, Any]) -> None:
    """Add the short forms of definitions to the definitions."""
    for name in _SHORTHANDS.keys() & definitions.keys():
        definitions[name] = {"anyOf": [_SHORTHANDS[name], definitions[name]], "description": definitions[name]["description"]}
    if "Variant" in definitions:
        scenario = definitions["Variant"]["properties"]["scenario"]
        scenario["anyOf"].insert(0, {"type": "string", "description": "A scenario's file."})
    if "Staffing" in definitions:
        staffing = definitions["Staffing"]
        staffing["properties"]["agents"] = definitions["Shift"]["properties"]["agents"] | {
            "description": "Round the clock, instead of shifts."
        }
        staffing["properties"]["wage_per_hour"] = definitions["Shift"]["properties"]["wage_per_hour"] | {"description": "Beside agents."}
        staffing["required"].remove("shifts")
        staffing["anyOf"] = [{"required": ["shifts"]}, {"required": ["agents"]}]
