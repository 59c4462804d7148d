"""The learner that is selected by its losses on the other folds: its policies are evaluated with little optimism in null trials."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from cjsim.uplift.learners.learner_selection import CONSTANT_EFFECT, LearnerSelection, compare_losses, predictions_of_chosen
from cjsim.uplift.learners.nuisances import Nuisances, augmented_scores
from cjsim.uplift.policy_value import policy_values
from cjsim.uplift.row_arrays import Floats

N_TRIALS, N, CANDIDATES = 500, 200, 20
N_FITTED, FOLDS = 100, 5
TREATMENT, FOLD = np.arange(N) % 2, np.arange(N) // 2 % FOLDS
NUISANCES = Nuisances(np.zeros((N, 2)), np.full((N, 2), 0.5), True, FOLD)


def null_trial(seed: int) -> tuple[Floats, dict[str, Floats], LearnerSelection]:
    """Outcomes without any effect, and 20 learners that predict noise, so little that the luckiest is better than a constant."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=N)
    predictions = {f"learner {i}": 0.1 * rng.normal(size=N) for i in range(CANDIDATES)}
    return y, predictions, compare_losses(predictions, y, TREATMENT, nuisances=NUISANCES)


def gain_over_constants(y: Floats, predicted: Floats, seed: int) -> float:
    """Gain per customer of treating those with a predicted effect above 0, over the better of treating nobody and everybody."""
    found = policy_values(augmented_scores(y, TREATMENT, NUISANCES), predicted, arms=("none", "mail"), seed=seed)
    return next(policy.gain.estimate for policy in found.policies if policy.rule == "gain above cost: mail")


@cache
def mean_gain(*, is_chosen_by_fold: bool) -> tuple[float, float]:
    """Mean gain over the null trials, with its Monte Carlo error."""
    gains = []
    for seed in range(1, N_TRIALS + 1):
        y, predictions, selection = null_trial(seed)
        lowest = min(selection.losses[:-1], key=lambda one: one.loss).learner
        by_fold = predictions_of_chosen(predictions, selection, FOLD, otherwise="learner 0")
        gains.append(gain_over_constants(y, by_fold if is_chosen_by_fold else predictions[lowest], seed))
    return float(np.mean(gains)), float(np.std(gains, ddof=1) / N_TRIALS**0.5)


def test_no_gain_is_promised_where_there_is_none() -> None:
    mean, error = mean_gain(is_chosen_by_fold=True)
    assert mean < 3 * error  # 500 null trials


def test_selection_on_the_same_rows_would_promise_a_gain() -> None:
    mean, error = mean_gain(is_chosen_by_fold=False)
    assert mean > 3 * error


def test_a_fold_takes_the_predictions_of_the_learner_that_is_best_outside_it() -> None:
    # Learner b is right everywhere except in fold 0, so that it is chosen there only.
    effect = np.where(np.arange(N) < N // 2, 0.5, 1.5)
    predictions = {"a": np.full(N, 1.1), "b": np.where(FOLD == 0, -9.0, effect)}
    exact = NUISANCES._replace(outcome=np.column_stack([np.zeros(N), effect]))
    selection = compare_losses(predictions, TREATMENT * effect, TREATMENT, nuisances=exact)
    assert selection.chosen_by_fold == ("b", *[CONSTANT_EFFECT] * 4)
    chosen = predictions_of_chosen(predictions, selection, FOLD, otherwise="a")
    assert np.array_equal(chosen, np.where(FOLD == 0, -9.0, 1.1))


@pytest.mark.parametrize("fold", range(5))
def test_the_rows_of_a_fold_do_not_influence_its_choice(fold: int) -> None:
    y, predictions, selection = null_trial(1)
    other = np.where(fold == FOLD, 100.0 * y, y)
    assert compare_losses(predictions, other, TREATMENT, nuisances=NUISANCES).chosen_by_fold[fold] == selection.chosen_by_fold[fold]


def least_squares(x: Floats, target: Floats, train: NDArray[np.bool_]) -> Floats:
    """Predictions, for all rows, of a line with one feature that is fitted to the training rows."""
    slope, intercept = np.polyfit(x[train], target[train], 1)
    return slope * x + intercept


def nested_choice(features: Floats, scores: Floats, fold: int) -> int:
    """The learner with the lowest loss among those fitted without the fold, or the first if none has a lower loss than a constant."""
    losses, of_constant = np.zeros(CANDIDATES), 0.0
    for inner in set(range(FOLDS)) - {fold}:
        test, train = inner == FOLD, (inner != FOLD) & (fold != FOLD)
        of_constant += float(((scores[test] - scores[train].mean()) ** 2).sum())
        losses += [((scores - least_squares(x, scores, train))[test] ** 2).sum() for x in features]
    return int(np.argmin(losses)) if losses.min() < of_constant else 0


@cache
def fitted_gains() -> Floats:
    """Gains in null trials of learners with one feature each, selected on the same rows, by fold, and nested: shape (N_FITTED, 3)."""
    gains = np.empty((N_FITTED, 3))
    for trial in range(N_FITTED):
        rng = np.random.default_rng(trial + 1)
        y, features = rng.normal(size=N), rng.normal(size=(CANDIDATES, N))
        of_arms = augmented_scores(y, TREATMENT, NUISANCES)
        scores = of_arms[:, 1] - of_arms[:, 0]
        predictions = {f"learner {i}": np.empty(N) for i in range(CANDIDATES)}
        nested = np.empty(N)
        for fold in range(FOLDS):
            rows = fold == FOLD
            for own, x in zip(predictions.values(), features, strict=True):
                own[rows] = least_squares(x, scores, ~rows)[rows]
            nested[rows] = predictions[f"learner {nested_choice(features, scores, fold)}"][rows]
        selection = compare_losses(predictions, y, TREATMENT, nuisances=NUISANCES)
        lowest = min(selection.losses[:-1], key=lambda one: one.loss).learner
        by_fold = predictions_of_chosen(predictions, selection, FOLD, otherwise="learner 0")
        gains[trial] = [gain_over_constants(y, predicted, trial + 1) for predicted in (predictions[lowest], by_fold, nested)]
    return gains


def test_the_optimism_that_is_left_with_fitted_learners_is_small() -> None:
    left = fitted_gains()[:, 1] - fitted_gains()[:, 2]
    error = left.std(ddof=1) / N_FITTED**0.5
    assert left.mean() == pytest.approx(0.026, abs=3 * error)  # 1,000 null trials: 0.0256, Monte Carlo error 0.0013


def test_selection_by_fold_removes_most_of_the_optimism_of_fitted_learners() -> None:
    same_rows, by_fold, nested = fitted_gains().T
    assert (by_fold - nested).mean() < (same_rows - nested).mean() / 2
