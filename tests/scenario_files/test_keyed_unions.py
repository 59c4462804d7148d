"""Families of kinds that are told apart by a key."""

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cjsim.yaml.keyed_union import KeyedUnion, Kind


class Walk(Kind, key="walk"):
    walk: int
    pace: str = "slow"


class Wait(Kind, key="wait"):
    wait: int


FAMILY: TypeAdapter[Any] = TypeAdapter(Annotated[Walk | Wait, KeyedUnion("kind")])


def test_a_mapping_is_read_as_the_kind_whose_key_it_has() -> None:
    assert FAMILY.validate_python({"pace": "fast", "walk": 3}) == Walk(walk=3, pace="fast")


def test_a_kind_made_in_python_is_taken_as_it_is() -> None:
    assert FAMILY.validate_python(Wait(wait=2)) == Wait(wait=2)


@pytest.mark.parametrize("value", [{"walk": 3, "wait": 2}, {"pace": "fast"}, {}, "walk", None])
def test_a_value_without_exactly_one_key_of_the_family_is_rejected(value: object) -> None:
    with pytest.raises(ValidationError, match="must have exactly one of 'walk', 'wait'"):
        FAMILY.validate_python(value)


def test_a_tag_in_the_location_of_an_error_is_no_key_of_the_file() -> None:
    with pytest.raises(ValidationError) as found:
        FAMILY.validate_python({"walk": "far"})
    assert found.value.errors()[0]["loc"] == ("<walk>", "walk")


def test_a_short_form_is_expanded_before_its_kind_is_chosen() -> None:
    short = KeyedUnion("kind", expand=lambda value: {"wait": value} if isinstance(value, int) else value)
    assert TypeAdapter(Annotated[Walk | Wait, short]).validate_python(7) == Wait(wait=7)
