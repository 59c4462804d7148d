"""Rehearsals of a test with a ramp: stratified by phase, alongside the pooled analysis that ignores the phases.

The pooled analysis compares arms with different mixes of phases. Where outcomes change from phase to phase, it is biased, even without an
effect (Simpson's paradox).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cjsim.frame import Array
from cjsim.json_records import ComparableRecord
from cjsim.rehearsal.analyses import FixedHorizon, decide
from cjsim.rehearsal.customer_resampling import ArmPopulations, DrawnSums
from cjsim.rehearsal.effect_estimates import EffectEstimates, estimate_effects, true_effect
from cjsim.rehearsal.operating_characteristics import AnalyzedTests, TestDesign, design_report, require_known_covariate
from cjsim.rehearsal.ramp.phase_strata import PhaseStratum, draw_strata, phase_strata, pooled_sums
from cjsim.rehearsal.ramp.stratified_estimates import estimate_stratified_effects, stratified_standard_error
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings
from cjsim.rehearsal.results.design_report import DesignReport, Rate, share_rate


class PhaseCustomers(NamedTuple):
    """Customers of a test in one phase.

    Attributes
    ----------
    from_day : float
        Start of the phase, in days since the test opened.
    share : float
        Share of the phase's customers under the alternative.
    customers : int
        Customers who enroll in the phase, in both arms together; 0 if the test ends before it.
    """

    from_day: float
    share: float
    customers: int


class PooledAnalysis(NamedTuple):
    """Behavior of the difference of means that ignores the phases, at a fixed horizon.

    Attributes
    ----------
    bias : float
        Expected estimate minus the true effect, in the unit of the metric; for a ratio, in large samples.
    bias_without_effect : float
        The same if all customers are under the baseline.
    power, false_positive, coverage : Rate
        As in `DesignReport`.
    """

    bias: float
    bias_without_effect: float
    power: Rate
    false_positive: Rate
    coverage: Rate


@dataclass(frozen=True)
class RampedTest(ComparableRecord):
    """Phases of one test, and the consequences of ignoring them.

    Attributes
    ----------
    size : int
        Number of customers enrolled in both arms together.
    days : float
        Days for which each customer is observed.
    phases : tuple of PhaseCustomers
        Phases in order.
    pooled : PooledAnalysis
        Analysis without the phases.
    """

    size: int
    days: float
    phases: tuple[PhaseCustomers, ...]
    pooled: PooledAnalysis

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        pooled = {name: value.value if isinstance(value, Rate) else value for name, value in self.pooled._asdict().items()}
        return {"size": self.size, "days": self.days, "phases": [phase._asdict() for phase in self.phases], "pooled": pooled}


def rehearse_ramped_design(
    populations: ArmPopulations, *, size: int, settings: RehearsalSettings, days: float, long_run_effect: float | None = None
) -> tuple[tuple[DesignReport, ...], RampedTest]:
    """Rehearse tests of one size with a ramp. All analyses see the same tests.

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm, with the days on which they enroll.
    size : int
        Number of customers enrolled in both arms together.
    settings : RehearsalSettings
        Ramp, enrollment rate, number of rehearsals, seed, target power, analyses at a fixed horizon and rollout.
    days : float
        Number of days for which each customer is observed; used only in the report.
    long_run_effect : float, optional
        Effect by which decisions are judged, per enrolled customer, in the unit of the metric. By default, the effect that the test
        estimates.

    Returns
    -------
    reports : tuple of DesignReport
        Reports of the stratified analyses. Each states the share over all customers in the test.
    test : RampedTest
        Phases of the test, and the pooled analysis.

    Raises
    ------
    InputError
        If nobody enrolls in a phase, an arm of a phase has fewer than 2 customers, or an analysis needs a covariate and there is none.
    """
    analyses = settings.analyses_of_test(has_covariate=populations.has_covariate)
    require_known_covariate(analyses, populations)
    assert settings.ramp is not None
    strata = phase_strata(populations, settings.ramp, size=size, enroll_per_day=settings.enroll_per_day)
    phases = tuple(PhaseCustomers(*one.phase, one.customers) for one in strata)
    with_customers = [one for one in strata if one.customers]
    effect = true_effect(populations)
    judged = effect if long_run_effect is None else long_run_effect
    share = sum(one.sizes.alternative for one in strata) / size
    design = TestDesign(size, share, days, effect, judged)
    drawn, reports = draw_strata(with_customers, runs=settings.runs, seed=settings.seed), []
    for analysis in analyses:
        adjusted = analysis.covariate_adjusted
        real, null = stratified_estimates(drawn, has_denominator=populations.has_denominator, covariate_adjusted=adjusted)
        error = stratified_standard_error(with_customers, covariate_adjusted=adjusted)
        tests = AnalyzedTests(analysis, decide(analysis, real), decide(analysis, null), effect, error)
        reports.append(design_report(tests, design, settings))
    return tuple(reports), RampedTest(size, days, phases, _pooled_analysis(with_customers, drawn, effect))


def stratified_estimates(
    drawn: Sequence[DrawnSums], *, has_denominator: bool, covariate_adjusted: bool = False
) -> tuple[EffectEstimates, EffectEstimates]:
    """Estimate the effect of each rehearsal, with the true effect and without an effect.

    Parameters
    ----------
    drawn : sequence of DrawnSums
        Sums by phase.
    has_denominator : bool
        Whether the second value is the denominator of a ratio.
    covariate_adjusted : bool
        Whether to adjust for the covariate.

    Returns
    -------
    real, null : EffectEstimates
    """
    base = [one.base for one in drawn]
    real, null = (
        estimate_stratified_effects(base, arm, has_denominator=has_denominator, covariate_adjusted=covariate_adjusted)
        for arm in ([one.alternative for one in drawn], [one.null for one in drawn])
    )
    return real, null


def _pooled_analysis(strata: Sequence[PhaseStratum], drawn: Sequence[DrawnSums], effect: float) -> PooledAnalysis:
    """Analyze the tests, ignoring their phases."""
    has_denominator, analysis = strata[0].populations.has_denominator, FixedHorizon()
    base, alternative, null = (pooled_sums([one[arm] for one in drawn]) for arm in range(3))
    real, without = (decide(analysis, estimate_effects(base, arm, has_denominator=has_denominator)) for arm in (alternative, null))
    sizes = [one.sizes for one in strata]
    in_base = _expected_value([one.populations.base for one in strata], [n.base for n in sizes], has_denominator)
    in_alternative, in_null = (
        _expected_value(values, [n.alternative for n in sizes], has_denominator)
        for values in ([one.populations.alternative for one in strata], [one.populations.base for one in strata])
    )
    return PooledAnalysis(
        in_alternative - in_base - effect,
        in_null - in_base,
        share_rate(real.significant),
        share_rate(without.significant),
        share_rate((real.low <= effect) & (effect <= real.high)),
    )


def _expected_value(values: Sequence[Array], counts: Sequence[int], has_denominator: bool) -> float:
    """Return the metric of an arm with the given numbers of units per phase."""
    total = np.sum([count * one.mean(axis=1) for one, count in zip(values, counts, strict=True)], axis=0)
    return float(total[0] / (total[1] if has_denominator else sum(counts)))
