"""Amounts of a purchase log: detects the decimal and thousands separators, and reports its assumptions.

Each amount is reduced to its shape, in which every digit is a 9. All shapes of a log must fit one pair of separators. If two pairs fit
and give different amounts, such as for 4.891, the log is refused.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from cjsim.errors import InputError, format_error, short_repr
from cjsim.purchase_logs.date_numbers import FloatArray
from cjsim.purchase_logs.log_format import NO_THOUSANDS, LogFormat
from cjsim.purchase_logs.raw_table import BoolArray, RawTable

MAX_MONEY = 1e12
_MAX_LENGTH = 100  # characters of an amount
_MUST = "must be an amount of money between -1e12 and 1e12"
_REMEDY = "Write it as 1234.50, or set `decimal` and `thousands`."
_OTHER_SEPARATORS = {".": (",", "'", " "), ",": (".", "'", " ")}
_SEPARATOR_TITLES = {".": "periods", ",": "commas", "'": "apostrophes", " ": "spaces"}
ZERO = "\ue000"  # stands for a leading zero in a shape; a private character of Unicode
_CURRENCY = (
    r"(?:[A-Za-z]{0,3}¤|¤?[A-Z]{3}|(?i:kr|kč|zł|ft|lei|fr|sfr|rs|руб|р|лв|kn|euros?|dollars?)\b)\.?"  # ¤ stands for any currency sign
)
_SHAPE = re.compile(
    rf"(?P<open>\()?(?P<before>[+-]?)\s*(?P<first>{_CURRENCY})?\s*(?P<inner>\()?(?P<after>[+-]?)\s*"
    rf"(?P<number>[9{ZERO}](?:[9.,' ]*9)?[.,]?|[.,][9{ZERO}]9*)(?P<power>[eE][+-]?9{{1,3}})?(?P<dash>(?<=[.,])--?)?\s*"
    rf"(?P<second>{_CURRENCY})?\s*(?P<trailing>-?)\s*(?P<close>\)?)\s*(?P<third>{_CURRENCY})?"
)
_SPELLINGS = (
    ("[\u2212\u2013\u2012\ufe63]", "-"),
    ("[\u2019\u2018\u00b4`\u02bc]", "'"),
    (f"[{ZERO}]", "?"),
    (r'^\s*="(.*)"\s*$', r"\1"),
)
_CODES = {"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "$": "USD", "US$": "USD", "DOLLAR": "USD", "DOLLARS": "USD", "£": "GBP"}


class AmountShape(NamedTuple):
    """Properties of an amount that follow from its shape.

    Attributes
    ----------
    start, end : int
        Where the number is in the text.
    number : str
        The number, in which 9 stands for a digit and `ZERO` for a leading zero.
    is_negative : bool
        Whether the amount is negative.
    sign : str
        '(' if parentheses show the sign, 'after' if it follows the number; otherwise empty.
    currency : str
        Code or sign of the currency; empty without one.
    """

    start: int
    end: int
    number: str
    is_negative: bool
    sign: str
    currency: str


class Separators(NamedTuple):
    """A decimal separator, and a thousands separator ('none' if there is none)."""

    decimal: str
    thousands: str


def parse_amounts(table: RawTable, log_format: LogFormat) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the amount of each row, and the assumptions made.

    Parameters
    ----------
    table : RawTable
        The log.
    log_format : LogFormat
        Options set by the user.

    Returns
    -------
    amounts : ndarray of float64, shape (n_rows,), money
        NaN only in rows without a customer.
    assumptions : tuple of str
        The assumptions, one sentence each.

    Raises
    ------
    InputError
        If a row has no valid amount, the separators are ambiguous, or amounts are in several currencies.
    """
    column = table.value
    is_text = np.array([isinstance(value, str) for value in column.values], dtype=np.bool_)
    amounts = np.full(len(column.values), np.nan)
    amounts[~is_text] = [_number(value) for value in column.values if not isinstance(value, str)]
    assumptions: list[str] = []
    if is_text.any():
        amounts[is_text] = _parse_text(table, is_text, log_format, assumptions)
    table.require(column, ~(np.abs(amounts) <= MAX_MONEY), _MUST, _REMEDY)
    return amounts[column.codes], tuple(assumptions)


def _number(value: object) -> float:
    """Return a cell of an Excel or Parquet file as a number; NaN if it is not a number."""
    if value is None or isinstance(value, bool):
        return np.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _parse_text(table: RawTable, is_text: BoolArray, log_format: LogFormat, assumptions: list[str]) -> FloatArray:
    """Return the amounts of the distinct texts (NaN if a text is not an amount), and append to `assumptions`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = _normalized([value for value in table.value.values if isinstance(value, str)])
    marked = pc.replace_substring_regex(texts, "^([^0-9]*)0", rf"\1{ZERO}")
    shapes = pc.replace_substring_regex(marked, "[0-9]", "9").dictionary_encode()
    read = [_read_shape(shape) for shape in shapes.dictionary.to_pylist()]
    code = shapes.indices.to_numpy()
    used = table.used_values(table.value)[is_text]
    is_used = np.zeros(len(read), dtype=np.bool_)
    is_used[code[used]] = True

    def spread(selected: BoolArray) -> BoolArray:
        """Return which distinct cells have one of the selected shapes."""
        chosen = np.zeros(len(is_text), dtype=np.bool_)
        chosen[is_text] = selected[code]
        return chosen

    separators = _determined_separators(table, read, is_used, log_format, spread)
    _require_one_currency(table, read, is_used, spread)
    is_fitting = np.array([shape is not None and _fraction_digits(shape.number, separators) is not None for shape in read], dtype=np.bool_)
    amounts = np.full(len(code), np.nan)
    order = np.argsort(code, kind="stable")
    bounds = np.searchsorted(code[order], np.arange(len(read) + 1))
    for index in np.flatnonzero(is_fitting):
        members, shape = order[bounds[index] : bounds[index + 1]], read[index]
        assert shape is not None
        digits = pc.utf8_slice_codeunits(texts.take(pa.array(members)), shape.start, shape.end)
        if separators.thousands != NO_THOUSANDS:
            digits = pc.replace_substring(digits, separators.thousands, "")
        values = pc.replace_substring(digits, separators.decimal, ".").cast(pa.float64()).to_numpy(zero_copy_only=False)
        amounts[members] = -values if shape.is_negative else values
    _add_assumptions(table, read, is_used & is_fitting, separators, log_format, spread, assumptions)
    return amounts


def _normalized(texts: list[str]) -> Any:
    """Return texts as an Arrow array with uniform minus signs, apostrophes and spaces, and without a wrapping `="..."`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    unraised = pc.replace_substring_regex(pa.array(texts, pa.string()), r"\p{No}", "?")  # NFKC would turn 19⁹⁹ into 1999
    plain = pc.utf8_normalize(unraised, "NFKC")  # narrow and no-break spaces become spaces
    for pattern, replacement in _SPELLINGS:
        plain = pc.replace_substring_regex(plain, pattern, replacement)
    return pc.utf8_trim_whitespace(plain)


def _read_shape(shape: str) -> AmountShape | None:
    """Parse the shape of an amount; None if it is not an amount."""
    if len(shape) > _MAX_LENGTH:
        return None
    match = _SHAPE.fullmatch("".join("¤" if unicodedata.category(letter) == "Sc" else letter for letter in shape))
    if match is None:
        return None
    n_open = bool(match["open"]) + bool(match["inner"])
    signs = match["before"] + match["after"] + match["trailing"]
    currencies = [shape[match.start(name) : match.end(name)] for name in ("first", "second", "third") if match[name]]
    if n_open != bool(match["close"]) or len(signs) + n_open > 1 or len(currencies) > 1:
        return None
    currency = currencies[0].rstrip(".").upper() if currencies else ""
    start, end = match.start("number"), match.end("power") if match["power"] else match.end("number")
    is_negative = n_open == 1 or "-" in signs
    sign = "(" if n_open else "after" if match["trailing"] else ""
    return AmountShape(start, end, match["number"], is_negative, sign, _CODES.get(currency, currency))


def _fraction_digits(number: str, separators: Separators) -> int | None:
    """Return how many digits of a number are decimals; None if it is not written with these separators."""
    whole, _, fraction = number.partition(separators.decimal)
    if not all(digit in ("9", ZERO) for digit in fraction):
        return None
    groups = whole.split(separators.thousands) if separators.thousands in whole else [whole]
    if not all(digit in ("9", ZERO) for digit in "".join(groups)) or not (whole or fraction):
        return None
    if len(groups) > 1:
        first, *middle, last = map(len, groups)
        sizes = {3, 2} if separators.thousands == "," else {3}  # 12,34,567 in India
        is_grouped = 1 <= first <= 3 and len(set(middle)) <= 1 and set(middle) <= sizes and last == 3 and groups[0][0] != ZERO
        if not is_grouped:
            return None
    return len(fraction)


def _determined_separators(
    table: RawTable, read: list[AmountShape | None], is_used: BoolArray, log_format: LogFormat, spread: Callable[[BoolArray], BoolArray]
) -> Separators:
    """Return the separators with which all amounts can be read; raise if two pairs give different amounts."""
    pairs = _allowed_separators(log_format)
    fits = {pair: np.array([-1 if shape is None else _fits(shape.number, pair) for shape in read]) for pair in pairs}
    counted = is_used & (np.max(list(fits.values()), axis=0) >= 0)
    feasible = [pair for pair in pairs if (fits[pair][counted] >= 0).all()]
    if not feasible:  # the error names the rows that do not fit
        return max(pairs, key=lambda pair: int(np.sum(fits[pair][counted] >= 0)))
    if _disagreement(fits, feasible, counted).any():
        numbers = [shape.number for shape, chosen in zip(read, counted, strict=True) if chosen and shape is not None]
        feasible = [pair for pair in feasible if not _is_inconsistent(numbers, pair)] or feasible
    differs = _disagreement(fits, feasible, counted)
    if differs.any():
        _refuse_ambiguous(table, spread(differs))
    return feasible[0]


def _refuse_ambiguous(table: RawTable, differs: BoolArray) -> NoReturn:
    """Raise for an amount that is a thousand times as large with other separators."""
    where, cell = table.first_cell(table.value, differs)
    mark = next(letter for letter in str(cell) if letter in _OTHER_SEPARATORS)
    number = "".join(letter for letter in str(cell) if letter.isdecimal() or letter == mark)
    got = f"{short_repr(cell)}, which is {number.replace(mark, '.')} or {number.replace(mark, '')}"
    remedy = f"Set `decimal` or `thousands` to '{mark}'."
    raise InputError(format_error(where, "must be an unambiguous amount", got, remedy))


def _allowed_separators(log_format: LogFormat) -> list[Separators]:
    """Return the pairs of separators that the user's options allow."""
    pairs = []
    for decimal, others in _OTHER_SEPARATORS.items():
        if log_format.decimal in (None, decimal):
            given = log_format.thousands
            pairs += [Separators(decimal, other) for other in ((*others,) if given is None else (given,)) if other != decimal]
    return pairs


def _fits(number: str, pair: Separators) -> int:
    digits = _fraction_digits(number, pair)
    return -1 if digits is None else digits


def _disagreement(fits: "dict[Separators, np.ndarray[Any, Any]]", pairs: list[Separators], counted: BoolArray) -> BoolArray:
    """Return which shapes have values that depend on the pair of separators."""
    return np.asarray(np.logical_or.reduce([fits[pair] != fits[pairs[0]] for pair in pairs]) & counted)


def _is_inconsistent(numbers: list[str], pair: Separators) -> bool:
    """Whether thousands are separated in some numbers, but not in others of five or more digits."""
    has_groups = any(pair.thousands in number for number in numbers)
    return has_groups and any(re.match(f"[9{ZERO}]{{5}}", number) for number in numbers)


def _require_one_currency(
    table: RawTable, read: list[AmountShape | None], is_used: BoolArray, spread: Callable[[BoolArray], BoolArray]
) -> None:
    currencies = np.array(["" if shape is None else shape.currency for shape in read], dtype=object)
    found = sorted({currency for currency, used in zip(currencies, is_used, strict=True) if used and currency})
    if len(found) > 1:
        got = " and ".join(table.example(table.value, spread((currencies == currency) & is_used)) for currency in found[:2])
        table.refuse(table.value, "must have amounts in one currency", got, "Convert them, or calibrate each currency separately.")


def _add_assumptions(
    table: RawTable,
    read: list[AmountShape | None],
    counted: BoolArray,
    separators: Separators,
    log_format: LogFormat,
    spread: Callable[[BoolArray], BoolArray],
    assumptions: list[str],
) -> None:
    """Append the assumptions about amounts, each with an example."""

    def select(has: Callable[[AmountShape], bool]) -> BoolArray:
        return np.array([shape is not None and has(shape) for shape in read], dtype=np.bool_) & counted

    def example(selected: BoolArray) -> str:
        return table.example(table.value, spread(selected))

    decimals = select(lambda shape: separators.decimal in shape.number)
    groups = select(lambda shape: separators.thousands in shape.number)
    if separators.decimal == "," and log_format.decimal is None and decimals.any():
        assumptions.append(f"amounts have a decimal comma, such as {example(decimals)}")
    if log_format.thousands is None and groups.any():
        title = _SEPARATOR_TITLES[separators.thousands]
        assumptions.append(f"{title} separate thousands, as in {example(groups)}")
    signs = select(lambda shape: bool(shape.currency))
    if signs.any():
        assumptions.append(f"currency signs are ignored, as in {example(signs)}")
    for sign, text in (("(", "amounts in parentheses"), ("after", "amounts followed by a minus")):
        signed = select(lambda shape, sign=sign: shape.sign == sign)  # type: ignore[misc]
        if signed.any():
            assumptions.append(f"{text} are negative, such as {example(signed)}")
