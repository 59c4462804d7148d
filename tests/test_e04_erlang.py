"""Experiment e04 on a small scale: desks against Erlang C and Erlang A, and the closed forms against each other.

Error rates: see laws.py; seeds are fixed besides.
"""

from typing import Any

import e04_erlang as e04
import numpy as np
import pytest
from laws import ALPHA, agrees
from scipy import stats

FEW = [e04.Point(1, 0.5), e04.Point(4, 2.8), e04.Point(4, 4.4, 0.5)]


def by_batches(rows: list[dict[str, Any]]) -> list[float]:
    """Two-sided t tests of means of batches."""
    return [float(2 * stats.t.sf(abs(row["t"]), e04.BATCHES - 1)) for row in rows]


def test_desk_is_an_erlang_queue() -> None:
    rows = e04.study(FEW, [], 4_000)
    assert len(rows) == 7
    agrees(*by_batches(rows))


def test_desk_of_a_scenario_is_an_erlang_queue() -> None:
    rows = e04.study([], [e04.Point(4, 4.4, 0.5)], 3_000)
    assert {row["through"] for row in rows} == {"scenario"}
    assert rows[0]["n"] > 2_700
    agrees(*by_batches(rows))


def test_a_queue_that_is_another_one_is_told_apart() -> None:
    """Half as many requests again as the closed form is told of."""
    point = e04.Point(4, 4.4, 0.5)
    seen = e04.by_desk(point._replace(rate=point.rate * 1.5), 8_000, 1)
    rows = e04.row_of(point, seen, "desk")
    assert min(by_batches(rows)) < ALPHA
    assert not all(finding.reproduced for finding in e04.findings_of(rows))


@pytest.mark.parametrize(("people", "rate"), [(1, 0.95), (4, 3.2), (20, 19.0)])
def test_erlang_a_without_an_end_of_patience_is_erlang_c(people: int, rate: float) -> None:
    assert e04.erlang_a(people, rate, 0.0) == pytest.approx(e04.erlang_c(people, rate), rel=1e-9)


def test_erlang_a_whose_patience_is_as_long_as_service_is_poisson() -> None:
    """With equal rates each of n is gone at n: births and deaths of M/M/infinity, whose number is Poisson."""
    assert e04.erlang_a(4, 4.4, 1.0).share_waiting == pytest.approx(stats.poisson.sf(3, 4.4), rel=1e-9)


def test_intervals_of_independent_numbers_hold_their_mean() -> None:
    """95 % intervals of 400 runs: fewer than 350 or more than 398 that hold come by chance less than once in 1,000,000 times."""
    rng = np.random.default_rng(3)
    point = e04.Point(1, 0.5)
    wanted = np.array(e04.known(point))
    rows = [e04.row_of(point, wanted + rng.normal(0, 1, (840, 3)), "desk")[1] for _ in range(400)]
    assert 350 <= sum(row["low"] <= row["erlang"] <= row["high"] for row in rows) <= 398
