"""Terms of a wait until a local time, either at the same hour for all customers or at each customer's best hour."""

from typing import Annotated

from pydantic import Field, model_validator

from cjsim.scenario.fields import WEEKDAYS, Hour, Integer, TimeZone, Weekday, hour_text
from cjsim.scenario.kinds.registers import RecordFields
from cjsim.scenario.phrases import join_items, zone_phrase
from cjsim.yaml.strict_model import FieldError, StrictModel


class WaitUntilTerms(StrictModel):
    """The next time of day on one of the weekdays, at the same hour for all customers or at the customer's own hour.

    With `best_hour`, the end of the wait is shifted from `at` by the number of hours by which the customer's observed opens, clicks and
    visits are later than `typical`. Set `at` to the best hour for all customers, and read `typical` from the log of customers who are
    contacted at `at`. Otherwise, customers who are slow to open look like customers who are active late in the day.
    """

    at: Hour = Field(examples=["18:00"])
    """Time of day at which the wait ends; the current time counts."""
    weekdays: tuple[Weekday, ...] = ()
    """Days of the week on which the wait may end; any day by default."""
    best_hour: bool = False
    """Whether to shift `at` to the customer's best hour."""
    typical: Hour | None = Field(None, examples=["19:30"])
    """Time of day at which customers typically open, click and visit; `at` by default. It matters only with `best_hour`."""
    learn_from: Annotated[Integer, Field(ge=1, le=1000)] = Field(5, examples=[10])
    """Number of observed opens, clicks and visits before the hour is shifted. It matters only with `best_hour`."""
    time_zone: TimeZone = Field("customer", examples=["firm"])
    """Whose clock and calendar count: those of the customer or those of the firm."""

    @model_validator(mode="after")
    def _own_hour(self) -> "WaitUntilTerms":
        if self.best_hour and self.time_zone == "firm":
            raise FieldError(
                "must not have 'time_zone: firm' with 'best_hour'", "Remove 'time_zone': best hours are in the customer's time."
            )
        return self

    @property
    def typical_hour(self) -> float:
        """The typical hour of activity, in hours since midnight."""
        return self.at if self.typical is None else self.typical

    def fields(self) -> RecordFields:
        """Return the fields of the STEP_RECORD record that hold these terms; the weekdays are bits, Monday first."""
        days = sum(1 << WEEKDAYS.index(day) for day in set(self.weekdays)) if self.weekdays else 2 ** len(WEEKDAYS) - 1
        shift = {"typical": self.typical_hour, "target": int(self.best_hour), "other": self.learn_from}
        return {"x": self.at, "count": days, "by_customer": int(self.time_zone == "customer"), **shift}

    def phrase(self) -> str:
        """Describe the wait as an instruction."""
        days = f" on {join_items(day.capitalize() for day in self.weekdays)}" if self.weekdays else ""
        days += zone_phrase(self.time_zone, "customer")
        if not self.best_hour:
            return f"wait until {hour_text(self.at)}{days}"
        learned = (
            f"{hour_text(self.at)} at first; after {self.learn_from} observed opens, clicks or visits, "
            f"shifted by the difference between the customer's typical hour of activity and {hour_text(self.typical_hour)}"
        )
        return f"wait until the customer's best hour{days} ({learned})"
