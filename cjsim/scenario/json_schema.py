"""JSON schemas of the files, for completion and checks in editors.

Lives here: the schema of a file, which may also extend, include and set. Does not live here: what the keys mean.
"""

from typing import Any

from cjsim.yaml.document import Document
from cjsim.yaml.extends import INCLUDE_KEYS

# Records that may be written as one value, and what that is.
_SHORTHANDS: dict[str, dict[str, Any]] = {
    "Ask": {"type": "string", "description": "The desk."},
    "AmountLaw": {"type": "number", "minimum": 0, "description": "Always this much."},
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
        What the file holds, such as `Scenario`.
    """
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    _add_shorthands(schema["$defs"])
    required = schema.pop("required", [])
    properties = schema["properties"] | _FILE_KEYS
    properties |= {key: {"anyOf": [{"type": "string"}, properties[key]]} for key in INCLUDE_KEYS if key in properties}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **schema, "properties": properties, "anyOf": [{"required": ["extends"]}, {"required": required}]}


def _add_shorthands(records: dict[str, Any]) -> None:
    """Add to the definitions what stands for a whole record in a file."""
    for name in _SHORTHANDS.keys() & records.keys():
        records[name] = {"anyOf": [_SHORTHANDS[name], records[name]], "description": records[name]["description"]}
    if "Variant" in records:
        scenario = records["Variant"]["properties"]["scenario"]
        scenario["anyOf"].insert(0, {"type": "string", "description": "A scenario's file."})
    if "ExponentialWait" in records:
        law = records["ExponentialWait"]
        records["ExponentialWait"] = {"anyOf": [law["properties"]["mean"], law], "description": law["description"]}
    if "On" in records:
        records["On"]["properties"]["of"]["anyOf"].append({"type": "string"})
    if "Staffing" in records:
        staffing = records["Staffing"]
        staffing["properties"]["agents"] = records["Shift"]["properties"]["agents"] | {"description": "Round the clock, instead of shifts."}
        staffing["properties"]["wage_per_hour"] = records["Shift"]["properties"]["wage_per_hour"] | {"description": "Beside agents."}
        staffing["required"].remove("shifts")
        staffing["anyOf"] = [{"required": ["shifts"]}, {"required": ["agents"]}]
