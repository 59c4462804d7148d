"""Experiment e05 on a small scale: contact frequency has an interior optimum, and a planted optimum is found."""

import e05_frequency as e05
import numpy as np
import pytest

HOURS = (672, 168, 48, 36, 24, 12)


@pytest.fixture(scope="module")
def gain() -> np.ndarray:
    return e05.gains_by_interval(3_000, range(1, 3), HOURS)


def test_profit_has_an_interior_optimum(gain: np.ndarray) -> None:
    """Both ends lie below the optimum by more than their paired intervals. The effects exceed 5 standard errors; seeds are fixed."""
    best = e05.findings_of(gain, HOURS)[0]
    assert best.reproduced
    assert best.low > 0


def test_maximum_frequency_earns_less_than_the_optimum_and_more_than_none(gain: np.ndarray) -> None:
    means = [row["gain"] for row in e05.gain_rows(gain, HOURS)]
    assert 0 < means[-1] < max(means)


def test_losses_around_a_known_optimum_are_found() -> None:
    """Gains 1 - (f/f* - 1)^2 without noise: the loss is (3/7)^2 at 4/7 and at 10/7."""
    frequency = np.linspace(1, 15, 113)
    planted = np.broadcast_to((1 - (frequency / 7 - 1) ** 2)[None, :, None], (1, len(frequency), 10))
    hours = tuple(168 / frequency)
    assert e05.relative_gain_at(planted, e05.FEWER, hours)[0] == pytest.approx(-((3 / 7) ** 2), abs=0.01)
    assert e05.relative_gain_at(planted, e05.MORE, hours)[0] == pytest.approx(-((3 / 7) ** 2), abs=0.01)
