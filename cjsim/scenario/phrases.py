"""Formats numbers, durations, shares and names for descriptions."""

import math
from collections.abc import Iterable

_UNITS = ((1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute"), (1 / 86_400, "second"))
_MONTH = (365 / 12, "month")


def format_number(value: float) -> str:
    """Format a number with three significant digits and thousands separators."""
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e15 else f"{value:.3g}"


def duration_phrase(days: float) -> str:
    """Format a duration in days with its unit, rounded to three significant digits. Whole months that are not whole days stay months."""
    if math.isinf(days):
        return "an infinite time"
    size, unit_name = next((unit for unit in _UNITS if days >= unit[0] * 0.995), _UNITS[-1])
    if days % 1.0 and _is_whole(days / _MONTH[0]):
        size, unit_name = _MONTH
    count = format_number(days / size)
    return f"{count} {unit_name if count == '1' else f'{unit_name}s'}"


def _is_whole(count: float) -> bool:
    return round(count) >= 1 and math.isclose(count, round(count), rel_tol=1e-12)


def span_phrase(days: float) -> str:
    """Format a span in days, in years if it is a whole number of 365 days.

    Examples
    --------
    >>> span_phrase(1095.0), span_phrase(365.0), span_phrase(540.0)
    ('3 years', '1 year', '540 days')
    """
    years = round(days / 365.0)
    if years >= 1 and days == 365.0 * years:
        return f"{years} year{'' if years == 1 else 's'}"
    return duration_phrase(days)


def delay_phrase(days: float) -> str:
    """Describe a fixed delay in days, such as "after 3 hours" or "immediately"."""
    return f"after {duration_phrase(days)}" if days else "immediately"


def zone_phrase(time_zone: str, default: str) -> str:
    """State whose time counts, unless it is the default."""
    return "" if time_zone == default else f" in the {time_zone}'s time"


def format_percent(share: float) -> str:
    """Format a share as a percentage."""
    return f"{100 * share:.4g} %"


def ordinal(number: int) -> str:
    """Format an ordinal number.

    Examples
    --------
    >>> ordinal(1), ordinal(2), ordinal(11), ordinal(23)
    ('1st', '2nd', '11th', '23rd')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def mix_phrase(weights: dict[str, float]) -> str:
    """Format names with their shares of the total weight."""
    total = math.fsum(weights.values()) or 1.0
    return join_names(f"{name} {format_percent(weight / total)}" for name, weight in weights.items())


def name_with_title(name: str, title: str) -> str:
    """Format a name, followed by its title in parentheses if it has one."""
    return f"{name} ({title})" if title else name


def join_names(names: Iterable[str]) -> str:
    """Join names with commas."""
    return ", ".join(names)


def join_alternatives(names: Iterable[str]) -> str:
    """Join names with commas and a final "or"."""
    return _join_with(names, "or")


def join_items(names: Iterable[str]) -> str:
    """Join names with commas and a final "and"."""
    return _join_with(names, "and")


def _join_with(names: Iterable[str], conjunction: str) -> str:
    *first, last = [*names] or [""]
    return f"{join_names(first)} {conjunction} {last}" if first else last


def score_phrase(points: dict[str, float]) -> str:
    """Describe the points added to scores."""
    return join_names(f"score {name} {gain:+g}" for name, gain in points.items())


def desk_phrase(desk: str, priority: int) -> str:
    """Describe a desk and the priority of a request."""
    return f"the {desk} desk" + (f" with priority {priority}" if priority else "")


def channels_phrase(channels: Iterable[str]) -> str:
    """Describe the channels of a rule, with a leading space. Returns an empty string if the rule applies to all channels."""
    listed = join_alternatives(channels)
    return f" by {listed}" if listed else ""
