"""Evaluation of trials: paired with the baseline on nested cohorts, independent of the cache, pruned if clearly worse."""

import math
from typing import Any

import numpy as np
import pytest
from reminder_study import REMINDER_CAP, REMINDER_WAIT, reminder_study_data, small_reminder_study

from cjsim.errors import InputError
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.simulate import simulate
from cjsim.tuning.evaluation_cohort import CohortEvaluation, DirectedMetric, SeededCohort
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.optimize import optimize
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

CLV = DirectedMetric("clv", -1)
GOOD, BAD, SAME = {REMINDER_WAIT: 0.5, REMINDER_CAP: 5}, {REMINDER_WAIT: 19.0, REMINDER_CAP: 1}, {REMINDER_WAIT: 3.0, REMINDER_CAP: 3}


def evaluate_point(point: dict[str, float], *, study: Study | None = None, incumbents: tuple[Trial, ...] = ()) -> Trial:
    return Evaluator(study or small_reminder_study()).evaluate(7, point, incumbents=incumbents)


def study_with_referrals(**changed: Any) -> Study:
    """The study with customers who refer friends after an order."""
    data = reminder_study_data(**changed)
    data["scenario"]["journey"]["events"]["order"]["effects"].append({"refer": {"invites": 1, "joins": 0.1, "delay": {"fixed": "1d"}}})
    return Study.from_dict(data)


def test_trial_equal_to_the_baseline_has_zero_effect() -> None:
    found = evaluate_point(SAME)
    assert found.gains[0][1:] == (0.0, 0.0, 0.0)
    assert found.gains[0].value == Evaluator(small_reminder_study()).baseline["clv"].value


def test_complete_trial_equals_a_comparison() -> None:
    small = small_reminder_study(customers=900)
    found = evaluate_point(GOOD, study=small)
    effect = compare({"base": small.scenario, "trial": small.scenario_with(found.params)}, customers=900, seed=1).alternatives["trial"][
        "clv"
    ]
    assert found.gains[0][1:] == (effect.effect, effect.low, effect.high)
    assert (found.customers, found.simulated_customers) == (900, 900)


@pytest.mark.parametrize("make", [small_reminder_study, study_with_referrals])
def test_rung_equals_a_comparison_on_its_customers(make: Any) -> None:
    small = make(customers=4000)
    point = small.space.values(GOOD)
    cohort = SeededCohort(small.scenario, ("clv", "retention_30d"), 4000, 1)
    ours = next(cohort.simulate_rungs(point, [1000, 4000])).paired_contrast(cohort.simulate({}).first_customers(1000), CLV)
    theirs = compare({"base": small.scenario, "trial": small.scenario_with(point)}, customers=1000, seed=1).alternatives["trial"]["clv"]
    assert ours[:5] == pytest.approx(theirs[:5], rel=1e-12)


def test_rung_totals_are_extrapolated_to_all_customers() -> None:
    cohort = SeededCohort(small_reminder_study().scenario, ("total_clv", "clv"), 2000, 1)
    base, other = cohort.simulate({}).first_customers(500), cohort.simulate({REMINDER_CAP: 1}).first_customers(500)
    total, mean = (other.paired_contrast(base, DirectedMetric(name, -1)) for name in ("total_clv", "clv"))
    assert (total.effect, total.standard_error) == pytest.approx((2000 * mean.effect, 2000 * mean.standard_error))


def test_clearly_worse_trial_is_pruned_on_the_first_rung() -> None:
    whole = evaluate_point(GOOD)
    lost = evaluate_point(BAD, incumbents=(whole,))
    assert (whole.customers, whole.simulated_customers) == (8000, 8000)
    assert (lost.customers, lost.simulated_customers) == (500, 500)
    assert lost.gains[0].value < whole.gains[0].value


def test_totals_are_pruned_like_means() -> None:
    whole, total = evaluate_point(GOOD), evaluate_point(GOOD, study=small_reminder_study(objectives=["total_clv"]))
    lost, lost_total = (
        evaluate_point(BAD, incumbents=(whole,)),
        evaluate_point(BAD, study=small_reminder_study(objectives=["total_clv"]), incumbents=(total,)),
    )
    assert lost_total.customers == lost.customers == 500
    assert lost_total.gains[0].effect == pytest.approx(8000 * lost.gains[0].effect, rel=1e-9)


def test_gain_of_a_pruned_trial_is_estimated_through_the_incumbent() -> None:
    small = small_reminder_study()
    whole = evaluate_point(GOOD)
    lost = evaluate_point(BAD, incumbents=(whole,))
    pair = {"incumbent": small.scenario_with(whole.params), "lost": small.scenario_with(lost.params)}
    step = compare(pair, customers=lost.customers, seed=1).alternatives["lost"]["clv"]
    assert lost.gains[0].value == pytest.approx(whole.gains[0].value + step.effect, rel=1e-12)
    assert lost.gains[0].effect == pytest.approx(whole.gains[0].effect + step.effect, rel=1e-9)


def test_invalid_incumbent_prunes_no_trial() -> None:
    whole = evaluate_point(GOOD)
    partial = evaluate_point(GOOD)
    object.__setattr__(partial, "customers", 500)
    infeasible = evaluate_point(GOOD)
    object.__setattr__(infeasible, "excess", {"cost at most 1": 0.1})
    assert evaluate_point(BAD, incumbents=(partial, infeasible)).customers == whole.customers
    assert evaluate_point(BAD, study=small_reminder_study(racing=False), incumbents=(whole,)).simulated_customers == 8000


def test_clearly_infeasible_trial_is_pruned() -> None:
    spends = [{"metric": "contacts", "at_most": 1.0}]
    found = evaluate_point(GOOD, study=small_reminder_study(constraints=spends))
    assert found.customers == 500
    assert not found.is_feasible
    whole = evaluate_point(GOOD, study=small_reminder_study(constraints=spends, racing=False))
    assert found.excess["contacts at most 1"] == pytest.approx(whole.excess["contacts at most 1"], rel=0.1)


def test_cached_results_do_not_change_a_trial() -> None:
    small = small_reminder_study(objectives=["clv", {"metric": "contacts", "direction": "minimize"}])
    warm = Evaluator(small, threads=2)
    incumbents = [warm.evaluate(0, GOOD, incumbents=[]), warm.evaluate(1, {REMINDER_WAIT: 8.0, REMINDER_CAP: 2}, incumbents=[])]
    there = warm.evaluate(2, BAD, incumbents=incumbents)
    assert there == Evaluator(small, threads=1).evaluate(2, BAD, incumbents=incumbents[::-1])
    assert there.gains[0].value > 0


def test_cache_size_is_bounded() -> None:
    evaluator = Evaluator(small_reminder_study(customers=40, racing=False))
    for index in range(100):
        evaluator.evaluate(index, {REMINDER_WAIT: 1 + index / 10, REMINDER_CAP: 3}, incumbents=[])
    assert len(evaluator._cache) == 64


def test_customers_who_share_resources_are_simulated_together() -> None:
    data = reminder_study_data(customers=2000)
    data["scenario"]["policy"]["guardrails"]["budgets"] = [{"at_most": 600, "per": "7d"}]
    whole = evaluate_point(GOOD, study=small_reminder_study(customers=2000))
    assert evaluate_point(BAD, study=small_reminder_study(customers=2000), incumbents=(whole,)).simulated_customers == 500
    assert evaluate_point(BAD, study=Study.from_dict(data), incumbents=(whole,)).simulated_customers == 2000


def test_customers_who_share_fixed_costs_are_simulated_together() -> None:
    scenario = small_reminder_study(customers=200).scenario.with_values({"policy.costs.setup": 100})
    rungs = list(SeededCohort(scenario, ("clv",), 60, 1).simulate_rungs({}, [20, 60]))
    assert [one.sample.n_roots for one in rungs] == [60]


def test_unpaired_trials_use_separate_customers() -> None:
    apart = small_reminder_study(pairing=False, racing=False, customers=2000)
    evaluator = Evaluator(apart)
    one, two = evaluator.evaluate(0, SAME, incumbents=[]), evaluator.evaluate(1, SAME, incumbents=[])
    assert one.gains[0].value != two.gains[0].value != evaluator.baseline["clv"].value
    base, own = evaluator.baseline["clv"], one.gains[0]
    assert own.effect == pytest.approx(own.value - base.value)
    assert own.high - own.low > base.high - base.low > 0
    assert one == Evaluator(apart).evaluate(0, SAME, incumbents=[])


def test_trial_with_an_undefined_metric_is_infeasible() -> None:
    data = reminder_study_data(customers=400, objectives=["open_rate"], constraints=[{"metric": "open_rate", "at_least": 0.1}])
    data["free"] = {"policy.flows.remind.holdout": {"low": 0.0, "high": 1.0}}
    found = evaluate_point({"policy.flows.remind.holdout": 1.0}, study=Study.from_dict(data))
    assert math.isnan(found.gains[0].value) and math.isnan(found.gains[0].effect)
    assert found.excess == {"open_rate at least 0.1": math.inf}
    assert not found.is_feasible
    assert found.objective_values(Study.from_dict(data).objectives) == (-math.inf,)
    assert str(Trial.from_json(found.to_json())) == str(found)


def test_metric_undefined_in_the_baseline_is_reported_without_a_gain() -> None:
    data = reminder_study_data(customers=400, objectives=["open_rate"])
    data["scenario"]["policy"]["flows"]["remind"]["holdout"] = 1.0
    data["free"] = {"policy.flows.remind.holdout": {"low": 0.0, "high": 1.0}}
    found = evaluate_point({"policy.flows.remind.holdout": 0.0}, study=Study.from_dict(data))
    assert 0.3 < found.gains[0].value < 0.5  # 0.4 and a standard error of 0.01
    assert math.isnan(found.gains[0].effect)
    assert found.is_feasible


def study_with_a_zero_time_loop() -> tuple[Study, str, str]:
    """A study whose flow is an infinite zero-time loop if both steps are sends."""
    data = reminder_study_data(customers=50)
    waits, sends = {"wait": "1d"}, {"send": "hello"}
    data["scenario"]["policy"]["flows"]["remind"]["steps"] = [{"label": "again", **waits}, waits, {"jump": "again"}]
    first, second = (f"policy.flows.remind.steps[{i}]" for i in range(2))
    data["free"] = {first: [{"label": "again", **waits}, {"label": "again", **sends}], second: [waits, sends]}
    return Study.from_dict(data), first, second


def test_invalid_choice_is_infeasible_and_keeps_its_error() -> None:
    made, first, second = study_with_a_zero_time_loop()
    found = evaluate_point({first: 1, second: 1}, study=made)
    assert "must" in found.refusal_reason and not found.is_feasible
    assert found.simulated_customers == 0 and math.isnan(found.gains[0].value)
    assert Trial.from_json(found.to_json()).refusal_reason == found.refusal_reason
    assert not evaluate_point({first: 1, second: 0}, study=made).refusal_reason


def test_search_continues_past_invalid_choices_and_reports_them() -> None:
    made, _, _ = study_with_a_zero_time_loop()
    found = optimize(made.with_values({"trials": 12, "sampler": "random"}), storage="memory")
    refused = [trial for trial in found.trials if trial.refusal_reason]
    assert 0 < len(refused) < 12
    assert f"{len(refused)} trials have invalid values. The first is trial {refused[0].index} (" in found.summary()
    assert not found.confirmation.trial.refusal_reason


def test_search_with_only_invalid_choices_raises() -> None:
    made, first, second = study_with_a_zero_time_loop()
    free = {first: [{"label": "again", "send": "hello"}, {"label": "again", "tag": "seen"}], second: [{"send": "hello"}, {"tag": "again"}]}
    with pytest.raises(InputError, match="must have free values that are valid in the scenario, got 4 invalid trials"):
        optimize(made.with_values({"trials": 4, "free": free}), storage="memory")


def test_sums_by_root_customer_are_paired() -> None:
    scenario = study_with_referrals().scenario
    base, other = (simulate(one, customers=600, seed=3) for one in (scenario, scenario.with_values({REMINDER_CAP: 1})))
    ours = CohortEvaluation.from_run(other, ["clv"]).paired_contrast(CohortEvaluation.from_run(base, ["clv"]), CLV)
    theirs = compare({"base": scenario, "other": scenario.with_values({REMINDER_CAP: 1})}, customers=600, seed=3).alternatives["other"][
        "clv"
    ]
    assert len(base) > 600 and ours[:5] == pytest.approx(theirs[:5], rel=1e-12)
    assert CustomerPairing.match_by_key(
        CohortEvaluation.from_run(base, ["clv"]).sample, CohortEvaluation.from_run(other, ["clv"]).sample
    ).has_same_customers


def test_unpaired_standard_error_combines_both_samples() -> None:
    cohort, others = (SeededCohort(small_reminder_study().scenario, ("clv",), 1000, seed) for seed in (1, 2))
    found = cohort.simulate({REMINDER_CAP: 1}).unpaired_contrast(others.simulate({}), CLV)
    paired = cohort.simulate({REMINDER_CAP: 1}).paired_contrast(cohort.simulate({}), CLV)
    assert found.standard_error > 2 * paired.standard_error
    own = simulate(small_reminder_study().scenario, customers=1000, seed=2).outcomes.customers["clv"]
    assert others.simulate({}).standard_error(CLV) == pytest.approx(own.std(ddof=1) / np.sqrt(1000))
