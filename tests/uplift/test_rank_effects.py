"""Rank-weighted average treatment effects against closed forms."""

import numpy as np
import pytest
from scipy import stats

from cjsim.errors import InputError
from cjsim.uplift.curve_scores import curve_scores
from cjsim.uplift.rank_effects import Weighting, rank_effect

GRID = (np.arange(4_000) + 0.5) / 4_000


@pytest.mark.parametrize(("weighting", "expected"), [("autoc", 1.0 / 4.0), ("qini", 1.0 / 12.0)])
def test_uniform_effects_have_the_closed_form(weighting: Weighting, expected: float) -> None:
    # TOC(q) = slope (1 - q) / 2, whatever the average effect.
    found = rank_effect(3.0 * GRID - 1.0, GRID, weighting=weighting, draws=2, seed=1)
    assert found.effect.estimate == pytest.approx(3.0 * expected, rel=1e-3)


@pytest.mark.parametrize(("weighting", "variance"), [("autoc", 1.0), ("qini", 1.0 / 12.0)])
def test_half_sample_error_is_that_of_a_weighted_mean(weighting: Weighting, variance: float) -> None:
    # Without heterogeneity, the estimate is a mean of scores with weights -ln(q) - 1 (AUTOC) or 1/2 - q (QINI) at q uniform on (0, 1).
    rng = np.random.default_rng(2)
    scores = 2.0 * rng.normal(size=4_000)
    error = rank_effect(scores, rng.random(4_000), weighting=weighting, draws=500, seed=1).effect.error
    assert error == pytest.approx(2.0 * np.sqrt(variance / 4_000), rel=0.2)  # 5 errors of a deviation from 500 draws are .16


def test_rankings_without_information_are_rejected_at_the_level() -> None:
    # The share of p <= .05 is .05, or .055 with errors from 100 draws; fails with probability 1e-6.
    rng = np.random.default_rng(3)
    p = [rank_effect(rng.normal(size=400), rng.random(400), draws=100, seed=seed).p for seed in range(200)]
    assert stats.binom.sf(np.sum(np.array(p) <= 0.05) - 1, 200, 0.055) > 1e-6


def test_constant_predictions_have_no_effect() -> None:
    found = rank_effect(np.random.default_rng(4).normal(size=100), np.zeros(100), draws=10, seed=1)
    assert found.effect.estimate == pytest.approx(0.0, abs=1e-12)


def test_ties_count_with_their_mean_score() -> None:
    rng = np.random.default_rng(5)
    scores, ranks = rng.normal(size=60), np.repeat(np.arange(12.0), 5)
    shuffled = np.array([rank_effect(scores, ranks + 0.5 * rng.random(60), draws=2, seed=1).effect.estimate for _ in range(4_000)])
    found = rank_effect(scores, ranks, draws=2, seed=1).effect.estimate
    assert abs(found - shuffled.mean()) < 5.0 * shuffled.std(ddof=1) / np.sqrt(len(shuffled))


def test_clusters_of_identical_rows_have_the_error_of_one_row_each() -> None:
    rng = np.random.default_rng(6)
    scores, ranks = rng.normal(size=500), rng.random(500)
    single = rank_effect(scores, ranks, weighting="qini", draws=50, seed=1).effect.error
    copies = np.repeat(np.arange(500), 4)
    whole = rank_effect(scores[copies], ranks[copies], weighting="qini", clusters=copies, draws=50, seed=1).effect.error
    assert whole == pytest.approx(single, rel=0.5)  # they draw other halves: 5 errors of a ratio of deviations from 50 draws


def test_qini_weighting_is_the_area_of_the_uplift_curve() -> None:
    rng = np.random.default_rng(7)
    u, treatment = rng.random(20_000), np.tile([0, 1], 10_000)
    y = u * treatment
    found = rank_effect(2.0 * y * (2 * treatment - 1), u, weighting="qini", draws=2, seed=1).effect.estimate
    assert found == pytest.approx(curve_scores(y, treatment, u).auuc_area, abs=5e-3)  # 5 errors of the unadjusted scores


def test_tiny_trials_are_refused() -> None:
    with pytest.raises(InputError, match="must have at least 4 rows or clusters, got 3"):
        rank_effect(np.ones(3), np.arange(3.0), seed=1)
