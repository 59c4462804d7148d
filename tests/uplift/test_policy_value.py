"""Policy values against closed forms, and the fall back to the best constant policy."""

import numpy as np
import pytest
from scipy import stats
from statistical_checks import assert_plausible, mean_p_value

from cjsim.errors import InputError
from cjsim.uplift.policy_value import PolicyComparison, PolicyValue, policy_values
from cjsim.uplift.treatment_rules import best_cut

ARMS = ("none", "mail")
GRID = (np.arange(10_000) + 0.5) / 10_000


def found_by_name(comparison: PolicyComparison) -> dict[str, PolicyValue]:
    return {policy.rule: policy for policy in comparison.policies}


def centered_effects(**settings: object) -> dict[str, PolicyValue]:
    """Outcomes 2 without treatment and 2 + u - 1/2 with it, for u uniform on (0, 1), without noise."""
    scores = np.column_stack([np.full(10_000, 2.0), 1.5 + GRID])
    return found_by_name(policy_values(scores, GRID - 0.5, arms=ARMS, seed=1, **settings))  # type: ignore[arg-type]


CLOSED_FORMS = [
    ({}, "nobody", 2.0),
    ({}, "everybody: mail", 2.0),
    ({}, "gain above cost: mail", 2.0 + 1.0 / 8.0),  # the integral of u - 1/2 from 1/2
    ({}, "best share: mail", 2.0 + 1.0 / 8.0),
    ({"max_share": 0.25}, "best share up to 25 %: mail", 2.0 + 0.25 * 0.375),
    ({"max_share": 0.25}, "a random 25 %: mail", 2.0),
    ({"costs": (0.0, 0.3)}, "gain above cost: mail", 2.0 + 0.02),  # treat from u = .8
    ({"costs": (0.0, 3.0), "value": 10.0}, "gain above cost: mail", 20.0 + 0.2),
    ({"costs": (0.0, 0.3)}, "everybody: mail", 1.7),
]


@pytest.mark.parametrize(("settings", "rule", "expected"), CLOSED_FORMS)
def test_values_equal_the_closed_forms(settings: dict[str, object], rule: str, expected: float) -> None:
    assert centered_effects(**settings)[rule].value.estimate == pytest.approx(expected, rel=1e-3)


def test_best_of_three_arms_takes_the_larger_gain() -> None:
    # Arm a gains u - .4, arm b gains .4 - u: treat with a above .4, else with b: (.36 + .16) / 2.
    gains = np.column_stack([GRID - 0.4, 0.4 - GRID])
    scores = np.column_stack([np.zeros(10_000), gains])
    found = found_by_name(policy_values(scores, gains, arms=("none", "a", "b"), seed=1))
    assert found["arm with the largest gain"].value.estimate == pytest.approx(0.26, rel=1e-3)


def test_policy_beyond_the_budget_is_never_proposed() -> None:
    scores = np.column_stack([np.zeros(10_000), GRID - 0.5])
    found = policy_values(scores, GRID - 0.5, arms=ARMS, max_share=0.25, seed=1)
    assert (found.best, found_by_name(found)["gain above cost: mail"].within_budget) == ("best share up to 25 %: mail", False)


def test_value_error_is_that_of_a_mean() -> None:
    scores = np.random.default_rng(2).normal(size=(100, 2))
    found = found_by_name(policy_values(scores, np.zeros(100), arms=ARMS, seed=1))
    assert found["everybody: mail"].value.error == pytest.approx(stats.sem(scores[:, 1]))


def test_gains_are_paired() -> None:
    # Both policies share the noise of the outcome without treatment, which cancels in the gain.
    scores = np.random.default_rng(3).normal(0.0, 100.0, 10_000)[:, None] + np.column_stack([np.zeros(10_000), GRID - 0.5])
    policy = found_by_name(policy_values(scores, GRID - 0.5, arms=ARMS, seed=1))["gain above cost: mail"]
    assert policy.gain.error < 0.01 < policy.value.error


def test_clusters_of_identical_rows_have_the_error_of_one_row_each() -> None:
    scores, copies = np.random.default_rng(4).normal(size=(100, 2)), np.repeat(np.arange(100), 5)
    found = found_by_name(policy_values(scores[copies], np.zeros(500), arms=ARMS, clusters=copies, seed=1))
    assert found["nobody"].value.error == pytest.approx(stats.sem(scores[:, 0]))


def test_copies_of_rows_in_clusters_change_no_value() -> None:
    # Halves that divided clusters would choose other cuts.
    rng = np.random.default_rng(7)
    scores, predicted, copies = rng.normal(size=(300, 2)), rng.normal(size=300), np.repeat(np.arange(300), 5)
    once = policy_values(scores, predicted, arms=ARMS, seed=1)
    copied = policy_values(scores[copies], predicted[copies], arms=ARMS, clusters=copies, seed=1)
    assert [policy.value.estimate for policy in copied.policies] == pytest.approx([policy.value.estimate for policy in once.policies])


def test_p_values_are_adjusted_for_all_personalized_policies() -> None:
    rng = np.random.default_rng(8)
    gains = rng.normal(size=(200, 2))
    scores = np.column_stack([np.zeros(200), 0.4 * gains]) + rng.normal(size=(200, 3))
    found = policy_values(scores, gains, arms=("none", "a", "b"), seed=1)
    personalized = [policy for policy in found.policies if not policy.is_constant]
    smallest = min(personalized, key=lambda policy: policy.p)
    assert smallest.p_holm == pytest.approx(5 * smallest.p) and len(personalized) == 5


def noise_comparisons() -> list[PolicyComparison]:
    """400 trials without any effect, with predictions without information."""
    found = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        scores = np.column_stack([np.zeros(300), rng.normal(size=300)])
        found.append(policy_values(scores, rng.normal(size=300), arms=ARMS, seed=seed))
    return found


def test_best_share_is_valued_without_optimism() -> None:
    # A cut valued on the rows that it was chosen on would gain about .03 here.
    gains = np.array([found_by_name(found)["best share: mail"].value.estimate for found in noise_comparisons()])
    assert_plausible(mean_p_value(gains, 0.0))


def test_gain_without_heterogeneity_is_rarely_proposed() -> None:
    # At most 2.5 % of trials: both constant policies have the value 0. Fails with probability 1e-6.
    proposed = sum("everybody" not in found.best and "nobody" not in found.best for found in noise_comparisons())
    assert stats.binom.sf(proposed - 1, 400, 0.025) > 1e-6


def test_clear_gain_is_proposed() -> None:
    rng = np.random.default_rng(5)
    u = rng.random(4_000)
    scores = np.column_stack([np.zeros(4_000), u - 0.5 + rng.normal(size=4_000)])
    assert policy_values(scores, u - 0.5, arms=ARMS, seed=1).best in ("gain above cost: mail", "best share: mail")


def test_unclear_gain_falls_back_to_the_best_constant_policy() -> None:
    rng = np.random.default_rng(6)
    scores = np.column_stack([np.zeros(200), 0.5 + rng.normal(size=200)])
    found = policy_values(scores, 0.5 + 0.1 * rng.normal(size=200), arms=ARMS, seed=1)
    assert found.statement == "Use 'everybody: mail': no personalized policy is clearly better."


def test_tied_predictions_are_cut_together() -> None:
    assert best_cut(np.array([2.0, 1.0, 1.0, 0.0]), np.array([-1.0, 3.0, -1.0, -2.0]), 1.0) == 0.5


def test_a_tie_beyond_the_budget_is_left_out() -> None:
    assert best_cut(np.array([2.0, 1.0, 1.0, 1.0]), np.array([1.0, 1.0, -1.0, 2.0]), 0.5) == 1.5


def test_treating_nobody_has_an_infinite_cut() -> None:
    assert best_cut(np.array([2.0, 1.0]), np.array([-1.0, -1.0]), 1.0) == np.inf


def test_treating_everybody_has_the_lowest_cut() -> None:
    assert best_cut(np.array([2.0, 1.0]), np.array([1.0, 1.0]), 1.0) == -np.inf


def test_a_cut_lies_between_predictions_that_differ_in_their_last_bit() -> None:
    upper = np.nextafter(1.0, 2.0)
    assert 1.0 <= best_cut(np.array([upper, 1.0]), np.array([1.0, -1.0]), 1.0) < upper


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": ("none", "a", "b")}, r"scores: must have shape \(10, 3\), got \(10, 2\)"),
        ({"predicted": np.zeros((10, 2))}, r"predicted: must have shape \(10, 1\), got \(10, 2\)"),
        ({"costs": (0.1,)}, r"costs: must have a number for each of 2 arms, including the control, got \[0.1\]"),
        ({"max_share": 0.0}, "max_share: must be above 0 and at most 1, got 0.0"),
    ],
)
def test_invalid_arguments_are_named(change: dict[str, object], message: str) -> None:
    arguments = {"scores": np.zeros((10, 2)), "predicted": np.zeros(10), "arms": ARMS, "seed": 1} | change
    with pytest.raises(InputError, match=message):
        policy_values(**arguments)  # type: ignore[arg-type]
