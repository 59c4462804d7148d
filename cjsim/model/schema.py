"""JSON schemas of the files, for completion and checks in editors.

Lives here: the schema of a file, which may also extend, include and set. Does not live here: what the keys mean.
"""

from typing import Any

from cjsim.model.assemble import INCLUDED
from cjsim.model.document import Document
from cjsim.model.journey import Journey
from cjsim.model.policy import Policy
from cjsim.model.scenario import Scenario

_MODELS: dict[str, type[Document]] = {"journey": Journey, "policy": Policy, "scenario": Scenario}
_LAYERS = {
    "extends": {"type": "string", "description": "A file that this one is merged over."},
    "set": {"type": "object", "description": "Values by path, set last.", "examples": [{"horizon": "90d"}]},
}


def file_schema(kind: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a YAML file.

    Parameters
    ----------
    kind : {"journey", "policy", "scenario"}
        What the file holds.
    """
    schema: dict[str, Any] = _MODELS[kind].model_json_schema(by_alias=True)
    required = schema.pop("required", [])
    properties = schema["properties"] | _LAYERS
    if kind == "scenario":
        name_or_inline = {key: {"anyOf": [{"type": "string"}, properties[key]]} for key in INCLUDED}
        properties = properties | name_or_inline
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **schema, "properties": properties, "anyOf": [{"required": ["extends"]}, {"required": required}]}
