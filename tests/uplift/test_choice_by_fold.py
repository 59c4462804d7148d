"""The learner that is selected on the other folds: its policies are valued without optimism where no customer differs from another."""

from functools import cache

import numpy as np
import pytest

from cjsim.uplift.learners.learner_selection import CONSTANT_EFFECT, LearnerSelection, compare_losses, predictions_of_chosen
from cjsim.uplift.learners.nuisances import Nuisances, augmented_scores
from cjsim.uplift.policy_value import policy_values
from cjsim.uplift.row_arrays import Floats

N_TRIALS, N, CANDIDATES = 500, 200, 20
TREATMENT, FOLD = np.arange(N) % 2, np.arange(N) // 2 % 5
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
