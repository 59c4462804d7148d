"""Ratios of sums over customers, their intervals, and their differences between runs on the same customers.

Lives here: the arithmetic, once, for every metric. Does not live here: any metric (value.py, retention.py, journey.py, contacts.py,
desks.py, acquisition.py), which customers are independent of which (sample.py).

A metric is R = sum(y) / sum(x) over customers; a mean per customer has x = 1, a total has the denominator 1. To first order the estimate
moves with a root - an initial customer or an arrival, with all whom it led to by referrals - by g = sum(y - R x) / sum(x) over these
customers (for a total, sum(y)): the delta method for cluster samples (Cochran 1977, Sampling Techniques, sections 6.4 and 9A.2). Roots
are independent. The number of initial customers is given, so that they move R by what sets each apart from their mean; that of arrivals
is Poisson, so that var(R) has the sum of their g**2, as the variance of a compound Poisson sum is its rate times the second moment. What
is spent on acquisition is decided before anyone comes: it is in the sums, and moves with nobody. Intervals cover the Monte Carlo error,
not that of the journey.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cjsim.engine.result import Metric, Run
from cjsim.metrics.sample import Pairing, Sample
from cjsim.model.world import Records

Z = 1.959963984540054  # the normal quantile of a 95 % interval
SHARE = "share"
_ROUNDING = 1e-20  # a variance this much smaller than another is rounding
_ZERO = np.float64(0)  # turns what stands beside it into float64


class Terms(NamedTuple):
    """Numerators and denominators of a ratio, one a customer; `x` may be bool.

    `spent`, money on acquiring each customer, is in neither: `above` and `below` times its sum are added to the sums. `summed`: the
    denominator of the ratio is 1, and `x` only says who counts.
    """

    y: Records
    x: Records
    spent: Records | None = None
    above: float = 0.0
    below: float = 0.0
    summed: bool = False

    def within(self, chosen: Records) -> "Terms":
        """Those of some customers (bool, shape (n_customers,)), with nothing for the others."""
        spent = None if self.spent is None else np.where(chosen, self.spent, _ZERO)
        return self._replace(y=np.where(chosen, self.y, _ZERO), x=np.where(chosen, self.x, self.x.dtype.type(0)), spent=spent)

    @property
    def own(self) -> Records:
        """The numerators with what was spent on each customer."""
        return self.y if self.spent is None else self.y + self.above * self.spent

    @property
    def over(self) -> float:
        """The denominator of the ratio."""
        if self.summed:
            return 1.0
        return float(self.x.sum()) + (self.below * float(self.spent.sum()) if self.spent is not None else 0.0)


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
    total : bool
        Over all customers: it says something of its own only where their number is not given.
    """

    name: str
    unit: str
    title: str
    terms: Callable[[Run], Terms]
    detail: bool = False
    selected: bool = False
    total: bool = False


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


def total_of(terms: Callable[[Run], Terms]) -> Callable[[Run], Terms]:
    """The sum over customers whose mean these terms give.

    Parameters
    ----------
    terms : callable
        Of a mean per customer.
    """
    return lambda run: terms(run)._replace(summed=True)


def rooted(terms: Terms, sample: Sample) -> Terms:
    """The same ratio from sums by root: each initial customer or arrival with all whom it led to.

    Parameters
    ----------
    terms : Terms
        By customer.
    sample : Sample
        Who descends from whom.

    Returns
    -------
    Terms
        Arrays of shape (n_roots,), in the order of `Sample.of_roots`; as they are where everybody is a root.
    """
    spent = None if terms.spent is None else sample.by_root(terms.spent)
    return terms._replace(y=sample.by_root(terms.y), x=sample.by_root(terms.x), spent=spent)


def ratio(terms: Terms) -> float:
    """sum(y) / sum(x), with what was spent; nan where the denominator is 0.

    Examples
    --------
    >>> ratio(Terms(np.array([1.0, 2.0]), np.array([True, True])))
    1.5
    >>> ratio(Terms(np.array([1.0, 2.0]), np.array([True, True]), summed=True))
    3.0
    """
    over = terms.over
    above = float(terms.y.sum()) + (terms.above * float(terms.spent.sum()) if terms.spent is not None else 0.0)
    return above / over if over else math.nan


def influence(terms: Terms) -> Records:
    """How the ratio moves with each customer: (y - R x) / sum(x); of a total, y.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        nan where the ratio is undefined.
    """
    if terms.summed:
        return np.array(terms.y, np.float64)
    moved = np.multiply(terms.x, -ratio(terms), dtype=np.float64)
    moved += terms.y
    moved /= terms.over or math.nan
    return moved


def estimate(terms: Terms, unit: str, sample: Sample | None = None) -> Metric:
    """The ratio with its 95 % interval.

    Parameters
    ----------
    terms : Terms
        Numerators and denominators.
    unit : str
        A share has Wilson's interval (Wilson 1927) at the effective sample size R (1 - R) / var(R), which for one trial a customer is
        the number of customers and shrinks where trials of a customer or its friends go together; where all or none succeed, at the
        number of customers. It stays in [0, 1] and has a width where nothing was seen. Everything else has the normal interval.
    sample : Sample, optional
        Who goes together; if not given, everybody is alone, and their number is given.

    Returns
    -------
    Metric
        `n` counts the customers with a denominator above 0.
    """
    value, n = ratio(terms), _count(terms)
    if math.isnan(value):
        return Metric(value, math.nan, math.nan, n, unit)
    of = sample or Sample.alone(len(terms.y))
    variance = of.variance(of.by_root(influence(terms)))
    if unit == SHARE and not terms.summed:
        return Metric(value, *_wilson(value, n, variance * (of.roots - 1) / of.roots), n, unit)
    half = Z * math.sqrt(variance)
    return Metric(value, value - half, value + half, n, unit)


def paired(before: Terms, after: Terms, pairing: Pairing | None = None) -> Effect:
    """The difference of a ratio between two runs of the same customers.

    Parameters
    ----------
    before, after : Terms
        Of the baseline and the alternative.
    pairing : Pairing, optional
        Who is who; if not given, row i of both is the same customer, and everybody is alone.

    Returns
    -------
    Effect
        Exactly 0 with a width of 0 where no customer differs.
    """
    baseline, value = ratio(before), ratio(after)
    if math.isnan(baseline) or math.isnan(value):
        return Effect(baseline, value, math.nan, math.nan, math.nan, math.nan)
    of = pairing or Pairing.of(Sample.alone(len(before.y)), Sample.alone(len(after.y)))
    difference = of.after.by_root(influence(after))
    apart = of.after.variance(difference)
    moved = of.before.by_root(influence(before))
    apart += of.before.variance(moved)
    together = of.both.variance(of.difference(moved, difference))
    if together < _ROUNDING * apart:
        together = 0.0
    effect, half = value - baseline, Z * math.sqrt(together)
    return Effect(baseline, value, effect, effect - half, effect + half, apart / together if together else math.nan)


def contributions(before: Terms, after: Terms, pairing: Pairing | None = None) -> Records:
    """What each customer adds to the effect: their mean is the effect (of a total, their sum).

    For a mean over customers who are the same in both runs, and for a total, it is the customer's own difference, y_after - y_before, with
    what was spent on it; for any other ratio, the effect and how each customer moves it.

    Parameters
    ----------
    before, after : Terms
        As in `paired`.
    pairing : Pairing, optional
        As in `paired`.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        Customers in the order of `Pairing.customers`; by row where no pairing is given.
    """
    of = pairing or Pairing.of(Sample.alone(len(before.y)), Sample.alone(len(after.y)))
    is_mean = before.x.all() and after.x.all() and before.x.dtype == after.x.dtype == np.dtype(bool)
    if before.summed or (is_mean and of.is_same):
        return of.own_difference(before.own, after.own)
    moved = of.own_difference(influence(before), influence(after))
    moved *= len(moved)
    moved += ratio(after) - ratio(before) - (moved.mean() if len(moved) else 0.0)
    return moved


def _count(terms: Terms) -> int:
    """Customers with a denominator above 0."""
    counts = terms.x if terms.spent is None or terms.below == 0 else terms.x + terms.below * terms.spent
    return int(np.count_nonzero(counts))


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
