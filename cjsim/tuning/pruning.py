"""When a trial is given up: after its first customers, if it surely loses.

Lives here: the rule, on estimates with their standard errors. Does not live here: where these come from (evaluate.py).

What counts is what a trial would be worth on all the study's customers, of whom the first m of N are a sample without replacement: what
it seems on these differs from that with a standard error of s sqrt(1/m - 1/N), s the standard deviation of a customer's paired difference
(Cochran 1977, Sampling Techniques, section 2.6).

What it risks. A look at a trial gives it up against one rival if it trails by more than 3 of these in every objective. If on all
customers it would not trail in one of them, that happens with a probability of at most Phi(-3) = 0.00135 a look and rival (normal errors:
there are at least 500 customers, and where few of them differ the standard error is large beside the difference). A trial is looked at up
to five times, so that the best trial of a study with one objective, which has one rival, is lost with a probability of at most 0.0068
(0.0061 for one that ties with its rival in the end, by simulation); a trial of a front that is compared with 8 rivals, with one of at
most 0.054. A trial that keeps its constraints is taken to break one with a probability of at most 0.0068 a constraint.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

PRUNING_STANDARD_ERRORS = 3.0  # standard errors
RUNG_SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4)  # shares of the customers before all of them
MIN_RUNG_CUSTOMERS = 500  # customers on a rung: fewer say too little for their standard error to be believed


class InterimEstimate(NamedTuple):
    """How far one is beyond the other on the first customers, and the standard error of that as a forecast for all."""

    difference: float
    standard_error: float

    @classmethod
    def from_share(cls, share: float, difference: float, standard_error: float) -> "InterimEstimate":
        """On a part of the customers.

        Parameters
        ----------
        share : float
            Of all customers, in (0, 1].
        difference : float
            How far beyond.
        standard_error : float
            Its standard error, were there customers without end.

        Examples
        --------
        >>> InterimEstimate.from_share(0.75, 1.0, 0.2)
        InterimEstimate(difference=1.0, standard_error=0.1)
        """
        return cls(difference, standard_error * math.sqrt(1 - share))


def rung_sizes(customers: int) -> list[int]:
    """How many customers a trial has at first, then, and in the end.

    Parameters
    ----------
    customers : int
        In the end.

    Examples
    --------
    >>> rung_sizes(20_000), rung_sizes(4_000), rung_sizes(1_000)
    ([1250, 2500, 5000, 10000, 15000, 20000], [500, 1000, 2000, 3000, 4000], [500, 750, 1000])
    """
    return [*(part for share in RUNG_SHARES if (part := round(share * customers)) >= MIN_RUNG_CUSTOMERS), customers]


def is_surely_dominated(estimates: Sequence[InterimEstimate]) -> bool:
    """Whether a rival is surely better in every objective.

    Parameters
    ----------
    estimates : Sequence of InterimEstimate
        By objective: how much better than the rival the trial is (below 0: worse). nan counts as not known.

    Examples
    --------
    >>> is_surely_dominated([InterimEstimate(-3.1, 1.0)]), is_surely_dominated([InterimEstimate(-3.1, 1.0), InterimEstimate(-2.9, 1.0)]), is_surely_dominated([InterimEstimate(0.0, 0.0)])
    (True, False, False)
    """
    return all(lead.difference < -PRUNING_STANDARD_ERRORS * lead.standard_error for lead in estimates)


def is_surely_violated(excess: InterimEstimate) -> bool:
    """Whether a metric is surely beyond its bound.

    Parameters
    ----------
    excess : InterimEstimate
        How far beyond; where no customer differs from the baseline yet (an error of 0) nothing is known.

    Examples
    --------
    >>> is_surely_violated(InterimEstimate(0.31, 0.1)), is_surely_violated(InterimEstimate(0.29, 0.1)), is_surely_violated(InterimEstimate(0.3, 0.0))
    (True, False, False)
    """
    return excess.standard_error > 0 and excess.difference > PRUNING_STANDARD_ERRORS * excess.standard_error
