"""Arm means adjusted for pre-assignment covariates: CUPED, and regression with interactions."""

from typing import Literal, NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.uplift.arm_means import ArmMeans, FloatArray, IntArray, influence_covariance

AdjustmentMethod = Literal["cuped", "regression"]


class _ArmFit(NamedTuple):
    """Fit in one arm: adjusted mean, slopes, and influence of the arm's rows through their residuals."""

    mean: float
    slopes: FloatArray
    influence: FloatArray


def adjusted_arm_means(
    y: FloatArray,
    treatment: IntArray,
    n_arms: int,
    *,
    covariates: FloatArray,
    method: AdjustmentMethod = "regression",
    clusters: IntArray | None = None,
) -> ArmMeans:
    r"""Estimate the mean of each arm in a randomized trial, adjusted for covariates.

    The estimate is :math:`\bar y_a - (\bar x_a - \bar x)^\top \beta_a`. With "regression", :math:`\beta_a` are the least-squares slopes in
    arm a, which is equivalent to regression on treatment, centered covariates and their interactions (Lin 2013). The asymptotic variance is
    at most that of the unadjusted mean. With "cuped", all arms share the pooled slopes within arms (Deng and others 2013). The variance
    sums the squared residuals of rows or clusters, with the correction (n_a - 1) / (n_a - 1 - k) for k slopes, and accounts for the
    sampling error of the covariate means.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcome.
    treatment : ndarray of int64, shape (n,)
        Arm of each row.
    n_arms : int
        Number of arms.
    covariates : ndarray of float64, shape (n, k)
        Finite values, measured before assignment.
    method : {"regression", "cuped"}
        Slopes by arm, or pooled slopes.
    clusters : ndarray of int64, shape (n,), optional
        Cluster of each row. Rows in different clusters are independent.

    Returns
    -------
    ArmMeans

    Raises
    ------
    InputError
        If an arm has too few rows for the number of covariates.

    References
    ----------
    Lin, W. (2013). Agnostic notes on regression adjustments to experimental data. Annals of Applied Statistics 7, 295-318.
    Deng, A., Xu, Y., Kohavi, R., Walker, T. (2013). Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data. WSDM 2013, 123-132.
    Negi, A., Wooldridge, J. M. (2021). Revisiting regression adjustment in experiments with heterogeneous treatment effects.
    Econometric Reviews 40, 504-534.
    """
    n = np.bincount(treatment, minlength=n_arms)
    x = _standardized(covariates)
    if n.min() <= x.shape[1] + 1:
        must, got = f"must be fewer than the number of rows in each arm minus 1 (the smallest has {n.min()} rows)", str(x.shape[1])
        raise InputError(format_error("covariates", must, got, "Adjust for fewer covariates."))
    rows = [treatment == arm for arm in range(n_arms)]
    fits = [_fit(y[own], x[own]) for own in rows] if method == "regression" else _pooled_fits(y, x, rows)
    influence = np.column_stack([x @ fit.slopes for fit in fits]) / len(y)
    for arm, own in enumerate(rows):
        influence[own, arm] += fits[arm].influence
    return ArmMeans(n, np.array([fit.mean for fit in fits]), *influence_covariance(influence, treatment, clusters))


def _standardized(covariates: FloatArray) -> FloatArray:
    """Return the nonconstant covariates, standardized to mean 0 and standard deviation 1."""
    centered = covariates - covariates.mean(axis=0)
    spread = centered.std(axis=0)
    varies = spread > 1e-12 * (1.0 + np.abs(covariates).max(axis=0, initial=0.0))
    return np.asarray(centered[:, varies] / spread[varies])


def _fit(y: FloatArray, x: FloatArray) -> _ArmFit:
    """Fit least squares with an intercept, and compute the exact influence of each row on the intercept."""
    design = np.column_stack([np.ones(len(y)), x])
    gram = np.linalg.pinv(design.T @ design, hermitian=True)
    center = y.mean()
    coefficients = gram @ (design.T @ (y - center))
    residuals = y - center - design @ coefficients
    scale = np.sqrt((len(y) - 1) / (len(y) - 1 - x.shape[1]))
    return _ArmFit(float(center + coefficients[0]), coefficients[1:], (design @ gram[0]) * residuals * scale)


def _pooled_fits(y: FloatArray, x: FloatArray, rows: list[np.ndarray]) -> list[_ArmFit]:
    """Fit one vector of slopes to the deviations from the means of the arms."""
    y_within, x_within = y.copy(), x.copy()
    for own in rows:
        y_within[own] -= y[own].mean()
        x_within[own] -= x[own].mean(axis=0)
    slopes = np.linalg.pinv(x_within.T @ x_within, hermitian=True) @ (x_within.T @ y_within)
    scale = np.sqrt((len(y) - len(rows)) / (len(y) - len(rows) - x.shape[1]))
    residuals = (y_within - x_within @ slopes) * scale
    return [_ArmFit(float(y[own].mean() - x[own].mean(axis=0) @ slopes), slopes, residuals[own] / own.sum()) for own in rows]
