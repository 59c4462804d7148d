"""What a trial is worth: simulated beside the baseline, on as many customers as it takes to see that it loses.

Lives here: from a point of a study to its `Trial`, and what is kept in memory between trials. Does not live here: the rule by which a
trial is given up (race.py), customers and accounts (panel.py, robust.py), which points are tried (search.py), the last word (confirm.py).
"""

import json
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
    EvaluationCohort,
    PolicyEvaluation,
    SeededCohort,
    depends_on_population_size,
    derived_seed,
    is_subset_representative,
)
from cjsim.tuning.goals import Goals
from cjsim.tuning.parameter_draw_cohort import ParameterDrawCohort, RiskMeasure
from cjsim.tuning.parameter_draws import ParameterDraw, read_parameter_draws
from cjsim.tuning.pruning import InterimEstimate, is_surely_dominated, is_surely_violated, rung_sizes
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

_DRAW_WINDOWS = 3  # of draws: for the search, the first and the second fresh customers
_MAX_CACHED_CUSTOMERS = 1_500_000  # in all accounts kept: tens of megabytes a metric
_MIN_CACHE_SIZE, _MAX_CACHE_SIZE = 10, 64  # accounts


class _PolicyOutcome(NamedTuple):
    """How a policy fared: on how many customers, after how many lives, and its contrasts with the baseline."""

    customers: int
    simulated_customers: int
    contrasts: list[Contrast]


class Evaluator:
    """Gives what any choice of a study's free values is worth.

    Parameters
    ----------
    study : Study
        Without faults.
    threads : int, optional
        All cores if not given. No number depends on it.
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
        """Each objective's and constraint's metric as the scenario is, on all customers."""
        return MappingProxyType(self._baseline_evaluation.metrics)

    @property
    def has_fresh_draws(self) -> bool:
        """Whether there are parameter draws enough to confirm on others; True where there are none."""
        return self.study.draws is None or len(self._draws) >= _DRAW_WINDOWS * self.study.draws.rows

    @cached_property
    def _baseline_evaluation(self) -> Any:
        return self._cohort.simulate({})

    @cached_property
    def _draws(self) -> tuple[ParameterDraw, ...]:
        return read_parameter_draws(self.study.draws.file) if self.study.draws else ()

    def _make_cohort(
        self, seed: int, *, customers: int | None = None, window: int = 0, measures_all_metrics: bool = False
    ) -> SeededCohort | ParameterDrawCohort:
        """So many customers of a seed, in the study's journey or those of its draws: of the rows of each window, if there are enough."""
        count = self.study.customers_per_trial if customers is None else customers
        crowd = SeededCohort(self.study.scenario, self.goals.metric_names, count, seed, self._threads, measures_all_metrics)
        if (asked := self.study.draws) is None:
            return crowd
        rows = self._draws[window * asked.rows if self.has_fresh_draws else 0 :]
        aim = RiskMeasure(None if asked.aim == "mean" else asked.tail)
        return ParameterDrawCohort.from_draws(crowd, rows[: asked.rows], self.goals.directed_metrics, aim)

    def fresh_cohort(self, stage: Literal["first", "second"]) -> EvaluationCohort:
        """Other customers, on whom nothing has been chosen yet.

        Parameters
        ----------
        stage : {'first', 'second'}
            Each has its own; on the second all metrics are measured.

        Returns
        -------
        EvaluationCohort
            With the customers of `confirm`, else twice the study's; as many as in the study where customers meet, or a metric is a
            total, as more would be another world. Parameter draws are fresh too, if the file has rows enough.
        """
        is_alike = not (depends_on_population_size(self.study.scenario) or self.goals.has_total_metric(self.study.scenario))
        customers = self.study.confirm.customers or self.study.customers_per_trial * (2 if is_alike else 1)
        seed, is_second = derived_seed(self.study.seed, stage), stage == "second"
        return self._make_cohort(seed, customers=customers, window=1 + is_second, measures_all_metrics=is_second)

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        """What one choice is worth: a function of the study and of what is given, and of nothing else.

        A metric that is undefined under this policy (a rate of openings where nothing is sent) is nan as an objective and infinitely
        beyond its bound as a constraint: the trial is not feasible. Nor is one whose scenario is refused with these values (nobody at
        a desk that is asked, say): each may be right alone, and all together not.

        Parameters
        ----------
        index : int
            Of the trial, from 0.
        point : Mapping of str to float
            A number for each coordinate.
        incumbents : Sequence of Trial
            Whom it must not surely lose against: of one objective the best one counts, of several each. Only those count that are
            feasible and have lived with all customers.
        """
        params = self._space.values(point)
        baseline = self.baseline  # what is wrong with it is no choice's fault
        try:
            lived = (
                self._evaluate_paired(params, self._eligible_incumbents(incumbents))
                if self.study.pairing
                else self._evaluate_unpaired(index, params)
            )
        except InputError as error:
            unknown = [Contrast(baseline[one.metric].value, *[math.nan] * 5) for one in self.goals.directed_metrics]
            gains, excess = self.goals.gains(unknown), self.goals.excess(unknown)
            return Trial(index, dict(point), params, self.study.customers_per_trial, 0, gains, excess, str(error))
        gains, excess = self.goals.gains(lived.contrasts), self.goals.excess(lived.contrasts)
        return Trial(index, dict(point), params, lived.customers, lived.simulated_customers, gains, excess)

    def _evaluate_paired(self, params: Mapping[str, Any], incumbents: Sequence[Trial]) -> _PolicyOutcome:
        """On the customers of all trials, rung by rung."""
        panel = self._cohort
        if not isinstance(panel, SeededCohort):
            account = panel.simulate(params)
            return _PolicyOutcome(
                self.study.customers_per_trial, account.simulated_customers, self._baseline_contrasts(account, self._baseline_evaluation)
            )
        is_raced = self.study.racing and is_subset_representative(self.study.scenario)
        for lives in panel.simulate_rungs(
            params, rung_sizes(self.study.customers_per_trial) if is_raced else [self.study.customers_per_trial]
        ):
            if (customers := lives.sample.n_initial) == self.study.customers_per_trial:
                contrasts = self._baseline_contrasts(lives, self._baseline_evaluation)
                if all(beyond <= 0 for beyond in self.goals.excess(contrasts).values()):
                    self._store_in_cache(_cache_key(params), lives)
                break
            contrasts = self._baseline_contrasts(lives, self._baseline_evaluation.first_customers(customers))
            if (beaten := self._dominating_contrasts(lives, panel, incumbents)) is not None:
                contrasts = [*beaten, *contrasts[len(beaten) :]]
                break
            if self._surely_violates(contrasts, customers):
                break
        return _PolicyOutcome(customers, lives.simulated_customers, contrasts)

    def _evaluate_unpaired(self, index: int, params: Mapping[str, Any]) -> _PolicyOutcome:
        """On customers of its own."""
        account = self._make_cohort(derived_seed(self.study.seed, f"trial {index}")).simulate(params)
        return _PolicyOutcome(
            self.study.customers_per_trial,
            account.simulated_customers,
            [account.unpaired_contrast(self._baseline_evaluation, aspect) for aspect in self.goals.directed_metrics],
        )

    def _baseline_contrasts(self, evaluation: PolicyEvaluation, baseline: Any) -> list[Contrast]:
        """With the baseline, as it would be on all customers."""
        found = ((aspect, evaluation.paired_contrast(baseline, aspect)) for aspect in self.goals.directed_metrics)
        return [contrast.with_baseline(self.baseline[aspect.metric].value) for aspect, contrast in found]

    def _dominating_contrasts(
        self, evaluation: CohortEvaluation, cohort: SeededCohort, incumbents: Sequence[Trial]
    ) -> list[Contrast] | None:
        """The objectives of a trial that a rival surely beats on its first customers; None if none does.

        They are told by way of that rival, on all customers, so that no trial seems better than who has beaten it.
        """
        for rival in incumbents:
            theirs, wanted = self._cached_evaluation(rival, cohort), self.goals.directed_objectives
            steps = [evaluation.paired_contrast(theirs.first_customers(evaluation.sample.n_roots), aspect) for aspect in wanted]
            share = evaluation.sample.n_initial / self.study.customers_per_trial
            if is_surely_dominated(
                [
                    InterimEstimate.from_share(share, -aspect.worse_sign * one.effect, one.standard_error)
                    for aspect, one in zip(wanted, steps, strict=True)
                ]
            ):
                return [
                    one.chained_to(theirs.paired_contrast(self._baseline_evaluation, aspect))
                    for aspect, one in zip(wanted, steps, strict=True)
                ]
        return None

    def _surely_violates(self, contrasts: Sequence[Contrast], customers: int) -> bool:
        """Whether a constraint is surely broken on all customers, as far as the first ones tell."""
        share, beyond = customers / self.study.customers_per_trial, self.goals.excess(contrasts).values()
        bounds = zip(beyond, contrasts[len(self.goals.objectives) :], strict=True)
        return any(is_surely_violated(InterimEstimate.from_share(share, by, one.standard_error)) for by, one in bounds)

    def _eligible_incumbents(self, incumbents: Sequence[Trial]) -> list[Trial]:
        able = sorted(
            (rival for rival in incumbents if rival.is_feasible and rival.customers == self.study.customers_per_trial),
            key=lambda one: one.index,
        )
        if len(self.goals.objectives) > 1 or not able:
            return able
        sign = self.study.objectives[0].sign
        return [max(able, key=lambda rival: sign * rival.gains[0].value)]

    def _cached_evaluation(self, trial: Trial, cohort: SeededCohort) -> CohortEvaluation:
        """A trial's lives; lived again if they are not kept."""
        key = _cache_key(trial.params)
        if key not in self._cache:
            self._store_in_cache(key, cohort.simulate(trial.params))
        self._cache.move_to_end(key)
        return self._cache[key]

    def _store_in_cache(self, key: str, evaluation: CohortEvaluation) -> None:
        self._cache[key] = evaluation
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)


def _cache_key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=str)
