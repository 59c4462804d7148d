"""Maximum-likelihood estimation of positive parameters, with profile-likelihood intervals and parameter draws.

A model is a function that returns the log-likelihood and its gradient. The search is over the logarithms of the parameters. Its matrices
are tiny, so BLAS is limited to one thread: more threads cost CPU time and change the last digits of the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
LogLikelihood = Callable[[FloatArray], tuple[float, FloatArray]]

CHI_SQUARE_95 = 3.841458820694124  # 95 % quantile, 1 degree of freedom: twice the drop in log-likelihood at the ends of an interval
_MAX_NEWTON_STEPS = 30  # 6 to 10 usually suffice
_NEWTON_TOLERANCE = 1e-6  # of the logarithm of a parameter
_SLOPE_STEP = 1e-4  # of a parameter's logarithm, for derivatives
_MIN_BOUND_SLOPE = 0.05  # slope with respect to a parameter's logarithm above which its bound limits the log-likelihood


class ParameterEstimate(NamedTuple):
    """An estimate with the bounds of its interval. A bound that the data do not determine is None."""

    value: float
    low: float | None
    high: float | None


class SearchRange(NamedTuple):
    """Search range of a parameter. Beyond `high`, the data cannot distinguish between values."""

    low: float
    high: float


@dataclass(frozen=True)
class LikelihoodFit:
    """Result of a maximum-likelihood fit.

    Attributes
    ----------
    log_likelihood : float
        Log-likelihood at the optimum.
    estimates : dict of str to ParameterEstimate
        Estimate of each parameter with its 95 % profile-likelihood interval.
    covariance : ndarray of float64, shape (n_parameters, n_parameters)
        Covariance of the logarithms of the parameters, from the observed information; 0 for parameters at a bound.
    parameters_at_bound : tuple of str
        Parameters whose estimate is at a bound of the search range.
    """

    log_likelihood: float
    estimates: dict[str, ParameterEstimate]
    covariance: FloatArray
    parameters_at_bound: tuple[str, ...]

    @property
    def values(self) -> FloatArray:
        """Parameter values in the order of `estimates`; float64, shape (n_parameters,)."""
        return np.array([estimate.value for estimate in self.estimates.values()])

    def draw_parameters(self, n_draws: int, rng: np.random.Generator) -> FloatArray:
        """Draw parameters from the asymptotic normal distribution of their logarithms.

        Parameters
        ----------
        n_draws : int
            Number of draws.
        rng : numpy.random.Generator
            Random number generator.

        Returns
        -------
        ndarray of float64, shape (n_draws, n_parameters)
        """
        noise = rng.multivariate_normal(np.zeros(len(self.values)), self.covariance, size=n_draws, method="eigh")
        return np.asarray(self.values * np.exp(noise), dtype=np.float64)

    def slopes_of(self, function: Callable[[list[float]], FloatArray]) -> FloatArray:
        """Return the derivatives of a function of the parameters with respect to their logarithms, by central differences.

        Parameters
        ----------
        function : callable
            Returns an array, given the list of parameter values.

        Returns
        -------
        ndarray of float64, the shape of the function's value with a last axis of length n_parameters
        """
        values, slopes = self.values, []
        for index in range(len(values)):
            factor = np.exp(np.where(np.arange(len(values)) == index, _SLOPE_STEP, 0.0))
            slopes.append((function((values * factor).tolist()) - function((values / factor).tolist())) / (2 * _SLOPE_STEP))
        return np.stack(slopes, axis=-1)

    def variance_of(self, slopes: FloatArray) -> FloatArray:
        """Return the variance of values with these slopes that is due to the uncertainty of the parameters (delta method).

        Parameters
        ----------
        slopes : ndarray of float64, shape (n, n_parameters)
            Derivatives with respect to the parameters' logarithms: see `slopes_of`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return np.asarray(np.einsum("ij,jk,ik->i", slopes, self.covariance, slopes), dtype=np.float64)


class _LikelihoodSearch:
    """Maximizes the log-likelihood over the logarithms of a subset of parameters."""

    def __init__(self, function: LogLikelihood, bounds: Sequence[SearchRange]) -> None:
        self.log_likelihood = function
        self.log_bounds = np.log(np.array(bounds, dtype=np.float64))

    def maximize_over(self, start: FloatArray, free: NDArray[np.bool_]) -> tuple[float, FloatArray]:
        """Return the maximum of the log-likelihood over the free parameters, with the others fixed, and its location."""
        from scipy.optimize import minimize

        point = start.copy()
        first = self.log_likelihood(np.exp(start))[0]
        if not free.any():
            return first, point
        scale = max(1.0, abs(first))

        def objective(part: FloatArray) -> tuple[float, FloatArray]:
            point[free] = part
            values = np.exp(point)
            value, gradient = self.log_likelihood(values)
            return -value / scale, -(gradient * values)[free] / scale

        result = minimize(
            objective, start[free], jac=True, method="SLSQP", bounds=self.log_bounds[free], options={"maxiter": 500, "ftol": 1e-14}
        )
        if not result.success:
            options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9}
            second = minimize(objective, start[free], jac=True, method="L-BFGS-B", bounds=self.log_bounds[free], options=options)
            result = min(result, second, key=lambda one: float(one.fun))
        if not -float(result.fun) * scale >= first:
            return first, start.copy()
        point[free] = result.x
        return -float(result.fun) * scale, point

    def is_limited_by_bound(self, point: FloatArray, free: NDArray[np.bool_]) -> bool:
        """Return whether a free parameter is at a bound beyond which the log-likelihood would increase."""
        values = np.exp(point)
        slope = self.log_likelihood(values)[1] * values
        at_high = (np.abs(point - self.log_bounds[:, 1]) < 1e-6) & (slope > _MIN_BOUND_SLOPE)
        at_low = (np.abs(point - self.log_bounds[:, 0]) < 1e-6) & (slope < -_MIN_BOUND_SLOPE)
        return bool((free & (at_high | at_low)).any())


def maximize_likelihood(function: LogLikelihood, bounds: dict[str, SearchRange], starts: Sequence[Sequence[float]]) -> LikelihoodFit:
    """Maximize a likelihood from several starting points, and compute 95 % profile-likelihood intervals.

    Parameters
    ----------
    function : callable
        Returns the log-likelihood and its gradient, given the parameters as float64, shape (n_parameters,).
    bounds : dict of str to SearchRange
        Search range of each parameter, above 0, keyed by name in parameter order.
    starts : sequence of sequence of float
        Starting points.

    Returns
    -------
    LikelihoodFit

    References
    ----------
    Venzon, Moolgavkar (1988), Applied Statistics 37(1): profile-likelihood intervals.
    """
    import scipy.optimize  # noqa: F401  # loads its BLAS library, so that the limit applies to it
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # a dependency of scikit-learn

    with threadpool_limits(limits=1, user_api="blas"):
        return _fit(_LikelihoodSearch(function, list(bounds.values())), bounds, starts)


def _fit(search: _LikelihoodSearch, bounds: dict[str, SearchRange], starts: Sequence[Sequence[float]]) -> LikelihoodFit:
    all_free = np.ones(len(bounds), dtype=np.bool_)
    optima = [search.maximize_over(np.clip(np.log(start), *search.log_bounds.T), all_free) for start in starts]
    maximum, optimum = max(optima, key=lambda one: one[0])
    is_at_bound: NDArray[np.bool_] = np.min(np.abs(optimum[:, None] - search.log_bounds), axis=1) < 1e-6
    covariance = _covariance(search, optimum, ~is_at_bound)
    estimates = {}
    for index, name in enumerate(bounds):
        step = 2 * float(np.sqrt(covariance[index, index])) or 1.0
        low, high = (
            _interval_end_by_newton(search, optimum, maximum, covariance, index, direction)
            or _profile_interval_end(search, optimum, maximum, index, direction * step)
            for direction in (-1.0, 1.0)
        )
        estimates[name] = ParameterEstimate(_snap_to_bound(float(np.exp(optimum[index])), bounds[name]), low, high)
    names = tuple(name for name, at_bound in zip(bounds, is_at_bound, strict=True) if at_bound)
    return LikelihoodFit(maximum, estimates, covariance, names)


def _snap_to_bound(value: float, bound: SearchRange) -> float:
    """Return a bound if the value equals it up to rounding, otherwise the value."""
    bounds = [end for end in bound if abs(value / end - 1) < 1e-6]
    return bounds[0] if bounds else value


def _covariance(search: _LikelihoodSearch, optimum: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    """Return the inverse of the observed information of the free parameters' logarithms, with 0 for fixed parameters."""
    size, step = len(optimum), 1e-4
    hessian = np.zeros((size, size))

    def slope(point: FloatArray) -> FloatArray:
        values = np.exp(point)
        return search.log_likelihood(values)[1] * values

    for index in range(size):
        shift = np.where(np.arange(size) == index, step, 0.0)
        hessian[index] = (slope(optimum + shift) - slope(optimum - shift)) / (2 * step)
    free_block = np.ix_(free, free)
    eigenvalues, eigenvectors = np.linalg.eigh(-(hessian + hessian.T)[free_block] / 2)
    covariance = np.zeros((size, size))
    # A flat direction of the likelihood has no curvature to invert. A maximum variance of 4 keeps draws in a plausible range.
    covariance[free_block] = eigenvectors @ np.diag(1 / np.maximum(eigenvalues, 0.25)) @ eigenvectors.T
    return covariance


def _interval_end_by_newton(
    search: _LikelihoodSearch, optimum: FloatArray, maximum: float, covariance: FloatArray, index: int, direction: float
) -> float | None:
    """Return the end of a profile-likelihood interval as the root of Venzon and Moolgavkar's equations; None if the iteration fails.

    At the root, the drop in log-likelihood has the required size, and the slopes with respect to the other parameters are 0. Newton's
    method starts at the end of the normal interval and uses the second derivatives at the optimum throughout, so each step takes one
    evaluation. It fails if a parameter reaches a bound, or if the log-likelihood is far from quadratic.
    """
    if not np.diag(covariance).all():
        return None
    free = np.arange(len(optimum)) != index
    hessian = -np.linalg.inv(covariance)
    point = optimum
    step = direction * np.sqrt(CHI_SQUARE_95 / covariance[index, index]) * covariance[index]
    for _ in range(_MAX_NEWTON_STEPS):
        point = point + step
        if not ((point > search.log_bounds[:, 0]) & (point < search.log_bounds[:, 1])).all():
            return None
        values = np.exp(point)
        value, gradient = search.log_likelihood(values)
        slope = gradient * values
        equations = np.where(free, slope, value - maximum + CHI_SQUARE_95 / 2)
        try:
            step = -np.linalg.solve(np.where(free[:, None], hessian, slope), equations)
        except np.linalg.LinAlgError:
            return None
        if np.abs(step).max() < _NEWTON_TOLERANCE:
            return float(np.exp(point[index])) if direction * (point - optimum)[index] > 0 else None
    return None


def _profile_interval_end(search: _LikelihoodSearch, optimum: FloatArray, maximum: float, index: int, step: float) -> float | None:
    """Return the value at which twice the drop in profile log-likelihood reaches the chi-square quantile; None if it never does.

    The result is also None if the drop occurs only because another parameter is held at a bound of its search range.
    """
    from scipy.optimize import brentq

    free = np.arange(len(optimum)) != index
    evaluated = {float(optimum[index]): (-CHI_SQUARE_95, optimum)}

    def excess(position: float) -> float:
        if position not in evaluated:
            nearest = min(evaluated, key=lambda other: abs(other - position))
            optima = []
            for source in (evaluated[nearest][1], optimum):
                start = source.copy()
                start[index] = position
                optima.append(search.maximize_over(start, free))
            value, point = max(optima, key=lambda one: one[0])
            evaluated[position] = (2 * (maximum - value) - CHI_SQUARE_95, point)
        return evaluated[position][0]

    end = float(search.log_bounds[index, int(step > 0)])
    inside = float(optimum[index])
    while abs(inside - end) > 1e-6:
        outside = min(inside + step, end) if step > 0 else max(inside + step, end)
        if excess(outside) > 0:
            crossing = float(brentq(excess, inside, outside, xtol=1e-5))
            excess(crossing)
            return None if search.is_limited_by_bound(evaluated[crossing][1], free) else float(np.exp(crossing))
        inside, step = outside, 2 * step
    return None
