"""Meta-learners: conventions of scikit-learn, worlds with known effects, and invalid rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cjsim.errors import InputError
from cjsim.uplift.learners.base_learners import default_base_learner, fit_base_learner, predict_mean
from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.training_rows import check_rows
from cjsim.uplift.learners.x_learner import XLearner

LEARNERS = {"S": SLearner, "T": TLearner, "X": XLearner, "R": RLearner, "DR": DRLearner}
SLOPES = np.array([0.5, -0.3])


def linear_world(n: int, n_arms: int = 2, noise: float = 0.5) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Features, outcomes, treatment, and effects a (1 + 0.5 a - 0.3 b) of arm a on a row with the features a and b."""
    rng = np.random.default_rng(7)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    treatment = rng.integers(0, n_arms, n)
    effects = np.outer(1 + X.to_numpy() @ SLOPES, np.arange(1, n_arms))
    y = X["a"].to_numpy() + rng.normal(0, noise, n)
    y += np.where(treatment > 0, np.take_along_axis(effects, np.maximum(treatment - 1, 0)[:, None], axis=1)[:, 0], 0.0)
    return X, y, treatment, effects


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_recover_effects_that_are_linear(name: str) -> None:
    X, y, treatment, effects = linear_world(4_000)
    found = LEARNERS[name]().fit(X, y, treatment).predict(X)
    # Root mean squared error of least squares with 3 coefficients per arm: 0.5 sqrt(2 * 3 / 2,000) = .027. Five times that.
    assert np.sqrt(np.mean((found - effects[:, 0]) ** 2)) < 0.14


@pytest.mark.parametrize("name", LEARNERS)
def test_predictions_for_several_arms_have_a_column_per_arm(name: str) -> None:
    X, y, treatment, effects = linear_world(6_000, n_arms=3)
    found = LEARNERS[name]().fit(X, y, treatment).predict(X)
    assert found.shape == (6_000, 2)
    assert np.sqrt(np.mean((found - effects) ** 2)) < 0.14


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_clone_to_unfitted_copies_with_equal_parameters(name: str) -> None:
    X, y, treatment, _ = linear_world(500)
    learner = LEARNERS[name](outcome_model="trees", seed=3).fit(X, y, treatment)
    copy = clone(learner)
    assert copy.get_params() == learner.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_end_a_pipeline(name: str) -> None:
    X, y, treatment, _ = linear_world(500)
    pipeline = make_pipeline(StandardScaler(), LEARNERS[name]())
    pipeline.fit(X, y, **{f"{pipeline.steps[-1][0]}__treatment": treatment})
    scaled = StandardScaler().fit_transform(X)
    assert np.array_equal(pipeline.predict(X), LEARNERS[name]().fit(scaled, y, treatment).predict(scaled))


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_accept_pipelines_as_base_learners(name: str) -> None:
    X, y, treatment, _ = linear_world(500)
    base = make_pipeline(StandardScaler(), LinearRegression())
    options: dict[str, Any] = {} if name in "ST" else {"effect_model": base}
    assert np.isfinite(LEARNERS[name](outcome_model=base, **options).fit(X, y, treatment).predict(X)).all()


@pytest.mark.parametrize("kind", ["linear", "trees"])
@pytest.mark.parametrize("name", LEARNERS)
def test_default_models_take_text_categories_booleans_and_missing_values(name: str, kind: str) -> None:
    X, _, treatment, _ = linear_world(600)
    X = X.assign(text="red", grade=pd.Categorical(["low", "high", None] * 200), is_new=[True, False] * 300)
    X.loc[::7, "a"], X.loc[::5, "text"], X.loc[::11, "text"] = np.nan, "blue", None
    y = (np.random.default_rng(1).random(600) < 0.3).astype(float)
    learner = LEARNERS[name](outcome_model=kind).fit(X, y, treatment)
    unseen = X.head(3).assign(text="green")
    assert np.isfinite(learner.predict(unseen)).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_equal_seeds_give_equal_predictions(name: str) -> None:
    X, y, treatment, _ = linear_world(400)
    first, second = (LEARNERS[name]("trees", seed=5).fit(X, y, treatment).predict(X) for _ in range(2))
    assert np.array_equal(first, second)


def test_an_s_learner_without_interactions_gives_a_linear_model_one_effect() -> None:
    X, y, treatment, _ = linear_world(500)
    assert np.ptp(SLearner(interactions=False).fit(X, y, treatment).predict(X)) < 1e-9


def test_an_s_learner_refuses_a_feature_named_like_a_treatment_indicator() -> None:
    X, y, treatment, _ = linear_world(100)
    with pytest.raises(InputError, match="must not have the name"):
        SLearner(interactions=False).fit(X.rename(columns={"a": "treatment_1"}), y, treatment)


def test_an_x_learner_weights_the_arms_by_a_known_constant_propensity() -> None:
    X, y, treatment, _ = linear_world(400)
    shares = np.tile([0.5, 0.5], (400, 1))
    learner = XLearner().fit(X, y, treatment, propensity=shares)
    among_controls, among_treated = (model.predict(X) for model in learner.effect_models_[0])
    assert learner.predict(X) == pytest.approx((among_controls + among_treated) / 2)


@pytest.mark.parametrize("learner", [RLearner(LinearRegression(), LinearRegression()), DRLearner(LinearRegression(), LinearRegression())])
def test_linear_effects_are_estimated_without_bias(learner: Any) -> None:
    # Mean slope over 60 trials; fails by chance with probability .001 per learner (two slopes, 3.7 standard errors).
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 2))
        treatment = (rng.random(400) < 1 / (1 + np.exp(-X[:, 0]))).astype(np.int64)
        y = X[:, 0] + treatment * (1 + X @ SLOPES) + rng.normal(size=400)
        shares = 1 / (1 + np.exp(-X[:, 0]))
        learner.fit(X, y, treatment, propensity=np.column_stack([1 - shares, shares]))
        found.append(learner.effect_models_[0].coef_)
    error = np.std(found, axis=0, ddof=1) / np.sqrt(60)
    assert (np.abs(np.mean(found, axis=0) - SLOPES) < 3.7 * error).all()


def test_a_dr_learner_clips_estimated_propensities_only() -> None:
    X, y, treatment, _ = linear_world(400)
    assert DRLearner(min_propensity=0.6).fit(X, y, treatment).clipped_share_ > 0.5
    assert DRLearner(min_propensity=0.6).fit(X, y, treatment, propensity=np.full((400, 2), 0.5)).clipped_share_ == 0


def test_a_classifier_predicts_the_probability_of_one() -> None:
    X, _, _, _ = linear_world(300)
    y = (X["a"].to_numpy() > 0).astype(float)
    model = fit_base_learner(LogisticRegression(), X, y, seed=0)
    assert np.array_equal(predict_mean(model, X), model.predict_proba(X)[:, 1])


def test_a_classifier_that_meets_a_single_value_predicts_it() -> None:
    X, _, _, _ = linear_world(50)
    assert (predict_mean(fit_base_learner("linear", X, np.zeros(50), seed=0), X) == 0).all()


def test_a_classifier_refuses_outcomes_other_than_0_and_1() -> None:
    X, y, treatment, _ = linear_world(50)
    with pytest.raises(InputError, match="must be 0 or 1 for a classifier"):
        TLearner(LogisticRegression()).fit(X, y, treatment)


def test_sample_weights_reach_the_last_step_of_a_pipeline() -> None:
    X, y, _, _ = linear_world(200)
    weight = np.where(X["a"] > 0, 1.0, 0.0)
    plain = LinearRegression().fit(X, y, sample_weight=weight)
    piped = fit_base_learner(make_pipeline(StandardScaler(), LinearRegression()), X, y, seed=0, sample_weight=weight)
    assert piped.predict(X) == pytest.approx(plain.predict(X))


def test_default_trees_boost_less_on_many_rows() -> None:
    iterations = [default_base_learner("trees", is_binary=False, n_rows=n)[-1].max_iter for n in (1_000, 1_000_000)]
    assert iterations == [100, 50]


def test_an_unknown_default_is_refused() -> None:
    X, y, treatment, _ = linear_world(50)
    with pytest.raises(InputError, match="must be one of 'linear', 'trees', got 'forest'"):
        TLearner("forest").fit(X, y, treatment)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treatment": [0, 0, 0, 0]}, "treatment: must contain the codes 0"),
        ({"treatment": [1, 1, 2, 2]}, "treatment: must contain the codes 0"),
        ({"treatment": [0, 0, 2, 2]}, "treatment: must contain the codes 0"),
        ({"treatment": [0, 1]}, "treatment: must have 4 rows, as the features have, got 2"),
        ({"y": [0, 1, np.nan, 1]}, "y: must be finite, got 1 missing or infinite values"),
        ({"propensity": [[1, 0]] * 4}, "propensity: must have 2 columns with values above 0"),
        ({"propensity": [[0.5, 0.6]] * 4}, "propensity: must have 2 columns with values above 0"),
        ({"propensity": [0.5] * 4}, "propensity: must have 2 columns with values above 0"),
        ({"clusters": [0]}, "clusters: must have 4 rows"),
    ],
)
def test_invalid_rows_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_rows(**{"X": np.eye(4), "y": [0, 1, 0, 1], "treatment": [0, 1, 0, 1], **change})


def test_any_regressor_is_a_base_learner() -> None:
    X, y, treatment, effects = linear_world(4_000)
    found = TLearner(HistGradientBoostingRegressor(random_state=0)).fit(X, y, treatment).predict(X)
    assert np.corrcoef(found, effects[:, 0])[0, 1] > 0.8
