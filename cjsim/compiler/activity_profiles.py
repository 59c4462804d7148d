"""Compiles activity profiles: activity time a(t) at hourly knots, and a guide for its inverse.

The weight at hour h of weekday d on date D is hours[h]/mean(hours) * weekdays[d]/mean(weekdays) * season(D)/mean(season
over the calendar year of D). season(D) is the product of `times` of all seasons that contain D, both ends included. So the
mean weight over a week without seasons is 1, and the mean of the season factor over each calendar year is 1.

`World.activity` holds, from `PROFILE.first` on, a(t) in days at t = begin + i/24, i = 0 ... count - 1, with a(0) = 0 and
begin = -`MARGIN_DAYS`. The last knot is `MARGIN_DAYS` after the last day of the horizon. `World.guide` holds, from
`PROFILE.guide` on, for each whole hour j of activity time after a(begin), the last knot (counted from `first`) at or
before it, so that a forward search from there ends after a step or two.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr
from cjsim.scenario.journey import Activity, Season

FloatArray = NDArray[np.float64]

MARGIN_DAYS = 2  # a customer's clock_shift may reach this far beyond both ends
_ROUNDING = 1e-9  # days: the largest rounding error of a kernel's hour of activity time


class Profile(NamedTuple):
    """The table of one activity profile."""

    activity: FloatArray  # days, by hourly knot
    guide: NDArray[np.int32]  # knots, by hour of activity time
    begin: float  # day of the first knot


class _ParsedSeason(NamedTuple):
    """A season with its ends as (month, day)."""

    first: tuple[int, int]
    last: tuple[int, int]
    times: float


def profile_table(activity: Activity, *, start: date, horizon_days: float, where: str) -> Profile:
    """Activity time at hourly knots, from two days before the start to two days after the horizon.

    Parameters
    ----------
    activity : Activity
        As declared.
    start : date
        Day 0.
    horizon_days : float
        Days, above 0.
    where : str
        The name of the profile in error messages.

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        If a season's date does not exist, or seasons leave a year without any activity.

    Examples
    --------
    >>> table = profile_table(Activity(), start=date(2026, 1, 1), horizon_days=1.0, where="activity.always")
    >>> table.activity[:2] * 24
    array([-48., -47.])
    """
    n_days = int(np.ceil(horizon_days)) + 2 * MARGIN_DAYS
    days = [start + timedelta(days=offset - MARGIN_DAYS) for offset in range(n_days)]
    hours = np.array(activity.hours) / np.mean(activity.hours)
    weekdays = np.array(activity.weekdays) / np.mean(activity.weekdays)
    seasons = season_factors(activity.seasons, days, where=where)
    by_day = weekdays[[day.weekday() for day in days]] * seasons
    weights = (by_day[:, None] * hours[None, :]).ravel()
    activity_hours = np.concatenate([[0.0], np.cumsum(weights)])
    table = (activity_hours - activity_hours[24 * MARGIN_DAYS]) / 24.0
    return Profile(table, _guide_table(table), -float(MARGIN_DAYS))


def season_factors(seasons: Mapping[str, Season], days: list[date], *, where: str) -> FloatArray:
    """The season factor of each day. Its mean over each calendar year is 1.

    Parameters
    ----------
    seasons : mapping of str to Season
        As declared.
    days : list of date
        Consecutive days.
    where : str
        The name of the profile in error messages.

    Returns
    -------
    ndarray of float64, shape (n_days,)

    Raises
    ------
    InputError
        If a season's date does not exist, or seasons leave a year without any activity.
    """
    parsed = [_parse_season(season, f"{where}.seasons.{name}") for name, season in seasons.items()]
    means = {}
    for year in {day.year for day in days} if parsed else ():
        days_of_year = [date(year, 1, 1) + timedelta(days=offset) for offset in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
        means[year] = float(np.mean([_season_product(parsed, day) for day in days_of_year]))
        if not means[year] > 0:
            must = "must leave some days of each year with activity"
            raise InputError(format_error(f"{where}.seasons", must, f"none in {year}", "Shorten a season, or give it 'times' above 0."))
    return np.array([_season_product(parsed, day) / means[day.year] if parsed else 1.0 for day in days])


def _parse_season(season: Season, where: str) -> _ParsedSeason:
    ends = []
    for key, text in (("from", season.first), ("to", season.last)):
        month, day = int(text[:2]), int(text[3:])
        try:
            date(2024, month, day)  # a leap year: 02-29 exists
        except ValueError:
            must = "must be a month and day that exist"
            raise InputError(format_error(f"{where}.{key}", must, short_repr(text), "Write them such as '11-25'.")) from None
        ends.append((month, day))
    return _ParsedSeason(ends[0], ends[1], season.times)


def _season_product(seasons: list[_ParsedSeason], day: date) -> float:
    month_day = (day.month, day.day)
    factor = 1.0
    for first, last, times in seasons:
        inside = first <= month_day <= last if first <= last else month_day >= first or month_day <= last
        factor *= times if inside else 1.0
    return factor


def _guide_table(table: FloatArray) -> NDArray[np.int32]:
    n_hours = int((table[-1] - table[0]) * 24.0) + 1
    hourly = table[0] + np.arange(n_hours) / 24.0 - _ROUNDING
    return np.asarray(np.maximum(np.searchsorted(table, hourly, side="right") - 1, 0), dtype=np.int32)
