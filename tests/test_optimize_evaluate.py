"""What a trial is worth: paired with the baseline on nested customers, the same whatever is in memory, given up when it surely loses."""

import math
from typing import Any

import numpy as np
import pytest
from studies import CAP, WAIT, settings, study

from cjsim.engine.run import simulate
from cjsim.errors import InputError
from cjsim.metrics.compare import compare
from cjsim.metrics.sample import Pairing
from cjsim.tuning.evaluate import Evaluator
from cjsim.tuning.optimize import optimize
from cjsim.tuning.panel import Aspect, Crowd, Lives
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

CLV = Aspect("clv", -1)
GOOD, BAD, SAME = {WAIT: 0.5, CAP: 5}, {WAIT: 19.0, CAP: 1}, {WAIT: 3.0, CAP: 3}


def evaluated(point: dict[str, float], *, of: Study | None = None, rivals: tuple[Trial, ...] = ()) -> Trial:
    return Evaluator(of or study()).evaluate(7, point, rivals=rivals)


def referring(**changed: Any) -> Study:
    """The study, where who orders brings a friend now and then."""
    data = settings(**changed)
    data["scenario"]["journey"]["events"]["order"]["effects"].append({"refer": {"invites": 1, "joins": 0.1, "delay": {"fixed": "1d"}}})
    return Study.from_dict(data)


def test_a_trial_equal_to_the_baseline_has_an_effect_of_exactly_nothing() -> None:
    found = evaluated(SAME)
    assert found.gains[0][1:] == (0.0, 0.0, 0.0)
    assert found.gains[0].value == Evaluator(study()).baseline["clv"].value


def test_a_trial_on_all_customers_is_the_comparison_of_its_policy() -> None:
    small = study(customers=900)
    found = evaluated(GOOD, of=small)
    effect = compare({"base": small.scenario, "trial": small.variant(found.params)}, customers=900, seed=1).alternatives["trial"]["clv"]
    assert found.gains[0][1:] == (effect.effect, effect.low, effect.high)
    assert (found.customers, found.simulated) == (900, 900)


@pytest.mark.parametrize("make", [study, referring])
def test_a_rung_is_the_comparison_on_that_many_customers(make: Any) -> None:
    small = make(customers=4000)
    point = small.space.values(GOOD)
    crowd = Crowd(small.scenario, ("clv", "retention_30d"), 4000, 1)
    ours = next(crowd.climb(point, [1000, 4000])).against(crowd.live({}).first(1000), CLV)
    theirs = compare({"base": small.scenario, "trial": small.variant(point)}, customers=1000, seed=1).alternatives["trial"]["clv"]
    assert ours[:5] == pytest.approx(theirs[:5], rel=1e-12)


def test_totals_on_a_rung_are_those_of_all_customers_if_they_fare_alike() -> None:
    crowd = Crowd(study().scenario, ("total_clv", "clv"), 2000, 1)
    base, other = crowd.live({}).first(500), crowd.live({CAP: 1}).first(500)
    total, mean = (other.against(base, Aspect(name, -1)) for name in ("total_clv", "clv"))
    assert (total.effect, total.error) == pytest.approx((2000 * mean.effect, 2000 * mean.error))


def test_who_surely_loses_on_the_first_customers_gets_no_more() -> None:
    whole = evaluated(GOOD)
    lost = evaluated(BAD, rivals=(whole,))
    assert (whole.customers, whole.simulated) == (8000, 8000)
    assert (lost.customers, lost.simulated) == (500, 500)
    assert lost.gains[0].value < whole.gains[0].value


def test_totals_are_raced_as_means_are() -> None:
    whole, total = evaluated(GOOD), evaluated(GOOD, of=study(objectives=["total_clv"]))
    lost, lost_total = evaluated(BAD, rivals=(whole,)), evaluated(BAD, of=study(objectives=["total_clv"]), rivals=(total,))
    assert lost_total.customers == lost.customers == 500
    assert lost_total.gains[0].effect == pytest.approx(8000 * lost.gains[0].effect, rel=1e-9)


def test_who_was_beaten_is_told_by_way_of_the_rival() -> None:
    small = study()
    whole = evaluated(GOOD)
    lost = evaluated(BAD, rivals=(whole,))
    pair = {"rival": small.variant(whole.params), "lost": small.variant(lost.params)}
    step = compare(pair, customers=lost.customers, seed=1).alternatives["lost"]["clv"]
    assert lost.gains[0].value == pytest.approx(whole.gains[0].value + step.effect, rel=1e-12)
    assert lost.gains[0].effect == pytest.approx(whole.gains[0].effect + step.effect, rel=1e-9)


def test_nobody_is_given_up_for_a_rival_that_is_no_rival() -> None:
    whole = evaluated(GOOD)
    partial = evaluated(GOOD)
    object.__setattr__(partial, "customers", 500)
    beyond = evaluated(GOOD)
    object.__setattr__(beyond, "excess", {"cost at most 1": 0.1})
    assert evaluated(BAD, rivals=(partial, beyond)).customers == whole.customers
    assert evaluated(BAD, of=study(racing=False), rivals=(whole,)).simulated == 8000


def test_who_surely_breaks_a_constraint_gets_no_more_customers() -> None:
    spends = [{"metric": "contacts", "at_most": 1.0}]
    found = evaluated(GOOD, of=study(constraints=spends))
    assert found.customers == 500
    assert not found.is_feasible
    whole = evaluated(GOOD, of=study(constraints=spends, racing=False))
    assert found.excess["contacts at most 1"] == pytest.approx(whole.excess["contacts at most 1"], rel=0.1)


def test_a_trial_is_the_same_whatever_is_in_memory() -> None:
    small = study(objectives=["clv", {"metric": "contacts", "direction": "minimize"}])
    warm = Evaluator(small, threads=2)
    rivals = [warm.evaluate(0, GOOD, rivals=[]), warm.evaluate(1, {WAIT: 8.0, CAP: 2}, rivals=[])]
    there = warm.evaluate(2, BAD, rivals=rivals)
    assert there == Evaluator(small, threads=1).evaluate(2, BAD, rivals=rivals[::-1])
    assert there.gains[0].value > 0


def test_accounts_in_memory_are_few_however_many_trials_there_were() -> None:
    evaluator = Evaluator(study(customers=40, racing=False))
    for index in range(100):
        evaluator.evaluate(index, {WAIT: 1 + index / 10, CAP: 3}, rivals=[])
    assert len(evaluator._kept) == 64


def test_customers_who_meet_live_all_at_once() -> None:
    data = settings(customers=2000)
    data["scenario"]["policy"]["guardrails"]["budgets"] = [{"at_most": 600, "per": "7d"}]
    whole = evaluated(GOOD, of=study(customers=2000))
    assert evaluated(BAD, of=study(customers=2000), rivals=(whole,)).simulated == 500
    assert evaluated(BAD, of=Study.from_dict(data), rivals=(whole,)).simulated == 2000


def test_without_pairing_each_trial_has_customers_of_its_own() -> None:
    apart = study(pairing=False, racing=False, customers=2000)
    evaluator = Evaluator(apart)
    one, two = evaluator.evaluate(0, SAME, rivals=[]), evaluator.evaluate(1, SAME, rivals=[])
    assert one.gains[0].value != two.gains[0].value != evaluator.baseline["clv"].value
    base, own = evaluator.baseline["clv"], one.gains[0]
    assert own.effect == pytest.approx(own.value - base.value)
    assert own.high - own.low > base.high - base.low > 0
    assert one == Evaluator(apart).evaluate(0, SAME, rivals=[])


def test_an_undefined_metric_is_no_crash_and_not_feasible() -> None:
    data = settings(customers=400, objectives=["open_rate"], constraints=[{"metric": "open_rate", "at_least": 0.1}])
    data["free"] = {"policy.flows.remind.holdout": {"low": 0.0, "high": 1.0}}
    found = evaluated({"policy.flows.remind.holdout": 1.0}, of=Study.from_dict(data))
    assert math.isnan(found.gains[0].value) and math.isnan(found.gains[0].effect)
    assert found.excess == {"open_rate at least 0.1": math.inf}
    assert not found.is_feasible
    assert found.values(Study.from_dict(data).objectives) == (-math.inf,)
    assert str(Trial.from_json(found.to_json())) == str(found)


def test_a_metric_that_only_the_trial_has_is_told_as_it_is() -> None:
    data = settings(customers=400, objectives=["open_rate"])
    data["scenario"]["policy"]["flows"]["remind"]["holdout"] = 1.0
    data["free"] = {"policy.flows.remind.holdout": {"low": 0.0, "high": 1.0}}
    found = evaluated({"policy.flows.remind.holdout": 0.0}, of=Study.from_dict(data))
    assert 0.3 < found.gains[0].value < 0.5  # 0.4 and a standard error of 0.01
    assert math.isnan(found.gains[0].effect)
    assert found.is_feasible


def looping() -> tuple[Study, str, str]:
    """A flow that goes round for ever, without passing time, if both of its steps are sends."""
    data = settings(customers=50)
    waits, sends = {"wait": "1d"}, {"send": "hello"}
    data["scenario"]["policy"]["flows"]["remind"]["steps"] = [{"label": "again", **waits}, waits, {"jump": "again"}]
    first, second = (f"policy.flows.remind.steps[{i}]" for i in range(2))
    data["free"] = {first: [{"label": "again", **waits}, {"label": "again", **sends}], second: [waits, sends]}
    return Study.from_dict(data), first, second


def test_a_choice_that_the_scenario_refuses_is_not_feasible_and_says_why() -> None:
    made, first, second = looping()
    found = evaluated({first: 1, second: 1}, of=made)
    assert "must" in found.refused and not found.is_feasible
    assert found.simulated == 0 and math.isnan(found.gains[0].value)
    assert Trial.from_json(found.to_json()).refused == found.refused
    assert not evaluated({first: 1, second: 0}, of=made).refused


def test_a_search_goes_on_past_choices_that_the_scenario_refuses_and_tells_of_them() -> None:
    made, _, _ = looping()
    found = optimize(made.with_values({"trials": 12, "sampler": "random"}), storage="memory")
    refused = [trial for trial in found.trials if trial.refused]
    assert 0 < len(refused) < 12
    assert f"{len(refused)} choices that the scenario refuses, the first trial {refused[0].index} (" in found.summary()
    assert not found.confirmed.trial.refused


def test_a_search_in_which_every_choice_is_refused_is_refused() -> None:
    made, first, second = looping()
    free = {first: [{"label": "again", "send": "hello"}, {"label": "again", "tag": "seen"}], second: [{"send": "hello"}, {"tag": "again"}]}
    with pytest.raises(InputError, match="must have choices that the scenario can be with, got 4 that are refused"):
        optimize(made.with_values({"trials": 4, "free": free}), storage="memory")


def test_sums_by_root_pair_as_customers_do() -> None:
    family = referring().scenario
    base, other = (simulate(one, customers=600, seed=3) for one in (family, family.with_values({CAP: 1})))
    ours = Lives.of(other, ["clv"]).against(Lives.of(base, ["clv"]), CLV)
    theirs = compare({"base": family, "other": family.with_values({CAP: 1})}, customers=600, seed=3).alternatives["other"]["clv"]
    assert len(base) > 600 and ours[:5] == pytest.approx(theirs[:5], rel=1e-12)
    assert Pairing.of(Lives.of(base, ["clv"]).sample, Lives.of(other, ["clv"]).sample).is_same


def test_the_error_beside_other_customers_is_that_of_both() -> None:
    crowd, others = (Crowd(study().scenario, ("clv",), 1000, seed) for seed in (1, 2))
    found = crowd.live({CAP: 1}).beside(others.live({}), CLV)
    paired = crowd.live({CAP: 1}).against(crowd.live({}), CLV)
    assert found.error > 2 * paired.error
    own = simulate(study().scenario, customers=1000, seed=2).outcomes.customers["clv"]
    assert others.live({}).error(CLV) == pytest.approx(own.std(ddof=1) / np.sqrt(1000))
