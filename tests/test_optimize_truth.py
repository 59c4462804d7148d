"""Searches against the truth in miniature: an optimum that is known, and levers that do nothing (E10 and E12 on a small scale)."""

import sys

import numpy as np
import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.tuning.study import Study

sys.path.insert(0, str(ROOT / "experiments"))
import contests
import e10_known_optimum as e10
import e10_landscape as landscape
import e11_pareto as e11
import e12_null_study as e12
import e16_cost_of_search as e16

SMALL = {"customers": 2_000, "trials": 32, "confirm": {"finalists": 2, "customers": 2_000}}


@pytest.fixture(scope="module")
def small() -> contests.Entry:
    return contests.enter(landscape.STUDY, contests.AS_SHIPPED, 1, set=SMALL)


def test_the_best_of_the_grid_is_worth_what_is_written() -> None:
    """On the first 20,000 of its 200,000 customers: off by less than 5 standard errors, once in a million seeds of theirs."""
    study, best = Study.load(landscape.STUDY), landscape.best_of(landscape.read())
    clv = landscape.truth_of(study, e10.params_of(study, best), 20_000)
    assert clv.mean() == pytest.approx(best.clv, abs=5 * clv.std() / np.sqrt(20_000))


def test_few_policies_of_the_grid_are_as_good_as_the_best() -> None:
    assert 0 < landscape.share_within(landscape.read(), 0.01) < 0.03


def test_a_small_search_comes_near_the_known_optimum(small: contests.Entry) -> None:
    """Within 4 % of the best CLV, of which today's policy misses more than a fifth. Of 20 seeds one does not come so near (6.2 %)."""
    best = landscape.best_of(landscape.read()).clv
    found, today = (landscape.truth_of(small.study, params, 20_000).mean() for params in (dict(small.confirmed.trial.params), {}))
    assert today < 0.8 * best
    assert found > 0.96 * best


def test_racing_spares_lives_and_full_trials_are_still_there(small: contests.Entry) -> None:
    full = sum(trial.customers == 2_000 for trial in small.trials)
    assert 2 <= full < 32
    assert small.lives < 32 * 2_000


def test_a_contest_searches_as_the_command_does() -> None:
    entry = contests.enter(landscape.STUDY, contests.AS_SHIPPED, 1, set={**SMALL, "trials": 12})
    verb = cj.optimize(entry.study, storage="memory")
    assert [trial.to_json() for trial in verb.trials] == [trial.to_json() for trial in entry.trials]
    assert repr(verb.confirmed) == repr(entry.confirmed)


def test_others_search_until_as_many_lives_are_used_up(small: contests.Entry) -> None:
    other = contests.enter(landscape.STUDY, "random, paired", 1, lives=20_000, set=SMALL)
    assert (other.lives, len(other.trials)) == (32_000, 16)  # two batches of 8 trials with 2,000 customers
    assert {trial.customers for trial in other.trials} == {2_000}


def test_incumbents_are_full_trials_of_rising_value(small: contests.Entry) -> None:
    found = contests.incumbents(small.trials, 2_000)
    values = {repr(trial.params): trial.gains[0].value for trial in small.trials if trial.customers == 2_000}
    rising = [values[repr(one.params)] for one in found]
    assert rising == sorted(rising)
    assert rising[-1] == max(values.values())
    assert found[-1].lives <= small.lives


def test_letters_that_are_alike_differ_for_customers_and_not_in_truth() -> None:
    """200,000 customers: |z| > 4 once in 16,000 seeds."""
    study = Study.load(e12.STUDY)
    send = "policy.flows.letters.steps[1].send"
    effect = cj.compare({"friendly": study.scenario, "witty": study.variant({send: "witty"})}, customers=50_000, seed=9)
    clv = effect.alternatives["witty"]["clv"]
    assert np.count_nonzero(effect.effects("witty", "clv")) > 10_000
    assert abs(clv.effect) < 4 * (clv.high - clv.low) / (2 * 1.96)


def test_null_study_sees_gains_in_the_search_that_its_confirmation_does_not_support() -> None:
    """Two seeds; a claim in either would be chance of 5 %, a search without a gain more unlikely. Fixed seeds."""
    found = e12.outcomes([101, 102], workers=1)
    assert not any(one.is_claimed for one in found)
    assert all(one.searched > 0 for one in found)


def test_hypervolume_of_places_that_beat_each_other_or_lie_outside() -> None:
    assert e11.hypervolume([(2.0, 1.0), (1.0, 2.0), (1.0, 1.5), (5.0, -1.0), (-1.0, 9.0)], (0.0, 0.0)) == 3.0
    assert e11.hypervolume([], (0.0, 0.0)) == 0.0


def test_the_known_optimum_is_found_within_1_percent_in_9_of_10_seeds_of_the_report() -> None:
    results, _ = e16.results_of()
    missed = e10.losses(results, contests.AS_SHIPPED, landscape.best_of(landscape.read()).clv)
    assert len(missed) == 10
    assert sum(loss <= 0.01 for loss in missed) >= 9


def test_lives_until_a_gain_is_found() -> None:
    steps = [e10.Step("a", 1, 10, 1.0), e10.Step("a", 1, 30, 3.0), e10.Step("a", 2, 20, 1.5), e10.Step("b", 1, 5, 9.0)]
    assert e16.lives_until(steps, "a", 2.0) == [30, np.inf]
    assert e16.lives_until(steps, "b", 2.0) == [5]
