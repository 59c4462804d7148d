"""A follow-up ends each customer's simulation some days after entry, and changes nothing before that."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory_simulation import InMemoryResult, first_difference, simulate_in_memory
from random_scenarios import generate_scenarios
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.kernels.world import Array
from cjsim.simulation.documents import Scenario
from cjsim.testing.small_worlds import independent_customers, sharing_customers

FOLLOW_UP = 14.25
WEEKLY = {
    "stages": {"here": {"retained": True}},
    "events": {"buy": {"in": ["here"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]}},
    "moments": {"conversion": "buy"},
}


def weekly(**settings: Any) -> Scenario:
    return small_scenario(**({"journey": WEEKLY, "horizon": "100d", "customers": 50, "entry": {"over": "30d"}} | settings))


def rows_by_key(result: InMemoryResult, *, until: float = np.inf) -> dict[int, bytes]:
    """Log rows of each customer within `until` days of entry, without the customer's number."""
    found = {}
    for key, number in zip(result.registry.keys.tolist(), range(len(result.registry)), strict=True):
        rows = result.rows[result.rows["customer"] == number].copy()
        rows = rows[rows["time"] < result.outcomes.customers["entered"][number] + until]
        rows["customer"] = 0
        found[key] = rows.tobytes()
    return found


def assert_is_first_part(short: InMemoryResult, full: InMemoryResult, days: float) -> None:
    expected = rows_by_key(full, until=days)
    assert {key: expected[key] for key in rows_by_key(short)} == rows_by_key(short)


def test_log_is_the_first_part_of_the_full_log() -> None:
    full, short = (simulate_in_memory(independent_customers(), follow_up_days=days) for days in (None, FOLLOW_UP))
    assert 0 < len(short.rows) < len(full.rows) / 2
    assert_is_first_part(short, full, FOLLOW_UP)


def test_customers_referred_within_the_follow_up_have_their_own() -> None:
    full, short = (simulate_in_memory(independent_customers(), follow_up_days=days) for days in (None, 60.0))
    assert 0 < len(short.registry.later_keys) < len(full.registry.later_keys)
    assert_is_first_part(short, full, 60.0)


def test_engines_give_the_same_bytes_and_the_first_part_on_random_scenarios() -> None:
    scenarios = [Scenario.from_dict(data) for data in generate_scenarios(120)]
    independent = [
        scenario for scenario in scenarios if not scenario.has_shared_resources and not scenario.policy.desks and scenario.existing is None
    ]
    assert len(independent) > 15
    for scenario in independent:
        fast = simulate_in_memory(scenario, follow_up_days=9.5)
        assert first_difference(fast, simulate_in_memory(scenario, "readable", follow_up_days=9.5)) == ""
        assert_is_first_part(fast, simulate_in_memory(scenario), 9.5)


def test_a_follow_up_beyond_the_horizon_changes_nothing() -> None:
    assert first_difference(simulate_in_memory(weekly(), follow_up_days=500), simulate_in_memory(weekly())) == ""


def test_outcomes_count_from_entry() -> None:
    assert cj.simulate(weekly(), follow_up_days=21.5).outcomes.customers["purchases"].tolist() == [3] * 50


def test_an_event_at_the_end_of_the_follow_up_does_not_happen() -> None:
    assert cj.simulate(weekly(entry={"over": "0s"}), follow_up_days=21).outcomes.customers["purchases"].tolist() == [2] * 50


def dwell(run: cj.Run) -> Array:
    return run.outcomes.dwell.sum(axis=1)


def test_days_in_stages_sum_to_the_follow_up() -> None:
    assert np.allclose(dwell(cj.simulate(weekly(), follow_up_days=FOLLOW_UP)), FOLLOW_UP)


def test_customers_who_enter_late_are_followed_until_the_horizon() -> None:
    run = cj.simulate(weekly(), follow_up_days=90)
    assert np.allclose(dwell(run), np.minimum(90, 100 - run.outcomes.customers["entered"]), rtol=1e-6)
    assert "of them for less time, because they entered late" in " ".join(run.summary().split())


def test_retention_is_unobserved_beyond_the_follow_up() -> None:
    metrics = cj.simulate(weekly(), follow_up_days=40).metrics
    assert (metrics["retention_30d"].n, metrics["retention_90d"].n) == (50, 0)


def test_clv_counts_the_follow_up_only() -> None:
    scenario = weekly(discount_rate=0.1)
    assert cj.simulate(scenario, follow_up_days=10).metrics["clv"].value == pytest.approx(10 * 1.1 ** (-7 / 365))


def test_summary_states_the_follow_up() -> None:
    assert "100 days, each customer for 14 days from entry, seed" in cj.simulate(weekly(), follow_up_days=14).summary()


def test_a_saved_run_keeps_its_follow_up(tmp_path: Path) -> None:
    folder = cj.simulate(weekly(), follow_up_days=14).save(tmp_path)
    assert cj.Run.load(folder).provenance.follow_up_days == 14.0


def test_equal_policies_differ_by_0_within_the_follow_up() -> None:
    scenario = independent_customers()
    compared = cj.compare({"one": scenario, "other": scenario}, follow_up_days=14)
    effects = [effect.effect for effect in compared.alternatives["other"].values() if not np.isnan(effect.effect)]
    assert len(effects) > 20
    assert set(effects) == {0.0}


def test_runs_with_different_follow_ups_are_not_compared() -> None:
    with pytest.raises(InputError, match="must have the same follow_up_days as 'short'"):
        cj.Comparison.of({"short": cj.simulate(weekly(), follow_up_days=7), "full": cj.simulate(weekly())})


def test_shared_resources_are_refused() -> None:
    with pytest.raises(InputError, match="follow_up_days: must be omitted where customers affect each other, got customers who share"):
        cj.simulate(sharing_customers(), follow_up_days=14)


def observe(simulation: cj.RunningSimulation) -> Any:
    yield simulation.timeout(1)


def test_processes_are_refused() -> None:
    with pytest.raises(InputError, match="got the process 'observe'"):
        cj.simulate(weekly(), follow_up_days=14, engine="readable", processes=[observe])


@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf"), "14d", True])
def test_follow_up_must_be_a_positive_number(days: Any) -> None:
    with pytest.raises(InputError, match="follow_up_days: must be a number of days above 0"):
        cj.simulate(weekly(), follow_up_days=days)
