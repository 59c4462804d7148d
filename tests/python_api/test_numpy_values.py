"""numpy scalars behave as Python numbers wherever values are given; arrays and Series are refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_scenarios import small_scenario

from cjsim.errors import InputError, short_repr
from cjsim.simulation.documents import Scenario
from cjsim.tuning.study import Study
from cjsim.yaml.tree import to_tree


@pytest.mark.parametrize("value", [np.float64(0.25), np.float32(0.25), np.array(0.25)])
def test_numpy_numbers_are_read_and_written_as_python_numbers(value: Any) -> None:
    assert short_repr(value) == "0.25"
    assert type(to_tree(value, "here").value) is float


def test_a_numpy_integer_sets_an_integer() -> None:
    assert small_scenario().with_values({"customers": np.int64(7)}).customers == 7


def test_a_numpy_number_is_refused_as_a_python_number_is() -> None:
    with pytest.raises(InputError, match=r"^with_values: customers: must be a whole number, got 2\.5\."):
        small_scenario().with_values({"customers": np.float64(2.5)})


@pytest.mark.parametrize("value", [np.array([1, 2]), pd.Series([1, 2]), pd.DataFrame({"a": [1]})])
def test_arrays_are_refused_with_their_path(value: Any) -> None:
    with pytest.raises(InputError, match=r"^with_values: journey\.events: must be a number, text, .* of shape .* tolist"):
        small_scenario().with_values({"journey.events": value})


def test_loading_a_scenario_accepts_numpy_values() -> None:
    assert Scenario.load("shop", set={"customers": np.int32(9)}).customers == 9


def test_bounds_of_a_study_may_be_numpy_numbers() -> None:
    study = {
        "name": "s",
        "scenario": "shop",
        "free": {"policy.guardrails.caps[0].at_most": {"low": np.int64(1), "high": np.int64(4)}},
        "objectives": ["clv"],
    }
    free = Study.from_dict(study).free["policy.guardrails.caps[0].at_most"]
    assert type(free.low) is int  # type: ignore[union-attr]
