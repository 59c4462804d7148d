"""Experiment e07 on a small scale: the shop's repeat rates rise from a third, and known orders are counted correctly."""

import e07_repeat as e07
import numpy as np
import pytest


@pytest.fixture(scope="module")
def found() -> list[e07.BuyerHistories]:
    return [e07.simulate_buyers(4_000, seed) for seed in (1, 2)]


def test_first_repeat_rates_match_published_rates(found: list[e07.BuyerHistories]) -> None:
    """Within 3 points plus the interval: 1.96 standard errors and at least 1.4 more. If the true share equals the published one, this
    fails by chance for at most 1 in 1,000 seeds; seeds are fixed."""
    first = [finding for finding in e07.findings_of(found) if finding.why.endswith("; tuned")]
    assert len(first) == 3
    assert [finding.statement for finding in first if not finding.reproduced] == []


def test_repeat_rates_rise_with_each_order(found: list[e07.BuyerHistories]) -> None:
    shares = [row["share"] for row in e07.repeat_rates(found)]
    assert shares[0] < shares[1] < shares[2] < shares[5]
    assert shares[8] > 75


def test_pauses_lower_the_first_repeat_rate(found: list[e07.BuyerHistories]) -> None:
    """25 points on the same customers, more than 10 standard errors."""
    awake = e07.simulate_buyers(2_000, 1, e07.VARIANTS["nobody pauses"])
    assert e07.repeat_indicator(awake, 1).mean() > e07.repeat_indicator(found[0], 1).mean() + 0.15


def test_known_orders_are_counted() -> None:
    """Three customers, 2 years: a second order in time, one too late, and a first order in the last year, which does not count."""
    customer = np.array([1, 1, 1, 4, 4, 7])
    day = np.array([10.0, 30.0, 500.0, 20.0, 400.0, 366.0])
    of = e07.histories_from_orders(customer, day, np.array([5.0, 7.0, 11.0, 3.0, 4.0, 1.0]))
    assert e07.repeat_indicator(of, 1, years=2).tolist() == [1.0, 0.0]
    assert e07.repeat_indicator(of, 2, years=2).tolist() == [0.0]
    assert of.first_month_spend.tolist() == [12.0, 3.0, 1.0]
    assert of.first_year_spend.tolist() == [12.0, 3.0, 1.0]


def test_repeat_rates_are_constant_for_independent_orders() -> None:
    """Every customer orders again with probability one half: each rung is 50 % within 4 standard errors."""
    rng = np.random.default_rng(1)
    orders = np.full((20_000, e07.ORDERS), np.inf)
    alive = np.ones(20_000, bool)
    for number in range(e07.ORDERS):
        orders[alive, number] = 10.0 * number
        alive &= rng.random(20_000) < 0.5
    of = e07.BuyerHistories(orders, np.ones(20_000), np.ones(20_000))
    rows = e07.repeat_rates([of])
    assert all(row["low"] - (row["high"] - row["low"]) / 2 <= 50 <= row["high"] + (row["high"] - row["low"]) / 2 for row in rows)
