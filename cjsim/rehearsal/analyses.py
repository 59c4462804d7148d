"""Analyses of a test: when they look at the data, and how large a standardized effect must be at each look.

Every analysis stops at the first look at which the effect divided by its standard error exceeds a critical value, and otherwise at the end.
The interval at stopping is the effect +- the critical value times the standard error. For a group-sequential test, it is a repeated
confidence interval (Jennison and Turnbull 1989), which covers the effect in at least the nominal share of tests.

References
----------
Jennison, C., & Turnbull, B. W. (1989). Interim analyses: the repeated confidence interval approach. Journal of the Royal Statistical
Society B, 51(3), 305-361.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np

from cjsim.errors import InputError, format_error, quote_choices
from cjsim.frame import Array
from cjsim.rehearsal.effect_estimates import EffectEstimates
from cjsim.rehearsal.sequential_boundaries import (
    SPENDING_FUNCTIONS,
    Spending,
    confidence_sequence_boundaries,
    crossing_probabilities,
    drift_for_power,
    spending_boundaries,
)


class Analysis(Protocol):
    """An analysis of a test. A new kind is a frozen dataclass with these members."""

    @property
    def name(self) -> str:
        """Name in tables and JSON."""

    @property
    def alpha(self) -> float:
        """Nominal two-sided type I error."""

    @property
    def covariate_adjusted(self) -> bool:
        """Whether effects are adjusted for a covariate (CUPED)."""

    @property
    def fractions(self) -> Array:
        """Fractions of customers enrolled at each look, increasing to 1; float64, shape (n_looks,)."""

    @property
    def boundaries(self) -> Array:
        """Critical values of |Z| at each look in large samples; float64, shape (n_looks,)."""

    def critical_values(self, degrees_of_freedom: Array) -> Array:
        """Return the critical values of |Z| for estimated variances.

        Parameters
        ----------
        degrees_of_freedom : ndarray of float64, shape (n_rehearsals, n_looks)
            Degrees of freedom of the standard errors.

        Returns
        -------
        ndarray of float64, shape (n_rehearsals, n_looks) or (n_looks,)
        """


@dataclass(frozen=True)
class FixedHorizon:
    """Looks once, at the end, with Welch's t test. For ratio metrics, the variance comes from the delta method.

    Attributes
    ----------
    alpha : float
        Two-sided type I error.
    covariate_adjusted : bool
        Whether effects are adjusted for a covariate (CUPED).
    """

    alpha: float = 0.05
    covariate_adjusted: bool = False

    def __post_init__(self) -> None:
        _require_error_rate(self.alpha)

    @property
    def name(self) -> str:
        """Name in tables and JSON: 'fixed' or 'cuped'."""
        return "cuped" if self.covariate_adjusted else "fixed"

    @property
    def fractions(self) -> Array:
        """The only look, at 1."""
        return np.ones(1)

    @property
    def boundaries(self) -> Array:
        """Quantile 1 - alpha / 2 of the normal distribution; shape (1,)."""
        return _naive_boundaries(1, self.alpha)

    def critical_values(self, degrees_of_freedom: Array) -> Array:
        """Return the quantiles 1 - alpha / 2 of the t distributions; `degrees_of_freedom` has shape (n_rehearsals, 1)."""
        from scipy.special import stdtrit

        return np.asarray(stdtrit(degrees_of_freedom, 1 - self.alpha / 2))


@dataclass(frozen=True)
class _EqualLooks(ABC):
    """Base class of analyses that look repeatedly, after equal numbers of customers.

    Attributes
    ----------
    looks : int
        Number of looks, at least 2.
    alpha : float
        Two-sided type I error.
    covariate_adjusted : bool
        Whether effects are adjusted for a covariate (CUPED).
    """

    looks: int = 13
    alpha: float = 0.05
    covariate_adjusted: bool = False

    def __post_init__(self) -> None:
        _require_error_rate(self.alpha)
        if self.looks < 2:
            raise InputError(format_error("looks", "must be at least 2", str(self.looks), "Use FixedHorizon for a single look."))

    @property
    def fractions(self) -> Array:
        """Fractions 1 / looks, 2 / looks, ..., 1."""
        return np.arange(1, self.looks + 1) / self.looks

    @property
    @abstractmethod
    def boundaries(self) -> Array:
        """Critical values of |Z| at each look."""

    def critical_values(self, degrees_of_freedom: Array) -> Array:
        """Return the critical values for large samples, regardless of the degrees of freedom; shape (n_looks,)."""
        del degrees_of_freedom
        return self.boundaries


NAIVE_PEEKING = "naive_peeking"


@dataclass(frozen=True)
class NaivePeeking(_EqualLooks):
    """Looks repeatedly, and stops at the first interval that excludes 0, as if there were one look. Its type I error is too large."""

    looks: int = 90

    @property
    def name(self) -> str:
        """Name in tables and JSON, such as 'naive_peeking_90'."""
        return f"{NAIVE_PEEKING}_{self.looks}" + _suffix(self.covariate_adjusted)

    @property
    def boundaries(self) -> Array:
        """The quantile 1 - alpha / 2 of the normal distribution at every look."""
        return _naive_boundaries(self.looks, self.alpha)


@dataclass(frozen=True)
class GroupSequential(_EqualLooks):
    """Looks repeatedly, and spends the type I error according to a spending function (Lan and DeMets 1983).

    Attributes
    ----------
    spending : {'obrien_fleming', 'pocock'}
        Spending function.
    """

    spending: Spending = "obrien_fleming"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spending not in SPENDING_FUNCTIONS:
            must = f"must be one of {quote_choices(SPENDING_FUNCTIONS)}"
            raise InputError(format_error("spending", must, repr(self.spending), "Choose one of these."))

    @property
    def name(self) -> str:
        """Name in tables and JSON, such as 'group_sequential_obrien_fleming_13'."""
        return f"group_sequential_{self.spending}_{self.looks}" + _suffix(self.covariate_adjusted)

    @property
    def boundaries(self) -> Array:
        """Critical values of |Z| at each look."""
        return _spending_boundaries(self.looks, self.alpha, self.spending)


@dataclass(frozen=True)
class ConfidenceSequence(_EqualLooks):
    """Looks repeatedly at an asymptotic confidence sequence (Waudby-Smith and others 2024), which allows any number of looks.

    Attributes
    ----------
    tuned_for : float
        Fraction of customers at which the sequence is narrowest.
    first_look : float
        Fraction of customers at the first look, in (0, 1). The guarantee is asymptotic in the number of customers at this look. The default
        is an assumption.
    """

    looks: int = 90
    tuned_for: float = 1.0
    first_look: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value, high in (("tuned_for", self.tuned_for, 1.0), ("first_look", self.first_look, 0.99)):
            if not 0 < value <= high:
                raise InputError(format_error(name, f"must be above 0 and at most {high:g}", f"{value:g}", "Give a fraction of customers."))

    @property
    def fractions(self) -> Array:
        """Equally spaced fractions from the first look to 1."""
        return np.linspace(self.first_look, 1.0, self.looks)

    @property
    def name(self) -> str:
        """Name in tables and JSON, such as 'confidence_sequence_90'."""
        return f"confidence_sequence_{self.looks}" + _suffix(self.covariate_adjusted)

    @property
    def boundaries(self) -> Array:
        """Critical values of |Z| at each look."""
        return confidence_sequence_boundaries(self.fractions, alpha=self.alpha, tuned_for=self.tuned_for)


class Decisions(NamedTuple):
    """Conclusions of rehearsed tests.

    Attributes
    ----------
    effect, low, high : ndarray of float64, shape (n_rehearsals,)
        Estimated effect and its interval at stopping.
    significant : ndarray of bool, shape (n_rehearsals,)
        Whether the test stopped because of a large effect.
    fraction : ndarray of float64, shape (n_rehearsals,)
        Fraction of the customers who had enrolled when the test stopped.
    """

    effect: Array
    low: Array
    high: Array
    significant: Array
    fraction: Array


def decide(analysis: Analysis, estimates: EffectEstimates) -> Decisions:
    """Apply an analysis to rehearsed tests.

    Parameters
    ----------
    analysis : Analysis
        The analysis.
    estimates : EffectEstimates
        Estimates at the looks of the analysis.

    Returns
    -------
    Decisions
    """
    critical = np.broadcast_to(analysis.critical_values(estimates.degrees_of_freedom), estimates.effect.shape)
    crossed = np.abs(estimates.z) > critical
    significant, rows = np.asarray(crossed.any(axis=1)), np.arange(len(crossed))
    stop = np.where(significant, crossed.argmax(axis=1), crossed.shape[1] - 1)
    effect = estimates.effect[rows, stop]
    half = critical[rows, stop] * estimates.standard_error[rows, stop]
    return Decisions(effect, effect - half, effect + half, significant, analysis.fractions[stop])


def closed_form_power(analysis: Analysis, effect: float, standard_error: float) -> float:
    """Return the probability that a test of normal outcomes with a known variance is significant.

    Parameters
    ----------
    analysis : Analysis
        The analysis.
    effect : float
        True effect.
    standard_error : float
        Standard error of the effect at the end of the test, above 0.

    Returns
    -------
    float

    Examples
    --------
    >>> round(closed_form_power(FixedHorizon(), 2.8, 1.0), 3)
    0.8
    """
    return crossing_probabilities(analysis.boundaries, analysis.fractions, drift=effect / standard_error).total


def minimum_detectable_effect(analysis: Analysis, standard_error: float, *, power: float = 0.8) -> float:
    """Return the smallest effect that a test detects with a given power, from the closed form.

    Parameters
    ----------
    analysis : Analysis
        The analysis.
    standard_error : float
        Standard error of the effect at the end of the test.
    power : float
        Power, below 1.

    Returns
    -------
    float
        In the unit of the standard error.
    """
    return standard_error * _drift_for_power(tuple(analysis.boundaries), tuple(analysis.fractions), power)


def _require_error_rate(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise InputError(format_error("alpha", "must be above 0 and below 1", f"{alpha:g}", "Use a value such as 0.05."))


def _suffix(covariate_adjusted: bool) -> str:
    return "_cuped" if covariate_adjusted else ""


def _naive_boundaries(looks: int, alpha: float) -> Array:
    from scipy.special import ndtri

    return np.full(looks, -ndtri(alpha / 2))


@cache
def _spending_boundaries(looks: int, alpha: float, spending: Spending) -> Array:
    return spending_boundaries(np.arange(1, looks + 1) / looks, alpha=alpha, spending=spending)


@cache
def _drift_for_power(boundaries: tuple[float, ...], fractions: tuple[float, ...], power: float) -> float:
    return drift_for_power(np.array(boundaries), np.array(fractions), power=power)


STANDARD_ANALYSES: tuple[Analysis, ...] = (FixedHorizon(), GroupSequential(), ConfidenceSequence(), NaivePeeking())
