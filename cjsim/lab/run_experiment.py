"""The verb `experiment`: a hypothesis in, findings out.

Lives here: which runs are made, in what order, and what is kept of them. Does not live here: sums (sums.py), the rule of the verdict
(verdict.py), files (reports.py).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.lab.arms import ExperimentArm
from cjsim.lab.checkpoints import Checkpoints, MomentsByMetric
from cjsim.lab.experiment import ALL_VARIANTS, ANY_VARIANT, Experiment, as_experiment
from cjsim.lab.findings import BASELINE_VERDICT, ArmEffect, ArmResult, Findings
from cjsim.lab.moments import PairedMoments, birge_ratio
from cjsim.lab.verdict import bonferroni_critical_value, judge_claim, judge_effect
from cjsim.simulation.documents import Scenario
from cjsim.version import __version__

if TYPE_CHECKING:
    from cjsim.progress import Progress
    from cjsim.simulation.run import Run


def experiment(
    source: Experiment | str | Path,
    *,
    threads: int | None = None,
    checkpoints: Checkpoints | None = None,
    progress: "Progress | None" = None,
) -> Findings:
    """Try a hypothesis: every variant on the same customers as the baseline, in every seed.

    Parameters
    ----------
    source : Experiment, str or Path
        The experiment or its file.
    threads : int, optional
        All cores if not given. The findings do not depend on it.
    checkpoints : Checkpoints, optional
        What is known of it already; is told each piece that is new.
    progress : Progress, optional
        Is told how far the work is.

    Returns
    -------
    Findings
        With the verdict.

    Raises
    ------
    InputError
        If the experiment is wrong, or a variant has no such metric.
    """
    asked = as_experiment(source)
    arms, known = asked.arms(), checkpoints if checkpoints is not None else Checkpoints()
    metrics = dict.fromkeys((asked.metric, *asked.watch))
    for seed in asked.seeds:
        run = _simulate_with(asked.customers_per_seed, seed, threads, progress)
        base: Run | None = None
        for arm in arms:
            if known.get(seed, arm.name) is None:
                base = base or run(asked.scenario)
                other = run(arm.scenario) if arm.is_different else base
                known.put(seed, arm.name, {metric: PairedMoments.from_runs(base, other, metric) for metric in metrics})
    return _build_findings(asked, arms, [[_checkpointed_moments(known, seed, arm) for seed in asked.seeds] for arm in arms])


def experiment_digest(experiment: Experiment) -> str:
    """Digest of all that findings rest on: the experiment with its scenarios, what entry files hold, the version; 64 hexadecimal digits.

    Parameters
    ----------
    experiment : Experiment
        As it will be run.
    """
    content = experiment.to_dict()
    scenarios = [content["scenario"], *(one["scenario"] for one in content.get("variants", {}).values() if "scenario" in one)]
    for scenario in scenarios:
        if file := scenario.get("entry", {}).get("file"):
            scenario["entry"]["file"] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    text = json.dumps([content, __version__], ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _simulate_with(customers: int, seed: int, threads: int | None, progress: "Progress | None") -> "Callable[[Scenario], Run]":
    from cjsim.simulation.simulate import simulate

    return lambda scenario: simulate(scenario, customers=customers, seed=seed, threads=threads, progress=progress)


def _checkpointed_moments(checkpoints: Checkpoints, seed: int, arm: ExperimentArm) -> MomentsByMetric:
    piece = checkpoints.get(seed, arm.name)
    assert piece is not None
    return piece


def _build_findings(experiment: Experiment, arms: Sequence[ExperimentArm], moments_by_arm: list[list[MomentsByMetric]]) -> Findings:
    """The findings from a piece for each arm and seed."""
    units = _metric_units(experiment)
    claimed = experiment.claimed_arms(arms)
    is_together = experiment.claim in (ANY_VARIANT, ALL_VARIANTS)
    z = bonferroni_critical_value(experiment.decide.confidence, len(claimed) if is_together else 1)
    lines = [
        _arm_result(experiment, arm, of_arm, units, z=z, is_claimed=arm in claimed)
        for arm, of_arm in zip(arms, moments_by_arm, strict=True)
    ]
    places = [i for i, line in enumerate(lines) if line.is_claimed]
    effects = [lines[i].effect.relative if experiment.claimed_size.is_relative else lines[i].effect.absolute for i in places]
    place, verdict = judge_claim(
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
        arm_results=tuple(lines),
        decides=places[place],
        verdict=verdict,
    )


def _metric_units(experiment: Experiment) -> dict[str, str]:
    """Units of the metrics that are asked for."""
    from cjsim.compiler.compile_scenario import compile_scenario
    from cjsim.metrics.catalog import all_metric_definitions

    known = all_metric_definitions(compile_scenario(experiment.scenario).codebook)
    return {metric: known[metric].unit for metric in (experiment.metric, *experiment.watch)}


def _arm_result(
    experiment: Experiment, arm: ExperimentArm, moments_by_seed: list[MomentsByMetric], units: dict[str, str], *, z: float, is_claimed: bool
) -> ArmResult:
    """One arm from its pieces, one a seed."""
    effects = {metric: _pooled_effect(metric, unit, [piece[metric] for piece in moments_by_seed], z) for metric, unit in units.items()}
    own, is_relative = effects[experiment.metric], experiment.claimed_size.is_relative
    parts = [piece[experiment.metric] for piece in moments_by_seed]
    values: dict[str, Any] = dict(arm.values)
    return ArmResult(
        name=arm.name,
        values=values,
        is_claimed=is_claimed,
        effect=own,
        verdict=judge_effect(
            own.relative if is_relative else own.absolute, sign=experiment.claimed_sign, size=experiment.claimed_size.amount
        )
        if arm.is_different
        else BASELINE_VERDICT,
        watched_effects=tuple(effects[metric] for metric in experiment.watch if metric != experiment.metric),
        seed_effects=tuple(part.relative_effect(z) if is_relative else part.absolute_effect(z) for part in parts),
        birge_ratio=birge_ratio(parts),
    )


def _pooled_effect(metric: str, unit: str, moments_by_seed: list[PairedMoments], z: float) -> ArmEffect:
    pooled = moments_by_seed[0]
    for part in moments_by_seed[1:]:
        pooled = pooled + part
    return ArmEffect(metric, unit, pooled.baseline, pooled.value, pooled.absolute_effect(z), pooled.relative_effect(z))
