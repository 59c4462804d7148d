"""Rates of rehearsed designs against closed forms, and on Hillstrom's trial. A check at 4 standard errors fails by chance in 1 of 16,000
seeds."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cjsim.errors import InputError
from cjsim.rehearsal.analyses import ConfidenceSequence, FixedHorizon, GroupSequential, NaivePeeking
from cjsim.rehearsal.closed_form_risks import normal_risks
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.operating_characteristics import rehearse_design
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings, Rollout
from cjsim.rehearsal.results.design_report import DesignReport, Rate

EFFECT = 0.25
FIXED = RehearsalSettings(analyses=(FixedHorizon(),))


def is_near(rate: Rate, expected: float, *, slack: float = 0.0) -> bool:
    """Whether a rate is within 4 Monte Carlo errors of the expected value; `slack` covers the error of a large-sample formula."""
    return abs(rate.value - expected) <= 4 * rate.error + slack


@pytest.fixture(scope="module")
def normal_customers() -> ArmPopulations:
    """Normal outcomes with a covariate whose correlation is 0.8; the alternative adds a constant."""
    rng = np.random.default_rng(3)
    covariate = rng.normal(size=100_000)
    outcome = 0.8 * covariate + 0.6 * rng.normal(size=100_000)
    return ArmPopulations(np.array([outcome, covariate]), np.array([outcome + EFFECT, covariate]), has_covariate=True)


@pytest.fixture(scope="module")
def reports(normal_customers: ArmPopulations) -> dict[str, DesignReport]:
    sequential = GroupSequential(looks=5), NaivePeeking(looks=5), ConfidenceSequence(looks=5)
    analyses = (FixedHorizon(), FixedHorizon(covariate_adjusted=True), *sequential)
    found = rehearse_design(normal_customers, size=400, settings=RehearsalSettings(runs=10_000, analyses=analyses))
    return {report.analysis: report for report in found}


@pytest.mark.parametrize("analysis", ["fixed", "cuped", "group_sequential_obrien_fleming_5", "naive_peeking_5", "confidence_sequence_5"])
def test_power_agrees_with_the_closed_form(reports: dict[str, DesignReport], analysis: str) -> None:
    assert is_near(reports[analysis].power, reports[analysis].power_closed_form, slack=0.005)


@pytest.mark.parametrize(
    ("analysis", "expected"), [("fixed", 0.05), ("cuped", 0.05), ("group_sequential_obrien_fleming_5", 0.05), ("naive_peeking_5", 0.142)]
)
def test_false_positives_agree_with_theory(reports: dict[str, DesignReport], analysis: str, expected: float) -> None:
    assert is_near(reports[analysis].false_positive, expected, slack=0.003)


@pytest.mark.parametrize("analysis", ["fixed", "cuped"])
def test_intervals_cover_the_true_effect_in_95_percent_of_tests(reports: dict[str, DesignReport], analysis: str) -> None:
    assert is_near(reports[analysis].coverage, 0.95)


def test_repeated_intervals_cover_the_true_effect_in_at_least_95_percent_of_tests(reports: dict[str, DesignReport]) -> None:
    coverage = reports["group_sequential_obrien_fleming_5"].coverage
    assert coverage.value >= 0.95 - 3 * coverage.error


def test_exaggeration_agrees_with_the_closed_form(reports: dict[str, DesignReport]) -> None:
    assert is_near(reports["fixed"].exaggeration, normal_risks(EFFECT, math.sqrt(2 / 200)).exaggeration, slack=0.005)


def test_confidence_sequences_wait_for_their_first_look() -> None:
    fractions = ConfidenceSequence(looks=10, first_look=0.1).fractions
    assert fractions.tolist() == pytest.approx([0.1 * k for k in range(1, 11)])


def test_sequential_tests_stop_early(reports: dict[str, DesignReport]) -> None:
    assert reports["group_sequential_obrien_fleming_5"].enrolled_share.value < 0.95 < reports["fixed"].enrolled_share.value


def test_minimum_detectable_effect_has_the_target_power(normal_customers: ArmPopulations, reports: dict[str, DesignReport]) -> None:
    base, effect = normal_customers.base, np.array([[reports["fixed"].mde], [0.0]])
    (found,) = rehearse_design(ArmPopulations(base, base + effect, has_covariate=True), size=400, settings=FIXED)
    assert is_near(found.power, 0.8, slack=0.005)


def test_loss_is_the_value_of_the_effect_times_the_wrong_decisions(normal_customers: ArmPopulations) -> None:
    settings = replace(FIXED, runs=500, rollout=Rollout(customers=1000, value_per_unit=2))
    (found,) = rehearse_design(normal_customers, size=200, settings=settings)
    assert found.expected_loss.value == pytest.approx(found.wrong_decision.value * EFFECT * 2 * 1000)


def test_a_policy_that_is_worse_is_wrongly_rolled_out_only_after_a_sign_error(normal_customers: ArmPopulations) -> None:
    settings = replace(FIXED, rollout=Rollout(higher_is_better=False))
    (found,) = rehearse_design(normal_customers, size=60, settings=settings)
    assert found.wrong_decision.value == pytest.approx(found.sign_error.value * found.power.value)


def test_decisions_are_judged_by_the_long_run(normal_customers: ArmPopulations) -> None:
    (found,) = rehearse_design(normal_customers, size=1000, settings=FIXED, long_run_effect=-1.0)
    assert found.wrong_decision.value == pytest.approx((1 - found.sign_error.value) * found.power.value)


def test_covariate_adjustment_without_a_covariate_is_refused() -> None:
    values = np.array([np.arange(9.0)])
    settings = RehearsalSettings(analyses=(FixedHorizon(covariate_adjusted=True),))
    with pytest.raises(InputError, match="must not adjust for a covariate that is not known"):
        rehearse_design(ArmPopulations(values, values), size=8, settings=settings)


def test_unequal_shares_widen_the_standard_error_as_the_formula_says(normal_customers: ArmPopulations) -> None:
    even, uneven = (rehearse_design(normal_customers, size=1000, share=share, settings=replace(FIXED, runs=2))[0] for share in (0.5, 0.1))
    assert uneven.mde / even.mde == pytest.approx(math.sqrt((1 / 900 + 1 / 100) / (2 / 500)), rel=1e-6)


def test_hillstroms_spend_gives_the_known_risks(data_dir: Path) -> None:
    import pandas as pd

    trial = pd.read_csv(data_dir / "hillstrom.csv.gz", usecols=["segment", "spend"])
    base, alternative = (trial.spend[trial.segment == arm].to_numpy(float) for arm in ("No E-Mail", "Womens E-Mail"))
    (found,) = rehearse_design(ArmPopulations.from_trial(base, alternative), size=1000, settings=replace(FIXED, runs=50_000))
    known = {"power": 0.047, "coverage": 0.933, "exaggeration": 4.4, "sign_error": 0.058}
    misses = {name: value for name, value in known.items() if abs(found.rates[name].value - value) > 3 * found.rates[name].error}
    assert misses == {} and found.power_closed_form == pytest.approx(0.079, abs=5e-4)
