"""Experiment e13: the closed form against a grid and against simulated arrivals; a short search comes close to it.

The one statistical test passes its p-value to `assert_plausible` (statistical_checks.py). It fails by chance for at most one seed in a
million.
"""

from itertools import product

import e13_budget_split as e13
import numpy as np
import pytest
from scipy import stats
from statistical_checks import assert_plausible

import cjsim as cj
from cjsim.tuning.study import Study

BUDGET = 1000.0


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.load(e13.STUDY)


@pytest.fixture(scope="module")
def curves(study: Study) -> e13.ResponseCurves:
    return e13.ResponseCurves.from_scenario(study.scenario)


def test_best_split_has_equal_marginal_returns_and_spends_all(curves: e13.ResponseCurves) -> None:
    best = curves.best(BUDGET)
    assert best.sum() == pytest.approx(BUDGET)
    assert curves.marginal(best) == pytest.approx(curves.marginal(best)[0], rel=1e-6)
    assert curves.customer_value == pytest.approx([48, 22, 40, 32])


def test_marginal_return_is_the_derivative_of_profit(curves: e13.ResponseCurves) -> None:
    spend = np.array([100.0, 250.0, 300.0, 60.0])
    for i, step in enumerate(np.eye(4) * 1e-3):
        slope = (curves.profit(spend + step) - curves.profit(spend - step)) / 2e-3 / curves.days
        assert slope == pytest.approx(curves.marginal(spend)[i] - 1, rel=1e-6)


def test_no_grid_split_beats_the_closed_form(curves: e13.ResponseCurves) -> None:
    steps = [np.array([a, b, c, 40 - a - b - c]) * BUDGET / 40 for a, b, c in product(range(41), repeat=3) if a + b + c <= 40]
    on_grid = max(steps, key=curves.profit)
    assert curves.profit(curves.best(BUDGET)) > curves.profit(on_grid)
    assert np.abs(on_grid - curves.best(BUDGET)).max() < BUDGET / 40


def test_simulated_profit_matches_the_response_curves(study: Study, curves: e13.ResponseCurves) -> None:
    # Each channel brings a Poisson number of customers of known mean value: profit has the variance of a compound Poisson sum.
    found = [cj.simulate(study.scenario, seed=seed, threads=1).metrics["profit"] for seed in range(1, 5)]
    today = np.array([spend.per_day for spend in study.scenario.policy.acquisition.values()])
    error = np.mean([(metric.high - metric.low) / 2 / 1.959964 for metric in found]) / np.sqrt(len(found))
    z = (np.mean([metric.value for metric in found]) - curves.profit(today)) / error
    assert_plausible(float(2 * stats.norm.sf(abs(z))))


@pytest.mark.slow
def test_found_split_is_within_5_percent_of_spend(study: Study, curves: e13.ResponseCurves) -> None:
    split = e13.search_split(study, curves, "tpe", 1)
    assert split.verdict == "gain"
    assert split.distance <= e13.DISTANCE_TOLERANCE
    assert 0 <= split.relative_loss < 0.01
