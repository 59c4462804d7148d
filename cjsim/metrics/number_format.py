"""Text formats for metric values, differences and intervals."""

import math
from collections.abc import Sequence

from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.scenario.fields import CURRENCY

MONEY_UNIT, SCORE_UNIT, TIME_UNITS = "money", "0 to 1", ("days", "minutes")
_LARGEST_WITH_CENTS, _MOST_DECIMALS = 10_000, 6
_DECIMALS_BY_UNIT = {"days": 1, "customers": 0, SCORE_UNIT: 3}  # 2 for other units


def format_value(value: float, unit: str, decimals: int, *, is_difference: bool = False) -> str:
    """Format a value. Shares are shown as percentages, and undefined values as a dash.

    Parameters
    ----------
    value : float
        Value in the unit of the metric.
    unit : str
        Unit of the metric.
    decimals : int
        Number of decimals; see `decimal_places`.
    is_difference : bool
        Whether the value is a difference. Differences have a sign, and differences of shares are in percentage points.

    Returns
    -------
    str

    Examples
    --------
    >>> format_value(0.1234, "share", 2), format_value(0.0123, "share", 2, is_difference=True)
    ('12.34 %', '+1.23 pp')
    >>> format_value(1234.56, "money", 2), format_value(math.nan, "days", 1)
    ('1,234.56', '-')
    """
    if math.isnan(value):
        return "-"
    rounded = round(100 * value if unit == SHARE_UNIT else value, decimals) + 0.0  # avoids -0
    decimals = 0 if rounded == 0 and decimals == _MOST_DECIMALS else decimals  # no row of zeros
    text = f"{rounded:{'+' if is_difference and rounded else ''},.{decimals}f}"
    return f"{text} {'pp' if is_difference else '%'}" if unit == SHARE_UNIT else text


def decimal_places(unit: str, values: Sequence[float]) -> int:
    """Return the number of decimals for the values in a row: the unit's default, or more if two digits of the largest value need them.

    Parameters
    ----------
    unit : str
        Unit of the metric.
    values : sequence of float
        Values in the unit of the metric; nan is ignored.

    Returns
    -------
    int
        From 0 to 6.

    Examples
    --------
    >>> decimal_places("money", [12345.6, 0.01]), decimal_places("money", [0.0412, math.nan]), decimal_places("share", [0.3, 0.0002])
    (0, 3, 2)
    """
    unit_decimals = _DECIMALS_BY_UNIT.get(unit, 2)
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0) * (100 if unit == SHARE_UNIT else 1)
    if (unit == MONEY_UNIT or CURRENCY.fullmatch(unit)) and largest >= _LARGEST_WITH_CENTS:
        return 0
    return unit_decimals if largest == 0 else min(_MOST_DECIMALS, max(unit_decimals, 1 - math.floor(math.log10(largest))))


def estimate_decimals(unit: str, estimate: Sequence[float]) -> int:
    """Return the number of decimals for a value and its interval: as many as from `decimal_places`, without insignificant digits.

    Two digits of the half-width are kept, and more if an end of the interval would round to 0.

    Parameters
    ----------
    unit : str
        Unit of the metric.
    estimate : sequence of float
        Value, low end and high end, in the unit of the metric.

    Returns
    -------
    int
        From 0 to 6.

    Examples
    --------
    >>> estimate_decimals("share", (0.42, 0.3655, 0.4765)), estimate_decimals("money", (71.6, 47.8, 95.4))
    (1, 0)
    >>> estimate_decimals("money", (7160.0, 4777.0, 9544.0)), estimate_decimals("money", (24.12, 24.12, 24.12))
    (0, 2)
    """
    most = decimal_places(unit, estimate)
    _, low, high = (part * (100 if unit == SHARE_UNIT else 1) for part in estimate)
    half_width = (high - low) / 2
    if not math.isfinite(half_width) or half_width <= 0:
        return most
    decimals = min(most, max(1 - math.floor(math.log10(half_width)), 0))
    while decimals < _MOST_DECIMALS and any(end and round(end, decimals) == 0 for end in (low, high)):
        decimals += 1
    return decimals


def round_up_to_two_digits(count: float) -> int:
    """Round an approximate number of customers up to two significant digits.

    Examples
    --------
    >>> round_up_to_two_digits(60_123.4), round_up_to_two_digits(7.2)
    (61000, 8)
    """
    whole = math.ceil(count)
    unit = int(10 ** max(len(str(whole)) - 2, 0))
    return math.ceil(whole / unit) * unit


def named_unit(unit: str, currency: str | None) -> str:
    """Return a unit, with money replaced by the currency of the scenario if it names one.

    Examples
    --------
    >>> named_unit("money", "EUR"), named_unit("money", None), named_unit("days", "EUR")
    ('EUR', 'money', 'days')
    """
    return currency if currency and unit == MONEY_UNIT else unit


def unit_in_text(unit: str, currency: str | None = None) -> str:
    """Return a unit as it is written after a number. Empty for shares, ratios, counts and, without a currency, money.

    Parameters
    ----------
    unit : str
        Unit of the metric.
    currency : str, optional
        Currency of the scenario.

    Returns
    -------
    str

    Examples
    --------
    >>> unit_in_text("money", "EUR"), unit_in_text("money"), unit_in_text("minutes"), unit_in_text("share", "EUR"), unit_in_text("EUR")
    ('EUR', '', 'minutes', '', 'EUR')
    """
    unit = named_unit(unit, currency)
    return unit if unit in TIME_UNITS or CURRENCY.fullmatch(unit) else ""


def with_unit(number: str, unit: str, currency: str | None = None) -> str:
    """Return a formatted number with its unit, as in `unit_in_text`.

    Examples
    --------
    >>> with_unit("1.20", "money", "EUR"), with_unit("12 %", "share", "EUR"), with_unit("-", "money", "EUR")
    ('1.20 EUR', '12 %', '-')
    """
    return number if number == "-" else f"{number} {unit_in_text(unit, currency)}".rstrip()


def in_currency(number: str, unit: str) -> str:
    """Return a formatted number, with its unit if that is a currency.

    Examples
    --------
    >>> in_currency("1.20", "EUR"), in_currency("1.20", "money"), in_currency("3", "days")
    ('1.20 EUR', '1.20', '3')
    """
    return f"{number} {unit}" if CURRENCY.fullmatch(unit) else number


def format_relative(value: float) -> str:
    """Format a relative change with two significant digits.

    Examples
    --------
    >>> format_relative(0.0574), format_relative(-0.273), format_relative(1.5), format_relative(0.00012)
    ('+5.7 %', '-27 %', '+150 %', '+0.012 %')
    """
    percent = 100 * value
    decimals = 0 if percent == 0 else max(1 - math.floor(math.log10(abs(percent))), 0)
    return f"{percent:+,.{min(decimals, 6)}f} %"


def format_interval(
    low: float, high: float, unit: str, decimals: int, *, is_difference: bool = False, is_beside_value: bool = False
) -> str:
    """Format an interval. An undefined interval gives an empty string.

    Parameters
    ----------
    low, high : float
        Ends of the interval in the unit of the metric.
    unit : str
        Unit of the metric.
    decimals : int
        Number of decimals; see `decimal_places`.
    is_difference : bool
        Whether the interval is for a difference.
    is_beside_value : bool
        Whether the value is printed with its unit beside the interval, which then needs no unit.

    Returns
    -------
    str

    Examples
    --------
    >>> format_interval(0.1, 0.3, "share", 0), format_interval(0.1, 0.3, "share", 0, is_beside_value=True)
    ('[10 %, 30 %]', '[10, 30]')
    """
    if math.isnan(low):
        return ""
    ends = [format_value(end, unit, decimals, is_difference=is_difference) for end in (low, high)]
    if is_beside_value:
        ends = [end.removesuffix(" %").removesuffix(" pp") for end in ends]
    return f"[{', '.join(ends)}]"
