"""Replications: independent seeds, Student intervals, prediction intervals, and what results say about them."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rule_worlds import SURE_MAIL, event_after
from scipy import stats
from shared_firms import desk_firm, growing_firm
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.engine.replications import DEFAULT_REPLICATIONS, customers_affect_each_other, replication_seed
from cjsim.errors import InputError
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.replicated_estimates import combine_differences, combine_estimates
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import ENGINES

SMALL = {"customers": 25, "horizon": "10d", "call_every": "4d"}


def estimates(values: list[float], unit: str = "money") -> list[MetricEstimate]:
    return [MetricEstimate(value, math.nan, math.nan, 10, unit) for value in values]


@pytest.fixture(scope="module")
def run() -> cj.Run:
    return cj.simulate(desk_firm(**SMALL), replications=3)


@pytest.fixture(scope="module")
def comparison() -> cj.Comparison:
    return cj.compare({"one": desk_firm(**SMALL), "two": desk_firm(agents=2, **SMALL), "same": desk_firm(**SMALL)}, replications=3)


def test_first_replication_is_the_run_without_replications(run: cj.Run) -> None:
    alone = cj.simulate(desk_firm(**SMALL), replications=1)
    assert run.outcomes.customers.tobytes() == alone.outcomes.customers.tobytes()
    assert run.replications[0].metrics == alone.metrics


def test_replications_have_the_seeds_named_by_their_number(run: cj.Run) -> None:
    assert [one.seed for one in run.replications] == [1, replication_seed(1, 1), replication_seed(1, 2)]


def test_value_is_the_mean_over_replications_with_students_interval(run: cj.Run) -> None:
    values = np.array([one.metrics["clv"].value for one in run.replications])
    low, high = stats.t.interval(0.95, 2, values.mean(), values.std(ddof=1) / math.sqrt(3))
    assert run.metrics["clv"][:3] == pytest.approx((values.mean(), low, high))


def test_prediction_interval_is_wider_by_the_spread_of_one_run(run: cj.Run) -> None:
    values = np.array([one.metrics["clv"].value for one in run.replications])
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) * math.sqrt(1 + 1 / 3)
    assert run.predictions["clv"] == pytest.approx((values.mean() - half, values.mean() + half))


def test_default_is_one_replication_if_customers_share_nothing() -> None:
    assert cj.simulate(growing_firm(customers=5)).repeats == ()


def test_default_is_eight_replications_if_customers_affect_each_other() -> None:
    found = cj.simulate(desk_firm(customers=12, horizon="3d", call_every="1d"))
    assert 1 + len(found.repeats) == found.provenance.replications == DEFAULT_REPLICATIONS


def test_default_is_one_replication_if_no_customer_waits() -> None:
    assert cj.simulate(desk_firm(agents=100, customers=12, horizon="3d", call_every="1d")).repeats == ()


def mailing(at_most: int, then: str) -> Scenario:
    """Three customers who all get a message on day 0, and a daily budget."""
    return small_scenario(
        journey=SURE_MAIL,
        policy={
            "flows": {"f": {"on": {"stage": "here"}, "steps": [{"send": "hello"}]}},
            "guardrails": {"budgets": [{"at_most": at_most, "per": "1d", "then": then}]},
        },
        customers=3,
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("at_most", "then", "expected"), [(1, "defer", True), (1, "refuse", True), (4, "defer", False), (0, "refuse", False)]
)
def test_customers_affect_each_other_if_a_budget_is_used_up(at_most: int, then: str, expected: bool, engine: Any) -> None:
    run = cj.simulate(mailing(at_most, then), replications=1, engine=engine)
    assert customers_affect_each_other(run) == expected == ("too narrow" in str(run))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("agents", "expected"), [(1, True), (2, False)])
def test_customers_affect_each_other_if_a_request_waits_beyond_the_horizon(agents: int, expected: bool, engine: Any) -> None:
    journey = {"desks": {"help": {"service": {"fixed": "90d"}}}, "events": {"call": event_after("10d", {"ask": "help"})}}
    firm = small_scenario(journey=journey, policy={"desks": {"help": {"agents": agents}}}, customers=2)
    assert customers_affect_each_other(cj.simulate(firm, replications=1, engine=engine)) == expected


def test_a_saved_run_records_whether_customers_affect_each_other(tmp_path: Path) -> None:
    cj.simulate(mailing(1, "defer"), replications=1).save(tmp_path / "run")
    assert customers_affect_each_other(cj.Run.load(tmp_path / "run"))


def test_default_of_a_comparison_is_the_same_for_all_policies() -> None:
    small = {"customers": 12, "horizon": "3d", "call_every": "1d"}
    found = cj.compare({"busy": desk_firm(**small), "idle": desk_firm(agents=100, **small)})
    assert [run.provenance.replications for run in found.runs.values()] == [DEFAULT_REPLICATIONS] * 2


def test_effect_is_the_mean_of_the_differences_with_equal_seeds(comparison: cj.Comparison) -> None:
    one, two = (comparison.runs[name].replications for name in ("one", "two"))
    differences = [after.metrics["wait"].value - before.metrics["wait"].value for before, after in zip(one, two, strict=True)]
    assert comparison.alternatives["two"]["wait"].effect == pytest.approx(np.mean(differences))


def test_equal_policies_differ_by_exactly_0(comparison: cj.Comparison) -> None:
    for name, effect in comparison.alternatives["same"].items():
        if not math.isnan(effect.effect):
            assert effect[2:5] == (0, 0, 0), name
            assert comparison.predictions["same"][name] == (0, 0)


def test_saved_replications_are_loaded_with_the_same_result(run: cj.Run, comparison: cj.Comparison, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    comparison.save(tmp_path / "comparison")
    assert json.dumps(cj.Run.load(tmp_path / "run").to_json()) == json.dumps(run.to_json())
    assert json.dumps(cj.Comparison.load(tmp_path / "comparison").to_json()) == json.dumps(comparison.to_json())


def test_json_has_the_prediction_interval_of_each_metric(run: cj.Run) -> None:
    found = run.to_json()
    assert found["replications"] == 3
    assert set(found["metrics"]["wait"]) == {"value", "low", "high", "n", "unit", "prediction_low", "prediction_high"}


def test_single_run_at_a_shared_desk_says_that_its_intervals_are_too_narrow() -> None:
    one = cj.simulate(desk_firm(**SMALL), replications=1)
    assert "The intervals are too narrow: customers share desks" in str(one)
    assert any("too narrow" in note for note in one.to_json()["notes"])


def test_replicated_table_makes_no_such_claim(run: cj.Run) -> None:
    assert "too narrow" not in str(run)
    assert "3 independent replications" in " ".join(str(run).split())


def test_different_numbers_of_replications_cannot_be_compared(run: cj.Run) -> None:
    with pytest.raises(InputError, match="must have the same replications"):
        cj.Comparison.of({"a": run, "b": cj.simulate(desk_firm(**SMALL), replications=1)})


@pytest.mark.parametrize("count", [0, -1, 10_001, True])
def test_number_of_replications_must_be_in_range(count: int) -> None:
    with pytest.raises(InputError, match="replications"):
        cj.simulate(desk_firm(**SMALL), replications=count)


def test_share_intervals_stay_within_0_and_1() -> None:
    found = combine_estimates(estimates([0.0, 0.02, 0.0, 0.3], "share"))
    assert 0 <= found.estimate.low < found.estimate.value < found.estimate.high <= 1
    assert 0 <= found.prediction.low < found.prediction.high <= 1


def test_share_of_0_in_all_replications_has_an_interval_of_positive_width() -> None:
    found = combine_estimates(estimates([0.0, 0.0, 0.0], "share"))
    assert found.estimate[:2] == (0, 0)
    assert 0 < found.estimate.high < found.prediction.high < 1


def test_undefined_replications_are_left_out() -> None:
    found = combine_estimates(estimates([1.0, math.nan, 3.0]))
    assert found.estimate.value == 2
    assert combine_differences([1, math.nan, 2], [2, 5, 4]).difference.effect == 1.5


def test_one_defined_replication_has_no_interval() -> None:
    assert math.isnan(combine_estimates(estimates([1.0, math.nan])).estimate.low)


def test_intervals_cover_normal_replications_at_their_level() -> None:
    # 20,000 blocks of 8 normal replications. Each rate has a standard error of .0015; fails with probability below 1e-6 if it is .95.
    draws = np.random.default_rng(1).normal(5, 2, (20_000, 9))
    found = [combine_estimates(estimates(row[:8].tolist())) for row in draws]
    mean = np.mean([one.estimate.low <= 5 <= one.estimate.high for one in found])
    single = np.mean([one.prediction.low <= row[8] <= one.prediction.high for one, row in zip(found, draws, strict=True)])
    assert abs(mean - 0.95) < 0.0075
    assert abs(single - 0.95) < 0.0075


@pytest.mark.slow
def test_intervals_at_a_busy_desk_cover_at_their_level() -> None:
    # 30 blocks of 8 seeds, 300 customers, one agent. With a coverage of .95, fewer than 24 blocks cover with probability 2e-4.
    # The mean of all 240 runs stands for the truth, which makes the rate of the mean's interval slightly too high.
    blocks = [[cj.simulate(desk_firm(), seed=seed, replications=1) for seed in range(8 * k + 1, 8 * k + 9)] for k in range(30)]
    for metric in ("wait", "sla_kept", "abandonment", "tickets", "clv"):
        values = [[run.metrics[metric] for run in block] for block in blocks]
        truth = np.mean([one.value for block in values for one in block])
        found = [combine_estimates(block) for block in values]
        following = [values[(k + 1) % len(values)][0].value for k in range(len(values))]
        assert sum(one.estimate.low <= truth <= one.estimate.high for one in found) >= 24, metric
        assert sum(one.prediction.low <= new <= one.prediction.high for one, new in zip(found, following, strict=True)) >= 24, metric
