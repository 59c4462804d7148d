"""The smallest adequate design, and the size that maximizes profit."""

from dataclasses import replace

import numpy as np
import pytest

from cjsim.errors import InputError
from cjsim.rehearsal.analyses import NaivePeeking
from cjsim.rehearsal.design_choice import smallest_adequate_design
from cjsim.rehearsal.profit_maximizing_size import ProfitModel
from cjsim.rehearsal.results.design_report import DesignReport, Rate

MODEL = ProfitModel(100_000, base_sd=0.4665, alternative_sd=0.4665, effect_sd=0.03 * 2**0.5)


def design(size: int, power: float, *, false_positive: float = 0.05, **changes: object) -> DesignReport:
    rate = Rate(1.0, 0.005, 2000)
    rates = dict.fromkeys(("coverage", "exaggeration", "wrong_decision", "expected_loss", "enrolled_share"), rate)
    powers = {
        "power": rate._replace(value=power),
        "false_positive": rate._replace(value=false_positive),
        "sign_error": rate._replace(value=0.0),
    }
    report = DesignReport(size, 14.0, "fixed", 0.5, 0.05, 1.0, power_closed_form=power, mde=1.0, **powers, **rates)
    return replace(report, **changes)  # type: ignore[arg-type]


def test_smallest_design_with_enough_power_is_recommended() -> None:
    assert smallest_adequate_design([design(4000, 0.95), design(2000, 0.85), design(1000, 0.5)]) == design(2000, 0.85)


def test_designs_with_too_many_false_positives_are_not_recommended() -> None:
    assert smallest_adequate_design([design(1000, 0.9, false_positive=0.36), design(2000, 0.85)]) == design(2000, 0.85)


def test_naive_peeking_is_not_recommended_even_without_false_positives() -> None:
    peeking = design(1000, 0.9, false_positive=0.0, analysis=NaivePeeking().name)
    assert smallest_adequate_design([peeking, design(2000, 0.85)]) == design(2000, 0.85)


def test_significant_results_with_the_wrong_sign_do_not_count_as_power() -> None:
    misled = design(1000, 0.9, sign_error=Rate(0.95, 0.01, 1800))
    assert smallest_adequate_design([misled, design(2000, 0.85)]) == design(2000, 0.85)


def test_among_equal_sizes_the_shortest_test_is_recommended() -> None:
    assert smallest_adequate_design([design(1000, 0.9, days=28.0), design(1000, 0.85)]) == design(1000, 0.85)


def test_no_design_is_recommended_without_enough_power() -> None:
    assert smallest_adequate_design([design(1000, 0.5)]) is None


def test_size_equals_the_published_one() -> None:
    # Feit and Berman (2019): website test, 68 % conversion, prior standard deviation 0.03, 100,000 customers
    assert round(MODEL.best_size(share=0.5).base) == 2284


@pytest.mark.parametrize(("customers", "ratio"), [(100_000, 241.8), (2_000, 30.0), (1_000_000, 5_000.0)])
def test_size_equals_the_closed_form(customers: int, ratio: float) -> None:
    """n = sqrt(N r / 4 + (3 r / 4)^2) - 3 r / 4, where r is the ratio of the variances of an outcome and of a mean (Feit and Berman)."""
    found = ProfitModel(customers, base_sd=ratio**0.5, alternative_sd=ratio**0.5, effect_sd=2**0.5).best_size(share=0.5)
    assert found.base == pytest.approx((customers * ratio / 4 + (0.75 * ratio) ** 2) ** 0.5 - 0.75 * ratio, rel=1e-4)


def test_equal_arms_are_best_if_neither_is_expected_to_win() -> None:
    found = MODEL.best_size()
    assert found.base == pytest.approx(found.alternative, rel=0.01)


def test_fewer_customers_receive_an_alternative_that_is_expected_to_lose() -> None:
    found = replace(MODEL, effect_mean=-0.02).best_size()
    assert found.alternative < 0.7 * found.base


def test_expected_gain_equals_the_mean_over_simulated_tests() -> None:
    # 400,000 draws: the tolerance of 4 standard errors fails by chance in 1 of 16,000 seeds
    model, rng, n = ProfitModel(10_000, base_sd=2.0, alternative_sd=3.0, effect_sd=0.3, effect_mean=0.1), np.random.default_rng(4), 400_000
    effect = rng.normal(0.1, 0.3, n)
    variance = 2.0**2 / 300 + 3.0**2 / 500
    estimate = effect + rng.normal(0, variance**0.5, n)
    posterior = (0.1 / 0.3**2 + estimate / variance) / (1 / 0.3**2 + 1 / variance)
    gains = 500 * effect + (10_000 - 800) * effect * (posterior > 0)
    assert abs(gains.mean() - model.expected_gain(300, 500)) <= 4 * gains.std() / n**0.5


def test_a_prior_without_spread_is_refused() -> None:
    with pytest.raises(InputError, match="effect_sd: must be above 0, got 0"):
        ProfitModel(1000, base_sd=1.0, alternative_sd=1.0, effect_sd=0.0)
