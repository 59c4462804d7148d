"""The columns that fitted scikit-learn transformers compute, each as a function of one feature."""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from cjsim.errors import InputError, format_error, short_repr
from cjsim.uplift.targeting.rule_tables import RuleColumn, RuleInput

DISTILL_REMEDY = "Use one of the supported models, or set 'distill_depth' to imitate its decisions with a tree."
_UNSEEN = "\x00a label that no row has"


@dataclass(frozen=True)
class NamedColumn:
    """A column and its name. `labels`: until the column is encoded, its values for each level, missing values and other labels."""

    name: str
    column: RuleColumn
    labels: tuple[Any, ...] | None = None


def unsupported(what: str) -> InputError:
    """Return the error for a model or transformer that cannot be expressed as tables."""
    must = "must consist of linear models, trees, forests or histogram gradient boosting preceded by scalers, encoders and imputers"
    return InputError(format_error("model", must, what, DISTILL_REMEDY))


def feature_columns(X: pd.DataFrame) -> tuple[tuple[RuleInput, ...], tuple[NamedColumn, ...]]:
    """Return the features of a table, and the columns that hold them unchanged.

    Parameters
    ----------
    X : DataFrame, shape (n, n_features)
        Rows that a model was fitted to.

    Returns
    -------
    tuple of RuleInput, tuple of NamedColumn

    Raises
    ------
    InputError
        If a column is neither numeric nor text.
    """
    features, columns = [], []
    for position, name in enumerate(map(str, X.columns)):
        series = X.iloc[:, position]
        if pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
            features.append(RuleInput(name))
            columns.append(NamedColumn(name, RuleColumn(position)))
            continue
        levels = list(series.cat.categories) if isinstance(series.dtype, pd.CategoricalDtype) else sorted(series.dropna().unique(), key=str)
        if not all(isinstance(level, str) for level in levels):
            must, remedy = "must contain numbers or text", "Convert the column before you fit the model."
            raise InputError(format_error(f"X: {name}", must, short_repr(levels), remedy))
        features.append(RuleInput(name, tuple(levels)))
        columns.append(NamedColumn(name, RuleColumn(position, "level"), (*levels, np.nan, _UNSEEN)))
    return tuple(features), tuple(columns)


def encoded(columns: Iterable[NamedColumn]) -> tuple[RuleColumn, ...]:
    """Return the columns that reach a model.

    Parameters
    ----------
    columns : iterable of NamedColumn
        Columns after all transformers.

    Returns
    -------
    tuple of RuleColumn

    Raises
    ------
    InputError
        If a categorical feature reaches the model without an encoder.
    """
    listed = list(columns)
    for one in listed:
        if one.labels is not None:
            raise unsupported(f"text in the column '{one.name}' without an encoder")
    return tuple(one.column for one in listed)


def transformed(transformer: Any, columns: Sequence[NamedColumn]) -> tuple[NamedColumn, ...]:
    """Return the columns that a fitted transformer computes from other columns.

    Parameters
    ----------
    transformer : estimator or str
        StandardScaler, OneHotEncoder, OrdinalEncoder, SimpleImputer, ColumnTransformer, Pipeline, "passthrough" or "drop".
    columns : sequence of NamedColumn
        Its input.

    Returns
    -------
    tuple of NamedColumn

    Raises
    ------
    InputError
        If the transformer is not supported.
    """
    if not columns or transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return tuple(columns)
    if isinstance(transformer, str) and transformer == "drop":
        return ()
    if isinstance(transformer, Pipeline):
        for _, step in transformer.steps:
            columns = transformed(step, columns)
        return tuple(columns)
    if isinstance(transformer, ColumnTransformer):
        blocks = (transformed(step, _chosen(columns, chosen)) for _, step, chosen in transformer.transformers_)
        return _unnamed(one for block in blocks for one in block)
    if isinstance(transformer, StandardScaler):
        return _unnamed(_scaled(transformer, columns))
    if isinstance(transformer, SimpleImputer):
        return _unnamed(_imputed(transformer, columns))
    if isinstance(transformer, (OneHotEncoder, OrdinalEncoder)):
        return _unnamed(_encoded_labels(transformer, columns))
    if type(transformer).__name__ == "FunctionTransformer" and transformer.func is None:
        return tuple(columns)  # how a fitted ColumnTransformer represents "passthrough"
    raise unsupported(type(transformer).__name__)


def _unnamed(columns: Iterable[NamedColumn]) -> tuple[NamedColumn, ...]:
    """Return columns of an array, with the names that a learner gives them."""
    return tuple(replace(one, name=f"x{i}") for i, one in enumerate(columns))


def _chosen(columns: Sequence[NamedColumn], chosen: Any) -> list[NamedColumn]:
    """Return the columns that a part of a ColumnTransformer selects: by name, by index, as a slice, or as a mask."""
    if isinstance(chosen, slice):
        if not isinstance(chosen.start or chosen.stop or 0, str):
            return list(columns[chosen])
        names = [one.name for one in columns]
        return list(columns[names.index(chosen.start) if chosen.start else 0 : names.index(chosen.stop) + 1 if chosen.stop else None])
    listed = list(np.atleast_1d(np.asarray(chosen, dtype=object)))
    if listed and all(isinstance(one, (bool, np.bool_)) for one in listed):
        return [one for one, is_chosen in zip(columns, listed, strict=True) if is_chosen]
    by_name = {one.name: one for one in columns}
    return [by_name[one] if isinstance(one, str) else columns[int(one)] for one in listed]


def _mapped(column: RuleColumn, change: Callable[[float], float]) -> RuleColumn:
    """Apply a function to each value of a column that is constant by level or by presence."""
    missing, shift = change(column.missing), change(column.shift)
    return replace(column, missing=missing, shift=shift, values=tuple(map(change, column.values)), other=change(column.other))


def _scaled(scaler: StandardScaler, columns: Sequence[NamedColumn]) -> list[NamedColumn]:
    encoded(columns)
    found = []
    for i, one in enumerate(columns):
        mean = float(scaler.mean_[i]) if scaler.with_mean else 0.0
        scale = 1.0 if scaler.scale_ is None else float(scaler.scale_[i])
        change = _scaling(mean, scale)
        column = one.column
        if column.kind == "number":
            shift, spread = column.shift + mean * column.scale, column.scale * scale
            column = replace(column, shift=shift, scale=spread, missing=change(column.missing))
        else:
            column = _mapped(column, change)
        found.append(replace(one, column=column))
    return found


def _scaling(mean: float, scale: float) -> Callable[[float], float]:
    return lambda value: (value - mean) / scale


def _imputed(imputer: SimpleImputer, columns: Sequence[NamedColumn]) -> list[NamedColumn]:
    if not (isinstance(imputer.missing_values, float) and math.isnan(imputer.missing_values)):
        raise unsupported(f"SimpleImputer(missing_values={imputer.missing_values!r})")
    found = []
    for one, value in zip(columns, imputer.statistics_, strict=True):
        is_empty = not isinstance(value, str) and pd.isna(value)
        if is_empty and not imputer.keep_empty_features:
            continue
        fill: Any = 0.0 if is_empty else value
        if one.labels is not None:
            *labels, missing, other = one.labels
            found.append(replace(one, labels=(*labels, fill if pd.isna(missing) else missing, other)))
        elif one.column.kind == "number":
            missing = one.column.missing
            found.append(replace(one, column=replace(one.column, missing=float(fill) if math.isnan(missing) else missing)))
        else:
            found.append(replace(one, column=_mapped(one.column, _filling(float(fill)))))
    if imputer.add_indicator:
        found += [_missing_indicator(columns[i]) for i in imputer.indicator_.features_]
    return found


def _filling(fill: float) -> Callable[[float], float]:
    return lambda value: fill if math.isnan(value) else value


def _missing_indicator(one: NamedColumn) -> NamedColumn:
    if one.labels is not None:
        raise unsupported("a missing-value indicator of text")
    if one.column.kind == "level":
        return replace(one, column=_mapped(one.column, lambda x: float(math.isnan(x))))
    was_missing = float(math.isnan(one.column.missing))
    return replace(one, column=RuleColumn(one.column.feature, "presence", shift=0.0, missing=was_missing))


def _encoded_labels(encoder: Any, columns: Sequence[NamedColumn]) -> list[NamedColumn]:
    """Encode one label at a time: the output for a label does not depend on the other columns."""
    for one, categories in zip(columns, encoder.categories_, strict=True):
        if one.labels is None:
            raise unsupported(f"{type(encoder).__name__} of numbers")
        absent = [value for value in categories if isinstance(value, str) and value not in one.labels]
        if absent:
            must, remedy = "must contain every label that the model was fitted to", "Pass the rows that the model was fitted to."
            raise InputError(format_error("X", must, f"no row with {short_repr(absent[0])}", remedy))
    found = []
    base = [next(value for value in categories if not pd.isna(value)) for categories in encoder.categories_]
    first = 0
    for i, one in enumerate(columns):
        count = 1 if isinstance(encoder, OrdinalEncoder) else _n_indicators(encoder, i)
        assert one.labels is not None
        rows = [_encode(encoder, [*base[:i], label, *base[i + 1 :]]) for label in one.labels]
        for j in range(first, first + count):
            *values, missing, other = [math.nan if row is None else float(row[j]) for row in rows]
            takes_other = rows[-1] is not None
            column = RuleColumn(one.column.feature, "level", missing=missing, values=tuple(values), other=other, takes_other=takes_other)
            found.append(NamedColumn(one.name, column))
        first += count
    return found


def _n_indicators(encoder: OneHotEncoder, i: int) -> int:
    """Number of indicators of input column `i`."""
    rare = 0 if (rare_labels := getattr(encoder, "infrequent_categories_", None)) is None or rare_labels[i] is None else len(rare_labels[i])
    n_kept = len(encoder.categories_[i]) - rare + (rare > 0)
    return n_kept - int(encoder.drop_idx_ is not None and encoder.drop_idx_[i] is not None)


def _encode(encoder: Any, row: list[Any]) -> Any:
    """Return the encoded row, or None if the encoder rejects one of its labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sklearn warns about unknown labels, which this probes for
        try:
            names = getattr(encoder, "feature_names_in_", None)
            result = encoder.transform(pd.DataFrame([row], columns=names, dtype=object))
        except ValueError:
            return None
    return np.asarray(result.todense() if hasattr(result, "todense") else result).ravel()
