"""Cohorts for evaluating policies, and contrasts between two evaluations."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from cjsim.metrics.catalog import all_metric_definitions, find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95, MetricEstimate, estimate_metric
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import paired_difference
from cjsim.metrics.ratios import RatioTerms, influence, ratio, sum_terms_by_root
from cjsim.simulation.batches import BatchSimulator
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate


class DirectedMetric(NamedTuple):
    """A metric and its direction: `worse_sign` is 1 if larger values are worse, else -1."""

    metric: str
    worse_sign: int


class Contrast(NamedTuple):
    """A metric under two policies. `effect` is value - baseline, with its 95 % interval and standard error; nan if undefined."""

    baseline: float
    value: float
    effect: float
    low: float
    high: float
    standard_error: float

    def with_baseline(self, baseline: float) -> "Contrast":
        """Return the same effect relative to another estimate of the baseline. An undefined effect is unchanged.

        Parameters
        ----------
        baseline : float
            Value of the metric under the baseline, estimated on a larger cohort.
        """
        return self if math.isnan(self.effect) else self._replace(baseline=baseline, value=baseline + self.effect)

    def chained_to(self, base_contrast: "Contrast") -> "Contrast":
        """Return a contrast whose effect is the sum of this effect and another. Their errors are treated as independent.

        Parameters
        ----------
        base_contrast : Contrast
            Contrast whose value is the baseline of this one.

        Examples
        --------
        >>> step = Contrast(5.0, 4.5, -0.5, -0.6, -0.4, 0.05)
        >>> round(step.chained_to(Contrast(4.0, 5.2, 1.2, 1.1, 1.3, 0.05)).effect, 9)
        0.7
        """
        effect, error = base_contrast.effect + self.effect, math.hypot(base_contrast.standard_error, self.standard_error)
        return _normal_contrast(base_contrast.baseline, base_contrast.value + self.effect, effect, error)


def _normal_contrast(baseline: float, value: float, effect: float, error: float) -> Contrast:
    """Return a contrast with a normal 95 % interval."""
    half_width = NORMAL_QUANTILE_95 * error
    return Contrast(baseline, value, effect, effect - half_width, effect + half_width, error)


class PolicyEvaluation(Protocol):
    """The parts of a policy's evaluation on a cohort that comparisons use."""

    @property
    def metrics(self) -> Mapping[str, MetricEstimate]:
        """Metric estimates with 95 % intervals, keyed by name."""

    @property
    def simulated_customers(self) -> int:
        """Number of simulated customers."""

    def paired_contrast(self, baseline: Self, directed_metric: DirectedMetric) -> Contrast:
        """Return the contrast with another policy on the same cohort.

        Parameters
        ----------
        baseline : PolicyEvaluation
            Evaluation of the other policy.
        directed_metric : DirectedMetric
            The metric.
        """


@dataclass(frozen=True, eq=False)
class CohortEvaluation:
    """Evaluation of a policy on one cohort.

    Attributes
    ----------
    terms : Mapping of str to RatioTerms
        Numerators and denominators of the comparable metrics, summed by root customer.
    metrics : Mapping of str to MetricEstimate
        Metrics of the run with 95 % intervals; empty for a subset of the customers.
    sample : ClusterSample
        Sample of the root customers.
    simulated_customers : int
        Number of simulated customers.
    """

    terms: Mapping[str, RatioTerms]
    metrics: Mapping[str, MetricEstimate]
    sample: ClusterSample
    simulated_customers: int

    @classmethod
    def from_run(cls, run: Run, metrics: Sequence[str], *, further_metrics: Sequence[str] = ()) -> "CohortEvaluation":
        """Summarize a run.

        Parameters
        ----------
        run : Run
            The run. No reference to it is kept.
        metrics : Sequence of str
            Names of metrics to compare with other evaluations.
        further_metrics : Sequence of str
            Names of metrics to estimate but not to compare.

        Raises
        ------
        InputError
            If the run lacks one of the metrics.
        """
        sample, terms, estimates = ClusterSample.from_run(run), {}, {}
        for name in dict.fromkeys([*metrics, *further_metrics]):
            definition = find_metric_definition(run, name)
            run_terms = definition.terms(run)
            estimates[name] = estimate_metric(run_terms, definition.unit, sample)
            if name in metrics:
                terms[name] = sum_terms_by_root(run_terms, sample)
        return cls(terms, estimates, sample.roots_only, len(run))

    def first_customers(self, customers: int) -> "CohortEvaluation":
        """Return the evaluation of the first customers only, with totals extrapolated to all customers.

        Parameters
        ----------
        customers : int
            Number of customers, at most the size of the cohort. The run must not have arrivals.
        """
        if customers == self.sample.n_roots:
            return self
        terms = {
            name: one._replace(numerator=one.numerator[:customers], denominator=one.denominator[:customers])
            for name, one in self.terms.items()
        }
        return CohortEvaluation(terms, {}, ClusterSample.of_independent_customers(customers), 0).scaled_to(self.sample.n_roots)

    def scaled_to(self, customers: int) -> "CohortEvaluation":
        """Return the same evaluation with totals extrapolated to more customers.

        Parameters
        ----------
        customers : int
            Number of initial customers.
        """
        scale = customers / self.sample.n_roots
        totals = {name: one._replace(numerator=one.numerator * scale) for name, one in self.terms.items() if one.is_total and scale != 1}
        return self if not totals else replace(self, terms={**self.terms, **totals})

    def extended_by(self, more: "CohortEvaluation") -> "CohortEvaluation":
        """Combine this evaluation with the evaluation of the next customers under the same policy. The result has no `metrics`.

        Parameters
        ----------
        more : CohortEvaluation
            Evaluation of the next initial customers.
        """
        terms = {
            name: one._replace(
                numerator=np.concatenate([one.numerator, more.terms[name].numerator]),
                denominator=np.concatenate([one.denominator, more.terms[name].denominator]),
            )
            for name, one in self.terms.items()
        }
        sample = ClusterSample.of_independent_customers(self.sample.n_roots + more.sample.n_roots)
        return CohortEvaluation(terms, {}, sample, self.simulated_customers + more.simulated_customers)

    def paired_contrast(self, baseline: "CohortEvaluation", directed_metric: DirectedMetric) -> Contrast:
        """Return the paired contrast with another policy on the same customers.

        Parameters
        ----------
        baseline : CohortEvaluation
            Evaluation of the other policy.
        directed_metric : DirectedMetric
            The metric.

        Returns
        -------
        Contrast
            If no customer differs, the effect is exactly 0 and its interval has width 0.
        """
        pairing = CustomerPairing.match_by_key(baseline.sample, self.sample)
        difference = paired_difference(baseline.terms[directed_metric.metric], self.terms[directed_metric.metric], pairing)
        return Contrast(*difference[:5], (difference.high - difference.low) / (2 * NORMAL_QUANTILE_95))

    def unpaired_contrast(self, baseline: "CohortEvaluation", directed_metric: DirectedMetric) -> Contrast:
        """Return the contrast with another policy on different customers, as for two independent samples.

        Parameters
        ----------
        baseline : CohortEvaluation
            Evaluation of the other policy.
        directed_metric : DirectedMetric
            The metric.
        """
        before, after = ratio(baseline.terms[directed_metric.metric]), ratio(self.terms[directed_metric.metric])
        error = math.hypot(baseline.standard_error(directed_metric), self.standard_error(directed_metric))
        return _normal_contrast(before, after, after - before, error)

    def standard_error(self, directed_metric: DirectedMetric) -> float:
        """Return the standard error of a metric; nan if undefined.

        Parameters
        ----------
        directed_metric : DirectedMetric
            The metric.
        """
        return math.sqrt(self.sample.variance(influence(self.terms[directed_metric.metric])))


@dataclass(frozen=True)
class SeededCohort:
    """Customers drawn with one seed in one journey.

    Attributes
    ----------
    scenario : Scenario
        The baseline.
    metrics : tuple of str
        Names of the comparable metrics.
    customers, seed : int
        Number of initial customers, and seed of the run.
    threads : int, optional
        Number of threads. Defaults to all cores.
    measures_all_metrics : bool
        Whether to estimate all other metrics as well.
    """

    scenario: Scenario
    metrics: tuple[str, ...]
    customers: int
    seed: int
    threads: int | None = None
    measures_all_metrics: bool = False

    def simulate(self, values: Mapping[str, Any]) -> CohortEvaluation:
        """Simulate all customers under a policy.

        Parameters
        ----------
        values : Mapping of str to Any
            Values keyed by path; empty for the baseline.

        Raises
        ------
        InputError
            If the scenario with these values is invalid, or its population exceeds the limit.
        """
        return self._evaluate(self._scenario_with(values))

    def simulate_rungs(self, values: Mapping[str, Any], rungs: Sequence[int]) -> Iterator[CohortEvaluation]:
        """Simulate a policy on an increasing number of customers. Each customer is simulated once.

        Parameters
        ----------
        values : Mapping of str to Any
            As in `simulate`.
        rungs : Sequence of int
            Cumulative numbers of customers, ascending. The last is the size of the cohort.

        Yields
        ------
        CohortEvaluation
            Evaluation of all customers so far, with totals extrapolated to the last rung. If a subset is not representative, there is a
            single evaluation of all customers.

        Raises
        ------
        InputError
            As in `simulate`.
        """
        scenario = self._scenario_with(values)
        if len(rungs) == 1 or not is_subset_representative(scenario):
            yield self._evaluate(scenario)
            return
        simulator, so_far = BatchSimulator(scenario, seed=self.seed, threads=self.threads), None
        for rung in rungs:
            first = so_far.sample.n_roots if so_far else 0
            batch = CohortEvaluation.from_run(simulator.simulate(first, rung - first), self.metrics)
            so_far = so_far.extended_by(batch) if so_far else batch
            yield so_far.scaled_to(rungs[-1])

    def with_other_customers(self, scenario: Scenario, customers: int, purpose: str) -> "SeededCohort":
        """Return a cohort of other customers in another scenario.

        Parameters
        ----------
        scenario : Scenario
            The scenario.
        customers : int
            Number of initial customers.
        purpose : str
            Name from which the seed of the new cohort is derived, such as `draw 0`.

        Returns
        -------
        SeededCohort
        """
        return replace(self, scenario=scenario, customers=customers, seed=derived_seed(self.seed, purpose))

    def _scenario_with(self, values: Mapping[str, Any]) -> Scenario:
        return self.scenario.with_values(values) if values else self.scenario

    def _evaluate(self, scenario: Scenario) -> CohortEvaluation:
        run = simulate(scenario, customers=self.customers, seed=self.seed, threads=self.threads, replications=1)
        further_metrics = list(all_metric_definitions(run.codebook)) if self.measures_all_metrics else ()
        return CohortEvaluation.from_run(run, self.metrics, further_metrics=further_metrics)


def is_subset_representative(scenario: Scenario) -> bool:
    """Return whether the first customers are a random sample of all, with the same outcomes as in the full population.

    An entry file may be sorted by date, so its first rows may differ from the rest.

    Parameters
    ----------
    scenario : Scenario
        The scenario with any policy.
    """
    return not scenario.depends_on_population_size and scenario.entry.file is None


def derived_seed(seed: int, purpose: str) -> int:
    """Return a seed derived from another seed for a specific purpose.

    Parameters
    ----------
    seed : int
        Seed of the study.
    purpose : str
        Name of the purpose.

    Returns
    -------
    int
        In [0, 2**63).

    Examples
    --------
    >>> derived_seed(1, "first") != derived_seed(1, "second")
    True
    """
    return int.from_bytes(hashlib.blake2s(f"{seed}:{purpose}".encode(), digest_size=8).digest(), "big") >> 1
