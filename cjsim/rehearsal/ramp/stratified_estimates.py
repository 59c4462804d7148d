"""Estimates of an effect that are stratified by phase.

Each arm's mean is the mean over phases, weighted by the customers of both arms in the phase: M = sum_k w_k mean_k. Therefore, both arms
refer to the same mix of phases, regardless of their shares. A ratio is the ratio of the weighted means (the combined ratio estimator), and
its variance is the variance of l = (y - R x) / M_x. The variance of the effect is the sum of w_k^2 var_k(l) / n_k over phases and arms.
With a covariate, the effect is adjusted with the slope that minimizes this variance. The degrees of freedom are Satterthwaite's.

References
----------
Cochran, W. G. (1977). Sampling techniques (3rd ed.). Wiley. Sections 5.4 and 6.11.
Miratrix, L. W., Sekhon, J. S., & Yu, B. (2013). Adjusting treatment effect estimates by post-stratification in randomized experiments.
Journal of the Royal Statistical Society B, 75(2), 369-396.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cjsim.frame import Array
from cjsim.rehearsal.customer_resampling import ArmSums
from cjsim.rehearsal.effect_estimates import EffectEstimates, sums_of_all
from cjsim.rehearsal.ramp.phase_strata import PhaseStratum


class _PhaseMoments(NamedTuple):
    """Moments of one arm in one phase: number of units, means, and covariances of the means, each weighted for the sum over phases."""

    n: Array
    means: Array  # (n_values, n_rehearsals, n_looks)
    covariances: Array  # (n_values, n_values, n_rehearsals, n_looks)


def estimate_stratified_effects(
    base: Sequence[ArmSums], alternative: Sequence[ArmSums], *, has_denominator: bool = False, covariate_adjusted: bool = False
) -> EffectEstimates:
    """Estimate the effect of each rehearsal, stratified by phase.

    Parameters
    ----------
    base, alternative : sequence of ArmSums
        Sums of each arm, by phase.
    has_denominator : bool
        Whether the second value is the denominator of a ratio.
    covariate_adjusted : bool
        Whether to adjust for the last value, which is then a covariate.

    Returns
    -------
    EffectEstimates
    """
    customers = [one.n + other.n for one, other in zip(base, alternative, strict=True)]
    weights = [n / np.sum(customers, axis=0) for n in customers]
    arms = [[_moments(sums, sums.n, weight) for sums, weight in zip(arm, weights, strict=True)] for arm in (base, alternative)]
    return _estimates(arms, has_denominator, covariate_adjusted)


def stratified_standard_error(strata: Sequence[PhaseStratum], *, covariate_adjusted: bool = False) -> float:
    """Return the standard error of the stratified effect, as implied by the variances of the populations.

    Parameters
    ----------
    strata : sequence of PhaseStratum
        Strata with customers.
    covariate_adjusted : bool
        Whether the effect is adjusted for the covariate.

    Returns
    -------
    float
        In the unit of the metric.
    """
    total = sum(one.customers for one in strata)
    arms = [
        [_moments(sums_of_all(one.populations.base), np.array([one.sizes.base]), one.customers / total) for one in strata],
        [_moments(sums_of_all(one.populations.alternative), np.array([one.sizes.alternative]), one.customers / total) for one in strata],
    ]
    return float(_estimates(arms, strata[0].populations.has_denominator, covariate_adjusted).standard_error[0, 0])


def _moments(sums: ArmSums, n: Array, weight: Array | float) -> _PhaseMoments:
    return _PhaseMoments(n, weight * sums.means, weight * weight / n * sums.covariances)


def _estimates(arms: list[list[_PhaseMoments]], has_denominator: bool, covariate_adjusted: bool) -> EffectEstimates:
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [np.sum([phase.means for phase in arm], axis=0) for arm in arms]
        values = [mean[0] / mean[1] if has_denominator else mean[0] for mean in means]
        gradients = [_gradient(mean, has_denominator) for mean in means]
        effect = values[1] - values[0]
        if covariate_adjusted:
            slope = _best_slope(arms, gradients)
            effect = effect - slope * (means[1][-1] - means[0][-1])
            for gradient in gradients:
                gradient[-1] = -slope
        phases = [(phase.n, _variance(phase, gradient)) for arm, gradient in zip(arms, gradients, strict=True) for phase in arm]
        total = np.sum([variance for _, variance in phases], axis=0)
        degrees = total * total / np.sum([variance**2 / (n - 1) for n, variance in phases], axis=0)
    fewest = np.min([n for n, _ in phases], axis=0) - 1.0
    return EffectEstimates(effect, np.sqrt(total), np.where(np.isnan(degrees), fewest, degrees))


def _gradient(means: Array, has_denominator: bool) -> Array:
    """Return the derivatives of an arm's metric with respect to its means."""
    gradient = np.zeros_like(means)
    gradient[0] = 1.0
    if has_denominator:
        gradient[0] = 1.0 / means[1]
        gradient[1] = -means[0] / means[1] ** 2
    return gradient


def _best_slope(arms: list[list[_PhaseMoments]], gradients: list[Array]) -> Array:
    """Return the slope on the covariate that minimizes the variance of the effect; 0 if the covariate is constant."""
    pairs = [(phase, gradient) for arm, gradient in zip(arms, gradients, strict=True) for phase in arm]
    covariance = np.sum([(gradient * phase.covariances[:, -1]).sum(axis=0) for phase, gradient in pairs], axis=0)
    variance = np.sum([phase.covariances[-1, -1] for phase, _ in pairs], axis=0)
    return np.asarray(np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance > 0))


def _variance(phase: _PhaseMoments, gradient: Array) -> Array:
    """Return the part of the variance of the effect that one arm contributes in one phase."""
    return np.asarray(np.maximum(np.einsum("i...,j...,ij...->...", gradient, gradient, phase.covariances), 0.0))
