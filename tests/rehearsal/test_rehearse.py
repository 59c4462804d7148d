"""`rehearse` on small scenarios."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.errors import InputError
from cjsim.rehearsal.analyses import FixedHorizon

FIXED = cj.RehearsalSettings(runs=500, analyses=(FixedHorizon(),))
DESIGN_KEYS = {
    *("size", "days", "analysis", "power", "power_closed_form", "mde", "false_positive"),
    *("coverage", "exaggeration", "sign_error", "wrong_decision", "expected_loss"),
}


def shop(order_every: str, *, horizon: str = "30d", **settings: Any) -> cj.Scenario:
    """Customers who spend 10 per order, with exponential times between orders, and visits that are the same in all shops."""
    events = {
        "order": {"in": ["active"], "wait": {"exponential": order_every}, "effects": [{"purchase": {"value": 10}}]},
        "visit": {"in": ["active"], "wait": {"exponential": "20d"}},
    }
    journey = {"name": "shop", "starts_in": "active", "stages": {"active": {}}, "events": events}
    journey["moments"] = {"conversion": "order", "first_value": "visit"}
    base = {"name": "shop", "start": "2026-01-05", "horizon": horizon, "customers": 4000, "journey": journey, "policy": {"name": "none"}}
    return cj.Scenario.from_dict(base | settings)


@pytest.fixture(scope="module")
def found() -> cj.Rehearsal:
    alternatives = {"sooner": shop("8d"), "same": shop("10d")}
    return cj.rehearse(shop("10d"), alternatives, metric="revenue", sizes=[100, 400], days=[15, 30], settings=FIXED)


def test_truth_covers_the_known_effect_over_the_horizon(found: cj.Rehearsal) -> None:
    truth = found.alternatives["sooner"].truth  # 10 (30 / 8 - 30 / 10); the interval of 99.99 % fails in 1 of 10,000 seeds
    assert abs(truth.effect - 7.5) <= 2 * (truth.high - truth.low) / 2


def test_designs_estimate_the_effect_after_their_days(found: cj.Rehearsal) -> None:
    effects = {design.days: design.effect for design in found.alternatives["sooner"].designs}
    assert effects[15] == pytest.approx(3.75, abs=0.6) and effects[30] == found.alternatives["sooner"].truth.effect


def test_equal_policies_have_no_effect_and_no_exaggeration(found: cj.Rehearsal) -> None:
    report = found.alternatives["same"]
    assert report.truth.effect == 0 and math.isnan(report.designs[0].exaggeration.value)


def test_loss_counts_the_customers_of_the_baseline_by_default(found: cj.Rehearsal) -> None:
    report = found.alternatives["sooner"]
    loss = report.designs[0].wrong_decision.value * report.truth.effect * 4000
    assert report.designs[0].expected_loss.value == pytest.approx(loss)


def test_json_has_the_documented_keys(found: cj.Rehearsal) -> None:
    values = found.to_json()
    assert {"metric", "truth", "designs", "recommended", "mode"} <= set(values)
    assert set(values["truth"]) == {"effect", "low", "high"} and set(values["designs"][0]) >= DESIGN_KEYS


def test_json_shows_the_first_alternative_at_the_top(found: cj.Rehearsal) -> None:
    values = found.to_json()
    assert {key: values[key] for key in values["alternatives"]["sooner"]} == values["alternatives"]["sooner"]


def test_recommended_design_has_the_target_power(found: cj.Rehearsal) -> None:
    chosen = found.to_json()["recommended"]
    (design,) = [one for one in found.to_json()["designs"] if all(one[key] == value for key, value in chosen.items())]
    assert design["power"] >= 0.8


def test_summary_says_that_no_design_is_adequate(found: cj.Rehearsal) -> None:
    assert "No design is recommended: none both has enough power" in found.summary().split("same against")[1]


def test_saved_folder_contains_the_json_and_a_table_of_designs(found: cj.Rehearsal, tmp_path: Path) -> None:
    found.save(tmp_path)
    assert json.loads((tmp_path / "rehearsal.json").read_text()) == found.to_json()
    assert len((tmp_path / "designs.csv").read_text().splitlines()) == 1 + 8


def test_a_value_per_unit_puts_a_loss_on_a_share() -> None:
    settings = cj.RehearsalSettings(runs=100, analyses=(FixedHorizon(),), rollout=cj.Rollout(customers=1000, value_per_unit=5.0))
    result = cj.rehearse(shop("10d"), {"sooner": shop("8d")}, metric="conversion", sizes=[100], days=[30], settings=settings)
    report = result.alternatives["sooner"]
    assert report.designs[0].expected_loss.value == pytest.approx(report.designs[0].wrong_decision.value * report.truth.effect * 5 * 1000)
    assert report.most_profitable is not None


def test_a_guardrail_that_gets_worse_prevents_the_rollout() -> None:
    settings = cj.RehearsalSettings(
        runs=200, analyses=(FixedHorizon(),), guardrails=(cj.Guardrail("purchases", 0.1, higher_is_better=False),)
    )
    result = cj.rehearse(shop("10d"), {"sooner": shop("8d")}, metric="revenue", sizes=[400], days=[30], settings=settings)
    (guarded,) = result.to_json()["guardrails"]
    assert guarded["shipped"] == 0 and guarded["metrics"]["purchases"]["effect"] == pytest.approx(-0.75, abs=0.1)


def test_an_improvement_of_a_metric_to_be_lowered_is_rolled_out() -> None:
    settings = replace(FIXED, guardrails=(cj.Guardrail("revenue", 1e6),), rollout=cj.Rollout(higher_is_better=False))
    found = cj.rehearse(shop("8d"), {"later": shop("10d")}, metric="purchases", sizes=[400], days=[30], settings=settings)
    report = found.alternatives["later"]
    assert report.guardrails[0].report.shipped.value >= report.designs[0].power.value > 0.5


def test_the_default_margin_does_not_depend_on_the_horizon() -> None:
    settings, margins = replace(FIXED, runs=10, guardrails=(cj.Guardrail("purchases"),)), []
    for horizon in ("30d", "120d"):
        alternatives = {"sooner": shop("8d", horizon=horizon)}
        result = cj.rehearse(shop("10d", horizon=horizon), alternatives, metric="revenue", sizes=[100], days=[30], settings=settings)
        margins.append(result.to_json()["guardrails"][0]["metrics"]["purchases"]["margin"])
    assert margins[0] == margins[1] == pytest.approx(0.05 * 3, rel=0.05)  # 3 purchases in 30 days


@pytest.mark.parametrize(("metric", "guardrails"), [("retention_30d", ()), ("revenue", (cj.Guardrail("retention_30d", 0.1),))])
def test_metrics_that_are_undefined_after_the_days_of_a_test_are_refused(metric: str, guardrails: tuple[cj.Guardrail, ...]) -> None:
    files = (ROOT / "configs" / "scenarios" / name for name in ("shop.yaml", "shop_better.yaml"))
    base, better = (cj.Scenario.load(file).with_values({"customers": 500, "horizon": "90d"}) for file in files)
    settings, must = replace(FIXED, guardrails=guardrails), "must be defined after 14 days under the baseline and under 'better'"
    with pytest.raises(InputError, match=f"{'guardrail' if guardrails else 'metric'}: {must}, got 'retention_30d'"):
        cj.rehearse(base, {"better": better}, metric=metric, sizes=[100], days=[60, 14], settings=settings)


def test_summary_warns_if_the_metric_does_not_vary_under_the_baseline(found: cj.Rehearsal) -> None:
    warning = "opt_outs is the same for all customers after 30 days, so false positives are 0 by construction"
    constant = cj.rehearse(shop("10d"), {"sooner": shop("8d")}, metric="opt_outs", sizes=[100], days=[30], settings=FIXED)
    assert warning in constant.summary() and "Warning" not in found.summary()


def test_totals_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="got 'total_revenue', a total"):
        cj.rehearse(shop("10d"), {"sooner": shop("8d")}, metric="total_revenue", sizes=[100], days=[30])


def test_days_beyond_the_horizon_are_refused() -> None:
    with pytest.raises(InputError, match="days: must be above 0 and at most the horizon, 30 days, got 31"):
        cj.rehearse(shop("10d"), {"sooner": shop("8d")}, metric="revenue", sizes=[100], days=[31])


def test_short_tests_observe_each_customer_from_entry() -> None:
    late = {"entry": {"over": "10d"}}
    base, alternative = shop("10d", **late), shop("8d", **late)
    found = cj.rehearse(base, {"sooner": alternative}, metric="revenue", sizes=[100], days=[20], settings=FIXED)
    runs = [cj.simulate(one, follow_up_days=20) for one in (base, alternative)]
    effect = runs[1].metrics["revenue"].value - runs[0].metrics["revenue"].value
    assert found.alternatives["sooner"].designs[0].effect == pytest.approx(effect)


def test_tests_longer_than_the_time_from_the_last_entry_are_refused() -> None:
    late = {"entry": {"over": "7d"}}
    with pytest.raises(InputError, match=r"days: must be above 0 and end within the horizon, 30 days, .* got 24\. Use at most 23"):
        cj.rehearse(shop("10d", **late), {"sooner": shop("8d", **late)}, metric="revenue", sizes=[100], days=[24])


def test_sizes_beyond_the_simulated_customers_are_refused() -> None:
    with pytest.raises(InputError, match="sizes: must be at most the 4,000 simulated customers, got 4,001"):
        cj.rehearse(shop("10d"), {"sooner": shop("8d")}, metric="revenue", sizes=[4001], days=[30])


def test_an_alternative_with_the_name_of_the_baseline_is_refused() -> None:
    with pytest.raises(InputError, match="alternatives: must have names that differ from that of the baseline, got 'shop'"):
        cj.rehearse(shop("10d"), {"shop": shop("8d")}, metric="revenue", sizes=[100], days=[30])


def test_no_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="sizes: must have at least one value"):
        cj.rehearse(shop("10d"), {"sooner": shop("8d")}, metric="revenue", sizes=[], days=[30])
