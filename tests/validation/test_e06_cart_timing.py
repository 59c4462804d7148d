"""Experiment e06 on a small scale: earlier cart emails sell more, because carts are forgotten, and recent buyers respond more."""

import e06_cart_timing as e06
import numpy as np
import pytest
from event_arrays import EventArrays, count_in_windows, first_day

MINUTES = (20, 60, 2160)


@pytest.fixture(scope="module")
def found() -> list[e06.CartOutcomes]:
    return e06.simulate_carts(3_000, (1, 2), MINUTES)


def test_earlier_emails_bring_more_orders(found: list[e06.CartOutcomes]) -> None:
    """The paired difference is about 4 standard errors above 0; seeds are fixed."""
    finding = e06.early_mail_finding(found, "", "", MINUTES)
    assert finding.reproduced
    assert 0 < finding.low < finding.simulated


def test_order_rates_fall_with_delay_and_only_part_is_incremental(found: list[e06.CartOutcomes]) -> None:
    rows = e06.cart_rows(found, MINUTES)
    rates = [row["order_rate"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert all(row["increment_low"] > 0 and row["increment"] < row["order_rate"] / 2 for row in rows)


def test_customers_who_ordered_get_no_email(found: list[e06.CartOutcomes]) -> None:
    for of in found:
        assert np.all(of.is_mailed <= of.has_cart)
        assert np.all(of.is_mailed[1] <= of.is_mailed[0])
        assert of.is_mailed.sum() < of.has_cart.sum()


def test_late_emails_work_as_well_if_carts_are_not_forgotten(found: list[e06.CartOutcomes]) -> None:
    """The ratio of late to early increments: about one half if carts are forgotten, close to 1 otherwise; seeds are fixed."""
    kept = e06.simulate_carts(3_000, (1, 2), (20, 2160), carts_are_forgotten=False)
    shares = []
    for carts in (found, kept):
        gained = [sum(float((of.ordered_with_mail[i] - of.anyway[i]).sum()) for of in carts) for i in (0, -1)]
        shares.append(gained[1] / gained[0])
    assert shares[0] < 0.7
    assert shares[1] > 0.85


def test_recent_buyers_respond_more() -> None:
    """The effect on visits is 4 standard errors above 0; seeds are fixed."""
    visits, orders = e06.recency_findings(e06.simulate_responses(10_000, (1, 2)))
    assert visits.reproduced
    assert orders.simulated > 0


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
