"""How a design of a test behaves over many rehearsals: power, false positives, coverage, exaggeration, and cost of wrong decisions.

Each rehearsal is drawn twice on the same customers: with the outcomes under ALTERNATIVE in one arm, and without an effect, with outcomes
under BASE in both arms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.rehearsal.analyses import Analysis, Decisions, closed_form_power, decide, minimum_detectable_effect
from cjsim.rehearsal.customer_resampling import ArmPopulations, ArmSizes, arm_sizes, draw_rehearsals
from cjsim.rehearsal.effect_estimates import EffectEstimates, concatenate_batches, estimate_effects, population_standard_error, true_effect
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings, Rollout

_FRACTION_DIGITS = 12  # looks of different analyses at equal fractions are one look


class Rate(NamedTuple):
    """A quantity measured over rehearsals.

    Attributes
    ----------
    value : float
        A share of rehearsals or a mean over them; nan if undefined.
    error : float
        Monte Carlo standard error. That of a share is computed from (count + 1) / (runs + 2), so that it is above 0 for a share of 0 or 1.
    runs : int
        Number of rehearsals on which the value is measured.
    """

    value: float
    error: float
    runs: int


@dataclass(frozen=True)
class DesignReport:
    """Behavior of one design.

    Attributes
    ----------
    size : int
        Number of customers enrolled in both arms together.
    days : float
        Days for which each customer is observed; nan if the outcomes do not refer to a number of days.
    analysis : str
        Name of the analysis.
    share : float
        Share of customers under ALTERNATIVE.
    alpha : float
        Nominal two-sided type I error of the analysis.
    effect : float
        True effect after these days, in the unit of the metric.
    power : Rate
        Share of significant tests, in either direction.
    power_closed_form : float
        The same for normal outcomes with known variances.
    mde : float
        Smallest effect that a test detects with the target power, from the closed form, in the unit of the metric.
    false_positive : Rate
        Share of significant tests if there is no effect.
    coverage : Rate
        Share of tests whose interval contains the true effect.
    exaggeration : Rate
        Mean absolute significant estimate divided by the absolute true effect (type M error).
    sign_error : Rate
        Share of significant estimates with the wrong sign (type S error).
    wrong_decision : Rate
        Share of tests that lead to the worse policy in the long run. 0 if the policies are equal.
    expected_loss : Rate
        Mean amount of money lost through wrong decisions, over all tests.
    enrolled_share : Rate
        Share of the customers who have enrolled when the test stops.
    enrollment_days : float
        Days until all customers have enrolled; nan if the number of customers per day is unknown.
    """

    size: int
    days: float
    analysis: str
    share: float
    alpha: float
    effect: float
    power: Rate
    power_closed_form: float
    mde: float
    false_positive: Rate
    coverage: Rate
    exaggeration: Rate
    sign_error: Rate
    wrong_decision: Rate
    expected_loss: Rate
    enrolled_share: Rate
    enrollment_days: float = math.nan

    @property
    def rates(self) -> dict[str, Rate]:
        """The measured quantities by name."""
        return {name: value for name in self.__dataclass_fields__ if isinstance(value := getattr(self, name), Rate)}

    def to_json(self) -> dict[str, Any]:
        """Return plain values. Each rate is its value; `errors` and `runs` give its Monte Carlo error and number of rehearsals."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        rates = self.rates
        plain = {name: rates[name].value if name in rates else value for name, value in values.items()}
        return {
            **plain,
            "errors": {name: rate.error for name, rate in rates.items()},
            "runs": {name: rate.runs for name, rate in rates.items()},
        }


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


class AnalyzedTests(NamedTuple):
    """Rehearsed tests of one design, as one analysis decides them.

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
    """

    analysis: Analysis
    real: Decisions
    null: Decisions
    expected: float
    standard_error: float


def rehearse_design(
    populations: ArmPopulations,
    *,
    size: int,
    share: float = 0.5,
    settings: RehearsalSettings | None = None,
    days: float = math.nan,
    long_run_effect: float | None = None,
    true_effect_of_test: float | None = None,
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
        True effect after these days, per enrolled customer. By default, the difference between the populations, which interference biases.

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
    for analysis, (real, null) in zip(analyses, _decisions(populations, sizes, analyses, settings), strict=True):
        error = population_standard_error(populations, sizes, covariate_adjusted=analysis.covariate_adjusted)
        reports.append(design_report(AnalyzedTests(analysis, real, null, expected, error), design, settings))
    return tuple(reports)


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
    analysis, real, effect, rollout = tests.analysis, tests.real, design.effect, settings.rollout or Rollout()
    wrong = _wrong_decisions(real, design.long_run_effect, rollout)
    lost_money = abs(design.long_run_effect) * rollout.value_per_unit * rollout.customers
    found = real.effect[real.significant]
    undefined = Rate(math.nan, math.nan, len(found))
    error = tests.standard_error
    return DesignReport(
        design.size,
        design.days,
        analysis.name,
        design.share,
        analysis.alpha,
        effect,
        power=share_rate(real.significant),
        power_closed_form=closed_form_power(analysis, tests.expected, error) if error > 0 else math.nan,
        mde=minimum_detectable_effect(analysis, error, power=settings.target_power),
        false_positive=share_rate(tests.null.significant),
        coverage=share_rate((real.low <= effect) & (effect <= real.high)),
        exaggeration=mean_rate(np.abs(found) / abs(effect)) if effect else undefined,
        sign_error=share_rate(found * effect < 0) if effect else undefined,
        wrong_decision=share_rate(wrong),
        expected_loss=mean_rate(wrong * lost_money),
        enrolled_share=mean_rate(real.fraction),
        enrollment_days=design.size / settings.enroll_per_day if settings.enroll_per_day else math.nan,
    )


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


def _decisions(
    populations: ArmPopulations, sizes: ArmSizes, analyses: Sequence[Analysis], settings: RehearsalSettings
) -> list[tuple[Decisions, Decisions]]:
    """Return the decisions of each analysis with the true effect and without an effect."""
    fractions = np.unique(np.concatenate([np.round(analysis.fractions, _FRACTION_DIGITS) for analysis in analyses]))
    looks = [np.searchsorted(fractions, np.round(analysis.fractions, _FRACTION_DIGITS)) for analysis in analyses]
    parts: list[list[tuple[Decisions, Decisions]]] = [[] for _ in analyses]
    for drawn in draw_rehearsals(populations, sizes, fractions=fractions, runs=settings.runs, seed=settings.seed):
        estimates = {
            adjusted: [
                estimate_effects(drawn.base, arm, has_denominator=populations.has_denominator, covariate_adjusted=adjusted)
                for arm in (drawn.alternative, drawn.null)
            ]
            for adjusted in {analysis.covariate_adjusted for analysis in analyses}
        }
        for analysis, columns, part in zip(analyses, looks, parts, strict=True):
            real, null = estimates[analysis.covariate_adjusted]
            part.append((decide(analysis, _at_looks(real, columns)), decide(analysis, _at_looks(null, columns))))
    return [(concatenate_batches([real for real, _ in part]), concatenate_batches([null for _, null in part])) for part in parts]


def _at_looks(estimates: EffectEstimates, columns: Array) -> EffectEstimates:
    return EffectEstimates(*(values[:, columns] for values in estimates))


def _wrong_decisions(decisions: Decisions, effect: float, rollout: Rollout) -> Array:
    """Return whether each test leads to the worse policy; bool, shape (n_rehearsals,)."""
    sign = 1.0 if rollout.higher_is_better else -1.0
    rolls_out = decisions.significant & (sign * decisions.effect > 0)
    if effect == 0:
        return np.zeros(len(rolls_out), bool)
    return np.asarray(rolls_out != (sign * effect > 0))


def share_rate(flags: Array) -> Rate:
    """Return the share of true values as a rate; `flags` is an ndarray of bool, shape (n_rehearsals,)."""
    count, n = int(flags.sum()), len(flags)
    smoothed = (count + 1) / (n + 2)
    return Rate(count / n if n else math.nan, math.sqrt(smoothed * (1 - smoothed) / n) if n else math.nan, n)


def mean_rate(values: Array) -> Rate:
    """Return the mean of values as a rate; `values` is an ndarray of float64, shape (n_rehearsals,)."""
    n = len(values)
    error = float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return Rate(float(values.mean()) if n else math.nan, error, n)
