"""Effects between the arms of a trial: differences and relative differences, with intervals and p-values."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr
from cjsim.fieller import fieller_set
from cjsim.json_records import JsonRecord, Number
from cjsim.uplift.arm_means import ArmMeans, FloatArray, arm_means, means_from_scores
from cjsim.uplift.covariate_adjustment import adjusted_arm_means
from cjsim.uplift.p_values import Correction, adjusted_p_values
from cjsim.uplift.trials.dataset import Trial
from cjsim.uplift.trials.feature_encoding import encoded_features
from cjsim.uplift.trials.outcome_values import OutcomeKind

Adjustment = Literal["none", "cuped", "regression"]
_METHODS = {"cuped": "CUPED", "regression": "regression adjustment with interactions"}


@dataclass(frozen=True)
class ArmMean(JsonRecord):
    """Mean outcome of an arm, with its interval, in the unit of the outcome."""

    arm: str
    n: int
    mean: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class ArmEffect(JsonRecord):
    """Effect of one arm against another.

    Attributes
    ----------
    arm, versus : str
        The arms; the effect is the mean of `arm` minus that of `versus`.
    effect, low, high, standard_error : float
        Difference with its interval and standard error, in the unit of the outcome.
    p, p_adjusted : float
        Two-sided p-value of the hypothesis of no effect, and the same value adjusted for the number of effects over all outcomes.
    relative, relative_low, relative_high : float
        Difference divided by the mean of `versus`, with its Fieller interval. The limits are infinite if that mean does not differ
        significantly from 0.
    variance_reduction : float
        Reduction in variance due to the adjustment, as a share of the variance of the difference of means; 0 without adjustment.
    """

    arm: str
    versus: str
    effect: Number
    low: Number
    high: Number
    standard_error: Number
    p: Number
    p_adjusted: Number
    relative: Number
    relative_low: Number
    relative_high: Number
    variance_reduction: Number = 0.0


@dataclass(frozen=True)
class OutcomeEffects(JsonRecord):
    """Means of the arms and effects between them for one outcome.

    Attributes
    ----------
    outcome : str
        Name of the outcome.
    kind : {"binary", "count", "continuous"}
        Kind of the outcome.
    n, n_missing : int
        Rows used, and rows left out because the outcome is missing.
    method : str
        Estimator, in words.
    level : float
        Level of the intervals.
    arms : tuple of ArmMean
        One per arm, the control first.
    effects : tuple of ArmEffect
        One per pair of arms, those against the control first.
    """

    outcome: str
    kind: OutcomeKind
    n: int
    n_missing: int
    method: str
    level: float
    arms: tuple[ArmMean, ...]
    effects: tuple[ArmEffect, ...]

    def effect(self, arm: str, versus: str) -> ArmEffect:
        """Return the effect of one arm against another.

        Parameters
        ----------
        arm, versus : str
            Labels of two arms.

        Raises
        ------
        InputError
            If there is no such pair.
        """
        found = [effect for effect in self.effects if (effect.arm, effect.versus) == (arm, versus)]
        if not found:
            pairs = [f"{effect.arm} versus {effect.versus}" for effect in self.effects]
            raise InputError(format_error("effect", f"must be one of {quote_choices(pairs)}", f"'{arm} versus {versus}'"))
        return found[0]


def trial_effects(
    trial: Trial,
    *,
    adjustment: Adjustment = "none",
    covariates: Sequence[str] = (),
    scores: Mapping[str, FloatArray] | None = None,
    correction: Correction = "holm",
    level: float = 0.95,
) -> tuple[OutcomeEffects, ...]:
    """Estimate the effects between all pairs of arms, for each outcome.

    Differences have t intervals with Welch (1947) degrees of freedom, and cluster-robust standard errors if the trial has clusters. Means
    of binary outcomes have Wilson (1927) intervals. With propensities, means are weighted by the inverse propensity.

    Parameters
    ----------
    trial : Trial
        The trial. Rows with a missing outcome are left out for that outcome.
    adjustment : {"none", "cuped", "regression"}
        Adjustment for `covariates`; only for trials without propensities.
    covariates : sequence of str
        Features to adjust for. Defaults to all features if `adjustment` is not "none".
    scores : mapping of str to ndarray of float64, shape (n_complete, n_arms), optional
        Doubly robust scores by outcome, for the rows of `trial.complete(outcome)`. They replace the other estimators.
    correction : {"holm", "fdr", "none"}
        Correction of p-values for the number of effects over all outcomes.
    level : float
        Level of the intervals, in (0, 1).

    Returns
    -------
    tuple of OutcomeEffects
        One per outcome. Intervals and p-values are nan where an arm has fewer than 2 rows or clusters, or the outcome never varies.

    Raises
    ------
    InputError
        If a covariate is unknown, an arm has too few rows for the covariates, or adjustment is requested for a trial with propensities.

    References
    ----------
    Welch, B. L. (1947). The generalization of 'Student's' problem when several different population variances are involved. Biometrika 34,
    28-35.
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the American Statistical
    Association 22, 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> from cjsim.uplift.trials.column_roles import ColumnRoles
    >>> table = pd.DataFrame({"mail": [0, 1] * 50, "spend": [float(i % 7 + i % 2) for i in range(100)]})
    >>> found = trial_effects(Trial.from_frame(table, ColumnRoles(treatment="mail", outcome="spend")))[0].effects[0]
    >>> f"{found.effect:.2f} [{found.low:.2f}, {found.high:.2f}]"
    '1.02 [0.21, 1.83]'
    """
    _check_settings(trial, adjustment, covariates, scores)
    matrix = None
    if adjustment != "none":
        matrix, _ = encoded_features(trial.features[list(covariates)] if covariates else trial.features)
    found = []
    for name in trial.outcomes:
        means, method = _adjusted_means(trial, name, matrix, adjustment, (scores or {}).get(name))
        found.append(_outcome_effects(trial, name, means, method, level))
    adjusted = iter(adjusted_p_values([effect.p for outcome in found for effect in outcome.effects], correction).tolist())
    return tuple(
        replace(outcome, effects=tuple(replace(effect, p_adjusted=next(adjusted)) for effect in outcome.effects)) for outcome in found
    )


def effect_between(means: ArmMeans, arms: Sequence[str], *, arm: int, versus: int, level: float = 0.95) -> ArmEffect:
    """Return the effect of one arm against another, from the means of the arms.

    Parameters
    ----------
    means : ArmMeans
        Means with their covariance.
    arms : sequence of str
        Labels.
    arm, versus : int
        Positions of the arms.
    level : float
        Level of the interval, in (0, 1).

    Returns
    -------
    ArmEffect
        `p_adjusted` is `p`.
    """
    covariance, (mean, base) = means.covariance, means.means[[arm, versus]].tolist()
    base_variance = float(covariance[versus, versus])
    effect, variance = mean - base, _difference_variance(covariance, arm, versus)
    error = math.sqrt(variance) if variance > 0 else math.nan
    freedom = _welch_degrees_of_freedom(means, arm, versus)
    quantile = float(stats.t.ppf(0.5 + level / 2, freedom))
    p = float(2 * stats.t.sf(abs(effect) / error, freedom))
    ratio = fieller_set(
        effect,
        base,
        numerator_variance=variance,
        denominator_variance=base_variance,
        covariance=float(covariance[arm, versus]) - base_variance,
        quantile=quantile,
    )
    bounds = (ratio.low, ratio.high) if ratio.shape == "interval" else (-math.inf, math.inf)
    limits = bounds if error > 0 else (math.nan, math.nan)
    return ArmEffect(
        arm=arms[arm],
        versus=arms[versus],
        effect=effect,
        low=effect - quantile * error,
        high=effect + quantile * error,
        standard_error=error,
        p=p,
        p_adjusted=p,
        relative=ratio.value,
        relative_low=limits[0],
        relative_high=limits[1],
    )


def _check_settings(trial: Trial, adjustment: Adjustment, covariates: Sequence[str], scores: Mapping[str, FloatArray] | None) -> None:
    for name in covariates:
        if name not in trial.features.columns:
            names = [str(column) for column in trial.features.columns]
            must = f"must be one of the features {quote_choices(names)}"
            raise InputError(format_error("covariates", must, short_repr(name), did_you_mean(name, names) or "Name a feature."))
    if adjustment != "none" and trial.propensity is not None:
        remedy = "Use doubly robust scores, which adjust for the features."
        raise InputError(format_error("adjustment", "must be 'none' for a trial with propensities", f"'{adjustment}'", remedy))
    if adjustment != "none" and not len(trial.features.columns):
        raise InputError(format_error("adjustment", "must be 'none' for a trial without features", f"'{adjustment}'", "Name features."))
    for name, values in (scores or {}).items():
        shape = (len(trial.complete(name)), len(trial.arms))
        if values.shape != shape:
            raise InputError(format_error(f"scores of '{name}'", f"must have the shape {shape}", str(values.shape)))


def _adjusted_means(
    trial: Trial, name: str, matrix: FloatArray | None, adjustment: Adjustment, scores: FloatArray | None
) -> tuple[ArmMeans | None, str]:
    """Return the arm means from scores or with covariate adjustment (None if neither applies), and the name of the method."""
    complete = trial.complete(name)
    if scores is not None:
        return means_from_scores(scores, complete.treatment, clusters=complete.clusters), "doubly robust scores"
    if matrix is None or adjustment == "none":
        return None, "difference of means" if trial.propensity is None else "inverse propensity weighting"
    outcome = trial.outcomes[name]
    rows = slice(None) if len(complete) == len(trial) else ~outcome.is_missing
    y, treatment, x = outcome.values[rows], complete.treatment, matrix[rows]
    return adjusted_arm_means(y, treatment, len(trial.arms), covariates=x, method=adjustment, clusters=complete.clusters), _METHODS[
        adjustment
    ]


def _outcome_effects(trial: Trial, name: str, means: ArmMeans | None, method: str, level: float) -> OutcomeEffects:
    complete, n_arms, kind = trial.complete(name), len(trial.arms), trial.outcomes[name].kind
    y, clusters = complete.outcomes[name].values, complete.clusters
    plain = arm_means(y, complete.treatment, n_arms, propensity=complete.propensity, clusters=clusters)
    estimate = plain if means is None else means
    effects = []
    for versus, arm in itertools.combinations(range(n_arms), 2):
        effect = effect_between(estimate, trial.arms, arm=arm, versus=versus, level=level)
        before = _difference_variance(plain.covariance, arm, versus)
        reduction = 0.0 if means is None else 1 - effect.standard_error**2 / before if before > 0 else math.nan
        effects.append(replace(effect, variance_reduction=reduction))
    return OutcomeEffects(
        outcome=name,
        kind=kind,
        n=len(complete),
        n_missing=len(trial) - len(complete),
        method=method + (", cluster-robust standard errors" if clusters is not None else ""),
        level=level,
        arms=_arm_intervals(estimate, trial.arms, is_share=kind == "binary", level=level),
        effects=tuple(effects),
    )


def _arm_intervals(means: ArmMeans, arms: Sequence[str], *, is_share: bool, level: float) -> tuple[ArmMean, ...]:
    """Return the means of the arms, with Wilson intervals for shares and t intervals for other means."""
    rows = []
    for arm, label in enumerate(arms):
        n, mean, variance = int(means.n[arm]), float(means.means[arm]), float(means.covariance[arm, arm])
        if is_share and 0 <= mean <= 1 and n > 0:
            freedom = float(means.degrees_of_freedom[arm])
            low, high = _wilson_interval(mean, mean * (1 - mean) / variance * (1 + 1 / freedom) if variance > 0 else n, level)
        else:
            half = float(stats.t.ppf(0.5 + level / 2, means.degrees_of_freedom[arm])) * (math.sqrt(variance) if variance > 0 else math.nan)
            low, high = mean - half, mean + half
        rows.append(ArmMean(label, n, mean, low, high))
    return tuple(rows)


def _wilson_interval(share: float, n: float, level: float) -> tuple[float, float]:
    """Return the Wilson interval for a share of n independent trials; n need not be an integer."""
    squared = float(stats.norm.ppf(0.5 + level / 2)) ** 2 / n
    center, half = share + squared / 2, math.sqrt(squared * share * (1 - share) + squared * squared / 4)
    return max((center - half) / (1 + squared), 0.0), min((center + half) / (1 + squared), 1.0)


def _difference_variance(covariance: FloatArray, arm: int, versus: int) -> float:
    return float(covariance[arm, arm] + covariance[versus, versus] - 2 * covariance[arm, versus])


def _welch_degrees_of_freedom(means: ArmMeans, arm: int, versus: int) -> float:
    """Return the degrees of freedom of a difference (Welch 1947)."""
    variances = np.diag(means.covariance)[[arm, versus]]
    freedom = means.degrees_of_freedom[[arm, versus]]
    total = variances.sum()
    if not total > 0 or freedom.min() < 1:
        return math.nan
    return float(total**2 / (variances**2 / freedom).sum())
