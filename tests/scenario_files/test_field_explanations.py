"""Help on fields by path: which field a path leads to, and types and defaults in words."""

from typing import Any

import pytest

from cjsim.description.field_help import explain_path, find_fields, type_words
from cjsim.scenario.json_schema import file_schema
from cjsim.simulation.documents import Journey, Policy, Scenario
from cjsim.yaml.keyed_union import Kind

SCHEMAS = {"scenario": file_schema(Scenario), "journey": file_schema(Journey), "policy": file_schema(Policy)}


def kinds_below(kind: type[Kind]) -> list[type[Kind]]:
    return [one for below in kind.__subclasses__() for one in (below, *kinds_below(below))]


@pytest.mark.parametrize(
    ("path", "same_as"),
    [
        ("policy.flows.cart.steps", "policy.flows.*.steps"),
        ("policy.flows.*.steps.wait", "policy.flows.*.steps[3].wait"),
        ("policy.flows.*.steps[].wait", "policy.flows.*.steps[0].wait"),
        ("policy.flows.*.steps[*].wait", "policy.flows.*.steps[0].wait"),
        ("scenario.policy.flows.*.steps", "policy.flows.*.steps"),
        ("policy.flows.*.steps[0].branch.then[0].wait", "policy.flows.*.steps[0].wait"),
    ],
)
def test_paths_that_lead_to_the_same_field_have_the_same_description(path: str, same_as: str) -> None:
    assert explain_path(SCHEMAS, path).description == explain_path(SCHEMAS, same_as).description


def test_every_field_of_a_document_can_be_explained() -> None:
    for document, schema in SCHEMAS.items():
        for key, one in schema["properties"].items():
            assert explain_path(SCHEMAS, f"{document}.{key}").description == one["description"]


def test_field_of_one_kind_is_found_among_all_kinds() -> None:
    assert explain_path(SCHEMAS, "policy.flows.*.steps[0].wait_for.at_most").type == "duration of at least 1s"


def test_description_of_a_record_in_a_mapping_is_that_of_the_record() -> None:
    assert explain_path(SCHEMAS, "policy.flows.cart").description.startswith("An automation:")


def test_item_without_a_description_has_that_of_its_list() -> None:
    assert explain_path(SCHEMAS, "journey.events.*.speed[0]").description == explain_path(SCHEMAS, "journey.events.*.speed").description


def test_default_omits_fields_that_are_empty() -> None:
    assert explain_path(SCHEMAS, "journey.personas").default == "{customer: {share: 1, satisfaction: 0.5}}"


def test_default_of_equal_numbers_is_their_count() -> None:
    assert explain_path(SCHEMAS, "journey.activity.*.hours").default == "24 times 1"


def test_kinds_are_named_after_their_keys() -> None:
    assert {kind.name for kind in explain_path(SCHEMAS, "journey.events.*.effects").kinds} >= {"go", "purchase", "choose"}


def test_first_required_field_of_a_kind_is_its_key() -> None:
    definitions = {**SCHEMAS["journey"]["$defs"], **SCHEMAS["policy"]["$defs"]}
    kinds = [kind for kind in kinds_below(Kind) if kind.__name__ in definitions]
    assert [kind for kind in kinds if definitions[kind.__name__]["required"][0] != kind.key] == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "number", "minimum": 0, "maximum": 1}, "number from 0 to 1"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "number above 0 and below 1"),
        ({"type": "number", "minimum": 0, "maximum": 1e12}, "number of at least 0"),
        ({"type": "integer", "minimum": 1, "maximum": 1000}, "whole number from 1 to 1,000"),
        ({"type": "string"}, "text"),
        ({"type": "boolean"}, "true or false"),
        ({"const": "never"}, "`never`"),
        ({"enum": ["push", "pull"]}, "`push` or `pull`"),
        ({"anyOf": [{"type": "string", "title": "duration"}, {"const": "never"}, {"type": "null"}]}, "duration or `never`"),
        ({"type": "array", "items": {"type": "string", "title": "name of an event"}}, "list of names of events"),
        ({"type": "array", "items": {"type": "integer", "minimum": 0}}, "list of whole numbers of at least 0"),
        ({"type": "array", "items": {"title": "step", "oneOf": []}, "minItems": 1}, "list of steps, at least 1"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 7, "maxItems": 7}, "list of whole numbers, exactly 7"),
        ({"type": "object", "additionalProperties": {"$ref": "#/$defs/Flow"}}, "mapping of Flow records"),
        (
            {"type": "object", "propertyNames": {"title": "name of a stage"}, "additionalProperties": {"type": "number", "minimum": 0}},
            "mapping from names of stages to numbers of at least 0",
        ),
        ({}, "any value"),
    ],
)
def test_types_are_described_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_words(schema) == words


def test_a_word_finds_the_fields_with_a_name_like_it_and_the_best_match_is_first() -> None:
    found = find_fields(SCHEMAS, "discount")
    assert found is not None
    assert [line.name for line in found.fields] == ["journey.offers.*.discount", "scenario.discount_rate"]


def test_a_misspelled_word_finds_the_field() -> None:
    found = find_fields(SCHEMAS, "disscount")
    assert found is not None
    assert found.fields[0].name == "journey.offers.*.discount"


def test_a_word_unlike_any_name_finds_nothing() -> None:
    assert find_fields(SCHEMAS, "zzzzzz") is None


@pytest.mark.parametrize("word", ["e", "wait", "split"])
def test_at_most_ten_fields_are_found_and_each_path_can_be_explained(word: str) -> None:
    found = find_fields(SCHEMAS, word)
    assert found is not None
    assert 0 < len(found.fields) <= 10
    assert [explain_path(SCHEMAS, line.name).description for line in found.fields] == [line.description for line in found.fields]
