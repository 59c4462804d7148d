"""Experiment e08 on a small scale: a churn offer drives customers away, and coupons go to customers who would have bought anyway."""

import e08_coupon as coupon
import e08_sleeping_dogs as dogs
import numpy as np
import pytest
from published_findings import Finding, ratio_with_interval


@pytest.fixture(scope="module")
def subscribers() -> dogs.Subscribers:
    return dogs.simulate_subscribers(3_000, [1])


@pytest.fixture(scope="module")
def shop() -> dict[str, coupon.CouponOutcomes]:
    return coupon.outcomes_by_policy(2_000, [1])


def known_subscribers() -> dogs.Subscribers:
    """Six subscribers, five treated: one driven away among light readers, one kept among heavy readers."""
    return dogs.Subscribers(
        persona=np.array(["sleeping_dog", "sleeping_dog", "skimmer", "skimmer", "devoted_reader", "devoted_reader"]),
        band=np.array([0, 0, 1, 2, 3, 3]),
        is_treated=np.array([True, True, True, True, True, False]),
        left_untreated=np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0]),
        left_treated=np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
    )


def test_proactive_churn_offer_drives_customers_away(subscribers: dogs.Subscribers) -> None:
    """The paired increase exceeds 4 standard errors (1 in 30,000 by chance); the seed is fixed."""
    low = dogs.findings_of(subscribers, dogs.choose_halves(subscribers))[0].low
    assert low > 0


def test_untreated_subscribers_are_unaffected_by_the_offer(subscribers: dogs.Subscribers) -> None:
    """Except through the queue of the help desk, which treated subscribers can lengthen."""
    others = subscribers.select(~subscribers.is_treated)
    assert len(others.left_untreated) > 50
    assert np.mean(others.left_untreated != others.left_treated) < 0.01


def test_effect_on_a_half_does_not_depend_on_treating_the_other_half(subscribers: dogs.Subscribers) -> None:
    """So the halves need no separate runs; except through the queue of the help desk."""
    whom = "score(use) < 12"
    half = dogs.simulate_subscribers(3_000, [1], whom)
    inside = np.isin(half.band, dogs.USAGE_HALVES[whom])
    assert not half.is_treated[~inside].any()
    assert np.array_equal(half.is_treated[inside], subscribers.is_treated[inside])
    assert np.mean(half.left_treated[inside] != subscribers.left_treated[inside]) < 0.01


def test_known_harm_is_found_and_risk_does_not_identify_the_least_harmed() -> None:
    found: list[Finding] = dogs.findings_of(known_subscribers(), dogs.choose_halves(known_subscribers()))
    assert dogs.choose_halves(known_subscribers()) == {"at risk": "score(use) < 12", "least moved": "score(use) >= 12"}
    assert [of.simulated for of in found] == pytest.approx([0, 1 / 5, 1 / 2 + 1 / 3, 1 / 3 + 1 / 2, -1 / 2])


def test_most_coupons_go_to_customers_who_would_have_bought(shop: dict[str, coupon.CouponOutcomes]) -> None:
    """About nine in ten of more than thirty: less than half occurs by chance for fewer than 1 in a million seeds."""
    share = coupon.findings_of(shop)[0]
    assert share.n > 30
    assert share.low > 0.5


def test_coupon_for_everyone_loses_money(shop: dict[str, coupon.CouponOutcomes]) -> None:
    net = coupon.findings_of(shop)[1]
    assert net.high < 0


def test_coupon_without_lift_changes_payments_and_not_purchases(shop: dict[str, coupon.CouponOutcomes]) -> None:
    assert np.array_equal(shop["coupon"].orders, shop["mail"].orders)
    assert np.allclose(shop["coupon"].spent, shop["mail"].spent)
    assert shop["coupon"].money_off.sum() > 0
    assert np.allclose(shop["mail"].margin - shop["coupon"].margin, shop["coupon"].money_off)


def test_ratio_interval_equals_mean_interval_for_unit_denominators() -> None:
    y = np.array([1.0, 2.0, 4.0, 9.0])
    value, low, high = ratio_with_interval(y)
    assert value == 4.0
    assert high - value == pytest.approx(1.959964 * y.std(ddof=1) / 2)
    assert ratio_with_interval(2 * y, 2 * np.ones(4)) == pytest.approx((value, low, high))
