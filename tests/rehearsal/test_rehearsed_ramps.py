"""`rehearse` with a ramp, on simulated customers who buy more in a season that starts while they enroll."""

import json
import math
from datetime import date
from typing import Any

import pytest

import cjsim as cj
from cjsim.errors import InputError
from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.testing.small_worlds import sharing_customers

RAMP = cj.Ramp.from_shares({0: 0.2, 10: 0.6})
SETTINGS = cj.RehearsalSettings(runs=1000, analyses=(FixedHorizon(),), ramp=RAMP)
ENTER_OVER, DAYS, SEASON_DAY, SEASON = 20.0, 5.0, 15.0, 3.0
MEAN_FACTOR = (19 + 346 * SEASON) / 365  # over 2026, of which 19 days precede the season
OFFER = 2.0  # spent at once by customers who accept the offer at entry


def shop(*, has_offer: bool = False, **settings: Any) -> cj.Scenario:
    """Customers who enter over 20 days and spend 10 per order, three times as often from day 15 on; the offer sells for 2 at entry."""
    spend = {"in": ["new", "active"], "wait": {"exponential": "10d"}, "activity": "year", "effects": [{"purchase": {"value": 10}}]}
    welcome = {"in": ["new"], "wait": {"fixed": "1h"}, "effects": [{"purchase": {"value": OFFER if has_offer else 0}}, {"go": "active"}]}
    visit = {"in": ["new", "active"], "wait": {"exponential": "20d"}}
    journey = {
        "name": "shop",
        "starts_in": "new",
        "stages": {"new": {}, "active": {}},
        "activity": {"year": {"seasons": {"late": {"from": "01-20", "to": "12-31", "times": SEASON}}}},
        "events": {"order": spend, "welcome": welcome, "visit": visit, "buy": {"effects": [{"purchase": {"value": 10}}]}},
        "channels": {"email": {}},
        "messages": {"coupon": {"channel": "email", "open_rate": 0.5, "effects": {"opened": [{"fire": "buy"}]}}},
    }
    times = {"start": "2026-01-05", "horizon": "30d", "customers": 8000, "entry": {"over": f"{ENTER_OVER:g}d"}}
    name = "offer" if has_offer else "shop"
    return cj.Scenario.from_dict({"name": name, "journey": journey, "policy": {"name": "none"}, **times, **settings})


def rehearse(settings: cj.RehearsalSettings = SETTINGS, *, sizes: tuple[int, ...] = (1000,), **options: Any) -> cj.Rehearsal:
    alternatives = {"offer": shop(has_offer=True)}
    return cj.rehearse(shop(), alternatives, metric="revenue", sizes=sizes, days=[DAYS], settings=settings, **options)


@pytest.fixture(scope="module")
def found() -> cj.Rehearsal:
    return rehearse()


def test_pooled_bias_is_that_of_the_closed_form(found: cj.Rehearsal) -> None:
    (test,) = found.alternatives["offer"].ramp
    active_days = DAYS, 0.5 * (2.5 + 2.5 * SEASON) + 0.5 * DAYS * SEASON  # of customers who enter before and from day 10
    drift = 10 / 10 * (active_days[1] - active_days[0]) / MEAN_FACTOR
    late_treated, late_controls = 0.6 / 0.8, 0.4 / 1.2
    expected = drift * (late_treated - late_controls)
    error = (late_treated - late_controls) * math.sqrt(10 * sum(10 / 10 * days / MEAN_FACTOR for days in active_days) / 4000)
    assert expected > 1 and abs(test.pooled.bias - expected) < 4 * error  # Poisson orders of 10; fails by chance in 1 of 16,000 seeds


def test_stratified_tests_cover_the_true_effect(found: cj.Rehearsal) -> None:
    (design,) = found.alternatives["offer"].designs
    assert design.effect == pytest.approx(OFFER, abs=1e-6) and abs(design.coverage.value - 0.95) < 4 * design.coverage.error


def test_stratified_false_positives_are_nominal_where_pooled_ones_are_not(found: cj.Rehearsal) -> None:
    report = found.alternatives["offer"]
    stratified, pooled = report.designs[0].false_positive, report.ramp[0].pooled.false_positive
    assert abs(stratified.value - 0.05) < 4 * stratified.error and pooled.value > 0.3


def test_true_effects_are_those_of_a_test_without_a_ramp(found: cj.Rehearsal) -> None:
    without = rehearse(cj.RehearsalSettings(runs=2, analyses=(FixedHorizon(),)))
    assert found.alternatives["offer"].truth == without.alternatives["offer"].truth


def test_json_gives_customers_and_share_of_each_phase(found: cj.Rehearsal) -> None:
    (test,) = found.to_json()["ramp"]
    early, late = test["phases"]
    assert [(phase["from_day"], phase["share"]) for phase in (early, late)] == [(0, 0.2), (10, 0.6)]
    assert early["customers"] + late["customers"] == 1000 and abs(early["customers"] - 500) < 4 * math.sqrt(0.25 / 8000) * 1000


def test_json_shows_the_pooled_analysis(found: cj.Rehearsal) -> None:
    values, pooled = found.to_json()["ramp"][0]["pooled"], found.alternatives["offer"].ramp[0].pooled
    assert values == {
        "bias": pooled.bias,
        "bias_without_effect": pooled.bias_without_effect,
        "power": pooled.power.value,
        "false_positive": pooled.false_positive.value,
        "coverage": pooled.coverage.value,
    }


def test_results_without_a_ramp_have_no_phases() -> None:
    assert json.loads(json.dumps(rehearse(cj.RehearsalSettings(runs=2)).to_json()))["ramp"] == []


def test_share_of_a_design_is_that_of_all_its_customers(found: cj.Rehearsal) -> None:
    (design,), (test,) = found.alternatives["offer"].designs, found.alternatives["offer"].ramp
    assert design.share == pytest.approx(sum(round(phase.share * phase.customers) for phase in test.phases) / 1000)


def test_text_shows_the_phases_and_the_pooled_bias(found: cj.Rehearsal) -> None:
    assert "The analyses are stratified by phase. A pooled analysis ignores the phases" in str(found)
    assert "1,000 customers for 5 days: " in str(found) and "from day 10 (60 %).\nPooled: bias +" in str(found)


def test_standard_analyses_have_a_fixed_horizon() -> None:
    report = rehearse(cj.RehearsalSettings(runs=10, ramp=RAMP)).alternatives["offer"]
    assert [design.analysis for design in report.designs] == ["fixed"]


def test_larger_tests_reach_later_phases_at_an_enrollment_rate() -> None:
    settings = cj.RehearsalSettings(runs=10, ramp=RAMP, enroll_per_day=50)
    report = rehearse(settings, sizes=(400, 1000)).alternatives["offer"]
    assert [[phase.customers for phase in test.phases] for test in report.ramp] == [[400, 0], [500, 500]]


def test_customers_enroll_at_a_rate_in_the_order_in_which_they_enter() -> None:
    settings = cj.RehearsalSettings(runs=10, ramp=RAMP, enroll_per_day=50)
    by_rate = rehearse(settings).alternatives["offer"].ramp[0].pooled.bias  # half of the customers before day 10, as they enter
    assert by_rate == pytest.approx(rehearse().alternatives["offer"].ramp[0].pooled.bias, abs=0.05)


@pytest.fixture(scope="module")
def triggered() -> cj.Rehearsal:
    settings = cj.RehearsalSettings(runs=100, ramp=RAMP, trigger="visit", starts_on=date(2026, 1, 10))
    base = shop(horizon="60d", entry={"over": "0d"})
    flows = {"visit": {"on": {"event": "visit"}, "again_after": "never", "steps": [{"send": "coupon"}]}}
    other = base.with_values({"name": "coupon", "policy.flows": flows})
    return cj.rehearse(base, {"coupon": other}, metric="revenue", sizes=[400], days=[14], settings=settings)


def test_phases_of_a_trigger_count_from_the_date(triggered: cj.Rehearsal) -> None:
    early, late = (phase.customers for phase in triggered.alternatives["coupon"].ramp[0].phases)
    last_day = 60 - 5 - 14  # in days since the date
    expected = 400 * (1 - math.exp(-10 / 20)) / (1 - math.exp(-last_day / 20))
    assert early + late == 400 and abs(early - expected) < 4 * 400 * math.sqrt(0.25 / 6900) + 1  # about 6,900 customers enroll


def test_tests_with_a_ramp_are_not_compared_with_tests_without_the_trigger(triggered: cj.Rehearsal) -> None:
    assert triggered.alternatives["coupon"].dilution == ()


def test_outcomes_before_the_trigger_adjust_the_stratified_effect(triggered: cj.Rehearsal) -> None:
    assert [design.analysis for design in triggered.alternatives["coupon"].designs] == ["fixed", "cuped"]


def test_the_most_profitable_size_is_unknown_if_the_share_changes(found: cj.Rehearsal) -> None:
    assert found.alternatives["offer"].most_profitable is None


def test_a_share_beside_a_ramp_is_refused() -> None:
    with pytest.raises(InputError, match=r"share: must be omitted if there is a ramp, which gives the share of each phase, got 0\.3"):
        rehearse(share=0.3)


def test_a_ramp_of_customers_who_switch_on_one_date_is_refused() -> None:
    settings = cj.RehearsalSettings(runs=10, ramp=RAMP, starts_on=date(2026, 1, 10))
    with pytest.raises(InputError, match="ramp: must be omitted if all customers enroll on one date, 2026-01-10, got 2 phases"):
        rehearse(settings)


def test_a_ramp_of_customers_who_enter_at_once_is_refused() -> None:
    at_once = {"entry": {"over": "0d"}}
    alternatives = {"offer": shop(has_offer=True, **at_once)}
    with pytest.raises(InputError, match="ramp: must have phases in which customers enroll, from day 0 to day 0, got a phase from day 10"):
        cj.rehearse(shop(**at_once), alternatives, metric="revenue", sizes=[1000], days=[DAYS], settings=SETTINGS)


def test_a_ramp_where_customers_share_resources_is_refused() -> None:
    base = sharing_customers()
    with pytest.raises(InputError, match="ramp: must be omitted where customers share desks and referrals, because mixed assignment"):
        cj.rehearse(base, {"same": base.with_values({"title": "x"})}, metric="clv", sizes=[60], days=[30], settings=SETTINGS)
