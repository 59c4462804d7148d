"""Estimates of metrics from independent replications: whole runs of the same firm with different seeds.

Customers who share desks or budgets affect each other, so the spread between the customers of one run does not show how much a metric
varies. Replications are independent, no matter what customers share. With R replications of mean m and standard deviation s, and the
quantile t of Student's distribution with R - 1 degrees of freedom,

    m -+ t s / sqrt(R)            covers the mean over many runs of this firm (confidence interval),
    m -+ t s sqrt(1 + 1 / R)      covers one more run of this firm (prediction interval).

Shares are transformed by arcsin(sqrt(p)), and prediction intervals of mean waits by log(1 + minutes), which keeps intervals within the
range of the metric (Law 2015, section 9.4; Hahn and Meeker 1991, section 4.7).

References
----------
Law, A. M. (2015). Simulation Modeling and Analysis, 5th ed. McGraw-Hill.
Hahn, G. J., Meeker, W. Q. (1991). Statistical Intervals. Wiley.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.confidence_intervals import MetricEstimate, wilson_interval
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import SHARE_UNIT

WAIT_UNIT = "minutes"
_LEVEL = 0.975  # of the quantile of a two-sided 95 % interval


class PredictionInterval(NamedTuple):
    """95 % prediction interval of a metric for one run of the firm; nan where undefined."""

    low: float
    high: float


NO_PREDICTION = PredictionInterval(math.nan, math.nan)


class ReplicatedEstimate(NamedTuple):
    """The mean of a metric over replications with its confidence interval, and the prediction interval for one run."""

    estimate: MetricEstimate
    prediction: PredictionInterval


class ReplicatedDifference(NamedTuple):
    """The mean of a paired difference over replications with its confidence interval, and the prediction interval for one run."""

    difference: PairedDifference
    prediction: PredictionInterval


def student_quantile(n_replications: int) -> float:
    """Return the 97.5 % quantile of Student's distribution with `n_replications` - 1 degrees of freedom.

    Examples
    --------
    >>> round(student_quantile(8), 3)
    2.365
    """
    from scipy.special import stdtrit

    return float(stdtrit(n_replications - 1, _LEVEL))


def combine_estimates(estimates: Sequence[MetricEstimate]) -> ReplicatedEstimate:
    """Combine the estimates of one metric from independent replications.

    Parameters
    ----------
    estimates : sequence of MetricEstimate
        One per replication, with different seeds. Replications in which the metric is undefined are left out.

    Returns
    -------
    ReplicatedEstimate
        `n` is the number of customers in the denominator, summed over replications. Intervals are nan for fewer than two replications.

    Examples
    --------
    >>> found = combine_estimates([MetricEstimate(x, x, x, 5, "money") for x in (1.0, 2.0, 3.0)])
    >>> found.estimate.value, round(found.estimate.high, 2), round(found.prediction.high, 2)
    (2.0, 4.48, 6.97)
    """
    unit, n = estimates[0].unit, sum(one.n for one in estimates)
    values = np.array([one.value for one in estimates if not math.isnan(one.value)])
    if len(values) < 2:
        return ReplicatedEstimate(MetricEstimate(_mean(values), math.nan, math.nan, n, unit), NO_PREDICTION)
    if unit == SHARE_UNIT:
        return _combined_shares(values, n)
    low, high = _interval(values, 1 / len(values))
    estimate = MetricEstimate(_mean(values), low, high, n, unit)
    if unit == WAIT_UNIT and (values >= 0).all():
        return ReplicatedEstimate(estimate, _transformed_prediction(values, np.log1p, np.expm1))
    return ReplicatedEstimate(estimate, PredictionInterval(*_interval(values, 1 + 1 / len(values))))


def combine_differences(baseline_values: Sequence[float], values: Sequence[float]) -> ReplicatedDifference:
    """Combine the paired differences of one metric between two policies from replications with the same seeds.

    Parameters
    ----------
    baseline_values, values : sequence of float
        The metric under the baseline and under the alternative, by replication.

    Returns
    -------
    ReplicatedDifference
        `variance_ratio` is the variance of unpaired differences between replications divided by the variance of paired differences. If the
        policies are equal in every replication, the effect is exactly 0 and its interval has width 0.
    """
    before, after = np.array(baseline_values, np.float64), np.array(values, np.float64)
    is_defined = ~(np.isnan(before) | np.isnan(after))
    before, after = before[is_defined], after[is_defined]
    differences = after - before
    if len(differences) < 2:
        undefined = (math.nan, math.nan, math.nan)
        return ReplicatedDifference(PairedDifference(_mean(before), _mean(after), _mean(differences), *undefined), NO_PREDICTION)
    low, high = _interval(differences, 1 / len(differences))
    paired, unpaired = float(differences.var(ddof=1)), float(before.var(ddof=1) + after.var(ddof=1))
    difference = PairedDifference(_mean(before), _mean(after), _mean(differences), low, high, unpaired / paired if paired else math.nan)
    return ReplicatedDifference(difference, PredictionInterval(*_interval(differences, 1 + 1 / len(differences))))


def _mean(values: Array) -> float:
    """Return the mean, which is exact if all values are equal; nan without values."""
    if not len(values):
        return math.nan
    return float(values[0] + (values - values[0]).mean())


def _interval(values: Array, factor: float) -> tuple[float, float]:
    """Return the mean -+ t s sqrt(factor)."""
    mean, half = _mean(values), student_quantile(len(values)) * float(values.std(ddof=1)) * math.sqrt(factor)
    return (mean - half, mean + half) if np.ptp(values) else (mean, mean)


def _combined_shares(values: Array, n: int) -> ReplicatedEstimate:
    """Combine shares.

    If all are 0 or all are 1, both intervals are Wilson's: the confidence interval for the customers of all replications together, the
    prediction interval for those of one replication.
    """
    share, count = _mean(values), len(values)
    if share in (0.0, 1.0):
        wilson, of_one = wilson_interval(share, n, math.nan), wilson_interval(share, max(n // count, 1), math.nan)
        return ReplicatedEstimate(MetricEstimate(share, *wilson, n, SHARE_UNIT), PredictionInterval(*of_one))
    slope = 1 / (2 * math.sqrt(share * (1 - share)))  # of arcsin(sqrt(p))
    half = student_quantile(count) * slope * float(values.std(ddof=1)) / math.sqrt(count) if np.ptp(values) else 0.0
    low, high = (_share_at(math.asin(math.sqrt(share)) + shift) if half else share for shift in (-half, half))
    prediction = _transformed_prediction(values, lambda p: np.arcsin(np.sqrt(p)), _share_at)
    return ReplicatedEstimate(MetricEstimate(share, low, high, n, SHARE_UNIT), prediction)


def _transformed_prediction(values: Array, transform: Callable[[Array], Array], inverse: Callable[[float], float]) -> PredictionInterval:
    """Return the prediction interval on a transformed scale, transformed back."""
    if not np.ptp(values):
        return PredictionInterval(float(values[0]), float(values[0]))
    low, high = _interval(transform(values), 1 + 1 / len(values))
    return PredictionInterval(max(float(inverse(low)), 0.0), float(inverse(high)))


def _share_at(angle: float) -> float:
    """Return sin(angle)^2 for an angle in [0, pi / 2], and 0 or 1 outside."""
    return math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2
