"""Free values: coordinates in file notation, invalid values, and uniform mixes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from cjsim.errors import InputError
from cjsim.scenario.search_space import Coordinate, Free, Mix, Space
from cjsim.simulation.documents import Scenario
from cjsim.validate.search_space_checks import check_values, space_faults
from cjsim.yaml.tree import to_tree

WORLD: dict[str, Any] = {
    "name": "tiny",
    "start": "2026-01-05",
    "horizon": "30d",
    "customers": 10,
    "journey": {
        "name": "tiny",
        "starts_in": "lead",
        "stages": {"lead": {}},
        "channels": {"email": {"open_delay": {"exponential": "5h"}}},
        "messages": {"hello": {"channel": "email", "open_rate": 0.4}},
        "events": {"order": {"in": ["lead"], "wait": {"exponential": "20d"}, "effects": [{"purchase": {"value": 10}}]}},
        "acquisition": {name: {"hill": {"at_most": 5, "half": 100, "slope": 1}} for name in ("search", "social", "radio")},
    },
    "policy": {
        "name": "tiny",
        "flows": {"welcome": {"on": {"stage": "lead"}, "steps": [{"send": "hello"}, {"wait": "2d"}, {"send": "hello"}]}},
        "broadcasts": {"news": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "hello"}},
        "guardrails": {"caps": [{"at_most": 3, "per": "7d"}]},
        "acquisition": {"search": 10, "social": 10, "radio": 10},
    },
}
WAIT, CAP, HOUR = "policy.flows.welcome.steps[1].wait", "policy.guardrails.caps[0].at_most", "policy.broadcasts.news.schedule.at"
CAPS = CAP.removesuffix(".at_most")
EVERY = "policy.broadcasts.news.schedule.every_weeks"
SPEND = tuple(f"policy.acquisition.{name}" for name in ("search", "social", "radio"))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return Scenario.from_dict(WORLD)


def space(scenario: Scenario, free: dict[str, Any] | None = None, mixes: dict[str, Any] | None = None) -> Space:
    frees = {path: Free.model_validate(value) for path, value in (free or {}).items()}
    mixed = {name: Mix.model_validate(value) for name, value in (mixes or {}).items()}
    root = to_tree({"free": frees, "mixes": mixed}, "space")
    if faults := list(space_faults(frees, mixed)):
        raise InputError("\n".join(fault.message(root) for fault in faults))
    check_values(frees, mixed, scenario, root)
    return Space.from_settings(frees, mixed)


def refused(scenario: Scenario, free: dict[str, Any] | None = None, mixes: dict[str, Any] | None = None) -> str:
    with pytest.raises((InputError, ValueError)) as caught:
        space(scenario, free, mixes)
    return str(caught.value)


def test_coordinate_values_are_written_in_file_notation(scenario: Scenario) -> None:
    found = space(scenario, {WAIT: {"low": "1h", "high": "4d"}, CAP: {"low": 1, "high": 5}, HOUR: {"low": "06:00", "high": "22:00"}})
    values = found.values({WAIT: 1.25, CAP: 4, HOUR: 615})
    assert values == {WAIT: "30h", CAP: 4, HOUR: "10:15"}
    changed = scenario.with_values(values).policy
    assert changed.flows["welcome"].steps[1].wait == 1.25
    assert changed.guardrails.caps[0].at_most == 4
    assert changed.broadcasts["news"].schedule.at == 10.25


def test_choice_can_be_a_list_and_apply_to_several_paths(scenario: Scenario) -> None:
    days, per = "policy.broadcasts.news.schedule.weekdays", CAP.replace("at_most", "per")
    found = space(scenario, {days: [["monday"], ["friday", "sunday"]], WAIT: {"choices": ["1d", "3d"], "also": [per]}})
    assert found.values({days: 1, WAIT: 1}) == {days: ["friday", "sunday"], WAIT: "3d", per: "3d"}


def test_integer_bounds_of_a_real_field_give_a_real_coordinate(scenario: Scenario) -> None:
    found = space(scenario, {SPEND[0]: {"low": 1, "high": 50}, CAP: {"low": 1, "high": 5}})
    assert [one.kind for one in found.coordinates] == ["real", "whole"]


def test_durations_are_rounded_to_readable_values(scenario: Scenario) -> None:
    axis = space(scenario, {WAIT: {"low": "1s", "high": "4d"}}).axes[0]
    assert axis.value(1.0 + 20 / 86_400) == "1d"
    assert axis.value(65.4 / 86_400) == "65s"


@given(u=st.floats(0, 1), low=st.integers(-5, 5), steps=st.integers(1, 9), step=st.integers(1, 4), rest=st.integers(0, 3))
def test_stepped_coordinate_takes_only_its_steps(u: float, low: int, steps: int, step: int, rest: int) -> None:
    high = low + steps * step + min(rest, step - 1)
    value = Coordinate("x", "whole", low, high, step).at(u)
    assert value in range(low, high + 1, step)


def test_integers_have_equal_shares_of_the_unit_interval() -> None:
    one = Coordinate("x", "whole", 2, 5, 1)
    values, counts = np.unique([one.at(u) for u in (np.arange(400) + 0.5) / 400], return_counts=True)
    assert values.tolist() == [2, 3, 4, 5]
    assert counts.tolist() == [100] * 4


@given(us=st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_mix_sums_to_its_total_and_respects_minimums(us: list[float]) -> None:
    blend = Space.from_settings({}, {"spend": Mix(total=100.0, of=SPEND, at_least=5.0)}).mixes[0]
    parts = blend.values(us)
    assert sum(parts) == pytest.approx(100.0, abs=1e-9)
    assert min(parts) >= 5.0 - 1e-9


def test_uniform_coordinates_give_a_uniform_simplex_sample() -> None:
    """Each share of a uniform mix of 3 has the distribution function 1 - (1 - x)^2; fails by chance once in a million."""
    blend = Space.from_settings({}, {"spend": Mix(total=1.0, of=SPEND)}).mixes[0]
    shares = np.array([blend.values(us) for us in np.random.default_rng(4).random((4000, 2))])
    assert all(kstest(shares[:, i], lambda x: 1 - (1 - x) ** 2).pvalue > 3e-7 for i in range(3))


def test_staffing_mix_uses_integers() -> None:
    agents = tuple(f"policy.desks.help.shifts[{i}].agents" for i in range(3))
    blend = Space.from_settings({}, {"people": Mix(total=7, of=agents)}).mixes[0]
    assert blend.is_whole
    for us in np.random.default_rng(1).random((50, 2)):
        parts = blend.values(us)
        assert sum(parts) == 7
        assert all(isinstance(part, int) and part >= 0 for part in parts)


@pytest.mark.parametrize(
    ("free", "words"),
    [
        ({WAIT: {"low": "3d", "high": "1d"}}, "must be below 'high'"),
        ({WAIT: {"low": 1, "high": "1d"}}, "bounds of one kind"),
        ({WAIT: {"low": 1, "high": 2}}, "must be a duration"),
        ({WAIT.replace("welcome", "welcom"): {"low": "1h", "high": "1d"}}, "Did you mean"),
        ({CAP: {"low": 1, "high": 5000}}, "must be at most 1000"),
        ({CAP: {"low": 1, "high": 5, "step": 9}}, "must be a number above 0 and at most"),
        ({CAP: {"low": 1, "high": 5, "step": "1h"}}, "must be a number above 0 and at most"),
        ({WAIT: {"low": "1h", "high": "2h", "step": 1}}, "step: must be a duration above 0"),
        ({HOUR: {"low": "06:00", "high": "22:00", "step": "10s"}}, "step: must be a duration of whole minutes"),
        ({HOUR: {"low": "06:00", "high": "22:00", "step": 30}}, "step: must be a duration of whole minutes"),
        ({SPEND[0]: {"low": 0, "high": 5, "log": True}}, "must be above 0 if 'log' is true"),
        ({CAP: {"low": 1, "high": 5, "choices": [1, 2]}}, "either 'choices' or"),
        ({CAP: {"low": 1}}, "must have 'low' and 'high'"),
        ({CAP: [1, "many"]}, "must be a whole number"),
        ({WAIT: {"low": "1h", "high": "2d", "also": [WAIT]}}, "must not set a value twice"),
        (
            {CAPS: [{"at_most": 1}, {"at_most": 2}], CAP: {"low": 1, "high": 5}},
            "must not set a value twice",
        ),
        (
            {CAP: {"low": 1, "high": 5}, CAPS: [{"at_most": 1}, {"at_most": 2}]},
            "must not set a value twice",
        ),
        ({"a..b": {"low": 1, "high": 2}}, "must be a path such as"),
    ],
)
def test_invalid_free_values_are_rejected(scenario: Scenario, free: dict[str, Any], words: str) -> None:
    assert words in refused(scenario, free)


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        ({"total": 9, "of": SPEND, "at_least": 3}, "'total' above"),
        ({"total": 9, "of": (SPEND[0], SPEND[0])}, "must not contain duplicate paths"),
        ({"total": 9, "of": (SPEND[0], "policy.acquisition.tv")}, "tv"),
        ({"total": 5.5, "of": (CAP, EVERY)}, "total: must be a whole number, because all parts are, got 5.5"),
        ({"total": 5, "of": (CAP, EVERY), "at_least": 0.5}, "at_least: must be a whole number, because all parts are, got 0.5"),
        ({"total": 5, "of": (CAP, EVERY)}, "must be at least 1, got 0"),
    ],
)
def test_invalid_mixes_are_rejected(scenario: Scenario, mix: dict[str, Any], words: str) -> None:
    assert words in refused(scenario, {}, {"spend": mix})
