"""Evaluation of policies over parameter draws, aggregated by an aim such as the mean.

Each draw has its own customers. The variation over draws therefore includes parameter uncertainty and the sampling error of customers, and
intervals are computed over draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.tuning.evaluation_cohort import CohortEvaluation, Contrast, DirectedMetric, SeededCohort
from cjsim.tuning.objectives import Aim
from cjsim.tuning.parameter_draws import ParameterDraw


@dataclass(frozen=True, eq=False)
class ParameterDrawEvaluation:
    """Evaluation of a policy over parameter draws. `values` holds each metric per draw, shape (n_draws,)."""

    values: Mapping[str, Array]
    metrics: Mapping[str, MetricEstimate]
    aim: Aim
    simulated_customers: int

    @classmethod
    def from_evaluations(
        cls, evaluations: Sequence[CohortEvaluation], directed_metrics: Sequence[DirectedMetric], aim: Aim, *, customer_share: float = 1.0
    ) -> "ParameterDrawEvaluation":
        """Combine the evaluations of the draws.

        Parameters
        ----------
        evaluations : Sequence of CohortEvaluation
            One per draw.
        directed_metrics : Sequence of DirectedMetric
            Metrics to combine. If a metric occurs twice, its first direction is used.
        aim : Aim
            How metrics are aggregated over draws.
        customer_share : float
            Share of all customers in each draw; totals are extrapolated to all customers.
        """
        values, metrics = {}, {}
        for metric, worse_sign in reversed(directed_metrics):
            estimates = [one.metrics[metric] for one in evaluations]
            scale = 1 / customer_share if evaluations[0].terms[metric].is_total else 1.0
            column = scale * np.array([one.value for one in estimates])
            values[metric] = column
            value, half_width = aim.aggregate(column, worse_sign), aim.half_width([column], worse_sign)
            count, unit = sum(one.n for one in estimates), estimates[0].unit
            metrics[metric] = MetricEstimate(value, value - half_width, value + half_width, count, unit)
        return cls(values, metrics, aim, sum(one.simulated_customers for one in evaluations))

    def paired_contrast(self, baseline: "ParameterDrawEvaluation", directed_metric: DirectedMetric) -> Contrast:
        """Return the contrast with another policy on the same draws. Each policy has its own worst draws.

        Parameters
        ----------
        baseline : ParameterDrawEvaluation
            Evaluation of the other policy.
        directed_metric : DirectedMetric
            The metric, and the direction in which it worsens.
        """
        metric, worse_sign = directed_metric
        columns = [baseline.values[metric], self.values[metric]]
        before, after = (self.aim.aggregate(one, worse_sign) for one in columns)
        effect, half_width = after - before, self.aim.half_width(columns, worse_sign)
        error = self.aim.standard_error(columns, worse_sign)
        return Contrast(before, after, effect, effect - half_width, effect + half_width, error)

    def unpaired_contrast(self, baseline: "ParameterDrawEvaluation", directed_metric: DirectedMetric) -> Contrast:
        """Return the contrast with another policy on different customers, paired by draw.

        Parameters
        ----------
        baseline : ParameterDrawEvaluation
            Evaluation of the other policy.
        directed_metric : DirectedMetric
            The metric, and the direction in which it worsens.
        """
        return self.paired_contrast(baseline, directed_metric)


@dataclass(frozen=True)
class ParameterDrawCohort:
    """One cohort per parameter draw."""

    cohorts: tuple[SeededCohort, ...]
    directed_metrics: tuple[DirectedMetric, ...]
    aim: Aim

    @classmethod
    def from_draws(
        cls, cohort: SeededCohort, draws: Sequence[ParameterDraw], directed_metrics: tuple[DirectedMetric, ...], aim: Aim
    ) -> "ParameterDrawCohort":
        """Distribute customers over parameter draws.

        Parameters
        ----------
        cohort : SeededCohort
            Customers, seed and journey without draws. If outcomes depend on the number of customers, each draw gets the full number of
            customers, otherwise an equal share.
        draws : Sequence of ParameterDraw
            At least two draws, and at most half as many draws as customers.
        directed_metrics : tuple of DirectedMetric
            Metrics to evaluate.
        aim : Aim
            How metrics are aggregated over draws.

        Raises
        ------
        InputError
            If the scenario is invalid with a draw. The message names the row of the draw.
        """
        customers = cohort.customers if cohort.scenario.depends_on_population_size else cohort.customers // len(draws)
        scenarios = (cohort.scenario.with_values(draw.values, location=draw.location) for draw in draws)
        cohorts = (cohort.with_other_customers(scenario, customers, f"draw {number}") for number, scenario in enumerate(scenarios))
        return cls(tuple(cohorts), directed_metrics, aim)

    @property
    def customers(self) -> int:
        """Number of initial customers over all draws."""
        return sum(cohort.customers for cohort in self.cohorts)

    def simulate(self, values: Mapping[str, Any]) -> ParameterDrawEvaluation:
        """Simulate all customers under a policy.

        Parameters
        ----------
        values : Mapping of str to Any
            Values keyed by path; empty for the baseline.

        Raises
        ------
        InputError
            If the scenario with these values is invalid.
        """
        share = 1.0 if self.cohorts[0].scenario.depends_on_population_size else 1 / len(self.cohorts)
        evaluations = [cohort.simulate(values) for cohort in self.cohorts]
        return ParameterDrawEvaluation.from_evaluations(evaluations, self.directed_metrics, self.aim, customer_share=share)


EvaluationCohort = SeededCohort | ParameterDrawCohort
