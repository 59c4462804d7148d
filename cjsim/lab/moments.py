"""What a pair of runs says of one metric, in a few sums that add up over seeds, and intervals from them.

Lives here: sums, their pooling, effects in the unit of the metric and relative to the baseline. Does not live here: what a metric is
(metrics/), the verdict (verdict.py).

A metric is R = Y / X, sums over customers. To first order it moves with a root (metrics/sample.py) by (y - R x) / X, so that all variances
follow from the second moments of (y0, x0, y1 - y0, x1 - x0) over roots: 0 is the baseline, 1 the variant. Differences are kept, rather
than y1 and x1, as nearly all customers live the same life under both: what cancels is never summed. Seeds are strata: their totals add,
and so do their moments, each about its own mean.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.ratios import RatioTerms
from cjsim.simulation.run import Run


class IntervalEstimate(NamedTuple):
    """A number and its interval; nan where undefined."""

    effect: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class PairedMoments:
    """Sums over the roots of one or more seeds.

    Attributes
    ----------
    totals : ndarray of float64, shape (4,)
        Y0, X0, Y1, X1. Of a total X is the number of seeds.
    second_moments : ndarray of float64, shape (4, 4)
        Second moments of (y0, x0, y1 - y0, x1 - x0): over the m initial customers about their mean, times m / (m - 1); over arrivals
        about 0.
    """

    totals: Array
    second_moments: Array

    @classmethod
    def from_runs(cls, before: Run, after: Run, metric: str) -> "PairedMoments":
        """The sums of one pair of runs.

        Parameters
        ----------
        before, after : Run
            Of the same customers.
        metric : str
            Its name.

        Raises
        ------
        InputError
            If a run has no such metric.
        """
        pairing = CustomerPairing.match_by_key(ClusterSample.from_run(before), ClusterSample.from_run(after))
        return cls.from_terms(
            find_metric_definition(before, metric).terms(before), find_metric_definition(after, metric).terms(after), pairing
        )

    @classmethod
    def from_terms(cls, before: RatioTerms, after: RatioTerms, pairing: CustomerPairing) -> "PairedMoments":
        """The sums of numerators and denominators.

        Parameters
        ----------
        before, after : RatioTerms
            Of the baseline and the variant.
        pairing : CustomerPairing
            Who is who.
        """
        y0, x0 = _sum_terms_by_root(before, pairing.baseline)
        y1, x1 = _sum_terms_by_root(after, pairing.alternative)
        nobody = np.zeros(pairing.alternative.n_roots)
        columns = [
            -pairing.difference_by_root(y0, nobody),
            -pairing.difference_by_root(x0, nobody),
            pairing.difference_by_root(y0, y1),
            pairing.difference_by_root(x0, x1),
        ]
        rows = np.array(columns)
        given, arrived = rows[:, : pairing.combined.n_initial], rows[:, pairing.combined.n_initial :]
        moments = arrived @ arrived.T
        if (m := given.shape[1]) > 1:
            apart = given - given.mean(axis=1, keepdims=True)
            moments += apart @ apart.T * (m / (m - 1))
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
        """Variant - baseline, in the unit of the metric.

        Parameters
        ----------
        z : float
            Standard errors to either side.

        Examples
        --------
        >>> alone = RatioTerms(np.array([1.0, 2.0, 3.0]), np.ones(3, bool))
        >>> PairedMoments.of_terms(alone, alone, CustomerPairing.of(ClusterSample.alone(3), ClusterSample.alone(3))).effect(1.96)
        Interval(effect=0.0, low=0.0, high=0.0)
        """
        moved = self._effect_gradient()
        half = z * math.sqrt(max(float(moved @ self.second_moments @ moved), 0.0)) if self._is_defined else math.nan
        effect = self.value - self.baseline
        return IntervalEstimate(effect, effect - half, effect + half)

    def relative_effect(self, z: float) -> IntervalEstimate:
        """(variant - baseline) / |baseline|, with the interval of Fieller's theorem.

        It holds all d with |variant - baseline - d baseline| within z standard errors of that difference, and is undefined where the
        baseline itself is within z standard errors of 0.

        Parameters
        ----------
        z : float
            Standard errors to either side.

        References
        ----------
        Fieller (1954), Some problems in interval estimation, J. R. Statist. Soc. B 16, 175-185.
        """
        if not self._is_defined:
            return IntervalEstimate(math.nan, math.nan, math.nan)
        moved, own = self._effect_gradient(), self._baseline_gradient()
        baseline, effect = self.baseline, self.value - self.baseline
        a = baseline**2 - z * z * float(own @ self.second_moments @ own)
        b = baseline * effect - z * z * float(moved @ self.second_moments @ own)
        c = effect**2 - z * z * max(float(moved @ self.second_moments @ moved), 0.0)
        if a <= 0:
            return IntervalEstimate(effect / abs(baseline) if baseline else math.nan, math.nan, math.nan)
        half = math.sqrt(max(b * b - a * c, 0.0))
        ends = sorted(math.copysign(1.0, baseline) * (b + side * half) / a for side in (-1, 1))
        return IntervalEstimate(effect / abs(baseline), ends[0], ends[1])

    def to_json(self) -> dict[str, Any]:
        """Plain values, which `from_json` reads as the same sums to the bit."""
        return {"totals": self.totals.tolist(), "moments": self.second_moments.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PairedMoments":
        """Sums from plain values.

        Parameters
        ----------
        data : dict
            What `to_json` gave.
        """
        return cls(np.array(data["totals"], np.float64), np.array(data["moments"], np.float64))

    @property
    def _is_defined(self) -> bool:
        return math.isfinite(self.value - self.baseline)

    def _metric_at(self, at: int) -> float:
        y, x = self.totals[at], self.totals[at + 1]
        return float(y / x) if x else math.nan

    def _baseline_gradient(self) -> Array:
        """How the baseline's value moves with (y0, x0, y1 - y0, x1 - x0)."""
        per = 1.0 / self.totals[1]
        return np.array([per, -self.baseline * per, 0.0, 0.0])

    def _effect_gradient(self) -> Array:
        """How the effect moves with (y0, x0, y1 - y0, x1 - x0)."""
        if not self._is_defined:
            return np.zeros(4)
        per, per_own = 1.0 / self.totals[3], 1.0 / self.totals[1]
        return np.array([per - per_own, self.baseline * per_own - self.value * per, per, -self.value * per])


def _sum_terms_by_root(terms: RatioTerms, sample: ClusterSample) -> tuple[Array, Array]:
    """Numerators and denominators of each root; a total has no denominator that moves."""
    x = np.zeros(len(terms.denominator)) if terms.is_total else np.asarray(terms.denominator, np.float64)
    return np.asarray(sample.sum_by_root(np.asarray(terms.numerator, np.float64))), np.asarray(sample.sum_by_root(x))


def birge_ratio(moments_by_seed: list[PairedMoments]) -> float:
    """How much further the effects of seeds lie apart than the customers of each explain: about 1 if these are independent.

    sqrt(sum((e - mean e)^2 / v) / (k - 1)) over k seeds, with v the variance of each effect e; nan for fewer than two, and where v is 0.

    Parameters
    ----------
    moments_by_seed : list of PairedMoments
        One a seed.
    """
    found = [part.absolute_effect(1.0) for part in moments_by_seed]
    effects, errors = np.array([one.effect for one in found]), np.array([one.high - one.effect for one in found])
    if len(moments_by_seed) < 2 or not (errors > 0).all():
        return math.nan
    weights = errors**-2.0
    center = float(effects @ weights / weights.sum())
    return math.sqrt(float((effects - center) ** 2 @ weights) / (len(moments_by_seed) - 1))
