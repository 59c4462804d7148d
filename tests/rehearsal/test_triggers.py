"""Tests with a trigger: outcomes are counted from the trigger, against closed forms."""

import math
import re
from datetime import date
from typing import Any

import pytest

import cjsim as cj
from cjsim.errors import InputError
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.rehearsal.scenario_outcomes import shared_resources
from cjsim.testing.small_worlds import independent_customers, sharing_customers

CART_EVERY, HORIZON, DAYS = 20.0, 60.0, 14.0
FIXED = cj.RehearsalSettings(runs=500, analyses=(FixedHorizon(),), trigger="cart")
SWITCH_DAY = 20
FROM_DATE = cj.RehearsalSettings(runs=500, analyses=(FixedHorizon(),), trigger="cart", starts_on=date(2026, 1, 5 + SWITCH_DAY))


def visitors(buy_every: float, *, visit_every: str | float = "10d", value_of_cart: float = 0.0) -> cj.Scenario:
    """Visitors who spend 10 at each visit until their cart, and 10 at each purchase after it; all times are exponential."""
    spend = [{"purchase": {"value": 10}}]
    wait = "never" if visit_every == "never" else {"exponential": visit_every}
    cart = [{"purchase": {"value": value_of_cart}}, {"go": "buyer"}]
    events = {
        "visit": {"in": ["visitor"], "wait": wait, "effects": spend},
        "cart": {"in": ["visitor"], "wait": {"exponential": f"{CART_EVERY}d"}, "effects": cart},
        "buy": {"in": ["buyer"], "wait": {"exponential": f"{buy_every}d"}, "effects": spend},
    }
    journey = {"name": "visitors", "starts_in": "visitor", "stages": {"visitor": {}, "buyer": {}}, "events": events}
    settings = {"start": "2026-01-05", "horizon": f"{HORIZON}d", "customers": 4000}
    return cj.Scenario.from_dict({"name": f"every_{buy_every:g}", "journey": journey, "policy": {"name": "none"}, **settings})


def rehearse_visitors(settings: cj.RehearsalSettings = FIXED, **options: Any) -> cj.Rehearsal:
    alternative = visitors(4.0, **options)
    return cj.rehearse(visitors(5.0, **options), {"sooner": alternative}, metric="revenue", sizes=[400], days=[DAYS], settings=settings)


@pytest.fixture(scope="module")
def found() -> cj.Rehearsal:
    return rehearse_visitors()


def covers(truth: PairedDifference, effect: float) -> bool:
    """Whether the interval of 99.99 % contains a value, which fails by chance in 1 of 10,000 seeds."""
    return abs(truth.effect - effect) <= 2 * (truth.high - truth.low) / 2


def test_effect_in_the_days_after_the_trigger_is_that_of_the_closed_form(found: cj.Rehearsal) -> None:
    truth = found.alternatives["sooner"].truth_by_days[DAYS]
    assert covers(truth, 10 * DAYS / 4 - 10 * DAYS / 5)


def test_baseline_in_the_days_after_the_trigger_is_that_of_the_closed_form(found: cj.Rehearsal) -> None:
    baseline, expected = found.alternatives["sooner"].truth_by_days[DAYS].baseline, 10 * DAYS / 5
    error = math.sqrt(10 * expected / 3600)  # Poisson purchases of 10 by more than 3,500 customers
    assert abs(baseline - expected) < 4 * error  # fails by chance in 1 of 16,000 seeds


def test_purchases_before_the_trigger_do_not_count(found: cj.Rehearsal) -> None:
    without = rehearse_visitors(visit_every="never").alternatives["sooner"].truth_by_days[DAYS]
    assert found.alternatives["sooner"].truth_by_days[DAYS][:5] == pytest.approx(without[:5])


def test_a_purchase_at_the_trigger_counts(found: cj.Rehearsal) -> None:
    with_value = rehearse_visitors(value_of_cart=3.0).alternatives["sooner"].truth_by_days[DAYS]
    assert with_value.baseline == pytest.approx(found.alternatives["sooner"].truth_by_days[DAYS].baseline + 3)


def test_messages_before_the_trigger_do_not_count_in_a_ratio() -> None:
    messages = {"journey.channels": {"email": {}}}
    messages["journey.messages"] = {name: {"channel": "email", "open_rate": rate} for name, rate in (("dull", 0.1), ("vivid", 0.6))}
    flows = [
        {event: {"on": {"event": event}, "steps": [{"send": sent}]} for event, sent in (("visit", "dull"), ("buy", one))}
        for one in ("dull", "vivid")
    ]
    base, other = (visitors(5.0, visit_every="2d").with_values(messages | {"policy.flows": flow}) for flow in flows)
    found = cj.rehearse(base, {"vivid": other}, metric="open_rate", sizes=[400], days=[DAYS], settings=FIXED)
    truth = found.alternatives["vivid"].truth_by_days[DAYS]
    assert covers(truth, 0.6 - 0.1) and truth.value == pytest.approx(0.6, abs=0.02)  # 10,000 messages: 4 standard errors


def test_share_that_reaches_the_trigger_is_that_of_the_closed_form(found: cj.Rehearsal) -> None:
    enrollment, expected = found.alternatives["sooner"].enrollment, 1 - math.exp(-HORIZON / CART_EVERY)
    assert enrollment is not None  # 4 standard errors fail by chance in 1 of 16,000 seeds
    assert abs(enrollment.reached - expected) < 4 * math.sqrt(expected * (1 - expected) / 4000)


def test_share_that_reaches_the_trigger_too_late_is_that_of_the_closed_form(found: cj.Rehearsal) -> None:
    enrollment, expected = (
        found.alternatives["sooner"].enrollment,
        math.exp(-(HORIZON - DAYS) / CART_EVERY) - math.exp(-HORIZON / CART_EVERY),
    )
    assert enrollment is not None
    assert abs(enrollment.late - expected) < 4 * math.sqrt(expected * (1 - expected) / 4000)


def test_long_run_effect_is_that_until_the_horizon(found: cj.Rehearsal) -> None:
    in_time = 1 - math.exp(-(HORIZON - DAYS) / CART_EVERY)  # T is exponential, given T < HORIZON - DAYS
    mean_trigger = CART_EVERY - (HORIZON - DAYS) * (1 - in_time) / in_time
    assert covers(found.alternatives["sooner"].truth, (10 / 4 - 10 / 5) * (HORIZON - mean_trigger))


def test_effect_without_the_trigger_is_diluted_as_in_the_closed_form(found: cj.Rehearsal) -> None:
    (dilution,) = found.alternatives["sooner"].dilution
    expected = (10 / 4 - 10 / 5) * (DAYS - CART_EVERY * (1 - math.exp(-DAYS / CART_EVERY)))
    assert dilution.everyone.effect == pytest.approx(expected, abs=0.5)  # 4 standard errors of about 0.12


def test_a_test_without_the_trigger_needs_all_customers_and_has_less_power(found: cj.Rehearsal) -> None:
    report = found.alternatives["sooner"]
    (dilution,) = report.dilution
    assert report.enrollment is not None
    assert dilution.everyone.size == math.ceil(400 / (report.enrollment.reached - report.enrollment.late))
    assert dilution.everyone.power.value < dilution.triggered.power.value - 0.1


def test_late_entrants_do_not_enlarge_the_test_without_the_trigger() -> None:
    at_once = {"journey.events.cart.wait": {"fixed": "1h"}, "entry": {"over": f"{HORIZON}d"}}
    base, other = (visitors(buy_every).with_values(at_once) for buy_every in (5.0, 4.0))
    found = cj.rehearse(base, {"sooner": other}, metric="revenue", sizes=[400], days=[DAYS], settings=FIXED)
    (dilution,) = found.alternatives["sooner"].dilution
    assert 400 <= dilution.everyone.size <= 405  # of about 3,100 customers, 3 enter less than an hour too late for the trigger


def test_designs_enroll_their_size(found: cj.Rehearsal) -> None:
    (design,) = found.alternatives["sooner"].designs
    variances = [10**2 * DAYS / 5, 10**2 * DAYS / 4]  # of Poisson purchases of 10
    assert design.mde == pytest.approx((1.96 + 0.8416) * math.sqrt(sum(variances) / 200), rel=0.1)  # 200 customers an arm


def test_loss_concerns_the_customers_who_reach_the_trigger(found: cj.Rehearsal) -> None:
    report = found.alternatives["sooner"]
    assert report.enrollment is not None
    loss = report.designs[0].wrong_decision.value * report.truth.effect * 4000 * report.enrollment.reached
    assert report.designs[0].expected_loss.value == pytest.approx(loss)


def test_outcomes_before_the_trigger_are_the_covariate_of_cuped() -> None:
    report = rehearse_visitors(cj.RehearsalSettings(runs=100, trigger="cart")).alternatives["sooner"]
    assert "cuped" in {design.analysis for design in report.designs}


def test_json_names_the_trigger_and_compares_each_design_with_that_of_all_customers(found: cj.Rehearsal) -> None:
    values, report = found.to_json(), found.alternatives["sooner"]
    assert report.enrollment is not None
    assert (values["trigger"], values["trigger_share"], values["late_share"]) == ("cart", report.enrollment.reached, report.enrollment.late)
    (diluted,) = values["dilution"]
    assert (diluted["size"], diluted["days"]) == (400, DAYS) and diluted["power"] == values["designs"][0]["power"]


def test_text_says_who_enrolls_and_what_all_customers_would_show(found: cj.Rehearsal) -> None:
    text = str(found)
    assert "from the first 'cart' after entry" in text
    assert "reach it too late to be observed for 14 days, and do not enroll." in text
    assert "customers instead of 400, for 14 days: effect " in text


def test_sizes_beyond_the_customers_who_enroll_are_refused() -> None:
    with pytest.raises(InputError, match=r"sizes: must be at most the 3,\d\d\d simulated customers who reach 'cart' early enough"):
        cj.rehearse(visitors(5.0), {"sooner": visitors(4.0)}, metric="revenue", sizes=[4000], days=[DAYS], settings=FIXED)


def refused(trigger: str, *, metric: str = "revenue", days: float = DAYS) -> None:
    settings = cj.RehearsalSettings(runs=100, trigger=trigger)
    cj.rehearse(visitors(5.0), {"sooner": visitors(4.0)}, metric=metric, sizes=[100], days=[days], settings=settings)


def test_a_trigger_that_differs_between_the_policies_is_refused_with_the_share() -> None:
    with pytest.raises(InputError, match=r"trigger 'buy': must be reached at the same time .* got \d+\.\d\d % of customers"):
        refused("buy")


def test_outcomes_that_differ_without_the_trigger_are_refused_with_the_share() -> None:
    with pytest.raises(InputError, match=r"trigger 'visit': must be reached before the policies affect 'revenue', .* got \d+\.\d\d % of"):
        refused("visit")  # some customers buy without a visit


def test_an_unknown_trigger_is_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'cart'"):
        refused("crat")


def test_a_trigger_that_nobody_reaches_in_time_is_refused() -> None:
    with pytest.raises(InputError, match="trigger 'cart': must be reached by some customers at least 60 days before the horizon"):
        refused("cart", days=HORIZON)


def test_a_hidden_trigger_is_refused() -> None:
    hidden = {"journey.events.visit.observed": False, "journey.events.visit.effects": []}
    base, other = (visitors(wait).with_values(hidden) for wait in (5.0, 4.0))
    settings = cj.RehearsalSettings(runs=100, trigger="visit")
    with pytest.raises(InputError, match="trigger: must be an event that the firm observes, got 'visit', which is hidden"):
        cj.rehearse(base, {"sooner": other}, metric="revenue", sizes=[100], days=[DAYS], settings=settings)


def test_a_trigger_where_customers_share_resources_is_refused() -> None:
    base = sharing_customers()
    settings = cj.RehearsalSettings(runs=100, trigger="order")
    with pytest.raises(InputError, match="trigger: must be omitted where customers share desks and referrals, because the arms") as caught:
        cj.rehearse(base, {"same": base.with_values({"title": "x"})}, metric="clv", sizes=[60], days=[30], settings=settings)
    named = dict.fromkeys(re.findall(r"(\S+)=0\b", str(caught.value)), 0)
    assert named and shared_resources(base.with_values(named)) == ["desks"]


NO_FRIENDS = {"journey.events.recommend.effects[0].refer.joins": 0}


def test_a_trigger_is_possible_where_referrals_bring_nobody() -> None:
    base = independent_customers().with_values(NO_FRIENDS)
    settings = cj.RehearsalSettings(runs=100, trigger="lapse")
    found = cj.rehearse(base, {"same": base.with_values({"title": "x"})}, metric="clv", sizes=[20], days=[10], settings=settings)
    assert found.shared == ()


def test_referrals_that_bring_friends_are_shared() -> None:
    assert shared_resources(independent_customers()) == ["referrals"]


def test_a_desk_without_requests_and_staff_is_not_shared() -> None:
    desk = {"service": {"exponential": "2h"}}
    idle = independent_customers().with_values(NO_FRIENDS | {"journey.desks": {"help": desk}})
    assert shared_resources(idle) == []


def carts(*, follows_up: bool) -> cj.Scenario:
    """Customers with repeated carts and unrelated orders; with the follow-up, half of the first carts lead to a purchase of 10 at once."""
    message = {"channel": "email", "open_rate": 0.5, "effects": {"opened": [{"fire": "buy"}]}}
    events = {
        "cart": {"in": ["here"], "wait": {"exponential": f"{CART_EVERY}d"}},
        "order": {"in": ["here"], "wait": {"exponential": "10d"}, "effects": [{"purchase": {"value": 4}}]},
        "buy": {"effects": [{"purchase": {"value": 10}}]},
    }
    journey = {"name": "carts", "starts_in": "here", "stages": {"here": {}}, "events": events, "channels": {"email": {}}}
    flow = {"on": {"event": "cart"}, "again_after": "never", "steps": [{"send": "reminder"}]}
    policy = {"name": "policy", "flows": {"cart": flow} if follows_up else {}}
    settings = {"start": "2026-01-05", "horizon": f"{HORIZON}d", "customers": 4000}
    journey["messages"] = {"reminder": message}
    return cj.Scenario.from_dict({"name": "reminder" if follows_up else "none", "journey": journey, "policy": policy, **settings})


@pytest.fixture(scope="module")
def from_date() -> cj.Rehearsal:
    alternatives = {"reminder": carts(follows_up=True)}
    return cj.rehearse(carts(follows_up=False), alternatives, metric="revenue", sizes=[400], days=[DAYS], settings=FROM_DATE)


def test_effect_of_a_trigger_since_a_date_is_that_of_the_closed_form(from_date: cj.Rehearsal) -> None:
    assert covers(from_date.alternatives["reminder"].truth_by_days[DAYS], 0.5 * 10)


def test_orders_between_the_date_and_the_trigger_do_not_count(from_date: cj.Rehearsal) -> None:
    baseline, expected = from_date.alternatives["reminder"].truth_by_days[DAYS].baseline, 4 * DAYS / 10
    assert abs(baseline - expected) < 4 * math.sqrt(4 * expected / 2900)  # more than 2,900 customers enroll


def test_a_trigger_before_the_date_does_not_count(from_date: cj.Rehearsal) -> None:
    enrollment, expected = from_date.alternatives["reminder"].enrollment, 1 - math.exp(-(HORIZON - SWITCH_DAY) / CART_EVERY)
    assert enrollment is not None
    assert abs(enrollment.reached - expected) < 4 * math.sqrt(expected * (1 - expected) / 4000)


def test_a_trigger_that_occurred_often_before_the_date_is_found() -> None:
    frequent = {"journey.events.cart.wait": {"exponential": "1d"}}  # about 20 carts before the date
    base, other = (carts(follows_up=follows_up).with_values(frequent) for follows_up in (False, True))
    report = cj.rehearse(base, {"reminder": other}, metric="revenue", sizes=[400], days=[DAYS], settings=FROM_DATE).alternatives["reminder"]
    assert report.enrollment is not None and report.enrollment.reached == 1
    in_days = report.truth_by_days[DAYS].baseline  # 4 standard errors
    assert abs(in_days - 4 * DAYS / 10) < 4 * math.sqrt(4 * (4 * DAYS / 10) / 4000)


def test_text_names_the_date_from_which_the_trigger_counts(from_date: cj.Rehearsal) -> None:
    assert "from the first 'cart' since 2026-01-25" in str(from_date)


def test_effect_without_the_trigger_counts_from_the_date() -> None:
    on_day_30 = {"journey.events.cart.wait": {"fixed": "30d"}}  # within 14 days of the switch on day 20, but not of the entry on day 0
    base, other = (carts(follows_up=follows_up).with_values(on_day_30) for follows_up in (False, True))
    found = cj.rehearse(base, {"reminder": other}, metric="revenue", sizes=[400], days=[DAYS], settings=FROM_DATE)
    (dilution,) = found.alternatives["reminder"].dilution
    assert dilution.everyone.effect == pytest.approx(0.5 * 10, abs=0.4)  # 5 standard errors


def test_a_trigger_that_differs_since_the_date_is_refused_with_the_share() -> None:
    base = carts(follows_up=False)
    other = carts(follows_up=True).with_values({"name": "other"})
    journey = {"journey.messages.reminder.effects": {"opened": [{"fire": "cart"}]}}
    flow = {"order": {"on": {"event": "order"}, "steps": [{"send": "reminder"}]}}
    other = other.with_values({**journey, "policy.flows": flow})
    with pytest.raises(InputError, match=r"trigger 'cart': must be reached at the same time .* got \d+\.\d\d % of customers"):
        cj.rehearse(base.with_values(journey), {"other": other}, metric="revenue", sizes=[400], days=[DAYS], settings=FROM_DATE)


def test_only_customers_who_entered_before_the_date_enroll() -> None:
    entry = {"entry": {"over": "40d"}}
    base, other = (carts(follows_up=follows_up).with_values(entry) for follows_up in (False, True))
    report = cj.rehearse(base, {"reminder": other}, metric="revenue", sizes=[400], days=[DAYS], settings=FROM_DATE).alternatives["reminder"]
    enrollment, expected = report.enrollment, 1 - math.exp(-(HORIZON - SWITCH_DAY) / CART_EVERY)  # later entrants have less time for a cart
    assert enrollment is not None
    assert abs(enrollment.reached - expected) < 4 * math.sqrt(expected * (1 - expected) / 2000)


def test_enrollment_rate_counts_the_customers_who_reach_the_trigger() -> None:
    settings = cj.RehearsalSettings(
        runs=100, analyses=(FixedHorizon(),), trigger="cart", starts_on=FROM_DATE.starts_on, enroll_per_day=25.0
    )
    bases = carts(follows_up=False), carts(follows_up=True)
    report = cj.rehearse(bases[0], {"reminder": bases[1]}, metric="revenue", sizes=[400], days=[DAYS], settings=settings)
    assert report.alternatives["reminder"].designs[0].enrollment_days == 16
