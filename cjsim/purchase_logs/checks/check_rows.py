"""Checks of the rows of a purchase log: warnings with counts and rows if results could mislead, errors if they would be meaningless."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error
from cjsim.purchase_logs.checks.customer_ids import CustomerIndex
from cjsim.purchase_logs.checks.customer_rows import (
    IndexedRows,
    dominant_customer_warnings,
    require_whole_ids,
    rows_with_customers,
    with_joined_ids,
)
from cjsim.purchase_logs.checks.extreme_values import EXTREME_AMOUNTS, count_extreme_values
from cjsim.purchase_logs.checks.isolated_dates import isolated_dates, rows_beyond_pause
from cjsim.purchase_logs.checks.refunds import refunded_purchases
from cjsim.purchase_logs.purchase_rows import PurchaseRows

FIRST_SCENARIO_DAY, LAST_SCENARIO_DAY = np.datetime64("1900-01-01"), np.datetime64("2199-12-31")  # limits of `start` in a scenario
MAX_SCENARIO_DAYS = 36_525  # limit of `horizon`
_MIN_REPEATED_TOTALS, _MIN_REPEATED_SHARE = 10, 0.05  # assumed; below them, equal purchases are likely
_MAX_FUTURE_SHARE = 0.1  # of rows dated after today; a log with a larger share is simulated or planned


@dataclass(frozen=True)
class CheckedPurchases:
    """The purchases of a log after all checks.

    Attributes
    ----------
    rows : PurchaseRows
        Purchases with an amount of at least 0, in file order. Customer IDs that differed only in form are joined.
    customers : CustomerIndex
        Distinct customer IDs, and the index of each row's ID.
    warnings : tuple of str
        What was omitted, joined or found, one sentence each.
    """

    rows: PurchaseRows
    customers: CustomerIndex
    warnings: tuple[str, ...]


def check_purchase_rows(
    rows: PurchaseRows,
    *,
    customer: str,
    time: str,
    drop_duplicates: bool = False,
    net_refunds: bool = False,
    today: date | None = None,
) -> CheckedPurchases:
    """Check the rows of a purchase log, and return the purchases.

    Parameters
    ----------
    rows : PurchaseRows
        All rows of the log.
    customer, time : str
        Names of the columns with the customer and the time, for error messages.
    drop_duplicates : bool
        Whether to omit rows that repeat an earlier row exactly.
    net_refunds : bool
        Whether to omit purchases that were refunded in full: for each refund, the customer's latest purchase of that amount up to that day.
    today : date, optional
        Current date; by default, the date of the computer. A few purchases after it are treated as mistakes.

    Returns
    -------
    CheckedPurchases

    Raises
    ------
    InputError
        If customer IDs lost digits, dates are outside the range of a scenario, or no purchase remains.
    """
    current_day = np.datetime64(today or date.today(), "D")
    indexed, warnings = rows_with_customers(rows)
    require_whole_ids(indexed, customer)
    indexed, found = with_joined_ids(indexed)
    warnings += found
    indexed, found = _check_repeated_rows(indexed, drop_duplicates=drop_duplicates)
    warnings += [*found, *_repeated_total_warnings(indexed)]
    indexed, found = _check_dates(indexed, current_day)
    warnings += found
    indexed, found = _check_refunds(indexed, net_refunds=net_refunds)
    warnings += found
    if not len(indexed):
        got = f"no purchase in {len(rows):,} row{'s' * (len(rows) != 1)}"
        raise InputError(format_error(rows.path, "must contain at least one purchase", got, "Check the file and the columns."))
    _require_scenario_dates(indexed.rows, time)
    warnings += [*_zero_warnings(indexed.rows), *dominant_customer_warnings(indexed), *_extreme_amount_warnings(indexed.rows)]
    return CheckedPurchases(indexed.rows, indexed.customers, tuple(warnings))


def _check_repeated_rows(indexed: IndexedRows, *, drop_duplicates: bool) -> tuple[IndexedRows, list[str]]:
    """Count the rows that repeat an earlier row in all columns of the file, and omit them on request."""
    import pandas as pd

    rows = indexed.rows
    is_repeated = pd.Series(rows.content_hash).duplicated().to_numpy()
    if not is_repeated.any():
        return indexed, []
    first = int(np.argmax(is_repeated))
    original = int(np.argmax(rows.content_hash == rows.content_hash[first]))
    count = f"{is_repeated.sum():,} of {len(rows):,}, the first is row {rows.row[first]}, which repeats row {rows.row[original]}"
    if drop_duplicates:
        return indexed.where(~is_repeated), [f"rows that repeat an earlier row exactly are omitted: {count}"]
    share = 100 * rows.money[is_repeated & (rows.money > 0)].sum() / max(rows.money[rows.money > 0].sum(), 1e-300)
    return indexed, [
        f"rows that repeat an earlier row exactly are kept: {count}; they account for {share:.1f} % of total spend; "
        "if they are copies rather than purchases, omit them with `drop_duplicates`"
    ]


def _repeated_total_warnings(indexed: IndexedRows) -> list[str]:
    """Warn if many rows have the same customer, day and amount as the row above: each item may carry the total of its order."""
    rows, customer = indexed.rows, indexed.customers.index
    is_repeated = np.zeros(len(rows), dtype=np.bool_)
    for column in (customer, rows.day, rows.money):
        is_repeated[1:] |= column[1:] != column[:-1]
    is_repeated[1:] = ~is_repeated[1:] & (rows.money[1:] > 0) & (rows.content_hash[1:] != rows.content_hash[:-1])
    if is_repeated.sum() < max(_MIN_REPEATED_TOTALS, _MIN_REPEATED_SHARE * len(rows)):
        return []
    share = 100 * rows.money[is_repeated].sum() / rows.money[rows.money > 0].sum()
    count = f"{is_repeated.sum():,} of {len(rows):,}, the first in row {rows.row[np.argmax(is_repeated)]}"
    return [
        f"rows with the same customer, day and amount as the row above are kept: {count}; they account for "
        f"{share:.1f} % of total spend; "
        "if each row is an item of an order and the amount is the total of the order, keep one row per order"
    ]


def _check_dates(indexed: IndexedRows, today: np.datetime64) -> tuple[IndexedRows, list[str]]:
    """Omit the rows whose dates are far from all others, and warn about dates in the future."""
    if not len(indexed):
        return indexed, []
    rows, warnings = indexed.rows, []
    isolated = isolated_dates(rows.day, today=today)
    others = rows.day[~(isolated.omitted | isolated.kept)]
    for mask, verb, advice in (
        (isolated.omitted, "omitted", "correct the dates if these are purchases"),
        (isolated.kept, "kept, as there are many of them", "if the dates are wrong, correct or remove them"),
    ):
        if mask.any():
            warnings.append(
                f"rows dated far from all others are {verb}: {_dated_rows(rows, mask)}; the other rows are from {others.min()} to "
                f"{others.max()}; {advice}"
            )
    indexed = indexed.where(~isolated.omitted)
    rows = indexed.rows
    is_future = rows.day > today + np.timedelta64(1, "D")  # tomorrow has begun in other time zones
    if 0 < is_future.sum() <= _MAX_FUTURE_SHARE * len(rows):
        warnings.append(
            f"rows dated in the future (after {today}) are kept: {_dated_rows(rows, is_future)}; "
            "check the order of day and month, and the year"
        )
    elif not isolated.kept.any() and (is_beyond := rows_beyond_pause(rows.day)).any():
        others = rows.day[~is_beyond]
        warnings.append(
            f"a few rows are separated from the others by a long gap, and are kept: {_dated_rows(rows, is_beyond)}; the other rows are "
            f"from {others.min()} to {others.max()}; if the year is mistyped, correct it"
        )
    return indexed, warnings


def _dated_rows(rows: PurchaseRows, mask: NDArray[np.bool_]) -> str:
    """Return the number of selected rows, and the first of them with its date."""
    first = int(np.argmax(mask))
    return f"{mask.sum():,} of {len(rows):,}, the first in row {rows.row[first]} ({rows.day[first]})"


def _require_scenario_dates(rows: PurchaseRows, column: str) -> None:
    """Raise if a date is outside the years of a scenario, or if the log is longer than a scenario may be."""
    outside = (rows.day < FIRST_SCENARIO_DAY) | (rows.day > LAST_SCENARIO_DAY)
    if outside.any():
        first = int(np.argmax(outside))
        more = f" (and {outside.sum() - 1:,} more)" if outside.sum() > 1 else ""
        where = f"{rows.path}: row {rows.row[first]}, column '{column}'"
        must, remedy = f"must be a date from {FIRST_SCENARIO_DAY} to {LAST_SCENARIO_DAY}", "Correct the date, or remove the row."
        raise InputError(format_error(where, must, f"{rows.day[first]}{more}", remedy))
    early, late = int(np.argmin(rows.day)), int(np.argmax(rows.day))
    if (rows.day[late] - rows.day[early]).astype(np.int64) >= MAX_SCENARIO_DAYS:
        got = f"{rows.day[early]} in row {rows.row[early]} and {rows.day[late]} in row {rows.row[late]}"
        must, remedy = "must have dates within 100 years of each other", "Correct the dates, or remove these rows."
        raise InputError(format_error(f"{rows.path}: column '{column}'", must, got, remedy))


def _check_refunds(indexed: IndexedRows, *, net_refunds: bool) -> tuple[IndexedRows, list[str]]:
    """Omit refunds, and on request the purchases that they reverse."""
    rows = indexed.rows
    is_refund = rows.money < 0
    if not is_refund.any():
        return indexed, []
    purchase = refunded_purchases(indexed.customers.index, rows.day, rows.money, same_day=not net_refunds)
    is_matched = purchase >= 0
    is_open = is_refund & ~(is_matched & net_refunds)
    kept = ~is_refund
    warnings = []
    if is_open.any():
        count = "1 row" if is_open.sum() == 1 else f"{is_open.sum():,} rows"
        which = "that match no purchase are omitted" if net_refunds else "are omitted, but the refunded purchases are kept"
        total = f"{-rows.money[is_open].sum():.2f} in total, the first in row {rows.row[np.argmax(is_open)]}"
        warnings.append(f"refunds (negative amounts) {which}: {count}, {total}")
    if is_matched.any():
        first = int(np.argmax(is_matched))
        example = f"row {rows.row[purchase[first]]}, reversed by row {rows.row[first]}"
        found = f"{is_matched.sum():,}, {-rows.money[is_matched].sum():.2f} in total, such as {example}"
        if net_refunds:
            kept[purchase[is_matched]] = False
            warnings.append(f"purchases that were refunded in full are omitted with their refunds: {found}")
        else:
            remedy = "omit refunded purchases with `net_refunds`"
            warnings.append(f"purchases that were reversed on the same day are kept: {found}; {remedy}")
    return indexed.where(kept), warnings


def _zero_warnings(rows: PurchaseRows) -> list[str]:
    is_zero = rows.money == 0
    if not is_zero.any():
        return []
    count = f"{is_zero.sum():,} of {len(rows):,}, the first in row {rows.row[np.argmax(is_zero)]}"
    return [f"rows with an amount of 0 count as purchases: {count}; remove them if nothing was bought"]


def _extreme_amount_warnings(rows: PurchaseRows) -> list[str]:
    """Warn if up to ten amounts are far above all others. See `count_extreme_values` for the rate of false alarms."""
    money = rows.money
    n_extreme = count_extreme_values(money, EXTREME_AMOUNTS)
    if not n_extreme:
        return []
    is_extreme = money >= np.partition(money, -n_extreme)[-n_extreme]
    first = int(np.argmax(is_extreme))
    subject = "an amount is far above all others:" if n_extreme == 1 else f"{n_extreme} amounts are far above all others, the first is"
    return [
        f"{subject} {money[first]:,.2f} in row {rows.row[first]} (the largest of the others is {money[~is_extreme].max():,.2f}); "
        f"{100 * money[is_extreme].sum() / money.sum():.1f} % of total spend; if it is mistyped, correct or remove it"
    ]
