"""What the winner of a search is worth: tried again on customers on whom nothing was chosen.

Lives here: finalists, the winner among them, what its gain is, and whether it counts. Does not live here: customers (panel.py), what a
study wants (goals.py), the search.

The best of many trials is best partly by luck: by its own, as each is worth something else on other customers, and by that of being
chosen. So finalists live with fresh customers, which tells the winner, and the winner with others yet, which tells its gain: nothing
was chosen on these, so that the gain is unbiased and its interval is what it says. Where no choice matters, that interval lies wholly
on the good side of 0 in 2.5 % of studies.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cjsim.kernels.world import Array
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.tuning.goals import Goals, pareto_front, select_by_crowding
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain, Trial

if TYPE_CHECKING:
    from cjsim.progress import Progress
    from cjsim.tuning.evaluation_cohort import EvaluationCohort, PolicyEvaluation
    from cjsim.tuning.evaluator import Evaluator

Verdict = Literal["gain", "none", "infeasible"]
_FRONT_FACTOR = 4  # times the finalists: so many of a front are confirmed
_NORMAL_DRAWS = 20_000  # standard error of a chance: at most 0.0036


@dataclass(frozen=True)
class Finalist:
    """A trial on the first fresh customers.

    Attributes
    ----------
    trial : Trial
        As the search has it.
    gains : tuple of ObjectiveGain
        By objective.
    excess : Mapping of str to float
        By constraint: how far beyond its bound the metric is.
    """

    trial: Trial
    gains: tuple[ObjectiveGain, ...]
    excess: Mapping[str, float]


@dataclass(frozen=True)
class ConfirmationResult:
    """What of a search holds on fresh customers.

    Attributes
    ----------
    verdict : str
        'gain': the first objective's interval lies wholly on the good side of 0, and no constraint is surely broken; 'none': not so;
        'infeasible': no trial kept all constraints.
    trial : Trial
        The winner; where there is none ('infeasible'), the trial that came nearest.
    gains : Mapping of str to ObjectiveGain
        By metric of the objectives, on the second fresh customers; empty where there is no winner.
    excess : Mapping of str to float
        By constraint, likewise; where there is no winner, that of the nearest trial in the search.
    surely_violated : tuple of str
        Constraints that are surely broken: the metric's whole 95 % interval lies beyond the bound.
    optimism : Mapping of str to float
        By metric: the gain in the search less this one, in the direction of the objective.
    metrics, baseline : Mapping of str to MetricEstimate
        Of the winner, and of the scenario as it is, on the second fresh customers.
    finalists : tuple of Finalist
        On the first fresh customers, the best first; of several objectives, by the first.
    chance_best : float
        That the winner is the best of those finalists that could have won, by the first objective, given the first fresh customers.
    pareto : tuple of Finalist
        Finalists that nobody beats in all objectives; of one objective, the winner.
    customers : int
        On which each was tried.
    simulated_customers : int
        Lives in all.
    has_fresh_draws : bool
        Whether these customers lived in other journeys than those of the search; True where there are no parameter draws.
    """

    verdict: Verdict
    trial: Trial
    gains: Mapping[str, ObjectiveGain]
    excess: Mapping[str, float]
    surely_violated: tuple[str, ...]
    optimism: Mapping[str, float]
    metrics: Mapping[str, MetricEstimate]
    baseline: Mapping[str, MetricEstimate]
    finalists: tuple[Finalist, ...]
    chance_best: float
    pareto: tuple[Finalist, ...]
    customers: int
    simulated_customers: int
    has_fresh_draws: bool


def confirm(study: Study, evaluator: "Evaluator", trials: Sequence[Trial], *, progress: "Progress | None" = None) -> ConfirmationResult:
    """Try the best trials on fresh customers.

    Parameters
    ----------
    study : Study
        The study.
    evaluator : Evaluator
        Of the study.
    trials : Sequence of Trial
        All of the search, at least one.
    progress : Progress, optional
        Is told how far it is.

    Returns
    -------
    ConfirmationResult
    """
    from cjsim.progress import NoProgress

    goals, told = evaluator.goals, progress or NoProgress()
    chosen = select_finalists(trials, goals, size=study.customers_per_trial, count=study.confirm.finalists)
    if not chosen:
        return _infeasible_result(trials, goals, evaluator.baseline)
    first, second = evaluator.fresh_cohort("first"), evaluator.fresh_cohort("second")
    told.start((len(chosen) + 3) * first.customers, "confirming")
    try:
        stand = _FinalistComparison.from_trials(first, chosen, goals, told)
        ours, base = (_simulate_policy(second, values, told) for values in (stand.winner.trial.params, {}))
    finally:
        told.finish()
    contrasts = [ours.paired_contrast(base, aspect) for aspect in goals.directed_metrics]
    gains, names = goals.gains(contrasts), [one.metric for one in goals.objectives]
    broken = tuple(goals.surely_violated(ours.metrics))
    search = stand.winner.trial.gains
    optimism = (one.sign * (then.effect - now.effect) for one, then, now in zip(goals.objectives, search, gains, strict=True))
    return ConfirmationResult(
        verdict="gain" if goals.is_gain(gains[0]) and not broken else "none",
        trial=stand.winner.trial,
        gains=MappingProxyType(dict(zip(names, gains, strict=True))),
        excess=MappingProxyType(goals.excess(contrasts)),
        surely_violated=broken,
        optimism=MappingProxyType(dict(zip(names, optimism, strict=True))),
        metrics=MappingProxyType(dict(ours.metrics)),
        baseline=MappingProxyType(dict(base.metrics)),
        finalists=stand.ranked_finalists(),
        chance_best=stand.chance_best(study.confirm.finalists),
        pareto=stand.pareto,
        customers=second.customers,
        simulated_customers=stand.simulated_customers + ours.simulated_customers + base.simulated_customers,
        has_fresh_draws=evaluator.has_fresh_draws,
    )


def select_finalists(trials: Sequence[Trial], goals: Goals, *, size: int, count: int) -> list[Trial]:
    """The trials that are worth another look: feasible, on all customers, no two the same.

    Parameters
    ----------
    trials : Sequence of Trial
        All of a search.
    goals : Goals
        Of the study.
    size : int
        Its customers.
    count : int
        Of one objective, the best so many; of several, the front, and where it is larger than four times this, as many of it as lie
        farthest apart.

    Returns
    -------
    list of Trial
        Of one objective, the best first.
    """
    able = {
        json.dumps(one.params, sort_keys=True, default=str): one for one in reversed(trials) if one.is_feasible and one.customers == size
    }
    apart = sorted(able.values(), key=lambda one: one.index)
    if len(goals.objectives) == 1:
        return sorted(apart, key=lambda one: goals.scores(one.gains), reverse=True)[:count]
    if not apart:
        return []
    heights = np.array([goals.scores(one.gains) for one in apart])
    best = pareto_front(heights)
    return [apart[best[row]] for row in select_by_crowding(heights[best], _FRONT_FACTOR * count)]


def chance_best(differences: Array, covariance: Array) -> float:
    """The chance that all of these differences are truly at least 0, if they are normal with this covariance.

    Parameters
    ----------
    differences : ndarray of float64, shape (n_others,)
        How much better the one is than each other.
    covariance : ndarray of float64, shape (n_others, n_others)
        Of the errors of these.

    Returns
    -------
    float
        By 20,000 draws of a fixed seed: its standard error is at most 0.0036. 1 where there are no others.

    Examples
    --------
    >>> 0.48 < chance_best(np.array([0.0]), np.array([[1.0]])) < 0.52
    True
    """
    if not len(differences):
        return 1.0
    weights, axes = np.linalg.eigh(covariance)
    noise = np.random.default_rng(1).standard_normal((_NORMAL_DRAWS, len(differences))) * np.sqrt(np.maximum(weights, 0.0))
    # Who does not differ from the winner for any customer is as good; its error is 0 but for rounding.
    slack = 1e-9 * math.sqrt(max(float(np.max(np.diag(covariance))), 0.0))
    return float(np.mean((differences + noise @ axes.T >= -slack).all(axis=1)))


@dataclass(frozen=True, eq=False)
class _FinalistComparison:
    """Finalists and the baseline on the first fresh customers."""

    goals: Goals
    finalists: tuple[Finalist, ...]
    evaluations: "tuple[PolicyEvaluation, ...]"
    eligible: tuple[int, ...]  # those who could win
    simulated_customers: int

    @classmethod
    def from_trials(cls, cohort: "EvaluationCohort", trials: Sequence[Trial], goals: Goals, progress: "Progress") -> "_FinalistComparison":
        base = _simulate_policy(cohort, {}, progress)
        accounts = tuple(_simulate_policy(cohort, trial.params, progress) for trial in trials)
        finalists = []
        for trial, account in zip(trials, accounts, strict=True):
            contrasts = [account.paired_contrast(base, aspect) for aspect in goals.directed_metrics]
            finalists.append(Finalist(trial, goals.gains(contrasts), MappingProxyType(goals.excess(contrasts))))
        # Those that keep the constraints here too; else those that may keep them; else all.
        ranks = [_feasibility_rank(one, goals, account) for one, account in zip(finalists, accounts, strict=True)]
        able = tuple(row for row, rank in enumerate(ranks) if rank == min(ranks))
        return cls(goals, tuple(finalists), accounts, able, base.simulated_customers + sum(one.simulated_customers for one in accounts))

    def _score(self, row: int) -> float:
        """What the first objective is worth, the larger the better; the worst where it is undefined."""
        height = self.goals.scores(self.finalists[row].gains)[0]
        return -math.inf if math.isnan(height) else height

    @property
    def _ranked_eligible(self) -> list[int]:
        """Those who could win, the best first."""
        return sorted(self.eligible, key=self._score, reverse=True)

    @property
    def winner(self) -> Finalist:
        return self.finalists[self._ranked_eligible[0]]

    @property
    def pareto(self) -> tuple[Finalist, ...]:
        if len(self.goals.objectives) == 1:
            return (self.winner,)
        heights = {row: self.goals.scores(self.finalists[row].gains) for row in self._ranked_eligible}
        defined = [row for row, height in heights.items() if not any(map(math.isnan, height))]
        return tuple(self.finalists[defined[row]] for row in pareto_front(np.array([heights[row] for row in defined])))

    def ranked_finalists(self) -> tuple[Finalist, ...]:
        """Those who could win, then the others, each the best first."""
        others = sorted(set(range(len(self.finalists))) - set(self.eligible), key=self._score, reverse=True)
        return tuple(self.finalists[row] for row in (*self._ranked_eligible, *others))

    def chance_best(self, count: int) -> float:
        """That the winner is the best of the first so many who could have won."""
        rows, aspect = [row for row in self._ranked_eligible[:count] if self._score(row) > -math.inf], self.goals.directed_objectives[0]
        number = len(rows)
        effects, variances = np.zeros(number), np.zeros((number, number))
        for i, j in _index_pairs(number):
            contrast = self.evaluations[rows[i]].paired_contrast(self.evaluations[rows[j]], aspect)
            variances[i, j] = variances[j, i] = contrast.standard_error**2
            if i == 0:
                effects[j] = -aspect.worse_sign * contrast.effect
        # cov(w - i, w - j) = (var(w - i) + var(w - j) - var(i - j)) / 2
        covariance = (variances[0, 1:, None] + variances[0, None, 1:] - variances[1:, 1:]) / 2
        return chance_best(effects[1:], covariance)


def _feasibility_rank(finalist: Finalist, goals: Goals, evaluation: "PolicyEvaluation") -> int:
    if all(beyond <= 0 for beyond in finalist.excess.values()):
        return 0
    return 2 if goals.surely_violated(evaluation.metrics) else 1


def _simulate_policy(cohort: "EvaluationCohort", values: Mapping[str, Any], progress: "Progress") -> "PolicyEvaluation":
    account: PolicyEvaluation = cohort.simulate(values)
    progress.advance(cohort.customers)
    return account


def _infeasible_result(trials: Sequence[Trial], goals: Goals, baseline: Mapping[str, MetricEstimate]) -> ConfirmationResult:
    """The trial whose largest excess is smallest, each over its bound (over the baseline's value where that is 0)."""

    def far(trial: Trial) -> float:
        parts = [math.inf if math.isnan(gain.value) else 0.0 for gain in trial.gains]
        for one in goals.constraints:
            scale = abs(one.bound) or abs(baseline[one.metric].value)
            parts.append(trial.excess[one.name] / (scale if scale > 0 else 1.0))
        return max(parts)

    nearest = min(trials, key=far)
    nothing: Mapping[str, Any] = MappingProxyType({})
    broken = tuple(name for name, beyond in nearest.excess.items() if beyond > 0)
    excess = MappingProxyType(dict(nearest.excess))
    return ConfirmationResult("infeasible", nearest, nothing, excess, broken, nothing, nothing, nothing, (), math.nan, (), 0, 0, True)


def _index_pairs(number: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(number) for j in range(i + 1, number))
