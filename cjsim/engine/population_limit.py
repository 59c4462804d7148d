"""The limit on the population of a run, which referrals can make grow without end."""

from cjsim.errors import InputError, format_error


def check_population_limit(count: int, max_customers: int, when: str) -> None:
    """Raise if referrals have made the population exceed its limit.

    Parameters
    ----------
    count : int
        Customers so far.
    max_customers : int
        Limit on their number.
    when : str
        Progress of the run, for the message, such as 'by day 30'.

    Raises
    ------
    InputError
        If `count` exceeds `max_customers`.
    """
    if count > max_customers:
        raise population_limit_error(max_customers, f"{count:,} {when}", "Lower 'invites' or 'joins' of 'refer', shorten the horizon")


def population_limit_error(max_customers: int, got: str, remedy: str) -> InputError:
    """Return the error for a population that exceeds its limit.

    Parameters
    ----------
    max_customers : int
        Limit on the number of customers.
    got : str
        Their number, for the message.
    remedy : str
        What the user can do, apart from raising the limit.

    Returns
    -------
    InputError
    """
    must = f"must not grow past {max_customers:,} customers"
    return InputError(format_error("scenario", must, got, f"{remedy}, or allow for more with --max-customers (max_customers)."))
