"""Gamma-gamma: what customers spend at a purchase, and how it differs between them; and the lognormal where it cannot be told.

Lives here: likelihoods, fits, means of a new customer and of one with a history. Does not live here: when customers
buy, from which the model takes money to be independent (its caller reports their correlation).

References
----------
Fader, Hardie (2013), The gamma-gamma model of monetary value, brucehardie.com/notes/025 (FH).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, SearchRange, maximize_likelihood


@dataclass(frozen=True)
class GammaGamma:
    """Money of a purchase gamma with shape `p` and a rate nu; nu gamma over customers with shape `q` and rate `v`.

    Examples
    --------
    >>> round(GammaGamma(p=6.25, q=3.74, v=15.44).mean_spend(), 2)
    35.22
    """

    name: ClassVar[str] = "gamma_gamma"
    p: float
    q: float
    v: float

    def mean_spend(self) -> float:
        """Mean spend p v / (q - 1) of a purchase by a new customer; infinite for q <= 1."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else float("inf")

    def conditional_mean(self, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Mean spend p (v + x z) / (p x + q - 1) of a customer whose `x` repeat purchases had mean `z` = `spend` (FH equation 5).

        Parameters
        ----------
        x : ndarray of float64, shape (n,)
            Repeat purchases.
        spend : ndarray of float64, shape (n,), money
            Their mean; ignored where `x` is 0.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return np.asarray(self.p * (self.v + _repeat_money(x, spend)) / (self.p * x + self.q - 1))

    def draw_money_rates(self, rng: np.random.Generator, x: FloatArray, spend: FloatArray) -> FloatArray:
        """The rate nu of each customer's money, drawn from its posterior gamma(p x + q, v + x z).

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        x, spend : ndarray of float64, shape (n,)
            As in `conditional_mean`.

        Returns
        -------
        ndarray of float64, shape (n,), 1 / money
        """
        return np.asarray(rng.gamma(self.q + self.p * x) / (self.v + _repeat_money(x, spend)))

    def draw_total_spend(self, rng: np.random.Generator, purchases: FloatArray, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Money of `count` further purchases of each customer, drawn from its posterior predictive distribution.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        purchases : ndarray of float64, shape (n,)
            Further purchases.
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
    """Money of a purchase lognormal, the same for all customers: median, and sigma of the logarithm."""

    name: ClassVar[str] = "lognormal"
    median: float
    sigma: float

    def mean_spend(self) -> float:
        """Mean spend median exp(sigma^2 / 2) of a purchase."""
        return float(self.median * np.exp(self.sigma**2 / 2))

    def conditional_mean(self, x: FloatArray, spend: FloatArray) -> FloatArray:
        """The mean spend, whatever the customer spent before.

        Parameters
        ----------
        x, spend : ndarray of float64, shape (n,)
            Repeat purchases and their mean.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return np.full_like(np.asarray(x, dtype=np.float64), self.mean_spend())

    def draw_total_spend(self, rng: np.random.Generator, purchases: FloatArray, x: FloatArray, spend: FloatArray) -> FloatArray:
        """Money of `count` further purchases of each customer.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        purchases : ndarray of float64, shape (n,)
            Further purchases.
        x, spend : ndarray of float64, shape (n,)
            Not used.

        Returns
        -------
        ndarray of float64, shape (n,), money
        """
        whole = np.asarray(purchases, dtype=np.int64)
        owner = np.repeat(np.arange(len(whole)), whole)
        money = self.median * np.exp(self.sigma * rng.standard_normal(len(owner)))
        return np.bincount(owner, weights=money, minlength=len(whole)).astype(np.float64)


SpendModel = GammaGamma | LognormalSpend


def _repeat_money(x: FloatArray, spend: FloatArray) -> FloatArray:
    """Money of the repeat purchases; 0 where there are none, whatever their mean is said to be."""
    return np.where(x > 0, x * np.where(x > 0, spend, 0.0), 0.0)


def gamma_gamma_log_likelihood(theta: FloatArray, x: FloatArray, spend: FloatArray) -> tuple[float, FloatArray]:
    """Log-likelihood of (p, q, v), FH equation 1a, and its gradient.

    Parameters
    ----------
    theta : ndarray of float64, shape (3,)
        p, q, v.
    x : ndarray of float64, shape (n,)
        Repeat purchases, at least 1.
    spend : ndarray of float64, shape (n,), money
        Their mean, above 0.

    Returns
    -------
    float, ndarray of float64 of shape (3,)
    """
    from scipy.special import digamma, gammaln

    p, q, v = theta
    shape, total = p * x, x * spend
    logs = np.log(total) - np.log(v + total)
    terms = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * (np.log(v) - np.log(v + total)) + shape * logs - np.log(spend)
    by_p = x * (digamma(shape + q) - digamma(shape) + logs)
    by_q = digamma(shape + q) - digamma(q) + np.log(v) - np.log(v + total)
    by_v = q / v - (shape + q) / (v + total)
    return float(terms.sum()), np.array([by_p.sum(), by_q.sum(), by_v.sum()])


def fit_gamma_gamma(x: FloatArray, spend: FloatArray) -> LikelihoodFit:
    """Maximum likelihood of gamma-gamma with 95 % profile-likelihood intervals.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Repeat purchases, at least 1.
    spend : ndarray of float64, shape (n,), money
        Their mean, above 0.

    Returns
    -------
    LikelihoodFit
        Parameters p, q, v.
    """
    scale = float(spend.mean())
    bounds = {"p": SearchRange(0.01, 1000.0), "q": SearchRange(0.01, 1000.0), "v": SearchRange(1e-6 * scale, 1e6 * scale)}
    starts = [(p, q, scale * q / p) for p, q in ((5.0, 4.0), (1.0, 1.5), (20.0, 10.0))]
    return maximize_likelihood(lambda theta: gamma_gamma_log_likelihood(theta, x, spend), bounds, starts)


def fit_lognormal(money: FloatArray) -> LikelihoodFit:
    """Maximum likelihood of the lognormal with 95 % profile-likelihood intervals, as if purchases were independent.

    Parameters
    ----------
    money : ndarray of float64, shape (n,), money
        Of single purchases, above 0.

    Returns
    -------
    LikelihoodFit
        Parameters spend_median and spend_sigma.
    """
    logs = np.log(money)

    def function(theta: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood of (median, sigma) and its gradient."""
        z = (logs - np.log(theta[0])) / theta[1]
        height = -float(np.sum(0.5 * z**2 + np.log(theta[1]) + logs)) - len(logs) * 0.5 * np.log(2 * np.pi)
        return height, np.array([z.sum() / theta[1] / theta[0], np.sum(z**2 - 1) / theta[1]])

    median = float(np.exp(logs.mean()))
    bounds = {"spend_median": SearchRange(median / 1e3, median * 1e3), "spend_sigma": SearchRange(1e-3, 10.0)}
    return maximize_likelihood(function, bounds, [(median, max(float(logs.std()), 1e-2))])
