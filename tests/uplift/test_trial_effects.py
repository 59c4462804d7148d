"""Effects of a trial against published figures, scipy, least squares, and known true effects."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from cjsim.errors import InputError
from cjsim.fieller import fieller_set
from cjsim.uplift.arm_means import arm_means, means_from_scores
from cjsim.uplift.covariate_adjustment import AdjustmentMethod, adjusted_arm_means
from cjsim.uplift.p_values import adjusted_p_values
from cjsim.uplift.trial_effects import OutcomeEffects, effect_between, trial_effects
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial
from cjsim.uplift.trials.file_reader import read_trial

MENS, WOMENS, NONE = "Mens E-Mail", "Womens E-Mail", "No E-Mail"
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def hillstrom(data_dir: Path) -> dict[str, OutcomeEffects]:
    trial = read_trial(data_dir / "hillstrom.csv.gz", ColumnRoles(treatment="segment", outcome=["visit", "conversion", "spend"]))
    return {found.outcome: found for found in trial_effects(trial)}


@pytest.mark.parametrize(
    ("outcome", "means"),
    [
        ("visit", (0.106167, 0.182757, 0.151400)),
        ("conversion", (0.005726, 0.012531, 0.008837)),
        ("spend", (0.652789, 1.422617, 1.077202)),
    ],
)
def test_arm_means_of_hillstrom_are_the_published_ones(
    hillstrom: dict[str, OutcomeEffects], outcome: str, means: tuple[float, ...]
) -> None:
    found = {arm.arm: round(arm.mean, 6) for arm in hillstrom[outcome].arms}
    assert found == dict(zip((NONE, MENS, WOMENS), means, strict=True))


@pytest.mark.parametrize(
    ("outcome", "arm", "versus", "figures", "digits"),
    [
        ("visit", MENS, NONE, (0.07659, 0.06995, 0.08323), 5),
        ("visit", WOMENS, NONE, (0.04523, 0.03889, 0.05157), 5),
        ("conversion", MENS, NONE, (0.006805, 0.005000, 0.008610), 6),
        ("conversion", WOMENS, NONE, (0.003111, 0.001499, 0.004724), 6),
        ("spend", MENS, NONE, (0.7698, 0.4851, 1.0545), 4),
        ("spend", WOMENS, NONE, (0.4244, 0.1690, 0.6799), 4),
        ("spend", WOMENS, MENS, (-0.3454, -0.6583, -0.0326), 4),
    ],
)
def test_effects_of_hillstrom_are_the_published_ones(
    hillstrom: dict[str, OutcomeEffects], outcome: str, arm: str, versus: str, figures: tuple[float, ...], digits: int
) -> None:
    found = hillstrom[outcome].effect(arm, versus)
    assert tuple(round(value, digits) for value in (found.effect, found.low, found.high)) == figures


def two_arms(n: int = 30, seed: int = 1) -> tuple[Floats, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    treatment = (np.arange(n) % 3 == 0).astype(np.int64)
    return rng.normal(10.0, 1 + treatment), treatment


def trial_from(y: Floats, treatment: NDArray[np.int64], roles: ColumnRoles | None = None, **columns: object) -> Trial:
    frame = pd.DataFrame({"arm": treatment, "y": y} | columns)
    return Trial.from_frame(frame, roles or ColumnRoles(treatment="arm", outcome="y"))


def test_differences_are_those_of_welch() -> None:
    y, treatment = two_arms()
    effect = trial_effects(trial_from(y, treatment))[0].effects[0]
    oracle = stats.ttest_ind(y[treatment == 1], y[treatment == 0], equal_var=False)
    limits = oracle.confidence_interval(0.95)
    assert (effect.p, effect.low, effect.high) == pytest.approx((oracle.pvalue, limits.low, limits.high), rel=1e-10)


def test_shares_have_wilson_intervals() -> None:
    y = np.array([1.0] * 3 + [0.0] * 37 + [0.0] * 40)
    arms = trial_effects(trial_from(y, np.repeat([0, 1], 40)))[0].arms
    for arm, successes in zip(arms, (3, 0), strict=True):
        limits = stats.binomtest(successes, 40).proportion_ci(method="wilson")
        assert (arm.low, arm.high) == pytest.approx((limits.low, limits.high), rel=1e-9, abs=1e-12)


def test_copies_of_a_row_in_a_cluster_add_no_information() -> None:
    y, treatment = two_arms()
    once = arm_means(y, treatment, 2)
    thrice = arm_means(np.repeat(y, 3), np.repeat(treatment, 3), 2, clusters=np.repeat(np.arange(len(y)), 3))
    assert np.allclose(thrice.covariance, once.covariance, rtol=1e-12)
    assert np.array_equal(thrice.degrees_of_freedom, once.degrees_of_freedom)


def test_clusters_with_both_arms_cancel_in_the_difference() -> None:
    level = np.random.default_rng(2).normal(0, 100, 50)
    y, treatment = np.concatenate([level, level + 1.0]), np.repeat([0, 1], 50)
    means = arm_means(y, treatment, 2, clusters=np.tile(np.arange(50), 2))
    assert effect_between(means, ("a", "b"), arm=1, versus=0).effect == pytest.approx(1.0)
    assert means.covariance[0, 0] + means.covariance[1, 1] - 2 * means.covariance[0, 1] == pytest.approx(0.0, abs=1e-9)


def test_constant_propensities_change_nothing() -> None:
    y, treatment = two_arms()
    weighted = arm_means(y, treatment, 2, propensity=np.tile([0.4, 0.6], (len(y), 1)))
    assert np.allclose(weighted.means, arm_means(y, treatment, 2).means)
    assert np.allclose(weighted.covariance, arm_means(y, treatment, 2).covariance)


def test_weighting_removes_confounding() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=40_000)
    e = 1 / (1 + np.exp(-x))
    treatment = (rng.random(len(x)) < e).astype(np.int64)
    y = x + 0.5 * treatment + rng.normal(size=len(x))
    trial = trial_from(y, treatment, ColumnRoles(treatment="arm", outcome="y", propensity="e"), e=e)
    effect = trial_effects(trial)[0].effects[0]
    assert abs(effect.effect - 0.5) < 5 * effect.standard_error  # fails with probability 6e-7
    assert effect.standard_error < 0.03


def test_scores_of_a_known_propensity_give_their_mean() -> None:
    y, treatment = two_arms()
    scores = np.column_stack([y * (treatment == arm) / share for arm, share in enumerate((2 / 3, 1 / 3))])
    means = means_from_scores(scores, treatment)
    oracle = stats.ttest_1samp(scores[:, 1] - scores[:, 0], 0.0)
    effect = effect_between(means, ("a", "b"), arm=1, versus=0)
    assert effect.effect / effect.standard_error == pytest.approx(oracle.statistic, rel=1e-10)


def covariate_trial(n: int = 60, seed: int = 4) -> tuple[Floats, NDArray[np.int64], Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)) + 3
    treatment = rng.permutation(np.arange(n) % 3)
    return x[:, 0] * (1 + treatment) + rng.normal(size=n), treatment, x


def test_regression_adjustment_is_least_squares_with_interactions() -> None:
    y, treatment, x = covariate_trial()
    dummies = (treatment[:, None] == [1, 2]).astype(float)
    centered = x - x.mean(axis=0)
    design = np.column_stack([np.ones(len(y)), dummies, centered, dummies[:, :1] * centered, dummies[:, 1:] * centered])
    slopes = np.linalg.lstsq(design, y, rcond=None)[0]
    means = adjusted_arm_means(y, treatment, 3, covariates=x).means
    assert np.allclose(means - means[0], [0, *slopes[1:3]])


def test_cuped_is_least_squares_without_interactions() -> None:
    y, treatment, x = covariate_trial()
    dummies = (treatment[:, None] == [1, 2]).astype(float)
    slopes = np.linalg.lstsq(np.column_stack([np.ones(len(y)), dummies, x]), y, rcond=None)[0]
    means = adjusted_arm_means(y, treatment, 3, covariates=x, method="cuped").means
    assert np.allclose(means - means[0], [0, *slopes[1:3]])


def test_cuped_reduces_the_variance_by_the_squared_correlation() -> None:
    rng = np.random.default_rng(5)
    before = rng.normal(size=20_000)
    treatment = np.arange(len(before)) % 2
    y = 0.8 * before + 0.6 * rng.normal(size=len(before))
    effect = trial_effects(trial_from(y, treatment, before=before), adjustment="cuped")[0].effects[0]
    assert effect.variance_reduction == pytest.approx(0.64, abs=0.02)  # standard error .004


@pytest.mark.parametrize("method", ["regression", "cuped"])
def test_adjusted_intervals_cover_the_true_effect(method: AdjustmentMethod) -> None:
    # Effects differ between rows and depend on the covariate, and a quarter is treated. Coverage of 1,000 trials has a standard error of
    # .007, so that a coverage of 95 % is missed by more than .025 with probability 3e-4; the seed is fixed.
    rng, covered, runs, n = np.random.default_rng(6), 0, 1000, 200
    for _ in range(runs):
        x = rng.normal(size=(n, 1))
        treatment = rng.permutation(np.arange(n) % 4 == 0).astype(np.int64)
        y = x[:, 0] * (1 + 2 * treatment) + 0.5 * treatment + rng.normal(size=n)
        effect = effect_between(adjusted_arm_means(y, treatment, 2, covariates=x, method=method), ("a", "b"), arm=1, versus=0)
        covered += effect.low <= 0.5 <= effect.high
    assert covered / runs == pytest.approx(0.95, abs=0.025)


def test_intervals_by_cluster_cover_the_true_effect() -> None:
    # 40 clusters of 10 rows, assigned as a whole. Standard error of the coverage .007; see above.
    rng, covered, runs = np.random.default_rng(7), 0, 1000
    clusters = np.repeat(np.arange(40), 10)
    for _ in range(runs):
        treatment = (clusters % 2).astype(np.int64)
        y = rng.normal(size=40)[clusters] + rng.normal(size=400)
        effect = effect_between(arm_means(y, treatment, 2, clusters=clusters), ("a", "b"), arm=1, versus=0)
        covered += effect.low <= 0.0 <= effect.high
    assert covered / runs == pytest.approx(0.95, abs=0.025)


def test_limits_of_a_ratio_are_where_its_test_is_significant() -> None:
    found = fieller_set(3.0, 2.0, numerator_variance=0.2, denominator_variance=0.1, covariance=0.05, quantile=1.96)
    for ratio in (found.low, found.high):
        assert abs(3.0 - ratio * 2.0) / np.sqrt(0.2 - 2 * ratio * 0.05 + ratio**2 * 0.1) == pytest.approx(1.96)


def test_a_relative_effect_is_unbounded_if_the_control_mean_may_be_zero() -> None:
    y, treatment = two_arms()
    effect = trial_effects(trial_from(y - y[treatment == 0].mean() + 0.01, treatment))[0].effects[0]
    assert (effect.relative_low, effect.relative_high) == (-np.inf, np.inf)


def test_undefined_p_values_are_not_hypotheses() -> None:
    assert adjusted_p_values([0.01, np.nan, 0.04], "holm").tolist()[::2] == [0.02, 0.04]
    assert adjusted_p_values([0.01, np.nan, 0.04], "fdr").tolist()[::2] == [0.02, 0.04]


def test_p_values_are_adjusted_over_all_outcomes() -> None:
    y, treatment = two_arms()
    trial = trial_from(y, treatment, ColumnRoles(treatment="arm", outcome=["y", "z"]), z=y + 1)
    first = trial_effects(trial)[0].effects[0]
    assert first.p_adjusted == pytest.approx(2 * first.p)


def test_constant_outcomes_have_no_interval() -> None:
    effect = trial_effects(trial_from(np.ones(30), two_arms()[1]))[0].effects[0]
    assert np.isnan([effect.low, effect.high, effect.p, effect.relative_low]).all()


def test_arms_of_one_row_have_no_interval() -> None:
    effect = trial_effects(trial_from(np.arange(10.0), (np.arange(10) == 0).astype(np.int64)))[0].effects[0]
    assert np.isnan([effect.low, effect.high, effect.p]).all()


def test_missing_outcomes_are_left_out() -> None:
    y, treatment = two_arms()
    gaps = np.where(np.arange(len(y)) < 4, np.nan, y)
    found = trial_effects(trial_from(gaps, treatment, x=np.arange(30.0)), adjustment="cuped")[0]
    full = trial_effects(trial_from(y[4:], treatment[4:], x=np.arange(26.0)), adjustment="cuped")[0]
    assert (found.n, found.n_missing) == (26, 4)
    assert found.effects[0].effect == pytest.approx(full.effects[0].effect)


def test_weighted_trials_are_not_adjusted() -> None:
    trial = trial_from(*two_arms(), ColumnRoles(treatment="arm", outcome="y", propensity="e"), e=0.5, x=np.arange(30))
    with pytest.raises(InputError, match="adjustment: must be 'none' for a trial with propensities, got 'cuped'"):
        trial_effects(trial, adjustment="cuped")


def test_an_unknown_covariate_is_refused() -> None:
    with pytest.raises(InputError, match=r"must be one of the features 'before', got 'befor'\. Did you mean 'before'\?"):
        trial_effects(trial_from(*two_arms(), before=np.arange(30)), adjustment="cuped", covariates=["befor"])


def test_more_covariates_than_rows_of_an_arm_are_refused() -> None:
    y, treatment = two_arms(12)
    with pytest.raises(InputError, match=r"the smallest has 4 rows\), got 5"):
        adjusted_arm_means(y, treatment, 2, covariates=np.random.default_rng(1).normal(size=(12, 5)))


def test_effects_are_saved_as_json() -> None:
    found = trial_effects(trial_from(*two_arms()))[0]
    assert OutcomeEffects.from_json(found.to_json()) == found
