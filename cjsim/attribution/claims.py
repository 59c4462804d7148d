"""What a firm would have claimed about a touchpoint: from its attributed credit, from an A/B test, or from a before/after comparison."""

import math
from typing import NamedTuple

import numpy as np

from cjsim.attribution.touch_paths import FloatArray
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95


class Interval(NamedTuple):
    """An estimate with its 95 % interval. nan where undefined; the ends are infinite if the data do not bound the estimate."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


class TrialClaim(NamedTuple):
    """What an A/B test with equal shares would have claimed, if half of its customers did not get the touchpoint.

    Attributes
    ----------
    size : int
        Number of customers in both arms together.
    low, high : float
        Range that contains 95 % of the estimates, scaled to all customers of the run.
    power : float
        Probability of a significant result (5 %, two-sided).
    exaggeration : float
        Mean absolute significant estimate, divided by the true effect (type M error); nan if the effect is 0.
    sign_error : float
        Share of significant results with the wrong sign (type S error); nan if the effect is 0.
    """

    size: int
    low: float
    high: float
    power: float
    exaggeration: float
    sign_error: float


class BeforeAfter(NamedTuple):
    """What a comparison of the periods before and after the introduction of the touchpoint would have claimed.

    Attributes
    ----------
    day : int
        Day on which the touchpoint is switched on, halfway through the simulation.
    claim : float
        Total in the `day` days after that day, minus the total in the `day` days before it.
    effect : Interval
        True effect of the introduction: the customers' total with it, minus the same customers' total without the touchpoint.
    """

    day: int
    claim: float
    effect: Interval


def trial_claim(with_touchpoint: FloatArray, without: FloatArray, *, size: int) -> TrialClaim:
    """Compute the claims of an A/B test from the outcomes of the same customers with and without the touchpoint.

    The estimate of a test is assumed to be normal: its mean is the true effect, and its variance is the variance of a difference between
    two means. Power, exaggeration and sign error follow in closed form.

    Parameters
    ----------
    with_touchpoint, without : ndarray of float64, shape (n_customers,) each
        Outcomes of the customers. The numbers of customers may differ if the touchpoint brings in new ones.
    size : int
        Number of customers in the test, at least 4.

    Returns
    -------
    TrialClaim

    References
    ----------
    Gelman, A., Carlin, J. (2014). Beyond power calculations: assessing type S (sign) and type M (magnitude) errors. Perspectives on
    Psychological Science, 9(6), 641-651.
    """
    scale = len(with_touchpoint)
    effect = float(with_touchpoint.sum() - without.sum()) / scale
    error = math.sqrt((with_touchpoint.var() + without.var()) / (size / 2))
    half = NORMAL_QUANTILE_95 * error
    low, high = scale * (effect - half), scale * (effect + half)
    if error == 0 or effect == 0:
        power = 0.05 if effect == 0 and error > 0 else float(effect != 0)
        return TrialClaim(size, low, high, power, math.nan if effect == 0 else 1.0, math.nan if effect == 0 else 0.0)
    return TrialClaim(size, low, high, *_significance_errors(abs(effect) / error))


def _significance_errors(ratio: float) -> tuple[float, float, float]:
    """Return power, exaggeration and sign error of a normal estimate whose mean is `ratio` standard errors."""
    z = NORMAL_QUANTILE_95
    right, wrong = _normal_cdf(ratio - z), _normal_cdf(-ratio - z)
    power = right + wrong
    mean_size = ratio * (right - wrong) + _normal_density(z - ratio) + _normal_density(z + ratio)
    return power, mean_size / power / ratio, wrong / power


def _normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _normal_density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def jackknife_ratio(numerators: FloatArray, denominators: FloatArray) -> Interval:
    """Estimate a ratio of two totals with Fieller's interval, from delete-a-group jackknife replicates.

    Parameters
    ----------
    numerators, denominators : ndarray of float64, shape (n_groups + 1,)
        The totals: first over all customers, then without each group in turn, scaled up to all groups.

    Returns
    -------
    Interval
        All values are nan if the denominator is 0. If the interval of the denominator contains 0, the ends are infinite.

    References
    ----------
    Fieller, E. C. (1954). Some problems in interval estimation. Journal of the Royal Statistical Society B, 16(2), 175-185.
    Kott, P. S. (2001). The delete-a-group jackknife. Journal of Official Statistics, 17(4), 521-526.
    """
    from scipy.stats import t

    above, below = float(numerators[0]), float(denominators[0])
    if below == 0:
        return Interval(math.nan, math.nan, math.nan)
    groups = len(numerators) - 1
    covariance = np.cov(numerators[1:], denominators[1:], bias=True) * (groups - 1)
    quantile = float(t.ppf(0.975, groups - 1)) ** 2
    a = below**2 - quantile * covariance[1, 1]
    if a <= 0:
        return Interval(above / below, -math.inf, math.inf)
    b, c = above * below - quantile * covariance[0, 1], above**2 - quantile * covariance[0, 0]
    half = math.sqrt(max(b * b - a * c, 0.0))
    return Interval(above / below, float(b - half) / a, float(b + half) / a)
