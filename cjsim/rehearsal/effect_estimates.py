"""Estimates of an effect from the sums of a test: differences of means or of ratios, with or without an adjustment for a covariate.

The variance of an arm's ratio R = sum(y) / sum(x) is computed from the linearized values l = (y - R x) / mean(x) (delta method; for a mean,
x = 1). With a covariate c, CUPED subtracts theta times the difference in the mean covariate, where theta is the pooled slope of l on c
(Deng and others 2013). The degrees of freedom are Welch's.

References
----------
Deng, A., Xu, Y., Kohavi, R., & Walker, T. (2013). Improving the sensitivity of online controlled experiments by utilizing pre-experiment
data. WSDM '13, 123-132.
Deng, A., Knoblich, U., & Lu, J. (2018). Applying the delta method in metric analytics. KDD '18, 233-242.
Welch, B. L. (1947). The generalization of "Student's" problem when several different population variances are involved. Biometrika, 34,
28-35.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from cjsim.frame import Array
from cjsim.rehearsal.customer_resampling import ArmPopulations, ArmSizes, ArmSums

Batch = TypeVar("Batch", bound=tuple[Array, ...])


class EffectEstimates(NamedTuple):
    """Estimated effects of rehearsed tests, by look.

    Attributes
    ----------
    effect, standard_error : ndarray of float64, shape (n_rehearsals, n_looks)
        In the unit of the metric; nan where the metric is undefined, for example because nobody is in its denominator.
    degrees_of_freedom : ndarray of float64, shape (n_rehearsals, n_looks)
    """

    effect: Array
    standard_error: Array
    degrees_of_freedom: Array

    @property
    def z(self) -> Array:
        """Effects divided by their standard errors; 0 where both are 0 or undefined; shape (n_rehearsals, n_looks)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.effect / self.standard_error
        return np.where(np.isnan(ratio), 0.0, ratio)


class EffectDeviations(NamedTuple):
    """A sample of deviations that shows how simulated effects would vary with other simulated customers.

    The mean square of each array is the squared standard error of the effect. Position i refers to the same customers in all arrays.

    Attributes
    ----------
    expected : ndarray of float64, shape (n_deviations,)
        Deviations of the expected estimate of a test.
    effect : ndarray of float64, shape (n_deviations,)
        Deviations of the true effect.
    """

    expected: Array
    effect: Array


class _ArmMoments(NamedTuple):
    """Value of the metric in an arm, and (co)variances of the linearized values l and the covariate c, with divisor n - 1."""

    value: Array
    variance: Array
    covariate: Array
    covariance: Array
    covariate_variance: Array


def concatenate_batches(batches: Sequence[Batch]) -> Batch:
    """Concatenate batches of rehearsals, which are named tuples of arrays with a rehearsal per row."""
    return type(batches[0])(*(np.concatenate(values) for values in zip(*batches, strict=True)))


def estimate_effects(
    base: ArmSums, alternative: ArmSums, *, has_denominator: bool = False, covariate_adjusted: bool = False
) -> EffectEstimates:
    """Estimate the effect at each look of each rehearsal.

    Parameters
    ----------
    base, alternative : ArmSums
        Sums of each arm.
    has_denominator : bool
        Whether the second value is the denominator of a ratio.
    covariate_adjusted : bool
        Whether to adjust for the last value, which is then a covariate.

    Returns
    -------
    EffectEstimates
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        arms = [_arm_moments(sums, has_denominator, covariate_adjusted) for sums in (base, alternative)]
        effect, slope = arms[1].value - arms[0].value, _pooled_slope(arms, (base.n, alternative.n))
        effect = effect - slope * (arms[1].covariate - arms[0].covariate)
        squares = [np.maximum(_residual_variance(arm, slope), 0.0) / sums.n for arm, sums in zip(arms, (base, alternative), strict=True)]
        total = squares[0] + squares[1]
        degrees = total * total / (squares[0] ** 2 / (base.n - 1) + squares[1] ** 2 / (alternative.n - 1))
    degrees = np.where(np.isnan(degrees), np.minimum(base.n, alternative.n) - 1.0, degrees)
    return EffectEstimates(effect, np.sqrt(total), degrees)


def population_standard_error(populations: ArmPopulations, sizes: ArmSizes, *, covariate_adjusted: bool = False) -> float:
    """Return the standard error of the effect, as implied by the variances of the populations.

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm.
    sizes : ArmSizes
        Units drawn per arm.
    covariate_adjusted : bool
        Whether the effect is adjusted for the covariate.

    Returns
    -------
    float
        In the unit of the metric.
    """
    arms = [
        _arm_moments(sums_of_all(values), populations.has_denominator, covariate_adjusted)
        for values in (populations.base, populations.alternative)
    ]
    slope = _pooled_slope(arms, (np.array([sizes.base]), np.array([sizes.alternative])))
    variances = [float(_residual_variance(arm, slope)[0, 0]) for arm in arms]
    return math.sqrt(variances[0] / sizes.base + variances[1] / sizes.alternative)


def outcome_deviations(populations: ArmPopulations) -> tuple[float, float]:
    """Return the standard deviations of the linearized outcomes per customer, under BASE and under ALTERNATIVE.

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm.

    Returns
    -------
    tuple of float
        In the unit of the metric. The standard error of an arm is its deviation divided by the square root of its number of customers.
    """
    base, alternative = (
        math.sqrt(_arm_moments(sums_of_all(values), populations.has_denominator, False).variance[0, 0] / populations.units_per_customer)
        for values in (populations.base, populations.alternative)
    )
    return base, alternative


def true_effect(populations: ArmPopulations) -> float:
    """Return the difference in the metric between the populations, in the unit of the metric."""
    base, alternative = (
        float(_arm_moments(sums_of_all(values), populations.has_denominator, False).value[0, 0])
        for values in (populations.base, populations.alternative)
    )
    return alternative - base


def jackknife_deviations(populations: ArmPopulations, *, n_groups: int = 20) -> EffectDeviations:
    """Return the deviations of the difference between populations whose rows are the same units, from a delete-a-group jackknife.

    With e_g the effect without group g of G, the deviations are sqrt(G - 1) (e_g - mean e).

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm; row i is the same unit in both.
    n_groups : int
        Number of groups of units.

    Returns
    -------
    EffectDeviations
        The deviations of the expected estimate and of the true effect are equal.
    """
    n_units = populations.base.shape[1]
    groups = np.arange(n_units) % min(n_groups, n_units)
    base, alternative = (
        _values_without_each_group(values, groups, populations.has_denominator) for values in (populations.base, populations.alternative)
    )
    effects = alternative - base
    deviations = math.sqrt(len(effects) - 1) * (effects - effects.mean())
    return EffectDeviations(deviations, deviations)


def _values_without_each_group(values: Array, groups: Array, has_denominator: bool) -> Array:
    """Return the metric of an arm without each group of units; shape (n_groups,)."""
    sums = np.bincount(groups, weights=values[0])
    counts = np.bincount(groups, weights=values[1] if has_denominator else None)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sums.sum() - sums) / (counts.sum() - counts))


def sums_of_all(values: Array) -> ArmSums:
    """Return the sums over all units, in the form of one rehearsal with one look; `values` has shape (n_values, n_units)."""
    return ArmSums(np.array([values.shape[1]]), values.sum(axis=1)[:, None, None], (values @ values.T)[:, :, None, None])


def _arm_moments(sums: ArmSums, has_denominator: bool, covariate_adjusted: bool) -> _ArmMoments:
    """Return the moments of an arm. Without an adjustment, the moments of the covariate are 0."""
    means, covariances = sums.means, sums.covariances
    value, variance, scale = means[0], covariances[0, 0], np.ones_like(means[0])
    if has_denominator:
        value, scale = means[0] / means[1], means[1]
        variance = (variance - 2 * value * covariances[0, 1] + value * value * covariances[1, 1]) / (scale * scale)
    if not covariate_adjusted:
        nothing = np.zeros_like(value)
        return _ArmMoments(value, variance, nothing, nothing, nothing)
    last = len(means) - 1
    linearized = covariances[0, last] - (value * covariances[1, last] if has_denominator else 0.0)
    return _ArmMoments(value, variance, means[last], linearized / scale, covariances[last, last])


def _pooled_slope(arms: list[_ArmMoments], sizes: tuple[Array, Array]) -> Array:
    """Return the slope of the linearized values on the covariate within arms; 0 if the covariate is constant or not used."""
    weights = [(size - 1) for size in sizes]
    covariance = weights[0] * arms[0].covariance + weights[1] * arms[1].covariance
    variance = weights[0] * arms[0].covariate_variance + weights[1] * arms[1].covariate_variance
    return np.asarray(np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance > 0))


def _residual_variance(arm: _ArmMoments, slope: Array) -> Array:
    """Return the variance of l - slope c."""
    return np.asarray(arm.variance - 2 * slope * arm.covariance + slope * slope * arm.covariate_variance)
