"""Base learners for the meta-learners: the default pipelines, and fitting and predicting with any scikit-learn estimator."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # a dependency of scikit-learn

from cjsim.errors import InputError, format_error, quote_choices, short_repr

FloatArray = NDArray[np.float64]
KINDS = ("linear", "trees")
_MAX_CATEGORIES = 20
_MAX_LEAVES_OF_DATA = 500  # a leaf holds at least n / 500 rows


def default_base_learner(kind: str, *, is_binary: bool, n_rows: int, seed: int = 0) -> Pipeline:
    """Create a pipeline that takes a DataFrame with numeric, boolean, text and categorical columns, and missing values.

    Text and categorical columns become indicators of their 20 most frequent values; the rest share an indicator. "linear": numbers are
    standardized, missing ones are replaced with the median and marked by an indicator; then L2-regularized logistic or ridge regression
    (penalty 1). "trees": gradient-boosted trees with 8 leaves each, learning rate 0.1, and 100 iterations (50 for 200,000 rows or more).
    Leaves hold at least 20 rows and 1/500 of all rows, because effects are small relative to the noise in an outcome.

    Parameters
    ----------
    kind : str
        "linear" or "trees".
    is_binary : bool
        Whether to return a classifier for outcomes 0 and 1 rather than a regressor.
    n_rows : int
        Number of rows of the training data.
    seed : int
        Seed of the subsample from which trees compute their bins.

    Returns
    -------
    sklearn.pipeline.Pipeline
        An unfitted pipeline.

    Raises
    ------
    InputError
        If `kind` is unknown.

    Examples
    --------
    >>> default_base_learner("linear", is_binary=True, n_rows=1000)[-1]
    LogisticRegression(max_iter=1000)
    """
    if kind == "linear":
        return make_pipeline(numeric_encoder(), LogisticRegression(max_iter=1000) if is_binary else Ridge())
    if kind != "trees":
        remedy = "Or pass a scikit-learn estimator."
        raise InputError(format_error("base learner", f"must be one of {quote_choices(KINDS)}", short_repr(kind), remedy))
    booster = HistGradientBoostingClassifier if is_binary else HistGradientBoostingRegressor
    trees = booster(
        max_iter=100 if n_rows < 200_000 else 50,
        max_leaf_nodes=8,
        min_samples_leaf=max(20, n_rows // _MAX_LEAVES_OF_DATA),
        early_stopping=False,
        random_state=seed,
    )
    return make_pipeline(_encoder("passthrough"), trees)


def one_thread() -> Any:
    """Limit OpenMP to one thread inside a `with` block.

    With 2 threads on a busy machine, trees take 4 times the CPU time, because OpenMP threads spin while they wait.

    Returns
    -------
    context manager
    """
    return _thread_pools().limit(limits=1, user_api="openmp")


def numeric_encoder() -> ColumnTransformer:
    """Create the encoder of the linear base learner, which turns a DataFrame into an array of float64 without missing values."""
    return _encoder(make_pipeline(SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()))


def _encoder(numbers: Any) -> ColumnTransformer:
    is_number = make_column_selector(dtype_include=["number", "bool"])
    is_other = make_column_selector(dtype_exclude=["number", "bool"])
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=_MAX_CATEGORIES, sparse_output=False)
    return ColumnTransformer([("numbers", numbers, is_number), ("categories", categories, is_other)], sparse_threshold=0.0)


def fit_base_learner(learner: Any, X: Any, target: FloatArray, *, seed: int, sample_weight: FloatArray | None = None) -> Any:
    """Fit a copy of a base learner.

    If the target has a single value, a classifier is replaced with that constant.

    Parameters
    ----------
    learner : str or estimator
        "linear" or "trees" for `default_base_learner`, or a scikit-learn regressor or classifier, or a pipeline that ends in one.
    X : DataFrame, shape (n, n_features)
        Features.
    target : ndarray of float64, shape (n,)
        Outcomes.
    seed : int
        Seed of a default base learner. An estimator passed as `learner` keeps its own `random_state`.
    sample_weight : ndarray of float64, shape (n,), optional
        Weights of the rows. The last step of a pipeline receives them.

    Returns
    -------
    estimator
        The fitted copy.

    Raises
    ------
    InputError
        If a classifier is given outcomes other than 0 and 1, or `learner` is an unknown string.
    """
    is_binary = bool(np.isin(target, (0.0, 1.0)).all())
    if isinstance(learner, str):
        model = default_base_learner(learner, is_binary=is_binary, n_rows=len(target), seed=seed)
    else:
        model = clone(learner)
    if is_classifier(model):
        if not is_binary:
            got = short_repr(float(target[~np.isin(target, (0.0, 1.0))][0]))
            raise InputError(format_error("outcome", "must be 0 or 1 for a classifier", got, "Use a regressor."))
        if np.ptp(target) == 0:
            model = DummyRegressor()
    prefix = f"{model.steps[-1][0]}__" if isinstance(model, Pipeline) else ""
    weights = {} if sample_weight is None else {f"{prefix}sample_weight": sample_weight}
    with one_thread():
        return model.fit(X, target, **weights)


def predict_mean(model: Any, X: Any) -> FloatArray:
    """Predict the expected outcome: the probability of class 1 that a classifier predicts, or the prediction of a regressor.

    Parameters
    ----------
    model : estimator
        A model returned by `fit_base_learner`.
    X : DataFrame, shape (n, n_features)
        Features.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    with one_thread():
        values = model.predict_proba(X)[:, 1] if is_classifier(model) else model.predict(X)
    return np.asarray(values, dtype=np.float64)


@cache
def _thread_pools() -> Any:
    """The thread pools of the loaded libraries, kept because searching for them takes longer than fitting a small model."""
    return ThreadpoolController()
