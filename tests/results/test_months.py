"""Totals by calendar month and cohort tables: against the event log, closed forms, and the run's own totals."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from monthly_firms import leaving_firm, simulate_with_log
from shared_firms import desk_firm
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.metrics.ratios import ratio
from cjsim.simulation.months.calendar_months import calendar_months
from cjsim.simulation.months.monthly_effects import MonthlyEffects

LEVELS = {"active_customers", "buyers"}  # the months do not add up to the run
SMALL = {"customers": 12, "horizon": "40d"}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[cj.Run, pd.DataFrame]:
    return simulate_with_log(leaving_firm(refers=True), tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def comparison() -> cj.Comparison:
    return cj.compare({"mail": leaving_firm(**SMALL), "none": leaving_firm(no_mail=True, **SMALL)}, monthly=True)


def values(series: Any, metric: str) -> list[float]:
    return [metrics[metric].value for metrics in series.groups.values()]


@pytest.mark.parametrize(
    ("start", "horizon", "names", "ends", "partial"),
    [
        (date(2026, 1, 1), 31.0, ("2026-01",), (31.0,), ()),
        (date(2026, 1, 1), 31.5, ("2026-01", "2026-02"), (31.0, 31.5), ("2026-02",)),
        (date(2024, 2, 29), 2.0, ("2024-02", "2024-03"), (1.0, 2.0), ("2024-02", "2024-03")),
        (date(2026, 12, 31), 0.5, ("2026-12",), (0.5,), ("2026-12",)),
    ],
)
def test_months_end_at_midnight(start: date, horizon: float, names: Any, ends: Any, partial: Any) -> None:
    assert calendar_months(start, horizon) == (names, ends, partial)


def test_totals_of_each_month_are_those_of_the_event_log(logged: tuple[cj.Run, pd.DataFrame]) -> None:
    run, log = logged
    series = run.by("month")
    for metric, rows in {
        "total_purchases": log[log["event"] == "order"],
        "total_contacts": log[log["event"] == "delivered"],
        "total_opt_outs": log[log["event"] == "unsubscribed"],
    }.items():
        assert values(series, metric) == rows.groupby("month").size().reindex(series.groups, fill_value=0).tolist()
    orders = log[log["event"] == "order"].groupby("month")
    assert values(series, "total_revenue") == pytest.approx(orders["value"].sum().tolist(), rel=1e-12)
    assert values(series, "buyers") == orders["customer"].nunique().tolist()
    assert min(values(series, "total_opt_outs")[1:]) > 0


def test_new_and_active_customers_are_those_of_the_customer_table_and_the_log(logged: tuple[cj.Run, pd.DataFrame]) -> None:
    run, log = logged
    months, entered = calendar_months(date(2026, 1, 4), 80.0), run.customers["entered"]
    left = log[log["event"] == "leave"].groupby("month").size().reindex(months.names, fill_value=0)
    by_end = [int((entered < end).sum()) for end in months.ends]
    assert values(run.by("month"), "new_customers") == np.diff([0, *by_end]).tolist()
    assert values(run.by("month"), "active_customers") == (np.array(by_end) - left.cumsum().to_numpy()).tolist()
    assert run.customers["referred_by"].notna().sum() > 3


def test_months_add_up_to_the_run(logged: tuple[cj.Run, pd.DataFrame]) -> None:
    run, _ = logged
    series = run.by("month")
    for name, definition in series.definitions.items():
        total = ratio(definition.terms(run))
        if name not in LEVELS:
            assert math.fsum(values(series, name)) == pytest.approx(total, rel=1e-12), name
    assert math.fsum(values(series, "profit")) == pytest.approx(run.metrics["profit"].value, rel=1e-12)
    assert values(series, "active_customers")[-1] == ratio(series.definitions["active_customers"].terms(run))


def test_months_of_customers_who_share_a_desk_are_those_of_the_event_log(tmp_path: Path) -> None:
    scenario = desk_firm(customers=20, horizon="40d", call_every="3d")
    run, log = simulate_with_log(scenario, tmp_path, replications=1)
    orders = log[log["event"] == "order"].groupby("month")["value"].sum()
    assert run.outcomes.desks["asks"].sum() > 100
    assert values(run.by("month"), "total_revenue") == pytest.approx(orders.tolist(), rel=1e-12)


def test_wages_fall_in_the_month_in_which_they_are_paid() -> None:
    run = cj.simulate(desk_firm(customers=5, horizon="40d"), monthly=True, replications=1)  # from January 5; one agent, 20 an hour
    assert values(run.by("month"), "total_cost") == pytest.approx([27 * 24 * 20, 13 * 24 * 20])


@pytest.mark.parametrize(
    ("policy", "costs"),
    [({"costs": {"setup": 90}}, [90, 0]), ({"desks": {"help": {"agents": 1, "wage_per_hour": 0.25}}}, [27 * 6, 18 * 6])],
)
def test_shared_costs_before_the_first_entry_stand_in_their_month(tmp_path: Path, policy: Any, costs: list[float]) -> None:
    (tmp_path / "entries.csv").write_text("entered,country\n40,DE\n41,FR\n")  # both in February
    journey = {"attributes": {"country": {"DE": 0.5, "FR": 0.5}}, "desks": {"help": {"service": {"fixed": "1h"}}}}
    if "desks" not in policy:
        del journey["desks"]
    firm = small_scenario(journey=journey, policy=policy, horizon="45d", customers=2, entry={"file": str(tmp_path / "entries.csv")})
    run = cj.simulate(firm, monthly=True, replications=1)
    assert values(run.by("month"), "total_cost") == pytest.approx(costs)
    assert values(run.by("month", where="country == 'DE'"), "total_cost") == pytest.approx([one / 2 for one in costs])
    assert run.metrics["profit"].value == pytest.approx(-sum(costs))


def test_constant_purchase_rate_gives_months_in_proportion_to_their_days() -> None:
    # A Poisson process of 0.1 purchases a day for 300 customers. The four tests fail together with probability below 1e-5 (4.8 sigma).
    order = {"in": ["here"], "wait": {"exponential": "10d"}, "effects": [{"purchase": {"value": 2}}]}
    scenario = small_scenario(journey={"events": {"order": order}}, start="2026-01-01", horizon="120d", customers=300)
    found = values(cj.simulate(scenario, monthly=True).by("month"), "total_purchases")
    for purchases, days in zip(found, (31, 28, 31, 30), strict=True):
        assert abs(purchases - 300 * days * 0.1) < 4.8 * math.sqrt(300 * days * 0.1)


def test_interval_of_a_month_is_that_of_a_sum_over_customers(tmp_path: Path) -> None:
    order = {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"purchase": {"value": {"exponential": {"mean": 10}}}}]}
    scenario = small_scenario(journey={"events": {"order": order}}, horizon="50d", customers=40)
    run, log = simulate_with_log(scenario, tmp_path)
    for month, metrics in run.by("month").groups.items():
        spent = log[log["month"] == month].groupby("customer")["value"].sum().reindex(range(40), fill_value=0.0)
        half = 1.959964 * math.sqrt(40) * spent.std(ddof=1)
        assert metrics["total_revenue"][:3] == pytest.approx((spent.sum(), spent.sum() - half, spent.sum() + half), rel=1e-6)
        assert metrics["total_revenue"].n == 40


def test_replications_are_averaged() -> None:
    scenario = leaving_firm(**SMALL)
    run = cj.simulate(scenario, monthly=True, replications=3)
    alone = [values(one.by("month"), "total_revenue") for one in run.replications]
    assert values(run.by("month"), "total_revenue") == pytest.approx(np.mean(alone, axis=0))
    spread = 4.302653 * np.std(alone, axis=0, ddof=1) / math.sqrt(3)  # Student, 2 degrees of freedom
    widths = [metrics["total_revenue"].high - metrics["total_revenue"].low for metrics in run.by("month").groups.values()]
    assert widths == pytest.approx((2 * spread).tolist(), rel=1e-5)


def test_sample_is_scaled_up_to_the_firm() -> None:
    run = cj.simulate(leaving_firm(customers=24, horizon="40d"), sample=0.5, monthly=True)
    assert math.fsum(values(run.by("month"), "total_revenue")) == pytest.approx(2 * run.outcomes.customers["revenue"].sum())


def test_condition_restricts_the_months(logged: tuple[cj.Run, pd.DataFrame]) -> None:
    run, log = logged
    german = run.customers.index[run.customers["country"] == "DE"]
    orders = log[(log["event"] == "order") & log["customer"].isin(german)].groupby("month").size()
    assert values(run.by("month", where="country == 'DE'"), "total_purchases") == orders.tolist()


def test_cohorts_are_those_counted_by_hand_in_the_event_log(logged: tuple[cj.Run, pd.DataFrame]) -> None:
    run, log = logged
    start = pd.Timestamp("2026-01-04")
    entry_month = (start + pd.to_timedelta(run.customers["entered"], unit="D")).dt.strftime("%Y-%m")
    names = ["2026-01", "2026-02", "2026-03"]
    orders, leaves = (log[log["event"] == event] for event in ("order", "leave"))
    for cohort, by_age in run.cohorts().cohorts.items():
        members = run.customers.index[entry_month == cohort]
        for age, metrics in by_age.items():
            month = names[names.index(cohort) + age]
            bought = orders[orders["customer"].isin(members)]
            gone = leaves[leaves["customer"].isin(members) & (leaves["month"] <= month)]
            assert {one.n for one in metrics.values()} == {len(members)}
            assert metrics["active"].value == pytest.approx(1 - len(gone) / len(members))
            assert metrics["buyers"].value == pytest.approx(bought[bought["month"] == month]["customer"].nunique() / len(members))
            spent = bought[bought["month"] <= month].groupby("customer")["value"].sum().reindex(members, fill_value=0.0)
            half = 1.959964 * math.sqrt(spent.var(ddof=0) / len(members))
            assert metrics["revenue_to_date"].value == pytest.approx(spent.mean())
            assert metrics["margin_to_date"].value == pytest.approx(spent.mean() / 2)
            assert metrics["revenue_to_date"].high - spent.mean() == pytest.approx(half, rel=0.25)  # arrivals vary in number; few refer
    assert list(run.cohorts().cohorts["2026-01"]) == [0, 1, 2]


def test_shares_of_a_cohort_have_wilson_intervals(logged: tuple[cj.Run, pd.DataFrame]) -> None:
    from scipy.stats import binomtest

    for by_age in logged[0].cohorts(where="country == 'FR'").cohorts.values():
        found = by_age[0]["buyers"]
        exact = binomtest(round(found.value * found.n), found.n).proportion_ci(method="wilson")
        assert found[1:3] == pytest.approx((exact.low, exact.high), abs=0.05)  # referred customers are not independent of their referrers


def test_existing_customers_belong_to_no_cohort_and_are_not_new() -> None:
    scenario = leaving_firm(customers=5, horizon="40d", existing={"customers": 20, "years": 0.5})
    run = cj.simulate(scenario, monthly=True)
    new = int((run.outcomes.customers["entered"] >= 0).sum())
    assert sum(values(run.by("month"), "new_customers")) == sum(run.cohorts().entered.values()) == new < len(run)
    assert "belong to no cohort" in run.cohorts().summary()


def test_without_retained_stages_nobody_is_counted_as_active() -> None:
    run = cj.simulate(small_scenario(customers=3), monthly=True)
    assert "active_customers" not in run.by("month").definitions
    assert "active" not in run.cohorts().definitions


def test_engines_give_the_same_months() -> None:
    runs = [cj.simulate(leaving_firm(refers=True, **SMALL), engine=engine, monthly=True) for engine in ("compiled", "readable")]
    assert runs[0].by("month").to_json() == runs[1].by("month").to_json()
    assert runs[0].cohorts().to_json() == runs[1].cohorts().to_json()


def test_months_change_no_metric() -> None:
    scenario = leaving_firm(**SMALL)
    assert dict(cj.simulate(scenario).metrics) == dict(cj.simulate(scenario, monthly=True).metrics)


def test_effects_are_differences_of_months(comparison: cj.Comparison) -> None:
    effects = comparison.by("month")
    before, after = (comparison.runs[name].by("month").groups for name in ("mail", "none"))
    for month, by_metric in effects.alternatives["none"].items():
        for metric, one in by_metric.items():
            assert one.effect == pytest.approx(after[month][metric].value - before[month][metric].value, abs=1e-9)
    assert effects.alternatives["none"]["2026-02"]["total_contacts"].high < 0


def test_intervals_of_effects_are_paired(comparison: cj.Comparison) -> None:
    revenue = [run.monthly.amounts["revenue"][1] for run in comparison.runs.values() if run.monthly is not None]
    difference, one = revenue[1] - revenue[0], comparison.by("month").alternatives["none"]["2026-02"]["total_revenue"]
    initial, arrived = difference[:12], difference[12:]
    half = 1.959964 * math.sqrt(12 * initial.var(ddof=1) + (arrived**2).sum())
    assert (one.low, one.high) == pytest.approx((one.effect - half, one.effect + half), rel=1e-6)
    assert one.variance_ratio > 1


def test_equal_policies_differ_by_0_in_every_month() -> None:
    effects = cj.compare({"a": leaving_firm(**SMALL), "b": leaving_firm(**SMALL)}, monthly=True, replications=2).by("month")
    assert {(one.effect, one.low, one.high) for by in effects.alternatives["b"].values() for one in by.values()} == {(0, 0, 0)}


def test_effects_name_their_units_and_show_the_chosen_metric(comparison: cj.Comparison) -> None:
    effects = comparison.by("month", metrics=["profit"])
    assert isinstance(effects, MonthlyEffects)
    assert effects.to_pandas().loc[("none", "2026-01", "profit"), "unit"] == "money"
    assert "total_revenue" not in effects.summary()


def test_results_are_saved(comparison: cj.Comparison, logged: tuple[cj.Run, pd.DataFrame], tmp_path: Path) -> None:
    logged[0].by("month").save(tmp_path / "series")
    logged[0].cohorts().save(tmp_path / "cohorts")
    comparison.by("month").save(tmp_path / "effects")
    assert {path.name for path in (tmp_path / "series").iterdir()} == {"groups.csv", "groups.json", "series.png"}
    assert {path.name for path in (tmp_path / "cohorts").iterdir()} == {"cohorts.csv", "cohorts.json", "cohorts.png"}
    assert {path.name for path in (tmp_path / "effects").iterdir()} == {"group_effects.csv", "group_effects.json", "series.png"}
    saved = pd.read_csv(tmp_path / "cohorts" / "cohorts.csv")
    assert list(saved.columns) == ["cohort", "age", "metric", "value", "low", "high", "n", "unit"]


def test_figures_have_a_panel_per_metric_that_is_not_0(comparison: cj.Comparison) -> None:
    lines = comparison.by("month", metrics=["profit", "total_contacts"]).figure()
    assert [axes.get_title(loc="left") for axes in lines.axes] == ["margin minus all costs in the month", "contacts in the month"]
    maps = comparison.runs["mail"].cohorts().figure()
    assert sum(bool(axes.get_title(loc="left")) for axes in maps.axes) == 4


def test_run_must_have_recorded_months() -> None:
    run = cj.simulate(leaving_firm(**SMALL))
    for use in (lambda: run.by("month"), run.cohorts):
        with pytest.raises(InputError, match=r"months: must be recorded by the run, got none\. Simulate again with `monthly=True`"):
            use()


def test_months_are_refused_with_end_days() -> None:
    with pytest.raises(InputError, match="monthly: must be omitted with processes and `until_days`"):
        cj.simulate(small_scenario(customers=3), until_days=[5, 6, 7], monthly=True)


def test_metric_of_a_month_must_exist(comparison: cj.Comparison) -> None:
    with pytest.raises(InputError, match="metrics: must be one of 'new_customers'"):
        comparison.by("month", metrics=["clv"])


def test_an_attribute_named_month_has_priority() -> None:
    scenario = small_scenario(journey={"attributes": {"month": {"even": 0.5, "odd": 0.5}}}, customers=20)
    assert set(cj.simulate(scenario).by("month").groups) == {"even", "odd"}
