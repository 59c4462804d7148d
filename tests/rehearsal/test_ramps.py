"""Tests whose treated share is raised in phases, on customers whose outcomes depend on when they enroll. Rates come from 10,000 rehearsals:
their Monte Carlo error is at most 0.005, and a check at 4 errors fails by chance in 1 of 16,000 seeds."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest

from cjsim.errors import InputError
from cjsim.frame import Array
from cjsim.rehearsal.analyses import FixedHorizon, GroupSequential
from cjsim.rehearsal.closed_form_risks import normal_risks
from cjsim.rehearsal.customer_resampling import ArmPopulations, ArmSums
from cjsim.rehearsal.effect_estimates import estimate_effects
from cjsim.rehearsal.multiple_metrics import rehearse_metrics
from cjsim.rehearsal.ramp.designs_by_phase import RampedTest, rehearse_ramped_design
from cjsim.rehearsal.ramp.phase_strata import draw_strata, phase_strata, pooled_sums
from cjsim.rehearsal.ramp.rollout_phases import Ramp
from cjsim.rehearsal.ramp.stratified_estimates import estimate_stratified_effects
from cjsim.rehearsal.rehearsal_settings import Guardrail, RehearsalSettings
from cjsim.rehearsal.results.design_report import DesignReport, Rate

SIZE, N_PER_PHASE = 1000, 20_000
EFFECT, DRIFT, CORRELATION = 0.25, 0.3, 0.8
RAMP = Ramp.from_shares({0: 0.1, 10: 0.5})
TREATED, CONTROLS = (50, 250), (450, 250)  # of 500 customers in each phase
FIXED, CUPED = FixedHorizon(), FixedHorizon(covariate_adjusted=True)
SETTINGS = RehearsalSettings(runs=10_000, analyses=(FIXED,), ramp=RAMP)
STRATIFIED_ERROR = math.sqrt(sum(0.5**2 * (1 / treated + 1 / controls) for treated, controls in zip(TREATED, CONTROLS, strict=True)))
LATE_TREATED, LATE_CONTROLS = TREATED[1] / sum(TREATED), CONTROLS[1] / sum(CONTROLS)
POOLED_BIAS = DRIFT * (LATE_TREATED - LATE_CONTROLS)


def is_near(rate: Rate, expected: float, *, slack: float = 0.0) -> bool:
    """Whether a rate is within 4 Monte Carlo errors of the expected value; `slack` covers the error of a large-sample formula."""
    return abs(rate.value - expected) <= 4 * rate.error + slack


def standard_normals(rng: np.random.Generator) -> Array:
    """Normal values whose mean is 0 and whose variance is 1 in each phase, exactly; early phase first."""
    drawn = rng.normal(size=(2, N_PER_PHASE))
    centered = drawn - drawn.mean(axis=1, keepdims=True)
    return np.concatenate(centered / centered.std(axis=1, ddof=1, keepdims=True))


ENROLLMENT = np.concatenate([np.linspace(0, 9.9, N_PER_PHASE), np.linspace(10, 20, N_PER_PHASE)])
IS_LATE = ENROLLMENT >= 10


@pytest.fixture(scope="module")
def drifting() -> ArmPopulations:
    """Customers whose mean outcome is 0.3 higher if they enroll from day 10 on; the alternative adds a constant."""
    rng = np.random.default_rng(4)
    covariate = standard_normals(rng)
    noise = standard_normals(rng)
    for phase in (~IS_LATE, IS_LATE):  # noise that is not correlated with the covariate
        noise[phase] -= (noise[phase] @ covariate[phase]) / (covariate[phase] @ covariate[phase]) * covariate[phase]
        noise[phase] /= noise[phase].std(ddof=1)
    base = DRIFT * IS_LATE + CORRELATION * covariate + math.sqrt(1 - CORRELATION**2) * noise
    rows = np.array([base, covariate]), np.array([base + EFFECT, covariate])
    return ArmPopulations(*rows, has_covariate=True, enrollment_days=ENROLLMENT)


Found = tuple[dict[str, DesignReport], RampedTest]


@pytest.fixture(scope="module")
def found(drifting: ArmPopulations) -> Found:
    settings = replace(SETTINGS, analyses=(FIXED, CUPED))
    reports, test = rehearse_ramped_design(drifting, size=SIZE, settings=settings, days=14)
    return {report.analysis: report for report in reports}, test


def two_sided(mean: float, deviation: float, half_width: float) -> float:
    """Probability that a normal estimate is further from 0 than the half-width of an interval."""
    right, wrong = ((half_width + sign * mean) / deviation for sign in (-1, 1))
    return 0.5 * math.erfc(right / math.sqrt(2)) + 0.5 * math.erfc(wrong / math.sqrt(2))


def pooled_deviations() -> tuple[float, float]:
    """Standard deviation of the pooled estimate, and the mean standard error that the pooled analysis estimates."""
    arms = ((sum(TREATED), LATE_TREATED), (sum(CONTROLS), LATE_CONTROLS))
    return math.sqrt(sum(1 / n for n, _ in arms)), math.sqrt(sum((1 + DRIFT**2 * late * (1 - late)) / n for n, late in arms))


def test_pooled_bias_is_that_of_the_closed_form(found: Found) -> None:
    pooled = found[1].pooled
    assert (pooled.bias, pooled.bias_without_effect) == (pytest.approx(POOLED_BIAS), pytest.approx(POOLED_BIAS))


def test_pooled_false_positives_are_those_of_the_closed_form(found: Found) -> None:
    deviation, estimated = pooled_deviations()
    expected = two_sided(POOLED_BIAS, deviation, 1.96 * estimated)
    assert expected > 0.5 and is_near(found[1].pooled.false_positive, expected, slack=0.003)


def test_pooled_power_is_that_of_the_closed_form(found: Found) -> None:
    deviation, estimated = pooled_deviations()
    assert is_near(found[1].pooled.power, two_sided(EFFECT + POOLED_BIAS, deviation, 1.96 * estimated), slack=0.003)


def test_pooled_intervals_miss_the_true_effect_as_the_closed_form_says(found: Found) -> None:
    deviation, estimated = pooled_deviations()
    assert is_near(found[1].pooled.coverage, 1 - two_sided(POOLED_BIAS, deviation, 1.96 * estimated), slack=0.003)


def test_stratified_false_positives_are_nominal(found: Found) -> None:
    assert is_near(found[0]["fixed"].false_positive, 0.05)


def test_stratified_power_is_that_of_the_closed_form(found: Found) -> None:
    expected = normal_risks(EFFECT, STRATIFIED_ERROR).power
    assert found[0]["fixed"].power_closed_form == pytest.approx(expected)
    assert is_near(found[0]["fixed"].power, expected, slack=0.005)


def test_stratified_intervals_cover_the_true_effect_in_95_percent_of_tests(found: Found) -> None:
    assert is_near(found[0]["fixed"].coverage, 0.95)


def test_adjusted_false_positives_are_nominal(found: Found) -> None:
    assert is_near(found[0]["cuped"].false_positive, 0.05, slack=0.002)


def test_adjusted_power_is_that_of_the_closed_form(drifting: ArmPopulations) -> None:
    smaller = replace(drifting, alternative=drifting.base + np.array([[0.12], [0.0]]))
    ((report,), _) = rehearse_ramped_design(smaller, size=SIZE, settings=replace(SETTINGS, analyses=(CUPED,)), days=14)
    expected = normal_risks(0.12, STRATIFIED_ERROR * math.sqrt(1 - CORRELATION**2)).power
    assert report.power_closed_form == pytest.approx(expected) and is_near(report.power, expected, slack=0.005)


def test_effects_that_differ_by_phase_are_weighted_by_customers(drifting: ArmPopulations) -> None:
    shifted = replace(drifting, alternative=drifting.base + np.array([1.0 * IS_LATE, 0.0 * IS_LATE]))
    settings = replace(SETTINGS, ramp=Ramp.from_shares({0: 0.1, 4.95: 0.5}))  # a quarter of the customers, then three quarters
    ((report,), test) = rehearse_ramped_design(shifted, size=SIZE, settings=settings, days=14)
    assert report.effect == pytest.approx(0.5) and is_near(report.coverage, 0.95)
    late_treated, late_controls = (2 / 3 * 375 / n for n in (25 + 375, 225 + 375))
    assert test.pooled.bias == pytest.approx((DRIFT + 1) * late_treated - DRIFT * late_controls - 0.5, abs=0.01)


@pytest.fixture(scope="module")
def ratios() -> ArmPopulations:
    """Opens per message, with Poisson messages: 20 % of 5 messages before day 10, 40 % of 10 after it; 5 percentage points more in the
    alternative."""
    rng = np.random.default_rng(5)
    messages = rng.poisson(np.where(IS_LATE, 10, 5))
    opens, more_opens = (rng.binomial(messages, np.where(IS_LATE, 0.4, 0.2) + effect) for effect in (0.0, 0.05))
    rows = (np.array([numerator, messages], np.float64) for numerator in (opens, more_opens))
    return ArmPopulations(*rows, has_denominator=True, enrollment_days=ENROLLMENT)


def test_ratios_have_nominal_false_positives_and_coverage(ratios: ArmPopulations) -> None:
    ((report,), _) = rehearse_ramped_design(ratios, size=SIZE, settings=SETTINGS, days=14)
    assert report.effect == pytest.approx(0.05, abs=0.003)
    assert is_near(report.false_positive, 0.05, slack=0.003) and is_near(report.coverage, 0.95, slack=0.003)


def test_power_for_ratios_is_that_of_the_closed_form(ratios: ArmPopulations) -> None:
    ((report,), _) = rehearse_ramped_design(ratios, size=SIZE // 2, settings=SETTINGS, days=14)
    variance = 0.0
    for effect, sizes in ((0.0, CONTROLS), (0.05, TREATED)):
        rates = 0.2 + effect, 0.4 + effect
        ratio = (5 * rates[0] + 10 * rates[1]) / 15
        for messages, rate, n in zip((5, 10), rates, sizes, strict=True):  # var(opens - ratio * messages), with Poisson messages
            variance += 0.5**2 * messages * (rate * (1 - rate) + (rate - ratio) ** 2) / 7.5**2 / (n / 2)
    expected = normal_risks(0.05, math.sqrt(variance)).power
    assert report.power_closed_form == pytest.approx(expected, abs=0.02) and is_near(report.power, report.power_closed_form, slack=0.01)


def test_pooled_ratios_are_biased_without_an_effect(ratios: ArmPopulations) -> None:
    _, test = rehearse_ramped_design(ratios, size=SIZE, settings=SETTINGS, days=14)
    arms = [(n[0] * 5 * 0.2 + n[1] * 10 * 0.4) / (n[0] * 5 + n[1] * 10) for n in (CONTROLS, TREATED)]
    assert test.pooled.bias_without_effect == pytest.approx(arms[1] - arms[0], abs=0.003)


def sums_of(rows: Array) -> ArmSums:
    """Sums of the given customers; `rows` has shape (n_values, n_customers)."""
    return ArmSums(np.array([rows.shape[1]]), rows.sum(axis=1)[:, None, None], (rows @ rows.T)[:, :, None, None])


def test_estimates_agree_with_the_formula_in_loops() -> None:
    rng = np.random.default_rng(6)
    base, alternative = ([rng.normal(size=(1, n)) for n in sizes] for sizes in ((5, 9), (4, 12)))
    found = estimate_stratified_effects([sums_of(rows) for rows in base], [sums_of(rows) for rows in alternative])
    effect = variance = squares = 0.0
    for i in range(2):
        weight = (base[i].size + alternative[i].size) / 30
        effect += weight * (alternative[i].mean() - base[i].mean())
        for rows in (base[i], alternative[i]):
            part = weight**2 * rows.var(ddof=1) / rows.size
            variance, squares = variance + part, squares + part**2 / (rows.size - 1)
    values = [float(value[0, 0]) for value in found]
    assert values == pytest.approx([effect, math.sqrt(variance), variance**2 / squares])


@pytest.mark.parametrize("has_denominator", [False, True])
def test_one_phase_gives_the_estimates_of_a_constant_share(has_denominator: bool) -> None:
    rng = np.random.default_rng(7)
    base, alternative = (sums_of(rng.gamma(2.0, size=(2 if has_denominator else 1, n))) for n in (30, 20))
    expected = estimate_effects(base, alternative, has_denominator=has_denominator)
    found = estimate_stratified_effects([base], [alternative], has_denominator=has_denominator)
    assert [float(value[0, 0]) for value in found] == pytest.approx([float(value[0, 0]) for value in expected])


def test_adjustment_removes_a_chance_difference_in_the_covariate_within_phases() -> None:
    rng = np.random.default_rng(8)
    covariates = [rng.normal(size=n) for n in (20, 30, 25, 40)]
    phases = [np.array([2 * one + shift, one]) for one, shift in zip(covariates, (0.0, 5.0, 1.0, 6.0), strict=True)]
    found = estimate_stratified_effects([sums_of(one) for one in phases[:2]], [sums_of(one) for one in phases[2:]], covariate_adjusted=True)
    assert float(found.effect[0, 0]) == pytest.approx(1.0)


def test_customers_enroll_in_the_phase_of_their_day(drifting: ArmPopulations) -> None:
    early, late = phase_strata(drifting, RAMP, size=SIZE)
    assert (early.sizes, late.sizes) == ((450, 50), (250, 250))
    assert early.populations.enrollment_days is not None and early.populations.enrollment_days.max() < 10
    assert late.populations.enrollment_days is not None and late.populations.enrollment_days.min() == 10


def test_customers_who_enroll_at_a_rate_do_so_in_the_order_of_their_days(drifting: ArmPopulations) -> None:
    early, late = phase_strata(drifting, RAMP, size=SIZE, enroll_per_day=25)  # 250 customers until day 10
    assert (early.customers, late.customers) == (250, 750)
    assert early.populations.enrollment_days is not None and early.populations.enrollment_days.max() < 5


def test_tests_that_end_before_a_phase_have_no_customers_in_it(drifting: ArmPopulations) -> None:
    settings = replace(SETTINGS, enroll_per_day=100.0, runs=50)
    ((report,), test) = rehearse_ramped_design(drifting, size=SIZE, settings=settings, days=14)
    assert [phase.customers for phase in test.phases] == [1000, 0] and report.share == 0.1


def test_all_metrics_draw_the_same_customers(drifting: ArmPopulations) -> None:
    doubled = replace(drifting, base=2 * drifting.base, alternative=2 * drifting.alternative)
    first, second = (draw_strata(phase_strata(one, RAMP, size=SIZE), runs=20, seed=3) for one in (drifting, doubled))
    assert np.array_equal(2 * pooled_sums([one.base for one in first]).values, pooled_sums([one.base for one in second]).values)


def test_guardrails_are_stratified(drifting: ArmPopulations) -> None:
    rail = Guardrail("opens", margin=STRATIFIED_ERROR)
    plain = ArmPopulations(drifting.base[:1], drifting.base[:1], enrollment_days=ENROLLMENT)
    report = rehearse_metrics({"revenue": plain}, size=SIZE, guardrails={rail: plain}, settings=SETTINGS)
    passed = 0.5 * math.erfc((1.96 - 1) / math.sqrt(2))  # the interval excludes a loss of one standard error
    assert is_near(report.guardrails["opens"].passed, passed, slack=0.003) and is_near(report.power["revenue"], 0.05, slack=0.001)


def test_phases_with_too_few_customers_are_refused(drifting: ArmPopulations) -> None:
    with pytest.raises(InputError, match="ramp: must give each arm at least 2 customers in each phase, got 10 % of 10 from day 0"):
        phase_strata(drifting, RAMP, size=20)


def test_phases_in_which_nobody_enrolls_are_refused(drifting: ArmPopulations) -> None:
    ramp = Ramp.from_shares({0: 0.1, 30: 0.5})
    with pytest.raises(InputError, match="ramp: must have phases in which customers enroll, from day 0 to day 20, got a phase from day 30"):
        phase_strata(drifting, ramp, size=SIZE)


def test_populations_without_enrollment_days_are_refused(drifting: ArmPopulations) -> None:
    with pytest.raises(InputError, match="ramp: must be omitted if it is unknown when customers enroll"):
        phase_strata(replace(drifting, enrollment_days=None), RAMP, size=SIZE)


def test_standard_analyses_of_a_ramp_have_a_fixed_horizon(drifting: ArmPopulations) -> None:
    reports, _ = rehearse_ramped_design(drifting, size=SIZE, settings=RehearsalSettings(runs=10, ramp=RAMP), days=14)
    assert [report.analysis for report in reports] == ["fixed", "cuped"]


def test_a_pickled_ramp_has_the_same_standard_analyses(drifting: ArmPopulations) -> None:
    settings = pickle.loads(pickle.dumps(RehearsalSettings(runs=10, ramp=RAMP)))
    reports, _ = rehearse_ramped_design(drifting, size=SIZE, settings=settings, days=14)
    assert [report.analysis for report in reports] == ["fixed", "cuped"]


def test_repeated_looks_are_refused() -> None:
    with pytest.raises(InputError, match=r"analyses: must have a fixed horizon if there is a ramp, .* got 'group_sequential"):
        replace(SETTINGS, analyses=(GroupSequential(),))


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({}, "must start on day 0, got no phase"),
        ({1: 0.1}, "must start on day 0, got day 1"),
        ({0: 0.1, 7: 0.2, 3: 0.5}, "must have phases on increasing days, got day 3 after day 7"),
        ({0: 0.0}, "must have shares above 0 and below 1, got 0"),
        ({0: 0.1, 7: 1.0}, "must have shares above 0 and below 1, got 1"),
    ],
)
def test_impossible_ramps_are_refused(shares: dict[float, float], message: str) -> None:
    with pytest.raises(InputError, match=f"ramp: {message}"):
        Ramp.from_shares(shares)
