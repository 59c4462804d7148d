"""Numbers as pages show them: signs, units, decimals and intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cjsim.metrics.number_format import MONEY_UNIT, SCORE_UNIT, TIME_UNITS
from cjsim.metrics.ratios import CUSTOMERS_WHO_ENTERED, SHARE_UNIT, MetricDefinition
from cjsim.scenario.fields import CURRENCY

MINUS = "\N{MINUS SIGN}"
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_FEWEST_DECIMALS = {SHARE_UNIT: 1, MONEY_UNIT: 2, SCORE_UNIT: 3}
_MOST_DECIMALS = 6
_HOUR, _MINUTES_IN_HOURS = 60.0, 180.0  # longer times are shown in hours
_SHARES_OF_TIME = "utilisation"  # a ratio that is read as a percentage
_MOST_PER = 10_000
_LARGE = 10_000  # from here on, numbers have no decimals


@dataclass(frozen=True)
class QuantityFormat:
    """How the values of one quantity are written.

    Attributes
    ----------
    scale : float
        Factor between values and shown numbers.
    decimals : int
        Number of decimals.
    prefix, suffix, difference_suffix : str
        What stands before a number, after a level, and after a difference.
    per : str
        The denominator in words, such as 'per 100 customers'; empty if the suffix says it all.
    """

    scale: float = 1.0
    decimals: int = 2
    prefix: str = ""
    suffix: str = ""
    difference_suffix: str = ""
    per: str = ""

    def level(self, value: float) -> str:
        """Return a level, such as '$19.57' or '39.7%'."""
        return "–" if math.isnan(value) else f"{self._signed(value, self.prefix, is_difference=False)}{self.suffix}"

    def difference(self, value: float) -> str:
        """Return a difference with its sign, such as '+$0.98' or '−1.7 pp'."""
        return "–" if math.isnan(value) else f"{self._signed(value, self.prefix, is_difference=True)}{self.difference_suffix}"

    def size(self, value: float) -> str:
        """Return the size of a difference without its sign, such as '$0.98'."""
        return self.difference(abs(value)).removeprefix("+")

    def interval(self, low: float, high: float, *, is_difference: bool = True) -> str:
        """Return an interval without units, such as '[+0.76, +1.20]'; empty if it is undefined."""
        if math.isnan(low) or math.isnan(high):
            return ""
        ends = (self._signed(end, "", is_difference=is_difference) for end in (low, high))
        return f"[{', '.join(ends)}]"

    def size_interval(self, low: float, high: float) -> str:
        """Return the interval of a size, such as '[0.76, 1.20]' for a fall between 0.76 and 1.20."""
        if high <= 0:
            low, high = -high, -low
        return self.interval(low, high, is_difference=low < 0)

    def _signed(self, value: float, prefix: str, *, is_difference: bool) -> str:
        number = round(value * self.scale, self.decimals) + 0.0
        sign = MINUS if number < 0 else "+" if is_difference and number > 0 else ""
        return f"{sign}{prefix}{abs(number):,.{self.decimals}f}"


def quantity_format(
    definition: MetricDefinition, levels: Sequence[float], *, half_width: float = math.nan, currency: str | None = None
) -> QuantityFormat:
    """Choose how a metric is written: percentages for shares, rare events per 100 or more customers, decimals by the interval.

    Parameters
    ----------
    definition : MetricDefinition
        The metric.
    levels : sequence of float
        Its values, in its unit; nan is ignored.
    half_width : float
        Half the width of the interval, in its unit. The first digit of it is shown.
    currency : str, optional
        Currency of the scenario, an ISO 4217 code.

    Examples
    --------
    >>> from cjsim.metrics.shipped_metrics import PLACEHOLDER_NAMES, shipped_metric_definitions
    >>> metrics = {one.name: one for one in shipped_metric_definitions(PLACEHOLDER_NAMES)}
    >>> form = quantity_format(metrics["opt_outs"], [0.258, 0.33], half_width=0.0066)
    >>> form.difference(0.0722), form.per
    ('+7.2', 'per 100 customers')
    >>> quantity_format(metrics["churn"], [0.78, 0.797], half_width=0.008).difference(-0.0171)
    '−1.7 pp'
    """
    largest = max((abs(level) for level in levels if math.isfinite(level)), default=0.0)
    unit, is_mean = definition.unit, definition.denominator == CUSTOMERS_WHO_ENTERED and not definition.is_total
    form = QuantityFormat(per="per customer" if is_mean else "")
    if unit == SHARE_UNIT or definition.name.startswith(_SHARES_OF_TIME):
        form = QuantityFormat(scale=100.0, suffix="%", difference_suffix=" pp", per=f"of {definition.denominator}")
        unit = SHARE_UNIT
    elif unit == MONEY_UNIT or CURRENCY.fullmatch(unit):
        code = currency if unit == MONEY_UNIT else unit
        symbol = "" if code is None else _SYMBOLS.get(code, f"{code} ")
        form = QuantityFormat(prefix=symbol, per=form.per)
    elif unit == SCORE_UNIT:
        form = QuantityFormat(per="from 0 to 1")
    elif unit in TIME_UNITS:
        form = _duration_format(unit, largest, form.per)
    elif is_mean and 0 < largest < 1:
        scale = 100.0
        while largest * scale < 1 and scale < _MOST_PER:
            scale *= 10
        form = QuantityFormat(scale=scale, per=f"per {scale:,.0f} customers")
    fewest = _FEWEST_DECIMALS.get(MONEY_UNIT if form.prefix else unit, 0 if definition.is_total or largest * form.scale >= 1000 else 1)
    decimals = _decimals(half_width * form.scale, largest * form.scale, fewest)
    return QuantityFormat(form.scale, decimals, form.prefix, form.suffix, form.difference_suffix, form.per)


def _duration_format(unit: str, largest: float, per: str) -> QuantityFormat:
    """Write a time in the unit that a person would use."""
    if unit == "minutes" and largest >= _MINUTES_IN_HOURS:
        return QuantityFormat(scale=1 / _HOUR, suffix=" h", difference_suffix=" h", per=per)
    suffix = " min" if unit == "minutes" else f" {unit}"
    return QuantityFormat(suffix=suffix, difference_suffix=suffix, per=per)


def _decimals(half_width: float, largest: float, fewest: int) -> int:
    if largest >= _LARGE:
        return 0
    if not math.isfinite(half_width) or half_width <= 0:
        return fewest
    return min(max(-math.floor(math.log10(half_width)), fewest), _MOST_DECIMALS)


def rounded_total(value: float, prefix: str = "") -> str:
    """Return a total with three significant digits and thousands separators.

    Examples
    --------
    >>> rounded_total(98_123.4, "$"), rounded_total(-1234567.0)
    ('$98,100', '−1,230,000')
    """
    digits = 0 if value == 0 else 2 - math.floor(math.log10(abs(value)))
    number = round(value, min(digits, 2))
    return f"{MINUS if number < 0 else ''}{prefix}{abs(number):,.{max(min(digits, 2), 0)}f}"


def share_text(share: float, decimals: int = 1) -> str:
    """Return a share as a percentage, such as '39.7%'."""
    return "–" if math.isnan(share) else f"{100 * share:.{decimals}f}%"


def count_text(count: float, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> count_text(1, "customer"), count_text(2500, "customer"), count_text(2, "reply", "replies")
    ('1 customer', '2,500 customers', '2 replies')
    """
    return f"{count:,.0f} {noun if count == 1 else plural or noun + 's'}"


def title_case(name: str) -> str:
    """Return a key of a document as a title: 'first_value' becomes 'First value'."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
