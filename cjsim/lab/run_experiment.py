"""`simulate_experiment`: simulate the baseline and all arms of an experiment with every seed, and return the findings."""

import functools
import hashlib
import json
import operator
from collections.abc import Sequence

from cjsim.lab.arms import ExperimentArm
from cjsim.lab.checkpoints import Checkpoints, MomentsByMetric
from cjsim.lab.experiment import ALL_VARIANTS, ANY_VARIANT, Experiment
from cjsim.lab.findings import BASELINE_VERDICT, ArmEffect, ArmResult, Findings
from cjsim.lab.moments import PairedMoments, birge_ratio
from cjsim.lab.verdict import bonferroni_critical_value, judge_claim, judge_effect
from cjsim.progress import Progress
from cjsim.simulation.run import Run
from cjsim.version import __version__
from cjsim.yaml.document import with_file_digests


def simulate_experiment(
    experiment: Experiment, *, threads: int | None = None, checkpoints: Checkpoints | None = None, progress: Progress | None = None
) -> Findings:
    """Test a hypothesis by simulating every arm on the same customers as the baseline, with every seed.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    threads : int, optional
        Number of threads; all cores by default. The findings do not depend on it.
    checkpoints : Checkpoints, optional
        Moments that have already been computed. New ones are added.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), from the simulations.

    Returns
    -------
    Findings
        Effects of all arms, and the verdict.

    Raises
    ------
    InputError
        If the experiment is invalid, or a variant lacks one of the experiment's metrics.
    """
    from cjsim.simulation.simulate import simulate

    checked = experiment.checked()
    arms, finished = checked.arms(), checkpoints if checkpoints is not None else Checkpoints()
    metrics = dict.fromkeys((checked.metric, *checked.watch))
    for seed in checked.seeds:
        simulate_arm = functools.partial(simulate, customers=checked.customers_per_seed, seed=seed, replications=1)
        simulate_arm = functools.partial(simulate_arm, threads=threads, progress=progress)
        baseline: Run | None = None
        for arm in arms:
            if finished.get(seed, arm.name) is None:
                baseline = baseline or simulate_arm(checked.scenario)
                alternative = simulate_arm(arm.scenario) if arm.is_different else baseline
                finished.put(seed, arm.name, {metric: PairedMoments.from_runs(baseline, alternative, metric) for metric in metrics})
    return _build_findings(checked, arms, [[_checkpointed_moments(finished, seed, arm) for seed in checked.seeds] for arm in arms])


def experiment_digest(experiment: Experiment) -> str:
    """Return a digest of all inputs to the findings: the experiment, its scenarios (without prose), their files and the version.

    Parameters
    ----------
    experiment : Experiment
        The experiment with all options applied.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    content = with_file_digests(experiment.identity())
    text = json.dumps([content, __version__], ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _checkpointed_moments(checkpoints: Checkpoints, seed: int, arm: ExperimentArm) -> MomentsByMetric:
    moments = checkpoints.get(seed, arm.name)
    assert moments is not None
    return moments


def _build_findings(experiment: Experiment, arms: Sequence[ExperimentArm], moments_by_arm: list[list[MomentsByMetric]]) -> Findings:
    """Build the findings from the moments of each arm and seed."""
    units = _metric_units(experiment)
    claimed = experiment.claimed_arms(arms)
    is_joint = experiment.claim in (ANY_VARIANT, ALL_VARIANTS)
    z = bonferroni_critical_value(experiment.decide.confidence, len(claimed) if is_joint else 1)
    results = [
        _arm_result(experiment, arm, moments_by_seed, units, z=z, is_claimed=arm in claimed)
        for arm, moments_by_seed in zip(arms, moments_by_arm, strict=True)
    ]
    claimed_indices = [i for i, result in enumerate(results) if result.is_claimed]
    effects = [results[i].effect.estimate(is_relative=experiment.claimed_size.is_relative) for i in claimed_indices]
    decisive, verdict = judge_claim(
        effects, sign=experiment.claimed_sign, size=experiment.claimed_size.amount, is_about_all=experiment.claim == ALL_VARIANTS
    )
    return Findings(
        experiment=experiment.name,
        hypothesis=experiment.hypothesis,
        metric=experiment.metric,
        direction=experiment.direction,
        claim=experiment.claim or arms[0].name,
        size=experiment.claimed_size.amount,
        is_relative=experiment.claimed_size.is_relative,
        confidence=experiment.decide.confidence,
        scenario=experiment.scenario.name,
        customers=experiment.customers_per_seed,
        seed=experiment.seed,
        replications=experiment.replications,
        arm_results=tuple(results),
        decides=claimed_indices[decisive],
        verdict=verdict,
    )


def _metric_units(experiment: Experiment) -> dict[str, str]:
    """Return the unit of each metric of the experiment."""
    from cjsim.compiler.compile_scenario import compile_scenario
    from cjsim.metrics.catalog import all_metric_definitions
    from cjsim.metrics.number_format import named_unit

    definitions = all_metric_definitions(compile_scenario(experiment.scenario).codebook)
    currency = experiment.scenario.currency
    return {metric: named_unit(definitions[metric].unit, currency) for metric in (experiment.metric, *experiment.watch)}


def _arm_result(
    experiment: Experiment, arm: ExperimentArm, moments_by_seed: list[MomentsByMetric], units: dict[str, str], *, z: float, is_claimed: bool
) -> ArmResult:
    """Compute the result of one arm, pooled over seeds."""
    effects = {metric: _pooled_effect(metric, unit, [moments[metric] for moments in moments_by_seed], z) for metric, unit in units.items()}
    effect, is_relative = effects[experiment.metric], experiment.claimed_size.is_relative
    metric_moments = [moments[experiment.metric] for moments in moments_by_seed]
    verdict = judge_effect(effect.estimate(is_relative=is_relative), sign=experiment.claimed_sign, size=experiment.claimed_size.amount)
    return ArmResult(
        name=arm.name,
        values=dict(arm.values),
        is_claimed=is_claimed,
        effect=effect,
        verdict=verdict if arm.is_different else BASELINE_VERDICT,
        watched_effects=tuple(effects[metric] for metric in experiment.watch if metric != experiment.metric),
        seed_effects=tuple(one.relative_effect(z) if is_relative else one.absolute_effect(z) for one in metric_moments),
        birge_ratio=birge_ratio(metric_moments),
    )


def _pooled_effect(metric: str, unit: str, moments_by_seed: list[PairedMoments], z: float) -> ArmEffect:
    pooled = functools.reduce(operator.add, moments_by_seed)
    return ArmEffect(metric, unit, pooled.baseline, pooled.value, pooled.absolute_effect(z), pooled.relative_effect(z))
