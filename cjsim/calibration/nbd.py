"""The NBD model, used if the log cannot identify dropout: customers buy at gamma-distributed rates and never drop out.

Provides the likelihood, the fit and expectations. NBD is the limit of BG/NBD without dropout.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, SearchRange, maximize_likelihood

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Nbd:
    """NBD: Poisson purchases whose rates are gamma(shape `r`, rate `alpha` in units of time) across customers.

    References
    ----------
    Ehrenberg (1959), Applied Statistics 8(1); Schmittlein, Bemmaor, Morrison (1985), Marketing Science 4(3).

    Examples
    --------
    >>> Nbd(r=1.0, alpha=2.0).expected_purchases(np.array([4.0]))
    array([2.])
    """

    name: ClassVar[str] = "nbd"
    title: ClassVar[str] = "NBD"
    r: float
    alpha: float

    def expected_purchases(self, t: FloatArray) -> FloatArray:
        """E[X(t)] = r t / alpha: expected repeat purchases of a new customer within time `t` after the first purchase.

        Parameters
        ----------
        t : ndarray of float64, any shape, units of time

        Returns
        -------
        ndarray of float64, the shape of `t`
        """
        return np.asarray(self.r * np.asarray(t, dtype=np.float64) / self.alpha)

    def conditional_expected_purchases(self, t: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """E[Y(t) | x, t_x, T] = t (r + x) / (alpha + T): expected purchases within time `t` after `T`.

        Parameters
        ----------
        t : float
            Length of the forecast, in units of time; at least 0.
        x, t_x, T : ndarray of float64, shape (n,)
            Number of repeat purchases; time of the last one, and end of observation, both in units of time since the first purchase.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return self.expected_purchases_if_alive(t, x, T)

    def expected_purchases_if_alive(self, t: float, x: FloatArray, T: FloatArray) -> FloatArray:
        """Expected purchases within time `t` after `T`. Every customer is alive.

        Parameters
        ----------
        t : float
            Length of the forecast, in units of time; at least 0.
        x, T : ndarray of float64, shape (n,)
            As in `conditional_expected_purchases`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return np.asarray(t * (self.r + x) / (self.alpha + T))

    def p_alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """P(alive at T), which is 1 for every customer.

        Parameters
        ----------
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_expected_purchases`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return np.ones_like(np.asarray(x, dtype=np.float64))

    def draw_future_purchases(self, rng: np.random.Generator, t: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> IntArray:
        """Draw each customer's number of purchases within time `t` after `T` from the posterior predictive distribution.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random number generator.
        t : float
            Length of the forecast, in units of time; at least 0.
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_expected_purchases`.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        rate = rng.gamma(self.r + x) / (self.alpha + T)
        return np.asarray(rng.poisson(rate * t), dtype=np.int64)

    def draw_purchases_if_alive(self, rng: np.random.Generator, t: float, x: FloatArray, T: FloatArray) -> tuple[IntArray, IntArray]:
        """Draw purchases within time `t` after `T`. Both arrays are the same, because no customer drops out.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random number generator.
        t : float
            Length of the forecast, in units of time; at least 0.
        x, T : ndarray of float64, shape (n,)
            As in `conditional_expected_purchases`.

        Returns
        -------
        two ndarrays of int64, shape (n,)
        """
        purchases = np.asarray(rng.poisson(rng.gamma(self.r + x) / (self.alpha + T) * t), dtype=np.int64)
        return purchases, purchases

    def draw_new_customers(self, rng: np.random.Generator, T: FloatArray, t: float) -> tuple[IntArray, IntArray]:
        """Draw the numbers of repeat purchases of new customers until `T`, and within time `t` after `T`.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random number generator.
        T : ndarray of float64, shape (n,)
            End of observation, in units of time since the first purchase.
        t : float
            Length of the second period, in units of time; at least 0.

        Returns
        -------
        two ndarrays of int64, shape (n,)
        """
        rate = rng.gamma(self.r, size=len(T)) / self.alpha
        return rng.poisson(rate * T).astype(np.int64), rng.poisson(rate * t).astype(np.int64)


class NbdLikelihood:
    """Log-likelihood of (r, alpha), the weighted sum of ln[Gamma(r+x)/Gamma(r) alpha^r (alpha+T)^-(r+x)], and its gradient.

    The likelihood needs only the number of customers by `x`, and the numbers of customers and of purchases by `T`.

    Parameters
    ----------
    x, T : ndarray of float64, shape (n,)
        Number of repeat purchases, and end of observation in units of time since the first purchase.
    weight : ndarray of float64, shape (n,)
        Number of customers in each row.
    """

    def __init__(self, x: FloatArray, T: FloatArray, weight: FloatArray) -> None:
        self._counts, count_index = np.unique(x, return_inverse=True)
        self._count_weight = np.bincount(count_index, weights=weight)
        self._ends, end_index = np.unique(T, return_inverse=True)
        self._end_weight, self._end_purchases = (np.bincount(end_index, weights=total) for total in (weight, weight * x))

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood and its gradient at `theta`, float64 of shape (2,)."""
        from scipy.special import digamma, gammaln

        r, alpha = theta
        counts, weight, total = self._counts, self._count_weight, np.sum(self._count_weight)
        log_end, shapes = np.log(alpha + self._ends), r * self._end_weight + self._end_purchases
        value = np.sum(weight * (gammaln(r + counts) - gammaln(r))) + total * r * np.log(alpha) - np.sum(shapes * log_end)
        by_r = np.sum(weight * (digamma(r + counts) - digamma(r))) + total * np.log(alpha) - np.sum(self._end_weight * log_end)
        by_alpha = total * r / alpha - np.sum(shapes / (alpha + self._ends))
        return float(value), np.array([by_r, by_alpha])


def rate_bounds(x: FloatArray, T: FloatArray) -> dict[str, SearchRange]:
    """Return the search ranges of `r` and `alpha`. Above r = 1000, the coefficient of variation of the rates is about 3 % or less.

    Parameters
    ----------
    x, T : ndarray of float64, shape (n,)
        Number of repeat purchases, and end of observation in units of time since the first purchase.

    Returns
    -------
    dict of str to SearchRange
    """
    scale = float(np.mean(T)) / max(float(np.mean(x)), 1e-9)
    return {"r": SearchRange(0.01, 1000.0), "alpha": SearchRange(1e-4 * scale, 1e5 * scale)}


def fit_nbd(x: FloatArray, T: FloatArray, weight: FloatArray | None = None) -> LikelihoodFit:
    """Fit NBD by maximum likelihood, with 95 % profile-likelihood intervals.

    Parameters
    ----------
    x, T : ndarray of float64, shape (n,)
        Number of repeat purchases, and end of observation in units of time since the first purchase. Each array must contain at least
        one value above 0.
    weight : ndarray of float64, shape (n,), optional
        Number of customers in each row. Defaults to 1.

    Returns
    -------
    LikelihoodFit
        Parameters r and alpha.
    """
    weight = np.ones_like(x) if weight is None else weight
    mean_wait = float(np.sum(weight * T) / np.sum(weight * x))
    starts = [(r, r * mean_wait) for r in (0.3, 1.0, 5.0)]
    return maximize_likelihood(NbdLikelihood(x, T, weight), rate_bounds(x, T), starts)
