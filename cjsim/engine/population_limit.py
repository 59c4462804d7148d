"""The population limit of a run, which stops unbounded growth through referrals."""

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
