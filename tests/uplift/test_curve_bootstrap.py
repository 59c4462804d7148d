"""Bootstrap of curves: coverage, clusters, and paired differences between learners."""

import numpy as np
import pytest
from scipy import stats
from statistical_checks import assert_plausible, share_p_value

from cjsim.uplift.curve_bootstrap import CurveBootstrap, bootstrap_curves
from cjsim.uplift.curve_scores import curve_scores


def uniform_effect_trial(seed: int, n: int, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normal outcomes with effect slope u, ranked by u: the expected area is slope / 12."""
    rng = np.random.default_rng(seed)
    u, treatment = rng.random(n), rng.integers(0, 2, n)
    return rng.normal(size=n) + slope * u * treatment, treatment, u


def binary_trial(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    u, treatment = rng.random(n), rng.integers(0, 2, n)
    return (rng.random(n) < 0.2 + 0.5 * u * treatment).astype(np.float64), treatment, u


def two_learners(seed: int) -> CurveBootstrap:
    y, treatment, u = binary_trial(seed, 3_000)
    noise = np.random.default_rng(seed).permutation(u)
    return bootstrap_curves(y, treatment, {"by chance": noise, "true": u}, draws=60, seed=1)


def test_intervals_cover_the_true_area_at_their_level() -> None:
    draws = 40
    covered = []
    for seed in range(120):
        y, treatment, u = uniform_effect_trial(seed, 800, 1.0)
        area = bootstrap_curves(y, treatment, {"u": u}, draws=draws, seed=seed).learners[0].qini_area
        covered.append(area.low <= 1.0 / 12.0 <= area.high)
    expected = 1.0 - 2.0 * stats.t.sf(stats.norm.ppf(0.975), draws - 1)  # the standard deviation comes from 40 draws
    assert_plausible(share_p_value(np.array(covered), expected))


def test_estimates_are_the_scores_of_the_rows() -> None:
    y, treatment, u = binary_trial(1, 500)
    assert bootstrap_curves(y, treatment, {"u": u}, draws=2, seed=1).learners[0].qini.estimate == curve_scores(y, treatment, u).qini


def test_clusters_of_identical_rows_have_the_errors_of_one_row_each() -> None:
    y, treatment, u = binary_trial(2, 400)
    single = bootstrap_curves(y, treatment, {"u": u}, draws=20, seed=3).learners[0]
    copies = [np.repeat(values, 4) for values in (y, treatment, u)]
    whole = bootstrap_curves(copies[0], copies[1], {"u": copies[2]}, clusters=np.repeat(np.arange(400), 4), draws=20, seed=3).learners[0]
    assert whole.qini_area.error == pytest.approx(single.qini_area.error, rel=1e-9)


def test_constant_weights_change_no_interval() -> None:
    y, treatment, u = binary_trial(3, 400)
    plain = bootstrap_curves(y, treatment, {"u": u}, draws=20, seed=3).learners[0]
    weighted = bootstrap_curves(y, treatment, {"u": u}, weights=np.where(treatment == 1, 4.0, 4.0 / 3.0), draws=20, seed=3).learners[0]
    assert weighted.qini.error == pytest.approx(plain.qini.error, rel=1e-9)


def test_equal_rankings_have_no_difference() -> None:
    y, treatment, u = binary_trial(4, 400)
    difference = bootstrap_curves(y, treatment, {"a": u, "b": 2.0 * u}, draws=20, seed=3).differences[0]
    assert (difference.difference.estimate, difference.p_holm) == (0.0, 1.0)


def test_differences_are_paired() -> None:
    # Rankings that agree on nearly all rows differ far less than each of them varies.
    y, treatment, u = binary_trial(5, 3_000)
    found = bootstrap_curves(y, treatment, {"a": u, "b": u + 1e-3 * np.random.default_rng(5).normal(size=3_000)}, draws=40, seed=3)
    assert found.differences[0].difference.error < 0.2 * found.learners[0].qini.error


def test_better_learner_is_named() -> None:
    assert two_learners(6).statement == "true is better than by chance (after Holm's correction for all pairs)."


def test_rankings_without_information_are_rarely_told_apart() -> None:
    # P(at least one clear difference) is 5 % with exact errors, and 6.5 % with errors from 40 draws; fails with probability 1e-6.
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(1_000 + seed)
        y, treatment, _ = binary_trial(seed, 400)
        predictions = {name: rng.random(400) for name in "abc"}
        alarms += bootstrap_curves(y, treatment, predictions, draws=40, seed=seed).statement[:2] != "No"
    assert stats.binom.sf(alarms - 1, 100, 0.065) > 1e-6


def test_no_learner_is_better_where_no_difference_is_clear() -> None:
    y, treatment, u = binary_trial(7, 400)
    found = bootstrap_curves(y, treatment, {"a": u, "b": u**2}, draws=20, seed=3)
    assert found.statement == "No learner is better than another: no difference is significant after Holm's correction."


def test_bands_start_at_zero_and_end_at_the_average_effect() -> None:
    y, treatment, u = binary_trial(8, 1_000)
    band = bootstrap_curves(y, treatment, {"u": u}, draws=20, seed=3).learners[0].band
    effect = y[treatment == 1].mean() - y[treatment == 0].mean()
    np.testing.assert_allclose([band.qini[0], band.qini[-1], band.uplift[-1]], [0.0, effect, effect], atol=1e-12)


def test_same_seed_gives_the_same_intervals() -> None:
    assert two_learners(9).learners[0].qini == two_learners(9).learners[0].qini
