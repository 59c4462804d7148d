"""Experiment e04 on a small scale: desks against Erlang C and Erlang A, and the closed forms against each other.

Error rates: see statistical_checks.py. Seeds are fixed.
"""

from typing import Any

import e04_erlang as e04
import numpy as np
import pytest
from scipy import stats
from statistical_checks import ALPHA, assert_plausible

FEW_POINTS = [e04.DeskPoint(1, 0.5), e04.DeskPoint(4, 2.8), e04.DeskPoint(4, 4.4, 0.5)]


def batch_p_values(rows: list[dict[str, Any]]) -> list[float]:
    """Two-sided t tests of batch means."""
    return [float(2 * stats.t.sf(abs(row["t"]), e04.BATCHES - 1)) for row in rows]


def test_desk_waits_match_erlang_formulas() -> None:
    rows = e04.all_rows(FEW_POINTS, [], 4_000)
    assert len(rows) == 7
    assert_plausible(*batch_p_values(rows))


def test_scenario_desk_waits_match_erlang_formulas() -> None:
    rows = e04.all_rows([], [e04.DeskPoint(4, 4.4, 0.5)], 3_000)
    assert {row["through"] for row in rows} == {"scenario"}
    assert rows[0]["n"] > 2_700
    assert_plausible(*batch_p_values(rows))


def test_different_queue_is_rejected_by_the_test() -> None:
    """With 1.5 times the arrival rate of the closed form."""
    point = e04.DeskPoint(4, 4.4, 0.5)
    seen = e04.simulate_desk(point._replace(rate=point.rate * 1.5), 8_000, 1)
    rows = e04.point_rows(point, seen, "desk")
    assert min(batch_p_values(rows)) < ALPHA
    assert not all(finding.reproduced for finding in e04.findings_of(rows))


@pytest.mark.parametrize(("people", "rate"), [(1, 0.95), (4, 3.2), (20, 19.0)])
def test_erlang_a_with_infinite_patience_is_erlang_c(people: int, rate: float) -> None:
    assert e04.erlang_a(people, rate, 0.0) == pytest.approx(e04.erlang_c(people, rate), rel=1e-9)


def test_erlang_a_with_patience_equal_to_service_is_poisson() -> None:
    """With equal rates, n customers leave at rate n: the birth-death process is M/M/infinity, with a Poisson distribution."""
    assert e04.erlang_a(4, 4.4, 1.0).share_waiting == pytest.approx(stats.poisson.sf(3, 4.4), rel=1e-9)


def test_batch_means_intervals_cover_the_mean() -> None:
    """95 % intervals of 400 runs: fewer than 350 or more than 398 cover by chance for fewer than 1 in 1,000,000 seeds."""
    rng = np.random.default_rng(3)
    point = e04.DeskPoint(1, 0.5)
    wanted = np.array(e04.closed_form(point))
    rows = [e04.point_rows(point, wanted + rng.normal(0, 1, (840, 3)), "desk")[1] for _ in range(400)]
    assert 350 <= sum(row["low"] <= row["erlang"] <= row["high"] for row in rows) <= 398
