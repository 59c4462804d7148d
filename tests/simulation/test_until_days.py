"""`until_days` sets a separate end day for each customer's simulation, and changes nothing before that."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory_simulation import InMemoryResult, first_difference, simulate_in_memory
from random_scenarios import generate_scenarios
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.kernels.codes import EffectCode
from cjsim.simulation.documents import Scenario
from cjsim.testing.small_worlds import independent_customers, sharing_customers

WEEKLY = {
    "stages": {"here": {}},
    "events": {"buy": {"in": ["here"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]}},
}


def weekly(**settings: Any) -> Scenario:
    return small_scenario(**({"journey": WEEKLY, "horizon": "100d", "customers": 5} | settings))


def purchases(until: list[float], **settings: Any) -> list[int]:
    run = cj.simulate(weekly(**settings), until_days=np.array(until))
    return [int(count) for count in run.outcomes.customers["purchases"]]


def test_each_customer_ends_on_the_given_day_and_at_the_horizon_at_the_latest() -> None:
    assert purchases([6.9, 7.1, 21.5, 100.0, np.inf]) == [0, 1, 3, 14, 14]


def test_an_event_on_the_given_day_does_not_happen() -> None:
    assert purchases([7.0, 14.0, 21.0, 28.0, 35.0]) == [0, 1, 2, 3, 4]


def test_a_customer_whose_day_precedes_the_entry_only_enters() -> None:
    run = cj.simulate(weekly(entry={"over": "30d"}), until_days=np.zeros(5))
    assert run.entered.all() and (run.outcomes.customers["purchases"] == 0).all() and (run.outcomes.dwell == 0).all()


def test_the_shorter_of_the_day_and_the_follow_up_applies() -> None:
    run = cj.simulate(weekly(), follow_up_days=15, until_days=np.array([10.0, 20.0, 30.0, 40.0, 50.0]))
    assert run.outcomes.customers["purchases"].tolist() == [1, 2, 2, 2, 2]


def rows_until(result: InMemoryResult, until: Any) -> bytes:
    return result.rows[result.rows["time"] < until[result.rows["customer"]]].tobytes()


def test_engines_give_the_same_bytes_and_the_first_part_on_random_scenarios() -> None:
    checked = 0
    for data in generate_scenarios(120):
        scenario = Scenario.from_dict(data)
        if scenario.has_shared_resources or scenario.policy.desks or scenario.existing is not None:
            continue
        full = simulate_in_memory(scenario)
        if (full.plan.world.effects["op"] == EffectCode.REFER).any():
            continue
        until = np.random.default_rng(checked).uniform(0, scenario.horizon, len(full.registry))
        until = np.maximum(until, full.outcomes.customers["entered"] + 1e-9)
        fast = simulate_in_memory(scenario, until_days=until)
        assert first_difference(fast, simulate_in_memory(scenario, "readable", until_days=until)) == ""
        assert rows_until(full, until) == fast.rows.tobytes()
        checked += 1
    assert checked > 10


@pytest.mark.parametrize("until", [np.ones(4), np.ones((5, 1)), np.full(5, np.nan)])
def test_other_arrays_than_one_day_per_customer_are_refused(until: Any) -> None:
    with pytest.raises(InputError, match="until_days: must have one day for each of the 5 customers"):
        cj.simulate(weekly(), until_days=until)


@pytest.mark.parametrize("until", [[10, 20, 30, 40, 50], np.array([10, 20, 30, 40, 50])])
def test_whole_numbers_in_a_list_or_an_array_are_days(until: Any) -> None:
    found, expected = (cj.simulate(weekly(), until_days=days) for days in (until, np.array(until, np.float64)))
    assert found.provenance.until_days == expected.provenance.until_days
    assert found.outcomes.customers["purchases"].tolist() == [1, 2, 4, 5, 7]


@pytest.mark.parametrize("until", [["soon"] * 5, [[1.0], [1.0, 2.0]], {"days": 1}])
def test_values_other_than_numbers_are_refused(until: Any) -> None:
    with pytest.raises(InputError, match="until_days: must have one number of days per customer, got "):
        cj.simulate(weekly(), until_days=until)


def test_customers_who_share_resources_are_refused() -> None:
    with pytest.raises(InputError, match="until_days: must be omitted where customers affect each other"):
        cj.simulate(sharing_customers(), until_days=np.ones(120))


def test_customers_who_refer_others_are_refused() -> None:
    with pytest.raises(InputError, match="until_days: must be omitted where customers refer friends"):
        cj.simulate(independent_customers(), until_days=np.ones(120))


def test_a_saved_run_keeps_the_digest_of_the_days(tmp_path: Path) -> None:
    runs = [cj.simulate(weekly(), until_days=np.full(5, day)) for day in (10.0, 10.0, 11.0)]
    digests = [cj.Run.load(run.save(tmp_path / str(i))).provenance.until_days for i, run in enumerate(runs)]
    assert digests[0] == digests[1] != digests[2]


def test_summary_states_that_customers_end_on_their_own_days() -> None:
    assert "100 days, each customer until a separate end day, " in cj.simulate(weekly(), until_days=np.full(5, 10.0)).summary()
