"""What a study wants of a policy: how far it has come with each objective, and how far beyond each bound it is.

Lives here: from contrasts with the baseline to gains and excess, and which of two policies is better in every way. Does not live here:
contrasts (panel.py), what stands in a study's file (study.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.simulation.documents import Scenario
from cjsim.tuning.evaluation_cohort import Contrast, DirectedMetric
from cjsim.tuning.study import Constraint, Objective, Study
from cjsim.tuning.trial import ObjectiveGain


@dataclass(frozen=True)
class Goals:
    """Objectives and constraints, as metrics and on which side of them is worse.

    Contrasts come in the order of `aspects`: objectives first, then constraints.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]

    @classmethod
    def from_study(cls, study: Study) -> "Goals":
        """Those of a study.

        Parameters
        ----------
        study : Study
            The study.
        """
        return cls(study.objectives, study.constraints)

    @property
    def directed_objectives(self) -> tuple[DirectedMetric, ...]:
        """Of the objectives."""
        return tuple(DirectedMetric(one.metric, -one.sign) for one in self.objectives)

    @property
    def directed_metrics(self) -> tuple[DirectedMetric, ...]:
        """Of the objectives, then of the constraints."""
        return (*self.directed_objectives, *(DirectedMetric(one.metric, one.sign) for one in self.constraints))

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of all metrics, each once."""
        return tuple(dict.fromkeys(aspect.metric for aspect in self.directed_metrics))

    def has_total_metric(self, scenario: Scenario) -> bool:
        """Whether a metric is a total over customers.

        Parameters
        ----------
        scenario : Scenario
            Whose names metrics may hold.
        """
        from cjsim.compiler.compile_scenario import compile_scenario
        from cjsim.metrics.catalog import all_metric_definitions

        known = all_metric_definitions(compile_scenario(scenario).codebook)
        return any(known[name].is_total for name in self.metric_names)

    def gains(self, contrasts: Sequence[Contrast]) -> tuple[ObjectiveGain, ...]:
        """What each objective is worth.

        Parameters
        ----------
        contrasts : Sequence of Contrast
            With the baseline.
        """
        return tuple(ObjectiveGain(one.value, one.effect, one.low, one.high) for one in contrasts[: len(self.objectives)])

    def excess(self, contrasts: Sequence[Contrast]) -> dict[str, float]:
        """How far beyond each bound the metric is, by constraint; infinite where it is undefined.

        Parameters
        ----------
        contrasts : Sequence of Contrast
            With the baseline.
        """
        pairs = zip(self.constraints, contrasts[len(self.objectives) :], strict=True)
        return {of.name: math.inf if math.isnan(one.value) else of.sign * (one.value - of.bound) for of, one in pairs}

    def surely_violated(self, metrics: Mapping[str, MetricEstimate]) -> list[str]:
        """Constraints whose metric lies beyond the bound with its whole 95 % interval, or is undefined.

        Parameters
        ----------
        metrics : Mapping of str to MetricEstimate
            Of a policy.
        """
        found = []
        for one in self.constraints:
            of = metrics[one.metric]
            near = of.low if one.sign > 0 else of.high
            if math.isnan(of.value) or one.sign * (near - one.bound) > 0:
                found.append(one.name)
        return found

    def is_gain(self, gain: ObjectiveGain) -> bool:
        """Whether the whole interval of the first objective lies on the good side of 0.

        Parameters
        ----------
        gain : ObjectiveGain
            Of the first objective.
        """
        return gain.low > 0 if self.objectives[0].sign > 0 else gain.high < 0

    def scores(self, gains: Sequence[ObjectiveGain]) -> tuple[float, ...]:
        """What each objective is worth, the larger the better.

        Parameters
        ----------
        gains : Sequence of ObjectiveGain
            By objective.
        """
        return tuple(one.sign * gain.value for one, gain in zip(self.objectives, gains, strict=True))


def pareto_front(scores: Array) -> list[int]:
    """Who is beaten by nobody: none is at least as good in all objectives and better in one.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_policies, n_objectives)
        The larger the better.

    Returns
    -------
    list of int
        Rows, ascending; of equal rows all.

    Examples
    --------
    >>> pareto_front(np.array([[1.0, 3.0], [2.0, 2.0], [1.0, 2.0]]))
    [0, 1]
    """
    beaten = [bool(((scores >= one).all(axis=1) & (scores > one).any(axis=1)).any()) for one in scores]
    return [row for row, is_beaten in enumerate(beaten) if not is_beaten]


def select_by_crowding(scores: Array, count: int) -> list[int]:
    """The rows of a front that lie farthest from their neighbors.

    The crowding distance is the sum over objectives of the gap between a row's neighbors over the range; the ends have an infinite one
    (Deb, Pratap, Agarwal, Meyarivan 2002, IEEE Transactions on Evolutionary Computation 6(2), section III.B).

    Parameters
    ----------
    scores : ndarray of float64, shape (n_policies, n_objectives)
        A front.
    count : int
        How many at most.

    Returns
    -------
    list of int
        Rows, ascending.

    Examples
    --------
    >>> select_by_crowding(np.array([[0.0, 9.0], [1.0, 8.0], [1.1, 7.9], [5.0, 1.0]]), 3)
    [0, 2, 3]
    """
    gaps = np.zeros(len(scores))
    for column in scores.T:
        order = np.argsort(column, kind="stable")
        ordered, reach = column[order], float(np.ptp(column)) or 1.0
        gaps[order[[0, -1]]] = math.inf
        gaps[order[1:-1]] += (ordered[2:] - ordered[:-2]) / reach
    return sorted(np.argsort(-gaps, kind="stable")[:count].tolist())
