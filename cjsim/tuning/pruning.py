"""The pruning rule: a trial stops early if it is clearly worse than an incumbent on the first customers.

The estimand is the value of the trial on all N customers of the study. The first m customers are a sample without replacement. The interim
estimate therefore has a standard error of s sqrt(1/m - 1/N), where s is the standard deviation of the paired difference per customer
(Cochran 1977, Sampling Techniques, section 2.6).

Error rates. An interim analysis prunes a trial against an incumbent if the trial is worse by more than 3 standard errors in every
objective. If the trial is not worse in one of them on all customers, the probability of pruning is at most Phi(-3) = 0.00135 per analysis
and incumbent. Errors are approximately normal: there are at least 500 customers, and if few of them differ, the standard error is large
relative to the difference. There are up to five analyses. With one objective, a trial has one incumbent, so the best trial is pruned by
mistake with a probability of at most 0.0068 (in simulations, 0.0061 for a trial that equals its incumbent on all customers). A trial on a
Pareto front with 8 incumbents is pruned by mistake with a probability of at most 0.054. A feasible trial is pruned as infeasible with a
probability of at most 0.0068 per constraint.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

PRUNING_STANDARD_ERRORS = 3.0
RUNG_SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4)  # shares of the customers simulated before each interim analysis
MIN_RUNG_CUSTOMERS = 500  # with fewer customers, the standard error is unreliable


class InterimEstimate(NamedTuple):
    """A difference on the first customers, with its standard error as a forecast of the difference on all customers."""

    difference: float
    standard_error: float

    @classmethod
    def from_share(cls, share: float, difference: float, standard_error: float) -> "InterimEstimate":
        """Create the estimate from a share of the customers.

        Parameters
        ----------
        share : float
            Share of all customers, in (0, 1].
        difference : float
            Difference on these customers.
        standard_error : float
            Standard error for an infinite population.

        Examples
        --------
        >>> InterimEstimate.from_share(0.75, 1.0, 0.2)
        InterimEstimate(difference=1.0, standard_error=0.1)
        """
        return cls(difference, standard_error * math.sqrt(1 - share))


def rung_sizes(customers: int) -> list[int]:
    """Return the cumulative numbers of customers at the interim analyses and at the end.

    Parameters
    ----------
    customers : int
        Number of customers in a complete trial.

    Examples
    --------
    >>> rung_sizes(20_000), rung_sizes(4_000), rung_sizes(1_000)
    ([1250, 2500, 5000, 10000, 15000, 20000], [500, 1000, 2000, 3000, 4000], [500, 750, 1000])
    """
    return [*(part for share in RUNG_SHARES if (part := round(share * customers)) >= MIN_RUNG_CUSTOMERS), customers]


def is_surely_dominated(estimates: Sequence[InterimEstimate]) -> bool:
    """Return whether an incumbent is clearly better in every objective.

    Parameters
    ----------
    estimates : Sequence of InterimEstimate
        Lead of the trial over the incumbent in each objective, negative if the trial is worse. nan means unknown.

    Examples
    --------
    >>> is_surely_dominated([InterimEstimate(-3.1, 1.0)]), is_surely_dominated([InterimEstimate(0.0, 0.0)])
    (True, False)
    >>> is_surely_dominated([InterimEstimate(-3.1, 1.0), InterimEstimate(-2.9, 1.0)])
    False
    """
    return all(one.difference < -PRUNING_STANDARD_ERRORS * one.standard_error for one in estimates)


def is_surely_violated(excess: InterimEstimate) -> bool:
    """Return whether a metric clearly violates its bound.

    Parameters
    ----------
    excess : InterimEstimate
        Excess over the bound. If the standard error is 0, no customer differs from the baseline so far, and the result is False.

    Examples
    --------
    >>> is_surely_violated(InterimEstimate(0.31, 0.1)), is_surely_violated(InterimEstimate(0.29, 0.1))
    (True, False)
    >>> is_surely_violated(InterimEstimate(0.3, 0.0))
    False
    """
    return excess.standard_error > 0 and excess.difference > PRUNING_STANDARD_ERRORS * excess.standard_error
