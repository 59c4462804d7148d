"""Descriptions and examples of fields, which editors and `cjsim explain` show: all fields have them, and the examples are valid."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_type_hints

import pytest
from json_schema_rules import conforms
from pydantic import BaseModel, Field, TypeAdapter

from cjsim.lab.experiment import Experiment
from cjsim.scenario.fields import Duration, Name, Share
from cjsim.scenario.json_schema import example_of, file_schema
from cjsim.simulation.documents import Journey, Policy, Scenario
from cjsim.tuning.study import Study
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel

DOCUMENTS: tuple[type[Document], ...] = (Scenario, Journey, Policy, Study, Experiment)
SCHEMAS = {document: file_schema(document) for document in DOCUMENTS}
FILE_KEYS = ("journey", "policy", "scenario", "extends", "set")  # their examples are files, or belong to the document as a whole


def records_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The records that a type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from records_in(part)


def records_of(document: type[BaseModel]) -> list[type[BaseModel]]:
    """A document and all records in it, at any depth."""
    found: dict[type[BaseModel], None] = {}
    pending = [document]
    while pending:
        if (record := pending.pop()) not in found:
            found[record] = None
            pending += [one for field in record.model_fields.values() for one in records_in(field.annotation)]
    return list(found)


RECORDS = {record: document for document in DOCUMENTS for record in records_of(document)}


def properties_of(record: type[BaseModel]) -> dict[str, Any]:
    """The schemas of the properties of a record."""
    schema = SCHEMAS[RECORDS[record]]
    definition = schema if record is RECORDS[record] else schema["$defs"][record.__name__]
    return next(one["properties"] for one in (definition, *definition.get("anyOf", ())) if "properties" in one)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_has_a_sentence_as_its_description(record: type[BaseModel]) -> None:
    texts = {name: schema.get("description", "") for name, schema in properties_of(record).items()}
    assert {name: text for name, text in texts.items() if len(text) < 10 or text.count(" ") < 2 or not text.endswith(".")} == {}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_has_an_example_that_conforms_to_the_schema(record: type[BaseModel]) -> None:
    root = SCHEMAS[RECORDS[record]]
    faults = [
        name
        for name, schema in properties_of(record).items()
        if not schema.get("examples") or not all(conforms(example, schema, root) for example in schema["examples"])
    ]
    assert faults == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_models_accept_the_examples_of_fields(record: type[BaseModel]) -> None:
    hints, properties = get_type_hints(record, include_extras=True), properties_of(record)
    for name, field in record.model_fields.items():
        if (key := field.alias or name) not in FILE_KEYS:
            for example in properties[key]["examples"]:
                TypeAdapter(hints[name]).validate_python(example)


@pytest.mark.parametrize("record", [one for one in RECORDS if not issubclass(one, Document)], ids=lambda record: record.__name__)
def test_models_accept_their_example(record: type[BaseModel]) -> None:
    definitions = SCHEMAS[RECORDS[record]]["$defs"]
    record.model_validate(example_of(definitions[record.__name__], definitions))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_schemas_have_no_titles_made_from_names_of_fields(document: type[Document]) -> None:
    assert "Half Life" not in json.dumps(SCHEMAS[document])


class Terms(Document):
    """A record for these tests."""

    name: Name = "shop"
    """Name of
    the terms."""
    wait: Duration = 1.5
    """Time to wait."""
    shares: dict[Annotated[Name, Field(examples=["north"])], tuple[Share, ...]] = {}
    """Shares by region."""
    is_on: bool = True
    """Whether the terms apply."""
    inner: "Inner | None" = None


class Inner(StrictModel):
    """The inner record."""

    size: Annotated[int, Field(examples=[3])]
    """Size of the record."""
    note: str = ""
    """Note on the record."""


@pytest.fixture(scope="module")
def terms() -> dict[str, Any]:
    properties: dict[str, Any] = file_schema(Terms)["properties"]
    return properties


def test_descriptions_are_docstrings_without_line_breaks(terms: dict[str, Any]) -> None:
    assert terms["name"]["description"] == "Name of the terms."


def test_field_without_a_docstring_has_the_description_of_its_record(terms: dict[str, Any]) -> None:
    assert terms["inner"]["description"] == "The inner record."


def test_default_of_a_duration_has_the_notation_of_files(terms: dict[str, Any]) -> None:
    assert terms["wait"]["default"] == "36h"


def test_example_of_a_mapping_is_composed_of_the_examples_of_its_parts(terms: dict[str, Any]) -> None:
    assert terms["shares"]["examples"] == [{"north": [0.1]}]


def test_example_of_a_record_has_its_required_fields(terms: dict[str, Any]) -> None:
    assert terms["inner"]["examples"] == [{"size": 3}]


def test_example_of_a_switch_is_not_its_default(terms: dict[str, Any]) -> None:
    assert terms["is_on"]["examples"] == [False]
