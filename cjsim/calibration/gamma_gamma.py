"""Models of spend per purchase: gamma-gamma, and a lognormal for logs that cannot identify differences in spend between customers.

Provides likelihoods, fits, and expectations for new customers and for customers with a known history. Both models assume that spend is
independent of purchase times. `model_selection` reports the correlation.

References
----------
Fader, Hardie (2013), The gamma-gamma model of monetary value, brucehardie.com/notes/025 (FH). Fenton (1960), The sum of log-normal
probability distributions in scatter transmission systems, IRE Transactions on Communications Systems 8(1), 57-67.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, SearchRange, maximize_likelihood

_MAX_SUMMED_PURCHASES = 100  # per customer, drawn one by one; the sum of more is drawn at once


@dataclass(frozen=True)
class GammaGamma:
    """Gamma-gamma model: spend per purchase is gamma(shape `p`, rate nu), and nu is gamma(shape `q`, rate `v`) across customers.

    Examples
    --------
    >>> round(GammaGamma(p=6.25, q=3.74, v=15.44).mean_spend(), 2)
    35.22
    """

    name: ClassVar[str] = "gamma_gamma"
    title: ClassVar[str] = "gamma-gamma"
    p: float
    q: float
    v: float

    def mean_spend(self) -> float:
        """Expected spend per purchase of a new customer, p v / (q - 1), in currency units; infinite for q <= 1."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else float("inf")

    def conditional_mean(self, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Expected spend p (v + x z) / (p x + q - 1) of a customer whose `x` repeat purchases had the mean z = `spend` (FH equation 5).

        Parameters
        ----------
        x : ndarray of float64, shape (n,)
            Number of repeat purchases.
        spend : ndarray of float64, shape (n,), money
            Mean spend of the repeat purchases; ignored where `x` is 0.

        Returns
        -------
        ndarray of float64, shape (n,), money
        """
        return np.asarray(self.p * (self.v + _repeat_money(x, spend)) / (self.p * x + self.q - 1))

    def spend_scale(self, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Return v + x z. Given `x`, the predictive distribution of a customer's future spend scales with this value.

        Parameters
        ----------
        x, spend : ndarray of float64, shape (n,)
            As in `conditional_mean`.

        Returns
        -------
        ndarray of float64, shape (n,), money
        """
        return self.v + _repeat_money(x, spend)

    def draw_money_rates(self, rng: np.random.Generator, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Draw the rate nu of each customer's spend from the posterior gamma(p x + q, v + x z).

        Parameters
        ----------
        rng : numpy.random.Generator
            Random number generator.
        x, spend : ndarray of float64, shape (n,)
            As in `conditional_mean`.

        Returns
        -------
        ndarray of float64, shape (n,), 1 / money
        """
        return np.asarray(rng.gamma(self.q + self.p * x) / (self.v + _repeat_money(x, spend)))

    def draw_total_spend(self, rng: np.random.Generator, purchases: FloatArray, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Draw each customer's total spend on future purchases from the posterior predictive distribution.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random number generator.
        purchases : ndarray of float64, shape (n,)
            Number of future purchases.
        x, spend : ndarray of float64, shape (n,)
            As in `conditional_mean`.

        Returns
        -------
        ndarray of float64, shape (n,), money
        """
        buys = purchases > 0
        money = np.zeros_like(x)
        money[buys] = rng.gamma(self.p * purchases[buys]) / self.draw_money_rates(rng, x[buys], spend[buys])
        return money


@dataclass(frozen=True)
class LognormalSpend:
    """Lognormal model: spend per purchase has the same median and log-scale standard deviation `sigma` for all customers."""

    name: ClassVar[str] = "lognormal"
    title: ClassVar[str] = "lognormal spend"
    median: float
    sigma: float

    def mean_spend(self) -> float:
        """Expected spend per purchase, median exp(sigma^2 / 2), in currency units."""
        return float(self.median * np.exp(self.sigma**2 / 2))

    def conditional_mean(self, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Expected spend per purchase, which does not depend on the history.

        Parameters
        ----------
        x, spend : ndarray of float64, shape (n,)
            Number and mean spend of repeat purchases; not used.

        Returns
        -------
        ndarray of float64, shape (n,), money
        """
        return np.full_like(np.asarray(x, dtype=np.float64), self.mean_spend())

    def spend_scale(self, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Return 1 for each customer, because future spend does not depend on the history.

        Parameters
        ----------
        x, spend : ndarray of float64, shape (n,)
            Not used.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return np.ones_like(np.asarray(x, dtype=np.float64))

    def draw_total_spend(self, rng: np.random.Generator, purchases: FloatArray, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Draw each customer's total spend on future purchases.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random number generator.
        purchases : ndarray of float64, shape (n,)
            Number of future purchases.
        x, spend : ndarray of float64, shape (n,)
            Not used.

        Returns
        -------
        ndarray of float64, shape (n,), money
        """
        counts = np.asarray(purchases, dtype=np.int64)
        few = np.where(counts <= _MAX_SUMMED_PURCHASES, counts, 0)
        customer = np.repeat(np.arange(len(counts)), few)
        money = self.median * np.exp(self.sigma * rng.standard_normal(len(customer)))
        totals = np.bincount(customer, weights=money, minlength=len(counts)).astype(np.float64)
        many = counts > _MAX_SUMMED_PURCHASES
        if many.any():  # the lognormal with the mean and variance of the sum (Fenton 1960)
            spread = min(self.sigma**2, 700.0)  # more would overflow
            variance = np.log1p(np.expm1(spread) / counts[many])
            factor = np.exp(np.minimum((spread - variance) / 2 + np.sqrt(variance) * rng.standard_normal(len(variance)), 700.0))
            totals[many] = counts[many] * self.median * factor
        return totals


SpendModel = GammaGamma | LognormalSpend


def _repeat_money(x: FloatArray, spend: FloatArray) -> FloatArray:
    """Total spend of the repeat purchases; 0 without repeat purchases, even if `spend` is nan."""
    return np.where(x > 0, x * np.where(x > 0, spend, 0.0), 0.0)


class GammaGammaLikelihood:
    """Log-likelihood of (p, q, v), FH equation 1a, and its gradient.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Number of repeat purchases, at least 1.
    spend : ndarray of float64, shape (n,), money
        Mean spend of the repeat purchases, above 0.
    """

    def __init__(self, x: FloatArray, spend: FloatArray) -> None:
        self._x, self._total = x, x * spend
        self._counts, customers = np.unique(x, return_counts=True)
        self._customers = customers.astype(np.float64)
        self._weighted_log_total = float(np.sum(x * np.log(self._total)))
        self._log_spend = float(np.sum(np.log(spend)))

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood and its gradient at `theta`, float64 of shape (3,)."""
        from scipy.special import digamma, gammaln

        p, q, v = theta
        counts, customers, n = self._counts, self._customers, len(self._x)
        log_scale, per_scale = np.log(v + self._total), 1.0 / (v + self._total)
        sum_log, weighted_log = np.sum(log_scale), np.sum(self._x * log_scale)
        gammas = np.sum(customers * (gammaln(p * counts + q) - gammaln(p * counts) - gammaln(q)))
        value = gammas + q * (n * np.log(v) - sum_log) + p * (self._weighted_log_total - weighted_log) - self._log_spend
        digammas = digamma(p * counts + q)
        by_p = np.sum(customers * counts * (digammas - digamma(p * counts))) + self._weighted_log_total - weighted_log
        by_q = np.sum(customers * (digammas - digamma(q))) + n * np.log(v) - sum_log
        by_v = n * q / v - q * np.sum(per_scale) - p * np.sum(self._x * per_scale)
        return float(value), np.array([by_p, by_q, by_v])


def fit_gamma_gamma(x: FloatArray, spend: FloatArray) -> LikelihoodFit:
    """Fit gamma-gamma by maximum likelihood, with 95 % profile-likelihood intervals.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Number of repeat purchases, at least 1.
    spend : ndarray of float64, shape (n,), money
        Mean spend of the repeat purchases, above 0.

    Returns
    -------
    LikelihoodFit
        Parameters p, q, v.
    """
    scale = float(spend.mean())
    bounds = {"p": SearchRange(0.01, 1000.0), "q": SearchRange(0.01, 1000.0), "v": SearchRange(1e-6 * scale, 1e6 * scale)}
    starts = [(p, q, scale * q / p) for p, q in ((5.0, 4.0), (1.0, 1.5), (20.0, 10.0))]
    return maximize_likelihood(GammaGammaLikelihood(x, spend), bounds, starts)


def fit_lognormal(money: FloatArray) -> LikelihoodFit:
    """Fit the lognormal by maximum likelihood, with 95 % profile-likelihood intervals that treat purchases as independent.

    Parameters
    ----------
    money : ndarray of float64, shape (n,), money
        Spend per purchase, above 0.

    Returns
    -------
    LikelihoodFit
        Parameters spend_median and spend_sigma.
    """
    logs = np.log(money)
    n, mean, squares = len(logs), float(logs.mean()), float(np.sum((logs - logs.mean()) ** 2))

    def function(theta: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood of (median, sigma) and its gradient."""
        median, sigma = theta
        gap = mean - np.log(median)
        sum_of_squares = (squares + n * gap**2) / sigma**2
        log_likelihood = -float(0.5 * sum_of_squares + n * (np.log(sigma) + mean + 0.5 * np.log(2 * np.pi)))
        return log_likelihood, np.array([n * gap / sigma**2 / median, (sum_of_squares - n) / sigma])

    median = float(np.exp(mean))
    bounds = {"spend_median": SearchRange(median / 1e3, median * 1e3), "spend_sigma": SearchRange(1e-3, 10.0)}
    return maximize_likelihood(function, bounds, [(median, max(float(logs.std()), 1e-2))])
