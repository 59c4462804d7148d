"""Checks of trials: sound trials pass, planted faults are named, and the tests agree with scipy."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from uplift_soundness import alarms, sound_table

from cjsim.uplift.soundness.all_checks import check_trial
from cjsim.uplift.soundness.assignment_units import AssignmentUnits, assignment_units
from cjsim.uplift.soundness.covariate_balance import check_balance
from cjsim.uplift.soundness.finding import Finding, corrected_for_many, finding_of_test
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial
from cjsim.uplift.trials.file_reader import read_trial

N = 600


def table(n: int = N, **columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    sound = {
        "arm": rng.permutation(np.arange(n) % 2),
        "bought": (rng.random(n) < 0.3).astype(float),
        "visits": rng.poisson(3, n),
        "spend": rng.exponential(size=n),
    }
    return pd.DataFrame(sound | columns)


def trial_of(roles: ColumnRoles | None = None, **columns: Any) -> Trial:
    return Trial.from_frame(table(**columns), roles or ColumnRoles(treatment="arm", outcome="bought"))


def findings(trial: Trial) -> dict[str, Finding]:
    return {finding.check: finding for finding in check_trial(trial)}


def failed(trial: Trial) -> dict[str, str]:
    return {check: finding.severity for check, finding in findings(trial).items() if finding.severity != "ok"}


def test_sound_trials_pass() -> None:
    # At a rate of 2 %, more than 4 of 40 trials fail with probability 1e-3; the seeds are fixed. The 1,000 trials of the experiment: 1.9 %.
    assert sum(bool(alarms(*sound_table(seed), seed)) for seed in range(1, 41)) <= 4


def test_hillstrom_is_a_sound_trial_whose_spend_few_rows_carry(data_dir: Path) -> None:
    roles = ColumnRoles(treatment="segment", outcome=["visit", "conversion", "spend"])
    assert failed(read_trial(data_dir / "hillstrom.csv.gz", roles)) == {"influential rows": "warning"}


def test_an_outcome_among_the_features_of_hillstrom_is_named(data_dir: Path) -> None:
    features = ["recency", "history", "mens", "womens", "newbie", "conversion"]
    trial = read_trial(data_dir / "hillstrom.csv.gz", ColumnRoles(treatment="segment", outcome="visit", features=features))
    assert findings(trial)["balance"].severity == "warning"
    assert findings(trial)["balance"].column == "conversion"


def test_a_lost_arm_is_an_error_with_the_p_value_of_chi_square() -> None:
    frame = table().iloc[: N // 2 * 2]
    frame = frame[(frame["arm"] == 0) | (np.arange(N) % 4 > 0)]
    roles = ColumnRoles(treatment="arm", outcome="bought", shares={"0": 0.5, "1": 0.5})
    finding = findings(Trial.from_frame(frame, roles))["sample ratio"]
    counts = np.bincount(frame["arm"])
    assert finding.severity == "error"
    assert finding.p == pytest.approx(stats.chisquare(counts).pvalue)


def test_unequal_arms_are_not_tested_without_planned_shares() -> None:
    finding = findings(trial_of(arm=(np.arange(N) % 3 == 0).astype(int)))["sample ratio"]
    assert np.isnan(finding.p)
    assert finding.message.startswith("not tested, because no planned shares were given (rows: 0 400, 1 200)")


def test_balance_of_one_feature_is_the_correlation_test_of_its_clipped_values() -> None:
    x = np.random.default_rng(2).normal(size=(8000, 1))
    treatment = (np.arange(8000) % 2).astype(np.int64)
    finding = check_balance(AssignmentUnits(treatment, x, ("x",)), 2)
    low, high = np.sort(x[:, 0])[[40, -41]]  # 20 units of each arm are expected beyond
    assert finding.p == pytest.approx(stats.pearsonr(x[:, 0].clip(low, high), treatment).pvalue, rel=0.01)


def test_balance_without_varying_features_is_not_tested() -> None:
    finding = check_balance(AssignmentUnits(np.array([0, 1, 0, 1]), np.empty((4, 0)), ()), 2)
    assert finding.message == "not tested, because every feature is constant"


def test_permuted_balance_agrees_with_hotelling() -> None:
    # 999 permutations: the standard error of p is at most .016.
    x = np.random.default_rng(3).normal(size=(100, 3))
    treatment = (np.arange(100) % 2).astype(np.int64)
    means, pooled = [x[treatment == arm] for arm in (0, 1)], np.cov((x - [x[treatment == arm].mean(axis=0) for arm in treatment]).T)
    difference = means[1].mean(axis=0) - means[0].mean(axis=0)
    squared = 25 * difference @ np.linalg.solve(pooled * 99 / 98, difference)
    oracle = stats.f.sf(squared * 96 / (3 * 98), 3, 96)
    assert check_balance(AssignmentUnits(treatment, x, ("a", "b", "c")), 2).p == pytest.approx(oracle, abs=0.06)


def test_an_outlier_in_a_small_arm_of_a_large_trial_is_no_imbalance() -> None:
    # Unclipped, the outlier alone adds 19 to a chi-square statistic with 1 degree of freedom.
    treatment = (np.arange(8000) % 20 == 0).astype(np.int64)
    x = np.random.default_rng(2).normal(size=8000)
    x[0] = 1e6
    assert check_balance(AssignmentUnits(treatment, x[:, None], ("x",)), 2).p > 0.05


def test_a_chosen_audience_is_out_of_balance() -> None:
    frame = table()
    visits = frame["visits"] + np.random.default_rng(4).normal(0, 2, N)
    finding = findings(trial_of(arm=(visits > visits.median()).astype(int)))["balance"]
    assert (finding.severity, finding.column) == ("error", "visits")


def test_a_copy_of_the_arm_is_an_error_that_names_it() -> None:
    finding = findings(trial_of(group=np.where(table()["arm"] == 1, "b", "a")))["leakage"]
    assert (finding.severity, finding.column) == ("error", "group")
    assert finding.figure == pytest.approx(1.0)


def test_leakage_into_the_spread_is_found() -> None:
    opens = np.random.default_rng(5).normal(size=N) * (1 + table()["arm"])
    found = findings(trial_of(opens=opens))
    assert found["balance"].severity == "ok"
    assert (found["leakage"].severity, found["leakage"].column) == ("warning", "opens")


def test_missing_values_that_differ_between_arms_have_the_p_value_of_chi_square() -> None:
    frame = table()
    is_missing = (np.random.default_rng(6).random(N) < 0.2) & (frame["arm"] == 1)
    is_missing |= np.arange(N) < 20
    finding = findings(trial_of(bought=frame["bought"].mask(is_missing)))["missing values"]
    assert (finding.severity, finding.column) == ("warning", "bought")
    assert finding.p == pytest.approx(stats.chi2_contingency(pd.crosstab(frame["arm"], is_missing), correction=False).pvalue)


def test_missing_values_that_follow_the_propensity_do_not_differ() -> None:
    rng = np.random.default_rng(9)
    is_young = rng.random(4 * N) < 0.5
    e = np.where(is_young, 0.7, 0.3)
    income = np.where(is_young & (rng.random(4 * N) < 0.3), np.nan, 1.0 + rng.random(4 * N))
    columns = {"arm": (rng.random(4 * N) < e).astype(int), "e": e, "income": income}
    roles = ColumnRoles(treatment="arm", outcome="bought", propensity="e")
    found = findings(Trial.from_frame(table(4 * N, **columns), roles))["missing values"]
    assert found.p > 0.02


def test_many_missing_outcomes_are_reported() -> None:
    assert failed(trial_of(bought=table()["bought"].mask(np.arange(N) % 4 == 0))) == {"missing outcomes": "warning"}


def test_received_arms_are_compared_with_assigned_ones() -> None:
    roles = ColumnRoles(treatment="arm", outcome="bought", received="got")
    arm = table()["arm"]
    assert failed(trial_of(roles, got=arm)) == {}
    assert failed(trial_of(roles, got=arm.where(np.arange(N) % 10 > 0, 0))) == {"received arms": "warning"}
    assert failed(trial_of(roles, got=1 - arm)) == {"received arms": "error"}


def test_repeated_ids_ask_for_a_cluster() -> None:
    codes = np.arange(N) // 2 + 1000
    assert failed(trial_of(customer_id=codes)) == {"repeated ids": "warning"}
    assert failed(trial_of(ColumnRoles(treatment="arm", outcome="bought", cluster="customer_id"), customer_id=codes)) == {}


def clustered(n_clusters: int = 200, n_split: int = 0) -> Trial:
    rng = np.random.default_rng(7)
    store = np.repeat(np.arange(n_clusters), 4)
    arm = rng.permutation(np.arange(n_clusters) % 2)[store]
    arm[: 4 * n_split : 4] = 1 - arm[: 4 * n_split : 4]
    frame = table(len(store), arm=arm, store=store, size=rng.normal(size=n_clusters)[store])
    return Trial.from_frame(frame, ColumnRoles(treatment="arm", outcome="bought", cluster="store"))


def test_clusters_in_one_arm_are_the_assigned_units() -> None:
    units = assignment_units(clustered())
    assert (units.are_clusters, len(units.treatment), units.n_split) == (True, 200, 0)


def test_features_of_clusters_are_compared_by_cluster() -> None:
    # Rows of a cluster share the feature: a test by row would count it four times.
    found = findings(clustered())
    assert found["balance"].severity == found["copied rows"].severity == "ok"


def test_few_split_clusters_are_reported() -> None:
    finding = findings(clustered(n_split=6))["clusters"]
    assert finding.message.startswith("6 of 200 clusters have rows in several arms although clusters were assigned as a whole.")


def test_rows_may_be_assigned_within_clusters() -> None:
    units = assignment_units(trial_of(ColumnRoles(treatment="arm", outcome="bought", cluster="store"), store=np.arange(N) // 2))
    assert (units.are_clusters, len(units.treatment)) == (False, N)


def test_few_clusters_are_reported() -> None:
    assert "an arm has only 4 clusters" in findings(clustered(8))["clusters"].message


@pytest.mark.parametrize(("size", "severity"), [(5, "error"), (50, "warning"), (150, "ok")])
def test_small_arms_are_reported(size: int, severity: str) -> None:
    trial = trial_of(arm=(np.arange(N) < size).astype(int))
    assert findings(trial)["arm sizes"].severity == severity


def test_a_constant_outcome_is_an_error() -> None:
    assert findings(trial_of(bought=0))["outcome"].message.startswith("outcome 'bought' is 0 in every row, so no effect can be estimated.")


def test_an_outcome_that_is_unknown_in_an_arm_is_an_error() -> None:
    assert findings(trial_of(bought=table()["bought"].mask(table()["arm"] == 1)))["outcome"].severity == "error"


def test_a_rare_outcome_is_reported() -> None:
    assert "has only 0 successes in '1'" in findings(trial_of(bought=(np.arange(N) < 8) & (table()["arm"] == 0)))["outcome"].message


def test_one_row_that_carries_the_effect_is_reported_with_the_effect_without_it() -> None:
    spend = table()["spend"].copy()
    spend[int(np.flatnonzero(table()["arm"] == 1)[0])] = 10_000
    finding = findings(trial_of(ColumnRoles(treatment="arm", outcome="spend"), spend=spend))["influential rows"]
    rest, arm = spend[spend < 10_000], table()["arm"]
    assert finding.severity == "warning"
    assert f"and {rest[arm == 1].mean() - rest[arm == 0].mean():.4g} without the most influential row" in finding.message


def test_copied_rows_are_reported() -> None:
    frame = table()
    trial = Trial.from_frame(pd.concat([frame, frame[:60]]), ColumnRoles(treatment="arm", outcome="bought"))
    assert failed(trial) == {"copied rows": "warning"}


def test_equal_rows_in_both_arms_are_no_copies() -> None:
    trial = Trial.from_frame(table().drop(columns="spend"), ColumnRoles(treatment="arm", outcome="bought"))
    assert findings(trial)["copied rows"].severity == "ok"


def test_trials_with_propensities_are_checked_for_overlap_instead() -> None:
    rng = np.random.default_rng(8)
    logit = 4 * rng.normal(size=N)
    e = 1 / (1 + np.exp(-logit))
    roles = ColumnRoles(treatment="arm", outcome="bought", propensity="e")
    found = findings(trial_of(roles, arm=(rng.random(N) < e).astype(int), e=e))
    assert found["overlap"].severity != "ok"
    assert {"balance", "leakage", "copied rows"}.isdisjoint(found)
    assert findings(trial_of(roles, e=0.5))["overlap"].figure == pytest.approx(1.0)


def test_p_values_are_corrected_for_the_number_of_tests() -> None:
    tests = [finding_of_test(f"t{i}", p, ok="fine", alarm="bad") for i, p in enumerate((0.015, 0.001, 0.5))]
    assert [finding.severity for finding in tests] == ["warning", "warning", "ok"]
    corrected = corrected_for_many(tests)
    assert [finding.message for finding in corrected] == ["fine", "bad", "fine"]
    assert corrected[1].p_adjusted == pytest.approx(0.003)


def test_the_checks_are_repeatable() -> None:
    trial = trial_of()
    assert [f.to_json() for f in check_trial(trial, seed=3)] == [f.to_json() for f in check_trial(trial, seed=3)]
