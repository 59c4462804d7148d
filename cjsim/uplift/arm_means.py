"""Mean outcome in each arm, with covariance: unweighted, weighted by inverse propensity, or from doubly robust scores."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class ArmMeans(NamedTuple):
    """Estimated means of the arms.

    Attributes
    ----------
    n : ndarray of int64, shape (n_arms,)
        Number of rows in each arm.
    means : ndarray of float64, shape (n_arms,), unit of the outcome
        Estimated mean outcome if all rows were in the arm.
    covariance : ndarray of float64, shape (n_arms, n_arms), squared unit of the outcome
        Covariance of the estimated means.
    degrees_of_freedom : ndarray of float64, shape (n_arms,)
        Degrees of freedom of each variance: the number of independent rows or clusters in the arm, minus 1.
    """

    n: IntArray
    means: FloatArray
    covariance: FloatArray
    degrees_of_freedom: FloatArray


def arm_means(
    y: FloatArray,
    treatment: IntArray,
    n_arms: int,
    *,
    propensity: FloatArray | None = None,
    clusters: IntArray | None = None,
) -> ArmMeans:
    r"""Estimate the mean of each arm.

    Without propensities, the estimate is the mean of the arm's rows. With propensities e, it is the weighted mean (Hájek 1971)

    .. math:: \hat\mu_a = \sum_{i: T_i = a} w_i y_i \Big/ \sum_{i: T_i = a} w_i, \qquad w_i = 1 / e_{a}(x_i).

    The variance sums the squared influence of each row, or of each cluster (Liang and Zeger 1986), and is multiplied by G / (G - 1), where
    G is the number of rows or clusters in the arm. Without weights and clusters, this is the sample variance with divisor n - 1. Weights
    are treated as known, which is conservative if the propensities are estimated.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcome.
    treatment : ndarray of int64, shape (n,)
        Arm of each row.
    n_arms : int
        Number of arms.
    propensity : ndarray of float64, shape (n, n_arms), optional
        Probability of each arm.
    clusters : ndarray of int64, shape (n,), optional
        Cluster of each row. Rows in different clusters are independent.

    Returns
    -------
    ArmMeans
        The mean is nan for an arm without rows; the covariance is nan for an arm with fewer than two rows or clusters.

    References
    ----------
    Hájek, J. (1971), comment in: Foundations of Statistical Inference, Holt, Rinehart and Winston.
    Liang, K.-Y., Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models. Biometrika 73, 13-22.

    Examples
    --------
    >>> found = arm_means(np.array([1.0, 3.0, 2.0, 6.0]), np.array([0, 0, 1, 1]), 2)
    >>> found.means.tolist(), np.diag(found.covariance).round(6).tolist()
    ([2.0, 4.0], [1.0, 4.0])
    """
    n = np.bincount(treatment, minlength=n_arms)
    weights = np.ones(len(y)) if propensity is None else 1.0 / propensity[np.arange(len(y)), treatment]
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.bincount(treatment, weights=weights, minlength=n_arms)
        # The first value of each arm is subtracted: constant arms have a variance of exactly 0, and large outcomes keep their digits.
        first = np.array([y[np.argmax(treatment == arm)] if n[arm] else np.nan for arm in range(n_arms)])
        means = first + np.bincount(treatment, weights=weights * (y - first[treatment]), minlength=n_arms) / total
        influence = np.zeros((len(y), n_arms))
        influence[np.arange(len(y)), treatment] = weights * (y - means[treatment]) / total[treatment]
    return ArmMeans(n, means, *influence_covariance(influence, treatment, clusters))


def means_from_scores(scores: FloatArray, treatment: IntArray, *, clusters: IntArray | None = None) -> ArmMeans:
    """Estimate the mean of each arm from doubly robust scores (Robins, Rotnitzky and Zhao 1994).

    Parameters
    ----------
    scores : ndarray of float64, shape (n, n_arms), unit of the outcome
        Scores with cross-fitted nuisances; the mean of column a estimates the mean outcome in arm a.
    treatment : ndarray of int64, shape (n,)
        Arm of each row.
    clusters : ndarray of int64, shape (n,), optional
        Cluster of each row. Rows in different clusters are independent.

    Returns
    -------
    ArmMeans

    References
    ----------
    Robins, J. M., Rotnitzky, A., Zhao, L. P. (1994). Estimation of regression coefficients when some regressors are not always observed.
    Journal of the American Statistical Association 89, 846-866.
    """
    n, n_arms = scores.shape
    means = scores.mean(axis=0)
    influence = (scores - means) / n
    groups = n if clusters is None else len(np.unique(clusters))
    covariance = _sum_of_products(influence, clusters) * _correction(np.full(n_arms, groups))[0]
    return ArmMeans(np.bincount(treatment, minlength=n_arms), means, covariance, np.full(n_arms, groups - 1.0))


def influence_covariance(influence: FloatArray, treatment: IntArray, clusters: IntArray | None) -> tuple[FloatArray, FloatArray]:
    """Return the covariance of the estimates, computed from the influence of each row, and the degrees of freedom of each arm.

    Parameters
    ----------
    influence : ndarray of float64, shape (n, n_arms)
        Contribution of each row to the error of each arm's estimate.
    treatment : ndarray of int64, shape (n,)
        Arm of each row.
    clusters : ndarray of int64, shape (n,), or None
        Cluster of each row. Rows in different clusters are independent.

    Returns
    -------
    ndarray of float64, shape (n_arms, n_arms), ndarray of float64, shape (n_arms,)
    """
    n_arms = influence.shape[1]
    if clusters is None:
        groups = np.bincount(treatment, minlength=n_arms)
    else:
        groups = np.array([len(np.unique(clusters[treatment == arm])) for arm in range(n_arms)])
    scale = np.sqrt(_correction(groups))
    return _sum_of_products(influence, clusters) * np.outer(scale, scale), np.asarray(groups - 1.0)


def _correction(groups: IntArray) -> FloatArray:
    """Return G / (G - 1), or nan if there are fewer than 2 groups."""
    return np.asarray(np.where(groups > 1, groups / np.maximum(groups - 1, 1), np.nan))


def _sum_of_products(influence: FloatArray, clusters: IntArray | None) -> FloatArray:
    """Return the sum of the outer products of the rows, or of the sums over each cluster."""
    if clusters is None:
        return np.asarray(influence.T @ influence)
    _, codes = np.unique(clusters, return_inverse=True)
    sums = np.column_stack([np.bincount(codes, weights=column) for column in influence.T])
    return np.asarray(sums.T @ sums)
