"""Ratios of sums over customers, their intervals, and their differences between runs on the same customers.

Lives here: the arithmetic, once, for every metric. Does not live here: any metric (value.py, retention.py, journey.py, contacts.py).

A metric is R = sum(y) / sum(x) over customers; a mean per customer has x = 1. To first order the estimate moves with customer i by its
influence (y_i - R x_i) / mean(x), so that var(R) = sum(influence**2) / (n (n - 1)): the delta method (Cochran 1977, Sampling
Techniques, section 6.4). Customers of a run are independent draws; intervals cover the Monte Carlo error, not that of the journey.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cjsim.engine.result import Metric, Run
from cjsim.model.world import Records

Z = 1.959963984540054  # the normal quantile of a 95 % interval
SHARE = "share"
_ROUNDING = 1e-20  # a variance this much smaller than another is rounding
_ZERO = np.float64(0)  # turns what stands beside it into float64


class Terms(NamedTuple):
    """Numerators and denominators of a ratio, one a customer; `x` may be bool."""

    y: Records
    x: Records

    def of(self, chosen: Records) -> "Terms":
        """Those of some customers (bool, shape (n_customers,))."""
        return Terms(self.y[chosen], self.x[chosen])


@dataclass(frozen=True)
class Definition:
    """One metric: all that is said of it anywhere.

    Attributes
    ----------
    name : str
        As in JSON and tables.
    unit : str
        'share' (of what the denominator counts, in [0, 1]), 'money', 'days', 'ratio', or what is counted.
    title : str
        What it is, in words.
    terms : callable
        The numerators and denominators of a run.
    detail : bool
        Left out of short tables.
    selected : bool
        Its denominator counts those whom a policy may have brought there (converters, openers): under another policy they are others.
    """

    name: str
    unit: str
    title: str
    terms: Callable[[Run], Terms]
    detail: bool = False
    selected: bool = False


class Effect(NamedTuple):
    """A metric under two policies on the same customers; nan where undefined.

    `effect` is value - baseline, with its paired 95 % interval. `variance_ratio` is the variance of the unpaired difference over
    that of the paired one: nan where no customer differs.
    """

    baseline: float
    value: float
    effect: float
    low: float
    high: float
    variance_ratio: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def per_customer(run: Run, y: Records) -> Terms:
    """A mean over the customers who entered.

    Parameters
    ----------
    run : Run
        The run.
    y : ndarray, shape (n_customers,)
        What is averaged; not changed.
    """
    entered = run.entered
    return Terms(np.where(entered, y, _ZERO), entered)


def among(run: Run, y: Records, x: Records) -> Terms:
    """A ratio over the customers who entered.

    Parameters
    ----------
    run : Run
        The run.
    y, x : ndarray, shape (n_customers,)
        Numerators, which are 0 where the denominator is; denominators. Not changed.
    """
    entered = run.entered
    return Terms(np.where(entered, y, _ZERO), x & entered if x.dtype == bool else np.where(entered, x, 0))


def mean_of(field: str) -> Callable[[Run], Terms]:
    """The mean of a field of OUTCOME over the customers who entered.

    Parameters
    ----------
    field : str
        Its name.
    """
    return lambda run: per_customer(run, run.outcomes.customers[field])


def ratio(terms: Terms) -> float:
    """sum(y) / sum(x); nan where sum(x) is 0.

    Examples
    --------
    >>> ratio(Terms(np.array([1.0, 2.0]), np.array([True, True])))
    1.5
    """
    below = float(terms.x.sum())
    return float(terms.y.sum()) / below if below else math.nan


def influence(terms: Terms) -> Records:
    """How the ratio moves with each customer: (y - R x) / mean(x).

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        With mean 0; nan where the ratio is undefined.
    """
    moved = np.multiply(terms.x, -ratio(terms), dtype=np.float64)
    moved += terms.y
    moved *= len(moved) / terms.x.sum() if terms.x.any() else math.nan
    return moved


def estimate(terms: Terms, unit: str) -> Metric:
    """The ratio with its 95 % interval.

    Parameters
    ----------
    terms : Terms
        Numerators and denominators.
    unit : str
        A share has Wilson's interval (Wilson 1927) at the effective sample size R (1 - R) / var(R), which for one trial a customer is
        the number of customers and shrinks where trials of a customer go together; where all or none succeed, at the number
        of customers. It stays in [0, 1] and has a width where nothing was seen. Everything else has the normal interval.

    Returns
    -------
    Metric
        `n` counts the customers with a denominator above 0.
    """
    value, n = ratio(terms), int(np.count_nonzero(terms.x))
    if math.isnan(value):
        return Metric(value, math.nan, math.nan, n, unit)
    rows, variance = len(terms.y), _variance(influence(terms))
    if unit == SHARE:
        return Metric(value, *_wilson(value, n, variance * (rows - 1) / rows), n, unit)
    half = Z * math.sqrt(variance)
    return Metric(value, value - half, value + half, n, unit)


def paired(before: Terms, after: Terms) -> Effect:
    """The difference of a ratio between two runs of the same customers.

    Parameters
    ----------
    before, after : Terms
        Of the baseline and the alternative; row i of both is the same customer.

    Returns
    -------
    Effect
        Exactly 0 with a width of 0 where no customer differs.
    """
    baseline, value = ratio(before), ratio(after)
    if math.isnan(baseline) or math.isnan(value):
        return Effect(baseline, value, math.nan, math.nan, math.nan, math.nan)
    difference = influence(after)
    apart = _variance(difference)
    moved = influence(before)
    apart += _variance(moved)
    difference -= moved
    together = _variance(difference)
    if together < _ROUNDING * apart:
        together = 0.0
    effect, half = value - baseline, Z * math.sqrt(together)
    return Effect(baseline, value, effect, effect - half, effect + half, apart / together if together else math.nan)


def contributions(before: Terms, after: Terms) -> Records:
    """What each customer adds to the effect: their mean is the effect.

    For a mean per customer it is the customer's own difference, y_after - y_before; for a ratio, the difference of R + influence.

    Parameters
    ----------
    before, after : Terms
        As in `paired`.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
    """
    if before.x.all() and after.x.all() and before.x.dtype == after.x.dtype == np.dtype(bool):
        return np.asarray(after.y - before.y)
    moved = influence(after)
    moved -= influence(before)
    moved += ratio(after) - ratio(before)
    return moved


def _variance(moved: Records) -> float:
    """Of the mean of influences, whose own mean is 0; nan for fewer than two customers."""
    n = len(moved)
    return float(np.square(moved).sum()) / (n * (n - 1)) if n > 1 else math.nan


def _wilson(share: float, n: int, variance: float) -> tuple[float, float]:
    """Wilson's interval; `variance` is that of the share as if the sample were the population."""
    trials = float(n)
    if 0 < share < 1 and not math.isnan(variance):
        if variance == 0:
            return share, share
        trials = share * (1 - share) / variance
    center = share + Z * Z / (2 * trials)
    half = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials))
    below = 1 + Z * Z / trials
    return (center - half) / below if share > 0 else 0.0, (center + half) / below if share < 1 else 1.0
