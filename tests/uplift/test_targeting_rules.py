"""Targeting rules decide as the models that they were exported from."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import cjsim as cj
from cjsim.errors import InputError
from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.x_learner import XLearner
from cjsim.uplift.targeting.rule_export import model_scores

N_FIT, N_FRESH = 1500, 100_000
NUMBERS = ["purchases_before", "days_since_purchase", "revenue_before"]
LABELS = ["country", "stage_before"]


def customers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "purchases_before": rng.poisson(1.0, n),
            "days_since_purchase": np.where(rng.random(n) < 0.3, np.nan, rng.exponential(20, n)),
            "revenue_before": rng.gamma(1, 30, n),
            "country": pd.Categorical(rng.choice(["UK", "FR", "DE"], n)),
            "stage_before": rng.choice(["prospect", "member"], n).astype(object),
        }
    )


X, FRESH = customers(N_FIT, 1), customers(N_FRESH, 2)
RNG = np.random.default_rng(3)
TREATMENT = RNG.integers(0, 2, N_FIT)
GAIN = 0.8 * (X["country"] == "UK").to_numpy() - 0.3 + 0.01 * X["days_since_purchase"].fillna(40).to_numpy()
Y = GAIN * TREATMENT + X["purchases_before"].to_numpy() + RNG.normal(size=N_FIT)
BOUGHT = (np.median(Y) < Y).astype(float)


def scaled() -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("labels", OneHotEncoder(drop="if_binary", max_categories=2), LABELS)])


def ordinal() -> ColumnTransformer:
    return ColumnTransformer([("labels", OrdinalEncoder(), LABELS)], remainder="passthrough")


MODELS: dict[str, tuple[Any, bool]] = {  # the model, and whether it is a classifier
    "linear": (make_pipeline(scaled(), Ridge()), False),
    "logistic": (make_pipeline(scaled(), LogisticRegression(max_iter=2000)), True),
    "tree": (make_pipeline(ordinal(), DecisionTreeRegressor(max_depth=6)), False),
    "tree of classes": (make_pipeline(scaled(), DecisionTreeClassifier(max_depth=6)), True),
    "forest": (make_pipeline(ordinal(), RandomForestRegressor(20, max_depth=8, random_state=1)), False),
    "forest of classes": (make_pipeline(scaled(), RandomForestClassifier(20, max_depth=8, random_state=1)), True),
    "boosting": (make_pipeline(ordinal(), HistGradientBoostingRegressor(max_iter=30)), False),
    "boosting of classes": (make_pipeline(scaled(), HistGradientBoostingClassifier(max_iter=30)), True),
}
LEARNERS: dict[str, Any] = {
    "S": SLearner(),
    "S with trees": SLearner("trees", interactions=False),
    "T": TLearner(),
    "X": XLearner(),
    "R": RLearner(),
    "DR with trees": DRLearner("linear", "trees"),
}


def fitted(name: str) -> Any:
    if name in LEARNERS:
        return LEARNERS[name].fit(X, BOUGHT if name == "T" else Y, TREATMENT, propensity=np.full((N_FIT, 2), 0.5))
    model, is_classifier = MODELS[name]
    return model.fit(X, BOUGHT if is_classifier else Y)


@pytest.mark.parametrize("name", [*MODELS, *LEARNERS])
def test_a_rule_decides_as_its_model_on_100_000_rows(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    threshold = float(np.median(model_scores(model, X)))
    cj.export_rule(model, X, threshold=threshold, path=tmp_path / "rule.json")
    rule = cj.TargetingRule.load(tmp_path / "rule.json")
    decisions = cj.rule_decisions(rule, FRESH)
    assert 0.1 < decisions.mean() < 0.9
    assert np.array_equal(decisions, model_scores(model, FRESH) > threshold)


def test_other_models_are_refused() -> None:
    model = make_pipeline(scaled(), KNeighborsRegressor()).fit(X, Y)
    with pytest.raises(InputError, match=r"got KNeighborsRegressor.*distill_depth"):
        cj.export_rule(model, X)


def test_a_distilled_rule_states_its_agreement_on_rows_that_it_has_not_seen() -> None:
    model = make_pipeline(scaled(), KNeighborsRegressor(50)).fit(X, Y)
    rule = cj.export_rule(model, X, threshold=0.9, distill_depth=4)
    assert rule.agreement is not None
    agreement = float(((model_scores(model, FRESH) > 0.9) == cj.rule_decisions(rule, FRESH)).mean())
    assert abs(rule.agreement - agreement) < 4 * math.sqrt(agreement * (1 - agreement) / (0.3 * N_FIT))  # fails 1 in 15,000


def test_a_model_that_treats_everybody_is_not_distilled() -> None:
    with pytest.raises(InputError, match="must treat some rows but not all, got 1500 treated of 1500"):
        cj.export_rule(fitted("linear"), X, threshold=-100.0, distill_depth=3)


def test_a_small_tree_is_a_readable_condition() -> None:
    treat = (X["country"] == "UK") & (X["purchases_before"] > 0)
    encoder = ColumnTransformer([("labels", OneHotEncoder(), LABELS)], remainder="passthrough")
    tree = make_pipeline(encoder, DecisionTreeClassifier(max_depth=2, random_state=0)).fit(X, treat)
    text = cj.rule_condition(cj.export_rule(tree, X, threshold=0.5))
    assert sorted(text.replace("(", "").replace(")", "").split(" and ")) == ["country in [UK]", "purchases > 0.5"]


def test_a_linear_model_has_no_condition() -> None:
    with pytest.raises(InputError, match="must be one tree of at most 3 levels"):
        cj.rule_condition(cj.export_rule(fitted("linear"), X))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"column":[', '"column":[99,', "nodes that do not form a tree"),
        ("cjsim targeting rule 1", "another format", "must be a targeting rule with the format"),
        ('"features":', '"unknown":', "features: must be a targeting rule"),
    ],
)
def test_a_damaged_file_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    cj.export_rule(fitted("tree"), X, path=tmp_path / "rule.json")
    text = (tmp_path / "rule.json").read_text(encoding="utf-8")
    (tmp_path / "damaged.json").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        cj.TargetingRule.load(tmp_path / "damaged.json")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", '"nan"'])
@pytest.mark.parametrize("key", ["weight", "divisor", "missing"])
def test_a_number_that_is_not_finite_is_refused_by_its_path(key: str, number: str, tmp_path: Path) -> None:
    cj.export_rule(fitted("tree"), X, path=tmp_path / "rule.json")
    text = (tmp_path / "rule.json").read_text(encoding="utf-8")
    (tmp_path / "damaged.json").write_text(re.sub(f'"{key}":[^,}}]+', f'"{key}":{number}', text, count=1), encoding="utf-8")
    with pytest.raises(InputError, match=rf"damaged\.json: terms\.0\..*{key}: must be a finite number, got .*Write it with 'export_rule'"):
        cj.TargetingRule.load(tmp_path / "damaged.json")


@pytest.mark.parametrize("depth", [None, 2])
@pytest.mark.parametrize("model", [Ridge(), make_pipeline(StandardScaler(), Ridge()), TLearner()])
def test_a_model_that_is_not_fitted_is_refused(model: Any, depth: int | None) -> None:
    with pytest.raises(InputError, match=r"model: must be a fitted estimator, got \w+ that is not fitted\. Call fit first"):
        cj.export_rule(model, X, distill_depth=depth)


def test_an_object_that_is_not_an_estimator_is_refused() -> None:
    with pytest.raises(InputError, match="model: must be a fitted estimator, got 'ridge'"):
        cj.export_rule("ridge", X)


TWO = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100.0) % 7})
RIDGE = Ridge().fit(TWO, TWO["a"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (TWO.to_numpy(), "X: must be a DataFrame with the names of the features, got ndarray"),
        (TWO.iloc[:0], "X: must have rows and columns, got 0 rows and 2 columns"),
        (TWO[["a"]], "X: must have the columns that the model was fitted to, .*got no column 'b'"),
        (TWO[["b", "a"]], "X: must have the columns that the model was fitted to, in the same order"),
    ],
)
@pytest.mark.parametrize("depth", [None, 2])
def test_rows_that_the_model_cannot_score_are_refused(rows: Any, message: str, depth: int | None) -> None:
    with pytest.raises(InputError, match=message):
        cj.export_rule(RIDGE, rows, threshold=50, distill_depth=depth)


def test_rows_without_a_column_of_the_learner_are_refused() -> None:
    learner = TLearner().fit(TWO, TWO["a"], np.arange(100) % 2)
    with pytest.raises(InputError, match="X: must have the columns that the model was fitted to"):
        cj.export_rule(learner, TWO[["a"]])


def test_an_arm_of_a_model_without_arms_is_refused() -> None:
    with pytest.raises(InputError, match="arm: must be omitted for a model that is not a learner with arms, got 2 for Ridge"):
        cj.export_rule(RIDGE, TWO, arm=2)


@pytest.mark.parametrize("depth", [None, 2])
def test_an_arm_that_a_learner_does_not_have_is_refused(depth: int | None) -> None:
    with pytest.raises(InputError, match="arm: must be from 1 to 1, got 0"):
        cj.export_rule(TLearner().fit(TWO, TWO["a"], np.arange(100) % 2), TWO, arm=0, distill_depth=depth)
