"""Experiment e06 on a small scale: cart emails within the hour sell less than none, and late ones sell more."""

import e06_cart_timing as e06
import numpy as np
import pytest
from event_arrays import EventArrays, count_in_windows, first_day

MINUTES = (20, 60, 2160)


@pytest.fixture(scope="module")
def found() -> list[e06.CartOutcomes]:
    return e06.simulate_carts(3_000, (1, 2), MINUTES)


def test_reminder_within_the_hour_sells_less_and_after_a_day_more(found: list[e06.CartOutcomes]) -> None:
    """The paired differences are more than 2.5 standard errors from 0; seeds are fixed."""
    early, late = (e06.cart_rows(found, MINUTES)[i] for i in (0, 2))
    assert early["increment_of_carts_high"] < 0 < late["increment_of_carts_low"]
    assert e06.late_mail_finding(found, "", "", MINUTES, late=2160, early=20).reproduced


def test_only_part_of_the_orders_after_a_late_email_is_incremental(found: list[e06.CartOutcomes]) -> None:
    row = e06.cart_rows(found, MINUTES)[2]
    assert 0 < row["increment"] < row["order_rate"] / 2


def test_customers_who_ordered_get_no_email(found: list[e06.CartOutcomes]) -> None:
    for of in found:
        assert np.all(of.is_mailed <= of.has_cart)
        assert np.all(of.is_mailed[1] <= of.is_mailed[0])
        assert of.is_mailed.sum() < of.has_cart.sum()


def test_early_emails_sell_more_if_nobody_comes_right_back_without_them() -> None:
    """Without the customers whom an early reminder disturbs, its increment is positive; seeds are fixed."""
    values = {"journey.events.comes_right_back.wait": "never"}
    undisturbed = [e06.simulate_carts_with(3_000, seed, (20,), values) for seed in (1, 2)]
    assert e06.cart_rows(undisturbed, (20,))[0]["increment_of_carts_low"] > 0


def test_customers_who_ordered_long_ago_respond_as_well() -> None:
    """The effect on orders does not differ by more than its interval; seeds are fixed."""
    visits, orders = e06.recency_findings(e06.simulate_responses(10_000, (1, 2)))
    assert visits.low < visits.simulated < visits.high
    assert orders.reproduced


def test_recency_bands_show_known_effects() -> None:
    """One more visit for customers who ordered within 30 days, none for others; customers without an order are in no band."""
    since = np.array([5.0, 10.0, 20.0, 40.0, 100.0, 170.0, np.nan])
    rows = e06.recency_rows([e06.ResponseToMail(since, (since < 30).astype(float), np.zeros(7))] * 2)
    assert [row["n"] for row in rows] == [4, 2, 2, 2, 2]
    assert [row["visits"] for row in rows] == [100.0, 100.0, 0.0, 0.0, 0.0]


def test_windows_exclude_the_start_and_include_the_end() -> None:
    of = EventArrays(np.array([0, 0, 0, 2]), np.array([1.0, 2.0, 3.0, 2.0]), np.zeros(4))
    after, until = np.array([1.0, 0.0, np.nan]), np.array([3.0, 9.0, np.nan])
    assert count_in_windows(of, 3, after, until).tolist() == [2.0, 0.0, 0.0]
    np.testing.assert_array_equal(first_day(of, 3), [1.0, np.nan, 2.0])
