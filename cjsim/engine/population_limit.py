"""Runs that grow without end: how many customers there may be, and what is said when there come to be more.

Lives here: the words. Does not live here: who counts (run.py for generations, the engines where customers meet).
"""

from cjsim.errors import InputError, format_error


def check_population_limit(count: int, at_most: int, when: str) -> None:
    """Say so if there are more customers than there may be, because others referred them.

    Parameters
    ----------
    count : int
        Customers so far.
    at_most : int
        How many there may be.
    when : str
        How far the run has come, such as 'by day 30'.

    Raises
    ------
    InputError
        If there are more.
    """
    if count > at_most:
        raise population_limit_error(at_most, f"{count:,} {when}", "Lower 'invites' or 'joins' of 'refer', shorten the horizon")


def population_limit_error(at_most: int, got: str, remedy: str) -> InputError:
    """The error for more customers than there may be.

    Parameters
    ----------
    at_most : int
        How many there may be.
    got : str
        How many there are.
    remedy : str
        What to do, but for allowing for more.
    """
    must = f"must not grow past {at_most:,} customers"
    return InputError(format_error("scenario", must, got, f"{remedy}, or allow for more with --max-customers (max_customers)."))
