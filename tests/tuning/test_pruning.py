"""The pruning rule: exact examples, and how often the best trial is lost."""

import numpy as np
import pytest

from cjsim.tuning.pruning import InterimEstimate, is_surely_dominated, is_surely_violated, rung_sizes


def lead_of(differences: np.ndarray) -> InterimEstimate:
    return InterimEstimate(float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences))))


@pytest.mark.parametrize("customers", [2, 499, 666, 2000, 7900, 8000, 100_000])
def test_rungs_grow_from_at_least_500_to_all_customers(customers: int) -> None:
    found = rung_sizes(customers)
    assert found == sorted(set(found)) and found[-1] == customers
    assert all(rung >= 500 for rung in found[:-1])
    assert (len(found) == 6) == (customers >= 8000)


def test_uniformly_better_trial_is_never_pruned() -> None:
    better = np.abs(np.random.default_rng(1).standard_cauchy(500))
    assert not any(is_surely_dominated([lead_of(better[: n + 2])]) for n in range(498))
    assert is_surely_dominated([lead_of(-np.minimum(better, 10))])


def test_trial_better_in_one_objective_is_not_pruned() -> None:
    worse, better = InterimEstimate(-100.0, 1.0), InterimEstimate(0.0, 1.0)
    assert is_surely_dominated([worse, worse]) and not is_surely_dominated([worse, better])


def test_undefined_values_prune_no_trial() -> None:
    nan = float("nan")
    assert not is_surely_dominated([InterimEstimate(nan, 1.0)]) and not is_surely_dominated([InterimEstimate(-5.0, nan)])
    assert not is_surely_violated(InterimEstimate(nan, nan)) and not is_surely_violated(InterimEstimate(1.0, 0.0))


def test_equally_good_trial_is_rarely_pruned() -> None:
    # A Brownian bridge: sums over 8,000 customers that end at 0, analyzed on each rung. At most 5 analyses with 0.00135 each, that is 1,350
    # of 200,000; 4 million other samples give 1,211 with a standard deviation of 35: outside the bounds with a probability of 1 in 15,000.
    rng, size = np.random.default_rng(1), 8000
    steps = np.diff([0, *rung_sizes(size)])
    sums = np.cumsum(rng.standard_normal((200_000, len(steps))) * np.sqrt(steps), axis=1)
    lost = np.zeros(len(sums), bool)
    for rung, column in zip(rung_sizes(size)[:-1], sums.T, strict=False):
        ahead = (column - sums[:, -1] * rung / size) / rung
        lost |= [is_surely_dominated([InterimEstimate.from_share(rung / size, by, 1 / np.sqrt(rung))]) for by in ahead.tolist()]
    assert 1070 < lost.sum() < 1350
