"""Checks of customer IDs: words for a missing value, IDs that lost digits, and IDs that differ only in form, case or leading zeros."""

import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import short_repr

# Words that databases, spreadsheets and programming languages write for a missing value, in lower case.
NULL_WORDS = frozenset(
    (
        *("na", "n/a", "n.a.", "nan", "-nan", "nat", "<na>", "#na", "#n/a", "#n/a n/a", "null", "nil", "none", "undefined", "empty"),
        *("<null>", "<nil>", "<none>", "(null)", "(nil)", "(none)", "(blank)", "(empty)", "(not set)", "\\n"),
        *("", "-", "--", "---", ".", "?", "#null!", "#ref!", "#value!", "#name?", "#num!", "#div/0!"),
    )
)
_LONGEST_NULL_WORD = 10  # including an invisible character
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?[eE](\+?)(\d{1,3})")
_WHOLE_NUMBER = re.compile(r"(\d+)\.0*")
_FORMULA_TEXT = re.compile(r"""="(.+)"|'(.+)""")  # spreadsheet forms of a number that is kept as text
_MAX_EXACT_DIGITS = 15  # of a number in Excel, and of every decimal number in double precision
_MIN_LONG_IDS, _MAX_LONG_IDS, _ROUNDED_LOG10_PROBABILITY = 5, 1000, -6.0


@dataclass(frozen=True)
class CustomerIndex:
    """The distinct customer IDs of a log, in order of appearance.

    Attributes
    ----------
    ids : ndarray of str (object), shape (n_ids,)
        Distinct IDs.
    index : ndarray of int64, shape (n_rows,)
        Index of each row's ID in `ids`.
    first_row : ndarray of int64, shape (n_ids,)
        Row number in the file where each ID first appears.
    """

    ids: NDArray[np.object_]
    index: NDArray[np.int64]
    first_row: NDArray[np.int64]

    @classmethod
    def of_rows(cls, customer: NDArray[np.object_], row: NDArray[np.int64]) -> "CustomerIndex":
        """Index the IDs of all rows.

        Parameters
        ----------
        customer : ndarray of str (object), shape (n_rows,)
            ID of each row.
        row : ndarray of int64, shape (n_rows,)
            Row number in the file.

        Returns
        -------
        CustomerIndex
        """
        import pandas as pd

        index, ids = pd.factorize(customer)
        return cls(np.asarray(ids, dtype=object), np.asarray(index, dtype=np.int64), row[_first_positions(index)])

    def where(self, kept: NDArray[np.bool_], row: NDArray[np.int64]) -> "CustomerIndex":
        """Return the index of a subset of the rows.

        Parameters
        ----------
        kept : ndarray of bool, shape (n_rows,)
            Rows to keep.
        row : ndarray of int64, shape (n_kept,)
            Row numbers of the kept rows.

        Returns
        -------
        CustomerIndex
        """
        import pandas as pd

        index, present = pd.factorize(self.index[kept])
        return CustomerIndex(self.ids[present], np.asarray(index, dtype=np.int64), row[_first_positions(index)])

    def name(self, position: int) -> str:
        """Return an ID with the row in which it first appears, for messages."""
        return f"{short_repr(self.ids[position])} (row {self.first_row[position]})"


class TwinIds(NamedTuple):
    """IDs that differ only in one respect: their count, and two of them with their rows."""

    n_ids: int
    example: str


def _first_positions(index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which positions hold the first appearance of an index."""
    import pandas as pd

    return np.asarray(~pd.Series(index).duplicated().to_numpy(), dtype=np.bool_)


def is_null_word(ids: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which IDs are empty or a word for a missing value, such as 'NULL', in any case; bool, shape (n_ids,)."""
    return np.array([_may_be_null(one) and _canonical_id(one).casefold() in NULL_WORDS for one in ids], dtype=np.bool_)


def _may_be_null(text: str) -> bool:
    return len(text) <= _LONGEST_NULL_WORD and not text[-1:].isdecimal()  # no such word ends with a digit


def has_lost_digits(ids: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which IDs are in scientific notation with fewer digits than the number has, such as '1.23457E+12'; bool, shape (n_ids,).

    Letters and digits that are scientific notation only by coincidence, such as '3E12', have neither a decimal mark nor a plus sign.
    """
    return np.array([_is_rounded(one) for one in ids], dtype=np.bool_)


def _is_rounded(text: str) -> bool:
    match = _SCIENTIFIC.fullmatch(text) if len(text) < 40 else None
    return match is not None and bool(match[2] or match[3]) and len(match[2] or "") < int(match[4])


def canonical_ids(ids: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the plainest form of each ID: '35' for '35.0', '35.', '="35"', "'35" and full-width digits.

    Compatibility forms of characters are replaced (Unicode NFKC), invisible characters are removed, and runs of whitespace become one
    space. Case, leading zeros and punctuation are kept.

    Parameters
    ----------
    ids : ndarray of str (object), shape (n_ids,)
        Distinct IDs.

    Returns
    -------
    ndarray of str (object), shape (n_ids,)

    Examples
    --------
    >>> canonical_ids(np.array(["35.0", "035", "1.2345678E7", "U1@x"], dtype=object)).tolist()
    ['35', '035', '12345678', 'U1@x']
    """
    plain = np.empty(len(ids), dtype=object)
    plain[:] = [_canonical_id(one) for one in ids]
    return plain


def _canonical_id(text: str) -> str:
    if text.isascii() and text.isalnum():
        return text
    if not text.isascii():
        visible = (letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
        text = "".join(str(unicodedata.decimal(letter, letter)) for letter in visible)
    text = " ".join(text.split())
    if match := _FORMULA_TEXT.fullmatch(text):
        text = match[1] or match[2]
    if match := _WHOLE_NUMBER.fullmatch(text):
        return match[1]
    if (match := _SCIENTIFIC.fullmatch(text)) and match[2]:
        digits, decimals = match[1] + match[2], len(match[2])
        exponent = int(match[4])
        if exponent <= decimals and not digits[exponent + 1 :].strip("0"):
            return digits[: exponent + 1]
    return text


def joined_forms(customers: CustomerIndex) -> tuple[CustomerIndex, TwinIds | None]:
    """Join IDs that are the same number or text in different forms, such as '35' and '35.0'.

    An ID keeps its form as written unless it is joined; if numbers are joined, all numeric IDs of the log get their plain form.

    Parameters
    ----------
    customers : CustomerIndex
        IDs as written.

    Returns
    -------
    CustomerIndex, TwinIds or None
        The IDs after joining, and the number of IDs that were joined to another; None if there are none.
    """
    import pandas as pd

    plain = canonical_ids(customers.ids)
    is_twin = pd.Series(plain).duplicated(keep=False).to_numpy()
    if not is_twin.any():
        return customers, None
    example = _example(customers, plain, is_twin)
    is_number = np.array([one.isdecimal() for one in plain], dtype=np.bool_)
    renamed = is_twin | (is_number & bool((is_twin & is_number).any()))
    index, ids = pd.factorize(np.where(renamed, plain, customers.ids))
    first_row = customers.first_row[_first_positions(index)]
    joined = CustomerIndex(np.asarray(ids, dtype=object), index.astype(np.int64)[customers.index], first_row)
    return joined, TwinIds(len(customers.ids) - len(ids), example)


def twins_in_case(customers: CustomerIndex) -> TwinIds | None:
    """Return the IDs that differ from another only in upper and lower case; None if there are none."""
    return _twins(customers, [one.casefold() for one in customers.ids])


def twins_in_leading_zeros(customers: CustomerIndex) -> TwinIds | None:
    """Return the numeric IDs that differ from another only in leading zeros; None if there are none."""
    return _twins(customers, [one.lstrip("0") or "0" if one.isdecimal() else one for one in customers.ids])


def _twins(customers: CustomerIndex, keys: list[str]) -> TwinIds | None:
    import pandas as pd

    column = np.empty(len(keys), dtype=object)
    column[:] = keys
    is_twin = pd.Series(column).duplicated(keep=False).to_numpy()
    return TwinIds(int(is_twin.sum()), _example(customers, column, is_twin)) if is_twin.any() else None


def _example(customers: CustomerIndex, keys: NDArray[np.object_], is_twin: NDArray[np.bool_]) -> str:
    """Return the first ID that has a twin, and its first twin, each with its row."""
    first = int(np.argmax(is_twin))
    second = first + 1 + int(np.argmax(keys[first + 1 :] == keys[first]))
    return f"{customers.name(first)} and {customers.name(second)}"


def has_rounded_long_ids(ids: NDArray[np.object_]) -> bool:
    """Return whether the IDs of 16 or more digits all look as if a program had stored them as floating-point numbers.

    Such programs keep the first 15 digits and write zeros after them (spreadsheets), or write the nearest number in double precision. All
    long IDs must have one of these forms, which has a probability below 1e-6 if their last digits are arbitrary.

    Parameters
    ----------
    ids : ndarray of str (object), shape (n_ids,)
        Distinct IDs. The first 1,000 long ones are examined.

    Returns
    -------
    bool

    Examples
    --------
    >>> has_rounded_long_ids(np.array([f"41111111111{n:04d}00" for n in range(9)], dtype=object))
    True
    """
    long = [one for one in ids if _MAX_EXACT_DIGITS < len(one) <= 22 and one.isdecimal() and one.isascii()][:_MAX_LONG_IDS]
    if len(long) < _MIN_LONG_IDS:
        return False
    evidence = np.array([_rounding_evidence(one) for one in long])
    return bool((evidence.sum(axis=0) < _ROUNDED_LOG10_PROBABILITY).any())


def _rounding_evidence(digits: str) -> tuple[float, float, float]:
    """Return the log10 probability that arbitrary digits have each form of a rounded number; infinite if they do not have that form."""
    number, size = int(digits), len(digits)
    in_double = float(number)
    shortest = format(Decimal(repr(in_double)), "f").removesuffix(".0")
    return (
        float(_MAX_EXACT_DIGITS - size) if not digits[_MAX_EXACT_DIGITS:].strip("0") else math.inf,
        -math.log10(max(math.ulp(in_double), 1.0)) if int(in_double) == number else math.inf,
        float(min(17 - size, 0)) if shortest == digits else math.inf,
    )
