"""`cj.uplift` on trials with planted effects: verdicts, policies, sizes, observational data, and the JSON."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted_trials import confounded_table, planted_trial

import cjsim as cj
from cjsim.errors import InputError
from cjsim.readout.learning_plan import LearningPlan, learning_plan
from cjsim.readout.outcome_readout import OutcomeReadout
from cjsim.readout.readout_result import Readout
from cjsim.readout.readout_settings import ReadoutSettings
from cjsim.readout.readout_verdict import recommendation, verdict_sentences
from cjsim.uplift.p_values import p_phrase
from cjsim.uplift.sample_size import PlannedTest
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial

FAST = {"learners": ("DR", "T"), "draws": 20}
FEATURES = ("recency", "visits", "country")


def read(table: pd.DataFrame, outcome: Any = "bought", **settings: Any) -> Readout:
    return cj.uplift(table, treatment="arm", outcome=outcome, features=FEATURES, settings=ReadoutSettings(**(FAST | settings)))


@cache
def readout(slope: float = 0.0, effect: float = 0.1, arms: int = 2, cost: float = 0.0, outcome: Any = "bought", seed: int = 1) -> Readout:
    table = planted_trial(effect=effect, slope=slope, arms=arms)
    return read(table, outcome, cost=cost, seed=seed)


KEYS = {
    "arms": {"arm", "n", "mean", "low", "high"},
    "effects": {"arm", "versus", "effect", "low", "high", "relative", "p"},
    "heterogeneity": {"arm", "p", "proven", "learner", "splits"},
    "learners": {"arm", "learner", "qini", "low", "high", "uplift_at_30"},
    "groups": {"arm", "learner", "folds_by_learner", "do_not_contact", "group", "n"},
    "policies": {"rule", "share", "value", "low", "high"},
}


@pytest.mark.parametrize("section", KEYS)
def test_sections_of_the_json_have_the_promised_keys(section: str) -> None:
    rows = readout().to_json()["outcomes"]["bought"][section]
    assert rows and all(KEYS[section] <= set(row) for row in rows)


def test_one_outcome_also_stands_at_the_top_of_the_json() -> None:
    content = readout().to_json()
    assert {key: content[key] for key in content["outcomes"]["bought"]} == content["outcomes"]["bought"]


def test_several_outcomes_do_not_stand_at_the_top_of_the_json() -> None:
    content = readout(outcome=("bought", "spend")).to_json()
    assert set(content["outcomes"]) == {"bought", "spend"}
    assert not {"arms", "best", "policies"} & set(content)


def test_json_has_no_undefined_numbers() -> None:
    json.dumps(readout(outcome=("bought", "spend")).to_json(), allow_nan=False)


def test_best_is_one_of_the_policies() -> None:
    found = readout(arms=3).to_json()
    assert found["best"] in {policy["rule"] for policy in found["policies"]}


def test_equal_seeds_give_equal_results() -> None:
    table = planted_trial(effect=0.1)
    assert read(table).to_json() == read(table).to_json()


def test_another_seed_gives_other_intervals() -> None:
    assert readout().to_json()["learners"] != readout(seed=2).to_json()["learners"]


def test_equal_effects_are_not_called_heterogeneous() -> None:
    sentences = verdict_sentences(readout().outcome("bought"))
    assert sentences[1].startswith("Heterogeneity is not proven for 'mail'")


def test_everybody_is_treated_if_all_gain_alike() -> None:
    assert readout().to_json()["best"] == "everybody: mail"


def test_nobody_is_treated_without_an_effect() -> None:
    found = readout(effect=0.0).outcome("bought")
    assert found.best == "nobody"
    assert recommendation(found).startswith("Treat nobody: no arm is clearly better than 'none'.")


def test_planted_heterogeneity_is_proven() -> None:
    found = readout(slope=0.2).to_json()["heterogeneity"]
    assert [row["proven"] for row in found] == [True, True]


def test_a_rule_is_proposed_where_half_of_the_customers_are_harmed() -> None:
    found = readout(slope=0.2, effect=0.0).outcome("bought")
    assert found.best in ("gain above cost: mail", "best share: mail")
    assert "per customer better than" in recommendation(found)


def with_share_and_rate(share: float, low: float) -> OutcomeReadout:
    """A readout that proposes a rule, with another share of treated customers and another lower end of each RATE."""
    found = readout(slope=0.2, effect=0.0).outcome("bought")
    assert found.learned is not None
    policies = tuple(replace(one, share=share) if one.rule == found.best else one for one in found.learned.policies.policies)
    tests = tuple(replace(one, rate=replace(one.rate, effect=replace(one.rate.effect, low=low))) for one in found.learned.heterogeneity)
    learned = replace(found.learned, policies=replace(found.learned.policies, policies=policies), heterogeneity=tests)
    return replace(found, learned=learned)


def test_a_rule_for_few_customers_without_a_clear_rate_comes_with_a_caution() -> None:
    sentences = verdict_sentences(with_share_and_rate(0.1, -0.01))
    assert any(one.startswith("Caution: the rule treats 10 % of customers, and no RATE is significantly above 0") for one in sentences)


@pytest.mark.parametrize(("share", "low"), [(0.5, -0.01), (0.1, 0.01)])
def test_no_caution_where_the_ranking_is_confirmed_or_hardly_used(share: float, low: float) -> None:
    assert not any(one.startswith("Caution") for one in verdict_sentences(with_share_and_rate(share, low)))


def test_a_harmed_group_is_on_the_do_not_contact_list() -> None:
    harmed = readout(slope=0.2, effect=0.0).outcome("bought").harmed()
    assert {group.group for _, group in harmed} == {4, 5}


def test_no_group_is_on_the_do_not_contact_list_if_all_gain() -> None:
    assert readout().outcome("bought").harmed() == ()


def test_a_cost_above_the_gain_makes_treatment_a_loss() -> None:
    assert readout(cost=0.5).to_json()["best"] == "nobody"


def test_cost_of_an_arm_counts_for_this_arm_only() -> None:
    found = read(planted_trial(arms=3), cost={"sms": 0.7}).to_json()
    value = {row["rule"]: row["value"] for row in found["policies"]}
    assert value["everybody: mail"] - value["everybody: sms"] > 0.7


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_the_rate_and_its_p_value_follow_the_verdict_on_heterogeneity(slope: float) -> None:
    found = readout(slope=slope)
    rate = found.outcome("bought").learned.heterogeneity[0].rate
    sentence = verdict_sentences(found.outcome("bought"))[2]
    assert sentence.startswith(f"RATE (AUTOC) for 'mail': {100 * rate.effect.estimate:+.2f} pp [")
    assert f", {p_phrase(rate.p)} (DR-learner" in sentence and sentence in str(found)


def test_each_arm_has_a_heterogeneity_test() -> None:
    assert [one.arm for one in readout(arms=3).outcome("bought").learned.heterogeneity] == ["mail", "sms"]


def test_heterogeneity_tests_are_corrected_for_the_number_of_arms() -> None:
    found = readout(arms=3).outcome("bought").learned.heterogeneity
    smallest = min(found, key=lambda one: one.test.p)
    assert smallest.p_adjusted == pytest.approx(min(1.0, 2 * smallest.test.p))


def test_learners_that_are_equally_good_are_called_so() -> None:
    assert "No learner is better than another" in readout().summary()


def test_verdict_precedes_the_tables() -> None:
    text = readout().summary()
    assert text.index("Treat everybody with 'mail'") < text.index("Heterogeneity is not proven") < text.index("mean, 95 % interval")


def test_required_size_is_that_of_the_closed_form() -> None:
    found = read(planted_trial(), detect="10%").outcome("bought")
    mean = found.effects.arms[0].mean
    size = PlannedTest(mean=mean, shares=(0.5, 0.5)).sample_size(0.1 * mean)
    assert (found.sizes[0].control, found.sizes[0].treated) == pytest.approx((size.control, size.treated), rel=1e-3)


def test_no_size_is_printed_unless_an_effect_is_named() -> None:
    assert readout().to_json()["sizes"] == []


def test_adjustment_for_a_column_from_before_shortens_the_interval() -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(size=2_000)
    arm = np.arange(2_000) % 2
    table = pd.DataFrame({"arm": arm, "before": before, "spend": 3 * before + 0.1 * arm + rng.normal(size=2_000)})
    found = cj.uplift(table, treatment="arm", outcome="spend", settings=ReadoutSettings(adjust=("before",), **FAST))
    assert found.to_json()["effects"][0]["variance_reduction"] == pytest.approx(0.9, abs=0.02)


def test_outcomes_of_the_treatment_are_not_used_as_features() -> None:
    table = planted_trial(effect=0.2).drop(columns="spend")
    table["clicks"] = table["bought"] * 2
    found = cj.uplift(table, treatment="arm", outcome="bought", settings=ReadoutSettings(**FAST))
    assert "not used as features: clicks" in found.warnings[0]
    assert found.outcome("bought").gain.estimate == pytest.approx(0.2, abs=0.05)


@cache
def observational(propensity: str) -> Readout:
    features = ("activity",)
    settings = ReadoutSettings(**FAST)
    return cj.uplift(confounded_table(), treatment="mail", outcome="bought", features=features, propensity=propensity, settings=settings)


@pytest.mark.parametrize("propensity", ["estimate", "chance"])
def test_propensities_remove_confounding(propensity: str) -> None:
    effect = observational(propensity).to_json()["effects"][0]
    assert effect["effect"] == pytest.approx(0.0, abs=0.04)  # 3 standard errors; the difference of means is about .08


def test_confounding_shows_without_propensities() -> None:
    table = confounded_table()
    means = table.groupby("mail")["bought"].mean()
    assert means[1] - means[0] > 0.06


def test_estimated_propensities_are_stated_with_the_share_that_was_clipped() -> None:
    assert "propensities are estimated by logistic regression" in observational("estimate").summary().replace(
        "Propensities", "propensities"
    )


def test_observational_data_are_checked_for_overlap() -> None:
    assert "overlap" in {finding.check for finding in observational("estimate").findings}


def plan_of(n: int, **settings: Any) -> LearningPlan | str:
    table = pd.DataFrame({"arm": np.arange(n) % 2, "x": np.arange(n) % 7, "y": np.arange(n) % 3 == 0})
    trial = Trial.from_frame(table, ColumnRoles(treatment="arm", outcome="y"))
    return learning_plan(trial, ReadoutSettings(**settings))


def test_large_trials_use_fewer_learners_and_say_so() -> None:
    plan = plan_of(500_000)
    assert (plan.learners, plan.split.count) == (("DR", "T"), 2)
    assert "only the learners DR, T are fitted" in plan.note
    assert "uses 2 folds" in plan.note


def test_small_trials_do_not_learn_who_gains() -> None:
    assert plan_of(150) == "The trial has 75 rows in its smallest arm; at least 100 are needed to learn who gains."


def test_readout_without_learning_values_constant_policies() -> None:
    found = read(planted_trial(150, effect=0.4), value=10.0, cost=1.0)
    value = {row["rule"]: row["value"] for row in found.to_json()["policies"]}
    mean = {row["arm"]: row["mean"] for row in found.to_json()["arms"]}
    assert value == pytest.approx({"nobody": 10 * mean["none"], "everybody: mail": 10 * mean["mail"] - 1})


def test_trees_can_be_named() -> None:
    assert plan_of(1_000, learners=("DR trees",)).new_learner("DR trees").get_params()["effect_model"] == "trees"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"learners": ("Q",)}, "learners: must be among"),
        ({"value": {"bougth": 1.0}}, "Did you mean 'bought'?"),
        ({"cost": {"male": 1.0}}, "Did you mean 'mail'?"),
        ({"detect": "0"}, "detect: must be a number other than 0"),
        ({"max_share": 2.0}, "max_share: must be above 0 and at most 1"),
        ({"seed": -1}, "seed: must be from 0 to"),
        ({"adjustment": "cuped"}, "adjustment: must be 'regression' without columns in 'adjust'"),
        ({"splits": 1}, "splits: must be at least 2"),
    ],
)
def test_wrong_settings_are_refused(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        read(planted_trial(400), **setting)


def test_folder_contains_the_report_the_tables_and_the_figures(tmp_path: Path) -> None:
    readout().save(tmp_path)
    names = {
        "report.md",
        "uplift.json",
        *(f"{name}.{kind}" for name in ("effects", "curves", "groups", "policies") for kind in ("csv", "png")),
    }
    assert {path.name for path in tmp_path.iterdir()} == names


def test_report_marks_assumed_values(tmp_path: Path) -> None:
    text = (readout().save(tmp_path) / "report.md").read_text(encoding="utf-8")
    assert "*Assumed: policies are valued in the unit of bought (no `value` is given).*" in text
    assert "*Assumed: treatment costs nothing (no `cost` is given).*" in text


def test_report_states_given_values_and_costs(tmp_path: Path) -> None:
    found = read(planted_trial(1_200), value=30.0, cost=0.5)
    text = (found.save(tmp_path) / "report.md").read_text(encoding="utf-8")
    assert "*Given: one unit of bought is worth 30.*" in text
    assert "*Given: cost per customer: 'mail' 0.5.*" in text


def test_figures_state_rows_and_intervals() -> None:
    from cjsim.readout.readout_figures import FIGURES

    captions = [figure.caption(readout().outcomes) for figure in FIGURES]
    assert all("Rows: bought 4,000" in caption and "95 % intervals" in caption for caption in captions)


def test_effects_are_adjusted_for_a_column_that_looks_like_an_identifier() -> None:
    table = planted_trial(400)
    found = read(table.assign(customer_id=np.arange(400)), adjust=("customer_id",))
    assert any("customer_id" in note and "features: " in note for note in found.notes)


def test_a_column_of_the_adjustment_has_no_other_role() -> None:
    with pytest.raises(InputError, match=r"^adjust: must be a different column from 'outcome', got 'bought'"):
        read(planted_trial(400), adjust=("bought",))


def test_effects_are_not_adjusted_for_an_empty_column() -> None:
    with pytest.raises(InputError, match="data: adjust: must name columns with values, got 'days', which is empty"):
        read(planted_trial().assign(days=np.nan), adjust=("days",))
