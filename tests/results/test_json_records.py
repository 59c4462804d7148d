"""Records as JSON: undefined numbers, aliases, keys of other versions, and files that cannot be read."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import numpy as np
import pytest
from pydantic import Field, ValidationError

from cjsim.errors import InputError
from cjsim.json_records import JsonRecord, Number, plain_values, read_json, write_json
from cjsim.manifest import Manifest


@dataclass(frozen=True)
class Reading(JsonRecord):
    name: str
    level: Number
    bounds: Annotated[tuple[Number, ...], Field(alias="ends")] = ()


def test_undefined_numbers_are_null() -> None:
    assert Reading("a", math.nan, (1.0, math.inf)).to_json() == {"name": "a", "level": None, "ends": [1.0, None]}


def test_null_is_read_as_undefined() -> None:
    assert math.isnan(Reading.from_json({"name": "a", "level": None}).level)


def test_records_are_read_bit_for_bit() -> None:
    record = Reading("a", 0.1 + 0.2, (1e-300, -0.0, 1e17))
    again = Reading.from_json(json.loads(json.dumps(record.to_json())))
    assert str(again) == str(record)


def test_unknown_keys_are_ignored() -> None:
    assert Reading.from_json({"name": "a", "level": 1, "added_later": 3}) == Reading("a", 1.0)


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(ValidationError, match="level"):
        Reading.from_json({"name": "a"})


def test_values_that_json_cannot_hold_are_an_error() -> None:
    with pytest.raises(TypeError, match="int64 is not a plain value"):
        plain_values({"seed": np.int64(1)})


def test_read_only_mappings_become_dicts() -> None:
    assert plain_values({"values": MappingProxyType({"a": math.nan})}) == {"values": {"a": None}}


@pytest.mark.parametrize("content", ["{half", "[1, 2]"])
def test_a_file_without_a_json_object_is_an_input_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=r"must be the folder of a saved run, got no readable metrics\.json\. Save it again\."):
        read_json(tmp_path / "metrics.json", "run")


def test_names_are_written_as_they_are(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Café"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "name": "Café"\n}\n'


@pytest.mark.parametrize("content", ["{half", "{}", '{"kind": "run"}'])
def test_a_file_that_is_no_manifest_is_an_input_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest\.json: must be the manifest of one of experiment, study, levers, got "):
        Manifest.read(tmp_path)
