"""Objectives and constraints of a study: gains, excess over bounds, and Pareto dominance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.simulation.documents import Scenario
from cjsim.tuning.evaluation_cohort import Contrast, DirectedMetric
from cjsim.tuning.objectives import Constraint, Objective
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain, Trial


@dataclass(frozen=True)
class Goals:
    """Objectives and constraints of a study.

    Methods take contrasts in the order of `directed_metrics`: objectives first, then constraints.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]

    @classmethod
    def from_study(cls, study: Study) -> "Goals":
        """Create goals from the objectives and constraints of a study.

        Parameters
        ----------
        study : Study
            The study.
        """
        return cls(study.objectives, study.constraints)

    @property
    def directed_objectives(self) -> tuple[DirectedMetric, ...]:
        """Metrics of the objectives with their directions."""
        return tuple(DirectedMetric(one.metric, -one.sign) for one in self.objectives)

    @property
    def directed_metrics(self) -> tuple[DirectedMetric, ...]:
        """Metrics of the objectives, then of the constraints, with their directions."""
        return (*self.directed_objectives, *(DirectedMetric(one.metric, one.sign) for one in self.constraints))

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of all metrics without duplicates."""
        return tuple(dict.fromkeys(one.metric for one in self.directed_metrics))

    def has_total_metric(self, scenario: Scenario) -> bool:
        """Return whether any metric is a total over customers.

        Parameters
        ----------
        scenario : Scenario
            The scenario, which determines the metrics of stages, channels and desks.
        """
        known = all_metric_definitions(compile_scenario(scenario).codebook)
        return any(known[name].is_total for name in self.metric_names)

    def gains(self, contrasts: Sequence[Contrast]) -> tuple[ObjectiveGain, ...]:
        """Return the gain in each objective.

        Parameters
        ----------
        contrasts : Sequence of Contrast
            Contrasts with the baseline.
        """
        return tuple(ObjectiveGain(one.value, one.effect, one.low, one.high) for one in contrasts[: len(self.objectives)])

    def excess(self, contrasts: Sequence[Contrast]) -> dict[str, float]:
        """Return the excess over each bound, keyed by constraint: positive if violated, infinite if the metric is undefined.

        Parameters
        ----------
        contrasts : Sequence of Contrast
            Contrasts with the baseline.
        """
        pairs = zip(self.constraints, contrasts[len(self.objectives) :], strict=True)
        return {
            constraint.name: math.inf if math.isnan(one.value) else constraint.sign * (one.value - constraint.bound)
            for constraint, one in pairs
        }

    def surely_violated(self, metrics: Mapping[str, MetricEstimate]) -> list[str]:
        """Return the names of constraints whose metric is undefined or has its whole 95 % interval beyond the bound.

        Parameters
        ----------
        metrics : Mapping of str to MetricEstimate
            Metrics of a policy.
        """
        violated = []
        for constraint in self.constraints:
            estimate = metrics[constraint.metric]
            nearest = estimate.low if constraint.sign > 0 else estimate.high
            if math.isnan(estimate.value) or constraint.sign * (nearest - constraint.bound) > 0:
                violated.append(constraint.name)
        return violated

    def is_gain(self, gain: ObjectiveGain) -> bool:
        """Return whether the whole 95 % interval shows an improvement.

        Parameters
        ----------
        gain : ObjectiveGain
            Gain in the first objective.
        """
        return gain.low > 0 if self.objectives[0].sign > 0 else gain.high < 0

    def scores(self, gains: Sequence[ObjectiveGain]) -> tuple[float, ...]:
        """Return the values of the objectives as scores, for which larger is better. Minimized objectives are negated.

        Parameters
        ----------
        gains : Sequence of ObjectiveGain
            One per objective.
        """
        return tuple(one.sign * gain.value for one, gain in zip(self.objectives, gains, strict=True))

    def front(self, trials: Sequence[Trial], count: int) -> list[Trial]:
        """Return the trials that no other dominates; if there are more than `count`, those with the largest crowding distance.

        Parameters
        ----------
        trials : sequence of Trial
            Feasible trials.
        count : int
            Maximum number of trials to return.

        Returns
        -------
        list of Trial
            In the order of `trials`.
        """
        if not trials:
            return []
        scores = np.array([self.scores(trial.gains) for trial in trials])
        front = pareto_front(scores)
        return [trials[front[row]] for row in select_by_crowding(scores[front], count)]


def pareto_front(scores: Array) -> list[int]:
    """Return the policies that no other policy dominates by being at least as good in every objective and better in at least one.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_policies, n_objectives)
        Larger is better.

    Returns
    -------
    list of int
        Row numbers in ascending order. All equal rows are included.

    Examples
    --------
    >>> pareto_front(np.array([[1.0, 3.0], [2.0, 2.0], [1.0, 2.0]]))
    [0, 1]
    """
    dominated = [bool(((scores >= one).all(axis=1) & (scores > one).any(axis=1)).any()) for one in scores]
    return [row for row, is_dominated in enumerate(dominated) if not is_dominated]


def select_by_crowding(scores: Array, count: int) -> list[int]:
    """Return the rows of a Pareto front with the largest crowding distance.

    The crowding distance of a row is the gap between its neighbors relative to the range, summed over objectives. It is infinite at the
    ends (Deb, Pratap, Agarwal, Meyarivan 2002, IEEE Transactions on Evolutionary Computation 6(2), section III.B).

    Parameters
    ----------
    scores : ndarray of float64, shape (n_policies, n_objectives)
        A Pareto front.
    count : int
        Maximum number of rows.

    Returns
    -------
    list of int
        Row numbers in ascending order.

    Examples
    --------
    >>> select_by_crowding(np.array([[0.0, 9.0], [1.0, 8.0], [1.1, 7.9], [5.0, 1.0]]), 3)
    [0, 2, 3]
    """
    gaps = np.zeros(len(scores))
    for column in scores.T:
        order = np.argsort(column, kind="stable")
        ordered, span = column[order], float(np.ptp(column)) or 1.0
        gaps[order[[0, -1]]] = math.inf
        gaps[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
    return sorted(np.argsort(-gaps, kind="stable")[:count].tolist())
