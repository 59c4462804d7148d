"""The help on conditions is complete, its examples are valid, and it agrees with the page on the model."""

import re

import pytest
from conftest import ROOT

from cjsim.description.condition_help import EXAMPLES, LATENT_NAMES, NAMES
from cjsim.scenario.condition_names import RESERVED, ConditionNames
from cjsim.scenario.condition_parser import parse_condition

KNOWN = ConditionNames(stages={"active": 0, "lapsed": 1}, events={"visit": 0}, tags={"vip": 0})


def test_every_word_of_the_language_is_listed() -> None:
    listed = {word for form, _ in (*NAMES, *LATENT_NAMES) for word in re.findall(r"[a-z_]+", form)}
    assert RESERVED - listed == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_valid_condition(example: str) -> None:
    assert parse_condition(example, KNOWN)


@pytest.mark.parametrize(("form", "value"), NAMES)
def test_a_name_has_the_same_row_in_the_page_on_the_model(form: str, value: str) -> None:
    page = re.sub(r"\[([^]]+)\]\(#[^)]*\)", r"\1", (ROOT / "docs" / "model.md").read_text(encoding="utf-8")).replace("`", "")
    assert f"| {form} | {value} |" in page
