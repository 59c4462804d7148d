"""`export_rule`: a fitted model as a targeting rule, exactly or distilled to a tree."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

from cjsim.errors import InputError, format_error, quote_choices, short_repr
from cjsim.uplift.learners.meta_learner import MetaLearner
from cjsim.uplift.targeting.model_terms import terms_of
from cjsim.uplift.targeting.pipeline_columns import DISTILL_REMEDY, feature_columns, unsupported
from cjsim.uplift.targeting.rule_scores_of_rows import FloatArray, rule_decisions, rule_scores
from cjsim.uplift.targeting.rule_tables import TargetingRule

_HELD_OUT_SHARE = 0.3
_MIN_LEAF = 20
_TOLERANCE = 1e-6  # of scores, relative to their largest absolute value: sums may differ in their last bits


def export_rule(
    model: Any,
    X: pd.DataFrame,
    *,
    threshold: float = 0.0,
    arm: int = 1,
    path: str | os.PathLike[str] | None = None,
    distill_depth: int | None = None,
    seed: int = 0,
) -> TargetingRule:
    """Export a fitted model as a targeting rule, which a policy can use (`rules` in a policy).

    The rule treats rows whose score exceeds the threshold. The score is the effect that a learner predicts, the probability of class 1 that
    a classifier predicts, or the prediction of a regressor. Exact rules are available for linear and logistic models, decision trees,
    random forests and histogram gradient boosting, preceded by StandardScaler, OneHotEncoder, OrdinalEncoder, SimpleImputer and
    ColumnTransformer, alone or in the learners of `cjsim.uplift.learners`. The rule is checked against the model on `X`.

    Parameters
    ----------
    model : MetaLearner, estimator or Pipeline
        A fitted model.
    X : DataFrame, shape (n, n_features)
        The rows that the model was fitted to. The names of its columns become the features of the rule.
    threshold : float
        Score above which the rule treats a customer, such as the cost of the treatment divided by the value of one unit of the outcome.
    arm : int
        Arm whose effect a learner with several arms predicts, at least 1. Other models have no arms.
    path : str or path, optional
        JSON file to write.
    distill_depth : int, optional
        Largest depth of a decision tree that imitates the decisions of the model, instead of the model itself. The score of this rule is
        the share of treated rows in a leaf, and its threshold is 0.5.
    seed : int
        Seed for choosing the rows that are held out to measure how well a distilled rule agrees with the model.

    Returns
    -------
    TargetingRule
        The rule. For a distilled rule, `agreement` is the share of held-out rows on which the rule and the model make the same decision.

    Raises
    ------
    InputError
        If the model is not fitted or not supported, `X` has no rows or lacks the columns that the model was fitted to, a column is neither
        numeric nor text, the model has no such arm, or the file cannot be written.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X = pd.DataFrame({"purchases_before": [0.0, 1.0, 2.0]})
    >>> rule = export_rule(LinearRegression().fit(X, [0.0, 0.5, 1.0]), X, threshold=0.6)
    >>> rule_decisions(rule, X).tolist()
    [False, False, True]
    """
    if not np.isfinite(threshold):
        raise InputError(format_error("threshold", "must be a finite number", short_repr(threshold), "Use a score of the model."))
    _check_fitted(model)
    _check_arm(model, arm)
    _check_rows(X)
    rule = _exact(model, X, threshold, arm) if distill_depth is None else _distilled(model, X, threshold, arm, distill_depth, seed)
    if path is not None:
        rule.save(path)
    return rule


def model_scores(model: Any, X: pd.DataFrame, arm: int = 1) -> FloatArray:
    """Return the scores of a fitted model: predicted effects, probabilities of class 1, or predictions.

    Parameters
    ----------
    model : MetaLearner, estimator or Pipeline
        A fitted model.
    X : DataFrame, shape (n, n_features)
        Rows.
    arm : int
        Arm whose effect a learner predicts, at least 1.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    if isinstance(_final_step(model), MetaLearner):
        effects = np.asarray(model.predict(X), dtype=np.float64)
        return effects if effects.ndim == 1 else effects[:, arm - 1]
    values = model.predict_proba(X)[:, 1] if is_classifier(model) else model.predict(X)
    return np.asarray(values, dtype=np.float64)


def _final_step(model: Any) -> Any:
    return _final_step(model.steps[-1][1]) if isinstance(model, Pipeline) else model


def _check_fitted(model: Any) -> None:
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):  # TypeError: not an estimator, or a class
        got, remedy = f"{type(model).__name__} that is not fitted", "Call fit first."
        if not hasattr(model, "fit") or isinstance(model, type):
            got, remedy = short_repr(model), "Pass a scikit-learn estimator or a learner."
        raise InputError(format_error("model", "must be a fitted estimator", got, remedy)) from None


def _check_arm(model: Any, arm: int) -> None:
    learner = _final_step(model)
    if not isinstance(learner, MetaLearner):
        if arm != 1:
            must, remedy = "must be omitted for a model that is not a learner with arms", "Omit it, or pass an uplift learner."
            raise InputError(format_error("arm", must, f"{short_repr(arm)} for {type(learner).__name__}", remedy))
    elif not 1 <= arm < learner.n_arms_:
        raise InputError(format_error("arm", f"must be from 1 to {learner.n_arms_ - 1}", short_repr(arm), "Arm 0 is the control."))


def _check_rows(X: Any) -> None:
    remedy = "Pass the rows that the model was fitted to."
    if not isinstance(X, pd.DataFrame):
        raise InputError(format_error("X", "must be a DataFrame with the names of the features", type(X).__name__, remedy))
    if X.empty:
        raise InputError(format_error("X", "must have rows and columns", f"{X.shape[0]} rows and {X.shape[1]} columns", remedy))


def _checked_scores(model: Any, X: pd.DataFrame, arm: int) -> FloatArray:
    """Return the scores of a model; raise if it cannot score the rows."""
    if not hasattr(model, "predict") or (is_classifier(model) and not hasattr(model, "predict_proba")):
        raise unsupported(f"{type(_final_step(model)).__name__} without predicted values or probabilities")
    try:
        return model_scores(model, X, arm)
    except ValueError as error:
        names = [str(name) for name in getattr(model, "feature_names_in_", ())]
        missing = [name for name in names if name not in X.columns]
        must = "must have the columns that the model was fitted to, in the same order, and values that it accepts"
        got = f"no column {quote_choices(missing)}" if missing else short_repr(str(error))
        raise InputError(format_error("X", must, got, "Pass the rows that the model was fitted to.")) from error


def _exact(model: Any, X: pd.DataFrame, threshold: float, arm: int) -> TargetingRule:
    features, columns = feature_columns(X)
    expected = _checked_scores(model, X, arm)
    rule = TargetingRule(features, terms_of(model, columns, arm), threshold=float(threshold))
    found = rule_scores(rule, X)
    worst = float(np.abs(expected - found).max(initial=0.0))
    if not worst <= _TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0.0))):
        must = "must give the same scores as its tables"
        raise InputError(format_error("model", must, f"scores that differ by {worst:.3g}", DISTILL_REMEDY))
    return rule


def _distilled(model: Any, X: pd.DataFrame, threshold: float, arm: int, depth: int, seed: int) -> TargetingRule:
    if depth < 1:
        raise InputError(format_error("distill_depth", "must be at least 1", str(depth), "Use 3 for a readable rule."))
    decisions = _checked_scores(model, X, arm) > threshold
    is_held_out = np.random.default_rng(seed).random(len(X)) < _HELD_OUT_SHARE
    if len(np.unique(decisions[~is_held_out])) < 2 or not is_held_out.any():
        got = f"{int(decisions.sum())} treated of {len(X)} rows"
        remedy = "Choose another threshold, or do not use a rule."
        raise InputError(format_error("model", "must treat some rows but not all", got, remedy))
    is_text = make_column_selector(dtype_exclude=["number", "bool"])
    labels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoder = ColumnTransformer([("labels", labels, is_text)], remainder="passthrough", sparse_threshold=0.0)
    tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=_MIN_LEAF, random_state=seed)
    imitation = make_pipeline(encoder, tree)
    frame = X.copy()
    for name in is_text(frame):
        frame[name] = frame[name].astype(object)
    imitation.fit(frame[~is_held_out], decisions[~is_held_out].astype(np.int64))
    rule = _exact(imitation, frame, 0.5, 1)
    agreement = float((rule_decisions(rule, X)[is_held_out] == decisions[is_held_out]).mean())
    return replace(rule, agreement=agreement)
