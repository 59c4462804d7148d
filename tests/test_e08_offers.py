"""Experiment e08 on a small scale: a churn offer drives customers away, a coupon goes to who would have bought."""

import e08_coupon as coupon
import e08_sleeping_dogs as dogs
import numpy as np
import pytest
from findings import Finding, ratio


@pytest.fixture(scope="module")
def asked() -> dogs.Subscribers:
    return dogs.subscribers(3_000, [1])


@pytest.fixture(scope="module")
def shop() -> dict[str, coupon.Bought]:
    return coupon.lives(2_000, [1])


def planted() -> dogs.Subscribers:
    """Six subscribers, five asked: one driven away among those who read little, one kept among those who read much."""
    return dogs.Subscribers(
        persona=np.array(["sleeping_dog", "sleeping_dog", "skimmer", "skimmer", "devoted_reader", "devoted_reader"]),
        band=np.array([0, 0, 1, 2, 3, 3]),
        asked=np.array([True, True, True, True, True, False]),
        left=np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0]),
        left_asked=np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
    )


def test_a_proactive_churn_offer_drives_customers_away(asked: dogs.Subscribers) -> None:
    """The paired rise is above 4 standard errors (once in 30,000 by chance), the seed fixed."""
    low = dogs.findings_of(asked, dogs.targets(asked))[0].low
    assert low > 0


def test_nobody_who_was_not_asked_is_moved_by_the_offer(asked: dogs.Subscribers) -> None:
    """But for the queue of the help desk, which those who were asked may lengthen."""
    others = asked.among(~asked.asked)
    assert len(others.left) > 50
    assert np.mean(others.left != others.left_asked) < 0.01


def test_asking_one_half_moves_that_half_as_asking_all_does(asked: dogs.Subscribers) -> None:
    """So that a half need not be asked apart; but for the queue of the help desk."""
    whom = "score(use) < 12"
    half = dogs.subscribers(3_000, [1], whom)
    inside = np.isin(half.band, dogs.HALVES[whom])
    assert not half.asked[~inside].any()
    assert np.array_equal(half.asked[inside], asked.asked[inside])
    assert np.mean(half.left_asked[inside] != asked.left_asked[inside]) < 0.01


def test_planted_harm_is_found_and_the_half_at_risk_is_not_the_one_least_moved() -> None:
    found: list[Finding] = dogs.findings_of(planted(), dogs.targets(planted()))
    assert dogs.targets(planted()) == {"at risk": "score(use) < 12", "least moved": "score(use) >= 12"}
    assert [of.simulated for of in found] == pytest.approx([0, 1 / 5, 1 / 2 + 1 / 3, 1 / 3 + 1 / 2, -1 / 2])


def test_most_coupons_go_to_who_would_have_bought(shop: dict[str, coupon.Bought]) -> None:
    """About nine in ten, of more than forty: below a half less than once in a million."""
    share = coupon.findings_of(shop)[0]
    assert share.n > 40
    assert share.low > 0.5


def test_a_coupon_for_all_costs_more_than_it_brings(shop: dict[str, coupon.Bought]) -> None:
    net = coupon.findings_of(shop)[1]
    assert net.high < 0


def test_a_coupon_changes_what_is_paid_and_not_who_buys(shop: dict[str, coupon.Bought]) -> None:
    assert np.array_equal(shop["coupon"].orders, shop["mail"].orders)
    assert np.allclose(shop["coupon"].spent, shop["mail"].spent)
    assert shop["coupon"].money_off.sum() > 0
    assert np.allclose(shop["mail"].margin - shop["coupon"].margin, shop["coupon"].money_off)


def test_interval_of_a_ratio_is_that_of_a_mean_where_each_counts_once() -> None:
    y = np.array([1.0, 2.0, 4.0, 9.0])
    value, low, high = ratio(y)
    assert value == 4.0
    assert high - value == pytest.approx(1.959964 * y.std(ddof=1) / 2)
    assert ratio(2 * y, 2 * np.ones(4)) == pytest.approx((value, low, high))
