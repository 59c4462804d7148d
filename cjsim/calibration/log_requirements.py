"""What `calibrate_purchases` requires of its arguments and of a purchase log, and warnings about likely mistakes in them."""

from datetime import date

from cjsim.errors import InputError, format_error, short_repr
from cjsim.purchase_logs.purchase_log import PurchaseHistories, PurchaseLog


def parse_date(value: str | date, where: str) -> date:
    """Return a date, or raise for text that is not one. `where` names the argument in the error."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InputError(format_error(where, "must be a date such as 1997-09-30", short_repr(value), "Write it as YYYY-MM-DD.")) from error


def until_warnings(log: PurchaseLog, until: date) -> list[str]:
    """Return a warning if `until` is long after the last purchase, and raise if it is before the first one."""
    first, last = log.first_day, log.last_day
    if until < first:
        must, remedy = f"must be on or after the first purchase, {first}", "Set it to the last day of calibration."
        raise InputError(format_error("until", must, str(until), remedy))
    silent = (until - last).days
    if silent > max(1, (last - first).days // 10):
        gap = f"`until` is {silent} days after the last purchase in the log ({last}): the fit assumes that no customer bought in between"
        return [f"{gap}; if the log ends there, set `until` to {last} or earlier"]
    return []


def single_customer_warnings(histories: PurchaseHistories, column: str) -> list[str]:
    """Return a warning if all purchases belong to one customer, because the column may be the wrong one."""
    if len(histories.x) > 1:
        return []
    only = f"all purchases belong to one customer, {short_repr(str(histories.customer_ids[0]))} in column '{column}'"
    return [f"{only}: nothing about other customers can be fitted; check that the column holds customer IDs"]


def require_within(name: str, value: float, *, above: float | None, most: float, example: float) -> None:
    """Raise unless a number is at most `most` and above `above` (or at least 0, if that is None)."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not (value >= 0 if above is None else value > above) or not value <= most:
        must = f"must be a number {'from 0' if above is None else f'above {above:g} and up'} to {most:g}"
        raise InputError(format_error(name, must, short_repr(value), f"Use a number such as {example:g}."))


def require_repeat_purchases(histories: PurchaseHistories, until: date) -> None:
    """Raise if no customer made a repeat purchase by `until`."""
    if not histories.x.any():
        must = f"must include a customer who bought on two days by {until}"
        got = f"{len(histories.x)} customers with one purchase day each"
        raise InputError(format_error("until", must, got, "Use a later `until` or a longer log."))
