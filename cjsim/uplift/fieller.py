"""Intervals for the ratio of two estimates (Fieller 1954)."""

import math
from typing import NamedTuple


class RatioInterval(NamedTuple):
    """Confidence set of a ratio.

    Attributes
    ----------
    ratio, low, high : float
        Ratio and limits; the limits are infinite if the set is unbounded.
    is_bounded : bool
        Whether the set is an interval. False if the denominator does not differ significantly from 0.
    """

    ratio: float
    low: float
    high: float
    is_bounded: bool


def fieller_interval(
    numerator: float, denominator: float, *, variances: tuple[float, float], covariance: float = 0.0, quantile: float
) -> RatioInterval:
    r"""Return the confidence set of a ratio of two normal estimates.

    It contains all r with :math:`(a - r b)^2 \le q^2 (V_a - 2 r V_{ab} + r^2 V_b)`. If b does not differ significantly from 0, this set is
    unbounded: all ratios, or all outside an interval. The limits are then infinite.

    Parameters
    ----------
    numerator, denominator : float
        Estimates a and b.
    variances : tuple of float
        Variances of both estimates.
    covariance : float
        Covariance of the estimates.
    quantile : float
        Quantile q of the normal or t distribution, such as 1.96.

    Returns
    -------
    RatioInterval

    References
    ----------
    Fieller, E. C. (1954). Some problems in interval estimation. Journal of the Royal Statistical Society B 16, 175-185.

    Examples
    --------
    >>> found = fieller_interval(3.0, 2.0, variances=(0.01, 0.01), quantile=1.96)
    >>> round(found.ratio, 3), round(found.low, 3), round(found.high, 3)
    (1.5, 1.336, 1.693)
    >>> fieller_interval(3.0, 0.1, variances=(0.01, 0.01), quantile=1.96).is_bounded
    False
    """
    squared = quantile * quantile
    a, b, c = (
        denominator**2 - squared * variances[1],
        numerator * denominator - squared * covariance,
        numerator**2 - squared * variances[0],
    )
    ratio = numerator / denominator if denominator != 0 else math.nan
    discriminant = b * b - a * c
    if not (a > 0 and discriminant >= 0):
        return RatioInterval(ratio, -math.inf, math.inf, is_bounded=False)
    root = math.sqrt(discriminant)
    return RatioInterval(ratio, (b - root) / a, (b + root) / a, is_bounded=True)
