"""Tests of several metrics at once: corrections for multiplicity, and guardrail metrics that must not worsen by a margin or more.

References
----------
Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal Statistical Society B, 57(1), 289-300.
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics, 6(2), 65-70.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cjsim.errors import InputError, format_error, quote_choices
from cjsim.frame import Array
from cjsim.json_records import ComparableRecord
from cjsim.rehearsal.customer_resampling import ArmPopulations, arm_sizes, draw_rehearsals
from cjsim.rehearsal.effect_estimates import EffectEstimates, concatenate_batches, estimate_effects, true_effect
from cjsim.rehearsal.ramp.designs_by_phase import stratified_estimates
from cjsim.rehearsal.ramp.phase_strata import draw_strata, phase_strata
from cjsim.rehearsal.rehearsal_settings import Guardrail, RehearsalSettings
from cjsim.rehearsal.results.design_report import Rate, mean_rate, share_rate

Correction = Literal["none", "holm", "bh"]
CORRECTIONS: tuple[Correction, ...] = ("none", "holm", "bh")


@dataclass(frozen=True)
class GuardrailReport(ComparableRecord):
    """Behavior of a non-inferiority test of one metric.

    Attributes
    ----------
    margin : float
        Largest acceptable loss, in the unit of the metric.
    effect : float
        True effect; above 0 if it is an improvement.
    passed : Rate
        Share of tests whose interval excludes a loss of the margin or more.
    passed_at_margin : Rate
        The same if the true loss equals the margin: the share of wrong passes, at most alpha / 2 where normality holds.
    relative_margin : float or None
        The margin as a fraction of the metric under the baseline, if it was specified as one.
    """

    margin: float
    effect: float
    passed: Rate
    passed_at_margin: Rate
    relative_margin: float | None = None


@dataclass(frozen=True)
class MultipleMetricReport(ComparableRecord):
    """Behavior of one test of several metrics at a fixed horizon.

    Attributes
    ----------
    correction : {'none', 'holm', 'bh'}
        Correction of the p-values.
    power : Mapping of str to Rate
        Share of tests in which each metric is significant after the correction.
    any_false_positive : Rate
        Share of tests without an effect on any metric in which at least one is significant (family-wise error rate).
    false_discovery : Rate
        Mean share of false discoveries among the significant metrics: those without a true effect, or with an estimate of the wrong sign.
    guardrails : Mapping of str to GuardrailReport
        Reports of the guardrail metrics, which are not corrected: all must pass.
    shipped : Rate
        Share of tests in which the first metric is significantly better and all guardrails pass.
    """

    correction: Correction
    power: Mapping[str, Rate]
    any_false_positive: Rate
    false_discovery: Rate
    guardrails: Mapping[str, GuardrailReport]
    shipped: Rate


def corrected_p_values(p_values: Array, *, correction: Correction) -> Array:
    """Correct p-values for the number of metrics.

    Parameters
    ----------
    p_values : ndarray of float64, shape (n_rehearsals, n_metrics)
        P-values, with one test per row.
    correction : {'none', 'holm', 'bh'}
        Holm's correction bounds the probability of any false positive; Benjamini and Hochberg's bounds the false discovery rate.

    Returns
    -------
    ndarray of float64, shape (n_rehearsals, n_metrics)

    Raises
    ------
    InputError
        If there is no such correction.

    Examples
    --------
    >>> corrected_p_values(np.array([[0.01, 0.04, 0.03]]), correction="holm")
    array([[0.03, 0.06, 0.06]])
    >>> corrected_p_values(np.array([[0.01, 0.04, 0.03]]), correction="bh")
    array([[0.03, 0.04, 0.04]])
    """
    if correction not in CORRECTIONS:
        must = f"must be one of {quote_choices(CORRECTIONS)}"
        raise InputError(format_error("correction", must, repr(correction), "Choose one of these."))
    if correction == "none":
        return p_values
    if correction == "bh":
        from scipy.stats import false_discovery_control

        return np.asarray(false_discovery_control(p_values, axis=1))
    order, n_metrics = np.argsort(p_values, axis=1, kind="stable"), p_values.shape[1]
    scaled = np.take_along_axis(p_values, order, axis=1) * np.arange(n_metrics, 0, -1)
    corrected = np.empty_like(p_values)
    np.put_along_axis(corrected, order, np.minimum(np.maximum.accumulate(scaled, axis=1), 1.0), axis=1)
    return corrected


def rehearse_metrics(
    metrics: Mapping[str, ArmPopulations],
    *,
    size: int,
    guardrails: Mapping[Guardrail, ArmPopulations] | None = None,
    correction: Correction = "holm",
    lower_is_better: Set[str] = frozenset(),
    share: float = 0.5,
    alpha: float = 0.05,
    settings: RehearsalSettings | None = None,
) -> MultipleMetricReport:
    """Rehearse tests of several metrics on the same customers, with Welch's t test at a fixed horizon.

    Parameters
    ----------
    metrics : Mapping of str to ArmPopulations
        Metrics whose p-values are corrected together. The first one determines the rollout. Row i is the same customer in all metrics.
    size : int
        Number of customers in both arms together.
    guardrails : Mapping of Guardrail to ArmPopulations, optional
        Guardrail metrics.
    correction : {'none', 'holm', 'bh'}
        Correction of the p-values.
    lower_is_better : set of str
        Metrics for which smaller values are better. Their effects, and those of such guardrails, are reported with the opposite sign, as
        improvements.
    share : float
        Share of customers under ALTERNATIVE, in (0, 1), if there is no ramp.
    alpha : float
        Two-sided type I error. A guardrail passes if the interval of level 1 - alpha lies above minus the margin.
    settings : RehearsalSettings, optional
        Number of rehearsals, seed, ramp and enrollment rate.

    Returns
    -------
    MultipleMetricReport

    Raises
    ------
    InputError
        If the metrics differ in their customers, or there is no such correction.
    """
    settings = settings or RehearsalSettings()
    metrics = {name: _improvements(one) if name in lower_is_better else one for name, one in metrics.items()}
    guarded = {rail: one if rail.higher_is_better else _improvements(one) for rail, one in (guardrails or {}).items()}
    _require_same_customers([*metrics.values(), *guarded.values()])
    results = [_final_estimates(populations, size, share, settings) for populations in metrics.values()]
    real, null = (
        corrected_p_values(np.stack([_p_values(pair[i]) for pair in results], axis=1), correction=correction) <= alpha for i in (0, 1)
    )
    effects = np.array([true_effect(populations) for populations in metrics.values()])
    found = np.stack([real_estimates.effect[:, 0] for real_estimates, _ in results], axis=1)
    is_false = real & (found * effects <= 0)
    reports, ships = {}, real[:, 0] & (found[:, 0] > 0)
    for rail, populations in guarded.items():
        estimates, _ = _final_estimates(populations, size, share, settings)
        effect, low = true_effect(populations), estimates.effect[:, 0] - _half_width(estimates, alpha)
        if (margin := rail.margin) is None:
            raise InputError(format_error(f"margin of '{rail.metric}'", "must be given", "none", "Give the smallest unacceptable loss."))
        ships = ships & (low > -margin)
        reports[rail.metric] = GuardrailReport(margin, effect, share_rate(low > -margin), share_rate(low > effect), rail.relative_margin)
    return MultipleMetricReport(
        correction,
        {name: share_rate(real[:, i]) for i, name in enumerate(metrics)},
        share_rate(np.asarray(null.any(axis=1))),
        mean_rate(is_false.sum(axis=1) / np.maximum(real.sum(axis=1), 1)),
        reports,
        share_rate(ships),
    )


def _require_same_customers(populations: list[ArmPopulations]) -> None:
    counts = {one.base.shape[1] for one in populations} | {one.alternative.shape[1] for one in populations}
    if len(counts) > 1:
        got = " and ".join(f"{count:,}" for count in sorted(counts))
        raise InputError(format_error("metrics", "must have the same customers", got, "Leave out those who did not enter."))


def _improvements(populations: ArmPopulations) -> ArmPopulations:
    """Return the populations with the sign of the metric reversed."""
    signs = np.ones((len(populations.base), 1))
    signs[0] = -1
    return replace(populations, base=populations.base * signs, alternative=populations.alternative * signs)


def _final_estimates(
    populations: ArmPopulations, size: int, share: float, settings: RehearsalSettings
) -> tuple[EffectEstimates, EffectEstimates]:
    """Return the estimates at the end of each test, with the true effect and without an effect. Equal seeds draw the same customers."""
    if settings.ramp is not None:
        strata = phase_strata(populations, settings.ramp, size=size, enroll_per_day=settings.enroll_per_day)
        drawn_strata = draw_strata([one for one in strata if one.customers], runs=settings.runs, seed=settings.seed)
        return stratified_estimates(drawn_strata, has_denominator=populations.has_denominator)
    sizes, pairs = arm_sizes(populations, size, share), []
    for drawn in draw_rehearsals(populations, sizes, fractions=np.ones(1), runs=settings.runs, seed=settings.seed):
        arms = (drawn.alternative, drawn.null)
        pairs.append([estimate_effects(drawn.base, arm, has_denominator=populations.has_denominator) for arm in arms])
    real, null = zip(*pairs, strict=True)
    return concatenate_batches(real), concatenate_batches(null)


def _p_values(estimates: EffectEstimates) -> Array:
    """Return the two-sided p-values of Welch's t test; shape (n_rehearsals,)."""
    from scipy.special import stdtr

    return np.asarray(2 * stdtr(estimates.degrees_of_freedom, -np.abs(estimates.z)))[:, 0]


def _half_width(estimates: EffectEstimates, alpha: float) -> Array:
    """Return half the width of the intervals of level 1 - alpha; shape (n_rehearsals,)."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(estimates.degrees_of_freedom, 1 - alpha / 2) * estimates.standard_error)[:, 0]
