"""Scores and decisions of a targeting rule on rows of a table, with the arithmetic of the kernels in `kernels/policy/rule_scores.py`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.uplift.targeting.rule_tables import RuleColumn, RuleInput, RuleTerm, RuleTree, TargetingRule

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
_MISSING, _OTHER = -1, -2


def rule_scores(rule: TargetingRule, X: "pd.DataFrame") -> FloatArray:
    """Compute the score of each row: the sum of the rule's terms.

    Parameters
    ----------
    rule : TargetingRule
        The rule.
    X : DataFrame, shape (n, at least n_features)
        Columns with the names of the rule's features.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of the outcome. nan where a model has no value for a missing feature or an unknown label.

    Raises
    ------
    InputError
        If a feature is missing from `X`, or a feature that should be a number contains text.
    """
    values = [_feature_values(feature, X) for feature in rule.features]
    total = np.zeros(len(X))
    for term in rule.terms:
        total += term.weight * _term_values(term, values, len(X))
    return total


def rule_decisions(rule: TargetingRule, X: "pd.DataFrame") -> NDArray[np.bool_]:
    """Decide which rows to treat: those whose score exceeds the threshold.

    Parameters
    ----------
    rule : TargetingRule
        The rule.
    X : DataFrame, shape (n, at least n_features)
        Columns with the names of the rule's features.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    InputError
        As in `rule_scores`.
    """
    treated: NDArray[np.bool_] = rule_scores(rule, X) > rule.threshold
    return treated


def _feature_values(feature: RuleInput, X: "pd.DataFrame") -> NDArray[Any]:
    """Numbers, or codes of levels (-1 if missing, -2 for a label that the rule does not list)."""
    if feature.name not in X.columns:
        raise InputError(format_error("X", *unknown_name_parts(feature.name, list(X.columns), "column")))
    series = X[feature.name]
    if feature.levels is None:
        try:
            return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
        except (TypeError, ValueError):
            must = "must be a number, as in the rows that the rule was fitted to"
            raise InputError(format_error(f"X: {feature.name}", must, "text", "Convert the column.")) from None
    codes = {level: code for code, level in enumerate(feature.levels)}
    known = series.map(codes).astype("float64").fillna(_OTHER).to_numpy().astype(np.int64)
    return np.where(series.isna().to_numpy(), _MISSING, known)


def _column_values(column: RuleColumn, features: list[NDArray[Any]], n: int) -> FloatArray:
    if column.feature is None:
        return np.full(n, column.shift)
    x = features[column.feature]
    if column.kind == "number":
        return np.where(np.isnan(x), column.missing, (x - column.shift) / column.scale)
    is_missing = x == _MISSING if x.dtype == np.int64 else np.isnan(x)
    if column.kind == "presence":
        return np.where(is_missing, column.missing, column.shift)
    values: FloatArray = np.asarray([*column.values, column.other, column.missing], dtype=np.float64)[x]  # -1 and -2 count from the end
    return values


def _term_values(term: RuleTerm, features: list[NDArray[Any]], n: int) -> FloatArray:
    total = np.full(n, term.intercept)
    columns = [_column_values(column, features, n) for column in term.columns]
    if not term.trees:
        for coefficient, values in zip(term.coefficients, columns, strict=True):
            total += coefficient * values
    else:
        matrix = np.column_stack(columns) if columns else np.zeros((n, 0))
        if term.rounds_to_float32:
            matrix = matrix.astype(np.float32)
        for tree in term.trees:
            total += _leaf_values(tree, matrix)
        total /= term.divisor
    if term.link == "identity":
        return np.asarray(total)
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-total)), dtype=np.float64)


def _leaf_values(tree: RuleTree, columns: NDArray[Any]) -> FloatArray:
    column, threshold = np.asarray(tree.column), np.asarray(tree.threshold)
    left, right, missing_left = np.asarray(tree.left), np.asarray(tree.right), np.asarray(tree.missing_left)
    node = np.zeros(len(columns), dtype=np.int64)
    rows = np.arange(len(columns))
    while len(rows := rows[column[node[rows]] >= 0]):
        here = node[rows]
        x = columns[rows, column[here]].astype(np.float64)
        goes_left = np.where(np.isnan(x), missing_left[here], x <= threshold[here])
        node[rows] = np.where(goes_left, left[here], right[here])
    return np.asarray(np.asarray(tree.value)[node])
