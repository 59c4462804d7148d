"""Effects by group of predicted effect, calibration, and harmed groups."""

import numpy as np
import pytest
from scipy import stats
from statistical_checks import assert_plausible, mean_p_value, share_p_value

from cjsim.uplift.effect_groups import calibration, effects_by_group, harmed_groups, predicted_groups


def test_groups_have_equal_sizes_without_ties() -> None:
    groups = predicted_groups(np.random.default_rng(1).random(1_000), 10)
    assert np.bincount(groups).tolist() == [100] * 10


def test_equal_predictions_stay_together() -> None:
    predicted = np.repeat([0.3, 0.2, 0.1], [50, 30, 20])
    assert [np.unique(predicted_groups(predicted, 5)[predicted == value]).size for value in (0.3, 0.2, 0.1)] == [1, 1, 1]


def test_constant_predictions_are_one_group() -> None:
    assert predicted_groups(np.zeros(50), 10).tolist() == [0] * 50


def test_first_group_has_the_largest_predictions() -> None:
    found = effects_by_group(np.zeros(100), np.arange(100.0), groups=4)
    assert [group.predicted for group in found] == [87.0, 62.0, 37.0, 12.0]


def test_group_effect_is_the_mean_score() -> None:
    scores = np.random.default_rng(2).normal(size=100)
    assert effects_by_group(scores, np.arange(100.0), groups=4)[0].effect.estimate == pytest.approx(scores[75:].mean())


def test_group_error_is_that_of_a_mean() -> None:
    scores = np.random.default_rng(2).normal(size=100)
    assert effects_by_group(scores, np.arange(100.0), groups=4)[0].effect.error == pytest.approx(stats.sem(scores[75:]))


def test_clusters_of_identical_rows_count_once() -> None:
    scores, copies = np.random.default_rng(3).normal(size=40), np.repeat(np.arange(40), 5)
    found = effects_by_group(scores[copies], np.zeros(200), clusters=copies)[0].effect.error
    assert found == pytest.approx(stats.sem(scores))


def slopes(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Slopes in 300 trials with predictions of `scale` times the effect, and whether their intervals cover 1 / scale."""
    found, covered = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        effect = rng.normal(size=400)
        slope = calibration(effect + rng.normal(size=400) * (1.0 + np.abs(effect)), scale * effect).slope
        found.append(slope.estimate)
        covered.append(slope.low <= 1.0 / scale <= slope.high)
    return np.array(found), np.array(covered)


def test_slope_of_exaggerated_predictions_is_their_inverse_scale() -> None:
    found, covered = slopes(2.0)
    assert_plausible(mean_p_value(found, 0.5), share_p_value(covered, 0.943))  # normal intervals with 400 rows cover a little less


def test_slope_of_constant_predictions_is_undefined() -> None:
    assert np.isnan(calibration(np.random.default_rng(1).normal(size=50), np.full(50, 0.1)).slope.estimate)


def test_harmed_group_is_found() -> None:
    rng = np.random.default_rng(4)
    predicted = rng.random(5_000)
    groups = effects_by_group(rng.normal(size=5_000) + np.where(predicted < 0.2, -0.5, 0.5), predicted, groups=5)
    assert [group.group for group in harmed_groups(groups)] == [5]


def test_group_below_zero_by_chance_is_not_called_harmed() -> None:
    # Each of 300 trials without any effect raises an alarm with probability at most .05 (.052 with normal tails for 100 rows a group).
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        alarms += bool(harmed_groups(effects_by_group(rng.normal(size=500), rng.random(500), groups=5)))
    assert stats.binom.sf(alarms - 1, 300, 0.055) > 1e-6
