"""The BG/NBD model: customers buy at gamma-distributed rates and drop out after each repeat purchase with beta-distributed probabilities.

Provides the likelihood, the fit, and expectations for new customers and for customers with a known history.

References
----------
Fader, Hardie, Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), 275-284 (FHL).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cjsim.calibration.distinct_histories import distinct_rows
from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, SearchRange, maximize_likelihood
from cjsim.calibration.nbd import IntArray, rate_bounds

_SINGULARITY_STEP = 1e-4
_ROWS_PER_BLOCK = 8192  # histories whose terms are computed together; their arrays fit into a core's cache
_ROWS_PER_CHUNK = 2000  # of the quadrature, to limit memory
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
        return self.p_alive(x, t_x, T) * self.expected_purchases_if_alive(t, x, T)

    def expected_purchases_if_alive(self, t: float, x: FloatArray, T: FloatArray) -> FloatArray:
        """Expected purchases within time `t` after `T` of a customer who is alive at `T`. They do not depend on `t_x`.

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
        ahead = np.full_like(np.asarray(x, dtype=np.float64), t)
        return _expected_purchases(ahead, self.r + x, self.alpha + T, self.a, self.b + x)

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

        return np.asarray(expit(-self.dropout_log_odds(x, t_x, T)))

    def dropout_log_odds(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Logarithm of the odds that the customer has dropped out by `T`; minus infinity without a repeat purchase.

        Parameters
        ----------
        x, t_x, T : ndarray of float64, shape (n,)
            As in `conditional_expected_purchases`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        has_repeats = np.asarray(x) > 0
        denominator = np.where(has_repeats, self.b + x - 1, 1.0)
        log_odds = np.log(self.a / denominator) + (self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + t_x))
        return np.asarray(np.where(has_repeats, log_odds, -np.inf))

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

    def draw_purchases_if_alive(self, rng: np.random.Generator, t: float, x: FloatArray, T: FloatArray) -> tuple[IntArray, IntArray]:
        """Draw purchases within time `t` after `T` of customers who are alive at `T`, with and without later dropout.

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
            Purchases, and purchases that the customer would have made without dropout.
        """
        without_dropout = rng.poisson(rng.gamma(self.r + x) / (self.alpha + T) * t)
        purchases_before_dropout = rng.geometric(np.clip(rng.beta(self.a, self.b + x), _MIN_DROPOUT, 1.0))
        return np.minimum(without_dropout, purchases_before_dropout).astype(np.int64), without_dropout.astype(np.int64)

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
    if not (is_finite := np.isfinite(out)).all():
        (t, r, alpha, b), _, row_index = distinct_rows(*(np.broadcast_to(part, out.shape)[~is_finite] for part in (t, r, alpha, b)))
        chunks = np.array_split(np.arange(len(t)), len(t) // _ROWS_PER_CHUNK + 1)
        means = [_expected_purchases_by_quadrature(t[rows], r[rows], alpha[rows], a, b[rows]) for rows in chunks]
        out[~is_finite] = np.concatenate(means)[row_index]
    return out


def _expected_purchases_by_quadrature(t: FloatArray, r: FloatArray, alpha: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[X(t)] as the mean over p ~ beta(a, b) of (1 - (alpha/(alpha + p t))^r) / p. Used for large a, where the series overflows.

    This is the trapezoidal rule over the log-odds of p, where the density has exponential tails and no singularity.
    """
    from scipy.special import digamma, expit, polygamma

    left, right = 25 * np.sqrt(polygamma(1, a)), 25 * np.sqrt(polygamma(1, b))
    start, length = digamma(a) - digamma(b) - left, left + right
    log_odds = start[:, None] + length[:, None] * np.linspace(0.0, 1.0, 401)
    log_density = -a * np.logaddexp(0.0, -log_odds) - b[:, None] * np.logaddexp(0.0, log_odds)
    weight = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    p = np.maximum(expit(log_odds), 1e-300)
    purchases = -np.expm1(-r[:, None] * np.log1p(p * (t / alpha)[:, None])) / p
    return np.asarray((weight * purchases).sum(axis=1) / weight.sum(axis=1), dtype=np.float64)


class BgNbdLikelihood:
    """Log-likelihood of (r, alpha, a, b), FHL equation 6, and its gradient, in a form that neither overflows nor underflows.

    Terms that depend only on `x`, `t_x` or `T` are computed once for each distinct value. Sums use numpy's own loops: BLAS would start
    threads, which take far longer than the sums.

    Parameters
    ----------
    x, t_x, T : ndarray of float64, shape (n,)
        Number of repeat purchases; time of the last one, and end of observation, both in units of time since the first purchase.
    weight : ndarray of float64, shape (n,)
        Number of customers in each row.
    """

    def __init__(self, x: FloatArray, t_x: FloatArray, T: FloatArray, weight: FloatArray) -> None:
        self._total_weight = float(weight.sum())
        self._counts, count_index = np.unique(x, return_inverse=True)
        self._count_weight = np.bincount(count_index, weights=weight)
        self._ends, end_index = np.unique(T, return_inverse=True)
        single, repeat = x == 0, x > 0
        self._single_weight = np.bincount(end_index[single], weights=weight[single], minlength=len(self._ends))
        self._lasts, self._last_index = np.unique(t_x[repeat], return_inverse=True)
        self._x, self._weight = x[repeat], weight[repeat]
        self._count_index, self._end_index = count_index[repeat], end_index[repeat]
        self._blocks = [slice(start, start + _ROWS_PER_BLOCK) for start in range(0, len(self._x), _ROWS_PER_BLOCK)]

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood and its gradient at `theta`, float64 of shape (4,)."""
        value, gradient = self._purchase_count_terms(*theta)
        history_value, history_gradient = self._history_terms(*theta)
        return value + history_value, gradient + history_gradient

    def _purchase_count_terms(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        """Return the terms that depend on the number of purchases alone, and those of customers without a repeat purchase."""
        from scipy.special import digamma, gammaln

        counts, weight, single = self._counts, self._count_weight, self._single_weight
        log_end = np.log(alpha + self._ends)
        terms = gammaln(r + counts) - gammaln(r) + gammaln(a + b) + gammaln(b + counts) - gammaln(b) - gammaln(a + b + counts)
        value = np.sum(weight * terms) + self._total_weight * r * np.log(alpha) - r * np.sum(single * log_end)
        by_r = np.sum(weight * (digamma(r + counts) - digamma(r))) + self._total_weight * np.log(alpha) - np.sum(single * log_end)
        by_alpha = self._total_weight * r / alpha - r * np.sum(single / (alpha + self._ends))
        by_both = digamma(a + b) - digamma(a + b + counts)
        by_b = np.sum(weight * (by_both + digamma(b + counts) - digamma(b)))
        return float(value), np.array([by_r, by_alpha, np.sum(weight * by_both), by_b])

    def _history_terms(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        """Return the terms of customers with repeat purchases: they are alive, or dropped out after the last purchase."""
        repeats_before_last = np.where(self._counts > 0, b + self._counts - 1, 1.0)
        log_odds_at_last, per_repeat = np.log(a / repeats_before_last), 1.0 / repeats_before_last
        ends, lasts = alpha + self._ends, alpha + self._lasts
        log_ends, log_lasts = np.log(ends), np.log(lasts)
        total = np.zeros(5)
        for rows in self._blocks:
            weight, shape = self._weight[rows], r + self._x[rows]
            count_index, end_index, last_index = self._count_index[rows], self._end_index[rows], self._last_index[rows]
            log_end, log_last = log_ends[end_index], log_lasts[last_index]
            log_odds = log_odds_at_last[count_index] + shape * (log_end - log_last)  # of having dropped out
            smaller = np.exp(-np.abs(log_odds))
            dropped = weight * np.where(log_odds > 0, 1.0, smaller) / (1.0 + smaller)
            alive = weight - dropped
            total += (
                np.sum(weight * (np.maximum(log_odds, 0.0) + np.log1p(smaller) - shape * log_end)),
                -np.sum(alive * log_end + dropped * log_last),
                -np.sum(shape * (alive / ends[end_index] + dropped / lasts[last_index])),
                np.sum(dropped) / a,
                -np.sum(dropped * per_repeat[count_index]),
            )
        return float(total[0]), total[1:]


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
    mean_wait = float(np.sum(weight * T) / np.sum(weight * x))
    bounds = rate_bounds(x, T) | {"a": SearchRange(1e-3, 1e3), "b": SearchRange(1e-3, 1e3)}
    starts = [(r, r * mean_wait, a, b) for r, a, b in ((0.3, 0.5, 2.0), (1.0, 1.0, 5.0), (1.0, 0.1, 1.0), (5.0, 5.0, 30.0))]
    return maximize_likelihood(BgNbdLikelihood(x, t_x, T, weight), bounds, starts)
