"""How a design of a test behaves over many rehearsals: power, false positives, coverage, exaggeration, and cost of wrong decisions.

Each rehearsal is drawn twice on the same customers: with the outcomes under ALTERNATIVE in one arm, and without an effect, with outcomes
under BASE in both arms.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.rehearsal.analyses import Analysis, Decisions, closed_form_power, decide, minimum_detectable_effect
from cjsim.rehearsal.customer_resampling import ArmPopulations, ArmSizes, arm_sizes, draw_rehearsals
from cjsim.rehearsal.effect_estimates import (
    EffectDeviations,
    EffectEstimates,
    concatenate_batches,
    estimate_effects,
    population_standard_error,
    true_effect,
)
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings, Rollout
from cjsim.rehearsal.results.design_report import DesignReport, Rate, mean_rate, share_rate

_FRACTION_DIGITS = 12  # merges looks of different analyses at equal fractions
_REHEARSALS_WITH_DEVIATIONS = 2000  # enough for standard errors


class TestDesign(NamedTuple):
    """A design and the true effects by which it is judged.

    Attributes
    ----------
    size : int
        Number of customers enrolled in both arms together.
    share : float
        Share of customers under ALTERNATIVE.
    days : float
        Days for which each customer is observed.
    effect : float
        True effect after these days, in the unit of the metric.
    long_run_effect : float
        Effect by which decisions are judged, in the unit of the metric.
    """

    size: int
    share: float
    days: float
    effect: float
    long_run_effect: float


class DeviatingTests(NamedTuple):
    """The first rehearsals of an analysis, with effects that other simulated customers would give.

    Attributes
    ----------
    decisions : Decisions
        Conclusions without deviations.
    deviating : tuple of (Decisions, TestDesign)
        Conclusions and true effects with each deviation.
    """

    decisions: Decisions
    deviating: tuple[tuple[Decisions, TestDesign], ...]


class AnalyzedTests(NamedTuple):
    """Rehearsed tests of one design, as decided by one analysis.

    Attributes
    ----------
    analysis : Analysis
        The analysis.
    real, null : Decisions
        Conclusions with the true effect and without an effect.
    expected : float
        Expected estimate.
    standard_error : float
        Standard error of the estimate, as implied by the variances of the populations.
    deviating : DeviatingTests or None
        Rehearsals with other effects, for the standard errors of the report; None if these reflect only the number of rehearsals.
    """

    analysis: Analysis
    real: Decisions
    null: Decisions
    expected: float
    standard_error: float
    deviating: DeviatingTests | None = None


def rehearse_design(
    populations: ArmPopulations,
    *,
    size: int,
    share: float = 0.5,
    settings: RehearsalSettings | None = None,
    days: float = math.nan,
    long_run_effect: float | None = None,
    true_effect_of_test: float | None = None,
    deviations: tuple[EffectDeviations, EffectDeviations] | None = None,
) -> tuple[DesignReport, ...]:
    """Rehearse tests of one size, and report how each analysis of them behaves. All analyses see the same tests.

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm.
    size : int
        Number of customers enrolled in both arms together.
    share : float
        Share of customers under ALTERNATIVE, in (0, 1).
    settings : RehearsalSettings, optional
        Number of rehearsals, seed, target power, analyses and rollout.
    days : float
        Number of days for which each customer is observed; used only in the report.
    long_run_effect : float, optional
        Effect by which decisions are judged, per enrolled customer, in the unit of the metric. By default, the effect that the test
        estimates.
    true_effect_of_test : float, optional
        True effect after these days, per enrolled customer. By default, the difference between the populations, which is biased if there is
        interference.
    deviations : tuple of EffectDeviations, optional
        Deviations of the effects after these days and in the long run, which the standard errors of the report then include.

    Returns
    -------
    tuple of DesignReport
        One per analysis.

    Raises
    ------
    InputError
        If an arm has fewer than 2 customers, or an analysis needs a covariate and there is none.
    """
    settings = settings or RehearsalSettings()
    analyses = settings.analyses_of_test(has_covariate=populations.has_covariate)
    require_known_covariate(analyses, populations)
    sizes = arm_sizes(populations, size, share)
    expected = true_effect(populations)
    effect = expected if true_effect_of_test is None else true_effect_of_test
    judged = effect if long_run_effect is None else long_run_effect
    design, reports = TestDesign(size, share, days, effect, judged), []
    for analysis, drawn in zip(analyses, _draw_tests(populations, sizes, analyses, settings), strict=True):
        error = population_standard_error(populations, sizes, covariate_adjusted=analysis.covariate_adjusted)
        deviating = None if deviations is None else _deviating_tests(analysis, drawn.first, design, deviations)
        reports.append(design_report(AnalyzedTests(analysis, drawn.real, drawn.null, expected, error, deviating), design, settings))
    return tuple(reports)


def _deviating_tests(
    analysis: Analysis, estimates: EffectEstimates, design: TestDesign, deviations: tuple[EffectDeviations, EffectDeviations]
) -> DeviatingTests:
    """Decide tests with the effects that other simulated customers would give."""
    found = []
    for expected, effect, long_run in zip(*deviations[0], deviations[1].effect, strict=True):
        decisions = decide(analysis, estimates._replace(effect=estimates.effect + expected))
        found.append((decisions, design._replace(effect=design.effect + effect, long_run_effect=design.long_run_effect + long_run)))
    return DeviatingTests(decide(analysis, estimates), tuple(found))


def design_report(tests: AnalyzedTests, design: TestDesign, settings: RehearsalSettings) -> DesignReport:
    """Report how one analysis of a design behaves.

    Parameters
    ----------
    tests : AnalyzedTests
        Conclusions of the rehearsed tests.
    design : TestDesign
        The design and its true effects.
    settings : RehearsalSettings
        Target power, rollout and enrollment rate.

    Returns
    -------
    DesignReport
    """
    analysis, rollout, error = tests.analysis, settings.rollout or Rollout(), tests.standard_error
    rates = _rates(tests.real, design, rollout)
    if tests.deviating is not None:
        rates = _with_deviations(rates, tests.deviating, design, rollout)
    mde = minimum_detectable_effect(analysis, error, power=settings.target_power)
    is_detectable = tests.expected * design.effect > 0 and error > 0
    return DesignReport(
        design.size,
        design.days,
        analysis.name,
        design.share,
        analysis.alpha,
        design.effect,
        power_closed_form=closed_form_power(analysis, tests.expected, error) if error > 0 else math.nan,
        mde=mde,
        false_positive=share_rate(tests.null.significant),
        enrollment_days=design.size / settings.enroll_per_day if settings.enroll_per_day else math.nan,
        needed_size=design.size * (mde / tests.expected) ** 2 if is_detectable else math.nan,
        **rates,
    )


def _rates(decisions: Decisions, design: TestDesign, rollout: Rollout) -> dict[str, Rate]:
    """Return the quantities measured over rehearsals with the true effect, keyed by attribute of `DesignReport`."""
    effect, found = design.effect, decisions.effect[decisions.significant]
    wrong = _wrong_decisions(decisions, design.long_run_effect, rollout)
    lost_money = abs(design.long_run_effect) * rollout.value_per_unit * rollout.customers
    undefined = Rate(math.nan, math.nan, len(found))
    return {
        "power": share_rate(decisions.significant),
        "coverage": share_rate((decisions.low <= effect) & (effect <= decisions.high)),
        "exaggeration": mean_rate(np.abs(found) / abs(effect)) if effect else undefined,
        "sign_error": share_rate(found * effect < 0) if effect else undefined,
        "wrong_decision": share_rate(wrong),
        "expected_loss": mean_rate(wrong * lost_money),
        "enrolled_share": mean_rate(decisions.fraction),
    }


def _with_deviations(rates: dict[str, Rate], tests: DeviatingTests, design: TestDesign, rollout: Rollout) -> dict[str, Rate]:
    """Add the variance between simulated customers to the errors of rates."""
    center = _rates(tests.decisions, design, rollout)
    others = [_rates(decisions, one, rollout) for decisions, one in tests.deviating]
    found = {}
    for name, rate in rates.items():
        squares = [(one[name].value - center[name].value) ** 2 for one in others]
        defined = [square for square in squares if not math.isnan(square)]
        found[name] = rate._replace(error=math.hypot(rate.error, math.sqrt(float(np.mean(defined))))) if defined else rate
    return found


def require_known_covariate(analyses: Sequence[Analysis], populations: ArmPopulations) -> None:
    """Raise if an analysis adjusts for a covariate and there is none.

    Parameters
    ----------
    analyses : sequence of Analysis
        The analyses.
    populations : ArmPopulations
        Units of each arm.

    Raises
    ------
    InputError
        If the covariate is not known.
    """
    if any(analysis.covariate_adjusted for analysis in analyses) and not populations.has_covariate:
        remedy = "Pass a covariate, or leave out the adjusted analyses."
        raise InputError(format_error("analyses", "must not adjust for a covariate that is not known", "a covariate-adjusted one", remedy))


class _DrawnTests(NamedTuple):
    """Decisions with the true effect and without an effect, and the estimates of the first rehearsals."""

    real: Decisions
    null: Decisions
    first: EffectEstimates


def _draw_tests(
    populations: ArmPopulations, sizes: ArmSizes, analyses: Sequence[Analysis], settings: RehearsalSettings
) -> list[_DrawnTests]:
    """Draw tests, and decide them with each analysis."""
    fractions = np.unique(np.concatenate([np.round(analysis.fractions, _FRACTION_DIGITS) for analysis in analyses]))
    looks = [np.searchsorted(fractions, np.round(analysis.fractions, _FRACTION_DIGITS)) for analysis in analyses]
    parts: list[list[tuple[Decisions, Decisions]]] = [[] for _ in analyses]
    first: list[list[EffectEstimates]] = [[] for _ in analyses]
    n_drawn = 0
    for drawn in draw_rehearsals(populations, sizes, fractions=fractions, runs=settings.runs, seed=settings.seed):
        estimates = {
            adjusted: [
                estimate_effects(drawn.base, arm, has_denominator=populations.has_denominator, covariate_adjusted=adjusted)
                for arm in (drawn.alternative, drawn.null)
            ]
            for adjusted in {analysis.covariate_adjusted for analysis in analyses}
        }
        for i, (analysis, columns) in enumerate(zip(analyses, looks, strict=True)):
            real, null = (_at_looks(one, columns) for one in estimates[analysis.covariate_adjusted])
            parts[i].append((decide(analysis, real), decide(analysis, null)))
            if n_drawn < _REHEARSALS_WITH_DEVIATIONS:
                first[i].append(real)
        n_drawn += len(drawn.base.values[0])
    found = []
    for part, estimates_of_first in zip(parts, first, strict=True):
        real, null = (concatenate_batches(decisions) for decisions in zip(*part, strict=True))
        found.append(_DrawnTests(real, null, concatenate_batches(estimates_of_first)))
    return found


def _at_looks(estimates: EffectEstimates, columns: Array) -> EffectEstimates:
    return EffectEstimates(*(values[:, columns] for values in estimates))


def _wrong_decisions(decisions: Decisions, effect: float, rollout: Rollout) -> Array:
    """Return whether each test leads to the worse policy; bool, shape (n_rehearsals,)."""
    sign = 1.0 if rollout.higher_is_better else -1.0
    rolls_out = decisions.significant & (sign * decisions.effect > 0)
    if effect == 0:
        return np.zeros(len(rolls_out), bool)
    return np.asarray(rolls_out != (sign * effect > 0))
