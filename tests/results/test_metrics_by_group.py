"""Metrics by arm of an experiment and by attribute, and unpaired differences between arms."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from scipy import stats
from small_scenarios import small_scenario
from statistical_checks import assert_plausible, share_p_value
from trial_worlds import trial_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import estimate_metric
from cjsim.metrics.group_estimates import GroupEstimate, group_difference
from cjsim.metrics.ratios import RatioTerms
from cjsim.simulation.segments.experiment_arms import draw_arms, first_exposures
from cjsim.simulation.simulate import ENGINES

SEND = [{"send": "promo_mail"}]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> cj.Run:
    return cj.simulate(trial_scenario(treated=SEND, share=0.3), log=tmp_path_factory.mktemp("run") / "log.parquet")


def log_exposures(run: cj.Run) -> Any:
    """First exposure of each exposed customer in the log: the arm (`value`) and the day."""
    assert run.log is not None
    rows = run.log.to_pandas()
    rows["day"] = (rows["time"] - np.datetime64(run.provenance.start)) / np.timedelta64(1, "D")
    return rows[rows["event"] == "exposed"].fillna({"value": 0.0}).groupby("customer").first()


def test_arms_are_those_in_the_log(run: cj.Run) -> None:
    logged = log_exposures(run)["value"]
    assert 100 < len(logged) < 400
    assert draw_arms(run, "promo")[logged.index].tolist() == logged.astype(int).tolist()


def test_first_exposures_are_those_in_the_log(run: cj.Run) -> None:
    logged, found = log_exposures(run)["day"], first_exposures(run, "promo")
    assert np.flatnonzero(~np.isnan(found)).tolist() == logged.index.tolist()
    assert np.allclose(found[logged.index], logged, atol=1e-9, rtol=0)


def test_share_of_an_arm_is_the_declared_one() -> None:
    # Fails with probability 1e-6 if the share is 0.3 (exact binomial test).
    run = cj.simulate(trial_scenario(treated=[], share=0.3, horizon="1d"), customers=50_000)
    assert_plausible(share_p_value(draw_arms(run, "promo"), 0.3))


def test_totals_of_the_arms_add_up_to_the_whole(run: cj.Run) -> None:
    arms = run.by("arm").groups.values()
    for name in ("customers", "total_revenue", "total_margin", "profit", "total_clv"):
        assert sum(metrics[name].value for metrics in arms) == pytest.approx(run.metrics[name].value, rel=1e-12)


def test_numbers_of_entered_and_exposed_customers_are_reported(run: cj.Run) -> None:
    grouped = run.by("arm:promo")
    assert sum(grouped.entered.values()) == 400
    assert list(grouped.exposed.values()) == log_exposures(run)["value"].value_counts().sort_index().tolist()


def test_exposed_only_leaves_out_customers_who_never_reached_the_split(run: cj.Run) -> None:
    grouped = run.by("arm", exposed_only=True)
    assert dict(grouped.entered) == dict(grouped.exposed) == dict(run.by("arm").exposed)
    assert grouped.groups["treated"]["reached[exposed:promo]"].value == 1.0


def test_difference_of_means_has_the_welch_interval(run: cj.Run) -> None:
    revenue, arms = run.outcomes.customers["revenue"], draw_arms(run, "promo")
    oracle = stats.ttest_ind(revenue[arms == 1], revenue[arms == 0], equal_var=False).confidence_interval()
    found = run.by("arm").differences["treated"]["revenue"]
    assert found.effect == pytest.approx(revenue[arms == 1].mean() - revenue[arms == 0].mean())
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high))


def test_mean_of_an_arm_has_the_interval_of_its_customers(run: cj.Run) -> None:
    revenue = run.outcomes.customers["revenue"][draw_arms(run, "promo") == 1]
    half = 1.959963984540054 * revenue.std(ddof=1) / math.sqrt(len(revenue))
    found = run.by("arm").groups["treated"]["revenue"]
    assert found[:4] == pytest.approx((revenue.mean(), revenue.mean() - half, revenue.mean() + half, len(revenue)))


def share(successes: int, n: int) -> GroupEstimate:
    metric = estimate_metric(RatioTerms(np.arange(n) < successes, np.ones(n, bool)), "share")
    return GroupEstimate(metric, math.nan, n)


# Newcombe (1998), Table II, method 10: contrasts (a), (b), (d) and (e), each p1 - p2.
PUBLISHED = [
    ((56, 70), (48, 80), 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.1705, 0.8090),
    ((5, 56), (0, 29), -0.0381, 0.1926),
    ((0, 10), (0, 20), -0.1611, 0.2775),
]


@pytest.mark.parametrize(("first", "second", "low", "high"), PUBLISHED)
def test_difference_of_shares_has_the_published_interval(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = group_difference(share(*second), share(*first))
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_equal_arms_differ_significantly_in_5_percent_of_runs() -> None:
    # Fails with probability 1e-6 if an interval excludes 0 with probability 0.05 (exact binomial test over 400 runs).
    scenario = trial_scenario(treated=[], horizon="30d", customers=300)
    found = [cj.simulate(scenario, seed=seed, threads=1).by("arm").differences["treated"]["purchases"] for seed in range(400)]
    assert_plausible(share_p_value(np.array([one.is_significant for one in found]), 0.05))


def test_an_effect_of_the_treatment_is_found() -> None:
    grouped = cj.simulate(trial_scenario(treated=SEND), customers=4000).by("arm", exposed_only=True)
    assert grouped.differences["treated"]["revenue"].low > 5


def test_totals_have_no_difference(run: cj.Run) -> None:
    assert "total_revenue" not in run.by("arm").differences["treated"]


def test_engines_give_the_same_groups() -> None:
    fast, plain = (cj.simulate(trial_scenario(treated=SEND), engine=engine, customers=60).by("arm").to_json() for engine in ENGINES)  # type: ignore[arg-type]
    assert fast == plain


def test_a_saved_run_gives_the_same_groups(run: cj.Run, tmp_path: Path) -> None:
    assert cj.Run.load(run.save(tmp_path)).by("arm").to_json() == run.by("arm").to_json()


def test_groups_of_an_attribute_are_its_levels(run: cj.Run) -> None:
    grouped, countries = run.by("country"), run.customers["country"]
    assert dict(grouped.entered) == {level: int((countries == level).sum()) for level in ("UK", "FR")}
    assert grouped.groups["FR"]["revenue"].value == pytest.approx(run.customers["revenue"][countries == "FR"].mean())
    assert grouped.differences == {}


def grouped_by_arm(**arms: list[Any]) -> cj.GroupedMetrics:
    shared = {name: {"share": 1 / len(arms), "steps": steps} for name, steps in arms.items()}
    flow = {"on": {"event": "here"}, "steps": [{"split": shared, "experiment": "amount"}]}
    journey = {"events": {"here": {"in": "anywhere", "wait": {"fixed": "1d"}}}}
    return cj.simulate(small_scenario(journey=journey, policy={"flows": {"try": flow}}), customers=200).by("arm")


ACTS, WAITS = [{"wait": "1d"}, {"tag": "seen"}], [{"wait": "1d"}]


def test_three_arms_are_each_compared_with_the_control() -> None:
    grouped = grouped_by_arm(none=[], some=ACTS, more=ACTS)
    assert list(grouped.groups) == ["none", "some", "more"]
    assert list(grouped.differences) == ["some", "more"]


@pytest.mark.parametrize(
    ("arms", "control"),
    [
        ({"offer": ACTS, "wait": WAITS}, "wait"),  # the only arm that does nothing
        ({"offer": ACTS, "holdout": ACTS}, "holdout"),  # the only arm with the name of a control, as when a trial is read
        ({"offer": ACTS, "other": ACTS}, "offer"),  # the first
        ({"offer": [], "holdout": []}, "holdout"),
    ],
)
def test_the_control_is_the_arm_that_does_nothing(arms: dict[str, list[Any]], control: str) -> None:
    grouped = grouped_by_arm(**arms)
    assert grouped.control == grouped.to_json()["versus"] == control
    assert list(grouped.differences) == [name for name in arms if name != control]


def test_the_summary_states_the_sign_of_the_difference() -> None:
    assert "\ndifference: offer minus wait.\n" in grouped_by_arm(offer=ACTS, wait=WAITS).summary()


def test_relatives_by_referral_are_one_unit_of_a_group() -> None:
    sample = ClusterSample(3, 2, np.array([0, 1, 2, 0, 0, 2]))
    found = sample.subset(np.array([True, False, False, True, True, True]))
    assert (found.n_roots, found.n_initial) == (2, 1)
    assert found.sum_by_root(np.array([1.0, 2.0, 4.0, 8.0])).tolist() == [7.0, 8.0]


def test_json_has_groups_and_differences(run: cj.Run) -> None:
    content = json.loads(json.dumps(run.by("arm").to_json(), allow_nan=False))
    assert list(content) == ["by", "groups", "entered", "exposed", "exposed_only", "versus", "differences"]
    assert set(content["groups"]["control"]["revenue"]) == {"value", "low", "high", "n", "unit"}
    assert set(content["differences"]["treated"]["revenue"]) == {"effect", "low", "high"}


def test_frame_has_a_row_per_group_and_metric(run: cj.Run) -> None:
    frame, grouped = run.by("arm").to_pandas(), run.by("arm")
    assert frame.loc[("treated", "revenue"), "effect"] == grouped.differences["treated"]["revenue"].effect
    assert frame["effect"]["control"].isna().all()


def test_summary_shows_arms_side_by_side(run: cj.Run) -> None:
    text = run.by("arm").summary()
    assert "metric" in text.splitlines()[0]
    assert "customers who entered" in text
    assert "all customers of an arm, exposed or not" in text


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("arm:promos", "by: must be one of 'promo', got 'promos'. Did you mean 'promo'?"),
        ("contry", "by: must be one of 'country', 'arm', 'entry_month', 'month', 'persona', got 'contry'. Did you mean 'country'?"),
    ],
)
def test_unknown_groups_are_refused(run: cj.Run, by: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        run.by(by)
    assert str(caught.value) == message


def test_arms_need_an_experiment() -> None:
    run = cj.simulate(cj.Scenario.load(ROOT / "tests" / "worlds" / "tiny.yaml"), customers=10)
    with pytest.raises(InputError, match="by: must name an experiment unless the policy has exactly one, got no experiment"):
        run.by("arm")


def test_exposed_only_needs_arms(run: cj.Run) -> None:
    with pytest.raises(InputError, match="exposed_only: must be used with the arms of an experiment"):
        run.by("country", exposed_only=True)
