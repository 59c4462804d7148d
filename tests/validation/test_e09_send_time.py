"""Experiment e09 on a small scale: learned hours raise opens if customers differ, and not if all hours are alike.

Seeds are fixed. With new seeds, a test of a zero effect fails by chance for 1 in 1,700,000 (5 standard errors). Tests of signs are on
effects of at least 6 standard errors.
"""

import e09_send_time as e09
import numpy as np
import pytest

SEEDS = range(1, 3)


def five_errors(lift: e09.RelativeLift) -> float:
    return 5 * (lift.high - lift.value) / e09.Z95


@pytest.fixture(scope="module")
def differing() -> e09.SettingResult:
    return e09.run_setting(e09.CustomerSetting("evening", 8.0), 1_500, SEEDS, 1_000)


@pytest.fixture(scope="module")
def alike() -> e09.SettingResult:
    return e09.run_setting(e09.CustomerSetting("evening", 0.0), 1_500, SEEDS, 1_000)


def test_learned_hours_raise_opens_if_customers_differ(differing: e09.SettingResult) -> None:
    assert e09.relative_lift(differing.fixed, differing.learnt).value > 0


def test_learned_hours_do_not_help_if_customers_are_alike(alike: e09.SettingResult) -> None:
    lift = e09.relative_lift(alike.fixed, alike.learnt)
    assert abs(lift.value) < five_errors(lift)
    assert five_errors(lift) < 0.01


def test_learned_hours_do_not_help_if_hours_are_alike() -> None:
    found = e09.run_setting(e09.CONTROL, 1_500, SEEDS, 200)
    assert found.fixed[..., 1].sum() > 10_000
    assert abs(e09.relative_lift(found.fixed, found.learnt).value) < 2e-4


def test_naive_learning_lowers_opens() -> None:
    found = e09.run_setting(e09.CustomerSetting("inbox", 0.0), 1_500, SEEDS, 1_500)
    assert e09.relative_lift(found.fixed, found.naive).value < 0


def test_every_rule_delivers_every_email(differing: e09.SettingResult) -> None:
    for answers in (differing.fixed, differing.learnt, differing.naive):
        assert np.all(answers[:, :, 0] == 52)


def test_lift_interval_is_that_of_a_ratio_of_sums() -> None:
    """With planted lifts of 20 %, the interval of paired customers is as wide as the spread over many seeds."""
    rng = np.random.default_rng(1)
    base = np.stack([np.full((400, 500), 10.0), rng.binomial(10, 0.2, (400, 500)), np.zeros((400, 500))], axis=2)
    other = base.copy()
    other[..., 1] += rng.binomial(10, 0.04, (400, 500))
    lift = e09.relative_lift(base, other)
    each = [e09.relative_lift(base[i : i + 1], other[i : i + 1]) for i in range(400)]
    assert lift.value == pytest.approx(other[..., 1].sum() / base[..., 1].sum() - 1, rel=1e-9)
    assert np.mean([one.high - one.value for one in each]) / e09.Z95 == pytest.approx(np.std([one.value for one in each]), rel=0.15)


@pytest.mark.parametrize(("hours", "wanted"), [((23.5, 1.5), "00:30"), ((9.0, 12.0), "10:30")])
def test_typical_hour_is_the_circular_mean(hours: tuple[float, float], wanted: str) -> None:
    assert e09.format_time_of_day(e09.circular_mean(np.array(hours), np.ones(2))) == wanted
