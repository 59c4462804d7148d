"""Calendar months of a simulation: their names, and the days on which they end."""

from collections.abc import Container
from datetime import date
from typing import NamedTuple

MONTH = "month"  # the grouping by calendar month


class CalendarMonths(NamedTuple):
    """The calendar months from the start to the horizon.

    Attributes
    ----------
    names : tuple of str
        Names such as '2026-03'.
    ends : tuple of float
        Days from the start to the end of each month; the last one is the horizon.
    partial : tuple of str
        Names of the months that the simulation covers only in part: the first, the last, both or neither.
    """

    names: tuple[str, ...]
    ends: tuple[float, ...]
    partial: tuple[str, ...]


def calendar_months(start: date, horizon: float) -> CalendarMonths:
    """Return the calendar months that a simulation covers, in whole days from the start, as for the month of entry.

    Parameters
    ----------
    start : date
        Day 0.
    horizon : float
        Days from the start to the horizon, above 0.

    Returns
    -------
    CalendarMonths

    Examples
    --------
    >>> calendar_months(date(2026, 1, 5), 60.0)
    CalendarMonths(names=('2026-01', '2026-02', '2026-03'), ends=(27.0, 55.0, 60.0), partial=('2026-01', '2026-03'))
    """
    names, ends, first, end = [], [], start.replace(day=1), 0.0
    while end < horizon:
        names.append(f"{first:%Y-%m}")
        first = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        end = float((first - start).days)
        ends.append(min(end, horizon))
    partial = ([names[0]] if start.day > 1 else []) + ([names[-1]] if end > horizon else [])
    return CalendarMonths(tuple(names), tuple(ends), tuple(dict.fromkeys(partial)))


def is_by_month(by: str | None, attributes: Container[str]) -> bool:
    """Return whether a grouping is by calendar month. An attribute of this name has priority.

    Parameters
    ----------
    by : str or None
        The grouping.
    attributes : container of str
        Names of the attributes of the journey.
    """
    return by == MONTH and MONTH not in attributes
