"""Experiment e07 on a small scale: the shop's ladder climbs from a third, and what a ladder is made of is counted right."""

import e07_repeat as e07
import numpy as np
import pytest


@pytest.fixture(scope="module")
def found() -> list[e07.Buyers]:
    return [e07.buyers(4_000, seed) for seed in (1, 2)]


def test_first_rungs_are_the_published_ones(found: list[e07.Buyers]) -> None:
    """Within 3 points and the interval: 1.96 standard errors and at least 1.4 more, so that a rung whose true share is the published one
    fails in 1 of 1,000 at most; the seeds are fixed."""
    first = [finding for finding in e07.findings_of(found) if finding.why.endswith("; tuned")]
    assert len(first) == 3
    assert [finding.statement for finding in first if not finding.reproduced] == []


def test_ladder_climbs(found: list[e07.Buyers]) -> None:
    shares = [row["share"] for row in e07.ladder(found)]
    assert shares[0] < shares[1] < shares[2] < shares[5]
    assert shares[8] > 75


def test_pauses_hold_the_first_rung_down(found: list[e07.Buyers]) -> None:
    """25 points on the same customers, above 10 standard errors."""
    awake = e07.buyers(2_000, 1, e07.VARIANTS["nobody pauses"])
    assert e07.rung(awake, 1).mean() > e07.rung(found[0], 1).mean() + 0.15


def test_planted_orders_are_counted() -> None:
    """Three customers, 2 years: a second order in time, one too late, and a first one in the last year, which starts nothing."""
    customer = np.array([1, 1, 1, 4, 4, 7])
    day = np.array([10.0, 30.0, 500.0, 20.0, 400.0, 366.0])
    of = e07.buyers_of(customer, day, np.array([5.0, 7.0, 11.0, 3.0, 4.0, 1.0]))
    assert e07.rung(of, 1, years=2).tolist() == [1.0, 0.0]
    assert e07.rung(of, 2, years=2).tolist() == [0.0]
    assert of.month.tolist() == [12.0, 3.0, 1.0]
    assert of.year.tolist() == [12.0, 3.0, 1.0]


def test_ladder_of_a_coin_is_flat() -> None:
    """Who orders again with odds of one half, ever: each rung is 50 % within 4 standard errors of 20,000, 40 % at the least."""
    rng = np.random.default_rng(1)
    orders = np.full((20_000, e07.ORDERS), np.inf)
    alive = np.ones(20_000, bool)
    for number in range(e07.ORDERS):
        orders[alive, number] = 10.0 * number
        alive &= rng.random(20_000) < 0.5
    of = e07.Buyers(orders, np.ones(20_000), np.ones(20_000))
    rows = e07.ladder([of])
    assert all(row["low"] - (row["high"] - row["low"]) / 2 <= 50 <= row["high"] + (row["high"] - row["low"]) / 2 for row in rows)
