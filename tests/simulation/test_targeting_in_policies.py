"""Policies that use targeting rules: both engines agree, features are those of an exported trial, and errors name the culprit."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor
from trial_worlds import trial_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.lab.run_experiment import experiment_digest
from cjsim.tuning.storage import study_identity
from cjsim.uplift.learners.base_learners import default_base_learner, numeric_encoder
from cjsim.validate.warnings.lint import lint_warnings

FEATURES = [
    *("days_since_entry", "stage_before", "purchases_before", "revenue_before", "contacts_before", "opens_before", "clicks_before"),
    *("opt_outs_before", "events[visit]_before", "events[buy]_before", "days_since_purchase", "days_since_contact", "country"),
]
FINAL_MODELS: dict[str, Any] = {
    "linear": LinearRegression(),
    "tree": DecisionTreeRegressor(max_depth=5),
    "forest": RandomForestRegressor(10, max_depth=5, random_state=1),
    "boosting": HistGradientBoostingRegressor(max_iter=20),
}


def trial() -> cj.Scenario:
    return trial_scenario(treated=[{"send": "promo_mail"}], steps=[{"wait": "5d"}], customers=300)


def with_rule(file: Path | str, condition: str = "rule(likely)", **use: Any) -> cj.Scenario:
    """The trial, with an exposure to the experiment `decided` just before the split if the condition holds."""
    data = trial().to_dict()
    data["policy"]["rules"] = {"likely": {"file": str(file), **use}}
    marked = {"split": {"yes": {"share": 1.0}, "no": {"share": 0.0}}, "experiment": "decided"}
    data["policy"]["flows"]["offer"]["steps"].insert(1, {"branch": {"if": condition, "then": [marked]}})
    return cj.Scenario.from_dict(data)


def exported(table: pd.DataFrame, path: Path, model: Any = None, features: list[str] = FEATURES) -> cj.TargetingRule:
    X, y = table[features], table["purchases"] + table["revenue"] / 50
    fitted = (model or default_base_learner("linear", is_binary=False, n_rows=len(X))).fit(X, y)
    return cj.export_rule(fitted, X, threshold=float(np.median(fitted.predict(X))), path=path)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return cj.export_trial(trial(), "promo")


@pytest.mark.parametrize("kind", FINAL_MODELS)
def test_both_engines_give_the_same_bytes(kind: str, table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json", make_pipeline(numeric_encoder(), FINAL_MODELS[kind]))
    scenario = with_rule(tmp_path / "rule.json", "rule(likely) and gain(likely) > 0")
    logs = []
    for engine in ("compiled", "readable"):
        cj.simulate(scenario, engine=engine, log=tmp_path / f"{engine}.parquet")
        logs.append((tmp_path / f"{engine}.parquet").read_bytes())
    assert logs[0] == logs[1]


@pytest.mark.parametrize("kind", ["linear", "boosting"])
def test_the_simulation_decides_as_the_rule_does_on_the_exported_trial(kind: str, table: pd.DataFrame, tmp_path: Path) -> None:
    rule = exported(table, tmp_path / "rule.json", make_pipeline(numeric_encoder(), FINAL_MODELS[kind]))
    cj.simulate(with_rule(tmp_path / "rule.json"), log=tmp_path / "log.parquet")
    log = pd.read_parquet(tmp_path / "log.parquet")
    exposures = log[log["event"] == "exposed"]
    # The first exposure to `promo` follows one to `decided` at the same time if the rule treats.
    first = exposures.groupby("customer")["time"].transform("min") == exposures["time"]
    treated = exposures[first].groupby("customer").size() > 1
    expected = pd.Series(cj.rule_decisions(rule, table), index=table["customer"])
    assert 0.2 < expected.mean() < 0.8
    assert treated.sort_index().to_list() == expected.sort_index().to_list()


def test_a_rule_treats_the_share_of_a_level(tmp_path: Path) -> None:
    X = pd.DataFrame({"country": ["UK", "FR"] * 50})
    model = make_pipeline(numeric_encoder(), DecisionTreeRegressor()).fit(X, [1.0, 0.0] * 50)
    cj.export_rule(model, X, threshold=0.5, path=tmp_path / "rule.json")
    data = trial().to_dict()
    steps = [{"branch": {"if": "rule(uk)", "then": [{"tag": "chosen"}]}}]
    data["policy"] = {"name": "p", "rules": {"uk": {"file": str(tmp_path / "rule.json")}}}
    schedule = {"on": {"date": "2026-01-06"}, "steps": [*steps, {"branch": {"if": "tagged(chosen)", "then": [{"send": "promo_mail"}]}}]}
    run = cj.simulate(cj.Scenario.from_dict(data | {"policy": data["policy"] | {"flows": {"offer": schedule}}}), customers=20_000)
    # 60 % of customers are from the UK; the tolerance is 4 standard errors (fails 1 in 15,000).
    assert abs(run.metrics["contacts"].value - 0.6) < 4 * (0.24 / 20_000) ** 0.5


def test_the_threshold_of_a_policy_overrides_that_of_the_file(table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json")
    scenario = with_rule(tmp_path / "rule.json").with_values({"policy.rules.likely.above": 1e9})
    run = cj.simulate(scenario)
    assert np.isnan(run.outcomes.moments[:, run.codebook.moments.index("exposed:decided")]).all()


def test_a_study_optimizes_the_threshold(tmp_path: Path) -> None:
    X = pd.DataFrame({"purchases_before": np.arange(10.0)})
    cj.export_rule(LinearRegression().fit(X, np.arange(10.0)), X, path=tmp_path / "rule.json")
    data = trial().to_dict()
    flow = {"on": {"event": "visit"}, "if": "rule(bought)", "steps": [{"send": "promo_mail"}]}
    data["policy"] = {"name": "p", "rules": {"bought": {"file": str(tmp_path / "rule.json"), "above": 0.5}}, "flows": {"offer": flow}}
    path = "policy.rules.bought.above"
    settings = {"name": "threshold", "scenario": data, "customers": 300, "trials": 8, "batch": 4, "objectives": ["revenue"]}
    best = cj.optimize(cj.Study.from_dict(settings | {"free": {path: {"low": -0.5, "high": 6.5}}}), storage="memory")
    # Every mail brings revenue, so the best threshold is the lowest, up to ties between whole numbers of purchases.
    tried = [max(math.floor(trial.params[path]), -1) for trial in best.trials]
    assert max(tried) > min(tried)
    assert max(math.floor(best.best.params[path]), -1) == min(tried)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("purchase_before", r"Did you mean 'purchases_before'\?"),
        ("revenue", "must use only features that the firm knows when it decides, got 'revenue'"),
        ("satisfaction", "must use only features that the firm observes, got 'satisfaction'"),
        ("events[buys]_before", "Did you mean 'buy'"),
        ("country", "must use 'country' as text"),
    ],
)
def test_features_that_the_firm_does_not_know_are_refused(feature: str, message: str, tmp_path: Path) -> None:
    X = pd.DataFrame({feature: [0.0, 1.0]})
    cj.export_rule(LinearRegression().fit(X, [0.0, 1.0]), X, path=tmp_path / "rule.json")
    with pytest.raises(InputError, match=message):
        with_rule(tmp_path / "rule.json")


def test_a_level_without_a_value_is_refused(tmp_path: Path) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    X = pd.DataFrame({"country": ["UK", "DE"]})
    model = make_pipeline(ColumnTransformer([("labels", OneHotEncoder(), ["country"])]), LinearRegression()).fit(X, [0.0, 1.0])
    cj.export_rule(model, X, path=tmp_path / "rule.json")
    with pytest.raises(InputError, match="must have a value for every level of 'country', got no value for 'FR'"):
        with_rule(tmp_path / "rule.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"policy.rules.likely.file: must be the file of a targeting rule"):
        with_rule(tmp_path / "none.json")


def test_an_unknown_rule_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json")
    with pytest.raises(InputError, match=r"Did you mean 'likely'\?"):
        with_rule(tmp_path / "rule.json", "rule(likly)")


def test_a_rule_that_no_condition_uses_is_a_warning(table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json")
    assert any("rules.likely: no condition uses it" in warning for warning in lint_warnings(with_rule(tmp_path / "rule.json", "day > 1")))


def test_files_are_relative_to_the_policy_that_names_them(table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json")
    with_rule(tmp_path / "rule.json").save(tmp_path / "scenario.yaml")
    assert "file: rule.json" in (tmp_path / "scenario.yaml").read_text(encoding="utf-8")
    assert cj.Scenario.load(tmp_path / "scenario.yaml").policy.rules["likely"].file == str(tmp_path / "rule.json")


def a_study(scenario: cj.Scenario) -> dict[str, Any]:
    free = {"policy.rules.likely.above": {"low": -0.5, "high": 6.5}}
    settings = {"name": "threshold", "objectives": ["revenue"], "free": free}
    return study_identity(cj.Study.from_dict(settings | {"scenario": scenario.to_dict()}))


def an_experiment(scenario: cj.Scenario) -> str:
    variants = {"higher": {"set": {"policy.rules.likely.above": 2.0}}}
    settings = {"name": "threshold", "hypothesis": "A higher threshold sells less.", "metric": "revenue", "direction": "falls"}
    return experiment_digest(cj.Experiment.from_dict(settings | {"scenario": scenario.to_dict(), "variants": variants}))


IDENTITIES: dict[str, Callable[[cj.Scenario], Any]] = {
    "scenario": lambda scenario: scenario.digest(),
    "policy": lambda scenario: scenario.policy.digest(),
    "run": lambda scenario: cj.simulate(scenario, customers=10).provenance.digests["scenario"],
    "study": a_study,
    "experiment": an_experiment,
}


@pytest.mark.parametrize("kind", IDENTITIES)
def test_a_changed_rule_changes_the_digest(kind: str, table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json")
    scenario = with_rule(tmp_path / "rule.json")
    before = IDENTITIES[kind](scenario)
    assert IDENTITIES[kind](scenario) == before
    exported(table, tmp_path / "rule.json", make_pipeline(numeric_encoder(), FINAL_MODELS["tree"]))
    assert IDENTITIES[kind](scenario) != before


@pytest.mark.parametrize("kind", IDENTITIES)
def test_a_copied_rule_keeps_the_digest(kind: str, table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json")
    shutil.copyfile(tmp_path / "rule.json", tmp_path / "copy.json")
    assert IDENTITIES[kind](with_rule(tmp_path / "copy.json")) == IDENTITIES[kind](with_rule(tmp_path / "rule.json"))


def test_a_description_names_the_rule(table: pd.DataFrame, tmp_path: Path) -> None:
    exported(table, tmp_path / "rule.json")
    text = cj.describe(with_rule(tmp_path / "rule.json", above=0.25))
    assert "Rule likely: treat customers whose predicted gain is above 0.25 (rule.json)" in text
