"""Customers on whom policies are tried, and what is kept of how they fared.

Lives here: a panel (so many customers of one seed), the account of a policy on it, and the contrast of two accounts. Does not live
here: several journeys at once (robust.py), which policies are tried and how long (evaluate.py, confirm.py).
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95, MetricEstimate, estimate_metric
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import paired_difference
from cjsim.metrics.ratios import RatioTerms, influence, ratio, sum_terms_by_root
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run


class DirectedMetric(NamedTuple):
    """A metric, and on which side of it is worse: 1 above, -1 below."""

    metric: str
    worse_sign: int


class Contrast(NamedTuple):
    """A metric under two policies: `effect` is value - baseline, with its 95 % interval and standard error; nan where undefined."""

    baseline: float
    value: float
    effect: float
    low: float
    high: float
    standard_error: float

    def with_baseline(self, baseline: float) -> "Contrast":
        """The same difference from what the baseline is worth on more customers; itself where it is undefined.

        Parameters
        ----------
        baseline : float
            The metric of the baseline on these.
        """
        return self if math.isnan(self.effect) else self._replace(baseline=baseline, value=baseline + self.effect)

    def chained_to(self, base_contrast: "Contrast") -> "Contrast":
        """The difference from the first's baseline, where this one's baseline is the first's value; both as if independent.

        Parameters
        ----------
        base_contrast : Contrast
            Of what this one is compared with.

        Examples
        --------
        >>> step = Contrast(5.0, 4.5, -0.5, -0.6, -0.4, 0.05)
        >>> round(step.after(Contrast(4.0, 5.2, 1.2, 1.1, 1.3, 0.05)).effect, 9)
        0.7
        """
        effect, error = base_contrast.effect + self.effect, math.hypot(base_contrast.standard_error, self.standard_error)
        return Contrast(
            base_contrast.baseline,
            base_contrast.value + self.effect,
            effect,
            effect - NORMAL_QUANTILE_95 * error,
            effect + NORMAL_QUANTILE_95 * error,
            error,
        )


class PolicyEvaluation(Protocol):
    """What is kept of a policy on a panel: its metrics with their 95 % intervals, how many lives it took."""

    @property
    def metrics(self) -> Mapping[str, MetricEstimate]:
        """By name."""

    @property
    def simulated_customers(self) -> int:
        """Lives."""

    def paired_contrast(self, baseline: Self, directed_metric: DirectedMetric) -> Contrast:
        """The difference from another policy on the same panel.

        Parameters
        ----------
        baseline : PolicyEvaluation
            Of the other policy.
        directed_metric : DirectedMetric
            In which metric.
        """

    def unpaired_contrast(self, baseline: Self, directed_metric: DirectedMetric) -> Contrast:
        """The difference from another policy on other customers.

        Parameters
        ----------
        baseline : PolicyEvaluation
            Of the other policy.
        directed_metric : DirectedMetric
            In which metric.
        """


class EvaluationCohort(Protocol):
    """Customers on whom any policy can be tried."""

    @property
    def customers(self) -> int:
        """How many, at first."""

    def simulate(self, values: Mapping[str, Any]) -> Any:
        """Let them live under a policy, and give its `Account`.

        Parameters
        ----------
        values : Mapping of str to Any
            Values by path that make the policy from the baseline; none: the baseline itself.

        Raises
        ------
        InputError
            If the scenario with these values is refused.
        """


@dataclass(frozen=True, eq=False)
class CohortEvaluation:
    """What is kept of a run: numerators and denominators of some metrics by root, and who the roots are.

    `metrics`: with their 95 % intervals, those of the run; none for a part of the customers.
    """

    terms: Mapping[str, RatioTerms]
    metrics: Mapping[str, MetricEstimate]
    sample: ClusterSample
    simulated_customers: int

    @classmethod
    def from_run(cls, run: Run, metrics: Sequence[str], *, further_metrics: Sequence[str] = ()) -> "CohortEvaluation":
        """What is kept of a run.

        Parameters
        ----------
        run : Run
            The run; not kept.
        metrics : Sequence of str
            What can be compared.
        further_metrics : Sequence of str
            What is known besides, for this policy alone.

        Raises
        ------
        InputError
            If the run has no such metric.
        """
        from cjsim.metrics.catalog import find_metric_definition

        sample, terms, found = ClusterSample.from_run(run), {}, {}
        for name in dict.fromkeys([*metrics, *further_metrics]):
            definition = find_metric_definition(run, name)
            one = definition.terms(run)
            found[name] = estimate_metric(one, definition.unit, sample)
            if name in metrics:
                terms[name] = sum_terms_by_root(one, sample)
        return cls(terms, found, sample.roots_only, len(run))

    def first_customers(self, customers: int) -> "CohortEvaluation":
        """Of the first customers only, as if the others had not been there; totals as all would have if they fared alike.

        Parameters
        ----------
        customers : int
            How many, at most as many as there are; nobody may have arrived.
        """
        if customers == self.sample.n_roots:
            return self
        terms = {
            name: one._replace(numerator=one.numerator[:customers], denominator=one.denominator[:customers])
            for name, one in self.terms.items()
        }
        return CohortEvaluation(terms, {}, ClusterSample.of_independent_customers(customers), 0).scaled_to(self.sample.n_roots)

    def scaled_to(self, customers: int) -> "CohortEvaluation":
        """The same, but for totals, which are as more customers would have if they fared alike.

        Parameters
        ----------
        customers : int
            How many initial ones there would be.
        """
        times = customers / self.sample.n_roots
        totals = {name: one._replace(numerator=one.numerator * times) for name, one in self.terms.items() if one.is_total and times != 1}
        return self if not totals else replace(self, terms={**self.terms, **totals})

    def extended_by(self, more: "CohortEvaluation") -> "CohortEvaluation":
        """With the next customers of the same policy; the metrics of both are not measured anew.

        Parameters
        ----------
        more : Lives
            Of initial customers, as these are.
        """
        terms = {
            name: one._replace(
                numerator=np.concatenate([one.numerator, more.terms[name].numerator]),
                denominator=np.concatenate([one.denominator, more.terms[name].denominator]),
            )
            for name, one in self.terms.items()
        }
        return CohortEvaluation(
            terms,
            {},
            ClusterSample.of_independent_customers(self.sample.n_roots + more.sample.n_roots),
            self.simulated_customers + more.simulated_customers,
        )

    def paired_contrast(self, baseline: "CohortEvaluation", directed_metric: DirectedMetric) -> Contrast:
        """The paired difference from another policy on the same customers.

        Parameters
        ----------
        baseline : Lives
            Of the other policy.
        directed_metric : DirectedMetric
            In which metric.

        Returns
        -------
        Contrast
            Exactly 0 with a width of 0 where no customer differs.
        """
        pairing = CustomerPairing.match_by_key(baseline.sample, self.sample)
        found = paired_difference(baseline.terms[directed_metric.metric], self.terms[directed_metric.metric], pairing)
        return Contrast(*found[:5], (found.high - found.low) / (2 * NORMAL_QUANTILE_95))

    def unpaired_contrast(self, baseline: "CohortEvaluation", directed_metric: DirectedMetric) -> Contrast:
        """The difference from another policy on other customers: nobody is compared with himself.

        Parameters
        ----------
        baseline : Lives
            Of the other policy.
        directed_metric : DirectedMetric
            In which metric.
        """
        before, after = baseline.terms[directed_metric.metric], self.terms[directed_metric.metric]
        effect, error = (
            ratio(after) - ratio(before),
            math.hypot(baseline.standard_error(directed_metric), self.standard_error(directed_metric)),
        )
        return Contrast(
            ratio(before), ratio(after), effect, effect - NORMAL_QUANTILE_95 * error, effect + NORMAL_QUANTILE_95 * error, error
        )

    def standard_error(self, directed_metric: DirectedMetric) -> float:
        """The standard error of a metric; nan where it is undefined.

        Parameters
        ----------
        directed_metric : DirectedMetric
            Which.
        """
        return math.sqrt(self.sample.variance(influence(self.terms[directed_metric.metric])))


@dataclass(frozen=True)
class SeededCohort:
    """Customers of one seed in one journey, under any policy.

    `metrics` can be compared; `in_full`: all others are measured as well.
    """

    scenario: Scenario
    metrics: tuple[str, ...]
    customers: int
    seed: int
    threads: int | None = None
    measures_all_metrics: bool = False

    def simulate(self, values: Mapping[str, Any]) -> CohortEvaluation:
        """Let them live under a policy.

        Parameters
        ----------
        values : Mapping of str to Any
            Values by path; none: the scenario as it is.

        Raises
        ------
        InputError
            If the scenario with these values is refused, or grows beyond bounds.
        """
        return self._evaluate(self._scenario_with(values))

    def simulate_rungs(self, values: Mapping[str, Any], rungs: Sequence[int]) -> Iterator[CohortEvaluation]:
        """Let the first so many live under a policy, then more of them, each once.

        Parameters
        ----------
        values : Mapping of str to Any
            As in `live`.
        rungs : Sequence of int
            How many in all each time; in the end all.

        Yields
        ------
        Lives
            Of all so far; totals as all of the last rung would have if they fared alike. Where a part of the customers would live
            otherwise than among all, only once: of all.

        Raises
        ------
        InputError
            As in `live`.
        """
        from cjsim.simulation.batches import BatchSimulator

        scenario = self._scenario_with(values)
        if len(rungs) == 1 or not is_subset_representative(scenario):
            yield self._evaluate(scenario)
            return
        stretches, so_far = BatchSimulator(scenario, seed=self.seed, threads=self.threads), None
        for rung in rungs:
            first = so_far.sample.n_roots if so_far else 0
            lives = CohortEvaluation.from_run(stretches.simulate(first, rung - first), self.metrics)
            so_far = so_far.extended_by(lives) if so_far else lives
            yield so_far.scaled_to(rungs[-1])

    def _scenario_with(self, values: Mapping[str, Any]) -> Scenario:
        return self.scenario.with_values(values) if values else self.scenario

    def _evaluate(self, scenario: Scenario) -> CohortEvaluation:
        from cjsim.metrics.catalog import all_metric_definitions
        from cjsim.simulation.simulate import simulate

        run = simulate(scenario, customers=self.customers, seed=self.seed, threads=self.threads)
        return CohortEvaluation.from_run(
            run, self.metrics, further_metrics=list(all_metric_definitions(run.codebook)) if self.measures_all_metrics else ()
        )


def depends_on_population_size(scenario: Scenario) -> bool:
    """Whether how customers fare depends on how many there are: they share desks or budgets, or stand beside some who arrive.

    Parameters
    ----------
    scenario : Scenario
        With any policy.
    """
    return scenario.has_shared_resources or bool(scenario.journey.acquisition)


def is_subset_representative(scenario: Scenario) -> bool:
    """Whether a part of the customers lives as it would among all, and is like the rest.

    The first rows of an entry file may be the first by date, and so like no others.

    Parameters
    ----------
    scenario : Scenario
        With any policy.
    """
    return not depends_on_population_size(scenario) and scenario.entry.file is None


def derived_seed(seed: int, purpose: str) -> int:
    """A seed for something else than what `seed` is for.

    Parameters
    ----------
    seed : int
        Of the study.
    purpose : str
        What it is for.

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
