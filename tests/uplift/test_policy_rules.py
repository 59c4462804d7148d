"""Rules that a readout exports decide as its policies do, and are refused where none is proposed."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from planted_trials import planted_trial

import cjsim as cj
from cjsim.errors import InputError
from cjsim.readout.outcome_learning import LearnedOutcome, outcome_nuisances
from cjsim.uplift.learners.held_out_predictions import predict_held_out
from cjsim.uplift.learners.training_rows import check_rows

FEATURES = ["recency", "visits", "country"]
HARMS_HALF = {"slope": 0.2, "effect": 0.0}  # customers with a positive recency gain .2, and the others lose .2


@cache
def readout(arms: int = 2, slope: float = 0.2, effect: float = 0.0, learner: str = "T", **settings: Any) -> cj.Readout:
    table = planted_trial(effect=effect, slope=slope, arms=arms)
    given = {"learners": (learner,), "draws": 2, "splits": 2} | settings
    return cj.uplift(table, treatment="arm", outcome="bought", features=FEATURES, settings=cj.ReadoutSettings(**given))


def decisions(rule: cj.TargetingRule) -> tuple[Any, Any]:
    """Decisions for fresh customers, and whether these gain."""
    fresh = planted_trial(**HARMS_HALF, seed=2)
    return cj.rule_decisions(rule, fresh[FEATURES]), (fresh["recency"] > 0).to_numpy()


@pytest.mark.parametrize("policy", ["gain above cost: mail", "best share: mail", None])
def test_a_rule_treats_those_who_gain(policy: str | None) -> None:
    treated, gains = decisions(readout().rule(policy=policy))
    assert (treated == gains).mean() > 0.9


@pytest.mark.parametrize("learner", ["DR", "S", "X", "R", "T trees"])
def test_every_learner_can_be_exported(learner: str) -> None:
    treated, gains = decisions(readout(learner=learner).rule())
    assert (treated == gains).mean() > 0.9


@cache
def priced(value: float, cost: float) -> cj.TargetingRule:
    return readout(value=value, cost=cost).rule(policy="gain above cost: mail")


def test_the_score_is_the_gain_in_money_and_the_threshold_the_cost() -> None:
    X = planted_trial(**HARMS_HALF)[FEATURES]
    assert priced(20.0, 0.5).threshold == 0.5
    assert np.allclose(cj.rule_scores(priced(20.0, 0.5), X), 20.0 * cj.rule_scores(priced(1.0, 0.0), X))


def test_a_harmful_outcome_is_avoided() -> None:
    treated, gains = decisions(priced(-20.0, 0.0))
    assert (treated == ~gains).mean() > 0.9


def test_a_budget_limits_the_treated_share() -> None:
    rule = readout(max_share=0.2).rule(policy="best share up to 20 %: mail")
    assert cj.rule_decisions(rule, planted_trial(**HARMS_HALF, seed=2)[FEATURES]).mean() == pytest.approx(0.2, abs=0.05)


def test_the_rule_of_an_arm_ranks_by_the_effect_of_this_arm() -> None:
    mail, sms = (readout(arms=3).rule(policy=f"gain above cost: {arm}") for arm in ("mail", "sms"))
    X = planted_trial(**HARMS_HALF)[FEATURES]
    spread = [np.std(cj.rule_scores(rule, X)) for rule in (mail, sms)]
    assert spread[0] > 2 * spread[1]  # only mail has effects that differ


def test_a_distilled_rule_is_one_tree_that_decides_alike() -> None:
    rule = readout().rule(distill_depth=1)
    assert [len(tree.column) for term in rule.terms for tree in term.trees] == [3]
    assert rule.agreement is not None and rule.agreement > 0.9


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({"slope": 0.0, "effect": 0.1}, {}, r"must be proposed by the readout, got 'everybody: mail'\. .*'gain above cost: mail'"),
        ({}, {"policy": "everybody: mail"}, "must treat some customers with one arm, such as 'gain above cost: mail'"),
        ({"arms": 3}, {"policy": "arm with the largest gain"}, "Export a rule for each arm"),
        ({}, {"outcome": "bougth"}, "Did you mean 'bought'"),
        ({"value": -1.0}, {"policy": "best share: mail", "distill_depth": 2}, "value: must be above 0 to distill a rule"),
    ],
)
def test_other_rules_are_refused(settings: dict[str, Any], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        readout(**settings).rule(**arguments)


@cache
def mixed() -> LearnedOutcome:
    """Learned from a trial so small that the folds choose different learners."""
    settings = cj.ReadoutSettings(learners=("T", "X"), draws=2, splits=2)
    table = planted_trial(slope=0.03, effect=0.0).head(1500)
    learned = cj.uplift(table, treatment="arm", outcome="bought", features=FEATURES, settings=settings).outcome("bought").learned
    assert learned is not None and len(learned.folds_by_learner) == 2
    return learned


def test_the_cutoff_of_a_rule_is_chosen_on_the_predictions_of_its_learner() -> None:
    basis = mixed().basis
    y = basis.trial.outcomes["bought"].values
    nuisances = outcome_nuisances(basis.trial, "bought", basis.plan.folds, basis.plan.seed)
    rows = check_rows(basis.trial.features, y, basis.trial.treatment, propensity=nuisances.propensity)
    own = predict_held_out(basis.plan.new_learner(basis.learner), rows, nuisances.fold)
    assert np.array_equal(basis.predicted[:, 0], own)


def test_folds_by_learner_add_up_to_the_folds_and_start_with_the_largest() -> None:
    counts = list(mixed().folds_by_learner.values())
    assert sum(counts) == mixed().plan.folds and counts == sorted(counts, reverse=True)


def test_no_rule_comes_from_a_trial_without_features() -> None:
    found = cj.uplift(planted_trial()[["arm", "bought"]], treatment="arm", outcome="bought")
    with pytest.raises(InputError, match=r"must come from a trial that shows who gains.*no features"):
        found.rule()


def test_the_outcome_of_a_rule_must_be_named_among_several() -> None:
    settings = cj.ReadoutSettings(learners=("T",), draws=2, splits=2)
    found = cj.uplift(planted_trial(**HARMS_HALF), treatment="arm", outcome=("bought", "spend"), features=FEATURES, settings=settings)
    with pytest.raises(InputError, match="outcome: must be one of 'bought', 'spend'"):
        found.rule()
