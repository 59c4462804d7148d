"""Schedules: the dates and times of day at which broadcasts are sent and flows start."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from cjsim.scenario.fields import WEEKDAYS, Day, Hour, Integer, Weekday, hour_text
from cjsim.scenario.name_checks import duplicate_faults
from cjsim.scenario.phrases import join_items
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import FieldError, StrictModel


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
        weeks = "every week" if self.every_weeks == 1 else f"every {self.every_weeks} weeks"
        if self.every_weeks == 1 and set(self.weekdays) == set(WEEKDAYS):
            when = "every day"
        elif self.weekdays:
            when = f"{weeks} on {join_items(day.capitalize() for day in self.weekdays)}"
        else:
            when = f"on {join_items(str(day) for day in self.dates)}"
        return f"{when} at {hour_text(self.at)}"

    def times(self, *, start: date, horizon_days: float) -> list[float]:
        """Return the scheduled times from the start to the horizon.

        `every_weeks` counts seven-day blocks from the start. The first block is always included.

        Parameters
        ----------
        start : date
            Day 0.
        horizon_days : float
            Days.

        Returns
        -------
        list of float
            Days since the start, ascending.

        Examples
        --------
        >>> Schedule(weekdays=["monday"], every_weeks=2, at="12:00").times(start=date(2026, 1, 4), horizon_days=30)
        [1.5, 15.5, 29.5]
        """
        if self.dates:
            days: Iterable[int] = sorted({(day - start).days for day in self.dates})
        else:
            weekdays = {WEEKDAYS.index(weekday) for weekday in self.weekdays}
            days = [
                day
                for day in range(int(horizon_days) + 1)
                if (start + timedelta(days=day)).weekday() in weekdays and day // 7 % self.every_weeks == 0
            ]
        return [time for day in days if 0 <= (time := day + self.at / 24) <= horizon_days]

    def is_within(self, *, start: date, horizon_days: float) -> bool:
        """Whether any date is within the simulated period. Always true for a schedule of weekdays.

        Parameters
        ----------
        start : date
            Day 0.
        horizon_days : float
            Days.

        Returns
        -------
        bool
        """
        return not self.dates or any(0 <= (day - start).days + self.at / 24 < horizon_days for day in self.dates)
