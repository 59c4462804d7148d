"""The winner with values rounded to convenient ones."""

from typing import Any

import pytest
from reminder_study import REMINDER_CAP, REMINDER_WAIT, small_reminder_study

from cjsim.scenario.search_space import Free
from cjsim.tuning.optimize import optimize
from cjsim.tuning.results.optimum import Optimum
from cjsim.tuning.rounded_values import rounded_values
from cjsim.tuning.study import Study


def rounded(value: Any, **free: Any) -> Any:
    """The rounded value of a study with one free value."""
    study = Study.model_construct(free={"policy.x": Free(**free)}, mixes={})
    return rounded_values(study, {"policy.x": value})["policy.x"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("13d 18h 28min", "14d"), ("28h 31min", "29h"), ("95min 20s", "90min"), ("12min 40s", "13min"), ("50s", "50s")],
)
def test_a_duration_is_rounded_to_a_convenient_unit(value: str, expected: str) -> None:
    assert rounded(value, low="1s", high="60d") == expected


@pytest.mark.parametrize("value", ["1d", "1d 12h", "1h 45min", "100s"])
def test_a_duration_that_rounding_does_not_change_keeps_its_notation(value: str) -> None:
    assert rounded(value, low="1s", high="60d") == value


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [(0.193177, 0.1, 0.6, 0.19), (0.01234, 0.0, 0.05, 0.012), (213.7281, 50, 1000, 214.0), (3.14159, 0, 20, 3.1)],
)
def test_a_number_is_rounded_by_its_range(value: float, low: float, high: float, expected: float) -> None:
    assert rounded(value, low=low, high=high) == expected


def test_a_time_of_day_is_rounded_to_quarter_hours() -> None:
    assert rounded("09:38", low="06:00", high="22:00") == "09:45"


def test_a_value_with_a_step_is_not_rounded() -> None:
    assert rounded(0.125, low=0.0, high=1.0, step=0.125) == 0.125


def test_rounding_does_not_leave_the_bounds() -> None:
    assert rounded("2d 10h", low="54h", high="60d") == "2d 10h"


def test_other_paths_of_a_free_value_get_the_same_rounded_value() -> None:
    study = Study.model_construct(free={"policy.x": Free(low=0.0, high=1.0, also=("policy.y",))}, mixes={})
    assert rounded_values(study, {"policy.x": 0.123, "policy.y": 0.123}) == {"policy.x": 0.12, "policy.y": 0.12}


def found(**free: Any) -> Optimum:
    return optimize(small_reminder_study(trials=2, customers=400, free=free), storage="memory")


def test_the_rounded_winner_is_evaluated_on_the_fresh_customers() -> None:
    optimum = found(**{REMINDER_WAIT: {"low": "1h", "high": "20d", "log": True}})
    rounded = optimum.confirmation.rounded
    assert rounded is not None
    assert rounded.params == rounded_values(optimum.study, optimum.best.params)
    assert rounded.gains["clv"].value != optimum.best.gain["clv"].value
    assert optimum.to_json()["best"]["rounded"]["params"] == rounded.params
    assert "With rounded values, clv changes by" in str(optimum)


def test_values_that_are_already_round_are_not_evaluated_again() -> None:
    assert found(**{REMINDER_CAP: {"low": 1, "high": 5}}).confirmation.rounded is None
