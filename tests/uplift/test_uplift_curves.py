"""Uplift and Qini curves against slow oracles, closed forms, and values of scikit-uplift and causalml."""

import itertools

import numpy as np
import pytest

from cjsim.errors import InputError
from cjsim.uplift.curve_scores import curve_scores
from cjsim.uplift.curves import qini_curve, ranked_sums, uplift_curve

# Ten rows without ties, and what scikit-uplift (0.5.1) and causalml (0.16) return for them.
Y = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0])
ARM = np.array([1, 0, 0, 1, 1, 0, 1, 1, 0, 0])
PREDICTED = np.array([0.9, 0.8, 0.75, 0.6, 0.5, 0.45, 0.3, 0.2, 0.15, 0.1])


def random_trial(seed: int, n: int, decimals: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    treatment = rng.integers(0, 2, n)
    y = (rng.random(n) < 0.3 + 0.2 * treatment).astype(np.float64)
    return y, treatment, np.round(rng.normal(size=n), decimals)


def grid_trial(base: float, slope: float, n: int = 2_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A treated row and a control at each u of a grid on (0, 1), with effect base + slope u and no noise."""
    u = (np.arange(n) + 0.5) / n
    return np.concatenate([base + slope * u, np.zeros(n)]), np.repeat([1, 0], n), np.tile(u, 2)


def slow_curves(y: np.ndarray, treatment: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share, uplift curve and Qini curve, from the definition at each threshold."""
    points, all_treated = [(0.0, 0.0, 0.0)], weights[treatment == 1].sum()
    for threshold in sorted(set(predicted.tolist()), reverse=True):
        chosen = predicted >= threshold
        treated, control = chosen & (treatment == 1), chosen & (treatment == 0)
        n_treated, n_control = weights[treated].sum(), weights[control].sum()
        y_treated, y_control = (weights * y)[treated].sum(), (weights * y)[control].sum()
        difference = (y_treated / n_treated if n_treated else 0.0) - (y_control / n_control if n_control else 0.0)
        qini = (y_treated - (y_control * n_treated / n_control if n_control else 0.0)) / all_treated
        points.append((chosen.mean(), chosen.mean() * difference, qini))
    return np.array(points).T


@pytest.mark.parametrize("decimals", [8, 1])
@pytest.mark.parametrize("seed", range(5))
def test_curves_equal_the_definition_at_each_threshold(seed: int, decimals: int) -> None:
    y, treatment, predicted = random_trial(seed, 150, decimals)
    weights = np.random.default_rng(seed).uniform(1.0, 4.0, len(y))
    uplift = uplift_curve(y, treatment, predicted, weights=weights)
    qini = qini_curve(y, treatment, predicted, weights=weights)
    expected = slow_curves(y, treatment, predicted, weights)
    np.testing.assert_allclose([uplift.share, uplift.value, qini.value], expected, atol=1e-12)


def test_sums_inside_a_tie_are_the_average_over_all_orders() -> None:
    y, treatment = np.array([2.0, 5.0, 1.0, 7.0]), np.array([1, 0, 1, 0])
    orders = [np.array(order) for order in itertools.permutations(range(4))]
    treated_outcome = np.mean([np.cumsum((treatment * y)[order]) for order in orders], axis=0)
    found = ranked_sums(y, treatment, np.zeros(4)).at(np.arange(1.0, 5.0))
    np.testing.assert_allclose(found.treated_outcome, treated_outcome)


LIBRARY_VALUES = {
    "qini": 0.21621621621621623,  # sklift qini_auc_score
    "auuc": 0.24544270833333331,  # sklift uplift_auc_score
    "uplift_at_top": 0.5,  # sklift uplift_at_k, strategy "overall", k=.4
    "qini_causalml": 0.3181818181818181,  # causalml qini_score
    "auuc_causalml": 0.7628787878787882,  # causalml auuc_score
}


@pytest.mark.parametrize("name", LIBRARY_VALUES)
def test_scores_equal_those_of_the_libraries(name: str) -> None:
    assert getattr(curve_scores(Y, ARM, PREDICTED, top_share=0.4), name) == pytest.approx(LIBRARY_VALUES[name], abs=1e-12)


@pytest.mark.parametrize(("base", "slope"), [(0.0, 1.0), (-1.0, 3.0), (0.5, 0.0)])
@pytest.mark.parametrize("name", ["qini_area", "auuc_area"])
def test_area_is_a_twelfth_of_the_range_of_uniform_effects(name: str, base: float, slope: float) -> None:
    # The curve is base q + slope (q - q^2 / 2), and its area above the line to (1, base + slope / 2) is slope / 12.
    assert getattr(curve_scores(*grid_trial(base, slope)), name) == pytest.approx(slope / 12.0, abs=1e-6 * slope + 1e-12)


def test_reversed_ranking_has_the_opposite_area() -> None:
    y, treatment, u = grid_trial(0.2, 1.0)
    assert curve_scores(y, treatment, -u).qini_area == pytest.approx(-1.0 / 12.0, abs=1e-6)


@pytest.mark.parametrize("name", ["qini", "auuc", "qini_area", "auuc_area", "qini_causalml"])
def test_constant_prediction_scores_zero(name: str) -> None:
    y, treatment, _ = random_trial(1, 500, 8)
    assert getattr(curve_scores(y, treatment, np.zeros(500)), name) == pytest.approx(0.0, abs=1e-12)


def test_ranking_by_the_outcomes_themselves_has_a_qini_of_one() -> None:
    y, treatment, _ = random_trial(2, 500, 8)
    assert curve_scores(y, treatment, y * (2 * treatment - 1)).qini == pytest.approx(1.0)


def test_mean_qini_of_random_rankings_is_zero() -> None:
    # The mean of 400 rankings lies beyond 5 standard errors of 0 with a probability of 6e-7; the bias of ratios is O(1 / n).
    y, treatment, _ = random_trial(3, 4_000, 8)
    rng = np.random.default_rng(3)
    scores = np.array([curve_scores(y, treatment, rng.random(len(y))).qini for _ in range(400)])
    assert abs(scores.mean()) < 5.0 * scores.std(ddof=1) / np.sqrt(len(scores))


def test_scores_do_not_depend_on_the_order_of_tied_rows() -> None:
    y, treatment, predicted = random_trial(4, 300, 1)
    shuffled = np.random.default_rng(4).permutation(300)
    found, other = curve_scores(y, treatment, predicted), curve_scores(y[shuffled], treatment[shuffled], predicted[shuffled])
    np.testing.assert_allclose(list(found.to_json().values()), list(other.to_json().values()), rtol=1e-12)


def test_weights_that_are_constant_by_arm_change_nothing() -> None:
    y, treatment, predicted = random_trial(5, 300, 8)
    found, other = curve_scores(y, treatment, predicted), curve_scores(y, treatment, predicted, weights=np.where(treatment == 1, 5.0, 1.25))
    np.testing.assert_allclose(list(found.to_json().values()), list(other.to_json().values()), rtol=1e-12)


def test_weights_undo_an_assignment_that_depends_on_the_prediction() -> None:
    # The treated share rises with u, and so does the outcome without treatment; weighted, the area is that of the effects, 1 / 12.
    rng = np.random.default_rng(6)
    u = rng.random(200_000)
    probability = 0.2 + 0.6 * u
    treatment = (rng.random(len(u)) < probability).astype(np.int64)
    weights = 1.0 / np.where(treatment == 1, probability, 1.0 - probability)
    area = curve_scores(3.0 * u + u * treatment, treatment, u, weights=weights).auuc_area
    assert area == pytest.approx(1.0 / 12.0, abs=0.005)  # 5 standard errors are .004


def test_areas_scale_with_the_outcome() -> None:
    y, treatment, predicted = random_trial(7, 300, 8)
    ratio = curve_scores(40.0 * y, treatment, predicted).qini_area / curve_scores(y, treatment, predicted).qini_area
    assert ratio == pytest.approx(40.0)


def test_normalized_scores_of_other_outcomes_are_undefined() -> None:
    y, treatment, predicted = random_trial(8, 300, 8)
    assert np.isnan(curve_scores(3.5 * y, treatment, predicted).qini)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predicted": np.full(10, np.nan)}, "predicted: must be finite, got nan in row 0"),
        ({"y": Y[:9]}, r"treatment: must have one entry per row of y \(9\)"),
        ({"treatment": np.ones(10, dtype=np.int64)}, "treatment: must contain both 0 and 1, and no other values, got"),
        ({"top_share": 30.0}, "top_share: must be between 0 and 1, got 30.0"),
    ],
)
def test_invalid_arrays_are_named(change: dict[str, object], message: str) -> None:
    arguments = {"y": Y, "treatment": ARM, "predicted": PREDICTED} | change
    with pytest.raises(InputError, match=message):
        curve_scores(**arguments)
