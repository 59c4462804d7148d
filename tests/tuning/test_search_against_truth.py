"""Searches with a known optimum and with free values without effect: small versions of experiments E10 to E12 and E16."""

import sys

import numpy as np
import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.tuning.study import Study

sys.path.insert(0, str(ROOT / "experiments"))
import e10_known_optimum as e10
import e10_landscape as landscape
import e11_pareto as e11
import e12_null_study as e12
import e16_cost_of_search as e16
import search_comparison

SMALL_STUDY_VALUES = {"customers": 2_000, "trials": 32, "confirm": {"finalists": 2, "customers": 2_000}}


@pytest.fixture(scope="module")
def small_search() -> search_comparison.SearchResult:
    return search_comparison.run_strategy(landscape.STUDY, search_comparison.DEFAULT_STRATEGY, 1, values=SMALL_STUDY_VALUES)


def test_value_of_the_grid_optimum_matches_the_record() -> None:
    """On the first 20,000 of its 200,000 customers: a difference of 5 standard errors has a probability of one in a million."""
    study, best = Study.load(landscape.STUDY), landscape.best_policy(landscape.read_policies())
    clv = landscape.true_clv(study, e10.params_of(study, best), 20_000)
    assert clv.mean() == pytest.approx(best.clv, abs=5 * clv.std() / np.sqrt(20_000))


def test_few_grid_policies_are_near_the_best() -> None:
    assert 0 < landscape.share_within(landscape.read_policies(), 0.01) < 0.03


def test_small_search_approaches_the_known_optimum(small_search: search_comparison.SearchResult) -> None:
    """The CLV is within 4 % of the best, while the current policy loses more than 20 %. One of 20 seeds misses this bound (6.2 %)."""
    best = landscape.best_policy(landscape.read_policies()).clv
    found, today = (
        landscape.true_clv(small_search.study, params, 20_000).mean() for params in (dict(small_search.confirmed.trial.params), {})
    )
    assert today < 0.8 * best
    assert found > 0.96 * best


def test_pruning_saves_simulations_and_keeps_complete_trials(small_search: search_comparison.SearchResult) -> None:
    full = sum(trial.customers == 2_000 for trial in small_search.trials)
    assert 2 <= full < 32
    assert small_search.simulated_customers < 32 * 2_000


def test_search_comparison_matches_the_command() -> None:
    searched = search_comparison.run_strategy(
        landscape.STUDY, search_comparison.DEFAULT_STRATEGY, 1, values={**SMALL_STUDY_VALUES, "trials": 12}
    )
    verb = cj.optimize(searched.study, storage="memory")
    assert [trial.to_json() for trial in verb.trials] == [trial.to_json() for trial in searched.trials]
    assert repr(verb.confirmation) == repr(searched.confirmed)


def test_other_strategies_search_until_the_simulation_budget_is_spent(small_search: search_comparison.SearchResult) -> None:
    other = search_comparison.run_strategy(landscape.STUDY, "random, paired", 1, simulation_budget=20_000, values=SMALL_STUDY_VALUES)
    assert (other.simulated_customers, len(other.trials)) == (32_000, 16)  # two batches of 8 trials with 2,000 customers
    assert {trial.customers for trial in other.trials} == {2_000}


def test_incumbents_are_complete_trials_of_rising_value(small_search: search_comparison.SearchResult) -> None:
    found = search_comparison.incumbents(small_search.trials, 2_000)
    values = {repr(trial.params): trial.gains[0].value for trial in small_search.trials if trial.customers == 2_000}
    rising = [values[repr(one.params)] for one in found]
    assert rising == sorted(rising)
    assert rising[-1] == max(values.values())
    assert found[-1].simulated_customers <= small_search.simulated_customers


def test_equivalent_messages_differ_per_customer_but_not_in_expectation() -> None:
    """50,000 customers: |z| > 4 has a probability of 1 in 16,000."""
    study = Study.load(e12.STUDY)
    send = "policy.flows.letters.steps[1].send"
    effect = cj.compare({"friendly": study.scenario, "witty": study.scenario_with({send: "witty"})}, customers=50_000, seed=9)
    clv = effect.alternatives["witty"]["clv"]
    assert np.count_nonzero(effect.effects("witty", "clv")["effect"]) > 10_000
    assert abs(clv.effect) < 4 * (clv.high - clv.low) / (2 * 1.96)


def test_null_study_gains_are_not_confirmed() -> None:
    """Two fixed seeds. The probability of a reported gain in either is 5 %, and that of a search without an apparent gain is smaller."""
    found = e12.run_null_studies([101, 102], workers=1)
    assert not any(one.is_claimed for one in found)
    assert all(one.searched > 0 for one in found)


def test_hypervolume_ignores_dominated_and_outside_points() -> None:
    assert e11.hypervolume([(2.0, 1.0), (1.0, 2.0), (1.0, 1.5), (5.0, -1.0), (-1.0, 9.0)], (0.0, 0.0)) == 3.0
    assert e11.hypervolume([], (0.0, 0.0)) == 0.0


def test_reported_searches_are_within_1_percent_of_the_optimum_in_9_of_10_seeds() -> None:
    results, _ = e16.read_e10_results()
    losses = e10.relative_losses(results, search_comparison.DEFAULT_STRATEGY, landscape.best_policy(landscape.read_policies()).clv)
    assert len(losses) == 10
    assert sum(loss <= 0.01 for loss in losses) >= 9


def test_simulations_until_a_gain_is_found() -> None:
    steps = [
        e10.ProgressStep("a", 1, 10, 1.0),
        e10.ProgressStep("a", 1, 30, 3.0),
        e10.ProgressStep("a", 2, 20, 1.5),
        e10.ProgressStep("b", 1, 5, 9.0),
    ]
    assert e16.simulated_until(steps, "a", 2.0) == [30, np.inf]
    assert e16.simulated_until(steps, "b", 2.0) == [5]
