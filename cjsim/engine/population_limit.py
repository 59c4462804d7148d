"""The population limit of a run, which stops unbounded growth through arrivals and referrals."""

import sys

from cjsim.compiler.arrivals import draw_arrivals, draw_late_arrivals
from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.firm_share import FirmShare
from cjsim.compiler.plan import Plan
from cjsim.errors import InputError, format_error


def check_population_limit(count: int, max_customers: int, when: str) -> None:
    """Raise if the population exceeds its limit.

    Parameters
    ----------
    count : int
        Number of customers so far.
    max_customers : int
        Maximum number of customers.
    when : str
        How far the run has progressed, for the error message, such as 'by day 30'.

    Raises
    ------
    InputError
        If `count` exceeds `max_customers`.
    """
    if count > max_customers:
        remedy = "Lower 'invites' or 'joins' of 'refer', shorten the horizon"
        raise population_limit_error(max_customers, f"{count:,} {when}", remedy)


def population_limit_error(max_customers: int, got: str, remedy: str) -> InputError:
    """Return the error for a population that exceeds its limit.

    Parameters
    ----------
    max_customers : int
        Maximum number of customers.
    got : str
        Actual number of customers, for the message.
    remedy : str
        What the user can do other than raise the limit.

    Returns
    -------
    InputError
    """
    must = f"must not exceed {max_customers:,} customers"
    return InputError(format_error("scenario", must, got, f"{remedy}, or raise the limit with `max_customers`."))


def draw_limited_arrivals(
    plan: Plan, seed: int, share: FirmShare, *, n_fixed: int, max_customers: int, with_late: bool
) -> tuple[Cohort, Cohort]:
    """Draw the arrivals from acquisition channels before and after the horizon.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    share : FirmShare
        Chooses the arrivals of a sample.
    n_fixed : int
        Number of initial and existing customers in the sample.
    max_customers : int
        Maximum number of customers in the sample.
    with_late : bool
        Whether arrivals after the horizon are simulated, and count toward the limit. If not, the result contains none.

    Returns
    -------
    tuple of Cohort and Cohort
        The arrivals in the sample before the horizon, and those from the horizon on.

    Raises
    ------
    InputError
        If the population exceeds its limit.
    """
    has_late = with_late and bool(plan.population.late_acquisition)
    channels = plan.population.late_acquisition if has_late else plan.population.acquisition
    room, expected = max_customers - n_fixed, sum(float(channel.expected[-1]) for channel in channels) * (share.share or 1.0)
    if expected <= 2 * room + 1000:  # with a larger mean, a Poisson count is within the limit with probability below 1e-100
        at_most = room if share.share is None else sys.maxsize
        of_firm = draw_arrivals(plan, seed, first=n_fixed, at_most=at_most)
        arrivals = share.chosen(of_firm, plan)
        late = arrivals.subset(len(arrivals), 0)
        if has_late:
            late = share.chosen(draw_late_arrivals(plan, seed, of_firm, at_most=at_most), plan)
        if len(arrivals) + len(late) <= room:
            return arrivals, late
    fixed = f"{n_fixed:,} initial{' and existing' if plan.population.n_existing else ''} customers"
    if not expected:
        raise population_limit_error(max_customers, fixed, "Use fewer customers")
    until, limit = (" until the value horizon", "value horizon") if has_late else ("", "horizon")
    got = f"{fixed} and about {expected:,.0f} arrivals from acquisition channels{until}"
    raise population_limit_error(max_customers, got, f"Lower the arrivals or the spend, shorten the {limit}")
