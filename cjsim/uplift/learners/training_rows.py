"""The rows that a learner is fitted to: checked features, outcomes, treatment codes, propensities and clusters."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cjsim.errors import InputError, format_error
from cjsim.uplift.learners.base_learners import FloatArray

IntArray = NDArray[np.int64]


class TrainingRows(NamedTuple):
    """Rows of a trial.

    Attributes
    ----------
    X : DataFrame, shape (n, n_features)
        Features, known before the treatment.
    y : ndarray of float64, shape (n,)
        Outcomes.
    treatment : ndarray of int64, shape (n,)
        Index of the arm; 0 is the control.
    propensity : ndarray of float64, shape (n, n_arms), or None
        Known probability of each arm; None if it has to be estimated.
    clusters : ndarray of int64, shape (n,), or None
        Code of the cluster; None if rows are independent.
    """

    X: pd.DataFrame
    y: FloatArray
    treatment: IntArray
    propensity: FloatArray | None
    clusters: IntArray | None

    @property
    def n_arms(self) -> int:
        """Number of arms, including the control."""
        return int(self.treatment.max()) + 1

    def take(self, rows: NDArray[Any]) -> "TrainingRows":
        """Select rows.

        Parameters
        ----------
        rows : ndarray of bool, shape (n,), or of int64
            Mask or indices of the rows.

        Returns
        -------
        TrainingRows
        """
        propensity, clusters = self.propensity, self.clusters
        return TrainingRows(
            _select(self.X, rows),
            self.y[rows],
            self.treatment[rows],
            None if propensity is None else propensity[rows],
            None if clusters is None else clusters[rows],
        )


def as_frame(X: Any) -> pd.DataFrame:
    """Convert an array to a DataFrame with columns `x0`, `x1`, ...; a DataFrame is returned unchanged.

    Parameters
    ----------
    X : DataFrame or array-like, shape (n, n_features)
        Features.

    Returns
    -------
    DataFrame
    """
    if isinstance(X, pd.DataFrame):
        return X
    values = np.asarray(X)
    return pd.DataFrame(values, columns=[f"x{column}" for column in range(values.shape[1])])


def check_rows(
    X: Any, y: ArrayLike, treatment: ArrayLike, *, propensity: ArrayLike | None = None, clusters: ArrayLike | None = None
) -> TrainingRows:
    """Check the rows of a trial and convert them.

    Parameters
    ----------
    X : DataFrame or array-like, shape (n, n_features)
        Features.
    y : array-like, shape (n,)
        Outcomes, finite.
    treatment : array-like of int, shape (n,)
        Index of the arm: 0 for the control, then 1, 2, ..., each with at least one row.
    propensity : array-like, shape (n, n_arms), optional
        Known probability of each arm, above 0; rows sum to 1.
    clusters : array-like of int, shape (n,), optional
        Code of the cluster.

    Returns
    -------
    TrainingRows

    Raises
    ------
    InputError
        If a condition above does not hold, or the lengths differ.
    """
    frame, outcomes, arms = as_frame(X), np.asarray(y, dtype=np.float64), np.asarray(treatment)
    shares = None if propensity is None else np.asarray(propensity, dtype=np.float64)
    codes = None if clusters is None else np.asarray(clusters)
    n = len(frame)
    for name, values in (("y", outcomes), ("treatment", arms), ("propensity", shares), ("clusters", codes)):
        if values is not None and len(values) != n:
            raise InputError(format_error(name, f"must have {n} rows, as the features have", str(len(values))))
    if not np.isfinite(outcomes).all():
        got = f"{int((~np.isfinite(outcomes)).sum())} missing or infinite values"
        raise InputError(format_error("y", "must be finite", got, "Remove these rows, or replace their outcomes."))
    n_arms = _count_arms(arms)
    if shares is not None and (shares.shape != (n, n_arms) or not (shares > 0).all() or not np.allclose(shares.sum(axis=1), 1, atol=1e-6)):
        got = (
            f"shape {shares.shape}, minimum {shares.min():.3g}, row sums {shares.sum(axis=-1).min():.3g} to {shares.sum(axis=-1).max():.3g}"
        )
        raise InputError(format_error("propensity", f"must have {n_arms} columns with values above 0 and rows that sum to 1", got))
    return TrainingRows(frame, outcomes, arms.astype(np.int64), shares, None if codes is None else codes.astype(np.int64))


def _count_arms(arms: NDArray[Any]) -> int:
    found = np.unique(arms)
    if len(found) < 2 or not np.array_equal(found, np.arange(len(found))):
        got = ", ".join(str(code) for code in found[:12]) or "no rows"
        raise InputError(
            format_error("treatment", "must contain the codes 0 (control), 1, ... without gaps", got, "Compare at least two arms.")
        )
    return len(found)


def _select(X: pd.DataFrame, rows: NDArray[Any]) -> pd.DataFrame:
    return X.iloc[np.flatnonzero(rows) if rows.dtype == bool else rows]
