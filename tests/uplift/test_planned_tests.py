"""Sample sizes against simulated tests."""

import numpy as np
import pytest
from scipy import stats

from cjsim.errors import InputError
from cjsim.uplift.sample_size import PlannedTest


def power_of_simulated_tests(outcomes: list[np.ndarray]) -> float:
    """Share of significant tests; the outcomes of each arm have shape (n_tests, n_rows)."""
    means = outcomes[1].mean(axis=1) - outcomes[0].mean(axis=1)
    errors = np.sqrt(sum(of_arm.var(axis=1, ddof=1) / of_arm.shape[1] for of_arm in outcomes))
    return float(np.mean(np.abs(means / errors) > stats.norm.isf(0.025)))


# 10,000 tests: standard error .003 to .004, so that .015 is exceeded by chance with probability 2e-4 or less.
@pytest.mark.parametrize("power", [0.8, 0.9])
def test_tests_of_a_share_with_the_required_size_have_the_power(power: float) -> None:
    size = PlannedTest(mean=0.2, shares=(0.3, 0.7)).sample_size(0.07, power=power)
    rng = np.random.default_rng(1)
    arms = zip(size, (0.2, 0.27), strict=True)
    assert power_of_simulated_tests([rng.random((10_000, n), np.float32) < share for n, share in arms]) == pytest.approx(power, abs=0.015)


def test_tests_of_a_mean_with_the_required_size_have_the_power() -> None:
    size = PlannedTest(mean=5, standard_deviation=9, shares=(1, 4)).sample_size(-2.5)
    rng = np.random.default_rng(2)
    arms = zip(size, (5, 2.5), strict=True)
    assert power_of_simulated_tests([rng.normal(mean, 9, (10_000, n)) for n, mean in arms]) == pytest.approx(0.8, abs=0.015)


def test_the_sample_grows_with_the_variance_factor() -> None:
    halved, full = (PlannedTest(mean=0, standard_deviation=1, variance_factor=factor).sample_size(0.01) for factor in (0.5, 1.0))
    assert full.control == pytest.approx(2 * halved.control, abs=2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mean": 1.2}, "mean: must be in (0, 1) for a binary outcome, got 1.2."),
        ({"mean": 1, "standard_deviation": 0.0}, "standard_deviation: must be positive, got 0.0."),
        ({"mean": 0.1, "alpha": 5.0}, "alpha: must be in (0, 1), got 5.0."),
        ({"mean": 0.1, "shares": (0.0, 1.0)}, "shares: must be positive, got (0.0, 1.0)."),
    ],
)
def test_impossible_plans_are_refused(settings: dict[str, float], words: str) -> None:
    with pytest.raises(InputError) as caught:
        PlannedTest(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("effect", "power", "words"),
    [(0.0, 0.8, "effect: must not be 0"), (0.95, 0.8, "must keep the share of successes"), (0.1, 1.0, "power: must be in (0.05, 1)")],
)
def test_impossible_effects_are_refused(effect: float, power: float, words: str) -> None:
    with pytest.raises(InputError) as caught:
        PlannedTest(mean=0.1).sample_size(effect, power=power)
    assert words in str(caught.value)
