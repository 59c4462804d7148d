"""Experiment e06 on a small scale: earlier cart mails bring more, because carts are forgotten, and who ordered lately answers more."""

import e06_cart_timing as e06
import numpy as np
import pytest
from happenings import Happenings, counted, first_day

MINUTES = (20, 60, 2160)


@pytest.fixture(scope="module")
def found() -> list[e06.Carts]:
    return e06.carts(3_000, (1, 2), MINUTES)


def test_earlier_mails_bring_more_orders_of_the_same_carts(found: list[e06.Carts]) -> None:
    """The paired difference is some 4 standard errors above 0, the seeds fixed."""
    finding = e06.earlier_sells_more(found, "", "", MINUTES)
    assert finding.reproduced
    assert 0 < finding.low < finding.simulated


def test_order_rates_fall_and_mails_bring_but_a_part_of_them(found: list[e06.Carts]) -> None:
    rows = e06.cart_rows(found, MINUTES)
    rates = [row["order_rate"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert all(row["increment_low"] > 0 and row["increment"] < row["order_rate"] / 2 for row in rows)


def test_who_has_paid_gets_no_mail(found: list[e06.Carts]) -> None:
    for of in found:
        assert np.all(of.mailed <= of.left)
        assert np.all(of.mailed[1] <= of.mailed[0])
        assert of.mailed.sum() < of.left.sum()


def test_where_carts_are_not_forgotten_a_late_mail_brings_as_much(found: list[e06.Carts]) -> None:
    """Late over early, of what mails bring: about a half where carts are forgotten, near 1 where not (seeds fixed)."""
    kept = e06.carts(3_000, (1, 2), (20, 2160), forgotten=False)
    shares = []
    for carts in (found, kept):
        gained = [sum(float((of.ordered[i] - of.anyway[i]).sum()) for of in carts) for i in (0, -1)]
        shares.append(gained[1] / gained[0])
    assert shares[0] < 0.7
    assert shares[1] > 0.85


def test_who_ordered_lately_answers_more() -> None:
    """Visits: 4 standard errors, the seeds fixed."""
    visits, orders = e06.recency_findings(e06.answers(10_000, (1, 2)))
    assert visits.reproduced
    assert orders.simulated > 0


def test_bands_show_what_is_planted() -> None:
    """One visit more for who ordered within 30 days, none for others; who never ordered is in no band."""
    since = np.array([5.0, 10.0, 20.0, 40.0, 100.0, 170.0, np.nan])
    rows = e06.recency_rows([e06.Answers(since, (since < 30).astype(float), np.zeros(7))] * 2)
    assert [row["n"] for row in rows] == [4, 2, 2, 2, 2]
    assert [row["visits"] for row in rows] == [100.0, 100.0, 0.0, 0.0, 0.0]


def test_windows_begin_after_and_include_their_end() -> None:
    of = Happenings(np.array([0, 0, 0, 2]), np.array([1.0, 2.0, 3.0, 2.0]), np.zeros(4))
    after, until = np.array([1.0, 0.0, np.nan]), np.array([3.0, 9.0, np.nan])
    assert counted(of, 3, after, until).tolist() == [2.0, 0.0, 0.0]
    np.testing.assert_array_equal(first_day(of, 3), [1.0, np.nan, 2.0])
