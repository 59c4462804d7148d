"""JSON schemas for editors: every shipped file conforms to its schema, and invalid values do not."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from error_messages import WORLDS, replace_each
from json_schema_rules import conforms

from cjsim.scenario.json_schema import file_schema
from cjsim.simulation.documents import Journey, Policy, Scenario
from cjsim.tuning.study import Study
from cjsim.yaml.document import Document
from cjsim.yaml.tree import Node, read_yaml_file

KINDS: dict[str, type[Document]] = {"journeys": Journey, "policies": Policy, "scenarios": Scenario}
FILES = [path for folder in KINDS for path in sorted((ROOT / "configs" / folder).glob("*.yaml")) if KINDS[folder] is not Scenario]


def content(tree: Node) -> Any:
    """The plain value of a tree, with dates as text."""
    return json.loads(json.dumps(tree.plain(), default=str))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_shipped_file_conforms_to_its_schema(path: Path) -> None:
    # Validate the merged tree, because a file that extends another may be incomplete.
    kind = KINDS[path.parent.name]
    schema = file_schema(kind)
    assert conforms(content(kind.load(path).source()), schema, schema)


@pytest.mark.parametrize("name", ["tiny", "touchpoints", "every_construct"])
def test_every_construct_scenario_conforms_to_the_schema(name: str) -> None:
    schema = file_schema(Scenario)
    assert conforms(content(read_yaml_file(WORLDS / f"{name}.yaml")), schema, schema)


def test_study_conforms_to_its_schema() -> None:
    schema = file_schema(Study)
    assert conforms(content(read_yaml_file(WORLDS / "study.yaml")), schema, schema)


def test_study_without_objectives_violates_the_schema() -> None:
    schema, study = file_schema(Study), content(read_yaml_file(WORLDS / "study.yaml"))
    del study["objectives"]
    assert not conforms(study, schema, schema)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: pull", "kind: pul"),
        ("discount: 0.1", "discount: 1.2"),
        ("slope: 1.5", "slope: -1"),
        ("ask: sales", "ask: [sales]"),
        ("sales: {agents: 1}", "sales: {owner: Bob}"),
        ("patience: {exponential: 6min}", "patience: never"),
        ("patience: {exponential: 6min}", "patience: {exponential: soon}"),
        ("unopened: 3", "unopend: 3"),
        ("invites: 2, ", "invites: 0, "),
    ],
)
def test_invalid_values_violate_the_schema(old: str, new: str, tmp_path: Path) -> None:
    schema = file_schema(Scenario)
    file = tmp_path / "bad.yaml"
    file.write_text(replace_each((WORLDS / "touchpoints.yaml").read_text(encoding="utf-8"), [(old, new)]), encoding="utf-8")
    assert not conforms(content(read_yaml_file(file)), schema, schema)


@pytest.mark.parametrize("kind", [Journey, Policy, Scenario, Study])
def test_every_schema_object_has_a_description(kind: type[Document]) -> None:
    schema = file_schema(kind)
    assert schema["description"]
    assert [name for name, record in schema["$defs"].items() if not record.get("description")] == []


def test_schema_names_the_documents_that_users_load() -> None:
    assert {"Journey", "Policy"} <= file_schema(Scenario)["$defs"].keys()
