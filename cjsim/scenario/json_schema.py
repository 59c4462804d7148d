"""JSON schemas of the YAML files, for completion and validation in editors."""

from typing import Any

from cjsim.yaml.document import Document
from cjsim.yaml.extends import INCLUDE_KEYS

# Schemas of the short forms of records.
_SHORTHANDS: dict[str, dict[str, Any]] = {
    "Moment": {"type": "string", "description": "The first occurrence of this event."},
    "Spend": {"type": "number", "minimum": 0, "description": "Money per day."},
    "Objective": {"type": "string", "description": "A metric to maximize."},
    "Free": {"type": "array", "minItems": 2, "description": "The possible values."},
}
_FILE_KEYS = {
    "extends": {"type": "string", "description": "A base file. Keys of this file override those of the base."},
    "set": {"type": "object", "description": "Values by key path, applied last.", "examples": [{"horizon": "90d"}]},
}


def file_schema(model: type[Document]) -> dict[str, Any]:
    """Build the JSON schema (draft 2020-12) of a YAML file.

    Parameters
    ----------
    model : type
        The document class, such as `Scenario`.

    Returns
    -------
    dict
        Can be passed to `json.dumps`.
    """
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    _add_shorthands(schema["$defs"])
    required = schema.pop("required", [])
    properties = schema["properties"] | _FILE_KEYS
    properties |= {key: {"anyOf": [{"type": "string"}, properties[key]]} for key in INCLUDE_KEYS if key in properties}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **schema, "properties": properties, "anyOf": [{"required": ["extends"]}, {"required": required}]}


def _add_shorthands(definitions: dict[str, Any]) -> None:
    """Add the short forms to the definitions."""
    for name in _SHORTHANDS.keys() & definitions.keys():
        definitions[name] = {"anyOf": [_SHORTHANDS[name], definitions[name]], "description": definitions[name]["description"]}
    if "Variant" in definitions:
        scenario = definitions["Variant"]["properties"]["scenario"]
        scenario["anyOf"].insert(0, {"type": "string", "description": "The file of a scenario."})
    if "Staffing" in definitions:
        staffing, of_shift = definitions["Staffing"], definitions["Shift"]["properties"]
        staffing["properties"]["agents"] = of_shift["agents"] | {"description": "Agents around the clock; replaces shifts."}
        staffing["properties"]["wage_per_hour"] = of_shift["wage_per_hour"] | {"description": "Hourly wage per agent; requires agents."}
        staffing["required"].remove("shifts")
        staffing["anyOf"] = [{"required": ["shifts"]}, {"required": ["agents"]}]
