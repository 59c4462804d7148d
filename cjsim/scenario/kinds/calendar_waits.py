"""Waits for the calendar: events that happen on weekdays or days of the month, at a time of day."""

from calendar import monthrange
from datetime import date, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from cjsim.kernels.codes import DistributionCode
from cjsim.scenario.fields import Hour, Integer, TimeZone, Weekday, check_listed_once, hour_text
from cjsim.scenario.kinds.registers import DistributionRecord, Registers
from cjsim.scenario.kinds.schedules import days_on_weekdays, weeks_phrase
from cjsim.scenario.phrases import join_items, ordinal, zone_phrase
from cjsim.yaml.keyed_union import Kind
from cjsim.yaml.strict_model import FieldError, StrictModel

_SHORTEST_MONTH = 28
_DaysOfMonth = Annotated[tuple[Annotated[Integer, Field(ge=1, le=31)], ...], Field(examples=[[1]])]


class CalendarTimes(StrictModel):
    """Weekdays every n weeks, or days of the month every n months, at a time of day."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"weekdays": ["thursday"], "at": "23:59"}, {"days_of_month": [1], "at": "06:00"}]}
    )

    weekdays: tuple[Weekday, ...] = Field((), examples=[["thursday"]])
    """Days of the week; either these or `days_of_month` are required."""
    every_weeks: Annotated[Integer, Field(ge=1, le=52)] = Field(1, examples=[2])
    """Number of weeks from one week with occurrences to the next, in blocks of seven days from the start of the simulation."""
    days_of_month: _DaysOfMonth = ()
    """Days of the month; either these or `weekdays` are required. A day beyond the end of a month, such as 31, means its last day."""
    every_months: Annotated[Integer, Field(ge=1, le=120)] = Field(1, examples=[3])
    """Number of months from one month with occurrences to the next, counted from the month in which the simulation starts."""
    at: Hour = Field(0.0, examples=["23:59"])
    """Time of day on each of these days; midnight at the start of the day by default."""
    time_zone: TimeZone = Field("customer", examples=["firm"])
    """Whose clock and calendar count: those of the customer or those of the firm."""

    @model_validator(mode="after")
    def _one_of(self) -> "CalendarTimes":
        if bool(self.weekdays) == bool(self.days_of_month):
            raise FieldError("must have either 'weekdays' or 'days_of_month'", "Give exactly one of them, such as 'days_of_month: [1]'.")
        other, days = ("every_months", "weekdays") if self.weekdays else ("every_weeks", "days_of_month")
        if getattr(self, other) != 1:
            raise FieldError(f"must not have '{other}' with '{days}'", f"Remove '{other}'.")
        check_listed_once(self.weekdays or self.days_of_month)
        return self

    def local_times(self, days: range, *, start: date) -> list[float]:
        """Return the times on consecutive days.

        Parameters
        ----------
        days : range
            Days since the start.
        start : date
            Day 0.

        Returns
        -------
        list of float
            Local times in days since midnight of day 0, ascending.

        Examples
        --------
        >>> CalendarTimes(days_of_month=[31], at="12:00").local_times(range(90), start=date(2026, 1, 1))
        [30.5, 58.5, 89.5]
        """
        if self.weekdays:
            chosen = days_on_weekdays(days, self.weekdays, self.every_weeks, start=start)
        else:
            chosen = [day for day in days if self._is_chosen(start + timedelta(days=day), start)]
        return [day + self.at / 24 for day in chosen]

    def _is_chosen(self, day: date, start: date) -> bool:
        last = monthrange(day.year, day.month)[1]
        months = 12 * (day.year - start.year) + day.month - start.month
        return months % self.every_months == 0 and any(day.day == min(chosen, last) for chosen in self.days_of_month)

    def mean_days(self) -> float:
        """Return the mean time from one occurrence to the next, in days."""
        return 7.0 * self.every_weeks / len(self.weekdays) if self.weekdays else 365 / 12 * self.every_months / len(self.days_of_month)

    def phrase(self) -> str:
        """Describe the times."""
        return f"{self._days_phrase()} at {hour_text(self.at)}{zone_phrase(self.time_zone, 'customer')}"

    def _days_phrase(self) -> str:
        if self.weekdays:
            return weeks_phrase(self.weekdays, self.every_weeks)
        months = "every month" if self.every_months == 1 else f"every {ordinal(self.every_months)} month"
        last = " (or its last day)" if max(self.days_of_month) > _SHORTEST_MONTH else ""
        return f"on the {join_items(ordinal(day) for day in sorted(self.days_of_month))} of {months}{last}"


class CalendarWait(Kind, key="calendar"):
    """Makes the event happen at the first of the given calendar times after its clock starts. Nothing changes the speed of this clock."""

    calendar: CalendarTimes
    """Days and time of day."""

    @property
    def can_be_zero(self) -> bool:
        """Whether the wait can be 0: never, because an occurrence at the start of the clock does not count."""
        return False

    @property
    def is_always_zero(self) -> bool:
        """Whether the wait is always 0."""
        return False

    def mean(self) -> float:
        """Return the mean time from one occurrence to the next, in days."""
        return self.calendar.mean_days()

    def phrase(self) -> str:
        """Describe when the event happens."""
        return self.calendar.phrase()

    def event_record(self, registers: Registers) -> DistributionRecord:
        """Return the compiled record, which gives the span of the occurrences in `World.schedule`."""
        first, count, stride = registers.occurrences(self.calendar.local_times, self.calendar.time_zone)
        return DistributionRecord(DistributionCode.CALENDAR, table=first, length=count, stride=stride)
