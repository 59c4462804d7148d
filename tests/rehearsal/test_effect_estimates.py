"""Estimates of rehearsals against scipy, a regression, and a linearization by hand."""

import numpy as np
import pytest

from cjsim.errors import InputError
from cjsim.metrics.ratios import RatioTerms
from cjsim.rehearsal.customer_resampling import ArmPopulations, ArmSizes, ArmSums, arm_sizes, draw_rehearsals
from cjsim.rehearsal.effect_estimates import estimate_effects, population_standard_error, true_effect
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes


def sums_of(*values: np.ndarray) -> ArmSums:
    """Sums of one rehearsal with one look."""
    rows = np.array(values, np.float64)
    return ArmSums(np.array([rows.shape[1]]), rows.sum(axis=1)[:, None, None], (rows @ rows.T)[:, :, None, None])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_difference_of_means_equals_scipys_welch_test(rng: np.random.Generator) -> None:
    from scipy.stats import ttest_ind

    base, alternative = rng.lognormal(size=40), rng.normal(1, 3, 25)
    found, expected = estimate_effects(sums_of(base), sums_of(alternative)), ttest_ind(alternative, base, equal_var=False)
    np.testing.assert_allclose([found.z[0, 0], found.degrees_of_freedom[0, 0]], [expected.statistic, expected.df])


def test_standard_error_of_a_ratio_is_that_of_the_linearized_values(rng: np.random.Generator) -> None:
    squares, sums = 0.0, []
    for n in (50, 80):
        x = rng.integers(1, 6, n).astype(float)
        y = rng.poisson(0.4 * x).astype(float)
        sums.append(sums_of(y, x))
        squares += np.var((y - y.sum() / x.sum() * x) / x.mean(), ddof=1) / n
    assert estimate_effects(*sums, has_denominator=True).standard_error[0, 0] == pytest.approx(np.sqrt(squares))


def test_cuped_effect_equals_the_regression_on_arm_and_covariate(rng: np.random.Generator) -> None:
    c, arm = rng.normal(size=60), np.repeat([0.0, 1.0], 30)
    y = 2 * c + arm + rng.normal(size=60)
    coefficients = np.linalg.lstsq(np.column_stack([np.ones(60), arm, c]), y, rcond=None)[0]
    found = estimate_effects(sums_of(y[:30], c[:30]), sums_of(y[30:], c[30:]), covariate_adjusted=True)
    assert found.effect[0, 0] == pytest.approx(coefficients[1])


def test_cuped_leaves_the_variance_that_the_correlation_does_not_explain(rng: np.random.Generator) -> None:
    c = rng.normal(size=200_000)
    y = 0.8 * c + 0.6 * rng.normal(size=200_000)
    populations = ArmPopulations(np.array([y, c]), np.array([y, c]), has_covariate=True)
    sizes = ArmSizes(1000, 1000)
    ratio = population_standard_error(populations, sizes, covariate_adjusted=True) / population_standard_error(populations, sizes)
    assert ratio == pytest.approx(np.sqrt(1 - np.corrcoef(y, c)[0, 1] ** 2), rel=1e-6)


def test_sums_at_a_look_are_those_of_the_customers_enrolled_by_then() -> None:
    population = np.array([np.arange(1.0, 7.0)])
    fractions = np.array([0.25, 0.5, 1.0])
    (drawn,) = draw_rehearsals(ArmPopulations(population, population), ArmSizes(8, 8), fractions=fractions, runs=3, seed=5)
    rows = np.random.default_rng(5).integers(0, 6, (3, 8))
    values = population[0][rows]
    np.testing.assert_allclose(drawn.base.values[0], np.stack([values[:, :n].sum(axis=1) for n in (2, 4, 8)], axis=1))
    np.testing.assert_allclose(drawn.base.products[0, 0], np.stack([(values[:, :n] ** 2).sum(axis=1) for n in (2, 4, 8)], axis=1))


def test_looks_between_which_nobody_enrolls_give_equal_sums() -> None:
    population = np.array([np.arange(1.0, 7.0)])
    (drawn,) = draw_rehearsals(ArmPopulations(population, population), ArmSizes(3, 3), fractions=np.array([0.9, 0.95, 1.0]), runs=4, seed=5)
    assert (drawn.base.values[0] == drawn.base.values[0][:, :1]).all()


def test_null_arm_has_the_base_outcomes_of_the_alternatives_customers() -> None:
    base = np.array([np.arange(5.0)])
    (drawn,) = draw_rehearsals(ArmPopulations(base, base + 10), ArmSizes(4, 6), fractions=np.ones(1), runs=2, seed=1)
    np.testing.assert_allclose(drawn.alternative.values - drawn.null.values, 60)


def test_true_effect_of_a_ratio_is_the_difference_of_the_ratios() -> None:
    base = RatioTerms(np.array([1.0, 0.0, 2.0]), np.array([2.0, 1.0, 3.0]))
    outcomes = PotentialOutcomes(base, base._replace(numerator=np.array([2.0, 1.0, 2.0])))
    assert true_effect(ArmPopulations.from_outcomes(outcomes)) == pytest.approx(5 / 6 - 3 / 6) == outcomes.truth.effect


def test_customers_outside_the_denominator_of_a_mean_enroll_too() -> None:
    terms = RatioTerms(np.array([1.0, 2.0, 0.0]), np.array([True, True, False]))
    assert ArmPopulations.from_outcomes(PotentialOutcomes(terms, terms)).base.tolist() == [[1.0, 2.0, 0.0], [1.0, 1.0, 0.0]]


def test_clusters_are_drawn_whole() -> None:
    terms = RatioTerms(np.array([1.0, 2.0, 4.0, 8.0]), np.ones(4, bool))
    populations = ArmPopulations.from_outcomes(PotentialOutcomes(terms, terms, clusters=np.array([0, 0, 1, 1])))
    assert populations.base.tolist() == [[3.0, 12.0], [2.0, 2.0]] and arm_sizes(populations, 20, 0.5) == (5, 5)


def test_interval_of_the_truth_treats_a_cluster_as_one_unit() -> None:
    base, values = np.zeros(6), np.array([1.0, 2.0, 6.0, 1.0, 2.0, 6.0])
    twins = PotentialOutcomes(*(RatioTerms(y, np.ones(6, bool)) for y in (base, values)), clusters=np.array([0, 1, 2, 0, 1, 2]))
    single = PotentialOutcomes(*(RatioTerms(y[:3], np.ones(3, bool)) for y in (base, values)))
    assert twins.truth[2:5] == pytest.approx(single.truth[2:5])


def test_totals_are_refused() -> None:
    terms = RatioTerms(np.ones(3), np.ones(3, bool), is_total=True)
    with pytest.raises(InputError, match="must be a mean or a ratio over the customers of a test, got a total"):
        PotentialOutcomes(terms, terms)


def test_arms_of_one_customer_are_refused() -> None:
    population = np.array([np.arange(5.0)])
    with pytest.raises(InputError, match="must give each arm at least 2 customers"):
        arm_sizes(ArmPopulations(population, population), 10, 0.1)
