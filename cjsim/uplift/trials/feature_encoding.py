"""Encoding of features as numbers: categories as indicator columns, missing numbers as medians with an indicator."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.uplift.trials.cell_location import FloatArray

if TYPE_CHECKING:
    import pandas as pd

MAX_CATEGORIES = 20  # per column; the rarest share one indicator (assumed)


def feature_encoder(features: "pd.DataFrame") -> Any:
    """Return an unfitted transformer that encodes features as numbers.

    Parameters
    ----------
    features : pandas.DataFrame, shape (n, n_features)
        Features of a trial; only the types of the columns are used.

    Returns
    -------
    sklearn.compose.ColumnTransformer
        Its output names are `feature` or `feature_category`. Categories that were absent when it was fitted are encoded as zeros.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    numbers = [name for name in features.columns if is_number(features[name])]
    categories = [name for name in features.columns if name not in numbers]
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)  # some training folds may hold no value
    indicators = OneHotEncoder(handle_unknown="ignore", max_categories=MAX_CATEGORIES, sparse_output=False, dtype=np.float64)
    parts = [("numbers", imputer, numbers), ("categories", indicators, categories)]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False)


def encoded_features(features: "pd.DataFrame") -> tuple[FloatArray, tuple[str, ...]]:
    """Encode features as numbers.

    Parameters
    ----------
    features : pandas.DataFrame, shape (n, n_features)
        Features of a trial.

    Returns
    -------
    ndarray of float64, shape (n, n_columns)
        Encoded features, without constant columns.
    tuple of str
        Feature of each column.

    Examples
    --------
    >>> import pandas as pd
    >>> matrix, names = encoded_features(pd.DataFrame({"visits": [1.0, None, 3.0], "city": ["a", "b", "a"]}))
    >>> matrix.tolist(), names
    ([[1.0, 0.0, 1.0, 0.0], [2.0, 1.0, 0.0, 1.0], [3.0, 0.0, 1.0, 0.0]], ('visits', 'visits', 'city', 'city'))
    """
    if not len(features.columns) or not len(features):
        return np.empty((len(features), 0)), ()
    encoder = feature_encoder(features)
    matrix = np.asarray(encoder.fit_transform(features), dtype=np.float64)
    varies = np.ptp(matrix, axis=0) > 0
    names = _source_columns(encoder)
    return matrix[:, varies], tuple(name for name, kept in zip(names, varies, strict=True) if kept)


def is_number(column: "pd.Series") -> bool:
    """Return whether a feature holds numbers or booleans."""
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def _source_columns(encoder: Any) -> list[str]:
    """Return the feature that each output column of a fitted encoder comes from."""
    sources: list[str] = []
    for _, part, columns in encoder.transformers_:
        if hasattr(part, "categories_"):
            sources += [str(name) for i, name in enumerate(columns) for _ in range(_width(part, i))]
        else:
            kept = [str(name) for name in columns]
            sources += kept + [kept[i] for i in part.indicator_.features_]
    return sources


def _width(encoder: Any, i: int) -> int:
    """Return the number of indicator columns of a categorical feature."""
    rare = encoder.infrequent_categories_[i]
    return len(encoder.categories_[i]) - (0 if rare is None else len(rare) - 1)
