"""Fieller's confidence set of a ratio of two estimates.

The ratio of two jointly normal estimates has no interval that is always bounded and always covers the ratio (Gleser and Hwang 1987).
Fieller's set contains each ratio r for which numerator - r * denominator is not significantly different from 0. It is bounded if and only
if the denominator differs significantly from 0.

References
----------
Fieller, E. C. (1954). Some problems in interval estimation. Journal of the Royal Statistical Society B, 16(2), 175-185.
Gleser, L. J. and Hwang, J. T. (1987). The nonexistence of 100(1 - alpha) % confidence sets of finite expected diameter in
errors-in-variables and related models. Annals of Statistics, 15(4), 1351-1362.
"""

import math
from typing import Literal, NamedTuple

FiellerShape = Literal["interval", "outside", "everything", "undefined"]


class FiellerSet(NamedTuple):
    """A ratio with its confidence set.

    Attributes
    ----------
    value : float
        The ratio; nan if the denominator is 0.
    low, high : float
        Ends of the interval; nan unless `shape` is 'interval' or 'outside'.
    shape : {'interval', 'outside', 'everything', 'undefined'}
        Whether the set is the interval from `low` to `high`, all values up to `low` and from `high` on, or all values. It is undefined if
        the denominator is known to be 0.
    """

    value: float
    low: float
    high: float
    shape: FiellerShape

    def shifted(self, by: float) -> "FiellerSet":
        """Return the set of the ratio plus a constant.

        Parameters
        ----------
        by : float
            The constant.
        """
        return FiellerSet(self.value + by, self.low + by, self.high + by, self.shape)


def fieller_set(
    numerator: float,
    denominator: float,
    *,
    numerator_variance: float,
    denominator_variance: float,
    covariance: float,
    quantile: float,
) -> FiellerSet:
    """Return a ratio with its confidence set: all r with (numerator - r denominator)^2 <= q^2 var(numerator - r denominator).

    Parameters
    ----------
    numerator, denominator : float
        Unbiased, approximately normal estimates.
    numerator_variance, denominator_variance : float
        Their variances, at least 0.
    covariance : float
        Their covariance.
    quantile : float
        Quantile q of the normal distribution, such as 1.96 for a 95 % set. If the variances are estimated from few observations, use a
        quantile of Student's t distribution.

    Returns
    -------
    FiellerSet

    Examples
    --------
    >>> fieller_set(4.0, 2.0, numerator_variance=0.0, denominator_variance=0.0, covariance=0.0, quantile=1.96)
    FiellerSet(value=2.0, low=2.0, high=2.0, shape='interval')
    >>> fieller_set(4.0, 0.1, numerator_variance=1.0, denominator_variance=1.0, covariance=0.0, quantile=1.96).shape
    'outside'
    >>> fieller_set(1.0, 0.1, numerator_variance=1.0, denominator_variance=1.0, covariance=0.0, quantile=1.96).shape
    'everything'
    """
    if math.isnan(numerator + denominator + numerator_variance + denominator_variance + covariance) or (
        denominator == 0 and denominator_variance == 0
    ):
        return FiellerSet(math.nan, math.nan, math.nan, "undefined")
    value = numerator / denominator if denominator else math.nan
    square = quantile**2
    a = denominator * denominator - square * denominator_variance  # of a r^2 - 2 b r + c <= 0
    b = numerator * denominator - square * covariance
    c = numerator * numerator - square * numerator_variance
    discriminant = b * b - a * c
    if a > 0:  # the set contains the ratio itself, so a negative discriminant is a rounding error
        root = math.sqrt(max(discriminant, 0.0))
        return FiellerSet(value, (b - root) / a, (b + root) / a, "interval")
    if a == 0 or discriminant <= 0:
        return FiellerSet(value, math.nan, math.nan, "everything")
    root = math.sqrt(discriminant)
    return FiellerSet(value, (b + root) / a, (b - root) / a, "outside")
