"""Draws of customers with replacement, and the sums by look from which all analyses of a rehearsed test are computed.

A rehearsal draws customers for each arm, with replacement and with their clusters. Customers enroll in the order in which they are drawn.
An analysis at a look needs only sums of values and of their products over the customers who have enrolled by then.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.metrics.ratios import RatioTerms
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes

_VALUES_PER_BATCH = 250_000  # drawn values held in memory at once; they fit in the cache of one core


@dataclass(frozen=True, eq=False)
class ArmPopulations:
    """The units from which each arm of a test is drawn: customers, or clusters with their sums over customers.

    Attributes
    ----------
    base, alternative : ndarray of float64, shape (n_values, n_units)
        Values of each unit under each policy: the numerator, the denominator if `has_denominator`, and the covariate if `has_covariate`.
        The numbers of units may differ.
    has_denominator : bool
        Whether the metric is a ratio. Otherwise, it is the mean of the numerators.
    has_covariate : bool
        Whether the last row is a covariate.
    units_per_customer : float
        Number of units divided by number of customers; 1 without clusters.
    enrollment_days : ndarray of float64, shape (n_units,), or None
        When each unit enrolls, in days since the test opened; None if unknown. Row i is then the same unit in both arms.
    """

    base: Array
    alternative: Array
    has_denominator: bool = False
    has_covariate: bool = False
    units_per_customer: float = 1.0
    enrollment_days: Array | None = None

    @property
    def has_constant_base(self) -> bool:
        """Whether the metric is the same for all units under BASE. Tests without an effect then have no sampling error."""
        numerator, denominator = self.base[0], self.base[1] if self.has_denominator else np.ones(self.base.shape[1])
        expected = denominator * (numerator.sum() / denominator.sum())
        return np.allclose(numerator, expected, rtol=1e-12, atol=0)

    @classmethod
    def from_outcomes(cls, outcomes: PotentialOutcomes) -> "ArmPopulations":
        """Create the populations of a test on customers whose outcomes are known under both policies.

        A mean over some of the customers, such as those who convert, is a ratio: the other customers enroll too.

        Parameters
        ----------
        outcomes : PotentialOutcomes
            Outcomes under both policies.

        Returns
        -------
        ArmPopulations

        Raises
        ------
        InputError
            If there are fewer than two customers or clusters.
        """
        base, alternative, clusters, covariate = outcomes.base, outcomes.alternative, outcomes.clusters, outcomes.covariate
        is_mean = clusters is None and all(bool((terms.denominator == 1).all()) for terms in (base, alternative))
        rows = [_value_rows(terms, covariate, has_denominator=not is_mean) for terms in (base, alternative)]
        if clusters is not None:
            rows = [np.array([np.bincount(clusters, weights=row) for row in values]) for values in rows]
        n_units = rows[0].shape[1]
        if n_units < 2:
            raise InputError(format_error("rehearsal", "must have at least 2 customers or clusters", str(n_units), "Simulate more."))
        days = outcomes.enrollment_days if clusters is None else None
        return cls(rows[0], rows[1], not is_mean, covariate is not None, n_units / len(outcomes), days)

    @classmethod
    def from_arms(cls, base: RatioTerms, alternative: RatioTerms) -> "ArmPopulations":
        """Create the populations of a test from the terms of a metric in two arms, whose customers may differ.

        Parameters
        ----------
        base, alternative : RatioTerms
            Terms of each customer in the arm. The lengths may differ.

        Returns
        -------
        ArmPopulations
        """
        is_mean = all(bool((terms.denominator == 1).all()) for terms in (base, alternative))
        rows = [_value_rows(terms, None, has_denominator=not is_mean) for terms in (base, alternative)]
        return cls(rows[0], rows[1], not is_mean)

    @classmethod
    def from_trial(cls, base: Array, alternative: Array) -> "ArmPopulations":
        """Create the populations of a test from the outcomes of a real trial, whose arms consist of different customers.

        Parameters
        ----------
        base, alternative : ndarray of float64, shape (n_customers,)
            Outcome of each customer in the control arm and in the treated arm. The lengths may differ.

        Returns
        -------
        ArmPopulations
        """
        return cls(np.array([base], np.float64), np.array([alternative], np.float64))

    def with_effect(self, effect: float) -> "ArmPopulations":
        """Return populations whose metrics differ by a given effect.

        A constant is added to the outcomes under ALTERNATIVE (for a ratio, a multiple of the denominator), so variances stay the same.

        Parameters
        ----------
        effect : float
            Difference in the metric between the populations, in its unit.

        Returns
        -------
        ArmPopulations
        """
        if math.isnan(effect):
            return self
        base, alternative = (
            values[0].sum() / (values[1].sum() if self.has_denominator else values.shape[1]) for values in (self.base, self.alternative)
        )
        shifted = self.alternative.copy()
        shifted[0] += (effect - float(alternative - base)) * (shifted[1] if self.has_denominator else 1.0)
        return replace(self, alternative=shifted)

    def of_units(self, rows: Array) -> "ArmPopulations":
        """Return the populations of some of the units, which are the same in both arms.

        Parameters
        ----------
        rows : ndarray of int64
            Rows of the units.

        Returns
        -------
        ArmPopulations
        """
        days = None if self.enrollment_days is None else self.enrollment_days[rows]
        return replace(self, base=self.base[:, rows], alternative=self.alternative[:, rows], enrollment_days=days)


class ArmSums(NamedTuple):
    """Sums over the units of one arm that have enrolled by each look.

    Attributes
    ----------
    n : ndarray of int64, shape (n_looks,)
        Numbers of units.
    values : ndarray of float64, shape (n_values, n_rehearsals, n_looks)
        Sums of the values.
    products : ndarray of float64, shape (n_values, n_values, n_rehearsals, n_looks)
        Sums of the products of each pair of values.
    """

    n: Array
    values: Array
    products: Array

    @property
    def means(self) -> Array:
        """Means of the values; shape (n_values, n_rehearsals, n_looks)."""
        return np.asarray(self.values / self.n)

    @property
    def covariances(self) -> Array:
        """Covariances of each pair of values, with divisor n - 1; shape (n_values, n_values, n_rehearsals, n_looks)."""
        means = self.means
        return np.asarray((self.products / self.n - means[:, None] * means) * (self.n / (self.n - 1)))


class DrawnSums(NamedTuple):
    """Sums of a batch of rehearsals.

    Attributes
    ----------
    base, alternative : ArmSums
        Sums of the two arms.
    null : ArmSums
        Sums of the second arm with its outcomes under BASE. In a simulation, these are the same customers as in `alternative`.
    """

    base: ArmSums
    alternative: ArmSums
    null: ArmSums


class ArmSizes(NamedTuple):
    """Numbers of units per arm."""

    base: int
    alternative: int


def arm_sizes(populations: ArmPopulations, size: int, share: float) -> ArmSizes:
    """Return the numbers of units per arm.

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm.
    size : int
        Number of customers in both arms together.
    share : float
        Share of customers under ALTERNATIVE, in (0, 1).

    Returns
    -------
    ArmSizes

    Raises
    ------
    InputError
        If an arm has fewer than 2 units, or the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise InputError(format_error("share", "must be above 0 and below 1", f"{share:g}", "Use a value such as 0.5."))
    units = size * populations.units_per_customer
    sizes = ArmSizes(round(units * (1 - share)), round(units * share))
    if min(sizes) < 2:
        must = "must give each arm at least 2 customers (or clusters)"
        raise InputError(format_error("sizes", must, f"{size} at a share of {share:g}", "Use a larger size."))
    return sizes


def draw_rehearsals(
    populations: ArmPopulations, sizes: ArmSizes, *, fractions: Array, runs: int, seed: int | tuple[int, ...]
) -> Iterator[DrawnSums]:
    """Draw rehearsals, in batches.

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm.
    sizes : ArmSizes
        Units drawn per arm.
    fractions : ndarray of float64, shape (n_looks,)
        Fractions of the units of each arm that have enrolled by each look, increasing to 1.
    runs : int
        Number of rehearsals.
    seed : int or tuple of int
        Seed of the draws. With equal seeds, populations with the same numbers of units yield the same customers.

    Yields
    ------
    DrawnSums
    """
    generator = np.random.default_rng(seed)
    n_base, n_alternative = populations.base.shape[1], populations.alternative.shape[1]
    ends_base, ends_alternative = (np.maximum(2, np.rint(fractions * n).astype(np.int64)) for n in sizes)
    batch = max(1, _VALUES_PER_BATCH // max(sizes))
    for first in range(0, runs, batch):
        count = min(batch, runs - first)
        base = _sums_by_look(populations.base, generator.integers(0, n_base, (count, sizes.base)), ends_base)
        rows = generator.integers(0, n_alternative, (count, sizes.alternative))
        alternative = _sums_by_look(populations.alternative, rows, ends_alternative)
        if n_alternative != n_base:
            rows = generator.integers(0, n_base, (count, sizes.alternative))
        yield DrawnSums(base, alternative, _sums_by_look(populations.base, rows, ends_alternative))


def _value_rows(terms: RatioTerms, covariate: Array | None, *, has_denominator: bool) -> Array:
    """Stack the values of each customer; float64, shape (n_values, n_customers)."""
    denominator = [terms.denominator] if has_denominator else []
    return np.array([terms.numerator, *denominator, *([] if covariate is None else [covariate])], np.float64)


def _sums_by_look(values: Array, rows: Array, ends: Array) -> ArmSums:
    """Sum values and products over the first `ends[k]` drawn units of each rehearsal; `rows` has shape (n_rehearsals, n_units)."""
    distinct, look = np.unique(ends, return_inverse=True)  # small tests have looks between which nobody enrolls
    drawn = [np.take(value, rows) for value in values]
    sums = np.array([_cumulative_sums(value, distinct)[:, look] for value in drawn])
    products = np.empty((len(drawn), *sums.shape))
    for i, first in enumerate(drawn):
        for j, second in enumerate(drawn[: i + 1]):
            products[i, j] = products[j, i] = _cumulative_sums(first, distinct, second)[:, look]
    return ArmSums(ends, sums, products)


def _cumulative_sums(values: Array, ends: Array, others: Array | None = None) -> Array:
    """Sum values, or their products with other values, over the first `ends[k]` columns; shape (n_rehearsals, n_looks)."""
    if len(ends) == 1:
        return np.asarray(values.sum(axis=1) if others is None else np.einsum("ij,ij->i", values, others))[:, None]
    starts = np.concatenate([[0], ends[:-1]])
    return np.cumsum(np.add.reduceat(values if others is None else values * others, starts, axis=1), axis=1)
