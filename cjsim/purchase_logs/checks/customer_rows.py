"""Checks of the customers of a purchase log: missing, rounded and differently written IDs, and customers who have too many rows."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr
from cjsim.purchase_logs.checks.customer_ids import (
    CustomerIndex,
    has_lost_digits,
    has_rounded_long_ids,
    is_null_word,
    joined_forms,
    twins_in_case,
    twins_in_leading_zeros,
)
from cjsim.purchase_logs.checks.extreme_values import EXTREME_COUNTS, count_extreme_values
from cjsim.purchase_logs.purchase_rows import PurchaseRows

_MAX_NULL_WORDS = 3  # named in a warning


@dataclass(frozen=True)
class IndexedRows:
    """Rows of a purchase log with the index of their customers.

    Attributes
    ----------
    rows : PurchaseRows
        The rows, in file order.
    customers : CustomerIndex
        Distinct customer IDs, and the index of each row's ID.
    """

    rows: PurchaseRows
    customers: CustomerIndex

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, kept: NDArray[np.bool_]) -> "IndexedRows":
        """Return the rows for which `kept`, of shape (n_rows,), is true."""
        if kept.all():
            return self
        rows = self.rows.where(kept)
        return IndexedRows(rows, self.customers.where(kept, rows.row))


def rows_with_customers(rows: PurchaseRows) -> tuple[IndexedRows, list[str]]:
    """Omit the rows without a customer: those with an empty ID, or a word for a missing value.

    Parameters
    ----------
    rows : PurchaseRows
        All rows of the log.

    Returns
    -------
    IndexedRows, list of str
        The rows with a customer, and warnings.
    """
    indexed = IndexedRows(rows, CustomerIndex.of_rows(rows.customer, rows.row))
    is_null = is_null_word(indexed.customers.ids)
    if not is_null.any():
        return indexed, []
    has_none = is_null[indexed.customers.index]
    words = Counter(one for one in rows.customer[has_none].tolist() if one)
    text = f"rows without a customer are omitted: {has_none.sum():,} of {len(rows):,}, the first in row {rows.row[np.argmax(has_none)]}"
    if words:
        named = ", ".join(f"{short_repr(word)} ({count:,})" for word, count in words.most_common(_MAX_NULL_WORDS))
        more = f" and {len(words) - _MAX_NULL_WORDS} more" if len(words) > _MAX_NULL_WORDS else ""
        text += f"; words read as a missing ID: {named}{more}; if one of them is a customer's ID, write it differently"
    return indexed.where(~has_none), [text]


def require_whole_ids(indexed: IndexedRows, column: str) -> None:
    """Raise if an ID is in scientific notation, without its last digits.

    Parameters
    ----------
    indexed : IndexedRows
        Rows with a customer.
    column : str
        Name of the column with the customer.

    Raises
    ------
    InputError
        If there is such an ID.
    """
    customers = indexed.customers
    is_rounded = has_lost_digits(customers.ids)
    if not is_rounded.any():
        return
    position = int(np.argmax(is_rounded))
    more = int(is_rounded[customers.index].sum()) - 1
    got = short_repr(customers.ids[position]) + (f" (and {more:,} more row{'s' * (more > 1)})" if more else "")
    where = f"{indexed.rows.path}: row {customers.first_row[position]}, column '{column}'"
    remedy = (
        "A spreadsheet has rounded it, so different customers share it. Export the log again with the IDs as text: in a spreadsheet, "
        "set the format of the column to text before you import or paste the data."
    )
    raise InputError(format_error(where, "must be a customer ID with all its digits", got, remedy))


def with_joined_ids(indexed: IndexedRows) -> tuple[IndexedRows, list[str]]:
    """Join the IDs that are the same number or text in different forms, and warn about those that differ in case or leading zeros.

    Parameters
    ----------
    indexed : IndexedRows
        Rows with a customer.

    Returns
    -------
    IndexedRows, list of str
        The rows with joined IDs, and warnings.
    """
    customers, rows, warnings = indexed.customers, indexed.rows, []
    if has_rounded_long_ids(customers.ids):
        warnings.append(
            "customer IDs of 16 or more digits seem to be rounded: all of them end like numbers that a program has stored "
            "as floating point; different customers may share an ID; export the IDs as text"
        )
    joined, forms = joined_forms(customers)
    if forms is not None:
        rows = replace(rows, customer=joined.ids[joined.index])
        warnings.append(
            f"customer IDs that differ only in form are joined: {len(customers.ids):,} IDs are {len(joined.ids):,} customers; "
            f"an example is {forms.example}"
        )
    for twins, difference in ((twins_in_case(joined), "upper and lower case"), (twins_in_leading_zeros(joined), "leading zeros")):
        if twins is not None:
            warnings.append(
                f"customer IDs that differ only in {difference} are kept apart: {twins.n_ids:,} of {len(joined.ids):,} IDs, such as "
                f"{twins.example}; if they are the same customer, write them in the same way"
            )
    return IndexedRows(rows, joined), warnings


def dominant_customer_warnings(indexed: IndexedRows) -> list[str]:
    """Warn if up to three customers have far more rows than any other: they may be tills, guest accounts or resellers.

    Parameters
    ----------
    indexed : IndexedRows
        Purchases.

    Returns
    -------
    list of str
        At most one warning. See `count_extreme_values` for its rate of false alarms.
    """
    customers = indexed.customers
    counts = np.bincount(customers.index, minlength=len(customers.ids))
    n_extreme = count_extreme_values(counts.astype(np.float64), EXTREME_COUNTS)
    if not n_extreme:
        return []
    *extreme, following = np.argsort(-counts, kind="stable")[: n_extreme + 1]
    named = ", ".join(f"{customers.name(one)} with {counts[one]:,} rows" for one in extreme)
    subject = "a customer has" if n_extreme == 1 else f"{n_extreme} customers have"
    return [
        f"{subject} an improbable share of the rows, {100 * counts[extreme].sum() / len(indexed):.1f} %: {named}; the next customer has "
        f"{counts[following]:,}; remove the rows of tills, guest accounts and resellers, which are not single customers"
    ]
