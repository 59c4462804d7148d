"""Folds, cross-fitted nuisance functions, doubly robust scores, and selection among learners."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor

from cjsim.errors import InputError
from cjsim.uplift.learners.folds import assign_folds, default_folds
from cjsim.uplift.learners.held_out_predictions import predict_held_out
from cjsim.uplift.learners.learner_selection import CONSTANT_EFFECT, LearnerSelection, compare_losses
from cjsim.uplift.learners.nuisances import Nuisances, augmented_scores, cross_fit_nuisances
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.training_rows import check_rows

SHARES = np.array([[0.5, 0.5]])


class RowsSeen(BaseEstimator):
    """A learner that predicts whether a row was among those that it was fitted to."""

    def fit(self, X: Any, y: Any, treatment: Any, *, propensity: Any = None, clusters: Any = None) -> "RowsSeen":
        self.ids_ = set(X["x0"])
        return self

    def predict(self, X: Any) -> np.ndarray:
        return X["x0"].isin(self.ids_).to_numpy(np.float64)


def trial(n: int, seed: int, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, outcomes and treatment of a trial with the effect 1 + slope x0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    treatment = rng.permutation(np.arange(n) % 2)
    return X, X[:, 0] + treatment * (1 + slope * X[:, 0]) + rng.normal(size=n), treatment


def selection(learners: dict[str, Any], X: np.ndarray, y: np.ndarray, treatment: np.ndarray, *, loss: Any = "dr") -> LearnerSelection:
    """Losses of learners that are fitted outside the folds of the nuisances."""
    shares = np.repeat(SHARES, len(y), axis=0)
    nuisances = cross_fit_nuisances(X, y, treatment, propensity=shares, folds=3, seed=3)
    rows = check_rows(X, y, treatment, propensity=shares)
    predictions = {name: predict_held_out(learner, rows, nuisances.fold) for name, learner in learners.items()}
    return compare_losses(predictions, y, treatment, nuisances=nuisances, loss=loss)


def test_folds_are_balanced_within_each_arm() -> None:
    treatment = np.repeat([0, 1, 2], [100, 33, 7])
    fold = assign_folds(treatment, folds=5, seed=1)
    assert all(np.ptp(np.bincount(fold[treatment == arm], minlength=5)) <= 1 for arm in range(3))


def test_clusters_stay_in_one_fold() -> None:
    clusters = np.repeat(np.arange(100, 130), 10)
    fold = assign_folds(np.tile([0, 1], 150), folds=3, seed=1, clusters=clusters)
    assert all(np.ptp(fold[clusters == cluster]) == 0 for cluster in np.unique(clusters))


def test_folds_depend_on_the_seed_only() -> None:
    treatment = np.arange(60) % 2
    first, again, other = (assign_folds(treatment, folds=3, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("treatment", "folds"), [([0, 0, 0, 1, 1], 3), ([0, 0, 1, 1], 1)])
def test_folds_without_an_arm_are_refused(treatment: list[int], folds: int) -> None:
    with pytest.raises(InputError):
        assign_folds(np.array(treatment), folds=folds, seed=0)


def test_large_trials_have_fewer_folds() -> None:
    assert [default_folds(n) for n in (50_000, 500_000, 1_000_000)] == [5, 3, 2]


def test_held_out_predictions_come_from_learners_that_have_not_seen_the_row() -> None:
    X, y, treatment = trial(60, 1, 0.0)
    assert (predict_held_out(RowsSeen(), check_rows(X, y, treatment), np.arange(60) % 3) == 0).all()


def test_scores_with_constant_models_equal_the_closed_form() -> None:
    """Score of a row's own arm with outcome model c and propensity p: c + (y - c) / p; of the other arm: c."""
    nuisances = Nuisances(np.full((2, 2), 0.3), np.array([[0.8, 0.2], [0.4, 0.6]]), True, np.zeros(2, dtype=np.int64))
    scores = augmented_scores(np.array([1.0, 0.0]), np.array([1, 0]), nuisances)
    assert scores == pytest.approx(np.array([[0.3, 0.3 + 0.7 / 0.2], [0.3 - 0.3 / 0.4, 0.3]]))


def test_scores_are_unbiased_with_a_wrong_outcome_model() -> None:
    # Confounded treatment with known probabilities; the effect is 1. Mean over 100 trials; fails by chance with probability .0005
    # (3.6 standard errors).
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(300, 1))
        share = 1 / (1 + np.exp(-X[:, 0]))
        treatment = (rng.random(300) < share).astype(np.int64)
        y = 2 * X[:, 0] + treatment + rng.normal(size=300)
        shares = np.column_stack([1 - share, share])
        nuisances = cross_fit_nuisances(X, y, treatment, propensity=shares, outcome_model=DummyRegressor(), folds=2, seed=seed)
        scores = augmented_scores(y, treatment, nuisances)
        found.append((scores[:, 1] - scores[:, 0]).mean())
    assert abs(np.mean(found) - 1) < 3.6 * np.std(found, ddof=1) / 10


def test_estimated_propensities_are_probabilities_of_the_arms() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20_000, 1))
    share = 1 / (1 + np.exp(-X[:, 0]))
    treatment = (rng.random(20_000) < share).astype(np.int64)
    nuisances = cross_fit_nuisances(X, np.zeros(20_000), treatment, propensity="linear", folds=2, seed=1)
    assert not nuisances.is_propensity_known
    assert nuisances.propensity[:, 1] == pytest.approx(share, abs=0.05)  # error of a coefficient: about .02


@pytest.mark.parametrize("loss", ["dr", "r"])
def test_losses_without_noise_are_the_squared_errors_of_the_effect(loss: Any) -> None:
    """With exact outcome models and no noise the score is the effect: DR-loss (tau - t)^2, R-loss a quarter of that at even shares."""
    treatment = np.arange(8) % 2
    x = np.linspace(-1, 1, 8)
    outcome = np.column_stack([x, x + 1 + x])
    nuisances = Nuisances(outcome, np.repeat(SHARES, 8, axis=0), True, np.arange(8) // 4)
    y = outcome[np.arange(8), treatment]
    found = compare_losses({"exact": 1 + x, "shifted": 3 + x}, y, treatment, nuisances=nuisances, loss=loss)
    scale = 1.0 if loss == "dr" else 0.25
    assert [one.loss for one in found.losses[:2]] == pytest.approx([0.0, 4 * scale])
    assert found.chosen == "exact"


@pytest.mark.parametrize("loss", ["dr", "r"])
def test_a_learner_is_selected_where_effects_differ(loss: Any) -> None:
    found = selection({"T": TLearner(), "none": TLearner(DummyRegressor())}, *trial(2_000, 3, slope=1.0), loss=loss)
    assert (found.chosen, found.is_clear) == ("T", True)


def test_the_constant_effect_is_selected_where_effects_are_equal() -> None:
    # Trees overfit 400 rows: their DR-loss exceeds that of the constant by several standard errors.
    found = selection({"T": TLearner("trees")}, *trial(400, 4, slope=0.0))
    assert (found.chosen, found.is_clear) == (CONSTANT_EFFECT, False)
    assert found.losses[0].low > 0


def test_intervals_of_losses_treat_clusters_as_units() -> None:
    """Four copies of each row as a cluster give the interval of the single rows."""
    X, y, treatment = trial(200, 5, slope=1.0)
    nuisances = cross_fit_nuisances(X, y, treatment, propensity=np.repeat(SHARES, 200, axis=0), folds=2, seed=5)
    copies = Nuisances(*(np.repeat(part, 4, axis=0) if isinstance(part, np.ndarray) else part for part in nuisances))
    effect = 1 + X[:, 0]
    single = compare_losses({"known": effect}, y, treatment, nuisances=nuisances).losses[0]
    four = compare_losses(
        {"known": np.repeat(effect, 4)},
        np.repeat(y, 4),
        np.repeat(treatment, 4),
        nuisances=copies,
        clusters=np.repeat(np.arange(200), 4),
    ).losses[0]
    assert (four.low, four.high) == pytest.approx((single.low, single.high))


def test_losses_of_several_arms_are_added() -> None:
    treatment = np.array([0, 1, 2, 0, 1, 2])
    outcome = np.tile([0.0, 1.0, 2.0], (6, 1))
    nuisances = Nuisances(outcome, np.full((6, 3), 1 / 3), True, np.repeat([0, 1], 3))
    found = compare_losses({"wrong": np.zeros((6, 2))}, outcome[np.arange(6), treatment], treatment, nuisances=nuisances)
    assert found.losses[0].loss == pytest.approx(1 + 4)


@pytest.mark.parametrize(("name", "loss"), [("known", "mse"), (CONSTANT_EFFECT, "dr")])
def test_unknown_losses_and_reserved_names_are_refused(name: str, loss: Any) -> None:
    nuisances = Nuisances(np.zeros((2, 2)), np.full((2, 2), 0.5), True, np.array([0, 1]))
    with pytest.raises(InputError):
        compare_losses({name: np.zeros(2)}, np.zeros(2), np.array([0, 1]), nuisances=nuisances, loss=loss)
