"""Maximum likelihood for positive parameters: the optimum, profile-likelihood intervals, draws of the parameters.

Lives here: the search, on the logarithms of the parameters, and what it found. Does not live here: any model; a model
comes as a function that gives its log-likelihood and the gradient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
LogLikelihood = Callable[[FloatArray], tuple[float, FloatArray]]

CHI_SQUARE_95 = 3.841458820694124  # 95 % point of chi-square with one degree of freedom: twice the fall of the log-likelihood at the ends
_MIN_BOUND_SLOPE = 0.05  # slope of the log-likelihood by the logarithm of a parameter, beyond which a bound matters


class ParameterEstimate(NamedTuple):
    """A value with the ends of its interval; an end that the data do not set is None."""

    value: float
    low: float | None
    high: float | None


class SearchRange(NamedTuple):
    """The range in which a parameter is searched: past `high` a model does not change any more, as far as data can tell."""

    low: float
    high: float


@dataclass(frozen=True)
class LikelihoodFit:
    """What maximum likelihood found.

    Attributes
    ----------
    log_likelihood : float
        At the optimum.
    estimates : dict of str to ParameterEstimate
        By parameter: the value, and its 95 % profile-likelihood interval.
    covariance : ndarray of float64, shape (n_parameters, n_parameters)
        Of the logarithms of the parameters, from the observed information; 0 for a parameter at a bound.
    parameters_at_bound : tuple of str
        Parameters that ran to an end of their range.
    """

    log_likelihood: float
    estimates: dict[str, ParameterEstimate]
    covariance: FloatArray
    parameters_at_bound: tuple[str, ...]

    @property
    def values(self) -> FloatArray:
        """The parameters, float64, shape (n_parameters,), in the order of `estimates`."""
        return np.array([estimate.value for estimate in self.estimates.values()])

    def draw_parameters(self, n_draws: int, rng: np.random.Generator) -> FloatArray:
        """Parameters drawn from the asymptotic normal distribution of their logarithms.

        Parameters
        ----------
        n_draws : int
            Number of draws.
        rng : numpy.random.Generator
            Where the randomness comes from.

        Returns
        -------
        ndarray of float64, shape (count, n_parameters)
        """
        noise = rng.multivariate_normal(np.zeros(len(self.values)), self.covariance, size=n_draws, method="eigh")
        return np.asarray(self.values * np.exp(noise), dtype=np.float64)


class _LikelihoodSearch:
    """The log-likelihood as a function of the logarithms of the parameters, to be minimised over some of them."""

    def __init__(self, function: LogLikelihood, bounds: Sequence[SearchRange]) -> None:
        self.log_likelihood = function
        self.log_bounds = np.log(np.array(bounds, dtype=np.float64))

    def maximize_over(self, start: FloatArray, free: NDArray[np.bool_]) -> tuple[float, FloatArray]:
        """The highest log-likelihood over the free parameters, the others held, and where it is."""
        from scipy.optimize import minimize

        point = start.copy()
        first = self.log_likelihood(np.exp(start))[0]
        if not free.any():
            return first, point
        scale = max(1.0, abs(first))

        def objective(part: FloatArray) -> tuple[float, FloatArray]:
            point[free] = part
            values = np.exp(point)
            height, slope = self.log_likelihood(values)
            return -height / scale, -(slope * values)[free] / scale

        # SLSQP keeps to tiny dense matrices; L-BFGS-B, which rescues it, calls threaded BLAS for them and is slow on a busy machine.
        found = minimize(
            objective, start[free], jac=True, method="SLSQP", bounds=self.log_bounds[free], options={"maxiter": 500, "ftol": 1e-14}
        )
        if not found.success:
            options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9}
            rescue = minimize(objective, start[free], jac=True, method="L-BFGS-B", bounds=self.log_bounds[free], options=options)
            found = min(found, rescue, key=lambda tried: float(tried.fun))
        if not -float(found.fun) * scale >= first:
            return first, start.copy()
        point[free] = found.x
        return -float(found.fun) * scale, point

    def is_limited_by_bound(self, point: FloatArray, free: NDArray[np.bool_]) -> bool:
        """Whether a free parameter at an end of its range would raise the log-likelihood beyond it."""
        values = np.exp(point)
        slope = self.log_likelihood(values)[1] * values
        over = (np.abs(point - self.log_bounds[:, 1]) < 1e-6) & (slope > _MIN_BOUND_SLOPE)
        under = (np.abs(point - self.log_bounds[:, 0]) < 1e-6) & (slope < -_MIN_BOUND_SLOPE)
        return bool((free & (over | under)).any())


def maximize_likelihood(function: LogLikelihood, bounds: dict[str, SearchRange], starts: Sequence[Sequence[float]]) -> LikelihoodFit:
    """The parameters of highest likelihood over several starts, with 95 % profile-likelihood intervals.

    Parameters
    ----------
    function : callable
        Gives the log-likelihood and its gradient by the parameters (float64, shape (n_parameters,)).
    bounds : dict of str to SearchRange
        The names of the parameters, in their order, and the range of each, above 0.
    starts : sequence of sequence of float
        Points from which to search.

    Returns
    -------
    LikelihoodFit

    References
    ----------
    Venzon, Moolgavkar (1988), Applied Statistics 37(1): profile-likelihood intervals.
    """
    search = _LikelihoodSearch(function, list(bounds.values()))
    everything = np.ones(len(bounds), dtype=np.bool_)
    tries = [search.maximize_over(np.clip(np.log(start), *search.log_bounds.T), everything) for start in starts]
    height, top = max(tries, key=lambda found: found[0])
    stuck: NDArray[np.bool_] = np.min(np.abs(top[:, None] - search.log_bounds), axis=1) < 1e-6
    covariance = _covariance(search, top, ~stuck)
    estimates = {}
    for index, name in enumerate(bounds):
        step = 2 * float(np.sqrt(covariance[index, index])) or 1.0
        low, high = (_profile_interval_end(search, top, height, index, direction * step) for direction in (-1.0, 1.0))
        estimates[name] = ParameterEstimate(_snap_to_bound(float(np.exp(top[index])), bounds[name]), low, high)
    names = tuple(name for name, at_end in zip(bounds, stuck, strict=True) if at_end)
    return LikelihoodFit(height, estimates, covariance, names)


def _snap_to_bound(value: float, bound: SearchRange) -> float:
    """The value, or the end of its range if it is there but for rounding."""
    near = [end for end in bound if abs(value / end - 1) < 1e-6]
    return near[0] if near else value


def _covariance(search: _LikelihoodSearch, top: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    """Inverse of the observed information of the free parameters' logarithms; 0 where it has none."""
    size, step = len(top), 1e-4
    hessian = np.zeros((size, size))

    def slope(point: FloatArray) -> FloatArray:
        values = np.exp(point)
        return search.log_likelihood(values)[1] * values

    for index in range(size):
        shift = np.where(np.arange(size) == index, step, 0.0)
        hessian[index] = (slope(top + shift) - slope(top - shift)) / (2 * step)
    inner = np.ix_(free, free)
    weights, axes = np.linalg.eigh(-(hessian + hessian.T)[inner] / 2)
    covariance = np.zeros((size, size))
    # A direction along which the likelihood is flat has no curvature to invert: a variance of at most 4 keeps draws within reach.
    covariance[inner] = axes @ np.diag(1 / np.maximum(weights, 0.25)) @ axes.T
    return covariance


def _profile_interval_end(search: _LikelihoodSearch, top: FloatArray, height: float, index: int, step: float) -> float | None:
    """Where twice the fall of the profile log-likelihood reaches the cut, going from the top by steps; None if it never does.

    It is None as well where the fall comes only from another parameter that may not go past the end of its range.
    """
    from scipy.optimize import brentq

    free = np.arange(len(top)) != index
    places = {float(top[index]): (-CHI_SQUARE_95, top)}

    def excess(position: float) -> float:
        if position not in places:
            nearest = min(places, key=lambda known: abs(known - position))
            tries = []
            for source in (places[nearest][1], top):
                start = source.copy()
                start[index] = position
                tries.append(search.maximize_over(start, free))
            reached, point = max(tries, key=lambda found: found[0])
            places[position] = (2 * (height - reached) - CHI_SQUARE_95, point)
        return places[position][0]

    end = float(search.log_bounds[index, int(step > 0)])
    inside = float(top[index])
    while abs(inside - end) > 1e-6:
        outside = min(inside + step, end) if step > 0 else max(inside + step, end)
        if excess(outside) > 0:
            found = float(brentq(excess, inside, outside, xtol=1e-5))
            excess(found)
            return None if search.is_limited_by_bound(places[found][1], free) else float(np.exp(found))
        inside, step = outside, 2 * step
    return None
