"""Best linear predictor of the effect, and sorted group average effects (GATES), on rows that the model has not seen.

Both are weighted least-squares regressions of the outcome in a randomized trial. The coefficients on terms in D - e, where D is the
treatment and e its probability, do not depend on the controls, which only reduce noise. They are therefore valid however poor the
predictions are.

Standard errors are robust to heteroscedasticity and clustering. Small trials use jackknife standard errors (MacKinnon and White 1985,
Journal of Econometrics 29(3)), because plain robust standard errors are too small with few clusters.
"""

from dataclasses import dataclass

import numpy as np

from cjsim.uplift.effect_groups import GroupEffect
from cjsim.uplift.interval_estimates import LEVEL, IntervalEstimate, cluster_sums, normal_estimate
from cjsim.uplift.row_arrays import Floats, Ints

_JACKKNIFE_UNITS = 5_000  # with more rows or clusters, leaving one out changes no error by more than a few tenths of a percent


@dataclass(frozen=True, eq=False)
class HeldOutRows:
    """Rows of a trial with predictions from a model that has not seen them. Each array has shape (n,)."""

    y: Floats
    treatment: Ints  # 0 or 1
    probability: Floats  # of treatment, in (0, 1)
    baseline: Floats  # predicted outcome without treatment; any proxy for the outcome will do
    predicted: Floats  # predicted effect
    clusters: Ints | None = None


def best_linear_predictor(rows: HeldOutRows, *, level: float = LEVEL) -> tuple[IntervalEstimate, IntervalEstimate]:
    """Estimate the average effect and the slope of the best linear predictor of the effect, b1 + b2 (S - mean S).

    Regress y on 1, baseline, S, D - e and (D - e)(S - mean S), with weights 1 / (e (1 - e)), where S is the predicted effect.

    Parameters
    ----------
    rows : HeldOutRows
    level : float
        Coverage of each interval, in (0, 1).

    Returns
    -------
    average : IntervalEstimate
        b1, the average effect, in the unit of the outcome.
    slope : IntervalEstimate
        b2 = Cov(effect, S) / Var(S), unitless: 0 if the effect does not vary or the predictions do not explain its variation, and 1 if they
        are calibrated. If S is constant, the slope is 0 with standard error 0.

    References
    ----------
    Chernozhukov, Demirer, Duflo, Fernandez-Val (2025), Econometrica 93(4), 1121-1164, section 3.1, weighted residual BLP.
    """
    surprise = rows.treatment - rows.probability
    coefficients, covariance = _fit(rows, np.column_stack([surprise, surprise * _standardized(rows.predicted)]))
    errors = np.sqrt(np.diag(covariance))
    average, spread = normal_estimate(coefficients[0], errors[0], level), _spread(rows.predicted)
    if spread == 0.0:
        return average, normal_estimate(0.0, 0.0, level)
    return average, normal_estimate(coefficients[1] / spread, errors[1] / spread, level)


def sorted_group_effects(rows: HeldOutRows, group: Ints, *, level: float = LEVEL) -> tuple[tuple[GroupEffect, ...], IntervalEstimate]:
    """Estimate the average effect in each group of predicted effects, and the effect of the first group minus that of the last.

    Regress y on 1, baseline, S, and (D - e) times the indicator of each group, with weights 1 / (e (1 - e)).

    Parameters
    ----------
    rows : HeldOutRows
    group : ndarray of int64, shape (n,)
        0 for the group with the largest predictions, up to n_groups - 1; at least 2 groups.
    level : float
        Coverage of each interval, in (0, 1).

    Returns
    -------
    groups : tuple of GroupEffect
    spread : IntervalEstimate
        Effect of the first group minus that of the last, in the unit of the outcome.

    References
    ----------
    Chernozhukov, Demirer, Duflo, Fernandez-Val (2025), Econometrica 93(4), 1121-1164, section 3.2.
    """
    member = group[:, None] == np.arange(int(group.max()) + 1)
    coefficients, covariance = _fit(rows, (rows.treatment - rows.probability)[:, None] * member)
    errors = np.sqrt(np.diag(covariance))
    sizes = member.sum(axis=0)
    predicted = rows.predicted @ member / sizes
    effects = (normal_estimate(float(value), float(error), level) for value, error in zip(coefficients, errors, strict=True))
    groups = tuple(GroupEffect(i + 1, int(sizes[i]), float(predicted[i]), effect) for i, effect in enumerate(effects))
    variance = covariance[0, 0] + covariance[-1, -1] - 2.0 * covariance[0, -1]
    return groups, normal_estimate(float(coefficients[0] - coefficients[-1]), float(np.sqrt(max(variance, 0.0))), level)


def _fit(rows: HeldOutRows, terms: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients of `terms`, shape (k,), and their robust covariance, shape (k, k), adjusted for the controls."""
    controls = [_standardized(column) for column in (rows.baseline, rows.predicted)]
    design = np.column_stack([terms, np.ones(len(rows.y)), *controls])
    weighted = design * (1.0 / (rows.probability * (1.0 - rows.probability)))[:, None]
    inverse = np.asarray(np.linalg.pinv(design.T @ weighted, rcond=1e-12, hermitian=True), dtype=np.float64)
    coefficients = inverse @ (weighted.T @ rows.y)
    moments = weighted * (rows.y - design @ coefficients)[:, None]
    unit = np.arange(len(rows.y)) if rows.clusters is None else np.unique(rows.clusters, return_inverse=True)[1]
    sums = moments if rows.clusters is None else cluster_sums(moments, unit)
    if len(sums) <= _JACKKNIFE_UNITS:
        sums = _leave_one_out(sums, design, weighted, inverse, unit)
    covariance = inverse @ (sums.T @ sums) @ inverse
    k = terms.shape[1]
    return coefficients[:k], covariance[:k, :k]


def _leave_one_out(sums: Floats, design: Floats, weighted: Floats, inverse: Floats, unit: Ints) -> Floats:
    """Rescale the moments of each row or cluster, shape (n_units, k), to those from the fit without it (HC3 or CR3)."""
    k = design.shape[1]
    products = np.empty((len(sums), k, k))
    for i in range(k):
        for j in range(k):
            products[:, i, j] = np.bincount(unit, weights=weighted[:, i] * design[:, j])
    try:
        return np.asarray(np.linalg.solve(np.eye(k) - products @ inverse, sums[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:  # a coefficient depends on one cluster alone; without it, there is no fit
        return np.full_like(sums, np.nan)


def _spread(column: Floats) -> float:
    """Return the standard deviation; exactly 0 for a constant column, whose computed mean may differ from its value by rounding."""
    return float(column.std()) if np.ptp(column) > 0.0 else 0.0


def _standardized(column: Floats) -> Floats:
    spread = _spread(column)
    return (column - column.mean()) / spread if spread > 0.0 else np.zeros_like(column)
