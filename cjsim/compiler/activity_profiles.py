"""Compiles activity profiles: activity time a(t) at hourly knots, and a guide table for its inverse.

The weight at hour h of weekday d on date D is hours[h]/mean(hours) * weekdays[d]/mean(weekdays) * season(D)/mean(season
over the calendar year of D). season(D) is the product of `times` of all seasons that contain D, both ends included. The
mean weight over a week without seasons is therefore 1, and so is the mean of the season factor over each calendar year.

`World.activity` contains, from `PROFILE.first` on, a(t) in days at t = begin + i/24, i = 0 ... count - 1, with a(0) = 0 and
begin = -`MARGIN_DAYS`. The last knot is `MARGIN_DAYS` after the last day of the horizon. `World.guide` contains, from
`PROFILE.guide` on, the last knot (counted from `first`) at or before each whole hour j of activity time after a(begin).
A forward search from this knot ends after one or two steps.
"""

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr
from cjsim.scenario.journey import Activity, Season

FloatArray = NDArray[np.float64]

MARGIN_DAYS = 2  # customers' clock shifts extend past either end by at most this many days
_ROUNDING = 1e-9  # days; bound on the rounding error when kernels compute an hour of activity time


class Profile(NamedTuple):
    """Tables of one activity profile."""

    activity: FloatArray  # (n_knots,), activity time in days at hourly knots
    guide: NDArray[np.int32]  # (n_hours,), index of the knot at each hour of activity time
    begin: float  # time of the first knot, in days


def profile_table(activity: Activity, *, start: date, horizon_days: float, where: str) -> Profile:
    """Compile one activity profile, from two days before the start to two days after the horizon.

    Parameters
    ----------
    activity : Activity
        The profile, as declared.
    start : date
        Day 0.
    horizon_days : float
        Simulated days, above 0.
    where : str
        The name of the profile in error messages.

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        If the date of a season does not exist, or seasons leave a year without activity.

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
    """Compute the season factor of each day. Its mean over each calendar year is 1.

    Parameters
    ----------
    seasons : mapping of str to Season
        Seasons by name, as declared.
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
        If the date of a season does not exist, or seasons leave a year without activity.
    """
    for name, season in seasons.items():
        _check_ends(season, f"{where}.seasons.{name}")
    means = {}
    for year in {day.year for day in days} if seasons else ():
        days_of_year = [date(year, 1, 1) + timedelta(days=offset) for offset in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
        means[year] = float(np.mean([_season_product(seasons, day) for day in days_of_year]))
        if not means[year] > 0:
            must = "must leave at least one day of each year with activity"
            raise InputError(format_error(f"{where}.seasons", must, f"none in {year}", "Shorten a season, or give it 'times' above 0."))
    return np.array([_season_product(seasons, day) / means[day.year] if seasons else 1.0 for day in days])


def _check_ends(season: Season, where: str) -> None:
    for key, text in (("from", season.first), ("to", season.last)):
        try:
            date(2024, int(text[:2]), int(text[3:]))  # a leap year, so 02-29 exists
        except ValueError:
            must = "must be an existing month and day"
            raise InputError(format_error(f"{where}.{key}", must, short_repr(text), "Write it as MM-DD, such as '11-25'.")) from None


def _season_product(seasons: Mapping[str, Season], day: date) -> float:
    return math.prod((season.times for season in seasons.values() if season.contains(day)), start=1.0)


def _guide_table(table: FloatArray) -> NDArray[np.int32]:
    n_hours = int((table[-1] - table[0]) * 24.0) + 1
    hourly = table[0] + np.arange(n_hours) / 24.0 - _ROUNDING
    return np.asarray(np.maximum(np.searchsorted(table, hourly, side="right") - 1, 0), dtype=np.int32)
