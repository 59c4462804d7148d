"""The study of attribution methods: its random policies, its records, and its statistics on rows with known answers."""

from pathlib import Path
from typing import Any

import attribution_methods
import attribution_statistics
import numpy as np
import pytest
from attribution_methods import CREDITS, JOURNEYS, Task, credits_of, digest_of, random_policy, record_of, simulated, without_campaigns
from attribution_methods_report import write_report
from attribution_statistics import (
    METHODS,
    RESAMPLES,
    Row,
    anyway_sums,
    ceiling,
    rows_of,
    share_anyway,
    summary_of,
    sums_by_policy,
    with_interval,
    wrong_decisions,
)

import cjsim as cj
from cjsim.simulation.switching.switch_off import list_touchpoints


def row(policy: int, *, credited: float, incremental: float, error: float = 0.0, keeps: bool = True, clv: float = 1.0) -> Row:
    return Row(policy, "shop", "flow", "x", credited, incremental, error, keeps, clv, is_decided=clv != 0, touches=1)


@pytest.mark.parametrize("journey", JOURNEYS)
def test_random_policies_are_valid_and_differ(journey: str) -> None:
    scenarios = [random_policy(journey, seed, 100) for seed in range(1, 5)]
    assert len({scenario.policy.digest() for scenario in scenarios}) == 4
    assert all(list_touchpoints(scenario) for scenario in scenarios)


@pytest.fixture(scope="module")
def scenario() -> cj.Scenario:
    return random_policy("shop", 1, 100)


@pytest.fixture(scope="module")
def record(scenario: cj.Scenario) -> dict[str, Any]:
    return record_of(1, "shop", scenario)


@pytest.mark.parametrize(("touch", "days"), CREDITS)
def test_credits_are_those_of_attribution(touch: Any, days: int, scenario: cj.Scenario, record: dict[str, Any]) -> None:
    settings = cj.CreditSettings(touch=touch, window_days=days)
    found = cj.attribution(scenario, only=["channel", "broadcast"], settings=settings, before_after=False).touchpoints
    recorded = {(one["kind"], one["name"]): one["credits"][f"{touch} {days}"] for one in record["touchpoints"]}
    for one in found:
        expected = {rule: pytest.approx([credit["purchases"], credit["revenue"]]) for rule, credit in one.credits.items()}
        assert recorded[one.touchpoint] == expected


def test_nothing_is_delivered_without_campaigns(scenario: cj.Scenario, tmp_path: Path) -> None:
    log = cj.simulate(without_campaigns(scenario), log=tmp_path / "log.parquet").log
    assert log is not None
    assert log.query("select count(*) as n from log where event = 'delivered'")["n"].item() == 0


@pytest.fixture
def simulations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of customers of the policies that are simulated. Their records have no figures."""
    sizes: list[int] = []

    def stub(number: int, journey: str, scenario: cj.Scenario) -> dict[str, Any]:
        sizes.append(scenario.customers)
        return {"policy": number, "journey": journey, "digest": digest_of(scenario), "customers": scenario.customers}

    monkeypatch.setattr(attribution_methods, "record_of", stub)
    return sizes


def test_finished_policy_is_read_from_its_file(simulations: list[int], tmp_path: Path) -> None:
    assert simulated(Task(1, "shop", 50, tmp_path)) == simulated(Task(1, "shop", 50, tmp_path))
    assert simulations == [50]


def test_files_of_another_size_or_policy_are_not_used(simulations: list[int], tmp_path: Path) -> None:
    for journey, customers in (("shop", 50), ("shop", 60), ("retail", 60)):
        simulated(Task(1, journey, customers, tmp_path))
    assert simulations == [50, 60, 60]


def test_files_of_another_version_are_not_used(simulations: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated(Task(1, "shop", 50, tmp_path))
    monkeypatch.setattr(cj, "__version__", "0.0.0")
    simulated(Task(1, "shop", 50, tmp_path))
    assert simulations == [50, 50]


def test_r_squared_is_1_for_proportional_credit() -> None:
    found = summary_of([row(i, credited=3.0 * i, incremental=1.0 * i) for i in range(1, 5)])
    assert found["r_squared"] == pytest.approx((1.0, 1.0, 1.0))
    assert found["ratio"] == pytest.approx((3.0, 3.0, 3.0))
    assert found["face_value"].value == pytest.approx(1 - 4 * 30 / 5)


def test_statistics_agree_with_numpy() -> None:
    rng = np.random.default_rng(1)
    x, y, error = rng.normal(size=(3, 200))
    found = summary_of([row(i // 4, credited=x[i], incremental=y[i] + x[i], error=error[i]) for i in range(200)])
    assert found["r_squared"].value == pytest.approx(np.corrcoef(x, x + y)[0, 1] ** 2)
    assert found["face_value"].value == pytest.approx(1 - np.sum(y**2) / np.sum((x + y - np.mean(x + y)) ** 2))
    assert found["ceiling"].value == pytest.approx(1 - np.mean(error**2) / np.var(x + y))


def test_wrong_decisions_count_touchpoints_with_a_decided_effect() -> None:
    rows = [
        row(1, credited=1, incremental=1, clv=1),
        row(2, credited=1, incremental=1, clv=-1),
        row(3, credited=1, incremental=1, clv=1, keeps=False),
        row(4, credited=1, incremental=1, clv=-1, keeps=False),
        row(5, credited=1, incremental=1, clv=0, keeps=False),
    ]
    found = summary_of(rows)
    assert (found["wrong"].value, found["wrongly_kept"].value) == (0.5, 0.25)


def test_intervals_treat_the_rows_of_a_policy_as_one_draw() -> None:
    # 100 policies with 5 equal decisions each, half of them wrong: the error of the share is 0.05, and that of 95 % limits 4 %.
    rows = [row(i, credited=1, incremental=1, clv=1 if i % 2 else -1) for i in range(100) for _ in range(5)]
    found = with_interval(sums_by_policy(rows), wrong_decisions)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 0.05, rel=0.12)
    assert RESAMPLES >= 2000


def test_ceiling_is_the_share_of_variance_that_is_not_error() -> None:
    rng = np.random.default_rng(1)
    sums = sums_by_policy([row(i, credited=0, incremental=float(value), error=1.0) for i, value in enumerate(rng.normal(0, 2, 20_000))])
    assert ceiling(sums.sum(axis=0)) == pytest.approx(0.75, abs=0.01)


def test_large_ab_test_decides_by_the_true_effect(record: dict[str, Any]) -> None:
    exact = [{**record, "touchpoints": [{**one, "test": {"revenue": 0.0, "clv": 0.0}} for one in record["touchpoints"]]}]
    found = rows_of(exact, "ab_test_10000")
    assert all(one.keeps == (one.clv > 0) and one.credited == one.incremental for one in found)


def test_touchpoint_that_nobody_opened_is_left_out(record: dict[str, Any]) -> None:
    unopened = [{**record, "touchpoints": [{**one, "touches": 0} for one in record["touchpoints"][:1]] + record["touchpoints"][1:]}]
    assert len(rows_of(unopened, "last")) == len(rows_of([record], "last")) - 1


def test_credit_of_a_touchpoint_is_kept_if_its_margin_exceeds_its_cost(record: dict[str, Any]) -> None:
    share = record["margin"] / record["revenue"]
    opened = [one for one in record["touchpoints"] if one["touches"]]
    expected = [one["credits"]["opened 30"]["last"][1] * share > one["effects"]["cost"][0] for one in opened]
    assert [one.keeps for one in rows_of([record], "last")] == expected


def test_equal_credit_per_open_sums_to_the_revenue_with_a_touch(record: dict[str, Any]) -> None:
    credited = sum(one.credited for one in rows_of([record], "per_open") if one.kind != "channel")
    assert credited == pytest.approx(record["touched"]["opened 30"] / record["revenue"])


def test_share_that_came_anyway_is_what_campaigns_do_not_add() -> None:
    sums = anyway_sums([{"revenue": 100.0, "revenue_without": 80.0, "touched": {"opened 30": 50.0}}])
    assert share_anyway(sums.sum(axis=0)) == pytest.approx(1 - 20 / 50)


def test_credits_of_flows_and_broadcasts_sum_to_the_revenue_with_a_touch(scenario: cj.Scenario) -> None:
    credited, touched, totals = credits_of(scenario)
    sums = {setting: sum(value for _, value in rules["last"].values()) for setting, rules in credited["source"].items()}
    assert sums == pytest.approx(touched)
    assert touched["opened 30"] < totals["revenue"]


def test_report_has_a_row_per_setting_method_and_selection(record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribution_statistics, "RESAMPLES", 20)
    refused = {"policy": 3, "journey": "shop", "refused": "a reason"}
    page = write_report([record, {**record, "policy": 2}, refused], tmp_path)
    selections = ("campaigns", "campaigns without b2b", "channel", "flow", "broadcast", "shop")
    rows = (tmp_path / "methods.csv").read_text().splitlines()[1:]
    assert [row.split(",")[:3] for row in rows] == [
        [f"{touch} {days}", method, selection] for touch, days in CREDITS for method in METHODS for selection in selections
    ]
    assert "2 random policies of the five shipped journeys (`--policies 3`; 1 were invalid)" in page
