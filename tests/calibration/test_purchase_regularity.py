"""Wheat and Morrison's k: estimates, and the rates of false and of missed warnings on simulated logs with whole days."""

import math
from collections.abc import Iterable
from datetime import date

import numpy as np
import pytest
from simulated_purchase_logs import UNTIL, PurchasingWorld, simulate_purchase_log

from cjsim.calibration.purchase_regularity import IntervalPairs, estimate_regularity, interval_pairs
from cjsim.purchase_logs.purchase_log import PurchaseLog

RANDOM_WORLDS = {
    "purchases every 20 days": PurchasingWorld(mean_interval=20.0),
    "purchases every 4 days": PurchasingWorld(mean_interval=4.0),
    "purchases every 60 days, without dropout": PurchasingWorld(mean_interval=60.0, mean_dropout=0.0),
    "closed on Sundays": PurchasingWorld(mean_interval=20.0, closed_weekday=3),
}


def warning_count(world: PurchasingWorld, k: float, seeds: Iterable[int], customers: int = 300) -> int:
    found = [estimate_regularity(interval_pairs(simulate_purchase_log(world, customers, k, seed), UNTIL)) for seed in seeds]
    return sum(one is not None and one.is_regular for one in found)


@pytest.mark.parametrize("kind", RANDOM_WORLDS)
def test_random_timing_gives_no_warning(kind: str) -> None:
    """Each log gives a warning with a probability of at most 0.5 %: 10 logs give one in 5 % of seeds; the seeds are fixed."""
    assert warning_count(RANDOM_WORLDS[kind], 1.0, range(10)) == 0


def test_regular_timing_gives_a_warning() -> None:
    assert warning_count(PurchasingWorld(mean_interval=20.0), 2.0, range(10)) == 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", RANDOM_WORLDS)
def test_at_most_5_of_100_logs_with_random_timing_give_a_warning(kind: str) -> None:
    assert warning_count(RANDOM_WORLDS[kind], 1.0, range(100), customers=1000) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", RANDOM_WORLDS)
def test_at_least_95_of_100_logs_with_gamma_2_timing_give_a_warning(kind: str) -> None:
    assert warning_count(RANDOM_WORLDS[kind], 2.0, range(100)) >= 95


@pytest.mark.parametrize("k", [1.0, 2.0, 4.0])
def test_estimate_recovers_the_shape_of_intervals(k: float) -> None:
    """10 % is three standard errors or more in these logs, whose seed is fixed."""
    found = estimate_regularity(interval_pairs(simulate_purchase_log(PurchasingWorld(mean_interval=20.0), 1500, k, 1), UNTIL))
    assert found is not None
    assert found.k == pytest.approx(k, rel=0.1)


def test_estimate_agrees_with_the_variance_of_wheat_and_morrison() -> None:
    """In long intervals, days are nearly continuous: k = (1 - 4 V) / (8 V), with the variance V of M (Wheat, Morrison 1990)."""
    rng = np.random.default_rng(3)
    first, second = rng.gamma(2.5, 100 / 2.5, (2, 4000)).round().astype(np.int64) + 1
    found = estimate_regularity(IntervalPairs(first, first + second, first * 0, np.ones(7)))
    variance = np.var(first / (first + second))
    assert found is not None
    assert found.k == pytest.approx((1 - 4 * variance) / (8 * variance), rel=0.03)


def test_estimate_of_pairs_of_four_days_has_a_closed_form() -> None:
    """Middle days 1, 2, 3 have probabilities as 3^(k-1), 4^(k-1), 3^(k-1): k = 1 + ln(2 n2 / (n1 + n3)) / ln(4/3)."""
    first = np.repeat([1, 2, 3], [60, 50, 40])
    found = estimate_regularity(IntervalPairs(first, np.full(150, 4), 0 * first, np.ones(7)))
    assert found is not None
    assert found.k == pytest.approx(1 + math.log(2 * 50 / 100) / math.log(4 / 3), abs=1e-4)
    more = estimate_regularity(
        IntervalPairs(np.repeat([1, 2, 3], [50, 80, 30]), np.full(160, 4), np.zeros(160, dtype=np.int64), np.ones(7))
    )
    assert more is not None
    assert more.k == pytest.approx(1 + math.log(2 * 80 / 80) / math.log(4 / 3), rel=1e-4)


@pytest.mark.parametrize("customers", [60, 1000])
def test_weekly_market_with_random_visits_is_not_regular(customers: int) -> None:
    """Customers visit each market day with a probability of their own, about every 30 days. All intervals are multiples of a week."""
    rng = np.random.default_rng(4)
    visits = rng.random((customers, 52)) < -np.expm1(-rng.gamma(1.0, 7 / 30, customers))[:, None]
    visits[:, 0] = True
    found = estimate_regularity(interval_pairs(log_of({str(n): (7 * np.flatnonzero(row)).tolist() for n, row in enumerate(visits)}), UNTIL))
    assert found is not None
    assert not found.is_regular
    assert found.k < 1.25


def test_busy_days_weigh_as_their_odds_for_frequent_buyers() -> None:
    """A Poisson process that is three times as fast on day 1: at 2 purchases in 4 days, the odds are as exp(1.5) - 1 to exp(0.5) - 1."""
    counts = (10_000 * np.expm1([1.5, 0.5, 0.5])).astype(np.int64)
    first = np.repeat([1, 2, 3], counts)
    weights = np.array([1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    found = estimate_regularity(IntervalPairs(first, np.full(len(first), 4), 0 * first, weights))
    assert found is not None
    assert found.k == pytest.approx(1.0, abs=0.001)


def test_equal_intervals_are_regular_without_an_upper_bound() -> None:
    tens = np.full(50, 10)
    found = estimate_regularity(IntervalPairs(tens, 2 * tens, 0 * tens, np.ones(7)))
    assert found is not None
    assert found.is_regular
    assert found.high is None


def test_clustered_purchases_give_no_warning() -> None:
    assert warning_count(PurchasingWorld(mean_interval=20.0), 0.5, range(3)) == 0


def log_of(days: dict[str, list[int]]) -> PurchaseLog:
    rows = [(number, day) for number, bought in enumerate(days.values()) for day in bought]
    index, day = np.array(rows).T
    base = np.datetime64("2024-01-01", "D")
    return PurchaseLog("log", np.array(list(days), dtype=object), index, base + day, np.ones(len(day)), ())


def test_pairs_are_disjoint_and_end_with_the_calibration() -> None:
    pairs = interval_pairs(log_of({"a": [0, 2, 5, 9, 14, 20, 99], "b": [1, 4], "c": [3, 4, 8]}), date(2024, 1, 31))
    assert pairs.first_interval.tolist() == [2, 4, 1]
    assert pairs.total.tolist() == [5, 9, 5]


def test_customer_contributes_at_most_ten_pairs() -> None:
    assert len(interval_pairs(log_of({"a": list(range(0, 300, 3))}), date(2024, 12, 31)).total) == 10


def test_few_pairs_are_not_tested() -> None:
    assert estimate_regularity(interval_pairs(log_of({f"c{n}": [0, 10, 20] for n in range(19)}), date(2024, 12, 31))) is None
    assert estimate_regularity(interval_pairs(log_of({"a": [0]}), date(2024, 12, 31))) is None
