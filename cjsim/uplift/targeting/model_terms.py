"""Fitted scikit-learn models and uplift learners as terms of a targeting rule."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, LogisticRegressionCV, Ridge, RidgeCV
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.meta_learner import MetaLearner
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.x_learner import XLearner
from cjsim.uplift.targeting.pipeline_columns import NamedColumn, encoded, transformed, unsupported
from cjsim.uplift.targeting.rule_tables import Link, RuleColumn, RuleTerm, RuleTree

LINEAR = (LinearRegression, Ridge, RidgeCV, Lasso, ElasticNet, LogisticRegression, LogisticRegressionCV)
TREES = (DecisionTreeClassifier, DecisionTreeRegressor)
FORESTS = (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)
BOOSTERS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_IDENTITY_LOSSES = ("squared_error", "absolute_error", "quantile")
_LARGEST = float(np.finfo(np.float64).max)  # no number exceeds it, and JSON has no infinity


def terms_of(model: Any, columns: Sequence[NamedColumn], arm: int) -> tuple[RuleTerm, ...]:
    """Return the terms whose sum is the prediction of a model: the effect of an arm, a probability of class 1, or a number.

    Parameters
    ----------
    model : MetaLearner, estimator or Pipeline
        A fitted model.
    columns : sequence of NamedColumn
        Its input.
    arm : int
        Arm whose effect a learner predicts, from 1 to n_arms - 1.

    Returns
    -------
    tuple of RuleTerm

    Raises
    ------
    InputError
        If the model is not supported.
    """
    if isinstance(model, Pipeline):
        for _, step in model.steps[:-1]:
            columns = transformed(step, columns)
        return terms_of(model.steps[-1][1], columns, arm)
    if not isinstance(model, MetaLearner):
        return (_term(model, columns, 1.0),)
    if isinstance(model, TLearner):
        return (_term(model.outcome_models_[arm], columns, 1.0), _term(model.outcome_models_[0], columns, -1.0))
    if isinstance(model, SLearner):
        return tuple(_term(model.model_, _design(model, columns, one), weight) for one, weight in ((arm, 1.0), (0, -1.0)))
    if isinstance(model, (RLearner, DRLearner)):
        return (_term(model.effect_models_[arm - 1], columns, 1.0),)
    if isinstance(model, XLearner) and model.propensity_ is not None:
        share = float(model.propensity_[arm] / (model.propensity_[0] + model.propensity_[arm]))
        among_controls, among_treated = model.effect_models_[arm - 1]
        return (_term(among_controls, columns, share), _term(among_treated, columns, 1.0 - share))
    raise unsupported("an X-learner with estimated propensities" if isinstance(model, XLearner) else type(model).__name__)


def _design(model: SLearner, columns: Sequence[NamedColumn], arm: int) -> list[NamedColumn]:
    """Return the columns that an S-learner passes to its model for one arm."""

    def _constant(value: float) -> RuleColumn:
        return RuleColumn(None, "presence", shift=value, missing=value)

    indicators = [(f"treatment_{one}", float(one == arm)) for one in range(1, model.n_arms_)]
    if not model.interactions:
        return [*columns, *(NamedColumn(name, _constant(value)) for name, value in indicators)]
    blocks = encoded(transformed(model.encoder_, columns))
    listed = [*blocks]
    for _, value in indicators:
        listed += [_constant(value), *(block if value else _constant(0.0) for block in blocks)]
    return [NamedColumn(f"z{i}", column) for i, column in enumerate(listed)]


def _term(model: Any, columns: Sequence[NamedColumn], weight: float) -> RuleTerm:
    """Return the term of a model that predicts an expected outcome: the probability of a classifier, or the number of a regressor."""
    if isinstance(model, Pipeline):
        for _, step in model.steps[:-1]:
            columns = transformed(step, columns)
        return _term(model.steps[-1][1], columns, weight)
    if is_classifier(model) and len(model.classes_) != 2:
        raise unsupported(f"{type(model).__name__} with {len(model.classes_)} classes")
    if isinstance(model, DummyRegressor):
        return RuleTerm(weight, "identity", (), float(np.ravel(model.constant_)[0]))
    inputs = encoded(columns)
    if isinstance(model, LINEAR):
        link: Link = "logistic" if is_classifier(model) else "identity"
        intercept, coefficients = np.ravel(model.intercept_), np.ravel(model.coef_)
        if len(intercept) != 1:
            raise unsupported("a model of several outcomes")
        return RuleTerm(weight, link, inputs, float(intercept[0]), coefficients=tuple(map(float, coefficients)))
    if isinstance(model, TREES):
        return RuleTerm(weight, "identity", inputs, 0.0, trees=(_tree_table(model),), rounds_to_float32=True)
    if isinstance(model, FORESTS):
        trees = tuple(map(_tree_table, model.estimators_))
        return RuleTerm(weight, "identity", inputs, 0.0, trees=trees, divisor=float(len(trees)), rounds_to_float32=True)
    if isinstance(model, BOOSTERS):
        return replace(_boosted_term(model, inputs), weight=weight)
    raise unsupported(type(model).__name__)


def _tree_table(model: Any) -> RuleTree:
    tree = model.tree_
    if tree.n_outputs != 1:
        raise unsupported("a tree of several outcomes")
    nodes = tree.__getstate__()["nodes"]
    is_leaf = tree.children_left < 0
    return RuleTree(
        column=tuple(np.where(is_leaf, -1, tree.feature).tolist()),
        threshold=tuple(np.clip(tree.threshold, -_LARGEST, _LARGEST).tolist()),
        left=tuple(np.maximum(tree.children_left, 0).tolist()),
        right=tuple(np.maximum(tree.children_right, 0).tolist()),
        missing_left=tuple(nodes["missing_go_to_left"].astype(bool).tolist()),
        value=tuple(tree.value[:, 0, 1 if is_classifier(model) else 0].tolist()),
    )


def _boosted_term(model: Any, inputs: tuple[RuleColumn, ...]) -> RuleTerm:
    if getattr(model, "_preprocessor", None) is not None or any(np.ravel([] if model.is_categorical_ is None else model.is_categorical_)):
        raise unsupported("histogram gradient boosting on categorical columns without an encoder")
    if not is_classifier(model) and model.loss not in _IDENTITY_LOSSES:
        raise unsupported(f"histogram gradient boosting with the loss '{model.loss}'")
    trees = []
    for [predictor] in model._predictors:  # scikit-learn has no public access to these trees
        nodes = predictor.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        trees.append(
            RuleTree(
                column=tuple(np.where(is_leaf, -1, nodes["feature_idx"]).tolist()),
                threshold=tuple(np.clip(nodes["num_threshold"], -_LARGEST, _LARGEST).tolist()),
                left=tuple(nodes["left"].astype(np.int64).tolist()),
                right=tuple(nodes["right"].astype(np.int64).tolist()),
                missing_left=tuple(nodes["missing_go_to_left"].astype(bool).tolist()),
                value=tuple(nodes["value"].tolist()),
            )
        )
    baseline = float(np.ravel(model._baseline_prediction)[0])
    return RuleTerm(1.0, "logistic" if is_classifier(model) else "identity", inputs, baseline, trees=tuple(trees))
