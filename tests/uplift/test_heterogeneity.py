"""Best linear predictor, sorted groups, and both heterogeneity tests, with a least-squares learner."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from cjsim.errors import InputError
from cjsim.uplift.best_linear_predictor import HeldOutRows, best_linear_predictor, sorted_group_effects
from cjsim.uplift.heterogeneity import FitPredict, HeterogeneityTest, SplitPlan, heterogeneity_test

HALF = (0.5, 0.5)


def trial(seed: int, n: int, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, treatment, and an outcome whose effect is .2 + spread x."""
    rng = np.random.default_rng(seed)
    X, treatment = rng.normal(size=(n, 3)), rng.integers(0, 2, n)
    return X, treatment, X[:, 0] + 0.5 * X[:, 1] ** 2 + (0.2 + spread * X[:, 0]) * treatment + rng.normal(size=n)


def least_squares(X: np.ndarray, treatment: np.ndarray, y: np.ndarray) -> FitPredict:
    def fit_predict(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = np.column_stack([np.ones(len(y)), X])
        by_arm = []
        for arm in (0, 1):
            rows = train[treatment[train] == arm]
            by_arm.append(features[test] @ np.linalg.lstsq(features[rows], y[rows], rcond=None)[0])
        return by_arm[0], by_arm[1] - by_arm[0]

    return fit_predict


def run_test(seed: int, *, n: int = 600, spread: float = 0.0, plan: SplitPlan | None = None) -> HeterogeneityTest:
    X, treatment, y = trial(seed, n, spread)
    plan = dataclasses.replace(plan or SplitPlan(groups=3), seed=seed)
    return heterogeneity_test(y, treatment, least_squares(X, treatment, y), propensity=HALF, learner="least squares", plan=plan)


def held_out(seed: int, n: int = 90, *, clusters: np.ndarray | None = None) -> HeldOutRows:
    X, treatment, y = trial(seed, n, 0.5)
    probability = np.random.default_rng(seed).uniform(0.3, 0.7, n)
    return HeldOutRows(y, treatment, probability, X[:, 0], 0.2 + 0.5 * X[:, 0] + X[:, 2], clusters)


def kept(rows: HeldOutRows, keep: np.ndarray) -> HeldOutRows:
    return HeldOutRows(*(None if values is None else values[keep] for values in vars(rows).values()))


def weighted_slope(rows: HeldOutRows, mean: float) -> float:
    """The slope by lstsq, with predictions centered at `mean`."""
    surprise = rows.treatment - rows.probability
    deviation = rows.predicted - mean
    design = np.column_stack([surprise, surprise * deviation, np.ones(len(surprise)), rows.baseline, rows.predicted])
    root = 1.0 / np.sqrt(rows.probability * (1.0 - rows.probability))
    return float(np.linalg.lstsq(design * root[:, None], rows.y * root, rcond=None)[0][1])


def test_slope_equals_that_of_weighted_least_squares() -> None:
    rows = held_out(1)
    assert best_linear_predictor(rows)[1].estimate == pytest.approx(weighted_slope(rows, rows.predicted.mean()))


@pytest.mark.parametrize("clusters", [None, np.arange(90) // 3])
def test_error_is_that_of_the_jackknife(clusters: np.ndarray | None) -> None:
    rows = held_out(2, clusters=clusters)
    unit, mean = np.arange(90) if clusters is None else clusters, rows.predicted.mean()
    without = np.array([weighted_slope(kept(rows, unit != left_out), mean) for left_out in np.unique(unit)])
    expected = np.sqrt(np.sum((without - weighted_slope(rows, mean)) ** 2))
    assert best_linear_predictor(rows)[1].error == pytest.approx(expected)


def test_slope_of_the_true_effect_is_one() -> None:
    # Within 5 errors; the error is about .02.
    X, treatment, y = trial(3, 20_000, 0.7)
    slope = best_linear_predictor(HeldOutRows(y, treatment, np.full(20_000, 0.5), X[:, 0], 0.2 + 0.7 * X[:, 0]))[1]
    assert abs(slope.estimate - 1.0) < 5.0 * slope.error < 0.2


def test_constant_predictions_have_a_slope_of_zero() -> None:
    rows = dataclasses.replace(held_out(4), predicted=np.full(90, 0.1))
    assert (best_linear_predictor(rows)[1].estimate, best_linear_predictor(rows)[1].p_above_zero) == (0.0, 1.0)


def test_group_effects_are_those_of_the_groups() -> None:
    # Effects of +1 and -1 in two groups, within 5 errors.
    rng = np.random.default_rng(5)
    predicted, treatment = rng.normal(size=10_000), rng.integers(0, 2, 10_000)
    y = np.sign(predicted) * treatment + rng.normal(size=10_000)
    rows = HeldOutRows(y, treatment, np.full(10_000, 0.5), np.zeros(10_000), predicted)
    groups, spread = sorted_group_effects(rows, (predicted < 0.0).astype(np.int64))
    found = np.array([groups[0].effect.estimate, groups[1].effect.estimate, spread.estimate])
    errors = np.array([groups[0].effect.error, groups[1].effect.error, spread.error])
    assert np.all(np.abs(found - [1.0, -1.0, 2.0]) < 5.0 * errors) and errors.max() < 0.1


@pytest.mark.parametrize(("method", "count"), [("sequential", 5), ("splits", 9)])
def test_constant_effects_are_called_heterogeneous_at_most_at_the_level(method: str, count: int) -> None:
    # Fails with probability 1e-6 if the false-alarm rate is 5 %.
    alarms = sum(run_test(seed, plan=SplitPlan(method, count, groups=3)).is_proven for seed in range(150))  # type: ignore[arg-type]
    assert stats.binom.sf(alarms - 1, 150, 0.05) > 1e-6


@pytest.mark.parametrize(("method", "count"), [("sequential", 5), ("splits", 9)])
def test_strong_heterogeneity_is_found(method: str, count: int) -> None:
    assert run_test(6, n=2_000, spread=1.0, plan=SplitPlan(method, count)).p < 1e-4  # type: ignore[arg-type]


def test_wrong_ranking_is_no_heterogeneity() -> None:
    X, treatment, y = trial(7, 2_000, 1.0)
    right = least_squares(X, treatment, y)
    found = heterogeneity_test(
        y, treatment, lambda train, test: (right(train, test)[0], -right(train, test)[1]), propensity=HALF, learner="reversed"
    )
    assert found.p > 0.999


def test_one_split_has_twice_its_p_value() -> None:
    found = run_test(8, spread=0.2, plan=SplitPlan("splits", 1, groups=3))
    assert found.p == pytest.approx(min(1.0, 2.0 * stats.norm.sf(found.slope.estimate / found.slope.error)))


def test_intervals_of_splits_are_at_half_the_error_rate() -> None:
    found = run_test(8, plan=SplitPlan("splits", 1, groups=3))
    assert (found.slope.high - found.slope.estimate) / found.slope.error == pytest.approx(stats.norm.ppf(0.9875))


def test_sequential_z_is_the_scaled_sum_over_folds() -> None:
    found = run_test(9, spread=0.2, plan=SplitPlan("sequential", 2, groups=3))
    assert found.p == pytest.approx(stats.norm.sf(found.slope.estimate / found.slope.error))


def recorded_divisions(plan: SplitPlan, clusters: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    X, treatment, y = trial(10, 1_200, 0.0)
    divisions: list[tuple[np.ndarray, np.ndarray]] = []

    def fit_predict(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        divisions.append((train, test))
        return X[test, 0], X[test, 1]

    heterogeneity_test(y, treatment, fit_predict, propensity=HALF, clusters=clusters, learner="recorded", plan=plan)
    return divisions


@pytest.mark.parametrize("plan", [SplitPlan("sequential", 4, groups=2), SplitPlan("splits", 4, groups=2)])
def test_no_cluster_is_fitted_and_tested_on_at_once(plan: SplitPlan) -> None:
    clusters = np.arange(1_200) // 4
    assert all(not np.intersect1d(clusters[train], clusters[test]).size for train, test in recorded_divisions(plan, clusters))


def test_sequential_folds_are_fitted_on_all_earlier_ones() -> None:
    divisions = recorded_divisions(SplitPlan("sequential", 4, groups=2), None)
    earlier = [np.sort(np.concatenate(pair)) for pair in divisions]
    assert all(np.array_equal(earlier[k], divisions[k + 1][0]) for k in range(2))


def test_result_repeats_with_its_seed() -> None:
    assert run_test(11) == run_test(11)


def test_small_trials_are_refused() -> None:
    with pytest.raises(InputError, match="the trial: must have at least 250 rows in each arm, got"):
        run_test(12, n=100, plan=SplitPlan())


def test_unusable_predictions_are_named() -> None:
    X, treatment, y = trial(13, 600, 0.0)
    with pytest.raises(InputError, match="predicted effect: must be finite, got nan"):
        heterogeneity_test(y, treatment, lambda _, test: (X[test, 0], np.full(len(test), np.nan)), propensity=HALF, learner="broken")
