"""Confirmation: the gain is unbiased despite the selection, finalists are compared in pairs, and null studies report no gain."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from reminder_study import REMINDER_CAP, REMINDER_WAIT, reminder_study_data, small_reminder_study

from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.ratios import RatioTerms
from cjsim.simulation.compare_scenarios import compare
from cjsim.tuning.confirm import ConfirmationResult, chance_best, confirm, select_finalists
from cjsim.tuning.evaluation_cohort import CohortEvaluation, derived_seed
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.goals import Goals, pareto_front, select_by_crowding
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain, Trial

METRICS, BASE = ("clv", "contacts"), small_reminder_study(customers=200)


@dataclass(frozen=True)
class FakeCohort:
    """Normal outcomes: the sum of a term shared by all policies and a term for each policy with the mean in `params`."""

    customers: int
    seed: int
    own: float = 1.0

    def simulate(self, params: dict[str, Any]) -> CohortEvaluation:
        shared = np.random.default_rng(self.seed).normal(10, 3, (2, self.customers))
        if params:
            own = np.random.default_rng([self.seed, params["policy"]]).normal(0, self.own, (2, self.customers))
            shared = shared + own + np.array([params["clv"], params["contacts"]])[:, None]
        ones = np.ones(self.customers, bool)
        terms = {name: RatioTerms(values, ones) for name, values in zip(METRICS, shared, strict=True)}
        return CohortEvaluation(
            terms,
            {name: estimate_metric(one, "money") for name, one in terms.items()},
            ClusterSample.of_independent_customers(self.customers),
            self.customers,
        )


class FakeEvaluatorWithTruth:
    """An evaluator whose trials have a known true gain."""

    has_fresh_draws = True

    def __init__(self, study: Study, *, own: float = 1.0) -> None:
        self.study, self.goals, self.own = study, Goals.from_study(study), own
        self.cohort = FakeCohort(200, study.seed, own)
        self.base = self.cohort.simulate({})

    @property
    def baseline(self) -> dict[str, MetricEstimate]:
        return dict(self.base.metrics)

    def fresh_cohort(self, stage: str) -> FakeCohort:
        return FakeCohort(400, derived_seed(self.study.seed, stage), self.own)

    def trial(self, index: int, clv: float = 0.0, contacts: float = 0.0) -> Trial:
        params = {"policy": index, "clv": clv, "contacts": contacts}
        evaluation = self.cohort.simulate(params)
        contrasts = [evaluation.paired_contrast(self.base, metric) for metric in self.goals.directed_metrics]
        return Trial(index, {}, params, self.study.customers_per_trial, 200, self.goals.gains(contrasts), self.goals.excess(contrasts))


def fake_evaluator(seed: int = 1, **changed: Any) -> FakeEvaluatorWithTruth:
    """An evaluator for a study of 200 customers."""
    return FakeEvaluatorWithTruth(BASE.model_copy(update={"seed": seed, **changed}))


def confirm_trials(evaluator: FakeEvaluatorWithTruth, trials: list[Trial]) -> ConfirmationResult:
    return confirm(evaluator.study, evaluator, trials)  # type: ignore[arg-type]


def two_objectives(**changed: Any) -> dict[str, Any]:
    objectives = small_reminder_study(objectives=["clv", {"metric": "contacts", "direction": "minimize"}]).objectives
    return {"objectives": objectives, **changed}


def test_gains_are_rarely_claimed_and_average_zero_under_the_null() -> None:
    # 200 studies of 20 policies without effect: the number of reported gains is binomial (2.5 %). P(16 or more) is 1 in 19,000.
    # The mean of 200 confirmed gains, each with a standard error of 0.05, exceeds 4 standard errors with a probability of 1 in 16,000.
    found = []
    for seed in range(200):
        evaluator = fake_evaluator(seed)
        found.append(confirm_trials(evaluator, [evaluator.trial(index) for index in range(20)]))
    assert sum(one.verdict == "gain" for one in found) < 16
    gains = np.array([one.gains["clv"].effect for one in found])
    assert abs(gains.mean()) < 4 * 0.05 / math.sqrt(200)
    assert gains.std() == pytest.approx(0.05, rel=0.2)  # 4 standard errors
    assert np.mean([one.optimism["clv"] for one in found]) > 0.05  # the five best of 20 with an error of 0.07 have a mean of 0.08


def test_gain_of_the_selected_winner_is_unbiased_and_covered() -> None:
    # 150 studies of policies with gains from 0 to 0.18: 95 % of intervals cover the true value. P(fewer than 131) is 1 in 15,000.
    covered, errors = 0, []
    for seed in range(150):
        evaluator = fake_evaluator(seed)
        won = confirm_trials(evaluator, [evaluator.trial(index, clv=0.02 * index) for index in range(10)])
        gain, truth = won.gains["clv"], won.trial.params["clv"]
        covered += gain.low <= truth <= gain.high
        errors.append(gain.effect - truth)
    assert covered >= 131
    assert abs(np.mean(errors)) < 4 * 0.05 / math.sqrt(150)


def test_clear_winner_is_found_and_its_gain_uses_fresh_customers() -> None:
    evaluator = fake_evaluator()
    trials = [evaluator.trial(index, clv=0.1 * index) for index in range(8)]
    won = confirm_trials(evaluator, trials)
    assert (won.verdict, won.trial.index, won.chance_best > 0.5) == ("gain", 7, True)
    second = evaluator.fresh_cohort("second")
    expected = second.simulate(won.trial.params).paired_contrast(second.simulate({}), evaluator.goals.directed_metrics[0])
    assert won.gains["clv"] == ObjectiveGain(expected.value, expected.effect, expected.low, expected.high)
    assert won.optimism["clv"] == pytest.approx(won.trial.gains[0].effect - expected.effect)
    assert won.finalists[0].trial.index == 7 and len(won.finalists) == 5
    assert won.simulated_customers == (5 + 1 + 2) * 400


def test_minimized_objective_reverses_signs() -> None:
    less = small_reminder_study(objectives=[{"metric": "contacts", "direction": "minimize"}]).objectives
    evaluator = fake_evaluator(objectives=less)
    won = confirm_trials(evaluator, [evaluator.trial(index, contacts=-0.3 * index) for index in range(8)])
    assert (won.verdict, won.trial.index) == ("gain", 7)
    assert won.gains["contacts"].high < 0
    assert won.optimism["contacts"] == pytest.approx(won.gains["contacts"].effect - won.trial.gains[0].effect)
    assert confirm_trials(evaluator, [evaluator.trial(1, contacts=0.5)]).verdict == "none"


@pytest.mark.parametrize(("lead", "error"), [(0.0, 1.0), (1.0, 1.0), (-0.5, 0.4), (3.0, 1.0)])
def test_probability_of_the_better_of_two_is_a_normal_probability(lead: float, error: float) -> None:
    expected = 0.5 * (1 + math.erf(lead / error / math.sqrt(2)))
    assert chance_best(np.array([lead]), np.array([[error**2]])) == pytest.approx(expected, abs=0.015)


def test_equal_finalists_share_the_probability_of_being_best() -> None:
    apart = np.array([[2.0, 1.0], [1.0, 2.0]])
    assert chance_best(np.zeros(2), apart) == pytest.approx(1 / 3, abs=0.015)
    assert chance_best(np.zeros(2), np.zeros((2, 2))) == 1.0
    twins = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert chance_best(np.zeros(2), twins) == pytest.approx(0.5, abs=0.015)


def test_probability_of_the_winner_uses_pairing() -> None:
    evaluator = fake_evaluator(confirm=BASE.confirm.model_copy(update={"finalists": 2}))
    won = confirm_trials(evaluator, [evaluator.trial(0, clv=0.3), evaluator.trial(1, clv=0.31)])
    first = evaluator.fresh_cohort("first")
    best, other = (first.simulate(one.trial.params) for one in won.finalists)
    found = best.paired_contrast(other, evaluator.goals.directed_metrics[0])
    assert won.chance_best == pytest.approx(0.5 * (1 + math.erf(found.effect / found.standard_error / math.sqrt(2))), abs=0.015)


def test_finalists_are_feasible_complete_and_distinct() -> None:
    evaluator = fake_evaluator()
    trials = [evaluator.trial(index, clv=0.1 * index) for index in range(9)]
    twin = replace(trials[8], index=9)
    early, infeasible = replace(trials[7], customers=50), replace(trials[6], excess={"contacts at most 1": 0.1})
    undefined = replace(trials[5], gains=(ObjectiveGain(math.nan, math.nan, math.nan, math.nan),))
    found = select_finalists([*trials[:5], undefined, infeasible, early, trials[8], twin], evaluator.goals, size=200, count=3)
    assert [one.index for one in found] == [8, 4, 3]


def test_nondominated_trials_are_confirmed_and_ranked_by_the_first_objective() -> None:
    evaluator = fake_evaluator(**two_objectives())
    fair = [evaluator.trial(index, clv=0.3 * index, contacts=0.3 * index) for index in range(6)]
    poor = [evaluator.trial(10 + index, clv=0.3 * index - 1, contacts=0.3 * index + 1) for index in range(6)]
    won = confirm_trials(evaluator, [*poor, *fair])
    assert sorted(one.trial.index for one in won.pareto) == list(range(6))
    assert (won.verdict, won.trial.index) == ("gain", 5)
    assert set(won.gains) == {"clv", "contacts"}


def test_large_front_is_thinned_to_the_most_distant_points() -> None:
    evaluator = fake_evaluator(**two_objectives(confirm=BASE.confirm.model_copy(update={"finalists": 1})))
    template = evaluator.trial(0)
    trials = [
        replace(template, index=i, params={"i": i}, gains=(ObjectiveGain(x, x, x, x), ObjectiveGain(x, x, x, x)))
        for i, x in enumerate([0, 0.1, 0.2, 5, 5.1, 9])
    ]
    found = select_finalists(trials, evaluator.goals, size=200, count=1)
    assert [one.index for one in found] == [0, 2, 3, 5]


def test_front_and_thinning_on_random_points() -> None:
    points = np.random.default_rng(1).random((60, 2))
    best = pareto_front(points)
    for row in range(60):
        dominated = any((points[other] > points[row]).all() for other in range(60))
        assert dominated != (row in best)
    kept = select_by_crowding(points[best], 3)
    ends = {int(np.argmax(points[best][:, axis])) for axis in range(2)}
    assert ends <= set(kept) and len(kept) == 3


def test_constraint_is_violated_only_if_the_interval_is_beyond_the_bound() -> None:
    at_most = [{"metric": "contacts", "at_most": 10.0}]
    evaluator = fake_evaluator(constraints=small_reminder_study(constraints=at_most).constraints)
    template = evaluator.trial(3, clv=1.0)
    near, far = (
        replace(evaluator.trial(3, clv=1.0, contacts=by), excess=dict(template.excess) | {"contacts at most 10": -1}) for by in (0.1, 1.0)
    )
    won = confirm_trials(evaluator, [near])
    assert won.verdict == "gain" and won.surely_violated == ()
    assert won.excess["contacts at most 10"] == pytest.approx(0.1, abs=0.8)
    lost = confirm_trials(evaluator, [far])
    assert lost.verdict == "none" and lost.surely_violated == ("contacts at most 10",)


def test_feasible_finalist_ranks_before_a_better_infeasible_one() -> None:
    at_most = [{"metric": "contacts", "at_most": 10.0}]
    evaluator = fake_evaluator(constraints=small_reminder_study(constraints=at_most).constraints)
    kept = {"contacts at most 10": -1.0}
    sober = replace(evaluator.trial(1, clv=0.5, contacts=-2.0), excess=kept)
    eager = replace(evaluator.trial(2, clv=2.0, contacts=2.0), excess=kept)
    won = confirm_trials(evaluator, [sober, eager])
    assert won.trial.index == 1 and won.chance_best == 1.0
    assert [one.trial.index for one in won.finalists] == [1, 2]


def test_nearest_trial_is_reported_if_none_is_feasible() -> None:
    bounds = [{"metric": "contacts", "at_most": 2.0}, {"metric": "clv", "at_least": 100.0}]
    evaluator = fake_evaluator(constraints=small_reminder_study(constraints=bounds).constraints)
    excess = [(0.5, 90.0), (0.1, 91.0), (3.0, 10.0), (math.inf, 0.0)]  # at most 0.9, 0.91, 1.5 of the bound
    names = [one.name for one in evaluator.goals.constraints]
    trials = [replace(evaluator.trial(i), excess=dict(zip(names, one, strict=True))) for i, one in enumerate(excess)]
    found = confirm_trials(evaluator, trials)
    assert (found.verdict, found.trial.index, found.simulated_customers) == ("infeasible", 0, 0)
    assert found.surely_violated == ("contacts at most 2", "clv at least 100")
    assert found.excess == {"contacts at most 2": 0.5, "clv at least 100": 90.0}


def test_confirmation_uses_twice_the_customers_and_separate_seeds() -> None:
    small = small_reminder_study(customers=600)
    evaluator = Evaluator(small)
    trial = evaluator.evaluate(0, {REMINDER_WAIT: 0.5, REMINDER_CAP: 5}, incumbents=[])
    won = confirm(small, evaluator, [trial])
    pair = {"base": small.scenario, "won": small.scenario_with(trial.params)}
    effect = compare(pair, customers=1200, seed=derived_seed(1, "second")).alternatives["won"]["clv"]
    assert won.gains["clv"][1:] == (effect.effect, effect.low, effect.high)
    assert {"retention_30d", "revenue", "clv"} <= set(won.metrics)
    assert won.metrics["clv"].value == effect.value and won.baseline["clv"].value == effect.baseline
    assert len({1, derived_seed(1, "first"), derived_seed(1, "second"), derived_seed(2, "first")}) == 4


def test_totals_and_shared_resources_are_confirmed_on_the_same_number_of_customers() -> None:
    assert Evaluator(small_reminder_study(customers=600, objectives=["total_clv"])).fresh_cohort("first").customers == 600
    data = reminder_study_data(customers=600)
    data["scenario"]["policy"]["guardrails"]["budgets"] = [{"at_most": 60, "per": "7d"}]
    assert Evaluator(Study.from_dict(data)).fresh_cohort("first").customers == 600
    assert Evaluator(small_reminder_study(customers=600, confirm={"customers": 700})).fresh_cohort("second").customers == 700
