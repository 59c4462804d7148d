"""BG/NBD: customers who buy at gamma-distributed rates and leave after a repeat purchase with beta-distributed probability.

Lives here: its likelihood, its fit, what it expects of a new customer and of one with a history. Does not live here:
whether a log can tell dropout at all (purchases.py), forecasts with their bands (forecast.py).

References
----------
Fader, Hardie, Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), 275-284 (FHL).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, SearchRange, maximize_likelihood
from cjsim.calibration.nbd import IntArray, rate_bounds

_SINGULARITY_STEP = 1e-4
_MIN_DROPOUT = 1e-12  # of a drawn dropout, so that the number of purchases until then is finite


@dataclass(frozen=True)
class BgNbd:
    """Rates gamma with shape `r` and rate `alpha` (per unit of time); dropout after each repeat purchase beta(`a`, `b`).

    Examples
    --------
    >>> cdnow = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> cdnow.expected_purchases(np.array([39.0])).round(3)
    array([1.197])
    """

    name: ClassVar[str] = "bgnbd"
    r: float
    alpha: float
    a: float
    b: float

    def expected_purchases(self, t: FloatArray) -> FloatArray:
        """E[X(t)], FHL equation 9: repeat purchases of a customer by `t` after the first.

        Parameters
        ----------
        t : ndarray of float64, any shape, units of time

        Returns
        -------
        ndarray of float64, the shape of `t`
        """
        t = np.asarray(t, dtype=np.float64)
        full = np.ones_like(t)
        return _expected_purchases(t, self.r * full, self.alpha * full, self.a, self.b * full)

    def conditional_expected_purchases(self, t: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """E[Y(t) | x, t_x, T], FHL equation 10: purchases in the `t` after `T`.

        Equal to P(alive) times E[X(t)] of a new customer with r + x, alpha + T, a, b + x: the posterior of one alive.

        Parameters
        ----------
        t : float
            Units of time, at least 0.
        x, t_x, T : ndarray of float64, shape (n,)
            Repeat purchases, time of the last one, time observed, from the first purchase on.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        ahead = np.full_like(np.asarray(x, dtype=np.float64), t)
        return self.p_alive(x, t_x, T) * _expected_purchases(ahead, self.r + x, self.alpha + T, self.a, self.b + x)

    def p_alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """P(not yet left at T | x, t_x, T); 1 for a customer without a repeat purchase.

        Parameters
        ----------
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_purchases`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        from scipy.special import expit

        some = np.asarray(x) > 0
        before = np.where(some, self.b + x - 1, 1.0)
        odds_left = np.log(self.a / before) + (self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + t_x))
        return np.asarray(np.where(some, expit(-odds_left), 1.0))

    def draw_rate_and_dropout(
        self, rng: np.random.Generator, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Rate and dropout of each customer, drawn from its posterior given its history; a rate of 0 for one who has left.

        Alive with `p_alive`; then the rate is gamma(r + x, alpha + T), the dropout beta(a, b + x), independent of each other.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_purchases`.

        Returns
        -------
        two ndarrays of float64, shape (n,)
            Purchases per unit of time, and a probability.
        """
        alive = rng.random(len(x)) < self.p_alive(x, t_x, T)
        rate = rng.gamma(self.r + x) / (self.alpha + T)
        return np.where(alive, rate, 0.0), np.clip(rng.beta(self.a, self.b + x), _MIN_DROPOUT, 1.0)

    def draw_future_purchases(self, rng: np.random.Generator, t: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> IntArray:
        """Purchases in the `t` after `T`, one draw a customer from its posterior predictive distribution.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        t : float
            Units of time, at least 0.
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_purchases`.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        rate, dropout = self.draw_rate_and_dropout(rng, x, t_x, T)
        return np.minimum(rng.poisson(rate * t), rng.geometric(dropout)).astype(np.int64)

    def draw_new_customers(self, rng: np.random.Generator, T: FloatArray, t: float) -> tuple[IntArray, IntArray]:
        """Repeat purchases of new customers by `T`, and in the `t` after it.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        T : ndarray of float64, shape (n,)
            Time since the first purchase.
        t : float
            Units of time, at least 0.

        Returns
        -------
        two ndarrays of int64, shape (n,)
        """
        rate = rng.gamma(self.r, size=len(T)) / self.alpha
        last = rng.geometric(np.clip(rng.beta(self.a, self.b, size=len(T)), _MIN_DROPOUT, 1.0))
        early = rng.poisson(rate * T)
        late = early + rng.poisson(rate * t)
        by_end, by_then = np.minimum(late, last), np.minimum(early, last)
        return by_then.astype(np.int64), (by_end - by_then).astype(np.int64)


def _expected_purchases(t: FloatArray, r: FloatArray, alpha: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[X(t)] for arrays of r, alpha, b: 1 - (1-z)^(a-1) 2F1(a-1, a+b-1-r; a+b-1; z), z = t/(alpha+t), times (a+b-1)/(a-1).

    Euler's transformation of FHL's equation 9: the powers of (1-z), which overflow for a frequent buyer, cancel. At a = 1 the
    formula is 0/0; the mean of its two sides is exact to the square of the distance.
    """
    if abs(a - 1) < _SINGULARITY_STEP / 2:
        return (_expected_purchases(t, r, alpha, 1 - _SINGULARITY_STEP, b) + _expected_purchases(t, r, alpha, 1 + _SINGULARITY_STEP, b)) / 2
    from scipy.special import hyp2f1

    c = a + b - 1
    c = np.where(np.abs(c) < 1e-9, 1e-9, c)
    with np.errstate(over="ignore", invalid="ignore"):
        power = (a - 1) * (np.log(alpha) - np.log(alpha + t))
        value = -c / (a - 1) * (np.exp(power) * hyp2f1(a - 1, c - r, c, t / (alpha + t)) - 1)
    out = np.asarray(value, dtype=np.float64)
    for index in np.argwhere(~np.isfinite(out)):
        place = tuple(index)
        out[place] = _expected_purchases_by_quadrature(float(t[place]), float(r[place]), float(alpha[place]), a, float(b[place]))
    return out


def _expected_purchases_by_quadrature(t: float, r: float, alpha: float, a: float, b: float) -> float:
    """E[X(t)] as the mean over p ~ beta(a, b) of (1 - (alpha/(alpha + p t))^r) / p, where the series overflows (a far above 1)."""
    from scipy.integrate import quad
    from scipy.stats import beta

    def purchases(share: float) -> float:
        p = float(beta.ppf(share, a, b))
        return float(-np.expm1(-r * np.log1p(p * t / alpha)) / p) if p > 0 else r * t / alpha

    return float(quad(purchases, 0.0, 1.0, limit=200)[0])


def bgnbd_log_likelihood(theta: FloatArray, x: FloatArray, t_x: FloatArray, T: FloatArray, weight: FloatArray) -> tuple[float, FloatArray]:
    """Log-likelihood of (r, alpha, a, b), FHL equation 6, and its gradient, in a form that neither over- nor underflows.

    Parameters
    ----------
    theta : ndarray of float64, shape (4,)
        r, alpha, a, b.
    x, t_x, T : ndarray of float64, shape (n,)
        Repeat purchases, time of the last one, time observed, from the first purchase on.
    weight : ndarray of float64, shape (n,)
        Customers in each row.

    Returns
    -------
    float, ndarray of float64 of shape (4,)
    """
    from scipy.special import digamma, gammaln

    r, alpha, a, b = theta
    some = x > 0
    before = np.where(some, b + x - 1, 1.0)
    alive = -(r + x) * np.log(alpha + T)
    left = np.where(some, np.log(a) - np.log(before) - (r + x) * np.log(alpha + t_x), -np.inf)
    both = np.logaddexp(alive, left)
    terms = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + both
    share_alive, share_left = np.exp(alive - both), np.exp(left - both)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - share_alive * np.log(alpha + T) - share_left * np.log(alpha + t_x)
    by_alpha = r / alpha - (r + x) * (share_alive / (alpha + T) + share_left / (alpha + t_x))
    by_a = digamma(a + b) - digamma(a + b + x) + share_left / a
    by_b = digamma(a + b) - digamma(a + b + x) + digamma(b + x) - digamma(b) - share_left / before
    return float(weight @ terms), np.array([weight @ by for by in (by_r, by_alpha, by_a, by_b)])


def fit_bgnbd(x: FloatArray, t_x: FloatArray, T: FloatArray, weight: FloatArray | None = None) -> LikelihoodFit:
    """Maximum likelihood of BG/NBD with 95 % profile-likelihood intervals.

    `a` and `b` are searched up to 1000, where all customers have the same dropout as far as any log can tell.

    Parameters
    ----------
    x, t_x, T : ndarray of float64, shape (n,)
        Repeat purchases (some above 0), time of the last one, time observed (some above 0).
    weight : ndarray of float64, shape (n,), optional
        Customers in each row; 1 if not given.

    Returns
    -------
    LikelihoodFit
        Parameters r, alpha, a, b.
    """
    weight = np.ones_like(x) if weight is None else weight
    mean_wait = float((weight @ T) / (weight @ x))
    bounds = rate_bounds(x, T) | {"a": SearchRange(1e-3, 1e3), "b": SearchRange(1e-3, 1e3)}
    starts = [(r, r * mean_wait, a, b) for r, a, b in ((0.3, 0.5, 2.0), (1.0, 1.0, 5.0), (1.0, 0.1, 1.0), (5.0, 5.0, 30.0))]
    return maximize_likelihood(lambda theta: bgnbd_log_likelihood(theta, x, t_x, T, weight), bounds, starts)
