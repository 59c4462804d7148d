"""A test of purchase timing: Wheat and Morrison's k is 1 for random timing, which NBD and BG/NBD assume, and above 1 for regular timing.

Two successive intervals between purchases of a customer, t1 and t2, give M = t1 / (t1 + t2). If intervals are gamma-distributed with shape
k, M is beta(k, k) whatever the customer's purchase rate, so neither differences between customers nor dropout matter. Given t1 + t2, M is
independent of the length of observation.

Logs give whole days, and a Poisson process whose purchases are merged by day becomes a Bernoulli process. Given s = t1 + t2 days, t1 is
then uniform on 1, ..., s - 1. The likelihood used here is conditional on s, in whole days: t1 = j has a probability proportional to
w (m (1 - m))^(k - 1), where m = j / s and w is the odds of a purchase on that day of the week, exp(2 v / s) - 1 for a day with v times the
average number of purchases. Without differences between days, it is exact at k = 1.

References
----------
Wheat, Morrison (1990), Estimating purchase regularity with two interpurchase times, Journal of Marketing Research 27(1), 87-93. Platzer,
Reutterer (2016), Ticking away the moments, Marketing Science 35(5), 779-799: effects of regularity on forecasts.
"""

from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.calibration.maximum_likelihood import FloatArray, SearchRange, maximize_likelihood
from cjsim.purchase_logs.purchase_log import PurchaseLog

IntArray = NDArray[np.int64]
MIN_PAIRS = 20  # assumed: with fewer, the distribution of the likelihood ratio is unclear
_CHI_SQUARE_99 = 6.6348966010212145  # 99 % quantile, 1 degree of freedom
_MIN_REGULARITY = 1.1  # below this, the effect on the forecast is smaller than its interval (docs/decisions.md)
_MAX_PAIRS_PER_CUSTOMER = 10  # so that no customer dominates
_MAX_DAYS = 730  # longer pairs are omitted, which changes neither the distribution of M nor its test
_WEEKDAY_PRIOR = 1.0  # assumed: purchases added to each day of the week; with many more, shops open one day a week look regular


class PurchaseRegularity(NamedTuple):
    """Wheat and Morrison's k with its 95 % profile-likelihood interval.

    Attributes
    ----------
    k : float
        Shape of gamma-distributed intervals between purchases: 1 for random timing, above 1 for regular, below 1 for clustered timing.
    low, high : float or None
        Ends of the interval; None if the log does not determine them.
    pairs : int
        Number of pairs of successive intervals.
    likelihood_ratio : float
        Twice the gain in log-likelihood over k = 1.
    """

    k: float
    low: float | None
    high: float | None
    pairs: int
    likelihood_ratio: float

    @property
    def is_regular(self) -> bool:
        """Whether k is significantly above 1 (one-sided test at 0.5 %), and large enough to matter for the forecast."""
        return self.k >= _MIN_REGULARITY and self.likelihood_ratio > _CHI_SQUARE_99

    def to_json(self) -> dict[str, Any]:
        """Return the fields, and `is_regular`, as JSON-compatible values."""
        return self._asdict() | {"is_regular": self.is_regular}


class IntervalPairs(NamedTuple):
    """Pairs of successive intervals between purchases, in whole days. Arrays have shape (n_pairs,) unless stated otherwise.

    Attributes
    ----------
    first_interval, total : ndarray of int64, days
        First interval, and sum of both.
    weekday : ndarray of int64
        Day of the week of the purchase before the first interval, from 0 to 6.
    weekday_weights : ndarray of float64, shape (7,)
        Purchases by day of the week, with mean 1.
    """

    first_interval: IntArray
    total: IntArray
    weekday: IntArray
    weekday_weights: FloatArray


def interval_pairs(log: PurchaseLog, until: date) -> IntervalPairs:
    """Return up to 10 disjoint pairs of successive intervals for each customer, from purchases up to and including `until`.

    Parameters
    ----------
    log : PurchaseLog
        Purchases.
    until : date
        Last day of calibration.

    Returns
    -------
    IntervalPairs
    """
    selected = log.day <= np.datetime64(until, "D")
    customer, day = log.customer_index[selected], log.day[selected].astype(np.int64)
    is_first = np.concatenate([[True], customer[1:] != customer[:-1]])[: len(customer)]
    position = np.arange(len(customer)) - np.maximum.accumulate(np.where(is_first, np.arange(len(customer)), 0))
    weights = np.bincount(day[~is_first] % 7, minlength=7) + _WEEKDAY_PRIOR
    starts = np.flatnonzero((position[:-2] % 2 == 0) & (position[:-2] < 2 * _MAX_PAIRS_PER_CUSTOMER) & (customer[:-2] == customer[2:]))
    starts = starts[day[starts + 2] - day[starts] <= _MAX_DAYS]
    first_interval, total = day[starts + 1] - day[starts], day[starts + 2] - day[starts]
    return IntervalPairs(first_interval, total, day[starts] % 7, weights / weights.mean())


def estimate_regularity(pairs: IntervalPairs) -> PurchaseRegularity | None:
    """Estimate k from pairs of intervals, and test it against 1.

    Parameters
    ----------
    pairs : IntervalPairs
        Pairs of successive intervals between purchases.

    Returns
    -------
    PurchaseRegularity or None
        None if there are fewer than 20 pairs whose sum is at least 4 days. Shorter ones say nothing about k.
    """
    informative = pairs.total >= 4
    if informative.sum() < MIN_PAIRS:
        return None
    likelihood = _RegularityLikelihood(pairs)
    fit = maximize_likelihood(likelihood, {"k": SearchRange(0.05, 50.0)}, [(1.0,)])
    k, low, high = fit.estimates["k"]
    ratio = max(0.0, 2 * (fit.log_likelihood - likelihood(np.ones(1))[0]))
    return PurchaseRegularity(k, low, high, int(informative.sum()), ratio)


class _RegularityLikelihood:
    """Log-likelihood of k given the sums of the pairs, and its gradient. Pairs with the same sum and weekday share a constant."""

    def __init__(self, pairs: IntervalPairs) -> None:
        share = pairs.first_interval / pairs.total
        self._sum_of_logs = float(np.sum(np.log(share * (1 - share))))
        keys, counts = np.unique(pairs.total * 7 + pairs.weekday, return_counts=True)
        total, weekday = keys // 7, keys % 7
        sizes = total - 1
        self._counts, self._starts = counts.astype(np.float64), np.concatenate([[0], np.cumsum(sizes)[:-1]])
        group = np.repeat(np.arange(len(keys)), sizes)
        day = np.arange(len(group)) - self._starts[group] + 1
        m = day / total[group]
        self._logs = np.log(m * (1 - m))
        # At a rate of 2 / total, these are the odds of a purchase on a day of this weekday.
        rate = 2 / total[group]
        self._weights = np.expm1(rate * pairs.weekday_weights[(weekday[group] + day) % 7]) / rate

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood, up to a constant, and its derivative."""
        excess = float(theta[0]) - 1
        # m (1 - m) is at most 1/4, so the terms are scaled by 4^(k - 1) and do not underflow together.
        terms = self._weights * np.exp(excess * (self._logs + np.log(4)))
        sums = np.add.reduceat(terms, self._starts)
        means = np.add.reduceat(terms * self._logs, self._starts) / sums
        value = excess * (self._sum_of_logs + np.sum(self._counts) * np.log(4)) - np.sum(self._counts * np.log(sums))
        return float(value), np.array([self._sum_of_logs - np.sum(self._counts * means)])
