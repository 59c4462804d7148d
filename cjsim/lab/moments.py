"""Paired moments of a metric under a baseline and a variant, pooled over seeds, and intervals for absolute and relative effects.

A metric is R = Y / X, where Y and X are sums over customers. To first order, a root (see `cjsim.metrics.cluster_sample`) contributes
(y - R x) / X. All variances therefore follow from the second moments of (y0, x0, y1 - y0, x1 - x0) over roots, where 0 denotes the baseline
and 1 the variant. Differences are stored instead of y1 and x1, because most customers have the same trajectory under both and contribute
exactly 0. Seeds are strata: totals and moments are added, and the moments of each seed are taken about that seed's mean.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cjsim.json_records import Number
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.ratios import RatioTerms
from cjsim.simulation.run import Run


class IntervalEstimate(NamedTuple):
    """An effect and the bounds of its interval; nan where undefined."""

    effect: Number
    low: Number
    high: Number


@dataclass(frozen=True, eq=False)
class PairedMoments:
    """Totals and second moments over the roots of one or more seeds.

    Attributes
    ----------
    totals : ndarray of float64, shape (4,)
        Y0, X0, Y1, X1. For a metric that is a total, X0 and X1 are the number of seeds.
    second_moments : ndarray of float64, shape (4, 4)
        Second moments of (y0, x0, y1 - y0, x1 - x0). Moments of the m initial customers are taken about their mean and multiplied by
        m / (m - 1). Moments of arrivals are taken about 0.
    """

    totals: Array
    second_moments: Array

    @classmethod
    def from_runs(cls, before: Run, after: Run, metric: str) -> "PairedMoments":
        """Compute the moments of one pair of runs.

        Parameters
        ----------
        before, after : Run
            Runs of the same customers under the baseline and the variant.
        metric : str
            Name of the metric.

        Raises
        ------
        InputError
            If a run lacks the metric.
        """
        pairing = CustomerPairing.match_by_key(ClusterSample.from_run(before), ClusterSample.from_run(after))
        return cls.from_terms(
            find_metric_definition(before, metric).terms(before), find_metric_definition(after, metric).terms(after), pairing
        )

    @classmethod
    def from_terms(cls, before: RatioTerms, after: RatioTerms, pairing: CustomerPairing) -> "PairedMoments":
        """Compute the moments of paired numerators and denominators.

        Parameters
        ----------
        before, after : RatioTerms
            Terms of the baseline and of the variant.
        pairing : CustomerPairing
            Matches the customers of the two runs.
        """
        y0, x0 = _sum_terms_by_root(before, pairing.baseline)
        y1, x1 = _sum_terms_by_root(after, pairing.alternative)
        zeros, difference = np.zeros(pairing.alternative.n_roots), pairing.difference_by_root
        contributions = np.array([-difference(y0, zeros), -difference(x0, zeros), difference(y0, y1), difference(x0, x1)])
        initial, arrivals = contributions[:, : pairing.combined.n_initial], contributions[:, pairing.combined.n_initial :]
        moments = arrivals @ arrivals.T
        if (m := initial.shape[1]) > 1:
            deviations = initial - initial.mean(axis=1, keepdims=True)
            moments += deviations @ deviations.T * (m / (m - 1))
        return cls(
            np.array([before.numerator_with_cost.sum(), before.denominator_sum, after.numerator_with_cost.sum(), after.denominator_sum]),
            moments,
        )

    def __add__(self, other: "PairedMoments") -> "PairedMoments":
        return PairedMoments(self.totals + other.totals, self.second_moments + other.second_moments)

    @property
    def baseline(self) -> float:
        """The metric under the baseline."""
        return self._metric_at(0)

    @property
    def value(self) -> float:
        """The metric under the variant."""
        return self._metric_at(2)

    def absolute_effect(self, z: float) -> IntervalEstimate:
        """Return variant - baseline, in the unit of the metric.

        Parameters
        ----------
        z : float
            Half-width of the interval in standard errors.

        Examples
        --------
        >>> terms, sample = RatioTerms(np.array([1.0, 2.0, 3.0]), np.ones(3, bool)), ClusterSample.of_independent_customers(3)
        >>> PairedMoments.from_terms(terms, terms, CustomerPairing.match_by_key(sample, sample)).absolute_effect(1.96)
        IntervalEstimate(effect=0.0, low=0.0, high=0.0)
        """
        gradient = self._effect_gradient()
        half_width = z * math.sqrt(max(float(gradient @ self.second_moments @ gradient), 0.0)) if self._is_defined else math.nan
        effect = self.value - self.baseline
        return IntervalEstimate(effect, effect - half_width, effect + half_width)

    def relative_effect(self, z: float) -> IntervalEstimate:
        """Return (variant - baseline) / |baseline|, with an interval from Fieller's theorem.

        The interval contains every d for which |variant - baseline - d baseline| is at most z standard errors of that difference. It is
        undefined if the baseline is within z standard errors of 0.

        Parameters
        ----------
        z : float
            Half-width of the interval in standard errors.

        References
        ----------
        Fieller (1954), Some problems in interval estimation, J. R. Statist. Soc. B 16, 175-185.
        """
        if not self._is_defined:
            return IntervalEstimate(math.nan, math.nan, math.nan)
        of_effect, of_baseline = self._effect_gradient(), self._baseline_gradient()
        baseline, effect = self.baseline, self.value - self.baseline
        a = baseline**2 - z * z * float(of_baseline @ self.second_moments @ of_baseline)
        b = baseline * effect - z * z * float(of_effect @ self.second_moments @ of_baseline)
        c = effect**2 - z * z * max(float(of_effect @ self.second_moments @ of_effect), 0.0)
        if a <= 0:
            return IntervalEstimate(effect / abs(baseline) if baseline else math.nan, math.nan, math.nan)
        root = math.sqrt(max(b * b - a * c, 0.0))
        ends = sorted(math.copysign(1.0, baseline) * (b + side * root) / a for side in (-1, 1))
        return IntervalEstimate(effect / abs(baseline), ends[0], ends[1])

    def to_json(self) -> dict[str, Any]:
        """Return plain values from which `from_json` restores the moments bit for bit."""
        return {"totals": self.totals.tolist(), "moments": self.second_moments.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PairedMoments":
        """Restore moments from plain values.

        Parameters
        ----------
        data : dict
            The return value of `to_json`.
        """
        return cls(np.array(data["totals"], np.float64), np.array(data["moments"], np.float64))

    @property
    def _is_defined(self) -> bool:
        return math.isfinite(self.value - self.baseline)

    def _metric_at(self, index: int) -> float:
        y, x = self.totals[index], self.totals[index + 1]
        return float(y / x) if x else math.nan

    def _baseline_gradient(self) -> Array:
        """Return the gradient of the baseline value with respect to the totals of (y0, x0, y1 - y0, x1 - x0)."""
        per_x0 = 1.0 / self.totals[1]
        return np.array([per_x0, -self.baseline * per_x0, 0.0, 0.0])

    def _effect_gradient(self) -> Array:
        """Return the gradient of the effect with respect to the totals of (y0, x0, y1 - y0, x1 - x0)."""
        if not self._is_defined:
            return np.zeros(4)
        per_x1, per_x0 = 1.0 / self.totals[3], 1.0 / self.totals[1]
        return np.array([per_x1 - per_x0, self.baseline * per_x0 - self.value * per_x1, per_x1, -self.value * per_x1])


def _sum_terms_by_root(terms: RatioTerms, sample: ClusterSample) -> tuple[Array, Array]:
    """Sum numerators and denominators by root. The denominator of a total is constant and contributes 0."""
    x = np.zeros(len(terms.denominator)) if terms.is_total else np.asarray(terms.denominator, np.float64)
    return np.asarray(sample.sum_by_root(np.asarray(terms.numerator, np.float64))), np.asarray(sample.sum_by_root(x))


def birge_ratio(moments_by_seed: list[PairedMoments]) -> float:
    """Return the ratio of the observed to the expected spread of effects across k seeds: about 1 if customers are independent.

    The ratio is sqrt(sum((e - m)^2 / v) / (k - 1)), where v is the variance of each effect e, and m is the mean of the effects with
    weights 1 / v. It is nan for fewer than two seeds, or if any v is 0.

    Parameters
    ----------
    moments_by_seed : list of PairedMoments
        One entry per seed.

    References
    ----------
    Birge (1932), The calculation of errors by the method of least squares, Physical Review 40, 207-227.
    """
    estimates = [moments.absolute_effect(1.0) for moments in moments_by_seed]
    effects, errors = np.array([one.effect for one in estimates]), np.array([one.high - one.effect for one in estimates])
    if len(moments_by_seed) < 2 or not (errors > 0).all():
        return math.nan
    weights = errors**-2.0
    center = float(effects @ weights / weights.sum())
    return math.sqrt(float((effects - center) ** 2 @ weights) / (len(moments_by_seed) - 1))
