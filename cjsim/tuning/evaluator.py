"""Evaluation of trials: simulate a point of a study, compare it with the baseline, and stop early if it is clearly worse."""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from cjsim.errors import InputError
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.tuning.evaluation_cohort import (
    CohortEvaluation,
    Contrast,
    PolicyEvaluation,
    SeededCohort,
    derived_seed,
    is_subset_representative,
)
from cjsim.tuning.goals import Goals
from cjsim.tuning.parameter_draw_cohort import EvaluationCohort, ParameterDrawCohort
from cjsim.tuning.parameter_draws import ParameterDraw, read_parameter_draws
from cjsim.tuning.pruning import InterimEstimate, is_surely_dominated, is_surely_violated, rung_sizes
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial, params_key

_DRAW_WINDOWS = 3  # sets of draws: one for the search, and one for each of the two fresh cohorts
_MAX_CACHED_CUSTOMERS = 1_500_000  # over all cached evaluations; they take tens of megabytes per metric
_MIN_CACHE_SIZE, _MAX_CACHE_SIZE = 10, 64  # evaluations


class _PolicyOutcome(NamedTuple):
    """Contrasts of a policy with the baseline, the number of customers on which they are based, and the number of simulated customers."""

    customers: int
    simulated_customers: int
    contrasts: list[Contrast]


class Evaluator:
    """Evaluates points in the search space of a study.

    Parameters
    ----------
    study : Study
        A valid study.
    threads : int, optional
        Number of threads. Defaults to all cores. Results do not depend on it.
    """

    def __init__(self, study: Study, *, threads: int | None = None) -> None:
        self.study = study
        self.goals = Goals.from_study(study)
        self._space = study.space
        self._threads = threads
        self._cohort = self._make_cohort(study.seed)
        self._cache: OrderedDict[str, CohortEvaluation] = OrderedDict()
        self._cache_size = max(_MIN_CACHE_SIZE, min(_MAX_CACHE_SIZE, _MAX_CACHED_CUSTOMERS // max(study.customers_per_trial, 1)))

    @property
    def baseline(self) -> Mapping[str, MetricEstimate]:
        """Baseline values of the metrics in objectives and constraints, on all customers."""
        return MappingProxyType(self._baseline_evaluation.metrics)

    @property
    def has_fresh_draws(self) -> bool:
        """Whether the confirmation uses parameter draws that the search does not use; True without parameter draws."""
        return self.study.draws is None or len(self._draws) >= _DRAW_WINDOWS * self.study.draws.rows

    @cached_property
    def _baseline_evaluation(self) -> Any:
        return self._cohort.simulate({})

    @cached_property
    def _draws(self) -> tuple[ParameterDraw, ...]:
        return read_parameter_draws(self.study.draws.file) if self.study.draws else ()

    def _make_cohort(
        self, seed: int, *, customers: int | None = None, window: int = 0, measures_all_metrics: bool = False
    ) -> EvaluationCohort:
        """Return a cohort in the study's journey, or in its parameter draws. Each window has its own draws if the file has enough."""
        count = self.study.customers_per_trial if customers is None else customers
        cohort = SeededCohort(self.study.scenario, self.goals.metric_names, count, seed, self._threads, measures_all_metrics)
        if (settings := self.study.draws) is None:
            return cohort
        draws = self._draws[window * settings.rows if self.has_fresh_draws else 0 :]
        return ParameterDrawCohort.from_draws(cohort, draws[: settings.rows], self.goals.directed_metrics, settings.make_aim())

    def fresh_cohort(self, stage: Literal["first", "second"]) -> EvaluationCohort:
        """Return a cohort of customers whom the search has not used.

        Parameters
        ----------
        stage : {'first', 'second'}
            The cohorts of the two stages have no customers in common. All metrics are estimated on the second.

        Returns
        -------
        EvaluationCohort
            A cohort of the size set in `confirm`, by default twice that of a trial. The size equals that of a trial if outcomes depend on
            the number of customers, or if a metric is a total. Parameter draws are fresh as well if the file has enough rows.
        """
        depends_on_size = self.study.scenario.depends_on_population_size or self.goals.has_total_metric(self.study.scenario)
        customers = self.study.confirm.customers or self.study.customers_per_trial * (1 if depends_on_size else 2)
        seed, is_second = derived_seed(self.study.seed, stage), stage == "second"
        return self._make_cohort(seed, customers=customers, window=1 + is_second, measures_all_metrics=is_second)

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        """Evaluate a point. The result depends only on the study and the arguments.

        If a metric is undefined under this policy (such as an open rate without sends), its objective is nan, its excess over a constraint
        is infinite, and the trial is infeasible. A trial is also infeasible if the scenario is invalid with these values: values that are
        valid individually may be invalid in combination, such as a desk that receives requests but has no staff.

        Parameters
        ----------
        index : int
            Index of the trial, from 0.
        point : Mapping of str to float
            Value of each coordinate.
        incumbents : Sequence of Trial
            Trials with which this one is compared for pruning: only the best of them if there is one objective, all of them if there are
            several. Infeasible and pruned trials are ignored.

        Returns
        -------
        Trial

        Raises
        ------
        InputError
            If the baseline cannot be simulated.
        """
        params = self._space.values(point)
        baseline = self.baseline  # outside the `try`, because an invalid baseline is not the fault of the point
        reason = ""
        try:
            if self.study.pairing:
                outcome = self._evaluate_paired(params, self._eligible_incumbents(incumbents))
            else:
                outcome = self._evaluate_unpaired(index, params)
        except InputError as error:
            undefined = [Contrast(baseline[one.metric].value, *[math.nan] * 5) for one in self.goals.directed_metrics]
            outcome, reason = _PolicyOutcome(self.study.customers_per_trial, 0, undefined), str(error)
        gains, excess = self.goals.gains(outcome.contrasts), self.goals.excess(outcome.contrasts)
        return Trial(index, dict(point), params, outcome.customers, outcome.simulated_customers, gains, excess, reason)

    def _evaluate_paired(self, params: Mapping[str, Any], incumbents: Sequence[Trial]) -> _PolicyOutcome:
        """Evaluate a policy on the customers whom all trials share, rung by rung."""
        cohort, baseline, size = self._cohort, self._baseline_evaluation, self.study.customers_per_trial
        if not isinstance(cohort, SeededCohort):
            complete = cohort.simulate(params)
            return _PolicyOutcome(size, complete.simulated_customers, self._baseline_contrasts(complete, baseline))
        is_raced = self.study.racing and is_subset_representative(self.study.scenario)
        for evaluation in cohort.simulate_rungs(params, rung_sizes(size) if is_raced else [size]):
            if (customers := evaluation.sample.n_initial) == size:
                contrasts = self._baseline_contrasts(evaluation, baseline)
                if all(excess <= 0 for excess in self.goals.excess(contrasts).values()):
                    self._store_in_cache(params_key(params), evaluation)
                break
            contrasts = self._baseline_contrasts(evaluation, baseline.first_customers(customers))
            if (chained := self._dominated_contrasts(evaluation, cohort, incumbents)) is not None:
                contrasts = [*chained, *contrasts[len(chained) :]]
                break
            if self._clearly_violates(contrasts, customers):
                break
        return _PolicyOutcome(customers, evaluation.simulated_customers, contrasts)

    def _evaluate_unpaired(self, index: int, params: Mapping[str, Any]) -> _PolicyOutcome:
        """Evaluate a policy on customers whom no other trial uses."""
        evaluation = self._make_cohort(derived_seed(self.study.seed, f"trial {index}")).simulate(params)
        contrasts = [evaluation.unpaired_contrast(self._baseline_evaluation, metric) for metric in self.goals.directed_metrics]
        return _PolicyOutcome(self.study.customers_per_trial, evaluation.simulated_customers, contrasts)

    def _baseline_contrasts(self, evaluation: PolicyEvaluation, baseline: Any) -> list[Contrast]:
        """Return contrasts with the baseline. Each value is the baseline value on all customers plus the effect."""
        contrasts = ((metric, evaluation.paired_contrast(baseline, metric)) for metric in self.goals.directed_metrics)
        return [contrast.with_baseline(self.baseline[metric.metric].value) for metric, contrast in contrasts]

    def _dominated_contrasts(
        self, evaluation: CohortEvaluation, cohort: SeededCohort, incumbents: Sequence[Trial]
    ) -> list[Contrast] | None:
        """Return the contrasts of the objectives if an incumbent clearly dominates the trial on the customers so far; otherwise None.

        The contrasts are chained to those of the incumbent on all customers. A pruned trial therefore never looks better than the
        incumbent that pruned it.
        """
        objectives = self.goals.directed_objectives
        share = evaluation.sample.n_initial / self.study.customers_per_trial
        for incumbent in incumbents:
            reference = self._cached_evaluation(incumbent, cohort)
            partial = reference.first_customers(evaluation.sample.n_roots)
            steps = [evaluation.paired_contrast(partial, metric) for metric in objectives]
            estimates = [
                InterimEstimate.from_share(share, -metric.worse_sign * step.effect, step.standard_error)
                for metric, step in zip(objectives, steps, strict=True)
            ]
            if is_surely_dominated(estimates):
                complete = (reference.paired_contrast(self._baseline_evaluation, metric) for metric in objectives)
                return [step.chained_to(contrast) for step, contrast in zip(steps, complete, strict=True)]
        return None

    def _clearly_violates(self, contrasts: Sequence[Contrast], customers: int) -> bool:
        """Return whether a constraint is clearly violated on all customers, given the contrasts on the first customers."""
        share, excesses = customers / self.study.customers_per_trial, self.goals.excess(contrasts).values()
        pairs = zip(excesses, contrasts[len(self.goals.objectives) :], strict=True)
        return any(is_surely_violated(InterimEstimate.from_share(share, excess, one.standard_error)) for excess, one in pairs)

    def _eligible_incumbents(self, incumbents: Sequence[Trial]) -> list[Trial]:
        """Return the complete feasible incumbents sorted by index; with one objective, only the best."""
        size = self.study.customers_per_trial
        complete = sorted((one for one in incumbents if one.is_feasible and one.customers == size), key=lambda one: one.index)
        if len(self.goals.objectives) > 1 or not complete:
            return complete
        sign = self.study.objectives[0].sign
        return [max(complete, key=lambda one: sign * one.gains[0].value)]

    def _cached_evaluation(self, trial: Trial, cohort: SeededCohort) -> CohortEvaluation:
        """Return the evaluation of a trial. If it is not cached, the trial is simulated again."""
        key = params_key(trial.params)
        if key not in self._cache:
            self._store_in_cache(key, cohort.simulate(trial.params))
        self._cache.move_to_end(key)
        return self._cache[key]

    def _store_in_cache(self, key: str, evaluation: CohortEvaluation) -> None:
        self._cache[key] = evaluation
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
