"""Dates in text: finds the year, the month and the day in a cell, with or without a time of day and a time zone.

The day is taken as written: neither the time of day nor the time zone changes it. Readers may therefore replace a time of day with '@' to
reduce the number of distinct cells.
"""

import re
from typing import NamedTuple

from cjsim.purchase_logs.month_names import month_number

# The next three are in the syntax of RE2.
DIGITS_AND_TIME = "^(?:19|20)[0-9]{6}(?:[01][0-9]|2[0-4])[0-5][0-9][0-5][0-9]$"
DATE_AND_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T](?:[01][0-9]|2[0-4]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?)?)?$"
TIME_OF_DAY = (  # the preceding character is kept
    r"(^|[^0-9])(?:[01]?[0-9]|2[0-4])[:h][0-5][0-9](?::(?:[0-5][0-9]|60)(?:[.,:][0-9]{1,9})?)?"
    r"(?:[\s\x{a0}\x{202f}]?[AaPp]\.?\s?[Mm]\b\.?)?"
)
_TIME = (
    r"(?:(?:\s(?:um|à|at|kl\.?|-)\s)?[T ,:]*@"  # the time of day, replaced
    r"|[T ]\d{2}(?:\d{2}(?:\d{2}(?:[.,]\d{1,9})?)?)?"  # 2024-03-01T0030
    r"|[T -]\d{1,2}\.\d{2}(?:\.\d{2}(?:[.,]\d{1,9})?)?(?:\s?[AaPp]\.?\s?[Mm]\.?)?"  # 2024-03-01-00.30.00
    r"|\s\d{1,2}\s?[AaPp]\.?\s?[Mm]\.?)"  # 3 pm
)
_ZONE = (  # at most three, which limits the time of a match
    r"(?P<zone>(?:\s*(?:[Zz]\b|[+-]\d{1,2}(?::?\d{2}|@)?(?::?\d{2})?|[+-]@"
    r"|[A-Za-z]{2,5}(?:[+-](?:\d{1,2}(?::?\d{2})?|@))?|[A-Z][A-Za-z_]+(?:/[\w+-]+){1,2}|\[[\w/+-]+\]|\([^()]*\))){0,3})"
)
_REST = rf"(?:{_TIME}(?:\s?(?:Uhr|hrs?|h)\b\.?)?)?{_ZONE}\s*"
_WEEKDAY = r"(?:[^\W\d_]{2,12}\.?,?\s+)?"
_START = rf"\s*(?:@[ ,]*)?{_WEEKDAY}"
_WORD = r"(?P<word>[^\W\d_]{3,12})\.?"
_ORDINAL = r"(?:st|nd|rd|th|er|º|\.)?"
_YEAR_LAST = r"'?(?P<c>\d{4}|\d{2})"
_YEAR_FIRST = re.compile(rf"{_START}(?P<a>\d{{4}})(?P<sep>[-/.])(?P<b>\d{{1,2}})(?P=sep)(?P<c>\d{{1,2}})(?!\d){_REST}")
_NUMBERS = re.compile(rf"{_START}(?P<a>\d{{1,2}})(?P<sep>[-/. ])\s?(?P<b>\d{{1,2}})(?P=sep)\s?{_YEAR_LAST}(?!\d)\.?{_REST}")
_DAY_MONTH = re.compile(rf"{_START}(?P<a>\d{{1,2}}){_ORDINAL}[\s./-]*(?:de\s|of\s)?{_WORD}[\s.,/-]*(?:de\s|of\s)?{_YEAR_LAST}(?!\d){_REST}")
_MONTH_DAY = re.compile(
    rf"{_START}{_WORD}[\s./-]*(?P<a>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+@(?:\s+[A-Z]{{2,5}})?)?[\s,./-]+{_YEAR_LAST}(?!\d){_REST}"
)
_YEAR_MONTH = re.compile(rf"{_START}(?P<c>\d{{4}})[\s./-]*{_WORD}[\s./-]*(?P<a>\d{{1,2}}){_REST}")
_COMPACT = re.compile(rf"\s*(?P<a>\d{{4}})(?P<b>\d{{2}})(?P<c>\d{{2}})(?:T\d{{4}}(?:\d{{2}})?|{_TIME})?{_ZONE}\s*")
_CJK = str.maketrans({"年": "-", "月": "-", "日": None})
_MAX_CELL, _CENTURY_START = 100, 69  # of the POSIX rule for two-digit years


class DateParts(NamedTuple):
    """Parts of a date in text. The order of three numbers is undetermined unless the year or the month stands out.

    Attributes
    ----------
    order : str
        'ymd' if the numbers are year, month and day; '' if their order is undetermined.
    numbers : tuple of int
        Three numbers.
    sep : str
        Separator of three numbers whose order is undetermined.
    has_short_year : bool
        Whether the year has two digits.
    has_zone : bool
        Whether a time zone is named.
    """

    order: str
    numbers: tuple[int, int, int]
    sep: str
    has_short_year: bool
    has_zone: bool


def split_date(text: str) -> DateParts | None:
    """Return the parts of a date in text; None if it is not a date.

    Examples
    --------
    >>> split_date("2024-03-01 @+02")
    DateParts(order='ymd', numbers=(2024, 3, 1), sep='', has_short_year=False, has_zone=True)
    >>> split_date("31.01.24")
    DateParts(order='', numbers=(31, 1, 24), sep='.', has_short_year=True, has_zone=False)
    """
    if len(text) > _MAX_CELL:
        return None
    text = text.translate(_CJK).strip()
    if match := (_YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text)):
        return DateParts("ymd", (int(match["a"]), int(match["b"]), int(match["c"])), "", False, bool(match["zone"]))
    if match := _NUMBERS.fullmatch(text):
        numbers = int(match["a"]), int(match["b"]), int(match["c"])
        return DateParts("", numbers, match["sep"], len(match["c"]) == 2, bool(match["zone"]))
    for pattern in (_DAY_MONTH, _MONTH_DAY, _YEAR_MONTH):
        match = pattern.fullmatch(text)
        if match and (month := month_number(match["word"])):
            is_short = len(match["c"]) == 2
            year = full_year(int(match["c"])) if is_short else int(match["c"])
            return DateParts("ymd", (year, month, int(match["a"])), "", is_short, bool(match["zone"]))
    return None


def full_year(year: int) -> int:
    """Return the year that two digits mean: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068, as in POSIX.

    Examples
    --------
    >>> full_year(24), full_year(97)
    (2024, 1997)
    """
    return year + (1900 if year >= _CENTURY_START else 2000)
