"""Sample size, power and detectable effect against simulation, published figures and each other."""

import numpy as np
import pytest
from scipy import stats

from cjsim.errors import InputError
from cjsim.uplift.sample_size import PlannedTest


def test_power_is_that_of_simulated_tests() -> None:
    # 4,000 trials with unequal shares; standard error .0075, so that .03 is exceeded with probability 6e-5.
    plan = PlannedTest(mean=0.2, shares=(0.3, 0.7))
    rng = np.random.default_rng(1)
    shares = np.column_stack([rng.binomial(300, 0.2, 4000) / 300, rng.binomial(700, 0.27, 4000) / 700])
    z = (shares[:, 1] - shares[:, 0]) / np.sqrt((shares * (1 - shares) / [300, 700]).sum(axis=1))
    assert np.mean(np.abs(z) > stats.norm.isf(0.025)) == pytest.approx(plan.power(0.07, 1000), abs=0.03)


def test_power_without_an_effect_is_the_error_rate() -> None:
    assert PlannedTest(mean=1, standard_deviation=2, alpha=0.01).power(0.0, 50) == pytest.approx(0.01)


def test_power_of_the_spend_of_hillstrom_is_the_published_one() -> None:
    # Women's mail, 500 an arm; the standard deviation follows from the published interval of the difference, +.4244 [.1690, .6799].
    deviation = (0.6799 - 0.1690) / 2 / 1.96 * np.sqrt(1 / (1 / 21387 + 1 / 21306))
    assert PlannedTest(mean=0.652789, standard_deviation=deviation).power(0.4244, 1000) == pytest.approx(0.079, abs=0.0005)


@pytest.mark.parametrize("plan", [PlannedTest(mean=0.1), PlannedTest(mean=5, standard_deviation=9, shares=(1, 4), variance_factor=0.6)])
def test_the_required_sample_has_the_power(plan: PlannedTest) -> None:
    control, treated = plan.sample_size(0.03, power=0.9)
    assert plan.power(0.03, control + treated) == pytest.approx(0.9, abs=0.001)
    assert plan.power(0.03, control + treated - 20) < 0.9


@pytest.mark.parametrize("plan", [PlannedTest(mean=0.1), PlannedTest(mean=5, standard_deviation=9, shares=(1, 4))])
def test_the_detectable_effect_has_the_power(plan: PlannedTest) -> None:
    assert plan.power(plan.detectable_effect(800, power=0.8), 800) == pytest.approx(0.8)


def test_the_sample_grows_with_the_variance_factor() -> None:
    halved, full = (PlannedTest(mean=0, standard_deviation=1, variance_factor=factor).sample_size(0.01) for factor in (0.5, 1.0))
    assert full.control == pytest.approx(2 * halved.control, abs=2)


def test_no_increase_can_be_detected_above_a_share_of_one() -> None:
    assert np.isnan(PlannedTest(mean=0.99).detectable_effect(50))


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
