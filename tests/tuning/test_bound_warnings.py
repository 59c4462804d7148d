"""Warnings about winning values at the bounds of their search."""

from typing import Any

import pytest
from fake_search import load_test_study

from cjsim.tuning.optimize import optimize
from cjsim.tuning.results.bound_warnings import bound_warnings

WAIT, CAP, PER = "policy.flows.remind.steps[0].wait", "policy.guardrails.caps[0].at_most", "policy.guardrails.caps[0].per"
AGAIN, SOME = "policy.flows.remind.again_after", "policy.flows.remind.steps[1].split.some.share"


def warned(path: str, value: Any, **changes: Any) -> list[str]:
    return bound_warnings(load_test_study(**changes), {path: value})


@pytest.mark.parametrize(("value", "bound"), [("1h", "lower"), ("65min", "lower"), ("5d", "upper"), ("4d 20h", "upper")])
def test_a_duration_near_a_bound_warns(value: str, bound: str) -> None:
    [found] = warned(WAIT, value)
    assert found.startswith(f"{WAIT}: the best value ({value}) is at the {bound} bound of the search")


# Positions between 1 hour and 5 days on the logarithmic scale: 70 min 0.032, 4 d 12 h 0.978.
@pytest.mark.parametrize("value", ["70min", "1d", "4d 12h"])
def test_a_duration_away_from_the_bounds_does_not_warn(value: str) -> None:
    assert warned(WAIT, value) == []


@pytest.mark.parametrize(("value", "n_warnings"), [(0, 1), (1, 0), (5, 0), (6, 1)])
def test_only_whole_numbers_at_a_bound_warn(value: int, n_warnings: int) -> None:
    assert len(warned(CAP, value)) == n_warnings


def test_the_last_step_counts_as_the_bound() -> None:
    assert len(warned(AGAIN, "6d", free={AGAIN: {"low": "1d", "high": "7d", "step": "5d"}})) == 1


def test_choices_have_no_bounds() -> None:
    assert warned(PER, "1d") == []


@pytest.mark.parametrize(("share", "n_warnings"), [(0.2, 1), (0.21, 1), (0.23, 0), (0.5, 0)])
def test_a_part_of_a_mix_at_its_minimum_warns(share: float, n_warnings: int) -> None:
    assert len(warned(SOME, share, **{"mixes.messages.at_least": 0.2})) == n_warnings


def test_the_result_of_a_search_has_the_warnings_in_text_and_json() -> None:
    # Both values of the search are at a bound.
    found = optimize(load_test_study(free={CAP: {"low": 0, "high": 1}}, mixes={}, trials=2, constraints=[]), storage="memory")
    [warning] = found.to_json()["warnings"]
    assert f"Warning: {warning}" in " ".join(str(found).split())  # long lines are wrapped


def test_a_part_of_a_mix_may_be_0() -> None:
    assert warned(SOME, 0.0) == []
