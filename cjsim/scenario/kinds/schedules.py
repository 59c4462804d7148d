"""Schedules: the dates and times of day at which broadcasts are sent and flows start."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from cjsim.scenario.fields import WEEKDAYS, Day, Hour, Integer, TimeZone, Weekday, hour_text
from cjsim.scenario.name_checks import duplicate_faults
from cjsim.scenario.phrases import join_items, zone_phrase
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import FieldError, StrictModel


def days_on_weekdays(days: range, weekdays: Iterable[str], every_weeks: int, *, start: date) -> list[int]:
    """Return the days that fall on one of the weekdays, every n weeks, in blocks of seven days from the start.

    Parameters
    ----------
    days : range
        Days since the start.
    weekdays : iterable of str
        Days of the week.
    every_weeks : int
        Number of weeks from one block to the next.
    start : date
        Day 0.

    Returns
    -------
    list of int

    Examples
    --------
    >>> days_on_weekdays(range(30), ["monday"], 2, start=date(2026, 1, 4))
    [1, 15, 29]
    """
    chosen = {WEEKDAYS.index(weekday) for weekday in weekdays}
    return [day for day in days if (start + timedelta(days=day)).weekday() in chosen and day // 7 % every_weeks == 0]


def weeks_phrase(weekdays: tuple[str, ...], every_weeks: int) -> str:
    """Describe weekdays every n weeks."""
    weeks = "every week" if every_weeks == 1 else f"every {every_weeks} weeks"
    if every_weeks == 1 and set(weekdays) == set(WEEKDAYS):
        return "every day"
    return f"{weeks} on {join_items(day.capitalize() for day in weekdays)}"


class Schedule(StrictModel):
    """Weekdays every n weeks, or dates, at a time of day."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weekdays": ["tuesday"], "at": "10:00"}]})

    weekdays: tuple[Weekday, ...] = Field((), examples=[["tuesday"]])
    """Days of the week; either these or `dates` are required."""
    every_weeks: Annotated[Integer, Field(ge=1, le=52)] = Field(1, examples=[2])
    """Number of weeks from one scheduled week to the next, in blocks of seven days from the start of the simulation."""
    dates: tuple[Day, ...] = ()
    """Dates; either these or `weekdays` are required."""
    at: Hour = Field(examples=["10:00"])
    """Time of day at which the schedule applies, on each of these days."""
    time_zone: TimeZone = "firm"
    """Whose clock and calendar count: those of the firm, for all customers at once, or those of each customer."""

    @model_validator(mode="after")
    def _one_of(self) -> "Schedule":
        if bool(self.weekdays) == bool(self.dates):
            raise FieldError("must have either 'weekdays' or 'dates'", "Give exactly one of them, such as 'weekdays: [tuesday]'.")
        return self

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        """Yield a fault for each duplicate day."""
        yield from duplicate_faults((*path, "weekdays"), self.weekdays)
        yield from duplicate_faults((*path, "dates"), [f"{day}" for day in self.dates])

    def phrase(self) -> str:
        """Describe the schedule."""
        dates = f"on {join_items(str(day) for day in self.dates)}"
        when = weeks_phrase(self.weekdays, self.every_weeks) if self.weekdays else dates
        return f"{when} at {hour_text(self.at)}{zone_phrase(self.time_zone, 'firm')}"

    def local_times(self, days: range, *, start: date) -> list[float]:
        """Return the scheduled times.

        `every_weeks` counts seven-day blocks from the start. The first block is always included.

        Parameters
        ----------
        days : range
            Days since the start from which weekdays are taken. Dates are included even if they are outside this range.
        start : date
            Day 0.

        Returns
        -------
        list of float
            Local times in days since midnight of day 0, ascending.

        Examples
        --------
        >>> Schedule(weekdays=["monday"], every_weeks=2, at="12:00").local_times(range(30), start=date(2026, 1, 4))
        [1.5, 15.5, 29.5]
        """
        if self.dates:
            chosen: Iterable[int] = sorted({(day - start).days for day in self.dates})
        else:
            chosen = days_on_weekdays(days, self.weekdays, self.every_weeks, start=start)
        return [day + self.at / 24 for day in chosen]

    def is_within(self, *, start: date, horizon_days: float) -> bool:
        """Whether any date is within the simulated period. Always true for a schedule of weekdays.

        Parameters
        ----------
        start : date
            Day 0.
        horizon_days : float
            Horizon, in days.

        Returns
        -------
        bool
        """
        return not self.dates or any(0 <= (day - start).days + self.at / 24 < horizon_days for day in self.dates)
