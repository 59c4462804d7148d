"""Boundaries and crossing probabilities against published tables, another algorithm and simulated paths."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cjsim.rehearsal.sequential_boundaries import (
    confidence_sequence_boundaries,
    crossing_probabilities,
    drift_for_power,
    spending_boundaries,
)


def equal_looks(n: int) -> np.ndarray:
    return np.arange(1, n + 1) / n


@pytest.mark.parametrize(("looks", "published"), [(1, 0.050), (2, 0.083), (3, 0.107), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)])
def test_repeated_looks_give_the_false_positives_of_armitage_and_others(looks: int, published: float) -> None:
    assert crossing_probabilities(np.full(looks, 1.95996), equal_looks(looks)).total == pytest.approx(published, abs=5e-4)


def test_ninety_looks_give_37_percent_false_positives() -> None:
    assert crossing_probabilities(np.full(90, 1.95996), equal_looks(90)).total == pytest.approx(0.3657, abs=5e-5)


@pytest.mark.parametrize("boundaries", [np.full(5, 2.413), 2.040 * np.sqrt(5 / np.arange(1, 6))], ids=["pocock", "obrien_fleming"])
def test_classical_constants_give_five_percent(boundaries: np.ndarray) -> None:
    # Jennison and Turnbull (2000), Tables 2.1 and 2.3
    assert crossing_probabilities(boundaries, equal_looks(5)).total == pytest.approx(0.05, abs=5e-5)


def test_obrien_fleming_boundaries_equal_published_ones() -> None:
    # gsDesign (sfLDOF): five equal looks, one-sided .025
    found = spending_boundaries(equal_looks(5), alpha=0.05, spending="obrien_fleming")
    np.testing.assert_allclose(found, [4.877, 3.357, 2.680, 2.290, 2.031], atol=6e-4)


def test_last_pocock_type_boundary_equals_that_of_another_project() -> None:
    # PharmCat/SeqBounds.jl, test/runtests.jl: five equal looks, two-sided .05; their coarse grid is accurate to about 1e-4
    assert spending_boundaries(equal_looks(5), alpha=0.05, spending="pocock")[-1] == pytest.approx(2.385909, abs=2e-4)


def error_by_look(spending: str, fractions: np.ndarray, alpha: float) -> np.ndarray:
    """The type I error that may be spent by each look (Lan and DeMets 1983), half of it on each side."""
    if spending == "pocock":
        return alpha * np.log(1 + (math.e - 1) * fractions)
    return 4 * (1 - stats.norm.cdf(stats.norm.isf(alpha / 4) / np.sqrt(fractions)))


@pytest.mark.parametrize("fractions", [equal_looks(2), equal_looks(5), np.array([0.1, 0.35, 0.4, 0.9, 1.0])], ids=["2", "5", "unequal"])
@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
def test_spending_boundaries_spend_as_another_algorithm_says(spending: Any, fractions: np.ndarray) -> None:
    # By Genz's integration of the multivariate normal density. Its error of 1e-5 at most corresponds to less than 1e-3 in a boundary.
    boundaries = spending_boundaries(fractions, alpha=0.05, spending=spending)
    for k in range(1, len(fractions) + 1):
        correlation = np.sqrt(np.minimum.outer(fractions[:k], fractions[:k]) / np.maximum.outer(fractions[:k], fractions[:k]))
        law = stats.multivariate_normal(np.zeros(k), correlation, seed=np.random.default_rng(1), abseps=1e-8, releps=1e-8, maxpts=200_000)
        crossed = 1 - law.cdf(boundaries[:k], lower_limit=-boundaries[:k])
        assert crossed == pytest.approx(error_by_look(spending, fractions, 0.05)[k - 1], abs=1e-5)


def test_a_million_brownian_paths_cross_pocock_type_boundaries_as_often_as_may_be_spent() -> None:
    # 5 looks within 4 standard errors each: fails by chance in at most 1 of 3,000 seeds
    fractions, n = equal_looks(5), 1_000_000
    boundaries = spending_boundaries(fractions, alpha=0.05, spending="pocock")
    crossed, generator, score = np.zeros(n, bool), np.random.default_rng(1), np.zeros(n)
    for fraction, boundary, expected in zip(fractions, boundaries, error_by_look("pocock", fractions, 0.05), strict=True):
        score += generator.normal(0, math.sqrt(0.2), n)
        crossed |= np.abs(score) > boundary * math.sqrt(fraction)
        assert abs(crossed.mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / n)


def test_unequal_looks_spend_all_of_the_error() -> None:
    fractions = np.array([0.1, 0.35, 0.4, 0.9, 1.0])
    boundaries = spending_boundaries(fractions, alpha=0.05, spending="pocock")
    assert crossing_probabilities(boundaries, fractions).total == pytest.approx(0.05, abs=1e-8)


def test_crossing_probabilities_with_a_drift_match_simulated_paths() -> None:
    # 200,000 paths: the tolerance of 4 standard errors fails by chance in 1 of 16,000 seeds
    fractions, boundaries, drift, n = equal_looks(4), np.array([3.0, 2.5, 2.2, 2.0]), 1.5, 200_000
    steps = np.random.default_rng(1).normal(drift / 4, 0.5, (n, 4))
    z = steps.cumsum(axis=1) / np.sqrt(fractions)
    crossed = np.abs(z) > boundaries
    stop = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 4)
    is_upper = z[np.arange(n), np.minimum(stop, 3)] > 0
    found = crossing_probabilities(boundaries, fractions, drift=drift)
    for side, expected in ((is_upper, found.upper), (~is_upper, found.lower)):
        simulated = np.bincount(stop[side], minlength=5)[:4] / n
        assert (np.abs(simulated - expected) <= 4 * np.sqrt(expected * (1 - expected) / n) + 1e-9).all()


def test_obrien_fleming_test_with_13_looks_loses_at_most_two_points_of_power() -> None:
    fractions = equal_looks(13)
    boundaries = spending_boundaries(fractions, alpha=0.05, spending="obrien_fleming")
    fixed_horizon_drift = 1.959964 + 0.841621
    assert 0.78 <= crossing_probabilities(boundaries, fractions, drift=fixed_horizon_drift).total < 0.8


def test_confidence_sequence_has_at_most_five_percent_false_positives_at_any_number_of_looks() -> None:
    for looks in (1, 10, 365):
        fractions = equal_looks(looks)
        assert crossing_probabilities(confidence_sequence_boundaries(fractions, alpha=0.05), fractions).total <= 0.05


def test_confidence_sequence_is_nearly_narrowest_at_the_fraction_it_is_tuned_for() -> None:
    at_half = [confidence_sequence_boundaries(np.array([0.5]), alpha=0.05, tuned_for=tuned)[0] for tuned in np.geomspace(0.1, 2.0, 200)]
    tuned = confidence_sequence_boundaries(np.array([0.5]), alpha=0.05, tuned_for=0.5)[0]
    assert tuned == pytest.approx(min(at_half), rel=1e-3)


def test_drift_for_power_inverts_the_crossing_probability() -> None:
    boundaries, fractions = np.full(5, 2.413), equal_looks(5)
    drift = drift_for_power(boundaries, fractions, power=0.9)
    assert crossing_probabilities(boundaries, fractions, drift=drift).total == pytest.approx(0.9, abs=1e-4)


def test_a_power_below_the_type_one_error_needs_no_drift() -> None:
    assert drift_for_power(np.full(90, 1.96), equal_looks(90), power=0.3) == 0
