"""Outcomes of mixed assignment where customers share desks or send budgets, or refer friends (mode 'joint'), and the bias of such tests.

One population is simulated three times with the same random numbers: all under the baseline, all under the alternative, and mixed. The bias
is the difference between the arms of the mixed test, minus the difference between the same two groups of customers when everybody is under
the policy of the group. Chance differences between the groups therefore cancel. Tests are drawn from the arms of the mixed runs, shifted by
a constant so that their difference is the true effect plus the bias. Without the shift, this difference would include the chance
difference between the groups, which is not small compared with the standard error of a test.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import RatioTerms, ratio
from cjsim.progress import Progress
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.effect_estimates import EffectDeviations
from cjsim.rehearsal.mixed_policy import is_under_alternative, mixed_scenario
from cjsim.rehearsal.rehearsed_scenarios import OutcomesByName, RehearsedScenarios, simulate_until
from cjsim.rehearsal.scenario_outcomes import Interference, TestedOutcomes, metric_terms, terms_since
from cjsim.simulation.run import Run


class MixedRuns(NamedTuple):
    """Runs of one replication, all until the same day."""

    base: Run
    alternative: Run
    mixed: Run | None  # None until the horizon, where only the true effect is needed
    before: Run | None  # until the day of the switch


class _Replicate(NamedTuple):
    """The metric in one replication."""

    baseline: float
    value: float
    bias: float
    arms: tuple[RatioTerms, RatioTerms]


def mixed_outcomes(tested: RehearsedScenarios, *, share: float, replications: int, progress: Progress) -> OutcomesByName:
    """Return the outcomes of tests with mixed assignment, the true effects, and the bias; until the horizon, the true effects only.

    Parameters
    ----------
    tested : RehearsedScenarios
        Scenarios, metrics and numbers of days after the start of the test, which is the start of the scenario or the day of the switch.
    share : float
        Share of customers under the alternative, in (0, 1).
    replications : int
        Number of replications, with consecutive seeds.
    progress : Progress
        Receives progress updates, counted in simulations.

    Returns
    -------
    Mapping of str to Mapping of tuple to TestedOutcomes
        The customers of all replications are pooled.

    Raises
    ------
    InputError
        If the two policies cannot be combined.
    """
    base, since_day = tested.base, tested.since_day
    shares = {"mixed": share, "alternative": 1.0}
    scenarios = {
        (name, kind): mixed_scenario(base, one, share=of_kind, since_day=since_day)
        for name, one in tested.alternatives.items()
        for kind, of_kind in shares.items()
    }
    replicates: dict[str, dict[tuple[str, float], list[_Replicate]]] = {
        name: {(metric, window): [] for metric in tested.metrics for window in tested.days} for name in tested.alternatives
    }
    for seed in range(base.seed, base.seed + replications):
        before = None if since_day is None else simulate_until(base, since_day, seed=seed)
        for window in tested.days:
            last_day = window + (since_day or 0)
            baseline = simulate_until(base, last_day, seed=seed)
            progress.advance(1)
            for name in tested.alternatives:
                kinds = ("alternative", "mixed") if window < math.inf else ("alternative",)
                simulated = {kind: simulate_until(scenarios[name, kind], last_day, seed=seed) for kind in kinds}
                progress.advance(len(kinds))
                runs = MixedRuns(baseline, simulated["alternative"], simulated.get("mixed"), before)
                for metric in tested.metrics:
                    replicates[name][metric, window].append(_replicate(runs, metric, share))
    return {name: {key: _tested(found) for key, found in by_key.items()} for name, by_key in replicates.items()}


def _replicate(runs: MixedRuns, metric: str, share: float) -> _Replicate:
    """Return the metric with everybody under one policy, the bias of the mixed test, and the terms of its arms."""
    (base, in_base), (alternative, in_alternative) = (_terms(runs.before, run, metric, share) for run in (runs.base, runs.alternative))
    if runs.mixed is None:
        return _Replicate(ratio(base), ratio(alternative), 0.0, (base, alternative))
    mixed, in_mixed = _terms(runs.before, runs.mixed, metric, share)
    arms = mixed.subset(~in_mixed), mixed.subset(in_mixed)
    if min(len(arm.numerator) for arm in arms) < 2:
        remedy = "Simulate more customers, or use a share closer to 0.5."
        raise InputError(format_error("share", "must give each arm at least 2 simulated customers", f"{share:g}", remedy))
    estimate = ratio(arms[1]) - ratio(arms[0])
    reference = ratio(alternative.subset(in_alternative)) - ratio(base.subset(~in_base))
    return _Replicate(ratio(base), ratio(alternative), estimate - reference, arms)


def _terms(before: Run | None, run: Run, metric: str, share: float) -> tuple[RatioTerms, Array]:
    """Return the terms of the customers in the test, and which of them are assigned to the alternative."""
    if before is None:
        return metric_terms(run, metric, run.entered), is_under_alternative(run, share)[run.entered]
    return terms_since(before, run, metric)[0], is_under_alternative(before, share)[before.entered]


def _tested(replicates: Sequence[_Replicate]) -> TestedOutcomes:
    """Pool the replications."""
    effect, low, high = _t_interval([one.value - one.baseline for one in replicates])
    baseline, value = (float(np.mean([getattr(one, name) for one in replicates])) for name in ("baseline", "value"))
    truth = PairedDifference(baseline, value, effect, low, high, math.nan)
    base, alternative = (_concatenated([one.arms[i] for one in replicates]) for i in (0, 1))
    bias = Interference(*_t_interval([one.bias for one in replicates]), len(replicates))
    effects = np.array([one.value - one.baseline for one in replicates])
    deviations = EffectDeviations(_deviations(effects + [one.bias for one in replicates]), _deviations(effects))
    populations = ArmPopulations.from_arms(base, alternative).with_effect(effect + bias.bias)
    return TestedOutcomes(populations, truth, interference=bias, replicates=deviations)


def _deviations(values: Array) -> Array:
    """Return deviations from the mean over replications whose mean square is the squared standard error of this mean."""
    return np.asarray((values - values.mean()) / math.sqrt(len(values) - 1))


def _concatenated(terms: Sequence[RatioTerms]) -> RatioTerms:
    return RatioTerms(np.concatenate([one.numerator for one in terms]), np.concatenate([one.denominator for one in terms]))


def _t_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean over replications and its 95 % t interval."""
    from scipy.stats import t

    mean, n = float(np.mean(values)), len(values)
    half = float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half
