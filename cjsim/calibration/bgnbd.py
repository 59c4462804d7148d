"""The BG/NBD model: customers buy at gamma-distributed rates and drop out after each repeat purchase with beta-distributed probabilities.

Provides the likelihood, the fit, and expectations for new customers and for customers with a known history.

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
_MIN_DROPOUT = 1e-12  # keeps the simulated number of purchases before dropout finite


@dataclass(frozen=True)
class BgNbd:
    """BG/NBD with purchase rates gamma(shape `r`, rate `alpha` in units of time) and dropout probabilities beta(`a`, `b`).

    Examples
    --------
    >>> cdnow = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> cdnow.expected_purchases(np.array([39.0])).round(3)
    array([1.197])
    """

    name: ClassVar[str] = "bgnbd"
    title: ClassVar[str] = "BG/NBD"
    r: float
    alpha: float
    a: float
    b: float

    def expected_purchases(self, t: FloatArray) -> FloatArray:
        """E[X(t)], FHL equation 9: expected repeat purchases of a new customer within time `t` after the first purchase.

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
        """E[Y(t) | x, t_x, T], FHL equation 10: expected purchases within time `t` after `T`.

        This equals P(alive) times E[X(t)] of a new customer with the posterior parameters r + x, alpha + T, a, b + x of a live customer.

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
        ahead = np.full_like(np.asarray(x, dtype=np.float64), t)
        return self.p_alive(x, t_x, T) * _expected_purchases(ahead, self.r + x, self.alpha + T, self.a, self.b + x)

    def p_alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """P(alive at T | x, t_x, T): probability that the customer has not dropped out; 1 without a repeat purchase.

        Parameters
        ----------
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_expected_purchases`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        from scipy.special import expit

        has_repeats = np.asarray(x) > 0
        denominator = np.where(has_repeats, self.b + x - 1, 1.0)
        dropout_log_odds = np.log(self.a / denominator) + (self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + t_x))
        return np.asarray(np.where(has_repeats, expit(-dropout_log_odds), 1.0))

    def draw_rate_and_dropout(
        self, rng: np.random.Generator, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the purchase rate and dropout probability of each customer from the posterior given the history.

        A customer is alive with probability `p_alive`. The rate of a live customer is gamma(r + x, alpha + T); that of any other customer
        is 0. The dropout probability is beta(a, b + x), independent of the rate.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random number generator.
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_expected_purchases`.

        Returns
        -------
        two ndarrays of float64, shape (n,)
            Purchases per unit of time, and dropout probability.
        """
        alive = rng.random(len(x)) < self.p_alive(x, t_x, T)
        rate = rng.gamma(self.r + x) / (self.alpha + T)
        return np.where(alive, rate, 0.0), np.clip(rng.beta(self.a, self.b + x), _MIN_DROPOUT, 1.0)

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
        rate, dropout = self.draw_rate_and_dropout(rng, x, t_x, T)
        return np.minimum(rng.poisson(rate * t), rng.geometric(dropout)).astype(np.int64)

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
        purchases_before_dropout = rng.geometric(np.clip(rng.beta(self.a, self.b, size=len(T)), _MIN_DROPOUT, 1.0))
        offered_until_T = rng.poisson(rate * T)
        offered_until_end = offered_until_T + rng.poisson(rate * t)
        until_end = np.minimum(offered_until_end, purchases_before_dropout)
        until_T = np.minimum(offered_until_T, purchases_before_dropout)
        return until_T.astype(np.int64), (until_end - until_T).astype(np.int64)


def _expected_purchases(t: FloatArray, r: FloatArray, alpha: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[X(t)] for arrays of r, alpha, b: 1 - (1-z)^(a-1) 2F1(a-1, a+b-1-r; a+b-1; z), z = t/(alpha+t), times (a+b-1)/(a-1).

    This is Euler's transformation of FHL equation 9. It cancels the powers of (1-z) that overflow for frequent buyers. At a = 1, the
    formula is 0/0, so the mean of the values just below and above is used, with an error of second order in the distance.
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
        at = tuple(index)
        out[at] = _expected_purchases_by_quadrature(float(t[at]), float(r[at]), float(alpha[at]), a, float(b[at]))
    return out


def _expected_purchases_by_quadrature(t: float, r: float, alpha: float, a: float, b: float) -> float:
    """E[X(t)] as the mean over p ~ beta(a, b) of (1 - (alpha/(alpha + p t))^r) / p. Used for large a, where the series overflows."""
    from scipy.integrate import quad
    from scipy.stats import beta

    def purchases(share: float) -> float:
        p = float(beta.ppf(share, a, b))
        return float(-np.expm1(-r * np.log1p(p * t / alpha)) / p) if p > 0 else r * t / alpha

    return float(quad(purchases, 0.0, 1.0, limit=200)[0])


def bgnbd_log_likelihood(theta: FloatArray, x: FloatArray, t_x: FloatArray, T: FloatArray, weight: FloatArray) -> tuple[float, FloatArray]:
    """Log-likelihood of (r, alpha, a, b), FHL equation 6, and its gradient, in a form that neither overflows nor underflows.

    Parameters
    ----------
    theta : ndarray of float64, shape (4,)
        r, alpha, a, b.
    x, t_x, T : ndarray of float64, shape (n,)
        Number of repeat purchases; time of the last one, and end of observation, both in units of time since the first purchase.
    weight : ndarray of float64, shape (n,)
        Number of customers in each row.

    Returns
    -------
    float, ndarray of float64 of shape (4,)
    """
    from scipy.special import digamma, gammaln

    r, alpha, a, b = theta
    has_repeats = x > 0
    denominator = np.where(has_repeats, b + x - 1, 1.0)
    log_alive = -(r + x) * np.log(alpha + T)
    log_dropped = np.where(has_repeats, np.log(a) - np.log(denominator) - (r + x) * np.log(alpha + t_x), -np.inf)
    log_sum = np.logaddexp(log_alive, log_dropped)
    terms = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + log_sum
    alive_share, dropped_share = np.exp(log_alive - log_sum), np.exp(log_dropped - log_sum)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - alive_share * np.log(alpha + T) - dropped_share * np.log(alpha + t_x)
    by_alpha = r / alpha - (r + x) * (alive_share / (alpha + T) + dropped_share / (alpha + t_x))
    by_a = digamma(a + b) - digamma(a + b + x) + dropped_share / a
    by_b = digamma(a + b) - digamma(a + b + x) + digamma(b + x) - digamma(b) - dropped_share / denominator
    return float(weight @ terms), np.array([weight @ by for by in (by_r, by_alpha, by_a, by_b)])


def fit_bgnbd(x: FloatArray, t_x: FloatArray, T: FloatArray, weight: FloatArray | None = None) -> LikelihoodFit:
    """Fit BG/NBD by maximum likelihood, with 95 % profile-likelihood intervals.

    The search range of `a` and `b` ends at 1000, above which no log can identify differences in dropout between customers.

    Parameters
    ----------
    x, t_x, T : ndarray of float64, shape (n,)
        Number of repeat purchases; time of the last one, and end of observation, both in units of time since the first purchase. `x` and
        `T` must each have a value above 0.
    weight : ndarray of float64, shape (n,), optional
        Number of customers in each row. Defaults to 1.

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
