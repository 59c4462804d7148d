"""Compiles activity profiles: activity time a(t) at equidistant knots, and a guide table for its inverse.

The weight at hour h of weekday d on date D is hours[h]/mean(hours) * weekdays[d]/mean(weekdays) * season(D)/mean(season
over the calendar year of D). season(D) is the product of `times` of all seasons that contain D, both ends included. The
mean weight over a week without seasons is therefore 1, and so is the mean of the season factor over each calendar year.

`World.activity` contains, from `PROFILE.first` on, a(t) in days at t = begin + i/`per_day`, i = 0 ... count - 1, with a(0) = 0 and
begin = -`MARGIN_DAYS`, or `MARGIN_DAYS` before the beginning of the simulation if customers exist before day 0. There are 24 knots a day,
or 48 or 96 if local hours in some time zone begin at half or quarter hours. The last knot is `MARGIN_DAYS` after the last simulated day.
`World.guide` contains, from `PROFILE.guide` on, the last knot (counted from `first`) at or before each multiple of 1 / `per_day` of
activity time after a(begin). A forward search from this knot ends after one or two steps.

In a time zone, the weight at a time is that of the local hour. An hour that daylight saving time skips does not count in a(t); one that
occurs twice counts twice.
"""

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr
from cjsim.kernels.codes import HOURS_PER_DAY
from cjsim.scenario.journey import Activity, Season
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.time_zones import NO_OFFSET, LocalTime, ZoneTable

FloatArray = NDArray[np.float64]

MARGIN_DAYS = 2  # customers' clock shifts extend past either end by at most this many days
_ROUNDING = 1e-9  # days; bound on the rounding error when kernels compute an hour of activity time


class Profile(NamedTuple):
    """Tables of one activity profile in a time zone."""

    activity: FloatArray  # (n_knots,), activity time in days at equidistant knots
    guide: NDArray[np.int32]  # (n_steps,), index of the knot at each multiple of 1 / per_day of activity time
    begin: float  # time of the first knot, in days
    per_day: int = HOURS_PER_DAY  # knots per day


def profile_tables(scenario: ScenarioSpec, zones: ZoneTable) -> dict[str, Any]:
    """Compile the activity profiles of a scenario, one time zone after another.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.
    zones : ZoneTable
        Its time zones.

    Returns
    -------
    dict of str to list or ndarray
        Rows and values by field of `World`.

    Raises
    ------
    InputError
        If the date of a season does not exist, or seasons leave a year without activity.
    """
    rows: list[dict[str, float]] = []
    activity: list[FloatArray] = [np.zeros(0)]
    guide: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    first = guide_first = 0
    for zone in zones.zones if zones.has_offsets else zones.zones[:1]:
        for name, declared in scenario.journey.activity.items():
            where, hourly = f"activity.{name}", zones.knots_per_hour
            table = profile_table(
                declared,
                start=scenario.start,
                horizon_days=scenario.simulated_days,
                where=where,
                zone=zone,
                knots_per_hour=hourly,
                begin_days=math.floor(scenario.begins),
            )
            count, guide_count = len(table.activity), len(table.guide)
            span = {"first": first, "count": count, "guide": guide_first, "guides": guide_count}
            rows.append({**span, "begin": table.begin, "per_day": table.per_day})
            activity.append(table.activity)
            guide.append(table.guide)
            first, guide_first = first + count, guide_first + guide_count
    return {"profiles": rows, "activity": np.concatenate(activity), "guide": np.concatenate(guide)}


def profile_table(
    activity: Activity,
    *,
    start: date,
    horizon_days: float,
    where: str,
    zone: LocalTime = NO_OFFSET,
    knots_per_hour: int = 1,
    begin_days: int = 0,
) -> Profile:
    """Compile one activity profile, from two days before the beginning of the simulation to two days after its end.

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
    zone : LocalTime
        Local time of the customers.
    knots_per_hour : int
        1, 2 or 4, such that all local hours begin at knots.
    begin_days : int
        Whole days from day 0 to the beginning of the simulation, 0 or negative.

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
    days_before, per_day = MARGIN_DAYS - begin_days, HOURS_PER_DAY * knots_per_hour
    n_days = days_before + int(np.ceil(horizon_days)) + MARGIN_DAYS
    slots = _local_slots(zone, days_before, n_days * per_day, per_day)
    first_day, last_day = int(slots.min() // per_day), int(slots.max() // per_day)
    days = [start + timedelta(days=day) for day in range(first_day, last_day + 1)]
    hours = np.repeat(np.array(activity.hours) / np.mean(activity.hours), knots_per_hour)
    weekdays = np.array(activity.weekdays) / np.mean(activity.weekdays)
    seasons = season_factors(activity.seasons, days, where=where)
    by_day = weekdays[[day.weekday() for day in days]] * seasons
    weights = (by_day[:, None] * hours[None, :]).ravel()[slots - first_day * per_day]
    activity_steps = np.concatenate([[0.0], np.cumsum(weights)])
    table = (activity_steps - activity_steps[per_day * days_before]) / per_day
    return Profile(table, _guide_table(table, per_day), -float(days_before), per_day)


def _local_slots(zone: LocalTime, days_before: int, count: int, per_day: int) -> NDArray[np.int64]:
    """Local time at the start of each interval between knots, as the number of intervals since midnight of day 0."""
    begins = np.arange(count) / per_day - days_before
    steps = np.round(np.array(zone.offsets) * per_day).astype(np.int64)
    return np.arange(count) - days_before * per_day + steps[np.searchsorted(zone.begins, begins + _ROUNDING, side="right") - 1]


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


def _guide_table(table: FloatArray, per_day: int) -> NDArray[np.int32]:
    n_steps = int((table[-1] - table[0]) * per_day) + 1
    equidistant = table[0] + np.arange(n_steps) / per_day - _ROUNDING
    return np.asarray(np.maximum(np.searchsorted(table, equidistant, side="right") - 1, 0), dtype=np.int32)
