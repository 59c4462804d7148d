"""Tests of assumptions: what a warning says, and what it lists."""

import numpy as np
import pytest
from simulated_purchase_logs import UNTIL, PurchasingWorld, simulate_purchase_log

from cjsim.calibration.assumption_checks import AssumptionChecks, check_assumptions
from cjsim.calibration.holdout_forecast import HoldoutForecast, HoldoutTotal, IntervalEnds
from cjsim.calibration.model_selection import fit_spend, fit_timing


def checks_of(k: float, customers: int = 200) -> AssumptionChecks:
    log = simulate_purchase_log(PurchasingWorld(20.0), customers, k, 1)
    histories = log.histories_until(UNTIL)
    return check_assumptions(log, histories, fit_timing(histories), fit_spend(histories), UNTIL)


@pytest.fixture(scope="module")
def regular() -> AssumptionChecks:
    return checks_of(2.0)


def test_warning_about_regular_purchases_names_k_and_the_effect_on_the_forecast(regular: AssumptionChecks) -> None:
    (warning,) = regular.warnings
    assert regular.regularity is not None
    assert f"Wheat and Morrison's k = {regular.regularity.k:.2f}, 95 % interval " in warning
    assert "forecasts of all purchases were 5 to 8 % too high at k = 2" in warning


def test_each_assumption_is_listed_with_its_result(regular: AssumptionChecks) -> None:
    assert [text.split(":")[0] for text in regular.tested] == [
        "regular purchase times",
        "dropout",
        "dependence of spend on purchase frequency",
        "customers who bought before the log begins",
    ]
    assert regular.tested[0].startswith("regular purchase times: found (k = ")


def test_random_purchases_give_no_warning() -> None:
    random = checks_of(1.0)
    assert random.warnings == ()
    assert random.tested[0].startswith("regular purchase times: not found (k = ")


def test_untested_assumption_says_so() -> None:
    assert checks_of(1.0, customers=5).tested[0] == (
        "regular purchase times: not tested, with fewer than 20 pairs of intervals between purchases"
    )


@pytest.mark.parametrize(
    ("actual", "text"), [(100.0, "12 % too low"), (80.0, "10 % too high"), (0.88, "100 times the actual value"), (0.0, "too high")]
)
def test_error_of_a_forecast_has_a_direction(actual: float, text: str) -> None:
    band = IntervalEnds(0.0, 1.0)
    assert HoldoutTotal(actual, 88.0, band, band).error_text() == text


@pytest.mark.parametrize(
    ("predicted", "advice"), [(103.0, "3 % too high; the interval is too narrow"), (112.0, "12 % too high; do not rely on it")]
)
def test_small_error_of_a_large_log_is_not_called_misleading(predicted: float, advice: str) -> None:
    band = IntervalEnds(predicted - 1, predicted + 1)
    right = HoldoutTotal(100.0, 100.0, IntervalEnds(99.0, 101.0), IntervalEnds(99.0, 101.0))
    (warning,) = HoldoutForecast(HoldoutTotal(100.0, predicted, band, band), right, np.zeros(1), 0.0, 0.0, None).warnings()
    assert warning.endswith(advice)
